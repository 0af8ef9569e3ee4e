"""The comparison: what would have to change so that the actual side says what is desired.

Pure: it reads nothing, writes nothing and asks nobody. One function serves publish (desired is content) and pull
(desired is live); `pairs` tells what each side did since the agreement, `table` what follows from that, and
`toward_live` and `toward_content` what it means for the side that is written.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from kbsync.agreements import Agreement, Key, State
from kbsync.change import Action, Change, Finding, Matter, asked_for
from kbsync.model import Kind, KnowledgeBase, Side
from kbsync.plan.limits import Limit
from kbsync.plan.pairs import pair
from kbsync.plan.rules import Rules
from kbsync.plan.toward_content import toward_content
from kbsync.plan.toward_live import toward_live

QUIET = frozenset({Action.ADOPT, Action.FORGET, Action.RENAME})
"""What only brings agreements up to date."""


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
    limit: Limit = field(default_factory=Limit)
    halt: str = ""
    halt_advice: str = ""

    def counts(self) -> dict[str, int]:
        """Count the changes by action."""
        return dict(Counter(change.action.value for change in self.changes))

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that touch an item; the others only bring agreements up to date."""
        return tuple(change for change in self.changes if change.action not in QUIET)

    @property
    def excess(self) -> str:
        """Say which limit the changes pass; empty when all is well."""
        return self.limit.excess(self.changes)

    @property
    def way_on(self) -> str:
        """Say what to do where `halt` or `excess` stops a run."""
        if self.halt:
            return self.halt_advice
        return self.limit.way_on(self.changes) if self.excess else ""


def make_plan(desired: KnowledgeBase, actual: KnowledgeBase, agreements: Mapping[Key, Agreement], rules: Rules) -> Plan:
    """Compare two sides, each with its own half of the agreements, and say what follows for every item."""
    publishing = desired.side is Side.CONTENT
    content, live = (desired, actual) if publishing else (actual, desired)
    pairs = pair(content, live, agreements, rules.addresses)
    place = toward_live(pairs, rules) if publishing else toward_content(pairs, rules, content)
    placed = [step for case in pairs.cases if (step := place(case)) is not None]
    changes = asked_for([step for step in placed if isinstance(step, Change)], rules.paths)
    findings = [step for step in placed if isinstance(step, Finding)]
    halt, halt_advice = _halt(content, live, agreements, rules)
    return Plan(
        written=actual.side,
        changes=changes,
        drift=_about(Matter.DRIFT, findings),
        conflicts=_about(Matter.CONFLICT, findings),
        unmanaged=_about(Matter.UNMANAGED, findings),
        undone=_about(Matter.UNDONE, findings),
        unchanged=len(pairs.cases) - len(placed),
        ids=pairs.ids,
        targets=pairs.links.targets,
        anchors=pairs.links.anchors,
        limit=Limit(known=len(known_articles(agreements)), share=rules.archive_share, number=rules.archive_number),
        halt=halt,
        halt_advice=halt_advice,
    )


def _about(matter: Matter, findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.matter is matter)


def _halt(
    content: KnowledgeBase, live: KnowledgeBase, agreements: Mapping[Key, Agreement], rules: Rules
) -> tuple[str, str]:
    """Say why nothing at all may be written, and what to do: an empty tree, or a portal without anything known."""
    known = known_articles(agreements)
    if known and not content.articles:
        return f"the content tree holds no article, but {len(known)} are published from it", _EMPTY
    meant = any(rules.overwrites(agreements[key].path) for key in known)
    if known and not meant and agreements.keys().isdisjoint(live.by_id()):
        return f"none of the {len(known)} known articles is on this portal: it may be the wrong one", _WRONG_PORTAL
    return "", ""


_EMPTY = "check the checkout, --root and `ignore`; if readers are to lose all of it, archive it in Freshdesk"
_WRONG_PORTAL = "check --target and `url`; if it was deleted there, publish it anew with --overwrite DIRECTORY"


def known_articles(agreements: Mapping[Key, Agreement]) -> set[Key]:
    """Name the articles that are published from the tree, as far as anybody remembers."""
    return {key for key, known in agreements.items() if known.kind is Kind.ARTICLE and known.state is State.LIVE}
