"""Every path of the API with its verbs."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kbsync.sandbox.account import Account
from kbsync.sandbox.api import around, articles, categories, folders
from kbsync.sandbox.api.calls import wrong_method
from kbsync.sandbox.api.refusals import Refused

Endpoint = Callable[[Request], Awaitable[Response]]
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _resource(path: str, **verbs: Endpoint) -> Route:
    async def endpoint(request: Request) -> Response:
        if request.method not in verbs:
            raise wrong_method(request.method, tuple(verbs))
        return await verbs[request.method](request)

    return Route(f"/v2{path}", endpoint, methods=list(VERBS))


ROUTES = [
    _resource("/solutions/categories", GET=categories.list_, POST=categories.create),
    _resource("/solutions/categories/{id:int}", GET=categories.get, PUT=categories.update, DELETE=categories.delete),
    _resource("/solutions/categories/{id:int}/folders", GET=folders.list_in_category, POST=folders.create),
    _resource("/solutions/categories/{id:int}/folders/{language}", GET=folders.list_in_category),
    _resource(
        "/solutions/categories/{id:int}/{language}",
        GET=categories.get,
        PUT=categories.update,
        POST=categories.translate,
    ),
    _resource("/solutions/categories/{language}", GET=categories.list_),
    _resource("/solutions/folders/{id:int}", GET=folders.get, PUT=folders.update, DELETE=folders.delete),
    _resource("/solutions/folders/{id:int}/articles", GET=articles.list_, POST=articles.create),
    _resource("/solutions/folders/{id:int}/articles/{language}", GET=articles.list_),
    _resource("/solutions/folders/{id:int}/subfolders", GET=folders.list_in_folder),
    _resource("/solutions/folders/{id:int}/subfolders/{language}", GET=folders.list_in_folder),
    _resource("/solutions/folders/{id:int}/{language}", GET=folders.get, PUT=folders.update, POST=folders.translate),
    _resource("/solutions/articles/{id:int}", GET=articles.get, PUT=articles.update, DELETE=articles.delete),
    _resource(
        "/solutions/articles/{id:int}/{language}", GET=articles.get, PUT=articles.update, POST=articles.translate
    ),
    _resource("/search/solutions", GET=around.solutions),
    _resource("/settings/helpdesk", GET=around.helpdesk),
    _resource("/agents", GET=around.agents),
    _resource("/agents/me", GET=around.me),
    _resource("/agents/{id:int}", GET=around.agent),
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
