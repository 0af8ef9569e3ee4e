"""Pull of a folder that was moved on the portal: its directory is moved with all its files."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.config import Secret
from kbsync.engine import pull_journal
from kbsync.engine import undo as undoing
from kbsync.engine.adopt import Named, release
from kbsync.engine.branch import propose
from kbsync.engine.context import Options
from kbsync.errors import KbsyncError, Refusal
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, git, shown, steps
from tests.planner.world import article
from tests.ready import Ready

WIFI, THERE = "guide/basics/wifi", "shop/wifi"
ASSETS = "https://cdn.acme.com/kb"
PICTURE = bytes(range(256)) * 40
JOIN = """---
title: Join   # by hand
tags: [wifi]
---

Choose the   network as ![shown](img/net.png), then [reset](../reset.md#again) it.

{% include "guide/basics/wifi/_note.md" %}

`{% include "guide/basics/wifi/_note.md" %}` is how a note is put there; [wps](wps/push.md) is quicker.

<a href="/guide/basics/install.md">Install</a> first.
"""
TREE = {
    f"{WIFI}/_index.md": "---\nname: Wireless\ndescription: No cable.\n---\n",
    f"{WIFI}/join.md": JOIN,
    f"{WIFI}/_note.md": "Mind [the other](join.md) too, and [how to reset](../reset.md).\n",
    f"{WIFI}/wps/push.md": article(
        "Push", "Push it, then [join](../join.md). Or [pay](../../../../shop/orders/pay.md)."
    ),
    "guide/basics/reset.md": article("Reset", "Press.\n\n## Again\n\nSee [wifi](wifi/join.md) and [all of it](wifi)."),
    "shop/orders/pay.md": article(
        "Pay", 'Or ![net](../../guide/basics/wifi/img/net.png)\n\n{% include "guide/basics/wifi/_note.md" %}'
    ),
}


@pytest.fixture
def clone(clone: Clone, ready: Ready) -> Clone:
    """The tree, published, with a folder that holds much and is linked to from everywhere."""
    clone.config = replace(clone.config, assets_url=ASSETS)

    def make() -> None:
        (clone.root / WIFI / "img").mkdir(parents=True)
        (clone.root / WIFI / "img/net.png").write_bytes(PICTURE)
        clone.commit(TREE)
        clone.published()

    ready("wireless", clone.root.parent, clone.portal, make)
    return clone


def move(clone: Clone, path: str, category: str, folder: str | None = None) -> None:
    below = clone.id_of(folder) if folder else None
    clone.portal.store.move_folder(clone.id_of(path), clone.id_of(category), below)


def raw(root: Path) -> dict[str, bytes]:
    places = [place for place in root.rglob("*") if place.is_file()]
    found = {place.relative_to(root).as_posix(): place.read_bytes() for place in places}
    return {path: data for path, data in found.items() if not path.startswith(".git/")}


def ids(clone: Clone) -> dict[str, int]:
    return {known.path: known.id for known in clone.baselines().values()}


def settled(clone: Clone) -> None:
    """See that nothing is left to do but to show pictures from where they lie now."""
    clone.commit()
    before, held = raw(clone.root), len(clone.portal.store.all_articles())
    assert clone.pull().pulled.files == {}
    assert raw(clone.root) == before
    plan = clone.plan()
    assert plan.conflicts == plan.drift == ()
    assert all(change.action == "update" and change.reason.startswith("links") for change in plan.changes), steps(plan)
    clone.published()
    assert steps(clone.plan()) == {}
    assert clone.pull().pulled.files == {}
    assert len(clone.portal.store.all_articles()) == held


def test_the_directory_is_moved_to_the_other_category_with_all_its_files(clone: Clone) -> None:
    numbers = ids(clone)
    move(clone, WIFI, "shop")
    result = clone.pull()
    assert result.planned.plan.conflicts == ()
    assert not (clone.root / WIFI).exists()
    assert (clone.root / THERE / "img/net.png").read_bytes() == PICTURE
    assert clone.read(f"{THERE}/_index.md") == TREE[f"{WIFI}/_index.md"]
    assert clone.read(f"{THERE}/join.md") == JOIN.replace("../reset.md", "../../guide/basics/reset.md").replace(
        '{% include "guide/basics/wifi/_note.md" %}\n\n', '{% include "shop/wifi/_note.md" %}\n\n'
    )
    assert clone.read(f"{THERE}/_note.md") == TREE[f"{WIFI}/_note.md"].replace("(../reset", "(../../guide/basics/reset")
    assert "[join](../join.md). Or [pay](../../orders/pay.md)" in clone.read(f"{THERE}/wps/push.md")
    assert "[wifi](../../shop/wifi/join.md) and [all of it](../../shop/wifi)" in clone.read("guide/basics/reset.md")
    pay = clone.read("shop/orders/pay.md")
    assert "![net](../wifi/img/net.png)" in pay
    assert '{% include "shop/wifi/_note.md" %}' in pay
    settled(clone)
    assert ids(clone) == {path.replace(WIFI, THERE): number for path, number in numbers.items()}


def test_a_directory_moved_and_renamed_on_the_web_keeps_its_name_in_the_tree(clone: Clone, portal: Portal) -> None:
    numbers = ids(clone)
    move(clone, WIFI, "shop", "shop/orders")
    portal.store.edit_folder(clone.id_of(WIFI), name="Wi-Fi: CON? <all>")
    clone.pull()
    there = "shop/orders/wifi"
    assert clone.read(f"{there}/_index.md") == "---\nname: 'Wi-Fi: CON? <all>'\ndescription: No cable.\n---\n"
    assert (clone.root / there / "wps/push.md").exists()
    settled(clone)
    assert ids(clone) == {path.replace(WIFI, there): number for path, number in numbers.items()}


def test_a_folder_and_its_subfolder_are_swapped(clone: Clone) -> None:
    numbers = ids(clone)
    wifi, wps = clone.id_of(WIFI), clone.id_of(f"{WIFI}/wps")
    clone.portal.store.move_folder(wps, clone.id_of("shop"))
    clone.portal.store.move_folder(wifi, clone.id_of("shop"), wps)
    clone.pull()
    assert "[wps](../push.md)" in clone.read("shop/wps/wifi/join.md")
    assert "[join](wifi/join.md)" in clone.read("shop/wps/push.md")
    assert (clone.root / "shop/wps/wifi/img/net.png").read_bytes() == PICTURE
    settled(clone)
    after = ids(clone)
    assert after["shop/wps"] == wps
    assert after["shop/wps/wifi"] == wifi
    assert sorted(after.values()) == sorted(numbers.values())


def test_an_existing_directory_is_not_merged_with_it(clone: Clone) -> None:
    clone.commit({f"{THERE}/join.md": article("Join", "A club.")})
    clone.published()
    numbers = ids(clone)
    move(clone, WIFI, "shop")
    clone.pull()
    assert clone.read(f"{THERE}/join.md") == article("Join", "A club.")
    assert (clone.root / "shop/wifi-2/img/net.png").read_bytes() == PICTURE
    settled(clone)
    assert ids(clone)["shop/wifi-2/join.md"] == numbers[f"{WIFI}/join.md"]
    assert ids(clone)[f"{THERE}/join.md"] == numbers[f"{THERE}/join.md"]


def test_a_directory_that_had_no_file_of_its_own_keeps_the_name_that_readers_see(clone: Clone, portal: Portal) -> None:
    clone.commit({"guide/aux. notes/one.md": article("One", "1"), "shop/Aux. Notes/two.md": article("Two", "2")})
    clone.published()
    portal.store.edit_folder(clone.id_of("shop/Aux. Notes"), name="Aux. Notes!")
    clone.pull()
    clone.commit()
    move(clone, "guide/aux. notes", "shop")
    clone.pull()
    assert clone.read("shop/aux-notes/_index.md") == "---\nname: aux. notes\n---\n"
    settled(clone)


def test_edits_of_both_sides_are_kept(clone: Clone, portal: Portal) -> None:
    clone.commit({f"{WIFI}/join.md": JOIN.replace("is quicker", "is much quicker")})
    push = clone.live(f"{WIFI}/wps/push.md")
    portal.store.edit_article(push.id, body=push.description.replace("Push it", "Push it long"))
    made = portal.store.create_article(clone.id_of(WIFI), "Brand new", "<p>Hello.</p>")
    moved_out = clone.id_of(f"{WIFI}/join.md")
    move(clone, WIFI, "shop")
    clone.pull()
    assert "is much quicker" in clone.read(f"{THERE}/join.md")
    assert "Push it long, then [join](../join.md)" in clone.read(f"{THERE}/wps/push.md")
    assert "Hello." in clone.read(f"{THERE}/brand-new.md")
    clone.commit()
    assert {change.path: change.fields for change in clone.plan().changes}[f"{THERE}/join.md"] == ("body",)
    clone.published()
    assert clone.id_of(f"{THERE}/join.md") == moved_out
    assert clone.id_of(f"{THERE}/brand-new.md") == made.id
    assert "is much quicker" in clone.live(f"{THERE}/join.md").description
    assert steps(clone.plan()) == {}


def test_an_article_that_left_the_folder_before_is_moved_on_its_own(clone: Clone, portal: Portal) -> None:
    portal.store.move_article(clone.id_of(f"{WIFI}/join.md"), clone.id_of("shop/orders"))
    portal.store.move_article(clone.id_of("guide/basics/install.md"), clone.id_of(WIFI))
    move(clone, WIFI, "shop")
    clone.pull()
    assert "[wps](../wifi/wps/push.md)" in clone.read("shop/orders/join.md")
    assert "![shown](../wifi/img/net.png)" in clone.read("shop/orders/join.md")
    assert (clone.root / THERE / "install.md").exists()
    assert not (clone.root / WIFI).exists()
    settled(clone)


@pytest.mark.parametrize("name", ["join.md", "img/net.png", "new.txt", "img/ünïcode\u0301.png"])
def test_uncommitted_changes_in_the_directory_stop_the_pull(clone: Clone, name: str) -> None:
    (clone.root / WIFI / name).write_bytes(b"---\ntitle: Mine\n---\n\nMine.\n")
    move(clone, WIFI, "shop")
    before = raw(clone.root)
    with pytest.raises(Refusal, match="uncommitted changes"):
        clone.pull()
    assert raw(clone.root) == before


def test_files_that_git_ignores_stay_in_place_and_are_never_overwritten(clone: Clone) -> None:
    clone.commit({".gitignore": "*.tmp\n/shop/wifi/img\n"})
    clone.write({f"{WIFI}/draft.tmp": "mine", f"{THERE}/img/net.png": "mine too"})
    move(clone, WIFI, "shop")
    before = raw(clone.root)
    with pytest.raises(Refusal, match="files that git ignores: shop/wifi/img/net"):
        clone.pull()
    assert raw(clone.root) == before
    (clone.root / THERE / "img/net.png").unlink()
    clone.pull()
    assert clone.read(f"{WIFI}/draft.tmp") == "mine"
    assert (clone.root / THERE / "img/net.png").read_bytes() == PICTURE


def test_a_move_to_a_category_that_the_tree_lacks_is_reported_and_not_made(clone: Clone, portal: Portal) -> None:
    elsewhere = portal.store.create_category("Not ours")
    portal.store.move_folder(clone.id_of(WIFI), elsewhere.id)
    before = raw(clone.root)
    result = clone.pull()
    assert steps(result.planned.plan)[WIFI] == "conflict"
    assert raw(clone.root) == before


def test_both_sides_moved_it_to_different_places(clone: Clone) -> None:
    clone.git("mv", WIFI, "guide/wifi")
    clone.commit({"guide/wifi/join.md": JOIN.replace("../reset", "../basics/reset").replace("basics/wifi", "wifi")})
    clone.commit(
        {
            "guide/wifi/_note.md": clone.read("guide/wifi/_note.md").replace("../reset", "../basics/reset"),
            "guide/wifi/wps/push.md": clone.read("guide/wifi/wps/push.md").replace("../../../../", "../../../"),
            "guide/basics/reset.md": clone.read("guide/basics/reset.md").replace("(wifi", "(../wifi"),
            "shop/orders/pay.md": clone.read("shop/orders/pay.md").replace("basics/wifi", "wifi"),
        }
    )
    move(clone, WIFI, "shop")
    before = raw(clone.root)
    result = clone.pull()
    assert steps(result.planned.plan)["guide/wifi"] == "conflict"
    assert raw(clone.root) == before


def test_ours_keeps_the_directory_in_its_place(clone: Clone) -> None:
    move(clone, WIFI, "guide")
    clone.pull(ours=frozenset({WIFI}))
    assert (clone.root / WIFI / "join.md").exists()
    clone.commit()
    assert steps(clone.plan())[WIFI] == "update"
    clone.published()
    assert steps(clone.plan()) == {}


@pytest.mark.parametrize("asked", [WIFI, THERE])
def test_it_can_be_selected_alone_by_its_old_or_new_path(clone: Clone, portal: Portal, asked: str) -> None:
    move(clone, WIFI, "shop")
    portal.store.move_article(clone.id_of("shop/orders/pay.md"), clone.id_of("guide/basics"))
    clone.pull(paths=(asked,))
    assert (clone.root / THERE / "join.md").exists()
    assert (clone.root / "shop/orders/pay.md").exists()
    clone.commit()
    assert steps(clone.plan())["shop/orders/pay.md"] == "drift"


def test_an_unselected_directory_is_not_moved(clone: Clone, portal: Portal) -> None:
    move(clone, WIFI, "shop")
    join = clone.live(f"{WIFI}/join.md")
    portal.store.edit_article(join.id, body=join.description.replace("Choose the", "Choose your"))
    clone.pull(paths=(f"{WIFI}/join.md",))
    assert "Choose your" in clone.read(f"{WIFI}/join.md")
    assert not (clone.root / THERE).exists()
    clone.commit()
    assert steps(clone.plan()) == {WIFI: "drift"}


def test_released_archived_and_undone_articles_in_it_stay_so(clone: Clone, portal: Portal) -> None:
    clone.remove(f"{WIFI}/wps/push.md")
    clone.commit({f"{WIFI}/join.md": JOIN.replace("; [wps](wps/push.md) is quicker", "")})
    clone.published()
    number, held = clone.id_of(f"{WIFI}/join.md"), len(portal.store.all_articles())
    move(clone, WIFI, "shop")
    clone.pull()
    settled(clone)
    assert clone.id_of(f"{THERE}/join.md") == number
    assert len(portal.store.all_articles()) == held


def test_an_article_in_conflict_is_moved_and_still_in_conflict(clone: Clone, portal: Portal) -> None:
    clone.commit({f"{WIFI}/join.md": JOIN.replace("Choose the", "Choose my")})
    join = clone.live(f"{WIFI}/join.md")
    portal.store.edit_article(join.id, body=join.description.replace("Choose the", "Choose your"))
    move(clone, WIFI, "shop")
    result = clone.pull(markers=False)
    assert [found.path for found in result.planned.plan.conflicts] == [f"{THERE}/join.md"]
    assert "Choose my" in clone.read(f"{THERE}/join.md")
    clone.commit()
    assert steps(clone.plan())[f"{THERE}/join.md"] == "conflict"
    clone.pull(theirs=frozenset({f"{THERE}/join.md"}))
    assert "Choose your" in clone.read(f"{THERE}/join.md")
    settled(clone)


def test_the_file_of_an_article_gone_on_the_portal_is_moved_too(clone: Clone, portal: Portal) -> None:
    portal.store.delete_article(clone.id_of(f"{WIFI}/wps/push.md"))
    move(clone, WIFI, "shop")
    result = clone.pull()
    assert "conflict" in steps(result.planned.plan).values()
    assert (clone.root / THERE / "wps/push.md").exists()
    clone.commit()
    assert steps(clone.plan())[f"{THERE}/wps/push.md"] in {"drift", "conflict"}
    clone.pull(prune=True)
    assert not (clone.root / THERE / "wps/push.md").exists()


def test_a_directory_goes_to_its_new_place_in_one_step(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    move(clone, WIFI, "shop")
    before = raw(clone.root)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pull_journal, "write_file", full)
    with pytest.raises(KbsyncError, match="No space left on device"):
        clone.pull()
    after = raw(clone.root)
    assert not [path for path in after if path.startswith(f"{WIFI}/")]
    assert {path.replace(WIFI, THERE) for path in before if path.startswith(f"{WIFI}/")} <= after.keys()
    monkeypatch.undo()
    clone.pull()
    settled(clone)


def test_on_a_branch_it_is_one_commit_and_the_working_tree_stays(clone: Clone, shared: Path) -> None:
    clone.git("push", "-q", "origin", "main")
    numbers = ids(clone)
    move(clone, WIFI, "shop")
    before = raw(clone.root)
    done = propose(clone.config, Secret(clone.portal.key), Options(), clone.ui, branch="web")
    assert raw(clone.root) == before
    tree = git(shared, "ls-tree", "-r", "--name-only", "web").split()
    assert {path for path in tree if path.startswith(f"{WIFI}/")} == set()
    assert {f"{THERE}/{name}" for name in ("_index.md", "_note.md", "img/net.png", "join.md", "wps/push.md")} <= {*tree}
    blob = f"{THERE}/img/net.png"
    assert git(shared, "rev-parse", f"web:{blob}") == git(shared, "rev-parse", f"main:{WIFI}/img/net.png")
    assert f"  moved {THERE} (from {WIFI})\n" in git(shared, "log", "-1", "--format=%B", done.commit or "")
    again = propose(clone.config, Secret(clone.portal.key), Options(), clone.ui, branch="web")
    assert again.commit is None
    clone.git("fetch", "-q")
    clone.git("merge", "-q", "--squash", "origin/web")
    settled(clone)
    assert ids(clone) == {path.replace(WIFI, THERE): number for path, number in numbers.items()}


def test_released_and_undone_articles_in_it_stay_as_they_are(clone: Clone, portal: Portal) -> None:
    clone.commit({f"{WIFI}/extra.md": article("Extra", "See [the button](../reset.md) first, then the other.")})
    clone.published()
    undoing.undo(clone.config, Secret(portal.key), None, Options(), clone.ui)
    push = f"{WIFI}/wps/push.md"
    release(clone.config, Secret(portal.key), Named(paths=(push,)), Options(), clone.ui)
    clone.commit()
    was = shown(portal)
    move(clone, WIFI, "shop")
    clone.pull()
    clone.commit()
    assert clone.pull().pulled.files == {}
    plan = clone.plan()
    assert [change.path for change in plan.writes if not change.reason.startswith("links")] == []
    assert [found.path for found in plan.undone] == [f"{THERE}/extra.md"]
    clone.published()
    assert {number: row[:2] for number, row in shown(portal).items()} == {n: row[:2] for n, row in was.items()}
    assert clone.pull().pulled.files == {}


def test_a_root_below_the_top_and_names_in_another_normal_form(clone: Clone, tmp_path: Path, portal: Portal) -> None:
    root = tmp_path / "mono/docs"
    root.mkdir(parents=True)
    git(tmp_path / "mono", "init", "-q", "-b", "main")
    docs = replace(clone, root=root, config=replace(clone.config, root=root, target="docs"))
    name = "Cafe\u0301 + Öl"
    docs.commit(
        {
            f"a/{name}/x/y.md": article("Y", "[z](../z.md)"),
            f"a/{name}/z.md": article("Z", "Z."),
            "b/c/d.md": article("D", f"[z](<../../a/{name}/z.md>)"),
        }
    )
    docs.published()
    a, b = (next(c.id for c in portal.store.all_categories() if c.name == word) for word in "ab")
    (there,) = [f.id for f in portal.store.all_folders() if f.category_id == a and f.parent_id is None]
    portal.store.move_folder(there, b)
    docs.pull()
    files = docs.files()
    assert [path for path in files if path.startswith("a/")] == ["a/_index.md"]
    assert len([path for path in files if path.startswith("b/Caf")]) == 2
    assert docs.read("a/_index.md") == "---\nname: a\n---\n"
    docs.commit()
    plan = docs.plan()
    assert (plan.changes, plan.drift, plan.conflicts) == ((), (), ())
    assert docs.pull().pulled.files == {}


def test_a_directory_that_the_writer_renamed_is_moved_under_its_new_name(clone: Clone, portal: Portal) -> None:
    clone.commit(
        {"guide/late/one.md": article("One", "Words of one, alone."), "guide/late/in/two.md": article("Two", "2.")}
    )
    clone.published()
    late, one = clone.id_of("guide/late"), clone.id_of("guide/late/one.md")
    clone.git("mv", "guide/late", "guide/soon")
    clone.commit()
    portal.store.move_folder(late, clone.id_of("shop"))
    clone.pull()
    clone.commit()
    assert {change.path: change.fields for change in clone.plan().changes} == {"shop/soon": ("name",)}
    clone.published()
    assert (clone.id_of("shop/soon"), clone.id_of("shop/soon/one.md")) == (late, one)
    assert portal.store.folder(late).name == "soon"
    assert steps(clone.plan()) == {}
    assert clone.pull().pulled.files == {}


def test_a_folder_is_moved_without_its_only_article_and_links_to_it_stay_valid(clone: Clone, portal: Portal) -> None:
    clone.commit({"shop/orders/pay.md": article("Pay", "As in [wps](../../guide/basics/wifi/wps).")})
    clone.published()
    wps = clone.id_of(f"{WIFI}/wps")
    portal.store.move_article(clone.id_of(f"{WIFI}/wps/push.md"), clone.id_of("guide/basics"))
    portal.store.move_folder(wps, clone.id_of("guide"))
    clone.pull()
    assert clone.read("guide/wps/_index.md") == "---\nname: wps\n---\n"
    assert "[wps](../../guide/wps)" in clone.read("shop/orders/pay.md")
    settled(clone)
    assert clone.id_of("guide/wps") == wps


def test_directories_left_empty_stay_on_both_sides(clone: Clone, portal: Portal) -> None:
    clone.config = replace(clone.config, removed="delete")
    portal.store.move_article(clone.id_of("shop/orders/pay.md"), clone.id_of(WIFI))
    clone.pull()
    assert clone.read("shop/orders/_index.md") == "---\nname: orders\n---\n"
    assert not (clone.root / "shop/_index.md").exists()
    settled(clone)
    folders = {folder.name for folder in portal.store.all_folders()}
    assert "orders" in folders
