"""What a server does to the HTML it is given, and the plain text it makes of it.

Nothing here makes HTML safe to show; that is the sanitising room's.
"""

import html
import re
from html.parser import HTMLParser
from typing import assert_never

from kbsync.sandbox.sanitising import strict
from kbsync.sandbox.settings import Rewriting


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BLOCKS = _words(
    "address article aside blockquote caption center dd details dialog div dl dt fieldset figcaption figure footer form"
    " h1 h2 h3 h4 h5 h6 header hr iframe li main nav ol option p pre section summary table tbody td tfoot th thead tr"
    " ul"
)
VOID = _words("area base br col embed hr img input link meta source track wbr")
MARKED = _words("p div ul ol li h1 h2 h3 h4 h5 h6 pre blockquote table")
FIRST_MARK = 441
# A quote opens an attribute's value only after "="; elsewhere browsers read it as part of a name, and real articles
# are full of such broken attributes.
TAG = re.compile(
    r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?([a-z][^\s/>]*)(?:=\s*\"[^\"]*\"|=\s*'[^']*'|[^>=]++|=)*+>|<[!?][^>]*>",
    re.IGNORECASE | re.DOTALL,
)


def rewritten(body: str, mode: Rewriting) -> str:
    """Give a body as the portal would store it."""
    match mode:
        case "off":
            return body
        case "editor":
            return _as_the_editor_writes(body)
        case "strict":
            return strict(body)
        case _:
            assert_never(mode)


def plain_text(body: str) -> str:
    """Give the plain text of a body by the rule recorded answers show.

    Every block tag, opening or closing, and every `br` is a space, other tags are nothing, entities are decoded, and
    nothing is trimmed. (Recorded for short bodies; inferred for tables, lists and code.)
    """
    return html.unescape(TAG.sub(_in_text, body))


def _in_text(tag: re.Match[str]) -> str:
    name = (tag[2] or "").lower()
    return " " if name in BLOCKS or name == "br" else ""


def _as_the_editor_writes(body: str) -> str:
    editor = _Editor()
    editor.feed(body)
    editor.close()
    return "".join(editor.written)


class _Editor(HTMLParser):
    """Writes HTML anew in the web editor's hand: its marks on paragraphs, its quotes, its entities."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self.mark = FIRST_MARK

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in MARKED and tag not in VOID:
            given = {"data-identifyelement": str(self.mark), "dir": "ltr", **given}
            self.mark += 1
        kept = "".join(f' {name}="{html.escape(value or "")}"' for name, value in sorted(given.items()))
        self.written.append(f"<{tag}{kept}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        escaped = data if self.cdata_elem else html.escape(data, quote=False)
        self.written.append(escaped.replace("\u00a0", "&nbsp;"))
