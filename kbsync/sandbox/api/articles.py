"""The calls on articles, and what drafts and publishing do to them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.api import folders
from kbsync.sandbox.api.calls import body_of, id_of, language_of, made, nothing, page_of
from kbsync.sandbox.api.refusals import absent, duplicate, invalid, invalid_value
from kbsync.sandbox.api.shapes import article_to_json
from kbsync.sandbox.api.validation import article_rules, check
from kbsync.sandbox.records import DRAFT, PUBLISHED, Article
from kbsync.sandbox.rewriting import rewritten
from kbsync.sandbox.settings import Settings


async def list_(request: Request) -> Response:
    """GET /solutions/folders/{id}/articles[/{language}]: whole articles, drafts too (recorded)."""
    account = account_of(request)
    language = language_of(request, account)
    folder = folders.find(account, id_of(request), account.settings.language)
    page, link = page_of(request, account.store.articles.in_folder(folder.id, language))
    way = account.store.folders.way(folder.id, language)
    written = [
        article_to_json(
            one, way, account.settings, counts=_counts(account, one, summed="language" not in request.path_params)
        )
        for one in page
    ]
    return JSONResponse(written, headers=link)


async def create(request: Request) -> Response:
    """POST /solutions/folders/{id}/articles; the same title twice is no error (recorded)."""
    account = account_of(request)
    folder = folders.find(account, id_of(request), account.settings.language)
    given = check(await body_of(request), article_rules(account.settings, updating=False))
    id_ = account.store.articles.create(
        account.settings.language,
        folder_id=folder.id,
        agent_id=account.settings.agents[0].id,
        fields=_fields(given, account.settings),
    )
    return made(request, "articles", _written(account, account.store.article(id_)))


async def get(request: Request) -> Response:
    """GET /solutions/articles/{id}[/{language}]."""
    account = account_of(request)
    found = find(account, id_of(request), language_of(request, account))
    return JSONResponse(_written(account, found, alone=True, summed="language" not in request.path_params))


async def update(request: Request) -> Response:
    """PUT /solutions/articles/{id}[/{language}]; one that changes nothing leaves `updated_at` (inferred)."""
    account = account_of(request)
    language = language_of(request, account)
    before = find(account, id_of(request), language)
    given = check(await body_of(request), article_rules(account.settings, updating=True), updating=True)
    wanted = {**_fields(given, account.settings, before), **_publishing(before, given, account.settings)}
    changes = {key: value for key, value in wanted.items() if getattr(before, key) != value}
    if changes:
        account.store.articles.edit(before, changes, time=account.store.database.time())
    return JSONResponse(_written(account, find(account, before.id, language)))


async def translate(request: Request) -> Response:
    """POST /solutions/articles/{id}/{language}."""
    account = account_of(request)
    language = language_of(request, account)
    base = find(account, id_of(request), account.settings.language)
    if account.store.articles.get(base.id, language):
        raise duplicate(account, "language")
    strict = account.settings.parent_language == "strict"
    if strict and account.store.folders.get(base.folder_id, language) is None:
        raise invalid([invalid_value("language", "The folder has no translation in this language")])
    given = check(await body_of(request), article_rules(account.settings, updating=False))
    account.store.articles.translate(base.id, language, fields=_fields(given, account.settings))
    return made(request, "articles", _written(account, find(account, base.id, language), summed=False), language)


async def delete(request: Request) -> Response:
    """DELETE /solutions/articles/{id}: for good, all languages (documented)."""
    account = account_of(request)
    found = find(account, id_of(request), account.settings.language)
    account.store.articles.delete(found.id)
    return nothing()


def find(account: Account, id_: int, language: str) -> Article:
    """Find an article in a language; raises `Refused`."""
    found = account.store.articles.get(id_, language)
    if found is None:
        raise absent(account, "article", id_)
    return found


def _written(account: Account, article: Article, *, alone: bool = False, summed: bool = True) -> dict[str, Any]:
    way = account.store.folders.way(article.folder_id, article.language)
    counts = _counts(account, article, summed=summed)
    return article_to_json(article, way, account.settings, alone=alone, counts=counts)


def _counts(account: Account, article: Article, *, summed: bool) -> dict[str, int]:
    if summed and account.settings.languages:
        return account.store.articles.counts(article.id)
    return {"hits": article.hits, "thumbs_up": article.thumbs_up, "thumbs_down": article.thumbs_down}


def _fields(given: dict[str, Any], settings: Settings, before: Article | None = None) -> dict[str, Any]:
    fields = {key: value for key, value in given.items() if key != "seo_data"}
    if "description" in fields:
        fields["description"] = rewritten(fields["description"], settings.rewriting)
    if "tags" in fields:
        fields["tags"] = tuple(dict.fromkeys(fields["tags"]))
    if "seo_data" in given:
        kept = before.seo if before and settings.seo_update == "merge" else {}
        fields["seo"] = {**kept, **given["seo_data"]}
    return fields


def _publishing(before: Article, given: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Tell what an update does to status and to the version readers see.

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
