"""Where code stands in a text, judged by the parser that renders it."""

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbsync.markup.compare import canonical
from kbsync.markup.links import code_ranges, is_one_paragraph, references, rewrite_addresses
from kbsync.markup.to_html import to_html

WORD = "QX"
PARTS = st.sampled_from(
    [
        WORD,
        WORD,
        "`",
        "``",
        "\\",
        "\n",
        "\n\n",
        "\n> ",
        "\n- ",
        "    ",
        "```\n",
        "<i>",
        "<i title='`'>",
        "*",
        "[a](b)",
        "|",
    ]
)


@given(st.lists(PARTS, max_size=25).map("".join))
@example(f"\\`{WORD}`{WORD}`")
@example(f"<i title='`'>{WORD}`{WORD}`")
@example(f"> `a\n> {WORD}` {WORD}")
@example(f"| `{WORD} | {WORD}` |\n|---|---|\n")
def test_what_renders_as_code_is_found_as_code(text: str) -> None:
    """Number the words, and see which of them stand in code once rendered."""
    count = iter(range(1000))
    numbered = re.sub(WORD, lambda _: f"{WORD}{next(count):03}", text)
    shown = re.sub(r"<i title='[^']*'>", "", to_html(numbered))
    in_code = {word for code in re.findall(r"<code.*?</code>", shown, re.DOTALL) for word in _words(code)}
    ranges = code_ranges(numbered)
    found = {word for start, end in ranges for word in _words(numbered[start:end])}
    # A code span of a table ends with its cell, which only the parser knows.
    assert in_code <= found
    if "|" not in text:
        assert found & set(_words(shown)) == in_code


def _words(text: str) -> list[str]:
    return re.findall(WORD + r"\d{3}", html.unescape(text))


def test_raw_html_says_what_is_code() -> None:
    text = (
        "<pre>a</pre>\n\n"
        "b <code class='x'>c</code> d <!-- `e --> f` <pre class='fd-callout'>g</pre>\n<script>h</script>\n"
    )
    assert [text[start:end] for start, end in code_ranges(text)] == [
        "<pre>a</pre>",
        "<code class='x'>c</code>",
        "<script>h</script>",
    ]


@pytest.mark.parametrize(
    ("text", "one"),
    [("", True), ("a *b*\nc", True), ("a\n\nb", False), ("# a", False), ("- a", False), ("<p>a</p>", False)],
)
def test_a_paragraph_alone(text: str, one: bool) -> None:
    assert is_one_paragraph(text) is one


def _elsewhere(address: str) -> str:
    return address if address.startswith(("#", "http")) or not address else f"../{address}"


ADDRESSES = st.sampled_from(["a.md", "<b c.md>", "d(e).md", "f\\_g.md", "h%20i.png", "#j", "https://k/l", "m&amp;n.md"])
LINKS = st.one_of(
    ADDRESSES.map("[x]({})".format),
    ADDRESSES.map("![x]({} 'title')".format),
    ADDRESSES.map("[![x](y.png)]({})".format),
    ADDRESSES.map("`[x]({})`".format),
    ADDRESSES.map("\n\n[x]: {}\n\n[x]".format),
    ADDRESSES.map("\n\n```\n[x]({})\n```\n\n".format),
    st.just("<a href='z.md'>z</a> <https://auto/>"),
    st.sampled_from(["word", "**", "\n", "\n\n> "]),
)


@given(st.lists(LINKS, max_size=8).map(" ".join))
def test_addresses_are_written_otherwise_and_nothing_else_is(text: str) -> None:
    try:
        written = rewrite_addresses(text, _elsewhere)
    except ValueError:
        return
    assert canonical(to_html(written)) == canonical(to_html(text, resolve=_elsewhere))
    assert [one.line for one in references(written)] == [one.line for one in references(text)]
    assert rewrite_addresses(text, lambda address: address) == text


@pytest.mark.parametrize(
    "text",
    [
        "[x](a.md)",
        "[x]( <a b.md> 'title' )",
        "![x](a.png){width=10}",
        "[x]\n\n[x]: a.md 'title'",
        "> [x][y]\n>\n> [y]:\n>   a.md",
        "<img src='a.png'> <a\nhref=a.md>x</a>",
        "[a [b](c.md)](d.md) `[x](a.md)`",
        "[x](a.md)\n\n    [x](a.md)\n",
    ],
)
def test_addresses_of_every_form_can_be_written_otherwise(text: str) -> None:
    written = rewrite_addresses(text, _elsewhere)
    assert to_html(written) == to_html(text, resolve=_elsewhere)
    assert written != text


def test_what_only_looks_like_an_address_stays() -> None:
    assert rewrite_addresses("foo](a.md) and [x](b.md)", _elsewhere) == "foo](a.md) and [x](../b.md)"
    assert rewrite_addresses("\\[x](b.md) ![x](b.md)", _elsewhere) == "\\[x](b.md) ![x](../b.md)"
