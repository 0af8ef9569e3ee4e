"""Reads cases from data files: a title, then input, change and expected text, each closed by a line with one dot."""

from dataclasses import dataclass
from pathlib import Path

from kbsync.errors import Problem

HERE = Path(__file__).parent


def shown(problem: Problem) -> str:
    """Return a problem without its column, its code and its severity."""
    where = f"{problem.path}:{problem.line}" if problem.line else problem.path
    return f"{where}: {problem.message}" + (f" ({problem.advice})" if problem.advice else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: its title and its parts."""

    title: str
    parts: tuple[str, ...]


def cases(name: str, *, parts: int) -> list[Case]:
    """Read the cases of a data file."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines(keepends=True)
    found: list[Case] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        title = lines[at].strip()
        assert lines[at + 1] == ".\n", title
        at += 2
        texts = []
        for _ in range(parts):
            end = lines.index(".\n", at)
            texts.append("".join(lines[at:end]))
            at = end + 1
        found.append(Case(title=title, parts=tuple(texts)))
    return found
