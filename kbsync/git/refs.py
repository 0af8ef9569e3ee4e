"""Refs shared with a remote: listed, fetched, and pushed against the value that the remote is expected to have.

Nothing is overwritten unseen: each ref that is pushed names the commit that it replaces there, and no branch of this
clone moves.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from uuid import uuid4

from kbsync.errors import GitError
from kbsync.git.process import Answer, Draft, Runner, entries, import_stream, refusal
from kbsync.git.trees import read_blobs

_ABSENT = "0" * 40
OWN = "refs/kbsync"
_FALLBACK_IDENTITY = "kbsync <kbsync@localhost>"
_IDENTITY = re.compile(r"(.*<[^<>\n]*>) \d+ [+-]\d{4}")


class RefMoved(GitError):
    """A ref is not where it was expected: somebody else moved it meanwhile."""


def known_refs(runner: Runner) -> dict[str, str]:
    """Return the commits of all refs of this clone that are kbsync's own."""
    said = runner.run("for-each-ref", "--format=%(objectname) %(refname)", f"{OWN}*/**")
    lines = (line.partition(" ") for line in said.decode("utf-8", "surrogateescape").splitlines())
    return {name: commit for commit, _, name in lines}


def ref_commit(runner: Runner, ref: str) -> str | None:
    """Return the commit at a ref; None where there is none."""
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
    """Return whether one commit is an ancestor of another, as far as this clone knows."""
    return runner.attempt("merge-base", "--is-ancestor", old, new).status == 0


def identity(runner: Runner) -> str:
    """Return the name and address that git commits under here."""
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
    """Return the commits of some refs on a remote, None where its listing lacks one, and fetch those not had yet.

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
    """Return the commits of some refs on a remote, and fetch those that are not among the commits `had` already.

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
    """Return a remote's name, or an address, as a part of a ref."""
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
