"""The comparison of two sides with what they agreed on: pure from end to end."""

from kbsync.plan.permits import Permit, is_held_back, permit_of, permitted
from kbsync.plan.planning import Plan, make_plan
from kbsync.plan.rules import Rules
from kbsync.plan.saved import Saved

__all__ = ["Permit", "Plan", "Rules", "Saved", "is_held_back", "make_plan", "permit_of", "permitted"]
