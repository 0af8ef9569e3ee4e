"""The files of one commit under the content root, read without a checkout."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping

from kbsync.errors import ContentError, GitError, Problem
from kbsync.files import Files, by_content_path, printable
from kbsync.git.process import SUBMODULE, SYMLINK, Entry, Runner, batch, entries, fill_in, refusal

_LINK_ADVICE = "put a real file there, or name it in `ignore`"


class CommittedTree:
    """The files that git holds under the root; texts are fetched from git all at once, when the first is read.

    `tree` names a tree of git that holds them all.
    """

    def __init__(self, runner: Runner, listed: Iterable[Entry], tree: str) -> None:
        self._runner = runner
        self._tree = tree
        self._problems: list[Problem] = []
        regular = [entry for entry in listed if self._is_file(entry)]
        names, doubles = by_content_path(entry.name for entry in regular)
        self._problems += doubles
        ids = {entry.name: entry.id for entry in regular}
        self._ids = {path: ids[name] for path, name in names.items()}
        self._contents: dict[str, bytes] = {}

    @classmethod
    def of(cls, runner: Runner, commit: str, prefix: str) -> "CommittedTree":
        """Return the files of a commit.

        Raises:
            GitError: there is no such commit, or it has no such directory.
        """
        return cls(runner, entries(_listing(runner, commit, prefix)), tree_name(commit, prefix))

    def paths(self) -> tuple[str, ...]:
        """Return every regular file under the root, sorted."""
        return tuple(sorted(self._ids))

    def problems(self) -> tuple[Problem, ...]:
        """Name symbolic links and names that are no text."""
        return tuple(self._problems)

    def read(self, path: str) -> bytes:
        """Return the content of one file.

        Raises:
            ContentError: the commit has no such file, or this clone has it not.
        """
        wanted = self._ids.get(path)
        if wanted is not None and wanted not in self._contents:
            texts = {blob for name, blob in self._ids.items() if name.casefold().endswith(".md")}
            missing = (texts if wanted in texts else {wanted}) - self._contents.keys()
            fill_in(self._runner, self._tree, missing)
            self._contents.update(read_blobs(self._runner, missing))
        if wanted is None or wanted not in self._contents:
            raise ContentError((Problem(path=path, message="is not in the commit, or not in this clone"),))
        return self._contents[wanted]

    def _is_file(self, entry: Entry) -> bool:
        if entry.mode == SUBMODULE:
            return False
        if entry.mode == SYMLINK:
            self._note(entry, "is a symbolic link, which kbsync does not follow", _LINK_ADVICE)
            return False
        if printable(entry.name) != entry.name:
            self._note(entry, "has a name that is not UTF-8", "rename it")
            return False
        return True

    def _note(self, entry: Entry, what: str, advice: str) -> None:
        self._problems.append(Problem(path=printable(entry.name), message=what, advice=advice))


def read_blobs(runner: Runner, ids: Collection[str]) -> Mapping[str, bytes]:
    """Read the blobs among some ids that this clone has."""
    if not ids:
        return {}
    asked = "".join(f"{blob}\n" for blob in ids).encode()
    return dict(batch(runner.run("cat-file", "--batch", stdin=asked)))


def tree_name(commit: str, prefix: str) -> str:
    """Give git's name for the tree of a commit at the content root."""
    return f"{commit}:{prefix.rstrip('/')}" if prefix else f"{commit}^{{tree}}"


def _listing(runner: Runner, commit: str, prefix: str) -> bytes:
    answer = runner.attempt("ls-tree", "-r", "-z", "--full-tree", tree_name(commit, prefix))
    if answer.status == 0:
        return answer.out
    if prefix and runner.line("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
        raise GitError(
            f"the commit {commit[:12]} has no directory `{prefix.rstrip('/')}`", advice="commit the tree first"
        )
    raise refusal(answer, f"the commit {commit[:12]} cannot be read")


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
        """Return every regular file under the root, sorted."""
        return tuple(sorted({*self._on_disk, *self._indexed.paths()}))

    def problems(self) -> tuple[Problem, ...]:
        """Return what is there and cannot be taken for a file of the tree."""
        return (*self._working.problems(), *self._indexed.problems())

    def read(self, path: str) -> bytes:
        """Return the content of one file.

        Raises:
            ContentError: it cannot be read.
        """
        return self._working.read(path) if path in self._on_disk else self._indexed.read(path)


def left_out(runner: Runner) -> tuple[Entry, ...]:
    """Return the files under the root that a sparse checkout leaves out."""
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
