"""`kbsync history` and `kbsync undo`: what they ask, write and print, and their exit codes."""

import pytest

from tests.cli.conftest import FIRST, SECOND, Project
from tests.ready import Ready

EDITED = "---\ntitle: Second steps, again\ntags: [setup]\n---\nTurn it off and on.\n"


@pytest.fixture
def changed(project: Project, ready: Ready) -> Project:
    """A project with two runs: a first publish, and one that changed an article and made another."""

    def make() -> None:
        project.published()
        project.checkout.write(SECOND, EDITED)
        project.checkout.write("guide/more/third.md", "---\ntitle: Third steps\n---\nWait.\n")
        project.checkout.commit()
        project.published()

    ready("two runs", project.checkout.root.parent, project.portal, make)
    return project


def last(project: Project) -> str:
    name = project.kbsync("history", "--format", "json").json["runs"][0]["run"]
    assert isinstance(name, str)
    return name


def test_history_without_a_run_prints_no_run_yet(project: Project) -> None:
    done = project.kbsync("history")
    assert (done.code, done.out) == (0, "No runs yet.\n")


def test_history_lists_a_run_a_line_and_needs_no_key(changed: Project) -> None:
    done = changed.kbsync("history", FRESHDESK_API_KEY=None)
    lines = done.out.splitlines()
    assert done.code == 0
    assert [line.rpartition("  ")[2] for line in lines] == ["2 created, 1 updated", "4 created"]
    assert lines[0].split()[0] == last(changed)[:10]
    assert len(changed.kbsync("history", "-n", "1").out.splitlines()) == 1
    assert changed.portal.calls == []


def test_history_of_a_run_shows_each_article_before_and_after(changed: Project) -> None:
    name = last(changed)
    text = changed.kbsync("history", name[:6]).out
    assert "title: Second steps → Second steps, again" in text
    assert "-Turn it on." in text
    page = changed.kbsync("history", name, "--format", "json").json
    item = next(item for item in page["items"] if item["path"] == SECOND)
    assert (page["run"]["run"], page["run"]["date"][:2]) == (name, "20")
    assert page["run"]["author"].endswith(">")
    assert item["fields"] == ["body", "title"]
    assert item["before"]["body"] == "<p>Turn it on.</p>\n"
    assert "```diff" in changed.kbsync("history", name, "--format", "markdown").out


def test_history_of_an_unknown_run_ends_with_advice(changed: Project) -> None:
    done = changed.kbsync("history", "ffffff0")
    assert done.code == 2
    assert "run not found: ffffff0" in done.err
    assert "kbsync history" in done.err


def test_history_shows_no_control_characters(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, '---\ntitle: "Red \\e[31m and \\u202Eback"\n---\nTurn it \u2067on.\n')
    project.checkout.commit()
    project.published()
    for form in ("text", "json", "markdown"):
        out = project.kbsync("history", last(project), "--format", form).out
        assert not set("\x1b\u202e\u2067") & set(out)


def test_undo_needs_a_confirmation_or_yes(changed: Project) -> None:
    done = changed.kbsync("undo")
    assert done.code == 2
    assert "--yes" in done.err
    assert changed.written == []


def test_undo_shows_its_plan_and_its_result(changed: Project) -> None:
    name = last(changed)
    done = changed.kbsync("undo", "--yes")
    assert done.code == 0
    assert done.out.startswith(f"kbsync undo of run {name[:10]} on production")
    assert f"  ~ update {SECOND}" in done.out
    assert "+Turn it on." in done.out
    assert "1 updated, 1 archived." in done.out.splitlines()
    assert "guide/more: created by that run and kept on the portal" in done.err
    assert changed.kbsync("history").out.splitlines()[1].endswith(f"(undone by {last(changed)[:10]})")
    assert f"! {SECOND}  undone; published again when its file changes" in changed.kbsync("plan").out


def test_undo_as_json_is_one_object(changed: Project) -> None:
    name = last(changed)
    done = changed.kbsync("undo", name, "--yes", "--format", "json")
    assert (done.code, done.json["undoes"], done.json["remaining"]) == (0, name, ["guide/more"])
    assert {change["result"] for change in done.json["changes"]} == {"done"}
    assert len(done.json["changes"]) == 2


def test_a_dry_run_writes_nothing(changed: Project) -> None:
    before = last(changed)
    done = changed.kbsync("undo", "--dry-run")
    assert done.code == 0
    assert f"  ~ update {SECOND}" in done.out
    assert (changed.written, last(changed)) == ([], before)


def test_an_article_edited_since_ends_an_undo_with_4(changed: Project) -> None:
    changed.portal.store.edit_article(changed.article("Second steps, again"), title="By hand")
    done = changed.kbsync("undo", "--yes")
    assert done.code == 4
    assert f"! {SECOND}  edited on the portal since: title" in done.out


def test_an_undo_that_fails_at_an_article_reports_it_and_can_be_repeated(changed: Project) -> None:
    name = last(changed)
    number = changed.article("Second steps, again")
    changed.portal.faults.fail("PUT", f"*/articles/{number}", status=403, times=None)
    done = changed.kbsync("undo", "--yes")
    assert done.code == 1
    assert SECOND in done.out
    changed.portal.faults.clear()
    again = changed.kbsync("undo", name, "--yes")
    assert again.code == 0
    assert changed.portal.store.article(number).title == "Second steps"


def test_without_a_terminal_only_the_branch_that_is_published_is_undone_from(changed: Project) -> None:
    changed.checkout.git("checkout", "--quiet", "-b", "elsewhere")
    changed.checkout.commit()
    done = changed.kbsync("undo", "--yes")
    assert done.code == 4
    assert "check out main" in done.err


def test_undo_with_a_branch_commits_the_revert_and_makes_no_call(changed: Project) -> None:
    done = changed.kbsync("undo", "--branch", "back", FRESHDESK_API_KEY=None)
    assert (done.code, done.out.split()) == (0, ["guide/more/third.md", SECOND])
    assert changed.checkout.git("show", f"back:{SECOND}").endswith("Turn it on.\n")
    assert changed.portal.calls == []
    page = changed.kbsync("undo", "--branch", "other", "--format", "json").json
    assert page["files"] == ["guide/more/third.md", SECOND]
    assert changed.checkout.read(FIRST)


def test_the_variable_for_the_published_branch_is_not_the_branch_of_a_revert(changed: Project) -> None:
    done = changed.kbsync("undo", "--dry-run", KBSYNC_BRANCH="main")
    assert (done.code, "kbsync undo of run" in done.out) == (0, True)


def test_undo_never_commits_to_the_branch_that_is_published(changed: Project) -> None:
    done = changed.kbsync("undo", "--branch", "main")
    assert done.code == 2
    assert "main is the branch that kbsync publishes" in done.err
