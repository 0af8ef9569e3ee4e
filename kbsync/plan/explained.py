"""Why one item would or would not change: its case, the agreement that counts, and what a plan makes of it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kbsync.agreements import Agreement, Key
from kbsync.change import Change, Finding
from kbsync.plan.planning import Plan
from kbsync.plan.table import Case, Verdict, judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """All that bears on one item.

    `place` is where the agreement that counts stands, `lock` or `ledger`, and `overruled` the one of the other place,
    where it has another that counts less. `made` tells which run made it, as far as the ledger tells.
    """

    case: Case
    place: str = ""
    overruled: Agreement | None = None
    step: Change | Finding | None = None
    made: str = ""

    @property
    def verdict(self) -> Verdict:
        """Say what the table of the comparison says of it, toward a publish."""
        case = self.case
        state = case.agreement.state if case.agreement else None
        alike = case.live is not None and case.content is not None and not case.differing
        return judge(state, case.content_standing.presence, case.live_standing.presence, alike=alike)


def explained(
    cases: Iterable[Case], plan: Plan, lock: Mapping[Key, Agreement], ledger: Mapping[Key, Agreement]
) -> tuple[Explained, ...]:
    """Put together what bears on some items."""
    every: tuple[Change | Finding, ...] = (*plan.changes, *plan.drift, *plan.conflicts, *plan.unmanaged, *plan.undone)
    steps = {(step.kind, step.path, step.id): step for step in every}
    return tuple(_explained(case, steps.get((case.kind, case.path, case.id)), lock, ledger) for case in cases)


def _explained(
    case: Case, step: Change | Finding | None, lock: Mapping[Key, Agreement], ledger: Mapping[Key, Agreement]
) -> Explained:
    known = case.agreement
    if known is None:
        return Explained(case=case, step=step)
    places = {"ledger": ledger.get(known.key), "lock": lock.get(known.key)}
    same = [place for place, entry in places.items() if entry is not None and _is(entry, known)]
    others = [entry for entry in places.values() if entry is not None and not _is(entry, known)]
    return Explained(
        case=case, place=same[0] if same else "ledger", overruled=others[0] if same and others else None, step=step
    )


def _is(entry: Agreement, known: Agreement) -> bool:
    """Tell whether an agreement is this one, which may know more of its source."""
    return (entry.seen, entry.state, entry.blob, entry.live) == (known.seen, known.state, known.blob, known.live)
