"""Refs beside the branches, read, written and shared with a remote.

Never touches the index, the working tree or a branch; every move of a ref names the value that it must have had.
"""

import re
from collections.abc import Mapping
from uuid import uuid4

from kbsync.content.repository.commits import read_blobs
from kbsync.content.repository.objects import entries, import_stream
from kbsync.content.repository.runner import Answer, Runner, refusal
from kbsync.errors import GitError

_ABSENT = "0" * 40
_OWN = "refs/kbsync"
_FALLBACK_IDENTITY = "kbsync <kbsync@localhost>"
_IDENTITY = re.compile(r"(.*<[^<>\n]*>) \d+ [+-]\d{4}")
_OVERTAKEN = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to lock|reference already exists"
    r"|failed to update ref|incorrect old value",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile(
    r"permission|denied|403|401|not allowed|authentication|could not read (?:username|password)|access rights"
    r"|write access|read.only|protected|declined|prohibited|deny|remote rejected|terminal prompts disabled",
    re.IGNORECASE,
)


class RefMoved(GitError):
    """A ref is not where it was expected: somebody else moved it meanwhile."""


class PushRefused(GitError):
    """The remote does not let us push this ref."""


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


def write_ref(runner: Runner, ref: str, files: Mapping[str, bytes | None], *, message: str, parent: str | None) -> str:
    """Commit changed files on top of `parent`, which must be where the ref stands; None deletes a file.

    Raises:
        RefMoved: the ref stands elsewhere.
        GitError: a path that no tree can hold, or git refused.
    """
    _check_ref(ref)
    for path in files:
        _check_path(path)
    pending = f"{_OWN}-pending/{uuid4().hex}"
    stream = import_stream(pending, files, message=message, identity=_identity(runner), parent=parent)
    commit = runner.run("fast-import", "--quiet", "--done", "--date-format=now", stdin=stream).decode().strip()
    move_ref(runner, ref, commit, expected=parent)
    return commit


def move_ref(runner: Runner, ref: str, commit: str | None, *, expected: str | None) -> None:
    """Let a ref of this clone stand at a commit, or take it away, if it stands where expected (None: nowhere).

    Raises:
        RefMoved: it stands elsewhere.
    """
    _check_ref(ref)
    arguments = ("-d", ref, expected or _ABSENT) if commit is None else (ref, commit, expected or _ABSENT)
    answer = runner.attempt("update-ref", "--no-deref", "-m", "kbsync", *arguments)
    if answer.status == 0:
        return
    if ref_commit(runner, ref) != expected:
        raise RefMoved(f"{ref} was moved meanwhile by another kbsync", advice="run the command again")
    raise refusal(answer, f"{ref} could not be written")


def fetch_ref(runner: Runner, remote: str, ref: str) -> str | None:
    """Fetch a ref from a remote and give its commit there; None where the remote's listing lacks it.

    The ref in this clone follows where it is absent or behind; where it has commits of its own it stays.

    Raises:
        GitError: the remote could not be asked, or not fetched from.
    """
    _check_ref(ref)
    listed = runner.attempt("ls-remote", "--refs", "--", remote, ref)
    if listed.status:
        raise _unreachable(listed, remote)
    there = {name: commit for commit, _, name in (line.partition("\t") for line in listed.out.decode().splitlines())}
    commit = there.get(ref)
    if commit is None:
        return None
    fetched = runner.attempt(
        *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap="),
        *("--no-filter", "--", remote, f"+{ref}:{_OWN}-remote/{remote_label(remote)}/{ref.removeprefix('refs/')}"),
    )
    if fetched.status:
        raise _unreachable(fetched, remote)
    here = ref_commit(runner, ref)
    if here is None or (here != commit and is_behind(runner, here, commit)):
        move_ref(runner, ref, commit, expected=here)
    return commit


def push_ref(runner: Runner, remote: str, ref: str, *, expected: str | None) -> None:
    """Push a ref, if the remote has it where expected (None: not at all); a ref absent here is taken away there.

    Raises:
        RefMoved: the remote has it elsewhere.
        PushRefused: we may not push there.
        GitError: the remote could not be reached.
    """
    _check_ref(ref)
    source = ref if ref_commit(runner, ref) else ""
    answer = runner.attempt(
        *(
            "push",
            "--porcelain",
            "--no-verify",
            "--no-recurse-submodules",
            f"--force-with-lease={ref}:{expected or ''}",
        ),
        *("--", remote, f"{source}:{ref}"),
    )
    if answer.status == 0:
        return
    said = answer.out.decode("utf-8", "replace") + "\n" + answer.complaint
    if _OVERTAKEN.search(said):
        raise RefMoved(f"{ref} was moved on {remote} meanwhile", advice="run the command again")
    if _FORBIDDEN.search(said):
        why = refusal(Answer(status=1, out=b"", complaint=_gist(said)), f"{remote} does not let us push {ref}")
        raise PushRefused(str(why), advice="give this clone the right to push there, or work with --local")
    raise _unreachable(answer, remote)


def is_behind(runner: Runner, old: str, new: str) -> bool:
    """Tell whether one commit is an ancestor of another, as far as this clone knows."""
    return runner.attempt("merge-base", "--is-ancestor", old, new).status == 0


def remote_label(remote: str) -> str:
    """Give a remote's name, or an address, as a part of a ref."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", remote).strip("-") or "remote"


def _identity(runner: Runner) -> str:
    found = _IDENTITY.fullmatch(runner.line("var", "GIT_COMMITTER_IDENT") or "")
    return found[1] if found else _FALLBACK_IDENTITY


def _unreachable(answer: Answer, remote: str) -> GitError:
    gist = Answer(status=answer.status, out=b"", complaint=_gist(answer.complaint))
    why = refusal(gist, f"the remote `{remote}` could not be reached")
    return GitError(str(why), advice=f"see whether `git ls-remote {remote}` works here")


def _gist(said: str) -> str:
    """Leave out what git says to everybody."""
    dull = ("hint:", "To ", "Done", "Please make sure", "and the repository exists", "error: failed to push")
    return "\n".join(line for line in said.splitlines() if line.strip() and not line.startswith(dull))


def _check_ref(ref: str) -> None:
    if not ref.startswith(_OWN) or ".." in ref or not re.fullmatch(r"[A-Za-z0-9/_.-]+", ref):
        raise GitError(f"`{ref}` is no ref of kbsync's own")


def _check_path(path: str) -> None:
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts) or "\0" in path:
        raise GitError(f"`{path}` is no path that a tree of git can hold")
