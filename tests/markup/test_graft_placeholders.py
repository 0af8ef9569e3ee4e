"""Grafting onto a text with placeholders: they stay, or the change is a conflict."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.content.includes import Expander, IncludedFile, escape_marks
from kbsync.markup.compare import canonical
from kbsync.markup.merge.graft import IncludeConflict, Template, graft
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown

VALUES = {"co": "Acme", "long": "Acme Cloud", "n": "1"}
FILES = {"two": "First of two.\n\n* second of *two*", "inline": "**some words**", "empty": ""}
EXPANDER = Expander(VALUES, lambda path, _: IncludedFile(path=path, text=FILES[path]))


def expand(text: str) -> str:
    made = EXPANDER.expand(text, path="a/b/c.md")
    return made.body if made else text


def written(text: str) -> Template:
    made = EXPANDER.expand(text, path="a/b/c.md")
    plain = Template(
        text=text,
        line_map=range(text.count("\n") + 1),
        expand=expand,
        escape=lambda part: escape_marks(part, VALUES),
    )
    if made is None:
        return plain
    marks: dict[int, list[tuple[str, str]]] = {}
    for use in made.replacements:
        marks.setdefault(use.row, []).append((use.written, use.shown))
    return replace(plain, line_map=made.rows, placeholders=marks)


def pulled(text: str) -> str:
    """Return what a pull writes of a published text."""
    return to_markdown(to_html(expand(text))).text


def regraft(mine: str, theirs: str) -> str:
    return graft(expand(mine), theirs, written=written(mine))


MINE = """* by hand

{% include 'two' %}

Made by {{ co }}, with {{ long }} and {{ n }} and {% include 'inline' %}.

{% include 'empty' %}

Last
"""


def test_what_renders_the_same_stays_byte_for_byte() -> None:
    assert regraft(MINE, pulled(MINE)) == MINE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("by hand", "by foot"),
        ("Made by", "Made only by"),
        (" and 1 ", " & 1 "),
        ("Last", "Last\n\nNew"),
        ("Last", "## Last"),
    ],
)
def test_changes_beside_placeholders_are_grafted(old: str, new: str) -> None:
    theirs = pulled(MINE).replace(old, new)
    wanted = MINE.replace(old.replace("1", "{{ n }}"), new.replace("1", "{{ n }}"))
    assert regraft(MINE, theirs).replace("- by", "* by") == wanted


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("First of two", "First of three"),
        ("*two*", "two"),
        ("First of two.\n", "First of two.\n\nNew\n"),
        ("First of two.\n\n", ""),
        ("Acme,", "Acne,"),
        ("Acme,", "Acme and Acme,"),
        ("Acme Cloud", "Acme Clouds"),
        (" 1 ", " 10 "),
        (" 1 ", " 1.5 "),
        ("some words", "other words"),
        ("with Acme Cloud and", "with `Acme Cloud` and"),
    ],
)
def test_changes_within_an_expansion_are_a_conflict(old: str, new: str) -> None:
    theirs = pulled(MINE)
    assert theirs.count(old) == 1
    with pytest.raises(IncludeConflict) as caught:
        regraft(MINE, theirs.replace(old, new))
    rows = {2} if "wo" in old and "words" not in old else {4}
    assert rows <= set(caught.value.lines)


def test_new_braces_are_escaped() -> None:
    theirs = pulled(MINE).replace("Last", "Use {{ co }} and {{ other }}")
    assert regraft(MINE, theirs) == MINE.replace("Last", "Use \\{{ co }} and {{ other }}")


def test_a_moved_block_is_the_same_block() -> None:
    line = MINE.split("\n")[4]
    theirs = pulled(MINE.replace(f"{line}\n\n", "") + f"\n{line}\n")
    outcome = regraft(MINE, theirs)
    assert f"Last\n\n{line}\n" in outcome
    assert sorted(outcome.split("\n")) == sorted(MINE.split("\n"))


MARKED = st.sampled_from(
    [
        "{{ co }}",
        "{{ long }}",
        "{{n}}",
        "\\{{ co }}",
        "{% include 'inline' %}",
        "`{{ co }}`",
        "word",
        "*soft*",
        "Acme",
        "1",
    ]
)
LINES = st.lists(MARKED, min_size=1, max_size=4).map(" ".join)
BLOCKS = st.one_of(
    LINES,
    LINES.map("## {}".format),
    st.lists(LINES, min_size=1, max_size=3).map(lambda items: "\n".join(f"* {item}" for item in items)),
    LINES.map("> {}".format),
    st.sampled_from(
        ["{% include 'two' %}", "> {% include 'two' %}", "- {% include 'two' %}", "{% include 'empty' %}", "***"]
    ),
)
TEXTS = st.lists(BLOCKS, min_size=1, max_size=6).map(lambda blocks: "\n\n".join(blocks) + "\n")


@given(TEXTS)
def test_any_text_that_renders_the_same_is_never_rewritten(mine: str) -> None:
    assert regraft(mine, pulled(mine)).strip("\n") == mine.strip("\n")


@given(TEXTS, TEXTS)
def test_the_result_renders_as_the_other_version_or_is_a_conflict(mine: str, other: str) -> None:
    theirs = pulled(other)
    try:
        outcome = regraft(mine, theirs)
    except IncludeConflict:
        assert written(mine).placeholders
        return
    assert canonical(to_html(expand(outcome))) == canonical(to_html(theirs))


# Two adjacent lists are one, and a heading between them would split it.
APART = st.lists(BLOCKS.filter(lambda block: not block.startswith(("* ", "- "))), min_size=1, max_size=6).map(
    "\n\n".join
)


@given(APART, st.data())
def test_a_new_block_between_any_blocks_leaves_every_placeholder(mine: str, data: st.DataObject) -> None:
    blocks = mine.split("\n\n")
    at = data.draw(st.integers(0, len(blocks)))
    theirs = pulled("\n\n".join([*blocks[:at], "### Entirely new", *blocks[at:]]) + "\n")
    outcome = regraft(mine, theirs)
    assert outcome.count("### Entirely new") == 1
    marks = ("{{ co }}", "{{ long }}", "{{n}}", "{% include 'two' %}", "{% include 'inline' %}")
    assert {mark: outcome.count(mark) for mark in marks} == {mark: mine.count(mark) for mark in marks}
