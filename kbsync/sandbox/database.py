"""The SQLite file (or memory) under the store: its schema, its one connection, its lock and its clock."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    """One connection that several threads share under one lock; every write is a transaction."""

    def __init__(self, path: Path | None, *, clock: Callable[[], datetime], overlapping: bool = False) -> None:
        self.lock = threading.RLock()
        self._clock = clock
        self._ahead = datetime.min.replace(tzinfo=UTC)
        try:
            self.connection = sqlite3.connect(
                path or ":memory:", check_same_thread=False, isolation_level=None, timeout=1
            )
            self.connection.row_factory = sqlite3.Row
            self._prepare(overlapping=overlapping)
        except sqlite3.Error as error:
            raise SandboxError(
                f"cannot use {path} as the sandbox's data ({error}); "
                "give a file it made, that no other sandbox has open, or the name of a new one"
            ) from error

    def _prepare(self, *, overlapping: bool) -> None:
        self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("COMMIT")
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise SandboxError("this data file was made by another version of the sandbox; start with a new file")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        if version == VERSION:
            return
        self.connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        for rank, kind in enumerate(KINDS):
            first = FIRST_ID if overlapping else FIRST_ID + rank * 1_000_000_000
            self.connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (kind, first))

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self.connection.close()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Answer a query."""
        with self.lock:
            return self.connection.execute(query, values).fetchall()

    def row(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Answer a query that has at most one row."""
        with self.lock:
            row: sqlite3.Row | None = self.connection.execute(query, values).fetchone()
            return row

    def insert(self, statement: str, values: Sequence[Any]) -> int:
        """Add one row and give its new id."""
        with self.writing() as connection:
            return connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of what follows or none of it; may be nested."""
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
        """Return whether an id was ever given out; ids are never used again."""
        row = self.row("SELECT seq FROM sqlite_sequence WHERE name = ?", (kind,))
        return row is not None and FIRST_ID < id_ <= row["seq"]

    def now(self) -> datetime:
        """Tell the portal's time, which is never before a time that it has written down."""
        return max(self._clock(), self._ahead)

    def time(self) -> str:
        """Tell the time as the API writes it."""
        return _stamp(self.now())

    def time_after(self, earlier: str) -> str:
        """Tell the time, and let the clock run ahead to a second past `earlier` where it has not got there."""
        self._ahead = max(self._ahead, datetime.fromisoformat(earlier) + timedelta(seconds=1))
        return self.time()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


DRAFT, PUBLISHED = 1, 2
EVERYBODY, AGENTS_ONLY, BOTS = 1, 3, 5


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
    """A folder in one language, with the counts of what lies directly in it."""

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
class ArticleRecord:
    """An article in one language.

    `live_title` and `live_description` are what readers still see while a draft stands beside a published version.
    """

    id: int
    language: str
    folder_id: int
    category_id: int
    title: str
    description: str
    description_text: str
    status: int
    type: int
    agent_id: int
    tags: tuple[str, ...]
    seo: dict[str, Any] = field(default_factory=dict)
    live_title: str | None = None
    live_description: str | None = None
    thumbs_up: int = 0
    thumbs_down: int = 0
    hits: int = 0
    created_at: str
    updated_at: str

    @property
    def readable(self) -> bool:
        """Return whether readers have a version of it to see."""
        return self.status == PUBLISHED or self.live_title is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """An article without its body."""

    id: int
    folder_id: int
    title: str
    status: int
    live_title: str | None
    updated_at: str

    @property
    def readable(self) -> bool:
        """Return whether readers have a version of it to see."""
        return self.status == PUBLISHED or self.live_title is not None

    @property
    def shown_title(self) -> str:
        """Return the title that readers see."""
        return self.live_title or self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One level of the way from a category down to an item."""

    type: str
    id: int
    name: str
    language: str
