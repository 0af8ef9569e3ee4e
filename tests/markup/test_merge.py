"""Two versions of a text merged over their base: no block is lost, and no other byte changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.markup.compare import canonical
from kbsync.markup.merge.blocks import split_blocks
from kbsync.markup.merge.diff3 import OURS_MARKER, SEPARATOR, THEIRS_MARKER, find_conflicts, resolve_to_sides
from kbsync.markup.merge.graft import IncludeConflict, Template, graft
from kbsync.markup.merge.merge import MergeResult, MergeVersion, merge
from kbsync.markup.merge.nested import split_parts
from kbsync.markup.options import PLAIN
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.test_graft import BY_HAND, TEXTS


def merged(base: str | None, mine: str, theirs: str) -> MergeResult:
    return merge(None if base is None else MergeVersion(text=base), MergeVersion(text=mine), MergeVersion(text=theirs))


def pulled(markdown: str) -> str:
    """Write a text as a pull would, in another style of Markdown."""
    return to_markdown(to_html(markdown)).text


def conflict(mine: str, theirs: str) -> str:
    return "\n".join([OURS_MARKER, *([mine] if mine else []), SEPARATOR, *([theirs] if theirs else []), THEIRS_MARKER])


def test_changes_of_different_blocks_are_merged_and_no_other_byte_changes() -> None:
    mine = BY_HAND.replace("Last one.", "My last one.")
    theirs = pulled(BY_HAND.replace("In the middle", "In their middle"))
    assert merged(BY_HAND, mine, theirs) == MergeResult(text=mine.replace("In the middle", "In their middle"))


def test_changes_of_adjacent_blocks_are_no_conflict() -> None:
    base = "One is first.\n\nTwo is next.\n\nThree is last.\n"
    mine, theirs = base.replace("One is", "One was"), base.replace("Two is", "Two was")
    assert merged(base, mine, theirs).text == "One was first.\n\nTwo was next.\n\nThree is last.\n"


def test_a_block_added_beside_a_changed_one_is_merged() -> None:
    base = "One is first.\n\nTwo is next.\n"
    mine, theirs = base.replace("One is", "One was"), base.replace("\nTwo", "\nBetween the two.\n\nTwo")
    assert merged(base, mine, theirs).text == "One was first.\n\nBetween the two.\n\nTwo is next.\n"


def test_a_block_changed_differently_by_both_is_a_conflict_as_git_writes_it() -> None:
    base = "# Top\n* list\n\n\nOne is first.\n***\nTwo is next.\n"
    mine, theirs = base.replace("One is", "One was"), pulled(base.replace("One is", "One has been"))
    outcome = merged(base, mine, theirs)
    assert outcome == MergeResult(
        text=mine.replace("One was first.", conflict("One was first.", "One has been first.")), conflicts=1
    )
    assert resolve_to_sides(outcome.text)[0] == mine


@pytest.mark.parametrize(
    ("mine", "theirs", "wanted"),
    [
        ("", "Two was next.\n", conflict("", "Two was next.")),
        ("Two was next.\n", "", conflict("Two was next.", "")),
    ],
    ids=["mine deleted it", "theirs deleted it"],
)
def test_a_block_deleted_by_one_and_changed_by_the_other_is_a_conflict(mine: str, theirs: str, wanted: str) -> None:
    frame = "One.\n\n{}\nThree.\n"
    base = frame.format("Two is next.\n")
    assert wanted in merged(base, frame.format(mine), frame.format(theirs)).text


def test_additions_of_both_in_one_place_are_a_conflict() -> None:
    outcome = merged("One.\n", "One.\n\nMine.\n", "One.\n\nTheirs.\n")
    assert outcome == MergeResult(text="One.\n\n" + conflict("Mine.", "Theirs.") + "\n", conflicts=1)


def test_the_same_change_of_both_is_no_conflict() -> None:
    base, mine = "One *is* first.\n\nTwo.\n", "One __was__\nfirst.\n\nTwo.\n"
    assert merged(base, mine, "One **was** first.\n\nTwo.\n") == MergeResult(text=mine)


def test_without_a_base_only_blocks_that_differ_are_a_conflict() -> None:
    mine, theirs = "# Top\n\n* list\n\nOne is mine.\n", "# Top\n\n- list\n\nOne is theirs.\n\nMore.\n"
    outcome = merged(None, mine, theirs)
    assert outcome.text.startswith(
        "# Top\n\n* list\n\n<<<<<<< yours\nOne is mine.\n=======\nOne is theirs.\n>>>>>>> portal\n"
    )
    assert resolve_to_sides(outcome.text)[1].split() == theirs.replace("- list", "* list").split()
    assert merged(None, mine, mine.replace("* list", "- list")) == MergeResult(text=mine)


def test_only_the_blocks_that_both_changed_are_in_the_conflict() -> None:
    base = "".join(f"Paragraph {number} says this.\n\n" for number in range(6))
    mine = base.replace("1 says this", "1 says mine").replace("2 says this", "2 says mine")
    theirs = base.replace("2 says this", "2 says theirs").replace("3 says this", "3 says theirs")
    outcome = merged(base, mine, theirs)
    assert outcome.conflicts == 1
    assert conflict("Paragraph 2 says mine.", "Paragraph 2 says theirs.") in outcome.text
    assert "Paragraph 1 says mine." in outcome.text
    assert "Paragraph 3 says theirs." in outcome.text


def test_markers_that_a_text_shows_are_no_conflict() -> None:
    base = "One is first.\n\n```\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n```\n\nTwo is next.\n"
    outcome = merged(base, base.replace("One is", "One was"), base.replace("Two is", "Two was"))
    assert outcome.conflicts == 0
    assert find_conflicts(outcome.text) == ()


@pytest.mark.parametrize("shown", ["<<<<<<< yours\na\n=======\nb\n>>>>>>> portal", "=======", ">>>>>>> portal"])
def test_markers_in_code_widen_no_conflict_and_hide_none(shown: str) -> None:
    base = f"One is first.\n\n```\n{shown}\n```\n\nTwo is next.\n"
    mine, theirs = base.replace("One is", "One was"), base.replace("Two is", "Two was")
    assert merged(base, mine, theirs).text == mine.replace("Two is", "Two was")
    outcome = merged(base, mine.replace(shown, f"{shown}\nmine"), theirs.replace(shown, f"{shown}\ntheirs"))
    both = (f"```\n{shown}\n{side}\n```" for side in ("mine", "theirs"))
    assert outcome.text == f"One was first.\n\n{conflict(*both)}\n\nTwo was next.\n"
    assert len(find_conflicts(outcome.text)) == 1


def test_reserved_characters_may_be_in_a_text() -> None:
    base = "One \U00100000 is.\n\nTwo.\n"
    outcome = merged(base, base.replace("One", "Mine"), base.replace("Two", "Theirs"))
    assert "Mine \U00100000" in outcome.text
    assert "Theirs." in outcome.text


def test_placeholders_stay_where_the_other_version_did_not_change_them() -> None:
    body = "The {{ thing }} is here.\n\nOther words.\n"
    written = Template(
        text=body,
        line_map=range(4),
        placeholders={0: [("{{ thing }}", "box")]},
        expand=lambda text: text.replace("{{ thing }}", "box"),
    )
    mine = MergeVersion(text=body.replace("{{ thing }}", "box"))
    base = MergeVersion(text="The box was here.\n\nOther words.\n")
    outcome = merge(base, mine, MergeVersion(text="The box was here.\n\nOther words now.\n"), written=written)
    assert outcome == MergeResult(text=body.replace("words", "words now"))


def test_a_change_within_a_long_expansion_is_a_conflict() -> None:
    written = Template(
        text="{% all %}\n\nEnd here.\n",
        line_map=[0, 0, 0, 1, 2, 3],
        placeholders={0: [("{% all %}", "One is.\n\nTwo is.")]},
        expand=lambda text: text.replace("{% all %}", "One is.\n\nTwo is."),
    )
    mine, base = (
        MergeVersion(text="One is.\n\nTwo is.\n\nEnd here.\n"),
        MergeVersion(text="One is.\n\nTwo is.\n\nEnd.\n"),
    )
    with pytest.raises(IncludeConflict):
        merge(base, mine, MergeVersion(text="One is.\n\nTwo was.\n\nEnd.\n"), written=written)


def shown(markdown: str) -> str:
    return canonical(to_html(markdown))


@given(TEXTS, TEXTS)
def test_what_only_the_portal_changed_is_grafted(base: str, theirs: str) -> None:
    assert merged(base, base, theirs).text in (graft(base, theirs), base if shown(base) == shown(theirs) else None)


@given(TEXTS, TEXTS)
def test_what_only_the_author_changed_stays_byte_for_byte(base: str, mine: str) -> None:
    assert merged(base, mine, base) == MergeResult(text=mine)
    assert merged(base, mine, mine) == MergeResult(text=mine)


def parts(markdown: str) -> set[str | None]:
    """Return the keys of a text's blocks, and of the parts of lists, quotes and tables in their place."""
    found = (split_parts(piece, PLAIN, group="") or (piece,) for piece in split_blocks(markdown))
    return {piece.key for some in found for piece in some}


@settings(max_examples=50)
@given(TEXTS, TEXTS, TEXTS)
def test_nothing_that_either_side_has_new_is_lost(base: str, mine: str, theirs: str) -> None:
    outcome = merged(base, mine, theirs).text
    one, other = resolve_to_sides(outcome)
    assert (parts(mine) | parts(theirs)) - parts(base) <= parts(one) | parts(other), outcome


@settings(max_examples=50)
@given(TEXTS, TEXTS, TEXTS)
def test_markers_are_complete_and_as_many_as_the_conflicts(base: str, mine: str, theirs: str) -> None:
    outcome = merged(base, mine, theirs)
    assert len(find_conflicts(outcome.text)) == outcome.conflicts
    assert find_conflicts("\n".join(resolve_to_sides(outcome.text))) == ()


@given(st.lists(st.sampled_from("KTMB"), min_size=1, max_size=12))
def test_there_are_conflicts_exactly_where_both_changed_one_block(kinds: list[str]) -> None:
    """Each letter is a paragraph: kept, changed on the portal, by the author, by both."""

    def text(mine: bool, theirs: bool) -> str:
        said = {"K": "as it was", "T": "from them" if theirs else "as it was", "M": "from me" if mine else "as it was"}
        both = "from me" if mine else "from them" if theirs else "as it was"
        return "".join(f"Paragraph number {at} is {said.get(kind, both)}.\n\n" for at, kind in enumerate(kinds))

    outcome = merged(text(False, False), text(True, False), text(False, True))
    assert outcome.conflicts == kinds.count("B")
    for at, kind in enumerate(kinds):
        wanted = {"K": ["as it was"], "T": ["from them"], "M": ["from me"], "B": ["from me", "from them"]}[kind]
        found = [line for line in outcome.text.splitlines() if line.startswith(f"Paragraph number {at} is")]
        assert found == [f"Paragraph number {at} is {said}." for said in wanted]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n", (1,)),
        ("x\n<<<<<<< HEAD\na\n||||||| base\n0\n=======\nb\n>>>>>>> other\n", (2,)),
        ("x\n<<<<<<<< HEAD:a.md\na\n========\nb\n>>>>>>>> other:b.md\n", (2,)),
        ("<<<<<<<< HEAD:a.md\na\n=======\nb\n>>>>>>> other:b.md\n", ()),
        ("x\r\n<<<<<<< yours\r\na\r\n=======\r\nb\r\n>>>>>>> portal\r\n", (2,)),
        ("<<<<<<< yours\nonly the beginning\n", (1,)),
        ("only the end\n>>>>>>> portal\n", (2,)),
        ("```\n<<<<<<< yours\n=======\n>>>>>>> portal\n```\n", ()),
        ("<<<<<<< yours\n```\nnever closed\n=======\n>>>>>>> portal\n", (1,)),
        ("Title\n=======\n", ()),
        (">>>>>>> a quotation, seven deep\n", ()),
        ("<<<<<<< nothing follows\n", ()),
        ("```text\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n```\n", ()),
        ("> ~~~\n> <<<<<<< HEAD\n", ()),
        ("    <<<<<<< HEAD\n    =======\n    >>>>>>> other\n", ()),
        ("Say `<<<<<<< HEAD` and `=======` and `>>>>>>> x`.\n", ()),
    ],
)
def test_a_conflict_is_distinguished_from_a_page_that_shows_one(text: str, lines: tuple[int, ...]) -> None:
    assert find_conflicts(text) == lines
