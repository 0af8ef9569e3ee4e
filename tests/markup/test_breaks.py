"""Line breaks and comments of a file stay where they are when an agent edits the words around them."""

import pytest

from kbsync.markup.merge.diff3 import resolve_to_sides
from kbsync.markup.merge.merge import MergeResult, MergeVersion, merge
from kbsync.markup.to_html import to_html
from tests.markup.cases import cases
from tests.markup.edits import edited, pulled

CASES = [*cases("breaks.txt"), *cases("comments.txt")]


def parts(given: str) -> tuple[str, str, str]:
    ours, shown, instead = given.split("\n----\n")
    return ours + "\n", shown, instead.removesuffix("\n")


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_an_edit_of_an_agent_changes_no_other_line(given: str, expected: str) -> None:
    assert edited(*parts(given)) == expected


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_an_edit_of_an_agent_is_merged_with_one_of_the_writer(given: str, expected: str) -> None:
    base, shown, instead = parts(given)
    theirs = MergeVersion(text=pulled(to_html(base).replace(shown, instead)))
    mine = "My own words are\nbelow it.\n\n"
    merged = merge(MergeVersion(text=base), MergeVersion(text=mine + base), theirs)
    assert merged == MergeResult(text=mine + expected)


def test_the_other_side_of_a_conflict_is_broken_as_the_file() -> None:
    base = "One line of words\nand another line\nand a third.\n"
    theirs = MergeVersion(text=pulled(to_html(base.replace("another", "some other"))))
    merged = merge(MergeVersion(text=base), MergeVersion(text=base.replace("another", "my own")), theirs)
    assert resolve_to_sides(merged.text)[1] == base.replace("another", "some other")
