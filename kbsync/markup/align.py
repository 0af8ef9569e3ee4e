"""Aligns two sequences: which items are equal, and which are versions of one another.

The one place in which merges, patches and raw HTML compare sequences. Equal items are found by `difflib`; what stands
between them is paired by weight, in a table that is never larger than a limit. It knows keys and weights, never what an
item is.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

_WORD = re.compile(r"<[^>]*>|\w+|[^\w\s]")
_LARGE = 2_000_000
"""Pairs of items that are compared one by one; beyond, items that recur often are no anchors."""

_MAX_PAIRS = 2500

Opcode = tuple[str, int, int, int, int]
"""One edit as `difflib` describes it: its tag, then from where to where in either sequence."""

_Row = TypeVar("_Row")
_Column = TypeVar("_Column")


def opcodes(old: Sequence[str | None], new: Sequence[str | None]) -> list[Opcode]:
    """Return the edits that turn one sequence into another."""
    return list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def matching_blocks(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return the runs that two sequences share, in order: where in each, and how long."""
    head, tail = common_ends(ours, theirs)
    a, b = ours[head : len(ours) - tail], theirs[head : len(theirs) - tail]
    matcher = SequenceMatcher(None, a, b, autojunk=len(a) * len(b) > _LARGE)
    between = [(head + i, head + j, size) for i, j, size in matcher.get_matching_blocks()]
    return [(0, 0, head), *between, (len(ours) - tail, len(theirs) - tail, tail)]


def common_ends(ours: Sequence[str], theirs: Sequence[str]) -> tuple[int, int]:
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
