"""The pages on which an agent edits an article by hand, as agents do on the web."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from kbsync.sandbox.account import account_of
from kbsync.sandbox.database import DRAFT, PUBLISHED, ArticleRecord, ArticleSummary, FolderRecord
from kbsync.sandbox.pages.render import (
    HEADERS,
    POLICY,
    body_to_show,
    form_fields,
    id_in_path,
    is_valid_form,
    page,
    token_for,
)
from kbsync.sandbox.sanitize import rewrite
from kbsync.sandbox.store import Store

PURPOSE = "agent"
TAG_LIMIT = 32
STALE = (
    "The article was changed after you opened it. Your text is still here: open the article in a new tab and compare."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFolderView:
    """A folder as agents see it, with its drafts."""

    record: FolderRecord
    depth: int
    articles: list[ArticleSummary]


async def overview(request: Request) -> Response:
    """Show every article, drafts too."""
    account = account_of(request)
    term = request.query_params.get("term", "").strip()
    status = request.query_params.get("status", "")
    articles = _articles_by_folder(account.store, term, status)
    filtered = bool(term or status)
    listed = []
    for category in account.store.all_categories():
        folders = [folder for folder in account.store.all_folders() if folder.category_id == category.id]
        views = _folder_views(folders, articles, filtered=filtered)
        if views or not filtered:
            listed.append((category, views))
    shown = sum(len(view.articles) for _, views in listed for view in views)
    return page(request, "agent_list.html", categories=listed, term=term, status_shown=status, shown=shown)


async def edit(request: Request) -> Response:
    """Show the form for one article."""
    found = _find(request)
    if found is None:
        return _not_found(request)
    return _form(request, found, _fields_from(found))


async def save(request: Request) -> Response:
    """Save the form, or show why it is not saved: a blank title, a tag that is too long or a stale form."""
    account = account_of(request)
    found = _find(request)
    if found is None:
        return _not_found(request)
    fields = {**_fields_from(found), **await form_fields(request)}
    if not is_valid_form(request, fields.get("token", ""), PURPOSE):
        return PlainTextResponse(
            "The form was not sent from a page of this portal. Reload the page and try again.\n", status_code=403
        )
    if errors := _form_errors(fields, found):
        return _form(request, found, fields, errors)
    body = fields["body"].replace("\r\n", "\n")
    is_same_body = body == found.description.replace("\r\n", "\n")
    wanted = {
        "title": fields["title"].strip(),
        "body": found.description if is_same_body else rewrite(body, account.settings.rewriting),
        "status": PUBLISHED if fields["status"] == str(PUBLISHED) else DRAFT,
        "tags": _tags(fields["tags"]),
    }
    before = {"title": found.title, "body": found.description, "status": found.status, "tags": found.tags}
    changes: dict[str, Any] = {key: value for key, value in wanted.items() if before[key] != value}
    if changes:
        account.store.edit_article(found.id, **changes)
    return RedirectResponse(f"/a/solutions/articles/{found.id}?saved=1", status_code=303)


async def preview(request: Request) -> Response:
    """Return the body in the form as readers see it, for the pane beside the form."""
    fields = await form_fields(request)
    if not is_valid_form(request, fields.get("token", ""), PURPOSE):
        return PlainTextResponse("", status_code=403)
    shown = str(body_to_show(fields.get("body", "")))
    return HTMLResponse(shown, headers={**HEADERS, "content-security-policy": POLICY})


def _form(request: Request, found: ArticleRecord, fields: dict[str, Any], errors: tuple[str, ...] = ()) -> Response:
    store = account_of(request).store
    return page(
        request,
        "agent_article.html",
        status=409 if STALE in errors else 400 if errors else 200,
        script=True,
        article=found,
        fields=fields,
        body=body_to_show(fields["body"]),
        hierarchy=store.folders.hierarchy(found.folder_id, store.language),
        token=token_for(PURPOSE),
        errors=errors,
        saved="saved" in request.query_params,
    )


def _fields_from(found: ArticleRecord) -> dict[str, Any]:
    return {
        "title": found.title,
        "body": found.description,
        "status": str(found.status),
        "tags": ", ".join(found.tags),
        "seen": found.updated_at,
    }


def _tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))


def _form_errors(fields: dict[str, str], found: ArticleRecord) -> tuple[str, ...]:
    errors = [STALE] if fields["seen"] != found.updated_at else []
    if not fields["title"].strip():
        errors.append("The title is required.")
    errors += [
        f"The tag “{tag}” is longer than {TAG_LIMIT} characters."
        for tag in _tags(fields["tags"])
        if len(tag) > TAG_LIMIT
    ]
    return tuple(errors)


def _find(request: Request) -> ArticleRecord | None:
    store = account_of(request).store
    return store.articles.get(id_in_path(request), store.language)


def _not_found(request: Request) -> Response:
    return page(request, "agent_not_found.html", status=404)


def _articles_by_folder(store: Store, term: str, status: str) -> dict[int, list[ArticleSummary]]:
    found: dict[int, list[ArticleSummary]] = {}
    for one in store.articles.summaries(store.language):
        if term.casefold() in one.title.casefold() and status in ("", str(one.status)):
            found.setdefault(one.folder_id, []).append(one)
    return found


def _folder_views(
    folders: list[FolderRecord], articles: dict[int, list[ArticleSummary]], *, filtered: bool
) -> list[AgentFolderView]:
    views: list[AgentFolderView] = []

    def add_children(parent: int | None, depth: int) -> None:
        for folder in folders:
            if folder.parent_id == parent:
                inside = articles.get(folder.id, [])
                if inside or not filtered:
                    views.append(AgentFolderView(record=folder, depth=depth, articles=inside))
                add_children(folder.id, depth + 1)

    add_children(None, 0)
    return views


ROUTES = [
    Route("/a/solutions", overview),
    Route("/a/solutions/preview", preview, methods=["POST"]),
    Route("/a/solutions/articles/{id}", edit),
    Route("/a/solutions/articles/{id}", save, methods=["POST"]),
    Route("/a/solutions/articles/{id}/edit", edit),
    Route("/a", lambda _: RedirectResponse("/a/solutions")),
]
