"""How much of a pulled text is raw HTML, and of which kinds: for the tests and the benchmark."""

import html
import re
from collections import Counter

import html5lib

from kbsync.markup.dialect import parser

_TAG = re.compile(r"<!--.*?-->|<(/?)([A-Za-z][\w-]*)((?:\s+[^\s=>]+(?:=\"[^\"]*\")?)*)\s*/?>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([^\s=]+)(?:=\"([^\"]*)\")?")
_STYLE = re.compile(r"([a-z-]+):")
_VOID = frozenset("br hr img input col wbr".split())
WRITTEN, BETWEEN = "Markdown", "Markdown between the tags of a box or a table"


def count_characters(markdown: str) -> Counter[str]:
    """Count the visible characters of a text: those in Markdown, and those in each kind of raw block."""
    seen: Counter[str] = Counter()
    depth = 0
    for token in parser().parse(markdown):
        written = BETWEEN if depth > 0 else WRITTEN
        if token.type == "html_block":
            seen[kind(token.content)] += _size(html.unescape(_TAG.sub("", token.content)))
            depth += sum(_opens(tag) for tag in _TAG.finditer(token.content))
        elif token.type in ("fence", "code_block"):
            seen[written] += _size(token.content)
        elif token.type == "inline":
            children = token.children or []
            texts = (child.content for child in children if child.type in ("text", "code_inline"))
            seen[written] += sum(map(_size, texts))
    return +seen


def _opens(tag: re.Match[str]) -> int:
    if not tag[2] or tag[2].lower() in _VOID:
        return 0
    return -1 if tag[1] else 1


def kind(block: str) -> str:
    """Return the kind of a raw block: its first tag, and the attributes that Markdown cannot express."""
    first = next((tag for tag in _TAG.finditer(block) if tag[2] and not tag[1]), None)
    if first is None:
        return "text without a tag"
    said: dict[str, None] = {}
    for tag in _TAG.finditer(block):
        for name, value in _ATTRIBUTE.findall(tag[3] or ""):
            if name == "style":
                said |= {f"{tag[2]} {style}": None for style in _STYLE.findall(html.unescape(value))}
            elif name not in ("href", "src", "alt"):
                said[f"{tag[2]} {name}"] = None
    return f"<{first[2]}>: {', '.join(sorted(said)[:4]) or 'its shape'}"


def share(seen: Counter[str]) -> float:
    """Return the share of the characters that are in Markdown."""
    return (seen[WRITTEN] + seen[BETWEEN]) / max(1, seen.total())


def is_whole_fallback(markdown: str) -> bool:
    """Return whether a text of several elements is nothing but one raw block."""
    is_raw = [token.type for token in parser().parse(markdown)] == ["html_block"]
    return is_raw and len(html5lib.parseFragment(markdown).findall("*")) > 1


def _size(text: str) -> int:
    return len("".join(text.split()))
