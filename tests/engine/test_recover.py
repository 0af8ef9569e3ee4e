"""After an interrupted run: how plan, pull and publish recover its changes."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kbsync.baseline import BaselineOrigin
from kbsync.errors import Refusal
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, Quiet, clone_of, git, steps, troubles
from tests.engine.faulted import Killer, World, copied, go_on, kill_at, make_world, prepare, said

PAY, OLD, SETUP, FRESH = (
    "guide/basics/pay.md",
    "guide/basics/old.md",
    "guide/basics/install.md",
    "guide/basics/fresh.md",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A commit that is still to be published."""
    prepare()
    return make_world(tmp_path_factory.mktemp("recovery") / "world")


def _cut_off(world: World, place: Path, at: int, then: Callable[[Clone], None]) -> None:
    def go(clone: Clone) -> str:
        then(clone)
        return "done"

    assert kill_at(world, place / "case", Killer(at=at, done=True), go) == "done"


@pytest.mark.parametrize("afresh", [False, True], ids=["here", "afresh"])
def test_a_plan_after_a_kill_lists_only_the_remaining_changes_and_writes_nothing(
    world: World, tmp_path: Path, afresh: bool
) -> None:
    def look(killed: Clone) -> None:
        clone = clone_of(killed.root.parent / "shared.git", tmp_path / "fresh", killed) if afresh else killed
        refs = git(clone.root, "ls-remote", "origin")
        first, calls = clone.plan(), clone.methods(clone.plan)
        assert calls.keys() == {"GET"}
        assert not [(f.path, f.reason) for f in (*first.drift, *first.conflicts)]
        assert 0 < len(first.writes) < 14
        assert "create" not in {word for path, word in steps(first).items() if path in ("news", "guide/loop")}
        assert git(clone.root, "ls-remote", "origin") == refs
        clone.published()
        assert said(clone.portal) == world.expected

    _cut_off(world, tmp_path, 10, look)


def test_a_pull_after_a_kill_does_not_pull_our_own_changes(world: World, tmp_path: Path) -> None:
    def look(clone: Clone) -> None:
        files = clone.files()
        result = clone.pull()
        assert not result.planned.plan.conflicts
        assert clone.files() == files

    _cut_off(world, tmp_path, 13, look)


def test_a_web_edit_over_our_write_is_reported_and_kept(world: World, tmp_path: Path) -> None:
    def look(killed: Clone) -> None:
        clone = clone_of(killed.root.parent / "shared.git", tmp_path / "fresh", killed)
        (pay,) = [a for a in clone.portal.store.all_articles() if a.title == "Set up"]
        clone.portal.store.edit_article(pay.id, body="<p>Theirs.</p>")
        done = clone.publish()
        assert SETUP in {finding.path for finding in done.planned.plan.conflicts}
        assert clone.portal.store.article(pay.id).description == "<p>Theirs.</p>"

    _cut_off(world, tmp_path, 12, look)


def test_an_item_created_by_a_killed_run_is_recorded_with_its_origin_in_content(world: World, tmp_path: Path) -> None:
    def look(killed: Clone) -> None:
        clone = clone_of(killed.root.parent / "shared.git", tmp_path / "fresh", killed)
        clone.published()
        made = [known for known in clone.baselines().values() if known.path.startswith(("news", "guide/loop"))]
        assert {known.origin for known in made} == {BaselineOrigin.CONTENT}
        page = clone.ledger()["run.json"]
        assert '"path": "news"' in page, "the run that completes another tells of both"
        assert len(git(clone.root, "log", "--format=%H", "refs/kbsync/production").split()) == 2

    _cut_off(world, tmp_path, 12, look)


def test_an_older_commit_does_not_revert_the_writes_of_a_killed_run(world: World, tmp_path: Path) -> None:
    def look(killed: Clone) -> None:
        before = said(killed.portal)
        killed.git("checkout", "-q", "HEAD~1")
        with pytest.raises(Refusal, match="not an ancestor"):
            killed.publish()
        assert said(killed.portal) == before
        killed.published(rollback=True)
        assert steps(killed.plan()) == {"guide/basics": "conflict"}, "a name without an _index.md; the rest went back"

    _cut_off(world, tmp_path, 10, look)


def test_a_second_article_with_the_title_of_a_lost_one_is_reported_and_no_third_is_created(
    world: World, tmp_path: Path
) -> None:
    """The moved article was created but not recorded, and an agent created another of the same title in its folder."""
    with copied(world, tmp_path / "case") as (clone, portal):
        portal.faults.lose("POST", "*/articles", times=None)
        portal.faults.fail("GET", "*/articles", times=None, skip=2)
        first = clone.publish()
        assert PAY in {path for path, result, _ in troubles(first) if result == "failed"}
        portal.faults.clear()
        (lost,) = [a for a in portal.store.all_articles() if a.title == "Pay" and a.folder_id != _old_place(portal)]
        portal.store.edit_article(lost.id, body="<p>Something else by now.</p>")
        before = len([a for a in portal.store.all_articles() if a.title == "Pay"])
        second = clone.publish()
        reasons = {finding.path: finding.reason for finding in second.planned.plan.conflicts}
        assert str(lost.id) in reasons[PAY]
        assert "interrupted publish" in reasons[PAY]
        assert len([a for a in portal.store.all_articles() if a.title == "Pay"]) == before
        assert PAY in {finding.path for finding in clone.plan().conflicts}, "and named until somebody settles it"
        portal.store.delete_article(lost.id)
        assert go_on(clone, world, afresh=True) == ""


def _old_place(portal: Portal) -> int:
    (orders,) = [folder.id for folder in portal.store.all_folders() if folder.name == "orders"]
    return orders


@dataclass(slots=True, kw_only=True)
class Impatient(Quiet):
    """A ui that interrupts at the nth step; once, or until the run gives up."""

    step: int
    twice: bool = False
    taken: int = 0

    def advance(self, what: str) -> None:
        self.taken += 1
        if self.taken == self.step:
            os.kill(os.getpid(), signal.SIGINT)
            if self.twice:
                # Two at once would be heard as one, and a busy machine takes its time to hear the first.
                threading.Event().wait(2)
                os.kill(os.getpid(), signal.SIGINT)
                threading.Event().wait(2)


def test_an_interrupt_finishes_the_calls_in_flight_saves_and_reports_the_rest(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path / "case") as (clone, _):
        clone.ui = Impatient(step=6)
        done = clone.publish()
        assert done.run is not None
        assert done.run.interrupted
        left = {path for path, result, _ in troubles(done)}
        assert left
        assert {(result, error.split(";")[0]) for _, result, error in troubles(done)} <= {
            ("skipped", "not started: interrupted"),
            ("skipped", "created as a draft"),
        }
        assert {o.change.path for o in done.run.outcomes} == {c.path for c in done.planned.plan.changes}
        assert git(clone.root, "ls-remote", "origin", "refs/kbsync*/*").split()[1::2] == ["refs/kbsync/production"]
        fresh = clone_of(tmp_path / "case" / "shared.git", tmp_path / "fresh", clone)
        assert not fresh.plan().conflicts
        assert go_on(clone, world, afresh=False) == ""


def test_a_second_interrupt_ends_at_once_and_is_in_the_journal(world: World, tmp_path: Path) -> None:
    with copied(world, tmp_path / "case") as (clone, _):
        clone.ui = Impatient(step=6, twice=True)
        with pytest.raises(KeyboardInterrupt):
            clone.publish()
        threading.Event().wait(2.5)
        assert list((clone.root / ".git" / "kbsync").rglob("*.journal"))
        clone.ui = Quiet()
        assert go_on(clone, world, afresh=False) == ""
