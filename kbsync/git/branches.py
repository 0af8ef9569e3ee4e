"""Branches moved without a checkout: commits made on top of them, other commits merged in, and pushed.

Never touches the index or the working tree; a branch that some working tree has checked out is left to people.
"""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kbsync.errors import ContentError, GitError, Problem, UsageError
from kbsync.git.process import SYMLINK, Draft, Runner, answers, entries, fetch_history, is_shallow, refusal
from kbsync.git.refs import check_path, fetched, is_behind, known_refs, make_commit, push, ref_commit, set_ref

_FORMAT = "%H%n%P%n%an%n%aI%n%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit; `at` is when its author made it (ISO 8601, with its offset)."""

    id: str
    parents: tuple[str, ...]
    message: str
    author: str
    at: str


def log(runner: Runner, name: str, *, limit: int | None) -> tuple[Commit, ...]:
    """Tell of a ref or commit and of what came before it, newest first; nothing where there is none."""
    start = ref_commit(runner, name)
    if start is None:
        return ()
    few = () if limit is None else (f"--max-count={limit}",)
    said = runner.run(
        *("log", "-z", f"--format={_FORMAT}", "--encoding=UTF-8", "--no-show-signature", "--no-color", "--topo-order"),
        *few,
        start,
    )
    return tuple(_commit(part) for part in said.decode("utf-8", "replace").split("\0") if part)


def read_each(runner: Runner, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """Read files by commit and path, in one go; those that are not there are left out."""
    if not wanted:
        return {}
    found = answers(runner.run("cat-file", "--batch", stdin=_asked(wanted)))
    return {name: data for name, (_, data) in zip(wanted, found, strict=True) if data is not None}


def file_ids(runner: Runner, wanted: Sequence[tuple[str, str]]) -> list[str | None]:
    """Give git's names of files by commit and path, in one go, in the order asked for; None for those not there."""
    said = runner.run("cat-file", "--batch-check=%(objectname)", stdin=_asked(wanted)).decode("utf-8", "replace")
    return [None if line.endswith(" missing") else line for line in said.splitlines()]


def changed_between(runner: Runner, old: str | None, new: str) -> tuple[str, ...]:
    """Return the files that differ between two commits, sorted; all of the new one where there is no old one."""
    if old is None:
        listing = runner.run("ls-tree", "-r", "-z", "--full-tree", new)
        return tuple(sorted(entry.name for entry in entries(listing)))
    return tuple(sorted(_differing(runner, old, new)))


def touches(runner: Runner, old: str, new: str, directories: Sequence[str]) -> bool:
    """Return whether a commit that is in the history of one and not in that of another touched some directories.

    What a later commit took back counts too. Where this clone lacks the history nobody can say, and it is taken as so.
    """
    options = ("rev-list", "--max-count=1", "--full-history")
    said = runner.attempt(*options, new, f"^{old}", "--", *directories)
    return said.status != 0 or bool(said.out.strip())


def _asked(wanted: Sequence[tuple[str, str]]) -> bytes:
    for _, path in wanted:
        check_path(path)
    return "".join(f"{commit}:{path}\n" for commit, path in wanted).encode("utf-8", "surrogateescape")


def _differing(runner: Runner, old: str, new: str) -> Iterator[str]:
    said = runner.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", old, new)
    yield from (name for name in said.decode("utf-8", "surrogateescape").split("\0") if name)


def _commit(said: str) -> Commit:
    made, parents, author, at, message = said.split("\n", 4)
    return Commit(id=made, parents=tuple(parents.split()), message=message.strip("\n"), author=author, at=at)


_HEADS = "refs/heads/"
_OVERLAPS = 1
_MOST = 300
_UNKNOWN_OPTION = 129
_IN_THE_WAY = "put a real file or directory there"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """What merging two commits in three ways gives: a tree, and the files in it, if any, in which they overlap.

    The paths are relative to the content root, and begin with `../` for files beside it.
    """

    parents: tuple[str, str]
    tree: str
    conflicts: tuple[str, ...]


class Branches:
    """The branches of one clone and its remotes; paths of files are relative to the content root."""

    def __init__(self, runner: Runner, prefix: str) -> None:
        self._runner = runner
        self._prefix = prefix

    def check(self, name: str) -> None:
        """Refuse what is no name of a branch, and a branch that is checked out somewhere.

        Raises:
            UsageError: it is one of these.
        """
        if self._runner.line("check-ref-format", "--branch", name) != name or name.startswith("refs/"):
            raise UsageError(f"{name!r} is no name for a branch", advice="use letters, digits and hyphens")
        said = self._runner.run("worktree", "list", "--porcelain").decode("utf-8", "surrogateescape")
        if f"branch {_HEADS}{name}" in said.splitlines():
            what = f"the branch {name} is checked out, and is not moved under the feet of who works there"
            raise UsageError(what, advice="switch to another branch, or name another one")

    def commit(self, name: str) -> str | None:
        """Return the commit of a branch of this clone; None where there is none."""
        return ref_commit(self._runner, f"{_HEADS}{name}")

    def fetch(self, remote: str, names: Collection[str]) -> dict[str, str | None]:
        """Return the commits of some branches on a remote, None where it has none; no branch moves here.

        Raises:
            GitError: the remote could not be reached.
        """
        refs = {f"{_HEADS}{name}": name for name in names}
        there = fetched(self._runner, remote, tuple(refs), had=set(known_refs(self._runner).values()))
        return {name: there[ref] for ref, name in refs.items()}

    def move(self, name: str, commit: str, *, expected: str | None) -> None:
        """Let a branch of this clone stand at a commit, if it stands where expected (None: nowhere).

        Raises:
            UsageError: it is checked out.
            RefMoved: it stands elsewhere.
        """
        self.check(name)
        set_ref(self._runner, f"{_HEADS}{name}", commit, expected=expected)

    def push(self, remote: str, name: str, commit: str, *, expected: str | None) -> None:
        """Push a commit as a branch, if the remote has it where expected (None: not at all), and only ever forward.

        Raises:
            RefMoved: the remote has it elsewhere.
            PushRefused: we may not push there.
            GitError: the remote could not be reached, or has commits that are not in ours.
        """
        if expected is not None and not self.is_ancestor(expected, commit):
            raise GitError(f"{name} on {remote} has commits that {commit[:10]} has not", advice="run the command again")
        push(self._runner, remote, {f"{_HEADS}{name}": (expected, commit)})

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether one commit is an ancestor of another, as far as this clone knows."""
        return is_behind(self._runner, old, new)

    def merge_base(self, one: str, other: str, *, remote: str) -> str | None:
        """Return the commit at which two histories parted, fetching history where the clone is shallow; None for none.

        Raises:
            GitError: the history could not be fetched.
        """
        behind = {one: self.is_ancestor(one, other), other: self.is_ancestor(other, one)}
        if not any(behind.values()) and is_shallow(self._runner):
            fetch_history(self._runner, other, remote, without="blob:none")
        return self._runner.line("merge-base", one, other)

    def first_parents(self, fork: str, tip: str) -> tuple[str, ...]:
        """Return the commits that lead from one to another along first parents, newest first, a few hundred at most."""
        said = self._runner.run("rev-list", "--first-parent", f"--max-count={_MOST}", f"{fork}..{tip}")
        return tuple(said.decode("ascii").split())

    def find_squash(self, fork: str, commit: str, others: Sequence[str]) -> str | None:
        """Return the oldest of some commits, newest first, that holds all files as another changed them since a fork.

        That one has taken over what the commit changed, be it as a squash that names no parent.
        """
        changed = changed_between(self._runner, fork, commit)
        wanted = [(place, path) for place in (commit, *others) for path in changed]
        ids = dict(zip(wanted, file_ids(self._runner, wanted), strict=True))
        same = (other for other in reversed(others) if all(ids[other, path] == ids[commit, path] for path in changed))
        return next(same, None) if changed else None

    def tree(self, commit: str) -> str:
        """Return the tree of a commit, from the top of the repository."""
        return self._runner.line("rev-parse", "--verify", f"{commit}^{{tree}}") or ""

    def merge(self, ours: str, theirs: str) -> MergeResult:
        """Merge two commits in three ways, without a checkout and without making a commit.

        Raises:
            GitError: this git cannot, or the two have no history in common.
        """
        answer = self._runner.attempt(
            *("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"), ours, theirs
        )
        if answer.status not in (0, _OVERLAPS):
            if answer.status == _UNKNOWN_OPTION:
                raise GitError("this git cannot merge without a checkout", advice="install git 2.38 or later")
            raise refusal(answer, f"{theirs[:10]} could not be merged into {ours[:10]}")
        tree, *names = answer.out.decode("utf-8", "surrogateescape").split("\0")
        overlaps = {self._from_root(name) for name in names if name}
        return MergeResult(parents=(ours, theirs), tree=tree.strip(), conflicts=tuple(sorted(overlaps)))

    def commit_merge(self, merged: MergeResult, files: Mapping[str, str | None], *, message: str) -> str:
        """Make the commit of a merge, with some of its files as given; no branch moves."""
        return self._commit(merged.tree, files, message=message, parents=merged.parents)

    def commit_onto(self, parent: str, files: Mapping[str, str | bytes | None], *, message: str) -> str:
        """Make a commit of changed files on top of another; files keep their mode, and no branch moves.

        Raises:
            ContentError: a file would lie on or beyond a symbolic link, or where a file stands for a directory.
        """
        return self._commit(parent, files, message=message, parents=(parent,))

    def _commit(
        self, tree: str, files: Mapping[str, str | bytes | None], *, message: str, parents: tuple[str, ...]
    ) -> str:
        listing = self._runner.run("ls-tree", "-r", "-z", "--full-tree", tree)
        modes = {entry.name: entry.mode for entry in entries(listing)}
        names = _Names(modes)
        places = {names.of(self._prefix + path): text for path, text in files.items()}
        problems = tuple(problem for name in places if (problem := _problem(modes, name)) is not None)
        if problems:
            raise ContentError(problems)
        draft = Draft(
            message=message,
            files={name: text.encode() if isinstance(text, str) else text for name, text in places.items()},
            parents=parents,
            tree=self.tree(tree),
            modes={name: modes[name] for name in places if name in modes},
        )
        return make_commit(self._runner, draft)

    def _from_root(self, name: str) -> str:
        inside = name.startswith(self._prefix)
        path = name.removeprefix(self._prefix) if inside else "../" * self._prefix.count("/") + name
        return unicodedata.normalize("NFC", path)


class _Names:
    """The names that files and directories have in a tree, found by those in NFC, which content paths are in."""

    def __init__(self, names: Iterable[str]) -> None:
        self._known: dict[str, str] = {}
        for name in names:
            for above in _with_those_above(name):
                self._known.setdefault(unicodedata.normalize("NFC", above), above)

    def of(self, path: str) -> str:
        """Return the name that a path has in the tree, or will have beside what is there."""
        path = unicodedata.normalize("NFC", path)
        for above in _with_those_above(path):
            if above in self._known:
                return self._known[above] + path[len(above) :]
        return path


def _problem(modes: Mapping[str, str], name: str) -> Problem | None:
    for place in _with_those_above(name):
        mode = modes.get(place)
        if mode == SYMLINK:
            return Problem(path=place, message="is a symbolic link, which kbsync does not follow", advice=_IN_THE_WAY)
        if mode is not None and place != name:
            return Problem(path=place, message="is no directory", advice=_IN_THE_WAY)
    return None


def _with_those_above(name: str) -> Iterable[str]:
    """Return a name and those of the directories that it lies in, the longest first."""
    while name:
        yield name
        name = name.rpartition("/")[0]
