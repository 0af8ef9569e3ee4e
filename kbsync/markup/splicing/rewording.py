"""New words in the HTML of a block, whose tags stay: what a writer changed in a sentence is seldom its fonts.

It proposes and never judges: whether a proposal shows what it should is told by whoever asked. Pure.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from kbsync.markup.splicing.pairing import matching

_TOKEN = re.compile(
    r"""(?P<tag><!--.*?-->|</?[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>)"""
    r"|(?P<space>(?:[ \t\r\n\f\u00a0]|&nbsp;)+)|&(?:\#\w+|\w+);?|[^\W_]+|.",
    re.DOTALL,
)
_OPENING = re.compile(r"<[A-Za-z][^<>]*>$")
_CLOSING = re.compile(r"</[A-Za-z][^<>]*>")
_SEEN = re.compile(r"<(br|img|iframe|input|hr)\b", re.IGNORECASE)
_ALIKE = 0.5
"""What share of the words must stay; with less, a block is another one, and is rendered anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reworded:
    """A proposal, and how many characters of the live text it holds."""

    html: str
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    key: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.key.isalnum()


def reworded(live: str, wanted: str) -> Iterator[Reworded]:
    """Propose texts that keep the tags of `live` and say the words of `wanted`, the likeliest first."""
    ours, theirs = _words(live), _words(wanted)
    shared = matching([word.key for word in ours], [word.key for word in theirs])
    stay = sum(ours[at].is_word for i, _, size in shared for at in range(i, i + size))
    edits = _edits(shared)
    if not ours or not edits or stay < _ALIKE * max(sum(word.is_word for word in side) for side in (ours, theirs)):
        return
    proposed: set[str] = set()
    # White space may differ where it shows nothing, as between two blocks.
    wordy = [(i, j, k, m) for i, j, k, m in edits if any(word.key != " " for word in (*ours[i:j], *theirs[k:m]))]
    for some, tagged, late in product((wordy, edits), (False, True), (False, True)):
        proposal = _edited(live, list(_changes(ours, theirs, wanted, some, late=late, tagged=tagged)))
        if some and proposal.html not in proposed:
            proposed.add(proposal.html)
            yield proposal


def _edits(shared: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Give the stretches between those that are shared: from where to where in either row."""
    out = []
    i = k = 0
    for first, second, size in shared:
        if (i, k) != (first, second):
            out.append((i, first, k, second))
        i, k = first + size, second + size
    return out


def _words(text: str) -> list[_Word]:
    out: list[_Word] = []
    for found in _TOKEN.finditer(text):
        seen = _SEEN.match(found[0]) if found["tag"] else None
        if found["tag"] and not seen:
            continue
        key = " " if found["space"] else f"<{seen[1].lower()}>" if seen else html.unescape(found[0])
        start = found.start()
        if out and out[-1].end == start and out[-1].is_word and key.isalnum():
            # A letter that is written as an entity.
            key, start = out[-1].key + key, out.pop().start
        if key != " " or not out or out[-1].key != " ":
            out.append(_Word(key=key, start=start, end=found.end()))
    # White space at the edges of a block shows nothing.
    first, last = next(iter(out), None), next(reversed(out), None)
    return [word for word in out if word.key != " " or (word is not first and word is not last)]


def _changes(
    ours: Sequence[_Word],
    theirs: Sequence[_Word],
    wanted: str,
    edits: Sequence[tuple[int, int, int, int]],
    *,
    late: bool,
    tagged: bool,
) -> Iterator[tuple[int, int, str]]:
    """Name the stretches that go and what comes; `late` puts new words behind tags, `tagged` takes their own along."""
    for i, j, k, m in edits:
        new = _source(wanted, theirs[k:m], tagged=tagged)
        if i == j:
            at = ours[i].start if i < len(ours) and (late or i == 0) else ours[i - 1].end
            yield at, at, new
        for word in ours[i:j]:
            yield word.start, word.end, new
            new = ""


def _source(wanted: str, words: Sequence[_Word], *, tagged: bool) -> str:
    """Give words as they are written, with the tags right around them or without any."""
    if not words:
        return ""
    start, end = words[0].start, words[-1].end
    if not tagged:
        return "".join(wanted[word.start : word.end] for word in words)
    while opening := _OPENING.search(wanted, 0, start):
        start = opening.start()
    while closing := _CLOSING.match(wanted, end):
        end = closing.end()
    return wanted[start:end]


def _edited(live: str, changes: Sequence[tuple[int, int, str]]) -> Reworded:
    out: list[str] = []
    at = kept = 0
    for start, end, new in changes:
        out += [live[at:start], new]
        kept += start - at
        at = end
    return Reworded(html="".join(out) + live[at:], kept=kept + len(live) - at)
