"""The files of a tree with some of them replaced: the tree as it will be once those are written."""

from collections.abc import Mapping

from kbsync.content.files import Files
from kbsync.errors import Problem


class Overlay:
    """`Files` that answer with the texts `above` before those `below`; None is a file that is there no more."""

    def __init__(self, below: Files, above: Mapping[str, str | bytes | None]) -> None:
        self._below = below
        self._above = above

    def paths(self) -> tuple[str, ...]:
        """Name every file, sorted."""
        gone = {path for path, text in self._above.items() if text is None}
        return tuple(sorted({*self._below.paths(), *self._above} - gone))

    def problems(self) -> tuple[Problem, ...]:
        """Name what cannot be taken for a file of the tree."""
        return self._below.problems()

    def read(self, path: str) -> bytes:
        """Give one file as it will be.

        Raises:
            ContentError: it cannot be read.
        """
        text = self._above.get(path)
        if isinstance(text, bytes):
            return text
        return self._below.read(path) if text is None else text.encode("utf-8")
