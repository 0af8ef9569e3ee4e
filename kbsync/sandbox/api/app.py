"""What stands before and after every call to the API: the limit, the key, the headers, the record, and the trouble.

The gate knows nothing of solutions. It lets a call through to the API, or answers in its place.
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

from kbsync.sandbox.account import Account, Allowance, Fault, RecordedCall, account_of
from kbsync.sandbox.api import resources as articles
from kbsync.sandbox.api import resources as categories
from kbsync.sandbox.api import resources as folders
from kbsync.sandbox.api.errors import Refused, coded, invalid, missing_field, unauthorised
from kbsync.sandbox.api.requests import id_of, page_of, wrong_method
from kbsync.sandbox.api.shapes import agent_to_json, hit_to_json
from kbsync.sandbox.store import search


async def me(request: Request) -> Response:
    """GET /agents/me: the agent behind the key."""
    settings = account_of(request).settings
    return JSONResponse(agent_to_json(settings.agents[0], settings))


async def agents(request: Request) -> Response:
    """GET /agents, all or those with the `email` that is asked for (documented filter)."""
    settings = account_of(request).settings
    email = request.query_params.get("email")
    found = [one for one in settings.agents if email is None or one.email.casefold() == email.casefold()]
    page, link = page_of(request, found)
    return JSONResponse([agent_to_json(one, settings) for one in page], headers=link)


async def agent(request: Request) -> Response:
    """GET /agents/{id}."""
    settings = account_of(request).settings
    for one in settings.agents:
        if one.id == id_of(request):
            return JSONResponse(agent_to_json(one, settings))
    raise Refused(404)


async def helpdesk(request: Request) -> Response:
    """GET /settings/helpdesk: the languages (documented)."""
    settings = account_of(request).settings
    languages = list(settings.languages)
    return JSONResponse(
        {
            "primary_language": settings.language,
            "supported_languages": languages,
            "portal_languages": languages,
        }
    )


async def solutions(request: Request) -> Response:
    """GET /search/solutions?term=: hits in the primary language, in another shape than articles (documented)."""
    account = account_of(request)
    term = request.query_params.get("term", "")
    if not term.strip():
        raise invalid([missing_field("term")])
    store, settings = account.store, account.settings
    hits = search(store, term, settings.language)
    return JSONResponse(
        [
            hit_to_json(
                hit,
                store.folders.way(hit.folder_id, settings.language),
                store.folder(hit.folder_id),
                settings,
            )
            for hit in hits
        ]
    )


Endpoint = Callable[[Request], Awaitable[Response]]
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _resource(path: str, **verbs: Endpoint) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method not in verbs:
            raise wrong_method(request.method, tuple(verbs))
        return await verbs[request.method](request)

    return Route(f"/v2{path}", endpoint, methods=list(VERBS))


ROUTES = [
    _resource("/solutions/categories", GET=categories.list_, POST=categories.create_categories),
    _resource(
        "/solutions/categories/{id:int}",
        GET=categories.get_categories,
        PUT=categories.update_categories,
        DELETE=categories.delete_categories,
    ),
    _resource("/solutions/categories/{id:int}/folders", GET=folders.list_in_category, POST=folders.create),
    _resource("/solutions/categories/{id:int}/folders/{language}", GET=folders.list_in_category),
    _resource(
        "/solutions/categories/{id:int}/{language}",
        GET=categories.get_categories,
        PUT=categories.update_categories,
        POST=categories.translate_categories,
    ),
    _resource("/solutions/categories/{language}", GET=categories.list_),
    _resource("/solutions/folders/{id:int}", GET=folders.get, PUT=folders.update, DELETE=folders.delete),
    _resource("/solutions/folders/{id:int}/articles", GET=articles.list__articles, POST=articles.create_articles),
    _resource("/solutions/folders/{id:int}/articles/{language}", GET=articles.list__articles),
    _resource("/solutions/folders/{id:int}/subfolders", GET=folders.list_in_folder),
    _resource("/solutions/folders/{id:int}/subfolders/{language}", GET=folders.list_in_folder),
    _resource("/solutions/folders/{id:int}/{language}", GET=folders.get, PUT=folders.update, POST=folders.translate),
    _resource(
        "/solutions/articles/{id:int}",
        GET=articles.get_articles,
        PUT=articles.update_articles,
        DELETE=articles.delete_articles,
    ),
    _resource(
        "/solutions/articles/{id:int}/{language}",
        GET=articles.get_articles,
        PUT=articles.update_articles,
        POST=articles.translate_articles,
    ),
    _resource("/search/solutions", GET=solutions),
    _resource("/settings/helpdesk", GET=helpdesk),
    _resource("/agents", GET=agents),
    _resource("/agents/me", GET=me),
    _resource("/agents/{id:int}", GET=agent),
]


def api(account: Account) -> Starlette:
    """Make the API of one account, without the gate in front of it."""
    app = Starlette(routes=ROUTES, exception_handlers={Refused: _refuse, HTTPException: _refuse})
    app.router.redirect_slashes = False
    app.state.account = account
    return app


async def _refuse(_: Request, error: Exception) -> Response:
    match error:
        case Refused():
            return answer_to(error)
        case HTTPException():
            return answer_to(Refused(error.status_code))
        case _:
            raise error


def answer_to(refused: Refused) -> Response:
    """Write a refusal.

    One without a body calls itself HTML (inferred: the npm client parses what calls itself JSON or nothing at all).
    """
    if refused.body is None:
        return Response(status_code=refused.status, headers=refused.headers, media_type="text/html")
    return JSONResponse(refused.body, status_code=refused.status, headers=refused.headers)


DROP = "sandbox.drop"
ERROR_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class Gate:
    """An ASGI application around the API."""

    def __init__(self, api: ASGIApp, account: Account) -> None:
        self._api = api
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive)
        allowance = self._account.limiter.take()
        fault = None
        if allowance.wait is not None:
            answer = self._too_many(allowance)
        else:
            fault = self._account.faults.strike(request.method, request.url.path)
            answer = await self._answer(request, fault)
        self._adorn(answer, allowance)
        cut = fault is not None and fault.kind in ("lost", "truncated")
        self._account.calls.append(
            RecordedCall(
                method=request.method,
                path=request.url.path,
                status=0 if cut else answer.status_code,
                query=request.url.query,
            )
        )
        if fault is not None and cut:
            await _break_off(answer, fault, scope, receive, send)
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request, fault: Fault | None) -> Response:
        if fault is None:
            return await self._answer_well(request)
        if fault.kind == "error":
            return _server_error(fault)
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "lost" and not fault.applied:
            return Response()
        return await self._answer_well(request)

    async def _answer_well(self, request: Request) -> Response:
        try:
            check_key(request, self._account)
            _check_accept(request)
        except Refused as refused:
            return answer_to(refused)
        return await _whole(self._api, request)

    def _too_many(self, allowance: Allowance) -> Response:
        settings = self._account.settings
        wait = settings.retry_after if settings.retry_after is not None else str(allowance.wait)
        message = "You have exceeded the limit of requests per minute"
        match settings.limit_body:
            case "json":
                answer: Response = JSONResponse({"message": message}, status_code=429)
            case "text":
                answer = Response(message, status_code=429, media_type="text/plain")
            case "empty":
                answer = Response(status_code=429)
        answer.headers["retry-after"] = wait
        return answer

    def _adorn(self, answer: Response, allowance: Allowance) -> None:
        status = answer.status_code
        answer.headers.update(
            {
                "status": f"{status} {http.HTTPStatus(status).phrase}",
                "date": format_datetime(self._account.store.database.now(), usegmt=True),
                "x-request-id": secrets.token_hex(16),
                "x-freshdesk-api-version": "latest=v2; requested=v2",
                "x-fw-ratelimiting-managed": "true",
                "x-ratelimit-total": f"{allowance.total}.0",
                "x-ratelimit-remaining": f"{allowance.remaining}.0",
                "x-ratelimit-used-currentrequest": "1",
                "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
                "pragma": "no-cache",
                "expires": "Wed, 13 Oct 2010 00:00:00 UTC",
            }
        )
        if answer.headers.get("content-type") == "application/json":
            answer.headers["content-type"] = "application/json; charset=utf-8"


def check_key(request: Request, account: Account) -> None:
    """Refuse a call without the account's key: Basic, the key as user, anything as password (documented)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        user = base64.b64decode(given.strip(), validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        user = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(user, account.settings.key.encode()):
        raise unauthorised()


def _check_accept(request: Request) -> None:
    given = request.headers.get("accept", "*/*")
    kinds = {part.partition(";")[0].strip().lower() for part in given.split(",")}
    if not kinds & {"*/*", "application/*", "application/json", ""}:
        raise coded(406, "not_acceptable", "Only application/json can be answered")


async def _whole(api: ASGIApp, request: Request) -> Response:
    start: Message = {}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        else:
            parts.append(message.get("body", b""))

    await api(request.scope, request.receive, keep)
    answer = Response(b"".join(parts), status_code=start["status"])
    answer.raw_headers = list(start["headers"])
    return answer


def _server_error(fault: Fault) -> Response:
    phrase = f"{fault.status} {http.HTTPStatus(fault.status).phrase}"
    match fault.body:
        case "html":
            return Response(ERROR_PAGE.format(phrase), status_code=fault.status, media_type="text/html")
        case "json":
            return JSONResponse({"code": "internal_error", "message": phrase}, status_code=fault.status)
        case "empty":
            return Response(status_code=fault.status)


async def _break_off(answer: Response, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    drop: Callable[[], Awaitable[None]] = scope["extensions"][DROP]
    if fault.kind == "truncated":
        half = bytes(answer.body)[: len(answer.body) // 2]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
    await drop()
    while (await receive())["type"] != "http.disconnect":
        pass
