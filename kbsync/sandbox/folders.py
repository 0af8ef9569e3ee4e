"""The folders of the store, as rows of SQLite."""

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from kbsync.sandbox.database import Database
from kbsync.sandbox.records import Folder, Step

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

    def all(self, language: str) -> list[Folder]:
        """List every folder there is in a language, by id."""
        return self._several("language = ?", language)

    def in_category(self, category_id: int, language: str) -> list[Folder]:
        """List the top level of a category, by id."""
        return self._several("category_id = ? AND parent_id IS NULL AND language = ?", category_id, language)

    def in_folder(self, parent_id: int, language: str) -> list[Folder]:
        """List what lies directly in a folder, by id."""
        return self._several("parent_id = ? AND language = ?", parent_id, language)

    def get(self, id_: int, language: str) -> Folder | None:
        """Find one by its id."""
        found = self._several("id = ? AND language = ?", id_, language)
        return found[0] if found else None

    def _several(self, where: str, *values: Any) -> list[Folder]:
        return [_folder(row) for row in self._database.rows(f"{SELECT} WHERE {where} ORDER BY id", values)]

    def way(self, id_: int, language: str) -> tuple[Step, ...]:
        """Give the way from the category down to a folder; a name not translated is in the primary language."""
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

    def edit(self, before: Folder, changes: dict[str, Any], *, time: str) -> None:
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


def _folder(row: sqlite3.Row) -> Folder:
    plain: dict[str, Any] = {key: row[key] for key in Folder.__dataclass_fields__ if key not in LISTS}
    lists: dict[str, Any] = {key: tuple(json.loads(row[key])) for key in LISTS}
    return Folder(**plain, **lists)
