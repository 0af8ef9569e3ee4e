"""Parts of lists and quotes written in the style of the text that they are put into. Text in, text out.

What stays keeps its bytes, but for the number of an ordered list's first item and the sign between two paragraphs.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from kbsync.markup.merge.blocks import Frame, Piece
from kbsync.markup.merge.nested import is_head, is_row, past

_BAR = re.compile(r"(?<!\\)\|")
_DELIMITER = re.compile(r" *:?-+:? *")


def spaced_alike(row: str, like: Sequence[str]) -> str:
    """Return a row its cells spaced as those of the rows it stands among; of other shapes it stays as it is."""
    cells = _cells(row)
    columns = list(zip(*(one for one in map(_cells, like) if len(one) == len(cells)), strict=True))
    if not columns:
        return row
    return "|" + "|".join(_cell(cell.strip(" "), column) for cell, column in zip(cells, columns, strict=True)) + "|"


def same_delimiter(row: str, like: Sequence[str]) -> str:
    """Return the writer's own line below a table's head in the place of one that sets the columns as it does."""
    wanted = _setting(row)
    return next((one for one in like if _setting(one) == wanted), row) if wanted else row


def _cells(row: str) -> list[str]:
    row = row.strip(" ")
    if len(row) < len("||") or not (row.startswith("|") and row.endswith("|")):
        return []
    return _BAR.split(row[1:-1])


def _cell(text: str, column: Sequence[str]) -> str:
    edge = " " if all(cell.startswith(" ") for cell in column) else ""
    cell = edge + text + edge
    if len(column) < 2 or len({len(one) for one in column}) > 1:
        return cell
    is_right = any(one.startswith("  ") and not one.endswith("  ") for one in column)
    return cell.rjust(len(column[0])) if is_right else cell.ljust(len(column[0]))


def _setting(row: str) -> list[str]:
    """Return how each column is set; to the left is how they are anyway. Empty where a line is another kind of row."""
    cells = _cells(row)
    if not all(map(_DELIMITER.fullmatch, cells)):
        return []
    return [re.sub("-+|^:-+$", "", cell.strip()) for cell in cells]


# Signs for private use that stand for markers while a text is put together; what stands between a marker and the one
# after it is told as if the other were not there.
OPEN, MIDDLE, CLOSE = "\U00100000", "\U00100001", "\U00100002"

Step = tuple[str, int, int, int, int]
"""What becomes of some pieces, as `difflib` says it; of those that stay, only where they stand counts."""

_NUMBER = re.compile(r"\d+")
_QUOTED_BLANK = re.compile(r"[ >]*>[ >]*")
_ABOVE = re.compile(_QUOTED_BLANK.pattern + r"|\{(?!\{).*")


def restyled(
    ours: Sequence[Piece], other: Sequence[Piece], steps: Sequence[Step]
) -> tuple[tuple[Piece, ...], tuple[Step, ...]]:
    """Return the parts that steps put in as the writer of `ours` would have written them, and the steps with them."""
    writing = _Writing(ours)
    for tag, a, b, c, d in steps:
        if tag == "equal":
            for at in range(a, b):
                writing.stay(at)
        else:
            writing.put(other[c:d], a, b)
    return tuple(writing.other), tuple(writing.steps)


class _Writing:
    """The outcome so far: the part that was written last tells where the next one stands."""

    def __init__(self, ours: Sequence[Piece]) -> None:
        self._ours = ours
        self._last: Piece | None = None
        self._from = -1
        self._before: Piece | None = None
        self.other: list[Piece] = []
        self.steps: list[Step] = []

    def stay(self, at: int) -> None:
        piece = self._ours[at]
        if not piece.group or (self._from == at - 1 and at and self._ours[at - 1].group == piece.group):
            self._step("equal", at, at + 1, ())
            self._last, self._from = piece, at
            return
        frames = self._numbered(piece.frames, group=piece.group, kept=len(piece.frames))
        text = _led(piece.text, piece.frames, frames)
        if self._last is not None and self._last.group == piece.group:
            text = text if is_parted(text) or not piece.above else self._parting(frames) + text
        elif is_parted(text) and at and self._ours[at - 1].group == piece.group:
            text = text.split("\n", 1)[1]
        if text == piece.text:
            self._step("equal", at, at + 1, ())
        else:
            piece = replace(piece, text=text, frames=frames, key=f"{piece.key} anew")
            self._step("replace", at, at + 1, (piece,))
        self._last, self._from = piece, at

    def put(self, pieces: Sequence[Piece], start: int, stop: int) -> None:
        written: list[Piece] = []
        counterparts = self._ours[start:stop] if stop - start == len(pieces) else [None] * len(pieces)
        for at, (piece, counterpart) in enumerate(zip(pieces, counterparts, strict=True), start):
            if piece.text[:1] == OPEN:
                self._before = self._last
            elif piece.text[:1] == MIDDLE:
                self._last = self._before
            if piece.text[:1] in {OPEN, MIDDLE, CLOSE}:
                written.append(piece)
                self._from = -2
                continue
            written.append(self._written(piece, counterpart))
            self._last, self._from = written[-1], at if _stand_alike(piece, counterpart) else -2
        self._step(
            "replace" if start < stop and pieces else "delete" if start < stop else "insert", start, stop, written
        )

    def _step(self, tag: str, start: int, stop: int, new: Sequence[Piece]) -> None:
        at = len(self.other)
        self.other += new
        if tag == "equal" and self.steps and self.steps[-1][0] == "equal" and self.steps[-1][2] == start:
            start = self.steps.pop()[1]
        self.steps.append((tag, start, stop, 0 if tag == "equal" else at, 0 if tag == "equal" else len(self.other)))

    def _written(self, piece: Piece, counterpart: Piece | None) -> Piece:
        if not piece.group:
            return piece
        beside = counterpart if counterpart is not None and counterpart.group == piece.group else None
        kept = sum(takewhile(bool, map(_is_same, piece.frames, beside.frames))) if beside else 0
        frames = self._numbered(self._in_style(piece, beside), group=piece.group, kept=kept)
        lines = self._spaced(piece, _bare_lines(piece), beside)
        text = "\n".join(_with_leads(line, frames, number) for number, line in enumerate(lines))
        if beside is not None:
            text = _parting_of(beside) + text
        elif self._last is not None and self._last.group == piece.group and self._above(piece):
            text = self._parting(frames) + text
        below = next((one.below for one in self._siblings(piece)), piece.below)
        return replace(piece, text=text, frames=frames, above=self._above(piece), below=below)

    def _spaced(self, piece: Piece, lines: list[str], counterpart: Piece | None) -> list[str]:
        """Space the cells of a table's row as the writer does."""
        if not (is_row(piece) or is_head(piece)):
            return lines
        beside = [_bare_lines(one) for one in self._rows_beside(counterpart) or self._siblings(piece)]
        below = [line for one in beside for line in one[1:2]]
        return [
            spaced_alike(lines[0], [one[0] for one in beside]),
            *(same_delimiter(line, below) for line in lines[1:]),
        ]

    def _rows_beside(self, counterpart: Piece | None) -> list[Piece]:
        """Return the rows of the table that one of the writer's rows stands in."""
        if counterpart is None or not (is_row(counterpart) or is_head(counterpart)):
            return []
        start = stop = next(at for at, piece in enumerate(self._ours) if piece is counterpart)
        while start and is_row(self._ours[start]):
            start -= 1
        while stop + 1 < len(self._ours) and is_row(self._ours[stop + 1]):
            stop += 1
        return list(self._ours[start : stop + 1])

    def _above(self, piece: Piece) -> int:
        begun = [frame.begins for frame in piece.frames]
        return next((one.above for one in self._siblings(piece) if [frame.begins for frame in one.frames] == begun), 1)

    def _siblings(self, piece: Piece) -> list[Piece]:
        """Return the writer's parts of the same block."""
        return [one for one in self._ours if one.group == piece.group]

    def _in_style(self, piece: Piece, counterpart: Piece | None) -> tuple[Frame, ...]:
        """Find for each item and quote around a part how the writer would begin it."""
        last = self._last.frames if self._last is not None and self._last.group == piece.group else ()
        found: list[Frame] = []
        for depth, frame in enumerate(piece.frames):
            if not frame.begins and depth < len(last) and _is_same(last[depth], frame):
                found.append(replace(last[depth], begins=False))
                continue
            beside = [one[depth] for one in (counterpart.frames if counterpart else (), last) if depth < len(one)]
            beside += [one.frames[depth] for one in self._siblings(piece) if depth < len(one.frames)]
            style = next((one for one in beside if _is_same(one, frame)), frame)
            found.append(replace(style, begins=frame.begins, first=frame.first))
        return tuple(found)

    def _numbered(self, frames: Sequence[Frame], *, group: str, kept: int) -> tuple[Frame, ...]:
        """Number the items that begin: the first as its list does, another as the one before it and one more.

        What the writer wrote, the first `kept`, keeps its number, unless it became the first.
        """
        last = self._last.frames if self._last is not None and self._last.group == group else ()
        found: list[Frame] = []
        is_new = False
        for depth, frame in enumerate(frames):
            before = last[depth] if depth < len(last) and not is_new and _is_same(last[depth], frame) else None
            is_new = is_new or frame.begins
            has_number = frame.begins and frame.first is not None
            stays = not has_number or (depth < kept and before is not None)
            found.append(frame if stays else _with_number(frame, before, step=self._step_of(group, depth)))
        return tuple(found)

    def _step_of(self, group: str, depth: int) -> int:
        """Return whether the writer counts on, or gives all items of a list one number."""
        of_group = [one.frames[depth] for one in self._ours if one.group == group and depth < len(one.frames)]
        numbers = [_number(frame) for frame in of_group if frame.begins and frame.first is not None]
        return int(len(numbers) < 2 or len(set(numbers)) > 1)

    def _parting(self, frames: Sequence[Frame]) -> str:
        """Return the line with nothing but signs of quotes that parts two parts of one quote, if both stand in one."""
        last = self._last.frames if self._last is not None else ()
        around = takewhile(lambda frame: frame.is_quote or not frame.begins, frames)
        shared = [frame for frame, _ in zip(around, last, strict=False)]
        while shared and not shared[-1].is_quote:
            shared.pop()
        return _with_leads("", shared, 1) + "\n" if shared else ""


def _stand_alike(piece: Piece, counterpart: Piece | None) -> bool:
    if counterpart is None or counterpart.group != piece.group or len(counterpart.frames) != len(piece.frames):
        return False
    pairs = zip(counterpart.frames, piece.frames, strict=True)
    return all(_is_same(one, other) and one.begins == other.begins for one, other in pairs)


def _is_same(one: Frame, other: Frame) -> bool:
    return one.is_quote == other.is_quote and (one.first is None) == (other.first is None)


def is_parted(text: str) -> bool:
    """Return whether a part begins with the line that parts it, in a quote, from what stands above it."""
    return _QUOTED_BLANK.fullmatch(text.split("\n", 1)[0]) is not None and "\n" in text


def _parting_of(piece: Piece) -> str:
    """Return what stands above a part: its block's attributes, or lines with nothing but signs of quotes."""
    lines = piece.text.split("\n")
    parting = list(takewhile(_ABOVE.fullmatch, lines[:-1]))
    return "".join(f"{line}\n" for line in parting)


def _bare_lines(piece: Piece) -> list[str]:
    lines = piece.text[len(_parting_of(piece)) :].split("\n")
    return [_without_leads(line, piece.frames, number) for number, line in enumerate(lines)]


def _with_number(frame: Frame, before: Frame | None, *, step: int) -> Frame:
    number = frame.first if before is None else _number(before) + step
    return replace(frame, lead=_NUMBER.sub(str(number), frame.lead, count=1))


def _number(frame: Frame) -> int:
    found = _NUMBER.search(frame.lead)
    return int(found[0]) if found else 0


def _led(text: str, old: Sequence[Frame], new: Sequence[Frame]) -> str:
    for one, other in zip(old, new, strict=True):
        if one != other:
            text = text.replace(one.lead.rstrip(), other.lead.rstrip(), 1)
    return text


def _without_leads(line: str, frames: Sequence[Frame], number: int) -> str:
    at = 0
    for frame in frames:
        at = at + len(frame.lead) if frame.begins and not number else past(line, at, frame)
    return line[at:]


def _with_leads(line: str, frames: Sequence[Frame], number: int) -> str:
    text = line
    for frame in reversed(frames):
        lead = frame.lead if frame.is_quote or (frame.begins and not number) else " " * len(frame.lead)
        # A quote's sign takes a space with it, where one follows.
        is_close = frame.is_quote and lead.endswith(">") and text.startswith(" ")
        text = f"{lead} {text}" if is_close else lead + text
    return text if line else text.rstrip(" ")
