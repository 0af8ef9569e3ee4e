"""What a pull writes of a page, and of one that an agent edited."""

from kbsync.markup.merge.graft import graft
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown


def pulled(html: str) -> str:
    """Return the Markdown that a pull writes."""
    return to_markdown(html).text


def edited(ours: str, shown: str, instead: str) -> str:
    """Graft a pull onto a text after an agent replaced something in its page, in one place."""
    html = to_html(ours)
    assert html.count(shown) == 1, html
    return graft(ours, pulled(html.replace(shown, instead)))
