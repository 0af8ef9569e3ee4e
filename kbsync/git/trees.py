"""The files under the content root as git holds them: those of a commit, and those that a sparse checkout omits."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping

from kbsync.errors import ContentError, GitError, Problem
from kbsync.files import Files, by_content_path, printable_path, submodule_problem
from kbsync.git.objects import SUBMODULE, SYMLINK, TreeEntry, parse_batch, parse_entries
from kbsync.git.process import Runner, git_error

_MANY = 2
_FETCH_OBJECTS = (
    *("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head"),
    *("--no-recurse-submodules", "--filter=blob:none", "--stdin"),
)
_SKIPPED = "S"
_YES = {"true", "yes", "on", "1"}
_LINK_ADVICE = "replace it with a regular file, or add it to `ignore`"


class CommittedTree:
    """The files of a listing; all Markdown files are read from git at once, when the first is read.

    `tree` is git's name for a tree that holds them all.
    """

    def __init__(self, runner: Runner, listed: Iterable[TreeEntry], tree: str) -> None:
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
        """Return the files of a commit; raises GitError if there is no such commit, or it has no such directory."""
        return cls(runner, parse_entries(_listing(runner, commit, prefix)), tree_name(commit, prefix))

    def paths(self) -> tuple[str, ...]:
        """Return every regular file under the root, sorted."""
        return tuple(sorted(self._ids))

    def problems(self) -> tuple[Problem, ...]:
        """Return what cannot be used: symbolic links, and names that are not UTF-8."""
        return tuple(self._problems)

    def read(self, path: str) -> bytes:
        """Return the content of one file; raises ContentError if it is not in the commit, or not in this clone."""
        wanted = self._ids.get(path)
        if wanted is not None and wanted not in self._contents:
            texts = {blob for name, blob in self._ids.items() if name.casefold().endswith(".md")}
            missing = (texts if wanted in texts else {wanted}) - self._contents.keys()
            _fetch_missing(self._runner, self._tree, missing)
            self._contents.update(read_blobs(self._runner, missing))
        if wanted is None or wanted not in self._contents:
            what = "is not in the commit, or not in this clone"
            raise ContentError((Problem(code="KB203", path=path, message=what),))
        return self._contents[wanted]

    def _is_file(self, entry: TreeEntry) -> bool:
        if entry.mode == SUBMODULE:
            self._problems.append(submodule_problem(entry.name))
            return False
        if entry.mode == SYMLINK:
            self._note("KB204", entry, "is a symbolic link, which kbsync does not follow", _LINK_ADVICE)
            return False
        if printable_path(entry.name) != entry.name:
            self._note("KB210", entry, "has a name that is not UTF-8", "rename it")
            return False
        return True

    def _note(self, code: str, entry: TreeEntry, what: str, advice: str) -> None:
        self._problems.append(Problem(code=code, path=printable_path(entry.name), message=what, advice=advice))


class SparseTree:
    """The files on disk, and those that a sparse checkout omits, as the index has them."""

    def __init__(self, working: Files, runner: Runner, skipped: Iterable[TreeEntry]) -> None:
        self._working = working
        self._on_disk = frozenset(working.paths())
        absent = (entry for entry in skipped if unicodedata.normalize("NFC", entry.name) not in self._on_disk)
        self._indexed = CommittedTree(runner, absent, "HEAD^{tree}")

    def paths(self) -> tuple[str, ...]:
        """Return every regular file under the root, sorted."""
        return tuple(sorted({*self._on_disk, *self._indexed.paths()}))

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems of entries that are not files of the tree."""
        return (*self._working.problems(), *self._indexed.problems())

    def read(self, path: str) -> bytes:
        """Return the content of one file; raises ContentError if it cannot be read."""
        return self._working.read(path) if path in self._on_disk else self._indexed.read(path)


def read_blobs(runner: Runner, ids: Collection[str]) -> Mapping[str, bytes]:
    """Read the blobs among some ids that this clone has."""
    if not ids:
        return {}
    asked = "".join(f"{blob}\n" for blob in ids).encode()
    found = parse_batch(runner.run("cat-file", "--batch", stdin=asked))
    return {blob: data for blob, data in found if data is not None}


def tree_name(commit: str, prefix: str) -> str:
    """Return git's name for the tree of a commit at the content root."""
    return f"{commit}:{prefix.rstrip('/')}" if prefix else f"{commit}^{{tree}}"


def skipped_entries(runner: Runner) -> tuple[TreeEntry, ...]:
    """Return the files under the root that a sparse checkout omits: those with git's skip-worktree bit."""
    if runner.config.get("core.sparsecheckout", "").lower() not in _YES:
        return ()
    said = runner.run("ls-files", "-t", "-s", "-z", "--", ".").decode("utf-8", "surrogateescape")
    lines = (line[2:].partition("\t") for line in said.split("\0") if line.startswith(f"{_SKIPPED} "))
    found = ((*head.split(" "), name) for head, _, name in lines)
    return tuple(TreeEntry(mode=mode, id=blob, name=name) for mode, blob, _, name in found)


def submodules(runner: Runner) -> tuple[str, ...]:
    """Return the directories under the root that git's index has as another repository."""
    said = runner.run("ls-files", "-s", "-z", "--", ".").decode("utf-8", "surrogateescape")
    return tuple(line.partition("\t")[2] for line in said.split("\0") if line.startswith(f"{SUBMODULE} "))


def _listing(runner: Runner, commit: str, prefix: str) -> bytes:
    result = runner.attempt("ls-tree", "-r", "-z", "--full-tree", tree_name(commit, prefix))
    if result.status == 0:
        return result.stdout
    if prefix and runner.line("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
        what = f"the commit {commit[:12]} has no directory `{prefix.rstrip('/')}`"
        raise GitError(what, advice="commit the content first")
    raise git_error(result, f"the commit {commit[:12]} cannot be read")


def _fetch_missing(runner: Runner, tree: str, wanted: Collection[str]) -> None:
    """Fetch at once what a partial clone lacks of a tree's files, which git would fetch one by one when they are read.

    A failure is left to the reading of the files.
    """
    promisors = runner.promisors()
    if not promisors or len(wanted) < _MANY:
        return
    said = runner.attempt("rev-list", "--objects", "--no-object-names", "--no-walk", "--missing=print", tree).stdout
    absent = {line[1:] for line in said.decode("ascii", "replace").splitlines() if line.startswith("?")}
    missing = absent.intersection(wanted)
    if len(missing) >= _MANY:
        asked = "".join(f"{blob}\n" for blob in sorted(missing)).encode()
        runner.attempt(*_FETCH_OBJECTS, "--", promisors[0], stdin=asked)
