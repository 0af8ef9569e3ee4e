"""`kbsync plan`: what it shows, in which form, and how it ends."""

import json

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene

CREATED = [
    ("create", "category", "guide"),
    ("create", "folder", "guide/start"),
    ("create", "article", FIRST),
    ("create", "article", SECOND),
]


def _steps(page: dict[str, list[dict[str, str]]]) -> list[tuple[str, str, str]]:
    return [(change["action"], change["kind"], change["path"]) for change in page["changes"]]


def test_a_plan_names_every_change_and_counts_them(scene: Scene) -> None:
    planned = scene.kbsync("plan")
    assert (planned.code, planned.err) == (0, "")
    assert planned.out.splitlines() == [
        f"kbsync plan for production ({scene.portal.url})",
        "",
        '  + create guide  "Guide"',
        '  + create guide/start  "Start here"',
        f'  + create {FIRST}  "First steps"',
        f'  + create {SECOND}  "Second steps"',
        "",
        "4 to create.",
    ]


def test_planning_writes_nothing_anywhere(scene: Scene) -> None:
    before, refs = scene.desk.files(), scene.desk.git("for-each-ref")
    for words in (["plan"], ["plan", "--no-refresh"], ["status"], ["lint"]):
        assert scene.kbsync(*words).code == 0
    assert scene.desk.files() == before
    assert scene.desk.git("for-each-ref") == refs
    assert scene.written == []


def test_json_is_one_object_of_the_documented_keys(scene: Scene) -> None:
    scene.desk.write("guide/start/loose.md", "---\ntitle: Loose\n---\nText\n")
    planned = scene.kbsync("plan", "--format", "json")
    page = planned.page
    assert set(page) >= {"version", "target", "changes", "drift", "conflicts", "unmanaged", "counts", "calls"}
    assert (page["version"], page["target"], page["counts"], page["calls"]) == (1, "production", {"create": 5}, 1)
    assert set(page["changes"][0]) == {"action", "kind", "path", "id", "fields", "reason"}
    assert [step for step in _steps(page) if step[2] != "guide/start/loose.md"] == CREATED
    assert "guide/start/loose.md" in planned.err


def test_an_update_shows_the_lines_of_the_source_that_differ(scene: Scene) -> None:
    scene.published()
    scene.desk.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off and on.\n")
    lines = [line.strip() for line in scene.kbsync("plan").out.splitlines()]
    assert f"~ update {SECOND}  body" in lines
    assert {"-Turn it on.", "+Turn it off and on.", "1 to update, 3 unchanged."} <= set(lines)


def test_what_git_does_not_have_yet_is_marked(scene: Scene) -> None:
    scene.desk.write("guide/start/third.md", "---\ntitle: Third\n---\nText\n")
    assert scene.kbsync("plan").err == "Not committed yet, so that publish would leave it out: guide/start/third.md\n"


def test_drift_is_named_and_left_alone(scene: Scene) -> None:
    scene.published()
    scene.portal.store.edit_article(scene.article("First steps"), body="<p>Plug it out.</p>")
    page = scene.kbsync("plan", "--format", "json").page
    assert page["changes"] == []
    assert [(found["path"], found["fields"]) for found in page["drift"]] == [(FIRST, ["body"])]
    text = scene.kbsync("plan").out
    assert "`kbsync pull` brings it home" in text
    assert f"! {FIRST}  edited on the portal: body" in text


def test_only_the_named_paths_are_planned_with_what_they_need(scene: Scene) -> None:
    for typed in (FIRST, "./guide/start/first.md", str(scene.desk.root / FIRST)):
        assert _steps(scene.kbsync("plan", "--format", "json", typed).page) == CREATED[:3]
    assert _steps(scene.kbsync("plan", "--format", "json", "guide").page) == CREATED
    assert _steps(scene.kbsync("plan", "--format", "json", ".", FIRST).page) == CREATED


def test_paths_are_meant_from_where_the_user_stands(scene: Scene) -> None:
    planned = scene.desk.kbsync("plan", "--format", "json", "first.md", cwd=scene.desk.root / "guide/start")
    assert _steps(planned.page) == CREATED[:3]
    outside = scene.desk.kbsync(
        "--root", str(scene.desk.root), "plan", "--format", "json", FIRST, cwd=scene.desk.root.parent
    )
    assert _steps(outside.page) == CREATED[:3]


@pytest.mark.parametrize("command", ["plan", "pull", "lint", "publish"])
@pytest.mark.parametrize("typed", ["guide/start/frist.md", "guide/stat", "nowhere"])
def test_a_path_that_leads_nowhere_is_an_error(scene: Scene, command: str, typed: str) -> None:
    ended = scene.kbsync(command, typed, *(["--yes"] if command == "publish" else []))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: not in the tree: {typed}\n")
    assert scene.written == []


@pytest.mark.parametrize("typed", ["..", "guide/../../..", "/etc/passwd"])
def test_a_path_outside_the_root_is_refused(scene: Scene, typed: str) -> None:
    ended = scene.kbsync("plan", typed)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {typed} lies outside ")


def test_a_path_whose_file_was_removed_is_still_known(scene: Scene) -> None:
    scene.published()
    scene.desk.remove(FIRST)
    page = scene.kbsync("plan", "--format", "json", FIRST).page
    assert _steps(page) == [("archive", "article", FIRST)]


def test_out_saves_the_plan_and_says_so(scene: Scene) -> None:
    saved = scene.desk.root.parent / "plan"
    for name, form, start in (
        ("p.json", "text", "{"),
        ("p.html", "html", "<!doctype html>"),
        ("p.md", "markdown", "###"),
    ):
        place = saved.with_name(name)
        ended = scene.kbsync("plan", "--format", form, "--out", str(place))
        assert (ended.code, ended.out) == (0, "")
        assert ended.err == f"4 to create; written to {place}\n"
        assert place.read_text(encoding="utf-8").startswith(start)
    assert json.loads(saved.with_name("p.json").read_text(encoding="utf-8"))["counts"] == {"create": 4}


def test_a_place_that_cannot_be_written_is_advice(scene: Scene) -> None:
    for place in ("missing/plan.json", "guide"):
        ended = scene.kbsync("plan", "--out", place)
        assert ended.code == 2
        assert ended.err.startswith(f"error: {place} cannot be written: ")


def test_exit_code_tells_changes_from_none(scene: Scene) -> None:
    assert scene.kbsync("plan", "--exit-code").code == 3
    assert scene.kbsync("plan").code == 0
    scene.published()
    assert scene.kbsync("plan", "--exit-code").code == 0
    assert scene.kbsync("plan", KBSYNC_EXIT_CODE="1").code == 0
    scene.desk.write(SECOND, "---\ntitle: Other steps\n---\nTurn it on.\n")
    assert scene.kbsync("plan", KBSYNC_EXIT_CODE="1").code == 3


def test_a_conflict_ends_a_judged_plan_with_4(scene: Scene) -> None:
    scene.published()
    scene.portal.store.edit_article(scene.article("Second steps"), body="<p>Theirs.</p>")
    scene.desk.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nOurs.\n")
    ended = scene.kbsync("plan", "--exit-code", "--format", "json")
    assert ended.code == 4
    assert [found["path"] for found in ended.page["conflicts"]] == [SECOND]
    assert scene.kbsync("plan").code == 0


def test_a_plan_past_a_limit_ends_with_4_and_says_which(scene: Scene) -> None:
    for number in range(10):
        scene.desk.write(f"guide/start/more-{number}.md", f"---\ntitle: More {number}\n---\nText {number}\n")
    scene.desk.commit()
    scene.published()
    for number in range(10):
        scene.desk.remove(f"guide/start/more-{number}.md")
    ended = scene.kbsync("plan")
    assert ended.code == 4
    assert "Refused: 10 of 12 known articles would be removed; the limit is 30%" in ended.out
    assert "Refused" in scene.kbsync("plan", "--format", "markdown").out
    assert "Refused" in scene.kbsync("plan", "--format", "html").out
    assert scene.kbsync("plan", "--format", "json").page["refused"].startswith("10 of 12 ")


def test_without_refresh_no_call_is_made_and_no_key_is_needed(scene: Scene) -> None:
    scene.published()
    scene.desk.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off.\n")
    ended = scene.kbsync("plan", "--no-refresh", "--format", "json", FRESHDESK_API_KEY=None)
    assert ended.code == 0
    assert (_steps(ended.page), ended.page["calls"]) == ([("update", "article", SECOND)], 0)
    assert scene.portal.calls == []


def test_without_refresh_no_address_is_needed_either(scene: Scene) -> None:
    scene.desk.write("kbsync.toml", "")
    assert scene.kbsync("plan", "--no-refresh", FRESHDESK_API_KEY=None).out.splitlines()[-1] == "4 to create."


def test_translations_are_named_and_not_taken_for_articles(scene: Scene) -> None:
    scene.desk.write("kbsync.toml", f'[targets.production]\nurl = "{scene.portal.url}"\nlanguages = ["fr"]\n')
    scene.desk.write("guide/start/first.fr.md", "---\ntitle: Premiers pas\n---\nBranchez.\n")
    scene.desk.commit()
    ended = scene.kbsync("plan")
    assert "Not published yet, being translations: guide/start/first.fr.md" in ended.err
    assert "first.fr.md" not in ended.out


def test_a_long_list_of_unmanaged_articles_is_cut_for_people_and_whole_for_programs(scene: Scene) -> None:
    scene.published()
    folder = scene.portal.store.all_folders()[0].id
    for number in range(30):
        scene.portal.store.create_article(folder, f"Other {number}", "<p>x</p>")
    text = scene.kbsync("plan").out
    assert text.count("! ") == 20
    assert "and 10 more; --format json names them all" in text
    assert "- and 10 more" in scene.kbsync("plan", "--format", "markdown").out
    assert len(scene.kbsync("plan", "--format", "json").page["unmanaged"]) == 30


def test_status_shows_both_directions_on_one_screen(scene: Scene) -> None:
    scene.published()
    scene.portal.store.edit_article(scene.article("First steps"), body="<p>Plug it out.</p>")
    scene.desk.write(SECOND, "---\ntitle: Second steps\n---\nTurn it off.\n")
    for number in range(12):
        scene.desk.write(f"guide/start/new-{number:02}.md", f"---\ntitle: New {number}\n---\nText {number}\n")
    ended = scene.kbsync("status")
    assert ended.code == 0
    words = [line.split() for line in ended.out.splitlines()]
    assert ["To", "publish", "13"] in words
    assert ["and", "3", "more"] in words
    assert ["To", "pull", "1"] in words
    assert [FIRST] in words
    assert ["Unchanged", "2"] in words
    page = scene.kbsync("status", "--format", "json").page
    assert (len(page["changes"]), len(page["drift"])) == (13, 1)
    assert scene.written == []
