"""Colours for code, written into the tags themselves, since a portal has no style sheet of ours.

The characters of the code stay what they are, and the language stands beside them: colours are left out wherever HTML
is compared or pulled (`tidy_boxes`), so that neither a baseline nor a file depends on a version of the highlighter.
"""

from collections.abc import Iterator
from functools import lru_cache
from html import escape
from itertools import groupby

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.styles import get_style_by_name
from pygments.token import Error, Whitespace, _TokenType
from pygments.util import ClassNotFound

_STYLE = get_style_by_name("default")
# Colouring takes time for each character, and nobody reads a log of this size for its colours.
_LARGEST = 200_000


def highlighted(code: str, language: str) -> str | None:
    """Write code as HTML with coloured spans; None where its language is unknown or its characters would change."""
    lexer = _lexer(language) if language and len(code) <= _LARGEST else None
    if lexer is None:
        return None
    parts = [(style, "".join(text for _, text in group)) for style, group in groupby(_parts(lexer, code), _first)]
    if "".join(text for _, text in parts) != code:
        return None
    return "".join(_span(style, escape(text, quote=False)) for style, text in parts)


def _span(style: str, text: str) -> str:
    return f'<span style="{style}">{text}</span>' if style else text


def _first(part: tuple[str, str]) -> str:
    return part[0]


def _parts(lexer: Lexer, code: str) -> Iterator[tuple[str, str]]:
    for token, text in lexer.get_tokens(code):
        yield "" if text.isspace() else _style_of(token), text


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=256)
def _style_of(token: _TokenType) -> str:
    if token in Error or token in Whitespace:
        return ""
    while not _STYLE.styles_token(token):  # lexers may make up kinds of their own
        token = token.parent
    style = _STYLE.style_for_token(token)
    said = [
        f"color: #{style['color']}" if style["color"] else "",
        "font-weight: bold" if style["bold"] else "",
        "font-style: italic" if style["italic"] else "",
    ]
    return "; ".join(filter(None, said))
