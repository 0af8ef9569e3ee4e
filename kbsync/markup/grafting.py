"""Take over what changed in a text, and leave the rest as its writer wrote it.

Both texts are Markdown; their blocks are matched by what they render to, so that a re-wrapped paragraph, another bullet
or another way to write a link is no change.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from kbsync.markup.canonical import canonical
from kbsync.markup.to_html import Block, blocks_to_html, identity, to_html


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Lines that belong together, the empty ones after them, and what they render to (None: nothing that shows)."""

    text: str
    gap: int
    key: str | None


def graft(
    mine: str, theirs: str, *, resolve: Callable[[str], str] = identity, anchors: Collection[str] = frozenset()
) -> str:
    """Give a text that renders as `theirs` does, in which every block that `mine` renders too is written as in `mine`.

    `resolve` brings the addresses of both to one form, `anchors` are those that other texts link to. Where the outcome
    would not render as `theirs` it is `theirs`.
    """
    ours, other = tuple(_pieces(mine, resolve, anchors)), tuple(_pieces(theirs, resolve, anchors))
    matcher = SequenceMatcher(None, [piece.key for piece in ours], [piece.key for piece in other], autojunk=False)
    taken: list[_Piece] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            taken += ours[a:b]
        else:
            taken += [*other[c:d], *(piece for piece in ours[a:b] if piece.key is None)]
    text = "".join(piece.text + "\n" * (piece.gap + 1) for piece in taken).rstrip("\n") + "\n"
    mended, wanted = (canonical(to_html(written, resolve=resolve, anchors=anchors)) for written in (text, theirs))
    return text if mended == wanted else theirs


def _pieces(markdown: str, resolve: Callable[[str], str], anchors: Collection[str]) -> Iterator[_Piece]:
    """Cut a text into its blocks; a note above a block goes with it, lines that render to nothing stand alone."""
    lines = markdown.split("\n")
    at = 0
    for block in blocks_to_html(markdown, resolve=resolve, anchors=anchors):
        start = _with_note(lines, at, block)
        yield from _silent(lines, at, start)
        end = block.end
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        at = _next_text(lines, end)
        key = canonical(block.html) or f"shows nothing: {block.html.strip()}"
        yield _Piece(text="\n".join(lines[start:end]), gap=max(1, at - end), key=key)
    yield from _silent(lines, at, len(lines))


def _with_note(lines: list[str], at: int, block: Block) -> int:
    start = block.start
    return start - 1 if start > at and lines[start - 1].startswith("{") else start


def _next_text(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _silent(lines: list[str], at: int, end: int) -> Iterator[_Piece]:
    text = "\n".join(lines[at:end]).strip("\n")
    if text.strip():
        yield _Piece(text=text, gap=1, key=None)
