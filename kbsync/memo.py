"""Memoizes costly functions of texts: their results are kept in a store while one is given.

Only functions of their arguments alone are memoized, so that nothing but the time it takes differs. Nothing is kept in
this module: whoever starts a run gives the store. A result that holds an address with a secret is never stored.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

# Tokens and signatures in the addresses of attachments (recorded): whoever has one may read the attachment.
_SECRET = re.compile(r"(?:[?&;]|%3F|%26)(?:token|signature|x-amz-[\w-]+)(?:=|%3D)", re.IGNORECASE)


class TextStore(Protocol):
    """Keeps texts under keys; it may drop any of them at any time."""

    def get(self, name: bytes) -> str | None:
        """Return the text that is kept under a key."""

    def put(self, name: bytes, text: str) -> None:
        """Keep a text under a key."""


_STORE: ContextVar[TextStore | None] = ContextVar("store", default=None)


@contextmanager
def memoizing(store: TextStore) -> Iterator[None]:
    """Let functions of texts use a store until the block ends; other threads go on without."""
    token = _STORE.set(store)
    try:
        yield
    finally:
        _STORE.reset(token)


def is_memoizing() -> bool:
    """Return whether results are kept, where preparing the arguments takes work."""
    return _STORE.get() is not None


def memoized(function: str, arguments: Sequence[str], compute: Callable[[], str]) -> str:
    """Return the result of a function for these arguments from the store, or compute it.

    `function` is its name, `arguments` must be everything that the result depends on but the code itself.
    """
    store = _STORE.get()
    if store is None:
        return compute()
    key = _key(function, arguments)
    known = store.get(key)
    if known is not None:
        return known
    result = compute()
    if not _SECRET.search(result):
        store.put(key, result)
    return result


def _key(function: str, arguments: Sequence[str]) -> bytes:
    """Return a digest of one call; each part counts with its length, so that no two calls have the same key."""
    found = hashlib.blake2b(digest_size=32)
    for part in (function, *arguments):
        data = part.encode("utf-8", "surrogatepass")
        found.update(b"%d:" % len(data) + data)
    return found.digest()
