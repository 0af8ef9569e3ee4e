"""Markdown to the HTML that Freshdesk is sent.

Deterministic: the same text, `resolve` and `anchors` give the same bytes. Raw HTML passes through; only its addresses
are resolved. Call-outs are Freshdesk's own boxes, so that an agent can go on in the web editor.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote, unquote

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from kbsync.markup import raw_html as rawtags
from kbsync.markup.dialect import inlines, parser, plain
from kbsync.markup.extensions import footnotes
from kbsync.markup.extensions.slugs import slug, unique
from kbsync.markup.extensions.toc import Heading, contents
from kbsync.markup.options import PLAIN, MarkupOptions

RENDERER_VERSION = 1

# What a URL holds as it is; a Liquid placeholder and a percent sign stay too, since they are the writer's own.
_FOREIGN = re.compile(r"\{\{.*?\}\}|[^;/?:@&=+$,\-_.!~*'()#A-Za-z0-9%]+")

_ENCODED = re.compile(r"(?:%[89a-fA-F][0-9a-fA-F])+")


def identity(address: str) -> str:
    """Leave an address as it is."""
    return address


def to_html(
    markdown: str,
    *,
    resolve: Callable[[str], str] = identity,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
) -> str:
    """Render Markdown.

    `resolve` gets every address as written, Markdown's escapes and entities undone, and gives the one to put.
    A heading gets an id when its writer gave one, when an address within the text asks, or when `anchors` names it.
    """
    tokens = _prepared(markdown, resolve, anchors, options)
    return rendered(tokens, options).replace("\0", "\ufffd")


def _prepared(
    markdown: str, resolve: Callable[[str], str], anchors: Collection[str], options: MarkupOptions
) -> list[Token]:
    """Parse a text, name the headings that are asked for, resolve its addresses and list its contents."""
    tokens = parser(options).parse(markdown)
    listed = [token for token in tokens if token.type == "contents"]
    asked = _asked(tokens) | {unicodedata.normalize("NFC", name) for name in anchors}
    name_headings(tokens, wanted=None if listed else asked)
    _resolve(tokens, resolve)
    for token in listed:
        token.content = contents(_headings(tokens), options.contents)
    return tokens


def _headings(tokens: Sequence[Token]) -> list[Heading]:
    return [
        Heading(level=int(opening.tag[1]), id=str(opening.attrs["id"]), text=" ".join(plain(inline).split()))
        for opening, inline in pairwise(tokens)
        if opening.type == "heading_open"
    ]


def rendered(tokens: Sequence[Token], options: MarkupOptions = PLAIN) -> str:
    """Render tokens of a block that was prepared, or of some of its parts."""
    return _Renderer().render(_shaped(tokens), parser(options).options, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block at the top of a text: its lines (from 0, the end excluded) and the HTML that they render to."""

    start: int
    end: int
    html: str
    tokens: Sequence[Token] = ()


def blocks_to_html(
    markdown: str,
    *,
    resolve: Callable[[str], str] = identity,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
) -> tuple[Block, ...]:
    """Render a text block by block, each as it renders within the whole; lines that render to nothing are in none.

    A footnote stands where its definition does, not at the end, unless that is within another block.
    """
    tokens = _prepared(markdown, resolve, anchors, options)
    found: list[Block] = []
    notes: list[Block] = []
    first = 0
    for at, token in enumerate(tokens):
        if token.type in ("footnotes_open", "footnotes_close"):
            first = at + 1
        elif token.nesting <= 0 and (not token.level or token.type == "footnote_close"):
            start, end = tokens[first].map or (0, 0)
            part = tokens[first : at + 1]
            block = Block(start=start, end=end, html=rendered(part, options), tokens=part)
            (notes if token.type == "footnote_close" else found).append(block)
            first = at + 1
    return tuple(sorted((*found, *_apart(notes, found)), key=_start))


def _start(block: Block) -> int:
    return block.start


def _apart(notes: Sequence[Block], blocks: Sequence[Block]) -> list[Block]:
    """Return the footnotes that are defined outside of any other block."""
    apart: list[Block] = []
    for note in notes:
        at = bisect_right(blocks, note.start, key=_start)
        if not at or blocks[at - 1].end <= note.start:
            apart.append(note)
    return apart


def encoded(address: str) -> str:
    """Percent-encode what a URL cannot hold; what is encoded already stays."""
    return _FOREIGN.sub(lambda found: found[0] if found[0].startswith("{{") else quote(found[0], safe=""), address)


def readable(address: str) -> str:
    """Write an address for people: encoded where it must be, letters of any script as letters.

    Rendering gives `encoded(address)` again, so that a text is written the same however its page spelt the address.
    """
    return _ENCODED.sub(_letters, encoded(address))


def _letters(found: re.Match[str]) -> str:
    try:
        text = unquote(found[0], errors="strict")
    except UnicodeDecodeError:
        return found[0].upper()
    return "".join(char if unicodedata.category(char)[0] in "LMN" else quote(char, safe="") for char in text)


def name_headings(tokens: Sequence[Token], *, wanted: Collection[str] | None) -> frozenset[str]:
    """Return headings their ids where `wanted` names them (None: everywhere); tell all their names."""
    taken = {str(token.attrs["id"]) for token in tokens if token.type == "heading_open" and "id" in token.attrs}
    tried: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open" or "id" in opening.attrs:
            continue
        name = unique(slug(plain(inline)), taken, tried)
        taken.add(name)
        if wanted is None or name in wanted:
            opening.attrs["id"] = name
    return frozenset(taken)


def _asked(tokens: Sequence[Token]) -> set[str]:
    """Collect the anchors that links within the text go to."""
    found = {str(token.attrs.get("href", "")) for token, _ in inlines(tokens) if token.type == "link_open"}
    raw = [token.content for token in tokens if token.type == "html_block"]
    raw += [token.content for token, _ in inlines(tokens) if token.type == "html_inline"]
    found |= {attribute.value for text in raw for attribute in rawtags.attributes(text) if attribute.key == "href"}
    return {unicodedata.normalize("NFC", unquote(address[1:])) for address in found if address.startswith("#")}


def _resolve(tokens: Sequence[Token], resolve: Callable[[str], str]) -> None:
    for token in tokens:
        if token.type == "html_block":
            token.content = rawtags.replaced(token.content, resolve)
    for token, _ in inlines(tokens):
        match token.type:
            case "link_open":
                token.attrs["href"] = encoded(resolve(str(token.attrs["href"])))
            case "image":
                token.attrs["src"] = encoded(resolve(str(token.attrs["src"])))
            case "html_inline":
                token.content = rawtags.replaced(token.content, resolve)


def _shaped(tokens: Sequence[Token]) -> list[Token]:
    """Leave out header rows without a word, which only pipe tables need, and a call-out's only paragraph."""
    kept = list(tokens)
    for at, token in enumerate(tokens):
        if token.type == "thead_open":
            end = next(i for i in range(at, len(tokens)) if tokens[i].type == "thead_close")
            if not any(inner.content.strip() for inner in tokens[at:end] if inner.type == "inline"):
                kept[at : end + 1] = [_nothing()] * (end + 1 - at)
        elif (
            token.type == "callout_open"
            and at + 4 < len(tokens)
            and tokens[at + 4].type == "callout_close"
            and not tokens[at + 1].attrs
        ):
            kept[at + 1] = kept[at + 3] = _nothing()
    return kept


def _nothing() -> Token:
    return Token("nothing", "", 0, hidden=True)


class _Renderer(RendererHTML):
    """The library's renderer, with `<del>`, and without a line break inside call-outs, where readers would see it."""

    def __init__(self) -> None:
        super().__init__()
        self._boxes = 0

    def renderToken(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:  # noqa: N802
        token = tokens[idx]
        if token.tag == "s":
            return "<del>" if token.nesting == 1 else "</del>"
        written = super().renderToken(tokens, idx, options, env)
        return written.strip("\n") if self._boxes else written

    def softbreak(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return " " if self._boxes else "\n"

    def hardbreak(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "<br>" if self._boxes else "<br>\n"

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        written = tokens[idx].content
        return written.strip("\n") if self._boxes else written

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        written = super().fence(tokens, idx, options, env)
        return written.rstrip("\n") if self._boxes else written

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        written = super().code_block(tokens, idx, options, env)
        return written.rstrip("\n") if self._boxes else written

    def callout_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        self._boxes += 1
        return f"<pre{self.renderAttrs(tokens[idx])}>"

    def callout_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        self._boxes -= 1
        return "</pre>" if self._boxes else "</pre>\n"

    def contents(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return tokens[idx].content.rstrip("\n") if self._boxes else tokens[idx].content

    def player(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        written = f"<div{self.renderAttrs(token)}>{token.content}</div>" if token.attrs else token.content
        return written if self._boxes or not token.block else written + "\n"

    def footnotes_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "<hr>\n<ol>\n"

    def footnote_ref(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        name, number, sub = (tokens[idx].meta[key] for key in ("name", "id", "subId"))
        place = footnotes.reference_name(name, sub)
        return f'<sup><a href="{encoded("#" + footnotes.NOTE + name)}" id="{place}">[{number + 1}]</a></sup>'

    def footnote_back(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f' <a href="{encoded("#" + tokens[idx].meta["name"])}">{footnotes.BACK}</a>'

    def nothing(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return ""
