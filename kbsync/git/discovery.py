"""Finds the clone that holds a content root, without running git.

Git takes any directory for a repository that holds `HEAD`, `objects` and `refs`. Such a directory can be committed as
ordinary files, and its `config` names programs that git runs. So kbsync looks first, refuses such a directory, and then
tells git which repository to use.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from kbsync.errors import GitError, Refusal

_GITFILE = "gitdir:"
_NOT_IN_A_CLONE = "run `git init` there, or give the content root with --root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """The top of a working tree, and its git directory, which one of several working trees has to itself."""

    top: Path
    git_dir: Path


def find_clone(root: Path) -> Clone:
    """Find the clone that holds a directory: the nearest directory upward with a `.git` that git can use.

    Raises:
        GitError: there is none, or it has no working tree.
        Refusal: a directory of the clone looks like a repository of its own.
    """
    root = root.resolve()
    bare: Path | None = None
    for folder in (root, *root.parents):
        bare = bare or (folder if _is_git_dir(folder) else None)
        git_dir = _git_dir_of(folder)
        if git_dir is not None and bare is None:
            return Clone(top=folder, git_dir=git_dir)
        if git_dir is not None and bare is not None and not bare.is_relative_to(git_dir):
            what = f"{bare} looks like a git repository, but is a directory inside the clone {folder}"
            raise Refusal(what, advice="remove `HEAD`, `objects`, `refs` and `commondir` from it")
    if bare is not None:
        raise GitError(f"{root} is in a bare repository", advice="run kbsync in a clone of it")
    raise GitError("not a git repository", advice=_NOT_IN_A_CLONE)


def _git_dir_of(folder: Path) -> Path | None:
    named = folder / ".git"
    if named.is_file():
        git_dir = _named_in(named)
        if not _is_git_dir(git_dir):
            raise GitError(f"{named} points to {git_dir}, which is not a git repository", advice=_NOT_IN_A_CLONE)
    elif _is_git_dir(named):
        git_dir = named.resolve()
    else:
        return None
    if git_dir != folder / ".git" and git_dir.is_relative_to(folder):
        what = f"{named} points to {git_dir}, which is inside the same working tree"
        raise Refusal(what, advice="use a clone whose `.git` is a directory, or points outside the working tree")
    return git_dir


def _named_in(gitfile: Path) -> Path:
    """Return the git directory that a `.git` file names, as a linked working tree and a submodule have one."""
    said = os.fsdecode(gitfile.read_bytes()).rstrip("\r\n")
    if not said.startswith(_GITFILE) or "\0" in said:
        raise GitError(f"{gitfile} is not valid: it does not point to a git directory", advice=_NOT_IN_A_CLONE)
    return (gitfile.parent / said.removeprefix(_GITFILE).lstrip(" ")).resolve()


def _is_git_dir(folder: Path) -> bool:
    """Return whether git could take a directory for a repository; `commondir` names another one with the rest."""
    head = folder / "HEAD"
    if not (head.is_symlink() or head.is_file()):
        return False
    return (folder / "commondir").exists() or ((folder / "objects").exists() and (folder / "refs").exists())
