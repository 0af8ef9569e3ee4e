"""Renders Markdown to the HTML that Freshdesk is sent.

Deterministic: the same text, `resolve`, `anchors` and options give the same bytes. Raw HTML passes through; only its
addresses are resolved. Call-outs are Freshdesk's own, so that an agent can edit them in the web editor.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from urllib.parse import quote, unquote

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from kbsync.markup.dialect import inline_tokens, parser, plain_text, raw_html_of
from kbsync.markup.extensions import footnotes
from kbsync.markup.extensions.toc import TocEntry, slug, toc_html, unique_name
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.raw_html import find_attributes, replace_addresses

RENDERER_VERSION = 3

# Characters that no URL holds; a Liquid placeholder and a percent sign stay as written.
_NOT_IN_URL = re.compile(r"\{\{.*?\}\}|[^;/?:@&=+$,\-_.!~*'()#A-Za-z0-9%]+")

_NOTHING = Token("nothing", "", 0, hidden=True)
_ENCODED = re.compile(r"(?:%[89a-fA-F][0-9a-fA-F])+")


def unchanged_address(address: str) -> str:
    """Return an address as it is."""
    return address


def to_html(
    markdown: str,
    *,
    resolve: Callable[[str], str] = unchanged_address,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
) -> str:
    """Render Markdown.

    `resolve` gets every address as written, without Markdown's escapes and entities, and returns the one to write. A
    heading gets an id when the text gives it one, when a link in the text goes to it, or when `anchors` contains it.
    """
    return render_tokens(_parse(markdown, resolve, anchors, options), options).replace("\0", "\ufffd")


def _parse(
    markdown: str, resolve: Callable[[str], str], anchors: Collection[str], options: MarkupOptions
) -> list[Token]:
    """Parse a text, set the ids of the headings that links go to, resolve addresses and fill tables of contents."""
    tokens = parser(options).parse(markdown)
    tocs = [token for token in tokens if token.type == "contents"]
    linked = _linked_anchors(tokens) | {unicodedata.normalize("NFC", name) for name in anchors}
    name_headings(tokens, wanted=None if tocs else linked)
    _resolve_addresses(tokens, resolve)
    for token in tocs:
        token.content = toc_html(_headings(tokens), options.contents)
    return tokens


def _headings(tokens: Sequence[Token]) -> list[TocEntry]:
    return [
        TocEntry(level=int(opening.tag[1]), id=str(opening.attrs["id"]), text=" ".join(plain_text(inline).split()))
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open"
    ]


def render_tokens(tokens: Sequence[Token], options: MarkupOptions = PLAIN) -> str:
    """Render the tokens of a block, or of a part of one, as `render_blocks` returns them."""
    return _Renderer().render(_simplify(tokens), parser(options).options, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedBlock:
    """One top-level block of a text: its lines (from 0, the end excluded) and the HTML that they render to."""

    start: int
    end: int
    html: str
    tokens: Sequence[Token] = ()


def render_blocks(
    markdown: str,
    *,
    resolve: Callable[[str], str] = unchanged_address,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
) -> tuple[RenderedBlock, ...]:
    """Render a text block by block, each as within the whole text; lines that render to nothing are in no block.

    A footnote is a block at its definition, not at the end, unless that is within another block.
    """
    tokens = _parse(markdown, resolve, anchors, options)
    found: list[RenderedBlock] = []
    notes: list[RenderedBlock] = []
    first = 0
    for at, token in enumerate(tokens):
        if token.type in ("footnotes_open", "footnotes_close"):
            first = at + 1
        elif token.nesting <= 0 and (not token.level or token.type == "footnote_close"):
            start, end = tokens[first].map or (0, 0)
            part = tokens[first : at + 1]
            block = RenderedBlock(start=start, end=end, html=render_tokens(part, options), tokens=part)
            (notes if token.type == "footnote_close" else found).append(block)
            first = at + 1
    return tuple(sorted((*found, *_top_level_footnotes(notes, found)), key=attrgetter("start")))


def _top_level_footnotes(notes: Sequence[RenderedBlock], blocks: Sequence[RenderedBlock]) -> list[RenderedBlock]:
    """Return the footnotes that are defined outside any other block."""
    apart = []
    for note in notes:
        at = bisect_right(blocks, note.start, key=attrgetter("start"))
        if not at or blocks[at - 1].end <= note.start:
            apart.append(note)
    return apart


def encode_address(address: str) -> str:
    """Percent-encode what a URL cannot hold; what is encoded already stays."""
    return _NOT_IN_URL.sub(lambda found: found[0] if found[0].startswith("{{") else quote(found[0], safe=""), address)


def readable_address(address: str) -> str:
    """Return an address for people to read: encoded where it must be, letters of any script as letters.

    Rendering encodes it again, so that a text is the same however the HTML spelt the address.
    """
    return _ENCODED.sub(_decode_letters, encode_address(address))


def _decode_letters(found: re.Match[str]) -> str:
    try:
        text = unquote(found[0], errors="strict")
    except UnicodeDecodeError:
        return found[0].upper()
    return "".join(char if unicodedata.category(char)[0] in "LMN" else quote(char, safe="") for char in text)


def name_headings(tokens: Sequence[Token], *, wanted: Collection[str] | None) -> frozenset[str]:
    """Set the ids of the headings whose names are in `wanted` (None: of all), and return the names of all."""
    taken = {str(token.attrs["id"]) for token in tokens if token.type == "heading_open" and "id" in token.attrs}
    tried: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open" or "id" in opening.attrs:
            continue
        name = unique_name(slug(plain_text(inline)), taken, tried)
        taken.add(name)
        if wanted is None or name in wanted:
            opening.attrs["id"] = name
    return frozenset(taken)


def _linked_anchors(tokens: Sequence[Token]) -> set[str]:
    found = {str(token.attrs.get("href", "")) for token, _ in inline_tokens(tokens) if token.type == "link_open"}
    attributes = (attribute for text, _ in raw_html_of(tokens) for attribute in find_attributes(text))
    found |= {attribute.value for attribute in attributes if attribute.key == "href"}
    return {unicodedata.normalize("NFC", unquote(address[1:])) for address in found if address.startswith("#")}


def _resolve_addresses(tokens: Sequence[Token], resolve: Callable[[str], str]) -> None:
    for token in tokens:
        if token.type == "html_block":
            token.content = replace_addresses(token.content, resolve)
    for token, _ in inline_tokens(tokens):
        match token.type:
            case "link_open":
                token.attrs["href"] = encode_address(resolve(str(token.attrs["href"])))
            case "image":
                token.attrs["src"] = encode_address(resolve(str(token.attrs["src"])))
            case "html_inline":
                token.content = replace_addresses(token.content, resolve)


def _simplify(tokens: Sequence[Token]) -> list[Token]:
    """Remove empty header rows, which only pipe tables need, and the paragraph tags of a call-out's only paragraph."""
    kept = list(tokens)
    for at, token in enumerate(tokens):
        if token.type == "thead_open":
            end = next(i for i in range(at, len(tokens)) if tokens[i].type == "thead_close")
            if not any(inner.content.strip() for inner in tokens[at:end] if inner.type == "inline"):
                kept[at : end + 1] = [_NOTHING] * (end + 1 - at)
        elif (
            token.type == "callout_open"
            and at + 4 < len(tokens)
            and tokens[at + 4].type == "callout_close"
            and not tokens[at + 1].attrs
        ):
            kept[at + 1] = kept[at + 3] = _NOTHING
    return kept


class _Renderer(RendererHTML):
    """The markdown-it renderer with `<del>`, and without newlines in call-outs, where they would be visible."""

    _rule_names: tuple[str, ...] = ()

    def __init__(self) -> None:
        # The library looks for its rules among all members, which takes longer than to render a paragraph.
        if not _Renderer._rule_names:
            super().__init__()
            _Renderer._rule_names = tuple(self.rules)
        self.rules = {name: getattr(self, name) for name in _Renderer._rule_names}
        self._callout_depth = 0

    def _fitted(self, written: str) -> str:
        return written.strip("\n") if self._callout_depth else written

    def renderToken(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:  # noqa: N802
        token = tokens[idx]
        if token.tag == "s":
            return "<del>" if token.nesting == 1 else "</del>"
        return self._fitted(super().renderToken(tokens, idx, options, env))

    def softbreak(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return " " if self._callout_depth else "\n"

    def hardbreak(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._fitted("<br>\n")

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._fitted(tokens[idx].content)

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        plain = [token.copy(attrs={})] if token.attrs else [token]
        written = super().fence(plain, 0, options, env)
        return self._fitted(written.replace("<pre>", f"<pre{self.renderAttrs(token)}>", 1))

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._fitted(super().code_block(tokens, idx, options, env))

    def callout_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        self._callout_depth += 1
        return f"<pre{self.renderAttrs(tokens[idx])}>"

    def callout_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        self._callout_depth -= 1
        return self._fitted("</pre>\n")

    def contents(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._fitted(tokens[idx].content)

    def player(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        written = f"<div{self.renderAttrs(token)}>{token.content}</div>" if token.attrs else token.content
        return self._fitted(written + "\n") if token.block else written

    def footnotes_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "<hr>\n<ol>\n"

    def footnote_ref(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        name, number, sub = (tokens[idx].meta[key] for key in ("name", "id", "subId"))
        href = encode_address("#" + footnotes.NOTE_PREFIX + name)
        return f'<sup><a href="{href}" id="{footnotes.reference_name(name, sub)}">[{number + 1}]</a></sup>'

    def footnote_back(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f' <a href="{encode_address("#" + tokens[idx].meta["name"])}">{footnotes.BACK_ARROW}</a>'
