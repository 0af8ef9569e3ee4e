"""Agreements: for one item, a content version and a live version that say the same.

The lock (files in the tree) and the ledger (a git ref) hold them; this room tells which one counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kbsync.model import FieldValue, Kind, digest

Key = tuple[Kind, int]


class State(StrEnum):
    """What an agreement says of its item."""

    LIVE = "live"
    ARCHIVED = "archived"
    KEPT = "kept"
    RELEASED = "released"
    UNDONE = "undone"


class Born(StrEnum):
    """On which side an item first was; `LIVE` also where nobody noted it, so that nobody's work is tidied away."""

    LIVE = "live"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The base of one item's three-way comparison.

    `content` and `live` hold one digest a field, each for its own side. `source_key` names the source and all that
    its rendering depends on, under the renderer `epoch`; `blob` is the source file's git blob id and `source` its
    text where it is at hand. `addresses` maps what the source links to, relative to the root, to what was sent.
    `seen` is when the portal showed this version (its own clock, ISO 8601, UTC), `updated_at` what it said of the
    item then. `expanded` is the body with includes and variables resolved, where the source has any: what they
    stood for then is told by no blob of the source. `over` names the lock that a ledger entry was made over, to
    tell two of the same second apart. `born` goes from one agreement of an item to the next. `was` holds the live
    fields that the run which made this agreement wrote over: what undoing it puts back; nothing for what it created.
    `sent` is the digest of the HTML that live was made of, where it was rendered whole. `before` is the blob
    of the file that a pull wrote over: a lock entry whose file is that one again came along without it. `successor` is
    the id of the article that was made in its place by a move which has left nothing behind yet.
    """

    kind: Kind
    id: int
    path: str
    parent: int | None = None
    state: State = State.LIVE
    born: Born = Born.LIVE
    seen: str = ""
    updated_at: str = ""
    epoch: int = 0
    source_key: str = ""
    blob: str = ""
    source: str | None = None
    expanded: str | None = None
    content: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    was: Mapping[str, FieldValue] = field(default_factory=dict)
    over: str = ""
    sent: str = ""
    before: str = ""
    successor: int | None = None

    @property
    def key(self) -> Key:
        """What an item is known by for as long as it exists on the portal."""
        return self.kind, self.id


def seal(agreement: Agreement) -> str:
    """Name one lock entry, so that a ledger entry can note which one it was made over."""
    before = (agreement.before,) if agreement.before else ()
    return digest((agreement.seen, agreement.blob, *before, *sorted(agreement.live.values())))


def taken_along(lock: Mapping[Key, Agreement], blobs: Mapping[str, str]) -> dict[Key, Agreement]:
    """Leave out of a lock what came with files that are, by content path, as they were before: `blobs` tells of now.

    `git restore .` takes a pull's words back and leaves its new files; believed, these would say that the content has
    seen a web edit which it has not.
    """
    return {
        key: known
        for key, known in lock.items()
        if not known.before or known.before == known.blob or blobs.get(known.path) != known.before
    }


def effective(lock: Mapping[Key, Agreement], ledger: Mapping[Key, Agreement]) -> dict[Key, Agreement]:
    """Tell for every item which agreement counts: the later of lock and ledger, by the portal's clock."""
    later = {key: _later(lock.get(key), ledger.get(key)) for key in lock.keys() | ledger.keys()}
    return {key: known for key, known in later.items() if not is_void(known)}


def void(known: Agreement, *, seen: str) -> Agreement:
    """Make the ledger entry that outweighs a lock entry of an item that is gone on both sides.

    A publish cannot take a file out of the tree; without this the item would be forgotten again by every run.
    """
    return Agreement(kind=known.kind, id=known.id, path=known.path, state=State.RELEASED, seen=seen)


def is_void(known: Agreement) -> bool:
    """Tell whether an agreement says nothing any more: every live version has fields."""
    return not known.live


def _later(lock: Agreement | None, ledger: Agreement | None) -> Agreement:
    if lock is None or ledger is None:
        return lock or ledger  # type: ignore[return-value]  # a key comes from one of the two
    if ledger.over == seal(lock):
        return ledger
    if lock.seen != ledger.seen:
        return max(lock, ledger, key=lambda agreement: agreement.seen)
    # A pull and a publish of one second: what the portal says it was told later is the later version.
    return ledger if ledger.updated_at > lock.updated_at else lock


def with_sources(agreements: Iterable[Agreement], sources: Mapping[str, str]) -> tuple[Agreement, ...]:
    """Fill in the sources that git still has, by blob id."""
    return tuple(
        replace(agreement, source=sources[agreement.blob])
        if agreement.source is None and agreement.blob in sources
        else agreement
        for agreement in agreements
    )
