"""A plan or an outcome as one JSON object: the form that programs read, version 1."""

import json
import unicodedata
from collections.abc import Mapping, Sequence

from kbsync.agreements import Agreement
from kbsync.change import Change, Finding, Outcome
from kbsync.plan import Plan

VERSION = 1


def plan_to_json(plan: Plan, *, target: str, calls: int, outcomes: Sequence[Outcome] | None = None) -> str:
    """Write a plan; after a run, with what became of each change."""
    return to_json(plan_page(plan, target=target, calls=calls, outcomes=outcomes))


def status_to_json(plan: Plan, archived: Sequence[Agreement], *, target: str, calls: int) -> str:
    """Write both directions at a glance: what there is to publish, what to pull, and what waits for a person."""
    page = plan_page(plan, target=target, calls=calls) | {
        "to_publish": [_change(change) for change in plan.changes],
        "to_pull": [_finding(finding) for finding in plan.drift],
        "archived": [{"kind": known.kind.value, "path": known.path, "id": known.id} for known in archived],
    }
    return to_json(page)


def plan_page(plan: Plan, *, target: str, calls: int, outcomes: Sequence[Outcome] | None = None) -> dict[str, object]:
    """Give the object that a plan is written as."""
    return {
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
        "way_on": plan.way_on,
        "calls": calls,
    }


def to_json(page: Mapping[str, object]) -> str:
    """Write an object so that people can read it on a terminal too: nothing in it can steer one."""
    return "".join(_escaped(char) for char in json.dumps(page, ensure_ascii=False, indent=2))


def _escaped(char: str) -> str:
    if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} or char in "\u200c\u200d":
        return char
    return json.dumps(char)[1:-1] if char > "\u009f" else f"\\u{ord(char):04x}"


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
    page: dict[str, object] = {
        "kind": finding.kind.value,
        "path": finding.path,
        "id": finding.id,
        "fields": list(finding.fields),
        "reason": finding.reason,
    }
    sides = {"ours": finding.ours, "theirs": finding.theirs}
    return page | {side: list(lines) for side, lines in sides.items() if lines}
