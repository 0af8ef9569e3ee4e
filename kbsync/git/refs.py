"""Refs: read and moved in this clone, and fetched from and pushed to a remote.

Nothing is overwritten unseen: each ref that is pushed names the commit that it replaces there, and no branch of this
clone moves.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from uuid import uuid4

from kbsync.errors import GitError
from kbsync.git.objects import NewCommit, import_stream
from kbsync.git.process import GitResult, Runner, git_error, uses_other_protocol

OWN = "refs/kbsync"
# For each ref the commit that it has now and the one that it gets; None is no ref.
_Moves = Mapping[str, tuple[str | None, str | None]]
_ABSENT = "0" * 40
_FALLBACK_IDENTITY = "kbsync <kbsync@localhost>"
_IDENTITY = re.compile(r"(.*<[^<>\n]*>) \d+ [+-]\d{4}")
_ATTEMPTS = 3
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
_PUSH = ("push", "--porcelain", "--no-verify", "--no-recurse-submodules")
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
_VANISHED = re.compile(r"couldn't find remote ref|not our ref", re.IGNORECASE)
_NOT_ATOMIC = re.compile(r"does not support --atomic", re.IGNORECASE)


class RefMoved(GitError):
    """A ref is not where it was expected: somebody else moved it meanwhile."""


class PushRefused(GitError):
    """The remote does not let us push this ref."""


class RemoteUnreachable(GitError):
    """The remote could not be reached, or it refuses us."""


def own_refs(runner: Runner) -> dict[str, str]:
    """Return the commits of kbsync's own refs in this clone."""
    said = runner.run("for-each-ref", "--format=%(objectname) %(refname)", f"{OWN}*/**")
    lines = (line.partition(" ") for line in said.decode("utf-8", "surrogateescape").splitlines())
    return {name: commit for commit, _, name in lines}


def ref_commit(runner: Runner, ref: str) -> str | None:
    """Return the commit at a ref; None where there is none."""
    return runner.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")


def make_commit(runner: Runner, new: NewCommit) -> str:
    """Make a commit that no ref names yet, and return its id; raises GitError if no tree can hold a path."""
    for path in new.files:
        check_path(path)
    stream = import_stream(f"{OWN}-pending/{uuid4().hex}", new, committer_identity(runner))
    return runner.run("fast-import", "--quiet", "--done", "--date-format=now", stdin=stream).decode().strip()


def set_ref(runner: Runner, ref: str, commit: str | None, *, expected: str | None) -> None:
    """Move any ref of this clone, or delete it, if it is where expected (None: absent); else raise RefMoved."""
    arguments = ("-d", ref, expected or _ABSENT) if commit is None else (ref, commit, expected or _ABSENT)
    result = runner.attempt("update-ref", "--no-deref", "-m", "kbsync", *arguments)
    if result.status == 0:
        return
    if ref_commit(runner, ref) != expected:
        raise RefMoved(f"{ref} has moved", advice="run the command again")
    raise git_error(result, f"{ref} could not be written")


def committer_identity(runner: Runner) -> str:
    """Return the name and address that git commits under here."""
    found = _IDENTITY.fullmatch(runner.line_once("var", "GIT_COMMITTER_IDENT") or "")
    return found[1] if found else _FALLBACK_IDENTITY


def check_ref(ref: str) -> None:
    """Raise GitError for a ref that is not kbsync's own."""
    if not ref.startswith(OWN) or ".." in ref or not re.fullmatch(r"[A-Za-z0-9/_.-]+", ref):
        raise GitError(f"`{ref}` is not a ref of kbsync")


def check_path(path: str) -> None:
    """Raise GitError for a path that no tree can hold, or that is more than one line."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts) or {"\0", "\n"} & set(path):
        raise GitError(f"`{path}` is not a valid path in git")


def fetch_commits(
    runner: Runner, remote: str, refs: Collection[str], *options: str, known: Collection[str]
) -> dict[str, str | None]:
    """Return the commits of some refs on a remote, or raise GitError; those that are not `known` are fetched."""
    for _ in range(_ATTEMPTS):
        there = list_remote(runner, remote, refs)
        wanted = {ref: _tracking(remote, ref) for ref, commit in there.items() if commit and commit not in known}
        if not wanted:
            return there
        specs = (f"+{ref}:{tracking}" for ref, tracking in wanted.items())
        result = runner.attempt(*_FETCH, *options, "--", remote, *specs)
        if result.status == 0:
            # What was fetched may be later than what was listed; only what was fetched can be read.
            now = own_refs(runner)
            return there | {ref: now.get(tracking) for ref, tracking in wanted.items()}
        if not _VANISHED.search(result.stderr):
            raise _unreachable(result, remote)
    raise GitError(f"{remote} changes faster than it can be fetched", advice="run the command again")


def list_remote(runner: Runner, remote: str, refs: Collection[str]) -> dict[str, str | None]:
    """Return the commits of some refs on a remote, None where it has none; raises GitError if it cannot be reached."""
    runner.check_remote(remote)
    result = runner.attempt("ls-remote", "--refs", "--", remote, *refs)
    if result.status:
        raise _unreachable(result, remote)
    lines = (line.partition("\t") for line in result.stdout.decode("utf-8", "surrogateescape").splitlines())
    there = {name: commit for commit, _, name in lines}
    return {ref: there.get(ref) for ref in refs}


def remote_default(runner: Runner, remote: str) -> str | None:
    """Return the branch that a remote has checked out, None for none; raises GitError if it cannot be reached."""
    runner.check_remote(remote)
    result = runner.attempt("ls-remote", "--symref", "--", remote, "HEAD")
    if result.status:
        raise _unreachable(result, remote)
    found = re.search(r"^ref: refs/heads/(.+)\tHEAD$", result.stdout.decode("utf-8", "replace"), re.MULTILINE)
    return found[1] if found else None


def push(runner: Runner, remote: str, moves: _Moves) -> None:
    """Push each ref from the commit that it must have there to another, all or none; None is no ref.

    Raises:
        UsageError: the clone has no such remote.
        RefMoved: the remote has one of them elsewhere.
        PushRefused: we may not push there.
        GitError: the remote could not be reached.
    """
    if not moves:
        return
    result = _try_push(runner, remote, moves, *(["--atomic"] if len(moves) > 1 else []))
    if result.status and len(moves) > 1 and _NOT_ATOMIC.search(result.stderr):
        for ref, move in moves.items():
            push(runner, remote, {ref: move})
        return
    if result.status:
        raise _not_pushed(result, remote, moves)
    _record_pushed(runner, remote, moves)


def _try_push(runner: Runner, remote: str, moves: _Moves, *options: str) -> GitResult:
    runner.check_remote(remote)
    leases = (f"--force-with-lease={ref}:{old or ''}" for ref, (old, _) in moves.items())
    specs = (f"{new or ''}:{ref}" for ref, (_, new) in moves.items())
    return runner.attempt(*_PUSH, *options, *leases, "--", remote, *specs)


def _record_pushed(runner: Runner, remote: str, moves: _Moves) -> None:
    """Move the tracking refs of kbsync's own refs, so that the next fetch need not fetch these commits."""
    own = {_tracking(remote, ref): new for ref, (_, new) in moves.items() if new and ref.startswith(OWN)}
    if own:
        said = "".join(f"update {tracking} {new}\n" for tracking, new in own.items())
        runner.attempt("update-ref", "--no-deref", "--stdin", stdin=said.encode())


def _not_pushed(result: GitResult, remote: str, refs: Iterable[str]) -> GitError:
    said = f"{result.stdout.decode('utf-8', 'replace')}\n{result.stderr}"
    named = " and ".join(ref.removeprefix("refs/heads/") for ref in refs)
    if _OVERTAKEN.search(said):
        return RefMoved(f"{named} has moved on {remote}", advice="run the command again")
    if _FORBIDDEN.search(said):
        why = git_error(GitResult(status=1, stdout=b"", stderr=_gist(said)), f"{remote} rejected the push of {named}")
        return PushRefused(str(why), advice="allow this clone to push there, or use --local")
    return _unreachable(result, remote)


def _unreachable(result: GitResult, remote: str) -> RemoteUnreachable:
    gist = GitResult(status=result.status, stdout=b"", stderr=_gist(result.stderr))
    why = git_error(gist, f"the remote `{remote}` could not be reached")
    advice = why.advice if uses_other_protocol(gist) else f"check `git ls-remote {remote}`, or use --local"
    return RemoteUnreachable(str(why), advice=advice)


def _tracking(remote: str, ref: str) -> str:
    label = re.sub(r"[^A-Za-z0-9-]+", "-", remote).strip("-") or "remote"
    return f"{OWN}-remote/{label}/{ref.removeprefix('refs/')}"


def _gist(said: str) -> str:
    """Return what git wrote without the lines that say nothing of this failure."""
    dull = ("hint:", "To ", "Done", "Please make sure", "and the repository exists", "error: failed to push")
    return "\n".join(line for line in said.splitlines() if line.strip() and not line.startswith(dull))
