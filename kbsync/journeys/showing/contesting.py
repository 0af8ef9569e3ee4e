"""What each side of a conflict says that the other does not: for people, who are to decide between the two.

Pure, and it decides nothing: it adds lines of a diff to what a plan names anyway.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import unified_diff

from kbsync.agreements import Agreement, Key
from kbsync.change import Finding
from kbsync.content.document import parse
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.model import Article, FieldValue, Item, digest, fields_of, kind_of
from kbsync.plan import Plan
from kbsync.versions import pulled_body

_ToMarkdown = Callable[[str], str]


def with_both_sides(plan: Plan, known: Mapping[Key, Agreement], addresses: TargetAddresses) -> Plan:
    """Give a plan whose conflicts show what content and what live did since the agreement.

    Without an agreement there is nothing since: what live has that the file has not is shown as live's doing.
    """
    paths = {(kind_of(path), number): path for path, number in plan.ids.items()}

    def shown(conflict: Finding) -> Finding:
        def markdown(html: str) -> str:
            return pulled_body(Article(title="", body=html), conflict.path, addresses, paths).text

        agreement = known.get((conflict.kind, conflict.id or 0))
        return replace(
            conflict,
            ours=tuple(_ours(conflict.content, agreement)),
            theirs=tuple(_theirs(conflict, agreement, markdown)),
        )

    return replace(plan, conflicts=tuple(shown(conflict) for conflict in plan.conflicts))


def _ours(content: Item | None, agreement: Agreement | None) -> Iterator[str]:
    if agreement is None or agreement.source is None or content is None or content.origin is None:
        return
    yield from _lines(agreement.source, content.origin.text)


def _theirs(conflict: Finding, agreement: Agreement | None, markdown: _ToMarkdown) -> Iterator[str]:
    live = conflict.live
    if live is None:
        return
    then = fields_of(conflict.content) if agreement is None and conflict.content else {}
    if agreement is not None:
        then = dict(agreement.fields)
    for name, now in fields_of(live).items():
        old = then.get(name)
        if name in conflict.fields and name != "body" and old is not None and digest(old) != digest(now):
            yield f"-{name}: {_plain(old)}"
            yield f"+{name}: {_plain(now)}"
    if not isinstance(live, Article) or "body" not in conflict.fields:
        return
    before = _body_before(conflict, agreement, markdown)
    if before is not None:
        yield from _lines(before, markdown(live.body))


def _body_before(conflict: Finding, agreement: Agreement | None, markdown: _ToMarkdown) -> str | None:
    """Give the body that live moved away from: as the portal had it, where that is known, else as its source had it."""
    if agreement is None:
        return conflict.content.body if isinstance(conflict.content, Article) else None
    html = agreement.fields.get("body")
    if isinstance(html, str):
        return markdown(html)
    return None if agreement.source is None else parse(agreement.source, agreement.path).body


def _lines(old: str, new: str) -> Iterator[str]:
    lines = unified_diff(old.strip().splitlines(), new.strip().splitlines(), n=0, lineterm="")
    yield from (line for line in lines if not line.startswith(("--- ", "+++ ")))


def _plain(value: FieldValue) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
