"""Splits corresponding blocks of several texts into parts: lists into items, quotes into blocks, tables into rows.

A part knows the containers around it, so that it can be written in another text's style. Never changes a text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from markdown_it.token import Token

from kbsync.markup.merge.blocks import Blocks, Container, SourceBlock, canonical_part, is_comment, trim_blank_lines
from kbsync.markup.merge.diff3 import match_versions
from kbsync.markup.options import MarkupOptions
from kbsync.markup.to_html import render_tokens

_LISTS = frozenset({"bullet_list_open", "ordered_list_open"})
_QUOTES = frozenset({"blockquote_open", "callout_open"})
_SPLITTABLE = frozenset({*_LISTS, *_QUOTES, "table_open"})
_CONTAINERS = frozenset({*_QUOTES, "list_item_open"})
_ANCESTORS = frozenset({*_SPLITTABLE, *_CONTAINERS, "tbody_open"})

_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r" *(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?! )|(?= *$)| )")
QUOTED_BLANK = re.compile(r"[ >]*>[ >]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _NestedPart:
    """The tokens of a part, its ancestors from the outside in, how many of these begin here, and its first line."""

    tokens: Sequence[Token]
    ancestors: Sequence[Token]
    opened: int
    start: int


class _NotSplittable(Exception):
    """A block is written in a way that cannot be split."""


def split_matching(texts: Sequence[Blocks], options: MarkupOptions) -> tuple[tuple[SourceBlock, ...], ...] | None:
    """Split the blocks that are versions of one another in every text, and differ between the last and any other.

    None where there are none. The parts of one block and of its versions have one group.
    """
    first, *others = texts
    matches = [_match_visible(first, other) for other in others]
    split: list[dict[int, tuple[SourceBlock, ...]]] = [{} for _ in texts]
    for at, block in enumerate(first):
        places = [at, *(match.get(at, -1) for match in matches)]
        versions = [text[place] for text, place in zip(texts, places, strict=True) if place >= 0]
        kinds = {version.tokens[0].type if version.tokens else "" for version in versions}
        is_split = len(versions) == len(texts) and len(kinds) == 1 and kinds <= _SPLITTABLE
        if not is_split or versions[-1].key in {version.key for version in versions[:-1]}:
            continue
        parts = [split_parts(version, options, group=f"{at}:{block.start} ") for version in versions]
        if all(parts):
            for found, place, part in zip(split, places, parts, strict=True):
                found[place] = part
    if not split[0]:
        return None
    return tuple(
        tuple(part for at, block in enumerate(text) for part in found.get(at, (block,)))
        for text, found in zip(texts, split, strict=True)
    )


def _match_visible(one: Blocks, other: Blocks) -> Mapping[int, int]:
    visible = [[at for at, block in enumerate(row) if block.key is not None] for row in (one, other)]
    keys = [[row[at].key or "" for at in places] for row, places in zip((one, other), visible, strict=True)]
    return {visible[0][i]: visible[1][k] for i, k in match_versions(*keys).items()}


def split_parts(block: SourceBlock, options: MarkupOptions, *, group: str) -> tuple[SourceBlock, ...]:
    """Split a block; a part's key is its position and its canonical form. Empty where a block cannot be split."""
    if not block.tokens or block.tokens[0].type not in _SPLITTABLE or "\t" in block.text:
        return ()
    try:
        return _with_spacing(tuple(_part_blocks(block, list(_parts(block.tokens)), options, group)))
    except _NotSplittable:
        return ()


def _parts(tokens: Sequence[Token]) -> Iterator[_NestedPart]:
    ancestors: list[Token] = []
    opened: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type in _ANCESTORS:
            ancestors.append(token)
            opened.append(token)
        elif token.nesting < 0:
            if ancestors[-1].type == "list_item_open" and opened:
                yield _part((), ancestors, opened)
                opened = []
            ancestors.pop()
        else:
            end = _closing(tokens, at)
            yield _part(tokens[at : end + 1], ancestors, opened)
            opened, at = [], end
        at += 1


def _part(tokens: Sequence[Token], ancestors: Sequence[Token], opened: Sequence[Token]) -> _NestedPart:
    first = (*opened, *tokens)[0]
    if first.map is None:
        raise _NotSplittable
    start = ((tokens[0].map if first.type == "tbody_open" else None) or first.map)[0]
    return _NestedPart(tokens=tokens, ancestors=tuple(ancestors), opened=len(opened), start=start)


def _closing(tokens: Sequence[Token], at: int) -> int:
    depth = 0
    for number in range(at, len(tokens)):
        depth += tokens[number].nesting
        if depth <= 0:
            return number
    raise _NotSplittable


def _part_blocks(
    block: SourceBlock, parts: Sequence[_NestedPart], options: MarkupOptions, group: str
) -> Iterator[SourceBlock]:
    lines = block.text.split("\n")
    starts = [part.start - block.start for part in parts]
    is_ordered = bool(starts) and all(one < other for one, other in pairwise(starts))
    if not is_ordered or not all(line.startswith("{") for line in lines[: starts[0]]):
        raise _NotSplittable
    heads = [0, *(_include_blank_lines(lines, start) for start in starts[1:])]
    stack: list[Container] = []
    for number, part in enumerate(parts):
        is_separate = number > 0 and _is_new_list(parts[number - 1], part)
        stack = _containers(lines[starts[number]], part, stack)
        stop = heads[number + 1] if number + 1 < len(parts) else len(lines)
        end = trim_blank_lines(lines, starts[number] + 1, stop)
        gap = stop - end if number + 1 < len(parts) else block.gap
        yield SourceBlock(
            start=block.start + heads[number],
            end=block.start + end,
            text="\n".join(lines[heads[number] : end]),
            gap=gap,
            key=None if _is_comment(part) else group + _key(part, options, is_separate=is_separate),
            tokens=part.tokens,
            group=group,
            containers=tuple(stack),
            blanks_below=block.gap,
        )


def _is_comment(part: _NestedPart) -> bool:
    """Return whether a part is a comment that begins no item or quote."""
    is_html = not part.opened and len(part.tokens) == 1 and part.tokens[0].type == "html_block"
    return is_html and is_comment(part.tokens[0].content)


def _include_blank_lines(lines: Sequence[str], start: int) -> int:
    """Return the first of the blank lines of a quote right above a line, or the line."""
    while start > 0 and QUOTED_BLANK.fullmatch(lines[start - 1]):
        start -= 1
    return start


def _is_new_list(above: _NestedPart, part: _NestedPart) -> bool:
    """Return whether a part begins a list or quote right below another of that kind."""
    depth = len(part.ancestors) - part.opened
    if not part.opened or depth >= len(above.ancestors):
        return False
    return part.ancestors[depth].type == above.ancestors[depth].type and part.ancestors[depth].type in _SPLITTABLE


def _key(part: _NestedPart, options: MarkupOptions, *, is_separate: bool) -> str:
    closing = [Token(token.type.replace("_open", "_close"), token.tag, -1) for token in reversed(part.ancestors)]
    html = render_tokens([*part.ancestors, *part.tokens, *closing], options)
    shown = canonical_part(html, options.keep_classes)
    places = "".join(str(int(number <= part.opened)) for number in range(len(part.ancestors), 0, -1))
    items = [place for place, token in zip(places, part.ancestors, strict=True) if token.type == "list_item_open"]
    return f"{''.join(items)}{' separate' * is_separate} {part.tokens[0].type if part.tokens else ''} {shown}"


def _containers(line: str, part: _NestedPart, stack: Sequence[Container]) -> list[Container]:
    """Parse the containers of a line, of which the outer ones may continue from the lines above."""
    found: list[Container] = []
    at, first = 0, None
    for number, token in enumerate(part.ancestors):
        if token.type in _LISTS:
            first = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
        if token.type not in _CONTAINERS:
            continue
        if number < len(part.ancestors) - part.opened:
            container = replace(stack[len(found)], begins=False)
            at = skip_prefix(line, at, container)
        else:
            if token.type == "callout_open" and token.markup != ">":
                raise _NotSplittable
            match = (_QUOTE if token.type in _QUOTES else _ITEM).match(line, at)
            if match is None:
                raise _NotSplittable
            prefix = match[0] if match[0].endswith((" ", ">")) else match[0] + " "
            at = match.end()
            container = Container(prefix=prefix, begins=True, list_start=None if token.type in _QUOTES else first)
        found.append(container)
    return found


def skip_prefix(line: str, at: int, container: Container) -> int:
    """Return the place in a line after the prefix of a container that continues."""
    if container.is_quote:
        match = _QUOTE.match(line, at)
        return match.end() if match else at
    end = at
    while end < len(line) and end - at < len(container.prefix) and line[end] == " ":
        end += 1
    return end


def _with_spacing(parts: Blocks) -> tuple[SourceBlock, ...]:
    """Set how many blank lines stand above each kind of part; the most frequent number in the block counts."""
    items = [(one, other) for one, other in pairwise(parts) if _is_next_item(one, other)]
    blank = [one.gap > 0 or bool(QUOTED_BLANK.fullmatch(other.text.split("\n", 1)[0])) for one, other in items]
    loose = int(sum(blank) * 2 > len(blank))
    return tuple(
        replace(part, blanks_above=0 if is_row(part) else loose if _begins_item(part) else int(bool(part.containers)))
        for part in parts
    )


def is_row(part: SourceBlock) -> bool:
    """Return whether a part is a row of a table's body."""
    return bool(part.tokens) and part.tokens[0].type == "tr_open"


def is_head(part: SourceBlock) -> bool:
    """Return whether a part is a table's head, with the delimiter row."""
    return bool(part.tokens) and part.tokens[0].type == "thead_open"


def _is_next_item(one: SourceBlock, other: SourceBlock) -> bool:
    """Return whether a part begins another item of a list that the part above is in."""
    depth = next((depth for depth, container in enumerate(other.containers) if container.begins), len(one.containers))
    return depth < len(one.containers) and not other.containers[depth].is_quote


def _begins_item(part: SourceBlock) -> bool:
    return any(container.begins and not container.is_quote for container in part.containers)
