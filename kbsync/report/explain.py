"""Why items would or would not change, as sentences for a terminal and as JSON."""

from collections.abc import Iterable, Iterator

from kbsync.baseline import State
from kbsync.change import Change, Finding
from kbsync.planner.decide import ChangeStatus, Decision, ItemState, SideState
from kbsync.planner.planner import ItemExplanation
from kbsync.report.json_output import VERSION, to_json
from kbsync.report.wording import clause, one_line, title_of

_STATES = {
    State.LIVE: "Content and portal were last identical",
    State.ARCHIVED: "Archived",
    State.KEPT: "File deleted, left on the portal",
    State.RELEASED: "Released",
    State.UNDONE: "Its publish was undone",
}
_CONCLUSIONS = {
    Decision.NOTHING: "No action: neither side has changed.",
    Decision.CREATE: "Publish creates it: it does not exist on the portal yet.",
    Decision.UNMANAGED: "No action: kbsync does not manage it. `kbsync adopt` starts managing it.",
    Decision.ADOPT: "Publish records that both sides are identical and writes nothing to the portal.",
    Decision.CONFLICT: "Skipped: both sides have changes. Options: `kbsync pull PATH` merges the web edit into the "
    "file, `kbsync publish --overwrite PATH` publishes the file over the web edit.",
    Decision.UPDATE: "Publish updates it: only the content has changed.",
    Decision.REMOVE: "Publish removes it from the portal (see the setting `removed`): its file no longer exists.",
    Decision.DRIFT: "Skipped: only the portal has changed. `kbsync pull` copies the web edit into the file.",
    Decision.FORGET: "Publish deletes its record: it no longer exists on either side.",
    Decision.RESTORE: "Publish restores it with its old id: its file exists again.",
    Decision.UNDONE: "Skipped until its file changes, because its publish was undone.",
}
_WITHOUT_STEP = {Decision.NOTHING, Decision.RESTORE, Decision.REMOVE}


def explanation_to_text(items: Iterable[ItemExplanation]) -> str:
    """Return each item in a paragraph of its own."""
    return "\n\n".join("\n".join(_lines(item)) for item in items)


def explanation_to_json(items: Iterable[ItemExplanation], *, target: str, calls: int) -> str:
    """Write what bears on each item as one object."""
    return to_json({"version": VERSION, "target": target, "items": [_page(item) for item in items], "calls": calls})


def _lines(item: ItemExplanation) -> Iterator[str]:
    case, path = item.state, one_line(item.state.path)
    yield f"{path}: {_title(case)}"
    sides = _side("The content", case.content_state, case), _side("The portal", case.live_state, case)
    for sentence in (*_baseline(item), *sides):
        yield f"  {sentence}"
    if case.live_state.touched:
        yield "  It was saved on the portal since then, but no field differs."
    if case.differing:
        yield f"  Content and portal differ in: {', '.join(case.differing)}."
    yield f"  {_conclusion(item)}".replace("PATH", path)


def _title(case: ItemState) -> str:
    number = f" {case.id}" if case.id is not None else ""
    if case.live is None:
        return f"{case.kind.value}{number}, not on the portal" + (" now" if case.baseline else " yet")
    return f'{case.kind.value}{number}, "{title_of(case.live)}" on the portal'


def _baseline(item: ItemExplanation) -> Iterator[str]:
    known = item.state.baseline
    if known is None:
        yield "kbsync has no record of it: it was never published, pulled or adopted."
        return
    place = "ledger" if item.found_in == "ledger" else "lock file in .kbsync"
    made = f", {one_line(item.run)}" if item.run else ""
    yield f"{_STATES[known.state]} at {known.seen_at or 'an unknown time'} (source: {place}{made})."
    if known.path != item.state.path:
        yield f"Its path was {one_line(known.path)} at that time."
    if item.overruled is not None:
        other = "lock" if item.found_in == "ledger" else "ledger"
        yield f"The {other} has an older record ({item.overruled.seen_at}), which is ignored."


def _side(who: str, standing: SideState, case: ItemState) -> str:
    if case.baseline is None:
        return f"{who} {'does not have it' if standing.status is ChangeStatus.GONE else 'has it'}."
    match standing.status:
        case ChangeStatus.GONE:
            return f"{who} no longer has it."
        case ChangeStatus.UNCHANGED:
            return f"{who} has not changed since then."
        case ChangeStatus.CHANGED:
            return f"{who} has changed since then: {', '.join(standing.fields)}."


def _conclusion(item: ItemExplanation) -> str:
    state = item.state.baseline.state if item.state.baseline else None
    if state in {State.KEPT, State.RELEASED}:
        return f"No action: it is {state.value}. `kbsync adopt PATH` starts managing it again."
    why = clause(item.step) if item.step else ""
    expected = _CONCLUSIONS[item.decision]
    match item.step:
        case None:
            return expected if item.decision in _WITHOUT_STEP else _CONCLUSIONS[Decision.NOTHING]
        case Change() if item.step.action.value != item.decision.value:
            return f"Publish would {item.step.action.value} it: {why}."
        case Finding() if item.step.finding_kind.value != item.decision.value:
            return f"Skipped ({item.step.finding_kind.value}): {why}."
        case _:
            return f"{expected} Reason in the plan: {why}." if why else expected


def _page(item: ItemExplanation) -> dict[str, object]:
    case, known = item.state, item.state.baseline
    baseline = known and {
        "in": item.found_in,
        "state": known.state.value,
        "seen_at": known.seen_at,
        "path": known.path,
        "run": item.run,
    }
    return {
        "kind": case.kind.value,
        "path": case.path,
        "id": case.id,
        "baseline": baseline,
        "content": {"status": case.content_state.status.value, "fields": list(case.content_state.fields)},
        "live": {"status": case.live_state.status.value, "fields": list(case.live_state.fields)},
        "differing": list(case.differing),
        "decision": item.decision.value,
        "planned": item.step.action.value if isinstance(item.step, Change) else "",
        "reason": item.step.reason if item.step else "",
        "conclusion": _conclusion(item).replace("PATH", case.path),
    }
