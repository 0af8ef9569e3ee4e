"""Refs shared with a remote: listed, fetched, and pushed against the value that the remote is expected to have.

Nothing is overwritten unseen: each ref that is pushed names the commit that it replaces there, and no branch of this
clone moves.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from kbsync.content.repository.refs import OWN, RefMoved, check_ref, is_behind, known_refs, move_ref
from kbsync.content.repository.runner import Answer, Runner, refusal
from kbsync.errors import GitError

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


class PushRefused(GitError):
    """The remote does not let us push this ref."""


def fetch_refs(
    runner: Runner, remote: str, refs: Collection[str], *, mirrored: Collection[str] = ()
) -> Mapping[str, str | None]:
    """Give the commits of some refs on a remote, None where its listing lacks one, and fetch those not had yet.

    A ref of this clone follows where it is absent or behind; where it has commits of its own it stays. The `mirrored`
    are only fetched, for refs that others move by force: read them by the commit that is given here.

    Raises:
        GitError: the remote could not be asked, or not fetched from.
    """
    for ref in refs:
        check_ref(ref)
    here = known_refs(runner)
    there = fetched(runner, remote, refs, "--no-filter", had=set(here.values()))
    for ref, commit in there.items():
        now = here.get(ref)
        if commit is None or ref in mirrored or now == commit:
            continue
        if now is None or is_behind(runner, now, commit):
            move_ref(runner, ref, commit, expected=now)
    return there


def fetched(
    runner: Runner, remote: str, refs: Collection[str], *options: str, had: Collection[str]
) -> dict[str, str | None]:
    """Give the commits of some refs on a remote, and fetch those that are not among the commits `had` already.

    Raises:
        GitError: the remote could not be asked, or not fetched from.
    """
    for _ in range(_ATTEMPTS):
        there = listed(runner, remote, refs)
        wanted = {ref: _tracking(remote, ref) for ref, commit in there.items() if commit and commit not in had}
        if not wanted:
            return there
        specs = (f"+{ref}:{tracking}" for ref, tracking in wanted.items())
        answer = runner.attempt(*_FETCH, *options, "--", remote, *specs)
        if answer.status == 0:
            # What was fetched may be later than what was listed; only what was fetched can be read.
            now = known_refs(runner)
            return there | {ref: now.get(tracking) for ref, tracking in wanted.items()}
        if not _VANISHED.search(answer.complaint):
            raise unreachable(answer, remote)
    raise GitError(f"{remote} changes faster than it can be fetched", advice="run the command again")


def listed(runner: Runner, remote: str, refs: Collection[str]) -> dict[str, str | None]:
    """Ask a remote where some refs stand; None where it has none.

    Raises:
        GitError: it could not be asked.
    """
    answer = runner.attempt("ls-remote", "--refs", "--", remote, *refs)
    if answer.status:
        raise unreachable(answer, remote)
    lines = (line.partition("\t") for line in answer.out.decode("utf-8", "surrogateescape").splitlines())
    there = {name: commit for commit, _, name in lines}
    return {ref: there.get(ref) for ref in refs}


def push_refs(runner: Runner, remote: str, expected: Mapping[str, str | None], *, at: Mapping[str, str | None]) -> None:
    """Push refs, all or none, if the remote has each where expected (None: not at all).

    What is pushed is the commit that `at` names for a ref, else where it stands in this clone; None takes it away. A
    server that cannot push all or none gets them one after the other, in the order given.

    Raises:
        RefMoved: the remote has one of them elsewhere.
        PushRefused: we may not push there.
        GitError: the remote could not be reached.
    """
    for ref in expected:
        check_ref(ref)
    here = known_refs(runner) if expected.keys() - at.keys() else {}
    moves = {ref: (old, at[ref] if ref in at else here.get(ref)) for ref, old in expected.items()}
    push(runner, remote, {ref: move for ref, move in moves.items() if move != (None, None)})


def push(runner: Runner, remote: str, moves: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Push each ref from the commit it must have there to another, all or none; None is no ref.

    Raises:
        RefMoved: the remote has one of them elsewhere.
        PushRefused: we may not push there.
        GitError: the remote could not be reached.
    """
    if not moves:
        return
    answer = _pushed(runner, remote, moves, *(["--atomic"] if len(moves) > 1 else []))
    if answer.status and len(moves) > 1 and _NOT_ATOMIC.search(answer.complaint):
        for ref, move in moves.items():
            push(runner, remote, {ref: move})
        return
    if answer.status:
        raise _not_pushed(answer, remote, moves)
    _note_pushed(runner, remote, moves)


def _pushed(runner: Runner, remote: str, moves: Mapping[str, tuple[str | None, str | None]], *options: str) -> Answer:
    leases = (f"--force-with-lease={ref}:{old or ''}" for ref, (old, _) in moves.items())
    specs = (f"{new or ''}:{ref}" for ref, (_, new) in moves.items())
    return runner.attempt(*_PUSH, *options, *leases, "--", remote, *specs)


def _note_pushed(runner: Runner, remote: str, moves: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Remember what the remote has of kbsync's own by now, so that the next question need not fetch it."""
    own = {_tracking(remote, ref): new for ref, (_, new) in moves.items() if new and ref.startswith(OWN)}
    if own:
        said = "".join(f"update {tracking} {new}\n" for tracking, new in own.items())
        runner.attempt("update-ref", "--no-deref", "--stdin", stdin=said.encode())


def _not_pushed(answer: Answer, remote: str, refs: Iterable[str]) -> GitError:
    said = answer.out.decode("utf-8", "replace") + "\n" + answer.complaint
    named = " and ".join(ref.removeprefix("refs/heads/") for ref in refs)
    if _OVERTAKEN.search(said):
        return RefMoved(f"{named} moved on {remote} meanwhile", advice="run the command again")
    if _FORBIDDEN.search(said):
        why = refusal(Answer(status=1, out=b"", complaint=_gist(said)), f"{remote} does not let us push {named}")
        return PushRefused(str(why), advice="give this clone the right to push there, or work with --local")
    return unreachable(answer, remote)


def remote_label(remote: str) -> str:
    """Give a remote's name, or an address, as a part of a ref."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", remote).strip("-") or "remote"


def unreachable(answer: Answer, remote: str) -> GitError:
    """Say that a remote could not be asked."""
    gist = Answer(status=answer.status, out=b"", complaint=_gist(answer.complaint))
    why = refusal(gist, f"the remote `{remote}` could not be reached")
    return GitError(str(why), advice=f"see whether `git ls-remote {remote}` works here")


def _tracking(remote: str, ref: str) -> str:
    return f"{OWN}-remote/{remote_label(remote)}/{ref.removeprefix('refs/')}"


def _gist(said: str) -> str:
    """Leave out what git says to everybody."""
    dull = ("hint:", "To ", "Done", "Please make sure", "and the repository exists", "error: failed to push")
    return "\n".join(line for line in said.splitlines() if line.strip() and not line.startswith(dull))
