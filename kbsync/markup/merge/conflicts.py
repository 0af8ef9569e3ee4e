"""Git's conflict markers in a text: how they are written, and where a text still has some. Text in, text out."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

OURS_MARKER = "<<<<<<< yours"
BETWEEN = "======="
PORTAL = ">>>>>>> portal"

_SHORTEST = 7
_BEGIN, _END = "<" * _SHORTEST, ">" * _SHORTEST
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})(.*)")


def find_conflicts(text: str) -> tuple[int, ...]:
    """Return the lines, from 1, on which a conflict begins that nobody has solved.

    A whole one counts wherever it stands but in fenced code, where pages about git show them. So does what is left of
    ours when only some of its lines were taken away.
    """
    if _BEGIN not in text and _END not in text:
        return ()
    lines = _without_fences([line.removesuffix("\r") for line in text.split("\n")])
    return tuple(sorted({*_whole(lines), *_ours(lines)}))


def mark_conflicts(mine: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Return the lines of a text with markers around those in which two versions of it differ."""
    lines: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        lines += mine[a:b] if tag == "equal" else [OURS_MARKER, *mine[a:b], BETWEEN, *theirs[c:d], PORTAL]
    return lines


def resolve_to_sides(text: str) -> tuple[str, str]:
    """Solve every conflict of ours in a text, once in favour of either side: mine, theirs."""
    mine: list[str] = []
    theirs: list[str] = []
    to: tuple[list[str], ...] = (mine, theirs)
    for line in text.split("\n"):
        match line:
            case str() if line == OURS_MARKER:
                to = (mine,)
            case str() if line == BETWEEN and to == (mine,) and to[0] is mine:
                to = (theirs,)
            case str() if line == PORTAL:
                to = (mine, theirs)
            case _:
                for side in to:
                    side.append(line)
    return "\n".join(mine), "\n".join(theirs)


def _whole(lines: Sequence[str]) -> Iterator[int]:
    begun, size, is_parted = 0, 0, False
    for number, line in enumerate(lines, 1):
        if length := _mark(line, "<"):
            begun, size, is_parted = number, length, False
        elif begun and line == "=" * size:
            is_parted = True
        elif begun and is_parted and _mark(line, ">") == size:
            yield begun
            begun = 0


def _ours(lines: Sequence[str]) -> Iterator[int]:
    is_open = False
    for number, line in enumerate(lines, 1):
        if line == OURS_MARKER:
            yield number
            is_open = True
        elif line == PORTAL:
            if not is_open:
                yield number
            is_open = False


def _mark(line: str, character: str) -> int:
    """Return the length of a mark, or 0: git writes longer ones where both sides renamed a file, and merges in merges."""
    length = len(line) - len(line.lstrip(character))
    return length if length >= _SHORTEST and line[length : length + 1] in {"", " "} else 0


def _without_fences(lines: Sequence[str]) -> list[str]:
    """Empty the lines of fenced code."""
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
