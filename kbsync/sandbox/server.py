"""The server itself: one thread for tests and demos, or the process's own for the command."""

import ipaddress
import logging
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from kbsync.sandbox.account import Account, Faults, RecordedCall, account_from, account_of, fault_from_json
from kbsync.sandbox.api.app import Gate, answer_to, api, check_key
from kbsync.sandbox.api.errors import Refused, coded
from kbsync.sandbox.api.requests import body_of
from kbsync.sandbox.pages import agent, reader
from kbsync.sandbox.pages.render import STATIC
from kbsync.sandbox.settings import SandboxError, SandboxSettings
from kbsync.sandbox.store import Store, load_path

Endpoint = Callable[[Request], Awaitable[Response]]


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            check_key(request, account_of(request))
            return await endpoint(request)
        except Refused as refused:
            return answer_to(refused)

    return guarded


async def _faults(request: Request) -> Response:
    faults = account_of(request).faults
    if request.method == "POST":
        try:
            faults.add(fault_from_json(await body_of(request)))
        except ValueError as error:
            raise coded(400, "invalid_value", str(error)) from None
    elif request.method == "DELETE":
        faults.clear()
    return JSONResponse([asdict(fault) for fault in faults.waiting()])


async def _calls(request: Request) -> Response:
    calls = account_of(request).calls
    if request.method == "DELETE":
        calls.clear()
    return JSONResponse([asdict(call) for call in calls])


ROUTES = [
    Route("/sandbox/faults", _guarded(_faults), methods=["GET", "POST", "DELETE"]),
    Route("/sandbox/calls", _guarded(_calls), methods=["GET", "DELETE"]),
]

LOG = logging.getLogger("kbsync.sandbox")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def app(account: Account) -> ASGIApp:
    """Make the application that answers everything."""
    routes = [
        Mount("/api", Gate(api(account), account)),
        Mount("/static", StaticFiles(directory=STATIC)),
        *ROUTES,
        *agent.ROUTES,
        *reader.ROUTES,
    ]
    inner = Starlette(routes=routes, exception_handlers={404: _missing})
    inner.state.account = account
    return _KnownHosts(inner, (*LOOPBACK, *account.settings.hosts))


async def _missing(request: Request, _: Exception) -> Response:
    return reader.missing(request)


class _KnownHosts:
    """Answers only to names that are known, so that no foreign site can turn its own name into this address."""

    def __init__(self, inner: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._inner = inner
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _host(scope) in self._hosts:
            try:
                await self._inner(scope, receive, send)
            except Exception:
                LOG.exception("The sandbox has an error of its own; please report it.")
                raise
            return
        answer: Response = PlainTextResponse("The sandbox answers to localhost alone.\n", status_code=421)
        await answer(scope, receive, send)


def _host(scope: Scope) -> str:
    given = Headers(scope=scope).get("host", "").lower()
    return given.partition("]")[0] + "]" if given.startswith("[") else given.partition(":")[0]


PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A running sandbox; `calls` is every call to the API so far, and may be cleared."""

    url: str
    key: str = field(repr=False)
    settings: SandboxSettings
    store: Store
    faults: Faults
    calls: list[RecordedCall]


@contextmanager
def serve(settings: SandboxSettings | None = None, *, port: int = 0) -> Iterator[Portal]:
    """Run a sandbox in a thread, on a free port of loopback unless `port` says which, until the block ends."""
    account = account_from(settings or SandboxSettings())
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
    settings: SandboxSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    load: tuple[Path, ...] = (),
    announce: Callable[[Portal], None] = lambda _: None,
) -> None:
    """Run a sandbox in this thread until it is interrupted; `announce` is told once it listens.

    Raises `SandboxError` where the port is taken, the data cannot be used, what shall be loaded cannot be read, or the
    host is one that others on the network can reach and `SandboxSettings.hosts` does not say that this is meant.
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
