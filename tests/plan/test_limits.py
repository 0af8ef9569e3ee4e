"""What stops a run: limits on removals, an empty tree, a portal that is another one; and what PATHs leave out."""

from dataclasses import replace

import pytest

from kbsync.model import Kind
from tests.plan.world import World, article, snapshot, steps, world


def _tree(number: int) -> dict[str, str]:
    return {f"guide/basics/page-{n}.md": article(f"Page {n}", f"Only page {n} says {n * 7919}.") for n in range(number)}


def _without(made: World, number: int) -> World:
    for n in range(number):
        made.remove(f"guide/basics/page-{n}.md")
    return made


@pytest.mark.parametrize(("known", "gone", "stops"), [(10, 3, False), (10, 4, True), (9, 8, False), (20, 7, True)])
def test_a_share_is_a_limit_from_ten_articles_up(known: int, gone: int, stops: bool) -> None:
    excess = _without(world(_tree(known)), gone).plan(archive_share=0.3).excess
    assert excess == (f"{gone} of {known} known articles would be removed; the limit is 30%" if stops else "")


@pytest.mark.parametrize(("limit", "gone", "stops"), [(2, 2, False), (2, 3, True), (0, 1, True)])
def test_a_number_is_a_limit_for_any_tree(limit: int, gone: int, stops: bool) -> None:
    excess = _without(world(_tree(4)), gone).plan(archive_share=None, archive_number=limit).excess
    assert excess == (f"{gone} articles would be removed; the limit is {limit}" if stops else "")


def test_deletions_count_as_removals_and_what_is_kept_does_not() -> None:
    made = _without(world(_tree(10)), 9)
    assert made.plan(archive_share=0.3, removed="delete").excess
    assert not made.plan(archive_share=0.3, removed="keep").excess


def test_articles_archived_before_count_for_nothing() -> None:
    made = _without(world(_tree(20)), 6)
    made.publish()
    assert not made.plan(archive_share=0.3).excess
    made.remove("guide/basics/page-6.md")
    assert not made.plan(archive_share=0.3).excess
    for n in range(7, 11):
        made.remove(f"guide/basics/page-{n}.md")
    assert made.plan(archive_share=0.3).excess.startswith("5 of 14")


def test_a_renamed_tree_passes_every_limit() -> None:
    made = world(_tree(20))
    made.rename("guide", "manual")
    assert not made.plan(archive_share=0.0, archive_number=0).excess


def test_an_empty_tree_halts_a_publish() -> None:
    made = world(_tree(3))
    made.files.clear()
    assert made.plan().halt == "the content tree holds no article, but 3 are published from it"
    assert world({}).plan().halt == ""


def test_a_portal_that_has_none_of_the_known_articles_halts_either_way() -> None:
    made = world(_tree(3))
    made.live = {(kind, number + 1000): replace(item, id=number + 1000) for (kind, number), item in made.live.items()}
    for plan in (made.plan(), made.plan_pull()):
        assert plan.halt == "none of the 3 known articles is on this portal: it may be the wrong one"


def test_anything_known_that_is_there_tells_the_portal_from_another() -> None:
    made = world(_tree(3))
    made.remove("guide/basics/page-0.md")
    made.publish()
    for number in (1, 2):
        made.lose(f"guide/basics/page-{number}.md")
    assert made.plan().halt == ""
    made.live = {key: item for key, item in made.live.items() if key[0] is Kind.CATEGORY}
    assert made.plan().halt == ""
    made.live.clear()
    assert made.plan().halt


def test_paths_bound_what_is_changed_but_not_the_directories_that_it_needs() -> None:
    made = world(_tree(3))
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


def test_a_path_is_no_prefix_of_a_longer_name() -> None:
    made = world(_tree(12))
    for n in (1, 10):
        made.files[f"guide/basics/page-{n}.md"] += "\nMore.\n"
    assert steps(made.plan(paths=("guide/basics/page-1.md",))) == {"guide/basics/page-1.md": "update"}
    assert steps(made.plan(paths=("guide/basic",))) == {}


def test_conflicts_are_isolated_while_the_rest_goes_through() -> None:
    made = world(_tree(4))
    made.edit("guide/basics/page-0.md", title="Edited on the web")
    made.files["guide/basics/page-0.md"] += "\nMine.\n"
    made.edit("guide/basics/page-1.md", title="Edited too")
    made.files["guide/basics/page-2.md"] += "\nMine.\n"
    made.remove("guide/basics/page-3.md")
    before = snapshot(made)
    held = [made.key(f"guide/basics/page-{n}.md") for n in (0, 1)]
    told = steps(made.publish())
    assert told == {
        "guide/basics/page-0.md": "conflict",
        "guide/basics/page-1.md": "drift",
        "guide/basics/page-2.md": "update",
        "guide/basics/page-3.md": "archive",
    }
    assert all(snapshot(made)[key] == before[key] for key in held)
    assert steps(made.plan()) == {"guide/basics/page-0.md": "conflict", "guide/basics/page-1.md": "drift"}
