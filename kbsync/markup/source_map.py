"""Where the nodes of a fragment stand in its text, so that a piece of HTML can be cut out byte for byte.

The tree is that of `parse`, the places are the parser's own. Where the two do not fit (misnested marks, elements that a
browser moves or makes up) the region is one span without parts. Never changes a text and never judges one.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import turbohtml

from kbsync.markup.dom import VOID, Element, Node, parse, serialized
from kbsync.markup.raw_html import without_scripts

_ADDRESSES = ("href", "src", "poster")
# What a browser goes on with after the element that should have ended it (the standard's formatting elements).
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
# Parts of a table that a browser adds where the text has none.
_ADDED = frozenset("tbody colgroup".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of text and the nodes that it makes; a comment makes none.

    `inner` is where the content of a single element stands, and `parts` cover it without a gap; both are None where it
    cannot be cut further. One that `leaks` is told by what stands before it, or tells what comes after.
    """

    start: int
    end: int
    nodes: tuple[Node, ...]
    inner: tuple[int, int] | None = None
    parts: tuple["Span", ...] | None = None
    leaks: bool = False

    @property
    def element(self) -> Element | None:
        """The single element that the span makes, if it makes one and nothing else."""
        only = self.nodes[0] if len(self.nodes) == 1 else ""
        return None if isinstance(only, str) else only


def spans(html: str, settle: Callable[[str], str]) -> tuple[Span, ...] | None:
    """Cut a fragment; its nodes come without what a browser would run, and their addresses through `settle`.

    None where the text cannot be cut at all.
    """
    parsed = parse(html)
    if parsed.deep or "\0" in html:
        return None
    root = turbohtml.parse_fragment(html, source_locations=True)
    parts = _Cutter(html, settle).parts(root.children, 0, len(html))
    nodes = _joined(node for part in parts for node in part.nodes)
    return parts if serialized(nodes) == serialized(settled(parsed.nodes, settle)) else None


def settled(nodes: Iterable[Node], settle: Callable[[str], str]) -> tuple[Node, ...]:
    """Return nodes as spans hold them: without what a browser would run, addresses through `settle`."""
    out: list[Node] = []
    for node in nodes:
        out += [node] if isinstance(node, str) else _bare(node.tag, node.attrs, settled(node.children, settle), settle)
    return _joined(out)


def _bare(
    tag: str, attrs: Mapping[str, str], children: tuple[Node, ...], settle: Callable[[str], str]
) -> list[Element]:
    kept, _ = without_scripts((Element(tag=tag, attrs=attrs),))
    shells = [shell for shell in kept if isinstance(shell, Element)]
    return [Element(tag=tag, attrs=_addressed(shell.attrs, settle), children=children) for shell in shells]


def _addressed(attrs: Mapping[str, str], settle: Callable[[str], str]) -> dict[str, str]:
    return {key: settle(value) if key in _ADDRESSES else value for key, value in attrs.items()}


def _joined(nodes: Iterable[Node]) -> tuple[Node, ...]:
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str) and out and isinstance(out[-1], str):
            out[-1] += node
        elif node != "":
            out.append(node)
    return tuple(out)


class _Cutter:
    """One text being cut."""

    def __init__(self, html: str, settle: Callable[[str], str]) -> None:
        self._settle = settle
        # The parser counts a carriage return and a line feed as one character.
        self._returns = [found.start() - at for at, found in enumerate(re.finditer("\r\n", html))]

    def _at(self, offset: int) -> int:
        return offset + bisect_right(self._returns, offset - 1) if self._returns else offset

    def parts(self, children: Iterable[turbohtml.Node], start: int, end: int) -> tuple[Span, ...]:
        """Cut the content of an element that stands from `start` to `end`."""
        children = list(children)
        out: list[Span] = []
        waiting: list[Node] = []
        strange = False
        at = start
        for child, follows in zip(children, self._followers(children, end), strict=True):
            first = self._start(child)
            if first is None or not isinstance(child, turbohtml.Element):
                strange = strange or isinstance(child, turbohtml.Element | turbohtml.DocumentFragment)
                waiting += self._placeless(child)
                continue
            if at < first or waiting:
                out.append(Span(start=at, end=max(at, first), nodes=tuple(waiting), leaks=strange))
                waiting = []
            out.append(self._element(child, first, follows))
            at = max(at, out[-1].end)
            # Text that stands after an element without an end may be its own: the two are not told apart.
            strange = follows is None and not _is_closed(child)
        if at < end or waiting:
            out.append(Span(start=at, end=max(at, end), nodes=tuple(waiting), leaks=strange))
        return _in_order(out, start, end)

    def _followers(self, children: Sequence[turbohtml.Node], end: int) -> list[int | None]:
        """Tell for each child where the next one that has a place begins; None where text stands in between."""
        out: list[int | None] = []
        follows: int | None = end
        for child in reversed(children):
            out.append(follows)
            first = self._start(child)
            follows = follows if isinstance(child, turbohtml.Comment) and first is None else first
        return out[::-1]

    def _start(self, node: turbohtml.Node) -> int | None:
        """Return where an element begins: with its tag, or with its first row where only browsers see it."""
        if not isinstance(node, turbohtml.Element):
            return None
        if node.source_location is not None:
            return self._at(node.source_location.start_tag.start_offset)
        if node.tag not in _ADDED:
            return None
        return next((self._start(child) for child in node.children if isinstance(child, turbohtml.Element)), None)

    def _element(self, node: turbohtml.Element, start: int, follows: int | None) -> Span:
        location = node.source_location
        opened = self._at(location.start_tag.end_offset) if location else start
        attrs = _attrs(node)
        if node.tag in VOID:
            return Span(start=start, end=opened, nodes=tuple(_bare(node.tag, attrs, (), self._settle)))
        if location is not None and location.end_tag is not None:
            closed, end = self._at(location.end_tag.start_offset), self._at(location.end_tag.end_offset)
        else:
            closed = end = max(opened, follows or 0)
        parts = self.parts(node.children, opened, closed)
        nodes = tuple(_bare(node.tag, attrs, _joined(one for part in parts for one in part.nodes), self._settle))
        is_open = not _is_closed(node) and (node.tag in _FORMATTING or follows is None)
        if is_open or any(part.leaks for part in parts):
            return Span(start=start, end=end, nodes=nodes, leaks=True)
        if not nodes:
            return Span(start=start, end=end, nodes=())
        return Span(start=start, end=end, nodes=nodes, inner=(opened, closed), parts=parts)

    def _placeless(self, node: turbohtml.Node) -> list[Node]:
        match node:
            case turbohtml.Text():
                return [node.text] if node.text else []
            case turbohtml.Element():
                children = _joined(one for child in node.children for one in self._placeless(child))
                return list(_bare(node.tag, _attrs(node), children, self._settle))
            case turbohtml.DocumentFragment():
                return [one for child in node.children for one in self._placeless(child)]
        return []


def _is_closed(node: turbohtml.Element) -> bool:
    location = node.source_location
    return node.tag in VOID or (location is not None and location.end_tag is not None)


def _in_order(parts: list[Span], start: int, end: int) -> tuple[Span, ...]:
    """Join what does not follow one another in the text, and all from the first part that leaks to the last."""
    out: list[Span] = []
    for part in parts:
        joined = part
        while out and joined.start < out[-1].end:
            joined = _together([out.pop(), joined])
        out.append(joined)
    if out and (out[0].start < start or out[-1].end > end):
        out = [replace(_together(out), start=start, end=end)]
    leaking = [at for at, part in enumerate(out) if part.leaks]
    if leaking:
        first, last = leaking[0], leaking[-1] + 1
        out[first:last] = [_together(out[first:last])]
    return tuple(out)


def _together(parts: Sequence[Span]) -> Span:
    nodes = _joined(node for part in parts for node in part.nodes)
    first, last = min(part.start for part in parts), max(part.end for part in parts)
    return Span(start=first, end=last, nodes=nodes, leaks=True)


def _attrs(node: turbohtml.Element) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else " ".join(value) if value is not None else ""
        for key, value in node.attrs.items()
    }
