"""Changes of the other version are grafted; everything else stays as its author wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.markup.compare import canonical
from kbsync.markup.merge.graft import graft
from kbsync.markup.to_html import to_html
from tests.markup.edits import pulled

BY_HAND = """A *paragraph* that is
wrapped by hand, with a [link][x].

* one
* two


{align=center}
In the middle

[x]: https://example.com/

| a | b |
|---|---|
| 1 | 2 |

## Setext is no matter

Last one.
"""


def test_a_text_that_renders_the_same_stays_byte_for_byte() -> None:
    assert graft(BY_HAND, pulled(to_html(BY_HAND))) == BY_HAND


def test_an_edited_paragraph_is_the_only_one_that_changes() -> None:
    edited = pulled(to_html(BY_HAND).replace("Last one", "The very last one"))
    assert graft(BY_HAND, edited) == BY_HAND.replace("Last one", "The very last one")


def test_a_new_paragraph_is_inserted_in_its_place() -> None:
    edited = pulled(to_html(BY_HAND).replace("</table>", "</table><p>Added</p>"))
    assert graft(BY_HAND, edited) == BY_HAND.replace("| 1 | 2 |\n", "| 1 | 2 |\n\nAdded\n")


def test_a_deleted_paragraph_is_the_only_one_removed() -> None:
    edited = pulled(to_html(BY_HAND).replace("<p>Last one.</p>", ""))
    assert graft(BY_HAND, edited) == BY_HAND.replace("\nLast one.\n", "")


def test_blocks_without_an_empty_line_between_them_stay_as_close() -> None:
    mine = "## Heading\nText right below\n***\n* list\n\n\n\nFar below\n"
    edited = pulled(to_html(mine).replace("Far", "Very far"))
    assert graft(mine, edited) == mine.replace("Far", "Very far")


def test_link_definitions_of_kept_paragraphs_stay() -> None:
    edited = pulled("<p>First</p>" + to_html(BY_HAND))
    assert "[x]: https://example.com/" in graft(BY_HAND, edited)


@pytest.mark.parametrize("mine", ["", "\n", "[only]: https://example.com/ 'a definition'\n", "<!-- a note -->\n"])
def test_an_empty_text_can_be_grafted(mine: str) -> None:
    outcome = graft(mine, "New text\n")
    assert canonical(to_html(outcome)) == "<p>New text</p>"


@pytest.mark.parametrize("old", ["Note the box", "* one", "One"])
def test_a_footnote_stays_below_a_block_that_was_edited(old: str) -> None:
    mine = "Note the box.[^1]\n\n* one\n* two\n\n[^1]: One of many.\n\nEnd\n"
    edited = pulled(to_html(mine.replace(old, f"{old} says")))
    assert graft(mine, edited) == mine.replace(old, f"{old} says")


WORDS = st.sampled_from(["alpha", "*beta*", "`gamma`", "[delta](https://example.com/)", "**epsilon**", "ζήτα", "إبل"])
PARAGRAPHS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
BLOCKS = st.one_of(
    PARAGRAPHS,
    PARAGRAPHS.map("## {}".format),
    st.lists(PARAGRAPHS, min_size=1, max_size=3).map(lambda items: "\n".join(f"* {item}" for item in items)),
    PARAGRAPHS.map("> {}".format),
    PARAGRAPHS.map("```\n{}\n```".format),
)
TEXTS = st.lists(BLOCKS, max_size=6).map(lambda blocks: "\n\n".join(blocks) + "\n")


@given(TEXTS, TEXTS)
def test_the_result_always_renders_as_the_other_version(mine: str, theirs: str) -> None:
    assert canonical(to_html(graft(mine, theirs))) == canonical(to_html(theirs))


@given(TEXTS)
def test_any_text_that_renders_the_same_is_never_rewritten(mine: str) -> None:
    assert graft(mine, pulled(to_html(mine))).strip() == mine.strip()
