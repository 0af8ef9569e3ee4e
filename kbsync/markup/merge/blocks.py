"""The blocks of a text cut and ordered as another text has them, where both say the same.

A pull writes footnotes last and raw HTML as one block; a writer may put a note below its paragraph and empty lines into
a table of tags. Neither is a change. Pure.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import partial
from html import unescape

from markdown_it.token import Token

from kbsync.markup.compare import canonical
from kbsync.markup.merge.diff3 import versions
from kbsync.markup.options import PLAIN, MarkupOptions
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
    options: MarkupOptions = PLAIN,
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
    """Return a block; a comment is its writer's own, which no reader has. An empty one is none: it parts two lists."""
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


_NOTE = re.compile(r'<ul><li><p><a id="(fn-[^"]*)"></a>')
_TAG = re.compile(r"<[^>]*>")
_LETTERS = re.compile(r"\w+")


def recut(pieces: Sequence[Piece], like: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the same text in the blocks of `like`, as far as they say the same."""
    found = _with_notes_in_place(pieces, like)
    if not any(_is_raw(piece) for piece in like):
        return tuple(found)
    keys, others = [piece.key for piece in like], [piece.key for piece in found]
    out: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes():
        out += _in_parts(found[c:d], like[a:b]) if tag == "replace" else found[c:d]
    return tuple(out)


def _is_raw(piece: Piece) -> bool:
    return piece.text.startswith("<")


def _in_parts(pieces: Sequence[Piece], like: Sequence[Piece]) -> Iterator[Piece]:
    """Put the blocks of `like` in the place of those that say the same as they, where they are cut otherwise."""
    at = 0
    while at < len(pieces):
        stop, parts = _parts(pieces, at, like) if _is_raw(pieces[at]) else (at + 1, ())
        yield from parts or pieces[at:stop]
        at = stop


def _parts(pieces: Sequence[Piece], at: int, like: Sequence[Piece]) -> tuple[int, Sequence[Piece]]:
    """Find the blocks of `like` that one block says, or the one that says what some blocks do; and where those end."""
    for start in (number for number, first in enumerate(like) if _is_raw(first)):
        size = _run(like, start, pieces[at].key)
        if size:
            return at + 1, like[start : start + size]
        size = _run(pieces, at, like[start].key)
        if size:
            return at + size, like[start : start + 1]
    return at + 1, ()


def _run(pieces: Sequence[Piece], start: int, key: str | None) -> int:
    """Count the blocks from one on that say together what a key says, their closing tags included; 0 where none do."""
    wanted = _letters(key or "")
    html, letters, size = pieces[start].html, _letters(pieces[start].html), 0
    for number in range(start + 1, len(pieces)):
        if len(letters) > len(wanted) or (size and not pieces[number].text.startswith("</")):
            break
        html += pieces[number].html
        letters += _letters(pieces[number].html)
        if _is_raw(pieces[number]) and letters == wanted and canonical(html) == key:
            size = number + 1 - start
        elif size:
            break
    return size


def _letters(html: str) -> str:
    """Return the letters that a text shows, to tell cheaply what cannot be the same."""
    return "".join(_LETTERS.findall(unescape(_TAG.sub("", html))))


def _with_notes_in_place(pieces: Sequence[Piece], like: Sequence[Piece]) -> Sequence[Piece]:
    """Put footnotes below the blocks below which `like` has them, in this version or another."""
    above = {}
    last = ""
    for piece in like:
        note = _NOTE.match(piece.key or "")
        if note:
            above[note[1]] = last
        last = note[1] if note else piece.key or last
    notes = {found[1]: piece for piece in pieces if (found := _NOTE.match(piece.key or "")) and found[1] in above}
    if not notes:
        return pieces
    others = [piece for piece in pieces if piece not in notes.values()]
    names = [piece.key or "" for piece in others]
    blocks = [piece.key or "" for piece in like if not _NOTE.match(piece.key or "")]
    was = {at: blocks[number] for number, at in versions(blocks, names).items()}
    out: list[Piece] = []
    for at, piece in enumerate(others):
        out.append(piece)
        _follow(out, was.get(at, names[at]), above, notes)
    return [*out, *notes.values()]


def _follow(out: list[Piece], key: str, above: dict[str, str], notes: dict[str, Piece]) -> None:
    for name in [name for name in notes if above[name] == key]:
        out.append(replace(notes.pop(name), gap=1))
        _follow(out, name, above, notes)
