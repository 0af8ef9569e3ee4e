"""The calls on categories."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import account_of
from kbsync.sandbox.api.errors import category_rules, error_with_code, translation_rules, validate
from kbsync.sandbox.api.items import (
    changed_fields,
    find,
    find_untranslated,
    require_unique_name,
    save_changes,
    update_rules,
)
from kbsync.sandbox.api.requests import account_and_language_of, body_of, created, page_of
from kbsync.sandbox.api.shapes import category_to_json


async def list_(request: Request) -> Response:
    """GET /solutions/categories[/{language}]."""
    account, language = account_and_language_of(request)
    page, link = page_of(request, account.store.categories.all(language))
    return JSONResponse([category_to_json(one, account.settings) for one in page], headers=link)


async def create(request: Request) -> Response:
    """POST /solutions/categories."""
    account = account_of(request)
    settings = account.settings
    given = validate(await body_of(request), category_rules(settings))
    require_unique_name(account, given["name"], account.store.categories.all(settings.language))
    id_ = account.store.categories.create(
        settings.language,
        name=given["name"],
        description=given.get("description"),
        portals=tuple(given.get("visible_in_portals", settings.portals)),
    )
    return created(request, "categories", category_to_json(account.store.category(id_), settings))


async def get(request: Request) -> Response:
    """GET /solutions/categories/{id}[/{language}]."""
    account, language = account_and_language_of(request)
    found = find(request, account, account.store.categories, language)
    return JSONResponse(category_to_json(found, account.settings))


async def update(request: Request) -> Response:
    """PUT /solutions/categories/{id}[/{language}]."""
    account, language = account_and_language_of(request)
    before = find(request, account, account.store.categories, language)
    rules = update_rules(account, language, category_rules(account.settings))
    given = validate(await body_of(request), rules, updating=True)
    if "name" in given:
        require_unique_name(account, given["name"], account.store.categories.all(language), own_id=before.id)
    if "visible_in_portals" in given:
        given["portals"] = tuple(given.pop("visible_in_portals"))
    after = save_changes(account, account.store.categories, before, changed_fields(before, given))
    return JSONResponse(category_to_json(after, account.settings))


async def translate(request: Request) -> Response:
    """POST /solutions/categories/{id}/{language}."""
    account, language = account_and_language_of(request)
    base = find_untranslated(request, account, account.store.categories, language)
    given = validate(await body_of(request), translation_rules(account.settings))
    account.store.categories.translate(base.id, language, name=given["name"], description=given.get("description"))
    written = category_to_json(account.store.category(base.id, language=language), account.settings)
    return created(request, "categories", written, language)


async def delete(request: Request) -> Response:
    """DELETE /solutions/categories/{id}."""
    account = account_of(request)
    found = find(request, account, account.store.categories)
    if account.settings.deleting == "refuse" and account.store.folders.in_category(found.id, found.language):
        raise error_with_code(409, "inconsistent_state", "The category is not empty")
    account.store.categories.delete(found.id)
    return Response(status_code=204)
