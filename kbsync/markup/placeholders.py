"""The marks that stand for other text: `{{ name }}` for a variable, `{% include "path" %}` for a file.

It knows how they are written and what keeps a value from being read as Markdown; what they stand for is known above.
Light: no parser, since the settings are checked with it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NAME = r"[^\W\d][\w-]*"
_MARK = re.compile(
    rf"\{{\{{[ \t]*(?P<name>{_NAME})[ \t]*\}}\}}"
    r"|\{%[ \t]*include[ \t]+(?:\"(?P<double>[^\"\n]*)\"|'(?P<single>[^'\n]*)')[ \t]*%\}"
)
_WORD = re.compile(_NAME)
_NUMBERED = re.compile(r"\d{1,9}\.(?=\s|\Z)")
# What Markdown or HTML reads as more than itself, wherever it stands, and at the start of a line alone.
_ACTIVE = frozenset("\\`*[]<>~|{}\"'()")
_ACTIVE_FIRST = frozenset("-+=:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """One mark in a text: of a variable (`name`) or of an include (`path`).

    An escaped one begins at its backslash, and stands for itself.
    """

    start: int
    end: int
    text: str
    name: str | None = None
    path: str | None = None
    escaped: bool = False


def is_variable_name(word: str) -> bool:
    """Whether a variable can be called so: letters, digits, `_` and `-`, the first a letter or `_`."""
    return bool(_WORD.fullmatch(word))


def find_placeholders(text: str, code: Sequence[tuple[int, int]] = ()) -> Iterator[Placeholder]:
    """Find the marks of a text, those within `code` (its ranges, in order) left out."""
    starts = [start for start, _ in code]
    for found in _MARK.finditer(text):
        at = bisect_right(starts, found.start()) - 1
        if at >= 0 and found.start() < code[at][1]:
            continue
        escaped = _backslashes(text, found.start()) % 2 == 1
        yield Placeholder(
            start=found.start() - escaped,
            end=found.end(),
            text=found[0],
            name=found["name"],
            path=found["double"] if found["double"] is not None else found["single"],
            escaped=escaped,
        )


def may_have_placeholders(text: str) -> bool:
    """Whether a text is worth a closer look; quick."""
    return "{{" in text or "{%" in text


def _backslashes(text: str, end: int) -> int:
    start = end
    while start and text[start - 1] == "\\":
        start -= 1
    return end - start


def escape_value(value: str) -> str:
    """Write a value so that readers see it as it is: in a paragraph, an address, a table cell and a tag of HTML alike.

    Character references are what all of these read alike; a backslash means nothing in HTML.
    """
    numbered = _NUMBERED.match(value)
    dot = numbered.end() - 1 if numbered else -1
    return "".join(f"&#{ord(char)};" if at == dot or _is_active(value, at) else char for at, char in enumerate(value))


def _is_active(value: str, at: int) -> bool:
    char, before, after = value[at], value[at - 1 : at], value[at + 1 : at + 2]
    match char:
        case "_":
            return not (before.isalnum() and after.isalnum())
        case "&":
            return not after or after == "#" or after.isalnum()
        case "#":
            return not before.isalnum()
        case "!":
            return not after
        case _:
            return char in _ACTIVE or (not at and char in _ACTIVE_FIRST)


def escape_placeholder(mark: Placeholder) -> str:
    """Write a mark so that it stands for nothing and readers see it, in Markdown and in raw HTML."""
    return mark.text.replace("{", "&#123;")
