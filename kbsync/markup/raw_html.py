"""The tags of raw HTML inside Markdown, found in the text as it stands: addresses, names, and what scripts hide in.

Every byte that is not an address to be replaced stays. Never builds a tree; the tags of scripts, styles and comments
are not looked into.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kbsync.markup.dom import Element, Node, replace

_RUNS = re.compile(r"(?:javascript|vbscript):|data:text/html\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20]+")

_ATTRIBUTE = r"""[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
_TAG = re.compile(
    rf"<!--.*?(?:-->|$)|<!\[CDATA\[.*?(?:\]\]>|$)|<(?P<raw>script|style)\b(?P<inside>[^<>]*)>.*?(?:</(?P=raw)\s*>|$)"
    rf"|<(?P<name>[A-Za-z][^\s/>]*)(?P<attrs>(?:[\s/]+(?:{_ATTRIBUTE})?)*)\s*>",
    re.DOTALL | re.IGNORECASE,
)
_ONE = re.compile(r"""(?P<key>[^\s"'<>/=]+)(?:\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")
_ADDRESSES_rawtags = frozenset({"href", "src", "poster"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute of one raw tag: lower-case names, the value without entities, where it stands in the text."""

    tag: str
    key: str
    value: str
    start: int
    end: int

    @property
    def is_address(self) -> bool:
        """Whether the value is an address that a reader's browser follows or shows."""
        return self.key in _ADDRESSES_rawtags


def attributes(text: str) -> Iterator[Attribute]:
    """Walk the attributes of the tags in a piece of raw HTML, in order."""
    for tag in _TAG.finditer(text):
        if not tag["name"] and not tag["raw"]:
            continue
        group = "attrs" if tag["name"] else "inside"
        for found in _ONE.finditer(text, *tag.span(group)):
            value = found["value"] or ""
            start, end = found.span("value")
            if value[:1] in ("'", '"'):
                value, start, end = value[1:-1], start + 1, end - 1
            yield Attribute(
                tag=(tag["name"] or tag["raw"]).lower(),
                key=found["key"].lower(),
                value=html.unescape(value),
                start=start,
                end=end,
            )


def replaced(text: str, resolve: Callable[[str], str]) -> str:
    """Put every address through `resolve`; all else, and an address that stays the same, keeps its bytes."""
    if "=" not in text:
        return text
    out: list[str] = []
    done = 0
    for found in attributes(text):
        if not found.is_address or found.start < 0:
            continue
        new = resolve(found.value)
        if new == found.value:
            continue
        quoted = text[found.start - 1] in "\"'"
        written = html.escape(new)
        out.append(text[done : found.start] + (written if quoted else f'"{written}"'))
        done = found.end
    return "".join(out) + text[done:] if out else text


def scripts(text: str) -> Iterator[tuple[str, int]]:
    """Return the script and style elements of a piece of raw HTML, with where they begin."""
    for tag in _TAG.finditer(text):
        if tag["raw"]:
            yield tag["raw"].lower(), tag.start()


_ELEMENTS = frozenset("script style link meta base".split())
_ADDRESSES = frozenset("href src action formaction poster data xlink:href background".split())
_EVENT = re.compile(r"on[a-z]{3,}")


def without_scripts(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Return the nodes without what a browser would run, and its names, each once and in order."""
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


def runs(address: str) -> bool:
    """Whether following the address runs a script."""
    return bool(_RUNS.match(_CONTROL.sub("", address)))
