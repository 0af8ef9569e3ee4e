"""What each case means for the tree: the changes of a pull, and what it leaves alone. Pure."""

from collections.abc import Callable

from kbsync.agreements import State
from kbsync.change import Action, Matter
from kbsync.model import Category, Item, Kind, KnowledgeBase, Side
from kbsync.plan.pairs import Pairs
from kbsync.plan.rules import Rules
from kbsync.plan.steps import Step, change, disagreement, finding, web_edit
from kbsync.plan.table import Case, Verdict, judge


def toward_content(pairs: Pairs, rules: Rules, content: KnowledgeBase) -> Callable[[Case], Step]:
    """Give the function that turns a case into a step of a pull."""
    return _TowardContent(pairs, rules, content).step


class _TowardContent:
    def __init__(self, pairs: Pairs, rules: Rules, content: KnowledgeBase) -> None:
        self.rules = rules
        self.ties = pairs.ties
        self.everything = rules.new == "all" or not content.articles
        self.managed = set(pairs.ids.values())
        self.closed = {case.id for case in pairs.cases if _is_closed(case)}

    def step(self, case: Case) -> Step:
        if case.path in self.ties:
            return finding(Matter.CONFLICT, case, self.ties[case.path])
        state = case.agreement.state if case.agreement else None
        if state in {State.ARCHIVED, State.UNDONE}:
            return self._resting(state, case)
        ours, theirs = case.content_standing, case.live_standing
        alike = case.live is not None and case.content is not None and not case.differing
        return self._by_verdict(judge(state, theirs.presence, ours.presence, alike=alike), case)

    def _by_verdict(self, verdict: Verdict, case: Case) -> Step:
        match verdict:
            case Verdict.CREATE:
                return self._create(case)
            case Verdict.UPDATE:
                return self._update(case)
            case Verdict.ADOPT:
                return change(Action.ADOPT, case, Side.CONTENT, reason="both sides say the same")
            case Verdict.FORGET:
                return change(Action.FORGET, case, Side.CONTENT, reason="gone on both sides")
            case Verdict.REMOVE:
                return finding(Matter.CONFLICT, case, "gone on the portal; delete its file if it is to go")
            case Verdict.CONFLICT:
                return finding(Matter.CONFLICT, case, disagreement(case))
            case Verdict.DRIFT:
                return finding(Matter.DRIFT, case, "changed here, to be published")
            case Verdict.UNMANAGED:
                return finding(Matter.UNMANAGED, case, "not on the portal yet")
            case _:
                return self._touched(case)

    def _resting(self, state: State, case: Case) -> Step:
        """Leave what was archived or undone where it is: it never comes back by a pull, but a web edit is named."""
        changed = case.live_standing.fields
        if changed:
            return finding(Matter.CONFLICT, case, f"{state.value} by kbsync, and since {web_edit(case)}")
        return None

    def _create(self, case: Case) -> Step:
        if _parent(case.item) in self.closed:
            self.closed |= set() if case.kind is Kind.ARTICLE else {case.id}
            return finding(Matter.UNMANAGED, case, "on the portal only, in a directory that the tree has no more")
        if self.everything or (self.rules.new == "managed-folders" and _parent(case.item) in self.managed):
            return change(Action.CREATE, case, Side.CONTENT, reason="new on the portal")
        return finding(Matter.UNMANAGED, case, "on the portal only")

    def _update(self, case: Case) -> Step:
        fields = case.live_standing.fields
        if "parent" in fields:
            return finding(Matter.CONFLICT, case, "moved on the portal; move its file to the same folder, then pull")
        return change(Action.UPDATE, case, Side.CONTENT, fields=fields, reason=web_edit(case))

    def _touched(self, case: Case) -> Step:
        """Agree anew on what was saved on the portal without a change, so that it holds back no later publish."""
        if case.live_standing.touched and case.agreement is not None and case.agreement.state is State.LIVE:
            return change(Action.ADOPT, case, Side.CONTENT, reason="saved on the portal, and no field differs")
        return None


def _is_closed(case: Case) -> bool:
    """Tell whether a directory was taken out of the tree, and so is no place for a new file."""
    return case.kind is not Kind.ARTICLE and case.content is None and case.agreement is not None


def _parent(item: Item) -> int | None:
    return None if isinstance(item, Category) else item.parent
