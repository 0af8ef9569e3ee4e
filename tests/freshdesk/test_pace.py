"""The pace, against portals that count in the ways a portal may count: an invented clock, no waiting."""

import heapq
import math
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.freshdesk.rate_limit import Allowance, RateLimiter, Ticket

WINDOW = 60.0


class Counting:
    """A portal that allows `total` calls a minute, in minutes of the clock or in any 60 seconds."""

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
    portal: Counting, *, share: float, calls: int, threads: int, latency: Callable[[], float], others: list[float]
) -> float:
    """Send so many calls through so many threads and give the time of the last answer; `others` are calls of others."""
    allowance, now, last = Allowance(share), 0.0, 0.0
    events: list[tuple[float, int, str, Ticket | None, float]] = []
    for n, at in enumerate(sorted(others)):
        heapq.heappush(events, (at, n, "other", None, 0.0))
    order, free, left = len(others), threads, calls
    while left or free < threads:
        delay = allowance.delay(now) if left and free else math.inf
        if delay <= 0:
            ticket = Ticket(started=now)
            allowance.started(ticket)
            left, free, order = left - 1, free - 1, order + 1
            heapq.heappush(events, (now + latency(), order, "arrival", ticket, 0.0))
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
            allowance.answered(about, now, total=float(portal.total), remaining=remaining)
            free, last = free + 1, now
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
def test_alone_it_is_never_refused_and_uses_its_share(
    total: int, share: float, minutes: float, threads: int, sliding: bool, offset: float, latencies: list[float]
) -> None:
    portal = Counting(total, sliding=sliding, offset=offset)
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
def test_others_who_keep_to_their_share_bring_no_refusal(
    total: int, threads: int, sliding: bool, offset: float, others: st.DataObject
) -> None:
    theirs = total - int(total * 0.8)
    # So many in any 60 seconds, however they bunch: each one's times are a minute apart.
    starts = others.draw(st.lists(st.floats(0, 60), min_size=theirs, max_size=theirs))
    portal = Counting(total, sliding=sliding, offset=offset)
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


def test_a_minute_that_is_over_by_a_rounding_error_lets_no_call_too_many_through() -> None:
    portal = Counting(5, sliding=False, offset=0.0)
    _run(portal, share=1.0, calls=12, threads=6, latency=lambda: 0.01, others=[])
    assert portal.refused == 0


def test_a_run_that_finds_little_left_is_not_refused_and_goes_on_in_the_next_minute() -> None:
    portal = Counting(50, sliding=False, offset=0.0)
    for _ in range(45):
        portal.arrive(0.0, ours=False)
    took = _run(portal, share=0.8, calls=30, threads=8, latency=lambda: 0.1, others=[])
    assert portal.refused == 0
    assert 60 < took < 75


def test_a_portal_that_names_no_allowance_is_not_slowed_down() -> None:
    allowance, now = Allowance(0.8), 5.0
    first = Ticket(started=now)
    allowance.started(first)
    allowance.answered(first, now, total=None, remaining=None)
    for _ in range(10_000):
        assert allowance.delay(now) <= 0
        allowance.started(Ticket(started=now))


def test_before_the_first_answer_only_a_few_calls_are_on_their_way() -> None:
    allowance, sent = Allowance(0.8), 0
    while allowance.delay(0.0) <= 0 and sent < 100:
        allowance.started(Ticket(started=0.0))
        sent += 1
    assert sent == 4


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def _pacer() -> tuple[RateLimiter, Clock]:
    clock = Clock()
    return RateLimiter(0.5, clock=lambda: clock.now, sleep=clock.sleep), clock


def test_a_pause_holds_the_next_call_back() -> None:
    pacer, clock = _pacer()
    pacer.pause(34)
    pacer.pause(3)
    pacer.take()
    assert clock.now == pytest.approx(34)


def test_decimals_are_figures_and_nonsense_is_none() -> None:
    pacer, clock = _pacer()
    for headers in (
        {"x-ratelimit-total": "4.0", "x-ratelimit-remaining": "3.0"},
        {"x-ratelimit-total": "many", "x-ratelimit-remaining": "nan"},
    ):
        pacer.give(pacer.take(), headers)
    assert clock.now == 0
    pacer.take()
    assert clock.now == pytest.approx(60.5)


@pytest.mark.parametrize("total", ["0", "-5", "inf", ""])
def test_an_allowance_of_nothing_is_no_allowance(total: str) -> None:
    pacer, clock = _pacer()
    for _ in range(50):
        pacer.give(pacer.take(), {"x-ratelimit-total": total, "x-ratelimit-remaining": total})
    assert clock.now == 0
