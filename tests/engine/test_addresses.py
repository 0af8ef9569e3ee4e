"""Addresses of live articles: which lead into the tree, which stay as they are, and which publish sends."""

from pathlib import Path

import pytest
from markdown_it.utils import read_fixture_file

from kbsync.config import Config
from kbsync.digests import address_rewriter
from kbsync.engine.render import LinkResolver, render, render_into, rooted
from kbsync.model import Article, ItemKey, Kind

FIRST, SECOND = "kb/faq/first.md", "kb/faq/second.md"
IDS = {FIRST: 12000065900, SECOND: 12000065901, "kb/faq": 77, "kb/news": 78, "kb": 5}
KINDS = {"kb/faq": Kind.FOLDER, "kb/news": Kind.FOLDER, "kb": Kind.CATEGORY}
ADDRESSES = LinkResolver(
    Config(root=Path(), url="https://acme.freshdesk.com", public_url="https://help.acme.com"), frozenset()
)


def cases(name: str) -> list[tuple[str, str]]:
    return [(case[2].removesuffix("\n"), case[3]) for case in read_fixture_file(Path(__file__).parent / name)]


@pytest.mark.parametrize(("live", "expected"), cases("live_addresses.txt"))
def test_a_live_address_is_pulled_as_the_case_says(live: str, expected: str) -> None:
    paths = {ItemKey(KINDS.get(path, Kind.ARTICLE), number): path for path, number in IDS.items()}
    address = address_rewriter(FIRST, ADDRESSES, paths)(live)
    assert address == expected.removesuffix("\n")
    # What stays is not taken for a path of the tree.
    assert address != live or rooted(FIRST, address) is None


@pytest.mark.parametrize(("texts", "expected"), cases("current_addresses.txt"))
def test_what_the_portal_made_anew_is_sent_as_it_is_now(texts: str, expected: str) -> None:
    body, markdown = texts.split("\n----\n")
    live, content = (Article(id=7, path=FIRST, title="First", body=text) for text in (body, markdown))
    assert render_into(live, content, frozenset(), ADDRESSES, IDS).html.strip() == expected.strip()


NUMBER = "https://help.acme.com/support/solutions/articles/12000065909"


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("12000065909", NUMBER),
        ("12000065909#part", f"{NUMBER}#part"),
        ("12000065909-some-title", NUMBER),
        ("12000065909-some-title#part", f"{NUMBER}#part"),
        ("12000065909-#part", f"{NUMBER}#part"),
        ("12000065909#", f"{NUMBER}#"),
        ("12000065900#part", "https://help.acme.com/support/solutions/articles/12000065900#part"),
        ("/support/solutions/articles/12000065909", "/support/solutions/articles/12000065909"),
        ("1234", "https://help.acme.com/support/solutions"),
        ("12000065909.png", "https://help.acme.com/support/solutions"),
        ("second.md#part", "https://help.acme.com/support/solutions/articles/12000065901#part"),
    ],
)
def test_the_number_of_an_article_is_sent_as_its_whole_address(address: str, sent: str) -> None:
    article = Article(path=FIRST, title="First", body=f"[x]({address})")
    assert render(article, frozenset(), ADDRESSES, IDS).html == f'<p><a href="{sent}">x</a></p>\n'
