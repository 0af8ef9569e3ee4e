"""The tags of raw HTML inside Markdown, found in the text as it stands: addresses, names, and what scripts hide in.

Every byte that is not an address to be replaced stays. Never builds a tree; the tags of scripts, styles and comments
are not looked into.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ATTRIBUTE = r"""[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
_TAG = re.compile(
    rf"<!--.*?(?:-->|$)|<!\[CDATA\[.*?(?:\]\]>|$)|<(?P<raw>script|style)\b(?P<inside>[^<>]*)>.*?(?:</(?P=raw)\s*>|$)"
    rf"|<(?P<name>[A-Za-z][^\s/>]*)(?P<attrs>(?:[\s/]+(?:{_ATTRIBUTE})?)*)\s*>",
    re.DOTALL | re.IGNORECASE,
)
_ONE = re.compile(r"""(?P<key>[^\s"'<>/=]+)(?:\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")
_ADDRESSES = frozenset({"href", "src", "poster"})


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
        return self.key in _ADDRESSES


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
    """Name the script and style elements of a piece of raw HTML, with where they begin."""
    for tag in _TAG.finditer(text):
        if tag["raw"]:
            yield tag["raw"].lower(), tag.start()
