"""Splits a text into blocks known by what they render to, and realigns them with those of another text.

A pull writes footnotes last and raw HTML as one block; an author may put a footnote below its paragraph and blank lines
into raw HTML. Neither is a change. Never changes what a text renders to.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import unescape

from markdown_it.token import Token

from kbsync.markup.align import align, count_words, opcodes, similarity
from kbsync.markup.compare import canonical
from kbsync.markup.merge.diff3 import match_versions
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import RenderedBlock, render_blocks, unchanged_address

_SHORT = 1000
_MIN_SIMILARITY = 0.3
"""The share of their words that two blocks must have in common to be versions of one another."""

_COMMENT = re.compile(r"\s*(?:<!--(?!\s*-->).*?-->\s*)+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container block around some lines, a list item or a block quote: its prefix, and whether it begins there.

    `list_start` is the number that an ordered list begins with.
    """

    prefix: str
    begins: bool
    list_start: int | None = None

    @property
    def is_quote(self) -> bool:
        """Whether this is a block quote, or a call-out, which is written as one."""
        return self.prefix.lstrip().startswith(">")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBlock:
    """The lines of one block or part of a block, the blank lines after them (`gap`), and what they render to.

    `key` is the canonical form: equal keys render to the same. It is None where nothing is visible. A part of a block
    has the `group` of the block, the containers around it, the blank lines above parts of its kind, and those below
    the block.
    """

    start: int
    end: int
    text: str
    gap: int
    key: str | None
    html: str = ""
    tokens: Sequence[Token] = field(default=(), compare=False, repr=False)
    group: str = ""
    containers: tuple[Container, ...] = ()
    blanks_above: int = 1
    blanks_below: int = 1


Blocks = Sequence[SourceBlock]


def split_blocks(
    markdown: str,
    *,
    resolve: Callable[[str], str] = unchanged_address,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
) -> tuple[SourceBlock, ...]:
    """Split a text into blocks; an attribute list belongs to the block below it, invisible lines are blocks too.

    `resolve`, `anchors` and `options` are those of rendering.
    """
    rendered = render_blocks(markdown, resolve=resolve, anchors=anchors, options=options)
    return tuple(_split(markdown, rendered, options.keep_classes))


def _split(markdown: str, rendered: Sequence[RenderedBlock], keep: Collection[str]) -> Iterator[SourceBlock]:
    lines = markdown.split("\n")
    at = 0
    for block in rendered:
        has_attributes = block.start > at and lines[block.start - 1].startswith("{")
        start = block.start - has_attributes
        yield from _invisible_lines(lines, at, start)
        end = trim_blank_lines(lines, start + 1, block.end)
        at = _skip_blank_lines(lines, end)
        text, key = "\n".join(lines[start:end]), _key(block.html, keep)
        gap = max(1, at - end)
        yield SourceBlock(start=start, end=end, text=text, gap=gap, key=key, html=block.html, tokens=block.tokens)
    yield from _invisible_lines(lines, at, len(lines))


def _key(html: str, keep: Collection[str]) -> str | None:
    """Return the key of a block; None for a comment, except an empty one, which separates two lists."""
    return canonical_part(html, keep) or (None if is_comment(html) else f"shows nothing: {html.strip()}")


def canonical_part(html: str, keep: Collection[str]) -> str:
    """Return the canonical form of a block, or of a part of one; most are the same in all versions of a text."""
    return _canonical_of_short(html, frozenset(keep)) if len(html) <= _SHORT else canonical(html, keep)


_canonical_of_short = lru_cache(maxsize=16384)(canonical)


def is_comment(html: str) -> bool:
    """Return whether HTML is nothing but comments that are not empty."""
    return _COMMENT.fullmatch(html) is not None


def _skip_blank_lines(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def pair_versions(old: Blocks, new: Blocks) -> dict[int, int]:
    """Return for new blocks which old one each is a version of: in order where there are as many, else by words."""
    rows, columns = ([at for at, one in enumerate(side) if one.key is not None] for side in (old, new))
    if len(rows) == len(columns):
        return dict(zip(columns, rows, strict=True))
    one, other = [count_words(old[at].key or "") for at in rows], [count_words(new[at].key or "") for at in columns]
    pairs = align(one, other, similarity, minimum=_MIN_SIMILARITY, repeat=True) or []
    return {columns[k]: rows[i] for i, k in pairs}


def trim_blank_lines(lines: Sequence[str], start: int, end: int) -> int:
    """Return the end of some lines without the blank ones at their end, but no less than `start`."""
    while end > start and not lines[end - 1].strip():
        end -= 1
    return end


def _invisible_lines(lines: list[str], start: int, end: int) -> Iterator[SourceBlock]:
    start = _skip_blank_lines(lines[:end], start)
    end = trim_blank_lines(lines, start, end)
    if start < end:
        yield SourceBlock(start=start, end=end, text="\n".join(lines[start:end]), gap=1, key=None)


_MAX_PAIRS = 10_000
"""Pairs of blocks of one difference that are compared; in a larger one blocks stay as they are split."""

_FOOTNOTE = re.compile(r'<ul><li><p><a id="(fn-[^"]*)"></a>')
_TAG = re.compile(r"<[^>]*>")
_WORD = re.compile(r"\w+")


def realign(blocks: Blocks, like: Blocks) -> tuple[SourceBlock, ...]:
    """Return the blocks of a text split and ordered like those of another, where both render to the same."""
    found = _place_footnotes(blocks, like)
    if not any(_begins_with_tag(block) for block in like):
        return tuple(found)
    keys, others = [block.key for block in like], [block.key for block in found]
    out: list[SourceBlock] = []
    for tag, a, b, c, d in opcodes(keys, others):
        is_searched = tag == "replace" and (b - a) * (d - c) <= _MAX_PAIRS
        out += _realign_raw(found[c:d], like[a:b]) if is_searched else found[c:d]
    return tuple(out)


def _begins_with_tag(block: SourceBlock) -> bool:
    return block.text.startswith("<")


def _realign_raw(blocks: Blocks, like: Blocks) -> Iterator[SourceBlock]:
    """Replace blocks by those of `like` that render to the same but are split differently."""
    at = 0
    while at < len(blocks):
        stop, parts = _find_equivalent(blocks, at, like) if _begins_with_tag(blocks[at]) else (at + 1, ())
        yield from parts or blocks[at:stop]
        at = stop


def _find_equivalent(blocks: Blocks, at: int, like: Blocks) -> tuple[int, Blocks]:
    """Find the blocks of `like` that render to one block, or the one that renders to several; and where those end."""
    for start in (number for number, first in enumerate(like) if _begins_with_tag(first)):
        size = _count_equivalent(like, start, blocks[at].key)
        if size:
            return at + 1, like[start : start + size]
        size = _count_equivalent(blocks, at, like[start].key)
        if size:
            return at + size, like[start : start + 1]
    return at + 1, ()


def _count_equivalent(blocks: Blocks, start: int, key: str | None) -> int:
    """Count the blocks from `start` on that render together to a key, with their end tags; 0 where none do."""
    wanted = _visible_letters(key or "")
    html, letters, size = blocks[start].html, _visible_letters(blocks[start].html), 0
    for number in range(start + 1, len(blocks)):
        if len(letters) > len(wanted) or (size and not blocks[number].text.startswith("</")):
            break
        html += blocks[number].html
        letters += _visible_letters(blocks[number].html)
        if _begins_with_tag(blocks[number]) and letters == wanted and canonical(html) == key:
            size = number + 1 - start
        elif size:
            break
    return size


def _visible_letters(html: str) -> str:
    """Return the visible letters of HTML: a cheap check for what cannot be the same."""
    return "".join(_WORD.findall(unescape(_TAG.sub("", html))))


def _place_footnotes(blocks: Blocks, like: Blocks) -> Blocks:
    """Move footnotes below the blocks, or versions of them, below which `like` has them."""
    below: defaultdict[str, list[str]] = defaultdict(list)
    last = ""
    for block in like:
        footnote = _FOOTNOTE.match(block.key or "")
        if footnote:
            below[last].append(footnote[1])
        last = footnote[1] if footnote else block.key or last
    found = ((_FOOTNOTE.match(block.key or ""), block) for block in blocks)
    known = {name for names in below.values() for name in names}
    footnotes = {match[1]: block for match, block in found if match and match[1] in known}
    if not footnotes:
        return blocks
    placed = {id(block) for block in footnotes.values()}
    others = [block for block in blocks if id(block) not in placed]
    names = [block.key or "" for block in others]
    keys = [block.key or "" for block in like if not _FOOTNOTE.match(block.key or "")]
    base_keys = {at: keys[number] for number, at in match_versions(keys, names).items()}
    out: list[SourceBlock] = []
    for at, block in enumerate(others):
        out.append(block)
        _append_footnotes(out, base_keys.get(at, names[at]), below, footnotes)
    return [*out, *footnotes.values()]


def _append_footnotes(
    out: list[SourceBlock], key: str, below: Mapping[str, list[str]], footnotes: dict[str, SourceBlock]
) -> None:
    for name in below.get(key, ()):
        if name in footnotes:
            out.append(replace(footnotes.pop(name), gap=1))
            _append_footnotes(out, name, below, footnotes)
