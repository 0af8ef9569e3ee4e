"""How a run waits for another that holds the lease, and when it need not wait any more."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kbsync.errors import Refusal
from kbsync.journeys.guarding.holders import is_surely_dead
from kbsync.journeys.guarding.intents import Underway

TAKEN_AFTER = 120.0
"""Seconds after which a lease that nobody renewed may be taken over."""

LOOKED_AT_EVERY = 3.0
_DEAD_BY_ANY_CLOCK = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Patience:
    """How long to wait for others, in seconds, over all attempts of one run; and since when one lease is watched."""

    seconds: float = 0.0
    _began: float | None = None
    _watched: tuple[str, float] = ("", 0.0)

    def is_over(self) -> bool:
        """Tell whether there is no more time to wait; the time begins with the first question."""
        self._began = time.monotonic() if self._began is None else self._began
        return time.monotonic() - self._began >= self.seconds

    def watched(self, other: Underway) -> float:
        """Say for how many seconds this very lease has been seen, by our own clock."""
        if self._watched[0] != other.commit:
            self._watched = (other.commit, other.noticed)
        return time.monotonic() - self._watched[1]


def is_free(other: Underway, patience: Patience) -> bool:
    """Tell whether a lease may be taken over: its run is over, surely dead, or has not been heard of for long."""
    holder = other.holder
    if holder.ended or is_surely_dead(holder) or patience.watched(other) >= TAKEN_AFTER:
        return True
    return datetime.now(UTC) - datetime.fromisoformat(holder.renewed) > _DEAD_BY_ANY_CLOCK


def wait_for(other: Underway, patience: Patience, tell: Callable[[str], None]) -> None:
    """Wait a moment for another run; raises Refusal, which names it, where patience is over."""
    if patience.is_over():
        raise Refusal(
            f"another publish is under way: {other.since}, last heard of at {other.holder.renewed}",
            advice=f"wait for it with --wait 5m: one that died gives way after {TAKEN_AFTER / 60:.0f} minutes of that",
        )
    tell(f"waiting for another publish: {other.since}")
    time.sleep(LOOKED_AT_EVERY)


def told_of(other: Underway | None) -> str:
    """Say what the lease of another run means for a plan; empty where there is none, or nothing is left of it."""
    if other is None or other.holder.ended:
        return ""
    if is_surely_dead(other.holder):
        return (
            f"A publish was cut off ({other.since}); what it did is taken into account, and the next one completes it."
        )
    return f"A publish is under way: {other.since}, last heard of at {other.holder.renewed}."
