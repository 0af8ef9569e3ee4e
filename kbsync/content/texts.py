"""The bytes of a file as text, or the reason why they are none."""

import re

from kbsync.content.frame import line_at
from kbsync.errors import ContentError, Problem

_CONFLICT = tuple(re.compile(mark, re.MULTILINE) for mark in (r"^<{7} ", r"^={7}\r?$", r"^>{7} "))


def text_of(data: bytes, path: str) -> str:
    """Decode a file.

    Raises:
        ContentError: it is no UTF-8, holds a NUL, or the markers of a merge that was not finished; with the line.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ContentError((Problem(path=path, line=line, what="is not UTF-8", advice="save it as UTF-8"),)) from None
    if "\0" in text:
        line = line_at(text, text.index("\0"))
        raise ContentError((Problem(path=path, line=line, what="holds a NUL character", advice="is it a text file?"),))
    conflict = _conflict(text)
    if conflict is not None:
        line = line_at(text, conflict)
        what, advice = "holds the markers of a merge that was not finished", "resolve the conflict and take them out"
        raise ContentError((Problem(path=path, line=line, what=what, advice=advice),))
    return text


def _conflict(text: str) -> int | None:
    """Give the offset of the first mark of a conflict, where the other two follow it."""
    marks: list[int] = []
    for mark in _CONFLICT:
        found = mark.search(text, marks[-1] if marks else 0)
        if found is None:
            return None
        marks.append(found.start())
    return marks[0]
