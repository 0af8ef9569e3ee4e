"""The runs that a ledger tells of: a page beside the baselines, the words of its commit, what is retold of it. Pure.

A page notes what the run did to which item; what the items were before and after is told by their baselines.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kbsync import __version__
from kbsync.baseline import Baseline, baseline_to_json, ledger_file_name, read_ledger
from kbsync.change import Action, Outcome, Result
from kbsync.config import Config
from kbsync.errors import KbsyncError
from kbsync.git.refs import RefMoved
from kbsync.git.repository import Repository
from kbsync.model import FieldValue, ItemKey, Kind, digest

_RUN = "run.json"
_ATTEMPTS = 3


def ledger_ref(config: Config) -> str:
    """Return the git ref that holds a target's ledger."""
    return f"refs/kbsync/{config.target}"


def lease_ref(config: Config) -> str:
    """Return the git ref that holds the lease of a target: who may write to the portal, and what is under way."""
    return f"refs/kbsync-lease/{config.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteHeads:
    """The commits at which ledger and lease stand where they are shared; in this clone, where nothing is."""

    ledger: str | None
    lease: str | None


def is_shared(repository: Repository, config: Config, *, local: bool) -> bool:
    """Return whether ledger and lease are kept on a remote, beside this clone."""
    return not local and repository.has_remote(config.remote)


def remote_heads(repository: Repository, config: Config, *, local: bool) -> RemoteHeads:
    """Find out where ledger and lease stand; this clone's ledger follows.

    Raises:
        GitError: the remote cannot be asked.
    """
    if is_shared(repository, config, local=local):
        return _follow(repository, config)
    return RemoteHeads(ledger=repository.commit(ledger_ref(config)), lease=repository.commit(lease_ref(config)))


def open_ledger(
    repository: Repository, config: Config, *, local: bool
) -> tuple[dict[ItemKey, Baseline], Mapping[str, object]]:
    """Read the ledger and what it tells of its last run; fetched from the remote first, unless `local`.

    Raises:
        GitError: it cannot be fetched.
        KbsyncError: it was written by a later version.
    """
    remote_heads(repository, config, local=local)
    return read_local_ledger(repository, config)


def read_local_ledger(repository: Repository, config: Config) -> tuple[dict[ItemKey, Baseline], Mapping[str, object]]:
    """Read the ledger and what it tells of its last run, as this clone has it.

    Raises:
        KbsyncError: it was written by a later version.
    """
    files = repository.read_ref(ledger_ref(config))
    return _baselines(files), json.loads(files.get(_RUN, b"{}"))


def write_ledger(
    repository: Repository,
    config: Config,
    entries: Mapping[ItemKey, Baseline],
    forgotten: Collection[ItemKey],
    *,
    page: Mapping[str, object],
    message: str,
) -> None:
    """Commit new entries on top of the ledger as it stands in this clone."""
    ref = ledger_ref(config)
    files: dict[str, bytes | None] = {
        ledger_file_name(key): baseline_to_json(known).encode("utf-8") for key, known in entries.items()
    }
    files |= {ledger_file_name(key): None for key in forgotten}
    files[_RUN] = (json.dumps(page, indent=1, sort_keys=True) + "\n").encode()
    repository.write_ref(ref, files, message=message, parent=repository.commit(ref))


def share_ledger(
    repository: Repository, config: Config, *, lease: tuple[str, str | None] | None = None, local: bool = False
) -> None:
    """Send the ledger to its remote, if there is one; where that was moved meanwhile, the two are joined first.

    `lease` says from which commit to which the lease goes with it, None taking it away; one that stands elsewhere by
    now is another's, and stays.

    Raises:
        GitError: the remote does not take it.
    """
    if not is_shared(repository, config, local=local):
        _let_go_here(repository, config, lease)
        return
    for last in (False,) * (_ATTEMPTS - 1) + (True,):
        there, here = _follow(repository, config), repository.commit(ledger_ref(config))
        expected = {ledger_ref(config): there.ledger} if here != there.ledger else {}
        at: dict[str, str | None] = {ledger_ref(config): here} if expected else {}
        if lease is not None and there.lease == lease[0]:
            expected[lease_ref(config)], at[lease_ref(config)] = lease
        if not expected:
            return
        try:
            repository.push_refs(config.remote, expected, at=at)
        except RefMoved:
            if last:
                raise
        else:
            return


def _let_go_here(repository: Repository, config: Config, lease: tuple[str, str | None] | None) -> None:
    if lease is not None and repository.commit(lease_ref(config)) == lease[0]:
        repository.move_ref(lease_ref(config), lease[1], expected=lease[0])


def _follow(repository: Repository, config: Config) -> RemoteHeads:
    """Fetch the remote's ledger, and join it with ours where each has what the other lacks; say where both stand."""
    ref, lease = ledger_ref(config), lease_ref(config)
    found = repository.fetch_refs(config.remote, (ref, lease), mirrored=(lease,))
    there, here = found[ref], repository.commit(ref)
    standing = RemoteHeads(ledger=there, lease=found[lease])
    if there is None or here is None or here == there or repository.is_ancestor(there, here, remote=config.remote):
        return standing
    ours, theirs = repository.read_ref(here), repository.read_ref(there)
    newer = _newer(_baselines(ours), _baselines(theirs))
    repository.move_ref(ref, there, expected=here)
    if newer:
        page = json.loads(theirs.get(_RUN, b"{}")) | {"purpose": "join"}
        write_ledger(repository, config, newer, (), page=page, message=f"join what {here[:10]} knew")
    return standing


def _newer(ours: Mapping[ItemKey, Baseline], theirs: Mapping[ItemKey, Baseline]) -> dict[ItemKey, Baseline]:
    return {key: known for key, known in ours.items() if key not in theirs or theirs[key].seen_at < known.seen_at}


def _baselines(files: Mapping[str, bytes]) -> dict[ItemKey, Baseline]:
    try:
        return read_ledger(files)
    except ValueError as error:
        raise KbsyncError(f"the ledger cannot be read: {error}", advice="upgrade kbsync") from error


RUN_FILE = "run.json"
"""The file of the ledger that tells of its last run."""

VERSION = 1
MAX_LISTED = 200
"""Items that a commit's message names, a line each; the page names them all."""


class Purpose(StrEnum):
    """What kind of run it was; the value is the first word of its commit's message."""

    PUBLISH = "publish"
    UNDO = "undo"
    JOIN = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """What a run did to one item; `instead_of` is the id of the item whose place it took, as after a move.

    `doubted` tells that the portal did not show what it was sent.
    """

    action: Action
    kind: Kind
    id: int
    path: str
    former: str = ""
    fields: tuple[str, ...] = ()
    replaces: int | None = None
    unverified: bool = False

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: for which target, of which commit, when by the portal's clock, by whom and with which kbsync.

    `who` is git's identity; `undoes` is the ledger's commit of the run that it undid.
    """

    target: str
    purpose: Purpose = Purpose.PUBLISH
    commit: str = ""
    date: str = ""
    author: str = ""
    kbsync: str = __version__
    undoes: str = ""
    entries: tuple[RunEntry, ...] = ()

    def counts(self) -> dict[str, int]:
        """Count what was done by action."""
        return dict(Counter(entry.action.value for entry in self.entries if not entry.unverified))

    def summary(self) -> str:
        """Say in one line what was done."""
        told = ", ".join(f"{number} {action}" for action, number in sorted(self.counts().items()))
        what = self.undoes[:10] if self.purpose is Purpose.UNDO else self.commit[:10]
        where = f"{'on' if self.purpose is Purpose.UNDO else 'to'} {self.target}"
        return f"{self.purpose.value} {what} {where}: {told or 'what was known already'}"

    def message(self) -> str:
        """Return the words of the run's commit: a line that sums it up, and one for each item."""
        lines = [line_of(entry) for entry in self.entries[:MAX_LISTED]]
        if len(self.entries) > MAX_LISTED:
            lines.append(f"and {len(self.entries) - MAX_LISTED} more, which {RUN_FILE} names")
        return "\n".join([self.summary(), *(["", *lines] if lines else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One run of the past: the ledger's commit that tells of it, and the one before.

    `at` is when by the committer's clock, for a run that does not say it by the portal's; `undone_by` names the later
    runs that undid it or a part of it.
    """

    id: str
    parent: str | None
    record: RunRecord
    author: str
    date: str
    undone_by: tuple[str, ...] = ()

    @property
    def short_id(self) -> str:
        """Return the name by which people call it."""
        return self.id[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDiff:
    """What a run made of one item: its fields before and after, empty where it was not there, and what differs.

    `lines` are those of a diff, of the sources where both are at hand, else of the body as Markdown.
    """

    entry: RunEntry
    before: Mapping[str, FieldValue]
    after: Mapping[str, FieldValue]
    lines: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the fields that differ, of what was there before and after."""
        if not self.before or not self.after:
            return ()
        return tuple(name for name, now in self.after.items() if digest(now) != digest(self.before.get(name)))


def line_of(entry: RunEntry) -> str:
    """Say in one line what was done to an item."""
    where = entry.path.replace("\n", " ")
    was = f", was {entry.former}".replace("\n", " ") if entry.former else ""
    instead = f", instead of {entry.replaces}" if entry.replaces else ""
    doubted = ", which the portal did not show as it was sent" if entry.unverified else ""
    fields = f": {', '.join(entry.fields)}" if entry.fields and entry.action is Action.UPDATE else ""
    return f"{entry.action.value} {where} ({entry.kind.value} {entry.id}{was}{instead}){fields}{doubted}"


def entries_of(outcomes: Iterable[Outcome]) -> tuple[RunEntry, ...]:
    """Return what a run did, by what became of each of its changes; what did not reach the portal is left out."""
    return tuple(sorted(filter(None, map(_deed, outcomes)), key=lambda entry: entry.path))


def _deed(outcome: Outcome) -> RunEntry | None:
    change, live = outcome.change, outcome.live
    if outcome.result is not Result.DONE and live is None:
        return None
    number = (live.id if live else None) or change.id or 0
    return RunEntry(
        action=change.action,
        kind=change.kind,
        id=number,
        path=change.path,
        former=change.former_path or "",
        fields=change.fields if change.action in {Action.UPDATE, Action.RESTORE} else (),
        replaces=change.id if change.id not in (None, number) else None,
        unverified=outcome.result is not Result.DONE,
    )


def page_of(run: RunRecord) -> dict[str, object]:
    """Write a run as the page that the ledger keeps."""
    return {
        "version": VERSION,
        "target": run.target,
        "purpose": run.purpose.value,
        "commit": run.commit,
        "at": run.date,
        "who": run.author,
        "kbsync": run.kbsync,
        "undoes": run.undoes,
        "counts": run.counts(),
        "changes": [_deed_page(entry) for entry in run.entries],
    }


def _deed_page(entry: RunEntry) -> dict[str, object]:
    page: dict[str, object] = {
        "action": entry.action.value,
        "kind": entry.kind.value,
        "id": entry.id,
        "path": entry.path,
        "former": entry.former,
        "fields": list(entry.fields),
        "instead_of": entry.replaces,
        "doubted": entry.unverified,
    }
    return {name: value for name, value in page.items() if value not in ("", [], None, False)}


def record_from(page: Mapping[str, object]) -> RunRecord:
    """Read the page of a run; what an older kbsync did not note stays empty.

    Raises:
        ValueError: it is no such page, or one of a later kbsync.
    """
    if page.get("version") != VERSION:
        raise ValueError("a run that this version of kbsync does not know")
    return RunRecord(
        target=_text(page, "target"),
        purpose=Purpose(_text(page, "purpose") or Purpose.PUBLISH),
        commit=_text(page, "commit"),
        date=_text(page, "at"),
        author=_text(page, "who"),
        kbsync=_text(page, "kbsync"),
        undoes=_text(page, "undoes"),
        entries=tuple(_deed_from(entry) for entry in _tables(page, "changes")),
    )


def _deed_from(page: Mapping[str, object]) -> RunEntry:
    number, old = page.get("id"), page.get("instead_of")
    fields = page.get("fields", ())
    return RunEntry(
        action=Action(_text(page, "action")),
        kind=Kind(_text(page, "kind")),
        id=number if isinstance(number, int) else 0,
        path=_text(page, "path"),
        former=_text(page, "former"),
        fields=tuple(str(name) for name in fields) if isinstance(fields, list) else (),
        replaces=old if isinstance(old, int) else None,
        unverified=page.get("doubted") is True,
    )


def _text(page: Mapping[str, object], name: str) -> str:
    value = page.get(name)
    return value if isinstance(value, str) else ""


def _tables(page: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = page.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
