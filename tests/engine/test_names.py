"""Titles, names and tags in files are those of the portal, with every space, in both directions."""

import json
from pathlib import Path

import pytest
from markdown_it.utils import read_fixture_file

from kbsync.content.document import compose, edit_fields, parse_document
from kbsync.engine.merge_files import front_matter_values
from kbsync.model import Article, valid_tags
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, new_clone, steps

CASES = [(json.loads(case[2]), case[3]) for case in read_fixture_file(Path(__file__).parent / "names.txt")]
NAMES = [name for name, _ in CASES if name.strip() and "\n" not in name]
TAGS = ("two  spaces", "two spaces", " ends ", "\u00a0", "", "twice", "twice", "x" * 40)


@pytest.mark.parametrize(("name", "expected"), CASES)
def test_a_name_is_written_as_the_case_says(name: str, expected: str) -> None:
    assert compose(front_matter_values({"title": name}), "x").split("\n")[1] == expected.rstrip("\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_title_that_a_heading_gives_keeps_its_spaces_but_at_the_ends(name: str) -> None:
    edited = edit_fields("# Before\n\nText.\n", {"title": name})
    heading = parse_document(edited, "a/b/c.md").heading
    assert heading is not None
    assert heading.title == name.strip()


@pytest.fixture
def pulled(tmp_path: Path, portal: Portal) -> Clone:
    """An empty tree, into which a portal with odd names was pulled."""
    for name in NAMES:
        category = portal.store.create_category(name).id
        for inner in NAMES:
            folder = portal.store.create_folder(category, inner).id
        portal.store.create_article(folder, name, "<p>One.</p>", tags=TAGS)
    clone = new_clone(tmp_path / "pulled", portal, {"kbsync.toml": ""}, new="all")
    clone.pull()
    clone.commit()
    return clone


def test_after_a_pull_the_tree_has_the_names_of_the_portal(pulled: Clone) -> None:
    tree = pulled.planned().workspace.content
    assert sorted(category.name for category in tree.categories) == sorted(NAMES)
    assert sorted(folder.name for folder in tree.folders) == sorted(NAMES * len(NAMES))
    assert sorted(article.title for article in tree.articles) == sorted(NAMES)
    assert {article.tags for article in tree.articles} == {valid_tags(TAGS)}


def test_after_a_pull_nothing_is_left_to_plan_or_to_pull(pulled: Clone) -> None:
    assert steps(pulled.plan()) == {}
    before = pulled.files()
    pulled.pull()
    assert pulled.files() == before


def test_tags_that_freshdesk_does_not_take_are_not_sent(pulled: Clone, portal: Portal) -> None:
    path = next(article.path for article in pulled.planned().workspace.content.articles)
    assert path is not None
    text = pulled.read(path)
    pulled.commit({path: edit_fields(text, {"tags": (*TAGS[:3], "new", "x" * 40)}).replace("One.", "Two.")})
    pulled.published()
    tags = [one.tags for one in portal.store.all_articles() if "Two." in one.description]
    assert tags == [(*TAGS[:3], "new")]


def test_a_title_that_is_too_long_is_not_sent(pulled: Clone, portal: Portal) -> None:
    path = next(one.path for one in pulled.planned().workspace.content.articles if one.title == "A  B")
    assert path is not None
    pulled.commit({path: edit_fields(pulled.read(path), {"title": "y" * 300})})
    assert steps(pulled.plan()) == {}
    pulled.commit({path: pulled.read(path).replace("One.", "Two.")})
    pulled.published()
    assert [one.title for one in portal.store.all_articles() if "Two." in one.description] == ["A  B"]


@pytest.mark.parametrize("name", [name for name in NAMES if name == name.strip()])
def test_a_published_name_is_pulled_as_it_was(tmp_path: Path, portal: Portal, name: str) -> None:
    fields = {f"{kind}/_index.md": compose({"name": name}, "") for kind in ("kb", "kb/faq")}
    files = {"kbsync.toml": "", "kb/faq/a.md": compose({"title": name, "tags": (name,)}, "One.\n")} | fields
    writer = new_clone(tmp_path / "writer", portal, files)
    writer.published()
    reader = new_clone(tmp_path / "reader", portal, {"kbsync.toml": ""}, new="all")
    reader.pull()
    (article,) = reader.planned().workspace.content.articles
    assert isinstance(article, Article)
    assert (article.title, article.tags) == (name, (name,))
    assert {item.label for item in reader.planned().workspace.content.items()} == {name}
