"""The journeys of a knowledge base, each told top to bottom in a room of its own.

They put the rooms together; what is shown and asked is the audience's business, and the audience is `cli`.
"""

from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.planning import plan
from kbsync.journeys.publishing import Published, publish
from kbsync.journeys.pulling import PulledHome, pull
from kbsync.journeys.saved import saved_plan

__all__ = ["Audience", "Options", "Planned", "Published", "PulledHome", "plan", "publish", "pull", "saved_plan"]
