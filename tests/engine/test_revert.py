"""The revert of an undone run: its files as they were before it, on a branch, for a pull request."""

from pathlib import Path

import pytest

from kbsync.engine import undo as reverting
from kbsync.engine.undo import BranchUndoResult
from tests.engine.clone import Clone, clone_of, git, shown, steps
from tests.engine.test_undo import BOX, CHANGED, INSTALL, PAY, RESET, undone
from tests.planner.world import article
from tests.ready import Ready

PICTURE = b"\x89PNG\r\n\x1a\n\x00\xff"


@pytest.fixture
def live(clone: Clone, ready: Ready) -> Clone:
    """A clone whose tree is published, with an article to which no other links."""

    def make() -> None:
        clone.commit({BOX: article("Box", "Open the box.\n\nKeep it.\n\nClose it.")})
        clone.published()

    ready("three blocks", clone.root.parent, clone.portal, make)
    return clone


def revert(clone: Clone, run: str | None = None, *, branch: str = "back") -> BranchUndoResult:
    return reverting.undo_on_branch(clone.config, run, branch=branch, local=False)


def merge(clone: Clone, branch: str = "back") -> None:
    clone.git("merge", "-q", "--no-edit", branch)


def test_an_undo_and_its_merged_revert_leave_nothing_to_publish(live: Clone) -> None:
    before, files = shown(live.portal), live.files()
    live.remove(PAY)
    live.git("mv", BOX, "guide/basics/wifi/box.md")
    live.commit({INSTALL: CHANGED, "guide/basics/new.md": article("New", "Words.")})
    live.published()
    undone(live)
    done = revert(live)
    assert (done.left_out, done.pushed) == ({}, False)
    assert live.git("status", "--porcelain") == ""
    merge(live)
    assert live.files() == files
    plan = live.plan()
    assert not plan.writes
    assert set(steps(plan).values()) == {"adopt", "forget"}
    assert live.methods(live.published).keys() == {"GET"}
    assert steps(live.plan()) == steps(live.offline()) == {}
    assert {number: shown(live.portal)[number] for number in before} == before


def test_a_revert_without_an_undo_is_a_change_like_any_other(live: Clone) -> None:
    live.commit({INSTALL: CHANGED})
    live.published()
    revert(live)
    merge(live)
    assert steps(live.published()) == {INSTALL: "update"}
    assert "table" in live.live(INSTALL).description


def test_later_edits_elsewhere_in_a_file_stay(live: Clone) -> None:
    live.commit({BOX: article("Box", "Tear the box.\n\nKeep it.\n\nClose it.")})
    live.published()
    run = live.git("rev-parse", "refs/kbsync/production").strip()
    live.commit({BOX: article("Box", "Tear the box.\n\nKeep it.\n\nClose it well.")})
    assert revert(live, run).left_out == {}
    merge(live)
    assert live.read(BOX) == article("Box", "Open the box.\n\nKeep it.\n\nClose it well.")


def test_later_edits_in_the_same_place_are_left_out_and_reported(live: Clone) -> None:
    live.commit({BOX: article("Box", "Tear the box.\n\nKeep it.\n\nClose it."), RESET: article("Reset it", "Hold it.")})
    live.published()
    live.commit({BOX: article("Box", "Cut the box.\n\nKeep it.\n\nClose it.")})
    done = revert(live)
    assert done.files == (RESET,)
    assert "same lines" in done.left_out[BOX]
    message = live.git("log", "-1", "--format=%B", "back")
    assert BOX in message.partition("Skipped;")[2]


def test_a_file_that_the_run_created_is_deleted_unless_it_was_edited_since(live: Clone) -> None:
    live.commit({"guide/basics/a.md": article("A", "Words."), "guide/basics/b.md": article("B", "Words.")})
    live.published()
    live.commit({"guide/basics/b.md": article("B", "Better words.")})
    done = revert(live)
    assert done.files == ("guide/basics/a.md",)
    assert set(done.left_out) == {"guide/basics/b.md"}


def test_a_directory_gets_its_old_name_back_with_all_its_files(live: Clone) -> None:
    live.commit({"guide/basics/img/words.txt": "words"})
    (live.root / "guide/basics/img/box.png").write_bytes(PICTURE)
    live.commit()
    live.published()
    files = set(live.root.rglob("*.md"))
    live.git("mv", "guide", "handbook")
    live.commit({"handbook/_index.md": "---\nname: Handbook\n---\n"})
    live.published()
    done = revert(live)
    merge(live)
    assert set(live.root.rglob("*.md")) == files
    assert live.read("guide/basics/img/words.txt") == "words"
    assert set(done.left_out) == {"handbook/basics/img/box.png"}
    assert live.read("guide/_index.md").startswith("---\nname: Guide\n")


def test_a_revert_is_pushed_and_can_be_made_in_a_shallow_clone(live: Clone, shared: Path) -> None:
    live.commit({INSTALL: CHANGED})
    live.git("push", "-q", "origin", "main")
    live.published()
    other = clone_of(shared, live.root.parent / "other", live, "--depth=1")
    done = revert(other)
    assert done.pushed
    assert git(shared, "show", f"back:{INSTALL}") == article(
        "Install", "Unpack the box and put it on a table.", tags="[box, table]"
    )
    assert revert(other).commit is None


def test_a_revert_includes_only_undone_changes(live: Clone) -> None:
    live.commit({INSTALL: CHANGED, RESET: article("Reset it", "Hold the button.")})
    live.published()
    live.portal.store.edit_article(live.id_of(INSTALL), title="By hand")
    undone(live)
    assert revert(live).files == (RESET,)


def test_an_index_file_that_the_run_created_is_removed(live: Clone) -> None:
    files = live.files()
    live.commit({"shop/_index.md": "---\nname: The shop\n---\n"})
    live.published()
    undone(live)
    assert revert(live).files == ("shop/_index.md",)
    merge(live)
    assert live.files() == files
    assert not live.plan().writes
