"""Law 2 when a file and its lock file diverge: a lock file alone never removes a web edit."""

import pytest

from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, clone_of, steps, troubles
from tests.planner.world import article
from tests.ready import Ready

PATH, LOCK = "guide/basics/reset.md", ".kbsync/production/guide/basics/reset.md.json"
MINE = article("Reset", "Press the button, as [the other](install.md) says.\n\nThe writer's words.")
HELD = "removes the web edit of "


@pytest.fixture
def clone(clone: Clone, portal: Portal, ready: Ready) -> Clone:
    """A published article that an agent has edited since; the pull of that is on a branch."""

    def make() -> None:
        clone.published()
        clone.git("checkout", "-q", "-b", "web")
        _edit(clone, portal)
        clone.pull()
        clone.commit()
        clone.git("checkout", "-q", "main")

    ready("pulled to a branch", clone.root.parent, portal, make)
    return clone


def _edit(clone: Clone, portal: Portal) -> None:
    number = clone.id_of(PATH)
    body = portal.store.article(number).description
    portal.store.edit_article(number, body=body.replace("Press the button", "Press the AGENTSWORD button"))


def _merge_badly(clone: Clone) -> None:
    """Take the lock file of the pull, and not its file."""
    clone.git("checkout", "web", "--", LOCK)
    clone.commit({PATH: MINE})


def _reasons(clone: Clone) -> list[str]:
    return [finding.reason for finding in clone.plan().conflicts if finding.path == PATH]


def test_a_bad_merge_is_held_back_with_the_edit_that_it_would_remove(clone: Clone) -> None:
    _merge_badly(clone)
    (reason,) = _reasons(clone)
    assert reason.startswith(HELD)
    assert "--overwrite" in reason
    for _ in range(2):
        clone.publish()
        assert "AGENTSWORD" in clone.live(PATH).description, "nor does the ledger take the lock file's word for it"
    (reason,) = _reasons(clone)
    assert reason.startswith(HELD)


def test_a_fresh_shallow_clone_holds_it_too(clone: Clone, shared: object) -> None:
    _merge_badly(clone)
    clone.git("push", "-q", "origin", "main")
    fresh = clone_of(clone.root.parent / "shared.git", clone.root.parent / "fresh", clone, "--depth=1")
    fresh.git("fetch", "-q", str(clone.root), "refs/kbsync/*:refs/kbsync/*")
    assert [finding.reason[: len(HELD)] for finding in fresh.plan().conflicts] == [HELD]


def test_overwrite_applies_it(clone: Clone) -> None:
    _merge_badly(clone)
    done = clone.publish(overwrite=frozenset({PATH}))
    assert troubles(done) == []
    (change,) = done.planned.plan.changes
    assert HELD in change.reason
    assert "AGENTSWORD" not in clone.live(PATH).description


def test_without_the_lock_file_a_pull_merges_both(clone: Clone) -> None:
    _merge_badly(clone)
    clone.remove(LOCK)
    clone.commit()
    clone.pull()
    assert "AGENTSWORD" in clone.read(PATH)
    assert "The writer's words." in clone.read(PATH)
    clone.commit()
    clone.published()
    assert "AGENTSWORD" in clone.live(PATH).description


def test_a_pulled_and_further_edited_file_is_published(clone: Clone) -> None:
    clone.git("merge", "-q", "--squash", "web")
    clone.commit({PATH: clone.read(PATH) + "\nThe writer's words.\n"})
    assert steps(clone.plan()) == {PATH: "update"}
    clone.published()
    assert "AGENTSWORD" in clone.live(PATH).description


def test_a_text_with_neither_the_old_nor_the_agents_words_is_published(clone: Clone, portal: Portal) -> None:
    clone.git("merge", "-q", "--squash", "web")
    clone.commit()
    clone.published()
    body = clone.live(PATH).description
    portal.store.edit_article(clone.id_of(PATH), body=body.replace("Press", "Push"))
    clone.pull()
    clone.commit({PATH: clone.read(PATH).replace("Push", "Hit")})
    assert steps(clone.plan()) == {PATH: "update"}
    clone.commit({PATH: clone.read(PATH).replace("Hit", "Press") + "\nMore.\n"})
    (reason,) = _reasons(clone)
    assert reason.startswith(HELD)


def test_a_file_removed_after_an_unpublished_pull_is_held_back(clone: Clone) -> None:
    clone.git("merge", "-q", "--squash", "web")
    clone.commit()
    clone.remove(PATH)
    clone.commit({"guide/basics/wifi/join.md": article("Join", "Choose the network.")})
    (reason,) = _reasons(clone)
    assert HELD in reason
    assert reason.startswith("file removed")
    clone.published(overwrite=frozenset({PATH}))
    assert [a.status for a in clone.portal.store.all_articles() if a.title == "Reset"] == [1]


def test_a_pulled_and_published_edit_can_be_reverted(clone: Clone) -> None:
    clone.git("merge", "-q", "--squash", "web")
    clone.commit()
    clone.published()
    clone.commit({PATH: MINE})
    assert steps(clone.plan()) == {PATH: "update"}


def test_a_title_alone_counts_too(clone: Clone, portal: Portal) -> None:
    clone.git("merge", "-q", "--squash", "web")
    clone.commit()
    clone.published()
    portal.store.edit_article(clone.id_of(PATH), title="Reset by AGENT")
    clone.pull()
    clone.git("add", LOCK)
    clone.git("commit", "-q", "-m", "the lock file alone")
    clone.git("checkout", "--", ".")
    clone.commit({PATH: clone.read(PATH) + "\nMore.\n"})
    (reason,) = _reasons(clone)
    assert reason.startswith(HELD)
