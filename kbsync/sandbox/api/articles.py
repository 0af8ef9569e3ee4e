"""The calls on articles, and what drafts and publishing do to them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.api.errors import article_rules, validate
from kbsync.sandbox.api.items import changed_fields, find, find_untranslated, require_translated_parent, save_changes
from kbsync.sandbox.api.requests import account_and_language_of, body_of, created, page_of
from kbsync.sandbox.api.shapes import article_to_json
from kbsync.sandbox.database import DRAFT, PUBLISHED, ArticleRecord
from kbsync.sandbox.sanitize import rewrite
from kbsync.sandbox.settings import SandboxSettings


async def list_(request: Request) -> Response:
    """GET /solutions/folders/{id}/articles[/{language}]: whole articles, drafts too (recorded)."""
    account, language = account_and_language_of(request)
    folder = find(request, account, account.store.folders)
    page, link = page_of(request, account.store.articles.in_folder(folder.id, language))
    hierarchy = account.store.folders.hierarchy(folder.id, language)
    summed = "language" not in request.path_params
    written = [
        article_to_json(one, hierarchy, account.settings, counts=_counts(account, one, summed=summed)) for one in page
    ]
    return JSONResponse(written, headers=link)


async def create(request: Request) -> Response:
    """POST /solutions/folders/{id}/articles; the same title twice is no error (recorded)."""
    account = account_of(request)
    folder = find(request, account, account.store.folders)
    given = validate(await body_of(request), article_rules(account.settings, updating=False))
    id_ = account.store.articles.create(
        account.settings.language,
        folder_id=folder.id,
        agent_id=account.settings.agents[0].id,
        fields=_fields(given, account.settings),
    )
    return created(request, "articles", _to_json(account, account.store.article(id_)))


async def get(request: Request) -> Response:
    """GET /solutions/articles/{id}[/{language}]."""
    account, language = account_and_language_of(request)
    found = find(request, account, account.store.articles, language)
    return JSONResponse(_to_json(account, found, alone=True, summed="language" not in request.path_params))


async def update(request: Request) -> Response:
    """PUT /solutions/articles/{id}[/{language}]; one that changes nothing leaves `updated_at` (inferred)."""
    account, language = account_and_language_of(request)
    before = find(request, account, account.store.articles, language)
    given = validate(await body_of(request), article_rules(account.settings, updating=True), updating=True)
    wanted = {**_fields(given, account.settings, before), **_publishing_fields(before, given, account.settings)}
    after = save_changes(account, account.store.articles, before, changed_fields(before, wanted))
    return JSONResponse(_to_json(account, after))


async def translate(request: Request) -> Response:
    """POST /solutions/articles/{id}/{language}."""
    account, language = account_and_language_of(request)
    base = find_untranslated(request, account, account.store.articles, language)
    require_translated_parent(account, account.store.folders, base.folder_id, language)
    given = validate(await body_of(request), article_rules(account.settings, updating=False))
    account.store.articles.translate(base.id, language, fields=_fields(given, account.settings))
    written = _to_json(account, account.store.article(base.id, language=language), summed=False)
    return created(request, "articles", written, language)


async def delete(request: Request) -> Response:
    """DELETE /solutions/articles/{id}: for good, all languages (documented)."""
    account = account_of(request)
    account.store.articles.delete(find(request, account, account.store.articles).id)
    return Response(status_code=204)


def _to_json(account: Account, article: ArticleRecord, *, alone: bool = False, summed: bool = True) -> dict[str, Any]:
    hierarchy = account.store.folders.hierarchy(article.folder_id, article.language)
    counts = _counts(account, article, summed=summed)
    return article_to_json(article, hierarchy, account.settings, alone=alone, counts=counts)


def _counts(account: Account, article: ArticleRecord, *, summed: bool) -> dict[str, int] | None:
    return account.store.articles.counts(article.id) if summed and account.settings.languages else None


def _fields(given: dict[str, Any], settings: SandboxSettings, before: ArticleRecord | None = None) -> dict[str, Any]:
    fields = {key: value for key, value in given.items() if key != "seo_data"}
    if "description" in fields:
        fields["description"] = rewrite(fields["description"], settings.rewriting)
    if "tags" in fields:
        fields["tags"] = tuple(dict.fromkeys(fields["tags"]))
    if "seo_data" in given:
        fields["seo"] = (before.seo if before and settings.seo_update == "merge" else {}) | given["seo_data"]
    return fields


def _publishing_fields(before: ArticleRecord, given: dict[str, Any], settings: SandboxSettings) -> dict[str, Any]:
    """Return what an update does to the status and to the version that readers see.

    `status: 1` alone unpublishes (documented). With other fields it keeps a draft beside the published version
    (inferred); what an update without a status does is unknown. Both are settings.
    """
    draft_beside_published = {
        "status": DRAFT,
        "live_title": before.title if before.status == PUBLISHED else before.live_title,
        "live_description": before.description if before.status == PUBLISHED else before.live_description,
    }
    match given.get("status"):
        case None if settings.status_omitted == "draft" and given.keys() & {"title", "description"}:
            return draft_beside_published if before.readable else {}
        case None:
            return {}
        case 1 if given.keys() > {"status"} and settings.draft_edit == "beside" and before.readable:
            return draft_beside_published
        case status:
            return {"status": status, "live_title": None, "live_description": None}
