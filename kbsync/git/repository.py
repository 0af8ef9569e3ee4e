"""A clone with a content tree in it: its commits and files, and the refs that kbsync keeps in it and on its remote."""

import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

from kbsync.errors import GitError
from kbsync.files import Files, WorkingTree
from kbsync.git import history, refs
from kbsync.git.branches import Branches
from kbsync.git.discovery import find_clone
from kbsync.git.history import LOG_FORMAT, Commit
from kbsync.git.objects import NewCommit, parse_entries
from kbsync.git.process import Runner
from kbsync.git.trees import CommittedTree, SparseTree, read_blobs, skipped_entries, submodules, tree_name

_DEFAULT_REMOTE = "origin"


class Repository:
    """One clone, seen from the content root: paths are relative to that root."""

    def __init__(self, root: Path, runner: Runner) -> None:
        self.root = root
        self.branches = Branches(runner, runner.facts["--show-prefix"])
        self._runner = runner
        self._prefix = runner.facts["--show-prefix"]
        self._common_dir = (root / runner.facts["--git-common-dir"]).resolve()
        self._worktree_dir = root / runner.facts["--absolute-git-dir"]

    @classmethod
    def open(cls, root: Path) -> "Repository":
        """Open the clone that holds a content root: the one that a person made, never one among its files.

        Raises:
            GitError: there is none, it belongs to another user, or git is not installed.
            Refusal: a directory of the clone looks like a repository of its own.
        """
        if not root.is_dir():
            raise GitError(f"{root} is not a directory", advice="give the content root with --root")
        return cls(root, Runner(root, find_clone(root)))

    def common_dir(self) -> Path:
        """Return the git directory that all working trees of the clone share, for what is never committed."""
        return self._common_dir

    def tree_folder(self) -> Path:
        """Return the directory for notes on the files under this root, in this working tree alone; may be missing."""
        return self._worktree_dir / "kbsync" / "tree" / self._prefix

    def identity(self) -> str:
        """Return the name and address that git commits under here."""
        return refs.committer_identity(self._runner)

    def has_remote(self, name: str) -> bool:
        """Return whether there is this remote; raises UsageError if not, but for the default in a clone without any."""
        if name == _DEFAULT_REMOTE and not self._runner.remotes():
            return False
        self._runner.check_remote(name)
        return True

    # Files

    def committed(self, commit: str) -> Files:
        """Return the files that a commit holds under the root; raises GitError if it has no such directory."""
        return CommittedTree.of(self._runner, commit, self._prefix)

    def checked_out(self, *, with_ignored: bool = False) -> Files:
        """Return the files of the working tree, less those that git ignores, which no commit would hold.

        Those that a sparse checkout omits are read from the index: they are not removed.
        """
        ignored = () if with_ignored else self.ignored()
        working = WorkingTree(self.root, ignored=ignored, submodules=submodules(self._runner))
        skipped = skipped_entries(self._runner)
        return SparseTree(working, self._runner, skipped) if skipped else working

    def uncommitted(self) -> frozenset[str]:
        """Return the files under the root that no commit has as they are, new ones that are not ignored too."""
        options = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all")
        said = self._runner.run("status", *options, "--", ".")
        lines = said.decode("utf-8", "surrogateescape").split("\0")
        return frozenset(unicodedata.normalize("NFC", line[3:].removeprefix(self._prefix)) for line in lines if line)

    def ignored(self) -> frozenset[str]:
        """Return the files under the root that git ignores; a directory ignored as a whole ends in `/`."""
        options = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
        said = self._runner.run(*options, "--", ".")
        return frozenset(path for path in said.decode("utf-8", "surrogateescape").split("\0") if path)

    def omitted(self, paths: Collection[str]) -> tuple[str, ...]:
        """Return those of the paths that a sparse checkout omits, as git writes their names."""
        wanted = frozenset(paths)
        names = (entry.name for entry in skipped_entries(self._runner))
        return tuple(sorted(name for name in names if unicodedata.normalize("NFC", name) in wanted))

    def clear_skip_worktree(self, names: Collection[str]) -> None:
        """Make omitted files count as checked out: git would not look at a file with the skip-worktree bit."""
        if names:
            asked = "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")
            self._runner.run("update-index", "--no-skip-worktree", "-z", "--stdin", stdin=asked)

    def blobs(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the texts among some ids that this clone has."""
        named = {blob for blob in ids if blob.isalnum()}
        return {blob: data.decode("utf-8", "replace") for blob, data in read_blobs(self._runner, named).items()}

    # Commits

    def head(self) -> str | None:
        """Return the commit that is checked out; None before the first."""
        return self._runner.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")

    def branch(self) -> str | None:
        """Return the branch that is checked out; None where HEAD is detached."""
        return self._runner.line("symbolic-ref", "--quiet", "--short", "HEAD")

    def commit(self, name: str) -> str | None:
        """Return the commit that a ref, branch, tag or id names; None where there is none."""
        return refs.ref_commit(self._runner, name)

    def tree_id(self, commit: str) -> str | None:
        """Return the tree at the root in a commit: equal ids mean equal content; None where the commit has none."""
        return self._runner.line("rev-parse", "--verify", "--quiet", tree_name(commit, self._prefix))

    def log(self, name: str, *, limit: int | None = None) -> tuple[Commit, ...]:
        """Return a ref's commit and those before it, newest first; nothing where there is none."""
        start = refs.ref_commit(self._runner, name)
        if start is None:
            return ()
        few = () if limit is None else (f"--max-count={limit}",)
        options = ("-z", "--encoding=UTF-8", "--no-show-signature", "--no-color", "--topo-order")
        return history.parse_log(self._runner.run("log", f"--format={LOG_FORMAT}", *options, *few, start))

    def is_ancestor(self, old: str, new: str, *, remote: str = _DEFAULT_REMOTE) -> bool:
        """Return whether a commit is an ancestor of another; fetch commits, without files, where the clone is shallow.

        Raises:
            UsageError: the clone has no such remote.
            GitError: the commits could not be fetched.
        """
        if history.is_ancestor(self._runner, old, new):
            return True
        if not self._is_cut_off(new):
            return False
        history.fetch_history(self._runner, new, remote, without="tree:0")
        return history.is_ancestor(self._runner, old, new)

    def touched_between(self, old: str, new: str, directories: Collection[str]) -> bool:
        """Return whether a commit on the way from one to another touched some directories under the root.

        What a later commit took back counts too. In a clone that lacks the way they count as touched.
        """
        if history.is_shallow(self._runner):
            return True
        options = ("rev-list", "--max-count=1", "--full-history")
        result = self._runner.attempt(*options, new, f"^{old}", "--", *sorted(directories))
        return result.status != 0 or bool(result.stdout.strip())

    def past_blobs(self, commit: str, paths: Collection[str]) -> Mapping[str, Collection[str]]:
        """Return the blob ids that files under the root had on the branch of a commit; a path may be a directory."""
        return history.past_blobs(self._runner, commit, sorted(paths))

    def is_shallow(self) -> bool:
        """Return whether the clone lacks history."""
        return history.is_shallow(self._runner)

    def read_files(self, commit: str, paths: Collection[str]) -> Mapping[str, bytes]:
        """Read some files of a ref or commit by their path from its top; those that are not there are left out."""
        found = history.read_each(self._runner, [(commit, path) for path in paths])
        return {path: data for (_, path), data in found.items()}

    def read_file_of_each(self, commits: Collection[str], path: str) -> Mapping[str, bytes]:
        """Read one file of many commits with one command; commits that do not have it are left out."""
        found = history.read_each(self._runner, [(commit, path) for commit in commits])
        return {commit: data for (commit, _), data in found.items()}

    def _is_cut_off(self, commit: str) -> bool:
        """Return whether the history of a commit ends where the clone does; that of the ledger is always whole."""
        shallow = self._common_dir / "shallow"
        said = self._runner.attempt("rev-list", "--max-parents=0", "--end-of-options", commit).stdout
        return shallow.is_file() and not set(said.decode().split()).isdisjoint(shallow.read_text().split())

    # Refs of kbsync's own

    def read_ref(self, ref: str) -> Mapping[str, bytes]:
        """Read all files at a ref or commit, none where that is absent; raises GitError if one cannot be read."""
        commit = refs.ref_commit(self._runner, ref)
        if commit is None:
            return {}
        listed = tuple(parse_entries(self._runner.run("ls-tree", "-r", "-z", "--full-tree", commit)))
        contents = read_blobs(self._runner, {entry.id for entry in listed})
        absent = [entry.name for entry in listed if entry.id not in contents]
        if absent:
            raise GitError(f"{ref} is incomplete in this clone: {absent[0]} is missing", advice="fetch it again")
        return {entry.name: contents[entry.id] for entry in listed}

    def commit_files(self, files: Mapping[str, bytes | None], *, message: str, parent: str | None) -> str:
        """Make a commit that no ref names yet; None deletes a file. Raises GitError if no tree can hold a path."""
        new = NewCommit(message=message, files=files, parents=(parent,) if parent else ())
        return refs.make_commit(self._runner, new)

    def write_ref(self, ref: str, files: Mapping[str, bytes | None], *, message: str, parent: str | None) -> str:
        """Commit changed files (None deletes one) on `parent`, and move the ref from there, or raise RefMoved."""
        refs.check_ref(ref)
        commit = self.commit_files(files, message=message, parent=parent)
        self.move_ref(ref, commit, expected=parent)
        return commit

    def move_ref(self, ref: str, commit: str | None, *, expected: str | None) -> None:
        """Move a ref of this clone, or delete it, if it is where expected (None: absent); else raise RefMoved."""
        refs.check_ref(ref)
        refs.set_ref(self._runner, ref, commit, expected=expected)

    def fetch_refs(
        self, remote: str, names: Collection[str], *, mirrored: Collection[str] = ()
    ) -> Mapping[str, str | None]:
        """Return the commits of some refs on a remote, None where it has none, and fetch those not had yet.

        A ref of this clone follows where it is absent or behind; where it has commits of its own it stays. The
        `mirrored` are fetched and move no ref of this clone, for what others move by force or delete, such as a lease:
        read them by the commit that is returned.

        Raises:
            UsageError: the clone has no such remote.
            GitError: the remote could not be reached.
        """
        for ref in names:
            refs.check_ref(ref)
        here = refs.own_refs(self._runner)
        there = refs.fetch_commits(self._runner, remote, names, "--no-filter", known=set(here.values()))
        for ref, commit in there.items():
            now = here.get(ref)
            if commit is None or ref in mirrored or now == commit:
                continue
            if now is None or history.is_ancestor(self._runner, now, commit):
                self.move_ref(ref, commit, expected=now)
        return there

    def push_refs(
        self, remote: str, expected: Mapping[str, str | None], *, at: Mapping[str, str | None] | None = None
    ) -> None:
        """Push refs, all or none, if the remote has each where expected (None: not at all).

        What is pushed is the commit that `at` names for a ref, else where it is in this clone; None deletes it there.
        Refs of this clone are not moved. A server that cannot push all or none gets them one after the other, in the
        order given.

        Raises:
            UsageError: the clone has no such remote.
            RefMoved: the remote has one of them elsewhere.
            PushRefused: we may not push there.
            GitError: the remote could not be reached.
        """
        for ref in expected:
            refs.check_ref(ref)
        named = at or {}
        here = refs.own_refs(self._runner) if expected.keys() - named.keys() else {}
        moves = {ref: (old, named[ref] if ref in named else here.get(ref)) for ref, old in expected.items()}
        refs.push(self._runner, remote, {ref: move for ref, move in moves.items() if move != (None, None)})
