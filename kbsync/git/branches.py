"""Branches moved without a checkout: commits made on top of them, other commits merged in, and pushed.

Never touches the index or the working tree; a branch that some working tree has checked out is not moved.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kbsync.errors import ContentError, GitError, Problem, UsageError
from kbsync.git.history import changed_between, fetch_history, file_ids, is_ancestor, is_shallow
from kbsync.git.objects import SYMLINK, NewCommit, parse_entries
from kbsync.git.process import Runner, git_error
from kbsync.git.refs import fetch_commits, make_commit, own_refs, push, ref_commit, remote_default, set_ref

_HEADS = "refs/heads/"
_USUAL = "main"
_CONFLICTS = 1
_MOST = 300
_UNKNOWN_OPTION = 129
_IN_THE_WAY = "replace it with a regular file or directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMerge:
    """The tree that a three-way merge of two commits gives, and the files in it that hold conflicts.

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
        """Raise UsageError for a name that no branch can have, and for a branch that a working tree has checked out."""
        if self._runner.line("check-ref-format", "--branch", name) != name or name.startswith("refs/"):
            raise UsageError(f"{name!r} is not a valid branch name", advice="use letters, digits and hyphens")
        said = self._runner.run("worktree", "list", "--porcelain").decode("utf-8", "surrogateescape")
        if f"branch {_HEADS}{name}" in said.splitlines():
            what = f"the branch {name} is checked out"
            raise UsageError(what, advice="switch to another branch, or choose another name")

    def commit(self, name: str) -> str | None:
        """Return the commit of a branch of this clone; None where there is none."""
        return ref_commit(self._runner, f"{_HEADS}{name}")

    def default(self, remote: str, *, asks: bool) -> str:
        """Return the default branch: the remote's, if it `asks` that, else as known here; else the only one here.

        Raises:
            GitError: the remote could not be reached.
        """
        if asks and (found := remote_default(self._runner, remote)):
            return found
        if noted := self._runner.line("symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD"):
            return noted.removeprefix(f"{remote}/")
        here = self._runner.run("for-each-ref", "--format=%(refname:lstrip=2)", _HEADS).decode().split()
        return here[0] if len(here) == 1 else _USUAL

    def fetch(self, remote: str, names: Collection[str]) -> dict[str, str | None]:
        """Return the commits of branches on a remote, None where it has none; raises GitError if that fails."""
        refs = {f"{_HEADS}{name}": name for name in names}
        there = fetch_commits(self._runner, remote, tuple(refs), known=set(own_refs(self._runner).values()))
        return {name: there[ref] for ref, name in refs.items()}

    def move(self, name: str, commit: str, *, expected: str | None) -> None:
        """Move a branch from where it must be (None: absent), or raise UsageError (checked out) or RefMoved."""
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
            what = f"{name} on {remote} has commits that {commit[:10]} does not have"
            raise GitError(what, advice="run the command again")
        push(self._runner, remote, {f"{_HEADS}{name}": (expected, commit)})

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether one commit is an ancestor of another, as far as this clone knows."""
        return is_ancestor(self._runner, old, new)

    def merge_base(self, one: str, other: str, *, remote: str) -> str | None:
        """Return the last common commit, or None; a shallow clone fetches history, or raises GitError."""
        behind = {one: self.is_ancestor(one, other), other: self.is_ancestor(other, one)}
        if not any(behind.values()) and is_shallow(self._runner):
            fetch_history(self._runner, other, remote, without="blob:none")
        return self._runner.line("merge-base", one, other)

    def first_parents(self, fork: str, tip: str) -> tuple[str, ...]:
        """Return the commits from one to another along first parents, newest first, a few hundred at most."""
        said = self._runner.run("rev-list", "--first-parent", f"--max-count={_MOST}", f"{fork}..{tip}")
        return tuple(said.decode("ascii").split())

    def find_squash(self, fork: str, commit: str, others: Sequence[str]) -> str | None:
        """Return the oldest of some commits, newest first, in which all files are as another changed them since a fork.

        That one holds what the commit changed, also where it is a squash that does not name the commit as a parent.
        """
        changed = changed_between(self._runner, fork, commit)
        wanted = [(place, path) for place in (commit, *others) for path in changed]
        ids = dict(zip(wanted, file_ids(self._runner, wanted), strict=True))
        same = (other for other in reversed(others) if all(ids[other, path] == ids[commit, path] for path in changed))
        return next(same, None) if changed else None

    def tree(self, commit: str) -> str:
        """Return the tree of a commit, from the top of the repository."""
        return self._runner.line("rev-parse", "--verify", f"{commit}^{{tree}}") or ""

    def merge(self, ours: str, theirs: str) -> TreeMerge:
        """Merge two commits without a checkout; raises GitError if git is too old or they share no history."""
        options = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages")
        result = self._runner.attempt(*options, ours, theirs)
        if result.status not in (0, _CONFLICTS):
            if result.status == _UNKNOWN_OPTION:
                raise GitError("this git cannot merge without a checkout", advice="install git 2.38 or later")
            raise git_error(result, f"{theirs[:10]} could not be merged into {ours[:10]}")
        tree, *names = result.stdout.decode("utf-8", "surrogateescape").split("\0")
        conflicts = {self._from_root(name) for name in names if name}
        return TreeMerge(parents=(ours, theirs), tree=tree.strip(), conflicts=tuple(sorted(conflicts)))

    def commit_merge(self, merged: TreeMerge, files: Mapping[str, str | None], *, message: str) -> str:
        """Make the commit of a merge, with other content for some of its files; no branch moves."""
        return self._commit(merged.tree, files, message=message, parents=merged.parents)

    def commit_onto(self, parent: str, files: Mapping[str, str | bytes | None], *, message: str) -> str:
        """Make a commit of changed files on top of another; files keep their modes, and no branch moves.

        Raises:
            ContentError: a symbolic link is in the way of a file, or a file where a directory must be.
        """
        return self._commit(parent, files, message=message, parents=(parent,))

    def _commit(
        self, tree: str, files: Mapping[str, str | bytes | None], *, message: str, parents: tuple[str, ...]
    ) -> str:
        listing = self._runner.run("ls-tree", "-r", "-z", "--full-tree", tree)
        modes = {entry.name: entry.mode for entry in parse_entries(listing)}
        names = _Names(modes)
        places = {names.of(self._prefix + path): text for path, text in files.items()}
        problems = tuple(problem for name in places if (problem := _problem(modes, name)) is not None)
        if problems:
            raise ContentError(problems)
        new = NewCommit(
            message=message,
            files={name: text.encode() if isinstance(text, str) else text for name, text in places.items()},
            parents=parents,
            tree=self.tree(tree),
            modes={name: modes[name] for name in places if name in modes},
        )
        return make_commit(self._runner, new)

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
            return Problem(path=place, message="is not a directory", advice=_IN_THE_WAY)
    return None


def _with_those_above(name: str) -> Iterable[str]:
    """Return a name and those of the directories above it, the longest first."""
    while name:
        yield name
        name = name.rpartition("/")[0]
