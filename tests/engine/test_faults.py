"""A portal that fails: the failures are reported, the rest is applied, and the next run completes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kbsync.errors import KbsyncError, PortalError
from kbsync.freshdesk.rate_limit import RateLimitState
from kbsync.sandbox.account import Fault
from kbsync.sandbox.api import folders, shapes
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, clone_of, new_clone, shown, steps, troubles
from tests.engine.conftest import TREE
from tests.planner.world import article
from tests.portals import serve

RESET, INSTALL = "guide/basics/reset.md", "guide/basics/install.md"
CIRCLE = {
    "guide/loop/one.md": article("One", "To [two](two.md)."),
    "guide/loop/two.md": article("Two", "To [one](one.md)."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Which calls go wrong in the first run."""

    name: str
    fault: Fault

    def __str__(self) -> str:
        return self.name


TROUBLES = [
    Trouble(name="every second creation fails", fault=Fault(method="POST", every=2, times=None)),
    Trouble(name="folders fail", fault=Fault(method="POST", path="*/categories/*/folders", times=None)),
    Trouble(name="articles are refused", fault=Fault(method="POST", path="*/articles", status=400, times=None)),
    Trouble(name="one article is refused", fault=Fault(method="POST", path="*/articles", status=403, skip=2)),
    Trouble(name="updates fail", fault=Fault(method="PUT", times=None)),
    Trouble(name="all writes fail", fault=Fault(method="P*", body="empty", times=None)),
    Trouble(name="lost answers", fault=Fault(kind="lost", method="POST", every=2, times=None)),
    Trouble(name="every answer is lost", fault=Fault(kind="lost", method="POST", times=None)),
    Trouble(name="lost before done", fault=Fault(kind="lost", method="POST", applied=False, times=3)),
    Trouble(name="halves of answers", fault=Fault(kind="truncated", method="POST", every=3, times=None)),
    Trouble(name="too many calls", fault=Fault(status=429, every=3, times=6)),
]


def _said(portal: Portal) -> list[tuple[str, str, int, str]]:
    """Return what readers and agents see, without the ids, which differ from run to run."""
    names = {folder.id: folder.name for folder in portal.store.all_folders()}
    return sorted(
        (names[a.folder_id], a.title, a.status, a.description_text.strip()) for a in portal.store.all_articles()
    )


def _names(portal: Portal) -> list[str]:
    return sorted([*(c.name for c in portal.store.all_categories()), *(f.name for f in portal.store.all_folders())])


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_a_second_run_after_a_fault_completes_the_portal(clone: Clone, portal: Portal, trouble: Trouble) -> None:
    clone.commit(CIRCLE)
    portal.faults.add(trouble.fault)
    first = clone.publish()
    assert all(error for _, _, error in troubles(first)), "what failed says why"
    portal.faults.clear()
    clone.published()
    with serve(SandboxSettings()) as calm:
        spared = new_clone(clone.root.parent / "spared", calm, TREE | CIRCLE)
        spared.published()
        assert _said(portal) == _said(calm)
        assert _names(portal) == _names(calm)
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}


@pytest.mark.parametrize("trouble", TROUBLES[::2], ids=str)
def test_updates_and_removals_survive_faults_too(clone: Clone, portal: Portal, trouble: Trouble) -> None:
    clone.published()
    clone.git("mv", "shop/orders/pay.md", "guide/basics/pay.md")
    clone.remove("guide/basics/wifi")
    clone.commit({INSTALL: article("Set up", "Unpack both."), **CIRCLE})
    fault = trouble.fault
    portal.faults.add(fault)
    clone.publish()
    portal.faults.clear()
    clone.published()
    seen = sorted(a.title for a in portal.store.all_articles() if a.readable)
    assert seen == ["One", "Pay", "Reset", "Set up", "Two"]
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}


HOME = '/support/solutions"'


def test_an_article_that_the_portal_refuses_holds_back_no_other(clone: Clone, portal: Portal) -> None:
    """`reset` links to `install`: it is published, and gets that link when `install` has an address."""
    clone.published(paths=("shop",))  # so that `install` is the first article to be created
    portal.faults.fail("POST", "*/articles", status=400)
    done = clone.publish()
    assert [(path, result) for path, result, _ in troubles(done)] == [(INSTALL, "failed")]
    assert HOME in clone.live(RESET).description
    (reset,) = [outcome for outcome in done.run.outcomes if outcome.change.path == RESET] if done.run else []
    assert reset.notes == (f"a link leads to the portal's home page until {INSTALL} is published",)
    portal.faults.fail("POST", "*/articles", status=413)
    assert {path: result for path, result, _ in troubles(clone.publish())} == {INSTALL: "failed", RESET: "skipped"}
    assert set(steps(clone.plan())) == {INSTALL, RESET}
    clone.published()
    assert HOME not in clone.live(RESET).description
    assert f"/articles/{clone.id_of(INSTALL)}" in clone.live(RESET).description
    assert steps(clone.plan()) == {}


def test_what_lies_in_a_refused_folder_waits_and_what_links_to_it_does_not(clone: Clone, portal: Portal) -> None:
    clone.commit({"shop/orders/pay.md": article("Pay", "See [join](../../guide/basics/wifi/join.md).")})
    portal.faults.fail("POST", "*/folders", status=400, skip=1)
    ends = {path: result for path, result, _ in troubles(clone.publish())}
    assert "failed" in ends.values()
    inside = {path for path in ends if path.endswith(".md")}
    failed = {path for path, result in ends.items() if result == "failed"}
    assert all(any(path.startswith(f"{folder}/") for folder in failed) for path in inside)
    clone.published()
    assert steps(clone.plan()) == {}
    assert all(HOME not in a.description for a in portal.store.all_articles())


def test_links_to_an_article_whose_move_is_refused_lead_to_the_old_one(clone: Clone, portal: Portal) -> None:
    clone.published()
    old = clone.id_of(INSTALL)
    clone.git("mv", INSTALL, "shop/orders/install.md")
    clone.commit({RESET: article("Reset", "First [install](../../shop/orders/install.md), then more.")})
    portal.faults.fail("POST", "*/articles", status=400)
    assert [result for _, result, _ in troubles(clone.publish())] == ["failed"]
    assert f"/articles/{old}" in clone.live(RESET).description
    clone.published()
    assert f"/articles/{clone.id_of('shop/orders/install.md')}" in clone.live(RESET).description
    assert clone.id_of("shop/orders/install.md") != old
    assert steps(clone.plan()) == {}


def test_one_failure_stops_only_the_changes_that_need_it(
    clone: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`reset` links to `install`, and `join` to `reset`; `pay` and the directories need none of them."""
    monkeypatch.setattr(RateLimitState, "concurrency", 1)  # so that `install` is the first article to be created
    clone.commit({"guide/basics/pay.md": article("Pay", "Elsewhere too.")})
    portal.faults.fail("POST", "*/articles", status=403)
    done = clone.publish()
    failed = {path: result for path, result, _ in troubles(done)}
    assert failed[INSTALL] == "failed"
    assert failed[RESET] == "skipped"
    assert failed["guide/basics/wifi/join.md"] == "skipped"
    assert sorted(a.title for a in portal.store.all_articles()) == ["Pay", "Pay"]
    reasons = {path: error for path, _, error in troubles(done)}
    assert reasons[RESET] == f"needs {INSTALL}, not on the portal yet"


def test_successful_changes_are_recorded_when_the_rest_fails(clone: Clone, portal: Portal, shared: Path) -> None:
    portal.faults.fail("POST", "*/articles", status=400, times=None)
    clone.publish()
    portal.faults.clear()
    other = clone_of(shared, clone.root.parent / "other", clone)
    assert set(steps(other.plan()).values()) == {"create"}
    assert {change.kind for change in other.plan().changes} == {"article"}


def test_an_update_that_fails_leaves_the_article_as_it_was(clone: Clone, portal: Portal) -> None:
    clone.published()
    before = shown(portal)
    clone.commit({INSTALL: article("Set up", "Unpack both.")})
    portal.faults.fail("PUT", times=None)
    assert [(path, result) for path, result, _ in troubles(clone.publish())] == [(INSTALL, "failed")]
    assert shown(portal) == before
    portal.faults.clear()
    assert steps(clone.plan()) == {INSTALL: "update"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="GET", path="*/categories", times=None),
        Fault(method="GET", path="*/folders", times=None),
        Fault(method="GET", path="*/subfolders", times=None),
        Fault(method="GET", path="*/articles", times=None),
        Fault(method="GET", path="*/articles", status=403, times=None),
        Fault(method="GET", path="*/articles", status=404, body="empty", times=None),
        Fault(kind="lost", method="GET", path="*/articles", times=None),
        Fault(kind="truncated", method="GET", path="*/articles", times=None),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status} {fault.path}",
)
def test_law_8_a_listing_that_fails_ends_the_run_before_any_write(clone: Clone, portal: Portal, fault: Fault) -> None:
    clone.published()
    clone.commit({INSTALL: article("Set up", "Unpack both.")})
    before, ledger = shown(portal), clone.ledger()
    portal.faults.add(fault)
    for act in (clone.publish, clone.plan, clone.pull):
        with pytest.raises(PortalError):
            act()
    assert (shown(portal), clone.ledger()) == (before, ledger)
    assert clone.git("status", "--porcelain") == ""
    portal.faults.clear()
    assert steps(clone.plan()) == {INSTALL: "update"}


@pytest.mark.parametrize("gone", ["article", "sub_folder"])
def test_law_8_a_listing_shorter_than_its_count_ends_the_run(
    clone: Clone, portal: Portal, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portal counts what it does not list: an answer cut short, or a key that may not see all."""
    clone.published()
    before = shown(portal)
    _shorten(gone, monkeypatch)
    for act in (clone.publish, clone.plan, clone.pull):
        with pytest.raises(PortalError, match="lists"):
            act()
    assert shown(portal) == before


def _shorten(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every folder count one more than there is in it."""
    count, shape_of = f"{gone}s_count", shapes.folder_to_json

    def one_more(*arguments: Any, **others: Any) -> dict[str, Any]:
        shape = shape_of(*arguments, **others)
        return {**shape, count: shape[count] + 1}

    monkeypatch.setattr(folders, "folder_to_json", one_more)


def test_law_8_an_emptied_portal_is_neither_filled_again_nor_forgotten(clone: Clone, portal: Portal) -> None:
    clone.published()
    ledger = clone.ledger()
    for category in portal.store.all_categories():
        portal.store.delete_category(category.id)
    with pytest.raises(KbsyncError, match="may be the wrong portal"):
        clone.publish()
    assert portal.store.all_categories() == []
    assert clone.ledger() == ledger


def test_law_8_an_empty_commit_archives_nothing(clone: Clone, portal: Portal) -> None:
    clone.published()
    before = shown(portal)
    clone.remove("guide", "shop")
    clone.commit()
    with pytest.raises(KbsyncError, match="has no articles") as refused:
        clone.publish(force=True)
    assert refused.value.exit_code == 4
    assert shown(portal) == before
