"""The calls on categories."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.api.calls import body_of, id_of, language_of, made, nothing, page_of
from kbsync.sandbox.api.refusals import absent, coded, duplicate
from kbsync.sandbox.api.shapes import category_to_json
from kbsync.sandbox.api.validation import category_rules, check, translation_rules
from kbsync.sandbox.records import Category


async def list_(request: Request) -> Response:
    """GET /solutions/categories and /solutions/categories/{language}."""
    account = account_of(request)
    page, link = page_of(request, account.store.categories.list(language_of(request, account)))
    return JSONResponse([category_to_json(one, account.settings) for one in page], headers=link)


async def create(request: Request) -> Response:
    """POST /solutions/categories."""
    account = account_of(request)
    settings = account.settings
    given = check(await body_of(request), category_rules(settings))
    _refuse_taken(account, given["name"], settings.language)
    id_ = account.store.categories.create(
        settings.language,
        name=given["name"],
        description=given.get("description"),
        portals=tuple(given.get("visible_in_portals", settings.portals)),
    )
    return made(request, "categories", category_to_json(account.store.category(id_), settings))


async def get(request: Request) -> Response:
    """GET /solutions/categories/{id} and /solutions/categories/{id}/{language}."""
    account = account_of(request)
    found = find(account, id_of(request), language_of(request, account))
    return JSONResponse(category_to_json(found, account.settings))


async def update(request: Request) -> Response:
    """PUT /solutions/categories/{id} and /solutions/categories/{id}/{language}."""
    account = account_of(request)
    language = language_of(request, account)
    before = find(account, id_of(request), language)
    primary = language == account.settings.language
    rules = category_rules(account.settings) if primary else translation_rules(account.settings)
    given = check(await body_of(request), rules, updating=True)
    if "name" in given:
        _refuse_taken(account, given["name"], language, but=before.id)
    changes = _changes(before, given)
    if changes:
        account.store.categories.edit(before, changes, time=account.store.database.time())
    return JSONResponse(category_to_json(find(account, before.id, language), account.settings))


async def translate(request: Request) -> Response:
    """POST /solutions/categories/{id}/{language}."""
    account = account_of(request)
    language = language_of(request, account)
    base = find(account, id_of(request), account.settings.language)
    if account.store.categories.get(base.id, language):
        raise duplicate(account, "language")
    given = check(await body_of(request), translation_rules(account.settings))
    account.store.categories.translate(base.id, language, name=given["name"], description=given.get("description"))
    written = category_to_json(find(account, base.id, language), account.settings)
    return made(request, "categories", written, language)


async def delete(request: Request) -> Response:
    """DELETE /solutions/categories/{id}."""
    account = account_of(request)
    found = find(account, id_of(request), account.settings.language)
    if account.settings.deleting == "refuse" and account.store.folders.in_category(found.id, found.language):
        raise coded(409, "inconsistent_state", "The category is not empty")
    account.store.categories.delete(found.id)
    return nothing()


def find(account: Account, id_: int, language: str) -> Category:
    """Find a category in a language; raises `Refused`."""
    found = account.store.categories.get(id_, language)
    if found is None:
        raise absent(account, "category", id_)
    return found


def _changes(before: Category, given: dict[str, Any]) -> dict[str, Any]:
    wanted = dict(given)
    if "visible_in_portals" in wanted:
        wanted["portals"] = tuple(wanted.pop("visible_in_portals"))
    return {key: value for key, value in wanted.items() if getattr(before, key) != value}


def _refuse_taken(account: Account, name: str, language: str, *, but: int | None = None) -> None:
    if any(same_name(account, one.name, name) for one in account.store.categories.list(language) if one.id != but):
        raise duplicate(account, "name")


def same_name(account: Account, one: str, other: str) -> bool:
    """Tell whether two names are the same name to this account."""
    return one.casefold() == other.casefold() if account.settings.fold_case else one == other
