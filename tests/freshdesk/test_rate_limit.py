"""The rate limit, against portals that count in different ways, with a simulated clock."""

import heapq
import math
from collections import deque
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.freshdesk.rate_limit import RateLimiter, RateLimitState

WINDOW = 60.0


class CountingPortal:
    """A portal that allows `total` calls per minute, in minutes of the clock or in any 60 seconds."""

    def __init__(self, total: int, *, sliding: bool, offset: float) -> None:
        self.total = total
        self.sliding = sliding
        self.offset = offset
        self.seen: deque[float] = deque()
        self.refused = 0

    def arrive(self, now: float, *, ours: bool) -> float:
        start = now - WINDOW if self.sliding else math.floor((now - self.offset) / WINDOW) * WINDOW + self.offset
        while self.seen and (self.seen[0] <= start if self.sliding else self.seen[0] < start):
            self.seen.popleft()
        self.seen.append(now)
        self.refused += ours and len(self.seen) > self.total
        return max(0.0, self.total - len(self.seen))


def _run(
    portal: CountingPortal,
    *,
    share: float,
    calls: int,
    threads: int | None,
    latency: Callable[[], float],
    others: list[float],
) -> float:
    """Send calls in threads and return the time of the last response; `others` are the times of others' calls.

    Without a number of threads there are as many as the limit has work for; `latency` is that of one way.
    """
    state, now, last = RateLimitState(share), 0.0, 0.0
    events: list[tuple[float, int, str, float | None, float]] = []
    for n, at in enumerate(sorted(others)):
        heapq.heappush(events, (at, n, "other", None, 0.0))
    order, busy, left = len(others), 0, calls
    while left or busy:
        delay = state.delay(now) if left and busy < (threads or state.concurrency) else math.inf
        if delay <= 0:
            state.record_start(now)
            left, busy, order = left - 1, busy + 1, order + 1
            heapq.heappush(events, (now + latency(), order, "arrival", now, 0.0))
            continue
        wake = now + min(delay, 0.5)
        if not events or wake < events[0][0]:
            now = wake
            continue
        now, n, what, about, remaining = heapq.heappop(events)
        if what == "other":
            portal.arrive(now, ours=False)
        elif what == "arrival":
            heapq.heappush(events, (now + latency(), n, "answer", about, portal.arrive(now, ours=True)))
        elif about is not None:
            state.record_response(about, now, total=float(portal.total), remaining=remaining)
            busy, last = busy - 1, now
    return last


@given(
    total=st.sampled_from([5, 20, 50, 200, 700]),
    share=st.sampled_from([0.2, 0.5, 0.8, 1.0]),
    minutes=st.floats(0.2, 2.5),
    threads=st.integers(1, 16),
    sliding=st.booleans(),
    offset=st.floats(0, 59),
    latencies=st.lists(st.floats(0.01, 4.0), min_size=1, max_size=7),
)
def test_a_single_client_gets_no_429_and_uses_its_share(
    total: int, share: float, minutes: float, threads: int, sliding: bool, offset: float, latencies: list[float]
) -> None:
    portal = CountingPortal(total, sliding=sliding, offset=offset)
    turn = iter(range(10**9))
    calls = max(1, int(total * share * minutes))
    took = _run(
        portal,
        share=share,
        calls=calls,
        threads=threads,
        latency=lambda: latencies[next(turn) % len(latencies)],
        others=[],
    )
    assert portal.refused == 0
    # As long as its share of a minute lasts, each minute; and what the slowness of the network and a call each take.
    slow = calls * 2 * max(latencies) / threads
    assert took <= (math.ceil(calls / max(1, int(total * share))) - 1) * 61 + slow + 6 * max(latencies) + 2


@given(
    total=st.sampled_from([20, 50, 200]),
    threads=st.integers(1, 12),
    sliding=st.booleans(),
    offset=st.floats(0, 59),
    others=st.data(),
)
def test_other_clients_within_their_share_cause_no_429(
    total: int, threads: int, sliding: bool, offset: float, others: st.DataObject
) -> None:
    theirs = total - int(total * 0.8)
    # So many in any 60 seconds, however they bunch: each one's times are a minute apart.
    starts = others.draw(st.lists(st.floats(0, 60), min_size=theirs, max_size=theirs))
    portal = CountingPortal(total, sliding=sliding, offset=offset)
    calls = int(total * 0.8 * 2.2)
    _run(
        portal,
        share=0.8,
        calls=calls,
        threads=threads,
        latency=lambda: 0.2,
        others=[at + n * 60.1 for at in starts for n in range(8)],
    )
    assert portal.refused == 0


@pytest.mark.parametrize("total", [50, 400, 700])
@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.5])
def test_as_many_callers_as_are_asked_for_use_the_share_at_any_latency(total: int, seconds: float) -> None:
    portal, jitter = CountingPortal(total, sliding=False, offset=17.0), Random(0)
    minutes = 10
    calls = int(total * 0.8) * minutes
    took = _run(
        portal,
        share=0.8,
        calls=calls,
        threads=None,
        latency=lambda: seconds / 2 * jitter.uniform(0.7, 1.3),
        others=[],
    )
    assert portal.refused == 0
    assert took <= minutes * WINDOW / 0.95


@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.5])
def test_what_another_client_leaves_is_used(seconds: float) -> None:
    """It takes half of the calls, at random; of those that are left at least nine in ten are used."""
    portal, chance, minutes = CountingPortal(400, sliding=False, offset=17.0), Random(1), 10
    took = _run(
        portal,
        share=0.8,
        calls=int(200 * minutes * 0.9),
        threads=None,
        latency=lambda: seconds / 2 * chance.uniform(0.7, 1.3),
        others=[chance.uniform(0, 60 * 2 * minutes) for _ in range(2 * 200 * minutes)],
    )
    assert took <= minutes * WINDOW
    assert portal.refused <= 0.02 * 200 * minutes


def test_a_rounding_error_at_the_end_of_a_minute_causes_no_429() -> None:
    portal = CountingPortal(5, sliding=False, offset=0.0)
    _run(portal, share=1.0, calls=12, threads=6, latency=lambda: 0.01, others=[])
    assert portal.refused == 0


def test_a_run_with_few_calls_left_continues_in_the_next_minute() -> None:
    portal = CountingPortal(50, sliding=False, offset=0.0)
    for _ in range(45):
        portal.arrive(0.0, ours=False)
    took = _run(portal, share=0.8, calls=30, threads=8, latency=lambda: 0.1, others=[])
    assert portal.refused == 0
    assert 60 < took < 75


def test_a_portal_without_a_rate_limit_is_not_slowed_down() -> None:
    state, now = RateLimitState(0.8), 5.0
    first = now
    state.record_start(first)
    state.record_response(first, now, total=None, remaining=None)
    for _ in range(10_000):
        assert state.delay(now) <= 0
        state.record_start(now)


def test_only_a_few_calls_are_in_flight_before_the_first_response() -> None:
    state, sent = RateLimitState(0.8), 0
    while state.delay(0.0) <= 0 and sent < 100:
        state.record_start(0.0)
        sent += 1
    assert sent == 4


class Clock:
    """A clock that only `sleep` advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def _rate_limiter() -> tuple[RateLimiter, Clock]:
    clock = Clock()
    return RateLimiter(0.5, clock=lambda: clock.now, sleep=clock.sleep), clock


def test_a_pause_delays_the_next_call() -> None:
    limiter, clock = _rate_limiter()
    limiter.pause(34)
    limiter.pause(3)
    limiter.acquire()
    assert clock.now == pytest.approx(34)


def test_a_wait_is_reported_every_second_and_its_end_too() -> None:
    clock, heard = Clock(), list[str]()
    limiter = RateLimiter(clock=lambda: clock.now, sleep=clock.sleep, notify=heard.append)
    limiter.release(limiter.acquire(), {"x-ratelimit-total": "200", "x-ratelimit-remaining": "199"})
    assert heard == []
    limiter.pause(4)
    limiter.acquire()
    left = [f"waiting for Freshdesk's limit (200 calls a minute), {seconds} s left" for seconds in (4, 3, 2, 1)]
    assert heard == [*left, ""]


def test_decimals_are_numbers_and_other_text_is_ignored() -> None:
    limiter, clock = _rate_limiter()
    for headers in (
        {"x-ratelimit-total": "4.0", "x-ratelimit-remaining": "3.0"},
        {"x-ratelimit-total": "many", "x-ratelimit-remaining": "nan"},
    ):
        limiter.release(limiter.acquire(), headers)
    assert clock.now == 0
    limiter.acquire()
    assert clock.now == pytest.approx(60.5)


@pytest.mark.parametrize("total", ["0", "-5", "inf", ""])
def test_a_rate_limit_of_zero_is_no_limit(total: str) -> None:
    limiter, clock = _rate_limiter()
    for _ in range(50):
        limiter.release(limiter.acquire(), {"x-ratelimit-total": total, "x-ratelimit-remaining": total})
    assert clock.now == 0
