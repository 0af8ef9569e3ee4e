"""The words and values in which a plan speaks of a case: a change to make, or a finding to name. Pure."""

from kbsync.agreements import Agreement
from kbsync.change import Action, Change, Finding, Matter
from kbsync.model import Article, Item, Side
from kbsync.plan.table import Case

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
