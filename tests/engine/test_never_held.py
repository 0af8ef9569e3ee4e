"""A lock file alone archives nothing: the branch must once have had the file, and it must have been that article."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, clone_of, new_clone, steps
from tests.planner.world import article

LOCKS = ".kbsync/production"


@pytest.fixture
def victim(portal: Portal) -> int:
    category = portal.store.create_category("Help")
    folder = portal.store.create_folder(category.id, "Legal")
    return portal.store.create_article(folder.id, "Terms", "<p>Our terms.</p>").id


@pytest.fixture
def clone(tmp_path: Path, portal: Portal, victim: int) -> Clone:
    """A published tree without the victim, on a portal that has it too."""
    files = {"guide/basics/one.md": article("One", "First."), "guide/basics/old.md": article("Old", "Once here.")}
    made = new_clone(tmp_path / "clone", portal, files)
    made.published()
    made.remove("guide/basics/old.md")
    made.commit()
    made.published()
    return made


def _forge(clone: Clone, path: str, source: str | None = None) -> None:
    """Take the lock files of an honest pull elsewhere, for a file that is not in this tree."""
    other = new_clone(clone.root.parent / "other", clone.portal)
    other.pull(paths=())
    (lock,) = (
        found
        for found in (other.root / LOCKS).rglob("*.json")
        if '"Terms"' in found.read_text() or "terms" in found.name
    )
    page = json.loads(lock.read_text()) | {"path": path}
    if source is not None:
        page["blob"] = source
    clone.commit({f"{LOCKS}/{path}.json": json.dumps(page)})


def _held(clone: Clone, **options: object) -> list[str]:
    plan = clone.plan(**options)
    assert [step for step in steps(plan).values() if step in {"archive", "delete"}] == []
    return [found.reason for found in plan.conflicts]


@pytest.mark.parametrize("removed", ["archive", "delete"])
def test_a_lock_file_of_a_file_that_never_was_there_archives_nothing(clone: Clone, victim: int, removed: str) -> None:
    clone = replace(clone, config=replace(clone.config, removed=removed))
    _forge(clone, "help/legal/terms.md")
    (reason,) = _held(clone)
    assert "this branch never had its file" in reason
    clone.publish()
    assert clone.portal.store.article(victim).status == 2


def test_nor_does_one_that_names_a_file_of_another_article(clone: Clone, victim: int) -> None:
    blob = clone.git("rev-parse", "HEAD~1:guide/basics/old.md").strip()
    _forge(clone, "guide/basics/old.md", source=blob)
    assert len(_held(clone)) == 1
    clone.publish()
    assert clone.portal.store.article(victim).status == 2


def test_nor_one_of_a_branch_that_adds_the_file_and_removes_it(clone: Clone, victim: int) -> None:
    clone.git("checkout", "-q", "-b", "sneaky")
    clone.commit({"help/legal/terms.md": article("Terms", "Our terms.")})
    clone.remove("help/legal/terms.md")
    _forge(clone, "help/legal/terms.md")
    clone.git("checkout", "-q", "main")
    clone.git("merge", "-q", "--no-ff", "-m", "merge", "sneaky")
    assert len(_held(clone)) == 1


def test_overwrite_removes_it(clone: Clone, victim: int) -> None:
    _forge(clone, "help/legal/terms.md")
    clone.publish(overwrite=frozenset({"help/legal/terms.md"}))
    assert clone.portal.store.article(victim).status == 1


def test_a_pulled_file_that_was_never_published_is_archived_and_held_in_a_shallow_clone(
    clone: Clone, victim: int, tmp_path: Path
) -> None:
    mine = new_clone(tmp_path / "mine", clone.portal)
    mine.pull()
    mine.commit()
    (file,) = (path for path in mine.files() if path.endswith("terms.md"))
    mine.commit({file: mine.read(file).replace("Terms", "New terms", 1)})
    mine.remove(file)
    mine.commit()
    assert steps(mine.plan())[file] == "archive"
    shallow = clone_of(mine.root, tmp_path / "shallow", mine, "--depth=1")
    (reason,) = _held(shallow)
    assert "fetch-depth: 0" in reason


def test_what_the_ledger_knows_needs_no_history(clone: Clone, tmp_path: Path) -> None:
    clone.remove("guide/basics/one.md")
    clone.commit({"guide/basics/two.md": article("Two", "Second, and quite another text.")})
    shallow = clone_of(clone.root, tmp_path / "shallow", clone, "--depth=1")
    shallow.git("fetch", "-q", str(clone.root), "refs/kbsync/*:refs/kbsync/*")
    assert steps(shallow.plan())["guide/basics/one.md"] == "archive"
