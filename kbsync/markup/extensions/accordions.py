"""Accordions: `<details>` in Markdown, as GitHub shows it, converted to Freshdesk's own HTML. Works on tokens only.

Recorded: a `<section class="accordion-wrapper">` holds pairs of a heading and a box. Adjacent `<details>` are one
section. A `<details>` that does not begin its line is left as it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from markdown_it.token import Token

WRAPPER, HEADER, CONTENT = "accordion-wrapper", "accordion-header", "accordion-content"

_TOKEN = re.compile(
    r"(?P<comment><!--(?:.*?-->|.*\Z))"
    r"|^(?P<open>[ \t]*<details\b(?:\s+open(?:=\"[^\"]*\")?)?\s*>)|(?P<other><details\b[^>]*>)"
    r"|(?P<title><summary\b(?P<attrs>[^>]*)>(?P<text>(?:[^<]|<(?!/?(?:summary|details)\b))*)</summary\s*>)"
    r"|(?P<close></details\s*>)",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_VERBATIM = re.compile(r"\s*<(?:pre|script|style|textarea)\b", re.IGNORECASE)
_NAMED = re.compile(r"""\s*(?:id\s*=\s*["']?(?P<id>[^\s"'<>]+)["']?)?\s*""")
_HEADING = re.compile(r"\s*<(?P<tag>h[1-6])\b(?P<attrs>[^>]*)>(?P<text>.*)</(?P=tag)\s*>\s*", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"(<[^>]*>)")


@dataclass(slots=True, kw_only=True)
class _HtmlPart:
    """A token, or a part of one of raw HTML: `kind` is what the part is, `output` what is made of it."""

    kind: str
    token: Token
    title: "_AccordionTitle | None" = None
    titled: "_HtmlPart | None" = None
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AccordionTitle:
    tag: str
    id: str
    html: str


def convert_accordions(tokens: list[Token]) -> list[Token]:
    """Convert each `<details>` with a title and an end tag to the tokens of an accordion."""
    if not any(token.type == "html_block" and "<details" in token.content.lower() for token in tokens):
        return tokens
    cut = [(token, list(_parts(token))) for token in tokens]
    _pair([part for _, parts in cut for part in parts])
    return _join_adjacent(_rebuild(cut))


def _parts(token: Token) -> Iterator[_HtmlPart]:
    if token.type != "html_block" or _VERBATIM.match(token.content):
        yield _HtmlPart(kind="token", token=token)
        return
    done = 0
    for found in _TOKEN.finditer(token.content):
        kind = found.lastgroup if found.lastgroup in ("open", "other", "close") else ""
        title = _title(found) if found["title"] else None
        if not kind and not title:
            continue
        if found.start() > done:
            yield _HtmlPart(kind="raw", token=_part_token(token, done, found.start()))
        yield _HtmlPart(kind=kind or "title", token=_part_token(token, found.start(), found.end()), title=title)
        done = found.end()
    if done < len(token.content):
        yield _HtmlPart(kind="raw", token=_part_token(token, done, len(token.content)))


def _part_token(token: Token, start: int, end: int) -> Token:
    text = token.content[start:end]
    line = (token.map or [0, 0])[0] + token.content.count("\n", 0, start)
    return Token("html_block", "", 0, content=text, map=[line, line + text.count("\n") + 1], level=token.level)


def _title(found: re.Match[str]) -> _AccordionTitle | None:
    tag, attrs, text = "h2", found["attrs"], found["text"]
    inner = _HEADING.fullmatch(text)
    if inner and not attrs.strip():
        tag, attrs, text = inner["tag"].lower(), inner["attrs"], inner["text"]
    named = _NAMED.fullmatch(attrs)
    if not named or not text.strip():
        return None
    return _AccordionTitle(tag=tag, id=unescape(named["id"] or ""), html=text.strip())


def _pair(parts: list[_HtmlPart]) -> None:
    """Find the end tag of each start tag, within the same list or quote."""
    opened: list[_HtmlPart] = []
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
                    opening.output, opening.titled.output, part.output = "start", "nothing", "end"


def _title_after(parts: list[_HtmlPart], at: int) -> _HtmlPart | None:
    for part in parts[at + 1 :]:
        if part.kind == "title":
            return part
        if part.kind != "raw" or part.token.content.strip():
            return None
    return None


def _rebuild(cut: list[tuple[Token, list[_HtmlPart]]]) -> Iterator[Token]:
    for token, parts in cut:
        if any(part.output for part in parts):
            yield from (token for part in parts for token in _output_tokens(part))
        else:
            yield token


def _output_tokens(part: _HtmlPart) -> Iterator[Token]:
    match part.output:
        case "start" if part.titled and part.titled.title:
            yield from _opening(part.titled.title, part.token)
        case "end":
            yield Token("accordion_content_close", "div", -1, block=True)
            yield Token("accordion_close", "section", -1, block=True, map=part.token.map)
        case "" if part.token.content.strip():
            yield part.token


def _opening(title: _AccordionTitle, token: Token) -> Iterator[Token]:
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


def _join_adjacent(tokens: Iterable[Token]) -> list[Token]:
    out: list[Token] = []
    for token in tokens:
        if token.type == "accordion_open" and out and out[-1].type == "accordion_close":
            out.pop()
        else:
            out.append(token)
    return out


def renumber_levels(tokens: Sequence[Token]) -> list[Token]:
    """Set the level of each token; the lines of an accordion end with its last part."""
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
