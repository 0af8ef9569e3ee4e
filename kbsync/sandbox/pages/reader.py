"""The pages of the help centre that readers see."""

import re
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.database import AGENTS_ONLY, BOTS, ArticleRecord, ArticleSummary, CategoryRecord, FolderRecord
from kbsync.sandbox.pages.render import body_to_show, form_fields, id_in_path, is_same_site, page
from kbsync.sandbox.store import Store, published_version, search

HOME = "/support/solutions"
LANGUAGE_NAMES = {
    "ar": "العربية",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "he": "עברית",
    "it": "Italiano",
    "ja": "日本語",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "pt-BR": "Português (Brasil)",
    "zh-CN": "简体中文",
}
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
EXCERPT_LENGTH = 180
EXCERPT_BEFORE = 50
HIDDEN_VISIBILITIES = (AGENTS_ONLY, BOTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderView:
    """A folder as readers see it, with its folders and articles."""

    record: FolderRecord
    folders: tuple["FolderView", ...]
    articles: tuple[ArticleSummary, ...]

    @property
    def count(self) -> int:
        """Return the number of articles at any depth."""
        return len(self.articles) + sum(folder.count for folder in self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryView:
    """A category as readers see it."""

    record: CategoryRecord
    folders: tuple[FolderView, ...]

    @property
    def count(self) -> int:
        """Return the number of articles at any depth."""
        return sum(folder.count for folder in self.folders)


class PublishedContent:
    """What readers can see in one language."""

    def __init__(self, store: Store, language: str) -> None:
        self._store = store
        self.language = language
        all_folders = {folder.id: folder for folder in store.all_folders()}
        translated = all_folders if language == store.language else {one.id: one for one in store.folders.all(language)}
        self._folders = {id_: folder for id_, folder in translated.items() if _is_visible(folder, all_folders)}
        self.folder_ids = frozenset(self._folders)
        self._children: dict[int | None, list[FolderRecord]] = {}
        for folder in self._folders.values():
            self._children.setdefault(folder.parent_id, []).append(folder)
        self._articles: dict[int, list[ArticleSummary]] = {}
        for article in store.articles.summaries(language):
            if article.readable and article.folder_id in self._folders:
                self._articles.setdefault(article.folder_id, []).append(article)

    def categories(self) -> tuple[CategoryView, ...]:
        """Return every category that has a folder that readers can see."""
        views = (self._category_view(category) for category in self._store.categories.all(self.language))
        return tuple(view for view in views if view.folders)

    def category(self, id_: int) -> CategoryView | None:
        """Return one category, or None where it is not found."""
        category = self._store.categories.get(id_, self.language)
        return self._category_view(category) if category else None

    def folder(self, id_: int) -> FolderView | None:
        """Return one folder, or None where readers cannot see it."""
        folder = self._folders.get(id_)
        return self._folder_view(folder) if folder else None

    def _category_view(self, category: CategoryRecord) -> CategoryView:
        top = [folder for folder in self._children.get(None, []) if folder.category_id == category.id]
        return CategoryView(record=category, folders=tuple(self._folder_view(folder) for folder in top))

    def _folder_view(self, folder: FolderRecord) -> FolderView:
        return FolderView(
            record=folder,
            folders=tuple(self._folder_view(inner) for inner in self._children.get(folder.id, [])),
            articles=tuple(self._articles.get(folder.id, [])),
        )


def _is_visible(folder: FolderRecord, all_folders: dict[int, FolderRecord]) -> bool:
    current: FolderRecord | None = folder
    while current is not None:
        if current.visibility in HIDDEN_VISIBILITIES:
            return False
        current = all_folders.get(current.parent_id) if current.parent_id else None
    return True


async def home(request: Request) -> Response:
    """Show all categories and the search."""
    language = _language(request)
    categories = PublishedContent(account_of(request).store, language).categories()
    return _show(request, "home.html", language, "", categories=categories)


async def category(request: Request) -> Response:
    """Show one category with its folders and the first articles of each."""
    language = _language(request)
    found = PublishedContent(account_of(request).store, language).category(id_in_path(request))
    if found is None:
        raise HTTPException(404)
    return _show(request, "category.html", language, f"/{found.record.id}", category=found)


async def folder(request: Request) -> Response:
    """Show one folder with its folders and articles."""
    language = _language(request)
    account = account_of(request)
    found = PublishedContent(account.store, language).folder(id_in_path(request))
    if found is None:
        raise HTTPException(404)
    excerpts = {
        one.id: beginning(published_version(one).description_text)
        for one in account.store.articles.in_folder(found.record.id, language)
    }
    hierarchy = account.store.folders.hierarchy(found.record.id, language)
    path = f"/folders/{found.record.id}"
    return _show(request, "folder.html", language, path, folder=found, excerpts=excerpts, hierarchy=hierarchy)


async def article(request: Request) -> Response:
    """Show one article and count the view."""
    account = account_of(request)
    language = _language(request)
    found, folder_view = _readable(request, account, language)
    account.store.articles.count(found.id, language, "hits")
    index = [one.id for one in folder_view.articles].index(found.id)
    return _show(
        request,
        "article.html",
        language,
        f"/articles/{found.id}",
        title=found.title,
        article=found,
        body=body_to_show(found.description),
        author=next((one.name for one in account.settings.agents if one.id == found.agent_id), None),
        folder=folder_view,
        hierarchy=account.store.folders.hierarchy(folder_view.record.id, language),
        before=folder_view.articles[index - 1] if index else None,
        after=folder_view.articles[index + 1] if index + 1 < len(folder_view.articles) else None,
        thanked="thanks" in request.query_params,
    )


async def feedback(request: Request) -> Response:
    """Count a vote for helpful or not helpful."""
    account = account_of(request)
    language = _language(request)
    found, _ = _readable(request, account, language)
    if not is_same_site(request):
        raise HTTPException(404)
    helpful = (await form_fields(request)).get("helpful") == "yes"
    account.store.articles.count(found.id, language, "thumbs_up" if helpful else "thumbs_down")
    return RedirectResponse(f"{_base(account, language)}/articles/{found.id}?thanks=1#page-feedback", status_code=303)


async def search_results(request: Request) -> Response:
    """Show the results of a search."""
    account = account_of(request)
    language = _language(request)
    term = request.query_params.get("term", "").strip()
    folder_ids = PublishedContent(account.store, language).folder_ids
    hits = [
        {
            "article": hit,
            "title": highlighted_excerpt(hit.title, term),
            "excerpt": highlighted_excerpt(hit.description_text, term),
            "hierarchy": account.store.folders.hierarchy(hit.folder_id, language),
        }
        for hit in search(account.store, term, language, readable=folder_ids)
    ]
    return _show(request, "search.html", language, "", hits=hits, term=term)


async def redirect_to_home(_: Request) -> Response:
    """Redirect to the home page."""
    return RedirectResponse(HOME)


def not_found(request: Request) -> Response:
    """Show that the page does not exist, or is not visible to readers."""
    return _show(request, "not_found.html", account_of(request).settings.language, "", status=404)


def _show(request: Request, template: str, language: str, path: str, *, status: int = 200, **values: Any) -> Response:
    account = account_of(request)
    languages = [account.settings.language, *account.settings.languages]
    switches = [(code, LANGUAGE_NAMES.get(code, code), f"{_base(account, code)}{path}") for code in languages]
    values.setdefault("term", "")
    return page(
        request,
        template,
        status=status,
        language=language,
        direction="rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr",
        base=_base(account, language),
        switches=switches if len(switches) > 1 else [],
        **values,
    )


def _base(account: Account, language: str) -> str:
    return HOME if language == account.settings.language else f"/{language}{HOME}"


def _language(request: Request) -> str:
    settings = account_of(request).settings
    language: str = request.path_params.get("language", settings.language)
    if language not in (settings.language, *settings.languages):
        raise HTTPException(404)
    return language


def _readable(request: Request, account: Account, language: str) -> tuple[ArticleRecord, FolderView]:
    found = account.store.articles.get(id_in_path(request), language)
    view = PublishedContent(account.store, language).folder(found.folder_id) if found and found.readable else None
    if found is None or view is None:
        raise HTTPException(404)
    return published_version(found), view


def beginning(text: str) -> str:
    """Return the first words of a text."""
    return _cut(" ".join(text.split()), 0)


def highlighted_excerpt(text: str, term: str) -> list[tuple[str, bool]]:
    """Return the words around the first hit, in pieces that are marked or not."""
    whole = " ".join(text.split())
    words = [re.escape(word) for word in term.split()]
    if not words:
        return [(beginning(text), False)]
    pattern = re.compile("|".join(sorted(words, key=len, reverse=True)), re.IGNORECASE)
    hit = pattern.search(whole)
    shown = _cut(whole, max(0, hit.start() - EXCERPT_BEFORE) if hit else 0)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for found in pattern.finditer(shown):
        pieces += [(shown[end : found.start()], False), (found[0], True)]
        end = found.end()
    return [piece for piece in (*pieces, (shown[end:], False)) if piece[0]]


def _cut(text: str, start: int) -> str:
    if start:
        start = text.find(" ", start) + 1 or start
    cut = text[start : start + EXCERPT_LENGTH]
    if start + EXCERPT_LENGTH < len(text):
        cut = f"{cut.rpartition(' ')[0] or cut}…"
    return f"…{cut}" if start else cut


def _routes(prefix: str) -> list[Route]:
    return [
        Route(f"{prefix}{HOME}", home),
        Route(f"{prefix}/support/search/solutions", search_results),
        Route(f"{prefix}/support/search", search_results),
        Route(f"{prefix}{HOME}/folders/{{id}}", folder),
        Route(f"{prefix}{HOME}/folders/{{id}}/page/{{page:int}}", folder),
        Route(f"{prefix}{HOME}/articles/{{id}}", article),
        Route(f"{prefix}{HOME}/articles/{{id}}/feedback", feedback, methods=["POST"]),
        Route(f"{prefix}{HOME}/{{id}}", category),
        Route(f"{prefix}/support/home", redirect_to_home),
        Route(f"{prefix}/support", redirect_to_home),
    ]


ROUTES = [Route("/", redirect_to_home), *_routes(""), *_routes("/{language}")]
