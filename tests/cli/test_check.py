"""`kbsync lint` and `kbsync render`: files alone, no network, no key, no repository."""

import shutil

from tests.cli.conftest import FIRST, Project


def test_a_valid_tree_has_no_problems(project: Project) -> None:
    result = project.kbsync("lint", FRESHDESK_API_KEY=None)
    assert (result.code, result.out, result.err) == (0, "", "No problems found.\n")
    assert project.portal.calls == []


def test_every_problem_is_named_at_once_with_path_and_line(project: Project) -> None:
    project.checkout.write("guide/start/a.md", "---\ntilte: Slip\n---\nText\n")
    project.checkout.write("guide/start/b.md", "---\ntitle: B\n---\n\nSee [this](missing.md) and ![that](none.png).\n")
    project.checkout.write("guide/start/c.md", "---\ntitle: C\nstatus: maybe\ntags: [" + "x" * 40 + "]\n---\nText\n")
    project.checkout.write("guide/loose.md", "---\ntitle: Loose\n---\nText\n")
    result = project.kbsync("lint")
    places = [line.split(": ")[0] for line in result.out.splitlines()]
    assert result.code == 1
    assert places == sorted(places)
    assert {
        "guide/loose.md",
        "guide/start/a.md:2",
        "guide/start/b.md:5",
        "guide/start/c.md:3",
        "guide/start/c.md:4",
    } <= set(places)
    assert "(did you mean `title`?)" in result.out
    assert result.err == f"{len(places)} problems found.\n"


def test_only_the_named_paths_are_checked(project: Project) -> None:
    project.checkout.write("guide/start/a.md", "")
    project.checkout.write("guide/other/b.md", "")
    assert project.kbsync("lint", "guide/other").out.startswith("guide/other/b.md:1: is empty")
    assert project.kbsync("lint", FIRST).code == 0
    assert project.kbsync("lint", "guide/start", "guide/other").err == "2 problems found.\n"


def test_json_is_one_object(project: Project) -> None:
    project.checkout.write("guide/start/a.md", "")
    result = project.kbsync("lint", "--format", "json")
    assert (result.code, result.json["version"]) == (1, 1)
    (problem,) = result.json["problems"]
    assert problem.pop("message").startswith("is empty")
    assert "`title:`" in problem.pop("advice")
    assert problem == {
        "code": None,
        "severity": "error",
        "path": "guide/start/a.md",
        "line": 1,
        "column": None,
        "fixable": False,
    }
    project.checkout.remove("guide/start/a.md")
    assert project.kbsync("lint", "--format", "json").json == {"version": 1, "problems": []}


def test_lint_and_render_need_no_repository_and_no_address(project: Project) -> None:
    shutil.rmtree(project.checkout.root / ".git")
    project.checkout.write("kbsync.toml", "")
    assert project.kbsync("lint").code == 0
    assert project.kbsync("render", FIRST).code == 0


def test_render_shows_the_html_of_one_article(project: Project) -> None:
    result = project.kbsync("render", FIRST)
    assert result.out == '<p>Plug it in.</p>\n<p>Then read <a href="second.md">the second</a>.</p>\n'


def test_render_reports_a_file_that_is_not_an_article(project: Project) -> None:
    for name in ("nowhere.md", "guide"):
        result = project.kbsync("render", name)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"error: {name} cannot be read: ")
    project.checkout.write("guide/latin.md", "# Caf\u00e9\n".encode("latin-1"))
    result = project.kbsync("render", "guide/latin.md")
    assert result.code == 1
    assert result.err.startswith("guide/latin.md:1: is not UTF-8 (save it as UTF-8)\n")
