"""Raw HTML: attributes and scripts found in a text, addresses replaced in it, and scripts stripped from nodes.

Every byte that is not an address to be replaced stays. Texts are never parsed into a tree; what scripts, styles and
comments contain is not read.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from kbsync.markup.dom import ADDRESSES, Element, Node, replace

_SCRIPT_SCHEME = re.compile(r"(?:javascript|vbscript):|data:text/html\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20]+")

_ATTRIBUTE = r"""[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
_TAG = re.compile(
    rf"<!--(?:-?>|.*?(?:--!?>|\Z))|<!\[CDATA\[.*?(?:\]\]>|$)|<(?P<raw>script|style)\b(?P<inside>[^<>]*)>.*?(?:</(?P=raw)\s*>|$)"
    rf"|<(?P<name>[A-Za-z][^\s/>]*)(?P<attrs>(?:[\s/]+(?:{_ATTRIBUTE})?)*)\s*>",
    re.DOTALL | re.IGNORECASE,
)
_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)")
# The elements of the HTML standard, its obsolete ones too.
_ELEMENTS = frozenset(
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink blockquote body br "
    "button canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt "
    "element em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup "
    "hr html i iframe img input ins kbd keygen label legend li link listing main map mark marquee math menu menuitem "
    "meta meter nav nobr noembed noframes noscript object ol optgroup option output p param picture plaintext pre "
    "progress q rb rbc rp rt rtc ruby s samp script search section select slot small source spacer span strike strong "
    "style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video "
    "wbr xmp".split()
)
_ATTRIBUTES = re.compile(r"""(?P<key>[^\s"'<>/=]+)(?:\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAttribute:
    """One attribute of one tag: lower-case names, the value without entities, its offsets in the text."""

    tag: str
    key: str
    value: str
    start: int
    end: int

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses in the value that a browser follows or shows."""
        found: dict[str, str] = {}
        replace_in_value(self.key, self.value, lambda address: found.setdefault(address, address))
        return tuple(found)


_WITHIN = {
    "srcset": re.compile(r"[\s,]*(?P<address>\S*[^\s,])(?:,+|\s[^,]*(?:,|$)|$)"),
    "style": re.compile(r"""url\(\s*(?P<quote>["']?)(?P<address>[^"')\s]+)(?P=quote)\s*\)""", re.IGNORECASE),
}
"""The attributes that hold addresses among other text."""


def replace_in_value(key: str, value: str, resolve: Callable[[str], str]) -> str:
    """Return the value of an attribute with its addresses replaced by what `resolve` returns."""
    if key in ADDRESSES:
        return resolve(value)
    if key not in _WITHIN:
        return value
    found = [(*one.span("address"), resolve(one["address"])) for one in _WITHIN[key].finditer(value)]
    return replace_ranges(value, found)


def find_attributes(text: str) -> Iterator[RawAttribute]:
    """Find the attributes of the tags in raw HTML, in order."""
    for tag in _TAG.finditer(text):
        if not tag["name"] and not tag["raw"]:
            continue
        group = "attrs" if tag["name"] else "inside"
        for found in _ATTRIBUTES.finditer(text, *tag.span(group)):
            value = found["value"] or ""
            start, end = found.span("value")
            if value[:1] in ("'", '"'):
                value, start, end = value[1:-1], start + 1, end - 1
            yield RawAttribute(
                tag=(tag["name"] or tag["raw"]).lower(),
                key=found["key"].lower(),
                value=html.unescape(value),
                start=start,
                end=end,
            )


def is_element(tag: str, *, around: str = "") -> bool:
    """Return whether a tag is one of HTML, or anything that may be one of SVG or MathML in the text around it."""
    found = _NAME.match(tag)
    return not found or found[1].lower() in _ELEMENTS or _holds(around, "<svg") or _holds(around, "<math")


def is_text(tag: str, around: str) -> bool:
    """Return whether a tag is shown as text: it is no element, and the text around it has no other half of it."""
    found = _NAME.match(tag)
    if not found or is_element(tag, around=around):
        return False
    return not _holds(around, f"<{found[1]}" if tag.startswith("</") else f"</{found[1]}")


@lru_cache(maxsize=256)
def _holds(text: str, part: str) -> bool:
    """Return whether a part is in a text, which is searched once for it however often it is asked."""
    return part in text


def without_comments(text: str) -> str:
    """Remove the comments of HTML, as far as a browser takes each for one; all other bytes are kept."""
    return _TAG.sub(lambda found: "" if found[0].startswith("<!--") else found[0], text) if "<!--" in text else text


def replace_addresses(text: str, resolve: Callable[[str], str]) -> str:
    """Replace every address by what `resolve` returns; all other bytes, and addresses that stay the same, are kept."""
    if "=" not in text:
        return text
    return replace_ranges(text, _address_edits(text, resolve))


def _address_edits(text: str, resolve: Callable[[str], str]) -> Iterator[tuple[int, int, str]]:
    for found in find_attributes(text):
        new = replace_in_value(found.key, found.value, resolve)
        if found.start >= 0 and new != found.value:
            written = html.escape(new)
            yield found.start, found.end, written if text[found.start - 1] in "\"'" else f'"{written}"'


def replace_ranges(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Replace ranges of a text, in order."""
    out, done = [], 0
    for start, end, new in edits:
        out += [text[done:start], new]
        done = end
    return "".join(out) + text[done:]


def find_scripts(text: str) -> Iterator[tuple[str, int]]:
    """Find the elements of raw HTML that a pull leaves out, with their offsets."""
    for tag in _TAG.finditer(text):
        if (name := (tag["raw"] or tag["name"] or "").lower()) in _SCRIPT_ELEMENTS:
            yield name, tag.start()


_SCRIPT_ELEMENTS = frozenset("script style link meta base".split())
_URL_ATTRIBUTES = frozenset((*ADDRESSES, "action", "formaction", "xlink:href"))
_EVENT = re.compile(r"on[a-z]{3,}")


def strip_scripts(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Return the nodes without what a browser would run, and the names of what was dropped, each once and in order."""
    dropped: dict[str, None] = {}
    kept = _strip(nodes, dropped)
    return (kept, tuple(dropped)) if dropped else (nodes, ())


def _strip(nodes: tuple[Node, ...], dropped: dict[str, None]) -> tuple[Node, ...]:
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
        elif node.tag in _SCRIPT_ELEMENTS:
            dropped[f"<{node.tag}>"] = None
        else:
            out.append(replace(node, attrs=_safe_attributes(node, dropped), children=_strip(node.children, dropped)))
    return tuple(out)


def _safe_attributes(node: Element, dropped: dict[str, None]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in node.attrs.items():
        if hazard := hazard_of(key, value):
            dropped[hazard] = None
        else:
            kept[key] = value
    return kept


def hazard_of(key: str, value: str) -> str:
    """Return the name of what a browser would run in an attribute, which a pull leaves out; "" for others."""
    if _EVENT.fullmatch(key.lower()) or key.lower() == "srcdoc":
        return f"{key} attribute"
    if key.lower() in _URL_ATTRIBUTES and runs_script(value):
        return "address " + " ".join(value.split())[:40]
    return ""


def runs_script(address: str) -> bool:
    """Return whether following the address runs a script."""
    return bool(_SCRIPT_SCHEME.match(_CONTROL.sub("", address)))
