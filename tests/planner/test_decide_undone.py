"""Undone items: the halves of their baselines differ, until the file or the web changes."""

from dataclasses import replace

import pytest

from kbsync.baseline import State
from kbsync.engine.record import with_state
from kbsync.model import Article, Item, ItemKey, Status, digest
from tests.planner.world import BothSides, article, published, steps

PATH = "guide/basics/reset.md"
OTHER = "guide/basics/other.md"
OLD, NEW = article("Reset", "Press the button."), article("Reset it", "Hold the button for long.")


@pytest.fixture
def made() -> BothSides:
    """Both sides after an update was undone: the file has the new text, the portal the old."""
    made = published({PATH: OLD, OTHER: article("Other", "Something else altogether, of many more words.")})
    key = made.key(PATH)
    before = made.live[key]
    made.files[PATH] = NEW
    made.publish()
    _undo(made, key, before)
    return made


def _undo(made: BothSides, key: ItemKey, before: Item) -> None:
    made.live[key] = replace(before, updated_at=made.now())
    made.baselines[key] = with_state(made.baselines[key], made.live[key], seen_at=made.now(), state=State.UNDONE)


def test_an_undone_article_is_in_every_plan_and_in_no_pull(made: BothSides) -> None:
    assert steps(made.plan()) == {PATH: "undone"}
    assert steps(made.plan_pull()) == {}


def test_a_change_of_one_field_sends_every_field(made: BothSides) -> None:
    made.files[PATH] = NEW.replace("Reset it", "Reset it now")
    (change,) = made.plan().changes
    assert change.fields == ("body", "title")
    made.publish()
    assert steps(made.plan()) == {}


def test_a_file_equal_to_the_portal_is_adopted_and_not_sent(made: BothSides) -> None:
    made.files[PATH] = OLD
    plan = made.plan()
    assert steps(plan) == {PATH: "adopt"}
    assert not plan.writes


def test_its_file_and_its_directory_can_be_renamed(made: BothSides) -> None:
    made.rename(PATH, "guide/basics/renamed.md")
    assert steps(made.plan()) == {"guide/basics/renamed.md": "undone"}
    made.rename("guide", "handbook")
    assert steps(made.plan())["handbook/basics/renamed.md"] == "undone"


def test_an_unchanged_file_is_published_only_by_overwrite(made: BothSides) -> None:
    plan = made.plan(overwrite=frozenset({PATH}))
    assert steps(plan) == {PATH: "update"}
    assert set(plan.changes[0].fields) == {"body", "title", "status"}


def test_another_file_with_the_same_text_is_another_article(made: BothSides) -> None:
    made.files["guide/basics/copy.md"] = NEW
    assert steps(made.plan()) == {PATH: "undone", "guide/basics/copy.md": "create"}


def _take_the_file(made: BothSides) -> ItemKey:
    """Remove the file of the undone article as if it was gone before the undo."""
    key = next(key for key, known in made.baselines.items() if known.state is State.UNDONE)
    made.baselines[key] = replace(made.baselines[key], content={}, source_key="")
    made.remove(PATH)
    return key


def test_an_undone_article_without_a_file_is_unchanged_until_it_has_one(made: BothSides) -> None:
    key = _take_the_file(made)
    assert steps(made.plan()) == {PATH: "undone"}
    assert steps(made.plan_pull()) == {}
    made.files[PATH] = NEW
    plan = made.plan()
    assert steps(plan) == {PATH: "update"}
    assert plan.changes[0].id == key.id


def test_without_a_file_a_web_edit_is_drift_and_a_deletion_is_forgotten(made: BothSides) -> None:
    key = _take_the_file(made)
    made.edit(key, body="<p>By hand.</p>")
    assert steps(made.plan()) == {PATH: "drift"}
    made.lose(key)
    assert steps(made.plan()) == {PATH: "forget"}


def test_an_undone_creation_is_forgotten_with_its_file(made: BothSides) -> None:
    key = made.key(OTHER)
    live = made.live[key]
    assert isinstance(live, Article)
    _undo(made, key, replace(live, status=Status.DRAFT))
    assert steps(made.plan())[OTHER] == "undone"
    made.remove(OTHER)
    plan = made.plan()
    assert steps(plan)[OTHER] == "forget"
    assert not plan.writes


def test_a_file_in_the_new_folder_of_an_undone_move_is_unchanged(made: BothSides) -> None:
    key = made.key(OTHER)
    made.files["guide/more/_index.md"] = "---\nname: More\n---\n"
    made.files["guide/more/x.md"] = article("X", "Words enough for an article.")
    made.publish()
    place = made.id_of("guide/more")
    made.rename(OTHER, "guide/more/other.md")
    known = made.baselines[key]
    content = {**known.content, "parent": digest(place)}
    made.baselines[key] = replace(known, state=State.UNDONE, path="guide/more/other.md", content=content)
    assert steps(made.plan())["guide/more/other.md"] == "undone"
    made.rename("guide/more/other.md", OTHER)
    assert steps(made.plan())[OTHER] == "adopt"
    made.rename(OTHER, "guide/more/other.md")
    made.files["guide/more/other.md"] = article("Other", "Something else altogether, of many more words indeed.")
    assert steps(made.plan())["guide/more/other.md"] == "move"
