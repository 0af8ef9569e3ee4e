"""Renames, moves, swaps and restores through git and over HTTP: the same live ids wherever the API allows."""

import multiprocessing
import signal
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import pytest

from kbsync.config import Config, Secret
from kbsync.engine import publish as publishing
from kbsync.engine.context import Options
from kbsync.errors import ContentError
from kbsync.sandbox.account import Fault
from kbsync.sandbox.api import app as gate
from kbsync.sandbox.server import Portal
from tests.engine import faulted
from tests.engine.clone import Clone, Quiet, clone_of, git, new_clone, shown, steps, troubles
from tests.planner.test_identity_edits import FILES
from tests.planner.world import article
from tests.ready import Ready

RESET, INSTALL, JOIN = "guide/basics/reset.md", "guide/basics/install.md", "guide/wifi/join.md"


@pytest.fixture
def clone(tmp_path: Path, portal: Portal, ready: Ready) -> Clone:
    """A published tree of articles that share no word."""
    root = tmp_path / "clone"
    ready("identity", tmp_path, portal, lambda: new_clone(root, portal, FILES).published())
    return Clone(root=root, portal=portal, config=Config(root=root, url=portal.url))


def _move(clone: Clone, old: str, new: str) -> None:
    (clone.root / new).parent.mkdir(parents=True, exist_ok=True)
    (clone.root / old).rename(clone.root / new)


def _after(clone: Clone) -> dict[str, int]:
    """Commit and publish, see that both sides then are at rest, and give the ids."""
    clone.commit()
    clone.published()
    assert steps(clone.plan()) == {}
    clone.pull()
    assert clone.git("status", "--porcelain") == ""
    return _ids(clone)


def _ids(clone: Clone) -> dict[str, int]:
    return {known.path: known.id for known in clone.baselines().values() if known.state == "live"}


def test_a_day_of_renames_at_once_keeps_every_id(clone: Clone, portal: Portal) -> None:
    before = _ids(clone)
    _move(clone, "guide", "manual")
    _move(clone, "manual/wifi", "manual/radio")
    _move(clone, "manual/basics/reset.md", "manual/basics/begin.md")
    clone.write(
        {"manual/basics/begin.md": clone.read("manual/basics/begin.md").replace("Reset", "Begin") + "\nMore.\n"}
    )
    after = _after(clone)
    assert after["manual/radio/join.md"] == before[JOIN]
    assert after["manual/basics/begin.md"] == before[RESET]
    assert set(after.values()) == set(before.values())
    assert portal.store.article(before[RESET]).title == "Begin"


def test_two_swapped_files_keep_their_ids(clone: Clone, portal: Portal) -> None:
    before, live = _ids(clone), shown(portal)
    _move(clone, RESET, "aside.txt")
    _move(clone, INSTALL, RESET)
    _move(clone, "aside.txt", INSTALL)
    after = _after(clone)
    assert (after[RESET], after[INSTALL]) == (before[INSTALL], before[RESET])
    assert shown(portal) == live


def test_a_folder_can_take_the_name_that_another_gives_up_in_the_same_run(clone: Clone, portal: Portal) -> None:
    """The portal takes no two folders of one name, not even for the moment between two writes."""
    before, live = _ids(clone), shown(portal)
    _move(clone, "guide/basics", "guide/zero")
    _move(clone, "guide/wifi", "guide/basics")
    clone.write({"guide/wifi/new.md": article("New", "Of a folder that takes the other's name.")})
    after = _after(clone)
    assert (after["guide/zero"], after["guide/basics"]) == (before["guide/basics"], before["guide/wifi"])
    assert live.items() < shown(portal).items()


def test_a_folder_is_moved_into_another_and_out_again(clone: Clone) -> None:
    before = _ids(clone)
    _move(clone, "guide/wifi", "guide/basics/wifi")
    assert _after(clone)["guide/basics/wifi/join.md"] == before[JOIN]
    _move(clone, "guide/basics/wifi", "guide/wifi")
    assert _after(clone) == before


def test_an_article_deleted_and_restored_by_a_revert_is_the_same_article(clone: Clone, portal: Portal) -> None:
    before = _ids(clone)
    clone.remove(RESET, "guide/wifi")
    clone.commit()
    clone.published(force=True)
    assert portal.store.article(before[RESET]).status == 1
    clone.git("revert", "--no-edit", "HEAD")
    assert _after(clone) == before
    assert portal.store.article(before[RESET]).status == 2


def test_an_item_gone_on_both_sides_is_forgotten_and_stays_so(clone: Clone, portal: Portal) -> None:
    number = clone.id_of(RESET)
    portal.store.delete_article(number)
    clone.remove(RESET)
    clone.commit()
    assert steps(clone.plan()) == {RESET: "forget"}
    clone.published()
    assert number not in {known.id for known in clone.baselines().values()}
    assert steps(clone.plan()) == {}
    clone.git("revert", "--no-edit", "HEAD")
    assert steps(clone.plan()) == {RESET: "create"}


def test_a_file_moved_to_another_folder_is_created_again_and_the_old_one_archived(clone: Clone, portal: Portal) -> None:
    number = clone.id_of(RESET)
    _move(clone, RESET, "guide/wifi/reset.md")
    after = _after(clone)
    assert after["guide/wifi/reset.md"] != number
    assert portal.store.article(number).status == 1


def test_two_files_that_pin_one_id_are_an_error_that_names_both_and_nothing_is_written(clone: Clone) -> None:
    number = clone.id_of(RESET)
    source = article("Reset", "The same words.", id=str(number))
    clone.commit({RESET: source, "guide/basics/copy.md": source})
    with pytest.raises(ContentError) as refused:
        clone.publish()
    message = "\n".join(map(str, refused.value.problems))
    assert RESET in message
    assert "guide/basics/copy.md" in message
    assert str(number) in message


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_in_another_normal_form_is_the_same_name(clone: Clone, form: Literal["NFC", "NFD"]) -> None:
    name = unicodedata.normalize(form, "guide/basics/über-café.md")
    _move(clone, RESET, name)
    before = _after(clone)
    other = unicodedata.normalize("NFD" if form == "NFC" else "NFC", name)
    _move(clone, name, other)
    clone.commit()
    assert steps(clone.plan()) == {}
    assert _after(clone) == before


def test_a_rename_in_case_alone_is_a_rename(clone: Clone) -> None:
    number = clone.id_of(RESET)
    _move(clone, RESET, "guide/basics/Reset.md")
    clone.commit()
    assert steps(clone.plan()) == {"guide/basics/Reset.md": "rename"}
    assert _after(clone)["guide/basics/Reset.md"] == number


def test_a_tie_is_a_conflict_in_both_directions_until_a_pin_resolves_it(clone: Clone, portal: Portal) -> None:
    number, live = clone.id_of(RESET), shown(portal)
    source = clone.read(RESET)
    clone.remove(RESET)
    clone.commit({"guide/basics/one.md": source, "guide/basics/two.md": source})
    assert set(steps(clone.plan()).values()) == {"conflict"}
    clone.publish()
    assert shown(portal) == live
    clone.write({"guide/basics/one.md": source.replace("title: Reset", f"title: Reset\nid: {number}")})
    assert _after(clone)["guide/basics/one.md"] == number


def test_a_rename_on_a_squashed_branch_is_a_rename(clone: Clone) -> None:
    before = _ids(clone)
    clone.git("switch", "-q", "-c", "work")
    _move(clone, "guide/wifi", "guide/radio")
    clone.commit()
    clone.write({"guide/radio/join.md": clone.read("guide/radio/join.md") + "\nMore.\n"})
    clone.commit()
    clone.git("switch", "-q", "main")
    clone.git("merge", "-q", "--squash", "work")
    assert _after(clone)["guide/radio/join.md"] == before[JOIN]


def test_with_pointers_the_old_address_links_to_the_new_one(tmp_path: Path, portal: Portal) -> None:
    clone = new_clone(tmp_path / "clone", portal, {**FILES, RESET: article("A < B & [C]", "Words.")}, moved="pointer")
    clone.published()
    number = clone.id_of(RESET)
    _move(clone, RESET, "guide/wifi/reset.md")
    clone.commit()
    (change,) = clone.plan().changes
    assert change.reason.endswith("the old article links to the new one")
    after = _after(clone)
    new, old = portal.store.article(after["guide/wifi/reset.md"]), portal.store.article(number)
    assert (old.status, old.title, old.folder_id) == (2, "A < B & [C]", after["guide/basics"])
    address = f"{portal.url}/support/solutions/articles/{new.id}"
    assert old.description == f'<p><a href="{address}">A &lt; B &amp; [C]</a></p>'
    clone.write({"guide/wifi/reset.md": article("Another", "Words.")})
    assert _after(clone)["guide/wifi/reset.md"] == new.id
    assert portal.store.article(number) == old


def test_an_article_that_left_a_pointer_and_returns_has_its_content_again(tmp_path: Path, portal: Portal) -> None:
    clone = new_clone(tmp_path / "clone", portal, FILES, moved="pointer")
    clone.published()
    before, live = _ids(clone), shown(portal)
    _move(clone, RESET, "guide/wifi/reset.md")
    moved = _after(clone)["guide/wifi/reset.md"]
    _move(clone, "guide/wifi/reset.md", RESET)
    assert _after(clone)[RESET] == before[RESET]
    assert shown(portal)[before[RESET]] == live[before[RESET]]
    assert portal.store.article(moved).status == 1


def test_a_draft_that_moves_leaves_no_pointer(tmp_path: Path, portal: Portal) -> None:
    files = {**FILES, RESET: article("Reset", "Nobody sees this.", status="draft")}
    clone = new_clone(tmp_path / "clone", portal, files, moved="pointer")
    clone.published()
    number = clone.id_of(RESET)
    _move(clone, RESET, "guide/wifi/reset.md")
    _after(clone)
    assert portal.store.article(number).status == 1
    assert "href" not in portal.store.article(number).description


def _publish_pointing(root: str, url: str) -> None:
    config = replace(faulted.config_for(Path(root), url), moved="pointer", public_url="")
    with faulted.quick():
        publishing.publish(config, Secret("sandbox"), Options(), Quiet())


def _killed(clone: Clone, at: int, *, done: bool) -> None:
    """Publish in a process of its own, which is killed at one of its writes."""
    killer = faulted.Killer(at=at, done=done)
    process = multiprocessing.get_context("forkserver").Process(
        target=_publish_pointing, args=(str(clone.root), clone.portal.url)
    )
    with (
        patch.object(clone.portal.faults, "strike", killer.strike),
        patch.object(gate, "_break_off", killer.break_off),
    ):
        process.start()
        killer.process = process.pid or 0
        process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def pointing(tmp_path: Path, portal: Portal) -> Clone:
    """A clone with a remote and an article that has moved, and is to leave a pointer."""
    clone = new_clone(tmp_path / "clone", portal, FILES, moved="pointer")
    git(tmp_path, "clone", "-q", "--bare", str(clone.root), str(tmp_path / "shared.git"))
    clone.git("remote", "add", "origin", (tmp_path / "shared.git").as_uri())
    clone.published()
    _move(clone, RESET, "guide/wifi/reset.md")
    clone.commit()
    clone.git("push", "-q", "origin", "main")
    return clone


def _is_pointed(clone: Clone, number: int, count: int) -> None:
    """See that the old article points to the one new one, and that both sides are at rest."""
    new = _after(clone)["guide/wifi/reset.md"]
    assert len(shown(clone.portal)) == count
    old = clone.portal.store.article(number)
    assert old.description == f'<p><a href="{clone.portal.url}/support/solutions/articles/{new}">{old.title}</a></p>'
    assert old.status == 2
    (rests,) = [known for known in clone.baselines().values() if known.id == number]
    assert (rests.state, rests.successor) == ("archived", None)


@pytest.mark.parametrize("afresh", [False, True], ids=["same clone", "fresh clone"])
@pytest.mark.parametrize(
    ("at", "done"),
    [(1, False), (1, True), (2, False), (2, True)],
    ids=["before the new one", "after the new one", "before the pointer", "after the pointer"],
)
def test_a_move_that_was_killed_still_leaves_one_new_article_and_a_pointer(
    pointing: Clone, tmp_path: Path, at: int, done: bool, afresh: bool
) -> None:
    number, count = pointing.id_of(RESET), len(shown(pointing.portal))
    _killed(pointing, at, done=done)
    clone = clone_of(tmp_path / "shared.git", tmp_path / "fresh", pointing) if afresh else pointing
    _is_pointed(clone, number, count + 1)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_second_killed_run_still_ends_with_one_pointer(pointing: Clone, done: bool) -> None:
    number, count = pointing.id_of(RESET), len(shown(pointing.portal))
    _killed(pointing, 1, done=True)
    (change,) = pointing.plan().writes
    assert (change.action, change.path, change.id, change.leaves_pointer) == ("update", RESET, number, True)
    assert "guide/wifi/reset.md" in change.reason
    _killed(pointing, 1, done=done)
    _is_pointed(pointing, number, count + 1)


@pytest.mark.parametrize("status", [500, 400])
def test_a_pointer_that_the_portal_refuses_is_reported_and_written_by_the_next_run(
    pointing: Clone, status: int
) -> None:
    number, count = pointing.id_of(RESET), len(shown(pointing.portal))
    was = pointing.portal.store.article(number)
    refuse = Fault(status=status)
    with patch.object(pointing.portal.faults, "strike", lambda method, _: refuse if method == "PUT" else None):
        done = pointing.publish()
    ((path, result, error),) = troubles(done)
    assert (path, result) == ("guide/wifi/reset.md", "failed")
    assert f"the old one ({number}) was not archived" in error
    assert pointing.portal.store.article(number) == was
    with patch.object(pointing.portal.faults, "strike", lambda method, _: refuse if method == "PUT" else None):
        assert [(path, result) for path, result, _ in troubles(pointing.publish())] == [(RESET, "failed")]
    assert pointing.portal.store.article(number) == was
    pointing.commit({INSTALL: pointing.read(INSTALL) + "\nMore.\n"})
    pointing.git("push", "-q", "origin", "main")
    _is_pointed(pointing, number, count + 1)


def test_an_old_article_edited_before_it_became_a_pointer_is_left_alone(pointing: Clone) -> None:
    number = pointing.id_of(RESET)
    _killed(pointing, 1, done=True)
    pointing.portal.store.edit_article(number, body="<p>An agent was here.</p>")
    pointing.publish()
    assert pointing.portal.store.article(number).description == "<p>An agent was here.</p>"
    assert steps(pointing.plan()) == {RESET: "conflict"}


def test_an_article_moved_and_removed_before_its_pointer_was_written_is_archived(pointing: Clone) -> None:
    number = pointing.id_of(RESET)
    _killed(pointing, 1, done=True)
    pointing.remove("guide/wifi/reset.md")
    pointing.commit()
    pointing.git("push", "-q", "origin", "main")
    pointing.published()
    assert pointing.portal.store.article(number).status == 1
    assert steps(pointing.plan()) == {}


def test_two_folders_that_swap_names_are_conflicts_until_one_has_a_third_name(clone: Clone, portal: Portal) -> None:
    """The portal takes no two folders of one name, and no order of writes would do."""
    before, live = _ids(clone), shown(portal)
    _move(clone, "guide/basics", "aside")
    _move(clone, "guide/wifi", "guide/basics")
    _move(clone, "aside", "guide/wifi")
    clone.commit()
    message = {path: word for path, word in steps(clone.plan()).items() if word == "conflict"}
    assert message.keys() == {"guide/basics", "guide/wifi"}
    clone.publish()
    assert shown(portal) == live
    assert set(steps(clone.plan())) == {"guide/basics", "guide/wifi"}
    clone.write({"guide/wifi/_index.md": "---\nname: aside\n---\n"})
    clone.commit()
    clone.publish()
    clone.write({"guide/wifi/_index.md": "---\nname: wifi\n---\n"})
    after = _after(clone)
    assert (after["guide/wifi"], after["guide/wifi/reset.md"]) == (before["guide/basics"], before[RESET])
    assert (after["guide/basics"], after["guide/basics/join.md"]) == (before["guide/wifi"], before[JOIN])
