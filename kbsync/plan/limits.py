"""How much a run may take away from readers before somebody has to say that it is meant. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsync.change import Action, Change
from kbsync.model import Kind

SMALL = 10
"""Below so many known articles a share is no measure, and only a number limits removals."""

_TAKEN_AWAY = {Action.ARCHIVE, Action.DELETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limit on removals among `known` published articles: a number, else a share; neither is no limit.

    A move counts for nothing: readers find the article again, in its new folder.
    """

    known: int = 0
    share: float | None = None
    number: int | None = None

    def excess(self, changes: Sequence[Change]) -> str:
        """Say by how much some changes pass the limit, or nothing."""
        removed = _removed(changes)
        if self.number is not None:
            passed = f"{removed} articles would be removed; the limit is {self.number}"
            return passed if removed > self.number else ""
        if self.share is not None and self.known >= SMALL and removed > self.share * self.known:
            return f"{removed} of {self.known} known articles would be removed; the limit is {self.share:.0%}"
        return ""

    def way_on(self, changes: Sequence[Change]) -> str:
        """Say what lets these changes pass, if they are meant."""
        return f"if it is meant, publish with --force, or set `archive = {_removed(changes)}` under [limits]"


def _removed(changes: Sequence[Change]) -> int:
    return sum(change.kind is Kind.ARTICLE and change.action in _TAKEN_AWAY for change in changes)
