"""The SQLite database under the store (a file or memory), its schema, its clock, and the records read from it."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kbsync.sandbox.settings import SandboxError

VERSION = 1
SCHEMA = """
CREATE TABLE category (id INTEGER PRIMARY KEY AUTOINCREMENT, portals TEXT NOT NULL DEFAULT '[]');
CREATE TABLE category_text (
  id INTEGER NOT NULL REFERENCES category ON DELETE CASCADE, language TEXT NOT NULL,
  name TEXT NOT NULL, description TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  PRIMARY KEY (id, language));
CREATE TABLE folder (
  id INTEGER PRIMARY KEY AUTOINCREMENT, category_id INTEGER NOT NULL REFERENCES category ON DELETE CASCADE,
  parent_id INTEGER REFERENCES folder ON DELETE CASCADE, visibility INTEGER NOT NULL DEFAULT 1,
  company_ids TEXT NOT NULL DEFAULT '[]', contact_segment_ids TEXT NOT NULL DEFAULT '[]',
  company_segment_ids TEXT NOT NULL DEFAULT '[]');
CREATE INDEX folder_by_parent ON folder (category_id, parent_id);
CREATE INDEX folder_by_folder ON folder (parent_id);
CREATE TABLE folder_text (
  id INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE, language TEXT NOT NULL,
  name TEXT NOT NULL, description TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  PRIMARY KEY (id, language));
CREATE TABLE article (
  id INTEGER PRIMARY KEY AUTOINCREMENT, folder_id INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
  agent_id INTEGER NOT NULL, type INTEGER NOT NULL DEFAULT 1);
CREATE INDEX article_by_folder ON article (folder_id);
CREATE TABLE article_text (
  id INTEGER NOT NULL REFERENCES article ON DELETE CASCADE, language TEXT NOT NULL,
  title TEXT NOT NULL, description TEXT NOT NULL, description_text TEXT NOT NULL, status INTEGER NOT NULL,
  tags TEXT NOT NULL DEFAULT '[]', seo TEXT NOT NULL DEFAULT '{}', live_title TEXT, live_description TEXT,
  thumbs_up INTEGER NOT NULL DEFAULT 0, thumbs_down INTEGER NOT NULL DEFAULT 0, hits INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  PRIMARY KEY (id, language));
"""
KINDS = ("category", "folder", "article")
FIRST_ID = 151_000_000_000


class Database:
    """One connection that threads share under one lock; every write is a transaction."""

    def __init__(self, path: Path | None, *, clock: Callable[[], datetime], overlapping: bool = False) -> None:
        self.lock = threading.RLock()
        self._clock = clock
        self._earliest = datetime.min.replace(tzinfo=UTC)
        try:
            self.connection = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None, timeout=1
            )
            self.connection.row_factory = sqlite3.Row
            self._prepare(overlapping=overlapping)
        except sqlite3.Error as error:
            raise SandboxError(
                f"cannot use {path} as the data file ({error}); use a new file, or one that no other sandbox has open"
            ) from error

    def _prepare(self, *, overlapping: bool) -> None:
        self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("COMMIT")
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise SandboxError("the data file is from another version of the sandbox; use a new file")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        if version == VERSION:
            return
        self.connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        for rank, kind in enumerate(KINDS):
            first = FIRST_ID if overlapping else FIRST_ID + rank * 1_000_000_000
            self.connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (kind, first))

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self.connection.close()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self.lock:
            return self.connection.execute(query, values).fetchall()

    def insert(self, statement: str, values: Sequence[Any]) -> int:
        """Insert one row and return its id."""
        with self.transaction() as connection:
            return connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a block as one transaction, which may be nested."""
        with self.lock:
            if self.connection.in_transaction:
                yield self.connection
                return
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")

    def existed(self, kind: str, id_: int) -> bool:
        """Return whether an id was ever assigned; ids are not reused."""
        rows = self.rows("SELECT seq FROM sqlite_sequence WHERE name = ?", (kind,))
        return bool(rows) and FIRST_ID < id_ <= rows[0]["seq"]

    def now(self) -> datetime:
        """Return the portal's time, which is never before a time already stored."""
        return max(self._clock(), self._earliest)

    def time(self) -> str:
        """Return the time as the API writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def time_after(self, earlier: str) -> str:
        """Return the time, after setting the clock to at least one second after `earlier`."""
        self._earliest = max(self._earliest, datetime.fromisoformat(earlier) + timedelta(seconds=1))
        return self.time()


DRAFT, PUBLISHED = 1, 2
EVERYBODY, AGENTS_ONLY, BOTS = 1, 3, 5
ID_LIST_OF_VISIBILITY = {4: "company_ids", 6: "contact_segment_ids", 7: "company_segment_ids"}
ID_LISTS = tuple(ID_LIST_OF_VISIBILITY.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRecord:
    """A category in one language; times are UTC, `YYYY-MM-DDTHH:MM:SSZ`."""

    id: int
    language: str
    name: str
    description: str | None
    portals: tuple[int, ...]
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRecord:
    """A folder in one language, with the number of articles and folders directly in it."""

    id: int
    language: str
    category_id: int
    parent_id: int | None
    name: str
    description: str | None
    visibility: int
    company_ids: tuple[int, ...]
    contact_segment_ids: tuple[int, ...]
    company_segment_ids: tuple[int, ...]
    articles_count: int
    sub_folders_count: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSummary:
    """An article without its body."""

    id: int
    folder_id: int
    title: str
    status: int
    live_title: str | None
    updated_at: str

    @property
    def readable(self) -> bool:
        """Return whether readers can see a version of it."""
        return self.status == PUBLISHED or self.live_title is not None

    @property
    def shown_title(self) -> str:
        """Return the title that readers see."""
        return self.live_title or self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRecord(ArticleSummary):
    """An article in one language.

    `live_title` and `live_description` are the published version, which readers see, while there is a draft beside it.
    """

    language: str
    category_id: int
    description: str
    description_text: str
    type: int
    agent_id: int
    tags: tuple[str, ...]
    seo: dict[str, Any]
    live_description: str | None
    thumbs_up: int
    thumbs_down: int
    hits: int
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchyLevel:
    """One level of the path from a category down to an item."""

    type: str
    id: int
    name: str
    language: str
