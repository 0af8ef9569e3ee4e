"""What of a plan only rendering can tell: where more of a live article would be made anew than its writer changed.

Pure, and it decides nothing: it adds a clause for people to what is planned anyway.
"""

from collections.abc import Mapping
from dataclasses import replace

from kbsync.agreements import Agreement, Born, Key
from kbsync.change import Action, Change
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.journeys.showing.rendering import render_into
from kbsync.model import Article
from kbsync.plan import Plan


def is_kept(change: Change, born: Born) -> bool:
    """Tell whether an update leaves of the live body what its writer did not touch, where the target asks for it."""
    is_sent = "body" in change.fields and change.action not in {Action.CREATE, Action.MOVE}
    return is_sent and born is Born.LIVE and isinstance(change.actual, Article) and bool(change.actual.body)


def foreseen(plan: Plan, known: Mapping[Key, Agreement], addresses: TargetAddresses) -> Plan:
    """Give a plan toward live whose changes say what of their articles would not be kept."""
    return replace(plan, changes=tuple(_foreseen(change, plan, known, addresses) for change in plan.changes))


def _foreseen(change: Change, plan: Plan, known: Mapping[Key, Agreement], addresses: TargetAddresses) -> Change:
    agreement = known.get((change.kind, change.id or 0))
    live, article = change.actual, change.desired
    if not isinstance(live, Article) or not isinstance(article, Article) or change.leaves is not None:
        return change
    if not is_kept(change, agreement.born if agreement else Born.LIVE):
        return change
    notes = render_into(live, article, plan.anchors.get(change.path, frozenset()), addresses, plan.ids).notes
    return replace(change, reason="; ".join(filter(None, (change.reason, *notes))))
