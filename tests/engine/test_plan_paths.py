"""`plan PATH` and `publish PATH` read only what the paths concern, and plan it as a run over the whole portal does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.planner.planner import Plan
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, shown, steps
from tests.engine.test_laws import a_clone, edit_web, rewrite
from tests.planner.trees import Edit, agents_edits, law, trees, writers_edits
from tests.planner.world import article

RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"


@pytest.fixture
def live(clone: Clone) -> Clone:
    """A published tree, with more folders than a path concerns."""
    clone.commit({f"shop/f{number}/one.md": article(f"One {number}", "Words.") for number in range(6)})
    clone.published()
    return clone


def _calls(clone: Clone, *paths: str) -> list[str]:
    clone.portal.calls.clear()
    clone.plan(paths=paths)
    return [f"{call.method} {call.path.removeprefix('/api/v2/solutions/')}" for call in clone.portal.calls]


def test_a_file_takes_the_categories_and_its_folder(live: Clone) -> None:
    folder = live.live(INSTALL).folder_id
    assert _calls(live, INSTALL) == ["GET categories", f"GET folders/{folder}/articles"]
    assert _calls(live, RESET, INSTALL) == ["GET categories", f"GET folders/{folder}/articles"]


def test_a_folder_takes_the_lists_of_its_folders_and_of_its_articles(live: Clone) -> None:
    assert len(_calls(live, "shop/f1")) == 3
    assert len(_calls(live, "shop/f1", "shop/f2")) == 4


def test_a_web_edit_a_deletion_and_an_unmanaged_article_of_the_folder_are_in_the_plan(
    live: Clone, portal: Portal
) -> None:
    portal.store.edit_article(live.id_of(INSTALL), body="<p>By hand.</p>")
    portal.store.delete_article(live.id_of(RESET))
    portal.store.create_article(live.live(INSTALL).folder_id, "By an agent", "<p>New.</p>")
    some, whole = live.plan(paths=("guide/basics",)), live.plan()
    assert _findings(some) == _findings(whole)
    assert len(_findings(some)) == 3


def _findings(plan: Plan) -> set[tuple[str, str]]:
    return {(finding.path, finding.reason) for finding in (*plan.drift, *plan.conflicts, *plan.unmanaged)}


def test_an_article_that_agents_moved_away_is_asked_for_by_its_id(live: Clone, portal: Portal) -> None:
    portal.store.move_article(live.id_of(INSTALL), live.live(PAY).folder_id)
    assert _findings(live.plan(paths=(INSTALL,))) == _findings(live.plan())


def test_a_publish_writes_what_is_at_the_path_and_nothing_else(live: Clone, portal: Portal) -> None:
    live.commit({INSTALL: article("Install", "Unpack both.", tags="[box]"), PAY: article("Pay", "Cash.")})
    before, number = shown(portal), live.id_of(INSTALL)
    live.published(paths=(INSTALL,))
    after = shown(portal)
    assert {key for key in after if after[key] != before[key]} == {number}
    assert steps(live.plan()) == {PAY: "update"}


@law(5)
@given(trees(most=5), writers_edits(), agents_edits(), st.integers(0, 20))
def test_the_plan_of_a_path_is_that_part_of_the_whole_plan(
    files: dict[str, str], mine: list[Edit], theirs: list[Edit], chosen: int
) -> None:
    with a_clone(files) as clone:
        clone.published()
        rewrite(clone, mine)
        edit_web(clone.portal, theirs)
        whole = clone.plan()
        paths = sorted({change.path for change in whole.changes} | {known.path for known in clone.baselines().values()})
        if whole.halt or not paths:
            return
        path = paths[chosen % len(paths)]
        some, planned = clone.plan(paths=(path,)), whole_at(whole, path)
        assert {(change.path, change.action, change.id) for change in some.changes} >= planned
        assert all(
            change.path == path or path.startswith(f"{change.path}/") or change.path.startswith(f"{path}/")
            for change in some.changes
        )
        assert [f for f in _findings(whole) if f[0] == path] == [f for f in _findings(some) if f[0] == path]


def whole_at(plan: Plan, path: str) -> set[tuple[str, object, int | None]]:
    return {
        (change.path, change.action, change.id)
        for change in plan.changes
        if change.path == path or change.path.startswith(f"{path}/")
    }
