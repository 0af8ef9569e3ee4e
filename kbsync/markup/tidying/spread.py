"""What an element says of all it holds, put into each of the blocks that it holds: marks, style, its name."""

from collections.abc import Mapping

from kbsync.markup.constructs import callouts
from kbsync.markup.html.nodes import BLOCKS, HEADINGS, Element, Node, element, holds, replace
from kbsync.markup.html.styles import style_from_text, style_to_text
from kbsync.markup.tidying.marks import EMBEDS

_DISTRIBUTED = frozenset("b strong i em u ins s strike del span font a sub sup small".split())


def is_block(node: Element) -> bool:
    """Whether an element stands on lines of its own, by its tag or by what it holds."""
    return node.tag in BLOCKS or (node.tag not in EMBEDS and holds(node.children, lambda inner: inner.tag in BLOCKS))


def spread(node: Element) -> list[Node]:
    """Put an inline mark that stands around blocks into each of them; names are for `anchored`."""
    attrs = {key: value for key, value in node.attrs.items() if key not in ("id", "name")}
    return _spread_over(node.tag, attrs, node.children)


def is_spreadable(node: Element) -> bool:
    """Whether the element is a mark that can be said of each block by itself."""
    return node.tag in _DISTRIBUTED and not (node.tag == "a" and holds(node.children, lambda inner: inner.tag == "a"))


def spread_into(tag: str, attrs: Mapping[str, str], node: Element) -> Element:
    """Give a block whose inline content stands under one more mark."""
    return replace(node, children=tuple(_spread_over(tag, attrs, node.children)))


def _spread_over(tag: str, attrs: Mapping[str, str], nodes: tuple[Node, ...]) -> list[Node]:
    out: list[Node] = []
    run: list[Node] = []

    def close() -> None:
        if any(not isinstance(one, str) or one.strip() for one in run):
            out.append(Element(tag=tag, attrs=attrs, children=tuple(run)))
        else:
            out.extend(run)
        run.clear()

    for node in nodes:
        if isinstance(node, Element) and is_block(node):
            close()
            out.append(node if node.tag == "hr" else spread_into(tag, attrs, node))
        else:
            run.append(node)
    close()
    return out


def anchored(blocks: list[Element], anchor: str) -> list[Element]:
    """Put an element's name at the start of what it held."""
    mark = element("a", {"id": anchor})
    if not blocks or _is_player(blocks[0]):
        return [element("p", {}, mark), *blocks]
    first = blocks[0]
    if first.tag == "p" or (first.tag in HEADINGS and "id" in first.attrs):
        return [replace(first, children=(mark, *first.children)), *blocks[1:]]
    if first.tag in HEADINGS:
        return [replace(first, attrs={**first.attrs, "id": anchor}), *blocks[1:]]
    inner = [child for child in first.children if isinstance(child, Element)]
    if (
        len(inner) == len(first.children)
        and first.tag not in ("hr", "pre")
        and (inner or first.tag in ("li", "td", "th"))
    ):
        return [replace(first, children=tuple(anchored(inner, anchor))), *blocks[1:]]
    if callouts.kind_of_class(first.attrs.get("class", "")):
        return [replace(first, children=tuple(anchored(inner, anchor))), *blocks[1:]]
    return [element("p", {}, mark), *blocks]


def _is_player(block: Element) -> bool:
    """Whether a paragraph only stands for a block that none can hold beside a name."""
    first = block.children[0] if block.tag == "p" and block.children else ""
    return isinstance(first, Element) and first.tag in BLOCKS


def can_say(block: Element, style: Mapping[str, str]) -> bool:
    """Whether a block can say by itself the style of what holds it."""
    if block.tag != "p" and block.tag not in HEADINGS:
        return False
    return "margin-left" not in style or "margin-left" not in block.attrs.get("style", "")


def with_outer(own: Mapping[str, str], outer: Mapping[str, str], style: Mapping[str, str]) -> dict[str, str]:
    """Give a block's attributes with those of what holds it; its own go first."""
    both = {**outer, **own}
    said = {**style, **style_from_text(own.get("style", ""))}
    if said:
        both["style"] = style_to_text(dict(sorted(said.items())))
    return both
