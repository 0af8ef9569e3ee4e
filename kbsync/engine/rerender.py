"""Unchanged articles whose HTML would differ today: what `--rerender` adds to a plan.

Pure. Only articles that neither side changed since the baseline are added: a web edit stays drift or a conflict. Where
the digest of what was sent last is known, it is compared with what would be sent now, so that a portal which rewrites
HTML is not sent the same again and again; else the live body is compared, in what readers see and in its attributes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from kbsync.baseline import Baseline, BaselineOrigin, State
from kbsync.change import Action, Change, Finding, select_paths
from kbsync.engine.record import conflict_of
from kbsync.engine.render import LinkResolver, render
from kbsync.markup.compare import same
from kbsync.markup.dom import Node, abbreviate, count_markup, parse, stable_body
from kbsync.model import Article, ItemKey, Kind, KnowledgeBase, digest, is_under
from kbsync.planner.decide import PlanRules
from kbsync.planner.planner import Plan
from kbsync.planner.publish import TOUCHED

_RERENDERED = "re-rendered"
_WRITTEN_INTO = {Action.UPDATE, Action.RENAME, Action.RESTORE}
_ADDRESSES = {"href", "src", "poster"}


def add_rerenders(
    plan: Plan,
    sides: tuple[KnowledgeBase, KnowledgeBase],
    known: Mapping[ItemKey, Baseline],
    rules: PlanRules,
    addresses: LinkResolver,
) -> Plan:
    """Return a plan that renders every body it writes as a whole, and adds the unchanged articles whose HTML differs.

    `sides` are content and live.
    """
    rerender = _Rerender(plan, known, rules, addresses)
    added = list(rerender.unchanged(*sides))
    steps = [*(rerender.with_body(change) for change in plan.changes), *added]
    changes = select_paths([step for step in steps if isinstance(step, Change)], rules.paths)
    return replace(
        plan,
        changes=tuple(sorted(changes, key=_sort_key)),
        conflicts=(*plan.conflicts, *(step for step in steps if isinstance(step, Finding))),
        unchanged=plan.unchanged - len(added),
    )


def _sort_key(change: Change) -> tuple[bool, int, int, str]:
    """Return the sort key of a change in a plan: parents first, removals last in their own order."""
    if change.desired is None:
        return True, 0, 0, ""
    return False, change.kind.rank, change.path.count("/"), change.path


@dataclass
class _Rerender:
    plan: Plan
    known: Mapping[ItemKey, Baseline]
    rules: PlanRules
    addresses: LinkResolver

    def __post_init__(self) -> None:
        plan = self.plan
        findings = (*plan.drift, *plan.conflicts, *plan.undone, *plan.unmanaged)
        self.busy = {change.path for change in plan.changes} | {finding.path for finding in findings}
        # A link to what was deleted on the portal has no new address, which alone does not change the HTML.
        self.ids = {agreed.path: agreed.id for agreed in self.known.values() if agreed.state is State.LIVE}
        self.ids |= plan.ids

    def with_body(self, change: Change) -> Change | Finding:
        """Add the body to a change that does not write it, where it would differ."""
        content, live, agreed = change.desired, change.actual, self.known.get(change.key)
        if not (isinstance(content, Article) and isinstance(live, Article) and agreed):
            return change
        if change.action not in _WRITTEN_INTO or change.baseline_after is not None:
            return change
        html = self._rendered(content)
        if "body" in change.fields:
            note = _note(live.body, html) if agreed.origin is BaselineOrigin.LIVE else ""
            return replace(change, reason="; ".join(filter(None, (change.reason, note))))
        if not _differs(html, live.body, agreed):
            return change
        action = Action.UPDATE if change.action is Action.RENAME else change.action
        reason = "; ".join(filter(None, (change.reason, _note(live.body, html))))
        update = replace(change, action=action, fields=("body", *change.fields), reason=reason)
        return self._unless_touched(update, agreed) if change.action is Action.RENAME else update

    def unchanged(self, content: KnowledgeBase, live: KnowledgeBase) -> Iterator[Change | Finding]:
        """Yield the changes of articles that the plan does not mention."""
        live_by_id = {article.id: article for article in live.articles}
        for article in content.articles:
            path = article.path or ""
            if path in self.busy or (self.rules.paths and not any(is_under(path, one) for one in self.rules.paths)):
                continue
            number = self.plan.ids.get(path)
            agreed, now = self.known.get(ItemKey(Kind.ARTICLE, number or 0)), live_by_id.get(number)
            if now is None or agreed is None or agreed.state is not State.LIVE:
                continue
            html = self._rendered(article)
            if _differs(html, now.body, agreed):
                yield self._unless_touched(_update_of(article, now, agreed, _note(now.body, html)), agreed)

    def _rendered(self, article: Article) -> str:
        anchors = self.plan.anchors.get(article.path or "", frozenset())
        return render(article, anchors, self.addresses, self.ids).html

    def _unless_touched(self, change: Change, agreed: Baseline) -> Change | Finding:
        live = change.actual
        if live is None or live.updated_at == agreed.updated_at or self.rules.touched != "hold":
            return change
        return conflict_of(change, TOUCHED)


def _update_of(article: Article, live: Article, agreed: Baseline, reason: str) -> Change:
    return Change(
        action=Action.UPDATE,
        kind=Kind.ARTICLE,
        path=article.path or "",
        id=live.id,
        fields=("body",),
        reason=reason,
        desired=article,
        actual=live,
        before=agreed.source,
        after=article.origin.text if article.origin else None,
    )


def _note(live: str, html: str) -> str:
    """Return the reason of a rerender, with the kinds of markup that the live body would lose."""
    lost = sorted(count_markup(live) - count_markup(html))
    return f"{_RERENDERED}; removes from the live body: {abbreviate(lost)}" if lost else _RERENDERED


def _differs(html: str, live: str, agreed: Baseline) -> bool:
    """Return whether sending this would change the live body, or what was sent last where that is known."""
    if agreed.sent_digest:
        return digest(html) != agreed.sent_digest
    ours, theirs = stable_body(html), stable_body(live)
    if ours == theirs:
        return False
    added = set(_attributes(parse(ours).nodes)) - set(_attributes(parse(theirs).nodes))
    return bool(added) or not same(ours, theirs)


def _attributes(nodes: tuple[Node, ...]) -> Iterator[tuple[str, str]]:
    """Yield the attributes of nodes, each declaration of a style by itself; `same` compares the addresses."""
    for node in nodes:
        if isinstance(node, str):
            continue
        for name, value in node.attrs.items():
            if name == "style":
                yield from ((name, "".join(part.split()).lower()) for part in value.split(";") if part.strip())
            elif value and name not in _ADDRESSES:
                yield name, value
        yield from _attributes(node.children)
