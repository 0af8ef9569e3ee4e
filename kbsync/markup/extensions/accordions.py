"""`<details>` in Markdown, as code hosts show it, turned into Freshdesk's accordions. Works on tokens only.

Recorded: a `<section class="accordion-wrapper">` holds pairs of a heading and a box. Blocks of `<details>` that follow
one another directly are one section. A `<details>` that does not begin its line stays what it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from markdown_it.token import Token

WRAPPER, HEADER, CONTENT = "accordion-wrapper", "accordion-header", "accordion-content"

_PIECE = re.compile(
    r"(?P<comment><!--(?:.*?-->|.*\Z))"
    r"|^(?P<open>[ \t]*<details\b(?:\s+open(?:=\"[^\"]*\")?)?\s*>)|(?P<other><details\b[^>]*>)"
    r"|(?P<title><summary\b(?P<attrs>[^>]*)>(?P<text>(?:[^<]|<(?!/?(?:summary|details)\b))*)</summary\s*>)"
    r"|(?P<close></details\s*>)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_TYPED = re.compile(r"\s*<(?:pre|script|style|textarea)\b", re.IGNORECASE)
_NAMED = re.compile(r"""\s*(?:id\s*=\s*["']?(?P<id>[^\s"'<>]+)["']?)?\s*""")
_HEADING = re.compile(r"\s*<(?P<tag>h[1-6])\b(?P<attrs>[^>]*)>(?P<text>.*)</(?P=tag)\s*>\s*", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"(<[^>]*>)")


@dataclass(slots=True, kw_only=True)
class _Part:
    """A token, or a piece of one that holds raw HTML: `kind` tells what the piece is, `becomes` what is made of it."""

    kind: str
    token: Token
    title: "_Title | None" = None
    titled: "_Part | None" = None
    becomes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Title:
    tag: str
    id: str
    html: str


def with_accordions(tokens: list[Token]) -> list[Token]:
    """Turn each `<details>` that has a title and an end into the tokens of an accordion."""
    if not any(token.type == "html_block" and "<details" in token.content.lower() for token in tokens):
        return tokens
    cut = [(token, list(_parts(token))) for token in tokens]
    _pair([part for _, parts in cut for part in parts])
    return _joined(_built(cut))


def _parts(token: Token) -> Iterator[_Part]:
    if token.type != "html_block" or _TYPED.match(token.content):
        yield _Part(kind="token", token=token)
        return
    done = 0
    for found in _PIECE.finditer(token.content):
        kind = found.lastgroup if found.lastgroup in ("open", "other", "close") else ""
        title = _title(found) if found["title"] else None
        if not kind and not title:
            continue
        if found.start() > done:
            yield _Part(kind="raw", token=_piece(token, done, found.start()))
        yield _Part(kind=kind or "title", token=_piece(token, found.start(), found.end()), title=title)
        done = found.end()
    if done < len(token.content):
        yield _Part(kind="raw", token=_piece(token, done, len(token.content)))


def _piece(token: Token, start: int, end: int) -> Token:
    """Cut a piece out of a token of raw HTML."""
    text = token.content[start:end]
    line = (token.map or [0, 0])[0] + token.content.count("\n", 0, start)
    return Token("html_block", "", 0, content=text, map=[line, line + text.count("\n") + 1], level=token.level)


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
        while opened and part.token.level < opened[-1].token.level:
            opened.pop()
        match part.kind:
            case "open" | "other":
                part.titled = _title_after(parts, at) if part.kind == "open" else None
                opened.append(part)
            case "close" if opened and opened[-1].token.level == part.token.level:
                opening = opened.pop()
                if opening.titled:
                    opening.becomes, opening.titled.becomes, part.becomes = "start", "nothing", "end"


def _title_after(parts: list[_Part], at: int) -> _Part | None:
    for part in parts[at + 1 :]:
        if part.kind == "title":
            return part
        if part.kind != "raw" or part.token.content.strip():
            return None
    return None


def _built(cut: list[tuple[Token, list[_Part]]]) -> Iterator[Token]:
    for token, parts in cut:
        if any(part.becomes for part in parts):
            yield from (made for part in parts for made in _made(part))
        else:
            yield token


def _made(part: _Part) -> Iterator[Token]:
    match part.becomes:
        case "start" if part.titled and part.titled.title:
            yield from _opening(part.titled.title, part.token)
        case "end":
            yield Token("accordion_content_close", "div", -1, block=True)
            yield Token("accordion_close", "section", -1, block=True, map=part.token.map)
        case "" if part.token.content.strip():
            yield part.token


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
    """Leave out what parts two accordions with nothing between."""
    out: list[Token] = []
    for token in tokens:
        if token.type == "accordion_open" and out and out[-1].type == "accordion_close":
            out.pop()
        else:
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
