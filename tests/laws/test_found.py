"""Faults that the state machine has found, each in its shortest form."""

from datetime import UTC, datetime

import pytest

from kbsync.config import Secret
from kbsync.engine import undo
from kbsync.engine.context import Options
from kbsync.sandbox.database import DRAFT
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, shown, steps
from tests.planner.world import article

BASICS = "guide/basics"
START = datetime(2026, 1, 1, tzinfo=UTC)


def folder(clone: Clone, name: str) -> int:
    (found,) = [folder.id for folder in clone.portal.store.all_folders() if folder.name == name]
    return found


def test_a_renamed_folder_in_conflict_stays_the_same_after_its_articles_were_published(clone: Clone) -> None:
    clone.published()
    clone.portal.store.edit_folder(folder(clone, "Basics"), name="Named on the web")
    before = shown(clone.portal)
    (clone.root / BASICS).rename(clone.root / "guide/first-steps")
    files = clone.files()
    clone.commit(
        {
            "guide/first-steps/_index.md": files["guide/first-steps/_index.md"].replace("Basics", "First steps"),
            "guide/basics/.keep": "",
        }
    )
    for _ in range(3):
        actions = steps(clone.plan())
        assert actions["guide/first-steps"] == "conflict"
        assert "move" not in actions.values()
        assert "create" not in actions.values()
        clone.publish()
    assert shown(clone.portal) == before


def test_an_article_moved_on_the_web_is_overwritten_in_place_and_a_pull_moves_its_file(clone: Clone) -> None:
    clone.published()
    path = f"{BASICS}/reset.md"
    number, place = clone.id_of(path), folder(clone, "orders")
    store = clone.portal.store
    store.move_article(number, place)
    store.edit_article(number, body="<p>Something else.</p>")
    clone.commit({path: clone.read(path) + "\nWritten here.\n"})
    clone.publish(overwrite=frozenset({path}))
    written = store.article(number)
    assert "Written here." in written.description
    assert (written.folder_id, written.status) == (place, 2)
    plan = clone.plan()
    assert plan.changes == ()
    assert {found.path: found.fields for found in plan.drift if found.path == path} == {path: ("parent",)}
    clone.pull()
    clone.commit()
    assert clone.id_of(path) == number
    assert "Written here." in clone.read("shop/orders/reset.md")


def test_an_article_moved_on_the_web_out_of_a_gone_folder_is_an_edit_of_the_portal_only(clone: Clone) -> None:
    clone.published()
    path = f"{BASICS}/reset.md"
    clone.portal.store.move_article(clone.id_of(path), folder(clone, "orders"))
    clone.portal.store.delete_folder(folder(clone, "Basics"))
    plan = clone.plan()
    assert plan.changes == ()
    assert plan.conflicts == ()
    assert {found.path: found.fields for found in plan.drift}[path] == ("parent",)


def test_a_renamed_folder_in_conflict_is_still_that_folder_when_another_has_its_former_path(clone: Clone) -> None:
    clone.published()
    clone.portal.store.edit_folder(folder(clone, "orders"), name="Named on the web")
    before = shown(clone.portal)
    (clone.root / "shop/orders").rename(clone.root / "shop/paying")
    clone.commit({"shop/orders/return.md": article("Return", "Put it back into its box, and send it to us.")})
    actions = steps(clone.published())
    assert actions["shop/paying"] == "conflict"
    assert actions["shop/orders/return.md"] == "create"
    assert steps(clone.plan()) == {"shop/paying": "conflict"}
    after = shown(clone.portal)
    assert {number: after[number] for number in before} == before


@pytest.mark.parametrize("settings", [SandboxSettings(clock=lambda: START)])
def test_an_undone_move_within_a_second_of_an_agents_move_reports_their_edit_again(clone: Clone) -> None:
    clone.published()
    path = f"{BASICS}/reset.md"
    number, place = clone.id_of(path), folder(clone, "orders")
    clone.portal.store.move_article(number, place)
    clone.pull(ours=frozenset({path}))
    clone.commit()
    assert steps(clone.published())[path] == "move"
    undo.undo(clone.config, Secret(clone.portal.key), None, Options(), clone.ui)
    assert shown(clone.portal)[number][0] == place
    assert steps(clone.plan()) == {path: "drift"}


def test_a_directory_with_only_an_undone_article_does_not_match_the_folder_of_that_article(
    clone: Clone,
) -> None:
    clone.commit({"guide/spare/a.md": article("Spare", "Parts are in the second drawer, under the manual.")})
    clone.published()
    (clone.root / "shop/orders/pay.md").rename(clone.root / "guide/spare/pay.md")
    clone.commit()
    assert steps(clone.published())["guide/spare/pay.md"] == "move"
    undo.undo(clone.config, Secret(clone.portal.key), None, Options(), clone.ui)
    clone.remove("guide/spare/a.md")
    clone.commit()
    actions = steps(clone.plan())
    assert actions["guide/spare/pay.md"] == "undone"
    assert actions["guide/spare/a.md"] == "archive"
    assert "guide/spare" not in actions


def test_an_article_undone_and_then_removed_is_restored_with_the_text_of_its_file(clone: Clone) -> None:
    path = "guide/basics/repair.md"
    clone.commit({path: article("Repair", "Send it in.")})
    clone.published()
    clone.commit({path: article("Repair", "Send it in, all of it.")})
    clone.published()
    undo.undo(clone.config, Secret(clone.portal.key), None, Options(), clone.ui)
    clone.remove(path)
    clone.commit()
    assert steps(clone.published()) == {path: "archive"}
    clone.commit({path: article("Repair", "Send it in, all of it.")})
    assert steps(clone.published()) == {path: "restore"}
    assert "all of it" in clone.live(path).description
    assert steps(clone.plan()) == {}


def test_a_directory_is_created_again_once_while_its_files_wait_for_a_held_back_folder(
    clone: Clone,
) -> None:
    clone.commit({"guide/more/a.md": article("Spare", "Parts are in the second drawer.")})
    clone.published()
    clone.commit({"shop/orders/pay.md": article("Pay", "With a card, or in the shop.")})
    clone.published()
    number = clone.id_of("shop/orders/pay.md")
    undo.undo(clone.config, Secret(clone.portal.key), None, Options(), clone.ui)
    clone.portal.store.edit_folder(clone.id_of("guide/more"), name="Much more")
    clone.portal.store.edit_article(number, status=DRAFT)
    clone.remove("guide/more/a.md")
    (clone.root / "guide/more").mkdir(exist_ok=True)
    (clone.root / "shop/orders/pay.md").rename(clone.root / "guide/more/pay.md")
    clone.commit()
    folders = len(clone.portal.store.all_folders())
    for _ in range(2):
        clone.published()
        assert len(clone.portal.store.all_folders()) == folders + 1
    assert clone.plan().changes == ()


def test_tags_and_seo_that_no_file_showed_are_not_replaced(clone: Clone) -> None:
    clone.published()
    path = f"{BASICS}/reset.md"
    number = clone.id_of(path)
    clone.portal.store.edit_article(number, tags=("web",), seo={"meta_title": "From the web"})
    clone.pull()
    clone.commit()
    assert "web" not in clone.read(path)
    clone.commit({path: clone.read(path).replace("---\n", "---\ntags: [writer]\nseo: {title: From a writer}\n", 1)})
    clone.publish()
    live = clone.portal.store.article(number)
    assert (live.tags, live.seo["meta_title"]) == (("web",), "From the web")
