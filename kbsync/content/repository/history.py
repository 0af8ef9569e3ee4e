"""What was committed when: the log of a ref, some files of some commits, and what two commits differ in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kbsync.content.repository.objects import answers, entries
from kbsync.content.repository.refs import check_path, ref_commit
from kbsync.content.repository.runner import Runner

_FORMAT = "%H%n%P%n%an%n%aI%n%B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit; `at` is when its author made it (ISO 8601, with its offset)."""

    id: str
    parents: tuple[str, ...]
    message: str
    author: str
    at: str


def log(runner: Runner, name: str, *, limit: int | None) -> tuple[Commit, ...]:
    """Tell of a ref or commit and of what came before it, newest first; nothing where there is none."""
    start = ref_commit(runner, name)
    if start is None:
        return ()
    few = () if limit is None else (f"--max-count={limit}",)
    said = runner.run(
        *("log", "-z", f"--format={_FORMAT}", "--encoding=UTF-8", "--no-show-signature", "--no-color", "--topo-order"),
        *few,
        start,
    )
    return tuple(_commit(part) for part in said.decode("utf-8", "replace").split("\0") if part)


def read_each(runner: Runner, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """Read files by commit and path, in one go; those that are not there are left out."""
    if not wanted:
        return {}
    found = answers(runner.run("cat-file", "--batch", stdin=_asked(wanted)))
    return {name: data for name, (_, data) in zip(wanted, found, strict=True) if data is not None}


def file_ids(runner: Runner, wanted: Sequence[tuple[str, str]]) -> list[str | None]:
    """Give git's names of files by commit and path, in one go, in the order asked for; None for those not there."""
    said = runner.run("cat-file", "--batch-check=%(objectname)", stdin=_asked(wanted)).decode("utf-8", "replace")
    return [None if line.endswith(" missing") else line for line in said.splitlines()]


def changed_between(runner: Runner, old: str | None, new: str) -> tuple[str, ...]:
    """Name the files that differ between two commits, sorted; all of the new one where there is no old one."""
    if old is None:
        listing = runner.run("ls-tree", "-r", "-z", "--full-tree", new)
        return tuple(sorted(entry.name for entry in entries(listing)))
    return tuple(sorted(_differing(runner, old, new)))


def touches(runner: Runner, old: str, new: str, directories: Sequence[str]) -> bool:
    """Tell whether a commit that is in the history of one and not in that of another touched some directories.

    What a later commit took back counts too. Where this clone lacks the history nobody can say, and it is taken as so.
    """
    options = ("rev-list", "--max-count=1", "--full-history")
    said = runner.attempt(*options, new, f"^{old}", "--", *directories)
    return said.status != 0 or bool(said.out.strip())


def _asked(wanted: Sequence[tuple[str, str]]) -> bytes:
    for _, path in wanted:
        check_path(path)
    return "".join(f"{commit}:{path}\n" for commit, path in wanted).encode("utf-8", "surrogateescape")


def _differing(runner: Runner, old: str, new: str) -> Iterator[str]:
    said = runner.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", old, new)
    yield from (name for name in said.decode("utf-8", "surrogateescape").split("\0") if name)


def _commit(said: str) -> Commit:
    made, parents, author, at, message = said.split("\n", 4)
    return Commit(id=made, parents=tuple(parents.split()), message=message.strip("\n"), author=author, at=at)
