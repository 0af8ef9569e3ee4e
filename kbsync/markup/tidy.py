"""HTML in the one form that canonical comparison and the Markdown writer both start from.

What stays is what a reader sees: blocks in their order, inline content in normal form, attributes that say something.
Vertical space goes: spacer paragraphs, breaks at the edges of blocks, wrappers that only hold. A run of text outside
any paragraph is a paragraph; a `<div>` that says nothing is none.
"""

from collections.abc import Iterable

from kbsync.markup import callouts
from kbsync.markup.nodes import Element, Node, element, holds, replace, text_of
from kbsync.markup.noise import clean
from kbsync.markup.runs import EMBEDS, atom, is_anchor, is_embed, lines, one_line
from kbsync.markup.styles import style_from_text, style_to_text
from kbsync.markup.tidy_tables import tidy_table

BLOCKS = frozenset(
    "address article aside blockquote caption center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p pre search section summary table tbody td tfoot th "
    "thead tr ul".split()
)
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_PUSHED = frozenset({"style", "dir", "lang"})
_INHERITED = frozenset({"text-align", "margin-left", "color"})
_DISTRIBUTED = frozenset("b strong i em u ins s strike del span font a sub sup small".split())


def tidy(nodes: Iterable[Node]) -> tuple[Element, ...]:
    """Give the blocks of a fragment in tidy form."""
    return tuple(_flow(nodes))


def _flow(nodes: Iterable[Node]) -> list[Element]:
    blocks: list[Element] = []
    run: list[Node] = []
    orphans: list[Element] = []
    for node in nodes:
        if isinstance(node, Element) and node.tag == "li":
            blocks.extend(_paragraphs(run))
            run = []
            orphans.append(node)
            continue
        if isinstance(node, str) and not node.strip() and orphans:
            continue
        if orphans:
            blocks.extend(_list(element("ul", {}, *orphans)))
            orphans = []
        if isinstance(node, Element) and _is_block(node):
            blocks.extend(_paragraphs(run))
            run = []
            blocks.extend(_block(node))
        else:
            run.append(node)
    blocks.extend(_paragraphs(run))
    if orphans:
        blocks.extend(_list(element("ul", {}, *orphans)))
    return blocks


def _is_block(node: Element) -> bool:
    if node.tag in BLOCKS:
        return not (node.tag == "div" and is_embed(node) and False)
    return node.tag not in EMBEDS and holds(node.children, lambda inner: inner.tag in BLOCKS)


def _paragraphs(run: Iterable[Node], attrs: dict[str, str] | None = None) -> list[Element]:
    return [Element(tag="p", attrs=attrs or {}, children=line) for line in lines(run)]


def _block(node: Element) -> list[Element]:
    if node.tag not in BLOCKS:
        return _around_blocks(node)
    attrs = clean(node.tag, node.attrs)
    if node.tag in HEADINGS:
        return _heading(node, attrs)
    anchor = attrs.pop("id", None)
    blocks = _of_tag(node, attrs)
    return _anchored(blocks, anchor) if anchor else blocks


def _of_tag(node: Element, attrs: dict[str, str]) -> list[Element]:
    match node.tag:
        case "p":
            return _paragraph(node, attrs)
        case "hr":
            return [element("hr")]
        case "ul" | "ol" | "menu" | "dir":
            return _list(node)
        case "pre":
            return _pre(node, attrs)
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


def _paragraph(node: Element, attrs: dict[str, str]) -> list[Element]:
    style = style_from_text(attrs.pop("style", ""))
    children: tuple[Node, ...] = node.children
    inline = {name: style.pop(name) for name in ("font-weight", "font-style", "text-decoration") if name in style}
    if inline:
        children = (element("span", {"style": style_to_text(inline)}, *children),)
    if style:
        attrs["style"] = style_to_text(style)
    return _paragraphs(children, attrs)


def _heading(node: Element, attrs: dict[str, str]) -> list[Element]:
    style = {name: value for name, value in style_from_text(attrs.pop("style", "")).items() if not name.startswith("font-")}
    if style:
        attrs["style"] = style_to_text(style)
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
    style = {n: v for n, v in style_from_text(attrs.pop("style", "")).items() if not n.startswith("font-")}
    inner = _flow(node.children)
    if style:
        attrs["style"] = style_to_text(style)
    if not attrs:
        return inner
    if set(attrs) <= _PUSHED and set(style) <= _INHERITED and all(_can_say(block, style) for block in inner):
        return [replace(block, attrs=_with(block.attrs, attrs, style)) for block in inner]
    return [Element(tag="div", attrs=attrs, children=tuple(inner))] if inner else []


def _can_say(block: Element, style: dict[str, str]) -> bool:
    if block.tag != "p" and block.tag not in HEADINGS:
        return False
    return "margin-left" not in style or "margin-left" not in block.attrs.get("style", "")


def _with(own: object, outer: dict[str, str], style: dict[str, str]) -> dict[str, str]:
    attrs = {**outer, **dict(own)}  # type: ignore[call-overload]
    merged = {**style, **style_from_text(dict(own).get("style", ""))}  # type: ignore[call-overload]
    if merged:
        attrs["style"] = style_to_text(dict(sorted(merged.items())))
    return attrs


def _around_blocks(node: Element) -> list[Element]:
    """Put a mark that stands around blocks into each of them; other elements stay as boxes."""
    if node.tag not in _DISTRIBUTED or (node.tag == "a" and "href" in node.attrs and holds(node.children, lambda n: n.tag == "a")):
        attrs = clean(node.tag, node.attrs)
        inner = _flow(node.children)
        return [Element(tag=node.tag, attrs=attrs, children=tuple(inner))]
    bare = {key: value for key, value in node.attrs.items() if key not in ("id", "name")}
    anchor = clean(node.tag, node.attrs).get("id")
    spread: list[Node] = []
    run: list[Node] = []
    for child in (*node.children, element("hr")):
        if isinstance(child, str) or not _is_block(child):
            run.append(child)
            continue
        if any(not isinstance(one, str) or one.strip() for one in run):
            spread.append(Element(tag=node.tag, attrs=bare, children=tuple(run)))
        run = []
        spread.append(_spread_into(node.tag, bare, child))
    blocks = _flow(spread[:-1])
    return _anchored(blocks, anchor) if anchor else blocks


def _spread_into(tag: str, attrs: dict[str, str], node: Element) -> Element:
    if node.tag == "hr":
        return node
    if any(isinstance(child, Element) and _is_block(child) for child in node.children):
        children = tuple(
            (_spread_into(tag, attrs, child) if _is_block(child) else Element(tag=tag, attrs=attrs, children=(child,)))
            if isinstance(child, Element)
            else (Element(tag=tag, attrs=attrs, children=(child,)) if child.strip() else child)
            for child in node.children
        )
        return replace(node, children=children)
    return replace(node, children=(Element(tag=tag, attrs=attrs, children=node.children),)) if node.children else node


def _anchored(blocks: list[Element], anchor: str) -> list[Element]:
    """Put an element's name at the start of what it held."""
    mark = element("a", {"id": anchor})
    if not blocks:
        return [element("p", {}, mark)]
    first = blocks[0]
    if first.tag == "p" or (first.tag in HEADINGS and "id" in first.attrs):
        return [replace(first, children=(mark, *first.children)), *blocks[1:]]
    if first.tag in HEADINGS:
        return [replace(first, attrs={**first.attrs, "id": anchor}), *blocks[1:]]
    inner = [child for child in first.children if isinstance(child, Element)]
    if len(inner) == len(first.children) and first.tag not in ("hr", "pre") and (inner or first.tag in ("li", "td", "th")):
        return [replace(first, children=tuple(_anchored(inner, anchor))), *blocks[1:]]
    if callouts.kind_of_class(first.attrs.get("class", "")):
        return [replace(first, children=tuple(_anchored(inner, anchor))), *blocks[1:]]
    return [element("p", {}, mark), *blocks]


def _list(node: Element) -> list[Element]:
    tag = "ol" if node.tag == "ol" else "ul"
    attrs = clean(tag, node.attrs)
    attrs.pop("id", None)
    items: list[Element] = []
    for child in node.children:
        if isinstance(child, str) and not child.strip():
            continue
        if isinstance(child, Element) and child.tag == "li":
            items.append(_item(child))
        elif isinstance(child, Element) and child.tag == "br":
            continue
        elif items:
            items[-1] = replace(items[-1], children=tuple(_flow((*items[-1].children, child))))
        else:
            items.append(Element(tag="li", attrs={"style": "list-style-type: none"}, children=tuple(_flow([child]))))
    if not items:
        return []
    return [_numbered(Element(tag=tag, attrs=attrs, children=tuple(items)))]


def _item(node: Element) -> Element:
    attrs = clean("li", node.attrs)
    anchor = attrs.pop("id", None)
    style = style_from_text(attrs.pop("style", ""))
    blocks = _flow(node.children)
    for name in ("font-weight", "font-style"):
        style.pop(name, None)
    pushed = {name: style.pop(name) for name in ("text-align",) if name in style}
    if pushed:
        blocks = [replace(block, attrs=_with(block.attrs, {}, pushed)) if _can_say(block, pushed) else block for block in blocks]
    if style:
        attrs["style"] = style_to_text(style)
    return Element(tag="li", attrs=attrs, children=tuple(_anchored(blocks, anchor) if anchor else blocks))


def _numbered(node: Element) -> Element:
    """Let the list say the kind of its numbers when every item says the same."""
    kinds = {style_from_text(c.attrs.get("style", "")).get("list-style-type") for c in node.children if isinstance(c, Element)}
    if len(kinds) != 1 or None in kinds:
        return node
    kind = kinds.pop() or ""
    own = {**style_from_text(node.attrs.get("style", "")), "list-style-type": kind}
    items = []
    for child in node.children:
        assert isinstance(child, Element)
        style = {n: v for n, v in style_from_text(child.attrs.get("style", "")).items() if n != "list-style-type"}
        attrs = {key: value for key, value in child.attrs.items() if key != "style"}
        items.append(replace(child, attrs=attrs | ({"style": style_to_text(style)} if style else {})))
    return replace(node, attrs={**node.attrs, "style": style_to_text(dict(sorted(own.items())))}, children=tuple(items))


def _pre(node: Element, attrs: dict[str, str]) -> list[Element]:
    if "fd-callout" in attrs.get("class", "").split():
        broken = _broken(node.children)
        inner = _flow(broken)
        attrs.pop("style", None)
        order = attrs["class"].split()
        return [Element(tag="pre", attrs={**attrs, "class": " ".join(sorted(order))}, children=tuple(inner))] if inner else []
    code = _code(node.children)
    if code is None or attrs.keys() - {"style"}:
        return [Element(tag="pre", attrs=attrs, children=_typed(node.children))]
    language = node.attrs.get("data-code-brush") or node.attrs.get("code-brush") or _language(node)
    named = {"class": f"language-{language}"} if language and language != "Generic Language" else {}
    return [element("pre", {}, element("code", named, code.removesuffix("\n")))]


def _broken(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Show the line ends of a call-out's text as breaks, since a `<pre>` shows them."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, Element):
            out.append(node if node.tag == "pre" else replace(node, children=_broken(node.children)))
            continue
        for at, line in enumerate(node.strip("\n").split("\n") if node.strip() else [node.replace("\n", " ")]):
            out.extend((*([element("br")] if at else []), line))
    return tuple(out)


def _code(nodes: tuple[Node, ...]) -> str | None:
    """Give the characters of a code box; None when something in it is more than text."""
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


def _typed(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Clean what stands in a `<pre>` that is more than code, and keep its white space."""
    out: list[Node] = []
    for node in nodes:
        attrs = {} if isinstance(node, str) else clean(node.tag, node.attrs)
        if isinstance(node, str):
            out.append(node)
        elif node.tag in ("span", "font") and not attrs.keys() - {"style"} and not attrs.get("style", "").replace("font-weight: normal", ""):
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


__all__ = ["BLOCKS", "HEADINGS", "text_of", "tidy"]
