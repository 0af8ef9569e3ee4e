"""What a reviewed plan allows a later one: the same changes only; every other one is withheld with a reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.change import Change, Outcome, Result
from kbsync.engine.refresh import live_from_baselines
from kbsync.model import Article, Item, ItemKey, Status
from kbsync.planner.approval import Approval, approval_of, restrict_to_approval
from kbsync.planner.planner import Plan
from tests.planner.world import BothSides, article, published, steps

ONE, TWO = "guide/basics/one.md", "guide/basics/two.md"
TREE = {
    ONE: article("One", "Only the first page says aardvark, and says it in a sentence of its own."),
    TWO: article("Two", "Only the second page says zebra; nothing else is shared between these files."),
    "guide/basics/three.md": article("Three", "The third has its own words: quagga, okapi, kudu, gnu."),
}


@pytest.fixture
def made() -> BothSides:
    return published(TREE)


def _reasons(withheld: tuple[Outcome, ...]) -> dict[str, str]:
    assert all(outcome.result is Result.WITHHELD for outcome in withheld)
    return {outcome.change.path: outcome.error for outcome in withheld}


def _edit(made: BothSides, path: str, words: str = "And a line of news.") -> None:
    made.files[path] += f"\n{words}\n"


def test_a_plan_is_allowed_whole_by_its_own_approval(made: BothSides) -> None:
    _edit(made, ONE)
    made.remove(TWO)
    made.files["guide/basics/four.md"] = article("Four", "Words that no other page has: yak, ibex, tapir, lemur.")
    plan = made.plan()
    assert steps(plan) == {ONE: "update", TWO: "archive", "guide/basics/four.md": "create"}
    assert restrict_to_approval(made.plan(), approval_of(plan)) == (plan, ())


def test_an_empty_approval_allows_nothing(made: BothSides) -> None:
    _edit(made, ONE)
    reduced, withheld = restrict_to_approval(made.plan(), Approval())
    assert reduced.changes == ()
    assert _reasons(withheld) == {ONE: "not in the plan"}


def test_a_file_edited_after_the_plan_is_withheld_and_the_rest_is_kept(made: BothSides) -> None:
    _edit(made, ONE)
    _edit(made, TWO)
    approval = approval_of(made.plan())
    _edit(made, TWO, "A sentence that nobody has seen.")
    reduced, withheld = restrict_to_approval(made.plan(), approval)
    assert steps(reduced) == {ONE: "update"}
    assert _reasons(withheld) == {TWO: "changed since the plan: the file has changed"}


def test_a_web_edit_after_the_plan_is_reported_as_a_conflict(made: BothSides) -> None:
    _edit(made, ONE)
    approval = approval_of(made.plan())
    made.edit(ONE, body="<p>By hand.</p>")
    reduced, withheld = restrict_to_approval(made.plan(), approval)
    assert reduced.changes == ()
    assert _reasons(withheld) == {
        ONE: "changed since the plan: now conflict: changed here (body) and edited on the portal: body"
    }


def test_a_web_edit_that_a_later_option_would_overwrite_is_withheld(made: BothSides) -> None:
    _edit(made, ONE)
    approval = approval_of(made.plan(overwrite=frozenset({ONE})))
    made.edit(ONE, body="<p>By hand.</p>")
    fresh = made.plan(overwrite=frozenset({ONE}))
    assert steps(fresh) == {ONE: "update"}
    reduced, withheld = restrict_to_approval(fresh, approval)
    assert reduced.changes == ()
    assert _reasons(withheld) == {ONE: "changed since the plan: edited on the portal"}


def test_edits_of_unmanaged_fields_withhold_nothing(made: BothSides) -> None:
    _edit(made, ONE)
    approval = approval_of(made.plan())
    made.edit(ONE, tags=("by", "hand"))
    made.baselines[made.key(ONE)] = replace(made.baseline(ONE), updated_at=made.live[made.key(ONE)].updated_at or "")
    assert steps(restrict_to_approval(made.plan(), approval)[0]) == {ONE: "update"}


def test_a_change_of_another_field_is_withheld(made: BothSides) -> None:
    _edit(made, ONE)
    approval = approval_of(made.plan())
    made.files[ONE] = made.files[ONE].replace("title: One", "title: Uno")
    assert _reasons(restrict_to_approval(made.plan(), approval)[1]) == {
        ONE: "changed since the plan: the file has changed"
    }


def test_a_change_with_another_action_is_withheld(made: BothSides) -> None:
    made.remove(ONE)
    approval = approval_of(made.plan())
    reduced, withheld = restrict_to_approval(made.plan(removed="delete"), approval)
    assert reduced.changes == ()
    assert _reasons(withheld) == {ONE: "changed since the plan: planned as archive"}


def test_a_move_that_would_leave_a_pointer_unapproved_is_withheld(made: BothSides) -> None:
    made.files["guide/other/here.md"] = article("Here", "Something to keep the folder: narwhal, beluga, vaquita.")
    made.publish()
    made.rename(ONE, "guide/other/one.md")
    approval = approval_of(made.plan(moved="archive"))
    assert restrict_to_approval(made.plan(moved="archive"), approval)[1] == ()
    reasons = _reasons(restrict_to_approval(made.plan(moved="pointer"), approval)[1])
    assert reasons == {"guide/other/one.md": "changed since the plan: planned with another result for the old article"}


def test_a_change_that_was_made_meanwhile_is_no_longer_to_be_done(made: BothSides) -> None:
    _edit(made, ONE)
    approval = approval_of(made.plan())
    made.publish()
    reduced, withheld = restrict_to_approval(made.plan(), approval)
    assert reduced.changes == ()
    assert _reasons(withheld) == {ONE: "already done"}


def test_changes_of_baselines_only_need_no_approval(made: BothSides) -> None:
    made.rename(ONE, "guide/basics/uno.md")
    made.remove(TWO)
    made.lose(TWO)
    plan = made.plan()
    assert sorted(steps(plan).values()) == ["forget", "rename"]
    assert restrict_to_approval(plan, Approval()) == (plan, ())


def test_two_changes_at_one_path_each_need_their_own_approval(made: BothSides) -> None:
    made.remove(ONE)
    archive = approval_of(made.plan())
    made.files[ONE] = article("Another", "It has nothing to do with what lay here: dhole, fossa, saiga, serow, takin.")
    made.baselines[made.key(ONE)] = replace(made.baseline(ONE), path="guide/basics/gone.md")
    fresh = made.plan()
    assert steps(fresh) == {ONE: "create", "guide/basics/gone.md": "archive"}
    reduced, withheld = restrict_to_approval(fresh, archive)
    assert reduced.changes == ()
    assert set(_reasons(withheld).values()) == {"not in the plan", "already done"}


def test_a_new_link_to_an_anchor_changes_the_approved_article() -> None:
    made = published(TREE)
    made.files[ONE] += "\n## A heading\n\nMore.\n"
    approval = approval_of(made.plan())
    made.files[TWO] += "\n[there](one.md#a-heading)\n"
    assert set(_reasons(restrict_to_approval(made.plan(), approval)[1])) == {ONE, TWO}


def test_a_plan_from_baselines_approves_articles_that_are_as_in_the_baselines(made: BothSides) -> None:
    _edit(made, ONE)
    _edit(made, TWO)
    made.remove("guide/basics/three.md")
    offline = live_from_baselines(made.baselines)
    seen = made.plan_against(offline)
    approval = approval_of(seen, offline.assumed)
    made.edit(TWO, title="By hand")
    reduced, withheld = restrict_to_approval(made.plan(overwrite=frozenset({TWO})), approval)
    assert steps(reduced) == {ONE: "update", "guide/basics/three.md": "archive"}
    assert _reasons(withheld) == {TWO: "changed since the plan: edited on the portal"}


_EDITS = ("edit", "remove", "rename", "web", "draft", "lose", "add", "nothing")


def _act(made: BothSides, edit: str, path: str) -> None:
    there = path in made.files
    match edit:
        case "edit" if there:
            _edit(made, path, f"Then {len(made.files[path])}.")
        case "remove" if there:
            made.remove(path)
        case "rename" if there:
            made.rename(path, path.replace(".md", "-too.md"))
        case "add":
            made.files[f"guide/basics/new-{len(made.files)}.md"] = article(f"New {path}", f"Fresh words {edit} {path}")
        case "web" | "draft" | "lose":
            _act_on_the_web(made, edit, path)


def _act_on_the_web(made: BothSides, edit: str, path: str) -> None:
    keys = [key for key, known in made.baselines.items() if known.path == path and key in made.live]
    for key in keys:
        if edit == "lose":
            del made.live[key]
        elif edit == "draft":
            made.edit(key, status=Status.DRAFT)
        else:
            made.edit(key, body=f"<p>By hand, {made.now()}</p>")


@given(
    before=st.lists(st.tuples(st.sampled_from(_EDITS), st.sampled_from(sorted(TREE))), max_size=4),
    after=st.lists(st.tuples(st.sampled_from(_EDITS), st.sampled_from(sorted(TREE))), max_size=4),
)
def test_law_6_only_reviewed_changes_are_kept_and_every_other_one_is_reported(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    made = published(TREE)
    for edit, path in before:
        _act(made, edit, path)
    seen = made.plan()
    live = dict(made.live)
    for edit, path in after:
        _act(made, edit, path)
    fresh = made.plan()
    reduced, withheld = restrict_to_approval(fresh, approval_of(seen))
    _sees_the_same(reduced, seen, live)
    accounted = {_place(outcome.change) for outcome in withheld} | {_place(change) for change in reduced.changes}
    assert accounted >= {_place(change) for change in (*fresh.changes, *seen.writes)}


def _place(change: Change) -> tuple[object, ...]:
    return change.kind, change.path, change.id


def _sees_the_same(reduced: Plan, seen: Plan, live: dict[ItemKey, Item]) -> None:
    was = {_place(change): change for change in seen.changes}
    for change in reduced.writes:
        then = was[_place(change)]
        assert (change.action, change.fields, change.former_path) == (then.action, then.fields, then.former_path)
        assert change.after == then.after
        old = live.get(change.key)
        if isinstance(change.actual, Article) and isinstance(old, Article):
            assert change.actual.body == old.body
