"""One item, three versions: what each side did since the baseline, and the table that says what follows.

Pure. The roles are those of one plan (desired, actual), so that the same table serves publish and pull.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Finding, FindingKind
from kbsync.digests import AddressMap
from kbsync.model import Article, Item, ItemKey, Kind, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """What a target's configuration and one run's flags say about the comparison."""

    addresses: AddressMap
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
        """Return whether a web edit at a content path, or below it, was said to be written over."""
        return _names(self.overwrite, path)

    def keeps_ours(self, path: str) -> bool:
        """Return whether a pull is to leave what lies at a content path as it is, whatever was edited on the portal."""
        return _names(self.ours, path)

    def takes_theirs(self, path: str) -> bool:
        """Return whether a pull is to take what the portal has for a content path, whatever its writer changed."""
        return _names(self.theirs, path)


def _names(named: frozenset[str], path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in named)


class ChangeStatus(StrEnum):
    """Where one side stands against its own half of the baseline; without a baseline what is there is `CHANGED`."""

    GONE = "gone"
    UNCHANGED = "unchanged"
    CHANGED = "changed"


class Decision(StrEnum):
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
class SideState:
    """One side of one item: its presence, and the fields in which it left the baseline.

    `touched` tells that the portal's `updated_at` moved although no field did.
    """

    status: ChangeStatus
    fields: tuple[str, ...] = ()
    touched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemState:
    """One item as a plan meets it; `differing` names the fields in which the two sides now differ, if both moved.

    `name` is what leads to the item on the portal, for what only live has.
    """

    content: Item | None
    live: Item | None
    baseline: Baseline | None
    content_state: SideState
    live_state: SideState
    differing: tuple[str, ...] = ()

    name: str = ""

    @property
    def kind(self) -> Kind:
        """What the item is, whoever still has it."""
        return self.baseline.kind if self.baseline else self.item.kind

    @property
    def id(self) -> int | None:
        """The item's live id, as far as anybody knows it."""
        known = self.baseline or self.live or self.item
        return known.id

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id or 0)

    @property
    def path(self) -> str:
        """The item's content path, or for what no content knows the names that lead to it on the portal."""
        if self.content is not None and self.content.path:
            return self.content.path
        return self.baseline.path if self.baseline else self.name

    @property
    def item(self) -> Item:
        """The item as content has it, else as live has it."""
        item = self.content or self.live
        if item is None:
            raise LookupError("a case without either side is a baseline alone")
        return item


def changed_fields(now: Mapping[str, str], then: Mapping[str, str], fallback: Mapping[str, str]) -> tuple[str, ...]:
    """Return the fields whose digests moved; one that `then` does not know is compared with the `fallback`.

    The fallback is the live half: a field that content begins to manage is no change where it says what is live.
    """
    return tuple(name for name, value in now.items() if value != then.get(name, fallback.get(name)))


def decide(state: State | None, desired: ChangeStatus, actual: ChangeStatus, *, alike: bool) -> Decision:
    """Return what follows for one item, by the table of the design; `alike` decides between adoption and conflict."""
    match state:
        case None:
            return _unknown(desired, actual, alike=alike)
        case State.LIVE:
            return _agreed(desired, actual, alike=alike)
        case State.ARCHIVED:
            return _archived(desired, actual)
        case State.KEPT | State.RELEASED:
            return Decision.NOTHING
        case State.UNDONE:
            return _undone(desired, actual, alike=alike)
        case _:
            assert_never(state)


def _unknown(desired: ChangeStatus, actual: ChangeStatus, *, alike: bool) -> Decision:
    if actual is ChangeStatus.GONE:
        return Decision.CREATE
    if desired is ChangeStatus.GONE:
        return Decision.UNMANAGED
    return Decision.ADOPT if alike else Decision.CONFLICT


def _agreed(desired: ChangeStatus, actual: ChangeStatus, *, alike: bool) -> Decision:
    match desired, actual:
        case ChangeStatus.UNCHANGED, ChangeStatus.UNCHANGED:
            return Decision.NOTHING
        case ChangeStatus.CHANGED, ChangeStatus.UNCHANGED:
            return Decision.UPDATE
        case ChangeStatus.GONE, ChangeStatus.UNCHANGED:
            return Decision.REMOVE
        case ChangeStatus.UNCHANGED, _:
            return Decision.DRIFT
        case ChangeStatus.GONE, ChangeStatus.GONE:
            return Decision.FORGET
        case _:
            return Decision.ADOPT if alike else Decision.CONFLICT


def _archived(desired: ChangeStatus, actual: ChangeStatus) -> Decision:
    match desired, actual:
        case ChangeStatus.GONE, ChangeStatus.GONE:
            return Decision.FORGET
        case ChangeStatus.GONE, ChangeStatus.UNCHANGED:
            return Decision.NOTHING
        case ChangeStatus.GONE, ChangeStatus.CHANGED:
            return Decision.DRIFT
        case _, ChangeStatus.UNCHANGED:
            return Decision.RESTORE
        case _:
            return Decision.CONFLICT


def _undone(desired: ChangeStatus, actual: ChangeStatus, *, alike: bool) -> Decision:
    """Judge what was undone: the two halves of its baseline differ, and content may come to say what live does."""
    match desired, actual:
        case ChangeStatus.UNCHANGED, ChangeStatus.UNCHANGED:
            return Decision.UNDONE
        case ChangeStatus.CHANGED, ChangeStatus.UNCHANGED:
            return Decision.ADOPT if alike else Decision.UPDATE
        case _:
            return _agreed(desired, actual, alike=alike)


Step = Change | Finding | None


def change(action: Action, case: ItemState, written: Side, *, fields: tuple[str, ...] = (), reason: str = "") -> Change:
    """Make a case into a change of the side `written`."""
    content, live, known = case.content, case.live, case.baseline
    path = case.path
    before, after = _texts(content, known)
    return Change(
        action=action,
        kind=case.kind,
        path=path,
        id=case.id,
        former_path=known.path if known and known.path != path else None,
        fields=fields,
        reason=reason,
        desired=content if written is Side.LIVE else live,
        actual=live if written is Side.LIVE else content,
        before=before,
        after=after,
    )


def _texts(content: Item | None, known: Baseline | None) -> tuple[str | None, str | None]:
    """Return what the source said and says: the bodies where only what it includes, or a variable, has changed."""
    before = known.source if known else None
    after = content.origin.text if content and content.origin else None
    if known and known.expanded is not None and before == after and isinstance(content, Article):
        return known.expanded, content.body
    return before, after


def finding(matter: FindingKind, case: ItemState, reason: str) -> Finding:
    """Return a case that the plan leaves alone."""
    fields = case.differing if case.baseline is None else case.live_state.fields
    return Finding(
        finding_kind=matter,
        kind=case.kind,
        path=case.path,
        id=case.id,
        fields=fields,
        reason=reason,
        content=case.content,
        live=case.live,
    )


def web_edit(case: ItemState) -> str:
    """Return what happened on the portal since the baseline."""
    if case.live is None:
        return "gone on the portal"
    return f"edited on the portal: {', '.join(case.live_state.fields)}"


def disagreement(case: ItemState) -> str:
    """Return how the two sides came to differ."""
    if case.baseline is None:
        return f"already on the portal, and different: {', '.join(case.differing)}"
    if case.content is None:
        return f"its file is gone, but it was {web_edit(case)}"
    return f"changed here ({', '.join(case.content_state.fields)}) and {web_edit(case)}"
