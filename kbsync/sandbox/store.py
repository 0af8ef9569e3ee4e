"""All that one account holds, and the hand of an agent who works on the web.

The nouns' own modules (`categories`, `folders`, `articles`) are what the API uses. The methods here do what an agent does
in the product: they need no key, count as no call, store bodies as they are given and always move `updated_at`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from kbsync.sandbox.database import PUBLISHED, ArticleRecord, CategoryRecord, Database, FolderRecord
from kbsync.sandbox.sanitize import plain_text
from kbsync.sandbox.settings import SandboxError, SandboxSettings
from kbsync.sandbox.tables import Articles, Categories, Folders

T = TypeVar("T")


class Store:
    """The rows of one account. Every method may be called from any thread."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        chosen = settings or SandboxSettings()
        self.language = chosen.language
        self.agent_id = chosen.agents[0].id
        self.database = Database(chosen.data, clock=chosen.clock, overlapping=chosen.ids == "overlapping")
        self.categories = Categories(self.database)
        self.folders = Folders(self.database, chosen.language)
        self.articles = Articles(self.database)

    def close(self) -> None:
        """Let go of the data."""
        self.database.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all of what follows or none of it."""
        with self.database.writing():
            yield

    def category(self, id_: int, *, language: str | None = None) -> CategoryRecord:
        """Show a category; raises `LookupError` where there is none."""
        return _found(self.categories.get(id_, language or self.language), "category", id_)

    def folder(self, id_: int, *, language: str | None = None) -> FolderRecord:
        """Show a folder; raises `LookupError` where there is none."""
        return _found(self.folders.get(id_, language or self.language), "folder", id_)

    def article(self, id_: int, *, language: str | None = None) -> ArticleRecord:
        """Show an article; raises `LookupError` where there is none."""
        return _found(self.articles.get(id_, language or self.language), "article", id_)

    def all_categories(self) -> list[CategoryRecord]:
        """List every category, by id."""
        return self.categories.list(self.language)

    def all_folders(self) -> list[FolderRecord]:
        """List every folder at any depth, by id."""
        return self.folders.all(self.language)

    def all_articles(self) -> list[ArticleRecord]:
        """List every article, drafts too, by id."""
        return self.articles.all(self.language)

    def create_category(self, name: str, *, description: str | None = None) -> CategoryRecord:
        """Make a category."""
        return self.category(self.categories.create(self.language, name=name, description=description))

    def create_folder(
        self, category_id: int, name: str, *, parent_id: int | None = None, visibility: int = 1, **others: Any
    ) -> FolderRecord:
        """Make a folder, in another one where `parent_id` says so; `others` are as `Folders.create` takes them."""
        return self.folder(
            self.folders.create(
                self.language,
                category_id=category_id,
                name=name,
                parent_id=parent_id,
                visibility=visibility,
                **others,
            )
        )

    def create_article(
        self,
        folder_id: int,
        title: str,
        body: str,
        *,
        status: int = PUBLISHED,
        tags: Sequence[str] = (),
        seo: dict[str, Any] | None = None,
    ) -> ArticleRecord:
        """Write an article."""
        fields = {"title": title, "description": body, "status": status, "tags": tuple(tags), "seo": seo or {}}
        id_ = self.articles.create(self.language, folder_id=folder_id, agent_id=self.agent_id, fields=fields)
        return self.article(id_)

    def translate_article(
        self, id_: int, language: str, title: str, body: str, *, status: int = PUBLISHED
    ) -> ArticleRecord:
        """Write an article's version in another language."""
        self.articles.translate(id_, language, fields={"title": title, "description": body, "status": status})
        return self.article(id_, language=language)

    def edit_category(self, id_: int, **changes: Any) -> CategoryRecord:
        """Edit a category: `name`, `description`."""
        before = self.category(id_)
        self.categories.edit(before, changes, time=self.database.time_after(before.updated_at))
        return self.category(id_)

    def edit_folder(self, id_: int, **changes: Any) -> FolderRecord:
        """Edit a folder: `name`, `description`, `visibility`, `parent_id`."""
        before = self.folder(id_)
        self.folders.edit(before, changes, time=self.database.time_after(before.updated_at))
        return self.folder(id_)

    def edit_article(self, id_: int, *, language: str | None = None, **changes: Any) -> ArticleRecord:
        """Edit an article: `title`, `body`, `status`, `tags`, `seo`, `agent_id`; what is not given stays."""
        before = self.article(id_, language=language)
        if "body" in changes:
            changes["description"] = changes.pop("body")
        changes |= {"live_title": None, "live_description": None}
        self.articles.edit(before, changes, time=self.database.time_after(before.updated_at))
        return self.article(id_, language=language)

    def move_article(self, id_: int, folder_id: int) -> ArticleRecord:
        """Move an article to another folder, which the product can do and the API cannot."""
        before = self.article(id_)
        with self.database.writing() as connection:
            connection.execute("UPDATE article SET folder_id = ? WHERE id = ?", (folder_id, id_))
            self.articles.edit(before, {}, time=self.database.time_after(before.updated_at))
        return self.article(id_)

    def move_folder(self, id_: int, category_id: int, parent_id: int | None = None) -> FolderRecord:
        """Move a folder with all it holds to another category, or below a folder of one."""
        before = self.folder(id_)
        with self.database.writing() as connection:
            connection.execute("UPDATE folder SET parent_id = ? WHERE id = ?", (parent_id, id_))
            connection.execute(
                "WITH RECURSIVE held (id) AS (SELECT ? UNION SELECT folder.id FROM folder JOIN held"
                " ON folder.parent_id = held.id) UPDATE folder SET category_id = ? WHERE id IN (SELECT id FROM held)",
                (id_, category_id),
            )
            after = {"parent_id": parent_id}
            self.folders.edit(before, after, time=self.database.time_after(before.updated_at))
        return self.folder(id_)

    def delete_category(self, id_: int) -> None:
        """Delete a category and all it holds."""
        self.categories.delete(self.category(id_).id)

    def delete_folder(self, id_: int) -> None:
        """Delete a folder and all it holds."""
        self.folders.delete(self.folder(id_).id)

    def delete_article(self, id_: int) -> None:
        """Delete an article."""
        self.articles.delete(self.article(id_).id)


def _found(item: T | None, kind: str, id_: int) -> T:
    if item is None:
        raise LookupError(f"no {kind} {id_}")
    return item


Document = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]


def load(store: Store, document: Document) -> int:
    """Add what a document holds to a store, all or nothing, and give the number of articles.

    A category or folder that is there already takes the new articles; articles get ascending ids by `position`. Raises
    `SandboxError` where the document is not of this shape.
    """
    _check(document)
    with store.together():
        return sum(
            _load_folder(store, _category(store, category), folder, articles)
            for category, folders in document.items()
            for folder, articles in folders.items()
        )


def load_path(store: Store, path: Path) -> int:
    """Add a JSON file, or every `*.json` of a folder in the order of their names; gives the number of articles."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise SandboxError(f"{path} holds no *.json file to load")
    with store.together():
        return sum(load(store, _read(file)) for file in files)


def _read(file: Path) -> Document:
    try:
        document: Document = json.loads(file.read_text(encoding="utf-8"))
        _check(document)
    except OSError as error:
        raise SandboxError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SandboxError(f"{file} is not JSON in UTF-8: {error}") from error
    except SandboxError as error:
        raise SandboxError(f"{file}: {error}") from error
    return document


def _check(document: Any) -> None:
    shape = 'it should read {"category": {"folder": [{"title": "…", "description": "<p>…</p>", "position": 1}]}}'
    if not isinstance(document, dict):
        raise SandboxError(shape)
    for category, folders in document.items():
        if not isinstance(folders, dict):
            raise SandboxError(f"in {category!r}: {shape}")
        for folder, articles in folders.items():
            if not isinstance(articles, list) or not all(_is_article(article) for article in articles):
                raise SandboxError(f"in {category!r} / {folder!r}: {shape}")


def _is_article(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("title"), str)
        and isinstance(value.get("description", ""), str)
        and isinstance(value.get("position", 0), int | float)
    )


def _category(store: Store, name: str) -> int:
    for category in store.all_categories():
        if category.name == name:
            return category.id
    return store.create_category(name).id


def _load_folder(store: Store, category_id: int, name: str, articles: Sequence[Mapping[str, Any]]) -> int:
    for folder in store.folders.in_category(category_id, store.language):
        if folder.name == name:
            folder_id = folder.id
            break
    else:
        folder_id = store.create_folder(category_id, name).id
    for article in sorted(articles, key=lambda one: one.get("position", 0)):
        fields = {"title": article["title"], "description": article.get("description", ""), "status": PUBLISHED}
        store.articles.create(store.language, folder_id=folder_id, agent_id=store.agent_id, fields=fields)
    return len(articles)


def seen_by_readers(article: ArticleRecord) -> ArticleRecord:
    """Return the published version where a draft stands beside one, else the article as it is."""
    if article.live_title is None or article.live_description is None:
        return article
    return replace(
        article,
        status=PUBLISHED,
        title=article.live_title,
        description=article.live_description,
        description_text=plain_text(article.live_description),
    )


TITLE_WEIGHT = 50
MOST = 100


def search(store: Store, term: str, language: str, *, readable: frozenset[int] | None = None) -> list[ArticleRecord]:
    """Find the articles that hold every word of `term`, best first.

    With `readable` only articles in those folders that readers may see are found, by what readers see of them.
    """
    words = term.casefold().split()
    if not words:
        return []
    hits: list[tuple[int, ArticleRecord]] = []
    for article in _candidates(store, language, readable):
        weight = _weight(words, article.title.casefold(), article.description_text.casefold())
        if weight:
            hits.append((weight, article))
    hits.sort(key=lambda hit: (-hit[0], hit[1].id))
    return [article for _, article in hits[:MOST]]


def _candidates(store: Store, language: str, readable: frozenset[int] | None) -> Iterator[ArticleRecord]:
    for article in store.articles.all(language):
        if readable is None:
            yield article
        elif article.folder_id in readable and article.readable:
            yield seen_by_readers(article)


def _weight(words: list[str], title: str, text: str) -> int:
    weight = 0
    for word in words:
        found = TITLE_WEIGHT * (word in title) + min(text.count(word), TITLE_WEIGHT - 1)
        if not found:
            return 0
        weight += found
    return weight
