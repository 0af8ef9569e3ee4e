"""kbsync's Markdown dialect as a markdown-it parser: CommonMark, GitHub's additions, footnotes and definition lists.

Attribute lists in braces are limited to known keys; `[TOC]`, a video's bare link and `<details>` become Freshdesk's own
constructs. Parses text into tokens and never renders. Addresses in tokens are as written: none is refused, encoded or,
unless the options ask for it, linked automatically.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar
from markdown_it.rules_block import StateBlock, html_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, emphasis, html_inline, strikethrough
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from kbsync.markup.extensions import callouts, toc
from kbsync.markup.extensions.accordions import convert_accordions, renumber_levels
from kbsync.markup.extensions.attributes import AttributeList, attributes_to_html, parse_attributes
from kbsync.markup.extensions.footnotes import collect_footnotes
from kbsync.markup.extensions.highlighting import highlight
from kbsync.markup.extensions.videos import player_for
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.raw_html import is_text

_HEADING_ID = re.compile(r"(?<!\\)\{(?:#(?P<own>[^\s{}]+)|/\*\s*#?(?P<mdx>[^\s{}*]+)\s*\*/)\}[ \t]*$")
"""The id at the end of a heading: `{#id}`, or Docusaurus' `{/* #id */}`."""
_TAKES_ATTRIBUTES = frozenset(
    "paragraph_open heading_open bullet_list_open ordered_list_open table_open blockquote_open callout_open "
    "dl_open fence hr".split()
)
_MAX_NESTING = 100
_DEFINITION = re.compile(r"\[[^\]]+\]:")


@lru_cache
def parser(options: MarkupOptions = PLAIN, *, join_escaped: bool = True) -> MarkdownIt:
    """Return the parser for these options; what is nested too deep for markdown-it to keep is plain text.

    Escaped characters are tokens of their own (`text_special`) unless they are to be joined with the text.
    """
    md = MarkdownIt("commonmark", {"html": True, "xhtmlOut": False, "maxNesting": _MAX_NESTING, "tasklists": True})
    md.enable(["table", "strikethrough"])
    md.normalizeLink = md.normalizeLinkText = lambda link: link  # type: ignore[method-assign,assignment]
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    md.use(footnote_plugin, inline=False, move_to_end=False).use(deflist_plugin)
    md.block.ruler.at("html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]})
    md.inline.ruler.at("html_inline", _html_inline)
    md.inline.ruler.at("emphasis", _loosely_flanked(emphasis.tokenize))
    md.inline.ruler.at("strikethrough", _loosely_flanked(strikethrough.tokenize))
    md.block.ruler.before("table", "too_deep", _too_deep)
    md.block.ruler.before("fence", "attributes", _block_attributes)
    md.block.ruler.before("fence", "callouts", callouts.read_callout)
    md.core.ruler.after("block", "apply_attributes", _apply_attributes)
    md.core.ruler.after("apply_attributes", "item_attributes", _item_attributes)
    md.core.ruler.after("item_attributes", "alerts", _alerts)
    md.core.ruler.after("alerts", "heading_ids", _heading_ids)
    md.core.ruler.after("heading_ids", "toc_and_videos", _toc_and_videos)
    md.core.ruler.after("inline", "footnotes_and_accordions", _footnotes_and_accordions)
    md.inline.ruler.after("image", "image_attributes", _image_attributes)
    if not join_escaped:
        md.core.ruler.disable("text_join")
    if options.linkify:
        md.use(gfm_autolink_plugin)
    if options.typographer:
        md.options["typographer"] = True
        md.enable(["replacements", "smartquotes"])
    if options.highlight:
        md.options["highlight"] = lambda code, language, attributes: highlight(code, language) or ""
    return md


def inline_tokens(tokens: Sequence[Token]) -> Iterator[tuple[Token, int]]:
    """Return the inline tokens that hold text, images and links, each with its line (from 1)."""
    for token in tokens:
        if token.type != "inline":
            continue
        line = (token.map or [0])[0] + 1
        for child in token.children or ():
            yield child, line
            if child.type in ("softbreak", "hardbreak"):
                line += 1
            elif child.type == "html_inline":
                line += child.content.count("\n")


def raw_html_of(tokens: Sequence[Token]) -> list[tuple[str, int]]:
    """Return the raw HTML of a text, blocks first, each with its line (from 1)."""
    blocks = [(token.content, (token.map or [0])[0] + 1) for token in tokens if token.type == "html_block"]
    return blocks + [(token.content, line) for token, line in inline_tokens(tokens) if token.type == "html_inline"]


def plain_text(token: Token) -> str:
    """Return the text that a reader sees of one inline token's children."""
    words: list[str] = []
    for child in token.children or ():
        match child.type:
            case "text" | "text_special" | "code_inline":
                words.append(child.content)
            case "softbreak" | "hardbreak":
                words.append(" ")
            case "image":
                words.append(plain_text(child))
    return "".join(words)


def _loosely_flanked(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """Let marks of emphasis also open and close beside Chinese, Japanese and Korean, which has no spaces to flank them.

    As in the CJK-friendly amendment to CommonMark: such a character next to a mark is never in the way, as punctuation
    is, and allows other punctuation on the other side. So is a no-break space next to a double mark.
    """

    def flanked(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  (the library's signature)
        start, known = state.pos, len(state.delimiters)
        if not rule(state, silent):
            return False
        before, after = state.src[start - 1 : start] or " ", state.src[state.pos : state.pos + 1] or " "
        loose = _is_cjk if state.pos - start == 1 else _is_cjk_or_no_break_space
        if state.src[start] != "_" and (loose(before) or loose(after)):
            for mark in state.delimiters[known:]:
                mark.open = mark.open or _can_flank(after, before, loose)
                mark.close = mark.close or _can_flank(before, after, loose)
        return True

    return flanked


def _can_flank(inside: str, outside: str, loose: Callable[[str], bool]) -> bool:
    if loose(inside) or not (inside.isspace() or _is_punctuation(inside)):
        return True
    return not inside.isspace() and (loose(outside) or outside.isspace() or _is_punctuation(outside))


def _is_punctuation(char: str) -> bool:
    return isMdAsciiPunct(ord(char)) or isPunctChar(char)


def _is_cjk(char: str) -> bool:
    return (
        unicodedata.east_asian_width(char) in ("W", "F", "H")
        and char != "\u3000"
        and unicodedata.category(char) != "So"
    )


def _is_cjk_or_no_break_space(char: str) -> bool:
    return char in "\xa0\u202f" or _is_cjk(char)


def _html_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  (the library's signature)
    at = state.bMarks[start] + state.tShift[start]
    if state.src[at : at + 1] != "<" or is_text(state.src[at : state.eMarks[start]], state.src):
        return False
    return html_block(state, start, end, silent)


def _html_inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  (the library's signature)
    if state.src[state.pos] != "<" or is_text(state.src[state.pos : state.pos + 100], state.src):
        return False
    return html_inline(state, silent)


def _too_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  (the library's signature)
    if state.level < _MAX_NESTING - 2 or silent:
        return False
    last = start
    while last < end and (state.isEmpty(last) or state.sCount[last] >= state.blkIndent):
        last += 1
    state.push("paragraph_open", "p", 1).map = [start, last]
    inline = state.push("inline", "", 0)
    inline.map, inline.children = [start, last], []
    inline.content = state.getLines(start, last, state.blkIndent, False).strip()
    state.push("paragraph_close", "p", -1)
    state.line = last
    return True


def _block_attributes(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  (the library's signature)
    if silent or state.is_code_block(start):
        return False
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]].rstrip()
    found = parse_attributes(line)
    if not found or found[1] != len(line) or not _begins_block(state, start + 1, end):
        return False
    token = state.push("attributes", "", 0)
    token.meta = {"attributes": found[0]}
    token.hidden = True
    state.line = start + 1
    return True


def _begins_block(state: StateBlock, line: int, end: int) -> bool:
    """Return whether the next line begins a block that can have attributes; otherwise the braces are text."""
    if line >= end or state.isEmpty(line) or state.sCount[line] < state.blkIndent or state.is_code_block(line):
        return False
    text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
    if _html_block(state, line, end, True) or _DEFINITION.match(text):
        return False
    return not text.startswith("{") or parse_attributes(text) is None


def _apply_attributes(state: StateCore) -> None:
    """Apply each attribute list to the block below it; a paragraph that has one is a paragraph in any list."""
    kept: list[Token] = []
    pending: AttributeList | None = None
    for at, token in enumerate(state.tokens):
        if token.type == "attributes":
            pending = token.meta["attributes"]
            continue
        if pending is not None and token.type in _TAKES_ATTRIBUTES:
            _set_attributes(token, pending)
            if token.type == "paragraph_open":
                token.hidden = state.tokens[at + 2].hidden = False
        pending = None
        kept.append(token)
    state.tokens = kept


def _set_attributes(token: Token, attributes: AttributeList) -> None:
    for key, value in attributes_to_html(attributes).items():
        token.attrs[key] = f"{token.attrs[key]} {value}" if key == "class" and key in token.attrs else value


def _item_attributes(state: StateCore) -> None:
    """Apply the attribute list before an item's text to the item."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type != "list_item_open" or paragraph.type != "paragraph_open":
            continue
        found = parse_attributes(inline.content)
        if found and inline.content[found[1] :].startswith(" "):
            inline.content = inline.content[found[1] :].lstrip(" ")
            _set_attributes(item, found[0])


def _alerts(state: StateCore) -> None:
    tokens = state.tokens
    opened: list[Token | None] = []
    for at, token in enumerate(tokens):
        if token.type == "blockquote_open":
            opened.append(token if _convert_alert(tokens, at) else None)
        elif token.type == "blockquote_close" and opened.pop():
            token.type, token.tag = "callout_close", "pre"
    state.tokens = [token for token in tokens if token.type != "removed"]


def _convert_alert(tokens: list[Token], at: int) -> bool:
    if at + 2 >= len(tokens) or tokens[at + 1].type != "paragraph_open":
        return False
    inline = tokens[at + 2]
    found = callouts.kind_of_marker(inline.content)
    if not found:
        return False
    quote = tokens[at]
    quote.type, quote.tag = "callout_open", "pre"
    quote.attrs["class"] = " ".join(filter(None, (callouts.class_of(found[0]), str(quote.attrs.get("class", "")))))
    _, title, length = found
    inline.content = inline.content[length:]
    if title:
        inline.content = callouts.title_html(title) + ("\\\n" + inline.content if inline.content else "")
    elif inline.map:
        inline.map = [inline.map[0] + 1, inline.map[1]]
    if not inline.content:
        for token in tokens[at + 1 : at + 4]:
            token.type = "removed"
    return True


def _heading_ids(state: StateCore) -> None:
    for opening, inline in pairwise(state.tokens):
        if opening.type != "heading_open":
            continue
        found = _HEADING_ID.search(inline.content)
        if found:
            opening.attrs["id"] = found["own"] or found["mdx"]
            inline.content = inline.content[: found.start()].rstrip(" \t")


def _toc_and_videos(state: StateCore) -> None:
    """Replace paragraphs that hold nothing but `[TOC]` or a video's link."""
    out: list[Token] = []
    for token in state.tokens:
        out.append(token)
        if token.type != "paragraph_close":
            continue
        opening, inline = out[-3:-1]
        text = inline.content.strip()
        player = player_for(text) if text.startswith("http") else None
        if player is not None and not player.boxed:
            inline.content, inline.children = "", [Token("player", "", 0, content=player.html)]
        elif player is not None or (text == toc.TOC_MARKER and "TOC" not in state.env.get("references", {})):
            kind, html = ("player", player.html) if player else ("contents", "")
            out[-3:] = [Token(kind, "", 0, opening.attrs, opening.map, opening.level, content=html, block=True)]
    state.tokens = out


def _footnotes_and_accordions(state: StateCore) -> None:
    collect_footnotes(state)
    state.tokens = renumber_levels(convert_accordions(state.tokens))


def _image_attributes(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  (the library's signature)
    if silent or state.src[state.pos] != "{" or state.pending or not state.tokens or state.tokens[-1].type != "image":
        return False
    found = parse_attributes(state.src, state.pos)
    if not found or found[1] > state.posMax or found[0].values.keys() - {"width", "height"}:
        return False
    state.tokens[-1].attrs.update(attributes_to_html(found[0], image=True))
    state.pos = found[1]
    return True
