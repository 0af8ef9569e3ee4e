"""The calls on the helpdesk itself: its agents, its languages and the search."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import account_of
from kbsync.sandbox.api.errors import ApiError, missing_field, validation_failed
from kbsync.sandbox.api.requests import id_of, page_of
from kbsync.sandbox.api.shapes import agent_to_json, hit_to_json
from kbsync.sandbox.store import search


async def me(request: Request) -> Response:
    """GET /agents/me: the agent behind the key."""
    settings = account_of(request).settings
    return JSONResponse(agent_to_json(settings.agents[0], settings))


async def agents(request: Request) -> Response:
    """GET /agents, all or those with the `email` in the query (documented filter)."""
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
    raise ApiError(404)


async def languages(request: Request) -> Response:
    """GET /settings/helpdesk: the languages (documented)."""
    settings = account_of(request).settings
    others = list(settings.languages)
    return JSONResponse(
        {"primary_language": settings.language, "supported_languages": others, "portal_languages": others}
    )


async def search_solutions(request: Request) -> Response:
    """GET /search/solutions?term=: hits in the primary language, in another shape than articles (documented)."""
    account = account_of(request)
    term = request.query_params.get("term", "")
    if not term.strip():
        raise validation_failed([missing_field("term")])
    store, settings = account.store, account.settings
    hits = []
    for hit in search(store, term, settings.language):
        hierarchy = store.folders.hierarchy(hit.folder_id, settings.language)
        hits.append(hit_to_json(hit, hierarchy, store.folder(hit.folder_id), settings))
    return JSONResponse(hits)
