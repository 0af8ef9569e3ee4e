"""One item, three versions: what each side did since the agreement, and the table that says what follows.

Pure. The roles are those of one plan (desired, actual), so that the same table serves publish and pull.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from kbsync.agreements import Agreement, State
from kbsync.model import Item, Kind


class Presence(StrEnum):
    """Where one side stands against its own half of the agreement; without an agreement what is there is `CHANGED`."""

    GONE = "gone"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


class Verdict(StrEnum):
    """What follows for one item."""

    NOTHING = "nothing"
    CREATE = "create"
    UNMANAGED = "unmanaged"
    ADOPT = "adopt"
    CONFLICT = "conflict"
    UPDATE = "update"
    REMOVE = "remove"
    DRIFT = "drift"
    FORGET = "forget"
    RESTORE = "restore"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One side of one item: its presence, and the fields in which it left the agreement.

    `touched` tells that the portal's `updated_at` moved although no field did.
    """

    presence: Presence
    fields: tuple[str, ...] = ()
    touched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One item as a plan meets it; `differing` names the fields in which the two sides now differ, if both moved.

    `name` is what leads to the item on the portal, for what only live has.
    """

    content: Item | None
    live: Item | None
    agreement: Agreement | None
    content_standing: Standing
    live_standing: Standing
    differing: tuple[str, ...] = ()

    name: str = ""

    @property
    def kind(self) -> Kind:
        """What the item is, whoever still has it."""
        return self.agreement.kind if self.agreement else self.item.kind

    @property
    def id(self) -> int | None:
        """The item's live id, as far as anybody knows it."""
        known = self.agreement or self.live or self.item
        return known.id

    @property
    def path(self) -> str:
        """The item's content path, or for what no content knows the names that lead to it on the portal."""
        if self.content is not None and self.content.path:
            return self.content.path
        return self.agreement.path if self.agreement else self.name

    @property
    def item(self) -> Item:
        """The item as content has it, else as live has it."""
        item = self.content or self.live
        if item is None:
            raise LookupError("a case without either side is an agreement alone")
        return item


def changed_fields(now: Mapping[str, str], then: Mapping[str, str], fallback: Mapping[str, str]) -> tuple[str, ...]:
    """Name the fields whose digests moved; one that `then` does not know is compared with the `fallback`.

    The fallback is the live half: a field that content begins to manage is no change where it says what is live.
    """
    return tuple(name for name, value in now.items() if value != then.get(name, fallback.get(name)))


def judge(state: State | None, desired: Presence, actual: Presence, *, alike: bool) -> Verdict:
    """Say what follows for one item, by the table of the design; `alike` decides between adoption and conflict."""
    match state:
        case None:
            return _unknown(desired, actual, alike=alike)
        case State.LIVE:
            return _agreed(desired, actual, alike=alike)
        case State.ARCHIVED:
            return _archived(desired, actual)
        case State.KEPT | State.RELEASED:
            return Verdict.NOTHING
        case State.UNDONE:
            return _undone(desired, actual, alike=alike)
        case _:
            assert_never(state)


def _unknown(desired: Presence, actual: Presence, *, alike: bool) -> Verdict:
    if actual is Presence.GONE:
        return Verdict.CREATE
    if desired is Presence.GONE:
        return Verdict.UNMANAGED
    return Verdict.ADOPT if alike else Verdict.CONFLICT


def _agreed(desired: Presence, actual: Presence, *, alike: bool) -> Verdict:
    match desired, actual:
        case Presence.UNCHANGED, Presence.UNCHANGED:
            return Verdict.NOTHING
        case Presence.CHANGED, Presence.UNCHANGED:
            return Verdict.UPDATE
        case Presence.GONE, Presence.UNCHANGED:
            return Verdict.REMOVE
        case Presence.UNCHANGED, _:
            return Verdict.DRIFT
        case Presence.GONE, Presence.GONE:
            return Verdict.FORGET
        case _:
            return Verdict.ADOPT if alike else Verdict.CONFLICT


def _archived(desired: Presence, actual: Presence) -> Verdict:
    match desired, actual:
        case Presence.GONE, Presence.GONE:
            return Verdict.FORGET
        case Presence.GONE, Presence.UNCHANGED:
            return Verdict.NOTHING
        case Presence.GONE, Presence.CHANGED:
            return Verdict.DRIFT
        case _, Presence.UNCHANGED:
            return Verdict.RESTORE
        case _:
            return Verdict.CONFLICT


def _undone(desired: Presence, actual: Presence, *, alike: bool) -> Verdict:
    """Judge what was undone: the two halves of its agreement differ, and content may come to say what live does."""
    match desired, actual:
        case Presence.UNCHANGED, Presence.UNCHANGED:
            return Verdict.UNDONE
        case Presence.CHANGED, Presence.UNCHANGED:
            return Verdict.ADOPT if alike else Verdict.UPDATE
        case _:
            return _agreed(desired, actual, alike=alike)
