"""The calls on folders and subfolders."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.api.errors import (
    Refused,
    Wrong,
    absent,
    article_rules,
    category_rules,
    check,
    coded,
    duplicate,
    feature_missing,
    folder_rules,
    invalid,
    invalid_field,
    invalid_value,
    missing_field,
    translation_rules,
)
from kbsync.sandbox.api.requests import body_of, id_of, language_of, made, nothing, page_of
from kbsync.sandbox.api.shapes import EXTRA_OF_VISIBILITY, article_to_json, category_to_json, folder_to_json
from kbsync.sandbox.database import DRAFT, EVERYBODY, PUBLISHED, ArticleRecord, CategoryRecord, FolderRecord
from kbsync.sandbox.sanitize import rewritten
from kbsync.sandbox.settings import SandboxSettings


async def list_(request: Request) -> Response:
    """GET /solutions/categories and /solutions/categories/{language}."""
    account = account_of(request)
    page, link = page_of(request, account.store.categories.list(language_of(request, account)))
    return JSONResponse([category_to_json(one, account.settings) for one in page], headers=link)


async def create_categories(request: Request) -> Response:
    """POST /solutions/categories."""
    account = account_of(request)
    settings = account.settings
    given = check(await body_of(request), category_rules(settings))
    _refuse_taken_categories(account, given["name"], settings.language)
    id_ = account.store.categories.create(
        settings.language,
        name=given["name"],
        description=given.get("description"),
        portals=tuple(given.get("visible_in_portals", settings.portals)),
    )
    return made(request, "categories", category_to_json(account.store.category(id_), settings))


async def get_categories(request: Request) -> Response:
    """GET /solutions/categories/{id} and /solutions/categories/{id}/{language}."""
    account = account_of(request)
    found = find_categories(account, id_of(request), language_of(request, account))
    return JSONResponse(category_to_json(found, account.settings))


async def update_categories(request: Request) -> Response:
    """PUT /solutions/categories/{id} and /solutions/categories/{id}/{language}."""
    account = account_of(request)
    language = language_of(request, account)
    before = find_categories(account, id_of(request), language)
    primary = language == account.settings.language
    rules = category_rules(account.settings) if primary else translation_rules(account.settings)
    given = check(await body_of(request), rules, updating=True)
    if "name" in given:
        _refuse_taken_categories(account, given["name"], language, but=before.id)
    changes = _changes(before, given)
    if changes:
        account.store.categories.edit(before, changes, time=account.store.database.time())
    return JSONResponse(category_to_json(find_categories(account, before.id, language), account.settings))


async def translate_categories(request: Request) -> Response:
    """POST /solutions/categories/{id}/{language}."""
    account = account_of(request)
    language = language_of(request, account)
    base = find_categories(account, id_of(request), account.settings.language)
    if account.store.categories.get(base.id, language):
        raise duplicate(account, "language")
    given = check(await body_of(request), translation_rules(account.settings))
    account.store.categories.translate(base.id, language, name=given["name"], description=given.get("description"))
    written = category_to_json(find_categories(account, base.id, language), account.settings)
    return made(request, "categories", written, language)


async def delete_categories(request: Request) -> Response:
    """DELETE /solutions/categories/{id}."""
    account = account_of(request)
    found = find_categories(account, id_of(request), account.settings.language)
    if account.settings.deleting == "refuse" and account.store.folders.in_category(found.id, found.language):
        raise coded(409, "inconsistent_state", "The category is not empty")
    account.store.categories.delete(found.id)
    return nothing()


def find_categories(account: Account, id_: int, language: str) -> CategoryRecord:
    """Find a category in a language; raises `Refused`."""
    found = account.store.categories.get(id_, language)
    if found is None:
        raise absent(account, "category", id_)
    return found


def _changes(before: CategoryRecord, given: dict[str, Any]) -> dict[str, Any]:
    wanted = dict(given)
    if "visible_in_portals" in wanted:
        wanted["portals"] = tuple(wanted.pop("visible_in_portals"))
    return {key: value for key, value in wanted.items() if getattr(before, key) != value}


def _refuse_taken_categories(account: Account, name: str, language: str, *, but: int | None = None) -> None:
    if any(same_name(account, one.name, name) for one in account.store.categories.list(language) if one.id != but):
        raise duplicate(account, "name")


def same_name(account: Account, one: str, other: str) -> bool:
    """Return whether two names are the same name to this account."""
    return one.casefold() == other.casefold() if account.settings.fold_case else one == other


LISTS = tuple(EXTRA_OF_VISIBILITY.values())


async def list_in_category(request: Request) -> Response:
    """GET /solutions/categories/{id}/folders[/{language}]: the top level alone, without `category_id` (recorded)."""
    account = account_of(request)
    language = language_of(request, account)
    category = find_categories(account, id_of(request), account.settings.language)
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
    category = find_categories(account, id_of(request), account.settings.language)
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


def find(account: Account, id_: int, language: str) -> FolderRecord:
    """Find a folder in a language; raises `Refused`."""
    found = account.store.folders.get(id_, language)
    if found is None:
        raise absent(account, "folder", id_)
    return found


def _written(account: Account, folder: FolderRecord, *, listed: bool = False) -> dict[str, Any]:
    way = account.store.folders.way(folder.id, folder.language)
    return folder_to_json(folder, way, account.settings, listed=listed)


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    wanted = {key: tuple(value) if key in LISTS else value for key, value in given.items()}
    if "parent_folder_id" in wanted:
        wanted["parent_id"] = wanted.pop("parent_folder_id")
    return wanted


def _refuse_unsuitable(
    account: Account, wanted: dict[str, Any], *, category_id: int, before: FolderRecord | None = None
) -> None:
    wrongs = _wrong_audience(wanted, before)
    parent_id = wanted.get("parent_id")
    if parent_id is not None:
        if account.settings.subfolders != "on":
            raise feature_missing("flexible_hierarchy")
        wrongs += _wrong_parent(account, parent_id, category_id, before)
    if wrongs:
        raise invalid(wrongs)


def _wrong_audience(wanted: dict[str, Any], before: FolderRecord | None) -> list[Wrong]:
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


def _wrong_parent(account: Account, parent_id: int, category_id: int, before: FolderRecord | None) -> list[Wrong]:
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
    def rivals(folder: FolderRecord) -> bool:
        match account.settings.folder_names:
            case "account":
                return True
            case "category":
                return folder.category_id == category_id
            case "parent":
                return (folder.category_id, folder.parent_id) == (category_id, parent_id)

    others = (one for one in account.store.folders.all(language) if one.id != but and rivals(one))
    if any(same_name(account, one.name, name) for one in others):
        raise duplicate(account, "name")


async def list__articles(request: Request) -> Response:
    """GET /solutions/folders/{id}/articles[/{language}]: whole articles, drafts too (recorded)."""
    account = account_of(request)
    language = language_of(request, account)
    folder = find(account, id_of(request), account.settings.language)
    page, link = page_of(request, account.store.articles.in_folder(folder.id, language))
    way = account.store.folders.way(folder.id, language)
    written = [
        article_to_json(
            one, way, account.settings, counts=_counts(account, one, summed="language" not in request.path_params)
        )
        for one in page
    ]
    return JSONResponse(written, headers=link)


async def create_articles(request: Request) -> Response:
    """POST /solutions/folders/{id}/articles; the same title twice is no error (recorded)."""
    account = account_of(request)
    folder = find(account, id_of(request), account.settings.language)
    given = check(await body_of(request), article_rules(account.settings, updating=False))
    id_ = account.store.articles.create(
        account.settings.language,
        folder_id=folder.id,
        agent_id=account.settings.agents[0].id,
        fields=_fields(given, account.settings),
    )
    return made(request, "articles", _written_articles(account, account.store.article(id_)))


async def get_articles(request: Request) -> Response:
    """GET /solutions/articles/{id}[/{language}]."""
    account = account_of(request)
    found = find_articles(account, id_of(request), language_of(request, account))
    return JSONResponse(_written_articles(account, found, alone=True, summed="language" not in request.path_params))


async def update_articles(request: Request) -> Response:
    """PUT /solutions/articles/{id}[/{language}]; one that changes nothing leaves `updated_at` (inferred)."""
    account = account_of(request)
    language = language_of(request, account)
    before = find_articles(account, id_of(request), language)
    given = check(await body_of(request), article_rules(account.settings, updating=True), updating=True)
    wanted = {**_fields(given, account.settings, before), **_publishing(before, given, account.settings)}
    changes = {key: value for key, value in wanted.items() if getattr(before, key) != value}
    if changes:
        account.store.articles.edit(before, changes, time=account.store.database.time())
    return JSONResponse(_written_articles(account, find_articles(account, before.id, language)))


async def translate_articles(request: Request) -> Response:
    """POST /solutions/articles/{id}/{language}."""
    account = account_of(request)
    language = language_of(request, account)
    base = find_articles(account, id_of(request), account.settings.language)
    if account.store.articles.get(base.id, language):
        raise duplicate(account, "language")
    strict = account.settings.parent_language == "strict"
    if strict and account.store.folders.get(base.folder_id, language) is None:
        raise invalid([invalid_value("language", "The folder has no translation in this language")])
    given = check(await body_of(request), article_rules(account.settings, updating=False))
    account.store.articles.translate(base.id, language, fields=_fields(given, account.settings))
    return made(
        request,
        "articles",
        _written_articles(account, find_articles(account, base.id, language), summed=False),
        language,
    )


async def delete_articles(request: Request) -> Response:
    """DELETE /solutions/articles/{id}: for good, all languages (documented)."""
    account = account_of(request)
    found = find_articles(account, id_of(request), account.settings.language)
    account.store.articles.delete(found.id)
    return nothing()


def find_articles(account: Account, id_: int, language: str) -> ArticleRecord:
    """Find an article in a language; raises `Refused`."""
    found = account.store.articles.get(id_, language)
    if found is None:
        raise absent(account, "article", id_)
    return found


def _written_articles(
    account: Account, article: ArticleRecord, *, alone: bool = False, summed: bool = True
) -> dict[str, Any]:
    way = account.store.folders.way(article.folder_id, article.language)
    counts = _counts(account, article, summed=summed)
    return article_to_json(article, way, account.settings, alone=alone, counts=counts)


def _counts(account: Account, article: ArticleRecord, *, summed: bool) -> dict[str, int]:
    if summed and account.settings.languages:
        return account.store.articles.counts(article.id)
    return {"hits": article.hits, "thumbs_up": article.thumbs_up, "thumbs_down": article.thumbs_down}


def _fields(given: dict[str, Any], settings: SandboxSettings, before: ArticleRecord | None = None) -> dict[str, Any]:
    fields = {key: value for key, value in given.items() if key != "seo_data"}
    if "description" in fields:
        fields["description"] = rewritten(fields["description"], settings.rewriting)
    if "tags" in fields:
        fields["tags"] = tuple(dict.fromkeys(fields["tags"]))
    if "seo_data" in given:
        kept = before.seo if before and settings.seo_update == "merge" else {}
        fields["seo"] = {**kept, **given["seo_data"]}
    return fields


def _publishing(before: ArticleRecord, given: dict[str, Any], settings: SandboxSettings) -> dict[str, Any]:
    """Return what an update does to status and to the version readers see.

    `status: 1` alone unpublishes (documented). Beside other fields it keeps a draft by the published version
    (inferred); what an update without a status does is unknown: both are switches.
    """
    beside = {
        "status": DRAFT,
        "live_title": before.title if before.status == PUBLISHED else before.live_title,
        "live_description": before.description if before.status == PUBLISHED else before.live_description,
    }
    match given.get("status"):
        case None if settings.status_omitted == "draft" and given.keys() & {"title", "description"}:
            return beside if before.readable else {}
        case None:
            return {}
        case 1 if given.keys() > {"status"} and settings.draft_edit == "beside" and before.readable:
            return beside
        case status:
            return {"status": status, "live_title": None, "live_description": None}
