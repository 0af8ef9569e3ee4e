"""The decision table, row by row, through `make_plan` with both sides and real baselines.

Each row has the baseline's state, what content and the web did since, and what the plan then says of the article, for
a publish and for a pull; a merge is a pull's update of a file that its writer has changed too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kbsync.baseline import State
from kbsync.change import Action
from kbsync.config import Config
from kbsync.engine.record import with_state
from kbsync.engine.render import LinkResolver
from kbsync.model import Article, ItemKey, Kind, Status
from kbsync.planner.decide import PlanRules
from tests.planner.world import BothSides, article, published, steps

PATH = "guide/basics/reset.md"
UNCHANGED = "unchanged"
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
    """One row: the baseline's state, what each side did since, and the decisions of a publish and a pull."""

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
    Row(state=L, content=_keep, live=_keep, publish=UNCHANGED, pull=UNCHANGED),
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
    Row(state=A, content=_remove_file, live=_keep, publish=UNCHANGED, pull=UNCHANGED),
    Row(state=A, content=_remove_file, live=_lose_live, publish="forget", pull=UNCHANGED),
    Row(state=A, content=_keep, live=_keep, publish="restore", pull=UNCHANGED),
    Row(state=A, content=_change_file, live=_keep, publish="restore", pull=UNCHANGED),
    Row(state=A, content=_remove_file, live=_change_live, publish="drift", pull="conflict"),
    Row(state=A, content=_keep, live=_change_live, publish="conflict", pull="conflict"),
    Row(state=A, content=_change_file, live=_change_live, publish="conflict", pull="conflict"),
    Row(state=A, content=_keep, live=_lose_live, publish="conflict", pull=UNCHANGED),
    *(
        Row(state=state, content=content, live=live, publish=UNCHANGED, pull=UNCHANGED)
        for state in (K, R)
        for content in (_keep, _change_file, _remove_file)
        for live in (_keep, _change_live, _lose_live)
    ),
    Row(state=U, content=_keep, live=_keep, publish="undone", pull=UNCHANGED),
    Row(state=U, content=_change_file, live=_keep, publish="update", pull=UNCHANGED),
    Row(state=U, content=_remove_file, live=_keep, publish="archive", pull=UNCHANGED),
    Row(state=U, content=_keep, live=_change_live, publish="drift", pull="conflict"),
    Row(state=U, content=_change_file, live=_change_live, publish="conflict", pull="conflict"),
]


def _settle(made: BothSides, key: ItemKey, state: State | None) -> None:
    """Set the state of the baseline, as a run would leave it."""
    match state:
        case None:
            del made.baselines[key]
        case State.ARCHIVED:
            made.edit(key, status=Status.DRAFT)
            made.baselines[key] = with_state(made.baselines[key], made.live[key], seen_at=made.now(), state=state)
        case _:
            made.baselines[key] = replace(made.baselines[key], state=state)


def _row(row: Row) -> tuple[BothSides, str]:
    """Set up a row; return the path that plans have for its article."""
    made = published(FILES)
    key = made.key(PATH)
    _settle(made, key, row.state)
    row.content(made, key)
    row.live(made, key)
    by_name = row.state is None and PATH not in made.files
    return made, "guide / basics / Reset" if by_name else PATH


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_row_of_the_table_decides_a_publish(row: Row) -> None:
    made, path = _row(row)
    actions = steps(made.plan())
    assert actions == ({} if row.publish == UNCHANGED else {path: row.publish})


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_row_of_the_table_decides_a_pull(row: Row) -> None:
    made, path = _row(row)
    plan = made.plan_pull()
    merges = {change.path: "merge" for change in plan.changes if change.action is Action.UPDATE and change.kept_fields}
    assert steps(plan) | merges == ({} if row.pull == UNCHANGED else {path: row.pull})
    assert all("merged" in change.reason for change in plan.changes if change.path in merges)


def test_the_rows_have_every_state() -> None:
    assert {row.state for row in ROWS} == {None, *State}


@pytest.mark.parametrize(
    ("removed", "action", "left"), [("archive", "archive", True), ("delete", "delete", False), ("keep", "forget", True)]
)
def test_a_removed_file_follows_the_setting_removed(removed: str, action: str, left: bool) -> None:
    made = published(FILES, removed=removed)
    number = made.id_of(PATH)
    made.remove(PATH)
    assert steps(made.publish()) == {PATH: action}
    assert (ItemKey(Kind.ARTICLE, number) in made.live) is left
    assert steps(made.plan()) == {}


def test_a_restored_article_keeps_its_id_and_is_published() -> None:
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


def test_overwrite_publishes_over_a_web_edit_at_its_path_only() -> None:
    made = published(FILES)
    made.edit(PATH, body="<p>Press any button.</p>")
    made.edit("guide/basics/other.md", title="Another")
    actions = steps(made.plan(overwrite=frozenset({PATH})))
    assert actions == {PATH: "update", "guide/basics/other.md": "drift"}
    made.publish(overwrite=frozenset({PATH}))
    assert steps(made.plan()) == {"guide/basics/other.md": "drift"}


def test_overwrite_creates_what_is_gone_on_the_web() -> None:
    made = published(FILES)
    made.lose(PATH)
    assert steps(made.plan(overwrite=frozenset({PATH}))) == {PATH: "create"}


@pytest.mark.parametrize("state", [State.KEPT, State.RELEASED])
def test_overwrite_manages_released_items_again(state: State) -> None:
    made = published(FILES)
    _settle(made, made.key(PATH), state)
    made.files[PATH] = article("Reset", "Press the red button.")
    assert steps(made.publish(overwrite=frozenset({PATH}))) == {PATH: "update"}
    assert made.baseline(PATH).state is State.LIVE
    assert steps(made.plan()) == {}


@pytest.mark.parametrize(
    ("path", "is_meant"),
    [
        ("kb/faq/reset.md", True),
        ("kb/news/today.md", True),
        ("kb/news", True),
        ("kb/newsroom/a.md", False),
        ("kb/faq/other.md", False),
        ("kb", False),
    ],
)
def test_overwrite_means_a_path_and_all_below_it(path: str, is_meant: bool) -> None:
    addresses = LinkResolver(Config(root=Path()), frozenset())
    rules = PlanRules(addresses=addresses, overwrite=frozenset({"kb/faq/reset.md", "kb/news"}))
    assert rules.overwrites(path) is is_meant
