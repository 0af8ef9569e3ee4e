"""The server of a sandbox: in a thread for tests and demos, or in the main thread for the command."""

import ipaddress
import logging
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
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

from kbsync.sandbox.account import Account, Faults, RecordedCall, account_of, fault_from_json
from kbsync.sandbox.api.app import DROP, api_app, check_key, error_handler
from kbsync.sandbox.api.errors import ApiError, error_with_code
from kbsync.sandbox.api.requests import body_of
from kbsync.sandbox.pages import agent, reader
from kbsync.sandbox.pages.render import STATIC
from kbsync.sandbox.settings import SandboxError, SandboxSettings
from kbsync.sandbox.store import Store, load_path

LOG = logging.getLogger("kbsync.sandbox")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A running sandbox; `calls` are the calls to the API so far, and may be cleared."""

    url: str
    key: str = field(repr=False)
    settings: SandboxSettings
    store: Store
    faults: Faults
    calls: list[RecordedCall]


@contextmanager
def serve(settings: SandboxSettings | None = None, *, port: int = 0) -> Iterator[Portal]:
    """Run a sandbox in a thread until the block ends, on loopback; port 0 selects a free port."""
    account = Account(settings or SandboxSettings())
    with closing(account.store), closing(listen("127.0.0.1", port)) as listener:
        server = server_for(app(account))
        thread = threading.Thread(target=server.run, args=([listener],), name="kbsync sandbox", daemon=True)
        thread.start()
        try:
            _wait_for(server, thread)
            yield portal_of(account, listener)
        finally:
            server.should_exit = True
            thread.join(TIMEOUT_SECONDS)


def run(
    settings: SandboxSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    load: tuple[Path, ...] = (),
    announce: Callable[[Portal], None] = lambda _: None,
) -> None:
    """Run a sandbox in this thread until it is interrupted; `announce` is called once it accepts connections.

    Raise `SandboxError` where the port is taken, the data file cannot be used, a file to load cannot be read, or the
    host can be reached from the network and `SandboxSettings.hosts` is empty.
    """
    if not _is_loopback(host) and not settings.hosts:
        raise SandboxError(f"other computers can reach {host}; use 127.0.0.1, or set the accepted host names")
    account = Account(settings)
    with closing(account.store), closing(listen(host, port)) as listener:
        for path in load:
            load_path(account.store, path)
        with _sigterm_as_interrupt(), suppress(KeyboardInterrupt):
            announce(portal_of(account, listener))
            server_for(app(account)).run([listener])


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def server_for(application: ASGIApp) -> uvicorn.Server:
    """Return a server that is not started yet."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=_DroppableProtocol,
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


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that accepts connections; raise SandboxError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets created with IPPROTO_TCP; without it each small response takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise SandboxError(f"cannot listen on {host} port {port} ({error}); use --port 0 for a free port") from error
    return listener


def portal_of(account: Account, listener: socket.socket) -> Portal:
    """Return an account as its users know it, at the address of a socket."""
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
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise SandboxError("the sandbox did not start in time")
        time.sleep(0.002)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _DroppableProtocol(H11Protocol):
    """HTTP/1.1 with an extension by which the application drops the connection without a response."""

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        app = self.app

        async def with_drop(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[DROP] = self._drop
            await app(scope, receive, send)

        self.app = with_drop

    async def _drop(self) -> None:
        self.transport.close()


def app(account: Account) -> ASGIApp:
    """Return the application with the API, the pages and the controls of an account."""
    routes = [
        Mount("/api", api_app(account)),
        Mount("/static", StaticFiles(directory=STATIC)),
        *ROUTES,
        *agent.ROUTES,
        *reader.ROUTES,
    ]
    inner = Starlette(routes=routes, exception_handlers={404: _not_found, ApiError: error_handler})
    inner.state.account = account
    return _TrustedHosts(inner, (*LOOPBACK, *account.settings.hosts))


async def _not_found(request: Request, _: Exception) -> Response:
    return reader.not_found(request)


class _TrustedHosts:
    """Accepts requests to known host names only, as a protection against DNS rebinding."""

    def __init__(self, inner: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._inner = inner
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._inner
        if scope["type"] == "http" and _host(scope) not in self._hosts:
            app = PlainTextResponse("The sandbox accepts requests to localhost only.\n", status_code=421)
        try:
            await app(scope, receive, send)
        except Exception:
            LOG.exception("Internal error of the sandbox. Please report it.")
            raise


def _host(scope: Scope) -> str:
    found = _HOST.fullmatch(Headers(scope=scope).get("host", "").lower())
    return found[1] if found else ""


async def _faults(request: Request) -> Response:
    account = account_of(request)
    check_key(request, account)
    faults = account.faults
    if request.method == "POST":
        try:
            faults.add(fault_from_json(await body_of(request)))
        except ValueError as error:
            raise error_with_code(400, "invalid_value", str(error)) from None
    elif request.method == "DELETE":
        faults.clear()
    return JSONResponse([asdict(fault) for fault in faults.pending()])


async def _calls(request: Request) -> Response:
    account = account_of(request)
    check_key(request, account)
    if request.method == "DELETE":
        account.calls.clear()
    return JSONResponse([asdict(call) for call in account.calls])


ROUTES = [
    Route("/sandbox/faults", _faults, methods=["GET", "POST", "DELETE"]),
    Route("/sandbox/calls", _calls, methods=["GET", "DELETE"]),
]
