"""What one HTML shows a reader and another does not, in words: how a write is believed.

A portal may rewrite what it was sent (attributes, wrappers, `sandbox` on frames); that is no loss. Order is not judged,
and what the other shows besides is none of this module's business.
"""

import re
from collections import Counter
from collections.abc import Iterator

from kbsync.markup.dom import BLOCKS, HEADINGS, Element, Node, parse, serialized, text_of
from kbsync.markup.normalize import tidy
from kbsync.markup.to_html import encoded

_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_ADDRESSES = ("href", "src", "poster")


def canonical(html: str) -> str:
    """Return the canonical form of a fragment of HTML."""
    return canonical_of(tidy(parse(html).nodes))


def canonical_of(blocks: tuple[Element, ...]) -> str:
    """Return the canonical form of tidy blocks, one block a line."""
    return "\n".join(serialized((_settled(block),)) for block in blocks)


def same(left: str, right: str) -> bool:
    """Whether two fragments show a reader the same; equal bytes are not looked into."""
    return left == right or canonical(left) == canonical(right)


def _settled(node: Element) -> Element:
    attrs = {
        key: address_form(value) if key in _ADDRESSES else value
        for key, value in sorted(node.attrs.items())
        if key != "sandbox"
    }
    return Element(tag=node.tag, attrs=attrs, children=tuple(_child(child) for child in node.children))


def _child(node: Node) -> Node:
    return node if isinstance(node, str) else _settled(node)


def address_form(value: str) -> str:
    """Return an address in the one form that all its spellings share."""
    return _ESCAPE.sub(lambda found: found[0].upper(), encoded(value.strip()))


_SHOWN = 3
_FRAMES = frozenset("iframe video audio embed object".split())
# In the order in which a person would want to know.
_KINDS = ("word", "heading", "link", "picture", "frame", "call-out", "code box", "table cell", "list item", "anchor")


def losses(sent: str, shown: str) -> tuple[str, ...]:
    """Return what a reader of `sent` would see and a reader of `shown` does not; empty when nothing is lost."""
    if same(sent, shown):
        return ()
    before, after = _facts(sent), _facts(shown)
    named: list[str] = []
    for kind in _KINDS:
        missing = before[kind] - after[kind]
        if missing:
            named.append(_told(kind, missing))
    return tuple(named)


def _told(kind: str, missing: Counter[str]) -> str:
    count = missing.total()
    examples = [one for one in missing if one][:_SHOWN]
    told = f"{count} {kind}{'s' if count != 1 else ''}"
    return told + (": " + ", ".join(examples) + (" …" if len(missing) > len(examples) else "") if examples else "")


def _facts(html: str) -> dict[str, Counter[str]]:
    facts: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    for kind, what in _walk(tidy(parse(html).nodes)):
        facts[kind][what] += 1
    facts["word"].update(_words(tidy(parse(html).nodes)))
    return facts


def _walk(nodes: tuple[Node, ...]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, str):
            continue
        yield from _fact(node)
        yield from _walk(node.children)


def _fact(node: Element) -> Iterator[tuple[str, str]]:
    words = " ".join(_words((node,)))
    if "id" in node.attrs:
        yield "anchor", "#" + node.attrs["id"]
    if node.tag in HEADINGS:
        yield "heading", f"{node.tag} {words}"
    elif node.tag in _FRAMES:
        yield "frame", address_form(node.attrs.get("src", node.attrs.get("data", "")))
    match node.tag:
        case "a" if "href" in node.attrs:
            yield "link", f"{words} → {address_form(node.attrs['href'])}".strip()
        case "img":
            yield "picture", " ".join(filter(None, (address_form(node.attrs.get("src", "")), node.attrs.get("alt"))))
        case "td" | "th":
            yield "table cell", words
        case "li":
            yield "list item", words
        case "pre" if "fd-callout" in node.attrs.get("class", ""):
            yield "call-out", f"{node.attrs['class'].split('--')[-1]}: {words}"
        case "pre":
            yield "code box", text_of(node.children).rstrip("\n")


def _words(nodes: tuple[Node, ...]) -> list[str]:
    """List the words of visible text; a block parts words, a mark in mid-word does not."""
    out: list[str] = []

    def gather(nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            if isinstance(node, str):
                out.append(node)
                continue
            apart = node.tag in BLOCKS or node.tag in ("br", "img") or node.tag in _FRAMES
            out.append(" " if apart else "")
            gather(node.children)
            out.append(" " if apart else "")

    gather(nodes)
    return "".join(out).split()
