"""A git repository with a content tree in it, as the rest of kbsync knows it."""

import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

from kbsync.content.files import Files
from kbsync.content.repository import refs
from kbsync.content.repository.commits import CommittedTree, read_blobs, tree_name
from kbsync.content.repository.objects import blob_id
from kbsync.content.repository.runner import Runner, refusal
from kbsync.errors import GitError


class Repository:
    """One clone, seen from the content root; paths are relative to that root."""

    def __init__(self, root: Path, runner: Runner, prefix: str) -> None:
        self.root = root
        self._runner = runner
        self._prefix = prefix
        self._object_format = runner.line("rev-parse", "--show-object-format") or "sha1"

    @classmethod
    def open(cls, root: Path) -> "Repository":
        """Open the repository that holds a content root.

        Raises:
            GitError: there is none, it belongs to somebody else, or git is not installed.
        """
        if not root.is_dir():
            raise GitError(f"{root} is no directory", advice="name the tree with --root")
        runner = Runner(root)
        answer = runner.attempt("rev-parse", "--show-prefix", "--is-inside-work-tree")
        if answer.status:
            raise refusal(answer, f"{root} is in no git repository that can be used")
        prefix, _, inside = answer.out.decode("utf-8", "surrogateescape").rstrip("\n").rpartition("\n")
        if inside != "true":
            raise GitError(f"{root} lies in a repository without a working tree", advice="work in a clone of it")
        return cls(root, runner, prefix)

    def git_folder(self) -> Path:
        """Give the folder of the clone itself, shared by all its working trees, for what is not to be committed."""
        return (self.root / (self._runner.line("rev-parse", "--git-common-dir") or ".git")).resolve()

    def head(self) -> str | None:
        """Give the commit that is checked out; None before the first."""
        return self._runner.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")

    def branch(self) -> str | None:
        """Give the branch that is checked out; None where HEAD is detached."""
        return self._runner.line("symbolic-ref", "--quiet", "--short", "HEAD")

    def commit(self, name: str) -> str | None:
        """Give the commit that a branch, tag or id names; None where there is none."""
        return refs.ref_commit(self._runner, name)

    def is_shallow(self) -> bool:
        """Tell whether this clone lacks history."""
        return self._runner.line("rev-parse", "--is-shallow-repository") == "true"

    def uncommitted(self) -> frozenset[str]:
        """Name the files under the root that no commit has as they are, new ones that are not ignored too."""
        said = self._runner.run(
            *("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all"),
            *("--", "."),
        )
        lines = said.decode("utf-8", "surrogateescape").split("\0")
        return frozenset(self._from_root(line[3:]) for line in lines if line)

    def ignored(self) -> frozenset[str]:
        """Name the files under the root that git ignores; a directory ignored as a whole is named with a `/`."""
        said = self._runner.run(
            *("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"), *("--", ".")
        )
        return frozenset(path for path in said.decode("utf-8", "surrogateescape").split("\0") if path)

    def committed(self, commit: str) -> Files:
        """Give the files that a commit holds under the root.

        Raises:
            GitError: there is no such commit, or it has no such directory.
        """
        return CommittedTree(self._runner, commit, self._prefix)

    def tree_id(self, commit: str) -> str | None:
        """Name the tree at the root in a commit: equal ids mean equal content; None where the commit has none."""
        return self._runner.line("rev-parse", "--verify", "--quiet", tree_name(commit, self._prefix))

    def is_ancestor(self, old: str, new: str, *, remote: str = "origin") -> bool:
        """Tell whether a commit is an ancestor of another; where the clone is shallow, fetch commits alone to see.

        Raises:
            GitError: the commits could not be fetched.
        """
        if refs.is_behind(self._runner, old, new):
            return True
        if not self._is_cut_off(new):
            return False
        self._fetch_history(new, remote)
        return refs.is_behind(self._runner, old, new)

    def blob_id(self, text: str) -> str:
        """Name a text as git names a file with that content."""
        return blob_id(text.encode("utf-8"), self._object_format)

    def blobs(self, ids: Collection[str]) -> Mapping[str, str]:
        """Give the texts among some ids that this clone has."""
        named = {blob for blob in ids if blob.isalnum()}
        return {blob: data.decode("utf-8", "replace") for blob, data in read_blobs(self._runner, named).items()}

    def has_remote(self, name: str) -> bool:
        """Tell whether the clone knows a remote by that name."""
        return name in self._runner.run("remote").decode("utf-8", "replace").split("\n")

    def ref_commit(self, ref: str) -> str | None:
        """Give the commit at a ref; None where there is none."""
        return refs.ref_commit(self._runner, ref)

    def read_ref(self, ref: str) -> Mapping[str, bytes]:
        """Read all files of the tree at a ref or commit; nothing where there is none."""
        return refs.read_ref(self._runner, ref)

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
        return refs.fetch_ref(self._runner, remote, ref)

    def push_ref(self, remote: str, ref: str, *, expected: str | None) -> None:
        """Push a ref, if the remote has it where expected; a ref that is absent here is taken away there.

        Raises:
            RefMoved: the remote has it elsewhere.
            PushRefused: we may not push there.
            GitError: the remote could not be reached.
        """
        refs.push_ref(self._runner, remote, ref, expected=expected)

    def _from_root(self, path: str) -> str:
        return unicodedata.normalize("NFC", path.removeprefix(self._prefix))

    def _is_cut_off(self, commit: str) -> bool:
        """Tell whether the history of a commit ends where the clone does; that of the ledger is whole even then."""
        shallow = self.git_folder() / "shallow"
        ends = self._runner.attempt("rev-list", "--max-parents=0", "--end-of-options", commit).out.decode().split()
        return shallow.is_file() and not set(ends).isdisjoint(shallow.read_text().split())

    def _fetch_history(self, commit: str, remote: str) -> None:
        options = ("fetch", "--quiet", "--unshallow", "--filter=tree:0", "--no-tags", "--no-write-fetch-head")
        # A server may refuse to be asked for a commit by its id; then its branches are what there is to ask for.
        answer = self._runner.attempt(*options, "--", remote, commit)
        if answer.status and self.is_shallow():
            answer = self._runner.attempt(*options, "--", remote)
        if answer.status:
            what = f"this clone is shallow, and its history could not be fetched from `{remote}`"
            raise GitError(str(refusal(answer, what)), advice="fetch with depth 0, or run `git fetch --unshallow`")
