"""`<details>` in Markdown, as code hosts show it, turned into Freshdesk's accordions. Works on tokens only.

Recorded: a `<section class="accordion-wrapper">` holds pairs of a heading and a box. Blocks of `<details>` that follow
one another directly are one section. A `<details>` that does not begin its line stays what it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape

from markdown_it.token import Token

WRAPPER, HEADER, CONTENT = "accordion-wrapper", "accordion-header", "accordion-content"

_PIECE = re.compile(
    r"(?P<comment><!--.*?-->)|^(?P<open>[ \t]*<details\b(?:\s+open(?:=\"[^\"]*\")?)?\s*>)|(?P<other><details\b[^>]*>)"
    r"|(?P<title><summary\b(?P<attrs>[^>]*)>(?P<text>.*?)</summary\s*>)|(?P<close></details\s*>)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_TYPED = re.compile(r"\s*<(?:pre|script|style|textarea)\b", re.IGNORECASE)
_NAMED = re.compile(r"""\s*(?:id\s*=\s*["']?(?P<id>[^\s"'<>]+)["']?)?\s*""")
_HEADING = re.compile(r"\s*<(?P<tag>h[1-6])\b(?P<attrs>[^>]*)>(?P<text>.*)</(?P=tag)\s*>\s*", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"(<[^>]*>)")


@dataclass(slots=True, kw_only=True)
class _Part:
    """A token, or a piece of one that holds raw HTML; `kind` tells what the piece is."""

    kind: str
    tokens: list[Token]
    level: int
    title: "_Title | None" = None
    partner: "_Part | None" = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    tag: str
    id: str
    html: str


def with_accordions(tokens: list[Token]) -> list[Token]:
    """Turn each `<details>` that has a title and an end into the tokens of an accordion."""
    if not any(token.type == "html_block" and "<details" in token.content.lower() for token in tokens):
        return tokens
    parts = [part for token in tokens for part in _parts(token)]
    _pair(parts)
    return _joined(_built(parts))


def _parts(token: Token) -> Iterator[_Part]:
    if token.type != "html_block" or _TYPED.match(token.content):
        yield _Part(kind="token", tokens=[token], level=token.level)
        return
    done = 0
    for found in _PIECE.finditer(token.content):
        kind = found.lastgroup if found.lastgroup in ("open", "other", "close") else ""
        title = _title(found) if found["title"] else None
        if not kind and not title:
            continue
        if found.start() > done:
            yield _raw(token, done, found.start(), "raw")
        part = _raw(token, found.start(), found.end(), kind or "title")
        part.title = title
        yield part
        done = found.end()
    if done < len(token.content):
        yield _raw(token, done, len(token.content), "raw")


def _raw(token: Token, start: int, end: int, kind: str) -> _Part:
    """Cut a piece out of a token of raw HTML; the whole token stays itself."""
    text = token.content[start:end]
    piece = token
    if text != token.content:
        line = (token.map or [0, 0])[0] + token.content.count("\n", 0, start)
        piece = Token("html_block", "", 0, content=text, map=[line, line + text.count("\n") + 1], level=token.level)
    return _Part(kind=kind, tokens=[piece], level=token.level)


def _title(found: re.Match[str]) -> _Title | None:
    tag, attrs, text = "h2", found["attrs"], found["text"]
    inner = _HEADING.fullmatch(text)
    if inner and not attrs.strip():
        tag, attrs, text = inner["tag"].lower(), inner["attrs"], inner["text"]
    named = _NAMED.fullmatch(attrs)
    return _Title(tag=tag, id=unescape(named["id"] or ""), html=text.strip()) if named and text.strip() else None


def _pair(parts: list[_Part]) -> None:
    """Find the end of each opening; what a list or a quote ends is not paired beyond it."""
    opened: list[_Part] = []
    for at, part in enumerate(parts):
        while opened and part.level < opened[-1].level:
            opened.pop()
        match part.kind:
            case "open" | "other":
                part.title = _title_after(parts, at) if part.kind == "open" else None
                opened.append(part)
            case "close" if opened and opened[-1].level == part.level:
                opening = opened.pop()
                if opening.title:
                    opening.partner, part.partner = part, opening


def _title_after(parts: list[_Part], at: int) -> _Title | None:
    for part in parts[at + 1 :]:
        if part.kind == "title":
            part.kind, title = "taken", part.title
            return title
        if part.kind != "raw" or part.tokens[0].content.strip():
            return None
    return None


def _built(parts: list[_Part]) -> Iterator[Token]:
    begun = False
    for part in parts:
        token = part.tokens[0]
        if part.kind == "open" and part.partner and part.title:
            begun = True
            yield from _opening(part.title, token)
        elif part.kind == "close" and part.partner:
            begun = False
            yield Token("accordion_content_close", "div", -1, block=True)
            yield Token("accordion_close", "section", -1, block=True, map=token.map)
        elif part.kind == "taken":
            if not begun:
                yield token
            begun = False
        else:
            yield token


def _opening(title: _Title, token: Token) -> Iterator[Token]:
    yield Token("accordion_open", "section", 1, attrs={"class": WRAPPER}, block=True, map=token.map)
    named: dict[str, str | int | float] = {"class": HEADER}
    if title.id:
        named["id"] = title.id
    yield Token("heading_open", title.tag, 1, attrs=named, block=True, map=token.map)
    yield Token("inline", "", 0, children=list(_inline(title.html)), content=title.html, block=True, map=token.map)
    yield Token("heading_close", title.tag, -1, block=True)
    yield Token("accordion_content_open", "div", 1, attrs={"class": CONTENT}, block=True)


def _inline(html: str) -> Iterator[Token]:
    for at, text in enumerate(_TAG.split(html)):
        if text:
            yield Token("html_inline", "", 0, content=text) if at % 2 else Token("text", "", 0, content=unescape(text))


def _joined(tokens: Iterable[Token]) -> list[Token]:
    """Leave out what parts two accordions with nothing between, and raw HTML that is only white space."""
    out: list[Token] = []
    for token in tokens:
        if token.type == "html_block" and not token.content.strip():
            continue
        if token.type == "accordion_open" and out and out[-1].type == "accordion_close":
            out.pop()
            continue
        out.append(token)
    return out


def levelled(tokens: Sequence[Token]) -> list[Token]:
    """Count anew how deep each token stands; the lines of an accordion end with its last part."""
    opened: list[Token] = []
    for token in tokens:
        if token.nesting < 0 and opened:
            opening = opened.pop()
            if token.type == "accordion_close" and opening.map and token.map:
                opening.map = [opening.map[0], token.map[1]]
        token.level = len(opened)
        if token.nesting > 0:
            opened.append(token)
    return list(tokens)
