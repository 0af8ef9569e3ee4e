"""The files of a tree that others include: found, decoded and freed of front matter, or the reason why they cannot be.

Any file of the tree can be included, by its path from the root, but for those whose names begin with a dot.
"""

import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property

from kbsync.content.expansion import Expander, Refused, Snippet
from kbsync.content.files import Files
from kbsync.content.frame import find_frame, line_at, skip_blank_lines, unix_newlines
from kbsync.content.texts import text_of
from kbsync.errors import ContentError, Problem
from kbsync.markup.reading.addresses import to_root

_FROM_THE_ROOT = "write the path from the root of the tree"


class Snippets:
    """What the files of one tree offer for inclusion; `asked` are those that something includes."""

    def __init__(self, files: Files) -> None:
        self.asked: set[str] = set()
        self.problems: list[Problem] = []
        self._files = files
        self._known: dict[str, Snippet | Refused] = {}
        self._expanders: dict[tuple[tuple[str, str], ...], Expander] = {}

    def expander(self, variables: Mapping[str, str]) -> Expander:
        """Give what replaces marks with these variables."""
        key = tuple(sorted(variables.items()))
        if key not in self._expanders:
            self._expanders[key] = Expander(variables, self._fetch)
        return self._expanders[key]

    def _fetch(self, asked: str, includer: str) -> Snippet | Refused:
        path = unicodedata.normalize("NFC", asked)
        why = self._objection(path, includer)
        if why is not None:
            return why
        self.asked.add(path)
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> Snippet | Refused:
        try:
            text = text_of(self._files.read(path), path)
        except ContentError as error:
            self.problems += error.problems
            return f"`{path}` cannot be included: it {error.problems[0].what}", error.problems[0].advice
        frame = find_frame(text)
        if frame.trouble:
            return f"`{path}` cannot be included: {frame.trouble}", "where the `---` is a line, write it as `***`"
        start = skip_blank_lines(text, frame.body_start)
        body = unix_newlines(text[start:]).rstrip(" \t\n")
        return Snippet(path=path, text=body, line=line_at(text, start))

    def _objection(self, path: str, includer: str) -> Refused | None:
        """Say why a path cannot be followed."""
        parts = path.split("/")
        if not path or path.startswith("/") or ":" in parts[0] or "\\" in path:
            return f"`{path}` is no path within the tree", _FROM_THE_ROOT
        if any(part in ("", ".", "..") for part in parts):
            return f"`{path}` is no plain path", f"{_FROM_THE_ROOT}, without `.` and `..`"
        if any(part.startswith(".") for part in parts):
            return f"`{path}` cannot be included: a name begins with a dot", "put the text into another file"
        for problem in self._files.problems():
            if path == problem.path or path.startswith(f"{problem.path}/"):
                return f"`{path}` cannot be included: `{problem.path}` {problem.what}", problem.advice
        return None if path in self._paths else self._absence(path, includer)

    def _absence(self, path: str, includer: str) -> Refused:
        what = f"there is no `{path}` to include"
        from_here = to_root(includer, path)
        if from_here in self._paths:
            return what, f"did you mean `{from_here}`? {_FROM_THE_ROOT}"
        name = path.rpartition("/")[2]
        near = [known for known in self._paths if known.rpartition("/")[2] == name]
        near = near or get_close_matches(path, self._paths, n=1, cutoff=0.6)
        return what, f"did you mean `{min(near)}`?" if near else _FROM_THE_ROOT

    @cached_property
    def _paths(self) -> frozenset[str]:
        return frozenset(self._files.paths())
