"""The whole web side of one account, put together: API, control addresses, and the guard of the Host header."""

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from kbsync.sandbox import control
from kbsync.sandbox.account import Account
from kbsync.sandbox.api.gate import Gate
from kbsync.sandbox.api.routes import api

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def app(account: Account) -> ASGIApp:
    """Make the application that answers everything."""
    inner = Starlette(routes=[Mount("/api", Gate(api(account), account)), *control.ROUTES])
    inner.state.account = account
    return _KnownHosts(inner, (*LOOPBACK, *account.settings.hosts))


class _KnownHosts:
    """Answers only to names that are known, so that no foreign site can turn its own name into this address."""

    def __init__(self, inner: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._inner = inner
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _host(scope) in self._hosts:
            await self._inner(scope, receive, send)
            return
        answer: Response = PlainTextResponse("The sandbox answers to localhost alone.\n", status_code=421)
        await answer(scope, receive, send)


def _host(scope: Scope) -> str:
    given = Headers(scope=scope).get("host", "").lower()
    return given.partition("]")[0] + "]" if given.startswith("[") else given.partition(":")[0]
