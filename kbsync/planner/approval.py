"""Approvals: what a plan that somebody reviewed allows a later plan to do. Pure.

An approval never says what to do: a fresh plan does, and the approval removes from it what is not as reviewed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from kbsync.change import Action, Change, Finding, Outcome, Result
from kbsync.digests import live_digests, managed_digests
from kbsync.model import Article, Category, Item, ItemKey, Kind, digest, fields_of
from kbsync.planner.planner import Plan

_NOTHING: Mapping[ItemKey, Mapping[str, str]] = MappingProxyType({})
_ALWAYS_SENT = ("title", "name", "body", "status")

_AUTHOR = "author"
"""Not compared: a plan made without an API key does not know the author's id; the approved tree says who is meant."""

_ALREADY_DONE = "already done"
"""Why a change is withheld that is not in the fresh plan: an earlier run or somebody else has made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedChange:
    """One reviewed change.

    Attributes:
        content: The digest of what would be sent.
        live: The digest of what would be replaced.
        leaves_pointer: Whether the old article of a move would be written too.
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
    """Every reviewed change, but for those that only bring baselines up to date: they need no approval."""

    changes: tuple[ApprovedChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan from a file, and the facts by which it is still valid or not.

    Attributes:
        plan: The plan to be shown: its items have names and nothing else.
        approval: What may be done.
        tree: The git tree of the planned root: the same on every machine and after a squash.
        at: The portal's time (ISO 8601, UTC), or this machine's where the portal was not read.
        commit: For people only, as are `kbsync`, `calls` and `site`, where readers find the articles.
        paths: The content paths that were planned; empty for all.
        uncommitted: Planned files that are in no commit, so that no other machine has them.
        rerender: Whether all articles were to be rendered.
        refreshed: Whether the portal was read; else `base_run` and `base_date` are what the plan was compared with.
    """

    plan: Plan
    approval: Approval
    target: str
    url: str
    tree: str
    at: str
    site: str = ""
    commit: str = ""
    kbsync: str = ""
    calls: int = 0
    paths: tuple[str, ...] = ()
    uncommitted: tuple[str, ...] = ()
    rerender: bool = False
    refreshed: bool = True
    base_run: str | None = None
    base_date: str | None = None


def approval_of(plan: Plan, assumed: Mapping[ItemKey, Mapping[str, str]] = _NOTHING) -> Approval:
    """Approve all that a plan writes; `assumed` has the live digests of items that the plan did not read."""
    return Approval(changes=tuple(_approved(change, plan, assumed) for change in plan.writes))


def restrict_to_approval(plan: Plan, approval: Approval) -> tuple[Plan, tuple[Outcome, ...]]:
    """Keep the changes of a fresh plan that are approved; return the others as withheld outcomes with a reason.

    An approved change that the fresh plan does not have is among the outcomes too, so that nobody misses it.
    """
    approved = {_subject(change): change for change in approval.changes}
    kept, withheld = [], []
    for change in plan.changes:
        then, now = approved.pop(_subject(change), None), _approved(change, plan, _NOTHING)
        if now == then or not change.action.writes_item:
            kept.append(change)
        else:
            withheld.append(_withheld(change, _describe_difference(now, then)))
    withheld += _not_planned(approved.values(), plan)
    return replace(plan, changes=tuple(kept)), tuple(withheld)


def needs_review(outcome: Outcome) -> bool:
    """Return whether a change was withheld about which somebody still has to decide."""
    return outcome.result is Result.WITHHELD and outcome.error != _ALREADY_DONE


def _subject(of: ApprovedChange | Change) -> tuple[Kind, str, int | None]:
    """Return what a change is about; a path may have two: an item that is removed, and another in its place."""
    return of.kind, of.path, of.id


def _approved(change: Change, plan: Plan, assumed: Mapping[ItemKey, Mapping[str, str]]) -> ApprovedChange:
    return ApprovedChange(
        action=change.action,
        kind=change.kind,
        path=change.path,
        id=change.id,
        former_path=change.former_path,
        fields=tuple(name for name in change.fields if name != _AUTHOR or not change.action.creates_item),
        content=_content_digest(change.desired, plan.anchors.get(change.path, frozenset())),
        live=_live_digest(change, assumed.get(change.key)),
        leaves_pointer=change.leaves_pointer,
    )


def _content_digest(item: Item | None, anchors: frozenset[str]) -> str:
    if item is None:
        return ""
    fields = managed_digests(item)
    fields.pop(_AUTHOR, None)
    if isinstance(item, Article):
        fields["body"] = digest((digest(item.body), *sorted(anchors)))
    return _combined(fields)


def _live_digest(change: Change, assumed: Mapping[str, str] | None) -> str:
    """Return the digest of the live fields that would be replaced; the agents may edit the others meanwhile."""
    item = change.actual
    if item is None:
        return ""
    shown = assumed or live_digests(item)
    replaced = (
        {name for name, value in fields_of(change.desired).items() if value is not None} if change.desired else ()
    )
    fields = {name: shown[name] for name in {*replaced, *_ALWAYS_SENT} & shown.keys() - {_AUTHOR}}
    return _combined(fields | {"parent": "" if isinstance(item, Category) else str(item.parent)})


def _combined(fields: Mapping[str, str]) -> str:
    return digest(tuple(f"{name} {value}" for name, value in fields.items()))


def _describe_difference(now: ApprovedChange, then: ApprovedChange | None) -> str:
    if then is None:
        return "not in the plan"
    differences = (
        (now.action is not then.action, f"planned as {then.action.value}"),
        (now.former_path != then.former_path, f"planned with the former path {then.former_path or '(none)'}"),
        (now.content != then.content, "the file has changed"),
        (now.live != then.live, "edited on the portal"),
        (now.leaves_pointer is not then.leaves_pointer, "planned with another result for the old article"),
        (now.fields != then.fields, f"planned with the fields {', '.join(then.fields)}"),
    )
    return "changed since the plan: " + next(words for differs, words in differences if differs)


def _not_planned(changes: Iterable[ApprovedChange], plan: Plan) -> list[Outcome]:
    """Return the outcomes of approved changes that the fresh plan does not have: now a finding, or already done."""
    findings = {(f.kind, f.path): f for f in (*plan.drift, *plan.conflicts, *plan.undone)}
    by_id: dict[ItemKey, Finding] = {f.key: f for f in findings.values() if f.id is not None}
    found = []
    for approved in changes:
        finding = by_id.get(ItemKey(approved.kind, approved.id or 0)) or findings.get((approved.kind, approved.path))
        change = Change(
            action=approved.action,
            kind=approved.kind,
            path=approved.path,
            id=approved.id,
            former_path=approved.former_path,
            fields=approved.fields,
        )
        now = (
            f"changed since the plan: now {finding.finding_kind.value}: {finding.reason}" if finding else _ALREADY_DONE
        )
        found.append(_withheld(change, now))
    return found


def _withheld(change: Change, why: str) -> Outcome:
    return Outcome(change=change, result=Result.WITHHELD, error=why)
