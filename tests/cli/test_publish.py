"""`kbsync publish`: what it asks, writes and prints, and its exit code."""

from pathlib import Path

import pytest

from tests.cli.conftest import FIRST, SECOND, Project

EDITED = "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off and on.\n"


def _edit(project: Project, text: str = EDITED) -> None:
    project.checkout.write(SECOND, text)
    project.checkout.commit()


def test_a_publish_shows_its_plan_and_its_result(project: Project) -> None:
    done = project.kbsync("publish", "--yes")
    assert done.code == 0
    assert f'  + create {FIRST}  "First steps"' in done.out.splitlines()
    assert done.out.splitlines()[-1] == "4 created."
    assert done.err == "5 API calls.\n"
    assert [article.title for article in project.portal.store.all_articles()] == ["Second steps", "First steps"]


def test_json_has_the_result_of_each_change(project: Project) -> None:
    done = project.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 0
    assert {(change["result"], change["error"]) for change in done.json["changes"]} == {("done", "")}
    assert all(isinstance(change["id"], int) for change in done.json["changes"])
    assert (done.json["calls"], done.json["counts"]) == (5, {"create": 4})


def test_a_failed_change_is_reported_and_the_rest_continues(project: Project) -> None:
    project.published()
    _edit(project)
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nPlug it in twice.\n")
    project.checkout.commit()
    project.portal.faults.fail("PUT", f"*/articles/{project.article('Second steps')}", status=403, times=None)
    done = project.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 1
    by_path = {change["path"]: change for change in done.json["changes"]}
    assert by_path[SECOND]["result"] == "failed"
    assert by_path[SECOND]["error"]
    assert by_path[FIRST]["result"] == "done"
    project.portal.faults.clear()
    again = project.kbsync("publish", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "1 updated.")


def test_a_failure_in_text_names_the_article_and_the_reason(project: Project) -> None:
    project.published()
    _edit(project)
    project.portal.faults.fail("PUT", "*", status=403, times=None)
    done = project.kbsync("publish", "--yes")
    assert done.code == 1
    output = " ".join(done.out.split())
    assert f" failed {SECOND} PUT " in output
    assert "the owner of the API key does not have this permission" in output
    assert done.out.splitlines()[-2:] == ["1 failed.", "Next: kbsync publish"]


def test_without_a_terminal_yes_is_required_before_any_call(project: Project) -> None:
    done = project.kbsync("publish")
    assert (done.code, done.out) == (2, "")
    assert (
        done.err
        == "error: not running in a terminal, so kbsync cannot ask\n  try: add --yes to publish without confirmation\n"
    )
    assert project.portal.calls == []


@pytest.mark.parametrize("name", ["YES", "FORCE", "OVERWRITE", "ROLLBACK", "DIRTY"])
def test_dangerous_options_have_no_variable(project: Project, name: str) -> None:
    project.published()
    project.portal.store.edit_article(project.article("Second steps"), body="<p>Theirs.</p>")
    _edit(project)
    project.checkout.write(FIRST, "---\ntitle: Not committed\n---\nText\n")
    value = SECOND if name == "OVERWRITE" else "1"
    done = project.kbsync("publish", *([] if name == "YES" else ["--yes"]), **{f"KBSYNC_{name}": value})
    assert done.code == (2 if name == "YES" else 4)
    assert project.written == []


def test_uncommitted_changes_stop_a_publish_unless_dirty(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, EDITED)
    done = project.kbsync("publish", "--yes")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(f"error: uncommitted changes: {SECOND}\n  try: ")
    _edit(project)
    project.checkout.write(FIRST, "---\ntitle: Half written\n---\n")
    assert project.kbsync("publish", "--yes", "--dirty").out.splitlines()[-1] == "1 updated."
    assert project.portal.store.article(project.article("First steps")).title == "First steps"


def test_a_web_edit_stays_unless_its_path_is_named(project: Project) -> None:
    project.published()
    number = project.article("Second steps")
    project.portal.store.edit_article(number, body="<p>Theirs.</p>")
    _edit(project)
    held = project.kbsync("publish", "--yes", "--format", "json")
    assert held.code == 4
    assert [found["path"] for found in held.json["conflicts"]] == [SECOND]
    assert project.portal.store.article(number).description == "<p>Theirs.</p>"
    done = project.kbsync("publish", "--yes", "--overwrite", SECOND)
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 updated.")
    assert "off and on" in project.portal.store.article(number).description


def test_a_limit_holds_unless_forced(project: Project) -> None:
    project.checkout.write(
        "kbsync.toml", f'[targets.production]\nurl = "{project.portal.url}"\n[limits]\narchive = 0\n'
    )
    project.checkout.commit()
    project.published()
    project.checkout.remove(SECOND)
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nPlug it in.\n")
    project.checkout.commit()
    done = project.kbsync("publish", "--yes")
    assert (done.code, project.written) == (4, [])
    assert done.err.startswith("error: 1 articles would be removed; the limit is 0\n  try: ")
    assert project.kbsync("publish", "--yes", "--force").code == 0
    assert {a.title: a.status for a in project.portal.store.all_articles()}["Second steps"] == 1


def test_an_old_commit_is_refused_without_the_option_for_it(project: Project) -> None:
    first = project.checkout.git("rev-parse", "HEAD").strip()
    _edit(project)
    project.published()
    project.checkout.git("checkout", "--quiet", first)
    project.checkout.git("branch", "--quiet", "--force", "main", first)
    done = project.kbsync("publish", "--yes")
    assert (done.code, project.written) == (4, [])
    assert "use --rollback to publish an older one" in done.err
    assert project.kbsync("publish", "--yes", "--rollback").code == 0
    assert "Turn it on." in project.portal.store.article(project.article("Second steps")).description


def test_an_unattended_run_publishes_only_the_targets_branch(project: Project) -> None:
    project.checkout.git("checkout", "--quiet", "-b", "feature")
    _edit(project)
    done = project.kbsync("publish", "--yes")
    assert (done.code, project.portal.calls) == (4, [])
    assert done.err.startswith(
        "error: main is not checked out (feature is), and kbsync is not running in a terminal, so it cannot ask\n"
        '  try: check out main, or set `branch = "feature"` under [targets.production]\n'
    )
    assert project.kbsync("publish", "--yes", KBSYNC_BRANCH="feature").code == 0


def test_without_a_remote_the_only_branch_is_published_whatever_its_name(project: Project) -> None:
    project.checkout.git("branch", "--move", "master")
    assert project.kbsync("publish", "--yes").code == 0


def test_the_default_branch_of_the_remote_is_published(project: Project, tmp_path: Path) -> None:
    project.checkout.git("branch", "--move", "master")
    project.checkout.git("clone", "--quiet", "--bare", ".", str(tmp_path / "shared.git"))
    project.checkout.git("remote", "add", "origin", (tmp_path / "shared.git").as_uri())
    project.checkout.git("checkout", "--quiet", "-b", "feature")
    _edit(project)
    done = project.kbsync("publish", "--yes")
    assert done.code == 4
    assert "master is not checked out (feature is)" in done.err
    assert "branch feature" in project.kbsync("plan").out.splitlines()[0]
    project.checkout.git("checkout", "--quiet", "--detach", "master")
    assert project.kbsync("publish", "--yes").code == 0


def test_only_the_named_paths_are_published(project: Project) -> None:
    done = project.kbsync("publish", "--yes", "--format", "json", SECOND)
    assert [change["path"] for change in done.json["changes"]] == ["guide", "guide/start", SECOND]
    assert project.kbsync("plan", "--exit-code").code == 3


def test_local_keeps_the_ledger_in_this_clone(project: Project) -> None:
    origin = project.checkout.root.parent / "origin.git"
    project.checkout.git("clone", "--quiet", "--bare", ".", str(origin))
    project.checkout.git("remote", "add", "origin", str(origin))
    assert project.kbsync("publish", "--yes", "--local").code == 0
    assert project.checkout.git("ls-remote", "origin", "refs/kbsync/*") == ""
    assert "refs/kbsync/production" in project.checkout.git("for-each-ref")
    assert project.kbsync("plan", KBSYNC_LOCAL="1").out.splitlines()[-1] == "4 unchanged."


def _origin_that_refuses(project: Project, hook: str) -> None:
    origin = project.checkout.root.parent / "origin.git"
    project.checkout.git("clone", "--quiet", "--bare", ".", str(origin))
    project.checkout.git("remote", "add", "origin", str(origin))
    place = origin / "hooks" / "update"
    place.write_text(f"#!/bin/sh\n{hook}\n")
    place.chmod(0o755)


def test_a_ledger_that_could_not_be_shared_is_named_although_the_portal_was_written(project: Project) -> None:
    _origin_that_refuses(project, 'test "$1" != refs/kbsync/production || { echo "no pushing here" >&2; exit 1; }')
    done = project.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 1
    assert len(done.json["changes"]) == 4
    assert "The changes are on the portal, but the ledger was not saved everywhere:" in done.err


def test_without_permission_to_push_nothing_is_written(project: Project) -> None:
    _origin_that_refuses(project, 'echo "no pushing here" >&2; exit 1')
    done = project.kbsync("publish", "--yes")
    assert done.code == 1
    assert "rejected the push of" in done.err
    assert "--local" in done.err
    assert {call.method for call in project.portal.calls} == {"GET"}


def test_ids_of_another_system_can_be_ignored(project: Project) -> None:
    _edit(project, EDITED.replace("---\ntitle", "---\nid: 77\ntitle", 1))
    assert [found["path"] for found in project.kbsync("plan", "--format", "json").json["conflicts"]] == [SECOND]
    for words, environ in ((["--ignore-ids"], {}), ([], {"KBSYNC_IGNORE_IDS": "1"})):
        assert project.kbsync("plan", "--format", "json", *words, **environ).json["counts"] == {"create": 4}
    assert project.kbsync("publish", "--yes", "--ignore-ids").code == 0


def test_wrong_content_stops_a_publish_before_any_call(project: Project) -> None:
    _edit(project, "---\ntilte: Slip\n---\nText\n")
    done = project.kbsync("publish", "--yes")
    assert (done.code, done.out, project.portal.calls) == (1, "", [])
    assert done.err.startswith(f"{SECOND}:")
