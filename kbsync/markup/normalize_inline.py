"""Normalizes the inline content of a block: it is flattened into leaves with their marks, and built up again.

Spaces and line breaks at the edges of a mark are moved out of it, adjacent marks of one kind are joined, empty marks
are removed, and bold is `strong` however it was written. Works on parsed nodes, never on text.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from itertools import groupby
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
from kbsync.markup.inherited import FORMATTING, Inherited, InlineMark, inline_tag, resolve_direction, with_style
from kbsync.markup.meaning import attributes_of, read

EMBEDS = frozenset(
    "iframe video audio object embed svg math canvas select button textarea map picture template".split()
)
_FOREIGN = frozenset("svg math".split())
_ATOMS = EMBEDS | {"img", "input", "wbr", "script", "style", "link", "meta", "base", "noscript"}
# The wrappers of video players (recorded): known by class, or by a padding that keeps the proportions.
_PLAYER_CLASS = re.compile(r"\bfr-video\b|wistia|responsive|embed")
_PLAYER_STYLE = re.compile(r"position:\s*(?:relative|absolute)|padding(?:-bottom|-top)?:\s*[\d.]+%")
_COLORED = re.compile(r"color: [^;]*")
# A name of SVG or MathML; a torn quote leaves others.
_NAME = re.compile(r"(?!data-|on)[A-Za-z_][\w.:-]*")
_TEXT_ONLY_STYLES = frozenset(
    {"font-family", "font-size", "color", "line-height", "background-color", "max-width", "aspect-ratio"}
)
_EDITOR_CLASSES = frozenset({"fr-draggable", "fr-deletable", "fr-active"})


def _shows_on_images(mark: InlineMark) -> bool:
    """Return whether a mark has an effect on an image; bold, italic and colour have none."""
    return mark.tag not in ("strong", "em") and not (
        mark.tag == "span" and _COLORED.fullmatch(dict(mark.attrs).get("style", ""))
    )


def atom(node: Element, attrs: Mapping[str, str], style: Mapping[str, str], direction: str) -> Element:
    """Return an image by what its attributes mean, any other embed as it is without what means nothing.

    `direction` is that of the text around it.
    """
    return element(node.tag, with_style(attrs, style)) if node.tag in ("img", "input") else _verbatim(node, direction)


def _verbatim(node: Element, direction: str, *, foreign: bool = False) -> Element:
    foreign = foreign or node.tag in _FOREIGN
    own = resolve_direction(node.attrs.get("dir", direction), node)
    kept = {
        key: _without_editor_values(key, value)
        for key, value in node.attrs.items()
        if key in ("class", "style") or (_NAME.fullmatch(key) if foreign else key in attributes_of(node.tag))
    }
    kept = {key: value for key, value in sorted(kept.items()) if value or key not in ("class", "style")}
    if own == direction:
        kept.pop("dir", None)
    children = (child if isinstance(child, str) else _verbatim(child, own, foreign=foreign) for child in node.children)
    return element(node.tag, kept, *children)


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
_NBSP_RUN = re.compile(r"[ \t\n\r\f]*\xa0[ \t\n\r\f\xa0]*")
_RUN_OF_SPACES = re.compile(r"[ \t\xa0]{2,}(?=[^ \t\xa0])")
_INDENTED_LINE = re.compile(r"\n(?: {2,}|\t)\s*\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class _InlineLeaf:
    """A word, space, break, image or other atom, and the marks around it, the outermost first."""

    node: Node
    marks: tuple[InlineMark, ...]


def split_paragraphs(nodes: Iterable[Node], inherited: Inherited) -> list[tuple[Node, ...]]:
    """Normalize inline nodes as paragraphs: two breaks in a row separate them, breaks at the edges are removed."""
    leaves = _collapse_leaves(_leaves(nodes, inherited))
    pieces: list[list[_InlineLeaf]] = [[]]
    for is_break, group in groupby(leaves, key=lambda leaf: isinstance(leaf.node, Element) and leaf.node.tag == "br"):
        run = list(group)
        if not is_break:
            pieces[-1] += run
        elif len(run) > 1:
            pieces.append([])
        elif run[0] is not leaves[-1] and pieces[-1]:
            pieces[-1] += run
    return [_build(piece) for piece in pieces if not _is_blank(piece)]


def join_paragraphs(nodes: Iterable[Node], inherited: Inherited) -> tuple[Node, ...]:
    """Normalize inline nodes that are one paragraph, as those of a heading: breaks in a row are one."""
    joined: list[Node] = []
    for piece in split_paragraphs(nodes, inherited):
        joined += [*([element("br")] if joined else []), *piece]
    return tuple(joined)


def preformatted(nodes: Iterable[Node], inherited: Inherited) -> tuple[Node, ...]:
    """Normalize the content of a `<pre>`: its marks alone, since its white space stays."""
    return _build(list(_leaves(nodes, changed(inherited, white_space="verbatim"))))


def indented_code(nodes: Sequence[Node], inherited: Inherited) -> str | None:
    """Return text whose white space is preserved and whose lines are indented, as in code; None for any other."""
    text = None if inherited.marks else _preserved_text(nodes, inherited)
    return text.strip("\n").rstrip() if text is not None and _INDENTED_LINE.search(text) else None


def _preserved_text(nodes: Sequence[Node], inherited: Inherited) -> str | None:
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            if inherited.white_space != "pre" and node.strip(_INVISIBLE):
                return None
            parts.append(node if inherited.white_space == "pre" else "")
        elif node.tag == "br":
            parts.append("\n")
        elif node.tag not in ("span", "font"):
            return None
        else:
            inner = inherited.around_text(node, *read(node.tag, node.attrs, inherited.keep))
            found = _preserved_text(node.children, inner) if inner.marks == inherited.marks else None
            if found is None:
                return None
            parts.append(found)
    return "".join(parts)


def is_anchor(node: Node) -> TypeGuard[Element]:
    """Return whether the node is nothing but an anchor."""
    return isinstance(node, Element) and node.tag == "a" and not node.children and set(node.attrs) == {"id"}


def _is_blank(piece: Sequence[_InlineLeaf]) -> bool:
    return all(isinstance(leaf.node, str) and not leaf.node.strip(_INVISIBLE) for leaf in piece)


def _leaves(nodes: Iterable[Node], inherited: Inherited) -> Iterator[_InlineLeaf]:
    for node in nodes:
        if isinstance(node, str):
            yield from _text_leaves(node, inherited)
        elif node.tag == "br":
            yield _InlineLeaf(node=element("br"), marks=inherited.marks)
        else:
            yield from _element_leaves(node, inherited)


def _text_leaves(text: str, inherited: Inherited) -> Iterator[_InlineLeaf]:
    """Yield a text; where line breaks are preserved, its lines, and where spaces are, runs of them."""
    match inherited.white_space:
        case "verbatim":
            yield _InlineLeaf(node=text, marks=inherited.marks)
            return
        case "normal":
            text = _WHITE_SPACE.sub(" ", text)
        case "pre":
            text = _RUN_OF_SPACES.sub(lambda found: "\xa0" * len(found[0].expandtabs(4)), text)
    for at, line in enumerate(text.split("\n")):
        if at:
            yield _InlineLeaf(node=element("br"), marks=inherited.marks)
        yield _InlineLeaf(node=_NBSP_RUN.sub(_intended_spaces, line), marks=inherited.marks)


def _intended_spaces(found: re.Match[str]) -> str:
    """Return the non-breaking spaces that are intended: one between two words, or several before one; else a space."""
    run, is_last = found[0], found.end() == len(found.string)
    return " " if is_last or run.strip("\xa0") or (len(run) == 1 and not found.start()) else run


def _element_leaves(node: Element, inherited: Inherited) -> Iterator[_InlineLeaf]:
    attrs, style = read(node.tag, node.attrs, inherited.keep)
    tag, marks = inline_tag(node.tag), inherited.marks
    anchored = not _is_atom(node) or node.tag == "img"
    if anchored and "id" in attrs:
        yield _InlineLeaf(node=element("a", {"id": attrs.pop("id")}), marks=marks)
    if _is_atom(node):
        shown = tuple(mark for mark in marks if _shows_on_images(mark))
        yield _InlineLeaf(node=atom(node, attrs, style, inherited.direction), marks=shown)
    elif tag == "code" and not attrs and not style and _is_line(node, inherited):
        if node.children:
            text = _WHITE_SPACE.sub(" ", text_content(node.children))
            yield _InlineLeaf(node=element("code", {}, text), marks=marks)
    elif not node.children and tag not in FORMATTING | {"a", "code"}:
        yield _InlineLeaf(node=element(tag, _without_direction(with_style(attrs, style))), marks=marks)
    elif "href" in attrs and _is_empty_link(node):
        yield _InlineLeaf(node=element(tag, _without_direction(attrs)), marks=marks)
        yield from _leaves(node.children, inherited)
    else:
        yield from _leaves(node.children, inherited.around_text(node, attrs, style))


def _is_line(node: Element, inherited: Inherited) -> bool:
    """Return whether an element is nothing but text on one line."""
    breaks = inherited.white_space != "normal" and "\n" in text_content(node.children)
    return not breaks and all(isinstance(child, str) for child in node.children)


def _without_direction(attrs: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in attrs.items() if key not in ("dir", "lang")}


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
        shared = tuple(mark for mark in around if mark in leaf.marks)
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


_MARK_ORDER = {"u": 0, "del": 1, "em": 2, "strong": 3}
"""The order of marks around the same text, since a reader cannot see which is the outer one."""


def _build(leaves: Sequence[_InlineLeaf], opened: Collection[InlineMark] = ()) -> tuple[Node, ...]:
    """Build the elements of leaves; the mark that lasts longest is the outer one."""
    out: list[Node] = []
    at = 0
    while at < len(leaves):
        leaf = leaves[at]
        ends = {mark: _end_of(mark, leaves, at, opened) for mark in _ordered(leaf.marks) if mark not in opened}
        if ends:
            mark = max(ends, key=ends.__getitem__)
            children = _build(leaves[at : ends[mark]], (*opened, mark))
            out.append(Element(tag=mark.tag, attrs=dict(mark.attrs), children=children))
            at = ends[mark]
            continue
        if isinstance(leaf.node, str) and out and isinstance(out[-1], str):
            out[-1] += leaf.node
        else:
            out.append(leaf.node)
        at += 1
    return tuple(out)


def _end_of(mark: InlineMark, leaves: Sequence[_InlineLeaf], start: int, opened: Collection[InlineMark]) -> int:
    """Return where a mark ends that begins at a leaf, without cutting a link or another element that stays whole."""
    end = next((at for at in range(start, len(leaves)) if mark not in leaves[at].marks), len(leaves))
    while start < end < len(leaves):
        across = {one for one in leaves[end - 1].marks if one.number and one not in opened} & {*leaves[end].marks}
        if not across:
            break
        end = next(at for at in range(start, end) if across & {*leaves[at].marks})
    return end


def _ordered(marks: Iterable[InlineMark]) -> Iterator[InlineMark]:
    for _, group in groupby(marks, key=lambda mark: mark.tag in _MARK_ORDER and not mark.attrs):
        yield from sorted(group, key=lambda mark: _MARK_ORDER.get(mark.tag, 0))


_HOISTABLE = frozenset("b strong i em u ins s strike del span font a sub sup small".split())


def is_block(node: Node) -> TypeGuard[Element]:
    """Return whether a node is a block, by its tag or by its content."""
    if isinstance(node, str):
        return False
    return node.tag in BLOCKS or (node.tag not in EMBEDS and contains(node.children, lambda inner: inner.tag in BLOCKS))


def can_hoist_blocks(node: Element) -> bool:
    """Return whether the element is a mark that may be put into each of its blocks."""
    return node.tag in _HOISTABLE and not (node.tag == "a" and contains(node.children, lambda inner: inner.tag == "a"))


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
