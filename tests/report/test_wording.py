"""The words that every form of a report shares."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.change import Action, Change, Finding, FindingKind, Outcome, Result
from kbsync.model import Article, Kind, Side
from kbsync.planner.planner import Plan
from kbsync.report.json_output import plan_page, to_json
from kbsync.report.pages import plan_to_html, plan_to_markdown
from kbsync.report.terminal import outcomes_to_text, plan_to_text
from kbsync.report.wording import (
    LONGEST_DIFF,
    clause,
    counts_text,
    diff,
    results,
    sections,
    shortened,
    title_of,
    visible,
)

texts = st.text(alphabet=st.characters(), max_size=60)


def _change(action: Action = Action.UPDATE, **others: object) -> Change:
    return Change(action=action, kind=Kind.ARTICLE, path="a/b/c.md", **others)  # type: ignore[arg-type]


def _plan(written: Side = Side.LIVE, **others: object) -> Plan:
    return Plan(written=written, ids={}, targets={}, anchors={}, **others)  # type: ignore[arg-type]


def _finding(matter: FindingKind, path: str = "a/b/c.md", reason: str = "why") -> Finding:
    return Finding(finding_kind=matter, kind=Kind.ARTICLE, path=path, reason=reason)


@given(texts)
def test_plain_text_has_no_control_characters_and_loses_nothing_else(text: str) -> None:
    shown = visible(text)
    assert all(c in "\n\t\u200c\u200d" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} for c in shown)
    assert visible(shown) == shown
    if all(unicodedata.category(c)[0] != "C" for c in text):
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb", "a\\x0db"),
        ("\u202eevil", "\\u202eevil"),
        ("\x9b31m", "\\x9b31m"),
        ("👩🏽\u200d🚒 شلوم é", "👩🏽\u200d🚒 شلوم é"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_control_characters_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(texts)
def test_json_reads_back_equal_and_has_no_control_characters(text: str) -> None:
    written = to_json({"text": text, text: [text]})
    assert json.loads(written) == {"text": text, text: [text]}
    assert all(c in "\n\u200c\u200d" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"} for c in written)


def test_counts_name_only_what_is_present() -> None:
    assert counts_text(_plan()) == "no content yet"
    plan = _plan(
        changes=(_change(Action.CREATE), _change(Action.CREATE), _change(Action.ARCHIVE)),
        drift=(_finding(FindingKind.DRIFT),),
        conflicts=(_finding(FindingKind.CONFLICT),) * 2,
        unchanged=7,
    )
    assert counts_text(plan) == "2 to create, 1 to archive, 1 drifted, 2 in conflict, 7 unchanged"
    assert counts_text(plan, done=True) == "2 created, 1 archived, 1 drifted, 2 in conflict, 7 unchanged"


def test_a_pull_has_its_own_words_for_actions() -> None:
    plan = _plan(Side.CONTENT, drift=(_finding(FindingKind.DRIFT),), unmanaged=(_finding(FindingKind.UNMANAGED),))
    assert counts_text(plan) == "1 to publish, 1 on one side only"
    assert [section.heading for section in sections(plan) if section.findings] == [
        "Changed in your files, not published yet",
        "On one side only, skipped",
    ]


@pytest.mark.parametrize("action", Action)
def test_every_action_has_a_word_for_before_and_after(action: Action) -> None:
    plan = _plan(changes=(_change(action),))
    assert counts_text(plan) == f"1 to {action.value}"
    done = Outcome(change=_change(action), result=Result.DONE)
    assert counts_text(plan, done=True) == results([done])
    assert results([done]) != counts_text(plan)


def test_results_name_the_failed_changes() -> None:
    ended = [Outcome(change=_change(), result=result) for result in (*Result, Result.FAILED)]
    assert results(ended) == "1 updated, 2 failed, 1 withheld, 1 skipped"
    assert results([]) == "nothing to do"


def test_a_clause_names_fields_once() -> None:
    assert clause(_change(fields=("title", "body"))) == "title, body"
    assert clause(_change(fields=("body",), reason="links")) == "body; links"
    moved = _change(action=Action.MOVE, fields=("title", "body"), reason="moved from a.md: created anew")
    assert clause(moved) == "moved from a.md: created anew"
    assert clause(_change(fields=("title", "body"), reason="edited on the portal: title, body")) == (
        "edited on the portal: title, body"
    )
    assert clause(_change(Action.CREATE, fields=("title", "body"))) == ""
    assert clause(_finding(FindingKind.DRIFT, reason="x\x1b")) == "x\\x1b"


def test_titles_are_plain_and_may_be_absent() -> None:
    assert title_of(Article(title="A\x1b", body="")) == "A\\x1b"
    assert title_of(None) == ""


def test_a_diff_is_there_only_where_two_sources_differ() -> None:
    assert diff(_change()) == ()
    assert diff(_change(before="a\n", after="a\n")) == ()
    assert diff(_change(before=None, after="a\n")) == ()
    assert diff(_change(before="a\nb\nc\n", after="a\nB\nc\n"))[1:] == (" a", "-b", "+B", " c")
    assert "+\\x1b[31m" in diff(_change(before="a\n", after="a\n\x1b[31m\n"))


def test_a_long_diff_is_cut_and_the_rest_counted() -> None:
    assert len(shortened(["x"] * LONGEST_DIFF)) == LONGEST_DIFF
    assert shortened(["x"] * (LONGEST_DIFF + 5))[-1] == "@@ and 5 more lines @@"


LINE = st.text(max_size=30)


@given(before=LINE, after=LINE, path=LINE, reason=LINE, width=st.integers(20, 120))
def test_every_form_of_every_plan_can_be_written(before: str, after: str, path: str, reason: str, width: int) -> None:
    change = Change(
        action=Action.UPDATE, kind=Kind.ARTICLE, path=path, reason=reason, before=before, after=f"{before}\n{after}"
    )
    plan = _plan(changes=(change,), drift=(_finding(FindingKind.DRIFT, path, reason),), halt=reason, unchanged=1)
    for colour in (False, True):
        text = plan_to_text(plan, heading=path, colour=colour, width=width)
        assert ("\x1b" in text) is colour
    assert json.loads(to_json(plan_page(plan, target="production", calls=1)))["changes"][0]["path"] == path
    assert "\x1b" not in plan_to_markdown(plan, heading=path) + plan_to_html(plan, heading=path)
    outcome = Outcome(change=change, result=Result.FAILED, error=reason, notes=(after,))
    assert "\x1b" not in outcomes_to_text([outcome], colour=False, width=width)


def test_blocks_are_separated_by_one_empty_line_with_none_at_the_ends() -> None:
    update = _change(before="a\n", after="b\n")
    plan = _plan(
        changes=(update, _change(Action.ARCHIVE), update),
        drift=(_finding(FindingKind.DRIFT),),
        conflicts=(_finding(FindingKind.CONFLICT),),
        unchanged=1,
    )
    text = plan_to_text(plan, heading="A plan", colour=False, width=80)
    assert "\n\n\n" not in text
    assert text.strip("\n") == text
    assert text.count("\n\n") == 5


def test_words_that_differ_within_a_line_are_marked() -> None:
    plan = _plan(changes=(_change(before="Turn it on.\n", after="Turn it off.\n"),))
    text = plan_to_text(plan, heading="A plan", colour=True, width=80)
    assert "\x1b[1;4;32moff." in text
    assert "\x1b[1;4;31mon." in text
    assert "\x1b[1;4;32mTurn" not in text


def test_json_after_a_run_has_the_result_of_each_change() -> None:
    change = _change(id=5, fields=("body",), reason="links")
    live = Article(title="A", body="", id=6)
    outcomes = [
        Outcome(change=change, result=Result.DONE, live=live),
        Outcome(change=change, result=Result.WITHHELD, error="it moved", notes=("look",)),
    ]
    page = json.loads(to_json(plan_page(_plan(changes=(change, change)), target="t", calls=3, outcomes=outcomes)))
    assert [(c["id"], c["result"], c["error"], c.get("notes")) for c in page["changes"]] == [
        (6, "done", "", None),
        (5, "withheld", "it moved", ["look"]),
    ]
    assert (page["target"], page["calls"], page["counts"]) == ("t", 3, {"update": 2})
