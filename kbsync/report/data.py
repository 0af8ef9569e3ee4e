"""A plan or an outcome as one JSON object: the form that programs read, version 1."""

import json
from collections.abc import Sequence

from kbsync.change import Change, Finding, Outcome
from kbsync.plan import Plan

VERSION = 1


def plan_to_json(plan: Plan, *, target: str, calls: int, outcomes: Sequence[Outcome] | None = None) -> str:
    """Write a plan; after a run, with what became of each change."""
    page: dict[str, object] = {
        "version": VERSION,
        "target": target,
        "changes": [_change(change) for change in plan.changes]
        if outcomes is None
        else [_outcome(o) for o in outcomes],
        "drift": [_finding(finding) for finding in plan.drift],
        "conflicts": [_finding(finding) for finding in plan.conflicts],
        "unmanaged": [_finding(finding) for finding in plan.unmanaged],
        "undone": [_finding(finding) for finding in plan.undone],
        "counts": plan.counts(),
        "unchanged": plan.unchanged,
        "refused": plan.halt or plan.excess,
        "calls": calls,
    }
    return json.dumps(page, ensure_ascii=False, indent=2)


def _change(change: Change) -> dict[str, object]:
    return {
        "action": change.action.value,
        "kind": change.kind.value,
        "path": change.path,
        "id": change.id,
        "fields": list(change.fields),
        "reason": change.reason,
    }


def _outcome(outcome: Outcome) -> dict[str, object]:
    number = outcome.live.id if outcome.live else outcome.change.id
    page = _change(outcome.change) | {"id": number, "result": outcome.result.value, "error": outcome.error}
    return page | ({"notes": list(outcome.notes)} if outcome.notes else {})


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.value,
        "path": finding.path,
        "id": finding.id,
        "fields": list(finding.fields),
        "reason": finding.reason,
    }
