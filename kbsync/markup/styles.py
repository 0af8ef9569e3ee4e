"""Style attributes as mappings, read as browsers read them and written in one way."""

import re
from collections.abc import Mapping

_DECLARATION = re.compile(r"""((?:[^;"'(]|"[^"]*"|'[^']*'|\([^)]*\)|["'(])*)(?:;|$)""")
_NAME = re.compile(r"-{0,2}[a-z][a-z0-9-]*")
_SPACES = re.compile(r"\s+")


def style_from_text(text: str) -> dict[str, str]:
    """Read a style attribute; what is no declaration is passed over, the later of two wins."""
    style: dict[str, str] = {}
    for found in _DECLARATION.finditer(text):
        name, colon, value = found[1].partition(":")
        name = name.strip().lower()
        value = _SPACES.sub(" ", value).strip()
        if colon and value and _NAME.fullmatch(name):
            style[name] = value
    return style


def style_to_text(style: Mapping[str, str]) -> str:
    """Write a style attribute, without a final semicolon."""
    return "; ".join(f"{name}: {value}" for name, value in style.items())
