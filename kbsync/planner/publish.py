"""What each case means for the portal: the changes of a publish, and what it leaves alone. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from kbsync.baseline import Baseline, State
from kbsync.change import Action, FindingKind
from kbsync.model import Article, Category, Item, Kind, Side, Status, fields_of, parent_path
from kbsync.planner.decide import (
    ChangeStatus,
    Decision,
    ItemState,
    PlanRules,
    SideState,
    Step,
    change,
    decide,
    disagreement,
    finding,
    web_edit,
)
from kbsync.planner.match import Match

_Name = tuple[Kind, int | None, str]


def rename_cycles(cases: Iterable[ItemState]) -> dict[str, str]:
    """Return the directories that take one another's names in a circle, each with the one that has its name still."""
    known = [case for case in cases if _is_known(case)]
    holders = {_name(case.live): case.path for case in known if case.live}
    follows = {}
    for case in known:
        wanted = (case.kind, _parent(case.live), getattr(case.content, "name", ""))
        if wanted != _name(case.live) and wanted in holders:
            follows[case.path] = holders[wanted]
    return {path: other for path, other in follows.items() if _comes_back(path, follows)}


def _comes_back(path: str, follows: dict[str, str]) -> bool:
    seen: set[str] = set()
    step = follows.get(path)
    while step is not None and step != path and step not in seen:
        seen.add(step)
        step = follows.get(step)
    return step == path


def _is_known(case: ItemState) -> bool:
    return case.kind is not Kind.ARTICLE and None not in (case.content, case.live, case.baseline)


def _name(item: Item | None) -> _Name | None:
    if item is None or isinstance(item, Article):
        return None
    return item.kind, _parent(item), item.name


def _parent(item: Item | None) -> int | None:
    return None if item is None or isinstance(item, Category) else item.parent


def publish_changes(pairs: Match, rules: PlanRules) -> Callable[[ItemState], Step]:
    """Return the function that turns a case into a step of a publish."""
    return _PublishRules(pairs, rules).step


class _PublishRules:
    def __init__(self, pairs: Match, rules: PlanRules) -> None:
        self.rules = rules
        self.ties = pairs.ties
        self.former = pairs.former_paths
        self.uprooted = pairs.category_moves
        self.circling = rename_cycles(pairs.states)
        self.shown = {
            case.id: case.content for case in pairs.states if case.path in pairs.ids and _is_shown(case.content)
        }
        self.here = {case.content.path for case in pairs.states if case.content is not None}
        moving = {case.item.path for case in pairs.states if _moves(case) and rules.moved != "refuse"}
        self.ids = {path: number for path, number in pairs.ids.items() if path not in moving}
        self.lost = {case.path for case in pairs.states if _is_lost(case) and not rules.overwrites(case.path)}

    def step(self, case: ItemState) -> Step:
        if case.path in self.ties:
            return finding(FindingKind.CONFLICT, case, self.ties[case.path])
        state = case.baseline.state if case.baseline else None
        ours, theirs = case.content_state, case.live_state
        alike = case.live is not None and case.content is not None and not case.differing
        verdict = decide(state, ours.status, theirs.status, alike=alike)
        is_held = verdict in _HELD or state in {State.KEPT, State.RELEASED}
        if is_held and case.content is not None and self.rules.overwrites(case.path):
            return self._do_again(case) if verdict is Decision.UNDONE else self._overwrite(case)
        return self._by_verdict(verdict, case)

    def _by_verdict(self, verdict: Decision, case: ItemState) -> Step:
        match verdict:
            case Decision.NOTHING:
                return self._at_rest(case)
            case Decision.CREATE:
                return self._create(case)
            case Decision.UPDATE:
                return self._update(case)
            case Decision.RESTORE:
                return self._restore(case)
            case Decision.REMOVE:
                return self._remove(case)
            case Decision.ADOPT:
                return change(Action.ADOPT, case, Side.LIVE, reason="both sides say the same")
            case Decision.FORGET:
                return change(Action.FORGET, case, Side.LIVE, reason="gone on both sides")
            case Decision.UNMANAGED:
                return finding(FindingKind.UNMANAGED, case, "on the portal only")
            case Decision.DRIFT:
                return finding(FindingKind.DRIFT, case, web_edit(case))
            case Decision.CONFLICT:
                return finding(FindingKind.CONFLICT, case, disagreement(case))
            case Decision.UNDONE:
                waits = "published again when its file changes" if case.content else "left so until its file is back"
                return finding(FindingKind.UNDONE, case, f"undone; {waits}")

    def _at_rest(self, case: ItemState) -> Step:
        """Look at what is content for neither side: addresses that moved, and the path."""
        if case.baseline is None or case.content is None or case.baseline.state is not State.LIVE:
            return None
        moved = self._moved_addresses(case.baseline)
        if moved and case.live_state.touched and self.rules.touched == "hold":
            return finding(FindingKind.CONFLICT, case, TOUCHED)
        if moved:
            return change(Action.UPDATE, case, Side.LIVE, fields=("body",), reason=self._relinked(case, moved))
        if case.content.path != case.baseline.path:
            return change(Action.RENAME, case, Side.LIVE, reason=self._came_from(case))
        return None

    def _relinked(self, case: ItemState, moved: list[str]) -> str:
        return "; ".join(filter(None, (f"links: {', '.join(moved)}", self._came_from(case))))

    def _moved_addresses(self, baseline: Baseline) -> list[str]:
        """Return what now has another address; for what was deleted on the web there is none to put in its place."""
        now = {target: self.rules.addresses.address_of(target, self.ids) for target in baseline.addresses}
        return [
            target
            for target, was in baseline.addresses.items()
            if now[target] != was and (now[target] is not None or target.partition("#")[0] not in self.lost)
        ]

    def _create(self, case: ItemState) -> Step:
        item = case.item
        if item.id is not None and case.baseline is None:
            return finding(
                FindingKind.CONFLICT, case, f"{item.kind} {item.id} is not on the portal: correct or drop `id`"
            )
        old = self.uprooted.get(case.path)
        reason = f"moved from {old} to another category, where Freshdesk takes no folder: made anew" if old else ""
        return change(Action.CREATE, case, Side.LIVE, fields=_managed(item), reason=reason)

    def _update(self, case: ItemState) -> Step:
        if case.live_state.touched and self.rules.touched == "hold":
            return finding(FindingKind.CONFLICT, case, TOUCHED)
        fields = case.content_state.fields
        if _lost_its_index(case):
            return finding(FindingKind.CONFLICT, case, f"its _index.md is gone, which gave it its name; {_NAME_IT}")
        if case.path in self.circling:
            return finding(FindingKind.CONFLICT, case, _exchange(self.circling[case.path]))
        if not _moves(case):
            return change(Action.UPDATE, case, Side.LIVE, fields=fields, reason=self._came_from(case))
        if self.rules.moved == "refuse":
            reason = f"{self._came_from(case)} to another folder, which this target refuses (`moved`)"
            return finding(FindingKind.CONFLICT, case, reason)
        return self._move(case)

    def _restore(self, case: ItemState) -> Step:
        if _moves(case):
            return self._move(case)
        fields = case.content_state.fields or (("status",) if case.kind is Kind.ARTICLE else ())
        if _is_shown(case.live):
            # What was left published says nothing but where its successor is: all of it is written again.
            fields = _managed(case.item)
        reason = "; ".join(filter(None, (f"its {_source(case.kind)} is back", self._came_from(case))))
        return change(Action.RESTORE, case, Side.LIVE, fields=fields, reason=reason)

    def _move(self, case: ItemState) -> Step:
        points = self.rules.moved == "pointer" and _is_shown(case.live) and _is_shown(case.content)
        left = "the old one points to it" if points else "the old one is archived"
        reason = f"{self._came_from(case)} {_MOVED}; {left}"
        return replace(
            change(Action.MOVE, case, Side.LIVE, fields=_managed(case.item), reason=reason), leaves_pointer=points
        )

    def _came_from(self, case: ItemState) -> str:
        """Return where the source of an item lay when it was agreed on, if that was elsewhere."""
        old, new = case.baseline.path if case.baseline else case.path, case.path
        if old == new:
            return ""
        above = parent_path(new)
        is_at_home = self.former.get(above, above) == parent_path(old)
        if is_at_home and old.rpartition("/")[2] == new.rpartition("/")[2]:
            return f"was {old}"
        taken = f", where another {case.kind.value} lies now" if old in self.here else ""
        return f"{'renamed' if is_at_home else 'moved'} from {old}{taken}"

    def _remove(self, case: ItemState) -> Step:
        if case.live_state.touched and self.rules.touched == "hold":
            return finding(FindingKind.CONFLICT, case, TOUCHED)
        kind, successor = case.item.kind, self._successor(case)
        if successor is not None:
            reason = f"moved to {successor.path} by a run that was cut off; what is left here points to it"
            made = change(Action.UPDATE, case, Side.LIVE, fields=("body",), reason=reason)
            return replace(made, desired=successor, leaves_pointer=True)
        if _is_unpublished(case) and self.rules.removed == "archive":
            return change(
                Action.FORGET, case, Side.LIVE, reason="its file is gone, and its publishing was undone before"
            )
        if self.rules.removed == "delete":
            empty = "" if kind is Kind.ARTICLE else ", if nothing is left in it"
            return change(Action.DELETE, case, Side.LIVE, reason=f"its {_source(kind)} is gone{empty}")
        if self.rules.removed == "keep" or kind is not Kind.ARTICLE:
            return change(Action.FORGET, case, Side.LIVE, reason=f"its {_source(kind)} is gone; left on the portal")
        return change(Action.ARCHIVE, case, Side.LIVE, fields=("status",), reason="its file is gone")

    def _successor(self, case: ItemState) -> Item | None:
        """Return the article that took the place of an old one which does not point to it yet, though it is to."""
        known = case.baseline
        if known is None or known.successor is None or self.rules.moved != "pointer" or not _is_shown(case.live):
            return None
        return self.shown.get(known.successor)

    def _do_again(self, case: ItemState) -> Step:
        """Publish what was undone although its file is as it was."""
        is_elsewhere = case.baseline is not None and "parent" in case.baseline.content
        fields = (*_managed(case.item), *(("parent",) if is_elsewhere else ()))
        return self._update(replace(case, content_state=SideState(status=ChangeStatus.CHANGED, fields=fields)))

    def _overwrite(self, case: ItemState) -> Step:
        fields = _managed(case.item)
        if case.live is None:
            return change(Action.CREATE, case, Side.LIVE, fields=fields, reason="gone on the portal, by --overwrite")
        reason = "over a web edit, by --overwrite"
        if "parent" not in case.live_state.fields:
            return change(Action.UPDATE, case, Side.LIVE, fields=fields, reason=reason)
        if case.kind is Kind.FOLDER:
            return change(Action.UPDATE, case, Side.LIVE, fields=(*fields, "parent"), reason=reason)
        reason = f"{reason}; stays where it was moved to on the portal, and a pull moves its file there"
        return change(Action.UPDATE, case, Side.LIVE, fields=fields, reason=reason)


def _exchange(other: str) -> str:
    reason = f"takes a name that is still {other}'s, which takes another in turn: Freshdesk takes no two of one name"
    return f"{reason}; give one of them a third name and publish, then the one that is meant"


_HELD = {Decision.DRIFT, Decision.CONFLICT, Decision.UNDONE}
TOUCHED = 'saved on the portal since, though no field differs; look there, or set `touched = "go"`'
_MOVED = "to another folder: created anew, so that id, address and counts are lost"


def _moves(case: ItemState) -> bool:
    """Return whether an article lies in another folder now, which the API can only do by creating it anew."""
    live = case.live_state.status is ChangeStatus.UNCHANGED
    return isinstance(case.content, Article) and live and "parent" in case.content_state.fields


def _is_shown(item: Item | None) -> bool:
    return isinstance(item, Article) and item.status is Status.PUBLISHED


def _is_lost(case: ItemState) -> bool:
    """Return whether the portal no longer has what kbsync knows to be there: nothing is made anew unless asked for."""
    return case.content is not None and case.baseline is not None and case.live is None


def _is_unpublished(case: ItemState) -> bool:
    """Return whether an article is out of readers' sight because the run that published it was undone."""
    known = case.baseline
    return known is not None and known.state is State.UNDONE and known.fields.get("status") == Status.DRAFT


_NAME_IT = "put it back, or write one with the `name` that it is to have"


def _lost_its_index(case: ItemState) -> bool:
    """Return whether a directory would be renamed for readers because the file that named it is gone: a slip, mostly."""
    content, known = case.content, case.baseline
    if content is None or known is None or content.kind is Kind.ARTICLE:
        return False
    return bool(known.blob) and content.origin is None and "name" in case.content_state.fields


def _managed(item: Item) -> tuple[str, ...]:
    return tuple(name for name, value in fields_of(item).items() if value is not None)


def _source(kind: Kind) -> str:
    return "file" if kind is Kind.ARTICLE else "directory"
