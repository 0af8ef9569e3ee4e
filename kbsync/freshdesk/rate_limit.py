"""How many calls a minute: as many as the account's allowance lets us have, and no answer 429 of our own making.

Within any 60 seconds at most our share of the account's calls is in use, whichever way the portal cuts its minutes;
what others use shows in what remains. A portal that names no allowance is not slowed down. Nothing here makes a call.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WINDOW = 60.0
# A little over, since two clocks and a rounded header stand between us and the portal.
_WINDOW_AND_SLACK = WINDOW + 0.5
_FLIGHT_BEFORE_KNOWN = 4
_LOOK_AGAIN = 0.02
_LONGEST_NAP = 0.5


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One call on its way: when it left."""

    started: float


class Allowance:
    """What may be sent at a given moment: plain arithmetic over times that are passed in; not thread-safe."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._total: float | None = None
        self._remaining = 0.0
        self._observed = float("-inf")
        self._last_start = float("-inf")
        self._closed_until = float("-inf")
        self._flying = 0
        self._heard = False
        self._answered: deque[float] = deque()

    def delay(self, now: float) -> float:
        """Return the seconds until a call may be sent as far as is known now; 0 or less means at once."""
        if now < self._closed_until:
            return self._closed_until - now
        if self._total is None:
            return _LOOK_AGAIN if not self._heard and self._flying >= _FLIGHT_BEFORE_KNOWN else 0.0
        return max(self._own_delay(now, self._total), self._common_delay(now, self._total))

    def started(self, ticket: Ticket) -> None:
        """Count a call that leaves now."""
        self._flying += 1
        self._last_start = ticket.started

    def answered(self, ticket: Ticket, now: float, *, total: float | None, remaining: float | None) -> None:
        """Learn from an answer; `None` where it said nothing."""
        self._flying -= 1
        self._heard = True
        self._answered.append(now)
        if total is not None and total > 0:
            self._total = total
        if remaining is None:
            return
        # Answers overtake one another. A higher figure counts only from a call that left after the lower one was known.
        if remaining < self._remaining or ticket.started >= self._observed:
            self._remaining, self._observed = remaining, now

    def close(self, until: float) -> None:
        """Send nothing before this moment."""
        self._closed_until = max(self._closed_until, until)

    def _own_delay(self, now: float, total: float) -> float:
        """Keep our calls of any window within our share; a call counts until a window after its answer."""
        while self._answered and self._answered[0] + _WINDOW_AND_SLACK <= now:
            self._answered.popleft()
        most = max(1, int(total * self._share))
        if self._flying + len(self._answered) < most:
            return 0.0
        return max(_LOOK_AGAIN, self._answered[0] + _WINDOW_AND_SLACK - now) if self._answered else _LOOK_AGAIN

    def _common_delay(self, now: float, total: float) -> float:
        """Leave the others their share; where they use more, send singly and ever slower, so as never to reach 0."""
        fresh = self._observed + _WINDOW_AND_SLACK
        if now >= fresh:
            return 0.0
        reserve = total - max(1, int(total * self._share))
        if self._remaining - self._flying > reserve:
            return 0.0
        if self._flying:
            return _LOOK_AGAIN
        if self._remaining < 1:
            return fresh - now
        return self._last_start + WINDOW / self._remaining - now


class RateLimiter:
    """An allowance that several threads share; a thread that may not send yet sleeps."""

    def __init__(
        self,
        share: float = 0.8,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._allowance = Allowance(share)
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep

    def take(self) -> Ticket:
        """Wait until a call may be sent, and count it; bring the ticket back with `give`, whatever became of it."""
        while True:
            with self._lock:
                now = self._clock()
                delay = self._allowance.delay(now)
                if delay <= 0:
                    ticket = Ticket(started=now)
                    self._allowance.started(ticket)
                    return ticket
            self._sleep(min(delay, _LONGEST_NAP))

    def give(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        """Return how a call was answered: figures may be decimals (recorded), headers are empty where no answer came."""
        total = _number(headers.get("x-ratelimit-total"))
        remaining = _number(headers.get("x-ratelimit-remaining"))
        with self._lock:
            self._allowance.answered(ticket, self._clock(), total=total, remaining=remaining)

    def pause(self, seconds: float) -> None:
        """Hold every thread back for so long: the portal asked for it."""
        with self._lock:
            self._allowance.close(self._clock() + seconds)


def _number(text: str | None) -> float | None:
    try:
        found = float(text) if text is not None else None
    except ValueError:
        return None
    return found if found is not None and 0 <= found < float("inf") else None
