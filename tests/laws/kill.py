"""A publish that is killed: from one of its acts on, no call and no git command of it is done any more.

That is what is left of a killed process: nothing of it runs, not even its clean-up.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

import git
import httpx


class Killed(BaseException):
    """The process is no more."""


@contextmanager
def killed_at(at: int, *, after: bool) -> Iterator[None]:
    """Kill the run at its `at`-th call of the portal or git, before it or `after` it was done."""
    acts = count(1)

    def killable(act: Callable[..., Any]) -> Callable[..., Any]:
        def one(*words: Any, **others: Any) -> Any:
            number = next(acts)
            if number > at or (number == at and not after):
                raise Killed
            done = act(*words, **others)
            if number == at:
                raise Killed
            return done

        return one

    with (
        patch.object(httpx.Client, "request", killable(httpx.Client.request)),
        patch.object(git.Git, "execute", killable(git.Git.execute)),
    ):
        yield
