"""The table of the design, row for row, through `make_plan` with both sides and real baselines.

Each row sets the baseline's state, then what content did and what the web did since; the last column is what the
plan says of the one article that it is about, once for a publish and once for a pull; a merge is a pull's update of a
file that its writer has changed too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from kbsync.baseline import State
from kbsync.change import Action
from kbsync.engine.record import with_state
from kbsync.model import Article, ItemKey, Kind, Status
from tests.planner.world import BothSides, article, published, steps

PATH = "guide/basics/reset.md"
AT_REST = "at rest"
Step = Callable[[BothSides, ItemKey], None]
FILES = {
    "guide/basics/reset.md": article("Reset", "Press the button."),
    "guide/basics/other.md": article("Other", "Something else altogether, of many more words."),
}


def _keep(_: BothSides, __: ItemKey) -> None:
    """Change nothing."""


def _change_file(made: BothSides, _: ItemKey) -> None:
    made.files[PATH] = article("Reset", "Press the red button.")


def _remove_file(made: BothSides, _: ItemKey) -> None:
    made.remove(PATH)


def _change_live(made: BothSides, key: ItemKey) -> None:
    made.edit(key, body="<p>Press any button.</p>")


def _same_live(made: BothSides, key: ItemKey) -> None:
    made.edit(key, body="<p dir='ltr'>Press the red button.</p>")


def _lose_live(made: BothSides, key: ItemKey) -> None:
    made.lose(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: the baseline's state, what each side did since, and what a publish and a pull say."""

    state: State | None
    content: Step
    live: Step
    publish: str
    pull: str

    def __str__(self) -> str:
        return "-".join([self.state or "none", self.content.__name__, self.live.__name__]).replace("_", "")


L, A, K, R, U = State.LIVE, State.ARCHIVED, State.KEPT, State.RELEASED, State.UNDONE
ROWS = [
    Row(state=None, content=_keep, live=_lose_live, publish="create", pull="unmanaged"),
    Row(state=None, content=_remove_file, live=_keep, publish="unmanaged", pull="create"),
    Row(state=None, content=_keep, live=_keep, publish="adopt", pull="adopt"),
    Row(state=None, content=_change_file, live=_same_live, publish="adopt", pull="adopt"),
    Row(state=None, content=_change_file, live=_keep, publish="conflict", pull="merge"),
    Row(state=None, content=_keep, live=_change_live, publish="conflict", pull="merge"),
    Row(state=L, content=_keep, live=_keep, publish=AT_REST, pull=AT_REST),
    Row(state=L, content=_change_file, live=_keep, publish="update", pull="drift"),
    Row(state=L, content=_remove_file, live=_keep, publish="archive", pull="drift"),
    Row(state=L, content=_keep, live=_change_live, publish="drift", pull="update"),
    # A pull removes no file: that an article is gone on the web is for a person to say.
    Row(state=L, content=_keep, live=_lose_live, publish="drift", pull="conflict"),
    Row(state=L, content=_remove_file, live=_lose_live, publish="forget", pull="forget"),
    Row(state=L, content=_change_file, live=_change_live, publish="conflict", pull="merge"),
    Row(state=L, content=_change_file, live=_lose_live, publish="conflict", pull="conflict"),
    Row(state=L, content=_remove_file, live=_change_live, publish="conflict", pull="conflict"),
    Row(state=L, content=_change_file, live=_same_live, publish="adopt", pull="adopt"),
    Row(state=A, content=_remove_file, live=_keep, publish=AT_REST, pull=AT_REST),
    Row(state=A, content=_remove_file, live=_lose_live, publish="forget", pull=AT_REST),
    Row(state=A, content=_keep, live=_keep, publish="restore", pull=AT_REST),
    Row(state=A, content=_change_file, live=_keep, publish="restore", pull=AT_REST),
    Row(state=A, content=_remove_file, live=_change_live, publish="drift", pull="conflict"),
    Row(state=A, content=_keep, live=_change_live, publish="conflict", pull="conflict"),
    Row(state=A, content=_change_file, live=_change_live, publish="conflict", pull="conflict"),
    Row(state=A, content=_keep, live=_lose_live, publish="conflict", pull=AT_REST),
    *(
        Row(state=state, content=content, live=live, publish=AT_REST, pull=AT_REST)
        for state in (K, R)
        for content in (_keep, _change_file, _remove_file)
        for live in (_keep, _change_live, _lose_live)
    ),
    Row(state=U, content=_keep, live=_keep, publish="undone", pull=AT_REST),
    Row(state=U, content=_change_file, live=_keep, publish="update", pull=AT_REST),
    Row(state=U, content=_remove_file, live=_keep, publish="archive", pull=AT_REST),
    Row(state=U, content=_keep, live=_change_live, publish="drift", pull="conflict"),
    Row(state=U, content=_change_file, live=_change_live, publish="conflict", pull="conflict"),
]


def _settle(made: BothSides, key: ItemKey, state: State | None) -> None:
    """Bring the baseline into a state, as a run would have left it."""
    match state:
        case None:
            del made.baselines[key]
        case State.ARCHIVED:
            made.edit(key, status=Status.DRAFT)
            made.baselines[key] = with_state(made.baselines[key], made.live[key], seen_at=made.now(), state=state)
        case _:
            made.baselines[key] = replace(made.baselines[key], state=state)


def _row(row: Row) -> tuple[BothSides, str]:
    """Set a row up; give the path under which plans speak of its article."""
    made = published(FILES)
    key = made.key(PATH)
    _settle(made, key, row.state)
    row.content(made, key)
    row.live(made, key)
    by_name = row.state is None and PATH not in made.files
    return made, "guide / basics / Reset" if by_name else PATH


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_row_of_the_table_says_what_a_publish_does(row: Row) -> None:
    made, path = _row(row)
    told = steps(made.plan())
    assert told == ({} if row.publish == AT_REST else {path: row.publish})


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_row_of_the_table_says_what_a_pull_does(row: Row) -> None:
    made, path = _row(row)
    plan = made.plan_pull()
    merges = {change.path: "merge" for change in plan.changes if change.action is Action.UPDATE and change.kept_fields}
    assert steps(plan) | merges == ({} if row.pull == AT_REST else {path: row.pull})
    assert all("merged" in change.reason for change in plan.changes if change.path in merges)


def test_the_rows_name_every_state() -> None:
    assert {row.state for row in ROWS} == {None, *State}


@pytest.mark.parametrize(
    ("removed", "action", "left"), [("archive", "archive", True), ("delete", "delete", False), ("keep", "forget", True)]
)
def test_what_a_removed_file_does_is_for_the_target_to_say(removed: str, action: str, left: bool) -> None:
    made = published(FILES, removed=removed)
    number = made.id_of(PATH)
    made.remove(PATH)
    assert steps(made.publish()) == {PATH: action}
    assert (ItemKey(Kind.ARTICLE, number) in made.live) is left
    assert steps(made.plan()) == {}


def test_a_restored_article_keeps_its_id_and_is_seen_again() -> None:
    made = published(FILES)
    number = made.id_of(PATH)
    made.remove(PATH)
    made.publish()
    assert made.live[ItemKey(Kind.ARTICLE, number)].status is Status.DRAFT  # type: ignore[union-attr]
    made.files[PATH] = article("Reset", "Press the button, twice.")
    assert steps(made.publish()) == {PATH: "restore"}
    restored = made.live[ItemKey(Kind.ARTICLE, number)]
    assert isinstance(restored, Article)
    assert restored.status is Status.PUBLISHED
    assert steps(made.plan()) == {}


def test_overwrite_publishes_over_a_web_edit_and_over_nothing_else() -> None:
    made = published(FILES)
    made.edit(PATH, body="<p>Press any button.</p>")
    made.edit("guide/basics/other.md", title="Another")
    told = steps(made.plan(overwrite=frozenset({PATH})))
    assert told == {PATH: "update", "guide/basics/other.md": "drift"}
    made.publish(overwrite=frozenset({PATH}))
    assert steps(made.plan()) == {"guide/basics/other.md": "drift"}


def test_overwrite_creates_what_is_gone_on_the_web() -> None:
    made = published(FILES)
    made.lose(PATH)
    assert steps(made.plan(overwrite=frozenset({PATH}))) == {PATH: "create"}


@pytest.mark.parametrize("state", [State.KEPT, State.RELEASED])
def test_overwrite_takes_over_again_what_was_let_go(state: State) -> None:
    made = published(FILES)
    _settle(made, made.key(PATH), state)
    made.files[PATH] = article("Reset", "Press the red button.")
    assert steps(made.publish(overwrite=frozenset({PATH}))) == {PATH: "update"}
    assert made.baseline(PATH).state is State.LIVE
    assert steps(made.plan()) == {}
