"""The comparison of two sides with what they agreed on: pure from end to end."""

from kbsync.plan.planning import Plan, make_plan
from kbsync.plan.rules import Rules

__all__ = ["Plan", "Rules", "make_plan"]
