"""Pull: web edits are written to the tree, and no other byte of it changes."""

import json
import re
from dataclasses import replace

import pytest

from kbsync.errors import ContentError, Refusal
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, new_clone, shown, steps
from tests.planner.world import article
from tests.portals import serve
from tests.ready import Ready

RESET, INSTALL, JOIN = "guide/basics/reset.md", "guide/basics/install.md", "guide/basics/wifi/join.md"


@pytest.fixture
def clone(clone: Clone, ready: Ready) -> Clone:
    """The tree, published."""
    ready("live", clone.root.parent, clone.portal, clone.published)
    return clone


def _changed(clone: Clone) -> set[str]:
    """Return the files that git sees changed, kbsync's own aside."""
    lines = clone.git("status", "--porcelain", "--untracked-files=all", "-z").split("\0")
    return {line[3:] for line in lines if line and not line[3:].startswith(".kbsync/")}


def _diff(clone: Clone, path: str) -> list[str]:
    lines = clone.git("diff", "--unified=0", "--", path).splitlines()
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


def test_law_4_a_pull_over_what_was_just_published_changes_no_byte(clone: Clone) -> None:
    clone.pull()
    assert clone.git("status", "--porcelain", "--untracked-files=all") == ""


def test_law_4_a_pull_into_an_empty_tree_gives_the_same_bodies_and_fields(clone: Clone, portal: Portal) -> None:
    empty = new_clone(clone.root.parent / "empty", portal, {"kbsync.toml": ""}, new="all")
    empty.pull()
    empty.commit()
    assert steps(empty.plan()) == {}
    assert empty.methods(empty.published).keys() == {"GET"}
    assert set(empty.files()) == {
        "kbsync.toml",
        "guide/_index.md",
        "guide/basics/_index.md",
        "guide/basics/reset.md",
        "guide/basics/install.md",
        "guide/basics/wifi/_index.md",
        "guide/basics/wifi/join.md",
        "shop/_index.md",
        "shop/orders/_index.md",
        "shop/orders/pay.md",
    }
    assert "[reset](../reset.md#again)" in empty.read(JOIN)
    again = {a.title: a for a in portal.store.all_articles()}
    assert again["Install"].tags == ("box", "table")
    assert "- box" in empty.read(INSTALL) or "[box, table]" in empty.read(INSTALL)
    for path in (RESET, INSTALL, JOIN, "shop/orders/pay.md"):
        assert _body(empty.read(path)) == _body(clone.read(path))


def _body(text: str) -> str:
    return text.split("\n---\n", 1)[1].strip()


def test_a_web_edit_is_pulled_and_changes_only_its_lines(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), body="<p>Unpack the box and put it on a <b>shelf</b>.</p>")
    assert steps(clone.plan()) == {INSTALL: "drift"}
    result = clone.pull()
    assert steps(result.planned.plan) == {INSTALL: "update"}
    assert _changed(clone) == {INSTALL}
    assert _diff(clone, INSTALL) == [
        "-Unpack the box and put it on a table.",
        "+Unpack the box and put it on a **shelf**.",
    ]
    clone.commit()
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}


def test_fields_are_pulled_line_by_line(clone: Clone, portal: Portal) -> None:
    clone.commit({INSTALL: "---\n# mine\ntitle:   Install   # the name\ntags: [box, table]\n---\n\nUnpack it.\n"})
    clone.published()
    portal.store.edit_article(clone.id_of(INSTALL), title="Set up: now", tags=("box",), status=1)
    clone.pull()
    text = clone.read(INSTALL)
    assert text.startswith("---\n# mine\n")
    assert text.endswith("---\n\nUnpack it.\n")
    assert "status: draft" in text
    assert "Set up: now" in text
    assert "table" not in text
    clone.commit()
    assert steps(clone.plan()) == {}


def test_fields_that_content_does_not_manage_stay_the_agents_own(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(RESET), tags=("vip",), seo={"meta_title": "Found"})
    clone.pull()
    assert _changed(clone) == set()


def test_directories_are_pulled_too(clone: Clone, portal: Portal) -> None:
    store = portal.store
    store.edit_category(clone.id_of("guide"), name="The guide", description="All of it.")
    store.edit_folder(clone.id_of("guide/basics"), name="First steps")
    assert steps(clone.plan()) == {"guide": "drift", "guide/basics": "drift"}
    clone.pull()
    assert _changed(clone) == {"guide/_index.md", "guide/basics/_index.md"}
    assert clone.read("guide/basics/_index.md") == "---\nname: First steps\n---\n"
    clone.commit()
    assert steps(clone.plan()) == {}


def test_a_directory_without_an_index_file_gets_one_when_its_name_differs(clone: Clone, portal: Portal) -> None:
    portal.store.edit_folder(clone.id_of("shop/orders"), name="Orders & returns")
    clone.pull()
    assert _changed(clone) == {"shop/orders/_index.md"}
    assert "Orders & returns" in clone.read("shop/orders/_index.md")
    clone.commit()
    assert steps(clone.plan()) == {}


def test_a_new_web_article_gets_a_file_in_a_folder_that_content_manages(clone: Clone, portal: Portal) -> None:
    folder = clone.id_of("guide/basics")
    body = f'<p>See <a href="{portal.url}/support/solutions/articles/{clone.id_of(RESET)}-reset#again">reset</a>.</p>'
    portal.store.create_article(folder, "Written on the web: “ÄÖÜ”", body, tags=("new",))
    elsewhere = portal.store.create_category("Not ours")
    portal.store.create_article(portal.store.create_folder(elsewhere.id, "Theirs").id, "Theirs", "<p>x</p>")
    clone.pull()
    (made,) = _changed(clone)
    assert made == "guide/basics/written-on-the-web-äöü.md"
    assert "[reset](reset.md#again)" in clone.read(made)
    clone.commit()
    actions = steps(clone.plan())
    assert set(actions.values()) == {"unmanaged"}
    assert set(actions) == {"Not ours", "Not ours / Theirs", "Not ours / Theirs / Theirs"}


@pytest.mark.parametrize(
    ("new", "files"), [("none", 0), ("managed-folders", 1), ("all", 4)], ids=["none", "managed folders", "all"]
)
def test_the_target_sets_which_new_web_articles_are_pulled(clone: Clone, portal: Portal, new: str, files: int) -> None:
    portal.store.create_article(clone.id_of("guide/basics"), "Ours", "<p>x</p>")
    other = portal.store.create_category("Other")
    portal.store.create_article(portal.store.create_folder(other.id, "Folder").id, "Theirs", "<p>x</p>")
    clone.config = replace(clone.config, new=new)
    clone.pull()
    assert len(_changed(clone)) == files


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd",
        "CON",
        "a/b\\c",
        "🎉👩🏽‍💻",
        "مرحبا بك",
        ".hidden",
        "_index",
        "x" * 255,
        "null",
        "- a: [b",
        "\u202egnp",
    ],
)
def test_a_web_title_of_any_kind_becomes_a_file_within_its_folder(clone: Clone, portal: Portal, title: str) -> None:
    made = portal.store.create_article(clone.id_of("guide/basics"), title, "<p>Text.</p>")
    again = portal.store.create_article(clone.id_of("guide/basics"), title, "<p>Another.</p>")
    clone.pull()
    paths = _changed(clone)
    assert len(paths) == 2
    assert {path.rpartition("/")[0] for path in paths} == {"guide/basics"}
    clone.commit()
    assert steps(clone.plan()) == {}
    assert shown(portal)[made.id][1] == shown(portal)[again.id][1] == title


def test_scripts_are_left_out_and_named(clone: Clone, portal: Portal) -> None:
    body = '<p onclick="steal()">Click <a href="javascript:alert(1)">here</a>.</p><script>steal()</script>'
    portal.store.edit_article(clone.id_of(INSTALL), body=body)
    result = clone.pull()
    assert result.pulled.dropped.keys() == {INSTALL}
    for wrong in ("onclick", "javascript:", "script"):
        assert wrong not in clone.read(INSTALL)


def test_an_article_gone_on_the_web_is_reported_and_its_file_stays(clone: Clone, portal: Portal) -> None:
    portal.store.delete_article(clone.id_of(INSTALL))
    result = clone.pull()
    assert steps(result.planned.plan) == {INSTALL: "conflict"}
    assert _changed(clone) == set()


def test_deleting_the_file_of_a_gone_article_resolves_it(clone: Clone, portal: Portal) -> None:
    portal.store.delete_article(clone.id_of("shop/orders/pay.md"))
    clone.remove("shop/orders/pay.md")
    clone.commit({"shop/orders/_index.md": "---\nname: orders\n---\n", "shop/_index.md": "---\nname: shop\n---\n"})
    assert steps(clone.published()) == {"shop/orders/pay.md": "forget"}
    assert steps(clone.plan()) == {}


def test_moving_the_file_as_on_the_web_resolves_it(clone: Clone, portal: Portal) -> None:
    number = clone.id_of(INSTALL)
    portal.store.move_article(number, clone.id_of("shop/orders"))
    clone.git("mv", INSTALL, "shop/orders/install.md")
    clone.commit({RESET: article("Reset", "Press the button, as [the other](../../shop/orders/install.md) says.")})
    assert steps(clone.plan())["shop/orders/install.md"] == "adopt"
    clone.published()
    assert clone.id_of("shop/orders/install.md") == number
    assert steps(clone.plan()) == {}


def test_law_3_after_a_pull_only_the_writers_own_changes_are_left(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), body="<p>Theirs.</p>")
    clone.commit({RESET: article("Reset", "Mine.")})
    clone.pull()
    clone.commit()
    assert steps(clone.plan()) == {RESET: "update"}
    clone.published()
    assert steps(clone.plan()) == {}


def test_a_pull_over_an_uncommitted_file_of_the_same_content_is_refused(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), title="Theirs")
    clone.write({INSTALL: clone.read(INSTALL).replace("[box, table]", "[ box, table ]")})
    before = clone.files()
    with pytest.raises(Refusal, match=re.escape(INSTALL)):
        clone.pull()
    assert clone.files() == before


def test_a_dry_run_writes_nothing(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), title="Theirs")
    result = clone.pull(dry_run=True)
    assert steps(result.planned.plan) == {INSTALL: "update"}
    assert INSTALL in result.pulled.files
    assert clone.git("status", "--porcelain") == ""


def test_paths_pull_a_part(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), title="Theirs")
    portal.store.edit_article(clone.id_of("shop/orders/pay.md"), title="Theirs too")
    clone.pull(paths=("shop",))
    assert _changed(clone) == {"shop/orders/pay.md"}
    clone.commit()
    assert steps(clone.plan()) == {INSTALL: "drift"}


def test_a_pull_from_another_portal_is_refused(clone: Clone) -> None:
    with serve(SandboxSettings()) as other:
        clone.config, clone.portal = replace(clone.config, url=other.url), other
        with pytest.raises(Refusal, match="wrong portal"):
            clone.pull()


def test_a_value_that_differs_from_the_defaults_is_written_to_the_file(clone: Clone, portal: Portal) -> None:
    defaults = "---\nname: Basics\ndefaults:\n  status: draft\n  tags: [basic]\n---\n"
    clone.commit({"guide/basics/_index.md": defaults, INSTALL: article("Install", "Unpack it.")})
    clone.published()
    assert (clone.live(INSTALL).status, clone.live(INSTALL).tags) == (1, ("basic",))
    portal.store.edit_article(clone.id_of(INSTALL), status=2, tags=())
    portal.store.create_article(clone.id_of("guide/basics"), "From the web", "<p>x</p>", tags=("web",))
    clone.pull()
    assert "status: published" in clone.read(INSTALL)
    new = clone.read("guide/basics/from-the-web.md")
    assert "status: published" in new
    assert "web" in new
    assert clone.read("guide/basics/_index.md") == defaults
    clone.commit()
    assert steps(clone.plan()) == {}


def test_links_in_any_form_of_the_portal_are_pulled_as_relative_links(clone: Clone, portal: Portal) -> None:
    reset, folder, category = clone.id_of(RESET), clone.id_of("shop/orders"), clone.id_of("shop")
    forms = [
        f"{portal.url}/support/solutions/articles/{reset}",
        f"{portal.url}/support/solutions/articles/{reset}-reset",
        f"/support/solutions/articles/{reset}#again",
        f"{portal.url}/en/support/solutions/articles/{reset}",
        f"/a/solutions/articles/{reset}",
        f"/support/solutions/folders/{folder}",
        f"/support/solutions/{category}",
        f"/support/solutions/articles/{reset + 500}",
        "https://example.com/support/solutions/articles/1",
    ]
    portal.store.edit_article(clone.id_of(INSTALL), body="".join(f'<p><a href="{form}">x</a></p>' for form in forms))
    clone.pull()
    found = re.findall(r"\[x\]\(([^)]*)\)", clone.read(INSTALL))
    assert found == [
        "reset.md",
        "reset.md",
        "reset.md#again",
        "reset.md",
        "reset.md",
        "../../shop/orders",
        "../../shop",
        f"/support/solutions/articles/{reset + 500}",
        "https://example.com/support/solutions/articles/1",
    ]
    clone.commit()
    assert steps(clone.plan()) == {}


def test_the_lock_file_of_an_item_is_small_and_has_no_text(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), body="<p>A secret sentence.</p>")
    portal.store.edit_folder(clone.id_of("guide/basics"), name="First steps")
    clone.pull()
    names = {place.relative_to(clone.root).as_posix() for place in (clone.root / ".kbsync").rglob("*.json")}
    assert names == {
        ".kbsync/production/guide/basics/install.md.json",
        ".kbsync/production/guide/basics/_index.md.json",
    }
    page = json.loads(clone.read(f".kbsync/production/{INSTALL}.json"))
    assert page["version"] == 1
    assert page["id"] == clone.id_of(INSTALL)
    assert "source" not in page
    assert "A secret sentence" not in clone.read(f".kbsync/production/{INSTALL}.json")
    assert clone.read(f".kbsync/production/{INSTALL}.json").endswith("}\n")


@pytest.mark.parametrize(
    "spoilt", ["<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> theirs\n", "{", "[]", "", '{"version": 99}']
)
def test_a_lock_file_that_is_not_valid_is_reported_with_its_place(clone: Clone, portal: Portal, spoilt: str) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), title="Theirs")
    clone.pull()
    lock = f".kbsync/production/{INSTALL}.json"
    clone.commit({lock: spoilt})
    for act in (clone.plan, clone.publish, clone.pull):
        with pytest.raises(ContentError) as stopped:
            act()
        (problem,) = stopped.value.problems
        assert problem.path == lock
        assert ("upgrade" if "99" in spoilt else "delete") in problem.advice
    clone.remove(lock)
    clone.commit()
    assert set(steps(clone.plan()).values()) <= {"adopt"}


def test_a_pulled_article_that_is_deleted_on_both_sides_is_forgotten_for_good(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of("shop/orders/pay.md"), title="Theirs")
    clone.pull()
    clone.commit()
    clone.published()
    portal.store.delete_article(clone.id_of("shop/orders/pay.md"))
    clone.remove("shop/orders/pay.md")
    clone.commit({"shop/orders/_index.md": "---\nname: orders\n---\n", "shop/_index.md": "---\nname: shop\n---\n"})
    assert steps(clone.published()) == {"shop/orders/pay.md": "forget"}
    assert steps(clone.plan()) == {}, "publish cannot delete the lock file that a pull left in the tree"
    assert clone.methods(clone.published).keys() == {"GET"}
    clone.commit({"shop/orders/pay.md": article("Pay", "Only cash.")})
    assert steps(clone.published()) == {"shop/orders/pay.md": "create"}
    assert steps(clone.plan()) == {}


def test_the_lock_file_of_a_renamed_file_is_moved_by_the_next_pull(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(INSTALL), title="Theirs")
    clone.pull()
    clone.git("mv", INSTALL, "guide/basics/begin.md")
    clone.commit({RESET: article("Reset", "Press the button, as [the other](begin.md) says.")})
    clone.published()
    portal.store.edit_article(clone.id_of("guide/basics/begin.md"), title="Theirs again")
    clone.pull()
    assert not (clone.root / f".kbsync/production/{INSTALL}.json").exists()
    assert (clone.root / ".kbsync/production/guide/basics/begin.md.json").exists()
    clone.commit()
    assert steps(clone.plan()) == {}


def test_lock_files_of_swapped_articles_are_both_there_in_the_end(clone: Clone, portal: Portal) -> None:
    pay = "guide/basics/pay.md"
    clone.commit({pay: article("Pay", "Cards, transfers and cash are all welcome.")})
    clone.published()
    for path in (INSTALL, pay):
        portal.store.edit_article(clone.id_of(path), title=f"{path} on the web")
    clone.pull()
    clone.commit()
    clone.git("mv", INSTALL, "guide/basics/x.md")
    clone.git("mv", pay, INSTALL)
    clone.git("mv", "guide/basics/x.md", pay)
    clone.commit({RESET: article("Reset", "Press the button, as [the other](pay.md) says.")})
    clone.published()
    for path in (INSTALL, pay):
        portal.store.edit_article(clone.id_of(path), title=f"{path} on the web again")
    clone.pull()
    for path in (INSTALL, pay):
        assert json.loads(clone.read(f".kbsync/production/{path}.json"))["id"] == clone.id_of(path)
