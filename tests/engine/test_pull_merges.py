"""Pull when both sides changed: different blocks are merged, one block changed by both is written between markers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kbsync.errors import ContentError, PortalError, Refusal
from kbsync.sandbox.account import Fault
from kbsync.sandbox.api import categories
from kbsync.sandbox.api.requests import page_of
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, clone_of, new_clone, steps
from tests.planner.world import article
from tests.ready import Ready

INSTALL, RESET, PAY = "guide/basics/install.md", "guide/basics/reset.md", "shop/orders/pay.md"
LOCK = f".kbsync/production/{INSTALL}.json"
TEXT = """---
title:   Install   # by hand
tags: [box, table]
status: published
---

Unpack the *box* and
put it on a table.

* one way
* another


Then wait a while.

Last of all, be glad.
"""


@pytest.fixture
def clone(clone: Clone, ready: Ready) -> Clone:
    """The tree, published, with one article that is written by hand."""

    def make() -> None:
        clone.commit({INSTALL: TEXT})
        clone.published()

    ready("by hand", clone.root.parent, clone.portal, make)
    return clone


def web(clone: Clone, old: str, new: str, path: str = INSTALL) -> None:
    """Edit a text on the portal, as an agent does."""
    live = clone.live(path)
    assert live.description.count(old) == 1, live.description
    clone.portal.store.edit_article(live.id, body=live.description.replace(old, new))


def mine(clone: Clone, old: str, new: str, path: str = INSTALL) -> str:
    text = clone.read(path)
    assert text.count(old) == 1
    clone.commit({path: text.replace(old, new)})
    return clone.read(path)


def conflict(yours: str, theirs: str) -> str:
    return f"<<<<<<< yours\n{yours}\n=======\n{theirs}\n>>>>>>> portal"


def test_changes_of_different_paragraphs_are_both_in_the_file_and_no_other_byte_changes(clone: Clone) -> None:
    text = mine(clone, "Last of all", "Last of everything")
    web(clone, "Then wait", "Then wait and see")
    result = clone.pull()
    assert clone.read(INSTALL) == text.replace("Then wait", "Then wait and see")
    assert steps(result.planned.plan) == {INSTALL: "update"}
    (change,) = result.planned.plan.changes
    assert change.reason == "merged with your changes (body); edited on the portal: body"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_items_that_an_agent_and_the_writer_edited_are_the_only_lines_of_a_list_that_change(
    clone: Clone, newline: str
) -> None:
    listed = TEXT.replace("* another", "* another __way__\n  by hand\n* a third").replace("\n", newline)
    clone.commit({INSTALL: listed})
    clone.published()
    text = mine(clone, "* one way", "* one good way")
    web(clone, "<li>a third", "<li>the third")
    clone.pull()
    assert clone.read(INSTALL) == text.replace("* a third", "* the third")
    clone.commit()
    clone.published()
    assert "<li>the third</li>" in clone.live(INSTALL).description
    assert "<li>one good way</li>" in clone.live(INSTALL).description


def test_html_by_hand_that_an_agent_edited_a_cell_of_keeps_every_other_byte(clone: Clone) -> None:
    box = "<div class='way'>\n  <TABLE>\n    <tr><td>by hand</td>\n        <td>by car</td></tr>\n  </TABLE>\n</div>"
    clone.commit({INSTALL: TEXT.replace("* one way\n* another", box)})
    clone.published()
    text = mine(clone, "Last of all", "Last of everything")
    web(clone, "by car", "by rail")
    clone.pull()
    assert clone.read(INSTALL) == text.replace("by car", "by rail")


def test_law_3_after_a_merge_the_plan_is_the_writers_own_change_and_publishing_it_gives_both(clone: Clone) -> None:
    mine(clone, "Last of all", "Last of everything")
    web(clone, "Then wait", "Then wait and see")
    clone.pull()
    clone.commit()
    (change,) = clone.plan().changes
    assert (change.path, change.action, change.fields) == (INSTALL, "update", ("body",))
    assert change.before is not None
    assert "wait and see" in change.before, "the plan shows what the writer changed, not what the agent did"
    clone.published()
    body = clone.live(INSTALL).description
    assert "Then wait and see" in body
    assert "Last of everything" in body
    assert steps(clone.plan()) == {}


def test_fields_are_merged_one_by_one_and_tags_by_additions_and_removals(clone: Clone, portal: Portal) -> None:
    mine(clone, "tags: [box, table]", "tags: [box, mine]")
    portal.store.edit_article(clone.id_of(INSTALL), title="Set it up", tags=("box", "table", "theirs"), status=1)
    assert clone.pull().planned.plan.conflicts == ()
    text = clone.read(INSTALL)
    assert text.startswith("---\ntitle:   Set it up   # by hand\n")
    assert "tags: [box, mine, theirs]" in text
    assert "status: draft" in text
    assert text.endswith(TEXT.split("---\n")[2])
    clone.commit()
    (change,) = clone.plan().changes
    assert change.fields == ("tags",)
    clone.published()
    assert sorted(clone.live(INSTALL).tags) == ["box", "mine", "theirs"]
    assert clone.live(INSTALL).title == "Set it up"


def test_one_paragraph_changed_by_both_is_written_twice_between_markers(clone: Clone) -> None:
    text = mine(clone, "Then wait a while.", "Then wait an hour.")
    web(clone, "Then wait a while.", "Then wait a day.")
    result = clone.pull()
    assert clone.read(INSTALL) == text.replace("Then wait an hour.", conflict("Then wait an hour.", "Then wait a day."))
    (found,) = result.planned.plan.conflicts
    assert (found.path, found.fields) == (INSTALL, ("body",))
    assert "markers" in found.reason


def test_no_command_runs_while_there_are_markers_and_each_names_their_line(clone: Clone) -> None:
    mine(clone, "Then wait a while.", "Then wait an hour.")
    web(clone, "Then wait a while.", "Then wait a day.")
    clone.pull()
    clone.commit()
    line = clone.read(INSTALL).splitlines().index("<<<<<<< yours") + 1
    for act in (clone.plan, clone.publish, clone.pull):
        with pytest.raises(ContentError) as stopped:
            act()
        (problem,) = stopped.value.problems
        assert (problem.path, problem.line) == (INSTALL, line)
        assert "=======" in problem.advice


@pytest.mark.parametrize("chosen", ["Then wait an hour.", "Then wait a day.", "Then wait an hour, or a day."])
def test_the_resolution_that_the_writer_chooses_is_published(clone: Clone, chosen: str) -> None:
    mine(clone, "Then wait a while.", "Then wait an hour.")
    web(clone, "Then wait a while.", "Then wait a day.")
    clone.pull()
    clone.commit({INSTALL: re.sub(r"<<<<<<< yours\n.*>>>>>>> portal", chosen, clone.read(INSTALL), flags=re.DOTALL)})
    actions = steps(clone.plan())
    assert actions == ({} if chosen == "Then wait a day." else {INSTALL: "update"})
    clone.published()
    assert chosen in clone.live(INSTALL).description
    assert steps(clone.plan()) == {}


def test_a_field_changed_differently_by_both_is_written_between_markers_too(clone: Clone, portal: Portal) -> None:
    mine(clone, "Install   # by hand", "Put up   # by hand")
    portal.store.edit_article(clone.id_of(INSTALL), title="Set up", tags=("box",))
    result = clone.pull()
    assert clone.read(INSTALL).startswith(
        "---\n" + conflict("title:   Put up   # by hand", "title:   Set up   # by hand") + "\ntags: [box]\n"
    )
    (found,) = result.planned.plan.conflicts
    assert "title" in found.reason
    clone.commit()
    with pytest.raises(ContentError) as stopped:
        clone.plan()
    (problem,) = stopped.value.problems
    assert (problem.path, problem.line, "conflict markers" in problem.message) == (INSTALL, 2, True)
    text = re.sub(r"<<<<<<< yours\n.*>>>>>>> portal", "title: Set it up", clone.read(INSTALL), flags=re.DOTALL)
    clone.commit({INSTALL: text})
    assert [change.fields for change in clone.published().changes] == [("title",)]
    assert clone.live(INSTALL).title == "Set it up"


def test_a_conflict_in_a_title_from_a_heading_is_marked_in_the_heading(clone: Clone, portal: Portal) -> None:
    clone.commit({PAY: "# Pay\n\nCards and cash.\n"})
    clone.published()
    clone.commit({PAY: "# Pay us\n\nCards and cash.\n"})
    portal.store.edit_article(clone.id_of(PAY), title="Paying")
    clone.pull()
    assert clone.read(PAY) == conflict("# Pay us", "# Paying") + "\n\nCards and cash.\n"
    clone.commit()
    with pytest.raises(ContentError):
        clone.plan()


def test_both_changed_the_same_in_the_same_way(clone: Clone, portal: Portal) -> None:
    text = mine(clone, "Then wait a while.", "Then __wait__\nan hour.")
    text = mine(clone, "Last of all", "At last")
    web(clone, "Then wait a while.", "Then <b>wait</b> an hour.")
    portal.store.edit_article(clone.id_of(INSTALL), tags=("table", "box"))
    result = clone.pull()
    assert result.planned.plan.conflicts == ()
    assert clone.read(INSTALL) == text


def test_directories_are_merged_as_articles_are(clone: Clone, portal: Portal) -> None:
    clone.commit({"guide/_index.md": "---\n# ours\nname: The guide\ndescription: All about the machine.\n---\n"})
    portal.store.edit_category(clone.id_of("guide"), description="All of it.")
    clone.pull()
    assert clone.read("guide/_index.md") == "---\n# ours\nname: The guide\ndescription: All of it.\n---\n"
    clone.commit()
    assert [(change.path, change.fields) for change in clone.published().changes] == [("guide", ("name",))]
    clone.commit({"guide/_index.md": "---\nname: Our guide\ndescription: All of it.\n---\n"})
    portal.store.edit_category(clone.id_of("guide"), name="Their guide")
    clone.pull()
    assert clone.read("guide/_index.md").startswith("---\n" + conflict("name: Our guide", "name: Their guide"))
    clone.commit()
    with pytest.raises(ContentError) as stopped:
        clone.plan()
    assert [(problem.path, problem.line) for problem in stopped.value.problems] == [("guide/_index.md", 2)]


def test_without_a_base_differing_blocks_are_written_between_markers(clone: Clone, portal: Portal) -> None:
    other = new_clone(clone.root.parent / "other", portal, clone.files())
    other.commit(
        {INSTALL: TEXT.replace("Then wait a while.", "Then wait an hour.").replace("[box, table]", "[box, x]")}
    )
    result = other.pull()
    assert steps(result.planned.plan)[INSTALL] == "update, conflict"
    text = other.read(INSTALL)
    assert conflict("Then wait an hour.", "Then wait a while.") in text
    assert text.replace(conflict("Then wait an hour.", "Then wait a while."), "Then wait a while.") == TEXT.replace(
        "[box, table]", "[box, x, table]"
    )
    other.commit({INSTALL: TEXT})
    assert INSTALL not in steps(other.plan())


def test_the_base_of_a_merge_is_available_to_the_next_one_in_any_clone(
    clone: Clone, shared: Path, tmp_path: Path
) -> None:
    mine(clone, "Last of all", "Last of everything")
    web(clone, "Then wait", "Then wait and see")
    clone.pull()
    clone.commit()
    clone.git("push", "-q", "origin", "main", "refs/kbsync/production")
    web(clone, "one way", "the one way")
    other = clone_of(shared, tmp_path / "other", clone)
    result = other.pull()
    assert result.planned.plan.conflicts == ()
    text = other.read(INSTALL)
    assert "wait and see" in text
    assert "Last of everything" in text
    assert "the one way" in text
    other.commit()
    assert [change.path for change in other.published().changes] == [INSTALL]
    assert "Last of everything" in clone.live(INSTALL).description


def test_windows_line_ends_and_a_file_without_a_last_one_stay(clone: Clone) -> None:
    text = TEXT.replace("\n", "\r\n").removesuffix("\r\n")
    clone.commit({INSTALL: text})
    clone.published()
    text = mine(clone, "Then wait", "Then lie down")
    web(clone, "one way", "one path")
    clone.pull()
    assert clone.read(INSTALL).split("\r\n")[-1] == "Last of all, be glad."
    assert "\r" not in clone.read(INSTALL).replace("\r\n", "")
    assert "Then lie down" in clone.read(INSTALL)
    assert "one path" in clone.read(INSTALL)


@pytest.mark.parametrize("where", [INSTALL, "guide", "guide/basics"])
def test_ours_keeps_the_file_and_lets_it_win_at_the_next_publish(clone: Clone, where: str) -> None:
    text = mine(clone, "Then wait a while.", "Then wait an hour.")
    web(clone, "Then wait a while.", "Then wait a day.")
    web(clone, "Last of all", "Last of theirs")
    result = clone.pull(ours=frozenset({where}))
    assert result.planned.plan.conflicts == ()
    assert clone.read(INSTALL) == text
    clone.commit()
    assert steps(clone.published()) == {INSTALL: "update"}
    body = clone.live(INSTALL).description
    assert "Then wait an hour." in body
    assert "Last of all" in body


def test_ours_keeps_a_file_that_is_unchanged_here(clone: Clone) -> None:
    web(clone, "Then wait a while.", "Then wait a day.")
    clone.pull(ours=frozenset({INSTALL}))
    assert clone.read(INSTALL) == TEXT
    clone.commit()
    clone.published()
    assert "Then wait a while." in clone.live(INSTALL).description
    assert steps(clone.plan()) == {}


def test_theirs_takes_the_live_text_in_the_writers_own_formatting(clone: Clone, portal: Portal) -> None:
    mine(clone, "Then wait a while.", "Then wait an hour.")
    mine(clone, "tags: [box, table]", "tags: [mine]")
    web(clone, "Then wait a while.", "Then wait a day.")
    result = clone.pull(theirs=frozenset({INSTALL}))
    assert result.planned.plan.conflicts == ()
    assert clone.read(INSTALL) == TEXT.replace("wait a while", "wait a day")
    clone.commit()
    assert steps(clone.plan()) == {}


def test_neither_flag_touches_what_the_portal_did_not_change(clone: Clone) -> None:
    text = mine(clone, "Then wait a while.", "Then wait an hour.")
    for flag in ("ours", "theirs"):
        clone.pull(dry_run=False, **{flag: frozenset({"guide"})})
        assert clone.read(INSTALL) == text
    assert steps(clone.plan()) == {INSTALL: "update"}


def test_a_file_removed_here_and_edited_on_the_portal_is_reported_until_a_side_is_chosen(
    clone: Clone,
) -> None:
    web(clone, "wait a while", "wait a day", INSTALL)
    clone.remove(INSTALL)
    clone.commit({RESET: article("Reset", "Press the button.")})
    assert steps(clone.pull().planned.plan)[INSTALL] == "conflict"
    clone.pull(theirs=frozenset({INSTALL}))
    assert "wait a day" in clone.read(INSTALL)
    clone.git("clean", "-fdq")
    assert not (clone.root / INSTALL).exists()
    clone.pull(ours=frozenset({INSTALL}))
    clone.commit()
    assert steps(clone.plan())[INSTALL] == "archive"


def test_a_file_edited_here_and_deleted_on_the_portal_is_deleted_only_with_theirs(clone: Clone, portal: Portal) -> None:
    text = mine(clone, "Then wait a while.", "Then wait an hour.")
    portal.store.delete_article(clone.id_of(INSTALL))
    each: tuple[dict[str, Any], ...] = ({}, {"prune": True}, {"ours": frozenset({INSTALL})})
    for flags in each:
        assert steps(clone.pull(**flags).planned.plan) == {INSTALL: "conflict"}
        assert clone.read(INSTALL) == text
    clone.pull(theirs=frozenset({INSTALL}))
    assert not (clone.root / INSTALL).exists()


def test_prune_deletes_the_file_of_a_gone_article_with_its_lock_file(clone: Clone, portal: Portal) -> None:
    web(clone, "Then wait", "Then wait and see")
    clone.pull()
    clone.commit()
    portal.store.delete_article(clone.id_of(INSTALL))
    portal.store.delete_article(clone.id_of(PAY))
    assert steps(clone.pull().planned.plan) == {INSTALL: "conflict", PAY: "conflict"}
    result = clone.pull(prune=True)
    assert steps(result.planned.plan) == {INSTALL: "delete", PAY: "delete"}
    assert not (clone.root / INSTALL).exists()
    assert not (clone.root / LOCK).exists()
    clone.commit({RESET: article("Reset", "Press the button.")})
    assert {path: what for path, what in steps(clone.published()).items() if path in (INSTALL, PAY)} == {
        INSTALL: "forget",
        PAY: "forget",
    }


@pytest.mark.parametrize(
    "flags", [{"prune": True}, {"prune": True, "paths": ("shop",)}, {"theirs": frozenset({"shop"})}]
)
def test_law_8_no_file_is_deleted_because_a_list_lacks_its_category(
    clone: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch, flags: dict[str, Any]
) -> None:
    web(clone, "Then wait", "Then wait and see")
    shop = next(one for one in portal.store.all_categories() if one.name == "shop")
    monkeypatch.setattr(
        categories, "page_of", lambda request, items: page_of(request, [one for one in items if one.id != shop.id])
    )
    before = clone.files()
    result = clone.pull(**flags)
    held = {found.path: found.reason for found in result.planned.plan.conflicts}
    assert held.keys() == {"shop", "shop/orders", PAY}
    assert set(held.values()) == {"still on the portal, but missing from its list; pull again"}
    after = clone.files()
    assert {path for path in before if after.get(path) != before[path]} <= {INSTALL}
    monkeypatch.undo()
    portal.store.delete_category(shop.id)
    clone.commit()
    clone.pull(**flags)
    assert not (clone.root / PAY).exists()


@pytest.mark.parametrize("status", [401, 500])
def test_law_8_no_file_is_deleted_until_the_portal_confirms_that_it_is_gone(
    clone: Clone, portal: Portal, status: int
) -> None:
    portal.store.delete_article(clone.id_of(PAY))
    portal.faults.add(Fault(method="GET", path="*/solutions/articles/*", status=status, times=None))
    before = clone.files()
    with pytest.raises(PortalError):
        clone.pull(prune=True)
    assert clone.files() == before
    portal.faults.clear()
    portal.faults.add(Fault(method="GET", path="*/solutions/articles/*", status=403, times=None))
    clone.pull(prune=True)
    assert not (clone.root / PAY).exists()


def test_an_archived_article_is_never_pulled_again(clone: Clone, portal: Portal) -> None:
    number = clone.id_of(INSTALL)
    clone.remove(INSTALL)
    clone.commit({RESET: article("Reset", "Press the button.")})
    clone.published()
    portal.store.edit_article(number, body="<p>Edited while archived.</p>", status=2)
    each: tuple[dict[str, Any], ...] = ({}, {"prune": True}, {"theirs": frozenset({"guide"})})
    for flags in each:
        result = clone.pull(**flags)
        assert steps(result.planned.plan).get(INSTALL) == "conflict"
        assert clone.git("status", "--porcelain", "--untracked-files=all") == ""


def test_a_pull_squashed_with_other_edits_is_no_change_and_no_conflict(clone: Clone) -> None:
    web(clone, "Then wait", "Then wait and see")
    clone.git("checkout", "-q", "-b", "pulled")
    clone.pull()
    clone.commit()
    clone.git("checkout", "-q", "main")
    clone.git("merge", "-q", "--squash", "pulled")
    clone.commit()
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}


def test_a_pull_edited_before_its_squash_is_only_that_edit(clone: Clone) -> None:
    mine(clone, "one way", "my way")
    web(clone, "Then wait", "Then wait and see")
    clone.git("checkout", "-q", "-b", "pulled")
    clone.pull()
    clone.commit()
    mine(clone, "Last of all", "Last of everything")
    clone.git("checkout", "-q", "main")
    clone.commit({RESET: article("Reset", "Press the big button, as [the other](install.md) says.")})
    clone.git("merge", "-q", "--squash", "pulled")
    clone.commit()
    assert steps(clone.plan()) == {INSTALL: "update", RESET: "update"}
    clone.published()
    body = clone.live(INSTALL).description
    assert all(words in body for words in ("my way", "wait and see", "Last of everything"))
    assert steps(clone.plan()) == {}


def test_a_pull_on_a_discarded_branch_leaves_no_trace(clone: Clone) -> None:
    text = mine(clone, "Last of all", "Last of everything")
    web(clone, "Then wait", "Then wait and see")
    before = steps(clone.plan())
    clone.git("checkout", "-q", "-b", "pulled")
    clone.pull()
    clone.commit()
    clone.git("checkout", "-q", "main")
    clone.git("branch", "-q", "-D", "pulled")
    assert clone.read(INSTALL) == text
    assert steps(clone.plan()) == before == {INSTALL: "conflict"}


def test_a_merge_never_overwrites_uncommitted_changes(clone: Clone) -> None:
    web(clone, "Then wait", "Then wait and see")
    clone.write({INSTALL: clone.read(INSTALL).replace("Last of all", "Not committed")})
    before = clone.files()
    with pytest.raises(Refusal, match=re.escape(INSTALL)):
        clone.pull()
    assert clone.files() == before


def test_one_article_in_conflict_holds_back_no_other(clone: Clone) -> None:
    mine(clone, "Then wait a while.", "Then wait an hour.")
    web(clone, "Then wait a while.", "Then wait a day.")
    web(clone, "transfers", "cheques", PAY)
    assert steps(clone.pull().planned.plan) == {INSTALL: "update, conflict", PAY: "update"}
    assert "cheques" in clone.read(PAY)


def test_an_article_saved_without_a_change_is_seen_and_the_writers_edit_is_published(
    clone: Clone, portal: Portal
) -> None:
    mine(clone, "Last of all", "Last of everything")
    portal.store.edit_article(clone.id_of(INSTALL))
    assert steps(clone.plan()) == {INSTALL: "conflict"}
    clone.pull()
    clone.commit()
    assert steps(clone.published()) == {INSTALL: "update"}
    assert "Last of everything" in clone.live(INSTALL).description


def test_the_lock_file_of_a_merge_records_the_live_version_only(clone: Clone) -> None:
    mine(clone, "Last of all", "Last of everything")
    web(clone, "Then wait", "Then wait and see")
    clone.pull()
    source = "\n".join(json.loads(clone.read(LOCK))["source"])
    assert source == TEXT.replace("Then wait", "Then wait and see")
