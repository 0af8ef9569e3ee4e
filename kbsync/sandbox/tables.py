"""The articles of the store, as rows of SQLite."""

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from kbsync.sandbox.database import ArticleRecord, CategoryRecord, Database, FolderRecord, Heading, Step
from kbsync.sandbox.sanitize import plain_text

SELECT_articles = (
    "SELECT article.*, article_text.*, folder.category_id"
    " FROM article JOIN article_text USING (id) JOIN folder ON folder.id = article.folder_id"
)
HEADINGS = (
    "SELECT id, folder_id, title, status, live_title, updated_at"
    " FROM article JOIN article_text USING (id) WHERE language = ? ORDER BY id"
)
COUNTED = ("hits", "thumbs_up", "thumbs_down")


class Articles:
    """Reads and writes articles; `language` is always one that the account has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, language: str) -> list[ArticleRecord]:
        """List every article there is in a language, by id."""
        return self._several("language = ?", language)

    def in_folder(self, folder_id: int, language: str) -> list[ArticleRecord]:
        """List what lies directly in a folder, by id."""
        return self._several("folder_id = ? AND language = ?", folder_id, language)

    def headings(self, language: str) -> list[Heading]:
        """List every article there is in a language without its body, by id."""
        rows = self._database.rows(HEADINGS, (language,))
        return [Heading(**{key: row[key] for key in Heading.__dataclass_fields__}) for row in rows]

    def get(self, id_: int, language: str) -> ArticleRecord | None:
        """Find one by its id."""
        found = self._several("article.id = ? AND language = ?", id_, language)
        return found[0] if found else None

    def languages(self, id_: int) -> tuple[str, ...]:
        """Tell in which languages there is one."""
        rows = self._database.rows("SELECT language FROM article_text WHERE id = ? ORDER BY language", (id_,))
        return tuple(row["language"] for row in rows)

    def counts(self, id_: int) -> dict[str, int]:
        """Return hits and thumbs, summed over all languages (documented)."""
        sums = ", ".join(f"sum({name}) AS {name}" for name in COUNTED)
        row = self._database.row(f"SELECT {sums} FROM article_text WHERE id = ?", (id_,))
        return {name: (row[name] if row else None) or 0 for name in COUNTED}

    def _several(self, where: str, *values: Any) -> list[ArticleRecord]:
        return [
            _article(row) for row in self._database.rows(f"{SELECT_articles} WHERE {where} ORDER BY article.id", values)
        ]

    def create(self, language: str, *, folder_id: int, agent_id: int, fields: dict[str, Any]) -> int:
        """Add one and give its id; `fields` as for `translate`."""
        with self._database.writing():
            id_ = self._database.insert(
                "INSERT INTO article (folder_id, agent_id) VALUES (?, ?)", (folder_id, agent_id)
            )
            self.translate(id_, language, fields=fields)
        return id_

    def translate(self, id_: int, language: str, *, fields: dict[str, Any]) -> None:
        """Add a language to one; `fields` are title, description, status, and perhaps tags and seo."""
        time = self._database.time()
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO article_text (id, language, title, description, description_text, status, tags, seo,"
                " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    id_,
                    language,
                    fields["title"],
                    fields["description"],
                    plain_text(fields["description"]),
                    fields["status"],
                    json.dumps(fields.get("tags", ())),
                    json.dumps(fields.get("seo", {})),
                    time,
                    time,
                ),
            )

    def edit(self, before: ArticleRecord, changes: dict[str, Any], *, time: str) -> None:
        """Change fields of one; `time` becomes its `updated_at`."""
        given = dict(changes)
        with self._database.writing() as connection:
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

    def count(self, id_: int, language: str, what: str) -> None:
        """Add one to `hits`, `thumbs_up` or `thumbs_down`; `updated_at` stays (unknown, assumed)."""
        if what not in COUNTED:
            raise ValueError(what)
        with self._database.writing() as connection:
            statement = f"UPDATE article_text SET {what} = {what} + 1 WHERE id = ? AND language = ?"
            connection.execute(statement, (id_, language))

    def delete(self, id_: int) -> None:
        """Take one away for good, with all languages."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM article WHERE id = ?", (id_,))


def _article(row: sqlite3.Row) -> ArticleRecord:
    plain = {key: row[key] for key in ArticleRecord.__dataclass_fields__ if key not in ("tags", "seo")}
    return ArticleRecord(**plain, tags=tuple(json.loads(row["tags"])), seo=json.loads(row["seo"]))


SELECT_categories = "SELECT * FROM category JOIN category_text USING (id)"


class Categories:
    """Reads and writes categories; `language` is always one that the account has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, language: str) -> list[CategoryRecord]:
        """List what is there in a language, by id."""
        return [
            _category(row)
            for row in self._database.rows(f"{SELECT_categories} WHERE language = ? ORDER BY id", (language,))
        ]

    def get(self, id_: int, language: str) -> CategoryRecord | None:
        """Find one by its id."""
        row = self._database.row(f"{SELECT_categories} WHERE id = ? AND language = ?", (id_, language))
        return _category(row) if row else None

    def create(self, language: str, *, name: str, description: str | None = None, portals: tuple[int, ...] = ()) -> int:
        """Add one and give its id."""
        with self._database.writing():
            id_ = self._database.insert("INSERT INTO category (portals) VALUES (?)", (json.dumps(portals),))
            self.translate(id_, language, name=name, description=description)
        return id_

    def translate(self, id_: int, language: str, *, name: str, description: str | None = None) -> None:
        """Add a language to one."""
        time = self._database.time()
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO category_text VALUES (?, ?, ?, ?, ?, ?)", (id_, language, name, description, time, time)
            )

    def edit(self, before: CategoryRecord, changes: dict[str, Any], *, time: str) -> None:
        """Change fields of one; `time` becomes its `updated_at`."""
        after = {"name": before.name, "description": before.description, "portals": before.portals, **changes}
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE category_text SET name = ?, description = ?, updated_at = ? WHERE id = ? AND language = ?",
                (after["name"], after["description"], time, before.id, before.language),
            )
            connection.execute(
                "UPDATE category SET portals = ? WHERE id = ?", (json.dumps(after["portals"]), before.id)
            )

    def delete(self, id_: int) -> None:
        """Take one away for good, with all languages and all it holds."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM category WHERE id = ?", (id_,))


def _category(row: sqlite3.Row) -> CategoryRecord:
    return CategoryRecord(
        id=row["id"],
        language=row["language"],
        name=row["name"],
        description=row["description"],
        portals=tuple(json.loads(row["portals"])),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


SELECT = """
SELECT folder.*, folder_text.*,
  (SELECT count(*) FROM article WHERE article.folder_id = folder.id) AS articles_count,
  (SELECT count(*) FROM folder AS child WHERE child.parent_id = folder.id) AS sub_folders_count
FROM folder JOIN folder_text USING (id)
"""
NAMED = "JOIN {0}_text USING (id) WHERE id = ? AND language IN (?, ?) ORDER BY language = ? DESC"
NAMED_FOLDER = f"SELECT * FROM folder {NAMED.format('folder')}"
NAMED_CATEGORY = f"SELECT id, name, language FROM category {NAMED.format('category')}"
LISTS = ("company_ids", "contact_segment_ids", "company_segment_ids")


class Folders:
    """Reads and writes folders; `language` is always one that the account has, `primary` the one all items have."""

    def __init__(self, database: Database, primary: str) -> None:
        self._database = database
        self._primary = primary

    def all(self, language: str) -> list[FolderRecord]:
        """List every folder there is in a language, by id."""
        return self._several("language = ?", language)

    def in_category(self, category_id: int, language: str) -> list[FolderRecord]:
        """List the top level of a category, by id."""
        return self._several("category_id = ? AND parent_id IS NULL AND language = ?", category_id, language)

    def in_folder(self, parent_id: int, language: str) -> list[FolderRecord]:
        """List what lies directly in a folder, by id."""
        return self._several("parent_id = ? AND language = ?", parent_id, language)

    def get(self, id_: int, language: str) -> FolderRecord | None:
        """Find one by its id."""
        found = self._several("id = ? AND language = ?", id_, language)
        return found[0] if found else None

    def _several(self, where: str, *values: Any) -> list[FolderRecord]:
        return [_folder(row) for row in self._database.rows(f"{SELECT} WHERE {where} ORDER BY id", values)]

    def way(self, id_: int, language: str) -> tuple[Step, ...]:
        """Return the way from the category down to a folder; a name not translated is in the primary language."""
        steps: list[Step] = []
        current: int | None = id_
        category_id = 0
        while current is not None:
            row = self._named("folder", current, language)
            steps.append(Step(type="folder", id=current, name=row["name"], language=row["language"]))
            current, category_id = row["parent_id"], row["category_id"]
        row = self._named("category", category_id, language)
        steps.append(Step(type="category", id=category_id, name=row["name"], language=row["language"]))
        return tuple(reversed(steps))

    def _named(self, kind: str, id_: int, language: str) -> sqlite3.Row:
        named = NAMED_FOLDER if kind == "folder" else NAMED_CATEGORY
        return self._database.rows(named, (id_, language, self._primary, language))[0]

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
        """Add one and give its id."""
        lists = [json.dumps(ids) for ids in (company_ids, contact_segment_ids, company_segment_ids)]
        with self._database.writing():
            id_ = self._database.insert(
                "INSERT INTO folder VALUES (NULL, ?, ?, ?, ?, ?, ?)", (category_id, parent_id, visibility, *lists)
            )
            self.translate(id_, language, name=name, description=description)
        return id_

    def translate(self, id_: int, language: str, *, name: str, description: str | None = None) -> None:
        """Add a language to one."""
        time = self._database.time()
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO folder_text VALUES (?, ?, ?, ?, ?, ?)", (id_, language, name, description, time, time)
            )

    def edit(self, before: FolderRecord, changes: dict[str, Any], *, time: str) -> None:
        """Change fields of one; `time` becomes its `updated_at`."""
        after = {**asdict(before), **changes}
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE folder_text SET name = ?, description = ?, updated_at = ? WHERE id = ? AND language = ?",
                (after["name"], after["description"], time, before.id, before.language),
            )
            connection.execute(
                "UPDATE folder SET parent_id = ?, visibility = ?, company_ids = ?, contact_segment_ids = ?,"
                " company_segment_ids = ? WHERE id = ?",
                (after["parent_id"], after["visibility"], *(json.dumps(after[key]) for key in LISTS), before.id),
            )

    def delete(self, id_: int) -> None:
        """Take one away for good, with all languages and all it holds."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM folder WHERE id = ?", (id_,))


def _folder(row: sqlite3.Row) -> FolderRecord:
    plain: dict[str, Any] = {key: row[key] for key in FolderRecord.__dataclass_fields__ if key not in LISTS}
    lists: dict[str, Any] = {key: tuple(json.loads(row[key])) for key in LISTS}
    return FolderRecord(**plain, **lists)
