"""Commits and how they follow one another: their log, what they hold and change, and what a shallow clone lacks."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsync.errors import GitError
from kbsync.git.objects import parse_batch
from kbsync.git.process import Runner, git_error
from kbsync.git.refs import check_path

LOG_FORMAT = "%H%n%P%n%an%n%aI%n%B"
_UNSHALLOW = ("fetch", "--unshallow", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")


_PATHS_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit; `at` is when its author made it (ISO 8601, with its offset)."""

    id: str
    parents: tuple[str, ...]
    message: str
    author: str
    at: str


def parse_log(output: bytes) -> tuple[Commit, ...]:
    """Parse what `git log -z --format=LOG_FORMAT` wrote."""
    parts = (part.split("\n", 4) for part in output.decode("utf-8", "replace").split("\0") if part)
    return tuple(
        Commit(id=made, parents=tuple(parents.split()), message=message.strip("\n"), author=author, at=at)
        for made, parents, author, at, message in parts
    )


def is_ancestor(runner: Runner, old: str, new: str) -> bool:
    """Return whether one commit is an ancestor of another, as far as this clone knows."""
    return runner.attempt("merge-base", "--is-ancestor", "--end-of-options", old, new).status == 0


def is_shallow(runner: Runner) -> bool:
    """Return whether the clone lacks history."""
    return runner.line("rev-parse", "--is-shallow-repository") == "true"


def fetch_history(runner: Runner, commit: str, remote: str, *, without: str) -> None:
    """Fetch what came before a commit, `without` trees (`tree:0`) or files (`blob:none`), which git fetches on demand.

    Raises:
        UsageError: the clone has no such remote.
        GitError: it could not be fetched.
    """
    runner.check_remote(remote)
    # A server may refuse to be asked for a commit by its id; then its branches are what there is to ask for.
    result = runner.attempt(*_UNSHALLOW, f"--filter={without}", "--", remote, commit)
    if result.status and is_shallow(runner):
        result = runner.attempt(*_UNSHALLOW, f"--filter={without}", "--", remote)
    if result.status:
        what = f"this clone is shallow, and its history could not be fetched from `{remote}`"
        raise GitError(str(git_error(result, what)), advice="set `fetch-depth: 0`, or run `git fetch --unshallow`")
    runner.expect_partial()


def read_each(runner: Runner, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """Read files by commit and path with one command; files that are not there are left out."""
    if not wanted:
        return {}
    found = parse_batch(runner.run("cat-file", "--batch", stdin=_asked(wanted)))
    return {name: data for name, (_, data) in zip(wanted, found, strict=True) if data is not None}


def file_ids(runner: Runner, wanted: Sequence[tuple[str, str]]) -> list[str | None]:
    """Return the blob ids of files by commit and path, in the order asked for; None for a file that is not there."""
    said = runner.run("cat-file", "--batch-check=%(objectname)", stdin=_asked(wanted)).decode("utf-8", "replace")
    return [None if line.endswith(" missing") else line for line in said.splitlines()]


def changed_between(runner: Runner, old: str, new: str) -> tuple[str, ...]:
    """Return the files that differ between two commits, sorted."""
    said = runner.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", old, new)
    return tuple(sorted(name for name in said.decode("utf-8", "surrogateescape").split("\0") if name))


def past_blobs(runner: Runner, commit: str, paths: Sequence[str]) -> dict[str, set[str]]:
    """Return the blob ids that some files under the root had on a branch, as far as the clone goes back.

    Only the branch itself counts, not what was merged into it: a file that a pull request adds and removes again was
    never on it. A directory stands for all files in it.
    """
    options = ("--first-parent", "-m", "--format=", "--raw", "-z", "--no-abbrev", "--no-renames", "--relative")
    found: dict[str, set[str]] = {}
    for start in range(0, len(paths), _PATHS_AT_ONCE):
        named = paths[start : start + _PATHS_AT_ONCE]
        fields = runner.run("log", *options, commit, "--", *named).decode("utf-8", "surrogateescape").split("\0")
        for row, path in zip(fields[::2], fields[1::2], strict=False):
            _, _, old, new, _ = row.split()
            found.setdefault(path, set()).update({old, new})
    return found


def _asked(wanted: Sequence[tuple[str, str]]) -> bytes:
    for _, path in wanted:
        check_path(path)
    return "".join(f"{commit}:{path}\n" for commit, path in wanted).encode("utf-8", "surrogateescape")
