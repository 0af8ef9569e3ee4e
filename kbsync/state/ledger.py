"""The ledger: a git ref that holds the baselines which publishes made, one commit a run, and a record of each run."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kbsync.baseline import Baseline, ledger_file_name, read_ledger
from kbsync.change import Action, Outcome, Result
from kbsync.codec import ALWAYS, decode, encode
from kbsync.config import Config
from kbsync.git.refs import RefMoved
from kbsync.git.repository import Repository
from kbsync.model import FieldValue, ItemKey, Kind, digest

RUN_FILE = "run.json"
"""The file of the ledger that records its last run."""

MAX_LISTED = 200
"""Items that a commit's message lists, a line each; the record lists them all."""

_MAX_ATTEMPTS = 3


class Purpose(StrEnum):
    """What kind of run it was; the value is the first word of its commit's message."""

    PUBLISH = "publish"
    UNDO = "undo"
    JOIN = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """What a run did to one item; `replaces` is the id of the item whose place it took, as after a move.

    Of an `unverified` one the portal did not show what it was sent.
    """

    action: Action
    kind: Kind
    id: int
    path: str
    language: str = ""
    former: str = ""
    fields: tuple[str, ...] = ()
    replaces: int | None = None
    unverified: bool = False

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id, self.language)

    def line(self) -> str:
        """Return in one line what was done to the item."""
        former = f", was {self.former}" if self.former else ""
        replaces = f", replaces {self.replaces}" if self.replaces else ""
        fields = f": {', '.join(self.fields)}" if self.fields and self.action is Action.UPDATE else ""
        unverified = ", not confirmed by the portal" if self.unverified else ""
        item = f"{self.path} ({self.kind.value} {self.id}{former}{replaces})".replace("\n", " ")
        return f"{self.action.value} {item}{fields}{unverified}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: of which commit, when by the portal's clock (ISO 8601, UTC), by whom and with which kbsync.

    `author` is git's identity; `undoes` is the ledger's commit of the run that it undid.
    """

    target: str
    purpose: Purpose = Purpose.PUBLISH
    commit: str = ""
    date: str = ""
    author: str = ""
    kbsync: str = ""
    undoes: str = ""
    entries: tuple[RunEntry, ...] = field(default=(), metadata=ALWAYS)

    def counts(self) -> dict[str, int]:
        """Count what was done by action."""
        return dict(Counter(entry.action.value for entry in self.entries if not entry.unverified))

    def message(self) -> str:
        """Return the message of the run's commit: a line that sums it up, and one for each item."""
        counts = ", ".join(f"{number} {action}" for action, number in sorted(self.counts().items()))
        is_undo = self.purpose is Purpose.UNDO
        what = f"{self.undoes[:10]} on" if is_undo else f"{self.commit[:10]} to"
        lines = [f"{self.purpose.value} {what} {self.target}: {counts or 'no changes'}"]
        if self.entries:
            lines += ["", *(entry.line() for entry in self.entries[:MAX_LISTED])]
        if len(self.entries) > MAX_LISTED:
            lines.append(f"and {len(self.entries) - MAX_LISTED} more, see {RUN_FILE}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """One run in the history: the ledger's commit that records it, and the one before.

    `date` is the committer's, `undone_by` the later runs that undid the run or a part of it.
    """

    id: str
    parent: str | None
    record: RunRecord
    author: str
    date: str
    undone_by: tuple[str, ...] = ()

    @property
    def short_id(self) -> str:
        """Return the id as people are shown it."""
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


def entries_of(outcomes: Iterable[Outcome]) -> tuple[RunEntry, ...]:
    """Return what a run did, by what became of each of its changes; what did not reach the portal is left out."""
    return tuple(sorted(filter(None, map(_entry, outcomes)), key=lambda entry: entry.path))


def _entry(outcome: Outcome) -> RunEntry | None:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteHeads:
    """The commits of ledger and lease: on the remote where they are shared, else in this clone."""

    ledger: str | None
    lease: str | None


def ledger_ref(config: Config) -> str:
    """Return the git ref that holds a target's ledger."""
    return f"refs/kbsync/{config.target}"


def lease_ref(config: Config) -> str:
    """Return the git ref that holds a target's lease: who may write to the portal, and what is in flight."""
    return f"refs/kbsync-lease/{config.target}"


def is_shared(repository: Repository, config: Config, *, local: bool) -> bool:
    """Return whether ledger and lease are kept on a remote, beside this clone."""
    return not local and repository.has_remote(config.remote)


def how_to_set_aside(config: Config, ref: str) -> str:
    """Return the advice for a ledger or lease that cannot be read."""
    aside = ref.replace("refs/kbsync", "refs/kbsync-old", 1)
    shared = f"`git fetch {config.remote} {ref}:{aside}` and `git push {config.remote} {aside} :{ref}`"
    local = f"`git update-ref {aside} {ref}`"
    return f"set it aside with {shared} (without a remote {local}), then `git update-ref -d {ref}` and `kbsync pull`"


def read_local_ledger(repository: Repository, config: Config) -> tuple[dict[ItemKey, Baseline], RunRecord | None]:
    """Read the ledger and the record of its last run in this clone; raises FormatError if it cannot."""
    files = repository.read_ref(ledger_ref(config))
    return ledger_from(files, config), record_from(files.get(RUN_FILE), config)


def ledger_from(files: Mapping[str, bytes], config: Config) -> dict[ItemKey, Baseline]:
    """Read the baselines among files of the ledger, by name; raises FormatError if one of them cannot be read."""
    ref = ledger_ref(config)
    return read_ledger(files, ref=ref, advice=how_to_set_aside(config, ref))


def record_from(data: bytes | None, config: Config) -> RunRecord | None:
    """Read the record of a run; None where there is none; raises FormatError if it cannot be read."""
    if data is None:
        return None
    ref = ledger_ref(config)
    return decode(RunRecord, data, file=f"{ref}:{RUN_FILE}", advice=how_to_set_aside(config, ref))


def remote_heads(repository: Repository, config: Config, *, local: bool) -> RemoteHeads:
    """Return the commits of ledger and lease, which this clone's ledger follows; raises GitError without the remote."""
    if is_shared(repository, config, local=local):
        return _follow(repository, config)
    return RemoteHeads(ledger=repository.commit(ledger_ref(config)), lease=repository.commit(lease_ref(config)))


def write_ledger(
    repository: Repository,
    config: Config,
    entries: Mapping[ItemKey, Baseline],
    forgotten: Collection[ItemKey],
    *,
    record: RunRecord,
    message: str = "",
) -> None:
    """Commit new entries on top of the ledger of this clone."""
    ref = ledger_ref(config)
    files: dict[str, bytes | None] = {ledger_file_name(key): encode(known).encode() for key, known in entries.items()}
    files |= {ledger_file_name(key): None for key in forgotten}
    files[RUN_FILE] = encode(record).encode()
    repository.write_ref(ref, files, message=message or record.message(), parent=repository.commit(ref))


def share_ledger(
    repository: Repository, config: Config, *, lease: tuple[str, str | None] | None = None, local: bool = False
) -> None:
    """Push the ledger to its remote, if there is one; where that moved meanwhile, the two are joined first.

    With it, `lease` moves from its first commit to its second (None ends it); a lease that is elsewhere by now is
    another's, and stays.

    Raises:
        GitError: the remote does not take it.
    """
    if not is_shared(repository, config, local=local):
        if lease is not None and repository.commit(lease_ref(config)) == lease[0]:
            repository.move_ref(lease_ref(config), lease[1], expected=lease[0])
        return
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        there, here = _follow(repository, config), repository.commit(ledger_ref(config))
        expected = {ledger_ref(config): there.ledger} if here != there.ledger else {}
        at: dict[str, str | None] = {ledger_ref(config): here} if expected else {}
        if lease is not None and there.lease == lease[0]:
            expected[lease_ref(config)], at[lease_ref(config)] = lease
        if not expected:
            return
        try:
            repository.push_refs(config.remote, expected, at=at)
            return
        except RefMoved:
            if attempt == _MAX_ATTEMPTS:
                raise


def _follow(repository: Repository, config: Config) -> RemoteHeads:
    """Fetch the remote's ledger, and join it with ours where each has what the other lacks; return both heads."""
    ref, lease = ledger_ref(config), lease_ref(config)
    found = repository.fetch_refs(config.remote, (ref, lease), mirrored=(lease,))
    there, here = found[ref], repository.commit(ref)
    heads = RemoteHeads(ledger=there, lease=found[lease])
    if there is None or here is None or here == there or repository.is_ancestor(there, here, remote=config.remote):
        return heads
    files = repository.read_ref(there)
    ours, theirs = ledger_from(repository.read_ref(here), config), ledger_from(files, config)
    newer = {key: known for key, known in ours.items() if key not in theirs or theirs[key].seen_at < known.seen_at}
    repository.move_ref(ref, there, expected=here)
    if newer:
        record = record_from(files.get(RUN_FILE), config) or RunRecord(target=config.target)
        record = replace(record, purpose=Purpose.JOIN)
        write_ledger(repository, config, newer, (), record=record, message=f"join {here[:10]}")
    return heads
