"""A git repository with a content tree in it, as the rest of kbsync knows it."""

import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

from kbsync.errors import GitError
from kbsync.files import Files, WorkingTree
from kbsync.git import branches as history
from kbsync.git import process as depth
from kbsync.git import refs
from kbsync.git import refs as remotes
from kbsync.git import trees as sparse
from kbsync.git.branches import Branches, Commit
from kbsync.git.process import Runner, blob_id, refusal
from kbsync.git.trees import CommittedTree, read_blobs, tree_name

# What is asked of git at once, when a repository is opened; the prefix stands first, for it may hold line ends.
_FACTS = ("--show-prefix", "--is-inside-work-tree", "--show-object-format", "--git-common-dir")


class Repository:
    """One clone, seen from the content root; paths are relative to that root, and its `branches` have a module."""

    def __init__(self, root: Path, runner: Runner, facts: Mapping[str, str]) -> None:
        self.root = root
        self.branches = Branches(runner, facts["--show-prefix"])
        self._runner = runner
        self._prefix = facts["--show-prefix"]
        self._object_format = facts["--show-object-format"]
        self._git_folder = (root / facts["--git-common-dir"]).resolve()

    @classmethod
    def open(cls, root: Path) -> "Repository":
        """Open the repository that holds a content root.

        Raises:
            GitError: there is none, it belongs to somebody else, or git is not installed.
        """
        if not root.is_dir():
            raise GitError(f"{root} is no directory", advice="name the tree with --root")
        runner = Runner(root)
        answer = runner.attempt("rev-parse", *_FACTS)
        if answer.status:
            raise refusal(answer, f"{root} is in no git repository that can be used")
        said = answer.out.decode("utf-8", "surrogateescape").removesuffix("\n")
        facts = dict(zip(_FACTS, said.rsplit("\n", len(_FACTS) - 1), strict=False))
        if facts["--is-inside-work-tree"] != "true":
            raise GitError(f"{root} lies in a repository without a working tree", advice="work in a clone of it")
        return cls(root, runner, facts)

    def common_dir(self) -> Path:
        """Return the folder of the clone itself, shared by all its working trees, for what is not to be committed."""
        return self._git_folder

    def head(self) -> str | None:
        """Return the commit that is checked out; None before the first."""
        return self._runner.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")

    def branch(self) -> str | None:
        """Return the branch that is checked out; None where HEAD is detached."""
        return self._runner.line("symbolic-ref", "--quiet", "--short", "HEAD")

    def commit(self, name: str) -> str | None:
        """Return the commit that a branch, tag or id names; None where there is none."""
        return refs.ref_commit(self._runner, name)

    def identity(self) -> str:
        """Return the name and address that git commits under here."""
        return refs.identity(self._runner)

    def is_shallow(self) -> bool:
        """Return whether this clone lacks history."""
        return depth.is_shallow(self._runner)

    def uncommitted(self) -> frozenset[str]:
        """Return the files under the root that no commit has as they are, new ones that are not ignored too."""
        said = self._runner.run(
            *("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all"),
            *("--", "."),
        )
        lines = said.decode("utf-8", "surrogateescape").split("\0")
        return frozenset(self._from_root(line[3:]) for line in lines if line)

    def ignored(self) -> frozenset[str]:
        """Return the files under the root that git ignores; a directory ignored as a whole is named with a `/`."""
        said = self._runner.run(
            *("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"), *("--", ".")
        )
        return frozenset(path for path in said.decode("utf-8", "surrogateescape").split("\0") if path)

    def committed(self, commit: str) -> Files:
        """Return the files that a commit holds under the root.

        Raises:
            GitError: there is no such commit, or it has no such directory.
        """
        return CommittedTree.of(self._runner, commit, self._prefix)

    def checked_out(self, *, with_ignored: bool = False) -> Files:
        """Return the files of the working tree, less those that git ignores, which no commit would hold.

        Those that a sparse checkout leaves out are read from the index: they are not removed.
        """
        working = WorkingTree(self.root, ignored=() if with_ignored else self.ignored())
        left_out = sparse.left_out(self._runner)
        return sparse.SparseTree(working, self._runner, left_out) if left_out else working

    def clear_skip_worktree(self, paths: Collection[str]) -> tuple[str, ...]:
        """Let files that a sparse checkout leaves out count as checked out, and name those among some paths.

        For who is about to write or delete them: git would not look at what is not to be there.
        """
        return sparse.check_in(self._runner, paths)

    def tree_id(self, commit: str) -> str | None:
        """Return the tree at the root in a commit: equal ids mean equal content; None where the commit has none."""
        return self._runner.line("rev-parse", "--verify", "--quiet", tree_name(commit, self._prefix))

    def is_ancestor(self, old: str, new: str, *, remote: str = "origin") -> bool:
        """Return whether a commit is an ancestor of another; where the clone is shallow, fetch commits alone to see.

        Raises:
            GitError: the commits could not be fetched.
        """
        if refs.is_behind(self._runner, old, new):
            return True
        if not depth.is_cut_off(self._runner, self._git_folder, new):
            return False
        depth.fetch_history(self._runner, new, remote, without="tree:0")
        return refs.is_behind(self._runner, old, new)

    def blob_id(self, text: str) -> str:
        """Return a text as git names a file with that content."""
        return blob_id(text.encode("utf-8"), self._object_format)

    def blobs(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the texts among some ids that this clone has."""
        named = {blob for blob in ids if blob.isalnum()}
        return {blob: data.decode("utf-8", "replace") for blob, data in read_blobs(self._runner, named).items()}

    def has_remote(self, name: str) -> bool:
        """Return whether the clone knows a remote by that name."""
        return f"remote.{name}.url" in self._runner.config

    def read_ref(self, ref: str) -> Mapping[str, bytes]:
        """Read all files of the tree at a ref or commit; nothing where there is none."""
        return refs.read_ref(self._runner, ref)

    def commit_files(self, files: Mapping[str, bytes | None], *, message: str, parent: str | None) -> str:
        """Make a commit of changed files on top of another, or of none, that no ref names yet; None deletes a file."""
        return refs.commit_files(self._runner, files, message=message, parent=parent)

    def write_ref(self, ref: str, files: Mapping[str, bytes | None], *, message: str, parent: str | None) -> str:
        """Commit changed files on top of `parent`, which must be where the ref stands; None deletes a file.

        Raises:
            RefMoved: the ref stands elsewhere.
        """
        return refs.write_ref(self._runner, ref, files, message=message, parent=parent)

    def move_ref(self, ref: str, commit: str | None, *, expected: str | None) -> None:
        """Let a ref of this clone stand at a commit, or take it away, if it stands where expected.

        Raises:
            RefMoved: it stands elsewhere.
        """
        refs.move_ref(self._runner, ref, commit, expected=expected)

    def fetch_ref(self, remote: str, ref: str) -> str | None:
        """Fetch a ref and give its commit on the remote; None where the remote's listing lacks it.

        The ref in this clone follows where it is absent or behind; where it has commits of its own it stays.

        Raises:
            GitError: the remote could not be reached.
        """
        return self.fetch_refs(remote, (ref,))[ref]

    def fetch_refs(
        self, remote: str, names: Collection[str], *, mirrored: Collection[str] = ()
    ) -> Mapping[str, str | None]:
        """Return the commits of some refs on a remote, None where its listing lacks one, and fetch those not had yet.

        A ref of this clone follows where it is absent or behind; where it has commits of its own it stays. The
        `mirrored` are only fetched and move no ref of that name, for what others move by force or take away, such as
        a lease: read them by the commit that is given here.

        Raises:
            GitError: the remote could not be reached.
        """
        return remotes.fetch_refs(self._runner, remote, names, mirrored=mirrored)

    def push_ref(self, remote: str, ref: str, *, expected: str | None) -> None:
        """Push a ref, if the remote has it where expected; a ref that is absent here is taken away there.

        Raises:
            RefMoved: the remote has it elsewhere.
            PushRefused: we may not push there.
            GitError: the remote could not be reached.
        """
        self.push_refs(remote, {ref: expected})

    def push_refs(
        self, remote: str, expected: Mapping[str, str | None], *, at: Mapping[str, str | None] | None = None
    ) -> None:
        """Push refs, all or none, if the remote has each where expected (None: not at all).

        What is pushed is the commit that `at` names for a ref, else where it stands in this clone; None takes it away
        there. Refs of this clone are not moved. A server that cannot push all or none gets them one after the other,
        in the order given.

        Raises:
            RefMoved: the remote has one of them elsewhere.
            PushRefused: we may not push there.
            GitError: the remote could not be reached.
        """
        remotes.push_refs(self._runner, remote, expected, at=at or {})

    def log(self, name: str, *, limit: int | None = None) -> tuple[Commit, ...]:
        """Tell of a ref or commit and of what came before it, newest first; nothing where there is none."""
        return history.log(self._runner, name, limit=limit)

    def read_files(self, commit: str, paths: Collection[str]) -> Mapping[str, bytes]:
        """Read some files of a ref or commit by their path from its top; those that are not there are left out."""
        found = history.read_each(self._runner, [(commit, path) for path in paths])
        return {path: data for (_, path), data in found.items()}

    def read_file_of_each(self, commits: Collection[str], path: str) -> Mapping[str, bytes]:
        """Read one file of many commits in one go; commits that do not have it are left out."""
        found = history.read_each(self._runner, [(commit, path) for commit in commits])
        return {commit: data for (commit, _), data in found.items()}

    def changed_between(self, old: str | None, new: str) -> tuple[str, ...]:
        """Return the files that differ between two commits, from their top; all of the new one where there is no old."""
        return history.changed_between(self._runner, old, new)

    def touched_between(self, old: str, new: str, directories: Collection[str]) -> bool:
        """Return whether some directories under the root were touched on the way to a commit, also if only for a while.

        In a shallow clone, which lacks the way, they are taken to have been.
        """
        return self.is_shallow() or history.touches(self._runner, old, new, sorted(directories))

    def _from_root(self, path: str) -> str:
        return unicodedata.normalize("NFC", path.removeprefix(self._prefix))
