"""The tests' own computation of styles, compared with chromium's on 200 snippets."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.cases import cases
from tests.markup.chromium import CHROMIUM, look_at
from tests.markup.grammar import PAGES
from tests.markup.shown import Line, Run, Style, difference, lines_of, texts_of

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")

SNIPPETS = 200
FILES = ("lists.txt", "smallest_piece.txt")


def snippets() -> list[str]:
    """Return the inputs of the cases, and generated pages."""
    found = [str(case.values[0]) for name in FILES for case in cases(name)]

    @seed(11)
    @settings(
        max_examples=2 * SNIPPETS, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
    )
    @given(PAGES)
    def collect(page: str) -> None:
        found.append(page)

    collect()
    return list(dict.fromkeys(found))[:SNIPPETS]


def as_chromium_says(text: str, style: Style) -> dict[str, Any]:
    return {
        "text": text,
        "bold": style.weight >= 600,
        "italic": style.italic,
        "lines": sorted(style.lines),
        "shift": list(style.shift),
        "href": style.href,
        "white_space": style.white_space,
        "rtl": style.rtl,
        "side": style.side,
    }


def words_of(line: Line) -> str:
    return " ".join(re.sub(r"\[(?:img|iframe) [^\]]*\]", "", "".join(run.text for run in line.runs)).split())


def is_rule(line: Line) -> bool:
    return line.runs == (Run(text="rule"),)


def test_the_tests_compute_the_styles_and_lines_that_chromium_does(tmp_path: Path) -> None:
    before = snippets()
    pages = [*before, *(to_html(to_markdown(page).text) for page in before)]
    for page, seen in zip(pages, look_at(pages, tmp_path), strict=True):
        assert [as_chromium_says(*one) for one in texts_of(page)] == seen["texts"], page
        own = [words for line in lines_of(page) for words in [words_of(line)] if words and not is_rule(line)]
        assert own == [words for line in seen["lines"] for words in [" ".join(line.split())] if words], page


def test_chromium_shows_the_same_after_a_pull_and_a_publish() -> None:
    assert [page for page in snippets() if difference(page, to_html(to_markdown(page).text))] == []
