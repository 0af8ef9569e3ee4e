"""Publish: to an empty portal until it equals the commit, and then one change at a time."""

import re
from dataclasses import replace
from shutil import rmtree

import pytest

from kbsync.engine import session
from kbsync.engine.refresh import refresh
from kbsync.errors import ContentError, GitError, PortalError, Refusal
from kbsync.freshdesk.client import Connection
from kbsync.model import Visibility
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, Quiet, git, read_long_ago, shown, steps, troubles
from tests.planner.world import article

RESET, INSTALL = "guide/basics/reset.md", "guide/basics/install.md"


def test_after_a_first_publish_the_portal_equals_the_commit(clone: Clone, portal: Portal) -> None:
    clone.published()
    assert [category.name for category in portal.store.all_categories()] == ["Guide", "shop"]
    assert {folder.name: folder.parent_id is not None for folder in portal.store.all_folders()} == {
        "Basics": False,
        "wifi": True,
        "orders": False,
    }
    install = clone.live(INSTALL)
    assert (install.title, install.tags, install.status) == ("Install", ("box", "table"), 2)
    assert install.description == "<p>Unpack the box and put it on a table.</p>\n"
    assert f'href="{portal.url}/support/solutions/articles/{install.id}"' in clone.live(RESET).description
    assert f"/articles/{clone.id_of(RESET)}#again" in clone.live("guide/basics/wifi/join.md").description


def test_a_first_publish_writes_each_item_once_and_a_second_one_nothing(clone: Clone) -> None:
    assert clone.methods(clone.published) == {"GET": 1, "POST": 9}
    # 1 list of categories, 2 categories, 1 folder with folders, 3 folders with articles.
    assert clone.methods(clone.published) == {"GET": 7}
    assert clone.methods(clone.plan) == {"GET": 7}


def test_a_plan_after_a_publish_is_empty_with_a_portal_and_without(clone: Clone) -> None:
    clone.published()
    assert steps(clone.plan()) == {}
    assert steps(clone.offline()) == {}


def test_one_change_is_one_call_besides_the_reads(clone: Clone) -> None:
    clone.published()
    clone.commit({INSTALL: article("Install", "Unpack both boxes.", tags="[box, table]")})
    plan = clone.plan()
    assert steps(plan) == {INSTALL: "update"}
    assert plan.changes[0].fields == ("body",)
    assert "Unpack the box" in (plan.changes[0].before or "")
    assert "Unpack both boxes" in (plan.changes[0].after or "")
    assert clone.methods(clone.published) == {"GET": 7, "PUT": 1}
    assert steps(clone.plan()) == {}


def test_plan_reads_the_working_tree_and_publish_the_commit(clone: Clone) -> None:
    clone.published()
    clone.write({INSTALL: article("Installed", "Otherwise.")})
    planned = clone.planned()
    assert steps(planned.plan) == {INSTALL: "update"}
    assert planned.uncommitted == (INSTALL,)
    with pytest.raises(Refusal, match=re.escape(INSTALL)) as refused:
        clone.publish()
    assert refused.value.exit_code == 4
    assert "--dirty" in refused.value.advice
    assert steps(clone.published(dirty=True)) == {}
    assert clone.live(INSTALL).title == "Install"


def test_files_missing_from_the_disk_are_no_removals(clone: Clone) -> None:
    """Law 8: a half or sparse checkout archives nothing, since publish reads the commit."""
    clone.published()
    (clone.root / RESET).unlink()
    assert steps(clone.published(dirty=True)) == {}


def test_a_declined_confirmation_writes_nothing(clone: Clone, portal: Portal) -> None:
    clone.ui = Quiet(agree=False)
    assert clone.publish().run is None
    assert portal.store.all_categories() == []
    assert not clone.git("for-each-ref", "refs/kbsync")


@pytest.mark.parametrize("fetched", [True, False])
def test_articles_of_a_directory_that_became_a_submodule_are_not_gone(
    clone: Clone, portal: Portal, fetched: bool
) -> None:
    clone.published()
    before = shown(portal)
    inner = clone.root / "guide" / "basics"
    git(inner, "init", "-q")
    git(inner, "add", "-A")
    git(inner, "commit", "-q", "-m", "inner")
    clone.git("rm", "-q", "-r", "--cached", "guide/basics")
    clone.git("-c", "advice.addEmbeddedRepo=false", "add", "-A")
    clone.commit()
    if not fetched:
        rmtree(inner)
        inner.mkdir()
    for act in (clone.plan, clone.publish, clone.pull):
        with pytest.raises(ContentError) as caught:
            act()
        assert ("guide/basics", "KB205") in {(problem.path, problem.code) for problem in caught.value.problems}
    assert shown(portal) == before


def test_problems_of_the_content_stop_a_publish_before_any_call(clone: Clone, portal: Portal) -> None:
    clone.commit({"guide/basics/bad.md": "---\ntitle: Bad\nstatus: publishd\n---\n\n[No](nowhere.md)\n"})
    with pytest.raises(ContentError) as stopped:
        clone.publish()
    assert [problem.path for problem in stopped.value.problems] == ["guide/basics/bad.md"] * 2
    assert portal.calls == []


def test_a_repository_without_a_commit_is_an_error_with_advice(clone: Clone) -> None:
    clone.git("update-ref", "-d", "HEAD")
    with pytest.raises(GitError, match="no commits yet"):
        clone.publish()


def test_archiving_only_unpublishes_and_restoring_publishes_the_same_article(clone: Clone, portal: Portal) -> None:
    clone.published()
    number, source = clone.id_of("shop/orders/pay.md"), clone.read("shop/orders/pay.md")
    before = portal.store.article(number)
    clone.remove("shop/orders/pay.md")
    clone.commit()
    assert steps(clone.plan())["shop/orders/pay.md"] == "archive"
    assert clone.methods(clone.published)["PUT"] == 1
    archived = portal.store.article(number)
    assert (archived.status, archived.description, archived.title) == (1, before.description, before.title)
    assert steps(clone.plan()) == {}
    clone.commit({"shop/orders/pay.md": source})
    assert steps(clone.published())["shop/orders/pay.md"] == "restore"
    assert clone.id_of("shop/orders/pay.md") == number
    assert portal.store.article(number).status == 2
    assert steps(clone.plan()) == {}


def test_a_removed_directory_is_emptied_and_its_folder_stays(clone: Clone, portal: Portal) -> None:
    clone.published()
    clone.remove("guide/basics/wifi")
    clone.commit()
    assert set(steps(clone.published())) == {"guide/basics/wifi", "guide/basics/wifi/join.md"}
    assert "wifi" in {folder.name for folder in portal.store.all_folders()}
    assert steps(clone.plan()) == {}
    clone.pull()
    assert clone.git("status", "--porcelain") == ""


def test_removed_delete_takes_articles_and_then_empty_directories(clone: Clone, portal: Portal) -> None:
    clone.config = replace(clone.config, removed="delete")
    clone.published()
    clone.remove("shop")
    clone.commit()
    assert set(steps(clone.published()).values()) == {"delete"}
    assert [category.name for category in portal.store.all_categories()] == ["Guide"]
    assert steps(clone.plan()) == {}


def test_a_directory_in_which_an_agent_wrote_is_not_deleted(clone: Clone, portal: Portal) -> None:
    clone.config = replace(clone.config, removed="delete")
    clone.published()
    portal.store.create_article(clone.id_of("shop/orders"), "By an agent", "<p>Mine.</p>")
    clone.remove("shop")
    clone.commit()
    done = clone.publish()
    assert [(path, result) for path, result, _ in troubles(done)] == [("shop/orders", "withheld"), ("shop", "withheld")]
    assert [a.title for a in portal.store.all_articles() if a.title == "By an agent"] == ["By an agent"]


def test_removed_keep_leaves_the_live_article_as_it_is(clone: Clone, portal: Portal) -> None:
    clone.config = replace(clone.config, removed="keep")
    clone.published()
    number = clone.id_of(RESET)
    clone.commit({"guide/basics/wifi/join.md": article("Join", "Choose.")})
    clone.remove(RESET)
    clone.commit()
    assert steps(clone.published())[RESET] == "forget"
    assert portal.store.article(number).status == 2
    assert steps(clone.plan()) == {}
    portal.store.edit_article(number, title="An agent's now")
    assert steps(clone.plan()) == {}


def test_moved_refuse_leaves_a_moved_file_alone_and_names_it(clone: Clone) -> None:
    clone.config = replace(clone.config, moved="refuse")
    clone.published()
    clone.git("mv", "shop/orders/pay.md", "guide/basics/pay.md")
    clone.commit()
    assert clone.methods(clone.published).keys() == {"GET"}
    assert steps(clone.plan())["guide/basics/pay.md"] == "conflict"


def test_a_moved_article_keeps_the_fields_that_agents_set_and_hides_the_old_one(clone: Clone, portal: Portal) -> None:
    clone.published()
    old = clone.id_of("shop/orders/pay.md")
    portal.store.edit_article(old, tags=("vip",), seo={"meta_title": "Found", "meta_description": "By search"})
    clone.config = replace(clone.config, touched="go")
    clone.git("mv", "shop/orders/pay.md", "guide/basics/pay.md")
    clone.commit()
    assert steps(clone.published())["guide/basics/pay.md"] == "move"
    new = clone.live("guide/basics/pay.md")
    assert (new.status, portal.store.article(old).status) == (2, 1)
    assert (new.tags, new.seo["meta_title"]) == (("vip",), "Found")
    assert steps(clone.plan()) == {}


def test_a_web_edit_is_drift_until_it_is_overwritten(clone: Clone, portal: Portal) -> None:
    clone.published()
    number = clone.id_of(INSTALL)
    portal.store.edit_article(number, body="<p>Edited on the web.</p>")
    assert steps(clone.plan()) == {INSTALL: "drift"}
    assert clone.methods(clone.published).keys() == {"GET"}
    clone.published(overwrite=frozenset({INSTALL}))
    assert portal.store.article(number).description == "<p>Unpack the box and put it on a table.</p>\n"
    assert steps(clone.plan()) == {}


def test_an_edit_between_plan_and_write_is_withheld(
    clone: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ui takes its time to say yes, and an agent uses it."""
    clone.published()
    monkeypatch.setattr(session, "LiveSide", read_long_ago)
    number = clone.id_of(INSTALL)
    clone.commit({INSTALL: article("Install", "Mine.")})

    class Slow(Quiet):
        def confirm(self, planned: object) -> bool:
            portal.store.edit_article(number, body="<p>Edited while you thought.</p>")
            return True

    clone.ui = Slow()
    done = clone.publish()
    assert [(path, result) for path, result, _ in troubles(done)] == [(INSTALL, "withheld")]
    assert portal.store.article(number).description == "<p>Edited while you thought.</p>"
    assert steps(clone.plan()) == {INSTALL: "conflict"}


def test_a_conflict_holds_back_no_other_change(clone: Clone, portal: Portal) -> None:
    clone.published()
    portal.store.edit_article(clone.id_of(INSTALL), title="Edited on the web")
    clone.commit({INSTALL: article("Mine", "Mine."), "shop/orders/pay.md": article("Pay", "Only cash.")})
    before = shown(portal)[clone.id_of(INSTALL)]
    assert steps(clone.published()) == {INSTALL: "conflict", "shop/orders/pay.md": "update"}
    assert shown(portal)[clone.id_of(INSTALL)] == before
    assert "Only cash" in clone.live("shop/orders/pay.md").description


def test_an_existing_portal_is_adopted_by_titles_without_a_write(clone: Clone, portal: Portal) -> None:
    clone.published()
    clone.git("update-ref", "-d", "refs/kbsync/production")
    before = shown(portal)
    plan = clone.plan()
    assert set(steps(plan).values()) == {"adopt"}
    assert clone.methods(clone.published).keys() == {"GET"}
    assert shown(portal) == before
    assert steps(clone.plan()) == {}
    clone.commit({INSTALL: article("Install", "Unpack.", tags="[box, table]")})
    assert steps(clone.published()) == {INSTALL: "update"}


def test_fields_of_categories_and_folders_are_published(clone: Clone, portal: Portal) -> None:
    clone.published()
    clone.commit(
        {
            "guide/_index.md": "---\nname: The guide\ndescription: ''\n---\n",
            "guide/basics/_index.md": "---\nname: Basics\nvisibility: agents\n---\n\nFor **us**.\n",
        }
    )
    clone.published()
    assert [c.name for c in portal.store.all_categories()] == ["The guide", "shop"]
    with Connection(portal.url, portal.key) as connection:
        folders = {folder.name: folder for folder in refresh(connection).live.folders}
    assert folders["Basics"].visibility is Visibility.AGENTS
    assert folders["Basics"].description == "For **us**."
    assert steps(clone.plan()) == {}


def test_an_author_is_looked_up_by_e_mail_and_only_once(clone: Clone, portal: Portal) -> None:
    author = article("By Sam", author="sam@example.com")
    clone.commit({"guide/basics/a.md": author, "guide/basics/b.md": author.replace("By Sam", "By Sam too")})
    clone.published()
    assert clone.live("guide/basics/a.md").agent_id == 150_000_000_002
    lookups = [call for call in portal.calls if call.path.endswith("/agents")]
    assert len(lookups) == 1
    assert steps(clone.plan()) == {}
    assert steps(clone.offline()) == {}


def test_an_unknown_author_stops_a_publish_before_any_write(clone: Clone, portal: Portal) -> None:
    clone.commit({"guide/basics/a.md": article("By nobody", author="nobody@example.com")})
    for act in (clone.plan, clone.publish):
        with pytest.raises(PortalError, match=r"nobody@example\.com"):
            act()
    assert portal.store.all_categories() == []


def test_paths_publish_a_part_and_the_directories_that_it_needs(clone: Clone, portal: Portal) -> None:
    clone.published(paths=("shop/orders/pay.md",))
    assert [a.title for a in portal.store.all_articles()] == ["Pay"]
    assert [c.name for c in portal.store.all_categories()] == ["shop"]
    clone.published()
    assert steps(clone.plan()) == {}


def test_limits_stop_a_publish_unless_forced(clone: Clone, portal: Portal) -> None:
    pages = {f"guide/many/page-{n}.md": article(f"Page {n}", f"Number {n * 7919}.") for n in range(10)}
    clone.commit(pages)
    clone.published()
    clone.remove(*list(pages)[:5])
    clone.commit()
    portal.calls.clear()
    with pytest.raises(Refusal, match="5 of 14 known articles would be removed; the limit is 30%") as refused:
        clone.publish()
    assert refused.value.exit_code == 4
    assert {call.method for call in portal.calls} == {"GET"}
    clone.published(force=True)
    assert steps(clone.plan()) == {}


@pytest.mark.parametrize("settings", [SandboxSettings(subfolders="forbidden"), SandboxSettings(subfolders="missing")])
def test_an_account_without_nested_folders_publishes_the_rest(clone: Clone) -> None:
    done = clone.publish()
    assert {path for path, _, _ in troubles(done)} == {"guide/basics/wifi", "guide/basics/wifi/join.md"}
    assert clone.live(INSTALL).title == "Install"


def test_a_baseline_records_the_replaced_version_and_none_for_a_new_item(clone: Clone) -> None:
    clone.published()
    assert not any(known.previous for known in clone.baselines().values())
    clone.git("mv", "guide/basics/install.md", "shop/orders/install.md")
    clone.remove("shop/orders/pay.md")
    clone.commit({RESET: article("Reset", "Hold the button."), "guide/_index.md": "---\nname: Handbook\n---\n"})
    clone.published()
    was = {known.path: known.previous for known in clone.baselines().values()}
    assert "Press the button" in str(was[RESET]["body"])
    assert was["guide"]["name"] == "Guide"
    assert was["shop/orders/pay.md"]["status"] == "published"
    assert was["guide/basics/wifi/join.md"] == {}
