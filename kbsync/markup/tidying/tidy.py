"""HTML in the one form that canonical comparison and the Markdown writer both start from.

What stays is what a reader sees: blocks in their order, inline content in normal form, attributes that say something.
Vertical space goes: spacer paragraphs, breaks at the edges of blocks, wrappers that only hold. A run of text outside
any paragraph is a paragraph; a `<div>` that says nothing is none.
"""

from collections.abc import Iterable, Mapping

from kbsync.markup.html.nodes import BLOCKS, HEADINGS, Element, Node, element, replace
from kbsync.markup.html.noise import clean
from kbsync.markup.html.styles import style_from_text, style_to_text
from kbsync.markup.tidying.boxes import tidy_pre
from kbsync.markup.tidying.lists import tidy_list
from kbsync.markup.tidying.marks import atom, is_embed
from kbsync.markup.tidying.runs import is_anchor, lines, one_line
from kbsync.markup.tidying.spread import anchored, can_say, is_block, is_spreadable, spread, spread_into, with_outer
from kbsync.markup.tidying.tables import tidy_table

_PUSHED = frozenset({"style", "dir", "lang"})
_INHERITED = frozenset({"text-align", "margin-left"})
_LETTERS = frozenset({"font-weight", "font-style", "text-decoration", "color"})
_STYLED = frozenset({"style", "color", "align", "bgcolor"})


def tidy(nodes: Iterable[Node]) -> tuple[Element, ...]:
    """Give the blocks of a fragment in tidy form."""
    return tuple(_flow(nodes))


def _flow(nodes: Iterable[Node]) -> list[Element]:
    blocks: list[Element] = []
    run: list[Node] = []
    for node in _listed(nodes):
        if isinstance(node, Element) and is_block(node):
            blocks.extend(_paragraphs(run))
            run.clear()
            blocks.extend(_block(node))
        else:
            run.append(node)
    return blocks + _paragraphs(run)


def _listed(nodes: Iterable[Node]) -> list[Node]:
    """Gather items that stand outside any list, which browsers show with bullets, into lists."""
    out: list[Node] = []
    orphans: list[Element] = []
    for node in nodes:
        if isinstance(node, Element) and node.tag == "li":
            orphans.append(node)
            continue
        if orphans and not (isinstance(node, str) and not node.strip()):
            out.append(element("ul", {}, *orphans))
            orphans = []
        out.append(node)
    return [*out, element("ul", {}, *orphans)] if orphans else out


def _paragraphs(run: Iterable[Node], attrs: Mapping[str, str] | None = None) -> list[Element]:
    return [Element(tag="p", attrs=attrs or {}, children=line) for line in lines(run)]


def _block(node: Element) -> list[Element]:
    attrs = clean(node.tag, node.attrs)
    if node.tag in HEADINGS:
        return _heading(node, attrs)
    anchor = attrs.pop("id", None)
    if node.tag in BLOCKS:
        node, attrs = _lettered(node, attrs)
        blocks = _of_tag(node, attrs)
    elif is_spreadable(node):
        blocks = _flow(spread(node))
    else:
        blocks = [Element(tag=node.tag, attrs=attrs, children=tuple(_flow(node.children)))]
    return anchored(blocks, anchor) if anchor else blocks


def _lettered(node: Element, attrs: dict[str, str]) -> tuple[Element, dict[str, str]]:
    """Say a block's letters (bold, italic, lines, colour) of its words, as a mark within it."""
    style = style_from_text(attrs.get("style", ""))
    letters = {name: style.pop(name) for name in list(style) if name in _LETTERS}
    if not letters:
        return node, attrs
    attrs = {key: value for key, value in attrs.items() if key != "style"}
    if style:
        attrs["style"] = style_to_text(style)
    said = {name: value for name, value in letters.items() if value != "normal"}
    bare = replace(node, attrs={key: value for key, value in node.attrs.items() if key not in _STYLED} | attrs)
    return (spread_into("span", {"style": style_to_text(said)}, bare) if said else bare), attrs


def _of_tag(node: Element, attrs: dict[str, str]) -> list[Element]:
    match node.tag:
        case "p":
            return _paragraphs(node.children, attrs)
        case "hr":
            return [element("hr")]
        case "ul" | "ol" | "menu" | "dir":
            return tidy_list(node, attrs, _flow)
        case "pre":
            return tidy_pre(node, attrs, _flow)
        case "table":
            return tidy_table(node, attrs, _flow)
        case "div" | "center" if is_embed(node):
            return [element("p", {}, atom(node, {}))]
        case "div" | "center" | "article" | "main":
            return _wrapper(node, attrs)
        case "blockquote":
            inner = _flow(node.children)
            return [Element(tag="blockquote", attrs=attrs, children=tuple(inner))] if inner else []
        case _:
            inner = _flow(node.children)
            return [Element(tag=node.tag, attrs=attrs, children=tuple(inner))] if inner or attrs else []


def _heading(node: Element, attrs: dict[str, str]) -> list[Element]:
    node, attrs = _lettered(node, attrs)
    content = one_line(node.children)
    if content and is_anchor(content[0]) and "id" not in attrs and isinstance(content[0], Element):
        attrs["id"] = content[0].attrs["id"]
        content = content[1:]
    if not content:
        return [element("p", {}, element("a", {"id": attrs["id"]}))] if "id" in attrs else []
    return [Element(tag=node.tag, attrs=attrs, children=content)]


def _wrapper(node: Element, attrs: dict[str, str]) -> list[Element]:
    """Take apart a box that says nothing, or whose style each of its paragraphs can say."""
    if node.tag == "center":
        attrs["style"] = "text-align: center"
    style = style_from_text(attrs.get("style", ""))
    inner = _flow(node.children)
    if not attrs:
        return inner
    if set(attrs) <= _PUSHED and set(style) <= _INHERITED and all(can_say(block, style) for block in inner):
        return [replace(block, attrs=with_outer(block.attrs, attrs, style)) for block in inner]
    return [Element(tag="div", attrs=attrs, children=tuple(inner))] if inner else []
