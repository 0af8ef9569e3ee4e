"""What stops a run: limits on removals, an empty tree, the wrong portal; and selected paths."""

from dataclasses import replace

import pytest

from kbsync.model import Kind
from tests.planner.world import BothSides, article, published, snapshot, steps


def _tree(number: int) -> dict[str, str]:
    return {f"guide/basics/page-{n}.md": article(f"Page {n}", f"Only page {n} says {n * 7919}.") for n in range(number)}


def _without(made: BothSides, number: int) -> BothSides:
    for n in range(number):
        made.remove(f"guide/basics/page-{n}.md")
    return made


@pytest.mark.parametrize(("known", "gone", "stops"), [(10, 3, False), (10, 4, True), (9, 8, False), (20, 7, True)])
def test_a_share_is_a_limit_from_ten_articles_up(known: int, gone: int, stops: bool) -> None:
    excess = _without(published(_tree(known)), gone).plan(archive_share=0.3).excess
    assert excess == (f"{gone} of {known} known articles would be removed; the limit is 30%" if stops else "")


@pytest.mark.parametrize(("limit", "gone", "stops"), [(2, 2, False), (2, 3, True), (0, 1, True)])
def test_a_number_is_a_limit_for_any_tree(limit: int, gone: int, stops: bool) -> None:
    excess = _without(published(_tree(4)), gone).plan(archive_share=None, archive_number=limit).excess
    assert excess == (f"{gone} articles would be removed; the limit is {limit}" if stops else "")


def test_deletions_count_as_removals_and_what_is_kept_does_not() -> None:
    made = _without(published(_tree(10)), 9)
    assert made.plan(archive_share=0.3, removed="delete").excess
    assert not made.plan(archive_share=0.3, removed="keep").excess


def test_articles_archived_before_do_not_count() -> None:
    made = _without(published(_tree(20)), 6)
    made.publish()
    assert not made.plan(archive_share=0.3).excess
    made.remove("guide/basics/page-6.md")
    assert not made.plan(archive_share=0.3).excess
    for n in range(7, 11):
        made.remove(f"guide/basics/page-{n}.md")
    assert made.plan(archive_share=0.3).excess.startswith("5 of 14")


def test_a_renamed_tree_passes_every_limit() -> None:
    made = published(_tree(20))
    made.rename("guide", "manual")
    assert not made.plan(archive_share=0.0, archive_number=0).excess


def test_an_empty_tree_halts_a_publish() -> None:
    made = published(_tree(3))
    made.files.clear()
    assert made.plan().halt == "the content tree has no articles, but 3 are published from it"
    assert published({}).plan().halt == ""


def test_a_portal_that_has_none_of_the_known_articles_halts_either_way() -> None:
    made = published(_tree(3))
    made.live = {key._replace(id=key.id + 1000): replace(item, id=key.id + 1000) for key, item in made.live.items()}
    for plan in (made.plan(), made.plan_pull()):
        assert plan.halt == "none of the 3 known articles is on this portal; it may be the wrong portal"


def test_one_known_item_is_enough_to_recognise_the_portal() -> None:
    made = published(_tree(3))
    made.remove("guide/basics/page-0.md")
    made.publish()
    for number in (1, 2):
        made.lose(f"guide/basics/page-{number}.md")
    assert made.plan().halt == ""
    made.live = {key: item for key, item in made.live.items() if key.kind is Kind.CATEGORY}
    assert made.plan().halt == ""
    made.live.clear()
    assert made.plan().halt


def test_items_deleted_on_the_portal_are_created_again_with_overwrite() -> None:
    made = published(_tree(1))
    made.live.clear()
    plan = made.plan()
    assert "none of the 1 known articles is on this portal" in plan.halt
    assert "--overwrite" in plan.advice
    assert made.plan(overwrite=frozenset({"elsewhere"})).halt
    assert steps(made.publish(overwrite=frozenset({"guide"}))) == {
        "guide": "create",
        "guide/basics": "create",
        "guide/basics/page-0.md": "create",
    }
    assert steps(made.plan()) == {}


def test_the_advice_of_a_limit_has_the_number_that_allows_the_changes() -> None:
    made = _without(published(_tree(20)), 8)
    plan = made.plan(archive_share=0.3)
    assert plan.excess == "8 of 20 known articles would be removed; the limit is 30%"
    assert plan.advice == "to allow this, publish with --force, or set `archive = 8` under [limits]"
    assert made.plan(archive_number=8).excess == ""
    assert made.plan(archive_number=8).advice == ""
    assert made.plan(archive_number=7).excess == "8 articles would be removed; the limit is 7"


def test_moved_articles_do_not_count_as_removed() -> None:
    made = published(_tree(20) | {"guide/other/one.md": article("One", "Here before.")})
    for n in range(20):
        made.rename(f"guide/basics/page-{n}.md", f"guide/other/page-{n}.md")
    plan = made.plan(archive_share=0.1)
    assert list(steps(plan).values()).count("move") == 20
    assert plan.excess == ""


def test_an_empty_tree_has_advice() -> None:
    made = published(_tree(1))
    made.files.clear()
    assert "check the checkout" in made.plan().advice


@pytest.mark.parametrize("path", ["guide", "guide/basics"])
def test_a_directory_is_not_renamed_because_its_index_is_gone(path: str) -> None:
    made = published(_tree(2) | {f"{path}/_index.md": "---\nname: What readers see\n---\n"})
    made.remove(f"{path}/_index.md")
    made.files["guide/basics/page-0.md"] += "\nMore.\n"
    plan = made.plan()
    assert steps(plan) == {path: "conflict", "guide/basics/page-0.md": "update"}
    assert plan.conflicts[0].reason.startswith("the _index.md that sets its name was removed; restore it")
    made.files[f"{path}/_index.md"] = "---\nname: Another name\n---\n"
    assert steps(made.plan())[path] == "update"


def test_an_index_with_the_name_of_its_directory_can_be_removed() -> None:
    made = published(_tree(2) | {"guide/_index.md": "---\nname: guide\n---\n"})
    made.remove("guide/_index.md")
    assert steps(made.plan()) == {}


def test_nothing_outside_the_selected_paths_is_removed() -> None:
    made = published(_tree(5) | {"shop/a/b.md": article("B", "Words about shops alone.")})
    made.remove("guide")
    made.files["shop/a/b.md"] += "\nMore.\n"
    for paths in (("shop",), ("shop/a",), ("shop/a/b.md",), ("guide/basics/page-1.md", "shop")):
        actions = steps(made.plan(paths=paths))
        gone = [path for path, word in actions.items() if word in {"archive", "delete", "forget"}]
        assert gone == [path for path in paths if path.startswith("guide")]
        assert actions["shop/a/b.md"] == "update"


def test_selected_paths_include_the_new_directories_that_they_need() -> None:
    made = published(_tree(3))
    made.files["shop/orders/late/pay.md"] = article("Pay")
    made.files["shop/orders/other.md"] = article("Other")
    made.files["guide/basics/page-0.md"] = article("Page 0", "Rewritten.")
    plan = made.plan(paths=("shop/orders/late",))
    assert steps(plan) == {
        "shop": "create",
        "shop/orders": "create",
        "shop/orders/late": "create",
        "shop/orders/late/pay.md": "create",
    }


def test_a_selected_path_does_not_match_a_longer_name() -> None:
    made = published(_tree(12))
    for n in (1, 10):
        made.files[f"guide/basics/page-{n}.md"] += "\nMore.\n"
    assert steps(made.plan(paths=("guide/basics/page-1.md",))) == {"guide/basics/page-1.md": "update"}
    assert steps(made.plan(paths=("guide/basic",))) == {}


def test_conflicts_do_not_stop_other_changes() -> None:
    made = published(_tree(4))
    made.edit("guide/basics/page-0.md", title="Edited on the web")
    made.files["guide/basics/page-0.md"] += "\nMine.\n"
    made.edit("guide/basics/page-1.md", title="Edited too")
    made.files["guide/basics/page-2.md"] += "\nMine.\n"
    made.remove("guide/basics/page-3.md")
    before = snapshot(made)
    held = [made.key(f"guide/basics/page-{n}.md") for n in (0, 1)]
    actions = steps(made.publish())
    assert actions == {
        "guide/basics/page-0.md": "conflict",
        "guide/basics/page-1.md": "drift",
        "guide/basics/page-2.md": "update",
        "guide/basics/page-3.md": "archive",
    }
    assert all(snapshot(made)[key] == before[key] for key in held)
    assert steps(made.plan()) == {"guide/basics/page-0.md": "conflict", "guide/basics/page-1.md": "drift"}
