"""The comparison: what would have to change so that the actual side says what is desired.

Pure: it reads nothing, writes nothing and asks nobody. One function serves publish (desired is content) and pull
(desired is live); `pairs` tells what each side did since the baseline, `table` what follows from that, and
`publish_changes` and `pull_changes` what it means for the side that is written.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Finding, FindingKind, select_paths
from kbsync.model import ItemKey, Kind, KnowledgeBase, Side
from kbsync.planner.decide import Decision, ItemState, PlanRules, decide
from kbsync.planner.match import match
from kbsync.planner.publish import publish_changes
from kbsync.planner.pull import pull_changes

SMALL = 10
"""Below so many known articles a share is no measure, and only a number limits removals."""

_TAKEN_AWAY = {Action.ARCHIVE, Action.DELETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalLimit:
    """The limit on removals among `known` published articles: a number, else a share; neither is no limit.

    A move counts for nothing: readers find the article again, in its new folder.
    """

    known: int = 0
    share: float | None = None
    number: int | None = None

    def excess(self, changes: Sequence[Change]) -> str:
        """Say by how much some changes pass the limit, or nothing."""
        removed = _removed(changes)
        if self.number is not None:
            passed = f"{removed} articles would be removed; the limit is {self.number}"
            return passed if removed > self.number else ""
        if self.share is not None and self.known >= SMALL and removed > self.share * self.known:
            return f"{removed} of {self.known} known articles would be removed; the limit is {self.share:.0%}"
        return ""

    def advice(self, changes: Sequence[Change]) -> str:
        """Return what lets these changes pass, if they are meant."""
        return f"if it is meant, publish with --force, or set `archive = {_removed(changes)}` under [limits]"


def _removed(changes: Sequence[Change]) -> int:
    return sum(change.kind is Kind.ARTICLE and change.action in _TAKEN_AWAY for change in changes)


QUIET = frozenset({Action.ADOPT, Action.FORGET, Action.RENAME})
"""What only brings baselines up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do to the side `written`, in the order of its items, and what it would leave alone.

    `ids` maps the content paths that are live to their ids, `targets` an article's path to what it links to, `anchors`
    an article's path to the anchors that others link to. `halt` says why nothing may be written whatever the limits
    say; it is empty when all is well, and so is `halt_advice`, which says what to do next.
    """

    written: Side
    changes: tuple[Change, ...] = ()
    drift: tuple[Finding, ...] = ()
    conflicts: tuple[Finding, ...] = ()
    unmanaged: tuple[Finding, ...] = ()
    undone: tuple[Finding, ...] = ()
    unchanged: int = 0
    ids: Mapping[str, int]
    targets: Mapping[str, tuple[str, ...]]
    anchors: Mapping[str, frozenset[str]]
    limit: RemovalLimit = field(default_factory=RemovalLimit)
    halt: str = ""
    halt_advice: str = ""

    def counts(self) -> dict[str, int]:
        """Count the changes by action."""
        return dict(Counter(change.action.value for change in self.changes))

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that touch an item; the others only bring baselines up to date."""
        return tuple(change for change in self.changes if change.action not in QUIET)

    @property
    def excess(self) -> str:
        """Return which limit the changes pass; empty when all is well."""
        return self.limit.excess(self.changes)

    @property
    def advice(self) -> str:
        """Return what to do where `halt` or `excess` stops a run."""
        if self.halt:
            return self.halt_advice
        return self.limit.advice(self.changes) if self.excess else ""


def make_plan(
    desired: KnowledgeBase, actual: KnowledgeBase, baselines: Mapping[ItemKey, Baseline], rules: PlanRules
) -> Plan:
    """Compare two sides, each with its own half of the baselines, and say what follows for every item."""
    publishing = desired.side is Side.CONTENT
    content, live = (desired, actual) if publishing else (actual, desired)
    pairs = match(content, live, baselines, rules.addresses)
    place = publish_changes(pairs, rules) if publishing else pull_changes(pairs, rules, content)
    placed = [step for case in pairs.states if (step := place(case)) is not None]
    changes = select_paths([step for step in placed if isinstance(step, Change)], rules.paths)
    findings = [step for step in placed if isinstance(step, Finding)]
    halt, halt_advice = _halt(content, live, baselines, rules)
    return Plan(
        written=actual.side,
        changes=changes,
        drift=_about(FindingKind.DRIFT, findings),
        conflicts=_about(FindingKind.CONFLICT, findings),
        unmanaged=_about(FindingKind.UNMANAGED, findings),
        undone=_about(FindingKind.UNDONE, findings),
        unchanged=len(pairs.states) - len(placed),
        ids=pairs.ids,
        targets=pairs.links.targets,
        anchors=pairs.links.anchors,
        limit=RemovalLimit(
            known=len(known_articles(baselines)), share=rules.archive_share, number=rules.archive_number
        ),
        halt=halt,
        halt_advice=halt_advice,
    )


def _about(matter: FindingKind, findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.finding_kind is matter)


def _halt(
    content: KnowledgeBase, live: KnowledgeBase, baselines: Mapping[ItemKey, Baseline], rules: PlanRules
) -> tuple[str, str]:
    """Return why nothing at all may be written, and what to do: an empty tree, or a portal without anything known."""
    known = known_articles(baselines)
    if known and not content.articles:
        return f"the content tree holds no article, but {len(known)} are published from it", _EMPTY
    meant = any(rules.overwrites(baselines[key].path) for key in known)
    if known and not meant and baselines.keys().isdisjoint(live.by_id()):
        return f"none of the {len(known)} known articles is on this portal: it may be the wrong one", _WRONG_PORTAL
    return "", ""


_EMPTY = "check the checkout, --root and `ignore`; if readers are to lose all of it, archive it in Freshdesk"
_WRONG_PORTAL = "check --target and `url`; if it was deleted there, publish it anew with --overwrite DIRECTORY"


def known_articles(baselines: Mapping[ItemKey, Baseline]) -> set[ItemKey]:
    """Return the articles that are published from the tree, as far as anybody remembers."""
    return {key for key, known in baselines.items() if known.kind is Kind.ARTICLE and known.state is State.LIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemExplanation:
    """All that bears on one item.

    `place` is where the baseline that counts stands, `lock` or `ledger`, and `overruled` the one of the other place,
    where it has another that counts less. `made` tells which run made it, as far as the ledger tells.
    """

    state: ItemState
    found_in: str = ""
    overruled: Baseline | None = None
    step: Change | Finding | None = None
    run: str = ""

    @property
    def decision(self) -> Decision:
        """Return what the table of the comparison says of it, toward a publish."""
        case = self.state
        state = case.baseline.state if case.baseline else None
        alike = case.live is not None and case.content is not None and not case.differing
        return decide(state, case.content_state.status, case.live_state.status, alike=alike)


def explain_items(
    cases: Iterable[ItemState], plan: Plan, lock: Mapping[ItemKey, Baseline], ledger: Mapping[ItemKey, Baseline]
) -> tuple[ItemExplanation, ...]:
    """Put together what bears on some items."""
    every: tuple[Change | Finding, ...] = (*plan.changes, *plan.drift, *plan.conflicts, *plan.unmanaged, *plan.undone)
    steps = {(step.kind, step.path, step.id): step for step in every}
    return tuple(_explained(case, steps.get((case.kind, case.path, case.id)), lock, ledger) for case in cases)


def _explained(
    case: ItemState, step: Change | Finding | None, lock: Mapping[ItemKey, Baseline], ledger: Mapping[ItemKey, Baseline]
) -> ItemExplanation:
    known = case.baseline
    if known is None:
        return ItemExplanation(state=case, step=step)
    places = {"ledger": ledger.get(known.key), "lock": lock.get(known.key)}
    same = [place for place, entry in places.items() if entry is not None and _is(entry, known)]
    others = [entry for entry in places.values() if entry is not None and not _is(entry, known)]
    return ItemExplanation(
        state=case, found_in=same[0] if same else "ledger", overruled=others[0] if same and others else None, step=step
    )


def _is(entry: Baseline, known: Baseline) -> bool:
    """Return whether a baseline is this one, which may know more of its source."""
    return (entry.seen_at, entry.state, entry.blob, entry.live) == (known.seen_at, known.state, known.blob, known.live)
