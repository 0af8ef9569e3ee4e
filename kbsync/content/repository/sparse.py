"""Sparse checkouts: what is not on disk because nobody asked for it there is in the tree all the same."""

import unicodedata
from collections.abc import Collection, Iterable

from kbsync.content.files import Files
from kbsync.content.repository.commits import CommittedTree
from kbsync.content.repository.objects import Entry
from kbsync.content.repository.runner import Runner
from kbsync.errors import Problem

_LEFT_OUT = "S"
_YES = {"true", "yes", "on", "1"}


class SparseTree:
    """The files on disk, and those that a sparse checkout leaves out, as the index has them."""

    def __init__(self, working: Files, runner: Runner, left_out: Iterable[Entry]) -> None:
        self._working = working
        self._on_disk = frozenset(working.paths())
        absent = (entry for entry in left_out if unicodedata.normalize("NFC", entry.name) not in self._on_disk)
        self._indexed = CommittedTree(runner, absent, "HEAD^{tree}")

    def paths(self) -> tuple[str, ...]:
        """Name every regular file under the root, sorted."""
        return tuple(sorted({*self._on_disk, *self._indexed.paths()}))

    def problems(self) -> tuple[Problem, ...]:
        """Name what is there and cannot be taken for a file of the tree."""
        return (*self._working.problems(), *self._indexed.problems())

    def read(self, path: str) -> bytes:
        """Give the content of one file.

        Raises:
            ContentError: it cannot be read.
        """
        return self._working.read(path) if path in self._on_disk else self._indexed.read(path)


def left_out(runner: Runner) -> tuple[Entry, ...]:
    """Name the files under the root that a sparse checkout leaves out."""
    if runner.config.get("core.sparsecheckout", "").lower() not in _YES:
        return ()
    said = runner.run("ls-files", "-t", "-s", "-z", "--", ".").decode("utf-8", "surrogateescape")
    return tuple(_entry(line[2:]) for line in said.split("\0") if line.startswith(f"{_LEFT_OUT} "))


def check_in(runner: Runner, paths: Collection[str]) -> tuple[str, ...]:
    """Let files that a sparse checkout leaves out count as checked out, and name those among some paths."""
    wanted = frozenset(paths)
    names = [entry.name for entry in left_out(runner) if unicodedata.normalize("NFC", entry.name) in wanted]
    if names:
        asked = "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")
        runner.run("update-index", "--no-skip-worktree", "-z", "--stdin", stdin=asked)
    return tuple(sorted(unicodedata.normalize("NFC", name) for name in names))


def _entry(line: str) -> Entry:
    head, _, name = line.partition("\t")
    mode, blob, _ = head.split(" ")
    return Entry(mode=mode, id=blob, name=name)
