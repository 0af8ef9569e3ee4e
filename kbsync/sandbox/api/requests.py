"""Read a request (its id, body, language and page) and write the responses that have no content of their own."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.api.errors import ApiError, error_with_code, feature_not_supported, invalid_value, validation_failed

PER_PAGE, MAX_PER_PAGE = 30, 100
MAX_ID = 2**63 - 1
T = TypeVar("T")


def id_of(request: Request) -> int:
    """Return the id in the path; raise `ApiError` (404) for one too large to exist."""
    id_ = int(request.path_params["id"])
    if id_ > MAX_ID:
        raise ApiError(404)
    return id_


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body; raise `ApiError` for another type (415) or malformed JSON (400)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise error_with_code(415, "unsupported_content_type", "The content type should be application/json")
    try:
        body = json.loads(await request.body(), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise error_with_code(400, "invalid_json", "Request body has invalid JSON format") from None
    if not isinstance(body, dict):
        raise error_with_code(400, "invalid_json", "Request body should be a JSON object")
    return body


def _reject_constant(name: str) -> Any:
    raise ValueError(name)


def account_and_language_of(request: Request) -> tuple[Account, str]:
    """Return the account, and the language in the path or the primary one.

    Raise `ApiError`: 403 where the account is not multilingual (documented), 404 for a language that it does not have,
    405 for writing to one (production report).
    """
    account = account_of(request)
    settings = account.settings
    language: str | None = request.path_params.get("language")
    if language is None:
        return account, settings.language
    if not settings.languages:
        raise feature_not_supported("multi_language")
    reading = request.method not in ("POST", "PUT")
    if language in settings.languages or (reading and language == settings.language):
        return account, language
    if language == settings.language or request.method == "POST":
        raise method_not_allowed(request.method, ("GET",))
    raise ApiError(404)


def method_not_allowed(method: str, allowed: Sequence[str]) -> ApiError:
    """Return the error for a method that a path does not have (status documented, wording assumed)."""
    names = ", ".join(allowed)
    return ApiError(405, {"message": f"{method} is not allowed here; allowed: {names}"}, {"allow": names})


def page_of(request: Request, items: list[T]) -> tuple[list[T], dict[str, str]]:
    """Return the requested page of a list, and the `Link` header where there is a next page."""
    page = _number(request, "page", 1, None)
    size = _number(request, "per_page", PER_PAGE, MAX_PER_PAGE)
    rest = items[(page - 1) * size :]
    if len(rest) <= size:
        return rest, {}
    next_page = request.url.include_query_params(page=page + 1)
    return rest[:size], {"link": f'<{next_page}>;rel="next"'}


def _number(request: Request, name: str, default: int, maximum: int | None) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= (maximum or int(given)):
        return int(given)
    limit = f" less than or equal to {maximum}" if maximum else ""
    raise validation_failed([invalid_value(name, f"It should be a Positive Integer{limit}")])


def created(request: Request, kind: str, written: dict[str, Any], language: str | None = None) -> Response:
    """Return 201 with the absolute URL of the new item (documented)."""
    suffix = f"/{language}" if language else ""
    url = f"{request.base_url}api/v2/solutions/{kind}/{written['id']}{suffix}"
    return JSONResponse(written, status_code=201, headers={"location": url})
