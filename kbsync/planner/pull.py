"""What each case means for the tree: the changes of a pull, and what it leaves alone. Pure."""

from collections.abc import Callable
from dataclasses import replace

from kbsync.baseline import State
from kbsync.change import Action, FindingKind
from kbsync.model import Category, Item, Kind, KnowledgeBase, Side
from kbsync.planner.decide import Decision, ItemState, PlanRules, Step, change, decide, disagreement, finding, web_edit
from kbsync.planner.match import Match


def pull_changes(pairs: Match, rules: PlanRules, content: KnowledgeBase) -> Callable[[ItemState], Step]:
    """Return the function that turns a case into a step of a pull."""
    return _PullRules(pairs, rules, content).step


class _PullRules:
    def __init__(self, pairs: Match, rules: PlanRules, content: KnowledgeBase) -> None:
        self.rules = rules
        self.ties = pairs.ties
        self.everything = rules.new == "all" or not content.articles
        self.managed = set(pairs.ids.values())
        self.closed = {case.id for case in pairs.states if _is_closed(case)}

    def step(self, case: ItemState) -> Step:
        if case.path in self.ties:
            return finding(FindingKind.CONFLICT, case, self.ties[case.path])
        state = case.baseline.state if case.baseline else None
        if state in {State.ARCHIVED, State.UNDONE}:
            return self._resting(state, case)
        ours, theirs = case.content_state, case.live_state
        alike = case.live is not None and case.content is not None and not case.differing
        return self._by_verdict(decide(state, theirs.status, ours.status, alike=alike), case)

    def _by_verdict(self, verdict: Decision, case: ItemState) -> Step:
        match verdict:
            case Decision.CREATE:
                return self._create(case)
            case Decision.UPDATE:
                return self._update(case)
            case Decision.ADOPT:
                return change(Action.ADOPT, case, Side.CONTENT, reason="both sides say the same")
            case Decision.FORGET:
                return change(Action.FORGET, case, Side.CONTENT, reason="gone on both sides")
            case Decision.REMOVE:
                return self._remove(case)
            case Decision.CONFLICT:
                return self._both(case)
            case Decision.DRIFT:
                return self._touched(case) or finding(FindingKind.DRIFT, case, "changed here, to be published")
            case Decision.UNMANAGED:
                return finding(FindingKind.UNMANAGED, case, "not on the portal yet")
            case _:
                return self._touched(case)

    def _resting(self, state: State, case: ItemState) -> Step:
        """Leave what was archived or undone where it is: it never comes back by a pull, but a web edit is named."""
        changed = case.live_state.fields
        if changed:
            return finding(FindingKind.CONFLICT, case, f"{state.value} by kbsync, and since {web_edit(case)}")
        return None

    def _create(self, case: ItemState) -> Step:
        if _parent(case.item) in self.closed:
            self.closed |= set() if case.kind is Kind.ARTICLE else {case.id}
            return finding(FindingKind.UNMANAGED, case, "on the portal only, in a directory that the tree has no more")
        if self.everything or (self.rules.new == "managed-folders" and _parent(case.item) in self.managed):
            return change(Action.CREATE, case, Side.CONTENT, reason="new on the portal")
        return finding(FindingKind.UNMANAGED, case, "on the portal only")

    def _update(self, case: ItemState) -> Step:
        fields = case.live_state.fields
        if self.rules.keeps_ours(case.path):
            return self._keep(case)
        if "parent" not in fields:
            return change(Action.UPDATE, case, Side.CONTENT, fields=fields, reason=web_edit(case))
        return change(Action.MOVE, case, Side.CONTENT, fields=fields, reason=_MOVED)

    def _remove(self, case: ItemState) -> Step:
        """Take a file away only where somebody asked for it, and nobody has changed it."""
        if self.rules.prune or self.rules.takes_theirs(case.path):
            return change(Action.DELETE, case, Side.CONTENT, reason="gone on the portal")
        return finding(
            FindingKind.CONFLICT,
            case,
            "gone on the portal; if it is to go, pull with --prune, or delete its file; if not, publish --overwrite it",
        )

    def _both(self, case: ItemState) -> Step:
        """Bring together what both sides changed, or let the side win that was named."""
        if self.rules.keeps_ours(case.path) and case.live is not None:
            return self._keep(case)
        wins = self.rules.takes_theirs(case.path)
        if case.content is None:
            why = "its file is gone, but it was edited on the portal; taken from there, by --theirs"
            return change(Action.CREATE, case, Side.CONTENT, reason=why) if wins else _conflict(case)
        if case.live is None:
            return change(Action.DELETE, case, Side.CONTENT, reason="gone on the portal") if wins else _conflict(case)
        fields = _edited(case)
        apart = "parent" in fields and (case.baseline is None or _moved_here(case))
        if apart and not (wins and case.kind is Kind.ARTICLE):
            return _conflict(case)
        action = Action.MOVE if "parent" in fields else Action.UPDATE
        if wins:
            mine = tuple(name for name in case.content_state.fields if name not in (*fields, "parent"))
            return change(action, case, Side.CONTENT, fields=(*fields, *mine), reason="the portal's, by --theirs")
        ours = case.differing if case.baseline is None else case.content_state.fields
        made = change(action, case, Side.CONTENT, fields=fields, reason=_merged(case, fields))
        return replace(made, kept_fields=ours)

    def _keep(self, case: ItemState) -> Step:
        """Let a file stay as it is, and take note that its side has seen what the portal says."""
        made = change(Action.ADOPT, case, Side.CONTENT, fields=_edited(case), reason="yours stays as it is, by --ours")
        return replace(made, kept_fields=case.content_state.fields or made.fields)

    def _touched(self, case: ItemState) -> Step:
        """Agree anew on what was saved on the portal without a change, so that it holds back no later publish."""
        if case.live_state.touched and case.baseline is not None and case.baseline.state is State.LIVE:
            made = change(Action.ADOPT, case, Side.CONTENT, reason="saved on the portal, and no field differs")
            return replace(made, kept_fields=case.content_state.fields)
        return None


_MOVED = "moved on the portal"


def _conflict(case: ItemState) -> Step:
    return finding(FindingKind.CONFLICT, case, disagreement(case))


def _edited(case: ItemState) -> tuple[str, ...]:
    """Return the fields that the portal changed; where nobody knows, those in which the two sides differ."""
    fields = case.differing if case.baseline is None else case.live_state.fields
    same_place = case.baseline is not None and "parent" not in case.differing and _moved_here(case)
    return tuple(name for name in fields if not (name == "parent" and same_place))


def _moved_here(case: ItemState) -> bool:
    return "parent" in case.content_state.fields


def _merged(case: ItemState, fields: tuple[str, ...]) -> str:
    if case.baseline is None:
        return f"on both sides before kbsync knew of it; merged: {', '.join(fields)}"
    mine = ", ".join(case.content_state.fields)
    moved = f"{_MOVED} and " if "parent" in fields else ""
    return f"{moved}merged with what you changed ({mine}); {web_edit(case)}"


def _is_closed(case: ItemState) -> bool:
    """Return whether a directory was taken out of the tree, or let go, and so is no place for a new file."""
    if case.kind is Kind.ARTICLE or case.baseline is None:
        return False
    return case.content is None or case.baseline.state is State.RELEASED


def _parent(item: Item) -> int | None:
    return None if isinstance(item, Category) else item.parent
