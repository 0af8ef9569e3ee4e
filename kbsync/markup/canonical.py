"""The one notion of "the same HTML": equal canonical forms show a reader the same.

Ignored are: the order and spelling of attributes, entities, self-closing forms, comments, percent-encoding of what a
URL cannot hold; white space where browsers collapse it, non-breaking spaces but a single one between two words;
vertical space (spacer paragraphs, breaks at the edges of blocks, wrappers that say nothing, a list's tightness, two
breaks against two paragraphs), justified setting, the geometry of tables (widths, borders, padding), the shape of
bullets; fonts, sizes, near-black text and the editor's noise that `noise` lists; `b` against `strong` and the like,
marks that cover the same words in another order; where in its element a name stands; `sandbox` on frames and how a
link opens; the colours of code whose language is named, and what fits a player into a narrow screen. Nothing else.
"""

import re

from kbsync.markup.html.nodes import Element, Node, serialized
from kbsync.markup.html.parse import parse
from kbsync.markup.tidying.tidy import tidy
from kbsync.markup.to_html import encoded

_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_ADDRESSES = ("href", "src", "poster")


def canonical(html: str) -> str:
    """Give the canonical form of a fragment of HTML."""
    return canonical_of(tidy(parse(html).nodes))


def canonical_of(blocks: tuple[Element, ...]) -> str:
    """Give the canonical form of tidy blocks, one block a line."""
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
    """Give an address in the one form that all its spellings share."""
    return _ESCAPE.sub(lambda found: found[0].upper(), encoded(value.strip()))
