"""The history of a target: the runs in the ledger, and what each changed of every item. Reads only."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import unified_diff

from kbsync.baseline import Baseline, ledger_file_name
from kbsync.change import Action
from kbsync.config import Config
from kbsync.errors import UsageError
from kbsync.git.repository import Repository
from kbsync.markup.options import MarkupOptions
from kbsync.markup.to_markdown import to_markdown
from kbsync.model import FieldValue, ItemKey, digest
from kbsync.state.ledger import (
    RUN_FILE,
    ItemDiff,
    Purpose,
    RunEntry,
    RunInfo,
    ledger_from,
    ledger_ref,
    record_from,
    remote_heads,
)

MIN_NAME_LENGTH = 4
"""The shortest prefix by which a run can be named, in characters."""


def list_runs(config: Config, *, local: bool, limit: int | None = None) -> tuple[RunInfo, ...]:
    """Return a target's runs, the newest first.

    Raises:
        GitError: there is no repository, or the ledger cannot be fetched.
    """
    repository = Repository.open(config.root)
    remote_heads(repository, config, local=local)
    return past_runs(repository, config, limit=limit)


def show_run(config: Config, name: str, *, local: bool) -> tuple[RunInfo, tuple[ItemDiff, ...]]:
    """Return one run, with each of its items before and after.

    Raises:
        UsageError: no run has that name, or several have.
    """
    repository = Repository.open(config.root)
    remote_heads(repository, config, local=local)
    run = find_run(past_runs(repository, config), name)
    return run, item_diffs(repository, config, run)


def past_runs(repository: Repository, config: Config, *, limit: int | None = None) -> tuple[RunInfo, ...]:
    """Read the runs of this clone's ledger, the newest first."""
    commits = repository.log(ledger_ref(config), limit=limit)
    pages = repository.read_file_of_each([commit.id for commit in commits], RUN_FILE)
    undone: dict[str, tuple[str, ...]] = {}
    found = []
    for commit in commits:
        record = record_from(pages.get(commit.id), config)
        # A commit that only joined two ledgers repeats a record and is no run of its own.
        if record is None or record.purpose is Purpose.JOIN:
            continue
        run = RunInfo(
            id=commit.id,
            parent=commit.parents[0] if commit.parents else None,
            record=record,
            author=record.author or commit.author,
            date=commit.at,
            undone_by=undone.get(commit.id, ()),
        )
        found.append(run)
        if record.undoes:
            undone[record.undoes] = (*undone.get(record.undoes, ()), run.short_id)
    return tuple(found)


def find_run(runs: Sequence[RunInfo], name: str) -> RunInfo:
    """Return the run whose name starts with a prefix.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = [run for run in runs if run.id.startswith(name.casefold())]
    if len(name) < MIN_NAME_LENGTH or not found:
        raise UsageError(
            f"run not found: {name}", advice="`kbsync history` lists the runs; give at least four characters of the id"
        )
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs match {name}", advice="give more characters of the id")
    return found[0]


def last_run(runs: Sequence[RunInfo]) -> RunInfo:
    """Return the last run that can be undone: a publish, or the undo of an undo.

    Raises:
        UsageError: there is none.
    """
    by_id = {run.id: run for run in runs}
    for run in runs:
        if any(entry.action.writes_item for entry in run.record.entries) and not _is_undo(run, by_id):
            return run
    raise UsageError("no run to undo", advice="`kbsync history` lists the runs")


def _is_undo(run: RunInfo, runs: Mapping[str, RunInfo]) -> bool:
    undone = runs.get(run.record.undoes)
    if undone is None:
        return bool(run.record.undoes)
    return not _is_undo(undone, runs)


def keys_of(entries: Collection[RunEntry]) -> tuple[ItemKey, ...]:
    """Return the items of some entries, including those that a move replaced."""
    keys = [entry.key for entry in entries]
    keys += [ItemKey(entry.kind, entry.replaces) for entry in entries if entry.replaces]
    return tuple(dict.fromkeys(keys))


def entries_at(
    repository: Repository, config: Config, commit: str | None, keys: Collection[ItemKey]
) -> dict[ItemKey, Baseline]:
    """Read what the ledger held of some items at one of its commits.

    Raises:
        FormatError: it cannot be read.
    """
    if commit is None:
        return {}
    return ledger_from(repository.read_files(commit, [ledger_file_name(key) for key in keys]), config)


def item_diffs(repository: Repository, config: Config, run: RunInfo) -> tuple[ItemDiff, ...]:
    """Return what a run changed of each of its items; an article that was replaced comes after its successor."""
    keys = keys_of(run.record.entries)
    after = entries_at(repository, config, run.id, keys)
    before = entries_at(repository, config, run.parent, keys)
    options = config.markup.plain
    diffs = []
    for entry in run.record.entries:
        diffs.append(_item_diff(entry, before, after, run, options))
        old = after.get(ItemKey(entry.kind, entry.replaces or 0))
        if old is not None and old.previous:
            archived = RunEntry(action=Action.ARCHIVE, kind=entry.kind, id=old.id, path=entry.former or old.path)
            diffs.append(_item_diff(archived, before, after, run, options))
    return tuple(diffs)


def _item_diff(
    entry: RunEntry,
    before: Mapping[ItemKey, Baseline],
    after: Mapping[ItemKey, Baseline],
    run: RunInfo,
    options: MarkupOptions,
) -> ItemDiff:
    old, new = before.get(entry.key), after.get(entry.key)
    was = new.previous if new and new.previous else (old.fields if old else {})
    now = new.fields if new else {}
    lines = _source_lines(old, new) if run.record.purpose is Purpose.PUBLISH else ()
    return ItemDiff(entry=entry, before=was, after=now, lines=lines or _body_lines(was, now, options))


def _source_lines(old: Baseline | None, new: Baseline | None) -> tuple[str, ...]:
    """Compare the sources, or their expansions where only what they include has changed."""
    if old is None or new is None or old.source is None or new.source is None:
        return ()
    if old.source == new.source and None not in (old.expanded, new.expanded):
        return diff_lines(old.expanded or "", new.expanded or "", context=1)
    return diff_lines(old.source, new.source, context=1)


def _body_lines(
    was: Mapping[str, FieldValue], now: Mapping[str, FieldValue], options: MarkupOptions
) -> tuple[str, ...]:
    mine, theirs = was.get("body"), now.get("body")
    if not isinstance(mine, str) or not isinstance(theirs, str) or mine == theirs:
        return ()
    old, new = (to_markdown(html, options=options).text for html in (mine, theirs))
    return diff_lines(old, new, context=1)


def diff_lines(old: str, new: str, *, context: int) -> tuple[str, ...]:
    """Return the lines of a unified diff of two texts, without its header."""
    return tuple(unified_diff(old.splitlines(), new.splitlines(), n=context, lineterm=""))[2:]


def field_lines(old: Mapping[str, FieldValue], new: Mapping[str, FieldValue], names: Collection[str]) -> Iterator[str]:
    """Return as lines of a diff what replaces what in some fields other than the body; an empty value has no line."""
    for name in names:
        was, now = old.get(name), new.get(name)
        if name == "body" or name not in new or digest(was) == digest(now):
            continue
        yield from (f"{sign}{name}: {text}" for sign, value in (("-", was), ("+", now)) if (text := _plain(value)))


def _plain(value: FieldValue) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str("" if value is None else value)
