import pytest

from kbsync.markup.to_html import to_html
from tests.markup.cases import cases


def upper(address: str) -> str:
    return address.upper()


def test_every_address_is_resolved_as_written() -> None:
    seen = []

    def resolve(address: str) -> str:
        seen.append(address)
        return f"https://p.example/{len(seen)}"

    html = to_html(
        "[a](b\\_c.md#d 'e') ![f](<g h.png>) [i][j] <a href='k&amp;l'>m</a>\n\n"
        "<div>\n<img alt=x SRC=n.png><a href=\"o\">p</a></div>\n\n<!-- <a href='q'> -->\n\n[j]: r.md\n",
        resolve=resolve,
    )
    assert sorted(seen) == sorted(["b_c.md#d", "g h.png", "r.md", "k&l", "n.png", "o"])
    assert html.count("https://p.example/") == 6
    assert "<a href='q'>" in html
    assert 'alt=x SRC="https://p.example/' in html


def test_raw_html_keeps_its_bytes_when_no_address_changes() -> None:
    raw = "<DIV  Class = 'a'><a HREF=x   title=\"q'\">b</a>\n<img src='c.png'/></DIV>"
    assert to_html(raw) == raw


def test_a_heading_gets_an_id_when_another_article_links_to_it() -> None:
    assert to_html("# A b\n\n# C", anchors={"a-b"}) == '<h1 id="a-b">A b</h1>\n<h1>C</h1>\n'


def test_deep_lists_are_not_lost() -> None:
    markdown = "\n".join("  " * depth + f"- item{depth}" for depth in range(40))
    assert "item39" in to_html(markdown)


def test_rendering_is_deterministic() -> None:
    markdown = "# A\n\n[a](#a) ![b](c){width=3}\n\n> [!NOTE]\n> d\n"
    assert len({to_html(markdown, resolve=upper, anchors={"x"}) for _ in range(3)}) == 1


@pytest.mark.parametrize(("markdown", "expected"), cases("to_html.txt"))
def test_markdown_is_rendered_as_the_case_says(markdown: str, expected: str) -> None:
    assert to_html(markdown).rstrip("\n") == expected.rstrip("\n")
