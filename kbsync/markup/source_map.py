"""Maps the nodes of a fragment to offsets in its text, so that its parts can be copied byte for byte.

The tree is that of `parse`, the offsets are the parser's. Where the two do not agree (misnested elements, elements that
a browser moves or implies) the region is one span without parts. Never changes a text.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import turbohtml

from kbsync.markup.dom import VOID, Element, Node, attributes_of, parse, serialize
from kbsync.markup.raw_html import replace_in_value, strip_scripts

# Elements that a browser reopens after their parent ended (the HTML standard's formatting elements).
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
# Elements of a table that a browser implies where the text has none.
_IMPLIED = frozenset("tbody colgroup".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpan:
    """A range of the text and the nodes that it makes; a comment makes none.

    `inner` is the range of a single element's content, and `parts` cover it without a gap; both are None where it
    cannot be split. The nodes of one that `is_entangled` depend on the text before it, or those after it on its own.
    """

    start: int
    end: int
    nodes: tuple[Node, ...]
    inner: tuple[int, int] | None = None
    parts: tuple["SourceSpan", ...] | None = None
    is_entangled: bool = False

    @property
    def element(self) -> Element | None:
        """The only element that the span makes, if it makes nothing else."""
        only = self.nodes[0] if len(self.nodes) == 1 else ""
        return None if isinstance(only, str) else only

    @property
    def opened(self) -> "OpenElement | None":
        """The only element, if it can be split."""
        if self.element is None or self.inner is None or self.parts is None:
            return None
        return OpenElement(self.element, *self.inner, self.parts)


class OpenElement(NamedTuple):
    """An element that can be split: the range of its content, and the spans that cover it."""

    element: Element
    start: int
    end: int
    parts: tuple[SourceSpan, ...]


def source_spans(html: str, resolve: Callable[[str], str]) -> tuple[SourceSpan, ...] | None:
    """Split a fragment into spans; scripts are stripped from the nodes, and addresses replaced by `resolve`.

    None where the text cannot be split at all.
    """
    parsed = parse(html)
    if parsed.deep or "\0" in html:
        return None
    root = turbohtml.parse_fragment(html, source_locations=True)
    parts = _SpanBuilder(html, resolve).parts(root.children, 0, len(html))
    nodes = _join_text(node for part in parts for node in part.nodes)
    return parts if serialize(nodes) == serialize(resolve_nodes(parsed.nodes, resolve)) else None


def resolve_nodes(nodes: Iterable[Node], resolve: Callable[[str], str]) -> tuple[Node, ...]:
    """Return nodes as spans hold them: scripts stripped, addresses replaced by `resolve`."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
        else:
            out += _resolve_element(node.tag, node.attrs, resolve_nodes(node.children, resolve), resolve)
    return _join_text(out)


def _resolve_element(
    tag: str, attrs: Mapping[str, str], children: tuple[Node, ...], resolve: Callable[[str], str]
) -> tuple[Element, ...]:
    for node in strip_scripts((Element(tag=tag, attrs=attrs),))[0]:
        if isinstance(node, Element):
            safe = {key: replace_in_value(key, value, resolve) for key, value in node.attrs.items()}
            return (Element(tag=tag, attrs=safe, children=children),)
    return ()


def _join_text(nodes: Iterable[Node]) -> tuple[Node, ...]:
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str) and out and isinstance(out[-1], str):
            out[-1] += node
        elif node != "":
            out.append(node)
    return tuple(out)


class _SpanBuilder:
    def __init__(self, html: str, resolve: Callable[[str], str]) -> None:
        self._resolve = resolve
        # The parser counts a carriage return and a line feed as one character.
        self._returns = [found.start() - at for at, found in enumerate(re.finditer("\r\n", html))]

    def _at(self, offset: int) -> int:
        return offset + bisect_right(self._returns, offset - 1) if self._returns else offset

    def parts(self, children: Iterable[turbohtml.Node], start: int, end: int) -> tuple[SourceSpan, ...]:
        """Split the content of an element from `start` to `end`."""
        children = list(children)
        out: list[SourceSpan] = []
        pending: list[Node] = []
        is_entangled = False
        at = start
        for child, follows in zip(children, self._followers(children, end), strict=True):
            first = self._start(child)
            if first is None or not isinstance(child, turbohtml.Element):
                is_entangled = is_entangled or isinstance(child, turbohtml.Element | turbohtml.DocumentFragment)
                pending += self._nodes_without_source(child)
                continue
            if at < first or pending:
                out.append(SourceSpan(start=at, end=max(at, first), nodes=tuple(pending), is_entangled=is_entangled))
                pending = []
            out.append(self._element(child, first, follows))
            at = max(at, out[-1].end)
            # Text after an element without an end tag may belong to it: the parser does not say.
            is_entangled = follows is None and not _is_closed(child)
        if at < end or pending:
            out.append(SourceSpan(start=at, end=max(at, end), nodes=tuple(pending), is_entangled=is_entangled))
        return _in_order(out, start, end)

    def _followers(self, children: Sequence[turbohtml.Node], end: int) -> list[int | None]:
        """Return for each child where the next one with an offset begins; None where there is text in between."""
        out: list[int | None] = []
        follows: int | None = end
        for child in reversed(children):
            out.append(follows)
            first = self._start(child)
            follows = follows if isinstance(child, turbohtml.Comment) and first is None else first
        return out[::-1]

    def _start(self, node: turbohtml.Node) -> int | None:
        """Return where an element begins: at its tag, or at its first row where the element is implied."""
        if not isinstance(node, turbohtml.Element):
            return None
        if node.source_location is not None:
            return self._at(node.source_location.start_tag.start_offset)
        if node.tag not in _IMPLIED:
            return None
        return next((self._start(child) for child in node.children if isinstance(child, turbohtml.Element)), None)

    def _element(self, node: turbohtml.Element, start: int, follows: int | None) -> SourceSpan:
        location = node.source_location
        opened = self._at(location.start_tag.end_offset) if location else start
        attrs = attributes_of(node)
        if node.tag in VOID:
            return SourceSpan(start=start, end=opened, nodes=_resolve_element(node.tag, attrs, (), self._resolve))
        if location is not None and location.end_tag is not None:
            closed, end = self._at(location.end_tag.start_offset), self._at(location.end_tag.end_offset)
        else:
            closed = end = max(opened, follows or 0)
        parts = self.parts(node.children, opened, closed)
        children = _join_text(one for part in parts for one in part.nodes)
        nodes = _resolve_element(node.tag, attrs, children, self._resolve)
        is_open = not _is_closed(node) and (node.tag in _FORMATTING or follows is None)
        if is_open or any(part.is_entangled for part in parts):
            return SourceSpan(start=start, end=end, nodes=nodes, is_entangled=True)
        if not nodes:
            return SourceSpan(start=start, end=end, nodes=())
        return SourceSpan(start=start, end=end, nodes=nodes, inner=(opened, closed), parts=parts)

    def _nodes_without_source(self, node: turbohtml.Node) -> list[Node]:
        match node:
            case turbohtml.Text():
                return [node.text] if node.text else []
            case turbohtml.Element():
                children = _join_text(one for child in node.children for one in self._nodes_without_source(child))
                return list(_resolve_element(node.tag, attributes_of(node), children, self._resolve))
            case turbohtml.DocumentFragment():
                return [one for child in node.children for one in self._nodes_without_source(child)]
        return []


def _is_closed(node: turbohtml.Element) -> bool:
    location = node.source_location
    return node.tag in VOID or (location is not None and location.end_tag is not None)


def _in_order(parts: list[SourceSpan], start: int, end: int) -> tuple[SourceSpan, ...]:
    """Join spans that are out of order in the text, and all from the first entangled one to the last."""
    out: list[SourceSpan] = []
    for part in parts:
        joined = part
        while out and joined.start < out[-1].end:
            joined = _join_spans([out.pop(), joined])
        out.append(joined)
    if out and (out[0].start < start or out[-1].end > end):
        out = [replace(_join_spans(out), start=start, end=end)]
    leaking = [at for at, part in enumerate(out) if part.is_entangled]
    if leaking:
        first, last = leaking[0], leaking[-1] + 1
        out[first:last] = [_join_spans(out[first:last])]
    return tuple(out)


def _join_spans(parts: Sequence[SourceSpan]) -> SourceSpan:
    nodes = _join_text(node for part in parts for node in part.nodes)
    first, last = min(part.start for part in parts), max(part.end for part in parts)
    return SourceSpan(start=first, end=last, nodes=nodes, is_entangled=True)
