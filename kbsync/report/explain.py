"""Why items would or would not change, as sentences for a terminal and as JSON."""

from collections.abc import Iterable, Iterator

from kbsync.baseline import State
from kbsync.change import Change, Finding
from kbsync.planner.decide import ChangeStatus, Decision, ItemState, SideState
from kbsync.planner.planner import ItemExplanation
from kbsync.report.json_output import VERSION, to_json
from kbsync.report.wording import clause, one_line, title_of

_STATES = {
    State.LIVE: "Both sides were last known to say the same",
    State.ARCHIVED: "It was archived",
    State.KEPT: "Its file was taken away, and it was left on the portal",
    State.RELEASED: "It was released",
    State.UNDONE: "The run that published it was undone",
}
_CONCLUSIONS = {
    Decision.NOTHING: "Nothing follows: neither side has changed.",
    Decision.CREATE: "A publish creates it: no live item is known to be it.",
    Decision.UNMANAGED: "Nothing follows: kbsync leaves alone what no baseline knows; `kbsync adopt` takes it over.",
    Decision.ADOPT: "A publish notes that both sides say the same, and writes nothing.",
    Decision.CONFLICT: "Nothing is written: both sides have something to say. Three ways on: `kbsync pull PATH` brings "
    "the portal's side into the file, `kbsync publish --overwrite PATH` lets the file win, or leave it as it is.",
    Decision.UPDATE: "A publish updates it: the content has changed, and the portal is as it was left.",
    Decision.REMOVE: "A publish takes it from readers, as `removed` says: its file is gone, the portal is as it was.",
    Decision.DRIFT: "Nothing is written: only the portal has changed. `kbsync pull` brings that home.",
    Decision.FORGET: "A publish forgets it: it is gone on both sides.",
    Decision.RESTORE: "A publish restores it under its old id: its file is back.",
    Decision.UNDONE: "Nothing is written until its file changes.",
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
        yield "  It was saved on the portal since, though no field differs."
    if case.differing:
        yield f"  The two sides differ in: {', '.join(case.differing)}."
    yield f"  {_conclusion(item)}".replace("PATH", path)


def _title(case: ItemState) -> str:
    number = f" {case.id}" if case.id is not None else ""
    if case.live is None:
        return f"{case.kind.value}{number}, not on the portal" + (" now" if case.baseline else " yet")
    return f'{case.kind.value}{number}, "{title_of(case.live)}" on the portal'


def _baseline(item: ItemExplanation) -> Iterator[str]:
    known = item.state.baseline
    if known is None:
        yield "No baseline knows it: no publish, pull or adoption has made its two sides the same."
        return
    place = "the ledger" if item.found_in == "ledger" else "the lock, a file in .kbsync"
    made = f", by {one_line(item.run)}" if item.run else ""
    yield f"{_STATES[known.state]} at {known.seen_at or 'an unknown time'}: {place} says so{made}."
    if known.path != item.state.path:
        yield f"Its source lay at {one_line(known.path)} then."
    if item.overruled is not None:
        other = "lock" if item.found_in == "ledger" else "ledger"
        yield f"The {other} has an older one, of {item.overruled.seen_at}, which does not count."


def _side(who: str, standing: SideState, case: ItemState) -> str:
    if case.baseline is None:
        return f"{who} {'does not have it' if standing.status is ChangeStatus.GONE else 'has it'}."
    match standing.status:
        case ChangeStatus.GONE:
            return f"{who} no longer has it."
        case ChangeStatus.UNCHANGED:
            return f"{who} has not changed since."
        case ChangeStatus.CHANGED:
            return f"{who} has changed since: {', '.join(standing.fields)}."


def _conclusion(item: ItemExplanation) -> str:
    state = item.state.baseline.state if item.state.baseline else None
    if state in {State.KEPT, State.RELEASED}:
        return f"Nothing follows, whatever changes: it is {state.value}. `kbsync adopt PATH` takes it over again."
    why = clause(item.step) if item.step else ""
    expected = _CONCLUSIONS[item.decision]
    match item.step:
        case None:
            return expected if item.decision in _WITHOUT_STEP else _CONCLUSIONS[Decision.NOTHING]
        case Change() if item.step.action.value != item.decision.value:
            return f"A publish would {item.step.action.value} it: {why}."
        case Finding() if item.step.finding_kind.value != item.decision.value:
            return f"Nothing is written ({item.step.finding_kind.value}): {why}."
        case _:
            return f"{expected} In the plan: {why}." if why else expected


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
