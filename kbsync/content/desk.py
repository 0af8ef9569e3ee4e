"""Where one file's front matter is judged: it gathers what is wrong with it, and the reading goes on."""

from collections.abc import Collection

from kbsync.errors import Problem


class Desk:
    """Where one file's front matter is judged: it gathers the problems of that file."""

    def __init__(self, path: str, *, target: str, ignored_keys: Collection[str] = ()) -> None:
        self.path = path
        self.target = target
        self.ignored_keys = frozenset(ignored_keys)
        self.problems: list[Problem] = []

    def note(self, line: int, what: str, advice: str) -> None:
        """Note one thing that is wrong, and what to do about it."""
        self.problems.append(Problem(path=self.path, line=line, what=what, advice=advice))
