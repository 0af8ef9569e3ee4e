"""Links, pictures, anchors and scripts, checked against the tree."""

from pathlib import Path

import pytest

from kbsync.content.lint import lint
from kbsync.content.selection import TreeRules
from kbsync.content.tree import read_tree
from kbsync.files import WorkingTree
from tests.content.cases import shown
from tests.git.conftest import put

FILES: dict[str, str | bytes] = {
    "a/_index.md": "---\nname: A\n---\n",
    "a/b/other.md": "# Other\n\n## One thing\n\n## One thing\n\n<a name='old'></a>\n\n## Named {#own}\n",
    "a/b/Ünï côde.md": "# U\n\nText\n",
    "a/b/draft.md": "---\ntitle: D\nstatus: draft\n---\nText\n",
    "a/b/hidden.md": "---\ntitle: H\npublish: false\n---\n",
    "a/b/other.fr.md": "# Autre\n",
    "a/b/img/x.png": b"\x89",
    "a/b/c/_index.md": "",
    "a/_drafts/z.md": "# Z\n",
}


def messages(
    place: Path, body: str, *, assets_url: str | None = "https://cdn.example.com", front: str = ""
) -> list[str]:
    put(place, FILES)
    put(place, {"a/b/page.md": f"---\ntitle: Page\n{front}---\n\n{body}\n"})
    tree = read_tree(WorkingTree(place), TreeRules(languages=("fr",)))
    return [shown(problem).removeprefix("a/b/page.md:") for problem in lint(tree, assets_url=assets_url)]


@pytest.mark.parametrize(
    "body",
    [
        "[x](other.md)",
        "[x](./other.md) [y](../b/other.md) [z](<other.md>)",
        "[x](other.md#one-thing) [y](other.md#one-thing-1) [z](other.md#own) [o](other.md#old)",
        "## Here\n\n[x](#here) [y](#) [z](#top)",
        "[x](%C3%9Cn%C3%AF%20c%C3%B4de.md) [y](<Ünï côde.md>)",
        "[x](c) [y](c/) [z](c/_index.md) [up](..) [up](../) [i](../_index.md) [self](.)",
        '![p](img/x.png) <img src="img/x.png"> [file](img/x.png)',
        "[x](https://example.com/x.md) [m](mailto:a@example.com) [t](tel:+1) [r](/support/x) <https://example.com>",
        "`[x](nowhere.md)`\n\n    [x](nowhere.md)\n\n```\n[x](nowhere.md)\n```",
        "[x](other.md?plain=1)",
        "[ref]\n\n[ref]: other.md 'Title'",
        "No links at all.",
    ],
)
def test_a_link_with_a_target_is_no_problem(tmp_path: Path, body: str) -> None:
    assert messages(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[x](missing.md)", "5: the link `missing.md`: target not found"),
        ("one\n\ntwo [x](missing.md)", "7: the link"),
        ("[x](img/other.md)", "target not found (did you mean `other.md`?)"),
        ("[x](othr.md)", "did you mean `other.md`?"),
        ("[x](Other.md)", "target not found; it differs from `a/b/other.md` only in case (write `other.md`)"),
        ("[x](../B/other.md)", "only in case"),
        (
            "![p](img/X.PNG)",
            "5: the picture `img/X.PNG`: target not found; it differs from `a/b/img/x.png` only in case",
        ),
        ("![p](img/y.png)", "5: the picture `img/y.png`: target not found"),
        ("[x](../../../x.md)", "leads out of the content tree"),
        ("[x](other.md#one-thin)", "leads to no heading of that name (did you mean `#one-thing`?)"),
        ("[x](#nowhere)", "leads to no heading of that name (see the headings of `a/b/page.md`)"),
        ("[x](draft.md)", "its target `a/b/draft.md` is a draft"),
        ("[x](hidden.md)", "is hidden, ignored or has `publish: false`"),
        ("[x](../_drafts/z.md)", "is hidden, ignored or has `publish: false`"),
        ("[x](other.fr.md)", "translations are not published yet"),
        ('<a href="missing.md">x</a>', "5: the link `missing.md`: target not found"),
        ("[ref]\n\n[ref]: missing.md", "5: the link `missing.md`: target not found"),
        ("<script>alert(1)</script>", "5: <script> would run"),
        ('words\n\n<p onclick="x()">x</p>', "7: onclick attribute would run"),
        ('<a href="javascript:x()">x</a>', "javascript:x() would run"),
    ],
)
def test_a_link_without_a_target_is_reported_with_its_line(tmp_path: Path, body: str, message: str) -> None:
    problems = messages(tmp_path, body)
    assert len(problems) == 1, problems
    assert message in problems[0]


def test_a_picture_without_an_assets_url_has_advice(tmp_path: Path) -> None:
    problems = messages(tmp_path, "![p](img/x.png)\n\n[f](img/x.png)", assets_url=None)
    assert [problem.partition(":")[0] for problem in problems] == ["5", "7"]
    assert all("assets_url" in problem for problem in problems)


def test_a_draft_may_link_to_a_draft(tmp_path: Path) -> None:
    assert messages(tmp_path, "[x](draft.md)", front="status: draft\n") == []


def test_a_link_to_an_article_with_problems_is_no_problem(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/broken.md": "---\ntitle: [\n---\n"})
    assert [problem.partition(":")[0] for problem in messages(tmp_path, "[x](broken.md)")] == ["a/b/broken.md"]


def test_a_link_in_the_other_normal_form_has_its_target(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/e\u0301.md": "# E\n\nText\n"})
    assert messages(tmp_path, "[x](\u00e9.md) [y](e\u0301.md) [z](e%CC%81.md)") == []


@pytest.mark.corpus
def test_the_links_of_a_real_help_centre_lead_to_its_files(corpus: Path) -> None:
    tree = read_tree(WorkingTree(corpus / "arduino-help-center" / "content"), TreeRules(ignored_keys=frozenset({"id"})))
    problems = lint(tree, assets_url="https://cdn.example.com")
    # Classes for a theme behind links, and a few placeholders and footnotes, do not take as markup.
    assert {problem.code for problem in problems if "of that name" not in problem.message} <= {
        "KB407",
        "KB408",
        "KB409",
    }
    without = [problem for problem in lint(tree, assets_url=None) if problem.code == "KB603"]
    assert len(without) > 500
    for problem in without:
        text = next(one.origin.text for one in tree.knowledge.articles if one.path == problem.path and one.origin)
        address = problem.message.split("`")[1]
        assert address in text.split("\n")[problem.line - 1] or problem.line > 1
