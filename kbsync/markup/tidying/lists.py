"""Lists in tidy form: items of blocks, the kind of numbers said once, on the list."""

from collections.abc import Callable, Iterable

from kbsync.markup.html.nodes import Element, Node, replace
from kbsync.markup.html.noise import clean
from kbsync.markup.html.styles import style_from_text, style_to_text
from kbsync.markup.tidying.spread import anchored, can_say, spread_into, with_outer

_LETTERS = ("font-weight", "font-style", "text-decoration", "color")

Flow = Callable[[Iterable[Node]], list[Element]]


def tidy_list(node: Element, attrs: dict[str, str], flow: Flow) -> list[Element]:
    """Give a list whose children are items: what else stood in it goes to the item before."""
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
