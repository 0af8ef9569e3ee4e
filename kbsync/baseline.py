"""Baselines: what both sides of an item were when they said the same, and the files that hold them.

A baseline is in a lock file, which is committed with the tree, or in the ledger, which belongs to the portal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kbsync.codec import ALWAYS, LINES, FormatError, decode
from kbsync.config import LOCK_FOLDER
from kbsync.errors import Problem
from kbsync.model import FieldValue, ItemKey, Kind, digest, source_path


class State(StrEnum):
    """What a baseline says of its item."""

    LIVE = "live"
    ARCHIVED = "archived"
    KEPT = "kept"
    RELEASED = "released"
    UNDONE = "undone"


class BaselineOrigin(StrEnum):
    """On which side an item first was; `LIVE` also where that is unknown, so that nobody's work is normalized away."""

    LIVE = "live"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetBaseline:
    """One file that an article shows, as it was sent: its content, and what the portal calls it."""

    sha256: str
    size: int
    name: str
    id: int | None = None
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The base of one item's three-way comparison, and the object in its lock file or ledger file.

    `content` and `live` hold one digest a field, each for its own side. `source_key` digests the source and all that
    its rendering depends on, under `renderer_version`; `blob` is the source file's git blob id, `source` its text where
    that is at hand, and `expanded` the body with includes and variables resolved, where the source has any.
    `addresses` maps what the source links to, relative to the root, to what was sent, `assets` the files that it shows.
    `url` is the reader's address, where known. `seen_at` is when the portal showed this version (its own clock,
    ISO 8601, UTC), `updated_at` what it said of the item then. `sent_digest` is the digest of the HTML that live was
    made of, where it was rendered whole. `fields` holds the live fields, `previous` those that the run which made this
    baseline replaced: what undoing it restores. `unseen` holds, for each field that content does not manage and that
    live has otherwise than content last showed it, the digest of what it showed; empty where it never showed the field.

    `supersedes` is the fingerprint of the lock file that a ledger entry was made after, to tell two of the same second
    apart. `previous_blob` is the blob of the file that a pull replaced: where the file is that one again, the pull
    was discarded. `successor` is the id of the article that a move created in this one's place, as long as the move is
    not complete.
    """

    kind: Kind
    id: int
    path: str
    language: str = ""
    parent: int | None = None
    state: State = State.LIVE
    origin: BaselineOrigin = BaselineOrigin.LIVE
    seen_at: str = field(default="", metadata=ALWAYS)
    updated_at: str = ""
    url: str = ""
    renderer_version: int = 0
    source_key: str = ""
    blob: str = ""
    source: str | None = field(default=None, metadata=LINES)
    expanded: str | None = field(default=None, metadata=LINES)
    content: Mapping[str, str] = field(default_factory=dict, metadata=ALWAYS)
    live: Mapping[str, str] = field(default_factory=dict, metadata=ALWAYS)
    unseen: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, AssetBaseline] = field(default_factory=dict)
    fields: Mapping[str, FieldValue] = field(default_factory=dict, metadata=LINES)
    previous: Mapping[str, FieldValue] = field(default_factory=dict, metadata=LINES)
    supersedes: str = ""
    sent_digest: str = ""
    previous_blob: str = ""
    successor: int | None = None

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id, self.language)


def fingerprint(baseline: Baseline) -> str:
    """Return a digest of a lock file, by which a ledger entry notes which one it was made after."""
    previous = (baseline.previous_blob,) if baseline.previous_blob else ()
    return digest((baseline.seen_at, baseline.blob, *previous, *sorted(baseline.live.values())))


def carried_over(lock: Mapping[ItemKey, Baseline], blobs: Mapping[str, str]) -> dict[ItemKey, Baseline]:
    """Leave out the lock files of pulls that were discarded; `blobs` holds the git blob of each content path now.

    `git restore .` discards the files that a pull changed and keeps the lock files that it made. These would say
    that the content holds a web edit which it does not.
    """
    return {
        key: known
        for key, known in lock.items()
        if not known.previous_blob or known.previous_blob == known.blob or blobs.get(known.path) != known.previous_blob
    }


def newest(lock: Mapping[ItemKey, Baseline], ledger: Mapping[ItemKey, Baseline]) -> dict[ItemKey, Baseline]:
    """Return for every item the baseline that counts: the later of lock file and ledger, by the portal's clock."""
    later = {key: _later(lock.get(key), ledger.get(key)) for key in lock.keys() | ledger.keys()}
    return {key: known for key, known in later.items() if not is_tombstone(known)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unvouched:
    """What was known before a lock file that alone says that content has seen a web edit.

    `published` is the ledger's entry of another live version, `replaced` the file that the pull wrote over, of which
    nothing but the blob is known.
    """

    published: Baseline | None
    replaced: Baseline


def unvouched_by(
    lock: Mapping[ItemKey, Baseline], ledger: Mapping[ItemKey, Baseline], counting: Mapping[ItemKey, Baseline]
) -> dict[ItemKey, Unvouched]:
    """Return, for each lock file that counts and that the ledger knows nothing of, what was known before it.

    A lock file whose pull wrote over no file was made by somebody who looked: `--ours`, conflict markers, an adoption.
    """
    found = {}
    for key, entry in lock.items():
        known, older = counting.get(key), ledger.get(key)
        if known is None or known.state is not State.LIVE or (known.seen_at, known.live) != (entry.seen_at, entry.live):
            continue
        is_known = older is not None and (older.state is not State.LIVE or older.updated_at == known.updated_at)
        if is_known or entry.previous_blob in {"", entry.blob}:
            continue
        found[key] = Unvouched(
            published=older if older is not None and older.live != known.live else None,
            replaced=Baseline(kind=entry.kind, id=entry.id, path=entry.path, blob=entry.previous_blob),
        )
    return found


def tombstone(known: Baseline, *, seen: str) -> Baseline:
    """Make the ledger entry that supersedes the lock file of an item that is gone on both sides.

    A publish cannot remove a file from the tree; without this every run would forget the item again.
    """
    return Baseline(kind=known.kind, id=known.id, path=known.path, state=State.RELEASED, seen_at=seen)


def is_tombstone(known: Baseline) -> bool:
    """Return whether a baseline only says that its item is gone: every live version has fields."""
    return not known.live


def _later(lock: Baseline | None, ledger: Baseline | None) -> Baseline:
    if lock is None or ledger is None:
        return lock or ledger  # type: ignore[return-value]  # a key comes from one of the two
    if ledger.supersedes == fingerprint(lock):
        return ledger
    if lock.seen_at != ledger.seen_at:
        return max(lock, ledger, key=lambda baseline: baseline.seen_at)
    # A pull and a publish of one second: what the portal saved later is the later version.
    return ledger if ledger.updated_at > lock.updated_at else lock


def with_sources(baselines: Iterable[Baseline], sources: Mapping[str, str]) -> tuple[Baseline, ...]:
    """Fill in the sources that git has, by blob id."""
    return tuple(
        replace(baseline, source=sources[baseline.blob])
        if baseline.source is None and baseline.blob in sources
        else baseline
        for baseline in baselines
    )


_ADVICE = "restore it from git, or delete it; the next pull or publish writes it again"
_LEDGER_FOLDERS = tuple(f"{kind.value}/" for kind in Kind)


def lock_folder(target: str) -> str:
    """Return the directory of a target's lock files, relative to the root."""
    return f"{LOCK_FOLDER}/{target}/"


def lock_file_path(target: str, kind: Kind, path: str) -> str:
    """Return the lock file of an item, relative to the root; a directory's is that of its `_index.md`."""
    return f"{lock_folder(target)}{source_path(kind, path)}.json"


def released_file_path(target: str, key: ItemKey) -> str:
    """Return the lock file of a released item, relative to the root: by id, since another file may take its path."""
    return f"{lock_folder(target)}released/{ledger_file_name(key).replace('/', '-')}"


def ledger_file_name(key: ItemKey) -> str:
    """Return the ledger file of an item: by id, which outlives every rename."""
    language = f".{key.language}" if key.language else ""
    return f"{key.kind.value}/{key.id}{language}.json"


def read_lock_files(files: Mapping[str, bytes]) -> tuple[dict[ItemKey, Baseline], tuple[Problem, ...]]:
    """Read lock files, by path; one that cannot be read is a problem.

    Of two files about one item the later counts, and the other is named.
    """
    found: dict[ItemKey, tuple[str, Baseline]] = {}
    problems = []
    for path, data in files.items():
        try:
            baseline = _decoded(data, path, _ADVICE)
        except FormatError as error:
            problems.append(_problem(path, data, error))
            continue
        read = path, baseline
        if baseline.key in found:
            outdated, read = sorted((found[baseline.key], read), key=lambda one: one[1].seen_at)
            what = f"{baseline.kind.value} {baseline.id} has a later lock file, {read[0]}"
            problems.append(Problem(code="KB241", path=outdated[0], message=what, advice="delete this one"))
        found[baseline.key] = read
    return {key: baseline for key, (_, baseline) in found.items()}, tuple(problems)


def _problem(path: str, data: bytes, error: FormatError) -> Problem:
    for number, line in enumerate(data.splitlines(), start=1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            advice = "keep one of the two versions, or delete the file; the next pull or publish writes it again"
            what = "conflict markers in a lock file"
            return Problem(code="KB240", path=path, line=number, message=what, advice=advice)
    what = f"unreadable lock file: {error.detail}"
    return Problem(code="KB240", path=path, line=error.line, message=what, advice=error.advice)


def read_ledger(files: Mapping[str, bytes], *, ref: str, advice: str) -> dict[ItemKey, Baseline]:
    """Read the files of a ledger by name, or raise FormatError: only kbsync writes them, so nothing is guessed."""
    names = [name for name in files if name.startswith(_LEDGER_FOLDERS)]
    baselines = {name: _decoded(files[name], f"{ref}:{name}", advice) for name in names}
    for name, known in baselines.items():
        if ledger_file_name(known.key) != name:
            raise FormatError(
                f"{ref}:{name}", f"wrong file name: the entry is for {known.kind.value} {known.id}", advice=advice
            )
    return {known.key: known for known in baselines.values()}


def _decoded(data: bytes, file: str, advice: str) -> Baseline:
    known = decode(Baseline, data, file=file, advice=advice)
    if known.id < 1:
        raise FormatError(file, "`id` is not a valid item id", advice=advice)
    return known
