"""Compares what HTML shows a reader: its canonical form, and what one fragment shows and another does not.

A portal may rewrite what it was sent (attributes, wrappers, `sandbox` on frames); that is no loss. Losses ignore the
order, and what the other fragment shows in addition.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

from kbsync.markup.dom import ADDRESSES, BLOCKS, HEADINGS, Element, Node, descendants, parse, serialize, text_content
from kbsync.markup.meaning import SET_BY_TOOLS
from kbsync.markup.normalize import normalize
from kbsync.markup.options import MarkupOptions
from kbsync.markup.to_html import encode_address, to_html

_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")


def canonical(html: str, keep: Collection[str] = ()) -> str:
    """Return the canonical form of a fragment of HTML; `keep` are classes that count, of those that mean nothing."""
    return canonical_of(normalize(parse(html).nodes, keep))


def canonical_of(blocks: tuple[Element, ...]) -> str:
    """Return the canonical form of normalized blocks, one block a line."""
    return "\n".join(serialize((_canonical_element(block),)) for block in blocks)


def same(left: str, right: str) -> bool:
    """Return whether two fragments show a reader the same; equal bytes are not parsed."""
    return left == right or canonical(left) == canonical(right)


def _canonical_element(node: Element) -> Element:
    attrs = {
        key: canonical_address(value) if key in ADDRESSES else value
        for key, value in sorted(node.attrs.items())
        if key != "sandbox"
    }
    children = tuple(child if isinstance(child, str) else _canonical_element(child) for child in node.children)
    return Element(tag=node.tag, attrs=attrs, children=children)


def canonical_address(value: str) -> str:
    """Return an address in the one form of all its spellings."""
    return _ESCAPE.sub(lambda found: found[0].upper(), encode_address(value.strip()))


def classes_left_out(html: str, keep: Collection[str] = ()) -> Counter[str]:
    """Count the classes that nothing gives a meaning and `keep` does not name; those of tools are not counted."""
    if "class" not in html:
        return Counter()
    nodes = parse(html).nodes
    left = _classes(nodes) - _classes(normalize(nodes, keep))
    return Counter({name: count for name, count in left.items() if not SET_BY_TOOLS.fullmatch(name)})


def counting_classes(options: MarkupOptions, markdown: str) -> MarkupOptions:
    """Return options with which the classes that a text uses count too: its writer gives them a meaning."""
    used = classes_left_out(to_html(markdown, options=options.plain), options.keep_classes)
    return replace(options, keep_classes=(*options.keep_classes, *sorted(used))) if used else options


def _classes(nodes: tuple[Node, ...]) -> Counter[str]:
    return Counter(name for node in descendants(nodes) for name in node.attrs.get("class", "").split())


_MAX_EXAMPLES = 3
_EMBEDS = frozenset("iframe video audio embed object".split())
# Most important first.
_KINDS = ("word", "heading", "link", "picture", "frame", "call-out", "code box", "table cell", "list item", "anchor")


def losses(sent: str, shown: str) -> tuple[str, ...]:
    """Return what a reader of `sent` would see and a reader of `shown` does not; empty when nothing is lost."""
    if same(sent, shown):
        return ()
    before, after = _facts(sent), _facts(shown)
    missing = {kind: before[kind] - after[kind] for kind in _KINDS}
    return tuple(_describe(kind, lost) for kind, lost in missing.items() if lost)


def _describe(kind: str, missing: Counter[str]) -> str:
    count = missing.total()
    examples = [one for one in missing if one][:_MAX_EXAMPLES]
    text = f"{count} {kind}{'s' if count != 1 else ''}"
    return text + (": " + ", ".join(examples) + (" …" if len(missing) > len(examples) else "") if examples else "")


def _facts(html: str) -> dict[str, Counter[str]]:
    facts: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    blocks = normalize(parse(html).nodes)
    for kind, what in (fact for node in descendants(blocks) for fact in _facts_of(node)):
        facts[kind][what] += 1
    facts["word"].update(_words(blocks))
    return facts


def _facts_of(node: Element) -> Iterator[tuple[str, str]]:
    words = " ".join(_words((node,)))
    if "id" in node.attrs:
        yield "anchor", "#" + node.attrs["id"]
    if node.tag in HEADINGS:
        yield "heading", f"{node.tag} {words}"
    elif node.tag in _EMBEDS:
        yield "frame", canonical_address(node.attrs.get("src", node.attrs.get("data", "")))
    match node.tag:
        case "a" if "href" in node.attrs:
            yield "link", f"{words} → {canonical_address(node.attrs['href'])}".strip()
        case "img":
            seen = canonical_address(node.attrs.get("src", "")), node.attrs.get("alt")
            yield "picture", " ".join(filter(None, seen))
        case "td" | "th":
            yield "table cell", words
        case "li":
            yield "list item", words
        case "pre" if "fd-callout" in node.attrs.get("class", ""):
            yield "call-out", f"{node.attrs['class'].split('--')[-1]}: {words}"
        case "pre":
            yield "code box", text_content(node.children).rstrip("\n")


def _words(nodes: tuple[Node, ...]) -> list[str]:
    """Return the words of visible text; a block separates words, inline markup within a word does not."""
    return "".join(_visible_text(nodes)).split()


def _visible_text(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
            continue
        space = " " if node.tag in BLOCKS or node.tag in ("br", "img") or node.tag in _EMBEDS else ""
        yield space
        yield from _visible_text(node.children)
        yield space
