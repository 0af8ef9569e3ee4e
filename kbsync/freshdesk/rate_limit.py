"""The rate limit of the client: it uses a share of the account's calls per minute and causes no 429 response.

In any 60 seconds at most this share is used, however the portal counts its minutes; calls of other clients show in the
remaining number. A portal that reports no limit is not slowed down. This module sends nothing.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from kbsync.errors import PortalError

WINDOW = 60.0
# Slightly longer, because the clocks differ and the header is rounded.
_WINDOW_AND_SLACK = WINDOW + 0.5
_IN_FLIGHT_BEFORE_KNOWN = 4
_MAX_IN_FLIGHT = 32
_POLL_SECONDS = 0.02
_MAX_SLEEP = 0.5
_LEAST_TOTAL = 1.0
_WORTH_SAYING = 1.0
"""Seconds of a wait that is reported, and between two reports of it."""


class Stopped(PortalError):
    """The run was stopped before a call was sent; `has_written` where its change had begun to write."""

    def __init__(self, *, has_written: bool) -> None:
        what = "interrupted before it was complete" if has_written else "not started: interrupted"
        super().__init__(what, advice="run the command again" if has_written else "")
        self.has_written = has_written


class RateLimitState:
    """The calls that the limit allows: arithmetic over times that are passed in; not thread-safe."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._total: float | None = None
        self._remaining = 0.0
        self._observed_at = float("-inf")
        self._last_start = float("-inf")
        self._blocked_until = float("-inf")
        self.in_flight = 0
        self._has_response = False
        self._responses: deque[float] = deque()
        self.latency = 0.0

    @property
    def name(self) -> str:
        """Return what messages call the limit."""
        return "Freshdesk's limit" + (f" ({self._total:.0f} calls a minute)" if self._total else "")

    @property
    def concurrency(self) -> int:
        """Return how many callers the limit has work for: the calls of one latency, and as many that prepare theirs."""
        if self._total is None:
            return _IN_FLIGHT_BEFORE_KNOWN
        wanted = math.ceil(2 * self.latency * self._total * self._share / WINDOW)
        return min(max(wanted, _IN_FLIGHT_BEFORE_KNOWN), _MAX_IN_FLIGHT)

    @property
    def calls_per_second(self) -> float:
        """Return how many calls the limit and the latency allow in the long run."""
        by_latency = self.concurrency / self.latency if self.latency else math.inf
        return min(by_latency, math.inf if self._total is None else self._total * self._share / WINDOW)

    def delay(self, now: float) -> float:
        """Return the seconds until a call may be sent; 0 or less means at once."""
        if now < self._blocked_until:
            return self._blocked_until - now
        if self._total is None:
            return _POLL_SECONDS if not self._has_response and self.in_flight >= _IN_FLIGHT_BEFORE_KNOWN else 0.0
        return max(self._own_share_delay(now, self._total), self._shared_limit_delay(now, self._total))

    def record_start(self, now: float) -> None:
        """Count a call that is sent now."""
        self.in_flight += 1
        self._last_start = now

    def record_response(self, started_at: float, now: float, *, total: float | None, remaining: float | None) -> None:
        """Record the figures of a response to the call that started then; `None` where it has none."""
        self.in_flight -= 1
        # The first response tells most, and a single slow one must not start a crowd.
        self.latency += (now - started_at - self.latency) * (0.1 if self._has_response else 1.0)
        self._has_response = True
        self._responses.append(now)
        if total is not None and total >= _LEAST_TOTAL:
            self._total = total
        if remaining is None:
            return
        # Responses arrive out of order: a higher figure counts only from a call that started after the lower one came.
        if remaining < self._remaining or started_at >= self._observed_at:
            self._remaining, self._observed_at = remaining, now

    def block_until(self, until: float) -> None:
        """Allow no call before this time."""
        self._blocked_until = max(self._blocked_until, until)

    def _own_share_delay(self, now: float, total: float) -> float:
        """Return the delay for the share of any window; a call counts until a window after its response."""
        while self._responses and self._responses[0] + _WINDOW_AND_SLACK <= now:
            self._responses.popleft()
        maximum = max(1, int(total * self._share))
        if self.in_flight + len(self._responses) < maximum:
            return 0.0
        return max(_POLL_SECONDS, self._responses[0] + _WINDOW_AND_SLACK - now) if self._responses else _POLL_SECONDS

    def _shared_limit_delay(self, now: float, total: float) -> float:
        """Return the delay for the limit of all clients; where others use more, calls are single and ever slower."""
        window_end = self._observed_at + _WINDOW_AND_SLACK
        if now >= window_end:
            return 0.0
        reserve = total - max(1, int(total * self._share))
        if self._remaining - self.in_flight > reserve:
            return 0.0
        if self.in_flight:
            return _POLL_SECONDS
        if self._remaining < 1:
            return window_end - now
        return self._last_start + WINDOW / self._remaining - now


class RateLimiter:
    """A rate limit that threads share; a thread that may not send yet sleeps, at most until `stop`.

    `notify` is called every second with what is waited for, and with an empty text when the wait is over.
    """

    def __init__(
        self,
        share: float = 0.8,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._state = RateLimitState(share)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._clock = clock
        self._notify = notify
        self._notified_at = -math.inf
        self.sleep = sleep or self._stopping.wait

    @property
    def in_flight(self) -> int:
        """Return how many calls have no response yet."""
        return self._state.in_flight

    def stop(self) -> None:
        """End every wait, now and from now on, with Stopped."""
        self._stopping.set()

    @property
    def concurrency(self) -> int:
        """Return how many callers the limit has work for, as far as is known yet."""
        with self._lock:
            return self._state.concurrency

    @property
    def latency(self) -> float:
        """Return the seconds that a call takes, as a moving average; 0 before the first response."""
        return self._state.latency

    @property
    def calls_per_second(self) -> float:
        """Return how many calls the limit and the latency allow in the long run."""
        with self._lock:
            return self._state.calls_per_second

    def acquire(self, *, has_written: bool = False) -> float:
        """Wait until a call may be sent, count it and return its start, which `release` needs in any case.

        Raises:
            Stopped: after `stop`; a change that `has_written` may go on as long as it need not wait.
        """
        while True:
            is_stopped = self._stopping.is_set()
            with self._lock:
                now = self._clock()
                delay = self._state.delay(now)
                if delay <= 0 and (has_written or not is_stopped):
                    self._state.record_start(now)
                    break
            if is_stopped:
                raise Stopped(has_written=has_written)
            if delay >= _WORTH_SAYING and now - self._notified_at >= _WORTH_SAYING:
                self._notified_at = now
                self._notify(f"waiting for {self._state.name}, {delay:.0f} s left")
            self.sleep(min(delay, _MAX_SLEEP))
        if self._notified_at > -math.inf:
            self._notified_at = -math.inf
            self._notify("")
        return now

    def release(self, started_at: float, headers: Mapping[str, str]) -> str:
        """Record the response of a call: figures may be decimals (recorded), headers are empty without a response.

        Return a sentence about a limit below one call a minute, which cannot be meant and does not count.
        """
        total = _number(headers.get("x-ratelimit-total"))
        remaining = _number(headers.get("x-ratelimit-remaining"))
        with self._lock:
            self._state.record_response(started_at, self._clock(), total=total, remaining=remaining)
        is_odd = total is not None and total < _LEAST_TOTAL
        return f"names a limit of {total:g} calls a minute, which is ignored" if is_odd else ""

    def pause(self, seconds: float) -> None:
        """Delay all threads: the portal asked for it."""
        with self._lock:
            self._state.block_until(self._clock() + seconds)


def _number(text: str | None) -> float | None:
    try:
        found = float(text) if text is not None else None
    except ValueError:
        return None
    return found if found is not None and 0 <= found < float("inf") else None
