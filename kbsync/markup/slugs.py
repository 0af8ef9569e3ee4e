"""Readable names for headings, as code hosts make them, for every script.

Pure text: never looks at tokens or HTML.
"""

import unicodedata
from collections.abc import Collection

_KEPT = frozenset("LMN")
_FALLBACK = "section"


def slug(title: str) -> str:
    """Name a heading by its text: lower case, letters, marks and digits of any script, `-` and `_`."""
    plain = unicodedata.normalize("NFC", title).strip().lower()
    chars = (_slugged(char) for char in plain)
    return "".join(chars).strip("-") or _FALLBACK


def unique(name: str, taken: Collection[str]) -> str:
    """Give `name`, or the first of `name-1`, `name-2` … that is not taken."""
    if name not in taken:
        return name
    number = 1
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _slugged(char: str) -> str:
    if char.isspace():
        return "-"
    if char in "-_" or unicodedata.category(char)[0] in _KEPT:
        return char
    return ""
