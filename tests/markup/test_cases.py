from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from markdown_it.utils import read_fixture_file

from kbsync.markup.compare import canonical
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown

DATA = Path(__file__).parent / "data"


def cases(name: str) -> list[ParameterSet]:
    return [
        pytest.param(given, expected, id=f"{line}: {title}")
        for line, title, given, expected in read_fixture_file(DATA / name)
    ]


@pytest.mark.parametrize(("markdown", "expected"), cases("to_html.txt"))
def test_markdown_is_rendered_as_the_case_says(markdown: str, expected: str) -> None:
    assert to_html(markdown).rstrip("\n") == expected.rstrip("\n")


@pytest.mark.parametrize(("html", "expected"), cases("to_markdown.txt"))
def test_html_is_written_as_the_case_says_and_renders_back(html: str, expected: str) -> None:
    pulled = to_markdown(html)
    assert pulled.text.rstrip("\n") == expected.rstrip("\n")
    assert pulled.dropped == ()
    assert canonical(to_html(pulled.text)) == canonical(html)


@pytest.mark.parametrize(("markdown", "html"), cases("to_html.txt"))
def test_what_is_published_comes_back_as_markdown_that_renders_the_same(markdown: str, html: str) -> None:
    pulled = to_markdown(to_html(markdown))
    assert canonical(to_html(pulled.text)) == canonical(html)
    assert to_markdown(to_html(pulled.text)).text == pulled.text
