"""The rules of a pull: what each item's state means for the tree. Pure."""

from dataclasses import replace
from functools import partial

from kbsync.baseline import State
from kbsync.change import Action, FindingKind
from kbsync.model import Kind, KnowledgeBase, Side
from kbsync.planner.decide import (
    Decision,
    ItemState,
    PlanRules,
    Step,
    disagreement,
    make_change,
    make_finding,
    web_edit,
)
from kbsync.planner.match import Match

_change = partial(make_change, written=Side.CONTENT)
_conflict = partial(make_finding, FindingKind.CONFLICT)
_MOVED = "moved on the portal"
_GONE = "deleted on the portal; to delete the file too, pull with --prune; to create it again, publish with --overwrite"


class PullRules:
    """Decides about the items of one pull."""

    def __init__(self, match: Match, rules: PlanRules, content: KnowledgeBase) -> None:
        self.rules = rules
        self.ties = match.ties
        self.takes_all = rules.new == "all" or not content.articles
        self.managed = set(match.ids.values())
        self.closed = {state.id for state in match.states if _is_closed(state)}

    def step(self, state: ItemState) -> Step:
        """Decide about one item."""
        if state.path in self.ties:
            return _conflict(state, self.ties[state.path])
        if state.baseline_state in {State.ARCHIVED, State.UNDONE}:
            # A pull leaves the item alone and does not restore it, but reports a web edit.
            reason = f"{state.baseline_state} by kbsync, then {web_edit(state)}"
            return _conflict(state, reason) if state.live_state.fields else None
        match state.decision(Side.CONTENT):
            case Decision.CREATE:
                return self._create(state)
            case Decision.UPDATE:
                return self._update(state)
            case Decision.ADOPT:
                return _change(Action.ADOPT, state, reason="both sides are the same")
            case Decision.FORGET:
                return _change(Action.FORGET, state, reason="deleted on both sides")
            case Decision.REMOVE:
                return self._remove(state)
            case Decision.CONFLICT:
                return self._merge(state)
            case Decision.DRIFT:
                drift = make_finding(FindingKind.DRIFT, state, "changed here, not published yet")
                return self._adopt_touched(state) or drift
            case Decision.UNMANAGED:
                return make_finding(FindingKind.UNMANAGED, state, "not on the portal yet")
            case _:
                return self._adopt_touched(state)

    def _create(self, state: ItemState) -> Step:
        if state.item.parent in self.closed:
            if state.kind is not Kind.ARTICLE:
                self.closed.add(state.id)
            reason = "only on the portal, in a directory that is no longer in the tree"
            return make_finding(FindingKind.UNMANAGED, state, reason)
        if self.takes_all or (self.rules.new == "managed-folders" and state.item.parent in self.managed):
            return _change(Action.CREATE, state, reason="new on the portal")
        return make_finding(FindingKind.UNMANAGED, state, "only on the portal")

    def _update(self, state: ItemState) -> Step:
        fields = state.live_state.fields
        if self.rules.keeps_ours(state.path):
            return self._keep(state)
        if "parent" not in fields:
            return _change(Action.UPDATE, state, fields=fields, reason=web_edit(state))
        return _change(Action.MOVE, state, fields=fields, reason=_MOVED)

    def _remove(self, state: ItemState) -> Step:
        if self.rules.prune or self.rules.takes_theirs(state.path):
            return _change(Action.DELETE, state, reason="deleted on the portal")
        return _conflict(state, _GONE)

    def _merge(self, state: ItemState) -> Step:
        if self.rules.keeps_ours(state.path) and state.live is not None:
            return self._keep(state)
        wins, conflict = self.rules.takes_theirs(state.path), _conflict(state, disagreement(state))
        if state.content is None:
            why = "file removed, but edited on the portal; written again (--theirs)"
            return _change(Action.CREATE, state, reason=why) if wins else conflict
        if state.live is None:
            return _change(Action.DELETE, state, reason="deleted on the portal") if wins else conflict
        fields = _edited(state)
        apart = "parent" in fields and (state.baseline is None or _moved_here(state))
        if apart and not (wins and state.kind is Kind.ARTICLE):
            return conflict
        action = Action.MOVE if "parent" in fields else Action.UPDATE
        if wins:
            mine = tuple(name for name in state.content_state.fields if name not in (*fields, "parent"))
            return _change(action, state, fields=(*fields, *mine), reason="portal's version (--theirs)")
        ours = state.differing if state.baseline is None else state.content_state.fields
        made = _change(action, state, fields=fields, reason=_merged(state, fields))
        return replace(made, kept_fields=ours)

    def _keep(self, state: ItemState) -> Step:
        """Keep a file as it is; its new baseline records that its writer has seen the portal's version."""
        made = _change(Action.ADOPT, state, fields=_edited(state), reason="your file is kept (--ours)")
        return replace(made, kept_fields=state.content_state.fields or made.fields)

    def _adopt_touched(self, state: ItemState) -> Step:
        """Renew the baseline of an article that was saved without a change, so that it stops no later publish."""
        if state.live_state.touched and state.baseline_state is State.LIVE:
            made = _change(Action.ADOPT, state, reason="saved on the portal, but no field differs")
            return replace(made, kept_fields=state.content_state.fields)
        return None


def _edited(state: ItemState) -> tuple[str, ...]:
    """Return the fields that the portal changed; without a baseline, those in which the two sides differ."""
    if state.baseline is None:
        return state.differing
    same_parent = "parent" not in state.differing and _moved_here(state)
    return tuple(name for name in state.live_state.fields if not (name == "parent" and same_parent))


def _moved_here(state: ItemState) -> bool:
    return "parent" in state.content_state.fields


def _merged(state: ItemState, fields: tuple[str, ...]) -> str:
    if state.baseline is None:
        return f"already on both sides; merged: {', '.join(fields)}"
    mine = ", ".join(state.content_state.fields)
    moved = f"{_MOVED} and " if "parent" in fields else ""
    return f"{moved}merged with your changes ({mine}); {web_edit(state)}"


def _is_closed(state: ItemState) -> bool:
    """Return whether a directory was removed from the tree or released: a pull adds no file there."""
    if state.kind is Kind.ARTICLE or state.baseline is None:
        return False
    return state.content is None or state.baseline_state is State.RELEASED
