"""Reading a call (its body, its page, its language) and answering it."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account
from kbsync.sandbox.api.errors import Refused, coded, feature_missing, invalid, invalid_value

PER_PAGE, MOST_PER_PAGE = 30, 100
LARGEST_ID = 2**63 - 1
T = TypeVar("T")


def id_of(request: Request) -> int:
    """Read the id in the path; one too large to exist is refused as unknown."""
    id_ = int(request.path_params["id"])
    if id_ > LARGEST_ID:
        raise Refused(404)
    return id_


async def body_of(request: Request) -> dict[str, Any]:
    """Read the JSON object of a call; raises `Refused` for another type (415) or malformed JSON (400)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise coded(415, "unsupported_content_type", "The content type should be application/json")
    try:
        body = json.loads(await request.body(), parse_constant=_no_constants)
    except (ValueError, RecursionError):
        raise coded(400, "invalid_json", "Request body has invalid JSON format") from None
    if not isinstance(body, dict):
        raise coded(400, "invalid_json", "Request body should be a JSON object")
    return body


def _no_constants(name: str) -> Any:
    raise ValueError(name)


def language_of(request: Request, account: Account) -> str:
    """Read the language in the path, or take the primary one.

    Raises `Refused`: 403 where the account is not multilingual (documented), 404 for a language it does not have, or
    405 when it is to be written (production report).
    """
    settings = account.settings
    language: str | None = request.path_params.get("language")
    if language is None:
        return settings.language
    if not settings.languages:
        raise feature_missing("multi_language")
    writing = request.method in ("POST", "PUT")
    if language == settings.language and not writing:
        return language
    if language in settings.languages:
        return language
    if language == settings.language or request.method == "POST":
        raise wrong_method(request.method, ("GET",))
    raise Refused(404)


def wrong_method(method: str, allowed: Sequence[str]) -> Refused:
    """Refuse a verb (documented status; the wording is ours)."""
    known = ", ".join(allowed)
    return Refused(405, {"message": f"{method} is not allowed here; allowed: {known}"}, {"allow": known})


def page_of(request: Request, items: list[T]) -> tuple[list[T], dict[str, str]]:
    """Cut the page that is asked for out of a list, and give the `Link` header where there is another one."""
    page = _number(request, "page", 1, None)
    size = _number(request, "per_page", PER_PAGE, MOST_PER_PAGE)
    rest = items[(page - 1) * size :]
    if len(rest) <= size:
        return rest, {}
    following = request.url.include_query_params(page=page + 1)
    return rest[:size], {"link": f'<{following}>;rel="next"'}


def _number(request: Request, name: str, default: int, most: int | None) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= (most or int(given)):
        return int(given)
    limit = f" less than or equal to {most}" if most else ""
    raise invalid([invalid_value(name, f"It should be a Positive Integer{limit}")])


def made(request: Request, kind: str, written: dict[str, Any], language: str | None = None) -> Response:
    """Answer 201 with the absolute address of what was made (documented)."""
    suffix = f"/{language}" if language else ""
    address = f"{request.base_url}api/v2/solutions/{kind}/{written['id']}{suffix}"
    return JSONResponse(written, status_code=201, headers={"location": address})


def nothing() -> Response:
    """Answer 204, without a body and without a content type (recorded)."""
    return Response(status_code=204)
