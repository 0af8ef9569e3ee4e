"""Plan: read both sides, compare them with the baselines, and write nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from kbsync.baseline import Baseline
from kbsync.change import Finding, FindingKind
from kbsync.config import Config, Secret
from kbsync.content.document import parse_document
from kbsync.digests import pulled_body
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, former_titles, open_workspace, unvouched
from kbsync.engine.history import diff_lines, field_lines, past_runs
from kbsync.engine.record import add_pointers
from kbsync.engine.recover import hold_back_unresolved, recover_into
from kbsync.engine.refresh import (
    LiveState,
    live_from_baselines,
    refresh,
    refresh_some,
    with_author_ids,
    without_author_emails,
)
from kbsync.engine.render import LinkResolver
from kbsync.engine.rerender import add_rerenders
from kbsync.engine.show import Replacements
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.rate_limit import RateLimiter
from kbsync.model import Article, Item, ItemKey, KnowledgeBase, Side, fields_of, kind_of
from kbsync.planner.decide import PlanRules
from kbsync.planner.match import match
from kbsync.planner.planner import ItemExplanation, Plan, explain_items, make_plan
from kbsync.state.ledger import RunInfo

_ToMarkdown = Callable[[str], str]


def annotate_findings(plan: Plan, known: Mapping[ItemKey, Baseline], addresses: LinkResolver) -> Plan:
    """Return a plan whose conflicts show what each side did since the baseline, and whose drift what live did.

    Without a baseline, what live has and the file has not is shown as a change of live.
    """
    paths = {ItemKey(kind_of(path), number): path for path, number in plan.ids.items()}

    def shown(finding: Finding) -> Finding:
        def markdown(html: str) -> str:
            return pulled_body(Article(title="", body=html), finding.path, addresses, paths).text

        baseline = known.get(finding.key)
        ours = _ours(finding.content, baseline) if finding.finding_kind is FindingKind.CONFLICT else ()
        return replace(finding, ours=ours, theirs=tuple(_theirs(finding, baseline, markdown)))

    return replace(plan, conflicts=tuple(map(shown, plan.conflicts)), drift=tuple(map(shown, plan.drift)))


def _ours(content: Item | None, baseline: Baseline | None) -> tuple[str, ...]:
    if baseline is None or baseline.source is None or content is None or content.origin is None:
        return ()
    return diff_lines(baseline.source.strip(), content.origin.text.strip(), context=0)


def _theirs(conflict: Finding, baseline: Baseline | None, markdown: _ToMarkdown) -> Iterator[str]:
    live = conflict.live
    if live is None:
        return
    then = baseline.fields if baseline else fields_of(conflict.content) if conflict.content else {}
    unseen = baseline.unseen if baseline else frozenset()
    seen = {name: value for name, value in then.items() if name not in unseen}
    yield from field_lines(seen, fields_of(live), [name for name in conflict.fields if name in seen or name in unseen])
    if not isinstance(live, Article) or "body" not in conflict.fields:
        return
    before = _body_before(conflict, baseline, markdown)
    if before is not None:
        yield from diff_lines(before.strip(), markdown(live.body).strip(), context=0)


def _body_before(conflict: Finding, baseline: Baseline | None, markdown: _ToMarkdown) -> str | None:
    """Return the body before the web edit: as the portal had it, where that is known, else as its source had it."""
    if baseline is None:
        return conflict.content.body if isinstance(conflict.content, Article) else None
    html = baseline.fields.get("body")
    if isinstance(html, str):
        return markdown(html)
    return None if baseline.source is None else parse_document(baseline.source, baseline.path).body


def plan(config: Config, key: Secret | None, options: Options, ui: Ui) -> PlanResult:
    """Plan a publish of the working tree; without a key, against the ledger alone. Nothing is written."""
    workspace = open_workspace(config, local=options.local, only_shows=True)
    uncommitted = tuple(sorted(workspace.repository.uncommitted() - options.aside))
    if key is None:
        workspace = recover_into(workspace, KnowledgeBase(side=Side.LIVE))
        live = live_from_baselines(workspace.baselines)
        made = plan_publish(workspace, without_author_emails(workspace.content), live, options)
        return PlanResult(workspace=workspace, plan=made, live=live, calls=0, uncommitted=uncommitted)
    with connect(config, key, ui) as connection:
        workspace, made, state = read_and_plan(
            workspace, connection, options, ui, partial(plan_publish, options=options)
        )
        calls = connection.calls
    return PlanResult(workspace=workspace, plan=made, live=state.live, calls=calls, uncommitted=uncommitted)


def status(config: Config, key: Secret, options: Options, ui: Ui) -> PlanResult:
    """Compare both sides as a plan does, without the checks of links and the annotations."""
    workspace = open_workspace(config, local=options.local, checked=False, only_shows=True)
    with connect(config, key, ui) as connection:
        workspace, content, live = read_both(workspace, connection, ui)
        made = _compare(workspace, content, live, options)
        return PlanResult(workspace=workspace, plan=made, live=live, calls=connection.calls)


def connect(config: Config, key: Secret, ui: Ui) -> Connection:
    """Open the portal of a target, at its share of the account's calls."""
    limiter = RateLimiter(config.share, notify=ui.waiting)
    return Connection(config.url, key.reveal(), rate_limiter=limiter, notify=ui.note)


def read_and_plan(
    workspace: Workspace,
    connection: Connection,
    options: Options,
    ui: Ui,
    plan: Callable[[Workspace, KnowledgeBase, KnowledgeBase], Plan],
) -> tuple[Workspace, Plan, LiveState]:
    """Read as much of the portal as the options ask for, and plan; return the workspace with what was recovered."""
    ui.status("reading the portal")
    content = with_author_ids(workspace.content, connection)
    some = refresh_some(connection, workspace, content, options, partial(plan, workspace, content))
    if some is not None:
        return workspace, *some
    state = refresh(connection, ui.read)
    workspace = recover_into(workspace, state.live)
    return workspace, plan(workspace, content, state.live), state


def read_both(workspace: Workspace, connection: Connection, ui: Ui) -> tuple[Workspace, KnowledgeBase, KnowledgeBase]:
    """Read the whole portal; return the workspace with what was recovered, the content and the live side."""
    ui.status("reading the portal")
    live = refresh(connection, ui.read).live
    content = with_author_ids(workspace.content, connection)
    return recover_into(workspace, live), content, live


def rules_for(workspace: Workspace, addresses: LinkResolver, options: Options) -> PlanRules:
    """Return the rules of the comparison that follow from a target's settings and a run's options."""
    config = workspace.config
    return PlanRules(
        addresses=addresses,
        unvouched=unvouched(workspace),
        former_titles=former_titles(workspace),
        is_shallow=workspace.repository.is_shallow(),
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


def plan_publish(workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, options: Options) -> Plan:
    """Plan a publish from a tree and what was read of the portal, with annotations for its readers."""
    addresses, known = LinkResolver(workspace.config, content.assets), workspace.baselines
    made = replace(_compare(workspace, content, live, options), problems=workspace.warnings_of(options.paths))
    if options.rerender:
        made = add_rerenders(made, (content, live), known, rules_for(workspace, addresses, options), addresses)
    made = annotate_findings(made, known, addresses)
    shown = replacements(workspace, made, live, options)
    return replace(made, changes=tuple(shown.annotated(change) for change in made.changes))


def replacements(workspace: Workspace, plan: Plan, live: KnowledgeBase, options: Options) -> Replacements:
    """Return what the changes of a plan replace and send."""
    return Replacements(
        plan=plan,
        known=workspace.baselines,
        paths={ItemKey(kind_of(path), number): path for path, number in plan.ids.items()},
        addresses=LinkResolver(workspace.config, workspace.content.assets),
        assumed=live.assumed.keys(),
        keeps=workspace.config.style == "keep" and not options.rerender,
        is_whole=options.rerender,
    )


def _compare(workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, options: Options) -> Plan:
    addresses = LinkResolver(workspace.config, content.assets)
    made = make_plan(content, live, workspace.baselines, rules_for(workspace, addresses, options))
    made = add_pointers(made, workspace.baselines, addresses)
    return hold_back_unresolved(made, workspace.recovered.unresolved)


_RUNS = 200
"""How many runs of the ledger are searched for the one that made a baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What `explain` found, and the plan behind it; `unknown` are names that neither side has."""

    planned: PlanResult
    items: tuple[ItemExplanation, ...]
    unknown: tuple[str, ...] = ()


def explain(
    config: Config, key: Secret | None, paths: Sequence[str], keys: Collection[ItemKey], options: Options, ui: Ui
) -> Explanation:
    """Explain what a publish would do with the items at some content paths or with some ids, and why."""
    planned = plan(config, key, options, ui)
    workspace = planned.workspace
    addresses = LinkResolver(config, workspace.content.assets)
    pairs = match(workspace.content, planned.live, workspace.baselines, addresses)
    cases = [case for case in pairs.states if case.path in paths or case.key in keys]
    runs = past_runs(workspace.repository, config, limit=_RUNS)
    found = {case.path for case in cases} | {f"{case.kind.value}:{case.id}" for case in cases}
    asked = [*paths, *(f"{key.kind.value}:{key.id}" for key in keys)]
    return Explanation(
        planned=planned,
        items=tuple(
            replace(item, run=_made_by(item, runs))
            for item in explain_items(cases, planned.plan, workspace.lock, workspace.ledger)
        ),
        unknown=tuple(name for name in asked if name not in found),
    )


def _made_by(item: ItemExplanation, runs: Sequence[RunInfo]) -> str:
    """Return the run that made the baseline, as text; empty where that is not known."""
    known = item.state.baseline
    if known is None or item.found_in != "ledger":
        return ""
    for run in runs:
        if any(entry.key == known.key for entry in run.record.entries):
            of = f" of {run.record.commit[:10]}" if run.record.commit else ""
            return f"{run.record.purpose.value} {run.short_id}{of} by {run.author}"
    return ""
