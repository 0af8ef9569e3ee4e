"""`kbsync plan`: what it shows, in which format, and its exit code."""

import json

import pytest

from tests.cli.conftest import FIRST, SECOND, Project

CREATED = [
    ("create", "category", "guide"),
    ("create", "folder", "guide/start"),
    ("create", "article", FIRST),
    ("create", "article", SECOND),
]


def _steps(page: dict[str, list[dict[str, str]]]) -> list[tuple[str, str, str]]:
    return [(change["action"], change["kind"], change["path"]) for change in page["changes"]]


def test_a_plan_names_every_change_and_counts_them(project: Project) -> None:
    planned = project.kbsync("plan")
    assert (planned.code, planned.err) == (0, "")
    assert planned.out.splitlines() == [
        f"kbsync plan for production ({project.portal.url}), branch main",
        "",
        '  + create guide  "Guide"',
        '  + create guide/start  "Start here"',
        f'  + create {FIRST}  "First steps"',
        f'  + create {SECOND}  "Second steps"',
        "",
        "Signs: + create",
        "4 to create.",
        "Next: kbsync publish",
    ]


def test_planning_writes_nothing_anywhere(project: Project) -> None:
    before, refs = project.checkout.files(), project.checkout.git("for-each-ref")
    for words in (["plan"], ["plan", "--no-refresh"], ["status"], ["lint"]):
        assert project.kbsync(*words).code == 0
    assert project.checkout.files() == before
    assert project.checkout.git("for-each-ref") == refs
    assert project.written == []


def test_json_is_one_object_of_the_documented_keys(project: Project) -> None:
    project.checkout.write("guide/start/loose.md", "---\ntitle: Loose\n---\nText\n")
    planned = project.kbsync("plan", "--format", "json")
    page = planned.json
    lists = {"changes", "drift", "conflicts", "unmanaged", "undone", "problems"}
    assert set(page) == {
        *("version", "target", "base", "note", "counts", "unchanged", "refused", "advice", "calls"),
        *lists,
    }
    assert (page["version"], page["target"], page["counts"], page["calls"]) == (1, "production", {"create": 5}, 1)
    keys = "action kind path former id language url title fields reason edited_at diff advice widens"
    assert list(page["changes"][0]) == keys.split()
    assert [step for step in _steps(page) if step[2] != "guide/start/loose.md"] == CREATED
    assert "guide/start/loose.md" in planned.err


def test_an_update_shows_the_lines_of_the_source_that_differ(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off and on.\n")
    lines = [line.strip() for line in project.kbsync("plan").out.splitlines()]
    assert f"~ update {SECOND}  body" in lines
    assert {"-Turn it on.", "+Turn it off and on.", "1 to update, 3 unchanged."} <= set(lines)


def test_uncommitted_changes_are_marked(project: Project) -> None:
    project.checkout.write("guide/start/third.md", "---\ntitle: Third\n---\nText\n")
    assert project.kbsync("plan").err == "Not committed yet, so publish would not include it: guide/start/third.md\n"


def test_drift_is_reported_and_left_alone(project: Project) -> None:
    project.published()
    project.portal.store.edit_article(project.article("First steps"), body="<p>Plug it out.</p>")
    page = project.kbsync("plan", "--format", "json").json
    assert page["changes"] == []
    assert [(found["path"], found["fields"]) for found in page["drift"]] == [(FIRST, ["body"])]
    text = project.kbsync("plan").out
    assert "`kbsync pull` copies these edits into your files" in text
    assert f"! {FIRST}  edited on the portal: body" in text


def test_only_the_named_paths_are_planned_with_what_they_need(project: Project) -> None:
    for typed in (FIRST, "./guide/start/first.md", str(project.checkout.root / FIRST)):
        assert _steps(project.kbsync("plan", "--format", "json", typed).json) == CREATED[:3]
    assert _steps(project.kbsync("plan", "--format", "json", "guide").json) == CREATED
    assert _steps(project.kbsync("plan", "--format", "json", ".", FIRST).json) == CREATED


def test_paths_are_relative_to_the_working_directory(project: Project) -> None:
    planned = project.checkout.kbsync("plan", "--format", "json", "first.md", cwd=project.checkout.root / "guide/start")
    assert _steps(planned.json) == CREATED[:3]
    outside = project.checkout.kbsync(
        "--root", str(project.checkout.root), "plan", "--format", "json", FIRST, cwd=project.checkout.root.parent
    )
    assert _steps(outside.json) == CREATED[:3]


@pytest.mark.parametrize("command", ["plan", "pull", "lint", "publish"])
@pytest.mark.parametrize("typed", ["guide/start/frist.md", "guide/stat", "nowhere"])
def test_a_path_that_is_not_found_is_an_error(project: Project, command: str, typed: str) -> None:
    result = project.kbsync(command, typed, *(["--yes"] if command == "publish" else []))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: no such file in the content tree: {typed}\n")
    assert project.written == []


@pytest.mark.parametrize("typed", ["..", "guide/../../..", "/etc/passwd"])
def test_a_path_outside_the_root_is_refused(project: Project, typed: str) -> None:
    result = project.kbsync("plan", typed)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {typed} is outside ")


def test_the_path_of_a_removed_file_is_still_accepted(project: Project) -> None:
    project.published()
    project.checkout.remove(FIRST)
    page = project.kbsync("plan", "--format", "json", FIRST).json
    assert _steps(page) == [("archive", "article", FIRST)]


def test_out_saves_the_plan_and_prints_its_path(project: Project) -> None:
    saved = project.checkout.root.parent / "plan"
    for name, form, start in (
        ("p.json", "text", "{"),
        ("p.html", "html", "<!doctype html>"),
        ("p.md", "markdown", "###"),
    ):
        place = saved.with_name(name)
        result = project.kbsync("plan", "--format", form, "--out", str(place))
        assert (result.code, result.out) == (0, "")
        assert result.err == f"Plan written to {place}: 4 to create.\n"
        assert place.read_text(encoding="utf-8").startswith(start)
    assert json.loads(saved.with_name("p.json").read_text(encoding="utf-8"))["counts"] == {"create": 4}


def test_a_path_that_cannot_be_written_is_an_error_with_advice(project: Project) -> None:
    for place in ("missing/plan.json", "guide"):
        result = project.kbsync("plan", "--out", place)
        assert result.code == 2
        assert result.err.startswith(f"error: {place} cannot be written: ")


def test_exit_code_distinguishes_changes_from_none(project: Project) -> None:
    assert project.kbsync("plan", "--exit-code").code == 3
    assert project.kbsync("plan").code == 0
    project.published()
    assert project.kbsync("plan", "--exit-code").code == 0
    assert project.kbsync("plan", KBSYNC_EXIT_CODE="1").code == 0
    project.checkout.write(SECOND, "---\ntitle: Other steps\n---\nTurn it on.\n")
    assert project.kbsync("plan", KBSYNC_EXIT_CODE="1").code == 3


def test_a_conflict_ends_a_plan_with_exit_code_4(project: Project) -> None:
    project.published()
    project.portal.store.edit_article(project.article("Second steps"), body="<p>Theirs.</p>")
    project.checkout.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nOurs.\n")
    result = project.kbsync("plan", "--exit-code", "--format", "json")
    assert result.code == 4
    assert [found["path"] for found in result.json["conflicts"]] == [SECOND]
    assert project.kbsync("plan").code == 0


def test_a_plan_above_a_limit_ends_with_4_and_names_the_limit(project: Project) -> None:
    for number in range(10):
        project.checkout.write(f"guide/start/more-{number}.md", f"---\ntitle: More {number}\n---\nText {number}\n")
    project.checkout.commit()
    project.published()
    for number in range(10):
        project.checkout.remove(f"guide/start/more-{number}.md")
    result = project.kbsync("plan")
    assert result.code == 4
    assert "Refused: 10 of 12 known articles would be removed; the limit is 30%" in result.out
    assert "Refused" in project.kbsync("plan", "--format", "markdown").out
    assert "Refused" in project.kbsync("plan", "--format", "html").out
    assert project.kbsync("plan", "--format", "json").json["refused"].startswith("10 of 12 ")


def test_without_refresh_no_call_is_made_and_no_key_is_needed(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off.\n")
    result = project.kbsync("plan", "--no-refresh", "--format", "json", FRESHDESK_API_KEY=None)
    assert result.code == 0
    assert (_steps(result.json), result.json["calls"]) == ([("update", "article", SECOND)], 0)
    assert project.portal.calls == []


def test_without_refresh_no_url_is_needed_either(project: Project) -> None:
    project.checkout.write("kbsync.toml", "")
    assert project.kbsync("plan", "--no-refresh", FRESHDESK_API_KEY=None).out.splitlines()[-2] == "4 to create."


def test_translations_are_listed_and_do_not_count_as_articles(project: Project) -> None:
    project.checkout.write("kbsync.toml", f'[targets.production]\nurl = "{project.portal.url}"\nlanguages = ["fr"]\n')
    project.checkout.write("guide/start/first.fr.md", "---\ntitle: Premiers pas\n---\nBranchez.\n")
    project.checkout.commit()
    result = project.kbsync("plan")
    assert "Skipped translations (not supported yet): guide/start/first.fr.md" in result.err
    assert "first.fr.md" not in result.out


def test_unmanaged_articles_are_one_line_in_text_and_whole_in_json(project: Project) -> None:
    project.published()
    folder = project.portal.store.all_folders()[0].id
    for number in range(30):
        project.portal.store.create_article(folder, f"Other {number}", "<p>x</p>")
    line = "Not managed by kbsync: 30 only on the portal (list: `kbsync status --unmanaged`)"
    for form in ("text", "markdown"):
        assert line in project.kbsync("plan", "--format", form).out.splitlines()
    assert len(project.kbsync("plan", "--format", "json").json["unmanaged"]) == 30


def test_json_is_one_object_of_problems_where_no_plan_can_be_made(project: Project) -> None:
    project.checkout.write("guide/start/a.md", "")
    project.checkout.write("guide/start/b.md", "---\ntilte: B\n---\nText\n")
    result = project.kbsync("plan", "--format", "json")
    assert result.code == 1
    assert result.json["version"] == 1
    assert result.json["problems"] == project.kbsync("lint", "--format", "json").json["problems"]
    assert "error: " in result.err


def test_json_names_an_error_that_concerns_no_file(project: Project) -> None:
    result = project.kbsync("plan", "--format", "json", FRESHDESK_API_KEY=None, KBSYNC_URL=project.portal.url)
    (problem,) = result.json["problems"]
    assert (result.code, problem["message"], problem["path"], problem["line"]) == (2, "no API key", None, None)
    assert "FRESHDESK_API_KEY" in problem["advice"]


def test_json_names_what_a_plan_was_compared_with(project: Project) -> None:
    words = ("plan", "--format", "json")
    assert project.kbsync(*words).json["base"] == "portal"
    assert project.kbsync(*words, "--no-refresh").json["base"] == {"run": None, "date": None}
    project.published()
    (run,) = project.kbsync("history", "--format", "json").json["runs"]
    assert project.kbsync(*words, "--no-refresh").json["base"] == {"run": run["run"], "date": run["date"]}


def test_a_saved_plan_names_what_it_was_compared_with_too(project: Project) -> None:
    place = project.checkout.root.parent / "plan.json"
    project.published()
    (run,) = project.kbsync("history", "--format", "json").json["runs"]
    assert project.kbsync("plan", "--no-refresh", "--out", str(place)).code == 0
    base = {"run": run["run"], "date": run["date"]}
    assert json.loads(place.read_text(encoding="utf-8"))["base"] == base
    assert project.kbsync("plan", "--show", str(place), "--format", "json").json["base"] == base
