"""The server itself: one thread for tests and demos, or the process's own for the command."""

import ipaddress
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from kbsync.sandbox.account import Account, Call, account_from
from kbsync.sandbox.app import app
from kbsync.sandbox.errors import SandboxError
from kbsync.sandbox.faults import Faults
from kbsync.sandbox.load import load_path
from kbsync.sandbox.settings import Settings
from kbsync.sandbox.store import Store

PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A running sandbox; `calls` is every call to the API so far, and may be cleared."""

    url: str
    key: str = field(repr=False)
    settings: Settings
    store: Store
    faults: Faults
    calls: list[Call]


@contextmanager
def serve(settings: Settings | None = None, *, port: int = 0) -> Iterator[Portal]:
    """Run a sandbox in a thread, on a free port of loopback unless `port` says which, until the block ends."""
    account = account_from(settings or Settings())
    with closing(account.store), closing(_listen("127.0.0.1", port)) as listener:
        server = _server(account)
        thread = threading.Thread(target=server.run, args=([listener],), name="kbsync sandbox", daemon=True)
        thread.start()
        try:
            _wait_for(server, thread)
            yield _portal(account, listener)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


def run(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    load: tuple[Path, ...] = (),
    announce: Callable[[Portal], None] = lambda _: None,
) -> None:
    """Run a sandbox in this thread until it is interrupted; `announce` is told once it listens.

    Raises `SandboxError` where the port is taken, the data cannot be used, what shall be loaded cannot be read, or the
    host is one that others on the network can reach and `Settings.hosts` does not say that this is meant.
    """
    if not _is_loopback(host) and not settings.hosts:
        raise SandboxError(
            f"{host} can be reached by others on the network; name the hosts that may ask, or use 127.0.0.1"
        )
    account = account_from(settings)
    with closing(account.store), closing(_listen(host, port)) as listener:
        for path in load:
            load_path(account.store, path)
        with _terminated_like_interrupted(), suppress(KeyboardInterrupt):
            announce(_portal(account, listener))
            _server(account).run([listener])


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _server(account: Account) -> uvicorn.Server:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Server(
        uvicorn.Config(
            app(account),
            http=_Droppable,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once only on sockets that say they are TCP; otherwise each waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise SandboxError(f"cannot listen on {host} port {port} ({error}); --port 0 takes a free one") from error
    return listener


def _portal(account: Account, listener: socket.socket) -> Portal:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return Portal(
        url=f"http://{shown}:{port}",
        key=account.settings.key,
        settings=account.settings,
        store=account.store,
        faults=account.faults,
        calls=account.calls,
    )


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise SandboxError("the sandbox did not start")
        time.sleep(0.002)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Droppable(H11Protocol):
    """HTTP as usual, but the application may ask for the connection to be dropped: that is how an answer gets lost."""

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        inner = self.app

        async def droppable(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["sandbox.drop"] = self._drop
            await inner(scope, receive, send)

        self.app = droppable

    async def _drop(self) -> None:
        self.transport.close()
