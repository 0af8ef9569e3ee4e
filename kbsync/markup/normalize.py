"""Normalizes HTML: the one form from which comparison and the Markdown writer both start.

What a reader sees stays: blocks in their order, inline content in normal form, attributes that have an effect. Vertical
space goes: spacer paragraphs, breaks at the edges of blocks, wrappers without an effect. A run of text outside any
paragraph becomes a paragraph, and shows what it inherits itself. Works on parsed nodes, never on text.
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
)
from kbsync.markup.inherited import Inherited, with_style
from kbsync.markup.meaning import LIST_INDENT, TEXT_STYLES, add_lengths, is_small, read
from kbsync.markup.normalize_inline import (
    add_anchor,
    atom,
    can_hoist_blocks,
    indented_code,
    is_anchor,
    is_block,
    is_embed,
    join_paragraphs,
    preformatted,
    split_paragraphs,
)

# The editor's name for code without a language (recorded).
_NO_LANGUAGE = "Generic Language"
_ANCHORS = frozenset({"id", "name"})
WRAPPERS = frozenset("div center article main section header footer hgroup figure".split())
"""Boxes that show nothing themselves, unless their attributes do."""
_COLOURED = frozenset("strong em u del span".split())
_CODE_STYLES = ("margin-left", "text-align")
_COLOURS = frozenset({"color", "background-color"})


def normalize(nodes: Iterable[Node], keep: Collection[str] = (), *, hoist: bool = True) -> tuple[Element, ...]:
    """Return the blocks of a fragment in normal form; `keep` are classes that count although nothing knows them.

    Without `hoist` each block has its own alignment, so that it reads the same alone as beside others.
    """
    return tuple(_flow(nodes, Inherited(keep=keep, hoists=hoist)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A block of a fragment, or a run of text between two; and the blocks in normal form that it makes."""

    nodes: tuple[Node, ...]
    blocks: tuple[Element, ...]


def normalize_pieces(nodes: Iterable[Node], keep: Collection[str] = ()) -> tuple[Piece, ...]:
    """Return the blocks of a fragment in normal form, piece by piece: each depends on its own nodes alone."""
    return tuple(_pieces(nodes, Inherited(keep=keep)))


def _pieces(nodes: Iterable[Node], inherited: Inherited) -> Iterator[Piece]:
    for are_blocks, group in groupby(_without_marks_around_blocks(_wrap_orphan_items(nodes)), key=is_block):
        if are_blocks:
            yield from (_piece((node,), _block(node, inherited)) for node in group if isinstance(node, Element))
        else:
            run = tuple(group)
            yield _piece(run, _text(run, inherited))


def _without_marks_around_blocks(nodes: Iterable[Node]) -> Iterator[Node]:
    """Split each mark that holds blocks and text: its text at either end is on the lines of what is beside it."""
    for node in nodes:
        if isinstance(node, str) or node.tag in BLOCKS or not is_block(node) or not can_hoist_blocks(node):
            yield node
            continue
        parts = (tuple(group) for _, group in groupby(_without_marks_around_blocks(node.children), key=is_block))
        for at, part in enumerate(parts):
            attrs = node.attrs if not at else {key: value for key, value in node.attrs.items() if key not in _ANCHORS}
            yield replace(node, attrs=attrs, children=part)


def _piece(nodes: tuple[Node, ...], blocks: list[Element]) -> Piece:
    if len(blocks) == 1:
        blocks = [Element(tag=blocks[0].tag, attrs=blocks[0].attrs, children=blocks[0].children, source=nodes)]
    return Piece(nodes=nodes, blocks=tuple(blocks))


def _flow(nodes: Iterable[Node], inherited: Inherited) -> list[Element]:
    return [block for piece in _pieces(nodes, inherited) for block in piece.blocks]


def _wrap_orphan_items(nodes: Iterable[Node]) -> list[Node]:
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


def _text(run: Sequence[Node], inherited: Inherited) -> list[Element]:
    """Return text outside any paragraph as paragraphs."""
    if all(isinstance(node, str) and not node.strip() for node in run):
        return []
    return _paragraphs(run, inherited.attributes({}, {}, text=True), inherited.inner())


def _paragraphs(run: Sequence[Node], attrs: Mapping[str, str], inherited: Inherited) -> list[Element]:
    code = indented_code(run, inherited)
    if code is not None:
        return [element("pre", attrs, element("code", {}, code))]
    return [Element(tag="p", attrs=attrs, children=line) for line in split_paragraphs(run, inherited)]


def _block(node: Element, inherited: Inherited) -> list[Element]:
    attrs, style = read(node.tag, node.attrs, inherited.keep)
    anchor = attrs.pop("id", None)
    if node.tag in BLOCKS:
        blocks = _block_of_tag(node, attrs, style, inherited.inside_block(node, attrs, style), anchor)
        anchor = None if node.tag in HEADINGS else anchor
    elif can_hoist_blocks(node):
        blocks = _flow(node.children, inherited.around_text(node, attrs, style))
    else:
        children = tuple(_flow(node.children, inherited.inner()))
        blocks = [Element(tag=node.tag, attrs=inherited.attributes(attrs, style, text=False), children=children)]
    return add_anchor(blocks, anchor) if anchor else blocks


def _style_of(node: Element) -> dict[str, str]:
    return parse_style(node.attrs.get("style", ""))


def _block_of_tag(
    node: Element, attrs: dict[str, str], style: dict[str, str], inherited: Inherited, anchor: str | None
) -> list[Element]:
    inner = inherited.inner()
    match node.tag:
        case "p":
            return _paragraphs(node.children, inherited.attributes(attrs, style, text=True), inner)
        case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            return _heading(node, inherited.attributes(attrs, style, text=True), inner, anchor)
        case "hr":
            return [element("hr")]
        case "ul" | "ol" | "menu" | "dir":
            return _list(node, attrs, style, inherited)
        case "pre":
            return _pre(node, inherited.attributes(attrs, style, text=True), inner)
        case "table":
            style = {name: value for name, value in style.items() if name in ("background-color", "display")}
            return _table(node, inherited.attributes(attrs, style, text=False), inner)
        case "div" | "center" if is_embed(node):
            return [element("p", inherited.attributes({}, {}, text=True), atom(node, {}, {}, inherited.direction))]
    is_box = node.tag in WRAPPERS and not (node.tag == "figure" and contains(node.children, is_caption))
    if is_box and not attrs and not style:
        return _flow(node.children, inherited)
    children = tuple(_flow(node.children, inner))
    shown = inherited.attributes(attrs, style, text=False)
    is_visible = children or (shown and node.tag not in WRAPPERS | {"blockquote"})
    tag = "div" if node.tag in ("center", "article", "main") else node.tag
    return [Element(tag=tag, attrs=shown, children=children)] if is_visible else []


def is_caption(node: Element) -> bool:
    """Return whether an element is the caption that makes a figure more than a box."""
    return node.tag == "figcaption"


def _heading(node: Element, attrs: dict[str, str], inherited: Inherited, anchor: str | None) -> list[Element]:
    content = join_paragraphs(node.children, inherited)
    if anchor is None and content and is_anchor(content[0]):
        anchor, content = content[0].attrs["id"], content[1:]
    if not content:
        return [element("p", {}, element("a", {"id": anchor}))] if anchor else []
    named = {"id": anchor, **attrs} if anchor else attrs
    return [Element(tag=node.tag, attrs=named, children=content)]


def _pre(node: Element, attrs: dict[str, str], inherited: Inherited) -> list[Element]:
    """Return a call-out, a code box, or any other preformatted text."""
    brush = attrs.pop("data-code-brush", "") or attrs.pop("code-brush", "")
    if "fd-callout" in attrs.get("class", "").split():
        inner = tuple(_flow(node.children, changed(inherited, white_space="pre-line")))
        return [Element(tag="pre", attrs=with_style(attrs, {}), children=inner)] if inner else []
    named_by_tag = _language_of(node)
    content = preformatted(_code_lines(node.children, inherited), inherited)
    code = _code_text(content, coloured=bool(named_by_tag))
    if code is None or attrs.keys() - {"style", "class", "dir", "lang"}:
        return [Element(tag="pre", attrs=attrs, children=content)]
    language = brush or named_by_tag
    named = {"class": f"language-{language}"} if language and language != _NO_LANGUAGE else {}
    style = {name: value for name, value in _style_of(element("pre", attrs)).items() if name in _CODE_STYLES}
    return [element("pre", with_style(attrs, style), element("code", named, code.rstrip("\n")))]


def _code_lines(nodes: Iterable[Node], inherited: Inherited) -> tuple[Node, ...]:
    """Unwrap the lines of code that are boxes or paragraphs of their own, and the `<code>` around it."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str) or node.tag not in ("code", "p", "div", "span", "font"):
            out.append(node)
            continue
        attrs, style = read(node.tag, node.attrs, inherited.keep)
        inner = _code_lines(node.children, inherited)
        if node.tag in ("span", "font") or attrs.keys() - ({"class"} if node.tag == "code" else set()):
            out.append(replace(node, children=inner))
            continue
        styled = {"style": format_style(style)} if style.keys() & set(TEXT_STYLES) else {}
        out += [element("span", styled, *inner), "\n" if node.tag in ("p", "div") else ""]
    return tuple(out)


def _code_text(nodes: Sequence[Node], *, coloured: bool) -> str | None:
    """Return the characters of a code box, whose colours are those of its language; None when it is more than text."""
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif node.tag == "br":
            parts.append("\n")
        else:
            is_colour = node.tag in _COLOURED and node.attrs.keys() <= {"style"} and _style_of(node).keys() <= _COLOURS
            inner = _code_text(node.children, coloured=coloured) if coloured and is_colour else None
            if inner is None:
                return None
            parts.append(inner)
    return "".join(parts)


def _language_of(node: Element) -> str:
    for child in node.children:
        if isinstance(child, Element) and child.tag == "code":
            names = [n for n in child.attrs.get("class", "").split() if n.startswith("language-")]
            return names[0].removeprefix("language-") if names and len(node.children) == 1 else ""
    return ""


def _list(node: Element, attrs: dict[str, str], style: dict[str, str], inherited: Inherited) -> list[Element]:
    """Return a list, or several where its numbers jump, after what stands before its first bullet or number."""
    node = Element(tag=_list_tag(node), attrs=node.attrs, children=node.children)
    inherited = _with_common_direction(node, inherited)
    leading: list[Element] = []
    lists: list[tuple[int, list[Element]]] = []
    for number, nodes, around in _list_parts(node, attrs, inherited):
        if number is None and not lists:
            leading += _flow(nodes, changed(around, indent=add_lengths(around.indent, LIST_INDENT)))
        elif number is None:
            items = lists[-1][1]
            items[-1] = replace(items[-1], children=(*items[-1].children, *_flow(nodes, around.inner())))
        else:
            if not lists or number != lists[-1][0] + len(lists[-1][1]):
                lists.append((number, []))
            lists[-1][1].extend(_item(item, around.inner()) for item in nodes if isinstance(item, Element))
    shown = inherited.attributes(attrs, style, text=False)
    return [*leading, *(_numbered(node, shown, first, items, hoists=inherited.hoists) for first, items in lists)]


def _list_tag(node: Element) -> str:
    """Return the element that shows the bullets or numbers which the style of a list, or of all its items, asks for."""
    own = _marker(node)
    kinds = {_marker(item) or own for item in child_elements(node) if item.tag == "li"}
    return (kinds.pop() if len(kinds) == 1 else "") or ("ol" if node.tag == "ol" else "ul")


def _marker(node: Element) -> str:
    kinds = " ".join(value for name, value in _style_of(node).items() if name.startswith("list-style"))
    if re.search(r"\b(?:disc|circle|square)\b", kinds):
        return "ul"
    return "ol" if re.search(r"\b(?:decimal|lower-|upper-)", kinds) else ""


def _list_parts(
    node: Element, attrs: dict[str, str], inherited: Inherited
) -> Iterator[tuple[int | None, tuple[Node, ...], Inherited]]:
    """Return the items of a list with their numbers, and what stands between them; take `start` from its attributes.

    An item whose bullet is removed is part of the one before, as a browser shows it, but it counts.
    """
    children = tuple(_list_children(node, inherited))
    items = [child for child, _ in children if _is_item(child)]
    keeps_bare = all(map(_is_bare, items)) and not all(map(_holds_lists, items))
    counts = node.tag == "ol" and "reversed" not in attrs
    number = _to_integer(attrs.pop("start", ""), 1) - 1 if counts else 0
    for (is_item, around), group in groupby(children, key=lambda one: (_is_item(one[0]), one[1])):
        inside = tuple(child for child, _ in group)
        if not is_item:
            yield None, inside, around
            continue
        for item in filter(_is_item, inside):
            is_content = _is_bare(item) and not keeps_bare
            if counts or not is_content:
                number = _to_integer(item.attrs.get("value", ""), number + 1) if counts else number + 1
            own = {key: value for key, value in item.attrs.items() if key != "value" or not counts}
            shown = _without_bullet(item) if is_content else replace(item, attrs=own)
            yield None if is_content else number, (shown,), around


def _numbered(node: Element, attrs: dict[str, str], first: int, items: list[Element], *, hoists: bool) -> Element:
    own = {"start": str(first), **attrs} if node.tag == "ol" and first != 1 else attrs
    made = Element(tag=node.tag, attrs=own, children=tuple(items))
    made = _hoist_alignment(made) if hoists else made
    made = _hoist_common(_hoist_common(made, "list-style-type"), "margin-left")
    return _without_declaration(made, "margin-left") if is_small(_style_of(made).get("margin-left", "")) else made


def _to_integer(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"-?\d{1,9}", text.strip()) else default


def _list_children(node: Element, inherited: Inherited) -> Iterator[tuple[Node, Inherited]]:
    """Return the children of a list; those of a mark or a box around items, with what they inherit from it."""
    for child in node.children:
        if isinstance(child, str) or not any(map(_is_item, child.children)):
            yield child, inherited
            continue
        attrs, style = read(child.tag, child.attrs, inherited.keep)
        if can_hoist_blocks(child):
            yield from _list_children(child, inherited.around_text(child, attrs, style))
        elif child.tag == "div" and not attrs and not style:
            yield from _list_children(child, inherited)
        else:
            yield child, inherited


def _is_item(node: Node) -> TypeGuard[Element]:
    return isinstance(node, Element) and node.tag == "li"


def _is_bare(item: Element) -> bool:
    return read("li", item.attrs)[1].get("list-style-type") == "none"


def _holds_lists(item: Element) -> bool:
    return all(not node.strip() if isinstance(node, str) else node.tag in ("ul", "ol") for node in item.children)


def _without_bullet(item: Element) -> Element:
    style = {name: value for name, value in _style_of(item).items() if not name.startswith("list-style")}
    return Element(tag="div", attrs=with_style(item.attrs, style), children=item.children)


def _with_common_direction(node: Element, inherited: Inherited) -> Inherited:
    """Take over the direction that all items of a list have."""
    found = {child.attrs.get("dir", "").lower() for child in child_elements(node) if child.tag == "li"}
    only = found.pop() if len(found) == 1 else ""
    return changed(inherited, direction=only) if only in ("ltr", "rtl") else inherited


def _item(node: Element, inherited: Inherited) -> Element:
    attrs, style = read("li", node.attrs, inherited.keep)
    anchor = attrs.pop("id", None)
    inner = inherited.inside_block(node, attrs, style)
    if inner.indent:
        style["margin-left"] = inner.indent
    blocks = _flow(node.children, changed(inner, indent=""))
    blocks = add_anchor(blocks, anchor) if anchor else blocks
    return Element(tag="li", attrs=with_style(attrs, dict(sorted(style.items()))), children=tuple(blocks))


def _hoist_common(node: Element, name: str) -> Element:
    """Move a declaration from the items of a list to the list when all have the same; indentation adds up."""
    items = child_elements(node)
    found = {_style_of(item).get(name, "") for item in items}
    if len(found) != 1 or "" in found:
        return node
    own, value = _style_of(node), found.pop()
    own[name] = add_lengths(own.get(name, ""), value) if name == "margin-left" else value
    bare = tuple(_without_declaration(item, name) for item in items)
    return replace(node, attrs=with_style(node.attrs, dict(sorted(own.items()))), children=bare)


def _hoist_alignment(node: Element) -> Element:
    """Move the alignment from the blocks of all items to the list when all have the same."""
    items = child_elements(node)
    found = {_style_of(block).get("text-align") for item in items for block in child_elements(item)}
    if len(found) != 1 or None in found:
        return node
    own = {**_style_of(node), "text-align": found.pop() or ""}
    bare = tuple(replace(item, children=_without_alignment(item)) for item in items)
    return replace(node, attrs=with_style(node.attrs, dict(sorted(own.items()))), children=bare)


def _without_alignment(node: Element) -> tuple[Element, ...]:
    return tuple(_without_declaration(block, "text-align") for block in child_elements(node))


def _without_declaration(node: Element, name: str) -> Element:
    return replace(node, attrs=with_style(node.attrs, {k: v for k, v in _style_of(node).items() if k != name}))


def _table(node: Element, attrs: dict[str, str], inherited: Inherited) -> list[Element]:
    """Return a table as caption and rows; empty header rows go, since only pipe tables need them."""
    rows: list[Element] = []
    for child in child_elements(node):
        match child.tag:
            case "caption":
                own, style = read("caption", child.attrs, inherited.keep)
                centered = changed(inherited, align="center").inside_block(child, own, style)
                rows.append(Element(tag="caption", attrs=own, children=_caption(child, centered)))
            case "thead" | "tbody" | "tfoot":
                own, style = read(child.tag, child.attrs, inherited.keep)
                inner = inherited.inside_block(child, own, style)
                rows += [_row(row, style, inner) for row in child_elements(child) if row.tag == "tr"]
            case "tr":
                rows.append(_row(child, {}, inherited))
    rows = [row for row in rows if row.children]
    head = next((row for row in rows if row.tag == "tr"), None)
    if head is not None and all(map(_is_blank_head, child_elements(head))) and len(rows) > 1:
        rows.remove(head)
    return [Element(tag="table", attrs=attrs, children=tuple(rows))] if rows else []


def _caption(node: Element, inherited: Inherited) -> tuple[Element, ...]:
    """Return the blocks of a caption, which the browser centres."""
    return tuple(_against_default(_flow(node.children, inherited.inner()), "center", "left"))


def _row(node: Element, outer: Mapping[str, str], inherited: Inherited) -> Element:
    own, style = read("tr", node.attrs, inherited.keep)
    inner = inherited.inside_block(node, own, style)
    cells = [_cell(cell, {**outer, **style}, inner) for cell in child_elements(node) if cell.tag in ("td", "th")]
    return Element(tag="tr", attrs={}, children=tuple(cells))


def _cell(node: Element, outer: Mapping[str, str], inherited: Inherited) -> Element:
    attrs, style = read(node.tag, node.attrs, inherited.keep)
    anchor = attrs.pop("id", None)
    if node.tag == "th" and inherited.align == "start":
        inherited = changed(inherited, align="center")
    inner = inherited.inside_block(node, attrs, style)
    shown = inner.attributes(attrs, {**outer, **style}, text=False)
    blocks = _flow(node.children, changed(inner, indent="").inner())
    blocks = add_anchor(blocks, anchor) if anchor else blocks
    if node.tag == "th":
        blocks = _against_default(blocks, "center", "left" if inner.direction == "ltr" else "right")
    alignments = {_style_of(block).get("text-align") for block in blocks}
    if inner.hoists and len(alignments) == 1 and None not in alignments:
        style = {**parse_style(shown.get("style", "")), "text-align": alignments.pop() or ""}
        shown = with_style(shown, dict(sorted(style.items())))
        blocks = [_without_declaration(block, "text-align") for block in blocks]
    return Element(tag=node.tag, attrs=shown, children=tuple(blocks))


def _against_default(blocks: list[Element], default: str, start: str) -> list[Element]:
    """Return blocks that show their alignment where it differs from the browser's own for their container."""
    out: list[Element] = []
    for block in blocks:
        style = {"text-align": start} | _style_of(block)
        kept = {name: value for name, value in sorted(style.items()) if (name, value) != ("text-align", default)}
        out.append(replace(block, attrs=with_style(block.attrs, kept)))
    return out


def _is_blank_head(cell: Element) -> bool:
    return cell.tag == "th" and not cell.children and not cell.attrs.keys() & {"colspan", "rowspan"}
