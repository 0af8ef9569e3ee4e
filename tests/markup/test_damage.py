"""Real articles, damaged as other systems write HTML: nothing is lost, and hardly anything more becomes raw HTML."""

from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from kbsync.markup.compare import canonical
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.damage import DAMAGES
from tests.markup.raw_share import WRITTEN, count_characters, is_whole_fallback
from tests.markup.shown import difference
from tests.markup.test_corpus import CORPUS, live_articles

pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not CORPUS, reason="KBSYNC_CORPUS names no folder")]

EVERY = 50
LARGE = 60_000


def sample(damage: str) -> Iterator[tuple[str, str]]:
    """Return each 50th article, less the few that are very large, damaged."""
    for number, (title, html) in enumerate(live_articles()):
        if number % EVERY == 0 and len(html) < LARGE:
            yield title, DAMAGES[damage](html, number) if damage else html


@cache
def outside_raw(damage: str) -> float:
    """Return the share of visible characters in Markdown outside any tags."""
    seen = sum((count_characters(to_markdown(html).text) for _, html in sample(damage)), Counter[str]())
    return seen[WRITTEN] / seen.total()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_article_is_pulled_without_loss_and_not_as_raw_html(damage: str) -> None:
    for title, html in sample(damage):
        text = to_markdown(html).text
        rendered = to_html(text)
        assert difference(html, rendered) == "", title
        assert canonical(rendered) == canonical(html), title
        assert not is_whole_fallback(text), title
    assert outside_raw("") - outside_raw(damage) < 0.01
