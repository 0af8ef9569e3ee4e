"""Refs beside the branches, read and written in this clone.

Never touches the index, the working tree or a branch; every move of a ref names the value that it must have had.
"""

import re
from collections.abc import Mapping
from uuid import uuid4

from kbsync.content.repository.commits import read_blobs
from kbsync.content.repository.objects import Draft, entries, import_stream
from kbsync.content.repository.runner import Runner, refusal
from kbsync.errors import GitError

_ABSENT = "0" * 40
OWN = "refs/kbsync"
_FALLBACK_IDENTITY = "kbsync <kbsync@localhost>"
_IDENTITY = re.compile(r"(.*<[^<>\n]*>) \d+ [+-]\d{4}")


class RefMoved(GitError):
    """A ref is not where it was expected: somebody else moved it meanwhile."""


def known_refs(runner: Runner) -> dict[str, str]:
    """Give the commits of all refs of this clone that are kbsync's own."""
    said = runner.run("for-each-ref", "--format=%(objectname) %(refname)", f"{OWN}*/**")
    lines = (line.partition(" ") for line in said.decode("utf-8", "surrogateescape").splitlines())
    return {name: commit for commit, _, name in lines}


def ref_commit(runner: Runner, ref: str) -> str | None:
    """Give the commit at a ref; None where there is none."""
    return runner.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")


def read_ref(runner: Runner, ref: str) -> Mapping[str, bytes]:
    """Read all files of the tree at a ref or commit; nothing where there is none."""
    commit = ref_commit(runner, ref)
    if commit is None:
        return {}
    listed = tuple(entries(runner.run("ls-tree", "-r", "-z", "--full-tree", commit)))
    contents = read_blobs(runner, {entry.id for entry in listed})
    absent = [entry.name for entry in listed if entry.id not in contents]
    if absent:
        raise GitError(f"{ref} is not whole in this clone: {absent[0]} is missing", advice="fetch it again")
    return {entry.name: contents[entry.id] for entry in listed}


def commit_files(runner: Runner, files: Mapping[str, bytes | None], *, message: str, parent: str | None) -> str:
    """Make a commit of changed files on top of another, or of none, that no ref names yet; None deletes a file.

    Raises:
        GitError: a path that no tree can hold, or git refused.
    """
    return make_commit(runner, Draft(message=message, files=files, parents=(parent,) if parent else ()))


def make_commit(runner: Runner, draft: Draft) -> str:
    """Make a commit that no ref names yet.

    Raises:
        GitError: a path that no tree can hold, or git refused.
    """
    for path in draft.files:
        check_path(path)
    stream = import_stream(f"{OWN}-pending/{uuid4().hex}", draft, identity(runner))
    return runner.run("fast-import", "--quiet", "--done", "--date-format=now", stdin=stream).decode().strip()


def write_ref(runner: Runner, ref: str, files: Mapping[str, bytes | None], *, message: str, parent: str | None) -> str:
    """Commit changed files on top of `parent`, which must be where the ref stands; None deletes a file.

    Raises:
        RefMoved: the ref stands elsewhere.
        GitError: a path that no tree can hold, or git refused.
    """
    check_ref(ref)
    commit = commit_files(runner, files, message=message, parent=parent)
    move_ref(runner, ref, commit, expected=parent)
    return commit


def move_ref(runner: Runner, ref: str, commit: str | None, *, expected: str | None) -> None:
    """Let a ref of this clone stand at a commit, or take it away, if it stands where expected (None: nowhere).

    Raises:
        RefMoved: it stands elsewhere.
    """
    check_ref(ref)
    set_ref(runner, ref, commit, expected=expected)


def set_ref(runner: Runner, ref: str, commit: str | None, *, expected: str | None) -> None:
    """Do as `move_ref` does, to any ref; that it may be moved is for the caller to know.

    Raises:
        RefMoved: it stands elsewhere.
    """
    arguments = ("-d", ref, expected or _ABSENT) if commit is None else (ref, commit, expected or _ABSENT)
    answer = runner.attempt("update-ref", "--no-deref", "-m", "kbsync", *arguments)
    if answer.status == 0:
        return
    if ref_commit(runner, ref) != expected:
        raise RefMoved(f"{ref} was moved meanwhile by another kbsync", advice="run the command again")
    raise refusal(answer, f"{ref} could not be written")


def is_behind(runner: Runner, old: str, new: str) -> bool:
    """Tell whether one commit is an ancestor of another, as far as this clone knows."""
    return runner.attempt("merge-base", "--is-ancestor", old, new).status == 0


def identity(runner: Runner) -> str:
    """Give the name and address that git commits under here."""
    found = _IDENTITY.fullmatch(runner.line_once("var", "GIT_COMMITTER_IDENT") or "")
    return found[1] if found else _FALLBACK_IDENTITY


def check_ref(ref: str) -> None:
    """Refuse a ref that is not kbsync's own."""
    if not ref.startswith(OWN) or ".." in ref or not re.fullmatch(r"[A-Za-z0-9/_.-]+", ref):
        raise GitError(f"`{ref}` is no ref of kbsync's own")


def check_path(path: str) -> None:
    """Refuse a path that no tree of git can hold, or no line of a question to it."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts) or {"\0", "\n"} & set(path):
        raise GitError(f"`{path}` is no path that a tree of git can hold")
