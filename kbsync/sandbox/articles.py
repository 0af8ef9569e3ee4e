"""The articles of the store, as rows of SQLite."""

import json
import sqlite3
from typing import Any

from kbsync.sandbox.database import Database
from kbsync.sandbox.records import Article, Heading
from kbsync.sandbox.rewriting import plain_text

SELECT = (
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

    def all(self, language: str) -> list[Article]:
        """List every article there is in a language, by id."""
        return self._several("language = ?", language)

    def in_folder(self, folder_id: int, language: str) -> list[Article]:
        """List what lies directly in a folder, by id."""
        return self._several("folder_id = ? AND language = ?", folder_id, language)

    def headings(self, language: str) -> list[Heading]:
        """List every article there is in a language without its body, by id."""
        rows = self._database.rows(HEADINGS, (language,))
        return [Heading(**{key: row[key] for key in Heading.__dataclass_fields__}) for row in rows]

    def get(self, id_: int, language: str) -> Article | None:
        """Find one by its id."""
        found = self._several("article.id = ? AND language = ?", id_, language)
        return found[0] if found else None

    def languages(self, id_: int) -> tuple[str, ...]:
        """Tell in which languages there is one."""
        rows = self._database.rows("SELECT language FROM article_text WHERE id = ? ORDER BY language", (id_,))
        return tuple(row["language"] for row in rows)

    def counts(self, id_: int) -> dict[str, int]:
        """Give hits and thumbs, summed over all languages (documented)."""
        sums = ", ".join(f"sum({name}) AS {name}" for name in COUNTED)
        row = self._database.row(f"SELECT {sums} FROM article_text WHERE id = ?", (id_,))
        return {name: (row[name] if row else None) or 0 for name in COUNTED}

    def _several(self, where: str, *values: Any) -> list[Article]:
        return [_article(row) for row in self._database.rows(f"{SELECT} WHERE {where} ORDER BY article.id", values)]

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

    def edit(self, before: Article, changes: dict[str, Any], *, time: str) -> None:
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


def _article(row: sqlite3.Row) -> Article:
    plain = {key: row[key] for key in Article.__dataclass_fields__ if key not in ("tags", "seo")}
    return Article(**plain, tags=tuple(json.loads(row["tags"])), seo=json.loads(row["seo"]))
