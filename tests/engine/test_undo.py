"""Undo: what one run replaced is restored, later changes are reported, and no later run repeats the undone changes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kbsync.config import Secret
from kbsync.engine import session
from kbsync.engine import undo as undoing
from kbsync.engine.context import Options
from kbsync.engine.undo import UndoResult
from kbsync.errors import Refusal, UsageError
from kbsync.sandbox.server import Portal
from tests.engine.clone import LEDGER, Clone, Quiet, clone_of, new_clone, read_long_ago, shown, steps
from tests.planner.world import article
from tests.ready import Ready

RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"
BOX = "guide/basics/box.md"
ODD = (
    '<div class="x" style="font-size: 14px;">\r\n<p dir=rtl>&nbsp;ضع الصندوق 📦 <b>on</b> a&#32;table.<br></p></div>'
    "\n<p>&lt;b&gt; stays</p>  <hr/>\n\n"
)
CHANGED = article("Install it", "Unpack *both* boxes.\n\n- one\n- two", tags="[boxes]")


def undone(clone: Clone, run: str | None = None, **options: Any) -> UndoResult:
    """Undo a run, and see that nothing went wrong."""
    dry_run = options.pop("dry_run", False)
    done = undoing.undo(clone.config, Secret(clone.portal.key), run, Options(**options), clone.ui, dry_run=dry_run)
    outcomes = done.run.outcomes if done.run else []
    assert [(o.change.path, o.error) for o in outcomes if o.result != "done"] == []
    assert done.ledger_error is None
    return done


def did(done: UndoResult) -> dict[str, str]:
    return steps(done.planned.plan)


def tip(clone: Clone) -> str:
    return clone.git("rev-parse", LEDGER).strip()


def at_rest(clone: Clone) -> dict[str, str]:
    """Return what a plan says, and that a publish writes nothing."""
    said = steps(clone.plan())
    before = shown(clone.portal)
    assert steps(clone.published()) == said
    assert shown(clone.portal) == before
    return said


@pytest.fixture
def live(clone: Clone, ready: Ready) -> Clone:
    """A clone whose tree is published, with an article to which no other links."""

    def make() -> None:
        clone.commit({BOX: article("Box", "Open the box and keep it.")})
        clone.published()

    ready("box", clone.root.parent, clone.portal, make)
    return clone


def test_an_undone_update_is_restored_byte_for_byte_and_stays_until_its_file_changes(live: Clone) -> None:
    number = live.id_of(INSTALL)
    before = shown(live.portal)
    live.commit({INSTALL: CHANGED})
    live.published()
    assert did(undone(live)) == {INSTALL: "update"}
    assert shown(live.portal) == before
    assert at_rest(live) == steps(live.offline()) == {INSTALL: "undone"}
    live.commit({PAY: article("Pay", "Cards only.")})
    assert steps(live.published()) == {INSTALL: "undone", PAY: "update"}
    live.commit({INSTALL: CHANGED.replace("two", "three")})
    assert steps(live.published()) == {INSTALL: "update"}
    now = live.live(INSTALL)
    assert (now.id, now.title, now.tags) == (number, "Install it", ("boxes",))
    assert "three" in now.description
    assert at_rest(live) == {}


def test_a_title_changed_after_an_undo_publishes_the_whole_article(live: Clone) -> None:
    live.commit({INSTALL: CHANGED})
    live.published()
    undone(live)
    live.commit({INSTALL: CHANGED.replace("Install it", "Set it up")})
    live.published()
    assert live.live(INSTALL).title == "Set it up"
    assert "both" in live.live(INSTALL).description
    assert live.live(INSTALL).tags == ("boxes",)
    assert at_rest(live) == {}


def test_tags_and_seo_fields_that_a_run_set_are_restored(live: Clone) -> None:
    before = live.live(BOX)
    front = "---\ntitle: Box\ntags: [a, b]\nseo:\n  title: Boxes\n  description: All of them\n  keywords: [x, y]\n---\n"
    live.commit({BOX: f"{front}\nOpen the box and keep it.\n"})
    live.published()
    assert live.live(BOX) != replace(before, updated_at=live.live(BOX).updated_at)
    undone(live)
    after = live.portal.store.article(before.id)
    assert not any(after.seo.values())
    assert replace(after, seo=before.seo, updated_at=before.updated_at) == before


def test_an_article_that_became_a_pointer_is_restored(live: Clone) -> None:
    live.config = _config(live, moved="pointer")
    before, old = shown(live.portal), live.id_of(BOX)
    live.git("mv", BOX, "guide/basics/wifi/box.md")
    live.commit()
    live.published()
    assert shown(live.portal)[old] != before[old]
    undone(live)
    now = shown(live.portal)
    assert {number: now[number] for number in before} == before
    assert at_rest(live) == {"guide/basics/wifi/box.md": "undone"}


def test_a_created_article_is_unpublished_and_the_directories_stay(live: Clone) -> None:
    live.commit({"guide/new/_index.md": "---\nname: New\n---\n", "guide/new/a.md": article("A", "Words.")})
    live.published()
    number = live.id_of("guide/new/a.md")
    done = undone(live)
    assert did(done) == {"guide/new/a.md": "archive"}
    assert done.remaining == ("guide/new",)
    assert live.portal.store.article(number).status == 1
    assert at_rest(live) == steps(live.offline()) == {"guide/new/a.md": "undone"}
    live.commit({"guide/new/a.md": article("A", "Other words.")})
    live.published()
    assert (live.portal.store.article(number).status, live.id_of("guide/new/a.md")) == (2, number)
    assert at_rest(live) == {}


def test_a_created_article_whose_file_is_removed_after_its_undo_is_archived_without_a_call(live: Clone) -> None:
    live.commit({"guide/basics/a.md": article("A", "Words.")})
    live.published()
    number = live.id_of("guide/basics/a.md")
    undone(live)
    live.remove("guide/basics/a.md")
    live.commit()
    assert live.methods(live.published).keys() == {"GET"}
    assert at_rest(live) == {}
    live.commit({"guide/basics/a.md": article("A", "Words.")})
    assert steps(live.published()) == {"guide/basics/a.md": "restore"}
    assert live.id_of("guide/basics/a.md") == number


def test_an_archived_article_is_published_again_and_stays_although_its_file_is_gone(live: Clone) -> None:
    before, number = shown(live.portal), live.id_of(PAY)
    live.remove(PAY)
    live.commit({"shop/orders/_index.md": "---\nname: orders\n---\n"})
    live.published()
    assert did(undone(live)) == {PAY: "restore"}
    assert shown(live.portal) == before
    assert at_rest(live) == steps(live.offline()) == {PAY: "undone"}
    live.commit({PAY: article("Pay", "Cards only.")})
    assert steps(live.published()) == {PAY: "update"}
    assert live.id_of(PAY) == number
    assert at_rest(live) == {}


def test_an_undone_archive_is_archived_by_a_later_removal_only_after_its_file_was_back(live: Clone) -> None:
    text = live.read(PAY)
    live.remove(PAY)
    live.commit({"shop/orders/_index.md": "---\nname: orders\n---\n"})
    live.published()
    undone(live)
    live.commit({PAY: text})
    live.published()
    assert at_rest(live) == {}
    live.remove(PAY)
    live.commit()
    assert steps(live.published()) == {PAY: "archive"}


def test_an_undone_restore_archives_the_article_as_it_was(live: Clone) -> None:
    text, number = live.read(PAY), live.id_of(PAY)
    live.remove(PAY)
    live.commit({"shop/orders/_index.md": "---\nname: orders\n---\n"})
    live.published()
    before = shown(live.portal)
    live.commit({PAY: text.replace("cash", "coins")})
    assert steps(live.published()) == {PAY: "restore"}
    undone(live)
    assert shown(live.portal) == before
    assert at_rest(live) == {PAY: "undone"}
    live.commit({PAY: text.replace("cash", "shells")})
    live.published()
    assert live.id_of(PAY) == number
    assert "shells" in live.live(PAY).description


def test_a_move_is_undone_in_both_places_and_repeated_after_a_change(live: Clone) -> None:
    before, old = shown(live.portal), live.id_of(BOX)
    live.git("mv", BOX, "guide/basics/wifi/box.md")
    live.commit()
    assert steps(live.published())["guide/basics/wifi/box.md"] == "move"
    new = live.id_of("guide/basics/wifi/box.md")
    assert sorted(did(undone(live)).values()) == ["archive", "restore"]
    now = shown(live.portal)
    assert {number: now[number] for number in before} == before
    assert now[new][3] == 1
    assert at_rest(live) == {"guide/basics/wifi/box.md": "undone"}
    live.commit({"guide/basics/wifi/box.md": article("Box", "Open nothing.")})
    assert steps(live.published())["guide/basics/wifi/box.md"] == "move"
    assert live.portal.store.article(old).status == 1
    assert at_rest(live) == {}


def test_a_move_of_an_article_that_became_a_draft_is_undone_and_repeated(live: Clone) -> None:
    before = shown(live.portal)
    live.git("mv", BOX, "guide/basics/wifi/box.md")
    live.commit({"guide/basics/wifi/box.md": article("Box", "Open the box and keep it.", status="draft")})
    live.published()
    after = shown(live.portal)
    undone(live)
    assert {number: shown(live.portal)[number] for number in before} == before
    assert at_rest(live) == {"guide/basics/wifi/box.md": "undone"}
    undone(live, tip(live))
    assert shown(live.portal) == after
    assert at_rest(live) == {}


def test_an_undone_move_that_is_reverted_in_the_tree_is_adopted(live: Clone) -> None:
    old = live.id_of(BOX)
    live.git("mv", BOX, "guide/basics/wifi/box.md")
    live.commit()
    live.published()
    undone(live)
    live.git("mv", "guide/basics/wifi/box.md", BOX)
    live.commit()
    assert steps(live.published()) == {BOX: "adopt"}
    assert live.id_of(BOX) == old
    assert at_rest(live) == {}


def test_a_renamed_file_with_a_new_title_gets_its_old_title_back(live: Clone) -> None:
    number = live.id_of(BOX)
    live.git("mv", BOX, "guide/basics/set-up.md")
    live.commit({"guide/basics/set-up.md": article("Carton", "Open the box and keep it.")})
    live.published()
    undone(live)
    assert live.portal.store.article(number).title == "Box"
    assert at_rest(live) == {"guide/basics/set-up.md": "undone"}


def test_a_file_that_replaced_a_removed_one_and_that_one_are_both_restored(live: Clone) -> None:
    long = "\n\n".join(f"Step {number}: put the cable where the picture of it shows." for number in range(6))
    cable = "guide/basics/cable.md"
    live.commit({cable: article("Cable", long)})
    live.published()
    before = shown(live.portal)
    live.remove(BOX)
    live.git("mv", cable, BOX)
    live.commit({BOX: article("The cable", f"{long}\n\nKeep the box.")})
    assert steps(live.published()) == {BOX: "update, archive"}
    assert did(undone(live)) == {BOX: "update, restore"}
    assert shown(live.portal) == before
    assert at_rest(live) == {BOX: "undone, undone"}


def test_the_names_of_directories_are_restored(live: Clone) -> None:
    live.git("mv", "guide", "handbook")
    live.commit(
        {"handbook/_index.md": "---\nname: Handbook\n---\n", "handbook/basics/_index.md": "---\nname: Start\n---\n"}
    )
    live.published()
    done = undone(live)
    assert did(done) == {"handbook": "update", "handbook/basics": "update"}
    assert [category.name for category in live.portal.store.all_categories()] == ["Guide", "shop"]
    assert next(folder.name for folder in live.portal.store.all_folders()) == "Basics"
    assert at_rest(live) == {"handbook": "undone", "handbook/basics": "undone"}
    live.commit({"handbook/_index.md": "---\nname: Manual\n---\n"})
    assert steps(live.published()) == {"handbook": "update", "handbook/basics": "undone"}


def test_a_folder_that_was_moved_into_another_is_moved_back(live: Clone) -> None:
    live.commit({"guide/more/x.md": article("X", "Words."), "guide/basics/wifi/join.md": article("Join", "Choose.")})
    live.published()
    where = {folder.name: folder.parent_id for folder in live.portal.store.all_folders()}
    live.git("mv", "guide/basics/wifi", "guide/more/wifi")
    live.commit()
    live.published()
    assert {folder.name: folder.parent_id for folder in live.portal.store.all_folders()} != where
    undone(live)
    assert {folder.name: folder.parent_id for folder in live.portal.store.all_folders()} == where
    assert set(at_rest(live).values()) == {"undone"}


def test_a_second_undo_writes_nothing_and_gives_the_reason(live: Clone) -> None:
    live.commit({INSTALL: CHANGED})
    live.published()
    undone(live)
    ledger = tip(live)
    again = undone(live)
    assert did(again) == {INSTALL: "undone"}
    assert again.planned.plan.undone[0].reason == f"already undone, by run {ledger[:10]}"
    assert tip(live) == ledger
    assert not again.planned.plan.conflicts


def test_undoing_an_undo_restores_the_result_of_the_run(live: Clone) -> None:
    live.remove(PAY)
    live.git("mv", BOX, "guide/basics/wifi/box.md")
    live.commit({RESET: article("Reset it", "Hold the button."), "guide/basics/a.md": article("A", "Words.")})
    live.published()
    after = shown(live.portal)
    undone(live)
    assert shown(live.portal) != after
    undo = tip(live)
    undone(live, undo[:10])
    assert shown(live.portal) == after
    assert at_rest(live) == {}
    # The last run is what leads forward by now, and can be undone once more.
    undone(live)
    assert shown(live.portal) != after
    assert set(at_rest(live).values()) == {"undone"}


def test_an_article_edited_since_is_reported_and_left_alone(live: Clone) -> None:
    live.commit({INSTALL: CHANGED, RESET: article("Reset it", "Hold the button."), "guide/basics/a.md": article("A")})
    live.published()
    number = live.id_of(INSTALL)
    live.portal.store.edit_article(number, title="By hand")
    live.portal.store.edit_article(live.id_of("guide/basics/a.md"), description="<p>By hand.</p>")
    done = undone(live)
    assert did(done) == {INSTALL: "conflict", RESET: "update", "guide/basics/a.md": "conflict"}
    reasons = {finding.path: finding.reason for finding in done.planned.plan.conflicts}
    assert reasons[INSTALL] == "edited on the portal since: title"
    assert live.portal.store.article(number).title == "By hand"
    assert live.portal.store.article(live.id_of("guide/basics/a.md")).status == 2
    assert steps(live.plan()) == {INSTALL: "drift", RESET: "undone", "guide/basics/a.md": "drift"}


def test_unmanaged_fields_that_agents_set_survive_an_undo(live: Clone) -> None:
    live.commit({RESET: article("Reset it", "Hold the button.")})
    live.published()
    number = live.id_of(RESET)
    live.portal.store.edit_article(number, tags=("by", "hand"))
    live = Clone(root=live.root, portal=live.portal, config=_config(live, touched="go"), ui=Quiet())
    undone(live)
    now = live.portal.store.article(number)
    assert (now.title, now.tags) == ("Reset", ("by", "hand"))


def _config(clone: Clone, **changes: Any) -> Any:
    return replace(clone.config, **changes)


def test_an_article_that_a_later_run_changed_is_left_alone_and_that_run_is_named(live: Clone) -> None:
    live.commit({INSTALL: CHANGED, RESET: article("Reset it", "Hold the button.")})
    live.published()
    first = tip(live)
    live.commit({INSTALL: CHANGED.replace("both", "all")})
    live.published()
    later = tip(live)
    done = undone(live, first[:7])
    assert did(done) == {INSTALL: "conflict", RESET: "update"}
    assert later[:10] in done.planned.plan.conflicts[0].reason
    assert "all" in live.live(INSTALL).description


def test_an_undo_reads_each_item_again_right_before_its_write(live: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    live.commit({INSTALL: CHANGED})
    live.published()
    number = live.id_of(INSTALL)

    class Agent(Quiet):
        def confirm(self, planned: Any) -> bool:
            live.portal.store.edit_article(number, title="By hand")
            return True

    monkeypatch.setattr(session, "LiveSide", read_long_ago)
    done = undoing.undo(live.config, Secret(live.portal.key), None, Options(), Agent())
    assert done.run is not None
    assert [o.result.value for o in done.run.outcomes] == ["withheld"]
    assert live.portal.store.article(number).title == "By hand"


def test_an_interrupted_undo_is_finished_by_another(live: Clone) -> None:
    live.commit({INSTALL: CHANGED, RESET: article("Reset it", "Hold the button.")})
    live.published()
    run = tip(live)
    before = dict(live.ledger())
    undone(live)
    after = shown(live.portal)
    # Nothing was saved of the first undo, and of two articles only one was written.
    live.git("update-ref", LEDGER, run)
    assert live.ledger() == before
    live.portal.store.edit_article(live.id_of(RESET), title="Reset it")
    done = undone(live)
    assert did(done)[INSTALL] == "adopt"
    assert steps(live.plan())[INSTALL] == "undone"
    assert shown(live.portal)[live_id(live, INSTALL)] == after[live_id(live, INSTALL)]


def live_id(clone: Clone, path: str) -> int:
    (known,) = [known for known in clone.baselines().values() if known.path == path]
    return known.id


def test_an_overwritten_web_edit_is_drift_again_after_an_undo(live: Clone) -> None:
    number = live.id_of(INSTALL)
    live.portal.store.edit_article(number, description="<p>By hand.</p>")
    live.published(overwrite=frozenset({INSTALL}))
    assert "table" in live.live(INSTALL).description
    undone(live)
    assert live.portal.store.article(number).description == "<p>By hand.</p>"
    assert steps(live.published()) == {INSTALL: "drift"}
    live.pull()
    assert "By hand." in live.read(INSTALL)


def test_a_pull_leaves_an_undone_article_and_reports_its_web_edit(live: Clone) -> None:
    live.remove(PAY)
    live.commit({INSTALL: CHANGED, "shop/orders/_index.md": "---\nname: orders\n---\n"})
    live.published()
    undone(live)
    files = live.files()
    live.pull()
    assert live.files() == files
    live.portal.store.edit_article(live_id(live, INSTALL), description="<p>By hand.</p>")
    assert steps(live.pull(dry_run=True).planned.plan)[INSTALL] == "conflict"


def test_a_first_publish_after_a_pull_is_undone_with_its_lock_file_only(
    live: Clone, portal: Portal, tmp_path: Path
) -> None:
    live.portal.store.edit_article(live.id_of(INSTALL), title="تركيب 📦", description=ODD)
    other = new_clone(tmp_path / "pulled", portal, {"kbsync.toml": ""})
    other.pull()
    other.commit()
    (path,) = [path for path, text in other.files().items() if "table" in text]
    before = shown(portal)
    text = other.read(path)
    other.commit({path: text.replace("table", "shelf")})
    other.published()
    assert shown(portal) != before
    assert did(undone(other)) == {path: "update"}
    assert shown(portal) == before
    assert at_rest(other) == {path: "undone"}
    other.commit({path: text})
    assert steps(other.published()) == {path: "adopt"}
    assert at_rest(other) == {}


def test_a_fresh_clone_undoes_the_run_of_another(live: Clone, shared: Path) -> None:
    before = shown(live.portal)
    live.commit({INSTALL: CHANGED})
    live.git("push", "-q", "origin", "main")
    live.published()
    other = clone_of(shared, live.root.parent / "other", live, "--depth=1")
    assert did(undone(other)) == {INSTALL: "update"}
    assert shown(live.portal) == before
    assert at_rest(live) == {INSTALL: "undone"}
    assert at_rest(other) == {INSTALL: "undone"}


def test_a_checkout_older_than_the_portal_undoes_nothing(live: Clone, shared: Path) -> None:
    old = live.git("rev-parse", "HEAD").strip()
    live.commit({INSTALL: CHANGED})
    live.git("push", "-q", "origin", "main")
    live.published()
    live.git("checkout", "-q", old)
    with pytest.raises(Refusal, match="not an ancestor"):
        undone(live)


def test_renaming_the_directory_of_an_undone_article_does_not_publish_it(live: Clone) -> None:
    live.commit({INSTALL: CHANGED})
    live.published()
    undone(live)
    before = shown(live.portal)
    live.git("mv", "guide", "handbook")
    live.commit()
    said = steps(live.published())
    assert said["handbook/basics/install.md"] == "undone"
    assert shown(live.portal) == before
    assert steps(live.plan()) == {"handbook/basics/install.md": "undone"}


def test_content_that_becomes_equal_to_the_live_article_is_adopted(live: Clone) -> None:
    text = live.read(INSTALL)
    live.commit({INSTALL: CHANGED})
    live.published()
    undone(live)
    live.commit({INSTALL: text})
    assert live.methods(live.published).keys() == {"GET"}
    assert at_rest(live) == {}


def test_overwrite_repeats_an_undone_change(live: Clone) -> None:
    live.commit({INSTALL: CHANGED})
    live.published()
    after = shown(live.portal)
    undone(live)
    assert steps(live.published(overwrite=frozenset({INSTALL}))) == {INSTALL: "update"}
    assert shown(live.portal) == after
    assert at_rest(live) == {}


def test_a_deleted_article_is_reported_and_cannot_be_restored(live: Clone) -> None:
    live.config = _config(live, removed="delete")
    live.remove(PAY)
    live.commit({"shop/orders/_index.md": "---\nname: orders\n---\n"})
    live.published()
    done = undone(live)
    assert did(done) == {PAY: "conflict"}
    assert "deleted permanently" in done.planned.plan.conflicts[0].reason


def test_a_dry_run_and_a_person_who_declines_write_nothing(live: Clone) -> None:
    live.commit({INSTALL: CHANGED})
    live.published()
    before = shown(live.portal), tip(live)
    undone(live, dry_run=True)
    live.ui.agree = False
    assert undone(live).run is None
    assert (shown(live.portal), tip(live)) == before


def test_an_unknown_run_is_an_error_with_advice(live: Clone) -> None:
    with pytest.raises(UsageError, match="run not found: 12345678"):
        undone(live, "12345678")
    with pytest.raises(UsageError, match="run not found:"):
        undone(live, "a")


def test_there_is_nothing_to_undo_before_the_first_run(clone: Clone) -> None:
    with pytest.raises(UsageError, match="no run to undo"):
        undone(clone)
