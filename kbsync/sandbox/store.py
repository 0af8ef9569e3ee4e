"""The content of one account: edits as an agent makes them on the web, loading from JSON, and the search.

The API uses the tables of the store. The methods of the store do what an agent does in the product: they need no key,
are not recorded as calls, store bodies as given and always change `updated_at`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from kbsync.sandbox.database import PUBLISHED, ArticleRecord, CategoryRecord, Database, FolderRecord
from kbsync.sandbox.sanitize import plain_text
from kbsync.sandbox.settings import SandboxError, SandboxSettings
from kbsync.sandbox.tables import Articles, Categories, Folders

T = TypeVar("T")


class Store:
    """The content of one account. Every method is thread-safe."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        chosen = settings or SandboxSettings()
        self.language = chosen.language
        self.agent_id = chosen.agents[0].id
        self.database = Database(chosen.data, clock=chosen.clock, overlapping=chosen.ids == "overlapping")
        self.categories = Categories(self.database)
        self.folders = Folders(self.database, chosen.language)
        self.articles = Articles(self.database)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def category(self, id_: int, *, language: str | None = None) -> CategoryRecord:
        """Return a category; raise `LookupError` where it is not found."""
        return _found(self.categories.get(id_, language or self.language), "category", id_)

    def folder(self, id_: int, *, language: str | None = None) -> FolderRecord:
        """Return a folder; raise `LookupError` where it is not found."""
        return _found(self.folders.get(id_, language or self.language), "folder", id_)

    def article(self, id_: int, *, language: str | None = None) -> ArticleRecord:
        """Return an article; raise `LookupError` where it is not found."""
        return _found(self.articles.get(id_, language or self.language), "article", id_)

    def all_categories(self) -> list[CategoryRecord]:
        """Return every category, by id."""
        return self.categories.all(self.language)

    def all_folders(self) -> list[FolderRecord]:
        """Return every folder at any depth, by id."""
        return self.folders.all(self.language)

    def all_articles(self) -> list[ArticleRecord]:
        """Return every article, drafts too, by id."""
        return self.articles.all(self.language)

    def create_category(self, name: str, *, description: str | None = None) -> CategoryRecord:
        """Create a category."""
        return self.category(self.categories.create(self.language, name=name, description=description))

    def create_folder(self, category_id: int, name: str, **others: Any) -> FolderRecord:
        """Create a folder, in the folder `parent_id` where given; `others` as for `Folders.create`."""
        return self.folder(self.folders.create(self.language, category_id=category_id, name=name, **others))

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
        """Create an article."""
        fields = {"title": title, "description": body, "status": status, "tags": tuple(tags), "seo": seo or {}}
        id_ = self.articles.create(self.language, folder_id=folder_id, agent_id=self.agent_id, fields=fields)
        return self.article(id_)

    def translate_article(
        self, id_: int, language: str, title: str, body: str, *, status: int = PUBLISHED
    ) -> ArticleRecord:
        """Create the translation of an article."""
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
        """Edit an article: `title`, `body`, `status`, `tags`, `seo`, `agent_id`; other fields stay."""
        before = self.article(id_, language=language)
        if "body" in changes:
            changes["description"] = changes.pop("body")
        changes |= {"live_title": None, "live_description": None}
        self.articles.edit(before, changes, time=self.database.time_after(before.updated_at))
        return self.article(id_, language=language)

    def move_article(self, id_: int, folder_id: int) -> ArticleRecord:
        """Move an article to another folder, which the API cannot do."""
        before = self.article(id_)
        with self.database.transaction() as connection:
            connection.execute("UPDATE article SET folder_id = ? WHERE id = ?", (folder_id, id_))
            self.articles.edit(before, {}, time=self.database.time_after(before.updated_at))
        return self.article(id_)

    def move_folder(self, id_: int, category_id: int, parent_id: int | None = None) -> FolderRecord:
        """Move a folder with its content to another category, or into a folder of it."""
        before = self.folder(id_)
        with self.database.transaction() as connection:
            connection.execute(
                "WITH RECURSIVE moved (id) AS (SELECT ? UNION SELECT folder.id FROM folder JOIN moved"
                " ON folder.parent_id = moved.id) UPDATE folder SET category_id = ? WHERE id IN (SELECT id FROM moved)",
                (id_, category_id),
            )
            self.folders.edit(before, {"parent_id": parent_id}, time=self.database.time_after(before.updated_at))
        return self.folder(id_)

    def delete_category(self, id_: int) -> None:
        """Delete a category with its content."""
        self.categories.delete(self.category(id_).id)

    def delete_folder(self, id_: int) -> None:
        """Delete a folder with its content."""
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
    """Add the content of a document in one transaction and return the number of articles.

    Existing categories and folders are reused; articles get ascending ids by `position`. Raise `SandboxError` where
    the document has another structure.
    """
    _check(document)
    with store.database.transaction():
        return sum(
            _load_folder(store, _category(store, category), folder, articles)
            for category, folders in document.items()
            for folder, articles in folders.items()
        )


def load_path(store: Store, path: Path) -> int:
    """Load a JSON file, or every `*.json` in a folder by name; return the number of articles."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise SandboxError(f"{path} has no *.json file")
    with store.database.transaction():
        return sum(load(store, _read(file)) for file in files)


def _read(file: Path) -> Document:
    try:
        document: Document = json.loads(file.read_text(encoding="utf-8"))
        _check(document)
    except OSError as error:
        raise SandboxError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SandboxError(f"{file} is not valid JSON in UTF-8: {error}") from error
    except SandboxError as error:
        raise SandboxError(f"{file}: {error}") from error
    return document


def _check(document: Any) -> None:
    shape = (
        'the expected structure is {"category": {"folder": [{"title": "…", "description": "<p>…</p>", "position": 1}]}}'
    )
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
    existing = next((one for one in store.all_categories() if one.name == name), None)
    return (existing or store.create_category(name)).id


def _load_folder(store: Store, category_id: int, name: str, articles: Sequence[Mapping[str, Any]]) -> int:
    folders = store.folders.in_category(category_id, store.language)
    existing = next((one for one in folders if one.name == name), None)
    folder_id = (existing or store.create_folder(category_id, name)).id
    for article in sorted(articles, key=lambda one: one.get("position", 0)):
        fields = {"title": article["title"], "description": article.get("description", ""), "status": PUBLISHED}
        store.articles.create(store.language, folder_id=folder_id, agent_id=store.agent_id, fields=fields)
    return len(articles)


def published_version(article: ArticleRecord) -> ArticleRecord:
    """Return the published version where there is a draft beside it, else the article."""
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
    """Return the articles that contain every word of `term`, best match first.

    With `readable`, only the published versions of articles in those folders are searched.
    """
    words = term.casefold().split()
    if not words:
        return []
    articles = store.articles.all(language)
    if readable is not None:
        articles = [published_version(one) for one in articles if one.folder_id in readable and one.readable]
    hits = [(_weight(words, one.title.casefold(), one.description_text.casefold()), one) for one in articles]
    hits.sort(key=lambda hit: (-hit[0], hit[1].id))
    return [article for weight, article in hits[:MOST] if weight]


def _weight(words: list[str], title: str, text: str) -> int:
    weight = 0
    for word in words:
        found = TITLE_WEIGHT * (word in title) + min(text.count(word), TITLE_WEIGHT - 1)
        if not found:
            return 0
        weight += found
    return weight
