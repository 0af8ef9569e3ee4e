"""Which characters of plain text Markdown would take for marks, and how to keep them text.

An escape is written only where the text without it would be read otherwise. Knows text, never nodes.
"""

import re
import unicodedata

from kbsync.markup.constructs.attributes import note_at
from kbsync.markup.options import PLAIN, Options

_SPECIAL = re.compile(r"[\\`*_\[\]<&~!{\xa0]")
_EVERY = re.compile(r"[^\w\s]|[_\xa0]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_LINK = re.compile(r"\](?:\(|\[|:)|\[\^|\[!\w+\]|\[[ xX]?\]|\[TOC\]")
# What the typographer would set otherwise, and what would become a link where bare addresses do.
_TYPED = re.compile(r"[\"']|\.{2,}|-{2,}|,{2,}|[?!]{4,}|\((?=(?:c|r|tm|p)\))|\+(?=-)", re.IGNORECASE)
_BARE = re.compile(r"(?<=http):(?=//)|(?<=https):(?=//)|(?<=mailto):|(?<=xmpp):|(?<=www)\.|(?<=[\w.+-])@(?=\w)")
_BLOCK_START = re.compile(r"#{1,6}(?=\s|$)|>|[-+*](?=\s|$)|=+\s*$|(?:[-*_]\s*){3,}$|[-:|\s]*-[-:|\s]*$|:\s|~\s")
_NUMBER = re.compile(r"(\d{1,9})([.)])(?=\s|$)")


def is_punctuation(char: str) -> bool:
    """Whether CommonMark counts the character as punctuation when it looks for the edges of emphasis."""
    return char in _PUNCTUATION or unicodedata.category(char)[0] in "PS"


def is_link_like(text: str) -> bool:
    """Whether brackets in the plain text of a paragraph could be read as a link, a note or a check box."""
    return bool(_LINK.search(text))


def escaped(
    text: str, *, before: str, after: str, brackets: frozenset[str] = frozenset(), options: Options = PLAIN
) -> str:
    """Write plain text inside a line, between the characters `before` and `after`; `brackets` are always escaped."""
    loose = _loose(text, options)

    def one(found: re.Match[str]) -> str:
        at, char = found.start(), found[0]
        left = text[at - 1] if at else before
        right = text[at + 1] if at + 1 < len(text) else after
        if char == "\xa0":
            return "&nbsp;"
        return "\\" + char if at in loose or char in brackets or _is_mark(char, text, at, left, right) else char

    return (_EVERY if loose else _SPECIAL).sub(one, text)


def _loose(text: str, options: Options) -> frozenset[int]:
    """Find the characters that only these options read otherwise."""
    patterns = [_TYPED] * options.typographer + [_BARE] * options.linkify
    return frozenset(at for pattern in patterns for found in pattern.finditer(text) for at in range(*found.span()))


def _is_mark(char: str, text: str, at: int, left: str, right: str) -> bool:
    match char:
        case "\\":
            return not right or right in _PUNCTUATION
        case "`":
            return True
        case "*":
            return not (_is_space(left) and _is_space(right))
        case "_":
            return not (_is_space(left) and _is_space(right)) and not (left.isalnum() and right.isalnum())
        case "<":
            return not right or right.isalpha() or right in "/!?"
        case "&":
            return bool(_ENTITY.match(text, at))
        case "~":
            return "~" in (left, right)
        case "!":
            return right == "[" and at == len(text) - 1
        case "{":
            return note_at(text, at) is not None
    return False


def _is_space(char: str) -> bool:
    return not char or char.isspace()


def line_starts(paragraph: str) -> str:
    """Keep every line of a written paragraph from being read as the start of another block."""
    return "\n".join(_line_start(line) for line in paragraph.split("\n"))


def _line_start(line: str) -> str:
    if _BLOCK_START.match(line):
        return "\\" + line
    return _NUMBER.sub(r"\1\\\2", line, count=1) if _NUMBER.match(line) else line


def destination(address: str) -> str:
    """Write an address as the destination of a link."""
    plain = address.replace("\\", "\\\\") if "\\" in address else address
    plain = _ENTITY.sub(lambda found: "\\" + found[0], plain)
    if re.search(r"[\s<>\x00-\x1f\x7f]", address) or not _balanced(address) or not address:
        return (
            "<" + plain.replace("\n", "%0A").replace("\r", "%0D").replace("<", "\\<").replace(">", "\\>") + ">"
            if address
            else ""
        )
    return plain


def _balanced(address: str) -> bool:
    depth = 0
    for char in address:
        depth += (char == "(") - (char == ")")
        if depth < 0 or depth > 30:
            return False
    return depth == 0


def title(text: str) -> str:
    """Write a link's title in quotes."""
    return '"' + _ENTITY.sub(lambda found: "\\" + found[0], text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
