"""The text that two answers of the portal are compared by."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it.utils import read_fixture_file

from kbsync.markup.dom import stable_body

CASES = read_fixture_file(Path(__file__).parent / "volatile.txt")
PIECES = st.sampled_from(
    (
        *("/helpdesk/attachments/", "/inline/attachment?token=", "?", "&amp;", "&quot;", ".", "#", '"', "'", "<p>"),
        *("7", "a=1", " ", "é", "\n", "eyJ"),
    )
)


@pytest.mark.parametrize(("html", "expected"), [case[2:] for case in CASES], ids=[case[1] for case in CASES])
def test_only_what_the_portal_makes_anew_is_left_out(html: str, expected: str) -> None:
    assert stable_body(html) == expected


@given(st.lists(PIECES, max_size=30).map("".join))
def test_leaving_it_out_twice_is_leaving_it_out_once(html: str) -> None:
    once = stable_body(html)
    assert stable_body(once) == once


@given(st.text())
def test_a_text_without_attachments_stays_as_it_is(html: str) -> None:
    assert stable_body(html) == html


def test_a_long_text_takes_no_long_time() -> None:
    endless = "/helpdesk/attachments/" * 20_000
    assert stable_body(endless) == endless
    assert stable_body("/helpdesk/attachments/7" + "?&amp" * 200_000) == "/helpdesk/attachments/7"
