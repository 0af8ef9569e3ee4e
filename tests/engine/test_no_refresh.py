"""`publish --no-refresh`: only the items to be written are read, and still no web edit is overwritten."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from kbsync.config import Secret
from kbsync.engine import plan as planning
from kbsync.engine import session
from kbsync.engine.context import Options
from kbsync.engine.saved_plan import make_saved_plan
from kbsync.errors import Refusal
from kbsync.report.json_output import saved_from_json, saved_to_json
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, Quiet, clone_of, read_long_ago, shown, steps, troubles
from tests.engine.test_laws import a_clone, edit_web, rewrite
from tests.planner.trees import Edit, agents_edits, law, trees, writers_edits
from tests.planner.world import article
from tests.portals import serve
from tests.ready import Ready

RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"
JOIN, NEW = "guide/basics/wifi/join.md", "guide/basics/new.md"
EDITED = article("Install", "Unpack *both* boxes. 📦 שלום", tags="[box, table]")
BY_HAND = "<p>By hand.</p>"


@pytest.fixture
def live(clone: Clone, ready: Ready) -> Clone:
    """A published tree."""
    ready("live", clone.root.parent, clone.portal, clone.published)
    return clone


def calls(clone: Clone, **options: object) -> list[str]:
    """Publish without a refresh, and give the calls, in order."""
    clone.portal.calls.clear()
    clone.publish(refresh=False, **options)
    return [f"{call.method} {call.path.removeprefix('/api/v2/solutions/')}" for call in clone.portal.calls]


def reads(made: list[str]) -> list[str]:
    return [call for call in made if call.startswith("GET")]


def test_one_article_takes_three_calls_and_ends_as_with_a_refresh(live: Clone) -> None:
    number = live.id_of(INSTALL)
    live.commit({INSTALL: EDITED})
    assert calls(live) == ["GET categories", f"GET articles/{number}", f"PUT articles/{number}"]
    assert "both" in live.live(INSTALL).description
    assert steps(live.plan()) == {}
    assert calls(live) == ["GET categories"]


def test_a_first_publish_reads_no_more_than_the_categories(clone: Clone) -> None:
    assert reads(calls(clone)) == ["GET categories"]
    assert steps(clone.plan()) == {}


def test_a_web_edit_of_an_item_to_be_written_is_a_conflict_and_stays(live: Clone, portal: Portal) -> None:
    live.commit({INSTALL: EDITED, PAY: article("Pay", "Cash.")})
    portal.store.edit_article(live.id_of(INSTALL), body=BY_HAND)
    done = live.publish(refresh=False)
    assert steps(done.planned.plan) == {INSTALL: "conflict", PAY: "update"}
    assert done.planned.plan.conflicts[0].theirs, "what was edited is shown"
    assert live.live(INSTALL).description == BY_HAND
    assert steps(live.plan()) == {INSTALL: "conflict"}


def test_a_web_edit_of_another_article_stays_and_is_drift_at_the_next_refresh(live: Clone, portal: Portal) -> None:
    portal.store.edit_article(live.id_of(PAY), body=BY_HAND)
    live.commit({INSTALL: EDITED})
    assert steps(live.published(refresh=False)) == {INSTALL: "update"}
    assert live.live(PAY).description == BY_HAND
    assert steps(live.plan()) == {PAY: "drift"}


def test_an_edit_between_plan_and_write_is_withheld(
    live: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LiveSide", read_long_ago)
    number = live.id_of(INSTALL)
    live.commit({INSTALL: EDITED})

    class Slow(Quiet):
        def confirm(self, planned: object) -> bool:
            portal.store.edit_article(number, body=BY_HAND)
            return True

    live.ui = Slow()
    assert [(path, result) for path, result, _ in troubles(live.publish(refresh=False))] == [(INSTALL, "withheld")]
    assert portal.store.article(number).description == BY_HAND


def test_an_article_saved_on_the_portal_since_is_held_back(live: Clone, portal: Portal) -> None:
    portal.store.edit_article(live.id_of(PAY), tags=["by", "hand"])
    live.commit({PAY: article("Pay", "Cash.")})
    (conflict,) = live.publish(refresh=False).planned.plan.conflicts
    assert "saved on the portal since" in conflict.reason


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_an_article_to_be_archived_is_read_too(live: Clone, portal: Portal, how: str) -> None:
    number = live.id_of(PAY)
    if how == "edited":
        portal.store.edit_article(number, body=BY_HAND)
    else:
        portal.store.delete_article(number)
    live.remove(PAY)
    live.commit()
    made = live.publish(refresh=False).planned.plan
    assert steps(made)[PAY] == ("conflict" if how == "edited" else "forget")
    assert how == "deleted" or portal.store.article(number).status == 2


def test_an_edited_article_that_is_gone_is_not_created_again(live: Clone, portal: Portal) -> None:
    portal.store.delete_article(live.id_of(PAY))
    live.commit({PAY: article("Pay", "Cash.")})
    made = calls(live)
    assert not [call for call in made if not call.startswith("GET")]
    assert steps(live.plan()) == {PAY: "conflict"}
    live.published(refresh=False, overwrite=frozenset({PAY}))
    assert steps(live.plan()) == {}


def test_a_new_article_is_compared_with_those_in_its_folder(live: Clone, portal: Portal) -> None:
    folder = live.live(INSTALL).folder_id
    portal.store.create_article(folder, "New", "<p>Theirs.</p>")
    live.commit({NEW: article("New", "Mine.")})
    made = calls(live)
    assert sorted(made) == ["GET categories", f"GET folders/{folder}", f"GET folders/{folder}/articles"]
    assert steps(live.plan()) == {NEW: "conflict"}
    live.commit({NEW: article("New", "Theirs.")})
    assert steps(live.published(refresh=False)) == {NEW: "adopt"}
    assert steps(live.plan()) == {}


def test_a_new_folder_is_compared_with_those_beside_it(live: Clone, portal: Portal) -> None:
    (guide,) = [one.id for one in portal.store.all_categories() if one.name == "Guide"]
    portal.store.create_folder(guide, "tips")
    live.commit({"guide/tips/one.md": article("One", "Mine.")})
    done = live.published(refresh=False)
    assert steps(done) == {"guide/tips": "adopt", "guide/tips/one.md": "create"}
    assert [folder.name for folder in portal.store.all_folders()].count("tips") == 1
    assert steps(live.plan()) == {}


def test_nothing_is_created_in_a_folder_that_is_gone(live: Clone, portal: Portal) -> None:
    before = live.id_of(PAY)
    portal.store.delete_folder(portal.store.article(before).folder_id)
    live.commit({"shop/orders/new.md": article("New", "Mine.")})
    done = live.publish(refresh=False)
    assert troubles(done)
    assert [article.title for article in portal.store.all_articles()].count("New") == 0


def test_a_moved_article_is_read_and_created_in_its_new_folder(live: Clone, portal: Portal) -> None:
    number = live.id_of(PAY)
    live.git("mv", PAY, "guide/basics/pay.md")
    live.commit()
    portal.store.edit_article(number, tags=["vip"])
    live.config = replace(live.config, touched="go")
    assert steps(live.published(refresh=False))["guide/basics/pay.md"] == "move"
    assert list(live.live("guide/basics/pay.md").tags) == ["vip"]
    assert portal.store.article(number).status == 1
    assert steps(live.plan()) == {}


def test_overwrite_replaces_an_edit_that_no_baseline_has(live: Clone, portal: Portal) -> None:
    portal.store.edit_article(live.id_of(PAY), body=BY_HAND)
    assert steps(live.published(refresh=False, overwrite=frozenset({"shop"}))) == {PAY: "update"}
    assert "Cards" in live.live(PAY).description


def test_an_article_that_a_file_pins_is_found(live: Clone, portal: Portal) -> None:
    number = portal.store.create_article(live.live(INSTALL).folder_id, "Other", "<p>Mine.</p>").id
    live.commit({NEW: f"---\nid: {number}\ntitle: Other\n---\nMine.\n"})
    assert steps(live.published(refresh=False)) == {NEW: "adopt"}
    assert live.id_of(NEW) == number


def test_another_portal_is_recognised_by_its_categories(live: Clone) -> None:
    live.commit({INSTALL: EDITED, NEW: article("New", "Mine.")})
    with serve() as other:
        for _ in range(9):
            other.store.create_category("Padding")
        for category in other.store.all_categories()[:9]:
            other.store.delete_category(category.id)
        live.config = replace(live.config, url=other.url)
        live.portal = other
        other.calls.clear()
        with pytest.raises(Refusal, match="it may be the wrong portal"):
            live.publish(refresh=False)
        assert {call.method for call in other.calls} == {"GET"}


def test_an_empty_tree_is_refused_after_one_call(live: Clone, portal: Portal) -> None:
    live.remove("guide", "shop")
    live.commit()
    portal.calls.clear()
    with pytest.raises(Refusal, match="has no articles"):
        live.publish(refresh=False)
    assert len(portal.calls) == 1


def test_the_whole_portal_is_read_when_that_takes_fewer_calls(clone: Clone) -> None:
    many = {f"guide/basics/n{number}.md": article(f"N{number}", f"Number {number}.") for number in range(12)}
    clone.commit(many)
    clone.published()
    clone.commit({path: text + "\nAnd more.\n" for path, text in many.items()})
    assert len(reads(calls(clone))) < 12
    assert steps(clone.plan()) == {}


@pytest.mark.parametrize("afresh", [False, True], ids=["here", "afresh"])
def test_after_an_interrupted_run_everything_is_read(
    live: Clone, shared: Path, tmp_path: Path, portal: Portal, afresh: bool
) -> None:
    """What it left may lie anywhere, and must not be made twice."""
    live.commit({NEW: article("New", "Mine."), INSTALL: EDITED})
    live.git("push", "-q", "origin", "main")

    class Gone(Quiet):
        def advance(self, what: str) -> None:
            raise SystemExit

    live.ui = Gone()
    with pytest.raises(SystemExit):
        live.publish(refresh=False)
    live.ui = Quiet()
    go_on = clone_of(shared, tmp_path / "other", live) if afresh else live
    go_on.publish(refresh=False, wait=1.0)
    assert [article.title for article in portal.store.all_articles()].count("New") == 1
    assert steps(go_on.plan()) == {}


def test_a_lost_response_creates_nothing_twice(live: Clone, portal: Portal) -> None:
    live.commit({NEW: article("New", "Mine.")})
    portal.faults.lose("POST", "*/articles")
    live.published(refresh=False)
    assert [article.title for article in portal.store.all_articles()].count("New") == 1


@pytest.mark.parametrize("blind", [False, True], ids=["read", "unread"])
def test_a_saved_plan_is_applied(live: Clone, portal: Portal, blind: bool) -> None:
    live.commit({INSTALL: EDITED, PAY: article("Pay", "Cash."), NEW: article("New", "Mine.")})
    key = None if blind else Secret(portal.key)
    planned = planning.plan(live.config, key, Options(), live.ui)
    saved = saved_from_json(saved_to_json(make_saved_plan(planned, Options())), name="plan.json")
    portal.store.edit_article(live.id_of(PAY), body=BY_HAND)
    done = live.publish(refresh=False, saved=saved)
    assert [(path, result) for path, result, _ in troubles(done)] == [(PAY, "withheld")]
    assert live.live(PAY).description == BY_HAND
    assert steps(live.plan()) == {PAY: "conflict"}


def test_authors_by_e_mail_are_in_a_plan_that_was_made_without_a_key(live: Clone, portal: Portal) -> None:
    """Whose id an address is, only the portal knows: which address it is, the tree says that was planned."""
    by = "sam@example.com"
    live.commit({PAY: article("Pay", "Cards.", author=by), INSTALL: article("Install", "Go.", author=by)})
    live.published()
    live.commit(
        {
            PAY: article("Pay", "Cash.", author=by),
            NEW: article("New", "Mine.", author=by),
            INSTALL: article("Install", "Go.", author="robin@example.com"),
        }
    )
    planned = planning.plan(live.config, None, Options(), live.ui)
    saved = saved_from_json(saved_to_json(make_saved_plan(planned, Options())), name="plan.json")
    done = live.publish(refresh=False, saved=saved)
    assert {path: why for path, _, why in troubles(done)}.keys() <= {INSTALL}
    assert live.live(NEW).agent_id == live.live(PAY).agent_id == 150_000_000_002
    assert "Cash" in live.live(PAY).description


def test_a_read_item_is_shown_with_its_own_changes_only(live: Clone, portal: Portal) -> None:
    """No other article is written, whatever is edited, moved or deleted beside it."""
    portal.store.delete_article(live.id_of(PAY))
    portal.store.edit_article(live.id_of(JOIN), body=BY_HAND, title="Another")
    live.commit({INSTALL: EDITED})
    before = shown(portal)
    number = live.id_of(INSTALL)
    live.published(refresh=False)
    after = shown(portal)
    assert {key for key in after if after[key] != before[key]} == {number}


@law(5)
@given(trees(most=5), writers_edits(), agents_edits())
def test_law_2_without_a_refresh_no_web_edit_is_overwritten_and_all_content_is_published(
    files: dict[str, str], mine: list[Edit], theirs: list[Edit]
) -> None:
    with a_clone(files) as clone:
        clone.published()
        rewrite(clone, mine)
        held = edit_web(clone.portal, theirs)
        before = shown(clone.portal)
        if clone.plan().halt:
            return
        done = clone.publish(refresh=False, force=True)
        assert {result for _, result, _ in troubles(done)} <= {"skipped"}
        after = shown(clone.portal)
        assert {number: after[number] for number in held} == {number: before[number] for number in held}
        left = clone.plan()
        assert {change.path for change in left.changes} <= {path for path, _, _ in troubles(done)}, steps(left)
        assert clone.methods(lambda: clone.publish(refresh=False, force=True)).keys() == {"GET"}


def test_an_article_that_agents_moved_is_reported_as_with_a_refresh(live: Clone, portal: Portal) -> None:
    portal.store.move_article(live.id_of(INSTALL), live.live(PAY).folder_id)
    live.commit({INSTALL: EDITED})
    before, whole = shown(portal), live.plan()
    done = live.publish(refresh=False)
    assert [(f.path, f.reason, f.theirs) for f in done.planned.plan.conflicts] == [
        (f.path, f.reason, f.theirs) for f in whole.conflicts
    ]
    assert (steps(done.planned.plan), shown(portal)) == ({INSTALL: "conflict"}, before)


def test_a_folder_that_was_renamed_on_both_sides_is_a_conflict(live: Clone, portal: Portal) -> None:
    portal.store.edit_folder(live.live(INSTALL).folder_id, name="By hand")
    live.commit({"guide/basics/_index.md": "---\nname: By file\n---\n"})
    assert steps(live.publish(refresh=False).planned.plan) == {"guide/basics": "conflict"}
    assert "By hand" in {folder.name for folder in portal.store.all_folders()}
