"""The calls on folders and subfolders."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.api import categories
from kbsync.sandbox.api.calls import body_of, id_of, language_of, made, nothing, page_of
from kbsync.sandbox.api.refusals import (
    Refused,
    Wrong,
    absent,
    coded,
    duplicate,
    feature_missing,
    invalid,
    invalid_field,
    invalid_value,
    missing_field,
)
from kbsync.sandbox.api.shapes import EXTRA_OF_VISIBILITY, folder_to_json
from kbsync.sandbox.api.validation import check, folder_rules, translation_rules
from kbsync.sandbox.records import EVERYBODY, Folder

LISTS = tuple(EXTRA_OF_VISIBILITY.values())


async def list_in_category(request: Request) -> Response:
    """GET /solutions/categories/{id}/folders[/{language}]: the top level alone, without `category_id` (recorded)."""
    account = account_of(request)
    language = language_of(request, account)
    category = categories.find(account, id_of(request), account.settings.language)
    page, link = page_of(request, account.store.folders.in_category(category.id, language))
    return JSONResponse([_written(account, one, listed=True) for one in page], headers=link)


async def list_in_folder(request: Request) -> Response:
    """GET /solutions/folders/{id}/subfolders[/{language}]: one level (recorded)."""
    account = account_of(request)
    match account.settings.subfolders:
        case "forbidden":
            raise feature_missing("flexible_hierarchy")
        case "missing":
            raise Refused(404)
        case "on":
            pass
    language = language_of(request, account)
    parent = find(account, id_of(request), account.settings.language)
    page, link = page_of(request, account.store.folders.in_folder(parent.id, language))
    return JSONResponse([_written(account, one) for one in page], headers=link)


async def create(request: Request) -> Response:
    """POST /solutions/categories/{id}/folders; in another folder with `parent_folder_id` (documented)."""
    account = account_of(request)
    category = categories.find(account, id_of(request), account.settings.language)
    given = check(await body_of(request), folder_rules(account.settings))
    wanted = _wanted(given)
    parent_id = wanted.get("parent_id")
    _refuse_unsuitable(account, wanted, category_id=category.id)
    _refuse_taken(account, given["name"], account.settings.language, category.id, parent_id)
    id_ = account.store.folders.create(account.settings.language, category_id=category.id, **wanted)
    return made(request, "folders", _written(account, account.store.folder(id_)))


async def get(request: Request) -> Response:
    """GET /solutions/folders/{id}[/{language}]."""
    account = account_of(request)
    return JSONResponse(_written(account, find(account, id_of(request), language_of(request, account))))


async def update(request: Request) -> Response:
    """PUT /solutions/folders/{id}[/{language}]; another parent only within the category."""
    account = account_of(request)
    language = language_of(request, account)
    before = find(account, id_of(request), language)
    primary = language == account.settings.language
    rules = folder_rules(account.settings) if primary else translation_rules(account.settings)
    given = check(await body_of(request), rules, updating=True)
    changes = {key: value for key, value in _wanted(given).items() if getattr(before, key) != value}
    if "parent_id" in changes and not account.settings.reparenting:
        raise invalid([invalid_field("parent_folder_id")])
    if primary:
        _refuse_unsuitable(account, changes, category_id=before.category_id, before=before)
    if changes.keys() & {"name", "parent_id"}:
        parent_id = changes.get("parent_id", before.parent_id)
        name = changes.get("name", before.name)
        _refuse_taken(account, name, language, before.category_id, parent_id, but=before.id)
    if changes:
        account.store.folders.edit(before, changes, time=account.store.database.time())
    return JSONResponse(_written(account, find(account, before.id, language)))


async def translate(request: Request) -> Response:
    """POST /solutions/folders/{id}/{language}."""
    account = account_of(request)
    language = language_of(request, account)
    base = find(account, id_of(request), account.settings.language)
    if account.store.folders.get(base.id, language):
        raise duplicate(account, "language")
    strict = account.settings.parent_language == "strict"
    if strict and account.store.categories.get(base.category_id, language) is None:
        raise invalid([invalid_value("language", "The category has no translation in this language")])
    given = check(await body_of(request), translation_rules(account.settings))
    account.store.folders.translate(base.id, language, name=given["name"], description=given.get("description"))
    return made(request, "folders", _written(account, find(account, base.id, language)), language)


async def delete(request: Request) -> Response:
    """DELETE /solutions/folders/{id}."""
    account = account_of(request)
    found = find(account, id_of(request), account.settings.language)
    if account.settings.deleting == "refuse" and (found.articles_count or found.sub_folders_count):
        raise coded(409, "inconsistent_state", "The folder is not empty")
    account.store.folders.delete(found.id)
    return nothing()


def find(account: Account, id_: int, language: str) -> Folder:
    """Find a folder in a language; raises `Refused`."""
    found = account.store.folders.get(id_, language)
    if found is None:
        raise absent(account, "folder", id_)
    return found


def _written(account: Account, folder: Folder, *, listed: bool = False) -> dict[str, Any]:
    way = account.store.folders.way(folder.id, folder.language)
    return folder_to_json(folder, way, account.settings, listed=listed)


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    wanted = {key: tuple(value) if key in LISTS else value for key, value in given.items()}
    if "parent_folder_id" in wanted:
        wanted["parent_id"] = wanted.pop("parent_folder_id")
    return wanted


def _refuse_unsuitable(
    account: Account, wanted: dict[str, Any], *, category_id: int, before: Folder | None = None
) -> None:
    wrongs = _wrong_audience(wanted, before)
    parent_id = wanted.get("parent_id")
    if parent_id is not None:
        if account.settings.subfolders != "on":
            raise feature_missing("flexible_hierarchy")
        wrongs += _wrong_parent(account, parent_id, category_id, before)
    if wrongs:
        raise invalid(wrongs)


def _wrong_audience(wanted: dict[str, Any], before: Folder | None) -> list[Wrong]:
    visibility = wanted.get("visibility", before.visibility if before else EVERYBODY)
    needed = EXTRA_OF_VISIBILITY.get(visibility)
    wrongs = [
        Wrong(field=key, message=f"It cannot go with visibility {visibility}", code="incompatible_field")
        for key in LISTS
        if key != needed and wanted.get(key)
    ]
    if needed and not wanted.get(needed, getattr(before, needed) if before else ()):
        wrongs.append(missing_field(needed))
    return wrongs


def _wrong_parent(account: Account, parent_id: int, category_id: int, before: Folder | None) -> list[Wrong]:
    parent = account.store.folders.get(parent_id, account.settings.language)
    if parent is None or parent.category_id != category_id:
        return [invalid_value("parent_folder_id", "It should be a folder of the same category")]
    way = account.store.folders.way(parent_id, account.settings.language)
    if before and any(step.type == "folder" and step.id == before.id for step in way):
        return [invalid_value("parent_folder_id", "A folder cannot lie in itself")]
    return []


def _refuse_taken(
    account: Account, name: str, language: str, category_id: int, parent_id: int | None, *, but: int | None = None
) -> None:
    def rivals(folder: Folder) -> bool:
        match account.settings.folder_names:
            case "account":
                return True
            case "category":
                return folder.category_id == category_id
            case "parent":
                return (folder.category_id, folder.parent_id) == (category_id, parent_id)

    others = (one for one in account.store.folders.all(language) if one.id != but and rivals(one))
    if any(categories.same_name(account, one.name, name) for one in others):
        raise duplicate(account, "name")
