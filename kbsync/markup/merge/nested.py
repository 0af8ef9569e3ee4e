"""Blocks taken apart where one stands for another: lists into items, quotes into paragraphs, pipe tables into rows.

A part knows the items and quotes around it, so that it can be written anew in another text's style. Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from markdown_it.token import Token

from kbsync.markup.compare import canonical
from kbsync.markup.merge.blocks import Frame, Piece
from kbsync.markup.merge.diff3 import versions
from kbsync.markup.options import MarkupOptions
from kbsync.markup.to_html import rendered

_LISTS = frozenset({"bullet_list_open", "ordered_list_open"})
_QUOTES = frozenset({"blockquote_open", "callout_open"})
_WHOLE = frozenset({*_LISTS, *_QUOTES, "table_open"})
_FRAMES = frozenset({*_QUOTES, "list_item_open"})
_AROUND = frozenset({*_WHOLE, *_FRAMES, "tbody_open"})

_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r" *(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?! )|(?= *$)| )")
_QUOTED_BLANK = re.compile(r"[ >]*>[ >]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some tokens, those around them from the outside in, and how many of these begin here; the line of the first."""

    tokens: Sequence[Token]
    around: Sequence[Token]
    begun: int
    start: int


class _Closed(Exception):
    """A block is written in a way in which its parts cannot be told."""


def opened_alike(rows: Sequence[Sequence[Piece]], options: MarkupOptions) -> tuple[tuple[Piece, ...], ...] | None:
    """Take apart the blocks that stand for one another in every row but are not the same in the first and last.

    Gives None where there are none. Parts of one block and of those that stand for it have one group.
    """
    first, *others = rows
    maps = [_counterparts(first, other) for other in others]
    opened: list[dict[int, tuple[Piece, ...]]] = [{} for _ in rows]
    for at, piece in enumerate(first):
        places = [at, *(places.get(at, -1) for places in maps)]
        blocks = [row[place] for row, place in zip(rows, places, strict=True) if place >= 0]
        if len(blocks) < len(rows) or blocks[-1].key in {block.key for block in blocks[:-1]} or not _alike(blocks):
            continue
        parts = [parts_of(block, options, group=f"{at}:{piece.start} ") for block in blocks]
        if all(parts):
            for found, place, part in zip(opened, places, parts, strict=True):
                found[place] = part
    if not opened[0]:
        return None
    return tuple(tuple(_with_parts(row, found)) for row, found in zip(rows, opened, strict=True))


def _alike(blocks: Sequence[Piece]) -> bool:
    kinds = {block.tokens[0].type if block.tokens else "" for block in blocks}
    return len(kinds) == 1 and kinds <= _WHOLE


def _counterparts(one: Sequence[Piece], other: Sequence[Piece]) -> Mapping[int, int]:
    seen = [[at for at, piece in enumerate(row) if piece.key is not None] for row in (one, other)]
    keys = [[row[at].key or "" for at in places] for row, places in zip((one, other), seen, strict=True)]
    return {seen[0][i]: seen[1][k] for i, k in versions(*keys).items()}


def _with_parts(row: Sequence[Piece], opened: Mapping[int, Sequence[Piece]]) -> Iterator[Piece]:
    for at, piece in enumerate(row):
        yield from opened.get(at, (piece,))


def parts_of(block: Piece, options: MarkupOptions, *, group: str) -> tuple[Piece, ...]:
    """Take a block apart; its key tells for each part where it stands and what it says. Empty where that cannot be."""
    if not block.tokens or block.tokens[0].type not in _WHOLE or "\t" in block.text:
        return ()
    try:
        return _spaced(tuple(_pieces(block, list(_parts(block.tokens)), options, group)))
    except _Closed:
        return ()


def _parts(tokens: Sequence[Token]) -> Iterator[_Part]:
    around: list[Token] = []
    begun: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type in _AROUND:
            around.append(token)
            begun.append(token)
        elif token.nesting < 0:
            if around[-1].type == "list_item_open" and begun:
                yield _part((), around, begun)
                begun = []
            around.pop()
        else:
            end = _closing(tokens, at)
            yield _part(tokens[at : end + 1], around, begun)
            begun, at = [], end
        at += 1


def _part(tokens: Sequence[Token], around: Sequence[Token], begun: Sequence[Token]) -> _Part:
    first = next(iter((*begun, *tokens)))
    if first.map is None:
        raise _Closed
    is_row = first.type == "tbody_open"
    start = (tokens[0].map or first.map)[0] if is_row else first.map[0]
    return _Part(tokens=tokens, around=tuple(around), begun=len(begun), start=start)


def _closing(tokens: Sequence[Token], at: int) -> int:
    depth = 0
    for number in range(at, len(tokens)):
        depth += tokens[number].nesting
        if depth <= 0:
            return number
    raise _Closed


def _pieces(block: Piece, parts: Sequence[_Part], options: MarkupOptions, group: str) -> Iterator[Piece]:
    lines = block.text.split("\n")
    starts = [part.start - block.start for part in parts]
    if not starts or any(one >= other for one, other in pairwise(starts)):
        raise _Closed
    if not all(line.startswith("{") for line in lines[: starts[0]]):
        raise _Closed
    heads = [0, *(_with_blanks_above(lines, start) for start in starts[1:])]
    stack: list[Frame] = []
    for number, part in enumerate(parts):
        is_apart = number > 0 and _is_apart(parts[number - 1], part)
        stack = _frames(lines[starts[number]], part, stack)
        stop = heads[number + 1] if number + 1 < len(parts) else len(lines)
        end = stop
        while end > starts[number] + 1 and not lines[end - 1].strip():
            end -= 1
        gap = stop - end if number + 1 < len(parts) else block.gap
        yield Piece(
            start=block.start + heads[number],
            end=block.start + end,
            text="\n".join(lines[heads[number] : end]),
            gap=gap,
            key=group + _key(part, options, is_apart=is_apart),
            tokens=part.tokens,
            group=group,
            frames=tuple(stack),
            below=block.gap,
        )


def _with_blanks_above(lines: Sequence[str], start: int) -> int:
    """Take the lines of a quote that hold nothing but its sign with what stands below them."""
    while start > 0 and _QUOTED_BLANK.fullmatch(lines[start - 1]):
        start -= 1
    return start


def _is_apart(above: _Part, part: _Part) -> bool:
    """Return whether a part begins a list or quote right below another one of that kind."""
    depth = len(part.around) - part.begun
    if not part.begun or depth >= len(above.around):
        return False
    return part.around[depth].type == above.around[depth].type and part.around[depth].type in _WHOLE


def _key(part: _Part, options: MarkupOptions, *, is_apart: bool) -> str:
    closing = [Token(token.type.replace("_open", "_close"), token.tag, -1) for token in reversed(part.around)]
    shown = canonical(rendered([*part.around, *part.tokens, *closing], options))
    places = "".join(str(int(number <= part.begun)) for number in range(len(part.around), 0, -1))
    items = [place for place, token in zip(places, part.around, strict=True) if token.type == "list_item_open"]
    return f"{''.join(items)}{' apart' * is_apart} {part.tokens[0].type if part.tokens else ''} {shown}"


def _frames(line: str, part: _Part, stack: Sequence[Frame]) -> list[Frame]:
    """Read the items and quotes that a line stands in, of which the outer ones may go on from the lines above."""
    found: list[Frame] = []
    at, first = 0, None
    for number, token in enumerate(part.around):
        if token.type in _LISTS:
            first = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
        if token.type not in _FRAMES:
            continue
        if number < len(part.around) - part.begun:
            frame = replace(stack[len(found)], begins=False)
            at = past(line, at, frame)
        else:
            match = (_QUOTE if token.type in _QUOTES else _ITEM).match(line, at)
            if match is None:
                raise _Closed
            lead = match[0] if match[0].endswith((" ", ">")) else match[0] + " "
            frame, at = Frame(lead=lead, begins=True, first=None if token.type in _QUOTES else first), match.end()
        found.append(frame)
    return found


def past(line: str, at: int, frame: Frame) -> int:
    """Return the place in a line behind the sign of a quote or the indentation of an item that goes on."""
    if frame.is_quote:
        match = _QUOTE.match(line, at)
        return match.end() if match else at
    end = at
    while end < len(line) and end - at < len(frame.lead) and line[end] == " ":
        end += 1
    return end


def _spaced(parts: Sequence[Piece]) -> tuple[Piece, ...]:
    """Note how many empty lines stand above each kind of part; of the ways in one block the most frequent counts."""
    items = [_blanks(one, other) for one, other in pairwise(parts) if _is_next_item(one, other)]
    loose = int(sum(items) * 2 > len(items))
    return tuple(
        replace(part, above=0 if is_row(part) else loose if _begins_item(part) else int(bool(part.frames)))
        for part in parts
    )


def is_row(part: Piece) -> bool:
    """Whether a part is a row of a table, other than its head."""
    return bool(part.tokens) and part.tokens[0].type == "tr_open"


def is_head(part: Piece) -> bool:
    """Whether a part is a table's head, with the line below it."""
    return bool(part.tokens) and part.tokens[0].type == "thead_open"


def _blanks(one: Piece, other: Piece) -> int:
    return int(one.gap > 0 or _QUOTED_BLANK.fullmatch(other.text.split("\n", 1)[0]) is not None)


def _is_next_item(one: Piece, other: Piece) -> bool:
    """Return whether a part begins an item of a list that the one above it stands in."""
    depth = next((depth for depth, frame in enumerate(other.frames) if frame.begins), len(one.frames))
    return depth < len(one.frames) and not other.frames[depth].is_quote


def _begins_item(part: Piece) -> bool:
    return any(frame.begins and not frame.is_quote for frame in part.frames)
