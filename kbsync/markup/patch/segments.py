"""Splits a fragment into segments: leaves, each one block of Markdown, the tags of wrappers around them, and blanks.

A leaf is the smallest part that shows a reader the same on its own, within its ancestors, as within the whole. Never
changes a text and never compares two.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed
from itertools import groupby

from kbsync.markup.compare import canonical_of
from kbsync.markup.dom import HEADINGS, Element, Node, child_elements, contains, descendants, parse, replace, start_tag
from kbsync.markup.normalize import WRAPPERS, is_caption, normalize
from kbsync.markup.normalize_inline import can_hoist_blocks, is_block
from kbsync.markup.source_map import OpenElement, SourceSpan, resolve_nodes

Resolve = Callable[[str], str]

_PHRASING_ONLY = HEADINGS | {"p"}
_LISTS = frozenset("ul ol menu dir".split())
_ROWS = frozenset("table thead tbody tfoot tr".split())
_TABLE_SECTIONS = frozenset("thead tbody tfoot".split())
_NAMES = ("id", "name")
_WHITE_SPACE = " \t\n\r\f"
_CAPTION = "<figcaption></figcaption>"
_MAX_WRAPPERS = 16
"""How many wrappers around one another are split; real articles have up to nine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleContent:
    """What a part shows: normalized blocks, and the ancestors around them in canonical form."""

    above: str
    blocks: tuple[Element, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each block; equal lines show the same."""
        return tuple(self.above + canonical_of((block,)) for block in self.blocks)

    def inside(self) -> "VisibleContent | None":
        """Return the content of the only block; None where there are more, or it holds anything but blocks."""
        if len(self.blocks) != 1:
            return None
        children = child_elements(self.blocks[0])
        if len(children) != len(self.blocks[0].children):
            return None
        above = self.above + canonical_of((_without_children(self.blocks[0]),))
        return VisibleContent(above=above, blocks=tuple(children))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestors:
    """The ancestors of a part: their start tags as written, and the elements that these make.

    `depth` counts those that are visible to a reader (lists, items, tables …); the others are wrappers. `keep` are
    classes that count, of those that mean nothing.
    """

    resolve: Resolve
    keep: frozenset[str] = frozenset()
    start_tags: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()
    depth: int = 0
    parent: "Ancestors | None" = None
    wrappers: int = 0
    holds_blocks: bool = True

    @property
    def tag(self) -> str:
        """The tag of the parent element."""
        return self.elements[-1].tag if self.elements else ""

    @property
    def end_tag(self) -> str:
        """The end tag of the parent element; none for an implied one."""
        return f"</{self.tag}>" if self.start_tags[-1] else ""

    def child(self, element: Element, opened: str, *, wrapper: bool) -> "Ancestors":
        """Return the ancestors of an element's content."""
        return Ancestors(
            resolve=self.resolve,
            keep=self.keep,
            start_tags=(*self.start_tags, opened),
            elements=(*self.elements, _as_ancestor(element)),
            depth=self.depth if wrapper else self.depth + 1,
            parent=self,
            wrappers=self.wrappers + 1 if wrapper else 0,
            holds_blocks=element.tag not in _PHRASING_ONLY and is_block(element),
        )

    def content_of(self, nodes: tuple[Node, ...]) -> VisibleContent | None:
        """Return what nodes show within these ancestors; None where they do not show it on their own."""
        for element in reversed(self.elements):
            nodes = (replace(element, children=(*element.children, *nodes)),)
        return self._read(nodes)

    def visible_lines(self, html: str) -> tuple[str, ...] | None:
        """Return what HTML shows within these ancestors, a line for each block."""
        opens = "".join(start_tag(element) + _CAPTION * bool(element.children) for element in self.elements)
        closes = "".join(f"</{element.tag}>" for element in reversed(self.elements))
        content = self._read(resolve_nodes(parse(opens + html + closes).nodes, self.resolve))
        return content.lines if content else None

    def _read(self, nodes: tuple[Node, ...]) -> VisibleContent | None:
        content: VisibleContent | None = VisibleContent(above="", blocks=normalize(nodes, self.keep, hoist=False))
        for _ in range(self.depth):
            if content is None or not content.blocks:
                return content
            content = content.inside()
        return content


def _without_children(element: Element) -> Element:
    return Element(tag=element.tag, attrs=element.attrs)


def _as_ancestor(element: Element) -> Element:
    """Return an element without its content, but with an empty caption where it has one, which makes it a figure."""
    has_caption = element.tag == "figure" and contains(element.children, is_caption)
    return replace(element, children=(Element(tag="figcaption"),) if has_caption else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafSegment:
    """A part that shows something; `is_inline` when it is inline content outside any paragraph.

    `named_ancestors` are set where it is the first leaf of a wrapper with an anchor, and its lines contain that anchor.
    """

    start: int
    end: int
    lines: tuple[str, ...]
    ancestors: Ancestors = field(repr=False)
    span: SourceSpan | None = None
    content: VisibleContent | None = field(default=None, repr=False)
    named_ancestors: Ancestors | None = field(default=None, repr=False)
    is_inline: bool = False

    @property
    def opened(self) -> OpenElement | None:
        """The leaf's element, if it can be split."""
        return self.span.opened if self.span is not None else None

    @property
    def effective_ancestors(self) -> Ancestors:
        """The ancestors within which another text has to show the same as this leaf."""
        return self.named_ancestors or self.ancestors


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankSegment:
    """A part that shows nothing: a spacer, white space, a comment."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapperTag:
    """The start or end tag of a wrapper; `ancestors` are those of its content, without the wrapper's anchor.

    `named_ancestors` are those of its first leaf, where the wrapper has an anchor.
    """

    start: int
    end: int
    ancestors: Ancestors = field(repr=False)
    opens: bool
    named_ancestors: Ancestors | None = field(default=None, repr=False)


Segment = LeafSegment | BlankSegment | WrapperTag


def leaves(segments: Sequence[Segment]) -> tuple[LeafSegment, ...]:
    """Return the leaves among segments."""
    return tuple(segment for segment in segments if isinstance(segment, LeafSegment))


def _lines_of(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(line for leaf in leaves(segments) for line in leaf.lines)


def split_into_segments(ancestors: Ancestors, parts: Sequence[SourceSpan], html: str) -> tuple[Segment, ...] | None:
    """Split spans into segments that cover them; None where a part shows nothing on its own."""
    out: list[Segment] = []
    for group in _groups(ancestors, parts):
        segments = _split_group(ancestors, group, html)
        if segments is None:
            return None
        out += segments
    return tuple(out)


def split_inside(leaf: LeafSegment, html: str) -> tuple[Ancestors, tuple[Segment, ...]] | None:
    """Split the content of a leaf that is a list, an item, a table, a row, a cell or a box; None for any other."""
    opened = leaf.opened
    if opened is None or opened.element.tag in _PHRASING_ONLY:
        return None
    # Wrappers may be visible too, where the leaf is all of their content: a box with a class around a single list.
    results = (_split_inside(leaf, opened, html, extra=extra) for extra in range(leaf.ancestors.wrappers + 1))
    return next((result for result in results if result is not None), None)


def _split_inside(
    leaf: LeafSegment, opened: OpenElement, html: str, *, extra: int
) -> tuple[Ancestors, tuple[Segment, ...]] | None:
    unnamed = _without_name(opened.element)
    ancestors = leaf.ancestors.child(unnamed, html[leaf.start : opened.start], wrapper=False)
    ancestors = changed(ancestors, depth=ancestors.depth + extra)
    segments = split_into_segments(ancestors, opened.parts, html)
    if segments is None or not leaves(segments):
        return None
    named_ancestors = leaf.named_ancestors
    content = leaf.content if named_ancestors is None else named_ancestors.content_of((opened.element,))
    if content is leaf.content and unnamed.attrs == opened.element.attrs:
        return (ancestors, segments) if _lines_of(segments) == _inside(content, extra) else None
    named = tuple(_name_first_leaf(segments, _inside(content, extra)))
    if _lines_of(named) == _inside(content, extra):
        return ancestors, named
    lines = _inside(leaf.ancestors.content_of((unnamed,)), extra)
    return (ancestors, segments) if _lines_of(segments) == lines else None


def _inside(content: VisibleContent | None, extra: int) -> tuple[str, ...]:
    for _ in range(1 + extra):
        content = content.inside() if content is not None else None
    return _lines(content)


def _without_name(element: Element) -> Element:
    return replace(element, attrs={key: value for key, value in element.attrs.items() if key not in _NAMES})


def _split_group(ancestors: Ancestors, group: Sequence[SourceSpan], html: str) -> Sequence[Segment] | None:
    only = group[0] if len(group) == 1 else None
    opened = only.opened if only is not None else None
    if only is not None and opened is not None and opened.element.tag in _TABLE_SECTIONS:
        # The table itself checks that the rows show the same: it shows no sections.
        return _split_table_section(ancestors, only, opened, html)
    content = ancestors.content_of(tuple(node for span in group for node in span.nodes))
    if content is None:
        return None
    start, end, lines = group[0].start, group[-1].end, content.lines
    if not lines:
        return [BlankSegment(start=start, end=end)]
    if only is not None and (inside := _split_wrapper(ancestors, only, lines, html)):
        return inside
    is_inline = not any(is_block(node) for span in group for node in span.nodes)
    if is_inline and (groups := _split_inline(ancestors, group, lines, html)):
        return groups
    leaf = LeafSegment(start=start, end=end, lines=lines, ancestors=ancestors, is_inline=is_inline)
    return [changed(leaf, span=only, content=content)]


def _split_table_section(
    ancestors: Ancestors, span: SourceSpan, opened: OpenElement, html: str
) -> Sequence[Segment] | None:
    inner = ancestors.child(opened.element, html[span.start : opened.start], wrapper=True)
    segments = split_into_segments(inner, opened.parts, html)
    if segments is None:
        return None
    if not leaves(segments):
        return [BlankSegment(start=span.start, end=span.end)]
    return _wrap(span, opened, inner, segments)


def _wrap(
    span: SourceSpan,
    opened: OpenElement,
    ancestors: Ancestors,
    segments: Sequence[Segment],
    named: Ancestors | None = None,
) -> list[Segment]:
    first = WrapperTag(start=span.start, end=opened.start, ancestors=ancestors, opens=True, named_ancestors=named)
    return [first, *segments, WrapperTag(start=opened.end, end=span.end, ancestors=ancestors, opens=False)]


def _split_wrapper(
    ancestors: Ancestors, span: SourceSpan, lines: tuple[str, ...], html: str
) -> Sequence[Segment] | None:
    """Split an element that shows nothing itself, if its parts show the same on their own."""
    opened = span.opened
    if opened is None or ancestors.wrappers >= _MAX_WRAPPERS or not _may_wrap(opened.element, lines):
        return None
    tag = html[span.start : opened.start]
    unnamed = _without_name(opened.element)
    inner = ancestors.child(unnamed, tag, wrapper=True)
    segments = split_into_segments(inner, opened.parts, html)
    is_named = len(unnamed.attrs) < len(opened.element.attrs)
    wanted = _lines(ancestors.content_of((unnamed,))) if is_named else lines
    if segments is None or _lines_of(segments) != wanted or not leaves(segments):
        return None
    named = ancestors.child(opened.element, tag, wrapper=True) if is_named else None
    return _wrap(span, opened, inner, _name_first_leaf(segments, lines) if is_named else segments, named)


def _lines(content: VisibleContent | None) -> tuple[str, ...]:
    return content.lines if content is not None else ()


def _name_first_leaf(segments: Sequence[Segment], lines: tuple[str, ...]) -> list[Segment]:
    """Add the wrapper's anchor to the lines of its first leaf, where normalization puts it."""
    out = list(segments)
    at = next(at for at, segment in enumerate(out) if isinstance(segment, LeafSegment))
    leaf = out[at]
    if isinstance(leaf, LeafSegment) and lines:
        extra = len(lines) - len(_lines_of(segments))
        out[at] = changed(leaf, lines=lines[: len(leaf.lines) + extra])
    return out


def _may_wrap(element: Element, lines: tuple[str, ...]) -> bool:
    if element.tag in WRAPPERS | _TABLE_SECTIONS:
        return True
    if element.tag == "p":
        return len(lines) > 1
    return can_hoist_blocks(element) and (is_block(element) or len(lines) > 1)


def _split_inline(
    ancestors: Ancestors, run: Sequence[SourceSpan], lines: tuple[str, ...], html: str
) -> list[Segment] | None:
    """Split inline content at its breaks, as a reader sees paragraphs."""
    groups: list[tuple[bool, list[SourceSpan]]] = []
    for invisible, spans in groupby(run, key=lambda span: all(map(_is_invisible, span.nodes))):
        group = list(spans)
        breaks = sum(node.tag == "br" for span in group for node in descendants(span.nodes))
        is_blank = invisible and (breaks > 1 or not groups or group[-1] is run[-1])
        if groups and not is_blank and not groups[-1][0]:
            groups[-1][1].extend(group)
        else:
            groups.append((is_blank, group))
    segments: list[Segment] = []
    for is_blank, group in groups:
        start, end, nodes = group[0].start, group[-1].end, tuple(node for span in group for node in span.nodes)
        shown = () if is_blank else _lines(ancestors.content_of(nodes))
        inside = _split_wrapper(ancestors, group[0], shown, html) if shown and len(group) == 1 else None
        if inside:
            segments += inside
        elif shown:
            segments.append(LeafSegment(start=start, end=end, lines=shown, ancestors=ancestors, is_inline=True))
        else:
            segments.append(BlankSegment(start=start, end=end))
    return segments if _lines_of(segments) == lines else None


def _is_invisible(node: Node) -> bool:
    """Return whether inline content is only breaks and white space, with any marks around them."""
    if isinstance(node, str):
        return not node.strip()
    is_filled_mark = can_hoist_blocks(node) and bool(node.children)
    return node.tag == "br" or (is_filled_mark and all(map(_is_invisible, node.children)))


def _groups(ancestors: Ancestors, parts: Sequence[SourceSpan]) -> Iterator[list[SourceSpan]]:
    """Group what is one block: inline content, items outside a list, an item and the misplaced nodes after it."""
    group: list[SourceSpan] = []
    kind = ""
    for span in parts:
        next_kind = _kind(ancestors, span)
        if next_kind not in _JOINS.get(kind, ()):
            yield from _without_trailing_space(group, kind)
            group, kind = [], next_kind
        group.append(span)
    yield from _without_trailing_space(group, kind)


_JOINS = {
    "inline": ("inline", "white space"),
    "white space": ("inline", "white space"),
    "orphan item": ("orphan item", "white space"),
    "item": ("misplaced", "white space"),
}


def _without_trailing_space(group: list[SourceSpan], kind: str) -> Iterator[list[SourceSpan]]:
    """Separate white space from the end of a group, so that a single element is a group of its own."""
    end = len(group)
    while kind.endswith("item") and _is_white_space(group[end - 1]):
        end -= 1
    yield from filter(None, (group[:end], group[end:]))


def _kind(ancestors: Ancestors, span: SourceSpan) -> str:
    tag = span.element.tag if span.element is not None else ""
    if ancestors.tag in _ROWS:
        return "row"
    if _is_white_space(span):
        return "white space"
    if ancestors.tag in _LISTS:
        return "item" if tag == "li" else "misplaced"
    if tag == "li":
        return "orphan item"
    return "block" if any(map(is_block, span.nodes)) else "inline"


def _is_white_space(span: SourceSpan) -> bool:
    return all(isinstance(node, str) and not node.strip(_WHITE_SPACE) for node in span.nodes)
