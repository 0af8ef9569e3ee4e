"""The inline content of a block in normal form: a flat run of leaves, each with its marks, put together again.

What a reader cannot see is settled here: spaces and line breaks at the edges of marks stand outside them, a mark begun
anew right after it ended goes on, empty marks vanish, bold is `strong` however it was made. Works on parsed nodes only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kbsync.markup.nodes import Element, Node, element, holds, replace, text_of
from kbsync.markup.noise import clean
from kbsync.markup.styles import style_from_text, style_to_text

EMBEDS = frozenset("iframe video audio object embed svg math canvas select button textarea map picture template".split())
_ATOMS = EMBEDS | {"img", "input", "wbr", "script", "style", "link", "meta", "base", "noscript"}
_MARKS = {"b": "strong", "i": "em", "s": "del", "strike": "del", "ins": "u"}
_SIMPLE = frozenset("strong em del u sub sup span small big mark kbd samp var tt".split())
_SPACES = " \t\n\r\f"
_INVISIBLE = "\u200b\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One formatting around a leaf; two links are never one, so each carries the number of its element."""

    tag: str
    attrs: tuple[tuple[str, str], ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A word, space, break, picture or other atom under its marks, the outermost first."""

    node: Node
    marks: tuple[Mark, ...]


def lines(nodes: Iterable[Node], *, within: frozenset[str] = frozenset()) -> list[tuple[Node, ...]]:
    """Settle inline nodes as paragraphs: two line breaks in a row part them, breaks at the edges are vertical space."""
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
    tag = _MARKS.get(node.tag, "span" if node.tag == "font" else node.tag)
    if _is_atom(node):
        if "id" in attrs and node.tag == "img":
            yield Leaf(node=element("a", {"id": attrs.pop("id")}), marks=marks)
        yield Leaf(node=atom(node, attrs), marks=marks)
        return
    if "id" in attrs:
        yield Leaf(node=element("a", {"id": attrs.pop("id")}), marks=marks)
    if tag == "a" and "href" in attrs and not node.children:
        yield Leaf(node=element("a", attrs), marks=marks)
        return
    added = _marks(tag, attrs, node, within | {mark.tag for mark in marks})
    if tag == "code" and added == [Mark(tag="code")] and all(isinstance(child, str) for child in node.children):
        text = " ".join(text_of(node.children).replace("\xa0", "\xa0").split(" "))
        if text:
            yield Leaf(node=element("code", {}, _collapsed(text)), marks=marks)
        return
    if not node.children and tag not in _SIMPLE | {"a", "code"}:
        yield Leaf(node=element(tag, attrs), marks=marks)
        return
    yield from _leaves(node.children, marks + tuple(mark for mark in added if mark not in marks), within)


def _is_atom(node: Element) -> bool:
    if node.tag in _ATOMS:
        return True
    return node.tag in ("span", "div") and is_embed(node)


def is_embed(node: Element) -> bool:
    """Whether the element only frames a player: its own sizes and places are then what makes it one."""
    return not text_of(node.children).strip() and holds(node.children, lambda inner: inner.tag in EMBEDS)


def atom(node: Element, attrs: dict[str, str]) -> Element:
    """Give a picture as it is read, anything else that is shown as it stands, less the editor's own marks."""
    if node.tag in ("img", "input"):
        return element(node.tag, attrs)
    return _verbatim(node)


def _verbatim(node: Element) -> Element:
    kept = {
        key: " ".join(name for name in value.split() if name not in ("fr-draggable", "fr-deletable", "fr-active")) if key == "class" else value
        for key, value in node.attrs.items()
        if not key.startswith("data-") and not (key == "dir" and value == "ltr") and key not in ("contenteditable", "draggable")
        and not any(char in key for char in "\"';<=&")
    }
    kept = {key: value for key, value in kept.items() if value or key not in ("class", "style")}
    if "style" in kept:
        kept["style"] = style_to_text(style_from_text(kept["style"]))
    return element(node.tag, dict(sorted(kept.items())), *(c if isinstance(c, str) else _verbatim(c) for c in node.children))


def _marks(tag: str, attrs: dict[str, str], node: Element, around: frozenset[str] | set[str]) -> list[Mark]:
    """Turn one element into the marks that a reader sees of it."""
    style = style_from_text(attrs.pop("style", ""))
    added: list[str] = []
    weight = style.pop("font-weight", "")
    if tag == "strong" and weight == "normal":
        tag = "span"
    elif weight == "bold" and tag != "strong":
        added.append("strong")
    elif weight == "normal" and "strong" in around and tag == "span":
        style["font-weight"] = "normal"
    slant = style.pop("font-style", "")
    if tag == "em" and slant == "normal":
        tag = "span"
    elif slant in ("italic", "oblique") and tag != "em":
        added.append("em")
    lines_drawn = style.pop("text-decoration", "").split()
    if "underline" in lines_drawn and tag not in ("u", "a"):
        added.append("u")
    if "line-through" in lines_drawn:
        added.append("del")
    if "a" in around | {tag} and _is_link_color(style.get("color", "")):
        del style["color"]
    return _ordered(tag, attrs, style, added, node)


def _ordered(tag: str, attrs: dict[str, str], style: dict[str, str], added: list[str], node: Element) -> list[Mark]:
    marks: list[Mark] = []
    if tag in ("span", "font", "a") and tag != "a":
        if style:
            attrs["style"] = style_to_text(style)
        if attrs:
            marks.append(Mark(tag="span", attrs=tuple(sorted(attrs.items()))))
    elif tag in _SIMPLE:
        marks.append(Mark(tag=tag, attrs=tuple(sorted(attrs.items()))))
    elif tag != "a" or attrs:
        marks.append(Mark(tag=tag, attrs=tuple(sorted(attrs.items())), number=0 if tag == "code" else id(node)))
    if style and tag != "span":
        marks.append(Mark(tag="span", attrs=(("style", style_to_text(style)),)))
    return marks + [Mark(tag=name) for name in added]


def _is_link_color(color: str) -> bool:
    """Whether a colour is the blue in which links are shown anyway."""
    if len(color) != 7 or not color.startswith("#"):
        return color == "blue"
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return blue > 0x90 and red < 0x60 and blue - green > 0x20


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
    """Collapse white space over the whole run and put spaces, breaks and anchors under the marks that both sides share."""
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
