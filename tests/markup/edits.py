"""What a pull writes of a page, and of one that an agent edited."""

from kbsync.markup.compare import counting_classes
from kbsync.markup.merge.graft import graft
from kbsync.markup.options import PLAIN
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown


def pulled(html: str, ours: str = "") -> str:
    """Return the Markdown that a pull writes for a file that holds a text."""
    return to_markdown(html, options=counting_classes(PLAIN, ours)).text


def pulled_into(ours: str, html: str) -> str:
    """Graft a pull of a page onto a text."""
    return graft(ours, pulled(html, ours), options=counting_classes(PLAIN, ours))


def edited(ours: str, shown: str, instead: str) -> str:
    """Graft a pull onto a text after an agent replaced something in its page, in one place."""
    html = to_html(ours)
    assert html.count(shown) == 1, html
    return pulled_into(ours, html.replace(shown, instead))
