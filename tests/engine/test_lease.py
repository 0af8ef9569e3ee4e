"""Two publishers and one portal: one at a time, each reported to the other, and no change is overwritten."""

import json
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from kbsync.change import Result
from kbsync.engine import session
from kbsync.engine.context import PlanResult
from kbsync.engine.publish import PublishResult
from kbsync.errors import KbsyncError, Refusal
from kbsync.git.refs import PushRefused
from kbsync.git.repository import Repository
from kbsync.planner.approval import needs_review
from kbsync.sandbox.account import Fault
from kbsync.sandbox.server import Portal
from kbsync.state import lease
from kbsync.state.journal import InFlight, current_holder, lease_files
from tests.engine.clone import LEDGER, Clone, Quiet, clone_of, git, read_long_ago, shown, steps, troubles
from tests.planner.world import article

LEASE = "refs/kbsync-lease/production"
RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"
NEW = article("Install", "Unpack both boxes.", tags="[box, table]")


@dataclass(slots=True, kw_only=True)
class Midway(Quiet):
    """A ui in whose hands something else happens: when it is asked, or at the nth step that it hears of."""

    then: Callable[[], object]
    step: int = 0
    taken: int = 0

    def confirm(self, planned: PlanResult) -> bool:
        if self.step == 0:
            self.then()
        return True

    def advance(self, what: str) -> None:
        self.taken += 1
        if self.taken == self.step:
            self.then()


@dataclass(slots=True, kw_only=True)
class AtWrite:
    """Does something, which must not ask the portal, when that meets a run's nth write and has not done it yet."""

    portal: Portal
    number: int
    act: Callable[[], object]
    met: int = 0
    strike: Callable[[str, str], Fault | None] = field(init=False)

    def __post_init__(self) -> None:
        self.strike = self.portal.faults.strike

    def __call__(self, method: str, path: str) -> Fault | None:
        if method != "GET":
            self.met += 1
            if self.met == self.number:
                self.act()
        return self.strike(method, path)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "POLL_INTERVAL", 0.05)


def _at_write(clone: Clone, number: int, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clone.portal.faults, "strike", AtWrite(portal=clone.portal, number=number, act=act))


def _other(clone: Clone, shared: Path) -> Clone:
    return clone_of(shared, clone.root.parent / "other", clone)


def _held_by_another(shared: Path, clone: Clone, **holder: Any) -> str:
    """Leave a lease of an unreachable machine on the remote."""
    repository = Repository.open(clone.root)
    them = replace(current_holder(None), user="ann", host="laptop", boot="elsewhere", **holder)
    commit = repository.commit_files(lease_files(InFlight(holder=them)), message="theirs", parent=None)
    clone.git("push", "-q", "--force", "origin", f"{commit}:{LEASE}")
    return commit


def _an_hour_later(monkeypatch: pytest.MonkeyPatch, clock: str = "time") -> None:
    """Advance a clock."""
    real = getattr(time, clock)
    monkeypatch.setattr(time, clock, lambda: real() + 3600)


def _refs(place: Path) -> set[str]:
    return set(git(place, "for-each-ref", "--format=%(refname)", "refs/kbsync*/**").split())


def test_a_second_publisher_is_refused_with_the_holder_and_its_start_time(
    clone: Clone, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, heard = _other(clone, shared), list[KbsyncError]()

    def publish_too() -> None:
        with pytest.raises(Refusal, match=r"another publish is running: .+ on .+, since 20") as refused:
            other.publish()
        heard.append(refused.value)

    clone.ui = Midway(then=publish_too, step=3)
    clone.published()
    assert [error.exit_code for error in heard] == [4]
    assert "--wait" in heard[0].advice
    assert steps(other.plan()) == {}
    assert _refs(shared) == {LEDGER}


def test_a_waiting_run_continues_from_where_the_first_ended(
    clone: Clone, shared: Path, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, ended = _other(clone, shared), list[PublishResult]()
    waiting = threading.Thread(target=lambda: ended.append(other.publish(wait=30.0)))

    def publish_too() -> None:
        waiting.start()
        while not any("waiting for another publish" in heard for heard in other.ui.heard):
            waiting.join(0.02)

    clone.ui = Midway(then=publish_too, step=3)
    clone.published()
    waiting.join(60)
    (done,) = ended
    assert {result for _, result, _ in troubles(done)} == {"withheld"}
    assert all(error == "already done" for _, _, error in troubles(done))
    assert len(portal.store.all_articles()) == 4
    assert steps(other.plan()) == steps(clone.plan()) == {}


def test_the_intent_is_on_the_remote_before_the_first_write_and_gone_after_the_last(
    clone: Clone, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}

    def look() -> None:
        names = git(shared, "ls-tree", "-r", "--name-only", LEASE).split()
        seen.update({name: git(shared, "show", f"{LEASE}:{name}") for name in names})

    _at_write(clone, 1, look, monkeypatch)
    clone.published()
    holder = json.loads(seen["holder.json"])
    assert holder["commit"] == clone.git("rev-parse", "HEAD").strip()
    intents = [json.loads(text) for name, text in seen.items() if name.startswith("intent/")]
    assert {intent["path"] for intent in intents} >= {"guide", "guide/basics", INSTALL, RESET, PAY}
    (install,) = [intent for intent in intents if intent["path"] == INSTALL]
    assert "\n".join(install["source"]["source"]) == clone.read(INSTALL)
    assert _refs(shared) == {LEDGER}
    assert clone.portal.key not in "".join(seen.values())


def test_checkpoints_record_completed_changes(clone: Clone, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_INTERVAL", 0.05)
    seen = list[str]()

    def look() -> None:
        for _ in range(200):
            seen[:] = [name for name in git(shared, "ls-tree", "-r", "--name-only", LEASE).split() if "done/" in name]
            if len(seen) >= 4:
                return
            threading.Event().wait(0.05)

    _at_write(clone, 8, look, monkeypatch)
    clone.published()
    assert len(seen) >= 4
    assert len(git(shared, "log", "--format=%H", LEDGER).split()) == 1, "checkpoints are no part of the ledger"


def test_a_plan_with_nothing_to_write_takes_no_lease(clone: Clone, shared: Path, portal: Portal) -> None:
    clone.published()
    clone.git("push", "-q", "origin", ":" + LEDGER)
    clone.git("update-ref", "-d", LEDGER)
    _held_by_another(shared, clone)
    assert set(steps(clone.published()).values()) == {"adopt"}
    assert _refs(shared) == {LEDGER, LEASE}, "and another's is left alone"


def test_plan_and_pull_name_a_publish_that_is_under_way(clone: Clone, shared: Path) -> None:
    _held_by_another(shared, clone)
    for planned in (clone.planned(), clone.pull(dry_run=True).planned):
        assert "Another publish is running: ann on laptop, since 20" in lease.describe(planned.workspace.in_flight)


def test_a_lease_that_is_not_renewed_is_taken_over(clone: Clone, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _held_by_another(shared, clone)
    with pytest.raises(Refusal, match="ann on laptop"):
        clone.publish(wait=0.3)
    assert clone.portal.store.all_articles() == []
    monkeypatch.setattr(lease, "STALE_AFTER", 0.5)
    clone.published(wait=30.0)
    assert _refs(shared) == {LEDGER}


def test_a_lease_that_is_renewed_is_not_taken_over(clone: Clone, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "STALE_AFTER", 0.6)
    over = threading.Event()
    other = _other(clone, shared)
    _held_by_another(shared, other)

    def renew() -> None:
        number = 0
        while not over.wait(0.1):
            number += 1
            _held_by_another(shared, other, renewed_at=f"2099-01-01T00:00:{number % 60:02}Z")

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        with pytest.raises(Refusal, match="ann on laptop"):
            clone.publish(wait=2.0)
    finally:
        over.set()
        renewing.join()
    assert clone.portal.store.all_articles() == []


def test_a_run_that_lost_its_lease_stops_before_the_next_write(
    clone: Clone, shared: Path, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _other(clone, shared)

    def lose() -> None:
        _held_by_another(shared, other)
        _an_hour_later(monkeypatch)

    _at_write(clone, 4, lose, monkeypatch)
    done = clone.publish()
    assert done.run is not None
    assert "taken over by ann on laptop" in done.run.lost
    assert {result for _, result, _ in troubles(done)} <= {"skipped", "failed"}
    assert len(troubles(done)) > 0
    assert _refs(shared) == {LEDGER, LEASE}, "what was done is remembered, and the other's lease is theirs"
    written = len(portal.store.all_categories()) + len(portal.store.all_folders()) + len(portal.store.all_articles())
    assert written < 9
    git(shared, "update-ref", "-d", LEASE)
    other.published()
    assert len(portal.store.all_articles()) == 4
    assert steps(clone.plan()) == {}


def test_a_run_that_cannot_renew_its_lease_stops_too(
    clone: Clone, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def cut_off() -> None:
        shared.rename(shared.with_name("away.git"))
        _an_hour_later(monkeypatch)

    _at_write(clone, 4, cut_off, monkeypatch)
    done = clone.publish()
    assert done.ledger_error is not None
    assert any("could not be renewed" in error for _, _, error in troubles(done))
    shared.with_name("away.git").rename(shared)
    clone.published()
    assert steps(clone.plan()) == {}
    assert _refs(shared) == {LEDGER}


@pytest.mark.parametrize("clock", ["time", "monotonic"])
def test_a_run_that_was_suspended_checks_its_lease_before_it_writes(
    clone: Clone, shared: Path, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either of the two clocks may stop during a sleep; the other one shows it."""
    other = _other(clone, shared)

    def sleep() -> None:
        _held_by_another(shared, other)
        _an_hour_later(monkeypatch, clock)

    _at_write(clone, 4, sleep, monkeypatch)
    done = clone.publish()
    assert done.run is not None
    assert "taken over by ann" in done.run.lost


def test_both_sides_of_a_take_over_end_as_one_ledger(
    clone: Clone, shared: Path, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is slow, the second takes it for dead and does it all; the first wakes up and joins what it knows."""
    clone.commit({f"guide/more/page-{number}.md": article(f"Page {number}") for number in range(4)})
    clone.git("push", "-q", "origin", "main")
    other = _other(clone, shared)

    def overtake() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(lease, "STALE_AFTER", 0.0)
            done = other.publish()
        assert done.ledger_error is None
        _an_hour_later(monkeypatch)

    clone.ui = Midway(then=overtake, step=3)
    first = clone.publish()
    assert first.run is not None
    assert first.run.lost
    assert first.ledger_error is None
    fresh = clone_of(shared, clone.root.parent / "fresh", clone)
    assert steps(fresh.plan()) == steps(clone.plan()) == steps(other.plan()) == {}
    assert len(portal.store.all_articles()) == 8
    assert _refs(shared) == {LEDGER}


def test_a_clone_that_may_not_push_is_refused_before_any_write(clone: Clone, shared: Path, portal: Portal) -> None:
    hook = shared / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(PushRefused, match="rejected the push of") as refused:
        clone.publish()
    assert "--local" in refused.value.advice
    assert portal.store.all_categories() == []
    clone.published(local=True)
    assert steps(clone.plan(local=True)) == {}
    assert _refs(clone.root) == {LEDGER}


def test_without_a_remote_the_lease_is_in_the_clone(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = list[str]()

    def publish_too() -> None:
        with pytest.raises(Refusal) as refused:
            replace(clone, ui=Quiet()).publish()
        heard.append(refused.value.what)

    clone.ui = Midway(then=publish_too, step=2)
    clone.published()
    assert "another publish is running" in heard[0]
    assert _refs(clone.root) == {LEDGER}


def test_a_ledger_that_moved_since_the_plan_is_read_again_and_only_confirmed_changes_are_applied(
    clone: Clone, shared: Path, portal: Portal
) -> None:
    clone.published()
    other = _other(clone, shared)
    clone.commit({INSTALL: NEW, PAY: article("Pay", "Only cash.")})
    clone.git("push", "-q", "origin", "main")
    other.git("pull", "-q", "origin", "main")

    def meanwhile() -> None:
        assert steps(other.published(paths=(INSTALL,))) == {INSTALL: "update"}
        portal.store.edit_article(clone.id_of(RESET), body="<p>Theirs.</p>")

    clone.ui = Midway(then=meanwhile)
    portal.calls.clear()
    done = clone.publish()
    assert sum(call.method == "PUT" for call in portal.calls) == 2, "one of each publisher"
    assert [(path, result) for path, result, _ in troubles(done)] == [(INSTALL, "withheld")]
    assert clone.live(PAY).description == "<p>Only cash.</p>\n"
    assert steps(clone.plan()) == {RESET: "drift"}


@pytest.mark.parametrize("change", ["archive", "move", "update"])
def test_an_agent_who_saves_between_plan_and_write_wins(
    clone: Clone, portal: Portal, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LiveSide", read_long_ago)
    clone.published()
    number = clone.id_of(PAY)
    match change:
        case "archive":
            clone.remove(PAY)
        case "move":
            clone.git("mv", PAY, "guide/basics/pay.md")
        case _:
            clone.write({PAY: article("Pay", "Only cash.")})
    clone.commit()
    clone.ui = Midway(then=lambda: portal.store.edit_article(number, body="<p>Theirs, in time.</p>"))
    before = len(portal.store.all_articles())
    done = clone.publish()
    assert ("withheld", True) in {(result, "changed on the portal" in error) for _, result, error in troubles(done)}
    assert len(portal.store.all_articles()) == before, "and no second copy is made"
    saved = portal.store.article(number)
    assert (saved.description, saved.status) == ("<p>Theirs, in time.</p>", 2)
    assert shown(portal)[number][2] == "<p>Theirs, in time.</p>"


def test_two_first_publishes_at_the_same_moment_are_both_well(clone: Clone, shared: Path) -> None:
    """The later one finds live what it wanted, and has nothing to hold back."""
    other = _other(clone, shared)
    planned = threading.Barrier(2, timeout=30)
    for one in (clone, other):
        one.ui.meanwhile = planned.wait
    done: list[PublishResult] = []
    threads = [threading.Thread(target=lambda c=one: done.append(c.publish(wait=60.0))) for one in (clone, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = [o for one in done for o in (*(one.run.outcomes if one.run else ()), *one.planned.withheld)]
    assert [o.error for o in outcomes if o.result is Result.FAILED or needs_review(o)] == []
    assert [one.planned.plan.conflicts for one in done] == [(), ()]
    titles = [one.title for one in clone.portal.store.all_articles()]
    assert len(titles) == len(set(titles))
