"""Freshdesk's `<pre>` in tidy form: call-outs hold blocks, code boxes hold characters, the rest stays as typed.

The colours of code whose language is known follow from the two, and go.
"""

from collections.abc import Callable, Iterable

from kbsync.markup.html.nodes import Element, Node, element, replace
from kbsync.markup.html.noise import clean
from kbsync.markup.html.styles import style_from_text

# What the editor calls code of which it knows nothing (recorded).
_NO_LANGUAGE = "Generic Language"
_COLOURS = frozenset({"color", "background-color", "font-weight", "font-style", "text-decoration"})

Flow = Callable[[Iterable[Node]], list[Element]]


def tidy_pre(node: Element, attrs: dict[str, str], flow: Flow) -> list[Element]:
    """Give a call-out, a code box, or what else a `<pre>` can be."""
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
