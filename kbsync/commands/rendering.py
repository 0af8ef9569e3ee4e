"""The command that shows one article in its other form: HTML of Markdown, or with `--back` Markdown of HTML."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from kbsync.commands.output import note, say
from kbsync.commands.paths import within
from kbsync.commands.remembering import remembering
from kbsync.config import Config, key_for
from kbsync.content.document import decode, parse_document
from kbsync.engine.show import article_html, live_markdown, resolved_body
from kbsync.errors import UsageError
from kbsync.markup.options import MarkupOptions
from kbsync.markup.placeholders import may_have_placeholders
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown

OK = 0
_STDIN = "-"


def render(named: str, config_of: Callable[[Path], Config | None]) -> int:
    """Print the HTML of a file, within a tree as it would be sent; alone, its addresses stay as they are written."""
    text = _text(named, "an article's file, from where you stand")
    config = None if named == _STDIN else config_of(Path(named).resolve())
    html, body = None, parse_document(text, named).body
    if config is not None:
        (path,) = within(config, [named]) or ("",)
        with remembering():
            html = article_html(config, path)
        if html is None and may_have_placeholders(body):
            body = resolved_body(config, path) or body
    if html is None:
        html = to_html(body, options=MarkupOptions())
    say(html.rstrip("\n"))
    return OK


def back(named: str, config: Callable[[], Config]) -> int:
    """Print the Markdown of an HTML file, or of a live article where there is no such file."""
    if named == _STDIN or Path(named).exists() or not _may_be_live(named):
        pulled = to_markdown(_text(named, "an HTML file, an article's id or its address").removeprefix("\ufeff"))
    else:
        settings = config()
        pulled = live_markdown(settings, key_for(settings, os.environ), named)
    say(pulled.text.rstrip("\n"))
    if pulled.dropped:
        note(f"Left out on purpose: {', '.join(pulled.dropped)}")
    return OK


def _may_be_live(named: str) -> bool:
    return named.isdigit() or "://" in named


def _text(named: str, what: str) -> str:
    if named == _STDIN:
        stream = getattr(sys.stdin, "buffer", None)
        return decode(stream.read(), "standard input") if stream else sys.stdin.read()
    try:
        return decode(Path(named).read_bytes(), named)
    except OSError as error:
        raise UsageError(f"{named} cannot be read: {error.strerror}", advice=f"name {what}") from error
