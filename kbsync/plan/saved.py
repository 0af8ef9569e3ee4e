"""A plan as it is saved: what was seen, of what, and when. Pure; the form of the file is the report's business."""

from dataclasses import dataclass

from kbsync.plan.permits import Permit
from kbsync.plan.planning import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A plan that was saved, with what tells whether it still holds.

    `plan` is for showing alone: its items are names and no more. `permit` is what may be done. `tree` is the git tree
    of the root that was planned, the same on every machine and after a squash; `commit` is told to people only, as
    are `kbsync` and `calls`. `at` is the portal's time (ISO 8601, UTC), or this machine's where the portal was not
    read. What `paths` leave out was not planned, and what is `uncommitted` nobody else can have. `rerender` tells that
    articles were to be rendered whole.
    """

    plan: Plan
    permit: Permit
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
