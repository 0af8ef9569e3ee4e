"""One account of the sandbox: its settings and store, its injected faults, its rate limit and its recorded calls."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Literal, get_args

from kbsync.sandbox.settings import SandboxSettings
from kbsync.sandbox.store import Store

FaultKind = Literal["error", "lost", "delay", "truncated"]
ErrorBody = Literal["html", "empty", "json"]
ERRORS = frozenset(int(status) for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that is injected into some of the calls to the API.

    * `kind`: `error` responds with `status` and does nothing else; `lost` applies the call and drops the
      connection, or drops it at once when `applied` is false; `delay` waits `seconds` first; `truncated` applies
      the call and sends half of the response.
    * `method` and `path` select the calls; `*` matches anything; a path begins with `/api/v2/` and has no query.
    * The first `skip` matching calls succeed, then every `every`-th fails, `times` times (`None`: without end).
    """

    kind: FaultKind = "error"
    method: str = "*"
    path: str = "*"
    status: int = 500
    body: ErrorBody = "html"
    seconds: float = 0.0
    applied: bool = True
    skip: int = 0
    every: int = 1
    times: int | None = 1


def fault_from_json(value: Mapping[str, Any]) -> Fault:
    """Read a fault from JSON; raise `ValueError` where it is not valid."""
    known = {item.name: item for item in fields(Fault)}
    unknown = sorted(value.keys() - known.keys())
    if unknown:
        raise ValueError(f"unknown fields: {', '.join(unknown)}; valid fields are {', '.join(known)}")
    for name, allowed in (("kind", get_args(FaultKind)), ("body", get_args(ErrorBody))):
        if value.get(name, allowed[0]) not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}")
    if value.get("status", 500) not in ERRORS:
        raise ValueError("status must be an HTTP error status, such as 500 or 502")
    for name in ("skip", "every", "times"):
        number = value.get(name, 1)
        if not (number is None and name == "times") and (not isinstance(number, int) or isinstance(number, bool)):
            raise ValueError(f"{name} must be a whole number")
    if not isinstance(value.get("seconds", 0), int | float) or value.get("every", 1) < 1:
        raise ValueError("seconds must be a number and every at least 1")
    if not all(isinstance(value.get(name, ""), str) for name in ("method", "path")):
        raise ValueError("method and path must be text; * matches anything")
    return Fault(**value)


@dataclass(slots=True)
class _PendingFault:
    fault: Fault
    matched: int = 0
    triggered: int = 0


class Faults:
    """The faults that are still pending. Every method is thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[_PendingFault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._pending.append(_PendingFault(fault))

    def fail(self, method: str = "*", path: str = "*", *, status: int = 500, **others: Any) -> None:
        """Respond to the next matching call with a server error; `others` as for `Fault`."""
        self.add(Fault(kind="error", method=method, path=path, status=status, **others))

    def lose(self, method: str = "*", path: str = "*", **others: Any) -> None:
        """Apply the next matching call and drop the connection instead of responding."""
        self.add(Fault(kind="lost", method=method, path=path, **others))

    def delay(self, seconds: float, method: str = "*", path: str = "*", **others: Any) -> None:
        """Delay the next matching call."""
        self.add(Fault(kind="delay", seconds=seconds, method=method, path=path, **others))

    def truncate(self, method: str = "*", path: str = "*", **others: Any) -> None:
        """Send half of the response to the next matching call."""
        self.add(Fault(kind="truncated", method=method, path=path, **others))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._pending.clear()

    def pending(self) -> tuple[Fault, ...]:
        """Return the faults that are still pending."""
        with self._lock:
            return tuple(one.fault for one in self._pending)

    def strike(self, method: str, path: str) -> Fault | None:
        """Count one call and return the fault that applies to it, if any."""
        with self._lock:
            struck = None
            for one in self._pending:
                if not (fnmatchcase(method, one.fault.method.upper()) and fnmatchcase(path, one.fault.path)):
                    continue
                one.matched += 1
                due = one.matched > one.fault.skip and (one.matched - one.fault.skip) % one.fault.every == 0
                if due and struck is None:
                    struck = one.fault
                    one.triggered += 1
            self._pending = [one for one in self._pending if one.fault.times is None or one.triggered < one.fault.times]
            return struck


UNLIMITED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimit:
    """The rate limit after one call; `retry_after` is the seconds to the next window if it was exceeded."""

    total: int
    remaining: int
    retry_after: int | None = None


class CallWindow:
    """Counts the calls of one account in windows; a window begins with its first call."""

    def __init__(self, calls: int | None, *, window: float = 60.0, timer: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._window = window
        self._timer = timer
        self._lock = threading.Lock()
        self._start = -math.inf
        self._used = 0

    def take(self) -> CallLimit:
        """Count one call, even one that fails (documented)."""
        total = UNLIMITED if self._calls is None else self._calls
        with self._lock:
            now = self._timer()
            if now - self._start >= self._window:
                self._start, self._used = now, 0
            self._used += 1
            seconds = max(1, math.ceil(self._start + self._window - now))
            retry_after = seconds if self._calls is not None and self._used > total else None
            return CallLimit(total=total, remaining=max(total - self._used, 0), retry_after=retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A call to the API; `status` is 0 where the caller got no complete response, `path` has no query."""

    method: str
    path: str
    status: int
    query: str = ""


class Account:
    """One Freshdesk account with its data, as the API and the pages use it."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.store = Store(settings)
        self.faults = Faults()
        self.call_window = CallWindow(settings.calls_per_minute, window=settings.window)
        self.calls: list[RecordedCall] = []


def account_of(request: Any) -> Account:
    """Return the account that a request is for."""
    account: Account = request.app.state.account
    return account
