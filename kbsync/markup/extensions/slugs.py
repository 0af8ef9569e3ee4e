"""Slugs: readable anchors for headings as GitHub makes them, for every script.

Pure text: knows no tokens and no HTML.
"""

import unicodedata
from collections.abc import Collection, MutableMapping

_KEPT = frozenset("LMN")
_FALLBACK = "section"


def slug(title: str) -> str:
    """Return the slug of a title: lower case, letters, marks and digits of any script, `-` and `_`."""
    plain = unicodedata.normalize("NFC", title).strip().lower()
    kept = (char for char in plain if char.isspace() or char in "-_" or unicodedata.category(char)[0] in _KEPT)
    return "".join("-" if char.isspace() else char for char in kept).strip("-") or _FALLBACK


def unique_name(name: str, taken: Collection[str], tried: MutableMapping[str, int]) -> str:
    """Return `name`, or the first of `name-1`, `name-2` … that is not taken; `tried` keeps the last number of each."""
    number = tried.get(name, 0)
    while (numbered := f"{name}-{number}" if number else name) in taken:
        number += 1
    tried[name] = number
    return numbered
