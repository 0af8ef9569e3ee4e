"""HTML as plain values: elements and text, and how they are written down. Never parses and never judges."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

BLOCKS = frozenset(
    "address article aside blockquote caption center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p pre search section summary table tbody td "
    "tfoot th thead tr ul".split()
)
HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_UNESCAPED = frozenset("script style xmp iframe noembed noframes plaintext".split())
_EATS_NEWLINE = ("pre", "textarea", "listing")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Element:
    """One element; equal only to itself, so that two like paragraphs can be told apart."""

    tag: str
    attrs: Mapping[str, str] = field(default_factory=dict)
    children: tuple["Node", ...] = ()


Node = Element | str


def element(tag: str, attrs: Mapping[str, str] | None = None, *children: Node) -> Element:
    """Make an element."""
    return Element(tag=tag, attrs=attrs or {}, children=children)


def replace(
    node: Element, *, attrs: Mapping[str, str] | None = None, children: tuple[Node, ...] | None = None
) -> Element:
    """Give a copy with other attributes or other children."""
    return Element(
        tag=node.tag,
        attrs=node.attrs if attrs is None else attrs,
        children=node.children if children is None else children,
    )


def text_of(nodes: tuple[Node, ...]) -> str:
    """Join all text under the nodes, as it stands."""
    return "".join(node if isinstance(node, str) else text_of(node.children) for node in nodes)


def holds(nodes: tuple[Node, ...], wanted: Callable[[Element], bool]) -> bool:
    """Whether an element that is wanted stands anywhere under the nodes."""
    return any(isinstance(node, Element) and (wanted(node) or holds(node.children, wanted)) for node in nodes)


def serialized(nodes: tuple[Node, ...]) -> str:
    """Write HTML that parses to the same nodes, on one line wherever that is possible."""
    out: list[str] = []
    _write(nodes, out, raw=False)
    return "".join(out)


def start_tag(node: Element) -> str:
    """Write an element's start tag; line ends in values as references, since a blank line ends raw HTML in Markdown."""
    attrs = "".join(f' {key}="{_value(value)}"' if value else f' {key}=""' for key, value in node.attrs.items())
    return f"<{node.tag}{attrs}>"


def _write(nodes: tuple[Node, ...], out: list[str], *, raw: bool) -> None:
    for node in nodes:
        if isinstance(node, str):
            out.append(node if raw else _text(node))
            continue
        out.append(start_tag(node))
        if node.tag in VOID:
            continue
        if node.tag in _EATS_NEWLINE and text_of(node.children[:1]).startswith("\n"):
            out.append("&#10;")
        _write(node.children, out, raw=node.tag in _UNESCAPED)
        out.append(f"</{node.tag}>")


def _text(text: str) -> str:
    return html.escape(text, quote=False).replace("\xa0", "&nbsp;").replace("\n", "&#10;").replace("\r", "&#13;")


def _value(value: str) -> str:
    return (
        html.escape(value, quote=False)
        .replace('"', "&quot;")
        .replace("\xa0", "&nbsp;")
        .replace("\n", "&#10;")
        .replace("\r", "&#13;")
    )
