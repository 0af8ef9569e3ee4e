"""`kbsync lint` and `kbsync render`: files alone, no network, no key, no repository."""

import shutil

from tests.cli.conftest import FIRST, Scene


def test_a_sound_tree_says_so(scene: Scene) -> None:
    ended = scene.kbsync("lint", FRESHDESK_API_KEY=None)
    assert (ended.code, ended.out, ended.err) == (0, "", "No problems.\n")
    assert scene.portal.calls == []


def test_every_problem_is_named_at_once_with_path_and_line(scene: Scene) -> None:
    scene.desk.write("guide/start/a.md", "---\ntilte: Slip\n---\nText\n")
    scene.desk.write("guide/start/b.md", "---\ntitle: B\n---\n\nSee [this](missing.md) and ![that](none.png).\n")
    scene.desk.write("guide/start/c.md", "---\ntitle: C\nstatus: maybe\ntags: [" + "x" * 40 + "]\n---\nText\n")
    scene.desk.write("guide/loose.md", "---\ntitle: Loose\n---\nText\n")
    ended = scene.kbsync("lint")
    places = [line.split(": ")[0] for line in ended.out.splitlines()]
    assert ended.code == 1
    assert places == sorted(places)
    assert {
        "guide/loose.md",
        "guide/start/a.md:2",
        "guide/start/b.md:5",
        "guide/start/c.md:3",
        "guide/start/c.md:4",
    } <= set(places)
    assert "(did you mean `title`?)" in ended.out
    assert ended.err == f"{len(places)} problems.\n"


def test_only_the_named_paths_are_judged(scene: Scene) -> None:
    scene.desk.write("guide/start/a.md", "")
    scene.desk.write("guide/other/b.md", "")
    assert scene.kbsync("lint", "guide/other").out.startswith("guide/other/b.md:1: is empty")
    assert scene.kbsync("lint", FIRST).code == 0
    assert scene.kbsync("lint", "guide/start", "guide/other").err == "2 problems.\n"


def test_json_is_one_object(scene: Scene) -> None:
    scene.desk.write("guide/start/a.md", "")
    ended = scene.kbsync("lint", "--format", "json")
    assert (ended.code, ended.page["version"]) == (1, 1)
    assert [set(problem) for problem in ended.page["problems"]] == [{"path", "line", "what", "advice"}]
    assert (ended.page["problems"][0]["path"], ended.page["problems"][0]["line"]) == ("guide/start/a.md", 1)
    scene.desk.remove("guide/start/a.md")
    assert scene.kbsync("lint", "--format", "json").page == {"version": 1, "problems": []}


def test_lint_and_render_need_no_repository_and_no_address(scene: Scene) -> None:
    shutil.rmtree(scene.desk.root / ".git")
    scene.desk.write("kbsync.toml", "")
    assert scene.kbsync("lint").code == 0
    assert scene.kbsync("render", FIRST).code == 0


def test_render_shows_the_html_of_one_article(scene: Scene) -> None:
    ended = scene.kbsync("render", FIRST)
    assert ended.out == '<p>Plug it in.</p>\n<p>Then read <a href="second.md">the second</a>.</p>\n'


def test_render_names_a_file_that_is_none(scene: Scene) -> None:
    for name in ("nowhere.md", "guide"):
        ended = scene.kbsync("render", name)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"error: {name} cannot be read: ")
    scene.desk.write("guide/latin.md", "# Caf\u00e9\n".encode("latin-1"))
    ended = scene.kbsync("render", "guide/latin.md")
    assert ended.code == 1
    assert ended.err.startswith("guide/latin.md:1: is not UTF-8 (save it as UTF-8)\n")
