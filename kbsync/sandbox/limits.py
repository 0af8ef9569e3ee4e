"""The account's calls a minute."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

UNLIMITED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left after one call; `wait` is the seconds to the next window where the call was one too many."""

    total: int
    remaining: int
    wait: int | None = None


class Limiter:
    """Counts the calls of one account in windows that begin with the first call."""

    def __init__(self, calls: int | None, *, window: float = 60.0, tick: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._window = window
        self._tick = tick
        self._lock = threading.Lock()
        self._began = -math.inf
        self._used = 0

    def take(self) -> Allowance:
        """Count one call, also one that is refused or invalid (documented)."""
        total = UNLIMITED if self._calls is None else self._calls
        with self._lock:
            now = self._tick()
            if now - self._began >= self._window:
                self._began, self._used = now, 0
            self._used += 1
            remaining = max(total - self._used, 0)
            if self._calls is None or self._used <= total:
                return Allowance(total=total, remaining=remaining)
            return Allowance(total=total, remaining=0, wait=max(1, math.ceil(self._began + self._window - now)))
