"""The journey of an explanation: why an item would or would not change, from which agreement. Nothing is written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from kbsync.agreements import Key
from kbsync.config import Config
from kbsync.credentials import Secret
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.past.history import past_runs
from kbsync.journeys.planning import plan
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.plan.explained import Explained, explained
from kbsync.plan.pairs import pair
from kbsync.runs import Past

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
