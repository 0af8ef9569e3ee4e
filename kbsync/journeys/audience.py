"""Who asks for a run and watches it: what its flags say, and what is shown and asked on the way."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from kbsync.change import Outcome
from kbsync.journeys.workspace import Workspace
from kbsync.model import KnowledgeBase
from kbsync.plan import Plan, Saved
from kbsync.runs import Past

A_WEEK = timedelta(days=7)


class Audience(Protocol):
    """Who watches a run, and is asked before it writes."""

    def waits(self, why: str) -> None:
        """Hear what is being waited for."""

    def begins(self, what: str, total: int) -> None:
        """Hear that so many steps of one kind follow."""

    def steps(self, what: str) -> None:
        """Hear of one step."""

    def agrees(self, planned: "Planned") -> bool:
        """Say whether this plan is to be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one run's flags ask for.

    `saved` is the plan that somebody looked at, which `all_or_nothing` wants to hold whole, and which is not to be
    older than `max_age`. `wait` is how many seconds to wait for another publish to end. `aside` names files under the
    root that are this run's own, be they committed or not. With `rerender` what nobody changed is rendered anew too.
    Without `refresh` only what is to be written is read of the portal.
    """

    paths: tuple[str, ...] = ()
    overwrite: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()
    prune: bool = False
    markers: bool = True
    local: bool = False
    dirty: bool = False
    force: bool = False
    rollback: bool = False
    attended: bool = True
    wait: float = 0.0
    saved: Saved | None = None
    all_or_nothing: bool = False
    max_age: timedelta = A_WEEK
    aside: frozenset[str] = frozenset()
    rerender: bool = False
    refresh: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and what it was made from; `calls` is what that took, `uncommitted` what git does not have yet.

    `withheld` is what would be to do, or was, and a saved plan does not allow. `undoes` is the run that the plan turns
    round, where it does so.
    """

    workspace: Workspace
    plan: Plan
    live: KnowledgeBase
    calls: int
    uncommitted: tuple[str, ...] = ()
    withheld: tuple[Outcome, ...] = ()
    undoes: Past | None = None
