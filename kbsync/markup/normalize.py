"""Normalizes HTML: the one form from which comparison and the Markdown writer both start.

What a reader sees stays: blocks in their order, inline content in normal form, attributes that have an effect. Vertical
space goes: spacer paragraphs, breaks at the edges of blocks, wrappers without an effect. A run of text outside any
paragraph becomes a paragraph. Works on parsed nodes, never on text.
"""

from collections.abc import Iterable, Mapping

from kbsync.markup.dom import (
    BLOCKS,
    HEADINGS,
    Element,
    Node,
    child_elements,
    element,
    format_style,
    parse_style,
    replace,
)
from kbsync.markup.noise import clean
from kbsync.markup.normalize_inline import (
    add_anchor,
    add_inner_mark,
    atom,
    can_hoist_blocks,
    can_inherit_style,
    hoist_blocks,
    inherit_attributes,
    is_anchor,
    is_block,
    is_embed,
    join_paragraphs,
    split_paragraphs,
)

# The editor's name for code without a language (recorded).
_NO_LANGUAGE = "Generic Language"
_COLOURS = frozenset({"color", "background-color", "font-weight", "font-style", "text-decoration"})

_INHERITABLE_ATTRIBUTES = frozenset({"style", "dir", "lang"})
_INHERITABLE_STYLES = frozenset({"text-align", "margin-left"})
_TEXT_STYLES = ("font-weight", "font-style", "text-decoration", "color")
_STYLED = frozenset({"style", "color", "align", "bgcolor"})


def normalize(nodes: Iterable[Node]) -> tuple[Element, ...]:
    """Return the blocks of a fragment in normal form."""
    return tuple(_flow(nodes))


def _flow(nodes: Iterable[Node]) -> list[Element]:
    blocks: list[Element] = []
    run: list[Node] = []
    for node in _wrap_orphan_items(nodes):
        if is_block(node):
            blocks.extend(_paragraphs(run))
            run.clear()
            blocks.extend(_block(node))
        else:
            run.append(node)
    return blocks + _paragraphs(run)


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


def _paragraphs(run: Iterable[Node], attrs: Mapping[str, str] | None = None) -> list[Element]:
    return [Element(tag="p", attrs=attrs or {}, children=line) for line in split_paragraphs(run)]


def _block(node: Element) -> list[Element]:
    attrs = clean(node.tag, node.attrs)
    if node.tag in HEADINGS:
        return _heading(node, attrs)
    anchor = attrs.pop("id", None)
    if node.tag in BLOCKS:
        node, attrs = _hoist_text_style(node, attrs)
        blocks = _block_of_tag(node, attrs)
    elif can_hoist_blocks(node):
        blocks = _flow(hoist_blocks(node))
    else:
        blocks = [Element(tag=node.tag, attrs=attrs, children=tuple(_flow(node.children)))]
    return add_anchor(blocks, anchor) if anchor else blocks


def _hoist_text_style(node: Element, attrs: dict[str, str]) -> tuple[Element, dict[str, str]]:
    """Move a block's text styles (bold, italic, lines, colour) to a mark within it."""
    style = parse_style(attrs.get("style", ""))
    if not style.keys() & set(_TEXT_STYLES):
        return node, attrs
    marked = _move_text_style(node, style)
    attrs = _with_style(attrs, style)
    return replace(marked, attrs={key: value for key, value in node.attrs.items() if key not in _STYLED} | attrs), attrs


def _move_text_style(node: Element, style: dict[str, str]) -> Element:
    """Move the text styles out of `style` to a mark around the element's inline content."""
    moved = {name: style.pop(name) for name in _TEXT_STYLES if name in style}
    visible = {name: value for name, value in moved.items() if value != "normal"}
    return add_inner_mark("span", {"style": format_style(visible)}, node) if visible else node


def _with_style(attrs: Mapping[str, str], style: Mapping[str, str]) -> dict[str, str]:
    others = {key: value for key, value in attrs.items() if key != "style"}
    return others | ({"style": format_style(style)} if style else {})


def _style_of(node: Element) -> dict[str, str]:
    return parse_style(node.attrs.get("style", ""))


def _block_of_tag(node: Element, attrs: dict[str, str]) -> list[Element]:
    match node.tag:
        case "p":
            return _paragraphs(node.children, attrs)
        case "hr":
            return [element("hr")]
        case "ul" | "ol" | "menu" | "dir":
            return _list(node, attrs)
        case "pre":
            return _pre(node, attrs)
        case "table":
            return _table(node, attrs)
        case "div" | "center" if is_embed(node):
            return [element("p", {}, atom(node, {}))]
        case "div" | "center" | "article" | "main":
            return _wrapper(node, attrs)
        case _:
            inner = tuple(_flow(node.children))
            is_visible = inner or (attrs and node.tag != "blockquote")
            return [Element(tag=node.tag, attrs=attrs, children=inner)] if is_visible else []


def _heading(node: Element, attrs: dict[str, str]) -> list[Element]:
    node, attrs = _hoist_text_style(node, attrs)
    content = join_paragraphs(node.children)
    if content and is_anchor(anchor := content[0]) and "id" not in attrs:
        attrs["id"] = anchor.attrs["id"]
        content = content[1:]
    if not content:
        return [element("p", {}, element("a", {"id": attrs["id"]}))] if "id" in attrs else []
    return [Element(tag=node.tag, attrs=attrs, children=content)]


def _wrapper(node: Element, attrs: dict[str, str]) -> list[Element]:
    """Unwrap a box that has no effect, or whose style each of its paragraphs can have itself."""
    if node.tag == "center":
        attrs["style"] = "text-align: center"
    style = parse_style(attrs.get("style", ""))
    inner = _flow(node.children)
    if not attrs:
        return inner
    is_inheritable = attrs.keys() <= _INHERITABLE_ATTRIBUTES and style.keys() <= _INHERITABLE_STYLES
    if is_inheritable and all(can_inherit_style(block, style) for block in inner):
        return [replace(block, attrs=inherit_attributes(block.attrs, attrs, style)) for block in inner]
    return [Element(tag="div", attrs=attrs, children=tuple(inner))] if inner else []


def _pre(node: Element, attrs: dict[str, str]) -> list[Element]:
    """Return a call-out, a code box, or any other preformatted text."""
    if "fd-callout" in attrs.get("class", "").split():
        inner = tuple(_flow(_with_breaks(node.children)))
        return [Element(tag="pre", attrs=_with_style(attrs, {}), children=inner)] if inner else []
    named_by_tag = _language_of(node)
    code = _code_text(_without_colours(node.children) if named_by_tag else node.children)
    if code is None or attrs.keys() - {"style"}:
        return [Element(tag="pre", attrs=attrs, children=_clean_preformatted(node.children))]
    language = node.attrs.get("data-code-brush") or node.attrs.get("code-brush") or named_by_tag
    named = {"class": f"language-{language}"} if language and language != _NO_LANGUAGE else {}
    return [element("pre", {}, element("code", named, code.rstrip("\n")))]


def _with_breaks(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Replace the newlines of a call-out's text by breaks, since a `<pre>` shows them."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, Element):
            out.append(node if node.tag == "pre" else replace(node, children=_with_breaks(node.children)))
            continue
        for at, line in enumerate(node.split("\n")):
            out.extend((*([element("br")] if at else []), line))
    return tuple(out)


def _code_text(nodes: tuple[Node, ...]) -> str | None:
    """Return the characters of a code box; None when something in it is more than text."""
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif node.tag == "br":
            parts.append("\n")
        elif node.tag in ("span", "font", "code", "p", "div") and not _has_attributes(node):
            inner = _code_text(node.children)
            if inner is None:
                return None
            parts.append(inner + ("\n" if node.tag in ("p", "div") else ""))
        else:
            return None
    return "".join(parts)


def _without_colours(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Unwrap spans that only style their text."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
            continue
        inner = _without_colours(node.children)
        attrs = clean(node.tag, node.attrs)
        is_colour = attrs.keys() <= {"style"} and parse_style(attrs.get("style", "")).keys() <= _COLOURS
        out += inner if node.tag == "span" and is_colour else [replace(node, children=inner)]
    return tuple(out)


def _clean_preformatted(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Clean the content of a `<pre>` that is more than code; its white space stays."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
            continue
        inner = _clean_preformatted(node.children)
        attrs = clean(node.tag, node.attrs)
        is_plain = attrs.keys() <= {"style"} and attrs.get("style", "") in ("", "font-weight: normal")
        out += inner if node.tag in ("span", "font") and is_plain else [replace(node, attrs=attrs, children=inner)]
    return tuple(out)


def _has_attributes(node: Element) -> bool:
    attrs = clean(node.tag, node.attrs)
    return bool(attrs.keys() - ({"class"} if node.tag == "code" else set()))


def _language_of(node: Element) -> str:
    for child in node.children:
        if isinstance(child, Element) and child.tag == "code":
            names = [n for n in child.attrs.get("class", "").split() if n.startswith("language-")]
            return child.attrs["class"].removeprefix("language-") if names and len(node.children) == 1 else ""
    return ""


def _list(node: Element, attrs: dict[str, str]) -> list[Element]:
    """Return a list whose children are items; other content is moved to the item before."""
    tag = "ol" if node.tag == "ol" else "ul"
    items: list[Element] = []
    for child in node.children:
        if not child.strip() if isinstance(child, str) else child.tag == "br":
            continue
        if isinstance(child, Element) and child.tag == "li":
            items.append(_item(child))
        elif items:
            items[-1] = replace(items[-1], children=tuple(_flow((*items[-1].children, child))))
        else:
            items.append(Element(tag="li", attrs={"style": "list-style-type: none"}, children=tuple(_flow([child]))))
    return [_hoist_numbering(Element(tag=tag, attrs=attrs, children=tuple(items)))] if items else []


def _item(node: Element) -> Element:
    attrs = clean("li", node.attrs)
    anchor = attrs.pop("id", None)
    style = parse_style(attrs.pop("style", ""))
    blocks = _flow(_move_text_style(node, style).children)
    if "text-align" in style:
        inherited = {"text-align": style.pop("text-align")}
        for at, block in enumerate(blocks):
            if can_inherit_style(block, inherited):
                blocks[at] = replace(block, attrs=inherit_attributes(block.attrs, {}, inherited))
    blocks = add_anchor(blocks, anchor) if anchor else blocks
    return Element(tag="li", attrs=_with_style(attrs, style), children=tuple(blocks))


def _hoist_numbering(node: Element) -> Element:
    """Move the kind of numbering from the items to the list when all have the same."""
    kinds = {_style_of(child).get("list-style-type") for child in node.children if isinstance(child, Element)}
    if len(kinds) != 1 or None in kinds:
        return node
    kind = kinds.pop() or ""
    own = {**_style_of(node), "list-style-type": kind}
    items = tuple(
        child if isinstance(child, str) else _without_declaration(child, "list-style-type") for child in node.children
    )
    return replace(node, attrs={**node.attrs, "style": format_style(dict(sorted(own.items())))}, children=items)


def _without_declaration(node: Element, name: str) -> Element:
    style = {key: value for key, value in _style_of(node).items() if key != name}
    return replace(node, attrs=_with_style(node.attrs, style))


def _table(node: Element, attrs: dict[str, str]) -> list[Element]:
    """Return a table as caption and rows; empty header rows go, since only pipe tables need them."""
    rows: list[Element] = []
    for child in child_elements(node):
        match child.tag:
            case "caption":
                caption = tuple(_flow(child.children))
                rows.append(Element(tag="caption", attrs=clean("caption", child.attrs), children=caption))
            case "thead" | "tbody" | "tfoot":
                style = _clean_style(child)
                rows += [_row(row, style) for row in child_elements(child) if row.tag == "tr"]
            case "tr":
                rows.append(_row(child, {}))
    rows = [row for row in rows if row.children]
    head = next((row for row in rows if row.tag == "tr"), None)
    if head is not None and all(map(_is_blank_head, child_elements(head))) and len(rows) > 1:
        rows.remove(head)
    style = {n: v for n, v in parse_style(attrs.get("style", "")).items() if n in ("background-color", "display")}
    return [Element(tag="table", attrs=_with_style(attrs, style), children=tuple(rows))] if rows else []


def _clean_style(part: Element) -> dict[str, str]:
    return parse_style(clean(part.tag, part.attrs).get("style", ""))


def _row(node: Element, outer: dict[str, str]) -> Element:
    style = {**outer, **_clean_style(node)}
    cells = [_cell(cell, style) for cell in child_elements(node) if cell.tag in ("td", "th")]
    return Element(tag="tr", attrs={}, children=tuple(cells))


def _cell(node: Element, outer: dict[str, str]) -> Element:
    attrs = clean(node.tag, node.attrs)
    anchor = attrs.pop("id", None)
    style = {**outer, **parse_style(attrs.pop("style", ""))}
    blocks = _flow(_move_text_style(node, style).children)
    blocks = add_anchor(blocks, anchor) if anchor else blocks
    alignments = {_style_of(block).get("text-align") for block in blocks}
    if len(alignments) == 1 and None not in alignments:
        style["text-align"] = alignments.pop() or ""
        blocks = [_without_declaration(block, "text-align") for block in blocks]
    if not blocks:
        style.pop("text-align", None)
    return Element(tag=node.tag, attrs=_with_style(attrs, dict(sorted(style.items()))), children=tuple(blocks))


def _is_blank_head(cell: Element) -> bool:
    return cell.tag == "th" and not cell.children and not cell.attrs.keys() & {"colspan", "rowspan"}
