"""Portals for tests: one server in a process, with an account of its own for each test.

The first account of every test has the same address, so that what one test has published can be copied for another. An
account opens and closes in a millisecond; a server for each test takes a fifth of a second, most of it to stop.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from kbsync.sandbox.account import Account
from kbsync.sandbox.server import TIMEOUT_SECONDS, Portal, app, listen, portal_of, server_for
from kbsync.sandbox.settings import SandboxSettings


@contextmanager
def serve(settings: SandboxSettings | None = None) -> Iterator[Portal]:
    """Serve an account until the block ends, as `kbsync.sandbox.server.serve` does."""
    account = Account(settings or SandboxSettings())
    address = _FREE.pop() if _FREE else _Address()
    with closing(account.store):
        address.app = app(account)
        try:
            yield portal_of(account, address.listener)
        finally:
            _run(address.end_calls())
            _FREE.append(address)


class _Address:
    """One port of the server, and the application of the account that has it now."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.listener = listen("127.0.0.1", 0)
        self._server = server_for(self)
        _run(self._open())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None, "a call after the test"
        await self.app(scope, receive, send)

    async def _open(self) -> None:
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup([self.listener])

    async def end_calls(self) -> None:
        """Close all connections, and cancel the calls that hang."""
        state = self._server.server_state
        for connection in tuple(state.connections):
            connection.transport.abort()
        calls = tuple(state.tasks)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


_FREE: list[_Address] = []


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="portals", daemon=True).start()
    return loop


def _run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run_coroutine_threadsafe(what, _loop()).result(TIMEOUT_SECONDS)
