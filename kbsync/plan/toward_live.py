"""What each case means for the portal: the changes of a publish, and what it leaves alone. Pure."""

from collections.abc import Callable

from kbsync.agreements import Agreement, State
from kbsync.change import Action, Matter
from kbsync.model import Article, Item, Kind, Side, fields_of
from kbsync.plan.pairs import Pairs
from kbsync.plan.rules import Rules
from kbsync.plan.steps import Step, change, disagreement, finding, web_edit
from kbsync.plan.table import Case, Presence, Verdict, judge


def toward_live(pairs: Pairs, rules: Rules) -> Callable[[Case], Step]:
    """Give the function that turns a case into a step of a publish."""
    return _TowardLive(pairs, rules).step


class _TowardLive:
    def __init__(self, pairs: Pairs, rules: Rules) -> None:
        self.rules = rules
        self.ties = pairs.ties
        moving = {case.item.path for case in pairs.cases if _moves(case) and rules.moved != "refuse"}
        self.ids = {path: number for path, number in pairs.ids.items() if path not in moving}
        self.lost = {case.path for case in pairs.cases if _is_lost(case) and not rules.overwrites(case.path)}

    def step(self, case: Case) -> Step:
        if case.path in self.ties:
            return finding(Matter.CONFLICT, case, self.ties[case.path])
        state = case.agreement.state if case.agreement else None
        ours, theirs = case.content_standing, case.live_standing
        alike = case.live is not None and case.content is not None and not case.differing
        verdict = judge(state, ours.presence, theirs.presence, alike=alike)
        is_held = verdict in {Verdict.DRIFT, Verdict.CONFLICT} or state in {State.KEPT, State.RELEASED}
        if is_held and case.content is not None and self.rules.overwrites(case.path):
            return self._overwrite(case)
        return self._by_verdict(verdict, case)

    def _by_verdict(self, verdict: Verdict, case: Case) -> Step:
        match verdict:
            case Verdict.NOTHING:
                return self._at_rest(case)
            case Verdict.CREATE:
                return self._create(case)
            case Verdict.UPDATE:
                return self._update(case)
            case Verdict.RESTORE:
                return self._restore(case)
            case Verdict.REMOVE:
                return self._remove(case)
            case Verdict.ADOPT:
                return change(Action.ADOPT, case, Side.LIVE, reason="both sides say the same")
            case Verdict.FORGET:
                return change(Action.FORGET, case, Side.LIVE, reason="gone on both sides")
            case Verdict.UNMANAGED:
                return finding(Matter.UNMANAGED, case, "on the portal only")
            case Verdict.DRIFT:
                return finding(Matter.DRIFT, case, web_edit(case))
            case Verdict.CONFLICT:
                return finding(Matter.CONFLICT, case, disagreement(case))
            case Verdict.UNDONE:
                return finding(Matter.UNDONE, case, "undone; published again when its file changes")

    def _at_rest(self, case: Case) -> Step:
        """Look at what is content for neither side: addresses that moved, and the path."""
        if case.agreement is None or case.content is None or case.agreement.state is not State.LIVE:
            return None
        moved = self._moved_addresses(case.agreement)
        if moved and case.live_standing.touched and self.rules.touched == "hold":
            return finding(Matter.CONFLICT, case, _TOUCHED)
        if moved:
            return change(Action.UPDATE, case, Side.LIVE, fields=("body",), reason=f"links: {', '.join(moved)}")
        if case.content.path != case.agreement.path:
            return change(Action.RENAME, case, Side.LIVE, reason=f"was {case.agreement.path}")
        return None

    def _moved_addresses(self, agreement: Agreement) -> list[str]:
        """Name what now has another address; for what was deleted on the web there is none to put in its place."""
        now = {target: self.rules.addresses.sent(target, self.ids) for target in agreement.addresses}
        return [
            target
            for target, was in agreement.addresses.items()
            if now[target] != was and (now[target] is not None or target.partition("#")[0] not in self.lost)
        ]

    def _create(self, case: Case) -> Step:
        item = case.item
        if item.id is not None and case.agreement is None:
            return finding(Matter.CONFLICT, case, f"{item.kind} {item.id} is not on the portal: correct or drop `id`")
        return change(Action.CREATE, case, Side.LIVE, fields=_managed(item))

    def _update(self, case: Case) -> Step:
        if case.live_standing.touched and self.rules.touched == "hold":
            return finding(Matter.CONFLICT, case, _TOUCHED)
        fields = case.content_standing.fields
        if not _moves(case):
            return change(Action.UPDATE, case, Side.LIVE, fields=fields, reason=_renamed(case))
        if self.rules.moved == "refuse":
            return finding(Matter.CONFLICT, case, "moved to another folder, which this target refuses (`moved`)")
        return change(Action.MOVE, case, Side.LIVE, fields=_managed(case.item), reason=_MOVED)

    def _restore(self, case: Case) -> Step:
        if _moves(case):
            return change(Action.MOVE, case, Side.LIVE, fields=_managed(case.item), reason=_MOVED)
        fields = case.content_standing.fields or (("status",) if case.kind is Kind.ARTICLE else ())
        return change(Action.RESTORE, case, Side.LIVE, fields=fields, reason=f"its {_source(case.kind)} is back")

    def _remove(self, case: Case) -> Step:
        kind = case.item.kind
        if self.rules.removed == "delete":
            empty = "" if kind is Kind.ARTICLE else ", if nothing is left in it"
            return change(Action.DELETE, case, Side.LIVE, reason=f"its {_source(kind)} is gone{empty}")
        if self.rules.removed == "keep" or kind is not Kind.ARTICLE:
            return change(Action.FORGET, case, Side.LIVE, reason=f"its {_source(kind)} is gone; left on the portal")
        return change(Action.ARCHIVE, case, Side.LIVE, fields=("status",), reason="its file is gone")

    def _overwrite(self, case: Case) -> Step:
        fields = _managed(case.item)
        if case.live is None:
            return change(Action.CREATE, case, Side.LIVE, fields=fields, reason="gone on the portal, by --overwrite")
        return change(Action.UPDATE, case, Side.LIVE, fields=fields, reason="over a web edit, by --overwrite")


_TOUCHED = 'saved on the portal since, though no field differs; look there, or set `touched = "go"`'
_MOVED = "another folder: created anew, so that id, address and counts are lost; the old one is archived"


def _moves(case: Case) -> bool:
    """Tell whether an article lies in another folder now, which the API can only do by creating it anew."""
    live = case.live_standing.presence is Presence.UNCHANGED
    return isinstance(case.content, Article) and live and "parent" in case.content_standing.fields


def _is_lost(case: Case) -> bool:
    """Tell whether the portal no longer has what kbsync knows to be there: nothing is made anew unless asked for."""
    return case.content is not None and case.agreement is not None and case.live is None


def _managed(item: Item) -> tuple[str, ...]:
    return tuple(name for name, value in fields_of(item).items() if value is not None)


def _source(kind: Kind) -> str:
    return "file" if kind is Kind.ARTICLE else "directory"


def _renamed(case: Case) -> str:
    if case.agreement is None or case.item.path == case.agreement.path:
        return ""
    return f"was {case.agreement.path}"
