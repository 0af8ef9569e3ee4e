"""Normalizes the inline content of a block: it is flattened into leaves with their marks, and built up again.

Spaces and line breaks at the edges of a mark are moved out of it, adjacent marks of one kind are joined, empty marks
are removed, and bold is `strong` however it was written. Works on parsed nodes, never on text.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from operator import eq
from typing import TypeGuard

from kbsync.markup.dom import (
    BLOCKS,
    HEADINGS,
    Element,
    Node,
    child_elements,
    contains,
    element,
    format_style,
    parse_style,
    replace,
    text_content,
)
from kbsync.markup.extensions import callouts
from kbsync.markup.noise import clean

EMBEDS = frozenset(
    "iframe video audio object embed svg math canvas select button textarea map picture template".split()
)
_FORMATTING = frozenset("strong em del u sub sup span small big mark kbd samp var tt".split())
_ATOMS = EMBEDS | {"img", "input", "wbr", "script", "style", "link", "meta", "base", "noscript"}
_SYNONYMS = {"b": "strong", "i": "em", "s": "del", "strike": "del", "ins": "u", "font": "span"}
# The wrappers of video players (recorded): known by class, or by a padding that keeps the proportions.
_PLAYER_CLASS = re.compile(r"\bfr-video\b|wistia|responsive|embed")
_PLAYER_STYLE = re.compile(r"position:\s*(?:relative|absolute)|padding(?:-bottom|-top)?:\s*[\d.]+%")
_COLORED = re.compile(r"(?:color: [^;]*|font-weight: normal)(?:; font-weight: normal)?")
_TEXT_ONLY_STYLES = frozenset(
    {"font-family", "font-size", "color", "line-height", "background-color", "max-width", "aspect-ratio"}
)
_EDITOR_CLASSES = frozenset({"fr-draggable", "fr-deletable", "fr-active"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _InlineMark:
    """One element of formatting around a leaf; links are never joined, so each carries the number of its element."""

    tag: str
    attrs: tuple[tuple[str, str], ...] = ()
    number: int = 0


def _shows_on_images(mark: _InlineMark) -> bool:
    """Return whether a mark has an effect on an image; bold, italic and colour have none."""
    return mark.tag not in ("strong", "em") and not (
        mark.tag == "span" and _COLORED.fullmatch(dict(mark.attrs).get("style", ""))
    )


def _marks_of(node: Element, attrs: dict[str, str], around: Collection[str]) -> list[_InlineMark]:
    """Return the marks that one element, its attributes cleaned, stands for within the tags `around`."""
    tag = _SYNONYMS.get(node.tag, node.tag)
    attrs = dict(attrs)
    style = parse_style(attrs.pop("style", ""))
    added: list[str] = []
    weight, slant = style.pop("font-weight", ""), style.pop("font-style", "")
    if (tag, weight) == ("strong", "normal") or (tag, slant) == ("em", "normal"):
        tag = "span"
    elif weight == "normal" and tag == "span" and "strong" in around:
        style["font-weight"] = "normal"
    if weight == "bold":
        added.append("strong")
    if slant in ("italic", "oblique"):
        added.append("em")
    decoration = style.pop("text-decoration", "").split()
    if "underline" in decoration and tag != "a":
        added.append("u")
    if "line-through" in decoration:
        added.append("del")
    if (tag == "a" or "a" in around) and _is_link_colour(style.get("color", "")):
        del style["color"]
    return _own_marks(tag, attrs, style, node) + [_InlineMark(tag=name) for name in added if name != tag]


def _own_marks(tag: str, attrs: dict[str, str], style: dict[str, str], node: Element) -> list[_InlineMark]:
    styled = _InlineMark(tag="span", attrs=(("style", format_style(style)),))
    if tag == "span":
        kept = tuple(sorted((attrs | dict(styled.attrs if style else ())).items()))
        return [_InlineMark(tag="span", attrs=kept)] if kept else []
    number = 0 if tag in _FORMATTING or tag == "code" else id(node)
    own = [] if tag == "a" and not attrs else [_InlineMark(tag=tag, attrs=tuple(sorted(attrs.items())), number=number)]
    return [*own, styled] if style else own


def _is_link_colour(color: str) -> bool:
    """Return whether a colour is the usual blue of links."""
    if len(color) != 7 or not color.startswith("#"):
        return color == "blue"
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return blue > 0x90 and red < 0x60 and blue - green > 0x20


def atom(node: Element, attrs: dict[str, str]) -> Element:
    """Return an image by its clean attributes, any other embed as it is without the editor's own attributes."""
    return element(node.tag, attrs) if node.tag in ("img", "input") else _verbatim(node)


def _verbatim(node: Element) -> Element:
    kept = {
        key: _without_editor_values(key, value)
        for key, value in node.attrs.items()
        if not _is_editor_attribute(key, value)
    }
    kept = {key: value for key, value in sorted(kept.items()) if value or key not in ("class", "style")}
    return element(node.tag, kept, *(child if isinstance(child, str) else _verbatim(child) for child in node.children))


def _is_editor_attribute(key: str, value: str) -> bool:
    if key.startswith("data-") or key in ("contenteditable", "draggable") or (key == "dir" and value == "ltr"):
        return True
    return any(char in key for char in "\"';<=&")


def _without_editor_values(key: str, value: str) -> str:
    match key:
        case "class":
            return " ".join(name for name in value.split() if name not in _EDITOR_CLASSES)
        case "style":
            # What only styles text, or only fits a player to narrow screens, has no effect on an embed.
            kept = {name: one for name, one in parse_style(value).items() if name not in _TEXT_ONLY_STYLES}
            return format_style({name: one for name, one in kept.items() if (name, one) != ("height", "auto")})
    return value


def is_embed(node: Element) -> bool:
    """Return whether the element wraps a player and nothing else, so that its own size and position matter."""
    frames = _PLAYER_CLASS.search(node.attrs.get("class", "")) or _PLAYER_STYLE.search(node.attrs.get("style", ""))
    return (
        bool(frames)
        and contains(node.children, lambda inner: inner.tag in EMBEDS)
        and not text_content(node.children).strip()
    )


def _is_atom(node: Element) -> bool:
    """Return whether an inline element is an object of its own, not a mark around text."""
    return node.tag in _ATOMS or (node.tag in ("span", "div") and is_embed(node))


_WHITE_SPACE = re.compile(r"[ \t\n\r\f]+")
_INVISIBLE = " \t\n\r\f\u200b\ufeff"
# The non-breaking spaces that editors leave; one between two words is intended.
_STRAY_NBSP = re.compile(r"(?<!\S)\xa0|\xa0(?!\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _InlineLeaf:
    """A word, space, break, image or other atom, and the marks around it, the outermost first."""

    node: Node
    marks: tuple[_InlineMark, ...]


def split_paragraphs(nodes: Iterable[Node]) -> list[tuple[Node, ...]]:
    """Normalize inline nodes as paragraphs: two breaks in a row separate them, breaks at the edges are removed."""
    leaves = _collapse_leaves(_leaves(nodes, ()))
    pieces: list[list[_InlineLeaf]] = [[]]
    for is_break, group in groupby(leaves, key=lambda leaf: isinstance(leaf.node, Element) and leaf.node.tag == "br"):
        run = list(group)
        if not is_break:
            pieces[-1] += run
        elif len(run) > 1:
            pieces.append([])
        elif run[0] is not leaves[-1] and pieces[-1]:
            pieces[-1] += run
    return [built for piece in pieces if not _is_blank(piece) and (built := _order_marks(_build(piece)))]


def join_paragraphs(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Normalize inline nodes that are one paragraph, as those of a heading: breaks in a row are one."""
    joined: list[Node] = []
    for piece in split_paragraphs(nodes):
        joined += [*([element("br")] if joined else []), *piece]
    return tuple(joined)


def is_anchor(node: Node) -> TypeGuard[Element]:
    """Return whether the node is nothing but an anchor."""
    return isinstance(node, Element) and node.tag == "a" and not node.children and set(node.attrs) == {"id"}


def _is_blank(piece: Sequence[_InlineLeaf]) -> bool:
    return all(isinstance(leaf.node, str) and not leaf.node.strip(_INVISIBLE) for leaf in piece)


def _leaves(nodes: Iterable[Node], marks: tuple[_InlineMark, ...]) -> Iterator[_InlineLeaf]:
    for node in nodes:
        if isinstance(node, str):
            yield _InlineLeaf(node=_STRAY_NBSP.sub(" ", node), marks=marks)
        elif node.tag == "br":
            yield _InlineLeaf(node=element("br"), marks=marks)
        else:
            yield from _element_leaves(node, marks)


def _element_leaves(node: Element, marks: tuple[_InlineMark, ...]) -> Iterator[_InlineLeaf]:
    attrs = clean(node.tag, node.attrs)
    tag = _SYNONYMS.get(node.tag, node.tag)
    anchored = not _is_atom(node) or node.tag == "img"
    if anchored and "id" in attrs:
        yield _InlineLeaf(node=element("a", {"id": attrs.pop("id")}), marks=marks)
    if _is_atom(node):
        yield _InlineLeaf(node=atom(node, attrs), marks=tuple(mark for mark in marks if _shows_on_images(mark)))
    elif tag == "code" and not attrs and all(isinstance(child, str) for child in node.children):
        if node.children:
            text = _WHITE_SPACE.sub(" ", text_content(node.children))
            yield _InlineLeaf(node=element("code", {}, text), marks=marks)
    elif not node.children and tag not in _FORMATTING | {"a", "code"}:
        yield _InlineLeaf(node=element(tag, attrs), marks=marks)
    elif "href" in attrs and _is_empty_link(node):
        yield _InlineLeaf(node=element(tag, attrs), marks=marks)
        yield from _leaves(node.children, marks)
    else:
        added = _marks_of(node, attrs, {mark.tag for mark in marks})
        yield from _leaves(node.children, marks + tuple(mark for mark in added if mark not in marks))


def _is_empty_link(link: Element) -> bool:
    """Return whether a link has nothing to click on; it stays, since it is still a link in the editor."""
    return not text_content(link.children).strip() and not contains(
        link.children, lambda inner: _is_atom(inner) or inner.tag == "a"
    )


def _collapse_leaves(leaves: Iterable[_InlineLeaf]) -> list[_InlineLeaf]:
    """Collapse white space; spaces, breaks and anchors get the marks that both their neighbours share."""
    out: list[_InlineLeaf] = []
    pending: list[Node] = []
    has_space = False
    for leaf in _words(leaves):
        if isinstance(leaf.node, Element) and (leaf.node.tag == "br" or is_anchor(leaf.node)):
            if leaf.node.tag == "br":
                has_space = False
            pending.append(leaf.node)
            continue
        if leaf.node == " ":
            has_space = True
            continue
        around = out[-1].marks if out else ()
        shared = around[: sum(takewhile(bool, map(eq, around, leaf.marks)))]
        at_start = all(is_anchor(one.node) for one in out)
        has_break = any(isinstance(node, Element) and node.tag == "br" for node in pending)
        if has_space and not at_start and not has_break:
            out.append(_InlineLeaf(node=" ", marks=shared))
        out.extend(_InlineLeaf(node=node, marks=shared) for node in pending)
        out.append(leaf)
        pending, has_space = [], False
    out.extend(_InlineLeaf(node=node, marks=()) for node in pending)
    return out


def _words(leaves: Iterable[_InlineLeaf]) -> Iterator[_InlineLeaf]:
    for leaf in leaves:
        if not isinstance(leaf.node, str):
            yield leaf
            continue
        text = _WHITE_SPACE.sub(" ", leaf.node)
        core = text.strip(" ")
        if text.startswith(" "):
            yield _InlineLeaf(node=" ", marks=leaf.marks)
        if core:
            yield _InlineLeaf(node=core, marks=leaf.marks)
            if text.endswith(" "):
                yield _InlineLeaf(node=" ", marks=leaf.marks)


def _build(leaves: Iterable[_InlineLeaf], depth: int = 0) -> tuple[Node, ...]:
    out: list[Node] = []
    for marks, group in groupby(leaves, key=lambda leaf: leaf.marks[depth : depth + 1]):
        if marks:
            out.append(Element(tag=marks[0].tag, attrs=dict(marks[0].attrs), children=_build(group, depth + 1)))
            continue
        for leaf in group:
            if isinstance(leaf.node, str) and out and isinstance(out[-1], str):
                out[-1] += leaf.node
            else:
                out.append(leaf.node)
    return tuple(out)


_MARK_ORDER = {"u": 0, "del": 1, "em": 2, "strong": 3}


def _order_marks(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Put marks around the same text in one order, since a reader cannot see which is the outer one."""
    ordered = tuple(node if isinstance(node, str) else _order_element(node) for node in nodes)
    if all(new is old for new, old in zip(ordered, nodes, strict=True)):
        return nodes
    # Marks of one kind may be adjacent now.
    return tuple(node for line in split_paragraphs(ordered) for node in line)


def _order_element(node: Element) -> Element:
    children = tuple(child if isinstance(child, str) else _order_element(child) for child in node.children)
    if any(new is not old for new, old in zip(children, node.children, strict=True)):
        node = replace(node, children=children)
    if node.tag not in _MARK_ORDER or node.attrs or len(children) != 1:
        return node
    inner = children[0]
    if isinstance(inner, str) or inner.attrs or _MARK_ORDER.get(inner.tag, 9) >= _MARK_ORDER[node.tag]:
        return node
    return replace(inner, children=(_order_element(replace(node, children=inner.children)),))


_HOISTABLE = frozenset("b strong i em u ins s strike del span font a sub sup small".split())


def is_block(node: Node) -> TypeGuard[Element]:
    """Return whether a node is a block, by its tag or by its content."""
    if isinstance(node, str):
        return False
    return node.tag in BLOCKS or (node.tag not in EMBEDS and contains(node.children, lambda inner: inner.tag in BLOCKS))


def hoist_blocks(node: Element) -> list[Node]:
    """Replace an inline mark around blocks by the blocks, each with the mark inside; names are for `add_anchor`."""
    attrs = {key: value for key, value in node.attrs.items() if key not in ("id", "name")}
    return _mark_runs(node.tag, attrs, node.children)


def can_hoist_blocks(node: Element) -> bool:
    """Return whether the element is a mark that may be put into each of its blocks."""
    return node.tag in _HOISTABLE and not (node.tag == "a" and contains(node.children, lambda inner: inner.tag == "a"))


def add_inner_mark(tag: str, attrs: Mapping[str, str], node: Element) -> Element:
    """Return a block with one more mark around its inline content."""
    return replace(node, children=tuple(_mark_runs(tag, attrs, node.children)))


def _mark_runs(tag: str, attrs: Mapping[str, str], nodes: tuple[Node, ...]) -> list[Node]:
    out: list[Node] = []
    for holds_blocks, group in groupby(nodes, key=is_block):
        run = tuple(group)
        if holds_blocks:
            blocks = (node for node in run if isinstance(node, Element))
            out += [node if node.tag == "hr" else add_inner_mark(tag, attrs, node) for node in blocks]
        elif any(not isinstance(node, str) or node.strip() for node in run):
            out.append(Element(tag=tag, attrs=attrs, children=run))
        else:
            out += run
    return out


def add_anchor(blocks: list[Element], anchor: str) -> list[Element]:
    """Put an anchor at the start of an element's blocks."""
    mark = element("a", {"id": anchor})
    if not blocks or _is_block_player(blocks[0]):
        return [element("p", {}, mark), *blocks]
    first = blocks[0]
    if first.tag == "p" or (first.tag in HEADINGS and "id" in first.attrs):
        return [replace(first, children=(mark, *first.children)), *blocks[1:]]
    if first.tag in HEADINGS:
        return [replace(first, attrs={**first.attrs, "id": anchor}), *blocks[1:]]
    inner = child_elements(first)
    has_only_blocks = len(inner) == len(first.children) and (inner or first.tag in ("li", "td", "th"))
    if (has_only_blocks and first.tag not in ("hr", "pre")) or callouts.kind_of_class(first.attrs.get("class", "")):
        return [replace(first, children=tuple(add_anchor(inner, anchor))), *blocks[1:]]
    return [element("p", {}, mark), *blocks]


def _is_block_player(block: Element) -> bool:
    """Return whether a paragraph only holds a block, beside which no anchor can stand."""
    first = block.children[0] if block.tag == "p" and block.children else ""
    return isinstance(first, Element) and first.tag in BLOCKS


def can_inherit_style(block: Element, style: Mapping[str, str]) -> bool:
    """Return whether a block can take over the style of its container."""
    if block.tag != "p" and block.tag not in HEADINGS:
        return False
    return "margin-left" not in style or "margin-left" not in block.attrs.get("style", "")


def inherit_attributes(own: Mapping[str, str], outer: Mapping[str, str], style: Mapping[str, str]) -> dict[str, str]:
    """Return a block's attributes with those of its container; its own take precedence."""
    both = {**outer, **own}
    kept = {**style, **parse_style(own.get("style", ""))}
    if kept:
        both["style"] = format_style(dict(sorted(kept.items())))
    return both
