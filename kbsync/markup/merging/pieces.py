"""A Markdown text cut into its blocks, each known by what it renders to. Reads only."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from markdown_it.token import Token

from kbsync.markup.canonical import canonical
from kbsync.markup.options import PLAIN, Options
from kbsync.markup.to_html import Block, blocks_to_html, identity

_COMMENT = re.compile(r"\s*(?:<!--(?!\s*-->).*?-->\s*)+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A list's item or a quote around some lines: what its first line leads in with, and whether it begins there.

    `first` is the number that an ordered list begins with.
    """

    lead: str
    begins: bool
    first: int | None = None

    @property
    def is_quote(self) -> bool:
        """Whether this is a quote, or a call-out, which is written as one."""
        return self.lead.lstrip().startswith(">")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Lines that belong together, the empty ones after them, and what they render to.

    `key` is that in canonical form: equal keys say the same. It is None where nothing shows. A part of a block names
    its `group`, the lists and quotes that it stands in, how many empty lines stand above parts like it, and how many
    below the block.
    """

    start: int
    end: int
    text: str
    gap: int
    key: str | None
    html: str = ""
    tokens: Sequence[Token] = field(default=(), compare=False, repr=False)
    group: str = ""
    frames: tuple[Frame, ...] = ()
    above: int = 1
    below: int = 1


def pieces_of(
    markdown: str,
    *,
    resolve: Callable[[str], str] = identity,
    anchors: Collection[str] = frozenset(),
    options: Options = PLAIN,
) -> tuple[Piece, ...]:
    """Cut a text into its blocks; a note above a block goes with it, lines that render to nothing stand alone.

    `resolve` and `anchors` count as they do where the text is rendered.
    """
    render = partial(blocks_to_html, resolve=resolve, anchors=anchors, options=options)
    return tuple(_pieces(markdown, render))


def _pieces(markdown: str, render: Callable[[str], tuple[Block, ...]]) -> Iterator[Piece]:
    lines = markdown.split("\n")
    at = 0
    for block in render(markdown):
        start = _with_note(lines, at, block)
        yield from _silent(lines, at, start)
        end = block.end
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        at = _next_text(lines, end)
        text, key = "\n".join(lines[start:end]), _key(block.html)
        gap = max(1, at - end)
        yield Piece(start=start, end=end, text=text, gap=gap, key=key, html=block.html, tokens=block.tokens)
    yield from _silent(lines, at, len(lines))


def _key(html: str) -> str | None:
    """Name a block; a comment is its writer's own, which no reader has. An empty one is none: it parts two lists."""
    return canonical(html) or (None if _COMMENT.fullmatch(html) else f"shows nothing: {html.strip()}")


def _with_note(lines: list[str], at: int, block: Block) -> int:
    start = block.start
    return start - 1 if start > at and lines[start - 1].startswith("{") else start


def _next_text(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _silent(lines: list[str], start: int, end: int) -> Iterator[Piece]:
    start = _next_text(lines[:end], start)
    while end > start and not lines[end - 1].strip():
        end -= 1
    if start < end:
        yield Piece(start=start, end=end, text="\n".join(lines[start:end]), gap=1, key=None)
