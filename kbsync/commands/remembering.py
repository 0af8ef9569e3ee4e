"""What earlier runs worked out about texts, lent to a command for as long as it runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from kbsync.memo import memoizing


@contextmanager
def remembering() -> Iterator[None]:
    """Let a command use the user's cache, where there is one; without SQLite in this Python there is none."""
    try:
        from kbsync.cache import open_cache
    except ModuleNotFoundError:
        yield
        return
    with open_cache(os.environ) as cache:
        if cache is None:
            yield
            return
        with memoizing(cache):
            yield
