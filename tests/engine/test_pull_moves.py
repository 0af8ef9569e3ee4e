"""Pull of articles moved on the portal: the file is moved, and every link keeps its target."""

from dataclasses import replace

import pytest

from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, steps
from tests.planner.world import article

INSTALL, RESET, JOIN, PAY = (
    "guide/basics/install.md",
    "guide/basics/reset.md",
    "guide/basics/wifi/join.md",
    "shop/orders/pay.md",
)
THERE = "shop/orders/install.md"
LOCK = ".kbsync/production/{}.json"
ASSETS = "https://cdn.acme.com/kb"
TEXT = """---
title: Install
---

Unpack   the *box*, then [reset](reset.md#again) it, as ![it](img/box.png)
shows; [join] after that.

<a href="../basics/wifi/join.md">Or join at once</a>, `[not](reset.md)`, or [read on](#notes).

[join]: wifi/join.md "Join"

## Notes

Nothing more here.
"""


@pytest.fixture
def clone(clone: Clone) -> Clone:
    """The tree, published, with an article that links to and shows much."""
    clone.config = replace(clone.config, assets_url=ASSETS)
    clone.commit(
        {
            INSTALL: TEXT,
            "guide/basics/img/box.png": "no picture",
            RESET: article("Reset", "Press the button.\n\n## Again\n\nSee [the\nother](install.md#notes)   for more."),
            "_snippets/note.md": "Read [this](../guide/basics/install.md).\n",
            PAY: article("Pay", "Cards.\n\n{% include '_snippets/note.md' %}"),
        }
    )
    clone.published()
    return clone


def move(clone: Clone, path: str = INSTALL, to: str = "shop/orders") -> None:
    clone.portal.store.move_article(clone.id_of(path), clone.id_of(to))


def test_the_file_is_moved_with_its_article_and_its_links_have_the_same_targets(clone: Clone) -> None:
    before = clone.files()
    move(clone)
    result = clone.pull()
    (change,) = [change for change in result.planned.plan.changes if change.path == THERE]
    assert (change.action, change.former_path) == ("move", INSTALL)
    assert not (clone.root / INSTALL).exists()
    assert clone.read(THERE) == TEXT.replace("(reset.md#again)", "(../../guide/basics/reset.md#again)").replace(
        "(img/box.png)", "(../../guide/basics/img/box.png)"
    ).replace('"../basics/wifi/join.md"', '"../../guide/basics/wifi/join.md"').replace(
        ": wifi/join.md", ": ../../guide/basics/wifi/join.md"
    )
    after = clone.files()
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == {
        INSTALL,
        THERE,
        RESET,
        "_snippets/note.md",
    }
    assert after[RESET] == before[RESET].replace("(install.md#notes)", "(../../shop/orders/install.md#notes)")
    assert after["_snippets/note.md"] == "Read [this](../shop/orders/install.md).\n"


def test_law_3_after_it_nothing_is_left_to_do_and_nothing_is_written(clone: Clone) -> None:
    number = clone.id_of(INSTALL)
    move(clone)
    clone.pull()
    clone.commit()
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}
    assert clone.id_of(THERE) == number
    assert clone.pull().pulled.files == {}


def test_the_writers_edits_are_kept_in_the_moved_file_and_in_those_that_link_to_it(clone: Clone) -> None:
    clone.commit({INSTALL: TEXT.replace("Nothing more", "Nothing at all"), RESET: clone.read(RESET) + "\nMine.\n"})
    move(clone)
    live = clone.live(INSTALL)
    clone.portal.store.edit_article(live.id, body=live.description.replace("Or join at once", "Or join now"))
    result = clone.pull()
    assert result.planned.plan.conflicts == ()
    text = clone.read(THERE)
    assert "Nothing at all" in text
    assert "Or join now" in text
    assert "Unpack   the *box*, then [reset](../../guide/basics/reset.md#again)" in text
    clone.commit()
    assert {change.path: change.fields for change in clone.plan().changes} == {THERE: ("body",), RESET: ("body",)}
    clone.published()
    assert "Nothing at all" in clone.live(THERE).description
    assert "Mine." in clone.live(RESET).description
    assert steps(clone.plan()) == {}


def test_a_moved_file_with_one_paragraph_edited_by_both_has_markers(clone: Clone) -> None:
    clone.commit({INSTALL: TEXT.replace("Nothing more here", "Nothing more of mine")})
    move(clone)
    live = clone.live(INSTALL)
    clone.portal.store.edit_article(
        live.id, body=live.description.replace("Nothing more here", "Nothing more of theirs")
    )
    result = clone.pull()
    assert [found.path for found in result.planned.plan.conflicts] == [THERE]
    assert "<<<<<<< yours\nNothing more of mine.\n=======\nNothing more of theirs.\n>>>>>>> portal" in clone.read(THERE)


def test_a_pull_that_writes_no_markers_leaves_such_a_file_and_all_links_to_it(clone: Clone) -> None:
    clone.commit({INSTALL: TEXT.replace("Nothing more here", "Nothing more of mine")})
    move(clone)
    live = clone.live(INSTALL)
    clone.portal.store.edit_article(
        live.id, body=live.description.replace("Nothing more here", "Nothing more of theirs")
    )
    before = clone.files()
    result = clone.pull(markers=False)
    assert [found.path for found in result.planned.plan.conflicts] == [INSTALL]
    assert clone.files() == before


def test_two_files_are_swapped_although_their_names_are_taken(clone: Clone) -> None:
    clone.commit({THERE: article("Install", "Another one, of the shop.")})
    clone.published()
    move(clone)
    clone.pull()
    assert clone.read("shop/orders/install-2.md").startswith("---\ntitle: Install\n---\n\nUnpack   the")
    clone.commit()
    assert steps(clone.plan()) == {}


def test_a_move_to_a_folder_that_the_tree_lacks_is_reported_and_not_made(clone: Clone, portal: Portal) -> None:
    elsewhere = portal.store.create_folder(portal.store.create_category("Not ours").id, "Theirs")
    portal.store.move_article(clone.id_of(INSTALL), elsewhere.id)
    result = clone.pull()
    assert steps(result.planned.plan)[INSTALL] == "conflict"
    assert clone.git("status", "--porcelain", "--untracked-files=all") == ""


def test_a_move_to_a_new_folder_is_pulled_with_that_folder(clone: Clone, portal: Portal) -> None:
    folder = portal.store.create_folder(clone.id_of("shop"), "Brand new")
    portal.store.move_article(clone.id_of(INSTALL), folder.id)
    clone.pull()
    assert (clone.root / "shop/brand-new/install.md").exists()
    clone.commit()
    assert steps(clone.plan()) == {}


def test_it_can_be_selected_by_its_old_path(clone: Clone) -> None:
    move(clone)
    move(clone, PAY, "guide/basics")
    clone.pull(paths=(INSTALL,))
    assert (clone.root / THERE).exists()
    assert (clone.root / PAY).exists()
    clone.commit()
    assert steps(clone.plan()) == {PAY: "drift"}


def test_a_move_to_the_same_place_by_both_is_no_conflict(clone: Clone) -> None:
    move(clone)
    clone.git("mv", INSTALL, THERE)
    clone.commit(
        {
            THERE: TEXT.replace("reset.md#", "../../guide/basics/reset.md#")
            .replace("img/box", "../../guide/basics/img/box")
            .replace("../basics/", "../../guide/basics/")
            .replace(": wifi", ": ../../guide/basics/wifi"),
            RESET: clone.read(RESET).replace("install.md", "../../shop/orders/install.md"),
            "_snippets/note.md": "Read [this](../shop/orders/install.md).\n",
        }
    )
    live = clone.live(INSTALL)
    clone.portal.store.edit_article(live.id, body=live.description.replace("Nothing more", "Not much more"))
    result = clone.pull()
    assert result.planned.plan.conflicts == ()
    assert "Not much more" in clone.read(THERE)
    clone.commit()
    clone.published()
    assert steps(clone.plan()) == {}


def test_both_moved_it_to_different_places(clone: Clone) -> None:
    move(clone)
    clone.git("mv", INSTALL, "guide/basics/wifi/install.md")
    text = TEXT.replace("reset.md#", "../reset.md#").replace("img/box", "../img/box").replace("../basics/wifi/", "")
    clone.commit(
        {
            "guide/basics/wifi/install.md": text.replace(": wifi/join", ": join"),
            RESET: clone.read(RESET).replace("install.md", "wifi/install.md"),
            "_snippets/note.md": "Read [this](../guide/basics/wifi/install.md).\n",
        }
    )
    before = clone.files()
    result = clone.pull()
    assert steps(result.planned.plan)["guide/basics/wifi/install.md"] == "conflict"
    assert clone.files() == before


def test_ours_keeps_a_file_in_its_place(clone: Clone) -> None:
    move(clone)
    clone.pull(ours=frozenset({INSTALL}))
    assert clone.read(INSTALL) == TEXT
    clone.commit()
    assert steps(clone.plan())[INSTALL] == "move"


def test_links_of_other_tools_follow_an_article_that_moves(clone: Clone) -> None:
    links = "[a](/guide/basics/install.md#notes) [b](install) [c](reset.html) [d](/guide/basics/reset.md)"
    clone.commit({"guide/basics/more.md": article("More", f"Read on.\n\n{links}")})
    clone.published()
    move(clone)
    clone.pull()
    clone.commit()
    written = clone.read("guide/basics/more.md")
    there = "../../shop/orders/install.md"
    assert f"[a]({there}#notes) [b]({there}) [c](reset.html) [d](/guide/basics/reset.md)" in written
    assert steps(clone.plan()) == {}


def test_links_of_other_tools_stay_as_written_where_the_portal_edits_other_text(clone: Clone) -> None:
    links = "[a](/guide/basics/reset.md#Again) [b](install) [c](12000099999#part)"
    clone.commit({"guide/basics/more.md": article("More", f"Read on.\n\n{links}")})
    clone.published()
    assert steps(clone.plan()) == {}
    live = clone.live("guide/basics/more.md")
    assert "/support/solutions/articles/12000099999#part" in live.description
    clone.portal.store.edit_article(live.id, body=live.description.replace("Read on", "Read more"))
    clone.pull()
    clone.commit()
    written = clone.read("guide/basics/more.md")
    assert f"Read more.\n\n{links}" in written
    assert steps(clone.plan()) == {}
