"""Compares three sequences of blocks: what each of two changed of their base, and where the two changes overlap.

Pure, on the blocks' keys alone. Changes that are only adjacent do not overlap: a block is the smallest unit here.
"""

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
