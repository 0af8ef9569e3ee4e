"""Two rows of blocks laid side by side: which are the same, and which of the others became which. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORD = re.compile(r"\w+")
_LARGE = 2_000_000
"""So many pairs of lines may be compared one by one; beyond, lines that recur often are no anchors."""
_RUN = 10_000
"""So many pairs of blocks may be weighed; in a longer run they are paired as they stand."""

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """How two rows fit together.

    `same` maps places in the first row to those in the second that say the same lines, `became` a changed one to what
    it is now, `after` a place in the first row (-1: its beginning) to what is new behind it.
    """

    same: dict[int, tuple[int, ...]]
    became: dict[int, int]
    after: dict[int, list[int]]


def side_by_side(first: Sequence[Lines], second: Sequence[Lines]) -> Side:
    """Lay two rows of blocks side by side; a block may have several lines, and is the same only with all of them."""
    same = _same(first, second)
    became: dict[int, int] = {}
    after: dict[int, list[int]] = {}
    at, beyond, last = 0, 0, -1
    for kept, found in [*sorted(same.items()), (len(first), (len(second),))]:
        run = range(at, kept)
        if found:
            new = range(beyond, found[0])
            pairs = _paired([first[i] for i in run], [second[j] for j in new])
            place = last
            for j in new:
                if j - beyond in pairs:
                    place = at + pairs[j - beyond]
                    became[place] = j
                else:
                    after.setdefault(place, []).append(j)
            beyond = found[-1] + 1
        at, last = kept + 1, kept
    return Side(same=same, became=became, after=after)


def _same(first: Sequence[Lines], second: Sequence[Lines]) -> dict[int, tuple[int, ...]]:
    """Match by the longest common subsequence of lines, less blocks of which some line has no match."""
    ours = [(i, line) for i, lines in enumerate(first) for line in lines]
    theirs = [(j, line) for j, lines in enumerate(second) for line in lines]
    shared = matching([line for _, line in ours], [line for _, line in theirs])
    matched = {i + step: j + step for i, j, size in shared for step in range(size)}
    to_theirs: list[set[int]] = [set() for _ in first]
    to_ours: list[set[int]] = [set() for _ in second]
    missed_ours, missed_theirs = [0] * len(first), [0] * len(second)
    for at, (i, _) in enumerate(ours):
        if at in matched:
            j = theirs[matched[at]][0]
            to_theirs[i].add(j)
            to_ours[j].add(i)
        else:
            missed_ours[i] += 1
    found = set(matched.values())
    for at, (j, _) in enumerate(theirs):
        missed_theirs[j] += at not in found
    lost = [(0, i) for i, missed in enumerate(missed_ours) if missed]
    lost += [(1, j) for j, missed in enumerate(missed_theirs) if missed]
    lost += [(0, i) for i, js in enumerate(to_theirs) if js and max(js) - min(js) + 1 > len(js)]
    gone = set(lost)
    while lost:
        row, at = lost.pop()
        for other in (to_theirs if row == 0 else to_ours)[at]:
            if (1 - row, other) not in gone:
                gone.add((1 - row, other))
                lost.append((1 - row, other))
    return {i: tuple(sorted(js)) for i, js in enumerate(to_theirs) if js and (0, i) not in gone}


def matching(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int, int]]:
    """Give the stretches that two rows share, in order: where in each, and how long; the longest that can be."""
    head = 0
    while head < min(len(ours), len(theirs)) and ours[head] == theirs[head]:
        head += 1
    tail = 0
    while tail < min(len(ours), len(theirs)) - head and ours[-1 - tail] == theirs[-1 - tail]:
        tail += 1
    a, b = ours[head : len(ours) - tail], theirs[head : len(theirs) - tail]
    matcher = SequenceMatcher(None, a, b, autojunk=len(a) * len(b) > _LARGE)
    between = [(head + i, head + j, size) for i, j, size in matcher.get_matching_blocks()]
    return [(0, 0, head), *between, (len(ours) - tail, len(theirs) - tail, tail)]


def _paired(first: Sequence[Lines], second: Sequence[Lines]) -> dict[int, int]:
    """Say for places in the second row which in the first they were, so that the most words stay."""
    if len(first) * len(second) > _RUN or min(len(first), len(second)) == 0:
        return {at: at for at in range(min(len(first), len(second)))}
    words = [[set(_WORD.findall(" ".join(lines))) for lines in row] for row in (first, second)]
    weights = [[_likeness(one, other) for other in words[1]] for one in words[0]]
    best = [[0.0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], weights[i][j] + best[i + 1][j + 1])
    pairs: dict[int, int] = {}
    i = j = 0
    while i < len(first) and j < len(second):
        if best[i][j] == weights[i][j] + best[i + 1][j + 1]:
            pairs[j] = i
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _likeness(one: set[str], other: set[str]) -> float:
    return 0.01 + 2 * len(one & other) / (len(one) + len(other) + 1)
