"""The whole web side of one account, put together: API, control addresses, pages, and the guard of the Host header."""

import logging

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from kbsync.sandbox import control
from kbsync.sandbox.account import Account
from kbsync.sandbox.api.gate import Gate
from kbsync.sandbox.api.routes import api
from kbsync.sandbox.pages import agent, reader
from kbsync.sandbox.pages.rendering import STATIC

LOG = logging.getLogger("kbsync.sandbox")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def app(account: Account) -> ASGIApp:
    """Make the application that answers everything."""
    routes = [
        Mount("/api", Gate(api(account), account)),
        Mount("/static", StaticFiles(directory=STATIC)),
        *control.ROUTES,
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
