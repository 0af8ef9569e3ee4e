"""The journeys of a knowledge base, each told top to bottom in a room of its own.

They put the rooms together; what is shown and asked is the audience's business, and the audience is `cli`.
"""

from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.history import history, history_of
from kbsync.journeys.planning import plan, status
from kbsync.journeys.publishing import Published, publish
from kbsync.journeys.pulling import PulledHome, pull
from kbsync.journeys.reverting import Reverted, revert
from kbsync.journeys.saved import saved_plan
from kbsync.journeys.undoing import Undone, undo

__all__ = [
    "Audience",
    "Options",
    "Planned",
    "Published",
    "PulledHome",
    "Reverted",
    "Undone",
    "history",
    "history_of",
    "plan",
    "publish",
    "pull",
    "revert",
    "saved_plan",
    "status",
    "undo",
]
