"""Style attributes as mappings, read as browsers read them and written in one way."""

import re
from collections.abc import Iterator, Mapping

_STOP = re.compile(r"""[;"'()]""")
_NAME = re.compile(r"-{0,2}[a-z][a-z0-9-]*")
_SPACES = re.compile(r"\s+")


def style_from_text(text: str) -> dict[str, str]:
    """Read a style attribute; what is no declaration is passed over, the later of two wins."""
    style: dict[str, str] = {}
    for declaration in _declarations(text):
        name, colon, value = declaration.partition(":")
        name = name.strip().lower()
        value = _SPACES.sub(" ", value).strip()
        if colon and value and _NAME.fullmatch(name):
            style[name] = value
    return style


def _declarations(text: str) -> Iterator[str]:
    """Part a style at its semicolons, but for those in quotes and parentheses."""
    start, quote, depth = 0, "", 0
    for found in _STOP.finditer(text):
        char = found[0]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif not depth:
            yield text[start : found.start()]
            start = found.end()
    yield text[start:]


def style_to_text(style: Mapping[str, str]) -> str:
    """Write a style attribute, without a final semicolon."""
    return "; ".join(f"{name}: {value}" for name, value in style.items())
