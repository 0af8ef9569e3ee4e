"""Finds markup that did not take: what readers see as text although it was written as markup.

Searches the text of parsed tokens alone: code, escaped characters, formulas and comments are no text here. Knows the
marks of other tools by their look, and changes nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from kbsync.markup.raw_html import is_element

_MASK, _CODE = "\ufffc", "\ufffb"
"""Stand for what is no plain text: an escaped character, a tag or a picture, and code."""
_MAX_SHOWN = 60
_VERBATIM = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<tag>pre|code|kbd|samp|script|style|textarea|svg|math)\b.*?(?:</(?P=tag)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_FORMULA = re.compile(r"\$\$.+?\$\$|(?<![\w$])\$(?![\s$])[^$\n]*[^$\s]\$(?![\d$])", re.DOTALL)
_TAG = re.compile(r"</?(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<rest>(?:\s[^<>]*)?/?)>")
_LABEL = r"\[(?=[^\[\]\n]*[^\W\d])[^\[\]\n]*\]"
_ADDRESS = r"(?:https?:|mailto:|tel:|\.{0,2}/|#\w|[^\n()]*\.(?:md|html?|png|jpe?g|gif|svg|webp|pdf)\b)"

_OTHER_TOOL = (
    r"^[ \t]*:{3,}(?:[ \t]*[\w{\[].*)?$|^[ \t]*(?:!!!|\?\?\?)\+?[ \t]+[\w -]+(?:\"[^\"\n]*\")?[ \t]*$"
    r"|^[ \t]*===[!+]?[ \t]+\"[^\"\n]*\"|^[ \t]*-+8<-+|^[ \t]*\.\.[ \t][\w-]+::|^[ \t]*\[![A-Za-z]+\]"
    r"|\{%-?[ \t]*(?!include[ \t]+[\"'])[A-Za-z][^%\n]*%\}|\{\{[<%][^{}\n]*[>%]\}\}"
    rf"|\{{[a-z][\w:-]*\}}(?={_CODE})"
)
_ATTRIBUTES = r"\{:?[ \t]*[.#][A-Za-z][^{}\n]*\}|\{:[ \t]*[A-Za-z][^{}\n]*\}"
_JAVASCRIPT = (
    r"^import[ \t]+(?:[\w*{][^\n]*[ \t]from[ \t]+)?['\"][^'\"\n]+['\"];?[ \t]*$"
    rf"|^export[ \t]+(?:default|const|let|var|function|class)\b|\{{/[*{_MASK}][^{{}}\n]*/\}}"
)
_EMPHASIS = (
    r"(?<![\w*~/\\])(?P<mark>\*{2,3}|~~)(?![\s*~/)\].,;:!?])(?:[^*~\n]*(?P=mark)|\w*)|(?<![*/\\])\*\*(?![\s*/])[^*\n]*[^\s*/]\*\*(?![*/])"
    r"|(?<![\w*_~/\\])(?P<late>\*\*|__|~~)\s[^*_~\n]*[^\s*_~/](?P=late)(?![\w*_~/])"
    r"|(?<![\w_/\\])__(?![\s_/])[^_\n]*\s__(?![_/])|(?<![\w=])==(?![\s=])[^=\n]*[^\s=]==(?![\w=])"
    r"|(?<![\w*/\\])\*(?![\s*])[^*\n]*[ \t\xa0]\*(?=[\s.,;:!?)]|$)"
)
_MARK_ADVICE = "write both marks next to the words, without a space, or a backslash before a plain mark"
_BLOCK_ADVICE = "write a call-out as `> [!NOTE]`, and take other marks out"
_ADVICE_IN_HTML = "leave a blank line between the HTML and the Markdown, or write it as HTML"

_PATTERNS = tuple(
    (code, re.compile(pattern, re.MULTILINE), what, advice)
    for code, pattern, what, advice in (
        ("KB402", _OTHER_TOOL, "the mark of another tool", _BLOCK_ADVICE),
        ("KB403", _JAVASCRIPT, "the JavaScript", "take it out"),
        (
            "KB404",
            r"!?(?<![\w\[])\[\[(?=[^\[\]\n]*[^\W\d])[^\s\[\]][^\[\]\n]*\]\]",
            "the wiki link",
            "write `[text](path.md)`, or `![text](path)` for a picture",
        ),
        ("KB405", _EMPHASIS, "the emphasis", _MARK_ADVICE),
        (
            "KB406",
            rf"!?{_LABEL}[ \t]*\((?={_ADDRESS})|\([^()\n]+\)\[(?=https?:|mailto:)",
            "the link",
            "write `[text](address)`, and an address that has spaces as `<address>`",
        ),
        (
            "KB407",
            rf"(?<![\w\])])!?(?!\[\^){_LABEL}\[(?:[^\[\]\n]{{4,}}|\d*)\](?![\[\w])|\[\^\w+\](?![*+?\]])",
            "the reference",
            "add its definition, such as `[label]: https://…`, or a backslash before the bracket",
        ),
        ("KB409", _ATTRIBUTES, "the attribute list", "take it out, or write what it is for as HTML"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """Markup that did not take: its code, what is wrong, advice, its line (from 1) and how it begins in the source."""

    code: str
    what: str
    advice: str
    line: int
    at: str


def find_unparsed(tokens: Sequence[Token], markdown: str) -> Iterator[Unparsed]:
    """Find markup that did not take in the tokens of a text, which were parsed without joining escaped characters."""
    lines = markdown.split("\n")
    for token in tokens:
        if token.type not in ("inline", "html_block"):
            continue
        is_html = token.type == "html_block"
        text = _FORMULA.sub(_masked, _html_text(token.content) if is_html else _inline_text(token))
        first, end = token.map or (0, len(lines))
        for start, code, what, advice, found in _search(text, markdown):
            at = re.split(rf"[{_MASK}{_CODE}\n]", found.strip())[0]
            row = first + text.count("\n", 0, start)
            row = next((one for one in range(row, min(end, len(lines))) if at in lines[one]), row)
            yield Unparsed(
                code=code,
                what=what.format(at if len(at) <= _MAX_SHOWN else f"{at[: _MAX_SHOWN - 1]}…"),
                advice=_ADVICE_IN_HTML if is_html and code in ("KB405", "KB406", "KB407") else advice,
                line=row + 1,
                at=at,
            )


def _search(text: str, markdown: str) -> Iterator[tuple[int, str, str, str, str]]:
    """Find what did not take in visible text; where two rules find the same, the first does."""
    taken = [False] * len(text)
    for code, pattern, what, advice in _PATTERNS:
        for found in pattern.finditer(text):
            if not any(taken[found.start() : found.end()]):
                taken[found.start() : found.end()] = [True] * len(found[0])
                yield found.start(), code, f"{what} `{{}}` is shown as it is written", advice, found[0]
    for found in _TAG.finditer(text):
        name, is_closing = found["name"], found[0].startswith("</")
        if taken[found.start()] or is_element(found[0]) or (is_closing and f"<{name}" in markdown):
            continue
        if name[0].isupper() and (
            is_closing or found["rest"].strip("/") != found["rest"] or "=" in found["rest"] or f"</{name}" in markdown
        ):
            yield found.start(), "KB403", "the component `{}` is not known", "write its content as Markdown", found[0]
        else:
            advice = "write a placeholder as code, or with a backslash: `\\<name>`"
            yield found.start(), "KB408", "`{}` is not an HTML element", advice, found[0]


def _masked(found: re.Match[str]) -> str:
    return _MASK + "\n" * found[0].count("\n")


def _html_text(html: str) -> str:
    """Return the text of raw HTML without its elements; what is no element stays."""
    text = _VERBATIM.sub(_masked, html)
    return _TAG.sub(lambda found: _masked(found) if is_element(found[0]) else found[0], text)


def _inline_text(inline: Token) -> str:
    words: list[str] = []
    code = ""
    for child in inline.children or ():
        if child.type == "html_inline":
            tag = _TAG.match(child.content)
            name = tag["name"].lower() if tag else ""
            if name in ("code", "kbd", "samp") and code in ("", name):
                code = "" if child.content.startswith("</") else name
            is_word = tag is not None and not is_element(child.content, around=inline.content)
            words.append(child.content if is_word else _MASK)
        elif child.type in ("softbreak", "hardbreak"):
            words.append("\n")
        elif child.type == "text" and not code:
            words.append(child.content)
        else:
            words.append(_CODE if child.type == "code_inline" else _MASK)
    return "".join(words)
