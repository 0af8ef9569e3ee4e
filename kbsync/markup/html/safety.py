"""What a browser would run: scripts, style sheets, event attributes, `javascript:` addresses; left out and named."""

import re

from kbsync.markup.html.nodes import Element, Node, replace
from kbsync.markup.reading.references import runs

_ELEMENTS = frozenset("script style link meta base".split())
_ADDRESSES = frozenset("href src action formaction poster data xlink:href background".split())
_EVENT = re.compile(r"on[a-z]{3,}")


def without_scripts(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Give the nodes without what a browser would run, and its names, each once and in order."""
    dropped: dict[str, None] = {}
    kept = _kept(nodes, dropped)
    return (kept, tuple(dropped)) if dropped else (nodes, ())


def _kept(nodes: tuple[Node, ...], dropped: dict[str, None]) -> tuple[Node, ...]:
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
        elif node.tag in _ELEMENTS:
            dropped[f"<{node.tag}>"] = None
        else:
            out.append(replace(node, attrs=_attrs(node, dropped), children=_kept(node.children, dropped)))
    return tuple(out)


def _attrs(node: Element, dropped: dict[str, None]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in node.attrs.items():
        if _EVENT.fullmatch(key.lower()) or key == "srcdoc":
            dropped[f"{key} attribute"] = None
        elif key.lower() in _ADDRESSES and runs(value):
            dropped["address " + " ".join(value.split())[:40]] = None
        else:
            kept[key] = value
    return kept
