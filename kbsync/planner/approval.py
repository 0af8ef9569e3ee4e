"""What a plan that somebody saw allows a later one to do. Pure.

A permit never says what to do: a fresh plan does, and the permit takes away from it whatever is not as it was seen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from kbsync.change import Action, Change, Finding, Outcome, Result
from kbsync.digests import live_digests, managed_digests
from kbsync.model import Article, Category, Item, ItemKey, Kind, digest, fields_of
from kbsync.planner.planner import QUIET, Plan

_NOTHING: Mapping[ItemKey, Mapping[str, str]] = MappingProxyType({})
_ALWAYS_SENT = ("title", "name", "body", "status")
_ANEW = {Action.CREATE, Action.MOVE}
AT_REST = "no longer to be done"
"""Why a change is withheld that a run before, or somebody else, has made: nothing of it is left."""

_AUTHOR = "author"
"""What a plan without a key does not know by its id: the tree, which a permit is for, says who is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedChange:
    """One change as it was seen; `content` names what would be sent by its digest, `live` what would be replaced.

    `points` tells that what a move leaves behind would be written too.
    """

    action: Action
    kind: Kind
    path: str
    id: int | None = None
    former_path: str | None = None
    fields: tuple[str, ...] = ()
    content: str = ""
    live: str = ""
    leaves_pointer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Every change that was seen, but those which only bring baselines up to date: they need no leave."""

    changes: tuple[ApprovedChange, ...] = ()


def approval_of(plan: Plan, remembered: Mapping[ItemKey, Mapping[str, str]] = _NOTHING) -> Approval:
    """Give leave for what a plan says; `remembered` holds the live digests of a plan that did not read the portal."""
    return Approval(changes=tuple(_grant(change, plan, remembered) for change in plan.writes))


def restrict_to_approval(plan: Plan, permit: Approval) -> tuple[Plan, tuple[Outcome, ...]]:
    """Leave of a fresh plan what a permit holds for; give the rest as withheld outcomes, each with its reason.

    What the permit holds for and the fresh plan no longer says is among these too, so that nobody misses it.
    """
    seen = {_place(grant): grant for grant in permit.changes}
    kept, withheld, met = [], [], set()
    for change in plan.changes:
        grant = seen.get(_place(change))
        if change.action in QUIET or _grant(change, plan, _NOTHING) == grant:
            kept.append(change)
        else:
            withheld.append(_withheld(change, _why(_grant(change, plan, _NOTHING), grant)))
        met.add(_place(change))
    left = (grant for place, grant in seen.items() if place not in met)
    withheld += _left_over(left, plan)
    return replace(plan, changes=tuple(kept)), tuple(withheld)


def needs_review(outcome: Outcome) -> bool:
    """Return whether a change was withheld that somebody still has to decide about."""
    return outcome.result is Result.WITHHELD and outcome.error != AT_REST


def _place(of: ApprovedChange | Change) -> tuple[Kind, str, int | None]:
    """Return what a change is about. One path may have two: what lay there goes, and another takes its place."""
    return of.kind, of.path, of.id


def _grant(change: Change, plan: Plan, remembered: Mapping[ItemKey, Mapping[str, str]]) -> ApprovedChange:
    return ApprovedChange(
        action=change.action,
        kind=change.kind,
        path=change.path,
        id=change.id,
        former_path=change.former_path,
        fields=tuple(name for name in change.fields if name != _AUTHOR or change.action not in _ANEW),
        content=_content_half(change.desired, plan.anchors.get(change.path, frozenset())),
        live=_live_half(change, remembered.get(change.key)),
        leaves_pointer=change.leaves_pointer,
    )


def _content_half(item: Item | None, anchors: frozenset[str]) -> str:
    if item is None:
        return ""
    fields = managed_digests(item)
    fields.pop(_AUTHOR, None)
    if isinstance(item, Article):
        fields["body"] = digest((digest(item.body), *sorted(anchors)))
    return _summed(fields)


def _live_half(change: Change, remembered: Mapping[str, str] | None) -> str:
    """Return the live version in what would be replaced; what content leaves to the agents may move meanwhile."""
    item = change.actual
    if item is None:
        return ""
    shown = remembered or live_digests(item)
    replaced = (
        {name for name, value in fields_of(change.desired).items() if value is not None} if change.desired else ()
    )
    fields = {name: shown[name] for name in {*replaced, *_ALWAYS_SENT} & shown.keys() - {_AUTHOR}}
    parent = "" if isinstance(item, Category) else str(item.parent)
    return _summed(fields | {"parent": parent})


def _summed(fields: Mapping[str, str]) -> str:
    return digest(tuple(f"{name} {value}" for name, value in fields.items()))


def _why(now: ApprovedChange, then: ApprovedChange | None) -> str:
    if then is None:
        return "not in the plan"
    moved = (
        (now.action is not then.action, f"the plan said {then.action.value}"),
        (now.former_path != then.former_path, f"the plan said it was {then.former_path or 'not renamed'}"),
        (now.content != then.content, "its source says something else"),
        (now.live != then.live, "it was edited on the portal"),
        (now.leaves_pointer is not then.leaves_pointer, "the plan left something else in its old place"),
        (now.fields != then.fields, f"the plan said {', '.join(then.fields)}"),
    )
    return "moved since the plan: " + next(words for is_moved, words in moved if is_moved)


def _left_over(grants: Iterator[ApprovedChange], plan: Plan) -> list[Outcome]:
    """Account for what was seen and is not to be done now: it became a finding, or it is at rest."""
    held = {(f.kind, f.path): f for f in (*plan.drift, *plan.conflicts, *plan.undone)}
    by_id = {f.key: f for f in held.values() if f.id is not None}
    found = []
    for grant in grants:
        finding = by_id.get(ItemKey(grant.kind, grant.id or 0)) or held.get((grant.kind, grant.path))
        seen = Change(
            action=grant.action,
            kind=grant.kind,
            path=grant.path,
            id=grant.id,
            former_path=grant.former_path,
            fields=grant.fields,
        )
        found.append(_withheld(seen, _became(finding)))
    return found


def _became(finding: Finding | None) -> str:
    if finding is None:
        return AT_REST
    return f"moved since the plan: {finding.finding_kind.value} now: {finding.reason}"


def _withheld(change: Change, why: str) -> Outcome:
    return Outcome(change=change, result=Result.WITHHELD, error=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan that was saved, with what tells whether it still holds.

    `plan` is for showing alone: its items are names and no more. `permit` is what may be done. `tree` is the git tree
    of the root that was planned, the same on every machine and after a squash; `commit` is told to people only, as
    are `kbsync` and `calls`. `at` is the portal's time (ISO 8601, UTC), or this machine's where the portal was not
    read. What `paths` leave out was not planned, and what is `uncommitted` nobody else can have. `rerender` tells that
    articles were to be rendered whole.
    """

    plan: Plan
    approval: Approval
    target: str
    url: str
    tree: str
    at: str
    commit: str = ""
    kbsync: str = ""
    calls: int = 0
    paths: tuple[str, ...] = ()
    uncommitted: tuple[str, ...] = ()
    rerender: bool = False
