"""Why items would or would not change: in plain sentences for a terminal, and as data."""

from collections.abc import Iterable, Iterator

from kbsync.baseline import State
from kbsync.change import Change, Finding
from kbsync.planner.decide import Case, Presence, Standing, Verdict
from kbsync.planner.planner import Explained
from kbsync.report.json_output import VERSION, to_json
from kbsync.report.wording import clause, one_line, title_of

_STATES = {
    State.LIVE: "Both sides were last known to say the same",
    State.ARCHIVED: "It was archived",
    State.KEPT: "Its file was taken away, and it was left on the portal",
    State.RELEASED: "It was released",
    State.UNDONE: "The run that published it was undone",
}
_FOLLOWS = {
    Verdict.NOTHING: "Nothing follows: neither side has changed.",
    Verdict.CREATE: "A publish creates it: no live item is known to be it.",
    Verdict.UNMANAGED: "Nothing follows: kbsync leaves alone what no agreement knows; `kbsync adopt` takes it over.",
    Verdict.ADOPT: "A publish notes that both sides say the same, and writes nothing.",
    Verdict.CONFLICT: "Nothing is written: both sides have something to say. Three ways on: `kbsync pull PATH` brings "
    "the portal's side into the file, `kbsync publish --overwrite PATH` lets the file win, or leave it as it is.",
    Verdict.UPDATE: "A publish updates it: the content has changed, and the portal is as it was left.",
    Verdict.REMOVE: "A publish takes it from readers, as `removed` says: its file is gone, the portal is as it was.",
    Verdict.DRIFT: "Nothing is written: only the portal has changed. `kbsync pull` brings that home.",
    Verdict.FORGET: "A publish forgets it: it is gone on both sides.",
    Verdict.RESTORE: "A publish restores it under its old id: its file is back.",
    Verdict.UNDONE: "Nothing is written until its file changes.",
}


def explanation_to_text(items: Iterable[Explained]) -> str:
    """Tell of each item in a paragraph of its own."""
    return "\n\n".join("\n".join(_lines(item)) for item in items)


def explanation_to_json(items: Iterable[Explained], *, target: str, calls: int) -> str:
    """Write what bears on each item as one object."""
    return to_json({"version": VERSION, "target": target, "items": [_page(item) for item in items], "calls": calls})


def _lines(item: Explained) -> Iterator[str]:
    case, path = item.case, one_line(item.case.path)
    yield f"{path}: {_what(case)}"
    for sentence in (*_agreement(item), _side("The content", case.content_standing, case), *_live(case)):
        yield f"  {sentence}"
    yield f"  {_conclusion(item)}".replace("PATH", path)


def _what(case: Case) -> str:
    number = f" {case.id}" if case.id is not None else ""
    if case.live is None:
        return f"{case.kind.value}{number}, not on the portal" + (" now" if case.agreement else " yet")
    return f'{case.kind.value}{number}, "{title_of(case.live)}" on the portal'


def _agreement(item: Explained) -> Iterator[str]:
    known = item.case.agreement
    if known is None:
        yield "No agreement knows it: no publish, pull or adoption has brought its two sides together."
        return
    place = "the ledger" if item.place == "ledger" else "the lock, a file in .kbsync"
    made = f", by {one_line(item.made)}" if item.made else ""
    yield f"{_STATES[known.state]} at {known.seen or 'an unknown time'}: {place} says so{made}."
    if known.path != item.case.path:
        yield f"Its source lay at {one_line(known.path)} then."
    if item.overruled is not None:
        other = "lock" if item.place == "ledger" else "ledger"
        yield f"The {other} has an older one, of {item.overruled.seen}, which does not count."


def _side(who: str, standing: Standing, case: Case) -> str:
    if case.agreement is None:
        return f"{who} {'does not have it' if standing.presence is Presence.GONE else 'has it'}."
    match standing.presence:
        case Presence.GONE:
            return f"{who} no longer has it."
        case Presence.UNCHANGED:
            return f"{who} has not changed since."
        case Presence.CHANGED:
            return f"{who} has changed since: {', '.join(standing.fields)}."


def _live(case: Case) -> Iterator[str]:
    yield _side("The portal", case.live_standing, case)
    if case.live_standing.touched:
        yield "It was saved on the portal since, though no field differs."
    if case.differing:
        yield f"The two sides differ in: {', '.join(case.differing)}."


def _conclusion(item: Explained) -> str:
    state = item.case.agreement.state if item.case.agreement else None
    if state in {State.KEPT, State.RELEASED}:
        return f"Nothing follows, whatever changes: it is {state.value}. `kbsync adopt PATH` takes it over again."
    told = clause(item.step) if item.step else ""
    expected = _FOLLOWS[item.verdict]
    match item.step:
        case None:
            return expected if item.verdict in _SILENT else _FOLLOWS[Verdict.NOTHING]
        case Change() if item.step.action.value != item.verdict.value:
            return f"A publish would {item.step.action.value} it: {told}."
        case Finding() if item.step.matter.value != item.verdict.value:
            return f"Nothing is written ({item.step.matter.value}): {told}."
        case _:
            return f"{expected} In the plan: {told}." if told else expected


_SILENT = {Verdict.NOTHING, Verdict.RESTORE, Verdict.REMOVE}


def _page(item: Explained) -> dict[str, object]:
    case, known = item.case, item.case.agreement
    agreement = known and {
        "in": item.place,
        "state": known.state.value,
        "seen": known.seen,
        "path": known.path,
        "made": item.made,
    }
    return {
        "kind": case.kind.value,
        "path": case.path,
        "id": case.id,
        "agreement": agreement,
        "content": {"presence": case.content_standing.presence.value, "fields": list(case.content_standing.fields)},
        "live": {"presence": case.live_standing.presence.value, "fields": list(case.live_standing.fields)},
        "differing": list(case.differing),
        "verdict": item.verdict.value,
        "planned": item.step.action.value if isinstance(item.step, Change) else "",
        "reason": item.step.reason if item.step else "",
        "conclusion": _conclusion(item).replace("PATH", case.path),
    }
