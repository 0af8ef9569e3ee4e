"""Three rows of blocks compared: what each of two rows changed of the one they come from, and where the two meet.

Pure, on the blocks' keys alone. Changes that only touch one another do not meet: a block is the smallest thing here.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

_WORD = re.compile(r"<[^>]*>|\w+|[^\w\s]")
_ALIKE = 0.4
"""What share of their words two blocks must have in common to be versions of one another."""

_LARGEST = 2500
"""Pairs of blocks that are looked at for likeness; a text that changed more than that is another one."""


class Whose(StrEnum):
    """Which row a stretch of the outcome comes from."""

    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some blocks of the outcome: those of `mine`, those of `theirs`, or both where both changed otherwise."""

    whose: Whose
    mine: range
    theirs: range


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hunk:
    """Blocks of the base, and the blocks that one row has in their place."""

    base: range
    other: range

    @property
    def growth(self) -> int:
        return len(self.other) - len(self.base)


class _Sides(NamedTuple):
    mine: list[_Hunk]
    theirs: list[_Hunk]


def stretches(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> tuple[Stretch, ...]:
    """Merge two rows that come from one base."""
    return tuple(_trimmed(_merged(base, mine, theirs), mine, theirs))


def stretches_without_base(mine: Sequence[str], theirs: Sequence[str]) -> tuple[Stretch, ...]:
    """Lay two rows side by side of which nobody knows what they come from: wherever they differ, both count."""
    found: list[Stretch] = []
    at = 0
    for hunk in _hunks(mine, theirs):
        found.append(_kept(range(at, hunk.base.start)))
        found.append(Stretch(whose=Whose.BOTH, mine=hunk.base, theirs=hunk.other))
        at = hunk.base.stop
    return tuple(stretch for stretch in (*found, _kept(range(at, len(mine)))) if stretch.mine or stretch.theirs)


def versions(one: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    """Return which blocks of two rows are one block in two versions, or the same."""
    found: dict[int, int] = {}
    at = grown = 0
    for hunk in _hunks(one, other):
        found.update({number: number + grown for number in range(at, hunk.base.start)})
        if len(hunk.base) == len(hunk.other) == 1:
            found[hunk.base.start] = hunk.other.start
        at, grown = hunk.base.stop, grown + hunk.growth
    return {**found, **{number: number + grown for number in range(at, len(one))}}


def _kept(mine: range) -> Stretch:
    return Stretch(whose=Whose.MINE, mine=mine, theirs=range(0))


def _merged(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> Iterator[Stretch]:
    done = 0
    grown = [0, 0]
    for spans, hunks in _meetings(_hunks(base, mine), _hunks(base, theirs)):
        growth = [sum(hunk.growth for hunk in side) for side in hunks]
        ours, others = (range(spans.start + grown[side], spans.stop + grown[side] + growth[side]) for side in (0, 1))
        yield _kept(range(done, ours.start))
        same = [mine[at] for at in ours] == [theirs[at] for at in others]
        whose = Whose.MINE if same or not hunks.theirs else Whose.BOTH if hunks.mine else Whose.THEIRS
        yield Stretch(whose=whose, mine=ours, theirs=others)
        grown = [grown[side] + growth[side] for side in (0, 1)]
        done = ours.stop
    yield _kept(range(done, len(mine)))


def _meetings(mine: Sequence[_Hunk], theirs: Sequence[_Hunk]) -> Iterator[tuple[range, _Sides]]:
    """Bring hunks together that meet, with the blocks of the base that they cover."""
    tagged = [(side, hunk) for side, hunks in enumerate((mine, theirs)) for hunk in hunks]
    span, held = range(0), _Sides([], [])
    for side, hunk in sorted(tagged, key=lambda found: (found[1].base.start, found[1].base.stop)):
        if any(held) and not _meet(span, hunk.base):
            yield span, held
            held = _Sides([], [])
        span = range(span.start, max(span.stop, hunk.base.stop)) if any(held) else hunk.base
        held[side].append(hunk)
    if any(held):
        yield span, held


def _meet(span: range, other: range) -> bool:
    """Return whether two stretches of the base share a block, or are insertions at one place."""
    if not other and not span:
        return span.start == other.start
    if not other:
        return span.start < other.start < span.stop
    return other.start < span.stop and span.start < other.stop


def _hunks(base: Sequence[str], other: Sequence[str]) -> list[_Hunk]:
    found: list[_Hunk] = []
    for tag, a, b, c, d in SequenceMatcher(None, base, other, autojunk=False).get_opcodes():
        if tag == "replace":
            found += _paired(base, other, range(a, b), range(c, d))
        elif tag != "equal":
            found.append(_Hunk(base=range(a, b), other=range(c, d)))
    return found


def _paired(base: Sequence[str], other: Sequence[str], old: range, new: range) -> Iterator[_Hunk]:
    """Split a hunk into blocks that are versions of one another, and what lies between them."""
    a, c = old.start, new.start
    pairs = _versions([base[at] for at in old], [other[at] for at in new])
    for i, k in [*((old[one], new[another]) for one, another in pairs), (old.stop, new.stop)]:
        if (a, c) != (i, k):
            yield _Hunk(base=range(a, i), other=range(c, k))
        if i < old.stop and k < new.stop:
            yield _Hunk(base=range(i, i + 1), other=range(k, k + 1))
        a, c = i + 1, k + 1


def _versions(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Find which blocks are versions of one another, in order, so that they have the most in common altogether."""
    if len(old) * len(new) > _LARGEST:
        return []
    words = [[Counter(_WORD.findall(key)) for key in side] for side in (old, new)]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    alike = [[_likeness(one, other) for other in words[1]] for one in words[0]]
    for i in reversed(range(len(old))):
        for k in reversed(range(len(new))):
            both = best[i + 1][k + 1] + alike[i][k] if alike[i][k] >= _ALIKE else 0.0
            best[i][k] = max(both, best[i + 1][k], best[i][k + 1])
    pairs, i, k = [], 0, 0
    while i < len(old) and k < len(new):
        if alike[i][k] >= _ALIKE and best[i][k] == best[i + 1][k + 1] + alike[i][k]:
            pairs.append((i, k))
            i, k = i + 1, k + 1
        elif best[i][k] == best[i + 1][k]:
            i += 1
        else:
            k += 1
    return pairs


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    either = (one | other).total()
    return (one & other).total() / either if either else 1.0


def _trimmed(found: Iterator[Stretch], mine: Sequence[str], theirs: Sequence[str]) -> Iterator[Stretch]:
    """Take out of what both changed the blocks at its ends that both made the same."""
    for stretch in found:
        ours, others = stretch.mine, stretch.theirs
        if stretch.whose is not Whose.BOTH:
            if ours or others:
                yield stretch
            continue
        while ours and others and mine[ours[0]] == theirs[others[0]]:
            ours, others = ours[1:], others[1:]
        head = range(stretch.mine.start, ours.start)
        while ours and others and mine[ours[-1]] == theirs[others[-1]]:
            ours, others = ours[:-1], others[:-1]
        yield from (_kept(part) for part in (head,) if part)
        yield Stretch(whose=Whose.BOTH, mine=ours, theirs=others)
        yield from (_kept(part) for part in (range(ours.stop, stretch.mine.stop),) if part)
