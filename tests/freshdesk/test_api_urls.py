"""The URLs of a portal: the forms that are parsed, and that building and parsing are inverse."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it.utils import read_fixture_file

from kbsync.freshdesk.api import Target, item_url, parse_url
from kbsync.model import Kind

HOSTS = ("https://help.acme.com", "acme.freshdesk.com")
CASES = read_fixture_file(Path(__file__).parent / "links.txt")


def _text_of(found: Target | None) -> str:
    if found is None:
        return "-"
    anchor = f"#{found.anchor}" if found.anchor else ""
    return " ".join(part for part in (found.kind, str(found.id), anchor, found.language) if part)


@pytest.mark.parametrize(("given_", "expected"), [case[2:] for case in CASES], ids=[case[1] for case in CASES])
def test_a_url_is_parsed_into_its_item(given_: str, expected: str) -> None:
    assert _text_of(parse_url(given_.removesuffix("\n"), HOSTS)) == expected.strip()


def test_portals_on_loopback_differ_by_their_port() -> None:
    local = "http://127.0.0.1:8080"
    assert parse_url(f"{local}/support/solutions/articles/7", (local,)) == Target(kind=Kind.ARTICLE, id=7)
    assert parse_url("http://127.0.0.1:8081/support/solutions/articles/7", (local,)) is None
    assert parse_url("http://[::1]:8080/support/solutions/7", ("[::1]:8080",)) == Target(kind=Kind.CATEGORY, id=7)


@given(
    kind=st.sampled_from(Kind),
    number=st.integers(1, 10**15),
    anchor=st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="-_.:%"), max_size=20),
)
def test_a_built_url_is_parsed_into_the_same_item(kind: Kind, number: int, anchor: str) -> None:
    made = item_url("https://help.acme.com/", kind, number, anchor)
    assert parse_url(made, HOSTS) == Target(kind=kind, id=number, anchor=anchor)


@given(st.text())
def test_any_other_text_is_no_url_of_the_portal(text: str) -> None:
    parse_url(text, HOSTS)
    parse_url("https://help.acme.com/" + text, HOSTS)
    parse_url("//" + text, (text,) if "[" not in text and "]" not in text else HOSTS)
