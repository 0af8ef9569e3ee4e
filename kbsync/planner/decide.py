"""The decision table: what follows for one item from how each side changed since the baseline. Pure.

Its columns are the roles of a plan, desired and actual, so that it serves both publish and pull.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from kbsync.baseline import Baseline, State, Unvouched
from kbsync.change import Action, Change, Finding, FindingKind
from kbsync.digests import AddressMap
from kbsync.model import Article, Item, ItemKey, Kind, Side, is_under


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """The settings of a target and the options of one run that a plan depends on.

    `unvouched` has the earlier baselines of web edits that only a lock file calls seen, `former_titles` the titles that
    the files had on this branch of items that the tree lacks and that only a lock file knows; `is_shallow` is set where
    the clone cannot tell.
    """

    addresses: AddressMap
    unvouched: Mapping[ItemKey, Unvouched] = field(default_factory=dict)
    former_titles: Mapping[ItemKey, frozenset[str]] = field(default_factory=dict)
    is_shallow: bool = False
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
        """Return whether a publish overwrites web edits at a content path."""
        return any(is_under(path, folder) for folder in self.overwrite)

    def keeps_ours(self, path: str) -> bool:
        """Return whether a pull ignores web edits at a content path and keeps its file."""
        return any(is_under(path, folder) for folder in self.ours)

    def takes_theirs(self, path: str) -> bool:
        """Return whether a pull overwrites the file at a content path with the portal's version."""
        return any(is_under(path, folder) for folder in self.theirs)


class ChangeStatus(StrEnum):
    """One side of an item compared with its half of the baseline; without a baseline what exists is `CHANGED`."""

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


def decide(state: State | None, desired: ChangeStatus, actual: ChangeStatus, *, alike: bool) -> Decision:
    """Return what follows for one item; `state` is its baseline's, `alike` whether both sides now say the same."""
    match state:
        case None:
            return _without_baseline(desired, actual, alike=alike)
        case State.LIVE:
            return _live(desired, actual, alike=alike)
        case State.ARCHIVED:
            return _archived(desired, actual)
        case State.KEPT | State.RELEASED:
            return Decision.NOTHING
        case State.UNDONE:
            return _undone(desired, actual, alike=alike)
        case _:
            assert_never(state)


def _without_baseline(desired: ChangeStatus, actual: ChangeStatus, *, alike: bool) -> Decision:
    if actual is ChangeStatus.GONE:
        return Decision.CREATE
    if desired is ChangeStatus.GONE:
        return Decision.UNMANAGED
    return Decision.ADOPT if alike else Decision.CONFLICT


def _live(desired: ChangeStatus, actual: ChangeStatus, *, alike: bool) -> Decision:
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
    """Decide about an undone item: the halves of its baseline differ, and content may now say what live says."""
    match desired, actual:
        case ChangeStatus.UNCHANGED, ChangeStatus.UNCHANGED:
            return Decision.UNDONE
        case ChangeStatus.CHANGED, ChangeStatus.UNCHANGED:
            return Decision.ADOPT if alike else Decision.UPDATE
        case _:
            return _live(desired, actual, alike=alike)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideState:
    """One side of an item compared with the baseline; `touched` is a changed `updated_at` on the portal alone."""

    status: ChangeStatus
    fields: tuple[str, ...] = ()
    touched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemState:
    """One item of a plan: both sides, its baseline, and how each side changed since.

    `differing` names the fields in which the two sides now differ, where both changed. `name` is the path of names to
    an item that only live has.
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
        """The item's kind."""
        return self.baseline.kind if self.baseline else self.item.kind

    @property
    def id(self) -> int | None:
        """The item's live id, where it is known."""
        return (self.baseline or self.live or self.item).id

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id or 0)

    @property
    def path(self) -> str:
        """The item's content path; for an item that only live has, its names from the category down."""
        if self.content is not None and self.content.path:
            return self.content.path
        return self.baseline.path if self.baseline else self.name

    @property
    def item(self) -> Item:
        """The item as content has it, else as live has it."""
        item = self.content or self.live
        if item is None:
            raise LookupError("the item has a baseline but is on neither side")
        return item

    @property
    def baseline_state(self) -> State | None:
        """The state of the baseline, where there is one."""
        return self.baseline.state if self.baseline else None

    def decision(self, written: Side) -> Decision:
        """Return what follows for the item when the side `written` is updated."""
        ours, theirs = self.content_state.status, self.live_state.status
        desired, actual = (ours, theirs) if written is Side.LIVE else (theirs, ours)
        alike = self.live is not None and self.content is not None and not self.differing
        return decide(self.baseline_state, desired, actual, alike=alike)


def changed_fields(now: Mapping[str, str], then: Mapping[str, str], fallback: Mapping[str, str]) -> tuple[str, ...]:
    """Return the fields whose digests differ; one that `then` does not have is compared with the `fallback`.

    The fallback is the live half: a field that content begins to manage is no change where it says what live says.
    """
    return tuple(name for name, value in now.items() if value != then.get(name, fallback.get(name)))


Step = Change | Finding | None
"""What a plan does about one item: change it, name it, or nothing."""


def make_change(
    action: Action, state: ItemState, *, written: Side, fields: tuple[str, ...] = (), reason: str = ""
) -> Change:
    """Return a change of the side `written`."""
    content, live, known = state.content, state.live, state.baseline
    before, after = _sources(content, known)
    return Change(
        action=action,
        kind=state.kind,
        path=state.path,
        id=state.id,
        former_path=known.path if known and known.path != state.path else None,
        fields=fields,
        reason=reason,
        desired=content if written is Side.LIVE else live,
        actual=live if written is Side.LIVE else content,
        before=before,
        after=after,
        edited_at=_edited_at(state) if written is Side.LIVE and known is not None else None,
    )


def _edited_at(state: ItemState) -> str | None:
    """Return when the portal's version was saved, where it is not that of the baseline."""
    is_edited = state.live_state.status is ChangeStatus.CHANGED or state.live_state.touched
    return state.live.updated_at if state.live is not None and is_edited else None


def _sources(content: Item | None, known: Baseline | None) -> tuple[str | None, str | None]:
    """Return the sources at the baseline and now; the expanded bodies where only an include or a variable changed."""
    before = known.source if known else None
    after = content.origin.text if content and content.origin else None
    if known and known.expanded is not None and before == after and isinstance(content, Article):
        return known.expanded, content.body
    return before, after


def make_finding(finding_kind: FindingKind, state: ItemState, reason: str) -> Finding:
    """Return a finding about an item that the plan does not change."""
    is_edit = finding_kind in {FindingKind.DRIFT, FindingKind.CONFLICT}
    return Finding(
        finding_kind=finding_kind,
        kind=state.kind,
        path=state.path,
        id=state.id,
        fields=state.differing if state.baseline is None else state.live_state.fields,
        reason=reason,
        content=state.content,
        live=state.live,
        edited_at=_edited_at(state) if is_edit else None,
    )


def web_edit(state: ItemState) -> str:
    """Describe what happened on the portal since the baseline."""
    if state.live is None:
        return "deleted on the portal"
    return f"edited on the portal: {', '.join(state.live_state.fields)}"


def disagreement(state: ItemState) -> str:
    """Describe why the two sides differ."""
    if state.baseline is None:
        return f"already on the portal, but different: {', '.join(state.differing)}"
    if state.content is None:
        return f"file removed, but {web_edit(state)}"
    return f"changed here ({', '.join(state.content_state.fields)}) and {web_edit(state)}"
