"""What a plan, a publish, a pull and an undo show: what is replaced, what was read, what is left to do."""

import json

import pytest

from tests.cli.conftest import FIRST, SECOND, Project

FORMS = ("text", "json", "markdown", "html")
SENTENCE = "An agent wrote this."


def _edited(project: Project) -> Project:
    """An agent has edited an article, and its file has changed too."""
    project.published()
    project.portal.store.edit_article(project.article("Second steps"), body=f"<p>Turn it on. {SENTENCE}</p>")
    project.checkout.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off.\n")
    project.checkout.commit()
    return project


def _edit_time(project: Project) -> str:
    return project.portal.store.article(project.article("Second steps")).updated_at


@pytest.mark.parametrize("form", FORMS)
def test_what_overwrite_replaces_is_in_every_format(project: Project, form: str) -> None:
    out = _edited(project).kbsync("plan", "--overwrite", SECOND, "--format", form).out
    assert SENTENCE in out if form != "html" else "An" in out and "agent" in out
    assert "replaces a web edit (--overwrite)" in out
    day = _edit_time(project).partition("T")[0]
    assert day in out


def test_a_publish_shows_what_it_replaces_and_only_the_fields_that_differ(project: Project) -> None:
    _edited(project)
    edited_at = _edit_time(project)
    done = project.kbsync("publish", "--overwrite", SECOND, "--yes", "--format", "json")
    (change,) = done.json["changes"]
    assert (done.code, change["result"], change["fields"]) == (0, "done", ["body"])
    assert {f"-Turn it on. {SENTENCE}", "+Turn it off."} <= set(change["diff"])
    assert change["edited_at"] == edited_at
    assert change["url"].endswith(f"/support/solutions/articles/{change['id']}")
    assert SENTENCE not in project.portal.store.article(change["id"]).description


def test_overwriting_an_unchanged_file_sends_what_the_agent_changed(project: Project) -> None:
    project.published()
    number = project.article("Second steps")
    project.portal.store.edit_article(number, title="By an agent", tags=["theirs"])
    done = project.kbsync("publish", "--overwrite", SECOND, "--yes", "--format", "json")
    (change,) = done.json["changes"]
    assert (sorted(change["fields"]), change["result"]) == (["tags", "title"], "done")
    assert set(change["diff"]) == {"-title: By an agent", "+title: Second steps", "-tags: theirs", "+tags: setup"}
    assert (project.portal.store.article(number).title, project.kbsync("plan", "--exit-code").code) == (
        "Second steps",
        0,
    )


def test_a_field_that_the_file_begins_to_manage_shows_what_it_replaces(project: Project) -> None:
    project.published()
    project.portal.store.edit_article(project.article("First steps"), tags=["theirs"])
    project.kbsync("pull")
    project.checkout.commit()
    project.checkout.write(FIRST, project.checkout.read(FIRST).replace("---\nPlug", "tags: [mine]\n---\nPlug"))
    project.checkout.commit()
    shown = project.kbsync("plan", "--overwrite", FIRST).out
    assert "      -tags: theirs\n      +tags: mine\n" in shown


def test_a_rerender_shows_the_html_that_it_replaces(project: Project) -> None:
    settings = project.checkout.read("kbsync.toml")
    project.checkout.write("kbsync.toml", f"{settings}[markup]\nhighlight = false\n")
    project.checkout.write(SECOND, "---\ntitle: Second steps\n---\n```python\nprint('hello')\n```\n")
    project.checkout.commit()
    project.published()
    project.checkout.write("kbsync.toml", settings)
    (change,) = project.kbsync("plan", "--rerender", "--format", "json").json["changes"]
    assert any(line.startswith("-") and "hello" in line for line in change["diff"])
    assert any(line.startswith("+") and "hello" in line for line in change["diff"])


def test_a_restore_shows_that_readers_see_the_article_again(project: Project) -> None:
    project.published()
    text = project.checkout.read(SECOND)
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nPlug it in.\n")
    project.checkout.remove(SECOND)
    project.checkout.commit()
    assert "becomes a draft, readers no longer see it" in project.kbsync("plan").out
    project.published()
    project.checkout.write(SECOND, text.replace("Turn it on.", "Turn it on again."))
    change = next(c for c in project.kbsync("plan", "--format", "json").json["changes"] if c["action"] == "restore")
    assert {"-status: draft", "+status: published", "-Turn it on.", "+Turn it on again."} <= set(change["diff"])


def test_what_is_created_again_replaces_nothing(project: Project) -> None:
    project.published()
    project.portal.store.delete_article(project.article("Second steps"))
    done = project.kbsync("publish", "--overwrite", SECOND, "--yes", "--format", "json").json
    change = next(c for c in done["changes"] if c["path"] == SECOND)
    assert (change["action"], change["diff"], change["url"] is None) == ("create", [], False)


def test_an_undo_shows_every_field_that_it_puts_back_and_how_to_go_on(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, "---\ntitle: Another title\ntags: [setup]\n---\nTurn it off.\n")
    project.checkout.commit()
    project.published()
    out = project.kbsync("undo", "--yes").out
    for line in ("-title: Another title", "+title: Second steps", "-Turn it off.", "+Turn it on."):
        assert f"      {line}\n" in out
    assert "--branch NAME reverts your files too" in " ".join(out.split())
    # The portal has the earlier version again: that is what a corrected file replaces.
    project.checkout.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off and on.\n")
    (change,) = project.kbsync("plan", "--format", "json").json["changes"]
    assert {"-Turn it on.", "+Turn it off and on."} <= set(change["diff"])


@pytest.mark.parametrize("form", FORMS)
def test_a_plan_without_the_portal_says_so_in_every_format(project: Project, form: str) -> None:
    run = project.published().kbsync("history", "--format", "json").json["runs"][0]["run"]
    out = project.kbsync("plan", "--no-refresh", "--format", form).out
    assert "Compared with the last publish (20" in out
    assert f"run {run[:10]}). The portal was not read." in out
    assert "The portal was not read" not in project.kbsync("plan", "--format", form).out


@pytest.mark.parametrize("form", FORMS)
def test_a_saved_plan_says_what_it_was_compared_with(project: Project, form: str) -> None:
    place = project.checkout.root.parent / "plan.json"
    project.published().kbsync("plan", "--no-refresh", "--out", str(place))
    assert "The portal was not read." in project.kbsync("plan", "--show", str(place), "--format", form).out


@pytest.mark.parametrize("form", FORMS)
def test_a_plan_of_a_path_says_that_it_read_no_more(project: Project, form: str) -> None:
    project.published()
    for number in range(4):
        project.checkout.write(f"more/f{number}/a.md", f"---\ntitle: More {number}\n---\nText {number}\n")
    project.checkout.commit()
    project.published()
    assert f"Read only what {FIRST} concerns." in project.kbsync("plan", FIRST, "--format", form).out
    assert "Read only" not in project.kbsync("plan", "--format", form).out


def test_drift_shows_its_difference(project: Project) -> None:
    project.published()
    project.portal.store.edit_article(project.article("Second steps"), body=f"<p>Turn it on.</p><p>{SENTENCE}</p>")
    for form in ("text", "markdown"):
        assert f"+{SENTENCE}" in project.kbsync("plan", "--format", form).out
    assert f"+{SENTENCE}" in project.kbsync("plan", "--format", "json").json["drift"][0]["theirs"]


def test_a_publish_that_leaves_a_conflict_says_what_is_left(project: Project) -> None:
    done = _edited(project).kbsync("publish", "--yes")
    assert "Nothing to do" not in done.out
    assert "Next: resolve 1 conflict, see https://" in " ".join(done.out.split())
    assert "Next: resolve 1 conflict, see https://" in " ".join(project.kbsync("pull").out.split())


def test_a_first_pull_counts_and_names_the_next_commands(project: Project) -> None:
    project.published()
    for path in (".kbsync", "guide"):
        project.checkout.git("rm", "-rq", "--ignore-unmatch", path)
    project.checkout.git("update-ref", "-d", "refs/kbsync/production")
    project.checkout.write("guide2/.keep", "")
    project.checkout.commit()
    done = project.kbsync("pull")
    assert "  + create guide  1 folder, 2 articles" in done.out
    assert FIRST not in done.out
    assert done.out.splitlines()[-1] == "Next: kbsync lint; git add . && git commit; kbsync plan"


def test_many_uncommitted_files_are_counted(project: Project) -> None:
    for number in range(1200):
        project.checkout.write(f"guide/start/img/{number}.png", "")
    said = "1,200 new or changed files are not committed, so publish would not include them"
    assert project.kbsync("plan", "--no-refresh").err.startswith(f"{said} (")


def test_status_lists_what_is_not_managed_with_its_address(project: Project) -> None:
    project.published()
    folder = project.portal.store.all_folders()[0].id
    number = project.portal.store.create_article(folder, "Other", "<p>x</p>").id
    out = project.kbsync("status", "--unmanaged").out
    assert (
        out == f"Guide / Start here / Other  {project.portal.url}/support/solutions/articles/{number}\n1 unmanaged.\n"
    )


@pytest.mark.parametrize(("form", "start"), [("markdown", "### 3 problems"), ("html", "<!doctype html>")])
def test_problems_are_listed_in_every_format_and_in_the_file(project: Project, form: str, start: str) -> None:
    project.checkout.write("guide/start/a.md", "")
    project.checkout.write("guide/start/b.md", "---\ntilte: B\n---\nText\n")
    place = project.checkout.root.parent / "plan.out"
    result = project.kbsync("plan", "--format", form, "--out", str(place))
    assert result.code == 1
    for text in (result.out, place.read_text(encoding="utf-8")):
        assert text.startswith(start)
        assert "guide/start/b.md" in text
        assert "tilte" in text


def test_the_page_shows_both_versions_also_without_the_portal(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, project.checkout.read(SECOND).replace("Turn it on.", "Turn it off."))
    for words in ((), ("--no-refresh",)):
        page = project.kbsync("plan", "--format", "html", *words).out
        assert "<p>Turn it <del>on</del>.</p>" in page
        assert "<p>Turn it <ins>off</ins>.</p>" in page


def test_every_change_that_is_on_the_portal_has_its_address(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, project.checkout.read(SECOND).replace("Turn it on.", "Turn it off."))
    url = f"{project.portal.url}/support/solutions/articles/{project.article('Second steps')}"
    assert project.kbsync("plan", "--format", "json").json["changes"][0]["url"] == url
    assert f"]({url})" in project.kbsync("plan", "--format", "markdown").out
    place = project.checkout.root.parent / "plan.json"
    project.kbsync("plan", "--out", str(place))
    assert json.loads(place.read_text(encoding="utf-8"))["changes"][0]["url"] == url
    assert f'<a href="{url}"' in project.kbsync("plan", "--show", str(place), "--format", "html").out


def test_overwrite_and_no_refresh_contradict_each_other(project: Project) -> None:
    result = project.kbsync("plan", "--no-refresh", "--overwrite", FIRST)
    assert (result.code, result.out) == (2, "")
