"""What addresses of other forms mean: one file of rows, each with an address and its form of kbsync's own."""

from pathlib import Path

import pytest

from kbsync.content.document import parse_document
from kbsync.content.selection import TreeRules
from kbsync.content.tree import ContentTree, read_tree
from kbsync.files import WorkingTree
from kbsync.markup.links import anchors_of, from_root, split_target, to_root
from kbsync.markup.to_html import to_html
from tests.content.cases import HERE
from tests.git.conftest import put

PAGE = "a/b/page.md"
RULES = """# Rules

## Token zurücksetzen
## Q&A
## Questions & Answers
## Part Two
## 🎉 Party
## Dup
## Dup
## What's new
## Setup now {#setup}
## v1.2
## By hand {/*chosen*/}
## By hand, with spaces {/* #spaced */}
## Plain {#Plain}
## plain
## A b
## A, b
## A/b
"""
FILES = {
    "a/b/other.md": "# O\n\n## One\n",
    "a/b/both.md": "# B\n",
    "a/b/both/x.md": "# B\n",
    "a/b/pinned.md": "---\ntitle: P\nid: 12000065909\n---\n## Part\n",
    "a/b/77000000001.md": "# N\n",
    "a/b/rules.md": RULES,
    "a/b/C#.md": "# C\n\n## X\n",
    "a/b/100%.md": "# P\n\n## X\n",
    "a/b/café.md": "# C\n",
    "a/b/asset.html": "x",
    "a/b/asset.md": "# A\n",
    "a/b/_hidden.md": "# H\n",
    "a/c/deep.md": "# D\n\n## Part two\n",
    "a/c/_index.md": "---\nname: C\n---\n",
    "a/d/index.md": "# I\n",
    "img/x.png": "x",
    "img/with space.png": "x",
}


def rows() -> list[tuple[str, str]]:
    """Return the rows of the data file: an address and what it becomes."""
    lines = (HERE / "destinations.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" | ") for line in lines if line and not line.startswith("# ")]
    return [(address, address if own == "=" else own) for address, own in pairs]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> ContentTree:
    place = tmp_path_factory.mktemp("tree")
    links = "\n\n".join(f"[x](<{address}>)" for address, _ in rows())
    put(place, {**FILES, PAGE: f"# T\n\n## One\n\n{links}\n\n## 🎉 Party\n"})
    return read_tree(WorkingTree(place), TreeRules())


@pytest.mark.parametrize(("address", "own"), rows())
def test_an_address_is_taken_for_the_one_thing_that_it_can_mean(tree: ContentTree, address: str, own: str) -> None:
    assert tree.destinations.own(PAGE, address) == own
    assert tree.destinations.own(PAGE, own) == own, "kbsync's own form stays"


def test_the_body_has_the_addresses_in_kbsyncs_own_form(tree: ContentTree) -> None:
    (page,) = (article for article in tree.knowledge.articles if article.path == PAGE)
    assert page.origin is not None
    assert "(</a/b/other.md>)" in page.origin.text, "the file stays as it is written"
    for address, own in rows():
        assert f"({own})" in page.body or f"(<{own}>)" in page.body, address


def test_an_id_as_docusaurus_writes_it_is_the_id_of_its_heading() -> None:
    html = to_html("## By hand {/*chosen*/}\n\n## Spaces {/* #spaced */}\n")
    assert html == '<h2 id="chosen">By hand</h2>\n<h2 id="spaced">Spaces</h2>\n'
    heading = parse_document("# By hand {/*chosen*/}\n", "a.md").heading
    assert heading is not None
    assert heading.title == "By hand"
    assert {"chosen", "spaced"} <= anchors_of(RULES)


def test_addresses_in_raw_html_are_taken_too(tmp_path: Path) -> None:
    put(tmp_path, {**FILES, PAGE: '# T\n\n<a href="/a/b/other.md">x</a>\n\n`[x](/a/b/other.md)`\n'})
    tree = read_tree(WorkingTree(tmp_path), TreeRules())
    (page,) = (article for article in tree.knowledge.articles if article.path == PAGE)
    assert page.body == '<a href="other.md">x</a>\n\n`[x](/a/b/other.md)`\n'


@pytest.mark.parametrize("name", ["a/C#.md", "a/100%.md", "a/%23.md", "a/#.md", "a/x#y#z.md", "a/%25%23#.md"])
@pytest.mark.parametrize("anchor", ["", "#part"])
def test_a_path_with_a_number_sign_is_written_so_that_it_is_read_again(name: str, anchor: str) -> None:
    target = to_root("a/p.md", from_root("a/p.md", f"{name}{anchor or '#'}"))
    assert target is not None
    assert split_target(target)[::2] == (name, anchor[1:])
