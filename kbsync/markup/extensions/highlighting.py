"""Syntax highlighting of code with inline styles, since a portal has no style sheet of ours.

The characters of the code never change, and its language is kept. Colours are ignored wherever HTML is compared or
pulled (see `normalize`), so that neither a baseline nor a file depends on the version of the highlighter.
"""

from functools import lru_cache
from html import escape
from itertools import groupby
from operator import itemgetter

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.styles import get_style_by_name
from pygments.token import Error, Whitespace, _TokenType
from pygments.util import ClassNotFound

_STYLE = get_style_by_name("default")
# Highlighting takes time for each character, and a log of this size needs no colours.
_MAX_CHARACTERS = 200_000


def highlight(code: str, language: str) -> str | None:
    """Write code as HTML with coloured spans; None where its language is unknown or its characters would change."""
    lexer = _lexer(language) if language and len(code) <= _MAX_CHARACTERS else None
    if lexer is None:
        return None
    styled = [("" if text.isspace() else _style_of(token), text) for token, text in lexer.get_tokens(code)]
    if "".join(text for _, text in styled) != code:
        return None
    out: list[str] = []
    for style, group in groupby(styled, itemgetter(0)):
        text = escape("".join(text for _, text in group), quote=False)
        out.append(f'<span style="{style}">{text}</span>' if style else text)
    return "".join(out)


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
    while not _STYLE.styles_token(token):  # lexers may define types of their own
        token = token.parent
    style = _STYLE.style_for_token(token)
    declarations = [
        f"color: #{style['color']}" if style["color"] else "",
        "font-weight: bold" if style["bold"] else "",
        "font-style: italic" if style["italic"] else "",
    ]
    return "; ".join(filter(None, declarations))
