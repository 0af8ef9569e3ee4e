"""HTML in the one form that canonical comparison and the Markdown writer both start from.

What stays is what a reader sees: blocks in their order, inline content in normal form, attributes that say something.
Vertical space goes: spacer paragraphs, breaks at the edges of blocks, wrappers that only hold. A run of text outside
any paragraph is a paragraph; a `<div>` that says nothing is none.
"""

from collections.abc import Callable, Iterable, Mapping

from kbsync.markup.dom import BLOCKS, HEADINGS, Element, Node, element, replace, style_from_text, style_to_text
from kbsync.markup.noise import clean
from kbsync.markup.normalize_inline import (
    anchored,
    atom,
    can_say,
    is_anchor,
    is_block,
    is_embed,
    is_spreadable,
    lines,
    one_line,
    spread,
    spread_into,
    with_outer,
)

# What the editor calls code of which it knows nothing (recorded).
_NO_LANGUAGE = "Generic Language"
_COLOURS = frozenset({"color", "background-color", "font-weight", "font-style", "text-decoration"})

Flow_boxes = Callable[[Iterable[Node]], list[Element]]


def tidy_pre(node: Element, attrs: dict[str, str], flow: Flow_boxes) -> list[Element]:
    """Return a call-out, a code box, or what else a `<pre>` can be."""
    if "fd-callout" in attrs.get("class", "").split():
        inner = tuple(flow(_broken(node.children)))
        said = {key: value for key, value in attrs.items() if key != "style"}
        return [Element(tag="pre", attrs=said, children=inner)] if inner else []
    named_by_tag = _language(node)
    code = _code(_uncoloured(node.children) if named_by_tag else node.children)
    if code is None or attrs.keys() - {"style"}:
        return [Element(tag="pre", attrs=attrs, children=_typed(node.children))]
    language = node.attrs.get("data-code-brush") or node.attrs.get("code-brush") or named_by_tag
    named = {"class": f"language-{language}"} if language and language != _NO_LANGUAGE else {}
    return [element("pre", {}, element("code", named, code.rstrip("\n")))]


def _broken(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Show the line ends of a call-out's text as breaks, since a `<pre>` shows them."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, Element):
            out.append(node if node.tag == "pre" else replace(node, children=_broken(node.children)))
            continue
        for at, line in enumerate(node.split("\n")):
            out.extend((*([element("br")] if at else []), line))
    return tuple(out)


def _code(nodes: tuple[Node, ...]) -> str | None:
    """Return the characters of a code box; None when something in it is more than text."""
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif node.tag == "br":
            parts.append("\n")
        elif node.tag in ("span", "font", "code", "p", "div") and not _says(node):
            inner = _code(node.children)
            if inner is None:
                return None
            parts.append(inner + ("\n" if node.tag in ("p", "div") else ""))
        else:
            return None
    return "".join(parts)


def _uncoloured(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Take spans away that say nothing but the look of their letters."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
            continue
        inner = _uncoloured(node.children)
        attrs = clean(node.tag, node.attrs)
        is_colour = attrs.keys() <= {"style"} and style_from_text(attrs.get("style", "")).keys() <= _COLOURS
        if node.tag == "span" and is_colour:
            out.extend(inner)
        else:
            out.append(replace(node, children=inner))
    return tuple(out)


def _typed(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Clean what stands in a `<pre>` that is more than code, and keep its white space."""
    out: list[Node] = []
    for node in nodes:
        attrs = {} if isinstance(node, str) else clean(node.tag, node.attrs)
        if isinstance(node, str):
            out.append(node)
        elif (
            node.tag in ("span", "font")
            and not attrs.keys() - {"style"}
            and not attrs.get("style", "").replace("font-weight: normal", "")
        ):
            out.extend(_typed(node.children))
        else:
            out.append(Element(tag=node.tag, attrs=attrs, children=_typed(node.children)))
    return tuple(out)


def _says(node: Element) -> bool:
    attrs = clean(node.tag, node.attrs)
    return bool(attrs.keys() - ({"class"} if node.tag == "code" else set()))


def _language(node: Element) -> str:
    for child in node.children:
        if isinstance(child, Element) and child.tag == "code":
            names = [n for n in child.attrs.get("class", "").split() if n.startswith("language-")]
            return child.attrs["class"].removeprefix("language-") if names and len(node.children) == 1 else ""
    return ""


_LETTERS = ("font-weight", "font-style", "text-decoration", "color")

Flow = Callable[[Iterable[Node]], list[Element]]


def tidy_list(node: Element, attrs: dict[str, str], flow: Flow) -> list[Element]:
    """Return a list whose children are items: what else stood in it goes to the item before."""
    tag = "ol" if node.tag == "ol" else "ul"
    items: list[Element] = []
    for child in node.children:
        if isinstance(child, str) and not child.strip():
            continue
        if isinstance(child, Element) and child.tag == "li":
            items.append(_item(child, flow))
        elif isinstance(child, Element) and child.tag == "br":
            continue
        elif items:
            items[-1] = replace(items[-1], children=tuple(flow((*items[-1].children, child))))
        else:
            items.append(Element(tag="li", attrs={"style": "list-style-type: none"}, children=tuple(flow([child]))))
    if not items:
        return []
    return [_numbered(Element(tag=tag, attrs=attrs, children=tuple(items)))]


def _item(node: Element, flow: Flow) -> Element:
    attrs = clean("li", node.attrs)
    anchor = attrs.pop("id", None)
    style = style_from_text(attrs.pop("style", ""))
    letters = {name: style.pop(name) for name in _LETTERS if style.get(name)}
    said = {name: value for name, value in letters.items() if value != "normal"}
    children = spread_into("span", {"style": style_to_text(said)}, node).children if said else node.children
    blocks = flow(children)
    pushed = {name: style.pop(name) for name in ("text-align",) if name in style}
    if pushed:
        blocks = [
            replace(block, attrs=with_outer(block.attrs, {}, pushed)) if can_say(block, pushed) else block
            for block in blocks
        ]
    if style:
        attrs["style"] = style_to_text(style)
    return Element(tag="li", attrs=attrs, children=tuple(anchored(blocks, anchor) if anchor else blocks))


def _numbered(node: Element) -> Element:
    """Let the list say the kind of its numbers when every item says the same."""
    kinds = {
        style_from_text(c.attrs.get("style", "")).get("list-style-type")
        for c in node.children
        if isinstance(c, Element)
    }
    if len(kinds) != 1 or None in kinds:
        return node
    kind = kinds.pop() or ""
    own = {**style_from_text(node.attrs.get("style", "")), "list-style-type": kind}
    items = tuple(child if isinstance(child, str) else _unnumbered(child) for child in node.children)
    return replace(node, attrs={**node.attrs, "style": style_to_text(dict(sorted(own.items())))}, children=items)


def _unnumbered(item: Element) -> Element:
    style = {n: v for n, v in style_from_text(item.attrs.get("style", "")).items() if n != "list-style-type"}
    attrs = {key: value for key, value in item.attrs.items() if key != "style"}
    return replace(item, attrs=attrs | ({"style": style_to_text(style)} if style else {}))


_LETTERS_tables = ("font-weight", "font-style", "text-decoration", "color")

Flow_tables = Callable[[Iterable[Node]], list[Element]]


def tidy_table(node: Element, attrs: dict[str, str], flow: Flow_tables) -> list[Element]:
    """Return a table as caption and rows; header rows without a word go, since only pipe tables need them."""
    rows: list[Element] = []
    for child in node.children:
        if isinstance(child, str):
            continue
        if child.tag == "caption":
            caption = tuple(flow(child.children))
            rows.extend(
                [Element(tag="caption", attrs=clean("caption", child.attrs), children=caption)] if caption else []
            )
        elif child.tag in ("thead", "tbody", "tfoot"):
            rows.extend(
                _row(row, flow, _of(child)) for row in child.children if isinstance(row, Element) and row.tag == "tr"
            )
        elif child.tag == "tr":
            rows.append(_row(child, flow, {}))
    rows = [row for row in rows if row.children]
    headed = [row for row in rows if row.tag == "tr"][:1]
    if headed and all(_is_blank_head(cell) for cell in headed[0].children) and len(rows) > 1:
        rows.remove(headed[0])
    own = _inherited(attrs)
    attrs = {key: value for key, value in attrs.items() if key != "style"}
    return [Element(tag="table", attrs=attrs | own, children=tuple(rows))] if rows else []


def _inherited(attrs: dict[str, str]) -> dict[str, str]:
    style = {n: v for n, v in style_from_text(attrs.get("style", "")).items() if n in ("background-color", "display")}
    return {"style": style_to_text(style)} if style else {}


def _of(part: Element) -> dict[str, str]:
    return style_from_text(clean(part.tag, part.attrs).get("style", ""))


def _row(node: Element, flow: Flow_tables, outer: dict[str, str]) -> Element:
    style = {**outer, **_of(node)}
    cells = [
        _cell(cell, flow, style) for cell in node.children if isinstance(cell, Element) and cell.tag in ("td", "th")
    ]
    return Element(tag="tr", attrs={}, children=tuple(cells))


def _cell(node: Element, flow: Flow_tables, outer: dict[str, str]) -> Element:
    attrs = clean(node.tag, node.attrs)
    anchor = attrs.pop("id", None)
    style = {**outer, **style_from_text(attrs.pop("style", ""))}
    letters = {name: style.pop(name) for name in _LETTERS_tables if style.get(name)}
    said = {name: value for name, value in letters.items() if value != "normal"}
    cell = spread_into("span", {"style": style_to_text(said)}, node) if said else node
    blocks = flow(cell.children)
    if anchor:
        blocks = anchored(blocks, anchor)
    alignments = {style_from_text(block.attrs.get("style", "")).get("text-align") for block in blocks}
    if len(alignments) == 1 and None not in alignments:
        style["text-align"] = alignments.pop() or ""
        blocks = [replace(block, attrs=_without(block.attrs)) for block in blocks]
    if not blocks:
        style.pop("text-align", None)
    if style:
        attrs["style"] = style_to_text(dict(sorted(style.items())))
    return Element(tag=node.tag, attrs=attrs, children=tuple(blocks))


def _without(attrs: Mapping[str, str]) -> dict[str, str]:
    kept = dict(attrs)
    style = {n: v for n, v in style_from_text(kept.pop("style", "")).items() if n != "text-align"}
    return kept | ({"style": style_to_text(style)} if style else {})


def _is_blank_head(cell: Node) -> bool:
    return (
        isinstance(cell, Element)
        and cell.tag == "th"
        and not cell.children
        and "colspan" not in cell.attrs
        and "rowspan" not in cell.attrs
    )


_PUSHED = frozenset({"style", "dir", "lang"})
_INHERITED = frozenset({"text-align", "margin-left"})
_LETTERS_tidy = frozenset({"font-weight", "font-style", "text-decoration", "color"})
_STYLED = frozenset({"style", "color", "align", "bgcolor"})


def tidy(nodes: Iterable[Node]) -> tuple[Element, ...]:
    """Return the blocks of a fragment in tidy form."""
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
    letters = {name: style.pop(name) for name in list(style) if name in _LETTERS_tidy}
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
