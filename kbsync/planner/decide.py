"""One item, three versions: what each side did since the agreement, and the table that says what follows.

Pure. The roles are those of one plan (desired, actual), so that the same table serves publish and pull.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from kbsync.baseline import Agreement, State
from kbsync.change import Action, Change, Finding, Matter
from kbsync.digests import Addresses
from kbsync.model import Article, Item, Kind, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a target's configuration and one run's flags say about the comparison."""

    addresses: Addresses
    removed: str = "archive"
    moved: str = "archive"
    touched: str = "hold"
    new: str = "all"
    archive_share: float | None = 0.3
    archive_number: int | None = None
    overwrite: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()
    prune: bool = False
    paths: tuple[str, ...] = ()

    def overwrites(self, path: str) -> bool:
        """Tell whether a web edit at a content path, or below it, was said to be written over."""
        return _names(self.overwrite, path)

    def keeps_ours(self, path: str) -> bool:
        """Tell whether a pull is to leave what lies at a content path as it is, whatever was edited on the portal."""
        return _names(self.ours, path)

    def takes_theirs(self, path: str) -> bool:
        """Tell whether a pull is to take what the portal has for a content path, whatever its writer changed."""
        return _names(self.theirs, path)


def _names(named: frozenset[str], path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in named)


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


Step = Change | Finding | None


def change(action: Action, case: Case, written: Side, *, fields: tuple[str, ...] = (), reason: str = "") -> Change:
    """Make a case into a change of the side `written`."""
    content, live, known = case.content, case.live, case.agreement
    path = case.path
    before, after = _texts(content, known)
    return Change(
        action=action,
        kind=case.kind,
        path=path,
        id=case.id,
        former=known.path if known and known.path != path else None,
        fields=fields,
        reason=reason,
        desired=content if written is Side.LIVE else live,
        actual=live if written is Side.LIVE else content,
        before=before,
        after=after,
    )


def _texts(content: Item | None, known: Agreement | None) -> tuple[str | None, str | None]:
    """Give what the source said and says: the bodies where only what it includes, or a variable, has changed."""
    before = known.source if known else None
    after = content.origin.text if content and content.origin else None
    if known and known.expanded is not None and before == after and isinstance(content, Article):
        return known.expanded, content.body
    return before, after


def finding(matter: Matter, case: Case, reason: str) -> Finding:
    """Name a case that the plan leaves alone."""
    fields = case.differing if case.agreement is None else case.live_standing.fields
    return Finding(
        matter=matter,
        kind=case.kind,
        path=case.path,
        id=case.id,
        fields=fields,
        reason=reason,
        content=case.content,
        live=case.live,
    )


def web_edit(case: Case) -> str:
    """Say what happened on the portal since the agreement."""
    if case.live is None:
        return "gone on the portal"
    return f"edited on the portal: {', '.join(case.live_standing.fields)}"


def disagreement(case: Case) -> str:
    """Say how the two sides came to differ."""
    if case.agreement is None:
        return f"already on the portal, and different: {', '.join(case.differing)}"
    if case.content is None:
        return f"its file is gone, but it was {web_edit(case)}"
    return f"changed here ({', '.join(case.content_standing.fields)}) and {web_edit(case)}"
