"""Undo under faults: killed at any change, refused by the portal, older than another run, or interrupted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kbsync.config import Secret
from kbsync.engine import history
from kbsync.engine import undo as undoing
from kbsync.engine.context import Options, PlanResult
from kbsync.errors import Refusal
from tests.engine.clone import LEDGER, Clone, Quiet, clone_of, shown, steps
from tests.engine.test_undo import BOX, CHANGED, INSTALL, PAY, undone
from tests.planner.world import article

NEW = "guide/basics/new.md"


class Killed(BaseException):
    """The end of a process that nothing in it gets to hear of."""


@dataclass(slots=True, kw_only=True)
class Doomed(Quiet):
    """A ui in whose time the process ends, once so many changes are made."""

    after: int
    made: int = 0

    def advance(self, what: str) -> None:
        self.made += 1
        if self.made == self.after:
            raise Killed


@dataclass(slots=True, kw_only=True)
class Slow(Quiet):
    """A ui that waits while another run is quicker."""

    act: Callable[[], object]

    def confirm(self, planned: PlanResult) -> bool:
        self.act()
        return True


@pytest.fixture
def changed(clone: Clone, shared: Path) -> Clone:
    """A clone whose last run updated, created, archived and moved an article; two clones know it."""
    clone.commit({BOX: article("Box", "Open the box and keep it.")})
    clone.published()
    clone.remove(PAY)
    clone.git("mv", BOX, "guide/basics/wifi/box.md")
    clone.commit({INSTALL: CHANGED, NEW: article("New", "Words."), "shop/orders/_index.md": "---\nname: orders\n---\n"})
    clone.published()
    clone.git("push", "-q", "origin", "main")
    return clone


@pytest.mark.parametrize(("count", "fresh"), [(1, True), (2, False), (3, True)])
def test_an_undo_that_is_killed_is_finished_here_or_elsewhere(
    changed: Clone, shared: Path, count: int, fresh: bool
) -> None:
    run = changed.git("rev-parse", LEDGER).strip()
    with pytest.raises(Killed):
        undoing.undo(changed.config, Secret(changed.portal.key), None, Options(), Doomed(after=count))
    clone = clone_of(shared, changed.root.parent / "fresh", changed) if fresh else changed
    said = steps(clone.plan())
    assert {said.get(path, "undone") for path in (INSTALL, PAY, NEW)} == {"undone"}
    undone(clone, run[:10])
    by_title = {a.title: a.status for a in clone.portal.store.all_articles()}
    assert by_title["Install"] == 2
    assert by_title["Pay"] == 2
    assert by_title["New"] == 1
    assert sorted(a.status for a in clone.portal.store.all_articles() if a.title == "Box") == [1, 2]
    assert set(steps(clone.plan()).values()) == {"undone"}
    assert clone.methods(clone.published).keys() == {"GET"}


@pytest.mark.parametrize("count", [2, 3])
def test_a_publish_after_a_killed_undo_keeps_the_restored_articles(changed: Clone, count: int) -> None:
    """Of a move that was half turned round, where readers have both, the one stays that has the file."""
    with pytest.raises(Killed):
        undoing.undo(changed.config, Secret(changed.portal.key), None, Options(), Doomed(after=count))
    before = shown(changed.portal)
    changed.published()
    after = shown(changed.portal)
    assert {title for number, (_, title, *_) in after.items() if after[number] != before[number]} <= {"Box"}
    assert sorted(status for _, title, _, status, _ in after.values() if title == "Box") == [1, 2]
    assert not changed.plan().writes


def test_a_change_that_the_portal_refuses_is_reported_and_undone_by_the_next_undo(changed: Clone) -> None:
    run = changed.git("rev-parse", LEDGER).strip()
    number = changed.id_of(INSTALL)
    changed.portal.faults.fail("PUT", f"*/articles/{number}", status=403, times=None)
    done = undoing.undo(changed.config, Secret(changed.portal.key), None, Options(), changed.ui)
    assert done.run is not None
    assert [o.change.path for o in done.run.outcomes if o.result != "done"] == [INSTALL]
    changed.portal.faults.clear()
    again = undone(changed, run)
    assert [change.path for change in again.planned.plan.changes] == [INSTALL]
    assert changed.portal.store.article(number).title == "Install"
    assert set(steps(changed.plan()).values()) == {"undone"}


def test_an_undo_that_is_older_than_the_published_content_writes_nothing(changed: Clone, shared: Path) -> None:
    other = clone_of(shared, changed.root.parent / "other", changed)
    other.commit({INSTALL: CHANGED.replace("both", "all")})
    with pytest.raises(Refusal, match="not an ancestor"):
        undoing.undo(changed.config, Secret(changed.portal.key), None, Options(), Slow(act=other.published))
    assert "all" in changed.live(INSTALL).description
    assert changed.live(NEW).status == 2


def test_two_undos_of_one_run_at_once_are_one(changed: Clone, shared: Path) -> None:
    other = clone_of(shared, changed.root.parent / "other", changed)
    done = undoing.undo(changed.config, Secret(changed.portal.key), None, Options(), Slow(act=lambda: undone(other)))
    assert done.ledger_error is None
    outcomes = done.run.outcomes if done.run else []
    assert {outcome.result.value for outcome in outcomes} <= {"withheld"}
    assert set(steps(changed.plan()).values()) == {"undone"}
    assert len(history.list_runs(changed.config, local=False)) == 3
