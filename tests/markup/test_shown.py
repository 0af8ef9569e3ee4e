"""Pull and publish, judged by what a browser shows before and after: by a second parser and a second computation."""

import os

import pytest
from hypothesis import given, settings

from kbsync.markup.compare import canonical
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.cases import cases
from tests.markup.grammar import PAGES
from tests.markup.raw_share import is_whole_fallback
from tests.markup.shown import difference


def assert_shown(html: str) -> str:
    """Return the text of a pull after which a publish shows the same; it is stable."""
    text = to_markdown(html).text
    rendered = to_html(text)
    assert difference(html, rendered) == ""
    assert canonical(rendered) == canonical(html)
    assert to_markdown(rendered).text == text
    return text


@pytest.mark.parametrize(("html", "expected"), [*cases("lists.txt"), *cases("smallest_piece.txt")])
def test_a_pull_writes_what_the_case_says_and_readers_see_no_difference(html: str, expected: str) -> None:
    assert assert_shown(html).rstrip("\n") == expected.rstrip("\n")


@settings(max_examples=int(os.environ.get("KBSYNC_PAGES", "40")))
@given(PAGES)
def test_readers_see_no_difference_after_a_pull_and_a_publish(html: str) -> None:
    assert not is_whole_fallback(assert_shown(html))
