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
    places = {" ".join(line.split()[:3]) for line in result.out.splitlines()}
    assert result.code == 1
    assert {
        "guide/loose.md:1:1: KB220 is",
        "guide/start/a.md:2:1: KB112 unknown",
        "guide/start/b.md:5:12: KB301 the",
        "guide/start/b.md:5:36: KB601 the",
        "guide/start/c.md:3:9: KB113 `status`",
        "guide/start/c.md:4:8: KB122 warning:",
    } <= places
    assert "(did you mean `title`?)" in result.out
    assert result.err == "6 errors, 1 warning.\n"


def test_only_the_named_paths_are_checked(project: Project) -> None:
    project.checkout.write("guide/start/a.md", "")
    project.checkout.write("guide/other/b.md", "")
    assert project.kbsync("lint", "guide/other").out.startswith("guide/other/b.md:1:1: KB223 the article")
    assert project.kbsync("lint", FIRST).code == 0
    assert project.kbsync("lint", "guide/start", "guide/other").err == "2 errors.\n"


def test_json_is_one_object(project: Project) -> None:
    project.checkout.write("guide/start/a.md", "")
    result = project.kbsync("lint", "--format", "json")
    assert (result.code, result.json["version"]) == (1, 1)
    (problem,) = result.json["problems"]
    assert problem.pop("message") == "the article has no text"
    assert "`publish: false`" in problem.pop("advice")
    assert problem == {
        "code": "KB223",
        "severity": "error",
        "path": "guide/start/a.md",
        "line": 1,
        "column": 1,
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
    assert result.err.startswith("guide/latin.md:1:6: KB201 is not UTF-8 (save it as UTF-8)\n")


DEAD_ANCHOR = "---\ntitle: A\n---\nSee [this](#nowhere).\n"
WARNING = "guide/start/a.md:4:12: KB306 warning: the link `#nowhere` leads to no heading of that name"


def test_warnings_alone_end_with_0_and_stop_no_publish(project: Project) -> None:
    project.checkout.write("guide/start/a.md", DEAD_ANCHOR)
    project.checkout.commit()
    found = project.kbsync("lint")
    assert (found.code, found.err) == (0, "1 warning.\n")
    assert found.out.startswith(WARNING)
    note = "1 warning in the content: `kbsync lint` shows them.\n"
    planned = project.kbsync("plan", "--format", "json")
    assert note in planned.err
    assert planned.json["problems"] == project.kbsync("lint", "--format", "json").json["problems"]
    assert project.kbsync("plan", "--format", "json", FIRST).json["problems"] == []
    project.kbsync("plan", "--out", "plan.json")
    assert (
        project.kbsync("plan", "--show", "plan.json", "--format", "json").json["problems"] == planned.json["problems"]
    )
    project.checkout.remove("plan.json")
    published = project.kbsync("publish", "--yes")
    assert (published.code, note in published.err) == (0, True)


def test_options_and_settings_leave_out_warnings_and_no_errors(project: Project) -> None:
    project.checkout.write("guide/start/a.md", DEAD_ANCHOR)
    project.checkout.write("guide/start/b.md", "---\ntitle: B\ntags: [a, a]\n---\n[x](none.md)\n")

    def codes(*words: str) -> list[str]:
        return [problem["code"] for problem in project.kbsync("lint", "--format", "json", *words).json["problems"]]

    assert codes() == ["KB306", "KB123", "KB301"]
    assert codes("--select", "KB3") == ["KB306", "KB301"]
    assert codes("--ignore", "KB123,KB306") == ["KB301"]
    assert codes("--ignore", "KB", "--select", "KB1") == ["KB301"]
    project.checkout.write("kbsync.toml", project.checkout.read("kbsync.toml") + '\n[lint]\nignore = ["KB1"]\n')
    assert codes() == ["KB306", "KB301"]


def test_a_code_that_does_not_exist_or_is_an_error_is_wrong_usage(project: Project) -> None:
    for words, what, advice in (
        (("--ignore", "KB301"), "KB301 is an error, and errors cannot be ignored", "ignore warnings only"),
        (("--ignore", "kb306"), "unknown rule 'kb306'", "did you mean KB306?"),
        (("--select", "KB3,KB99"), "unknown rule 'KB99'", "see the reference of the rules"),
        (("--select", ""), "unknown rule ''", "see the reference of the rules"),
    ):
        result = project.kbsync("lint", *words)
        assert (result.code, result.out) == (2, "")
        assert what in result.err
        assert advice in result.err


def test_github_gets_annotations_whose_properties_are_encoded(project: Project) -> None:
    assert project.kbsync("lint", "--format", "github").out == ""
    project.checkout.write("guide/start/a, 100%: b.md", DEAD_ANCHOR)
    project.checkout.write("guide/start/b.md", "---\ntitle: B\n---\n[x](100%25.md)\n")
    project.checkout.write("guide/start/c.markdown", "C\n")
    result = project.kbsync("lint", "--format", "github", GITHUB_WORKSPACE=str(project.checkout.root.parent))
    lines = result.out.splitlines()
    start = f"file={project.checkout.root.name}/guide/start/"
    assert result.code == 1
    assert lines[0].startswith(f"::warning {start}a%2C 100%25%3A b.md,title=KB215::")
    assert lines[1].startswith(f"::warning {start}a%2C 100%25%3A b.md,line=4,col=12,title=KB306::the link `#nowhere` ")
    assert lines[2].startswith(
        f"::error {start}b.md,line=4,col=5,title=KB301::the link `100%2525.md`: target not found"
    )
    assert lines[3].startswith(f"::error {start}c.markdown,title=KB213::")
    assert len(lines) == 4
    project.checkout.write("kbsync.toml", "x")
    result = project.kbsync("lint", "--format", "github")
    assert (result.code, result.out.startswith("::error file=kbsync.toml,line=1,col=1,title=KB101::")) == (2, True)
