"""The one door to the HTML parser: text to plain nodes, as browsers read it.

A WHATWG parser, since libxml2 closes Freshdesk's call-outs at the first list in them. Comments and processing
instructions go, the content of `<template>` stays. Nesting is bounded, so that the walks above may recurse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import turbohtml

from kbsync.markup.html.nodes import Element, Node

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
