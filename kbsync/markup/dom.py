"""HTML as plain values: elements and text, and how they are written down. Never parses and never judges."""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import turbohtml

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
    """Return a copy with other attributes or other children."""
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


DEPTH = 64
# Old names for typed text; `<plaintext>` has no end and could not be written again.
_TYPED = {"plaintext": "pre", "xmp": "pre", "listing": "pre"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A fragment; `deep` when elements below DEPTH were taken apart, their content spliced into what holds them."""

    nodes: tuple[Node, ...]
    deep: bool


def parse(html: str) -> Parsed:
    """Read a fragment of HTML."""
    root = turbohtml.parse_fragment(html.replace("\0", ""), positions=False)
    deep = False
    # Each frame: the element, its children read so far, those still to read.
    stack: list[tuple[turbohtml.Element | None, list[Node], Iterator[turbohtml.Node]]] = [
        (root, [], iter(root.children))
    ]
    while True:
        holder, done, rest = stack[-1]
        child = next(rest, None)
        if child is None:
            stack.pop()
            if not stack:
                return Parsed(nodes=tuple(done), deep=deep)
            if holder is not None:
                stack[-1][1].append(
                    Element(tag=_TYPED.get(holder.tag, holder.tag), attrs=_attrs(holder), children=tuple(done))
                )
            continue
        match child:
            case turbohtml.Element():
                if len(stack) < DEPTH:
                    stack.append((child, [], iter(child.children)))
                else:
                    deep = True
                    stack.append((None, done, iter(child.children)))
            case turbohtml.DocumentFragment():
                stack.append((None, done, iter(child.children)))
            case turbohtml.Text():
                if done and isinstance(done[-1], str):
                    done[-1] += child.text
                elif child.text:
                    done.append(child.text)


def _attrs(node: turbohtml.Element) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else " ".join(value) if value is not None else ""
        for key, value in node.attrs.items()
    }


_MOST_NAMED = 3


def count_markup(html: str) -> Counter[str]:
    """Count the elements and attributes of a fragment by name."""
    return _counted(parse(html).nodes)


def _counted(nodes: Iterable[Node]) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in nodes:
        if not isinstance(node, str):
            found.update([f"<{node.tag}>", *node.attrs])
            found += _counted(node.children)
    return found


def abbreviate(names: Sequence[str]) -> str:
    """Return the first few, and say how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


_STOP = re.compile(r"""[;"'()]""")
_NAME = re.compile(r"-{0,2}[a-z][a-z0-9-]*")
_SPACES = re.compile(r"\s+")


def style_from_text(text: str) -> dict[str, str]:
    """Read a style attribute; what is no declaration is passed over, the later of two wins."""
    style: dict[str, str] = {}
    for declaration in _declarations(text):
        name, colon, value = declaration.partition(":")
        name = name.strip().lower()
        value = _SPACES.sub(" ", value).strip()
        if colon and value and _NAME.fullmatch(name):
            style[name] = value
    return style


def _declarations(text: str) -> Iterator[str]:
    """Part a style at its semicolons, but for those in quotes and parentheses."""
    start, quote, depth = 0, "", 0
    for found in _STOP.finditer(text):
        char = found[0]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif not depth:
            yield text[start : found.start()]
            start = found.end()
    yield text[start:]


def style_to_text(style: Mapping[str, str]) -> str:
    """Write a style attribute, without a final semicolon."""
    return "; ".join(f"{name}: {value}" for name, value in style.items())


# An address ends at a space, a quote, a bracket; in `style="… url(&quot;…&quot;)"` the quote is a character reference.
_INSIDE = r"(?!&(?:quot|apos|lt|gt|#0*3[49]|#x0*2[27]);)[^\s\"'<>#()"
_ATTACHMENT = re.compile(rf"(/helpdesk/attachments/(?:{_INSIDE}?]){{0,1000}})\?(?:{_INSIDE}])*", re.IGNORECASE)
_TOKEN = re.compile(r"(/inline/attachment\?token=)[\w-]+\.([\w-]+)\.[\w-]*+(?!\.)")


def stable_body(html: str) -> str:
    """Leave out what the portal makes anew for each answer, and not one character else.

    That is the query string of uploaded attachments (a time stamp or a signature), and of the token in an inline
    attachment's address all but the payload, which names the attachment (both recorded in public articles).
    """
    return _TOKEN.sub(r"\1\2", _ATTACHMENT.sub(r"\1", html))
