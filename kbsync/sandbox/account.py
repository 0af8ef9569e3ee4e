"""One account: what it holds, how it behaves, and what has been asked of it."""

from dataclasses import dataclass, field
from typing import Any

from kbsync.sandbox.faults import Faults
from kbsync.sandbox.limits import Limiter
from kbsync.sandbox.settings import Settings
from kbsync.sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to the API; `status` is 0 where the caller got no answer, `path` has no query."""

    method: str
    path: str
    status: int
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What every room of the web side shares."""

    settings: Settings
    store: Store
    faults: Faults
    limiter: Limiter
    calls: list[Call] = field(default_factory=list)


def account_from(settings: Settings) -> Account:
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
