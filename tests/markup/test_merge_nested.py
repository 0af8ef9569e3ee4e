"""A list, quote or table edited by an agent in one place and by its author in another: both edits are merged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kbsync.markup.compare import canonical
from kbsync.markup.merge.diff3 import resolve_to_sides
from kbsync.markup.merge.graft import Template
from kbsync.markup.merge.merge import MergeResult, MergeVersion, merge
from kbsync.markup.to_html import to_html
from tests.markup.styled import ARTICLES, Node, leaves_of, text_of
from tests.markup.test_merge import conflict, merged, parts, pulled


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("+ one __a__\n+ b\n  w __b__\n+ two\n", "+ MINE __a__\n+ b\n  w __b__\n+ THEIRS\n"),
        ("+ two\n+ one __a__\n\n\nEnd\n", "+ THEIRS\n+ MINE __a__\n\n\nEnd\n"),
        ("3) one __a__\n3) two\n", "3) MINE __a__\n3) THEIRS\n"),
        ("* a\n    * one __a__\n    * two\n* c\n", "* a\n    * MINE __a__\n    * THEIRS\n* c\n"),
        ("* one __a__\n    * two\n* c\n", "* MINE __a__\n    * THEIRS\n* c\n"),
        ("*   one __a__\n\n    two\n\n*   c\n", "*   MINE __a__\n\n    THEIRS\n\n*   c\n"),
        ("- [ ] one __a__\n- [x] two\n", "- [ ] MINE __a__\n- [x] THEIRS\n"),
        ("|a|b|\n|-|-|\n|one|`x`|\n|two|3|\n", "|a|b|\n|-|-|\n|MINE|`x`|\n|THEIRS|3|\n"),
        ("|one|`b`|\n|-|-|\n|two|3|\n", "|MINE|`b`|\n|-|-|\n|THEIRS|3|\n"),
        ("> one __a__\n> w\n>\n> two\n", "> MINE __a__\n> w\n>\n> THEIRS\n"),
        (">one __a__\n>\n>* two\n>* c\n", ">MINE __a__\n>\n>* THEIRS\n>* c\n"),
        ("* שלום one __a__\n* two 👩‍👩‍👧\n", "* שלום MINE __a__\n* THEIRS 👩‍👩‍👧\n"),
    ],
)
def test_changes_of_different_items_are_merged(base: str, wanted: str) -> None:
    theirs = pulled(base.replace("two", "THEIRS"))
    assert merged(base, base.replace("one", "MINE"), theirs) == MergeResult(text=wanted)


@pytest.mark.parametrize(
    ("mine", "theirs", "wanted"),
    [
        ("1. a b c\n2. b c d\n3. d d d\n", "1. b c d\n2. c d e\n", "1. b c d\n3. d d d\n"),
        ("1. a b c\n2. b d\n3. c d e\n", "1. a b c\n2. x\n3. b c d\n4. c d e\n", "1. a b c\n2. x\n2. b d\n3. c d e\n"),
        ("1. a b c\n2. x\n3. b c d\n4. c d e\n", "1. a b c\n2. b d\n3. c d e\n", "1. a b c\n2. x\n3. b d\n4. c d e\n"),
    ],
)  # fmt: skip
def test_added_and_removed_items_beside_changed_ones_are_merged(mine: str, theirs: str, wanted: str) -> None:
    assert merged("1. a b c\n2. b c d\n3. c d e\n", mine, theirs) == MergeResult(text=wanted)


def test_an_item_changed_differently_by_both_is_the_only_conflict() -> None:
    base = "Top\n\n+ a __b__\n+ one is here\n+ c\n\nEnd\n"
    mine = base.replace("one is", "one was")
    outcome = merged(base, mine, pulled(base.replace("one is", "one has been")))
    wanted = mine.replace("+ one was here", conflict("+ one was here", "+ one has been here"))
    assert outcome == MergeResult(text=wanted, conflicts=1)


def test_a_row_changed_differently_by_both_is_the_only_conflict() -> None:
    base = "|a|b|\n|-|-|\n|one is|2|\n|3|4|\n"
    mine = base.replace("one is", "one was")
    outcome = merged(base, mine, pulled(base.replace("one is", "one has been")))
    assert outcome == MergeResult(
        text=mine.replace("|one was|2|", conflict("|one was|2|", "|one has been|2|")), conflicts=1
    )


def test_items_added_by_both_in_one_place_are_a_conflict() -> None:
    base = "+ a __b__\n+ c\n"
    outcome = merged(base, base + "+ mine\n", pulled(base + "+ their own\n"))
    assert outcome == MergeResult(text=base + conflict("+ mine", "+ their own") + "\n", conflicts=1)


def test_an_item_deleted_by_one_and_changed_by_the_other_is_a_conflict() -> None:
    base = "+ a __b__\n+ one is here\n+ c\n"
    mine = base.replace("one is", "one was")
    outcome = merged(base, mine, pulled(base.replace("+ one is here\n", "")))
    assert outcome == MergeResult(text=mine.replace("+ one was here", conflict("+ one was here", "")), conflicts=1)


def test_without_a_base_only_items_that_differ_are_a_conflict() -> None:
    mine = "+ a __b__\n+ one is mine here\n+ c\n"
    outcome = merged(None, mine, "- a **b**\n- one is theirs here\n- c\n")
    wanted = mine.replace("+ one is mine here", conflict("+ one is mine here", "+ one is theirs here"))
    assert outcome == MergeResult(text=wanted, conflicts=1)


def test_two_lists_joined_on_the_portal_stay_joined() -> None:
    base = "- x\n  * a\n  + c\n- y\n"
    outcome = merged(base, base.replace("- y", "- z"), "- x\n  - a\n  - c\n- y\n")
    assert [canonical(to_html(side)) for side in resolve_to_sides(outcome.text)][-1].count("<ul>") == 2


def test_placeholders_in_an_item_stay_where_another_one_changed() -> None:
    body = "+ the {{ thing }}\n+ two\n"
    written = Template(
        text=body,
        line_map=range(3),
        placeholders={0: [("{{ thing }}", "box")]},
        expand=lambda text: text.replace("{{ thing }}", "box"),
    )
    base, mine = MergeVersion(text="+ a box\n+ two\n"), MergeVersion(text="+ the box\n+ two\n")
    assert merge(base, mine, MergeVersion(text="- a box\n- 2\n"), written=written) == MergeResult(
        text=body.replace("two", "2")
    )
    outcome = merge(base, mine, MergeVersion(text="- a bag\n- two\n"), written=written)
    assert outcome == MergeResult(text=conflict("+ the {{ thing }}", "+ a bag") + "\n+ two\n", conflicts=1)


@settings(max_examples=40)
@given(ARTICLES, st.data())
def test_edits_of_different_leaves_are_merged_in_any_style(article: tuple[Node, ...], data: st.DataObject) -> None:
    leaves = st.integers(0, leaves_of(article) - 1)
    mine = data.draw(st.dictionaries(leaves, st.just("is what the writer wrote"), max_size=3))
    theirs = data.draw(st.dictionaries(leaves, st.just("has *changed* on the portal"), max_size=3))
    theirs = {leaf: said for leaf, said in theirs.items() if leaf not in mine}
    base, ours, portal = (text_of(article, edits) for edits in ({}, mine, theirs))
    assert merged(base, ours, pulled(portal)) == MergeResult(text=text_of(article, {**mine, **theirs}))


@settings(max_examples=25)
@given(ARTICLES, st.data())
def test_nothing_of_either_side_is_lost_where_both_edited_the_same(
    article: tuple[Node, ...], data: st.DataObject
) -> None:
    leaves = st.integers(0, leaves_of(article) - 1)
    edits = [data.draw(st.dictionaries(leaves, st.just(words), max_size=4)) for words in ("says mine", "says theirs")]
    base, ours, portal = (text_of(article, some) for some in ({}, *edits))
    outcome = merged(base, ours, pulled(portal))
    one, other = (parts(side) for side in resolve_to_sides(outcome.text))
    assert (parts(ours) | parts(portal)) - parts(base) <= one | other, outcome.text
    assert resolve_to_sides(outcome.text)[0].count("says mine") == len(edits[0])
    assert resolve_to_sides(outcome.text)[1].count("says theirs") == len(edits[1])


@settings(max_examples=50)
@given(st.lists(st.sampled_from("KTMB"), min_size=1, max_size=10))
def test_there_are_conflicts_exactly_where_both_changed_one_item(kinds: list[str]) -> None:
    """Each letter is an item: kept, changed on the portal, by the author, by both."""

    def text(mine: bool, theirs: bool) -> str:
        said = {"K": "as it was", "T": "from them" if theirs else "as it was", "M": "from me" if mine else "as it was"}
        both = "from me" if mine else "from them" if theirs else "as it was"
        return "".join(f"+ Item number {at} is {said.get(kind, both)}.\n" for at, kind in enumerate(kinds))

    outcome = merged(text(False, False), text(True, False), pulled(text(False, True)))
    assert outcome.conflicts == kinds.count("B")
    for at, kind in enumerate(kinds):
        wanted = {"K": ["as it was"], "T": ["from them"], "M": ["from me"], "B": ["from me", "from them"]}[kind]
        found = [line for line in outcome.text.splitlines() if line.startswith(f"+ Item number {at} is")]
        assert found == [f"+ Item number {at} is {said}." for said in wanted]
