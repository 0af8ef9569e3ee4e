"""Take over what changed in a text, and leave the rest as its writer wrote it.

Both texts are Markdown; their blocks are matched by what they render to, so that a re-wrapped paragraph, another bullet
or another way to write a link is no change. Lists, quotes and tables that changed are matched in their parts, wherever
the outcome renders as it must. Where a writer's text holds marks that something else is put in the place of, it is
matched by what readers see, and its marks stay.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import pairwise

from kbsync.markup.compare import canonical
from kbsync.markup.merge.blocks import Piece, recut
from kbsync.markup.merge.nested import opened_alike
from kbsync.markup.merge.raw_html import Reading, begins_alike, kept_by_hand
from kbsync.markup.merge.style import Step, is_parted, restyled
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import identity, to_html


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A block of the outcome and the empty lines after it; where it stood in the writer's text, if it did.

    A part of a block names its group, how many empty lines stand above parts like it, and how many below the block.
    """

    text: str
    gap: int
    start: int = -1
    end: int = -1
    group: str = ""
    above: int = 1
    below: int = 1


_NOTHING = Taken(text="", gap=0)


def joined(taken: Sequence[Taken]) -> str:
    """Put blocks together, an empty line between two that did not stand beside one another in the writer's text.

    Parts of one block stand as close as others of their kind.
    """
    return (
        "".join(one.text + "\n" * (1 + _gap(one, after)) for one, after in pairwise([*taken, _NOTHING])).strip("\n")
        + "\n"
    )


def _gap(one: Taken, after: Taken) -> int:
    if one.end >= 0 and one.end + one.gap == after.start:
        return one.gap
    if not one.group:
        return max(1, one.gap)
    if one.group != after.group:
        return one.below
    return 0 if is_parted(after.text) else after.above


# Signs for private use, each of which stands for one mark while a text is worked on.
_SIGN = 0xF0000
_MOST_SIGNS = 0xFFFD
_SIGNS = re.compile("[\U000f0000-\U000ffffd]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text as its writer wrote it, before something was put in the place of its marks.

    `rows` tells for each line of the resolved text its line here (from 0), `marks` for each line here its marks, each
    with what was put in its place. `expand` resolves a text, `shield` writes one so that nothing in it is replaced.
    """

    text: str
    line_map: Sequence[int]
    placeholders: Mapping[int, Sequence[tuple[str, str]]] = field(default_factory=dict)
    expand: Callable[[str], str] = identity
    escape: Callable[[str], str] = identity


class IncludeConflict(Exception):
    """What changed lies within what was put in the place of marks; `rows` are the lines of those."""

    def __init__(self, rows: Collection[int]) -> None:
        super().__init__(f"lines {sorted(rows)}")
        self.lines = tuple(sorted(rows))


_THE_END = ("equal", 0, -1, 0, 0)


@dataclass(slots=True, kw_only=True)
class _Unit:
    """The pieces, from `first` on, that the same lines of the writer's text became."""

    first: int
    last: int
    start: int
    end: int
    text: str = ""
    gap: int = 1
    marks: tuple[tuple[str, str], ...] = ()
    group: str = ""
    above: int = 1
    below: int = 1

    @property
    def rows(self) -> range:
        return range(self.start, self.end)

    @property
    def taken(self) -> Taken:
        return Taken(
            text=self.text,
            gap=self.gap,
            start=self.start,
            end=self.end,
            group=self.group,
            above=self.above,
            below=self.below,
        )


def graft(
    mine: str,
    theirs: str,
    *,
    resolve: Callable[[str], str] = identity,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
    written: Template | None = None,
) -> str:
    """Return a text that renders as `theirs` does, in which every block that `mine` renders too is written as in `mine`.

    `resolve` brings the addresses of both to one form, `anchors` are those that other texts link to, `options` how
    both are read. `written` is what
    `mine` was resolved from, where that is another text; so is the outcome then. Where it would not render as `theirs`
    it is `theirs`.

    Raises:
        Entangled: what changed cannot be taken over without writing over a mark.
    """
    source = written or as_written(mine)
    reading = Reading(resolve=resolve, anchors=anchors, options=options)
    ours, other = reading.pieces(mine), reading.pieces(theirs)
    wanted = canonical(to_html(theirs, resolve=resolve, anchors=anchors, options=options))
    for rows in _from_fine_to_coarse(ours, recut(other, ours), reading):
        try:
            text = _grafted(source, *rows)
        except IncludeConflict as error:
            entangled = error
            continue
        if canonical(to_html(source.expand(text), resolve=resolve, anchors=anchors, options=options)) == wanted:
            return text
        entangled = IncludeConflict(source.placeholders.keys())
    if source.placeholders:
        raise entangled
    return source.escape(theirs)


def _from_fine_to_coarse(
    ours: Sequence[Piece], other: Sequence[Piece], reading: Reading
) -> Iterator[tuple[Sequence[Piece], Sequence[Piece]]]:
    """Return two texts with the blocks that changed taken apart, where there are such, and as they are."""
    kept = kept_by_hand(other, ours, reading)
    for others in (other,) if kept is None else (kept, other):
        opened = opened_alike((ours, others), reading.options)
        if opened is not None:
            yield opened[0], opened[1]
        yield ours, others


def _grafted(source: Template, ours: Sequence[Piece], other: Sequence[Piece]) -> str:
    keys, others = [piece.key for piece in ours], [piece.key for piece in other]
    return stepwise(source, ours, other, SequenceMatcher(None, keys, others, autojunk=False).get_opcodes())


def as_written(text: str) -> Template:
    """Say of a text without marks that it stands as it was written."""
    return Template(text=text, line_map=range(text.count("\n") + 1))


def stepwise(source: Template, ours: Sequence[Piece], other: Sequence[Piece], steps: Sequence[Step]) -> str:
    """Return the text in which `ours` became `other` by these steps; what it renders to is for the caller to judge.

    Raises:
        Entangled: a step cannot be taken without writing over a mark.
    """
    return _Grafting(source, ours, *restyled(ours, other, steps)).text()


class _Grafting:
    """The two texts side by side."""

    def __init__(self, source: Template, ours: Sequence[Piece], other: Sequence[Piece], steps: Sequence[Step]) -> None:
        self.source = source
        self.ours = ours
        self.other = other
        self.steps = steps
        self.units = _units(ours, source)
        self.entangled: set[int] = set()

    def text(self) -> str:
        self._judge()
        spare = self._spare()
        taken: list[Taken] = []
        at = 0
        for tag, a, b, c, d in [*self.steps, _THE_END]:
            units = []
            while at < len(self.units) and (self.units[at].first < b or self.units[at].last <= b or b < 0):
                units.append(self.units[at])
                at += 1
            kept = units
            if tag != "equal":
                taken += [unit.taken for unit in units if unit.last == a]
                taken += self._new(self.other[c:d], units, spare)
                kept = [unit for unit in units if self._is_silent(unit) and unit.last > a]
            taken += [unit.taken for unit in kept]
        if self.entangled:
            raise IncludeConflict(self.entangled)
        return joined(taken)

    def _judge(self) -> None:
        """Find what was put in the place of one mark and is now partly another text."""
        inserted = {piece.key for tag, _, _, c, d in self.steps if tag != "equal" for piece in self.other[c:d]}
        for unit in self.units:
            if unit.last - unit.first < 2:
                continue
            tag, _, b, _, _ = next(step for step in self.steps if step[1] <= unit.first < step[2])
            is_moved = any(piece.key in inserted for piece in self.ours[unit.first : unit.last])
            if unit.last > b or tag == "replace" or (tag == "delete" and is_moved):
                self.entangled.update(unit.rows)

    def _spare(self) -> dict[str | None, _Unit]:
        """Return the blocks that no longer stand where they stood, by what they render to: they may stand elsewhere."""
        gone = [range(a, b) for tag, a, b, _, _ in self.steps if tag != "equal"]
        alone = [unit for unit in self.units if unit.last - unit.first == 1]
        found = ((self.ours[unit.first].key, unit) for unit in alone if any(unit.first in one for one in gone))
        return {key: unit for key, unit in found if key is not None}

    def _is_silent(self, unit: _Unit) -> bool:
        return all(piece.key is None for piece in self.ours[unit.first : unit.last])

    def _new(self, pieces: Sequence[Piece], units: Sequence[_Unit], spare: Mapping[str | None, _Unit]) -> list[Taken]:
        """Write blocks that are new in this place: moved ones as they were, and marks where their words still are."""
        moved = {key: spare[key] for key in (piece.key for piece in pieces) if key in spare}
        lost = [
            unit
            for unit in units
            if unit.marks and pieces and not self._is_silent(unit) and self.ours[unit.first].key not in moved
        ]
        fresh = [piece for piece in pieces if piece.key not in moved]
        texts = iter(self._remarked([piece.text for piece in fresh], lost))
        taken = [moved[piece.key].text if piece.key in moved else next(texts) for piece in pieces]
        places = units if len(pieces) == len(units) else [None] * len(pieces)
        return [_put(*one) for one in zip(taken, pieces, places, strict=True)]

    def _remarked(self, texts: Sequence[str], lost: Sequence[_Unit]) -> list[str]:
        """Put marks back where what they stood for is said still, as often as before; else the change is entangled."""
        marks = [mark for unit in lost for mark in unit.marks]
        signed = _signed("\0".join(texts), marks)
        if signed is None:
            self.entangled.update(row for unit in lost for row in unit.rows)
            return list(texts)
        shielded = (self.source.escape(text) for text in signed.split("\0"))
        return [_SIGNS.sub(lambda sign: marks[ord(sign[0]) - _SIGN][0], text) if marks else text for text in shielded]


def _signed(text: str, marks: Sequence[tuple[str, str]]) -> str | None:
    """Put a sign for each mark where its words stand; None where they do not stand there just as often."""
    if marks and (_SIGNS.search(text) or len(marks) > _MOST_SIGNS):
        return None
    for shown in sorted({shown for _, shown in marks}, key=len, reverse=True):
        signs = [chr(_SIGN + number) for number, mark in enumerate(marks) if mark[1] == shown]
        parts = _saying(shown).split(text) if shown else []
        if len(parts) != len(signs) + 1:
            return None
        text = "".join(part + sign for part, sign in zip(parts, [*signs, ""], strict=True))
    return text


def _saying(shown: str) -> re.Pattern[str]:
    """Match a text as words of their own: the `1` of `10` and the `1.2` of `1.2.3` are other words."""
    return re.compile(rf"(?<!\w)(?<!\w[.,:-]){re.escape(shown)}(?!\w|[.,:-]\w)")


def _put(text: str, piece: Piece, place: _Unit | None) -> Taken:
    """Put a text into its place; a part of a block, or HTML, that stands for another has that one's empty lines."""
    taken = Taken(text=text, gap=piece.gap, group=piece.group, above=piece.above, below=piece.below)
    if place is None or place.group != piece.group or not (piece.group or begins_alike(piece, place.text)):
        return taken
    return replace(taken, start=place.start, end=place.end, gap=place.gap)


def _units(pieces: Sequence[Piece], source: Template) -> list[_Unit]:
    """Bring pieces that come from the same lines together, with lines between them that became nothing."""
    lines = source.text.split("\n")
    units: list[_Unit] = []
    for number, piece in enumerate(pieces):
        start, end = source.line_map[piece.start], source.line_map[piece.end - 1] + 1
        if units and start < units[-1].end:
            units[-1].last, units[-1].end = number + 1, max(end, units[-1].end)
        else:
            unit = _Unit(first=number, last=number + 1, start=start, end=end)
            unit.group, unit.above, unit.below = piece.group, piece.above, piece.below
            units.append(unit)
    units = _with_blanks(units, lines)
    for number, unit in enumerate(units):
        unit.gap = (units[number + 1].start if number + 1 < len(units) else len(lines)) - unit.end
        unit.text = "\n".join(lines[unit.start : unit.end])
        unit.marks = tuple(mark for row in unit.rows for mark in source.placeholders.get(row, ()))
    return units


def _with_blanks(units: Sequence[_Unit], lines: Sequence[str]) -> list[_Unit]:
    """Add what became nothing at all, such as the include of an empty file: it stays where it stands."""
    found: list[_Unit] = []
    end = _Unit(first=units[-1].last if units else 0, last=0, start=len(lines), end=len(lines))
    for unit in [*units, end]:
        start = found[-1].end if found else 0
        rows = [row for row in range(start, unit.start) if lines[row].strip()]
        if rows:
            found.append(_Unit(first=unit.first, last=unit.first, start=rows[0], end=rows[-1] + 1))
        found.append(unit)
    return found[:-1]
