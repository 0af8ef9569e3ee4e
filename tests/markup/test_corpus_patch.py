"""An edit is the only change in every real article, compared without kbsync's own traversal."""

import re
from collections import Counter
from collections.abc import Iterator
from statistics import median

import pytest

from kbsync.markup.compare import canonical
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.corpora import THIRDS, third_of
from tests.markup.test_corpus import CORPUS, live_articles
from tests.markup.test_patch import patch

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS, reason="KBSYNC_CORPUS names no folder"),
    pytest.mark.timeout(900),
]

PARAGRAPH = re.compile(r"^[ ]*(?:[-*]|\d+[.)])?[ ]*[A-Za-z][A-Za-z ,]{8,}.*$", re.MULTILINE)
WORD = re.compile(r"(?<![\w/.#@{&-])[A-Za-z]{4,}(?![\w/.:@}-])")
# The smallest elements of each kind, by their text alone.
PIECES = [
    re.compile(rf"<{tag}\b(?:(?!<{tag}\b).)*?</{tag}>", re.DOTALL | re.IGNORECASE)
    for tag in ("p", "li", "tr", "h2", "h3", "pre")
]


def articles(third: int) -> Iterator[tuple[str, str]]:
    """Return each article of a third, and its Markdown."""
    for _, html in third_of(live_articles(), third):
        yield html, to_markdown(html).text


def edits(markdown: str) -> Iterator[str]:
    """Return a text with one word added to a paragraph, and with that paragraph replaced by other words."""
    found = [one for one in PARAGRAPH.finditer(markdown) if WORD.search(markdown, one.start(), one.end())]
    if not found:
        return
    chosen = found[len(found) // 2]
    word = WORD.search(markdown, chosen.start(), chosen.end())
    assert word is not None
    yield markdown[: word.end()] + " indeed" + markdown[word.end() :]
    start = re.compile(r"[ ]*(?:[-*]|\d+[.)])?[ ]*").match(markdown, chosen.start())
    assert start is not None
    tail = "\\" if chosen[0].endswith("\\") else ""
    yield markdown[: start.end()] + "Nothing of it stays." + tail + markdown[chosen.end() :]


def missing(live: str, sent: str) -> int:
    """Count the elements of the live text that are not in what is sent, of the kind with the most."""
    return max((Counter(kind.findall(live)) - Counter(kind.findall(sent))).total() for kind in PIECES)


@THIRDS
def test_an_unchanged_text_keeps_every_article_byte_for_byte(third: int) -> None:
    same = [patch(html, markdown).html == html for html, markdown in articles(third)]
    assert (len(same), sum(same)) == (407, 407)


@THIRDS
def test_an_edited_paragraph_is_the_only_change_of_every_article(third: int) -> None:
    shares: list[list[float]] = [[], []]
    said, wide, noted = 0, 0, 0
    for html, markdown in articles(third):
        for kind, edited in enumerate(edits(markdown)):
            patched = patch(html, edited)
            shares[kind].append(patched.kept)
            said += canonical(patched.html) == canonical(to_html(edited))
            noted += bool(patched.rendered)
            wide += not patched.rendered and missing(html, patched.html) > 1
    counts = [len(kind) for kind in shares]
    assert min(counts) > 393
    assert said == sum(counts)
    assert wide == 0
    assert noted < 0.015 * sum(counts)
    assert median(shares[0]) >= 0.99
    assert sum(share >= 0.95 for share in shares[0]) > 0.9 * counts[0]
    # Of many short articles one paragraph is a third.
    assert median(shares[1]) >= 0.75
