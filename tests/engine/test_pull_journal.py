"""The journal of a working tree: what it writes, what it restores, and which files of other people stay."""

from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.engine import pull as pulling
from kbsync.engine.pull_journal import TreeJournal
from kbsync.errors import ContentError, KbsyncError, Refusal
from kbsync.files import WorkingTree
from kbsync.git.repository import Repository
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, Quiet, git, steps

RESET, INSTALL = "guide/basics/reset.md", "guide/basics/install.md"
LOCK = ".kbsync/production/guide/basics/reset.md.json"


def _journal(root: Path, files: dict[str, str]) -> TreeJournal:
    """Commit some files, and return the journal of their tree."""
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return TreeJournal(Repository.open(root))


def _tree(root: Path) -> dict[str, str]:
    files = WorkingTree(root)
    return {path: files.read(path).decode() for path in files.paths()}


def test_a_file_that_cannot_be_written_is_reported_without_its_lock_file_and_the_rest_is_written(
    tmp_path: Path,
) -> None:
    journal = _journal(tmp_path / "root", {"file": "x", "gone.md": "x"})
    wanted: dict[str, str | bytes | None] = {
        "../out.md": "x",
        "file/below.md": "x",
        ".kbsync/production/file/below.md.json": "seen",
        "half\ud800.md": "x",
        "text.md": "\ud800",
        "good.md": "good",
        ".kbsync/production/good.md.json": "seen",
        "gone.md": None,
    }
    with pytest.raises(ContentError) as caught:
        journal.write(wanted, WorkingTree(journal.root))
    assert len(caught.value.problems) == 4
    assert all(str(problem).encode() for problem in caught.value.problems)
    assert _tree(journal.root) == {
        "file": "x",
        "gone.md": "x",
        "good.md": "good",
        ".kbsync/production/good.md.json": "seen",
    }
    assert not journal.cut_off


def test_files_renamed_in_chains_and_cycles_are_written_and_restored(tmp_path: Path) -> None:
    before = {"a.md": "a", "b.md": "b", "x.md": "x", "y.md": "y", "p/q/r.md": "r"}
    journal = _journal(tmp_path / "root", before)
    moved = {"a.md": "b.md", "b.md": "c.md", "x.md": "y.md", "y.md": "x.md", "p/q": "s/t", "p/q/r.md": "s/t/r.md"}
    wanted: dict[str, str | bytes | None] = {
        "a.md": None,
        "b.md": "a, moved",
        "c.md": "b",
        "x.md": "y",
        "y.md": "x",
        "p/q/r.md": None,
        "s/t/r.md": "r",
    }
    journal.write(wanted, WorkingTree(journal.root), moved=moved)
    assert _tree(journal.root) == {"b.md": "a, moved", "c.md": "b", "x.md": "y", "y.md": "x", "s/t/r.md": "r"}
    assert not (journal.root / "p").exists()
    assert set(journal.restore().files) == wanted.keys()
    assert _tree(journal.root) == before


def test_an_item_edited_since_stays_with_all_its_files(tmp_path: Path) -> None:
    lock, old_lock = ".kbsync/production/new.md.json", ".kbsync/production/old.md.json"
    journal = _journal(tmp_path / "root", {"old.md": "old", old_lock: "old lock", "other.md": "other"})
    wanted: dict[str, str | bytes | None] = {
        "old.md": None,
        "new.md": "pulled",
        "other.md": "pulled",
        old_lock: None,
        lock: "new lock",
    }
    journal.write(wanted, WorkingTree(journal.root), moved={"old.md": "new.md"})
    (journal.root / "new.md").write_text("pulled, and edited")
    restored = journal.restore()
    assert (restored.files, restored.edited, restored.committed) == (("other.md",), ("new.md",), ())
    assert _tree(journal.root) == {"new.md": "pulled, and edited", lock: "new lock", "other.md": "other"}


def test_another_run_in_the_same_working_tree_is_refused_and_not_in_another(clone: Clone, tmp_path: Path) -> None:
    clone.published()
    other = tmp_path / "other"
    clone.git("worktree", "add", "-q", str(other))
    aside = replace(clone, root=other, config=replace(clone.config, root=other), ui=Quiet())
    with TreeJournal(Repository.open(clone.root)).held():
        with pytest.raises(Refusal, match="another kbsync is writing"):
            clone.pull()
        with pytest.raises(Refusal, match="another kbsync is writing"):
            pulling.abort(clone.config)
        clone.pull(dry_run=True)
        aside.pull()
    clone.pull()


def test_an_interrupted_pull_concerns_its_own_working_tree_only(clone: Clone, portal: Portal, tmp_path: Path) -> None:
    clone.published()
    portal.store.edit_article(clone.id_of(RESET), body="<p>By an agent.</p>")
    other = tmp_path / "other"
    clone.git("worktree", "add", "-q", str(other))
    clone.pull()
    _cut_off(clone)
    aside = replace(clone, root=other, config=replace(clone.config, root=other), ui=Quiet())
    assert clone.planned().workspace.cut_off
    assert not aside.planned().workspace.cut_off
    assert pulling.abort(aside.config) is None
    aside.pull()
    assert "By an agent." in aside.read(RESET)
    pulling.abort(clone.config)
    assert clone.git("status", "--porcelain") == ""


def _cut_off(clone: Clone) -> None:
    """Let it seem as if the last pull had been killed at its very end."""
    folder = Repository.open(clone.root).tree_folder()
    (folder / "done.json").rename(folder / "writing.json")


def test_files_committed_after_a_kill_stay_and_the_next_pull_continues(clone: Clone, portal: Portal) -> None:
    clone.published()
    for path in (RESET, INSTALL):
        portal.store.edit_article(clone.id_of(path), body="<p>By an agent.</p>")
    clone.pull()
    _cut_off(clone)
    clone.git("rm", "-q", "-f", "--cached", "--ignore-unmatch", LOCK)
    (clone.root / LOCK).unlink()
    clone.git("commit", "-q", "-m", "as it stands", "--", RESET)
    clone.pull()
    assert "By an agent." in clone.read(RESET)
    assert "By an agent." in clone.read(INSTALL)
    clone.commit()
    assert steps(clone.plan()) == {}


def test_a_journal_that_cannot_be_read_is_reported_with_advice(clone: Clone) -> None:
    clone.published()
    folder = Repository.open(clone.root).tree_folder()
    folder.mkdir(parents=True)
    (folder / "writing.json").write_text('{"version": 99}')
    with pytest.raises(KbsyncError, match="cannot be read: version 99") as caught:
        clone.pull()
    assert "delete the journal" in caught.value.advice


def test_files_outside_a_sparse_checkout_do_not_count_as_deleted_after_an_interrupted_pull(
    clone: Clone, portal: Portal
) -> None:
    clone.published()
    clone.commit()
    clone.git("sparse-checkout", "set", "--no-cone", "/shop/")
    assert not (clone.root / RESET).exists()
    portal.store.edit_article(clone.id_of(RESET), body="<p>By an agent.</p>")
    clone.pull()
    assert "By an agent." in clone.read(RESET)
    _cut_off(clone)
    pulling.abort(clone.config)
    assert clone.git("status", "--porcelain") == ""
    assert "Press the button" in clone.read(RESET)
