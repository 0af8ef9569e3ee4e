"""History: the ledger as an audit trail, listed by run, with the changes of each item."""

import json
import re
from pathlib import Path

import pytest

from kbsync.change import Action
from kbsync.codec import FormatError
from kbsync.engine import history
from kbsync.errors import UsageError
from kbsync.state.ledger import ItemDiff, RunInfo
from tests.engine.clone import LEDGER, Clone, clone_of, git, steps
from tests.engine.test_undo import CHANGED, INSTALL, PAY, RESET, undone
from tests.planner.world import article


def runs(clone: Clone, limit: int | None = None) -> tuple[RunInfo, ...]:
    return history.list_runs(clone.config, local=False, limit=limit)


def item_diffs(clone: Clone, name: str) -> dict[str, ItemDiff]:
    _, items = history.show_run(clone.config, name, local=False)
    return {item.entry.path: item for item in items}


def test_before_the_first_run_there_is_no_history(clone: Clone) -> None:
    assert runs(clone) == ()


def test_runs_are_listed_newest_first_with_author_time_and_changes(clone: Clone) -> None:
    clone.git("config", "user.name", "Zoë Writer")
    clone.published()
    first = clone.git("rev-parse", "HEAD").strip()
    second = clone.commit({INSTALL: CHANGED})
    clone.published()
    undone(clone)
    undo, update, create = runs(clone)
    assert (create.record.commit, update.record.commit) == (first, second)
    assert update.author.startswith("Zoë Writer <")
    assert update.record.counts() == {"update": 1}
    assert update.undone_by == (undo.short_id,)
    assert undo.record.undoes == update.id
    assert undo.record.date >= update.record.date >= create.record.date > "2"
    assert [run.id for run in runs(clone, 1)] == [undo.id]


def test_one_commit_a_run_reads_as_an_audit_trail(clone: Clone) -> None:
    clone.published()
    clone.remove(PAY)
    commit = clone.commit({INSTALL: CHANGED})
    clone.published()
    number = clone.id_of(INSTALL)
    undone(clone)
    assert len(clone.git("rev-list", LEDGER).split()) == 3
    message = clone.git("log", "-1", "--format=%B", f"{LEDGER}~1").splitlines()
    assert message[0] == f"publish {commit[:10]} to production: 1 archive, 2 forget, 1 update"
    assert message[1] == ""
    assert f"update {INSTALL} (article {number}): " in "\n".join(message)
    changed = clone.git("diff", "--name-only", f"{LEDGER}~2", f"{LEDGER}~1").split()
    assert len([name for name in changed if name.startswith("article/")]) == 2
    assert clone.git("log", "-1", "--format=%s", LEDGER).startswith("undo ")


def test_a_run_shows_each_article_before_and_after(clone: Clone) -> None:
    clone.published()
    clone.remove(PAY)
    clone.commit({INSTALL: CHANGED, "guide/basics/new.md": article("New", "Words.")})
    clone.published()
    items = item_diffs(clone, runs(clone)[0].id)
    changed = items[INSTALL]
    assert set(changed.changed) == {"title", "body", "tags"}
    assert (changed.before["title"], changed.after["title"]) == ("Install", "Install it")
    assert "-Unpack the box and put it on a table." in changed.lines
    assert (items[PAY].before["status"], items[PAY].after["status"]) == ("published", "draft")
    assert items["guide/basics/new.md"].before == {}
    assert items["guide/basics/new.md"].entry.action is Action.CREATE


def test_a_move_also_shows_the_old_article(clone: Clone) -> None:
    clone.commit({"guide/basics/box.md": article("Box", "Open it.")})
    clone.published()
    clone.git("mv", "guide/basics/box.md", "guide/basics/wifi/box.md")
    clone.commit()
    clone.published()
    items = item_diffs(clone, runs(clone)[0].short_id)
    assert items["guide/basics/wifi/box.md"].entry.action is Action.MOVE
    assert items["guide/basics/box.md"].entry.action is Action.ARCHIVE
    assert items["guide/basics/box.md"].after["status"] == "draft"


def test_an_undo_shows_the_readers_text_because_it_has_no_source(clone: Clone) -> None:
    clone.published()
    clone.commit({INSTALL: CHANGED})
    clone.published()
    undone(clone)
    lines = item_diffs(clone, runs(clone)[0].id)[INSTALL].lines
    assert "+Unpack the box and put it on a table." in lines
    assert any(line.startswith("-Unpack *both*") for line in lines)


def test_another_clone_shows_the_same_history_without_a_key(clone: Clone, shared: Path) -> None:
    clone.published()
    other = clone_of(shared, clone.root.parent / "other", clone)
    clone.portal.calls.clear()
    assert runs(other) == runs(clone)
    assert clone.portal.calls == []


@pytest.mark.parametrize("name", ["abc", "0000000", "", "HEAD", "--all"])
def test_an_unknown_or_too_short_run_id_is_refused(clone: Clone, name: str) -> None:
    clone.published()
    with pytest.raises(UsageError, match="run not found:"):
        history.show_run(clone.config, name, local=False)


def test_a_run_in_an_old_format_is_reported_with_how_to_set_it_aside(clone: Clone) -> None:
    clone.published()
    page = {"version": 1, "target": "production", "commit": "c" * 40, "at": "2026-01-01T00:00:00Z", "changes": []}
    _record(clone, json.dumps(page))
    for read in (runs, Clone.plan):
        with pytest.raises(FormatError, match=r"^refs/kbsync/production:run\.json: `entries` is missing$") as wrong:
            read(clone)
        assert wrong.value.advice.startswith("set it aside with `git fetch origin ")


def test_a_run_names_only_what_it_changed(clone: Clone) -> None:
    clone.published()
    clone.commit({RESET: article("Reset", "Press the button twice, as [the other](install.md) says.")})
    clone.published()
    assert set(item_diffs(clone, runs(clone)[0].id)) == {RESET}


def test_following_the_advice_sets_an_unreadable_ledger_aside(clone: Clone, shared: Path) -> None:
    clone.published()
    clone.pull()
    clone.commit()
    broken = _record(clone, "[]")
    clone.git("push", "-q", "origin", LEDGER)
    with pytest.raises(FormatError) as wrong:
        clone.plan()
    for command in re.findall(r"`git ([^`]+)`", wrong.value.advice):
        clone.git(*command.split())
    assert steps(clone.plan()) == dict.fromkeys(steps(clone.plan()), "adopt")
    assert git(shared, "rev-parse", "refs/kbsync-old/production").strip() == broken
    assert git(shared, "for-each-ref", LEDGER) == ""


def _record(clone: Clone, text: str) -> str:
    """Let the ledger's next commit hold some record of a run; return the commit."""
    (clone.root.parent / "page").write_text(text, encoding="utf-8")
    blob = clone.git("hash-object", "-w", str(clone.root.parent / "page")).strip()
    clone.git("read-tree", LEDGER)
    clone.git("update-index", "--add", "--cacheinfo", f"100644,{blob},run.json")
    commit = clone.git("commit-tree", clone.git("write-tree").strip(), "-p", LEDGER, "-m", "other").strip()
    clone.git("update-ref", LEDGER, commit)
    clone.git("read-tree", "HEAD")
    return commit
