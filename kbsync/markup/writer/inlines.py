"""Writes normalized inline content as Markdown: text, emphasis, links, images, code and breaks, with its escapes.

What Markdown has no syntax for, or whose delimiters would not be parsed at their place, is written as a tag around
Markdown. It never parses what it wrote.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from kbsync.markup.dom import VOID, Element, Node, serialize, start_tag, text_content
from kbsync.markup.extensions.attributes import attributes_from_html, parse_attributes
from kbsync.markup.normalize_inline import EMBEDS
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import readable_address
from kbsync.markup.writer.shorthand import ShortForms

_SPECIAL = re.compile(r"[\\`*_\[\]<&~!{\xa0]")
_ANY_PUNCTUATION = re.compile(r"[^\w\s]|[_\xa0]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]*);")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
# Brackets in the plain text of a paragraph that could be a link, a footnote or a check box.
_LINK_LIKE = re.compile(r"\](?:\(|\[|:)|\[\^|\[!\w+\]|\[[ xX]?\]|\[TOC\]")
# What the typographer would replace, and what linkify would turn into a link.
_TYPOGRAPHY = re.compile(r"[\"']|\.{2,}|-{2,}|,{2,}|[?!]{4,}|\((?=(?:c|r|tm|p)\))|\+(?=-)", re.IGNORECASE)
_BARE_ADDRESS = re.compile(r"(?<=http):(?=//)|(?<=https):(?=//)|(?<=mailto):|(?<=xmpp):|(?<=www)\.|(?<=[\w.+-])@(?=\w)")
_BLOCK_START = re.compile(
    r"#{1,6}(?=\s|$)|>|[-+*](?=\s|$)|=+\s*$|<{7}|(?:[-*_]\s*){3,}$|[-:|\s]*-[-:|\s]*$|:\s|~\s|:::|!!!\s"
)
_NUMBER = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
_DELIMITERS = {"strong": "**", "em": "*", "del": "~~"}
_AUTOLINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>\x00-\x20]*")
_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
)
_HEADING_END = re.compile(r"(?<!\S)#+$|(?<!\\)\{#[^\s{}]+\}$")
_MAX_PARENTHESES = 30


class InlinePlace(Enum):
    """The place of inline content, on which the syntax of breaks and pipes depends."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    CELL = "cell"
    TERM = "term"


_NO_SHORT_FORMS = ShortForms()


@dataclass(frozen=True, slots=True, kw_only=True)
class _InlineContext:
    place: InlinePlace
    brackets: frozenset[str] = frozenset()
    tagged: bool = False
    linked: bool = False
    short: ShortForms = _NO_SHORT_FORMS


def write_inline(
    nodes: Sequence[Node],
    place: InlinePlace = InlinePlace.PARAGRAPH,
    *,
    tagged: bool = False,
    short: ShortForms = _NO_SHORT_FORMS,
) -> str:
    """Write the inline content of one block; with `tagged` emphasis is written as tags."""
    brackets = frozenset("[") if _LINK_LIKE.search(text_content(tuple(nodes))) else frozenset[str]()
    written = _write(nodes, "", "", _InlineContext(place=place, brackets=brackets, tagged=tagged, short=short))
    match place:
        case InlinePlace.PARAGRAPH | InlinePlace.TERM:
            return "\n".join(map(_escape_line_start, written.split("\n")))
        case InlinePlace.HEADING:
            return _HEADING_END.sub(r"\\\g<0>", written)
        case InlinePlace.CELL:
            return written.replace("|", "\\|")


def _write(nodes: Sequence[Node], before: str, after: str, context: _InlineContext) -> str:
    out = before
    for at, node in enumerate(nodes):
        follows = _first_character(nodes[at + 1], context) if at + 1 < len(nodes) else after
        last = out[-1:]
        if isinstance(node, str):
            options = replace(context.short.options, linkify=False) if context.linked else context.short.options
            out += _escape(node, before=last, after=follows, brackets=context.brackets, options=options)
        elif id(node) in context.short.texts:
            out += context.short.texts[id(node)]
        else:
            out += _element(node, last, follows, context)
    return out[len(before) :]


def _first_character(node: Node, context: _InlineContext) -> str:
    """Return the character with which a node will begin in Markdown."""
    if isinstance(node, str):
        return node[0]
    if id(node) in context.short.texts:
        return "["
    if node.tag in _DELIMITERS and not node.attrs and not context.tagged:
        return _DELIMITERS[node.tag][0]
    match node.tag:
        case "br":
            return "<" if context.place is not InlinePlace.PARAGRAPH else "\\"
        case "img":
            return "!"
        case "code":
            return "`"
        case "a" if "href" in node.attrs:
            return "["
    return "<"


def _element(node: Element, before: str, after: str, context: _InlineContext) -> str:
    match node.tag:
        case "br":
            # A line break of the text would be a space before those that do not break.
            return "\\\n" if context.place is InlinePlace.PARAGRAPH and after != "\xa0" else "<br>"
        case "img":
            return _picture(node)
        case "code" if not node.attrs and before != "`":
            return _code(node) or _tagged(node, context)
        case "strong" | "em" | "del" if not node.attrs and not context.tagged:
            return _emphasis(node, before, after, context)
        case "a" if "href" in node.attrs and not context.linked:
            return _link(node, context)
    if node.tag in EMBEDS or node.tag in VOID:
        return serialize((node,))
    return _tagged(node, context)


def _tagged(node: Element, context: _InlineContext) -> str:
    return start_tag(node) + _write(node.children, ">", "<", context) + f"</{node.tag}>"


def _emphasis(node: Element, before: str, after: str, context: _InlineContext) -> str:
    delimiter = _DELIMITERS[node.tag]
    # Any punctuation but its own: a delimiter within another is parsed, one beside another is not.
    inner = _write(node.children, "_", "_", context)
    is_parsed = delimiter[0] not in (before, after) and _flanks(before, inner[:1]) and _flanks(after, inner[-1:])
    return delimiter + inner + delimiter if is_parsed else _tagged(node, context)


def _flanks(outside: str, inside: str) -> bool:
    """Return whether a delimiter between the two characters flanks the inner one."""
    if not inside or inside.isspace():
        return False
    return not _is_punctuation(inside) or not outside or outside.isspace() or _is_punctuation(outside)


def _code(node: Element) -> str:
    if any(not isinstance(child, str) for child in node.children):
        return ""
    text = text_content(node.children)
    if not text.strip():
        return ""
    runs = set(map(len, re.findall("`+", text)))
    fence = "`" * next(size for size in range(1, len(text) + 2) if size not in runs)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return fence + pad + text + pad + fence


def _link(node: Element, context: _InlineContext) -> str:
    if node.attrs.keys() - {"href", "title"}:
        return _tagged(node, replace(context, linked=True))
    href, text = node.attrs["href"], text_content(node.children)
    is_bare = "title" not in node.attrs and len(node.children) == 1 and isinstance(node.children[0], str)
    is_address = (href == text and _AUTOLINK.fullmatch(text)) or (href == f"mailto:{text}" and _EMAIL.fullmatch(text))
    if is_bare and is_address:
        return f"<{text}>"
    is_plain = not context.brackets and _is_balanced(text, "[]", limit=len(text))
    brackets = frozenset[str]() if is_plain else frozenset("[]")
    inner = _write(node.children, "[", "]", replace(context, linked=True, brackets=brackets))
    suffix = f" {_quoted_title(node.attrs['title'])}" if "title" in node.attrs else ""
    return f"[{inner}]({destination(readable_address(href))}{suffix})"


def _picture(node: Element) -> str:
    attrs = dict(node.attrs)
    source, words, hint = attrs.pop("src", ""), attrs.pop("alt", ""), attrs.pop("title", "")
    suffix = attributes_from_html(attrs, image=True)
    if suffix is None or not source or "\n" in words + hint or words != words.strip():
        return serialize((node,))
    label = _escape(words, before="[", after="]", brackets=frozenset("[]"))
    return f"![{label}]({destination(readable_address(source))}{' ' + _quoted_title(hint) if hint else ''}){suffix}"


def _is_punctuation(char: str) -> bool:
    """Return whether CommonMark counts the character as punctuation when it looks for flanking delimiters."""
    return char in _PUNCTUATION or unicodedata.category(char)[0] in "PS"


def _escape(
    text: str, *, before: str, after: str, brackets: frozenset[str] = frozenset(), options: MarkupOptions = PLAIN
) -> str:
    """Escape plain text in a line, between the characters `before` and `after`; `brackets` are always escaped."""
    specials = _option_specials(text, options)

    def one(found: re.Match[str]) -> str:
        at, char = found.start(), found[0]
        left = text[at - 1] if at else before
        right = text[at + 1] if at + 1 < len(text) else after
        if char == "\xa0":
            return "&nbsp;"
        return "\\" + char if at in specials or char in brackets or _is_special(char, text, at, left, right) else char

    return (_ANY_PUNCTUATION if specials else _SPECIAL).sub(one, text)


def _option_specials(text: str, options: MarkupOptions) -> frozenset[int]:
    """Find the characters that are special only with these options."""
    patterns = [_TYPOGRAPHY] * options.typographer + [_BARE_ADDRESS] * options.linkify
    return frozenset(at for pattern in patterns for found in pattern.finditer(text) for at in range(*found.span()))


def _is_special(char: str, text: str, at: int, left: str, right: str) -> bool:
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
            return parse_attributes(text, at) is not None
    return False


def _is_space(char: str) -> bool:
    return not char or char.isspace()


def _escape_line_start(line: str) -> str:
    """Escape a line of a paragraph that would begin another block."""
    if _BLOCK_START.match(line):
        return "\\" + line
    return _NUMBER.sub(r"\1\\\2", line, count=1) if _NUMBER.match(line) else line


def destination(address: str) -> str:
    """Write an address as the destination of a link."""
    plain = _ENTITY.sub(lambda found: "\\" + found[0], address.replace("\\", "\\\\"))
    if not re.search(r"[\s<>\x00-\x1f\x7f]", address) and _is_balanced(address, "()", limit=_MAX_PARENTHESES):
        return plain
    plain = plain.replace("\n", "%0A").replace("\r", "%0D").replace("<", "\\<").replace(">", "\\>")
    return f"<{plain}>"


def _is_balanced(text: str, pair: str, *, limit: int) -> bool:
    """Return whether brackets are balanced, and nested no deeper than a limit."""
    depth = 0
    for char in text:
        depth += (char == pair[0]) - (char == pair[1])
        if depth < 0 or depth > limit:
            return False
    return depth == 0


def _quoted_title(text: str) -> str:
    return '"' + _ENTITY.sub(lambda found: "\\" + found[0], text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
