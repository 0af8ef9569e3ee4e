"""Aligns two sequences: which items are equal, and which are versions of one another.

The one place in which merges, patches and raw HTML compare sequences. Equal items are found by their common ends and
unique items, then by `difflib`; what stands between them is paired by weight, in a table that is never larger than a
limit. It knows keys and weights, never what an item is.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

_WORD = re.compile(r"<[^>]*>|\w+|[^\w\s]")
_SMALL = 40_000
"""Pairs of items in a range that `difflib` compares; a larger one is split at items that are unique on both sides."""

_MAX_DEPTH = 16

_MAX_PAIRS = 2500

Opcode = tuple[str, int, int, int, int]
"""One edit as `difflib` describes it: its tag, then from where to where in either sequence."""

_Item = TypeVar("_Item")
_Row = TypeVar("_Row")
_Column = TypeVar("_Column")


def opcodes(old: Sequence[str | None], new: Sequence[str | None]) -> list[Opcode]:
    """Return the edits that turn one sequence into another."""
    found: list[Opcode] = []
    i = k = 0
    for first, second, size in matching_blocks(old, new):
        if i < first or k < second:
            found.append(("insert" if i == first else "delete" if k == second else "replace", i, first, k, second))
        i, k = first + size, second + size
        if size:
            found.append(("equal", first, i, second, k))
    return found


def matching_blocks(ours: Sequence[str | None], theirs: Sequence[str | None]) -> list[tuple[int, int, int]]:
    """Return the runs that two sequences share, in order: where in each, and how long; the last is empty, at the ends.

    The work is near linear in the length. In a long range in which no item is unique on both sides, items are compared
    in their places, and nothing is shared where the two are not as long.
    """
    numbers: dict[str | None, int] = {}
    a, b = ([numbers.setdefault(item, len(numbers)) for item in side] for side in (ours, theirs))
    found: list[tuple[int, int, int]] = []
    for i, k, size in _runs(a, b, _MAX_DEPTH):
        if found and (i, k) == (found[-1][0] + found[-1][2], found[-1][1] + found[-1][2]):
            first, second, before = found.pop()
            found.append((first, second, before + size))
        elif size:
            found.append((i, k, size))
    return [*found, (len(ours), len(theirs), 0)]


def _runs(ours: Sequence[int], theirs: Sequence[int], depth: int) -> Iterator[tuple[int, int, int]]:
    """Return the runs that two sequences share; those that follow one another may be adjacent."""
    head, tail = common_ends(ours, theirs)
    a, b = ours[head : len(ours) - tail], theirs[head : len(theirs) - tail]
    yield 0, 0, head
    if len(a) * len(b) <= _SMALL:
        between: Iterable[tuple[int, int, int]] = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    elif depth and (anchors := _anchors(a, b)):
        between = _runs_between(a, b, anchors, depth - 1)
    else:
        # Nothing tells where the items belong: those that stand in the same place are the same.
        places = range(len(a)) if len(a) == len(b) else ()
        between = ((at, at, 1) for at in places if a[at] == b[at])
    yield from ((head + i, head + k, size) for i, k, size in between)
    yield len(ours) - tail, len(theirs) - tail, tail


def _runs_between(
    ours: Sequence[int], theirs: Sequence[int], anchors: Sequence[tuple[int, int]], depth: int
) -> Iterator[tuple[int, int, int]]:
    i = k = 0
    for first, second in [*anchors, (len(ours), len(theirs))]:
        yield from ((i + one, k + other, size) for one, other, size in _runs(ours[i:first], theirs[k:second], depth))
        if first < len(ours):
            yield first, second, 1
        i, k = first + 1, second + 1


def _anchors(ours: Sequence[int], theirs: Sequence[int]) -> list[tuple[int, int]]:
    """Return the places of the items that are unique in either sequence, as many as are in one order."""
    counts, others = Counter(ours), Counter(theirs)
    places = {item: at for at, item in enumerate(theirs)}
    unique = [(i, places[item]) for i, item in enumerate(ours) if counts[item] == 1 == others[item]]
    ends: list[int] = []
    last: list[int] = []
    above: list[int] = []
    for at, (_, k) in enumerate(unique):
        size = bisect_left(ends, k)
        ends[size : size + 1], last[size : size + 1] = [k], [at]
        above.append(last[size - 1] if size else -1)
    found: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(unique[at])
        at = above[at]
    return found[::-1]


def common_ends(ours: Sequence[_Item], theirs: Sequence[_Item]) -> tuple[int, int]:
    """Return how many items two sequences share at their beginning, and of the rest at their end."""
    shortest = min(len(ours), len(theirs))
    head = next((at for at in range(shortest) if ours[at] != theirs[at]), shortest)
    tail = next((at for at in range(shortest - head) if ours[-1 - at] != theirs[-1 - at]), shortest - head)
    return head, tail


def align(
    rows: Sequence[_Row],
    columns: Sequence[_Column],
    weigh: Callable[[_Row, _Column], float],
    *,
    minimum: float = 0.0,
    repeat: bool = False,
    limit: int = _MAX_PAIRS,
) -> list[tuple[int, int]] | None:
    """Return the pairs of a row and a column, both in order, that weigh the most altogether.

    Two items that weigh less than `minimum` are no pair. With `repeat` a row may be paired with several columns. None
    when there are more than `limit` pairs to weigh.
    """
    if len(rows) * len(columns) > limit:
        return None
    weights = [[weigh(row, column) for column in columns] for row in rows]
    step = 0 if repeat else 1
    # The best total of what begins at a row and a column.
    best = [[0.0] * (len(columns) + 1) for _ in range(len(rows) + 1)]
    for i in reversed(range(len(rows))):
        for k in reversed(range(len(columns))):
            paired = best[i + step][k + 1] + weights[i][k] if weights[i][k] >= minimum else 0.0
            best[i][k] = max(paired, best[i + 1][k], best[i][k + 1])
    pairs: list[tuple[int, int]] = []
    i = k = 0
    while i < len(rows) and k < len(columns):
        if weights[i][k] >= minimum and best[i][k] == best[i + step][k + 1] + weights[i][k]:
            pairs.append((i, k))
            i, k = i + step, k + 1
        elif best[i][k] == best[i + 1][k]:
            i += 1
        else:
            k += 1
    return pairs


def count_words(text: str) -> Counter[str]:
    """Count the words, tags and punctuation of a text."""
    return Counter(_WORD.findall(text))


def similarity(one: Counter[str], other: Counter[str]) -> float:
    """Return the share of their words that two texts have in common, from 0 to 1."""
    either = (one | other).total()
    return (one & other).total() / either if either else 1.0
