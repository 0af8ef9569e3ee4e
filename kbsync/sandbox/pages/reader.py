"""The help centre as readers see it."""

import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from kbsync.sandbox.account import Account, account_of
from kbsync.sandbox.database import AGENTS_ONLY, BOTS, ArticleRecord, CategoryRecord, FolderRecord, Heading
from kbsync.sandbox.pages.render import body_to_show, fields_of, is_same_site, page
from kbsync.sandbox.store import Store, search, seen_by_readers

LENGTH = 180
BEFORE = 50


def beginning(text: str) -> str:
    """Return the first words of a text."""
    return _cut(" ".join(text.split()), 0)


def around(text: str, term: str) -> list[tuple[str, bool]]:
    """Return the words around the first hit, in pieces that are marked or not."""
    whole = " ".join(text.split())
    words = [re.escape(word) for word in term.split()]
    if not words:
        return [(beginning(text), False)]
    pattern = re.compile("|".join(sorted(words, key=len, reverse=True)), re.IGNORECASE)
    hit = pattern.search(whole)
    shown = _cut(whole, max(0, hit.start() - BEFORE) if hit else 0)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for found in pattern.finditer(shown):
        pieces += [(shown[end : found.start()], False), (found[0], True)]
        end = found.end()
    return [piece for piece in (*pieces, (shown[end:], False)) if piece[0]]


def _cut(text: str, start: int) -> str:
    if start:
        start = text.find(" ", start) + 1 or start
    cut = text[start : start + LENGTH]
    if start + LENGTH < len(text):
        cut = f"{cut.rpartition(' ')[0] or cut}…"
    return f"…{cut}" if start else cut


HIDDEN = (AGENTS_ONLY, BOTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A folder as readers see it: its folders, its articles, and how many articles there are at any depth."""

    folder: FolderRecord
    folders: tuple["Shelf", ...]
    articles: tuple[Heading, ...]

    @property
    def count(self) -> int:
        """Count the articles at any depth."""
        return len(self.articles) + sum(inner.count for inner in self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookcase:
    """A category as readers see it."""

    category: CategoryRecord
    shelves: tuple[Shelf, ...]

    @property
    def count(self) -> int:
        """Count the articles at any depth."""
        return sum(shelf.count for shelf in self.shelves)


class Shelves:
    """One reading of what readers may see in one language."""

    def __init__(self, store: Store, language: str) -> None:
        self._store = store
        self.language = language
        everywhere = {folder.id: folder for folder in store.all_folders()}
        here = everywhere if language == store.language else {one.id: one for one in store.folders.all(language)}
        self._folders = {id_: folder for id_, folder in here.items() if _is_open(folder, everywhere)}
        self._inside: dict[int | None, list[FolderRecord]] = {}
        for folder in self._folders.values():
            self._inside.setdefault(folder.parent_id, []).append(folder)
        self._articles: dict[int, list[Heading]] = {}
        for article in store.articles.headings(language):
            if article.readable and article.folder_id in self._folders:
                self._articles.setdefault(article.folder_id, []).append(article)

    @property
    def open_folders(self) -> frozenset[int]:
        """Return the ids of the folders readers may look into."""
        return frozenset(self._folders)

    def bookcases(self) -> tuple[Bookcase, ...]:
        """Return every category that has a folder to show."""
        cases = (self._bookcase(category) for category in self._store.categories.list(self.language))
        return tuple(case for case in cases if case.shelves)

    def bookcase(self, id_: int) -> Bookcase | None:
        """Return one category."""
        category = self._store.categories.get(id_, self.language)
        return self._bookcase(category) if category else None

    def shelf(self, id_: int) -> Shelf | None:
        """Return one folder."""
        folder = self._folders.get(id_)
        return self._shelf(folder) if folder else None

    def _bookcase(self, category: CategoryRecord) -> Bookcase:
        top = [folder for folder in self._inside.get(None, []) if folder.category_id == category.id]
        return Bookcase(category=category, shelves=tuple(self._shelf(folder) for folder in top))

    def _shelf(self, folder: FolderRecord) -> Shelf:
        return Shelf(
            folder=folder,
            folders=tuple(self._shelf(inner) for inner in self._inside.get(folder.id, [])),
            articles=tuple(self._articles.get(folder.id, [])),
        )


def _is_open(folder: FolderRecord, everywhere: dict[int, FolderRecord]) -> bool:
    current: FolderRecord | None = folder
    while current is not None:
        if current.visibility in HIDDEN:
            return False
        current = everywhere.get(current.parent_id) if current.parent_id else None
    return True


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


async def home(request: Request) -> Response:
    """Show all categories and the search."""
    language = _language(request)
    if language is None:
        return missing(request)
    cases = Shelves(account_of(request).store, language).bookcases()
    return _show(request, "home.html", language, "", cases=cases)


async def category(request: Request) -> Response:
    """Show one category with its folders and the first articles of each."""
    language = _language(request)
    id_ = _id(request)
    case = Shelves(account_of(request).store, language).bookcase(id_) if language and id_ else None
    if case is None or language is None:
        return missing(request)
    return _show(request, "category.html", language, f"/{case.category.id}", case=case)


async def folder(request: Request) -> Response:
    """Show one folder with its folders and articles."""
    language = _language(request)
    id_ = _id(request)
    account = account_of(request)
    shelf = Shelves(account.store, language).shelf(id_) if language and id_ else None
    if shelf is None or language is None:
        return missing(request)
    texts = {
        one.id: beginning(seen_by_readers(one).description_text)
        for one in account.store.articles.in_folder(shelf.folder.id, language)
    }
    way = account.store.folders.way(shelf.folder.id, language)
    return _show(request, "folder.html", language, f"/folders/{shelf.folder.id}", shelf=shelf, texts=texts, way=way)


async def article(request: Request) -> Response:
    """Show one article, and count the visit."""
    account = account_of(request)
    language = _language(request)
    found, shelf = _readable(request, account, language)
    if found is None or shelf is None or language is None:
        return missing(request)
    account.store.articles.count(found.id, language, "hits")
    place = [one.id for one in shelf.articles].index(found.id)
    return _show(
        request,
        "article.html",
        language,
        f"/articles/{found.id}",
        title=found.title,
        article=found,
        body=body_to_show(found.description),
        author=next((one.name for one in account.settings.agents if one.id == found.agent_id), None),
        shelf=shelf,
        way=account.store.folders.way(shelf.folder.id, language),
        before=shelf.articles[place - 1] if place else None,
        after=shelf.articles[place + 1] if place + 1 < len(shelf.articles) else None,
        thanked="thanks" in request.query_params,
    )


async def feedback(request: Request) -> Response:
    """Count a thumb up or down."""
    account = account_of(request)
    language = _language(request)
    found, _ = _readable(request, account, language)
    if found is None or language is None or not is_same_site(request):
        return missing(request)
    helpful = (await fields_of(request)).get("helpful") == "yes"
    account.store.articles.count(found.id, language, "thumbs_up" if helpful else "thumbs_down")
    return RedirectResponse(f"{_base(account, language)}/articles/{found.id}?thanks=1#page-feedback", status_code=303)


async def find(request: Request) -> Response:
    """Show what a search found."""
    account = account_of(request)
    language = _language(request)
    if language is None:
        return missing(request)
    term = request.query_params.get("term", "").strip()
    open_folders = Shelves(account.store, language).open_folders
    found = search(account.store, term, language, readable=open_folders)
    hits = [
        {
            "article": hit,
            "title": around(hit.title, term),
            "excerpt": around(hit.description_text, term),
            "way": account.store.folders.way(hit.folder_id, language),
        }
        for hit in found
    ]
    return _show(request, "search.html", language, "", hits=hits, term=term)


async def start(_: Request) -> Response:
    """Lead to the home page."""
    return RedirectResponse(HOME)


def missing(request: Request) -> Response:
    """Say that there is nothing here, or nothing for readers."""
    account = account_of(request)
    return _show(request, "missing.html", account.settings.language, "", status=404)


def _show(request: Request, template: str, language: str, place: str, *, status: int = 200, **values: Any) -> Response:
    account = account_of(request)
    languages = [account.settings.language, *account.settings.languages]
    switches = [(code, LANGUAGE_NAMES.get(code, code), f"{_base(account, code)}{place}") for code in languages]
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


def _language(request: Request) -> str | None:
    settings = account_of(request).settings
    language: str = request.path_params.get("language", settings.language)
    return language if language in (settings.language, *settings.languages) else None


def _id(request: Request) -> int | None:
    given = str(request.path_params["place"]).partition("-")[0]
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


def _readable(request: Request, account: Account, language: str | None) -> tuple[ArticleRecord | None, Shelf | None]:
    id_ = _id(request)
    found = account.store.articles.get(id_, language) if id_ and language else None
    if found is None or language is None or not found.readable:
        return None, None
    return seen_by_readers(found), Shelves(account.store, language).shelf(found.folder_id)


def _routes(prefix: str) -> list[Route]:
    return [
        Route(f"{prefix}{HOME}", home),
        Route(f"{prefix}/support/search/solutions", find),
        Route(f"{prefix}/support/search", find),
        Route(f"{prefix}{HOME}/folders/{{place}}", folder),
        Route(f"{prefix}{HOME}/folders/{{place}}/page/{{page:int}}", folder),
        Route(f"{prefix}{HOME}/articles/{{place}}", article),
        Route(f"{prefix}{HOME}/articles/{{place}}/feedback", feedback, methods=["POST"]),
        Route(f"{prefix}{HOME}/{{place}}", category),
        Route(f"{prefix}/support/home", start),
        Route(f"{prefix}/support", start),
    ]


ROUTES = [Route("/", start), *_routes(""), *_routes("/{language}")]
