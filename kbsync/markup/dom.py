"""A small DOM: HTML parsed into elements and text, serialized again, and its `style` attributes read and written.

It never changes what HTML means and never compares two documents.
"""

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
ADDRESSES = ("href", "src", "poster", "data", "background")
"""The attributes whose addresses a browser follows or shows."""

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_RAW_TEXT = frozenset("script style xmp iframe noembed noframes plaintext".split())
_DROPS_FIRST_NEWLINE = ("pre", "textarea", "listing")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Element:
    """One element; equal only to itself, so that two equal paragraphs stay distinct.

    `source` is what a normalized block was made of, unless that made other blocks too.
    """

    tag: str
    attrs: Mapping[str, str] = field(default_factory=dict)
    children: tuple["Node", ...] = ()
    source: tuple["Node", ...] = ()


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


def text_content(nodes: tuple[Node, ...]) -> str:
    """Return all text under the nodes."""
    return "".join(node if isinstance(node, str) else text_content(node.children) for node in nodes)


def contains(nodes: tuple[Node, ...], wanted: Callable[[Element], bool]) -> bool:
    """Return whether any element under the nodes is wanted."""
    return any(isinstance(node, Element) and (wanted(node) or contains(node.children, wanted)) for node in nodes)


def child_elements(node: Element) -> list[Element]:
    """Return the children that are elements."""
    return [child for child in node.children if isinstance(child, Element)]


def descendants(nodes: Iterable[Node]) -> Iterator[Element]:
    """Return every element under the nodes, in document order."""
    for node in nodes:
        if not isinstance(node, str):
            yield node
            yield from descendants(node.children)


def serialize(nodes: tuple[Node, ...]) -> str:
    """Write HTML that parses to the same nodes, on one line wherever that is possible."""
    out: list[str] = []
    _write(nodes, out, raw=False)
    return "".join(out)


def start_tag(node: Element) -> str:
    """Write an element's start tag; newlines in values as references, since a blank line ends raw HTML in Markdown."""
    attrs = "".join(f' {key}="{_escape_value(value)}"' if value else f' {key}=""' for key, value in node.attrs.items())
    return f"<{node.tag}{attrs}>"


def _write(nodes: tuple[Node, ...], out: list[str], *, raw: bool) -> None:
    for node in nodes:
        if isinstance(node, str):
            out.append(node if raw else _escape_text(node))
            continue
        out.append(start_tag(node))
        if node.tag in VOID:
            continue
        if node.tag in _DROPS_FIRST_NEWLINE and text_content(node.children[:1]).startswith("\n"):
            out.append("&#10;")
        _write(node.children, out, raw=node.tag in _RAW_TEXT)
        out.append(f"</{node.tag}>")


def _escape_text(text: str) -> str:
    return html.escape(text, quote=False).replace("\xa0", "&nbsp;").replace("\n", "&#10;").replace("\r", "&#13;")


def _escape_value(value: str) -> str:
    return _escape_text(value).replace('"', "&quot;")


_MAX_DEPTH = 64
# Obsolete elements for preformatted text; `<plaintext>` has no end tag and could not be serialized.
_OBSOLETE = {"plaintext": "pre", "xmp": "pre", "listing": "pre"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedHtml:
    """A parsed fragment; `deep` when elements below MAX_DEPTH were replaced by their content."""

    nodes: tuple[Node, ...]
    deep: bool


def parse(html: str) -> ParsedHtml:
    """Read a fragment of HTML."""
    root = turbohtml.parse_fragment(html.replace("\0", ""), positions=False)
    deep = False
    # Each entry: the element, its children read so far, those still to read.
    stack: list[tuple[turbohtml.Element | None, list[Node], Iterator[turbohtml.Node]]] = [
        (root, [], iter(root.children))
    ]
    while True:
        holder, done, rest = stack[-1]
        child = next(rest, None)
        if child is None:
            stack.pop()
            if not stack:
                return ParsedHtml(nodes=tuple(done), deep=deep)
            if holder is not None:
                tag = _OBSOLETE.get(holder.tag, holder.tag)
                stack[-1][1].append(Element(tag=tag, attrs=attributes_of(holder), children=tuple(done)))
            continue
        match child:
            case turbohtml.Element() if len(stack) < _MAX_DEPTH:
                stack.append((child, [], iter(child.children)))
            case turbohtml.Element():
                deep = True
                stack.append((None, done, iter(child.children)))
            case turbohtml.DocumentFragment():
                stack.append((None, done, iter(child.children)))
            case turbohtml.Text():
                if done and isinstance(done[-1], str):
                    done[-1] += child.text
                elif child.text:
                    done.append(child.text)


def attributes_of(node: turbohtml.Element) -> dict[str, str]:
    """Return the attributes of a parsed element; one without a value is empty."""
    return {
        key: value if isinstance(value, str) else " ".join(value) if value is not None else ""
        for key, value in node.attrs.items()
    }


_MAX_NAMED = 3


def count_markup(html: str) -> Counter[str]:
    """Count the elements and attributes of a fragment by name."""
    return Counter(name for node in descendants(parse(html).nodes) for name in (f"<{node.tag}>", *node.attrs))


def abbreviate(names: Sequence[str], most: int = _MAX_NAMED) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


_STYLE_DELIMITER = re.compile(r"""[;"'()]""")
_PROPERTY = re.compile(r"-{0,2}[a-z][a-z0-9-]*")
_SPACES = re.compile(r"\s+")


def parse_style(text: str) -> dict[str, str]:
    """Parse a style attribute; what is no declaration is skipped, the later of two wins."""
    style: dict[str, str] = {}
    for declaration in _declarations(text):
        name, colon, value = declaration.partition(":")
        name = name.strip().lower()
        value = _SPACES.sub(" ", value).strip()
        if colon and value and _PROPERTY.fullmatch(name):
            style[name] = value
    return style


def _declarations(text: str) -> Iterator[str]:
    """Split a style at its semicolons, except those in quotes and parentheses."""
    start, quote, depth = 0, "", 0
    for found in _STYLE_DELIMITER.finditer(text):
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


def format_style(style: Mapping[str, str]) -> str:
    """Write a style attribute, without a final semicolon."""
    return "; ".join(f"{name}: {value}" for name, value in style.items())


# An address ends at a space, a quote, a bracket; in `style="… url(&quot;…&quot;)"` the quote is a character reference.
_URL_CHARACTER = r"(?!&(?:quot|apos|lt|gt|#0*3[49]|#x0*2[27]);)[^\s\"'<>#()"
_ATTACHMENT = re.compile(
    rf"(/helpdesk/attachments/(?:{_URL_CHARACTER}?]){{0,1000}})\?(?:{_URL_CHARACTER}])*", re.IGNORECASE
)
_TOKEN = re.compile(r"(/inline/attachment\?token=)[\w-]+\.([\w-]+)\.[\w-]*+(?!\.)")


def stable_body(html: str) -> str:
    """Return a body without what the portal generates anew for each answer; no other character changes.

    That is the query string of uploaded attachments (a time stamp or a signature), and all of the token in an inline
    attachment's address but its payload, which identifies the attachment (both recorded in public articles).
    """
    return _TOKEN.sub(r"\1\2", _ATTACHMENT.sub(r"\1", html))
