"""The laws over generated trees and edits of both sides, through git and HTTP, over several publishes and pulls."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.freshdesk import client
from kbsync.freshdesk import write as creating
from kbsync.markup.merge.diff3 import OURS_MARKER, resolve_to_sides
from kbsync.sandbox.database import DRAFT, PUBLISHED
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import Rewriting, SandboxSettings
from tests.engine.clone import Clone, new_clone, shown, steps, troubles
from tests.planner.trees import Edit, agents_edits, law, trees, write, writers_edits
from tests.portals import serve

EXAMPLES = 8
REWRITINGS: st.SearchStrategy[Rewriting] = st.sampled_from(["off", "editor"])


@contextmanager
def a_clone(files: dict[str, str], **settings: Any) -> Iterator[Clone]:
    """Open a portal, and a repository with these files."""
    with TemporaryDirectory(prefix="kbsync-") as place, serve(SandboxSettings(**settings)) as portal:
        yield new_clone(Path(place, "clone"), portal, files)


def edit_web(portal: Portal, edits: list[Edit]) -> set[int]:
    """Do an agent's edits; give the articles that are the agent's since."""
    theirs, numbers = set(), count(1)
    for edit in edits:
        article = edit.chosen(portal.store.all_articles())
        if article is None:
            break
        match edit.what:
            case "remove":
                portal.store.delete_article(article.id)
                theirs.discard(article.id)
                continue
            case "add":
                body = f"<p>From the web, {next(numbers)}.</p>"
                theirs.add(portal.store.create_article(article.folder_id, f"New {next(numbers)}", body).id)
                continue
            case "body":
                portal.store.edit_article(article.id, body=f"{article.description}<p>Web {next(numbers)}.</p>")
            case "title":
                portal.store.edit_article(article.id, title=f"{article.title} {next(numbers)}"[:255])
            case "status":
                portal.store.edit_article(article.id, status=DRAFT if article.status == PUBLISHED else PUBLISHED)
            case _:
                portal.store.edit_article(article.id)
                continue
        theirs.add(article.id)
    return theirs


def rewrite(clone: Clone, edits: list[Edit]) -> None:
    """Do a writer's edits in the tree, and commit them."""
    files = clone.files()
    write(files, edits)
    for path in clone.files().keys() - files.keys():
        (clone.root / path).unlink()
    clone.commit(files)


@pytest.fixture(autouse=True, scope="module")
def _no_waits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_BACKOFF", (0.0, 0.0, 0.0))
        patch.setattr(creating, "_SETTLING", 0.0)
        yield


@law(EXAMPLES)
@given(trees(most=5), REWRITINGS)
def test_laws_3_4_and_9_a_second_publish_and_a_pull_change_nothing(files: dict[str, str], rewriting: Rewriting) -> None:
    with a_clone(files, rewriting=rewriting) as clone:
        clone.published()
        assert steps(clone.plan()) == {}
        before = shown(clone.portal)
        assert clone.methods(clone.published).keys() == {"GET"}
        clone.pull()
        assert clone.git("status", "--porcelain", "--untracked-files=all") == ""
        empty = new_clone(clone.root.parent / "empty", clone.portal, {"kbsync.toml": ""}, new="all")
        empty.pull()
        empty.commit()
        assert steps(empty.plan()) == {}
        assert empty.methods(empty.published).keys() == {"GET"}
        empty.git("update-ref", "-d", "refs/kbsync/production")
        empty.git("rm", "-r", "-q", ".kbsync")
        empty.commit()
        _adopts_all_but_twins(empty)
        assert shown(clone.portal) == before


def _adopts_all_but_twins(clone: Clone) -> None:
    """Without baselines every file equals the portal; only articles of one title are ambiguous."""
    titles = Counter((a.folder_id, a.title) for a in clone.portal.store.all_articles())
    if max(titles.values()) == 1:
        assert set(steps(clone.plan()).values()) == {"adopt"}


@law(EXAMPLES)
@given(trees(most=5), writers_edits(), agents_edits())
def test_laws_2_and_3_edits_of_both_sides_are_kept(files: dict[str, str], mine: list[Edit], theirs: list[Edit]) -> None:
    with a_clone(files) as clone:
        clone.published()
        rewrite(clone, mine)
        held = edit_web(clone.portal, theirs)
        before = shown(clone.portal)
        plan = clone.plan()
        if plan.halt:
            return
        done = clone.publish(force=True)
        assert {result for _, result, _ in troubles(done)} <= {"skipped"}
        after = shown(clone.portal)
        assert {number: after[number] for number in held} == {number: before[number] for number in held}
        assert clone.methods(lambda: clone.publish(force=True)).keys() == {"GET"}
        _settled_by_a_pull(clone, waiting={path for path, _, _ in troubles(done)})


def _settled_by_a_pull(clone: Clone, *, waiting: set[str]) -> None:
    """Pull what agents did: left to publish is what waits for it, and what the writer changed in articles of both."""
    actions = steps(clone.plan())
    both = {path for path, what in actions.items() if "conflict" in what}
    clone.pull()
    _solve(clone)
    clone.commit()
    left = clone.plan()
    changes = {change.path for change in left.changes}
    assert changes <= waiting | both, steps(left)
    assert {finding.path for finding in left.conflicts} <= actions.keys()
    assert all(finding.live is None for finding in left.drift), "only what is gone cannot be pulled"
    clone.pull()
    assert clone.git("status", "--porcelain", "--untracked-files=all") == ""


def _solve(clone: Clone) -> None:
    """Choose what the writer has wherever a pull left both versions."""
    clone.write({path: resolve_to_sides(text)[0] for path, text in clone.files().items() if OURS_MARKER in text})


@law(EXAMPLES // 2)
@given(trees(most=4), writers_edits(), st.integers(1, 12), st.sampled_from(["error", "lost", "truncated"]))
def test_law_5_a_failed_call_leaves_the_same_final_state(
    files: dict[str, str], mine: list[Edit], nth: int, kind: str
) -> None:
    with a_clone(files) as clone, serve(SandboxSettings()) as calm:
        spared = new_clone(clone.root.parent / "spared", calm, files)
        for each in (clone, spared):
            each.published()
            rewrite(each, mine)
        if spared.plan().halt:
            return
        clone.portal.faults.fail("P*", status=500, skip=nth - 1, times=4) if kind == "error" else (
            clone.portal.faults.lose("P*", skip=nth - 1)
            if kind == "lost"
            else clone.portal.faults.truncate("P*", skip=nth - 1)
        )
        clone.publish(force=True)
        clone.portal.faults.clear()
        clone.publish(force=True)
        spared.publish(force=True)
        assert _said(clone.portal) == _said(calm)
        assert steps(clone.plan()) == steps(spared.plan())


def _said(portal: Portal) -> list[tuple[str, str, int, str]]:
    """Return what readers and agents see, without the ids, which differ from run to run."""
    names = {folder.id: folder.name for folder in portal.store.all_folders()}
    return sorted((names[a.folder_id], a.title, a.status, a.description_text) for a in portal.store.all_articles())
