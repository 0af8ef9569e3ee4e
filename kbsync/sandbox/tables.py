"""The categories, folders and articles of the store, as rows of SQLite."""

import json
import sqlite3
from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar, Generic, TypeVar

from kbsync.sandbox.database import (
    ID_LISTS,
    ArticleRecord,
    ArticleSummary,
    CategoryRecord,
    Database,
    FolderRecord,
    HierarchyLevel,
)
from kbsync.sandbox.sanitize import plain_text

COUNTERS = ("hits", "thumbs_up", "thumbs_down")
SELECT_SUMMARIES = (
    "SELECT id, folder_id, title, status, live_title, updated_at"
    " FROM article JOIN article_text USING (id) WHERE language = ? ORDER BY id"
)
_IN_SOME_LANGUAGE = "JOIN {0}_text USING (id) WHERE id = ? AND language IN (?, ?) ORDER BY language = ? DESC"
SELECT_NAME = {
    "category": f"SELECT id, name, language FROM category {_IN_SOME_LANGUAGE.format('category')}",
    "folder": f"SELECT * FROM folder {_IN_SOME_LANGUAGE.format('folder')}",
}
Item = TypeVar("Item")


class ItemTable(ABC, Generic[Item]):
    """Reads and writes the items of one kind; `language` is always one that the account has."""

    kind: ClassVar[str]
    select: ClassVar[str]

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, language: str) -> list[Item]:
        """Return every item that exists in a language, by id."""
        return self._select("language = ?", language)

    def get(self, id_: int, language: str) -> Item | None:
        """Return one item, or None where it does not exist in the language."""
        found = self._select(f"{self.kind}.id = ? AND language = ?", id_, language)
        return found[0] if found else None

    @abstractmethod
    def edit(self, before: Item, changes: dict[str, Any], *, time: str) -> None:
        """Change fields of one item; `time` becomes its `updated_at`."""

    def delete(self, id_: int) -> None:
        """Delete one item with all its languages and everything in it."""
        with self._database.transaction() as connection:
            connection.execute(f"DELETE FROM {self.kind} WHERE id = ?", (id_,))

    def _select(self, where: str, *values: Any) -> list[Item]:
        query = f"{self.select} WHERE {where} ORDER BY {self.kind}.id"
        return [self._record(row) for row in self._database.rows(query, values)]

    @abstractmethod
    def _record(self, row: sqlite3.Row) -> Item: ...


class NamedItemTable(ItemTable[Item]):
    """A table of items that have a name and a description in each language."""

    def translate(self, id_: int, language: str, *, name: str, description: str | None = None) -> None:
        """Add a language to one item."""
        time = self._database.time()
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT INTO {self.kind}_text VALUES (?, ?, ?, ?, ?, ?)",
                (id_, language, name, description, time, time),
            )

    def _edit_text(self, after: dict[str, Any], *, time: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE {self.kind}_text SET name = ?, description = ?, updated_at = ? WHERE id = ? AND language = ?",
                (after["name"], after["description"], time, after["id"], after["language"]),
            )


class Categories(NamedItemTable[CategoryRecord]):
    """Reads and writes categories."""

    kind = "category"
    select = "SELECT * FROM category JOIN category_text USING (id)"

    def create(self, language: str, *, name: str, description: str | None = None, portals: tuple[int, ...] = ()) -> int:
        """Add a category and return its id."""
        with self._database.transaction():
            id_ = self._database.insert("INSERT INTO category (portals) VALUES (?)", (json.dumps(portals),))
            self.translate(id_, language, name=name, description=description)
        return id_

    def edit(self, before: CategoryRecord, changes: dict[str, Any], *, time: str) -> None:
        """Change fields of one category; `time` becomes its `updated_at`."""
        after = {**asdict(before), **changes}
        with self._database.transaction() as connection:
            self._edit_text(after, time=time)
            connection.execute(
                "UPDATE category SET portals = ? WHERE id = ?", (json.dumps(after["portals"]), before.id)
            )

    def _record(self, row: sqlite3.Row) -> CategoryRecord:
        return CategoryRecord(**_columns(row, CategoryRecord, lists=("portals",)))


class Folders(NamedItemTable[FolderRecord]):
    """Reads and writes folders; `primary` is the language that every item has."""

    kind = "folder"
    select = (
        "SELECT folder.*, folder_text.*,"
        " (SELECT count(*) FROM article WHERE article.folder_id = folder.id) AS articles_count,"
        " (SELECT count(*) FROM folder AS child WHERE child.parent_id = folder.id) AS sub_folders_count"
        " FROM folder JOIN folder_text USING (id)"
    )

    def __init__(self, database: Database, primary: str) -> None:
        super().__init__(database)
        self._primary = primary

    def in_category(self, category_id: int, language: str) -> list[FolderRecord]:
        """Return the top-level folders of a category, by id."""
        return self._select("category_id = ? AND parent_id IS NULL AND language = ?", category_id, language)

    def in_folder(self, parent_id: int, language: str) -> list[FolderRecord]:
        """Return the folders directly in a folder, by id."""
        return self._select("parent_id = ? AND language = ?", parent_id, language)

    def hierarchy(self, id_: int, language: str) -> tuple[HierarchyLevel, ...]:
        """Return the levels from the category down to a folder; a name not translated is in the primary language."""
        levels: list[HierarchyLevel] = []
        current: int | None = id_
        category_id = 0
        while current is not None:
            row = self._named("folder", current, language)
            levels.append(HierarchyLevel(type="folder", id=current, name=row["name"], language=row["language"]))
            current, category_id = row["parent_id"], row["category_id"]
        row = self._named("category", category_id, language)
        levels.append(HierarchyLevel(type="category", id=category_id, name=row["name"], language=row["language"]))
        return tuple(reversed(levels))

    def _named(self, kind: str, id_: int, language: str) -> sqlite3.Row:
        return self._database.rows(SELECT_NAME[kind], (id_, language, self._primary, language))[0]

    def create(  # noqa: PLR0913 - a folder has these
        self,
        language: str,
        *,
        category_id: int,
        name: str,
        description: str | None = None,
        parent_id: int | None = None,
        visibility: int = 1,
        company_ids: tuple[int, ...] = (),
        contact_segment_ids: tuple[int, ...] = (),
        company_segment_ids: tuple[int, ...] = (),
    ) -> int:
        """Add a folder and return its id."""
        lists = [json.dumps(ids) for ids in (company_ids, contact_segment_ids, company_segment_ids)]
        with self._database.transaction():
            id_ = self._database.insert(
                "INSERT INTO folder VALUES (NULL, ?, ?, ?, ?, ?, ?)", (category_id, parent_id, visibility, *lists)
            )
            self.translate(id_, language, name=name, description=description)
        return id_

    def edit(self, before: FolderRecord, changes: dict[str, Any], *, time: str) -> None:
        """Change fields of one folder; `time` becomes its `updated_at`."""
        after = {**asdict(before), **changes}
        with self._database.transaction() as connection:
            self._edit_text(after, time=time)
            connection.execute(
                "UPDATE folder SET parent_id = ?, visibility = ?, company_ids = ?, contact_segment_ids = ?,"
                " company_segment_ids = ? WHERE id = ?",
                (after["parent_id"], after["visibility"], *(json.dumps(after[key]) for key in ID_LISTS), before.id),
            )

    def _record(self, row: sqlite3.Row) -> FolderRecord:
        return FolderRecord(**_columns(row, FolderRecord, lists=ID_LISTS))


class Articles(ItemTable[ArticleRecord]):
    """Reads and writes articles."""

    kind = "article"
    select = (
        "SELECT article.*, article_text.*, folder.category_id"
        " FROM article JOIN article_text USING (id) JOIN folder ON folder.id = article.folder_id"
    )

    def in_folder(self, folder_id: int, language: str) -> list[ArticleRecord]:
        """Return the articles directly in a folder, by id."""
        return self._select("folder_id = ? AND language = ?", folder_id, language)

    def summaries(self, language: str) -> list[ArticleSummary]:
        """Return every article that exists in a language without its body, by id."""
        rows = self._database.rows(SELECT_SUMMARIES, (language,))
        return [ArticleSummary(**_columns(row, ArticleSummary)) for row in rows]

    def counts(self, id_: int) -> dict[str, int]:
        """Return hits and thumbs, summed over all languages (documented)."""
        sums = ", ".join(f"sum({name}) AS {name}" for name in COUNTERS)
        row = self._database.rows(f"SELECT {sums} FROM article_text WHERE id = ?", (id_,))[0]
        return {name: row[name] or 0 for name in COUNTERS}

    def create(self, language: str, *, folder_id: int, agent_id: int, fields: dict[str, Any]) -> int:
        """Add an article and return its id; `fields` as for `translate`."""
        with self._database.transaction():
            id_ = self._database.insert(
                "INSERT INTO article (folder_id, agent_id) VALUES (?, ?)", (folder_id, agent_id)
            )
            self.translate(id_, language, fields=fields)
        return id_

    def translate(self, id_: int, language: str, *, fields: dict[str, Any]) -> None:
        """Add a language to one article; `fields` are title, description, status, and optionally tags and seo."""
        time = self._database.time()
        texts = (fields["title"], fields["description"], plain_text(fields["description"]))
        tags, seo = json.dumps(fields.get("tags", ())), json.dumps(fields.get("seo", {}))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO article_text (id, language, title, description, description_text, status, tags, seo,"
                " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (id_, language, *texts, fields["status"], tags, seo, time, time),
            )

    def edit(self, before: ArticleRecord, changes: dict[str, Any], *, time: str) -> None:
        """Change fields of one article; `time` becomes its `updated_at`."""
        given = dict(changes)
        with self._database.transaction() as connection:
            if "agent_id" in given:
                connection.execute("UPDATE article SET agent_id = ? WHERE id = ?", (given.pop("agent_id"), before.id))
            if "description" in given:
                given["description_text"] = plain_text(given["description"])
            for key in given.keys() & {"tags", "seo"}:
                given[key] = json.dumps(given[key])
            given["updated_at"] = time
            columns = ", ".join(f"{column} = ?" for column in given)
            connection.execute(
                f"UPDATE article_text SET {columns} WHERE id = ? AND language = ?",
                (*given.values(), before.id, before.language),
            )

    def count(self, id_: int, language: str, counter: str) -> None:
        """Add one to `hits`, `thumbs_up` or `thumbs_down`; `updated_at` stays (unknown, assumed)."""
        if counter not in COUNTERS:
            raise ValueError(counter)
        with self._database.transaction() as connection:
            statement = f"UPDATE article_text SET {counter} = {counter} + 1 WHERE id = ? AND language = ?"
            connection.execute(statement, (id_, language))

    def _record(self, row: sqlite3.Row) -> ArticleRecord:
        return ArticleRecord(**{**_columns(row, ArticleRecord, lists=("tags",)), "seo": json.loads(row["seo"])})


def _columns(row: sqlite3.Row, record: type[Any], *, lists: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the fields of a record from a row; `lists` are the fields stored as JSON arrays."""
    names = record.__dataclass_fields__
    return {name: tuple(json.loads(row[name])) if name in lists else row[name] for name in names}
