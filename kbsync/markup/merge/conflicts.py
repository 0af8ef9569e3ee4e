"""Git's conflict markers: written around the differences of two texts, found in a text, and resolved to either side.

Text in, text out: it never parses Markdown, and never decides for a side.
"""

import re
from collections.abc import Iterator, Sequence

from kbsync.markup.align import opcodes

OURS_MARKER = "<<<<<<< yours"
SEPARATOR = "======="
THEIRS_MARKER = ">>>>>>> portal"
MARKERS = (OURS_MARKER, SEPARATOR, THEIRS_MARKER)

_MIN_LENGTH = 7
_BEGIN, _END = "<" * _MIN_LENGTH, ">" * _MIN_LENGTH
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})(.*)")


def find_conflicts(text: str) -> tuple[int, ...]:
    """Return the lines, from 1, on which an unresolved conflict begins.

    A complete one counts anywhere but in fenced code, where pages about git show them. So do kbsync's own markers when
    only some of them were removed.
    """
    if _BEGIN not in text and _END not in text:
        return ()
    lines = _without_fenced_code([line.removesuffix("\r") for line in text.split("\n")])
    return tuple(sorted({*_complete_conflicts(lines), *_kbsync_markers(lines)}))


def mark_conflicts(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Return the lines of a text with markers around those in which its two versions differ."""
    lines: list[str] = []
    for tag, a, b, c, d in opcodes(ours, theirs):
        lines += ours[a:b] if tag == "equal" else [OURS_MARKER, *ours[a:b], SEPARATOR, *theirs[c:d], THEIRS_MARKER]
    return lines


def resolve_to_sides(text: str, markers: tuple[str, str, str] = MARKERS) -> tuple[str, str]:
    """Resolve every conflict between such markers in a text to either side, and return both texts: ours, theirs."""
    begin, middle, end = markers
    ours: list[str] = []
    theirs: list[str] = []
    to: tuple[list[str], ...] = (ours, theirs)
    for line in text.split("\n"):
        match line:
            case str() if line == begin:
                to = (ours,)
            case str() if line == middle and to == (ours,) and to[0] is ours:
                to = (theirs,)
            case str() if line == end:
                to = (ours, theirs)
            case _:
                for side in to:
                    side.append(line)
    return "\n".join(ours), "\n".join(theirs)


def _complete_conflicts(lines: Sequence[str]) -> Iterator[int]:
    start, size, is_separated = 0, 0, False
    for number, line in enumerate(lines, 1):
        if length := _marker_length(line, "<"):
            start, size, is_separated = number, length, False
        elif start and line == "=" * size:
            is_separated = True
        elif start and is_separated and _marker_length(line, ">") == size:
            yield start
            start = 0


def _kbsync_markers(lines: Sequence[str]) -> Iterator[int]:
    is_open = False
    for number, line in enumerate(lines, 1):
        if line == OURS_MARKER:
            yield number
            is_open = True
        elif line == THEIRS_MARKER:
            if not is_open:
                yield number
            is_open = False


def _marker_length(line: str, character: str) -> int:
    """Return the length of a marker, or 0; git writes longer ones in some merges."""
    length = len(line) - len(line.lstrip(character))
    return length if length >= _MIN_LENGTH and line[length : length + 1] in {"", " "} else 0


def _without_fenced_code(lines: Sequence[str]) -> list[str]:
    """Return the lines with those of fenced code emptied."""
    kept: list[str] = []
    fence = ""
    for line in lines:
        found = _FENCE.fullmatch(line)
        is_code = bool(fence)
        if found and not fence and not (found[1][0] == "`" and "`" in found[2]):
            fence = found[1]
        elif found and fence and found[1][0] == fence[0] and len(found[1]) >= len(fence) and not found[2].strip():
            fence = ""
        kept.append("" if is_code else line)
    return kept
