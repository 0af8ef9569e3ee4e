"""Comments that ignore warnings: `<!-- kbsync: ignore KB306 -->` for a line or a block, `ignore-file` for a file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kbsync.errors import Problem
from kbsync.markup.links import block_after, code_ranges
from kbsync.rules import is_selected, selector_error

_HINT = "kbsync:"
_COMMENT = re.compile(r"<!--\s*kbsync:\s*(?P<what>ignore(?:-file)?)(?P<codes>(?:[\s,]++(?!-->)[^\s,<>]++)*+)\s*+-->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """What one comment ignores: codes, or beginnings of codes, on lines of one file; on all where `lines` is None."""

    codes: tuple[str, ...]
    lines: range | None

    def covers(self, problem: Problem) -> bool:
        """Return whether the comment is about this problem, and may ignore it."""
        is_there = self.lines is None or problem.line in self.lines
        return is_there and not is_selected(problem.code, ignore=self.codes)


def read_ignores(text: str, *, path: str, line: int) -> tuple[tuple[Ignored, ...], tuple[Problem, ...]]:
    """Read the comments of Markdown that begins on a `line` of its file, and the problems of the comments."""
    if _HINT not in text:
        return (), ()
    code = code_ranges(text)
    comments = [one for one in _COMMENT.finditer(text) if not any(start <= one.start() < end for start, end in code)]
    ignored = tuple(_ignored(text, comment, line) for comment in comments)
    return ignored, tuple(problem for comment in comments for problem in _problems(text, comment, path, line))


def _ignored(text: str, comment: re.Match[str], line: int) -> Ignored:
    codes = tuple(code for code in _codes(comment) if not selector_error(code, ignoring=True))
    if comment["what"] == "ignore-file":
        return Ignored(codes=codes, lines=None)
    first, last = (text.count("\n", 0, at) for at in comment.span())
    start, end = text.rfind("\n", 0, comment.start()) + 1, text.find("\n", comment.end())
    beside = text[start : comment.start()] + text[comment.end() : end if end >= 0 else None]
    rows = range(first, last + 1) if beside.strip(" \t>*+-.)0123456789") else block_after(text, last)
    return Ignored(codes=codes, lines=range(rows.start + line, rows.stop + line))


def _problems(text: str, comment: re.Match[str], path: str, line: int) -> Iterator[Problem]:
    row = text.count("\n", 0, comment.start())
    column = comment.start() - text.rfind("\n", 0, comment.start())
    errors = [error for code in _codes(comment) if (error := selector_error(code, ignoring=True))]
    if not _codes(comment):
        errors = [("the comment names no rule to ignore", "write its code: `<!-- kbsync: ignore KB306 -->`")]
    for what, advice in errors:
        yield Problem(code="KB104", path=path, line=line + row, column=column, message=what, advice=advice)


def _codes(comment: re.Match[str]) -> list[str]:
    return re.findall(r"[^\s,]+", comment["codes"])
