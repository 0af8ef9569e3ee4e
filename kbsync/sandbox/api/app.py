"""The API as an ASGI application: its routes, and the middleware in front of them.

The middleware is the same for all calls: it counts the rate limit, checks the key, triggers faults, adds the response
headers and records the call.
"""

import asyncio
import base64
import binascii
import hmac
import http
import secrets
from collections.abc import Awaitable, Callable
from email.utils import format_datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kbsync.sandbox.account import Account, CallLimit, Fault, RecordedCall
from kbsync.sandbox.api import articles, categories, folders, helpdesk
from kbsync.sandbox.api.errors import ApiError, error_with_code
from kbsync.sandbox.api.requests import method_not_allowed

Endpoint = Callable[[Request], Awaitable[Response]]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
DROP = "sandbox.drop"
ERROR_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


def _route(path: str, **endpoints: Endpoint) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method not in endpoints:
            raise method_not_allowed(request.method, tuple(endpoints))
        return await endpoints[request.method](request)

    return Route(f"/v2{path}", endpoint, methods=list(METHODS))


ROUTES = [
    _route("/solutions/categories", GET=categories.list_, POST=categories.create),
    _route("/solutions/categories/{id:int}", GET=categories.get, PUT=categories.update, DELETE=categories.delete),
    _route("/solutions/categories/{id:int}/folders", GET=folders.list_in_category, POST=folders.create),
    _route("/solutions/categories/{id:int}/folders/{language}", GET=folders.list_in_category),
    _route(
        "/solutions/categories/{id:int}/{language}",
        GET=categories.get,
        PUT=categories.update,
        POST=categories.translate,
    ),
    _route("/solutions/categories/{language}", GET=categories.list_),
    _route("/solutions/folders/{id:int}", GET=folders.get, PUT=folders.update, DELETE=folders.delete),
    _route("/solutions/folders/{id:int}/articles", GET=articles.list_, POST=articles.create),
    _route("/solutions/folders/{id:int}/articles/{language}", GET=articles.list_),
    _route("/solutions/folders/{id:int}/subfolders", GET=folders.list_in_folder),
    _route("/solutions/folders/{id:int}/subfolders/{language}", GET=folders.list_in_folder),
    _route("/solutions/folders/{id:int}/{language}", GET=folders.get, PUT=folders.update, POST=folders.translate),
    _route("/solutions/articles/{id:int}", GET=articles.get, PUT=articles.update, DELETE=articles.delete),
    _route("/solutions/articles/{id:int}/{language}", GET=articles.get, PUT=articles.update, POST=articles.translate),
    _route("/search/solutions", GET=helpdesk.search_solutions),
    _route("/settings/helpdesk", GET=helpdesk.languages),
    _route("/agents", GET=helpdesk.agents),
    _route("/agents/me", GET=helpdesk.me),
    _route("/agents/{id:int}", GET=helpdesk.agent),
]


def api_app(account: Account) -> ASGIApp:
    """Return the API of one account."""
    app = Starlette(routes=ROUTES, exception_handlers={ApiError: error_handler, HTTPException: error_handler})
    app.router.redirect_slashes = False
    app.state.account = account
    return ApiMiddleware(app, account)


async def error_handler(_: Request, error: Exception) -> Response:
    """Return the response for an error that an endpoint or the router raised."""
    if isinstance(error, HTTPException):
        return error_response(ApiError(error.status_code))
    if isinstance(error, ApiError):
        return error_response(error)
    raise error


def error_response(error: ApiError) -> Response:
    """Return the response for an error: HTML without a body (inferred: the npm client parses JSON and untyped ones)."""
    if error.body is None:
        return Response(status_code=error.status, headers=error.headers, media_type="text/html")
    return JSONResponse(error.body, status_code=error.status, headers=error.headers)


def check_key(request: Request, account: Account) -> None:
    """Raise `ApiError` for a wrong key: Basic, the key as user, anything as password (documented)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        user = base64.b64decode(given.strip(), validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        user = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(user, account.settings.key.encode()):
        raise error_with_code(401, "invalid_credentials", "You have to be logged in to perform this action.")


class ApiMiddleware:
    """Runs before and after every call to the API."""

    def __init__(self, api: ASGIApp, account: Account) -> None:
        self._api = api
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one call."""
        request = Request(scope, receive)
        limit = self._account.call_window.take()
        fault = None
        if limit.retry_after is not None:
            response = self._too_many_requests(limit)
        else:
            fault = self._account.faults.strike(request.method, request.url.path)
            response = await self._respond(request, fault)
        self._add_headers(response, limit)
        cut = fault is not None and fault.kind in ("lost", "truncated")
        self._account.calls.append(
            RecordedCall(
                method=request.method,
                path=request.url.path,
                status=0 if cut else response.status_code,
                query=request.url.query,
            )
        )
        if fault is not None and cut:
            await _break_off(response, fault, scope, receive, send)
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request, fault: Fault | None) -> Response:
        if fault is None:
            return await self._call_api(request)
        if fault.kind == "error":
            return _server_error(fault)
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "lost" and not fault.applied:
            return Response()
        return await self._call_api(request)

    async def _call_api(self, request: Request) -> Response:
        try:
            check_key(request, self._account)
            _check_accept(request)
        except ApiError as error:
            return error_response(error)
        return await _collect_response(self._api, request)

    def _too_many_requests(self, limit: CallLimit) -> Response:
        settings = self._account.settings
        wait = settings.retry_after if settings.retry_after is not None else str(limit.retry_after)
        message = "You have exceeded the limit of requests per minute"
        match settings.limit_body:
            case "json":
                response: Response = JSONResponse({"message": message}, status_code=429)
            case "text":
                response = Response(message, status_code=429, media_type="text/plain")
            case "empty":
                response = Response(status_code=429)
        response.headers["retry-after"] = wait
        return response

    def _add_headers(self, response: Response, limit: CallLimit) -> None:
        status = response.status_code
        response.headers.update(
            {
                "status": f"{status} {http.HTTPStatus(status).phrase}",
                "date": format_datetime(self._account.store.database.now(), usegmt=True),
                "x-request-id": secrets.token_hex(16),
                "x-freshdesk-api-version": "latest=v2; requested=v2",
                "x-fw-ratelimiting-managed": "true",
                "x-ratelimit-total": f"{limit.total}.0",
                "x-ratelimit-remaining": f"{limit.remaining}.0",
                "x-ratelimit-used-currentrequest": "1",
                "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
                "pragma": "no-cache",
                "expires": "Wed, 13 Oct 2010 00:00:00 UTC",
            }
        )
        if response.headers.get("content-type") == "application/json":
            response.headers["content-type"] = "application/json; charset=utf-8"


def _check_accept(request: Request) -> None:
    given = request.headers.get("accept", "*/*")
    kinds = {part.partition(";")[0].strip().lower() for part in given.split(",")}
    if not kinds & {"*/*", "application/*", "application/json", ""}:
        raise error_with_code(406, "not_acceptable", "Only application/json can be answered")


async def _collect_response(api: ASGIApp, request: Request) -> Response:
    start: Message = {}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        else:
            parts.append(message.get("body", b""))

    await api(request.scope, request.receive, keep)
    response = Response(b"".join(parts), status_code=start["status"])
    response.raw_headers = list(start["headers"])
    return response


def _server_error(fault: Fault) -> Response:
    phrase = f"{fault.status} {http.HTTPStatus(fault.status).phrase}"
    match fault.body:
        case "html":
            return Response(ERROR_PAGE.format(phrase), status_code=fault.status, media_type="text/html")
        case "json":
            return JSONResponse({"code": "internal_error", "message": phrase}, status_code=fault.status)
        case "empty":
            return Response(status_code=fault.status)


async def _break_off(response: Response, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    drop: Callable[[], Awaitable[None]] = scope["extensions"][DROP]
    if fault.kind == "truncated":
        half = bytes(response.body)[: len(response.body) // 2]
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
    await drop()
    while (await receive())["type"] != "http.disconnect":
        pass
