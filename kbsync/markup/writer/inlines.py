"""Inline content in tidy form, written as Markdown: words, emphasis, links, pictures, code, breaks.

What has no mark, or whose mark would not be read at its place, is written as its tag around Markdown.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from kbsync.markup.dom import VOID, Element, Node, serialized, start_tag, text_of
from kbsync.markup.extensions.attributes import note_at, note_from_attrs
from kbsync.markup.normalize_inline import EMBEDS
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import readable
from kbsync.markup.writer.shorthand import Hand

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
    text: str, *, before: str, after: str, brackets: frozenset[str] = frozenset(), options: MarkupOptions = PLAIN
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


def _loose(text: str, options: MarkupOptions) -> frozenset[int]:
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


_DELIMITERS = {"strong": "**", "em": "*", "del": "~~"}
_AUTOLINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>\x00-\x20]*")
_MAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
)
_HEADING_END = re.compile(r"(?<!\S)#+$|(?<!\\)\{#[^\s{}]+\}$")
_RUNS = re.compile(r"`+")


class Place(Enum):
    """Where a line stands: breaks and pipes are written as that place allows."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    CELL = "cell"
    TERM = "term"


_ANY_HAND = Hand()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    place: Place
    brackets: frozenset[str] = frozenset()
    tagged: bool = False
    linked: bool = False
    hand: Hand = _ANY_HAND


def inline(
    nodes: Sequence[Node], place: Place = Place.PARAGRAPH, *, tagged: bool = False, hand: Hand = _ANY_HAND
) -> str:
    """Write the inline content of one block; `tagged` writes emphasis as tags, where marks were misread."""
    brackets = frozenset("[") if is_link_like(text_of(tuple(nodes))) else frozenset[str]()
    written = _write(nodes, "", "", _Setting(place=place, brackets=brackets, tagged=tagged, hand=hand))
    match place:
        case Place.PARAGRAPH | Place.TERM:
            return line_starts(written)
        case Place.HEADING:
            return _HEADING_END.sub(r"\\\g<0>", written)
        case Place.CELL:
            return written.replace("|", "\\|")


def _write(nodes: Sequence[Node], before: str, after: str, setting: _Setting) -> str:
    out = before
    for at, node in enumerate(nodes):
        follows = _first(nodes[at + 1], setting) if at + 1 < len(nodes) else after
        last = out[-1:]
        if isinstance(node, str):
            loose = replace(setting.hand.options, linkify=False) if setting.linked else setting.hand.options
            out += escaped(node, before=last, after=follows, brackets=setting.brackets, options=loose)
        elif id(node) in setting.hand.short:
            out += setting.hand.short[id(node)]
        else:
            out += _element(node, last, follows, setting)
    return out[len(before) :]


def _first(node: Node, setting: _Setting) -> str:
    """Return the character with which a node will begin."""
    if isinstance(node, str):
        return node[0]
    if id(node) in setting.hand.short:
        return "["
    if node.tag in _DELIMITERS and not node.attrs and not setting.tagged:
        return _DELIMITERS[node.tag][0]
    match node.tag:
        case "br":
            return "<" if setting.place is not Place.PARAGRAPH else "\\"
        case "img":
            return "!"
        case "code":
            return "`"
        case "a" if "href" in node.attrs:
            return "["
    return "<"


def _element(node: Element, before: str, after: str, setting: _Setting) -> str:
    match node.tag:
        case "br":
            return "\\\n" if setting.place is Place.PARAGRAPH else "<br>"
        case "img":
            return _picture(node)
        case "code" if not node.attrs and before != "`":
            return _code(node) or _tagged(node, setting)
        case "strong" | "em" | "del" if not node.attrs and not setting.tagged:
            return _emphasis(node, before, after, setting)
        case "a" if "href" in node.attrs and not setting.linked:
            return _link(node, setting)
    if node.tag in EMBEDS or node.tag in VOID:
        return serialized((node,))
    return _tagged(node, setting)


def _tagged(node: Element, setting: _Setting) -> str:
    return start_tag(node) + _write(node.children, ">", "<", setting) + f"</{node.tag}>"


def _emphasis(node: Element, before: str, after: str, setting: _Setting) -> str:
    mark = _DELIMITERS[node.tag]
    # Any punctuation but the mark's own: a mark directly within another is read well, one beside another is not.
    inner = _write(node.children, "_", "_", setting)
    reads = before != mark[0] and after != mark[0] and _flanks(before, inner[:1]) and _flanks(after, inner[-1:])
    return mark + inner + mark if reads and inner else _tagged(node, setting)


def _flanks(outside: str, inside: str) -> bool:
    """Whether a delimiter between the two characters is read as one that faces inward."""
    if not inside or inside.isspace():
        return False
    return not is_punctuation(inside) or not outside or outside.isspace() or is_punctuation(outside)


def _code(node: Element) -> str:
    if any(not isinstance(child, str) for child in node.children):
        return ""
    text = text_of(node.children)
    if not text.strip():
        return ""
    longest = max((len(found[0]) for found in _RUNS.finditer(text)), default=0)
    runs = {len(found[0]) for found in _RUNS.finditer(text)}
    fence = "`" * next(size for size in range(1, longest + 2) if size not in runs)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return fence + pad + text + pad + fence


def _link(node: Element, setting: _Setting) -> str:
    if node.attrs.keys() - {"href", "title"}:
        return _tagged(node, replace(setting, linked=True))
    href, text = node.attrs["href"], text_of(node.children)
    if "title" not in node.attrs and len(node.children) == 1 and isinstance(node.children[0], str):
        if href == text and _AUTOLINK.fullmatch(text):
            return f"<{text}>"
        if href == "mailto:" + text and _MAIL.fullmatch(text):
            return f"<{text}>"
    brackets = setting.brackets if _is_balanced(text) and not setting.brackets else frozenset("[]")
    inner = _write(node.children, "[", "]", replace(setting, linked=True, brackets=brackets))
    note = f" {title(node.attrs['title'])}" if "title" in node.attrs else ""
    return f"[{inner}]({destination(readable(href))}{note})"


def _is_balanced(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if depth < 0:
            return False
    return depth == 0


def _picture(node: Element) -> str:
    attrs = dict(node.attrs)
    source, words, hint = attrs.pop("src", ""), attrs.pop("alt", ""), attrs.pop("title", "")
    note = note_from_attrs(attrs, picture=True)
    if note is None or not source or "\n" in words + hint or words != words.strip():
        return serialized((node,))
    label = escaped(words, before="[", after="]", brackets=frozenset("[]"))
    return f"![{label}]({destination(readable(source))}{' ' + title(hint) if hint else ''}){note}"
