"""Edits of files between two publishes: each article keeps its live id where the API allows it, with a reason."""

import random
from collections.abc import Callable

import pytest

from kbsync.baseline import State
from kbsync.model import Article, ItemKey, Kind
from tests.planner.world import BothSides, article, published, steps


def _prose(name: str, sentences: int = 12) -> str:
    """Return an article's text of words that no other name shares."""
    chance = random.Random(name)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(80)]
    return "\n\n".join(" ".join(chance.choices(words, k=9)).capitalize() + "." for _ in range(sentences))


def _text(name: str, extra: str = "") -> str:
    return article(name.title(), _prose(name) + (f"\n\n{extra}" if extra else ""))


FILES = {
    **{f"guide/basics/{name}.md": _text(name) for name in ("reset", "install", "unbox")},
    **{f"guide/wifi/{name}.md": _text(name) for name in ("join", "range", "mesh", "band")},
    "guide/wifi/deep/walls.md": _text("walls"),
    "shop/orders/pay.md": _text("pay"),
}
RESET, INSTALL, UNBOX = (f"guide/basics/{name}.md" for name in ("reset", "install", "unbox"))
JOIN = "guide/wifi/join.md"


@pytest.fixture
def made() -> BothSides:
    return published(FILES)


def _ids(made: BothSides) -> dict[str, int]:
    return {known.path: known.id for known in made.baselines.values() if known.state is State.LIVE}


def _after(made: BothSides) -> dict[str, int]:
    """Publish, check that nothing is left to do, and return the ids."""
    made.publish()
    assert steps(made.plan()) == {}
    return _ids(made)


def _reasons(made: BothSides) -> dict[str, str]:
    plan = made.plan()
    changes = {change.path: change.reason for change in plan.changes}
    return changes | {finding.path: finding.reason for finding in plan.conflicts}


def _shown(made: BothSides) -> list[str]:
    return sorted(a.title for a in made.live.values() if isinstance(a, Article) and a.status == "published")


def _swap(made: BothSides, one: str, other: str) -> None:
    made.rename(one, "aside/aside" if "." not in one else "aside/aside/aside.md")
    made.rename(other, one)
    made.rename("aside/aside" if "." not in one else "aside/aside/aside.md", other)


def test_a_new_title_is_an_update_in_place(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.files[RESET] = made.files[RESET].replace("title: Reset", "title: Begin again")
    assert [(c.path, c.action, c.fields) for c in made.plan().changes] == [(RESET, "update", ("title",))]
    assert _after(made)[RESET] == number


def test_a_new_name_a_new_title_and_a_new_paragraph_at_once_are_one_article(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.rename(RESET, "guide/basics/begin.md")
    made.files["guide/basics/begin.md"] = _text("reset", "One more paragraph.").replace("Reset", "Begin again", 1)
    assert steps(made.plan()) == {"guide/basics/begin.md": "update"}
    assert f"renamed from {RESET}" in _reasons(made)["guide/basics/begin.md"]
    assert _after(made)["guide/basics/begin.md"] == number


def test_a_renamed_file_has_a_reason_with_its_old_path(made: BothSides) -> None:
    made.rename(RESET, "guide/basics/begin.md")
    assert _reasons(made) == {"guide/basics/begin.md": f"renamed from {RESET}"}


def test_a_file_renamed_and_renamed_back_has_the_same_id(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.rename(RESET, "guide/basics/begin.md")
    made.publish()
    made.rename("guide/basics/begin.md", RESET)
    assert steps(made.plan()) == {RESET: "rename"}
    assert _after(made)[RESET] == number


@pytest.mark.parametrize("edited", [False, True], ids=["as they were", "edited"])
def test_a_whole_folder_renamed_keeps_every_id_also_when_all_in_it_was_edited(made: BothSides, edited: bool) -> None:
    before = _ids(made)
    made.rename("guide/wifi", "guide/radio")
    if edited:
        made.files = {p: t + "\nMore.\n" if p.startswith("guide/radio") else t for p, t in made.files.items()}
    reasons = _reasons(made)
    assert "renamed from guide/wifi" in reasons["guide/radio"]
    assert "was guide/wifi/join.md" in reasons["guide/radio/join.md"]
    assert {p.replace("radio", "wifi"): number for p, number in _after(made).items()} == before


def test_a_category_renamed_with_its_folders_keeps_every_id(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/wifi", "guide/radio")
    made.rename("guide", "manual")
    assert "renamed from guide" in _reasons(made)["manual"]
    renamed = {path.replace("manual", "guide", 1).replace("radio", "wifi"): n for path, n in _after(made).items()}
    assert renamed == before


def test_a_moved_file_has_a_reason_with_its_old_path_and_what_is_lost(made: BothSides) -> None:
    made.rename(RESET, "guide/wifi/reset.md")
    reason = _reasons(made)["guide/wifi/reset.md"]
    assert reason.startswith(f"moved from {RESET}")
    assert "id, URL and counts are lost" in reason


@pytest.mark.parametrize("edited", [False, True], ids=["as they were", "both edited too"])
def test_two_swapped_files_follow_their_text(made: BothSides, edited: bool) -> None:
    before = _ids(made)
    _swap(made, RESET, INSTALL)
    if edited:
        made.files[RESET] += "\nMore.\n"
        made.files[INSTALL] += "\nMore.\n"
    assert _reasons(made)[RESET] == f"renamed from {INSTALL}, where another article is now"
    after = _after(made)
    assert (after[RESET], after[INSTALL]) == (before[INSTALL], before[RESET])


def test_articles_of_one_template_can_be_swapped() -> None:
    frame = _prose("template", 8)
    made = published(
        {f"a/b/{name}.md": article(name.title(), f"{frame}\n\n{_prose(name, 3)}") for name in ("one", "two")}
    )
    before = _ids(made)
    _swap(made, "a/b/one.md", "a/b/two.md")
    assert set(steps(made.plan()).values()) == {"rename"}
    assert _after(made)["a/b/one.md"] == before["a/b/two.md"]


def test_a_chain_of_renames_at_once(made: BothSides) -> None:
    before = _ids(made)
    made.rename(RESET, "guide/basics/b.md")
    made.rename(INSTALL, RESET)
    made.rename(UNBOX, INSTALL)
    made.files[INSTALL] += "\nMore.\n"
    after = _after(made)
    assert [after["guide/basics/b.md"], after[RESET], after[INSTALL]] == [
        before[RESET],
        before[INSTALL],
        before[UNBOX],
    ]


@pytest.mark.parametrize(("kept", "heir"), [(10, RESET), (2, "guide/basics/rest.md")])
def test_of_a_file_split_in_two_the_most_similar_part_is_the_article(made: BothSides, kept: int, heir: str) -> None:
    number = made.id_of(RESET)
    parts = _prose("reset").split("\n\n")
    made.files[RESET] = article("Reset", "\n\n".join(parts[:kept]))
    made.files["guide/basics/rest.md"] = article("Reset", "\n\n".join(parts[kept:]))
    plan = made.plan()
    assert sorted(step for step in steps(plan).values()) == ["create", "update"]
    assert _after(made)[heir] == number
    assert "Reset" in _shown(made)


def test_an_exact_copy_does_not_take_the_id_of_the_edited_original(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.files["guide/basics/old.md"] = made.files[RESET]
    made.files[RESET] += "\nMore.\n"
    assert steps(made.plan()) == {RESET: "update", "guide/basics/old.md": "create"}
    assert _after(made)[RESET] == number


def test_two_edited_copies_of_an_existing_file_are_two_new_articles(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.files["guide/basics/one.md"] = made.files["guide/basics/two.md"] = made.files[RESET]
    made.files[RESET] = article("Reset", "Nothing of the old words.")
    actions = steps(made.plan())
    assert actions == {RESET: "update", "guide/basics/one.md": "create", "guide/basics/two.md": "create"}
    assert _after(made)[RESET] == number


def test_a_removed_file_that_returns_is_restored_with_its_id(made: BothSides) -> None:
    before, source = _ids(made), made.files[RESET]
    made.remove(RESET)
    made.publish()
    made.files[RESET] = source
    assert steps(made.plan()) == {RESET: "restore"}
    assert "file restored" in _reasons(made)[RESET]
    assert _after(made) == before


def test_a_removed_file_that_returns_edited_under_another_name_is_restored(made: BothSides) -> None:
    number, source = made.id_of(RESET), made.files[RESET]
    made.remove(RESET)
    made.publish()
    made.files["guide/basics/begin.md"] = source + "\nMore.\n"
    assert steps(made.plan()) == {"guide/basics/begin.md": "restore"}
    assert _reasons(made)["guide/basics/begin.md"] == f"file restored; renamed from {RESET}"
    assert _after(made)["guide/basics/begin.md"] == number


def test_a_file_moved_out_of_a_folder_that_is_renamed_at_once(made: BothSides) -> None:
    before = _ids(made)
    made.rename(JOIN, "guide/basics/join.md")
    made.rename("guide/wifi", "guide/radio")
    actions = steps(made.plan())
    assert actions["guide/basics/join.md"] == "move"
    assert actions["guide/radio/range.md"] == "rename"
    after = _after(made)
    assert after["guide/radio"] == before["guide/wifi"]
    assert after["guide/radio/deep/walls.md"] == before["guide/wifi/deep/walls.md"]


def test_a_folder_moved_into_another_has_a_reason_with_its_old_path_and_keeps_all(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/wifi", "guide/basics/wifi")
    assert _reasons(made)["guide/basics/wifi"] == "moved from guide/wifi"
    after = {path.replace("basics/wifi", "wifi"): number for path, number in _after(made).items()}
    assert after == before


def test_a_folder_moved_out_of_another_to_its_category_keeps_all(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/wifi/deep", "guide/deep")
    after = _after(made)
    assert after["guide/deep"] == before["guide/wifi/deep"]
    assert after["guide/deep/walls.md"] == before["guide/wifi/deep/walls.md"]


def test_a_folder_moved_to_another_category_has_a_reason_with_what_is_lost(made: BothSides) -> None:
    made.rename("guide/wifi", "shop/wifi")
    reasons = _reasons(made)
    assert "another category" in reasons["shop/wifi"]
    assert reasons["shop/wifi/join.md"].startswith("moved from guide/wifi/join.md")
    assert steps(made.publish())["shop/wifi/deep/walls.md"] == "move"
    assert steps(made.plan()) == {}
    assert _shown(made) == sorted(path.rpartition("/")[2][:-3].title() for path in FILES)


def test_two_folders_with_swapped_articles_and_names_are_swapped_folders(made: BothSides) -> None:
    made.files["guide/basics/_index.md"] = "---\nname: Basics!\n---\n"
    made.files["guide/wifi/_index.md"] = "---\nname: Wireless\n---\n"
    made.publish()
    before = _ids(made)
    _swap(made, "guide/basics", "guide/wifi")
    assert _reasons(made)["guide/wifi"] == "renamed from guide/basics, where another folder is now"
    after = _after(made)
    assert after["guide/basics"] == before["guide/wifi"]
    assert after["guide/wifi/reset.md"] == before[RESET]
    assert after["guide/basics/deep/walls.md"] == before["guide/wifi/deep/walls.md"]


@pytest.mark.parametrize(("one", "other"), [("guide/basics", "guide/wifi"), ("guide", "shop")])
def test_two_directories_that_swap_their_names_are_conflicts_and_their_articles_are_known(
    made: BothSides, one: str, other: str
) -> None:
    before = _ids(made)
    _swap(made, one, other)
    actions = steps(made.plan())
    assert {path for path, word in actions.items() if word == "conflict"} == {one, other}
    assert {"move", "create", "archive"}.isdisjoint(actions.values())
    assert "a temporary name" in _reasons(made)[one]
    made.files[f"{one}/_index.md"] = "---\nname: Third\n---\n"
    made.publish()
    made.files[f"{one}/_index.md"] = f"---\nname: {one.rpartition('/')[2]}\n---\n"
    after = _after(made)
    assert (after[one], after[other]) == (before[other], before[one])
    assert set(after.values()) == set(before.values())


def test_a_folder_that_gets_all_articles_of_another_stays_itself(made: BothSides) -> None:
    before = _ids(made)
    for name in ("reset", "install", "unbox"):
        made.rename(f"guide/basics/{name}.md", f"guide/wifi/{name}.md")
    actions = steps(made.plan())
    assert {actions[f"guide/wifi/{name}.md"] for name in ("reset", "install", "unbox")} == {"move"}
    assert actions["guide/basics"] == "forget"
    assert _after(made)["guide/wifi"] == before["guide/wifi"]


def test_a_new_directory_with_all_articles_of_a_reused_one_is_the_old_folder(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/wifi", "guide/radio")
    made.files["guide/wifi/new.md"] = _text("new")
    after = _after(made)
    assert after["guide/radio"] == before["guide/wifi"]
    assert after["guide/radio/join.md"] == before[JOIN]


def test_a_directory_with_entirely_new_articles_is_the_same_folder(made: BothSides) -> None:
    number = made.id_of("shop/orders")
    made.remove("shop/orders/pay.md")
    made.files["shop/orders/return.md"] = _text("return")
    assert _after(made)["shop/orders"] == number


def test_a_directory_split_in_two_is_the_larger_one_and_the_other_articles_are_moved(made: BothSides) -> None:
    before = _ids(made)
    for name, place in {"join": "one", "range": "one", "mesh": "two", "band": "one"}.items():
        made.rename(f"guide/wifi/{name}.md", f"guide/{place}/{name}.md")
    made.rename("guide/wifi/deep", "guide/two/deep")
    actions = steps(made.plan())
    assert actions["guide/two"] == "create"
    assert actions["guide/two/mesh.md"] == "move"
    after = _after(made)
    assert after["guide/one"] == before["guide/wifi"]
    assert after["guide/one/join.md"] == before[JOIN]
    assert after["guide/two/deep/walls.md"] == before["guide/wifi/deep/walls.md"]


def test_two_directories_merged_into_one_are_the_larger_of_them(made: BothSides) -> None:
    before = _ids(made)
    made.rename("guide/basics", "guide/all")
    made.rename("guide/wifi", "guide/all")
    after = _after(made)
    assert after["guide/all"] == before["guide/wifi"]
    assert after["guide/all/join.md"] == before[JOIN]
    assert after["guide/all/reset.md"] != before[RESET]


def test_an_empty_folder_is_matched_by_its_index_file() -> None:
    made = published(
        {"a/b/one.md": article("One"), "a/empty/_index.md": "---\nname: Nothing\ndescription: Yet.\n---\n"}
    )
    number = made.id_of("a/empty")
    made.rename("a/empty", "a/void")
    assert steps(made.plan()) == {"a/void": "rename"}
    assert _after(made)["a/void"] == number


def test_stubs_of_one_text_and_one_name_follow_their_renamed_folders() -> None:
    stub = "---\ntitle: Overview\n---\n\nComing soon.\n"
    files = {f"kb/{folder}/{name}.md": _text(f"{folder} {name}") for folder in ("a", "b") for name in ("x", "y")}
    made = published({**files, "kb/a/overview.md": stub, "kb/b/overview.md": stub})
    before = _ids(made)
    made.rename("kb/a", "kb/one")
    made.rename("kb/b", "kb/two")
    after = _after(made)
    assert after["kb/one/overview.md"] == before["kb/a/overview.md"]
    assert after["kb/two/overview.md"] == before["kb/b/overview.md"]
    made.rename("kb", "base")
    assert {path.replace("base", "kb", 1): number for path, number in _after(made).items()} == after


@pytest.mark.parametrize("edit", [str, lambda text: text + "\nMore.\n"], ids=["as it was", "edited"])
@pytest.mark.parametrize(
    ("old", "new"),
    [("reset", "Reset"), ("reset", "ré-set"), ("wi fi ٪", "واي فاي"), ("q", "🤖")],
)
def test_any_name_can_be_renamed(old: str, new: str, edit: Callable[[str], str]) -> None:
    made = published({f"kb/faq/{old}.md": _text("one"), "kb/faq/other.md": _text("other")})
    number = made.id_of(f"kb/faq/{old}.md")
    made.rename(f"kb/faq/{old}.md", f"kb/faq/{new}.md")
    made.files[f"kb/faq/{new}.md"] = edit(made.files[f"kb/faq/{new}.md"])
    assert _after(made)[f"kb/faq/{new}.md"] == number


def test_an_edited_copy_is_matched_with_the_most_similar_file(made: BothSides) -> None:
    """Two candidates of one name in two folders: the nearer one wins, although the other is as similar."""
    made.files["guide/wifi/reset.md"] = made.files[RESET]
    made.publish()
    before = _ids(made)
    made.remove(RESET)
    made.remove("guide/wifi/reset.md")
    made.files["guide/wifi/again.md"] = _text("reset", "More.")
    plan = made.plan()
    assert steps(plan) == {"guide/wifi/again.md": "update", RESET: "archive"}
    assert _after(made)["guide/wifi/again.md"] == before["guide/wifi/reset.md"]


def test_a_tie_names_the_candidates_and_how_to_resolve_it(made: BothSides) -> None:
    number = made.id_of(RESET)
    made.files["guide/basics/one.md"] = made.files["guide/basics/two.md"] = _text("reset", "More.")
    made.remove(RESET)
    assert steps(made.plan()) == {"guide/basics/one.md": "conflict", "guide/basics/two.md": "conflict"}
    reason = _reasons(made)["guide/basics/one.md"]
    assert f"{RESET} (article {number})" in reason
    assert f"`id: {number}`" in reason
    made.publish()
    assert ItemKey(Kind.ARTICLE, number) in made.live
    assert "Reset" in _shown(made)


def test_the_folder_of_a_tied_article_is_matched() -> None:
    """The folder of tied articles must stay matched, or resolving the tie would cost their ids."""
    twin = article("Twin", "Nothing but this.")
    made = published({"kb/old/one.md": twin, "kb/old/two.md": twin, "kb/rest/other.md": _text("other")})
    number = made.id_of("kb/old")
    made.rename("kb/old/one.md", "kb/new/eins.md")
    made.rename("kb/old/two.md", "kb/new/zwei.md")
    actions = steps(made.publish())
    assert (actions["kb/new/eins.md"], actions["kb/new/zwei.md"]) == ("conflict", "conflict")
    assert made.id_of("kb/new") == number


def test_an_update_of_links_has_the_rename_in_its_reason_too(made: BothSides) -> None:
    made.files[RESET] = article("Reset", f"{_prose('reset')}\n\nSee [pay](../../shop/orders/pay.md).")
    made.publish()
    made.rename("shop/orders/pay.md", "shop/returns/pay.md")
    made.rename(RESET, "guide/basics/begin.md")
    made.files["guide/basics/begin.md"] = made.files["guide/basics/begin.md"].replace("orders", "returns")
    made.files["shop/orders/again.md"] = _text("again")
    (reason,) = [reason for path, reason in _reasons(made).items() if path == "guide/basics/begin.md"]
    assert f"renamed from {RESET}" in reason
