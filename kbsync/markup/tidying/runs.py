"""The inline content of a block in normal form: a flat run of leaves, each with its marks, put together again.

What a reader cannot see is settled here: spaces and line breaks at the edges of marks stand outside them, a mark begun
anew right after it ended goes on, empty marks vanish, bold is `strong` however it was made. Works on parsed nodes only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kbsync.markup.html.nodes import Element, Node, element, holds, replace, text_of
from kbsync.markup.html.noise import clean
from kbsync.markup.tidying.marks import SIMPLE, Mark, atom, is_atom, marks_of, seen_on_pictures, tag_of

_SPACES = " \t\n\r\f"
_INVISIBLE = "\u200b\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A word, space, break, picture or other atom under its marks, the outermost first."""

    node: Node
    marks: tuple[Mark, ...]


def lines(nodes: Iterable[Node], *, within: frozenset[str] = frozenset()) -> list[tuple[Node, ...]]:
    """Settle inline nodes as paragraphs: two breaks in a row part them, breaks at the edges are vertical space."""
    settled = _settled(list(_leaves(nodes, (), within)))
    pieces: list[list[Leaf]] = [[]]
    at = 0
    while at < len(settled):
        if not _is_break(settled[at]):
            pieces[-1].append(settled[at])
            at += 1
            continue
        end = at
        while end < len(settled) and _is_break(settled[end]):
            end += 1
        if end - at > 1:
            pieces.append([])
        elif end < len(settled) and pieces[-1]:
            pieces[-1].append(settled[at])
        at = end
    return [built for piece in pieces if not _is_blank(piece) and (built := _turned(_built(piece), within))]


def one_line(nodes: Iterable[Node], *, within: frozenset[str] = frozenset()) -> tuple[Node, ...]:
    """Settle inline nodes that cannot be parted, as those of a heading: breaks in a row are one."""
    pieces = lines(nodes, within=within)
    joined: list[Node] = []
    for piece in pieces:
        joined.extend((*([element("br")] if joined else []), *piece))
    return tuple(joined)


def is_anchor(node: Node) -> bool:
    """Whether the node is nothing but a place that links go to."""
    return isinstance(node, Element) and node.tag == "a" and not node.children and set(node.attrs) == {"id"}


def _is_break(leaf: Leaf) -> bool:
    return isinstance(leaf.node, Element) and leaf.node.tag == "br"


def _is_blank(piece: Sequence[Leaf]) -> bool:
    return all(isinstance(leaf.node, str) and not leaf.node.strip(_SPACES + _INVISIBLE) for leaf in piece)


def _leaves(nodes: Iterable[Node], marks: tuple[Mark, ...], within: frozenset[str]) -> Iterator[Leaf]:
    for node in nodes:
        if isinstance(node, str):
            yield Leaf(node=_ordinary(node), marks=marks)
        elif node.tag == "br":
            yield Leaf(node=element("br"), marks=marks)
        else:
            yield from _of_element(node, marks, within)


def _of_element(node: Element, marks: tuple[Mark, ...], within: frozenset[str]) -> Iterator[Leaf]:
    attrs = clean(node.tag, node.attrs)
    tag = tag_of(node)
    anchored = not is_atom(node) or node.tag == "img"
    if anchored and "id" in attrs:
        yield Leaf(node=element("a", {"id": attrs.pop("id")}), marks=marks)
    if is_atom(node):
        yield Leaf(node=atom(node, attrs), marks=tuple(mark for mark in marks if seen_on_pictures(mark)))
    elif tag == "code" and not attrs and all(isinstance(child, str) for child in node.children):
        if node.children:
            yield Leaf(node=element("code", {}, _collapsed(text_of(node.children))), marks=marks)
    elif not node.children and tag not in SIMPLE | {"a", "code"}:
        yield Leaf(node=element(tag, attrs), marks=marks)
    elif "href" in attrs and _is_unseen(node):
        yield Leaf(node=element(tag, attrs), marks=marks)
        yield from _leaves(node.children, marks, within)
    else:
        added = marks_of(node, attrs, within | {mark.tag for mark in marks})
        yield from _leaves(node.children, marks + tuple(mark for mark in added if mark not in marks), within)


def _is_unseen(link: Element) -> bool:
    """Whether a link has nothing to click on; it stays, since it is still a link to whoever edits the page."""
    return not text_of(link.children).strip() and not holds(
        link.children, lambda inner: is_atom(inner) or inner.tag == "a"
    )


def _ordinary(text: str) -> str:
    """Make ordinary spaces of the non-breaking ones that editors leave; one between two words is the writer's own."""
    if "\xa0" not in text:
        return text
    chars = list(text)
    for at, char in enumerate(chars):
        if char != "\xa0":
            continue
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if not before.strip() or not after.strip():
            chars[at] = " "
    return "".join(chars)


def _collapsed(text: str) -> str:
    out: list[str] = []
    for char in text:
        if char in _SPACES:
            if not out or out[-1] != " ":
                out.append(" ")
        else:
            out.append(char)
    return "".join(out)


def _settled(leaves: list[Leaf]) -> list[Leaf]:
    """Collapse white space; put spaces, breaks and anchors under the marks that both their sides share."""
    out: list[Leaf] = []
    waiting: list[Node] = []
    spaced = False
    for leaf in _words(leaves):
        if isinstance(leaf.node, Element) and (leaf.node.tag == "br" or is_anchor(leaf.node)):
            if leaf.node.tag == "br":
                spaced = False
            waiting.append(leaf.node)
            continue
        if leaf.node == " ":
            spaced = True
            continue
        shared = _shared(_last_marks(out), leaf.marks)
        at_start = not any(not is_anchor(node.node) for node in out)
        broken = any(isinstance(node, Element) and node.tag == "br" for node in waiting)
        if spaced and not at_start and not broken:
            out.append(Leaf(node=" ", marks=shared))
        out.extend(Leaf(node=node, marks=shared) for node in waiting)
        out.append(leaf)
        waiting, spaced = [], False
    out.extend(Leaf(node=node, marks=()) for node in waiting)
    return out


def _last_marks(out: list[Leaf]) -> tuple[Mark, ...]:
    return out[-1].marks if out else ()


def _words(leaves: list[Leaf]) -> Iterator[Leaf]:
    for leaf in leaves:
        if not isinstance(leaf.node, str):
            yield leaf
            continue
        text = _collapsed(leaf.node)
        core = text.strip(" ")
        if text.startswith(" "):
            yield Leaf(node=" ", marks=leaf.marks)
        if core:
            yield Leaf(node=core, marks=leaf.marks)
            if text.endswith(" "):
                yield Leaf(node=" ", marks=leaf.marks)


def _shared(left: tuple[Mark, ...], right: tuple[Mark, ...]) -> tuple[Mark, ...]:
    count = 0
    while count < min(len(left), len(right)) and left[count] == right[count]:
        count += 1
    return left[:count]


def _built(leaves: Sequence[Leaf], depth: int = 0) -> tuple[Node, ...]:
    """Put leaves that share marks under one element again."""
    out: list[Node] = []
    at = 0
    while at < len(leaves):
        marks = leaves[at].marks
        if len(marks) <= depth:
            _append(out, leaves[at].node)
            at += 1
            continue
        end = at
        while end < len(leaves) and len(leaves[end].marks) > depth and leaves[end].marks[depth] == marks[depth]:
            end += 1
        mark = marks[depth]
        out.append(Element(tag=mark.tag, attrs=dict(mark.attrs), children=_built(leaves[at:end], depth + 1)))
        at = end
    return tuple(out)


def _append(out: list[Node], node: Node) -> None:
    if isinstance(node, str) and out and isinstance(out[-1], str):
        out[-1] += node
    else:
        out.append(node)


_RANK = {"u": 0, "del": 1, "em": 2, "strong": 3}


def _turned(nodes: tuple[Node, ...], within: frozenset[str]) -> tuple[Node, ...]:
    """Give marks that cover the same words one order, since a reader cannot tell which is outside."""
    turned = tuple(node if isinstance(node, str) else _turned_one(node) for node in nodes)
    if all(new is old for new, old in zip(turned, nodes, strict=True)):
        return nodes
    # Turned marks may now meet their like.
    return tuple(node for line in lines(turned, within=within) for node in line)


def _turned_one(node: Element) -> Element:
    children = tuple(child if isinstance(child, str) else _turned_one(child) for child in node.children)
    if any(new is not old for new, old in zip(children, node.children, strict=True)):
        node = replace(node, children=children)
    if node.tag not in _RANK or node.attrs or len(children) != 1:
        return node
    inner = children[0]
    if isinstance(inner, str) or inner.attrs or _RANK.get(inner.tag, 9) >= _RANK[node.tag]:
        return node
    return replace(inner, children=(_turned_one(replace(node, children=inner.children)),))
