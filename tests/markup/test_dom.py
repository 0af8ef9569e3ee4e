"""The stable body, by which two answers of the portal are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.markup.dom import stable_body
from tests.markup.cases import cases

PIECES = st.sampled_from(
    (
        *("/helpdesk/attachments/", "/inline/attachment?token=", "?", "&amp;", "&quot;", ".", "#", '"', "'", "<p>"),
        *("7", "a=1", " ", "é", "\n", "eyJ"),
    )
)


@pytest.mark.parametrize(("html", "expected"), cases("stable_body.txt"))
def test_only_generated_parts_are_removed(html: str, expected: str) -> None:
    assert stable_body(html) == expected


@given(st.lists(PIECES, max_size=30).map("".join))
def test_a_stable_body_stays_as_it_is(html: str) -> None:
    once = stable_body(html)
    assert stable_body(once) == once


@given(st.text())
def test_a_text_without_attachments_stays_as_it_is(html: str) -> None:
    assert stable_body(html) == html


def test_a_long_text_takes_linear_time() -> None:
    endless = "/helpdesk/attachments/" * 20_000
    assert stable_body(endless) == endless
    assert stable_body("/helpdesk/attachments/7" + "?&amp" * 200_000) == "/helpdesk/attachments/7"
