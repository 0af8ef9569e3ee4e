"""Portals for tests: one server in a process, and in it an account of its own for each test.

An account has a port of its own, so that a test meets what a user meets. It opens and closes in a few milliseconds; a
server for each test takes a fifth of a second, most of it until uvicorn has stopped.
"""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import uvicorn

from kbsync.sandbox.account import Account
from kbsync.sandbox.server import TIMEOUT_SECONDS, Portal, _listen, _portal, _server
from kbsync.sandbox.settings import SandboxSettings


@contextmanager
def serve(settings: SandboxSettings | None = None) -> Iterator[Portal]:
    """Serve an account until the block ends, as `kbsync.sandbox.server.serve` does."""
    account = Account(settings or SandboxSettings())
    with closing(account.store), closing(_listen("127.0.0.1", 0)) as listener:
        server = _server(account)
        _run(_open(server, listener))
        try:
            yield _portal(account, listener)
        finally:
            _run(_close(server))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="portals", daemon=True).start()
    return loop


def _run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run_coroutine_threadsafe(what, _loop()).result(TIMEOUT_SECONDS)


async def _open(server: uvicorn.Server, listener: socket.socket) -> None:
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup([listener])


async def _close(server: uvicorn.Server) -> None:
    """Close what listens and all connections; a call that hangs is cancelled."""
    for listening in server.servers:
        listening.close()
    for connection in tuple(server.server_state.connections):
        connection.transport.abort()
    calls = tuple(server.server_state.tasks)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
