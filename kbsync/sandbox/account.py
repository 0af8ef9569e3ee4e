"""Trouble on demand: which calls go wrong, and how."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Literal, get_args

from kbsync.sandbox.settings import SandboxSettings
from kbsync.sandbox.store import Store

Kind = Literal["error", "lost", "delay", "truncated"]
Body = Literal["html", "empty", "json"]
ERRORS = frozenset(int(status) for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What shall go wrong with some of the calls to the API.

    * `kind`: `error` answers `status` and does nothing; `lost` does what was asked and drops the connection, or drops
      it before doing anything when `applied` is false; `delay` waits `seconds` first; `truncated` does what was
      asked and breaks off halfway through the answer.
    * `method` and `path` choose the calls; `*` stands for anything; a path begins with `/api/v2/` and has no query.
    * `skip` calls that match go well first, then every `every`-th goes wrong, `times` times (`None`: for ever).
    """

    kind: Kind = "error"
    method: str = "*"
    path: str = "*"
    status: int = 500
    body: Body = "html"
    seconds: float = 0.0
    applied: bool = True
    skip: int = 0
    every: int = 1
    times: int | None = 1

    def concerns(self, method: str, path: str) -> bool:
        """Return whether a call is one of those chosen."""
        return fnmatchcase(method, self.method.upper()) and fnmatchcase(path, self.path)


def fault_from_json(value: Mapping[str, Any]) -> Fault:
    """Read a fault from JSON; raises `ValueError` with advice."""
    known = {item.name: item for item in fields(Fault)}
    unknown = sorted(value.keys() - known.keys())
    if unknown:
        raise ValueError(f"a fault has no {', '.join(unknown)}; it has {', '.join(known)}")
    for name, allowed in (("kind", get_args(Kind)), ("body", get_args(Body))):
        if value.get(name, allowed[0]) not in allowed:
            raise ValueError(f"{name} is one of {', '.join(allowed)}")
    if value.get("status", 500) not in ERRORS:
        raise ValueError("status is that of an error, such as 500 or 502")
    for name in ("skip", "every", "times"):
        number = value.get(name, 1)
        if not (number is None and name == "times") and (not isinstance(number, int) or isinstance(number, bool)):
            raise ValueError(f"{name} is a whole number")
    if not isinstance(value.get("seconds", 0), int | float) or value.get("every", 1) < 1:
        raise ValueError("seconds is a number and every is at least 1")
    if not all(isinstance(value.get(name, ""), str) for name in ("method", "path")):
        raise ValueError("method and path are texts in which * stands for anything")
    return Fault(**value)


@dataclass(slots=True)
class _Waiting:
    fault: Fault
    seen: int = 0
    done: int = 0


class Faults:
    """The faults that wait for their calls. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def add(self, fault: Fault) -> None:
        """Let calls go wrong from now on."""
        with self._lock:
            self._waiting.append(_Waiting(fault))

    def fail(self, method: str = "*", path: str = "*", *, status: int = 500, **others: Any) -> None:
        """Answer the next matching call with an error of the server; `others` as for `Fault`."""
        self.add(Fault(kind="error", method=method, path=path, status=status, **others))

    def lose(self, method: str = "*", path: str = "*", **others: Any) -> None:
        """Do what the next matching call asks and drop the connection instead of answering."""
        self.add(Fault(kind="lost", method=method, path=path, **others))

    def delay(self, seconds: float, method: str = "*", path: str = "*", **others: Any) -> None:
        """Let the next matching call wait."""
        self.add(Fault(kind="delay", seconds=seconds, method=method, path=path, **others))

    def truncate(self, method: str = "*", path: str = "*", **others: Any) -> None:
        """Break off halfway through the answer to the next matching call."""
        self.add(Fault(kind="truncated", method=method, path=path, **others))

    def clear(self) -> None:
        """Let all go well again."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> tuple[Fault, ...]:
        """Return which faults may still strike."""
        with self._lock:
            return tuple(one.fault for one in self._waiting)

    def strike(self, method: str, path: str) -> Fault | None:
        """Count one call and give the fault that strikes it, if one does."""
        with self._lock:
            struck = None
            for one in self._waiting:
                if not one.fault.concerns(method, path):
                    continue
                one.seen += 1
                due = one.seen > one.fault.skip and (one.seen - one.fault.skip) % one.fault.every == 0
                if due and struck is None:
                    struck = one.fault
                    one.done += 1
            self._waiting = [one for one in self._waiting if one.fault.times is None or one.done < one.fault.times]
            return struck


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call to the API; `status` is 0 where the caller got no answer, `path` has no query."""

    method: str
    path: str
    status: int
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What every module of the web side shares."""

    settings: SandboxSettings
    store: Store
    faults: Faults
    limiter: Limiter
    calls: list[RecordedCall] = field(default_factory=list)


def account_from(settings: SandboxSettings) -> Account:
    """Open an account with its data."""
    return Account(
        settings=settings,
        store=Store(settings),
        faults=Faults(),
        limiter=Limiter(settings.calls_per_minute, window=settings.window),
    )


def account_of(request: Any) -> Account:
    """Find the account that a request is for."""
    account: Account = request.app.state.account
    return account
