"""The placeholders of a text: `{{ name }}` for a variable, `{% include "path" %}` for a file.

Finds and escapes them, and escapes values so that they are not read as Markdown. It never expands one, and knows no
variables or files. Light: no parser, since the configuration is read with it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NAME = r"[^\W\d][\w-]*"
_PLACEHOLDER = re.compile(
    rf"\{{\{{[ \t]*(?P<name>{_NAME})[ \t]*\}}\}}"
    r"|\{%[ \t]*include[ \t]+(?:\"(?P<double>[^\"\n]*)\"|'(?P<single>[^'\n]*)')[ \t]*%\}"
)
_VARIABLE = re.compile(_NAME)
_LIST_NUMBER = re.compile(r"\d{1,9}\.(?=\s|\Z)")
# Characters that Markdown or HTML reads as syntax anywhere, and at the start of a line alone.
_SPECIAL = frozenset("\\`*[]<>~|{}\"'()")
_SPECIAL_AT_START = frozenset("-+=:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """One placeholder in a text: a variable (`name`) or an include (`path`).

    An escaped one begins at its backslash, and is plain text.
    """

    start: int
    end: int
    text: str
    name: str | None = None
    path: str | None = None
    escaped: bool = False


def is_variable_name(word: str) -> bool:
    """Return whether this is a name for a variable: letters, digits, `_` and `-`, the first a letter or `_`."""
    return bool(_VARIABLE.fullmatch(word))


def find_placeholders(text: str, code: Sequence[tuple[int, int]] = ()) -> Iterator[Placeholder]:
    """Find the placeholders of a text, those within `code` (its ranges, in order) left out."""
    starts = [start for start, _ in code]
    for found in _PLACEHOLDER.finditer(text):
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
    """Return whether a text may have placeholders; a quick check."""
    return "{{" in text or "{%" in text


def _backslashes(text: str, end: int) -> int:
    start = end
    while start and text[start - 1] == "\\":
        start -= 1
    return end - start


def escape_value(value: str) -> str:
    """Escape a value so that it is shown as it is: in a paragraph, an address, a table cell and an HTML tag alike.

    All of these read character references the same way; a backslash means nothing in HTML.
    """
    number = _LIST_NUMBER.match(value)
    dot = number.end() - 1 if number else -1
    return "".join(f"&#{ord(char)};" if at == dot or _is_special(value, at) else char for at, char in enumerate(value))


def _is_special(value: str, at: int) -> bool:
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
            return char in _SPECIAL or (not at and char in _SPECIAL_AT_START)


def escape_placeholder(placeholder: Placeholder) -> str:
    """Write a placeholder so that it is shown and not expanded, in Markdown and in raw HTML."""
    return placeholder.text.replace("{", "&#123;")
