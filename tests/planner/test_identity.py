"""Which file is which article after it was renamed, moved, copied or rewritten; and ties."""

from dataclasses import replace

import pytest

from kbsync.baseline import State
from kbsync.model import Article, ItemKey, Kind, Status
from tests.planner.world import BothSides, article, published, steps

POEM = "\n".join(
    f"Line {number} of a text long enough to be known again when some of it changes." for number in range(9)
)
FILES = {
    "guide/basics/reset.md": article("Reset", f"{POEM}\n\nPress the button."),
    "guide/basics/install.md": article("Install", "Unpack the box and put the machine on a table."),
    "guide/wifi/join.md": article("Join", "Choose the network whose name is on the label."),
    "guide/wifi/deep/range.md": article("Range", "Walls of brick halve what the radio reaches."),
    "shop/orders/pay.md": article("Pay", "Cards, transfers and cash are all welcome."),
}
RESET = "guide/basics/reset.md"


@pytest.fixture
def made() -> BothSides:
    return published(FILES)


def _ids(made: BothSides) -> dict[str, int]:
    """Return the id of every live baseline by its path."""
    return {known.path: known.id for known in made.baselines.values() if known.state is State.LIVE}


def _writes(made: BothSides) -> dict[str, str]:
    """Return what a plan would send, by path, with the fields."""
    return {
        change.path: " ".join([change.action.value, *sorted(change.fields)]).strip() for change in made.plan().writes
    }


def test_a_renamed_file_sends_nothing_and_stays_the_same_article(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.rename(RESET, "guide/basics/begin-again.md")
    assert steps(made.plan()) == {"guide/basics/begin-again.md": "rename"}
    assert _writes(made) == {}
    made.publish()
    assert made.id_of("guide/basics/begin-again.md") == number
    assert steps(made.plan()) == {}


def test_a_renamed_and_edited_file_is_an_update_of_the_same_article(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.remove(RESET)
    made.files["guide/basics/begin-again.md"] = article("Reset", f"{POEM}\n\nPress both buttons.")
    plan = made.publish()
    assert [(change.action, change.fields, change.former_path) for change in plan.changes] == [
        ("update", ("body",), RESET)
    ]
    assert made.id_of("guide/basics/begin-again.md") == number


def test_a_completely_rewritten_file_at_the_same_path_is_the_same_article(made: BothSides) -> None:
    made.files[RESET] = article("Wholly other", "Nothing here resembles anything before.")
    assert _writes(made) == {RESET: "update body title"}


def test_a_file_with_its_old_path_and_title_is_not_matched_with_a_more_similar_removed_article() -> None:
    made = published({"shop/orders/card.md": article("Card", "Soon."), "shop/orders/cash.md": article("Cash", POEM)})
    number = made.id_of("shop/orders/card.md")
    made.remove("shop/orders/cash.md")
    made.files["shop/orders/card.md"] = article("Card", f"{POEM}\n\nBy card.")
    assert steps(made.plan()) == {"shop/orders/card.md": "update", "shop/orders/cash.md": "archive"}
    made.publish()
    assert made.id_of("shop/orders/card.md") == number


def test_a_file_moved_to_another_folder_is_created_and_the_old_one_archived(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.rename(RESET, "guide/wifi/reset.md")
    plan = made.publish()
    assert steps(plan) == {"guide/wifi/reset.md": "move"}
    assert "id, URL and counts are lost" in plan.changes[0].reason
    assert made.id_of("guide/wifi/reset.md") != number
    old = made.live[ItemKey(Kind.ARTICLE, number)]
    assert isinstance(old, Article)
    assert old.status is Status.DRAFT
    assert steps(made.plan()) == {}


def test_where_moves_are_refused_a_moved_file_is_a_conflict(made: BothSides) -> None:
    made.config = replace(made.config, moved="refuse")
    made.rename(RESET, "guide/wifi/reset.md")
    assert steps(made.plan()) == {"guide/wifi/reset.md": "conflict"}


def test_an_article_moved_there_and_back_is_the_first_one_again(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.rename(RESET, "guide/wifi/reset.md")
    made.publish()
    second = made.id_of("guide/wifi/reset.md")
    made.rename("guide/wifi/reset.md", RESET)
    made.publish()
    assert made.id_of(RESET) == number
    shown = {n: made.live[ItemKey(Kind.ARTICLE, n)].status for n in (number, second)}  # type: ignore[union-attr]
    assert shown == {number: Status.PUBLISHED, second: Status.DRAFT}
    assert steps(made.plan()) == {}


@pytest.mark.parametrize("edited", [False, True], ids=["as it was", "edited"])
@pytest.mark.parametrize("onward", ["guide/wifi/again.md", "shop/orders/again.md"], ids=["renamed", "moved"])
def test_a_moved_article_can_be_renamed_and_moved_again(made: BothSides, edited: bool, onward: str) -> None:
    made.rename(RESET, "guide/wifi/reset.md")
    made.publish()
    made.rename("guide/wifi/reset.md", onward)
    if edited:
        made.files[onward] += "\nAnd then?\n"
    expected = "move" if onward.startswith("shop/") else "update" if edited else "rename"
    assert steps(made.publish()) == {onward: expected}
    assert steps(made.plan()) == {}
    shown = [item.title for item in made.live.values() if isinstance(item, Article) and item.status == "published"]
    assert sorted(shown) == ["Install", "Join", "Pay", "Range", "Reset"]


def test_a_folder_renamed_is_the_same_folder_and_its_articles_the_same_articles(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/wifi", "guide/radio")
    made.publish()
    after = _ids(made)
    assert after["guide/radio"] == before["guide/wifi"]
    assert after["guide/radio/deep"] == before["guide/wifi/deep"]
    assert after["guide/radio/deep/range.md"] == before["guide/wifi/deep/range.md"]
    folder = made.live[ItemKey(Kind.FOLDER, after["guide/radio"])]
    assert getattr(folder, "name", "") == "radio"
    assert steps(made.plan()) == {}


def test_a_folder_with_a_name_in_its_index_keeps_it_when_its_directory_is_renamed(made: BothSides) -> None:
    made.files["guide/wifi/_index.md"] = "---\nname: Wireless\n---\n"
    made.publish()
    made.rename("guide/wifi", "guide/radio")
    assert _writes(made) == {}
    assert set(steps(made.publish()).values()) == {"rename"}
    assert steps(made.plan()) == {}


def test_a_renamed_category_is_the_same_category_with_all_that_it_holds(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide", "manual")
    assert _writes(made) == {"manual": "update name"}
    made.publish()
    assert {path.replace("manual", "guide", 1): number for path, number in _ids(made).items()} == before
    assert steps(made.plan()) == {}


def test_a_folder_moved_into_another_one_keeps_its_articles(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/wifi", "guide/basics/wifi")
    assert _writes(made) == {"guide/basics/wifi": "update parent"}
    made.publish()
    assert _ids(made)["guide/basics/wifi/join.md"] == before["guide/wifi/join.md"]
    assert steps(made.plan()) == {}


def test_a_folder_moved_to_another_category_is_created_there(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/wifi", "shop/wifi")
    actions = steps(made.publish())
    assert actions["shop/wifi"] == "create"
    assert actions["shop/wifi/join.md"] == "move"
    assert actions["guide/wifi"] == "forget"
    assert ItemKey(Kind.FOLDER, before["guide/wifi"]) in made.live
    assert steps(made.plan()) == {}


def test_two_swapped_files_are_matched_by_their_text(made: BothSides) -> None:
    before = _ids(made)
    one, two = "guide/basics/reset.md", "guide/basics/install.md"
    made.files[one], made.files[two] = made.files[two], made.files[one]
    assert _writes(made) == {}
    made.publish()
    assert _ids(made)[one] == before[two]
    assert _ids(made)[two] == before[one]


def test_a_copy_beside_the_original_is_a_new_article(made: BothSides) -> None:
    made.files["guide/basics/copy.md"] = made.files[RESET]
    assert steps(made.plan()) == {"guide/basics/copy.md": "create"}


def test_two_copies_in_place_of_one_file_are_a_tie_and_nothing_is_created_or_archived(made: BothSides) -> None:
    made.files["guide/basics/one.md"] = made.files["guide/basics/two.md"] = made.files[RESET]
    made.remove(RESET)
    assert steps(made.plan()) == {"guide/basics/one.md": "conflict", "guide/basics/two.md": "conflict"}
    reasons = {finding.reason for finding in made.plan().conflicts}
    (reason,) = reasons
    assert f"{RESET} (article {made.id_of(RESET)})" in reason


def test_an_id_resolves_a_tie(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.files["guide/basics/one.md"] = made.files["guide/basics/two.md"] = made.files[RESET]
    made.files["guide/basics/one.md"] = article("Reset", f"{POEM}\n\nPress the button.", id=str(number))
    made.remove(RESET)
    assert steps(made.publish()) == {"guide/basics/one.md": "rename", "guide/basics/two.md": "create"}
    assert made.id_of("guide/basics/one.md") == number


def test_equal_files_that_were_published_stay_apart_when_one_is_renamed() -> None:
    made = published({"a/b/one.md": article("Twin"), "a/b/two.md": article("Twin")})
    before = _ids(made)
    made.rename("a/b/two.md", "a/b/zwei.md")
    assert steps(made.publish()) == {"a/b/zwei.md": "rename"}
    assert _ids(made)["a/b/zwei.md"] == before["a/b/two.md"]


def test_an_id_matches_a_new_file_with_its_article(made: BothSides) -> None:
    number = made.add("guide/basics", "Written on the web")
    made.files["guide/basics/mine.md"] = article("Written on the web", "Written on the web.", id=str(number))
    assert steps(made.plan()) == {"guide/basics/mine.md": "adopt"}
    made.files["guide/basics/mine.md"] = article("Mine", "Written on the web.", id=str(number))
    assert steps(made.plan()) == {"guide/basics/mine.md": "conflict"}
    assert made.plan().conflicts[0].fields == ("title",)


def test_an_id_that_is_not_on_the_portal_is_reported_and_creates_nothing(made: BothSides) -> None:
    made.files["guide/basics/mine.md"] = article("Mine", id="999")
    plan = made.plan()
    assert steps(plan) == {"guide/basics/mine.md": "conflict"}
    assert "article 999 is not on the portal" in plan.conflicts[0].reason


def test_a_title_only_proposes_an_adoption_and_only_in_the_same_folder(made: BothSides) -> None:
    made.add("guide/wifi", "Elsewhere", body="<p>The words of Elsewhere.</p>")
    made.files["guide/basics/elsewhere.md"] = article("Elsewhere")
    assert steps(made.plan()) == {
        "guide/basics/elsewhere.md": "create",
        "guide / wifi / Elsewhere": "unmanaged",
    }


def test_several_web_articles_of_one_title_are_reported_as_a_tie(made: BothSides) -> None:
    one, two = (made.add("guide/basics", "Twice", body="<p>The words of Twice.</p>") for _ in range(2))
    made.files["guide/basics/twice.md"] = article("Twice")
    plan = made.plan()
    assert steps(plan)["guide/basics/twice.md"] == "conflict"
    assert f"article {one}, article {two}" in plan.conflicts[0].reason
    assert "create" not in steps(plan).values()


def test_of_two_files_of_one_title_one_adopts_the_web_article(made: BothSides) -> None:
    made.add("guide/basics", "Twice", body="<p>The words of Twice.</p>")
    made.files["guide/basics/one.md"] = made.files["guide/basics/two.md"] = article("Twice")
    assert steps(made.plan()) == {"guide/basics/one.md": "adopt", "guide/basics/two.md": "create"}


def test_an_archived_article_is_not_restored_by_another_file_at_its_path(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.remove(RESET)
    made.publish()
    made.files[RESET] = article("Reset", "A few quite different words.")
    assert steps(made.publish()) == {RESET: "create"}
    assert made.id_of(RESET) != number
    assert steps(made.plan()) == {}


def test_a_removed_folder_stays_on_the_portal_and_is_the_same_one_when_it_returns(made: BothSides) -> None:
    folder = made.id_of("guide/wifi/deep")
    source = made.files["guide/wifi/deep/range.md"]
    made.remove("guide/wifi/deep")
    assert steps(made.publish()) == {"guide/wifi/deep": "forget", "guide/wifi/deep/range.md": "archive"}
    assert ItemKey(Kind.FOLDER, folder) in made.live
    assert steps(made.plan()) == {}
    assert steps(made.plan_pull()) == {}
    made.files["guide/wifi/deep/range.md"] = source
    made.publish()
    assert made.id_of("guide/wifi/deep") == folder
    assert steps(made.plan()) == {}


def test_a_pull_reports_articles_in_a_folder_that_is_no_longer_in_the_tree(made: BothSides) -> None:
    made.add("guide/wifi/deep", "Written meanwhile")
    made.remove("guide/wifi/deep")
    assert steps(made.plan_pull())["guide / wifi / deep / Written meanwhile"] == "unmanaged"
    made.publish()
    actions = steps(made.plan_pull())
    assert actions == {"guide / wifi / deep / Written meanwhile": "unmanaged"}


def test_an_article_whose_source_git_no_longer_has_is_matched_by_its_path(made: BothSides) -> None:
    key = made.key(RESET)
    made.baselines[key] = replace(made.baselines[key], source=None, blob="0" * 40)
    made.files[RESET] = article("Reset", "Rewritten beyond recognition.")
    assert steps(made.plan()) == {RESET: "update"}
