"""Tables in tidy form: rows of cells under the table, without the parts that only carry geometry."""

from collections.abc import Callable, Iterable, Mapping

from kbsync.markup.html.nodes import Element, Node, replace
from kbsync.markup.html.noise import clean
from kbsync.markup.html.styles import style_from_text, style_to_text
from kbsync.markup.tidying.spread import anchored, spread_into

_LETTERS = ("font-weight", "font-style", "text-decoration", "color")

Flow = Callable[[Iterable[Node]], list[Element]]


def tidy_table(node: Element, attrs: dict[str, str], flow: Flow) -> list[Element]:
    """Give a table as caption and rows; header rows without a word go, since only pipe tables need them."""
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


def _row(node: Element, flow: Flow, outer: dict[str, str]) -> Element:
    style = {**outer, **_of(node)}
    cells = [
        _cell(cell, flow, style) for cell in node.children if isinstance(cell, Element) and cell.tag in ("td", "th")
    ]
    return Element(tag="tr", attrs={}, children=tuple(cells))


def _cell(node: Element, flow: Flow, outer: dict[str, str]) -> Element:
    attrs = clean(node.tag, node.attrs)
    anchor = attrs.pop("id", None)
    style = {**outer, **style_from_text(attrs.pop("style", ""))}
    letters = {name: style.pop(name) for name in _LETTERS if style.get(name)}
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
