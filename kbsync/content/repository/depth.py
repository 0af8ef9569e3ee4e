"""How far back the history of this clone goes, and fetching more of it: commits first, what they hold on demand."""

import re
from collections.abc import Collection
from pathlib import Path

from kbsync.content.repository.runner import Runner, refusal
from kbsync.errors import GitError

_MANY = 2
_PROMISES = re.compile(r"remote\..+\.promisor", re.DOTALL)
_QUIETLY = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
_OBJECTS = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", *_QUIETLY, "--filter=blob:none")
_OPTIONS = ("fetch", "--unshallow", *_QUIETLY)


def is_shallow(runner: Runner) -> bool:
    """Tell whether this clone lacks history."""
    return runner.line("rev-parse", "--is-shallow-repository") == "true"


def is_cut_off(runner: Runner, git_folder: Path, commit: str) -> bool:
    """Tell whether the history of a commit ends where the clone does; that of the ledger is whole even then."""
    shallow = git_folder / "shallow"
    ends = runner.attempt("rev-list", "--max-parents=0", "--end-of-options", commit).out.decode().split()
    return shallow.is_file() and not set(ends).isdisjoint(shallow.read_text().split())


def fetch_history(runner: Runner, commit: str, remote: str, *, without: str) -> None:
    """Fetch what came before a commit, `without` trees (`tree:0`) or files (`blob:none`), which git fetches on demand.

    Raises:
        GitError: it could not be fetched.
    """
    # A server may refuse to be asked for a commit by its id; then its branches are what there is to ask for.
    answer = runner.attempt(*_OPTIONS, f"--filter={without}", "--", remote, commit)
    if answer.status and is_shallow(runner):
        answer = runner.attempt(*_OPTIONS, f"--filter={without}", "--", remote)
    if answer.status:
        what = f"this clone is shallow, and its history could not be fetched from `{remote}`"
        raise GitError(str(refusal(answer, what)), advice="fetch with depth 0, or run `git fetch --unshallow`")


def fill_in(runner: Runner, tree: str, wanted: Collection[str]) -> None:
    """Fetch at once what a partial clone lacks of a tree's files, which git would fetch one by one when they are read.

    What cannot be fetched here is for the reading to tell.
    """
    remote = next((name for name, value in runner.config.items() if _PROMISES.fullmatch(name) and value == "true"), "")
    if not remote or len(wanted) < _MANY:
        return
    said = runner.attempt("rev-list", "--objects", "--no-object-names", "--no-walk", "--missing=print", tree).out
    absent = {line[1:] for line in said.decode("ascii", "replace").splitlines() if line.startswith("?")}
    lacking = absent.intersection(wanted)
    if len(lacking) >= _MANY:
        asked = "".join(f"{blob}\n" for blob in sorted(lacking)).encode()
        name = remote.removeprefix("remote.").removesuffix(".promisor")
        runner.attempt(*_OBJECTS, "--stdin", "--", name, stdin=asked)
