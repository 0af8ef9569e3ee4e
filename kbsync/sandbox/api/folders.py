"""The calls on folders and subfolders."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.api.errors import (
    ApiError,
    FieldError,
    error_with_code,
    feature_not_supported,
    folder_rules,
    invalid_field,
    invalid_value,
    missing_field,
    translation_rules,
    validate,
    validation_failed,
)
from kbsync.sandbox.api.items import (
    changed_fields,
    find,
    find_untranslated,
    require_translated_parent,
    require_unique_name,
    save_changes,
    update_rules,
)
from kbsync.sandbox.api.requests import account_and_language_of, body_of, created, page_of
from kbsync.sandbox.api.shapes import folder_to_json
from kbsync.sandbox.database import EVERYBODY, ID_LIST_OF_VISIBILITY, ID_LISTS, FolderRecord


async def list_in_category(request: Request) -> Response:
    """GET /solutions/categories/{id}/folders[/{language}]: the top level alone, without `category_id` (recorded)."""
    account, language = account_and_language_of(request)
    category = find(request, account, account.store.categories)
    page, link = page_of(request, account.store.folders.in_category(category.id, language))
    return JSONResponse([_to_json(account, one, listed=True) for one in page], headers=link)


async def list_in_folder(request: Request) -> Response:
    """GET /solutions/folders/{id}/subfolders[/{language}]: one level (recorded)."""
    subfolders = account_of(request).settings.subfolders
    if subfolders == "forbidden":
        raise feature_not_supported("flexible_hierarchy")
    if subfolders == "missing":
        raise ApiError(404)
    account, language = account_and_language_of(request)
    parent = find(request, account, account.store.folders)
    page, link = page_of(request, account.store.folders.in_folder(parent.id, language))
    return JSONResponse([_to_json(account, one) for one in page], headers=link)


async def create(request: Request) -> Response:
    """POST /solutions/categories/{id}/folders; in another folder with `parent_folder_id` (documented)."""
    account = account_of(request)
    category = find(request, account, account.store.categories)
    fields = _fields(validate(await body_of(request), folder_rules(account.settings)))
    _check_fields(account, fields, category_id=category.id)
    place = (category.id, fields.get("parent_id"))
    _require_unique_name(account, fields["name"], account.settings.language, place)
    id_ = account.store.folders.create(account.settings.language, category_id=category.id, **fields)
    return created(request, "folders", _to_json(account, account.store.folder(id_)))


async def get(request: Request) -> Response:
    """GET /solutions/folders/{id}[/{language}]."""
    account, language = account_and_language_of(request)
    found = find(request, account, account.store.folders, language)
    return JSONResponse(_to_json(account, found))


async def update(request: Request) -> Response:
    """PUT /solutions/folders/{id}[/{language}]; another parent only within the category."""
    account, language = account_and_language_of(request)
    before = find(request, account, account.store.folders, language)
    rules = update_rules(account, language, folder_rules(account.settings))
    changes = changed_fields(before, _fields(validate(await body_of(request), rules, updating=True)))
    if "parent_id" in changes and not account.settings.reparenting:
        raise validation_failed([invalid_field("parent_folder_id")])
    if language == account.settings.language:
        _check_fields(account, changes, category_id=before.category_id, before=before)
    if changes.keys() & {"name", "parent_id"}:
        place = (before.category_id, changes.get("parent_id", before.parent_id))
        _require_unique_name(account, changes.get("name", before.name), language, place, own_id=before.id)
    return JSONResponse(_to_json(account, save_changes(account, account.store.folders, before, changes)))


async def translate(request: Request) -> Response:
    """POST /solutions/folders/{id}/{language}."""
    account, language = account_and_language_of(request)
    base = find_untranslated(request, account, account.store.folders, language)
    require_translated_parent(account, account.store.categories, base.category_id, language)
    given = validate(await body_of(request), translation_rules(account.settings))
    account.store.folders.translate(base.id, language, name=given["name"], description=given.get("description"))
    written = _to_json(account, account.store.folder(base.id, language=language))
    return created(request, "folders", written, language)


async def delete(request: Request) -> Response:
    """DELETE /solutions/folders/{id}."""
    account = account_of(request)
    found = find(request, account, account.store.folders)
    if account.settings.deleting == "refuse" and (found.articles_count or found.sub_folders_count):
        raise error_with_code(409, "inconsistent_state", "The folder is not empty")
    account.store.folders.delete(found.id)
    return Response(status_code=204)


def _to_json(account: Account, folder: FolderRecord, *, listed: bool = False) -> dict[str, Any]:
    hierarchy = account.store.folders.hierarchy(folder.id, folder.language)
    return folder_to_json(folder, hierarchy, account.settings, listed=listed)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    fields = {key: tuple(value) if key in ID_LISTS else value for key, value in given.items()}
    if "parent_folder_id" in fields:
        fields["parent_id"] = fields.pop("parent_folder_id")
    return fields


def _check_fields(
    account: Account, fields: dict[str, Any], *, category_id: int, before: FolderRecord | None = None
) -> None:
    errors = _visibility_errors(fields, before)
    parent_id = fields.get("parent_id")
    if parent_id is not None:
        if account.settings.subfolders != "on":
            raise feature_not_supported("flexible_hierarchy")
        errors += _parent_errors(account, parent_id, category_id, before)
    if errors:
        raise validation_failed(errors)


def _visibility_errors(fields: dict[str, Any], before: FolderRecord | None) -> list[FieldError]:
    visibility = fields.get("visibility", before.visibility if before else EVERYBODY)
    needed = ID_LIST_OF_VISIBILITY.get(visibility)
    errors = [
        FieldError(field=key, message=f"It cannot go with visibility {visibility}", code="incompatible_field")
        for key in ID_LISTS
        if key != needed and fields.get(key)
    ]
    if needed and not fields.get(needed, getattr(before, needed) if before else ()):
        errors.append(missing_field(needed))
    return errors


def _parent_errors(account: Account, parent_id: int, category_id: int, before: FolderRecord | None) -> list[FieldError]:
    parent = account.store.folders.get(parent_id, account.settings.language)
    if parent is None or parent.category_id != category_id:
        return [invalid_value("parent_folder_id", "It should be a folder of the same category")]
    hierarchy = account.store.folders.hierarchy(parent_id, account.settings.language)
    if before and any(level.type == "folder" and level.id == before.id for level in hierarchy):
        return [invalid_value("parent_folder_id", "A folder cannot lie in itself")]
    return []


def _require_unique_name(
    account: Account, name: str, language: str, place: tuple[int, int | None], *, own_id: int | None = None
) -> None:
    """Raise `ApiError` where the name is taken; `place` is the category and the parent folder."""
    compared = {"account": 0, "category": 1, "parent": 2}[account.settings.folder_names]
    folders = account.store.folders.all(language)
    others = (one for one in folders if (one.category_id, one.parent_id)[:compared] == place[:compared])
    require_unique_name(account, name, others, own_id=own_id)
