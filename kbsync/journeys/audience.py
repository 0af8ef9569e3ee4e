"""Who asks for a run and watches it: what its flags say, and what is shown and asked on the way."""

from dataclasses import dataclass
from typing import Protocol

from kbsync.journeys.workspace import Workspace
from kbsync.model import KnowledgeBase
from kbsync.plan import Plan


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
    """What one run's flags ask for."""

    paths: tuple[str, ...] = ()
    overwrite: frozenset[str] = frozenset()
    local: bool = False
    dirty: bool = False
    force: bool = False
    rollback: bool = False
    attended: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and what it was made from; `calls` is what that took, `uncommitted` what git does not have yet."""

    workspace: Workspace
    plan: Plan
    live: KnowledgeBase
    calls: int
    uncommitted: tuple[str, ...] = ()
