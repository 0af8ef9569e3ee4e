"""The journey of a plan: both sides read, what is remembered brought to them, and nothing written."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff

from kbsync.baseline import Agreement, Born, Key
from kbsync.change import Action, Change, Finding
from kbsync.config import Config, Secret
from kbsync.content.document import parse
from kbsync.digests import pulled_body
from kbsync.engine.context import Audience, Options, Planned, Workspace, open_workspace
from kbsync.engine.history import past_runs
from kbsync.engine.pointer import with_pointers
from kbsync.engine.recover import caught_up, with_doubts
from kbsync.engine.refresh import read_live, remembered, with_authors, without_authors
from kbsync.engine.render import TargetAddresses, render_into
from kbsync.engine.rerender import renewed
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.rate_limit import Pacer
from kbsync.model import Article, FieldValue, Item, KnowledgeBase, Side, digest, fields_of, kind_of
from kbsync.planner.decide import Rules
from kbsync.planner.match import pair
from kbsync.planner.planner import Explained, Plan, explained, make_plan
from kbsync.state.ledger import Past

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


def is_kept(change: Change, born: Born) -> bool:
    """Tell whether an update leaves of the live body what its writer did not touch, where the target asks for it."""
    is_sent = "body" in change.fields and change.action not in {Action.CREATE, Action.MOVE}
    return is_sent and born is Born.LIVE and isinstance(change.actual, Article) and bool(change.actual.body)


def foreseen(plan: Plan, known: Mapping[Key, Agreement], addresses: TargetAddresses) -> Plan:
    """Give a plan toward live whose changes say what of their articles would not be kept."""
    return replace(plan, changes=tuple(_foreseen(change, plan, known, addresses) for change in plan.changes))


def _foreseen(change: Change, plan: Plan, known: Mapping[Key, Agreement], addresses: TargetAddresses) -> Change:
    agreement = known.get((change.kind, change.id or 0))
    live, article = change.actual, change.desired
    if not isinstance(live, Article) or not isinstance(article, Article) or change.leaves is not None:
        return change
    if not is_kept(change, agreement.born if agreement else Born.LIVE):
        return change
    notes = render_into(live, article, plan.anchors.get(change.path, frozenset()), addresses, plan.ids).notes
    return replace(change, reason="; ".join(filter(None, (change.reason, *notes))))


def plan(config: Config, key: Secret | None, options: Options, audience: Audience) -> Planned:
    """Plan a publish of the working tree; without a key, against the ledger alone. Nothing is written."""
    workspace = open_workspace(config, local=options.local)
    uncommitted = tuple(sorted(workspace.repository.uncommitted() - options.aside))
    if key is None:
        workspace = caught_up(workspace, KnowledgeBase(side=Side.LIVE))
        live = remembered(workspace.agreements)
        made = plan_toward_live(workspace, without_authors(workspace.content), live, options)
        return Planned(workspace=workspace, plan=made, live=live, calls=0, uncommitted=uncommitted)
    with connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        reading = read_live(connection)
        content = with_authors(workspace.content, connection)
        workspace = caught_up(workspace, reading.live)
        made = plan_toward_live(workspace, content, reading.live, options)
        return Planned(
            workspace=workspace, plan=made, live=reading.live, calls=connection.calls, uncommitted=uncommitted
        )


def status(config: Config, key: Secret, options: Options, audience: Audience) -> Planned:
    """Compare both sides as a plan does, less what is for reading closely: links, diffs, what an update keeps."""
    workspace = open_workspace(config, local=options.local, checked=False)
    with connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        reading = read_live(connection)
        content = with_authors(workspace.content, connection)
        workspace = caught_up(workspace, reading.live)
        made = _compared(workspace, content, reading.live, options)
        return Planned(workspace=workspace, plan=made, live=reading.live, calls=connection.calls)


def connect(config: Config, key: Secret, audience: Audience) -> Connection:
    """Open the portal of a target, at its share of the account's calls."""
    return Connection(config.url, key.reveal(), pace=Pacer(config.share), tell=audience.waits)


def rules_of(workspace: Workspace, addresses: TargetAddresses, options: Options) -> Rules:
    """Say what a target's settings and one run's flags mean for the comparison."""
    config = workspace.config
    return Rules(
        addresses=addresses,
        removed=config.removed,
        moved=config.moved,
        touched=config.touched,
        new=config.new,
        archive_share=config.archive_share,
        archive_number=config.archive_number,
        overwrite=options.overwrite,
        ours=options.ours,
        theirs=options.theirs,
        prune=options.prune,
        paths=options.paths,
    )


def plan_toward_live(workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, options: Options) -> Plan:
    """Compare a tree with what was read of the portal, toward a publish, and say more of it to whoever reads it."""
    addresses = TargetAddresses(workspace.config, content.assets)
    made = _compared(workspace, content, live, options)
    if options.rerender:
        rules = rules_of(workspace, addresses, options)
        made = renewed(made, (content, live), workspace.agreements, rules, addresses)
        return with_both_sides(made, workspace.agreements, addresses)
    made = with_both_sides(made, workspace.agreements, addresses)
    return foreseen(made, workspace.agreements, addresses) if workspace.config.style == "keep" else made


def _compared(workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, options: Options) -> Plan:
    addresses = TargetAddresses(workspace.config, content.assets)
    made = make_plan(content, live, workspace.agreements, rules_of(workspace, addresses, options))
    made = with_pointers(made, workspace.agreements, addresses)
    return with_doubts(made, workspace.recovered.doubts)


_RUNS = 200
"""How many runs of the ledger are looked through for the one that made an agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What was explained, and out of which plan; `unknown` is what neither side ever had."""

    planned: Planned
    items: tuple[Explained, ...]
    unknown: tuple[str, ...] = ()


def explain(
    config: Config,
    key: Secret | None,
    paths: Sequence[str],
    keys: Collection[Key],
    options: Options,
    audience: Audience,
) -> Explanation:
    """Say of the items at some content paths, or with some live ids, what a publish would make of them and why."""
    planned = plan(config, key, options, audience)
    workspace = planned.workspace
    addresses = TargetAddresses(config, workspace.content.assets)
    pairs = pair(workspace.content, planned.live, workspace.agreements, addresses)
    cases = [case for case in pairs.cases if case.path in paths or (case.kind, case.id or 0) in keys]
    runs = past_runs(workspace.repository, config, limit=_RUNS)
    found = {case.path for case in cases} | {f"{case.kind.value}:{case.id}" for case in cases}
    asked = [*paths, *(f"{kind.value}:{number}" for kind, number in keys)]
    return Explanation(
        planned=planned,
        items=tuple(
            replace(item, made=_made(item, runs))
            for item in explained(cases, planned.plan, workspace.lock, workspace.ledger)
        ),
        unknown=tuple(name for name in asked if name not in found),
    )


def _made(item: Explained, runs: Sequence[Past]) -> str:
    """Say which run made the agreement that counts."""
    known = item.case.agreement
    if known is None or item.place != "ledger":
        return ""
    for run in runs:
        if any((deed.kind, deed.id) == known.key for deed in run.record.deeds):
            of = f" of {run.record.commit[:10]}" if run.record.commit else ""
            return f"{run.record.purpose.value} {run.name}{of} by {run.who}"
    return ""
