"""What costly functions of texts gave: remembered while somebody lends a memory, else worked out anew each time.

Only functions of their arguments alone are remembered, so that nothing but the clock can tell the difference. Nothing
is kept here: a memory is lent by whoever starts a run, and what it keeps never holds an address that opens something.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

# Tokens and signatures in the addresses of attachments (recorded): whoever has them may read what they lead to.
_OPENS = re.compile(r"(?:[?&;]|%3F|%26)(?:token|signature|x-amz-[\w-]+)(?:=|%3D)", re.IGNORECASE)


class Memory(Protocol):
    """What keeps texts by name; it may forget any of them at any time."""

    def get(self, name: bytes) -> str | None:
        """Return what is kept under a name."""

    def put(self, name: bytes, text: str) -> None:
        """Keep a text under a name."""


_LENT: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def memoizing(memory: Memory) -> Iterator[None]:
    """Let functions of texts remember what they gave, until the block ends; other threads go on without."""
    token = _LENT.set(memory)
    try:
        yield
    finally:
        _LENT.reset(token)


def is_memoizing() -> bool:
    """Return whether anything would be remembered, where remembering itself takes work."""
    return _LENT.get() is not None


def memoized(function: str, arguments: Sequence[str], compute: Callable[[], str]) -> str:
    """Return what a function gave for these arguments, or compute it.

    `function` is its name, `arguments` must be everything that the outcome depends on but the code itself.
    """
    memory = _LENT.get()
    if memory is None:
        return compute()
    name = _name_of(function, arguments)
    known = memory.get(name)
    if known is not None:
        return known
    made = compute()
    if not _OPENS.search(made):
        memory.put(name, made)
    return made


def _name_of(function: str, arguments: Sequence[str]) -> bytes:
    """Return one call; each part with its length, so that no two calls run together to the same."""
    found = hashlib.blake2b(digest_size=32)
    for part in (function, *arguments):
        data = part.encode("utf-8", "surrogatepass")
        found.update(b"%d:" % len(data) + data)
    return found.digest()
