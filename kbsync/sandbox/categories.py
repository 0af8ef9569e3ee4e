"""The categories of the store, as rows of SQLite."""

import json
import sqlite3
from typing import Any

from kbsync.sandbox.database import Database
from kbsync.sandbox.records import Category

SELECT = "SELECT * FROM category JOIN category_text USING (id)"


class Categories:
    """Reads and writes categories; `language` is always one that the account has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, language: str) -> list[Category]:
        """List what is there in a language, by id."""
        return [_category(row) for row in self._database.rows(f"{SELECT} WHERE language = ? ORDER BY id", (language,))]

    def get(self, id_: int, language: str) -> Category | None:
        """Find one by its id."""
        row = self._database.row(f"{SELECT} WHERE id = ? AND language = ?", (id_, language))
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

    def edit(self, before: Category, changes: dict[str, Any], *, time: str) -> None:
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


def _category(row: sqlite3.Row) -> Category:
    return Category(
        id=row["id"],
        language=row["language"],
        name=row["name"],
        description=row["description"],
        portals=tuple(json.loads(row["portals"])),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
