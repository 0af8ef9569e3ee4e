"""The results of conversions, kept on disk in the user's cache folder so that no text is converted twice.

The file may be deleted at any moment, also while a run uses it, and several runs may use it at once. Any error with it
ends its use for the run and nothing else: the cache is never a reason to fail. It knows keys and texts, never what they
mean.
"""

import hashlib
import os
import sqlite3
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock

from platformdirs import user_cache_path

MAX_BYTES = 128 * 2**20
"""Bytes that the file may hold before the least recently used texts are deleted."""

_FILE = "texts-1.sqlite3"
_PACKAGE = Path(__file__).parent
_LIBRARIES = ("kbsync", "markdown-it-py", "mdit-py-plugins", "pygments", "turbohtml")
_BUSY_TIMEOUT = 5.0
_BATCH = 500
_DAY = 86400
_CHECKSUM = 16

_SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS texts (name BLOB PRIMARY KEY, text BLOB NOT NULL, used INTEGER NOT NULL);
"""
# Everything but the most recently used texts that fit.
_PRUNE = """
DELETE FROM texts WHERE rowid IN (
    SELECT rowid FROM (SELECT rowid, SUM(LENGTH(text)) OVER (ORDER BY used DESC, rowid DESC) AS held FROM texts)
    WHERE held > ?
)
"""


@contextmanager
def open_cache(environ: Mapping[str, str]) -> Iterator["Cache | None"]:
    """Open the user's cache until the block ends; None where KBSYNC_NO_CACHE is set or there is no folder for it."""
    folder = user_cache_path("kbsync", appauthor=False)
    if environ.get("KBSYNC_NO_CACHE", "") not in ("", "0") or not folder.is_absolute():
        yield None
        return
    with closing(Cache(folder / _FILE, code=code_version())) as found:
        yield found


@cache
def code_version() -> str:
    """Return a digest of the code whose results are kept: every module of the package, and the libraries by version.

    The modules count by their bytes, so that a checkout never finds what its code gave before an edit. All of them
    count, since any may be imported by one that converts.
    """
    found = hashlib.blake2b(digest_size=16)
    for module in sorted(_PACKAGE.rglob("*.py")):
        found.update(module.relative_to(_PACKAGE).as_posix().encode() + b"\0" + module.read_bytes() + b"\0")
    for library in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found.update(f"{library} {version(library)}\0".encode())
    found.update(unicodedata.unidata_version.encode())
    return found.hexdigest()


class Cache:
    """One run's use of the file, which is opened on first use and written in batches."""

    def __init__(self, file: Path, *, code: str = "", largest: int = MAX_BYTES) -> None:
        self._file = file
        self._code = code.encode()
        self._largest = largest
        self._connection: sqlite3.Connection | None = None
        self._is_off = False
        self._new: dict[bytes, bytes] = {}
        self._used: set[bytes] = set()
        self._lock = Lock()

    def get(self, name: bytes) -> str | None:
        """Return the text that is kept under a key, by this or an earlier run of the same code."""
        key = self._key(name)
        with self._lock:
            checked = self._new.get(key) or self._read(key)
            if checked is None or _with_checksum(key, checked[_CHECKSUM:]) != checked:
                return None
            self._used.add(key)
        return checked[_CHECKSUM:].decode("utf-8", "surrogatepass")

    def put(self, name: bytes, text: str) -> None:
        """Keep a text under a key; one that would fill much of the cache alone is not kept."""
        data = text.encode("utf-8", "surrogatepass")
        if self._is_off or len(data) > self._largest // 16:
            return
        key = self._key(name)
        with self._lock:
            self._new[key] = _with_checksum(key, data)
            if len(self._new) >= _BATCH:
                self._write()

    def close(self) -> None:
        """Write what is new, make space, and close the file."""
        with self._lock:
            self._write()
            self._prune()
            self._disconnect()

    def _key(self, name: bytes) -> bytes:
        return hashlib.blake2b(self._code + b"\0" + name, digest_size=32).digest()

    def _read(self, key: bytes) -> bytes | None:
        found = None
        with self._ignoring_errors():
            connection = self._connected()
            if connection is not None:
                found = connection.execute("SELECT text FROM texts WHERE name = ?", (key,)).fetchone()
        return found[0] if found and isinstance(found[0], bytes) else None

    def _write(self) -> None:
        new, used, now = self._new, self._used, int(time.time())
        self._new, self._used = {}, set()
        with self._ignoring_errors():
            if not (new or used) or (connection := self._connected()) is None:
                return
            connection.execute("BEGIN IMMEDIATE")
            rows = [(key, checked, now) for key, checked in new.items()]
            connection.executemany("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", rows)
            aged = [(now, key, now - _DAY) for key in used - new.keys()]
            connection.executemany("UPDATE texts SET used = ? WHERE name = ? AND used < ?", aged)
            connection.execute("COMMIT")

    def _prune(self) -> None:
        with self._ignoring_errors():
            if self._connection is None:
                return
            (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
            (size,) = self._connection.execute("PRAGMA page_size").fetchone()
            if pages * size > self._largest:
                self._connection.execute(_PRUNE, (self._largest // 2,))
                self._connection.execute("PRAGMA incremental_vacuum").fetchall()

    def _connected(self) -> sqlite3.Connection | None:
        if self._connection is None and not self._is_off:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._connection = _connect(self._file)
            except sqlite3.DatabaseError as error:
                if not _is_corrupt(error):
                    raise
                _remove(self._file)
                self._connection = _connect(self._file)
        return self._connection

    def _disconnect(self) -> None:
        self._is_off = True
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    @contextmanager
    def _ignoring_errors(self) -> Iterator[None]:
        """Stop using the cache on an error; a corrupt file is deleted."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._disconnect()
            if _is_corrupt(error):
                with suppress(OSError):
                    _remove(self._file)


def _connect(file: Path) -> sqlite3.Connection:
    """Open the file, which only its owner may read: articles that only agents may see are in it."""
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(file, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_corrupt(error: Exception) -> bool:
    """Return whether the file is no database or half of one (its journal may be gone), and not merely in use."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _with_checksum(key: bytes, data: bytes) -> bytes:
    """Put a checksum before a text, so that a damaged one is never returned."""
    return hashlib.blake2b(key + data, digest_size=_CHECKSUM).digest() + data
