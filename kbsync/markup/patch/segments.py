"""A fragment cut into what is one block of Markdown each, with what each shows a reader and where its text stands.

A leaf is the smallest piece that shows the same by itself, in what stands around it, as it does within the whole;
wrappers that only hold leaves are edges on the way. Never changes a text.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed
from itertools import groupby

from kbsync.markup.compare import canonical_of
from kbsync.markup.dom import HEADINGS, Element, Node, parse, replace, start_tag
from kbsync.markup.normalize import tidy
from kbsync.markup.normalize_inline import is_block, is_spreadable
from kbsync.markup.source_map import Span, settled

Settle = Callable[[str], str]

_LINES = HEADINGS | {"p"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a piece shows: tidy blocks, and all that stands around them, each a line of canonical form."""

    above: str
    blocks: tuple[Element, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each block, which is all that two pieces need to be compared by."""
        return tuple(self.above + canonical_of((block,)) for block in self.blocks)

    def inside(self) -> "Told | None":
        """Return what the only block holds; None where there are more, or where it holds more than blocks."""
        if len(self.blocks) != 1:
            return None
        held = [child for child in self.blocks[0].children if isinstance(child, Element)]
        if len(held) != len(self.blocks[0].children):
            return None
        return Told(above=self.above + canonical_of((emptied(self.blocks[0]),)), blocks=tuple(held))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around a stretch: start tags as written, the elements that they make, and how many show.

    `depth` counts those that show a reader something (lists, items, tables …); the others are wrappers.
    """

    settle: Settle
    opens: tuple[str, ...] = ()
    shells: tuple[Element, ...] = ()
    depth: int = 0
    outer: "Frame | None" = None
    wrappers: int = 0
    holds_blocks: bool = True

    @property
    def tag(self) -> str:
        """The tag of the innermost element around."""
        return self.shells[-1].tag if self.shells else ""

    @property
    def close(self) -> str:
        """The end tag of the innermost element around; none for one that only browsers see."""
        return f"</{self.tag}>" if self.opens[-1] else ""

    def within(self, element: Element, opened: str, *, wrapper: bool) -> "Frame":
        """Return the frame of an element's content."""
        return Frame(
            settle=self.settle,
            opens=(*self.opens, opened),
            shells=(*self.shells, emptied(element)),
            depth=self.depth if wrapper else self.depth + 1,
            outer=self,
            wrappers=self.wrappers + 1 if wrapper else 0,
            holds_blocks=element.tag not in _LINES and is_block(element),
        )

    def told(self, nodes: tuple[Node, ...]) -> Told | None:
        """Return what nodes show in this frame; None where that cannot be told by itself."""
        for shell in reversed(self.shells):
            nodes = (Element(tag=shell.tag, attrs=shell.attrs, children=nodes),)
        return self._read(nodes)

    def shown(self, html: str) -> tuple[str, ...] | None:
        """Return what a piece of HTML shows in this frame, a line for each block."""
        opens = "".join(start_tag(shell) for shell in self.shells)
        closes = "".join(f"</{shell.tag}>" for shell in reversed(self.shells))
        told = self._read(settled(parse(opens + html + closes).nodes, self.settle))
        return told.lines if told else None

    def _read(self, nodes: tuple[Node, ...]) -> Told | None:
        told: Told | None = Told(above="", blocks=tidy(nodes))
        for _ in range(self.depth):
            if told is None or not told.blocks:
                return told
            told = told.inside()
        return told


def emptied(element: Element) -> Element:
    """Return an element without what it holds."""
    return Element(tag=element.tag, attrs=element.attrs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A piece that shows something; `bare` when it is inline content that no paragraph holds.

    `named` is the frame in which it tells the name of the wrapper that it stands first in.
    """

    start: int
    end: int
    lines: tuple[str, ...]
    frame: Frame = field(repr=False)
    span: Span | None = None
    told: Told | None = field(default=None, repr=False)
    named: Frame | None = field(default=None, repr=False)
    bare: bool = False

    @property
    def place(self) -> Frame:
        """The frame that tells what a piece shows in the leaf's place."""
        return self.named or self.frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A piece that shows nothing: a spacer, white space, a comment."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where a wrapper begins or ends; `frame` is that of its content, less its name, which its first leaf tells.

    `named` is the frame of the first leaf, where the wrapper has a name that links go to.
    """

    start: int
    end: int
    frame: Frame = field(repr=False)
    opens: bool
    named: Frame | None = field(default=None, repr=False)


Item = Leaf | Space | Edge


def leaves(items: Sequence[Item]) -> tuple[Leaf, ...]:
    """Return the leaves among the items."""
    return tuple(item for item in items if isinstance(item, Leaf))


def shown_by(items: Sequence[Item]) -> tuple[str, ...]:
    """Return what items show one after another."""
    return tuple(line for leaf in leaves(items) for line in leaf.lines)


_LISTS = frozenset("ul ol menu dir".split())
_ROWS = frozenset("table thead tbody tfoot tr".split())
_PARTS = frozenset("thead tbody tfoot".split())
_HOLDERS = frozenset("div center article main".split())
_NAMES = ("id", "name")
_LINE = HEADINGS | {"p"}
_WHITE = " \t\n\r\f"
_WRAPPERS = 16
"""How many wrappers around one another are looked into; real articles have up to nine."""


def cut(frame: Frame, parts: Sequence[Span], html: str) -> tuple[Item, ...] | None:
    """Cut a stretch into items that cover it; None where some of it cannot be told by itself."""
    out: list[Item] = []
    for group in _groups(frame, parts):
        items = _cut_group(frame, group, html)
        if items is None:
            return None
        out += items
    return tuple(out)


def cut_inside(leaf: Leaf, html: str) -> tuple[Frame, tuple[Item, ...]] | None:
    """Cut the content of a leaf that is a list, an item, a table, a row, a cell, a box; None where it is no such."""
    span = leaf.span
    if span is None or span.inner is None or span.parts is None or span.element is None or span.element.tag in _LINE:
        return None
    # What is around a leaf may show too, where the leaf is all of it: a box with a class and a single list in it.
    ways = (_cut_inside(leaf, span.element, span, html, shells=shells) for shells in range(leaf.frame.wrappers + 1))
    return next((way for way in ways if way is not None), None)


def _cut_inside(
    leaf: Leaf, element: Element, span: Span, html: str, *, shells: int
) -> tuple[Frame, tuple[Item, ...]] | None:
    if span.inner is None or span.parts is None:
        return None
    plain = _nameless(element)
    frame = leaf.frame.within(plain, html[span.start : span.inner[0]], wrapper=False)
    frame = changed(frame, depth=frame.depth + shells)
    items = cut(frame, span.parts, html)
    if items is None or not leaves(items):
        return None
    told = leaf.named.told(span.nodes) if leaf.named is not None else leaf.told
    if told is leaf.told and plain.attrs == element.attrs:
        return (frame, items) if shown_by(items) == _inside(told, shells) else None
    named = tuple(_named(items, _inside(told, shells)))
    if shown_by(named) == _inside(told, shells):
        return frame, named
    return (frame, items) if shown_by(items) == _inside(leaf.frame.told((plain,)), shells) else None


def _inside(told: Told | None, shells: int) -> tuple[str, ...]:
    for _ in range(1 + shells):
        told = told.inside() if told is not None else None
    return told.lines if told is not None else ()


def _nameless(element: Element) -> Element:
    return replace(element, attrs={key: value for key, value in element.attrs.items() if key not in _NAMES})


def _cut_group(frame: Frame, group: Sequence[Span], html: str) -> Sequence[Item] | None:
    only = group[0] if len(group) == 1 else None
    if only is not None and only.element is not None and only.element.tag in _PARTS and only.parts is not None:
        # That its rows show the same as the part itself is told by the table, which shows no parts.
        return _cut_part(frame, only, html)
    told = frame.told(tuple(node for span in group for node in span.nodes))
    if told is None:
        return None
    lines = told.lines
    if not lines:
        return [Space(start=group[0].start, end=group[-1].end)]
    if only is not None and (inside := _cut_wrapper(frame, only, lines, html)):
        return inside
    bare = not any(_is_block(span) for span in group)
    if bare and (pieces := _cut_run(frame, group, lines, html)):
        return pieces
    return [Leaf(start=group[0].start, end=group[-1].end, lines=lines, frame=frame, span=only, told=told, bare=bare)]


def _cut_part(frame: Frame, span: Span, html: str) -> Sequence[Item] | None:
    if span.element is None or span.inner is None or span.parts is None:
        return None
    inner = frame.within(span.element, html[span.start : span.inner[0]], wrapper=True)
    items = cut(inner, span.parts, html)
    if items is None:
        return None
    if not leaves(items):
        return [Space(start=span.start, end=span.end)]
    return _edged(span, span.inner, inner, items)


def _edged(
    span: Span, within: tuple[int, int], frame: Frame, items: Sequence[Item], named: Frame | None = None
) -> list[Item]:
    first = Edge(start=span.start, end=within[0], frame=frame, opens=True, named=named)
    return [first, *items, Edge(start=within[1], end=span.end, frame=frame, opens=False)]


def _cut_wrapper(frame: Frame, span: Span, lines: tuple[str, ...], html: str) -> Sequence[Item] | None:
    """Look into an element that shows nothing itself, where its parts show by themselves what it shows."""
    element = span.element
    if element is None or span.inner is None or span.parts is None or frame.wrappers >= _WRAPPERS:
        return None
    if not _may_wrap(element, lines):
        return None
    opened = html[span.start : span.inner[0]]
    plain = _nameless(element)
    inner = frame.within(plain, opened, wrapper=True)
    items = cut(inner, span.parts, html)
    is_named = len(plain.attrs) < len(element.attrs)
    if items is None or shown_by(items) != (_lines(frame, (plain,)) if is_named else lines):
        return None
    if not leaves(items):
        return None
    named = frame.within(element, opened, wrapper=True) if is_named else None
    return _edged(span, span.inner, inner, _named(items, lines) if is_named else items, named)


def _lines(frame: Frame, nodes: tuple[Node, ...]) -> tuple[str, ...]:
    told = frame.told(nodes)
    return told.lines if told is not None else ()


def _named(items: Sequence[Item], lines: tuple[str, ...]) -> list[Item]:
    """Let the first leaf tell the name of the wrapper around it, as a reader's browser finds it."""
    out = list(items)
    at = next(at for at, item in enumerate(out) if isinstance(item, Leaf))
    leaf = out[at]
    if isinstance(leaf, Leaf) and lines:
        extra = len(lines) - len(shown_by(items))
        out[at] = changed(leaf, lines=lines[: len(leaf.lines) + extra])
    return out


def _may_wrap(element: Element, lines: tuple[str, ...]) -> bool:
    if element.tag in _HOLDERS | _PARTS:
        return True
    if element.tag == "p":
        return len(lines) > 1
    return is_spreadable(element) and (is_block(element) or len(lines) > 1)


def _cut_run(frame: Frame, run: Sequence[Span], lines: tuple[str, ...], html: str) -> list[Item] | None:
    """Part inline content at its breaks, as a reader sees paragraphs."""
    pieces: list[tuple[bool, list[Span]]] = []
    for silent, spans in groupby(run, key=_is_silent):
        group = list(spans)
        apart = silent and (sum(map(_breaks, group)) > 1 or not pieces or group[-1] is run[-1])
        if pieces and not apart and not pieces[-1][0]:
            pieces[-1][1].extend(group)
        else:
            pieces.append((apart, group))
    items: list[Item] = []
    for apart, group in pieces:
        told = () if apart else _lines(frame, tuple(node for span in group for node in span.nodes))
        inside = _cut_wrapper(frame, group[0], told, html) if told and len(group) == 1 else None
        items += inside or [_piece(frame, group, told)]
    return items if shown_by(items) == lines else None


def _piece(frame: Frame, run: Sequence[Span], lines: tuple[str, ...]) -> Item:
    start, end = run[0].start, run[-1].end
    if not lines:
        return Space(start=start, end=end)
    return Leaf(start=start, end=end, lines=lines, frame=frame, bare=True)


def _is_silent(span: Span) -> bool:
    """Whether a piece of inline content is only breaks, white space and comments, whatever marks stand around them."""
    return all(not node.strip() if isinstance(node, str) else _is_break(node) for node in span.nodes)


def _is_break(node: Element) -> bool:
    return node.tag == "br" or (
        is_spreadable(node)
        and bool(node.children)
        and all(not child.strip() if isinstance(child, str) else _is_break(child) for child in node.children)
    )


def _breaks(span: Span) -> int:
    return sum(1 if node.tag == "br" else _breaks_in(node) for node in span.nodes if isinstance(node, Element))


def _breaks_in(node: Element) -> int:
    return sum(1 if child.tag == "br" else _breaks_in(child) for child in node.children if isinstance(child, Element))


def _is_block(span: Span) -> bool:
    return any(isinstance(node, Element) and is_block(node) for node in span.nodes)


def _groups(frame: Frame, parts: Sequence[Span]) -> Iterator[list[Span]]:
    """Put together what is one block: inline content, stray items, an item with what stands astray after it."""
    group: list[Span] = []
    kind = ""
    for span in parts:
        now = _kind(frame, span)
        if group and now not in _JOINS.get(kind, ()):
            yield from _trimmed(group, kind)
            group = []
        if not group:
            kind = now
        group.append(span)
    if group:
        yield from _trimmed(group, kind)


_JOINS = {
    "inline": ("inline", "white"),
    "white": ("inline", "white"),
    "stray item": ("stray item", "white"),
    "item": ("astray", "white"),
}


def _trimmed(group: list[Span], kind: str) -> Iterator[list[Span]]:
    """Part white space from the end of a group of blocks, so that a single element stands alone."""
    end = len(group)
    while kind.endswith("item") and _is_white(group[end - 1]):
        end -= 1
    yield group[:end]
    if end < len(group):
        yield group[end:]


def _kind(frame: Frame, span: Span) -> str:
    tag = span.element.tag if span.element is not None else ""
    if frame.tag in _ROWS:
        return "row"
    if _is_white(span):
        return "white"
    if frame.tag in _LISTS:
        return "item" if tag == "li" else "astray"
    if tag == "li":
        return "stray item"
    return "block" if _is_block(span) else "inline"


def _is_white(span: Span) -> bool:
    return all(isinstance(node, str) and not node.strip(_WHITE) for node in span.nodes)
