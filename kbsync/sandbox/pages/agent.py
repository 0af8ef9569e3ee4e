"""The pages on which an agent edits an article by hand, as agents of a real portal do beside kbsync."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from kbsync.sandbox.account import account_of
from kbsync.sandbox.database import DRAFT, PUBLISHED, ArticleRecord, FolderRecord, Heading
from kbsync.sandbox.pages.render import HEADERS, POLICY, body_to_show, fields_of, is_ours, page, token_for
from kbsync.sandbox.sanitize import rewritten
from kbsync.sandbox.store import Store

PURPOSE = "agent"
TAG_LIMIT = 32
STALE = "Somebody saved this article after you opened it. Your text is still here; open the article anew to see theirs."


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawer:
    """A folder as agents see it, with drafts."""

    folder: FolderRecord
    depth: int
    articles: list[Heading]


async def overview(request: Request) -> Response:
    """List every article, drafts too."""
    account = account_of(request)
    term = request.query_params.get("term", "").strip()
    status = request.query_params.get("status", "")
    inside = _articles(account.store, term, status)
    filtered = bool(term or status)
    folders = account.store.all_folders()
    cases = [
        (one, _drawers([folder for folder in folders if folder.category_id == one.id], inside, filtered=filtered))
        for one in account.store.all_categories()
    ]
    cases = [(category, drawers) for category, drawers in cases if drawers or not filtered]
    shown = sum(len(drawer.articles) for _, drawers in cases for drawer in drawers)
    return page(request, "agent_list.html", cases=cases, term=term, status_shown=status, shown=shown)


async def edit(request: Request) -> Response:
    """Show the form for one article."""
    found = _find(request)
    if found is None:
        return _missing(request)
    return _form(request, found, _fields_from(found), saved="saved" in request.query_params)


async def save(request: Request) -> Response:
    """Take what the form holds; a title that is blank, a tag that is too long or a stale form is said and not saved."""
    account = account_of(request)
    found = _find(request)
    if found is None:
        return _missing(request)
    fields = {**_fields_from(found), **await fields_of(request)}
    if not is_ours(request, fields.get("token", ""), PURPOSE):
        return PlainTextResponse("This form did not come from the sandbox's own page.\n", status_code=403)
    wrong = _wrongs(fields, found)
    if wrong:
        return _form(request, found, fields, wrong=wrong, status=409 if STALE in wrong else 400)
    wanted = _changes_from(fields)
    body, stored = wanted["body"], found.description.replace("\r\n", "\n")
    wanted["body"] = found.description if body == stored else rewritten(body, account.settings.rewriting)
    before = {**{key: getattr(found, key) for key in ("title", "status", "tags")}, "body": found.description}
    changes = {key: value for key, value in wanted.items() if before[key] != value}
    if changes:
        account.store.edit_article(found.id, **changes)
    return RedirectResponse(f"/a/solutions/articles/{found.id}?saved=1", status_code=303)


async def preview(request: Request) -> Response:
    """Return the body of the form as readers would see it, for the pane beside the form."""
    fields = await fields_of(request)
    if not is_ours(request, fields.get("token", ""), PURPOSE):
        return PlainTextResponse("", status_code=403)
    shown = str(body_to_show(fields.get("body", "")))
    return HTMLResponse(shown, headers={**HEADERS, "content-security-policy": POLICY})


def _form(
    request: Request,
    found: ArticleRecord,
    fields: dict[str, Any],
    *,
    wrong: tuple[str, ...] = (),
    saved: bool = False,
    status: int = 200,
) -> Response:
    account = account_of(request)
    return page(
        request,
        "agent_article.html",
        status=status,
        script=True,
        article=found,
        fields=fields,
        body=body_to_show(fields["body"]),
        way=account.store.folders.way(found.folder_id, account.store.language),
        token=token_for(PURPOSE),
        wrong=wrong,
        saved=saved,
    )


def _fields_from(found: ArticleRecord) -> dict[str, Any]:
    return {
        "title": found.title,
        "body": found.description,
        "status": str(found.status),
        "tags": ", ".join(found.tags),
        "seen": found.updated_at,
    }


def _changes_from(fields: dict[str, str]) -> dict[str, Any]:
    return {
        "title": fields["title"].strip(),
        "body": fields["body"].replace("\r\n", "\n"),
        "status": PUBLISHED if fields["status"] == str(PUBLISHED) else DRAFT,
        "tags": _tags(fields["tags"]),
    }


def _tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))


def _wrongs(fields: dict[str, str], found: ArticleRecord) -> tuple[str, ...]:
    wrongs = []
    if fields["seen"] != found.updated_at:
        wrongs.append(STALE)
    if not fields["title"].strip():
        wrongs.append("An article needs a title.")
    wrongs += [
        f"The tag “{tag}” is longer than {TAG_LIMIT} characters."
        for tag in _tags(fields["tags"])
        if len(tag) > TAG_LIMIT
    ]
    return tuple(wrongs)


def _find(request: Request) -> ArticleRecord | None:
    store = account_of(request).store
    given = str(request.path_params["place"]).partition("-")[0]
    return (
        store.articles.get(int(given), store.language)
        if given.isascii() and given.isdigit() and len(given) < 19
        else None
    )


def _missing(request: Request) -> Response:
    return page(request, "agent_missing.html", status=404)


def _articles(store: Store, term: str, status: str) -> dict[int, list[Heading]]:
    found: dict[int, list[Heading]] = {}
    for one in store.articles.headings(store.language):
        if term.casefold() in one.title.casefold() and status in ("", str(one.status)):
            found.setdefault(one.folder_id, []).append(one)
    return found


def _drawers(folders: list[FolderRecord], inside: dict[int, list[Heading]], *, filtered: bool) -> list[Drawer]:
    drawers: list[Drawer] = []

    def open_(parent: int | None, depth: int) -> None:
        for folder in folders:
            if folder.parent_id == parent:
                articles = inside.get(folder.id, [])
                if articles or not filtered:
                    drawers.append(Drawer(folder=folder, depth=depth, articles=articles))
                open_(folder.id, depth + 1)

    open_(None, 0)
    return drawers


ROUTES = [
    Route("/a/solutions", overview),
    Route("/a/solutions/preview", preview, methods=["POST"]),
    Route("/a/solutions/articles/{place}", edit),
    Route("/a/solutions/articles/{place}", save, methods=["POST"]),
    Route("/a/solutions/articles/{place}/edit", edit),
    Route("/a", lambda _: RedirectResponse("/a/solutions")),
]
