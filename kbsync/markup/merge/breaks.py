"""Keeps the line breaks and comments of an author's paragraph in a new version of it, where its words stay.

Words are compared, and what stands between two of them is written as before. Never changes a word; the caller checks
what the result renders to.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kbsync.markup.align import matching_blocks

_WORD = re.compile(r"(?<!\\)\\(?=\n)| {2,}(?=\n)|(?:(?!(?<!\\)\\\n)\S)+")
_HARD_BREAK = "\n"
_NEW_LINE = re.compile(r"\n[ \t>]*")
_LAST_NEW_LINE = re.compile(r"\n[ \t>]*\Z")
_SENTENCE_END = re.compile(r"""[^\s]*[.!?…:;。！？][)\]"'”’»*_]*""")
# What begins another block, or a line that is no text, at the start of a line.
_BLOCK_START = re.compile(r"(?:[-+*]|\d{1,9}[.)]|#{1,6}|=+|-+|(?:>|[~`]{3}|\||[<{:]|\[\^|\$\$).*)")
_USUAL_WIDTH = 80
_OVERFLOW = 1.25
"""How much longer than the longest line of before, or the usual width, a line with new words may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenText:
    """A paragraph as its author broke it: its lines, the prefix of each, and its comments."""

    lines: Sequence[str]
    prefixes: Sequence[str]
    comments: Collection[str]


def keep_breaks(new: str, old: BrokenText, indent: str) -> str:
    """Return a text with the breaks and comments of an older one; `indent` is the prefix of each line but the first."""
    words, gaps = _words(new, ())
    gaps = [gap.replace("\n", "\n" + indent) for gap in gaps]
    known, before = _words("\n".join(old.lines), old.comments)
    places = {-1: -1, len(known): len(words)}
    for i, k, size in matching_blocks([_key(word) for word in known], [_key(word) for word in words]):
        places |= {i + step: k + step for step in range(size)}
    stay = {place: known[at] for at, place in places.items() if 0 <= at < len(known)}
    text = _Gaps(words, gaps, added=[at for at in range(len(words)) if at not in stay])
    last_words = [line.split()[-1] for line in old.lines[:-1] if line.strip()]
    has_sentences = bool(last_words) and all(map(_SENTENCE_END.fullmatch, last_words))
    prefixes = iter(old.prefixes[1:])
    order = sorted(places)
    for at, gap in enumerate(before):
        raw = _NEW_LINE.sub(lambda found: "\n" + next(prefixes) + found[0][1:], gap)
        if raw.strip(" "):
            is_doubled = has_sentences and not raw.strip("\n >")
            for place in _places(at, places, order, is_doubled=is_doubled):
                text.keep(place, raw, is_safe=places.get(at) == place)
    if has_sentences:
        text.break_sentences(indent)
    elif last_words:
        text.wrap(max(_USUAL_WIDTH, *map(len, old.lines)), indent)
    return "".join(gap + stay.get(at, word) for at, (gap, word) in enumerate(zip(gaps, [*words, ""], strict=True)))


class _Gaps:
    """The words of a text, of which some were added, and what stands before each, and after the last."""

    def __init__(self, words: Sequence[str], gaps: list[str], added: Sequence[int]) -> None:
        self._words = words
        self._gaps = gaps
        self._added = added
        self._kept: set[int] = set()

    def keep(self, at: int, raw: str, *, is_safe: bool) -> None:
        """Write what stood between two words of the older text before this one; the first on a line may be unsafe."""
        own = self._gaps[at]
        raw = raw.lstrip("\n >") if not at else _LAST_NEW_LINE.sub("", raw) if at == len(self._words) else raw
        word, above = next(iter(self._words[at : at + 1]), ""), self._words[at - 1] if at else ""
        is_unsafe = _is_hard(word) or (not is_safe and _BLOCK_START.fullmatch(word) is not None)
        if at in self._kept or (_is_hard(above) and "\n" not in raw):
            raw = own + _NEW_LINE.sub(" ", raw) if raw.strip("\n >") else own
        elif is_unsafe:
            raw = _LAST_NEW_LINE.sub(" ", raw)
        elif own and not {" ", "\n"} & set(raw):
            raw += " "
        self._gaps[at] = raw
        self._kept.add(at)

    def break_sentences(self, indent: str) -> None:
        """Break the lines after added sentences."""
        for at in {at for added in self._added for at in (added, added + 1) if 0 < at < len(self._words)}:
            if _SENTENCE_END.fullmatch(self._words[at - 1]) and self._gaps[at] == " ":
                self.keep(at, "\n" + indent, is_safe=False)

    def wrap(self, width: int, indent: str) -> None:
        """Break the lines with added words that became much longer than a width."""
        added = set(self._added)
        for line in list(self._lines()):
            length = sum(len(self._gaps[at]) * (at != line[0]) + len(self._words[at]) for at in line)
            if length <= width * _OVERFLOW or added.isdisjoint(line):
                continue
            used = len(self._words[line[0]])
            for at in line[1:]:
                used += len(self._gaps[at]) + len(self._words[at])
                if used > width and self._gaps[at] == " " and not _BLOCK_START.fullmatch(self._words[at]):
                    self._gaps[at] = "\n" + indent
                    used = len(self._words[at])

    def _lines(self) -> Iterator[list[int]]:
        line: list[int] = []
        for at in range(len(self._words)):
            if "\n" in self._gaps[at] and line:
                yield line
                line = []
            line.append(at)
        if line:
            yield line


def _words(text: str, comments: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the words of a text, hard breaks among them, and what stands before each and after the last."""
    masked = text
    for comment in comments:
        masked = masked.replace(comment, re.sub(r"[^\n]", "\t", comment))
    found = list(_WORD.finditer(masked))
    ends = [0, *(one.end() for one in found)]
    starts = [*(one.start() for one in found), len(text)]
    return [one[0] for one in found], [text[end:start] for end, start in zip(ends, starts, strict=True)]


def _key(word: str) -> str:
    return _HARD_BREAK if _is_hard(word) else word


def _is_hard(word: str) -> bool:
    return word == "\\" or word.isspace()


def _places(at: int, places: Mapping[int, int], order: Sequence[int], *, is_doubled: bool) -> list[int]:
    """Return before which new words a gap of the older text stands: below the same word, or above the same."""
    above, below = places.get(at - 1), places.get(at)
    if below is not None and (above is None or at == order[-1]):
        return [below]
    if above is not None:
        return sorted({above + 1, below if is_doubled and below is not None else above + 1})
    number = bisect_left(order, at)
    first, last = order[number - 1], order[number]
    return [places[first] + 1 + round((at - first - 1) * (places[last] - places[first] - 1) / (last - first - 1))]
