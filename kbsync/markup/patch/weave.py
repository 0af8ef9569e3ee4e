"""The items of a live text and the blocks that are wanted becoming one text, in the order of what is wanted.

What says the same stays as it is, where it is or where it moved to; what changed is asked for, and what is new is put
in as it renders. Every piece is judged in what stands around it before it is taken.
"""

import html as entities
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from kbsync.markup.patch.segments import Edge, Frame, Item, Leaf, Space, leaves

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
    """Return the stretches that two rows share, in order: where in each, and how long; the longest that can be."""
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


_PLAIN = re.compile(r"<p>(.*)</p>", re.DOTALL)
_NAME = re.compile(r"""(?<=\s)(?:id|name)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+)\s?""", re.IGNORECASE)
_NAMED = '<a id="{0}"></a>| id="{0}"'


@dataclass(slots=True, kw_only=True)
class Text:
    """A text being put together, and how much of it is the live one's own.

    `reopened` are wrappers begun anew at its very end, which need not be where nothing follows.
    """

    pieces: list[str] = field(default_factory=list)
    kept: int = 0
    reopened: list[Frame] = field(default_factory=list)

    @property
    def html(self) -> str:
        """The text so far."""
        return "".join(self.pieces)

    def add(self, piece: str, *, kept: int = 0) -> None:
        """Go on with a piece, within the wrappers that were to be reopened."""
        self.pieces += [frame.opens[-1] for frame in self.reopened]
        self.reopened = []
        self.pieces.append(piece)
        self.kept += kept


Become = Callable[[Leaf, Leaf], Text | None]


def merged(
    items: Sequence[Item], wanted: Sequence[Leaf], base: Frame, texts: tuple[str, str], become: Become
) -> Text | None:
    """Merge one level of two texts (live, rendered); `become` tells what a block of the one is in the other.

    None where a piece would not show at its place what it should.
    """
    merge = _Merge(items, wanted, base, texts, become)
    return merge.text if all(merge.take(at, item) for at, item in enumerate(items)) and merge.flush() else None


class _Merge:
    """One level being merged: `where` is the frame of the last leaf, `pending` what is to come after it."""

    def __init__(
        self, items: Sequence[Item], wanted: Sequence[Leaf], base: Frame, texts: tuple[str, str], become: Become
    ) -> None:
        self.base, self.wanted, self.become = base, wanted, become
        self.live, self.rendered = texts
        self.leaves = leaves(items)
        self.side = side_by_side([leaf.lines for leaf in self.leaves], [leaf.lines for leaf in wanted])
        self.emptied = _emptied(items, self.side)
        strays = [leaf for at, leaf in enumerate(self.leaves) if at not in self.side.same and not leaf.bare]
        self.moved = {leaf.lines: self._own(leaf) for leaf in strays}
        self.text, self.where, self.number, self.silent = Text(), base, -1, False
        self.named: Frame | None = None
        self.pending = list(self.side.after.get(-1, ()))

    def take(self, at: int, item: Item) -> bool:
        """Go on with one live item; whether all that was due before it found its place."""
        self.number += isinstance(item, Leaf)
        if at in self.emptied or (isinstance(item, Leaf) and not self._stays()):
            # The spacers of a block that is gone go with it.
            self.silent = True
            return True
        if isinstance(item, Space):
            if not self.silent:
                self._keep(item)
            return True
        if not self.flush():
            return False
        self.silent = False
        if isinstance(item, Leaf):
            return self._take_leaf(item)
        self._take_edge(item)
        return True

    def flush(self) -> bool:
        """Put in what is new at this place."""
        pending, self.pending = self.pending, []
        return all(self._put(self.wanted[j], self.where) for j in pending)

    def _stays(self) -> bool:
        return self.number in self.side.same or self.number in self.side.became

    def _own(self, item: Item) -> str:
        return self.live[item.start : item.end]

    def _keep(self, item: Item) -> None:
        self.text.add(self._own(item), kept=item.end - item.start)

    def _take_leaf(self, leaf: Leaf) -> bool:
        self.pending, self.where = list(self.side.after.get(self.number, ())), leaf.frame
        if self.number in self.side.same:
            self._keep(leaf)
            return True
        leaf = replace(leaf, named=self.named)
        self.named = None
        want = self.wanted[self.side.became[self.number]]
        changed = None if want.lines in self.moved else self.become(leaf, want)
        if changed is None:
            return self._put(want, leaf.place, instead=leaf)
        self.text.add(changed.html, kept=changed.kept)
        return True

    def _take_edge(self, edge: Edge) -> None:
        following = self.number + 1
        if edge.named is not None and following not in self.side.same:
            # What told the wrapper's name is no longer there, or says it itself.
            self.named = edge.named if self._tells(edge, following) else None
            tag = self._own(edge)
            self.text.add(tag if self.named else _NAME.sub("", tag), kept=len(tag))
        elif self.text.reopened and not edge.opens and self.text.reopened[-1] is edge.frame:
            self.text.reopened.pop()
        else:
            self._keep(edge)

    def _tells(self, edge: Edge, number: int) -> bool:
        """Whether what the first leaf of a named wrapper became can stand there, less the name."""
        if edge.named is None or number not in self.side.became or self.leaves[number].frame is not edge.frame:
            return False
        want = self.wanted[self.side.became[number]]
        return any(edge.named.shown(way) == want.lines for way in _dressed(want, self.rendered, edge.named, None))

    def _put(self, want: Leaf, frame: Frame, *, instead: Leaf | None = None) -> bool:
        """Put a wanted block at a place, out of as many wrappers as it takes to show there what it should."""
        for _ in self.text.reopened:
            frame = frame.outer or frame
        closed: list[Frame] = []
        own = self.moved.get(want.lines, "")
        while True:
            ways = [own] if own and frame.holds_blocks else []
            for way in (*ways, *_dressed(want, self.rendered, frame, instead if not closed else None)):
                if frame.shown(way) == want.lines:
                    self.text.pieces.append("".join(one.close for one in closed) + way)
                    self.text.kept += len(own) if way == own else 0
                    self.text.reopened = [*closed[::-1], *self.text.reopened]
                    return True
            if frame is self.base or frame.outer is None:
                return False
            closed.append(frame)
            frame = frame.outer


def _emptied(items: Sequence[Item], side: Side) -> set[int]:
    """Return the places of the items of wrappers in which nothing is left."""
    gone: set[int] = set()
    opened: list[tuple[int, int, int]] = []
    number = held = 0
    for at, item in enumerate(items):
        if isinstance(item, Leaf):
            held += number in side.same or number in side.became
            number += 1
        elif isinstance(item, Edge) and item.opens:
            opened.append((at, number, held))
        elif isinstance(item, Edge):
            first, leaves_before, held_before = opened.pop()
            if number > leaves_before and held == held_before:
                gone.update(range(first, at + 1))
    return gone


def _dressed(want: Leaf, rendered: str, frame: Frame, instead: Leaf | None) -> list[str]:
    """Return the ways to write a rendered block at a place, the plainest first."""
    text = rendered[want.start : want.end]
    ways: list[str] = []
    if instead is not None and instead.bare:
        ways += [text.strip()] if want.bare else [found[1] for found in [_PLAIN.fullmatch(text)] if found]
    if not frame.holds_blocks:
        return ways
    ways.append(f"<p>{text.strip()}</p>" if want.bare else text)
    name = frame.shells[-1].attrs.get("id", "") if frame.shells else ""
    if name:
        ways += [re.sub(_NAMED.format(re.escape(entities.escape(name))), "", way, count=1) for way in ways]
    around: Frame | None = want.frame
    while around is not None and around.wrappers:
        text = around.opens[-1] + text + around.close
        ways.append(text)
        around = around.outer
    return ways
