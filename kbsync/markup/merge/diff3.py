"""Compares three sequences of blocks: what each of two changed of their base, and where the two changes overlap.

Pure, on the blocks' keys alone. Changes that are only adjacent do not overlap: a block is the smallest unit here. Git's
conflict markers are here too: written around differences, found in a text, and resolved to either side.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kbsync.markup.align import align, count_words, opcodes, similarity

_MIN_SIMILARITY = 0.4
"""The share of their words that two blocks must have in common to be versions of one another."""


class ChunkSide(StrEnum):
    """The version that a chunk of the result comes from."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some blocks of the result: those of `ours`, those of `theirs`, or both where both changed them differently."""

    side: ChunkSide
    ours: range
    theirs: range


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hunk:
    """Blocks of the base, and the blocks that one version has in their place."""

    base: range
    other: range

    @property
    def growth(self) -> int:
        return len(self.other) - len(self.base)


def merge_chunks(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> tuple[Chunk, ...]:
    """Merge two versions of one base."""
    return tuple(_trim_common(_merge(base, ours, theirs), ours, theirs))


def compare_chunks(ours: Sequence[str], theirs: Sequence[str]) -> tuple[Chunk, ...]:
    """Compare two versions without a base: wherever they differ, both count."""
    found: list[Chunk] = []
    at = 0
    for hunk in _hunks(ours, theirs):
        found.append(_kept(range(at, hunk.base.start)))
        found.append(Chunk(side=ChunkSide.BOTH, ours=hunk.base, theirs=hunk.other))
        at = hunk.base.stop
    return tuple(chunk for chunk in (*found, _kept(range(at, len(ours)))) if chunk.ours or chunk.theirs)


def match_versions(one: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """Return which blocks of two sequences are the same or two versions of one block."""
    found: dict[int, int] = {}
    at = growth = 0
    for hunk in _hunks(one, other):
        found.update({number: number + growth for number in range(at, hunk.base.start)})
        if len(hunk.base) == len(hunk.other) == 1:
            found[hunk.base.start] = hunk.other.start
        at, growth = hunk.base.stop, growth + hunk.growth
    return {**found, **{number: number + growth for number in range(at, len(one))}}


def _kept(ours: range) -> Chunk:
    return Chunk(side=ChunkSide.OURS, ours=ours, theirs=range(0))


def _merge(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[Chunk]:
    done = 0
    shifts = [0, 0]
    for covered, hunks in _group_overlapping(_hunks(base, ours), _hunks(base, theirs)):
        grown = [shift + sum(hunk.growth for hunk in side) for shift, side in zip(shifts, hunks, strict=True)]
        own, other = (range(covered.start + shifts[side], covered.stop + grown[side]) for side in (0, 1))
        yield _kept(range(done, own.start))
        is_same = [ours[at] for at in own] == [theirs[at] for at in other]
        side = ChunkSide.OURS if is_same or not hunks[1] else ChunkSide.BOTH if hunks[0] else ChunkSide.THEIRS
        yield Chunk(side=side, ours=own, theirs=other)
        shifts, done = grown, own.stop
    yield _kept(range(done, len(ours)))


def _group_overlapping(
    ours: Sequence[_Hunk], theirs: Sequence[_Hunk]
) -> Iterator[tuple[range, tuple[list[_Hunk], list[_Hunk]]]]:
    """Group the hunks of both versions that overlap, with the blocks of the base that each group covers."""
    tagged = [(side, hunk) for side, hunks in enumerate((ours, theirs)) for hunk in hunks]
    covered = range(0)
    group: tuple[list[_Hunk], list[_Hunk]] = ([], [])
    for side, hunk in sorted(tagged, key=lambda found: (found[1].base.start, found[1].base.stop)):
        if any(group) and not _overlap(covered, hunk.base):
            yield covered, group
            group = ([], [])
        covered = range(covered.start, max(covered.stop, hunk.base.stop)) if any(group) else hunk.base
        group[side].append(hunk)
    if any(group):
        yield covered, group


def _overlap(one: range, other: range) -> bool:
    """Return whether two ranges of the base share a block, or are insertions at one place."""
    if not other:
        return one.start < other.start < one.stop if one else one.start == other.start
    return other.start < one.stop and one.start < other.stop


def _hunks(base: Sequence[str], other: Sequence[str]) -> list[_Hunk]:
    found: list[_Hunk] = []
    for tag, a, b, c, d in opcodes(base, other):
        if tag == "replace":
            found += _split_hunk(base, other, range(a, b), range(c, d))
        elif tag != "equal":
            found.append(_Hunk(base=range(a, b), other=range(c, d)))
    return found


def _split_hunk(base: Sequence[str], other: Sequence[str], old: range, new: range) -> Iterator[_Hunk]:
    """Split a hunk into the blocks that are versions of one another, and what lies between them."""
    words = [count_words(base[at]) for at in old], [count_words(other[at]) for at in new]
    pairs = align(*words, similarity, minimum=_MIN_SIMILARITY)
    if pairs is None:
        # Too many to compare each with each: where there are as many, they are compared in their order.
        same = enumerate(zip(*words, strict=True)) if len(old) == len(new) else ()
        pairs = [(at, at) for at, (one, two) in same if similarity(one, two) >= _MIN_SIMILARITY]
    a, c = old.start, new.start
    for i, k in [*((old[one], new[another]) for one, another in pairs), (old.stop, new.stop)]:
        if (a, c) != (i, k):
            yield _Hunk(base=range(a, i), other=range(c, k))
        if i < old.stop and k < new.stop:
            yield _Hunk(base=range(i, i + 1), other=range(k, k + 1))
        a, c = i + 1, k + 1


def _trim_common(chunks: Iterator[Chunk], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[Chunk]:
    """Take the blocks at either end that are the same in both versions out of each conflict."""
    for chunk in chunks:
        own, other = chunk.ours, chunk.theirs
        if chunk.side is not ChunkSide.BOTH:
            if own or other:
                yield chunk
            continue
        while own and other and ours[own[0]] == theirs[other[0]]:
            own, other = own[1:], other[1:]
        start = own.start
        while own and other and ours[own[-1]] == theirs[other[-1]]:
            own, other = own[:-1], other[:-1]
        if chunk.ours.start < start:
            yield _kept(range(chunk.ours.start, start))
        yield Chunk(side=ChunkSide.BOTH, ours=own, theirs=other)
        if own.stop < chunk.ours.stop:
            yield _kept(range(own.stop, chunk.ours.stop))


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
