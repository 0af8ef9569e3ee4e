"""The plan: the changes that turn the actual side into the desired one.

Pure: it reads and writes nothing. `make_plan` serves publish (desired is content) and pull (desired is live): `match`
finds how each side changed since the baseline, `decide` what follows from that, and the rules of `publish` and `pull`
what that means for the side that is written.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Finding, FindingKind, select_paths
from kbsync.errors import Problem
from kbsync.model import ItemKey, Kind, KnowledgeBase, Side
from kbsync.planner.decide import Decision, ItemState, PlanRules, Step
from kbsync.planner.match import match
from kbsync.planner.publish import PublishRules
from kbsync.planner.pull import PullRules

_MIN_FOR_SHARE = 10
"""With fewer known articles than this a share says nothing, and only a number limits removals."""

_EMPTY = "check the checkout, --root and `ignore`; to remove all articles, archive them in Freshdesk"
_WRONG_PORTAL = "check --target and `url`; if they were deleted there, create them again with --overwrite DIRECTORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalLimit:
    """The limit on removals among `known` published articles: a number, else a share; without both there is none.

    A move does not count: readers find the article in its new folder.
    """

    known: int = 0
    share: float | None = None
    number: int | None = None

    def excess(self, changes: Sequence[Change]) -> str:
        """Return a sentence where the changes exceed the limit, else an empty text."""
        removed = _count_removed(changes)
        if self.number is not None:
            return f"{removed} articles would be removed; the limit is {self.number}" if removed > self.number else ""
        if self.share is not None and self.known >= _MIN_FOR_SHARE and removed > self.share * self.known:
            return f"{removed} of {self.known} known articles would be removed; the limit is {self.share:.0%}"
        return ""


def _count_removed(changes: Sequence[Change]) -> int:
    return sum(change.kind is Kind.ARTICLE and change.action in {Action.ARCHIVE, Action.DELETE} for change in changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes to the side `written`, in the order of its items, and what is left alone.

    Attributes:
        ids: The live id of each content path that is live.
        targets: The content paths that each article links to.
        anchors: The anchors within each article that others link to.
        problems: The warnings about the content.
        halt: Why nothing may be written, whatever the limits are; `halt_advice` says what to do. Empty otherwise.
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
    problems: tuple[Problem, ...] = ()
    halt: str = ""
    halt_advice: str = ""

    def counts(self) -> dict[str, int]:
        """Count the changes by action."""
        return dict(Counter(change.action.value for change in self.changes))

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that write an item; the others only bring baselines up to date."""
        return tuple(change for change in self.changes if change.action.writes_item)

    @property
    def excess(self) -> str:
        """The limit that the changes exceed, as a sentence; empty where they do not."""
        return self.limit.excess(self.changes)

    @property
    def advice(self) -> str:
        """What to do where `halt` or `excess` stops a run."""
        if self.halt:
            return self.halt_advice
        removed = _count_removed(self.changes)
        how = f"to allow this, publish with --force, or set `archive = {removed}` under [limits]"
        return how if self.excess else ""


def make_plan(
    desired: KnowledgeBase, actual: KnowledgeBase, baselines: Mapping[ItemKey, Baseline], rules: PlanRules
) -> Plan:
    """Compare each side with its own half of the baselines, and decide about every item."""
    publishing = desired.side is Side.CONTENT
    content, live = (desired, actual) if publishing else (actual, desired)
    matched = match(content, live, baselines, rules.addresses)
    side_rules = PublishRules(matched, rules) if publishing else PullRules(matched, rules, content)
    steps = [step for state in matched.states if (step := side_rules.step(state)) is not None]
    findings: dict[FindingKind, list[Finding]] = defaultdict(list)
    for step in steps:
        if isinstance(step, Finding):
            findings[step.finding_kind].append(step)
    known = len(_known_articles(baselines))
    halt, halt_advice = _halt(content, live, baselines, rules)
    return Plan(
        written=actual.side,
        changes=select_paths([step for step in steps if isinstance(step, Change)], rules.paths),
        drift=tuple(findings[FindingKind.DRIFT]),
        conflicts=tuple(findings[FindingKind.CONFLICT]),
        unmanaged=tuple(findings[FindingKind.UNMANAGED]),
        undone=tuple(findings[FindingKind.UNDONE]),
        unchanged=len(matched.states) - len(steps),
        ids=matched.ids,
        targets=matched.links.targets,
        anchors=matched.links.anchors,
        limit=RemovalLimit(known=known, share=rules.archive_share, number=rules.archive_number),
        halt=halt,
        halt_advice=halt_advice,
    )


def _halt(
    content: KnowledgeBase, live: KnowledgeBase, baselines: Mapping[ItemKey, Baseline], rules: PlanRules
) -> tuple[str, str]:
    """Return why nothing may be written, with advice: the tree is empty, or the portal has no known article."""
    known = _known_articles(baselines)
    if known and not content.articles:
        return f"the content tree has no articles, but {len(known)} are published from it", _EMPTY
    is_meant = any(rules.overwrites(baselines[key].path) for key in known)
    if known and not is_meant and baselines.keys().isdisjoint(live.by_id()):
        return f"none of the {len(known)} known articles is on this portal; it may be the wrong portal", _WRONG_PORTAL
    return "", ""


def _known_articles(baselines: Mapping[ItemKey, Baseline]) -> set[ItemKey]:
    """Return the articles that are published from the tree, according to the baselines."""
    return {key for key, known in baselines.items() if known.kind is Kind.ARTICLE and known.state is State.LIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemExplanation:
    """Everything by which a publish decides about one item.

    Attributes:
        found_in: Where its baseline was found: `lock` or `ledger`.
        overruled: The baseline of the other of the two, where that has an older one.
        run: The run that made the baseline, where the ledger knows it.
    """

    state: ItemState
    found_in: str = ""
    overruled: Baseline | None = None
    step: Step = None
    run: str = ""

    @property
    def decision(self) -> Decision:
        """What a publish decides."""
        return self.state.decision(Side.LIVE)


def explain_items(
    states: Iterable[ItemState], plan: Plan, lock: Mapping[ItemKey, Baseline], ledger: Mapping[ItemKey, Baseline]
) -> tuple[ItemExplanation, ...]:
    """Explain what a plan says of some items."""
    findings = (*plan.drift, *plan.conflicts, *plan.unmanaged, *plan.undone)
    every: tuple[Change | Finding, ...] = (*plan.changes, *findings)
    steps = {(step.kind, step.path, step.id): step for step in every}
    return tuple(_explain(state, steps.get((state.kind, state.path, state.id)), lock, ledger) for state in states)


def _explain(
    state: ItemState, step: Step, lock: Mapping[ItemKey, Baseline], ledger: Mapping[ItemKey, Baseline]
) -> ItemExplanation:
    known = state.baseline
    if known is None:
        return ItemExplanation(state=state, step=step)
    entries = {place: found for place, kept in (("ledger", ledger), ("lock", lock)) if (found := kept.get(known.key))}
    same = [place for place, entry in entries.items() if _is_same_version(entry, known)]
    overruled = next((entry for place, entry in entries.items() if same and place not in same), None)
    return ItemExplanation(state=state, found_in=same[0] if same else "ledger", overruled=overruled, step=step)


def _is_same_version(entry: Baseline, known: Baseline) -> bool:
    """Return whether two baselines are of one version, though one may know more of its source."""
    return (entry.seen_at, entry.state, entry.blob, entry.live) == (known.seen_at, known.state, known.blob, known.live)
