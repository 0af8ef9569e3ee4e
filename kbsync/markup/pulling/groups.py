"""Constructs of several blocks, written as Markdown: accordions, definition lists, footnotes.

Each takes the function that writes the blocks within, and gives None where its form cannot say what is there.
"""

from collections.abc import Callable, Sequence

from kbsync.markup.constructs.accordions import CONTENT, HEADER, WRAPPER
from kbsync.markup.constructs.slugs import slug
from kbsync.markup.html.nodes import HEADINGS, Element, Node, serialized, start_tag
from kbsync.markup.pulling.shorthand import Note

Write = Callable[[Sequence[Node]], str]


def is_accordion(node: Element) -> bool:
    """Whether an element is Freshdesk's wrapper of accordions."""
    return node.tag == "section" and dict(node.attrs) == {"class": WRAPPER}


def accordion(node: Element, asked: frozenset[str], write: Write) -> str | None:
    """Write the pairs of headings and boxes as `<details>`."""
    pieces: list[str] = []
    children = [child for child in node.children if isinstance(child, Element)]
    while children:
        head = children.pop(0)
        if head.tag not in HEADINGS or head.attrs.get("class") != HEADER or head.attrs.keys() - {"class", "id"}:
            return None
        content: Sequence[Node] = ()
        if children and dict(children[0].attrs) == {"class": CONTENT}:
            content = children.pop(0).children
        pieces += ["<details>\n" + _summary(head, asked), *([write(content)] if content else []), "</details>"]
    return "\n\n".join(pieces) or None


def _summary(head: Element, asked: frozenset[str]) -> str:
    words = serialized(head.children)
    name = head.attrs.get("id", "")
    named = {} if not name or (name in asked and _slug(head) == name) else {"id": name}
    start = start_tag(Element(tag="summary" if head.tag == "h2" else head.tag, attrs=named))
    return f"{start}{words}</summary>" if head.tag == "h2" else f"<summary>{start}{words}</{head.tag}></summary>"


def _slug(head: Element) -> str:
    texts = [child for child in head.children if isinstance(child, str)]
    return slug("".join(texts)) if len(texts) == len(head.children) else ""


def definitions(node: Element, term: Callable[[Element], str], write: Write) -> str | None:
    """Write a list of terms and what they mean."""
    lines: list[str] = []
    before = ""
    for child in node.children:
        if isinstance(child, str) or child.attrs or not child.children:
            return None
        if child.tag == "dt" and before != "dt" and len(child.children) == 1:
            only = child.children[0]
            if isinstance(only, str) or only.tag != "p" or only.attrs:
                return None
            lines += ([""] if before else []) + [term(only)]
        elif child.tag == "dd" and before:
            lines.append(_hung(": ", "  ", write(child.children)))
        else:
            return None
        before = child.tag
    return "\n".join(lines) if before == "dd" and not node.attrs else None


def notes(found: Sequence[Note], write: Write) -> str:
    """Write the definitions of footnotes."""
    return "\n\n".join(_hung(f"[^{note.label}]: ", "    ", write(note.blocks)) for note in found)


def _hung(mark: str, indent: str, text: str) -> str:
    lines = text.split("\n")
    return "\n".join([mark + lines[0], *(indent + line if line else "" for line in lines[1:])])
