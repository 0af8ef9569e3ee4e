"""Which parts of a Markdown text are code, where every character stands for itself, and what is a paragraph alone.

Offsets into the text as it stands, so that it can be changed without being written anew.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator

from kbsync.markup.dialect import parser

_PARSER = parser()
_TICKS = re.compile("`+")
_STEP = re.compile(
    r"\\.|(?P<ticks>`+)|(?P<comment><!--)|<(?P<raw>pre|code|script|style)\b(?P<attributes>[^<>]*)>|</?[A-Za-z][^<>]*>",
    re.DOTALL | re.IGNORECASE,
)
_CALLOUT = "fd-callout"


def code_ranges(markdown: str) -> tuple[tuple[int, int], ...]:
    """Give the offsets of all code, in order: fenced and indented blocks, spans, and what raw HTML marks as code."""
    starts = _line_starts(markdown)
    found: set[tuple[int, int]] = set()
    looked: set[tuple[int, int]] = set()
    for token in _PARSER.parse(markdown):
        if token.map is None or token.type not in ("fence", "code_block", "inline", "html_block"):
            continue
        first, last = (starts[min(line, len(starts) - 1)] for line in token.map)
        if token.type in ("fence", "code_block"):
            found.add((first, last))
        elif (first, last) not in looked:
            looked.add((first, last))
            found.update(_spans(markdown, first, last, ticks=token.type == "inline"))
    return tuple(sorted(found))


def is_one_paragraph(markdown: str) -> bool:
    """Whether a text is one paragraph and nothing else, or nothing at all."""
    kinds = [token.type for token in _PARSER.parse(markdown)]
    return kinds in ([], ["paragraph_open", "inline", "paragraph_close"])


def _line_starts(text: str) -> list[int]:
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    return [*starts, len(text)]


def _spans(text: str, start: int, end: int, *, ticks: bool) -> Iterator[tuple[int, int]]:
    """Walk the code of one stretch of inline text, or of raw HTML, where `ticks` mean nothing."""
    runs: dict[int, list[int]] = {}
    for run in _TICKS.finditer(text, start, end) if ticks else ():
        runs.setdefault(len(run[0]), []).append(run.start())
    at, is_closed = start, True
    while found := _STEP.search(text, at, end):
        at = found.end()
        if found["ticks"]:
            places = runs.get(len(found["ticks"]), [])
            after = bisect_left(places, at)
            if after < len(places):
                at = places[after] + len(found["ticks"])
                yield found.start(), at
        elif found["comment"] and is_closed:
            closing = text.find("-->", at, end)
            is_closed = closing >= 0
            at = closing + 3 if is_closed else at
        elif found["raw"] and _CALLOUT not in found["attributes"]:
            closer = re.compile(rf"</{found['raw']}\s*>", re.IGNORECASE).search(text, at, end)
            at = closer.end() if closer else end
            yield found.start(), at
