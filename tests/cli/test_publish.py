"""`kbsync publish`: what it asks, writes and says, and how it ends."""

import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.cli.conftest import FIRST, SECOND, Scene

EDITED = "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off and on.\n"


def _edit(scene: Scene, text: str = EDITED) -> None:
    scene.desk.write(SECOND, text)
    scene.desk.commit()


def test_a_publish_shows_its_plan_and_what_became_of_it(scene: Scene) -> None:
    done = scene.kbsync("publish", "--yes")
    assert done.code == 0
    assert f'  + create {FIRST}  "First steps"' in done.out.splitlines()
    assert done.out.splitlines()[-1] == "4 created."
    assert done.err == "5 calls.\n"
    assert [article.title for article in scene.portal.store.all_articles()] == ["Second steps", "First steps"]


def test_a_second_publish_writes_nothing(scene: Scene) -> None:
    scene.published()
    done = scene.kbsync("publish", "--yes")
    assert (done.code, done.out, scene.written) == (0, "Nothing to do.\n", [])


def test_json_tells_what_became_of_each_change(scene: Scene) -> None:
    done = scene.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 0
    assert {(change["result"], change["error"]) for change in done.page["changes"]} == {("done", "")}
    assert all(isinstance(change["id"], int) for change in done.page["changes"])
    assert (done.page["calls"], done.page["counts"]) == (5, {"create": 4})


def test_what_fails_is_named_and_the_rest_goes_on(scene: Scene) -> None:
    scene.published()
    _edit(scene)
    scene.desk.write(FIRST, "---\ntitle: First steps\n---\nPlug it in twice.\n")
    scene.desk.commit()
    scene.portal.faults.fail("PUT", f"*/articles/{scene.article('Second steps')}", status=403, times=None)
    done = scene.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 1
    by_path = {change["path"]: change for change in done.page["changes"]}
    assert by_path[SECOND]["result"] == "failed"
    assert by_path[SECOND]["error"]
    assert by_path[FIRST]["result"] == "done"
    scene.portal.faults.clear()
    again = scene.kbsync("publish", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "1 updated.")


def test_a_failure_in_text_names_the_article_and_the_reason(scene: Scene) -> None:
    scene.published()
    _edit(scene)
    scene.portal.faults.fail("PUT", "*", status=403, times=None)
    done = scene.kbsync("publish", "--yes")
    assert done.code == 1
    told = " ".join(done.out.split())
    assert f" failed {SECOND} PUT " in told
    assert "the key's owner may not do this" in told
    assert done.out.splitlines()[-1] == "1 failed."


def test_without_a_terminal_yes_is_wanted_before_any_call(scene: Scene) -> None:
    done = scene.kbsync("publish")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: nobody is there to be asked\n  try: give --yes to publish without a question\n"
    assert scene.portal.calls == []


@pytest.mark.parametrize("name", ["YES", "FORCE", "OVERWRITE", "ROLLBACK", "DIRTY"])
def test_what_is_dangerous_comes_from_no_variable(scene: Scene, name: str) -> None:
    scene.published()
    scene.portal.store.edit_article(scene.article("Second steps"), body="<p>Theirs.</p>")
    _edit(scene)
    scene.desk.write(FIRST, "---\ntitle: Not committed\n---\nText\n")
    value = SECOND if name == "OVERWRITE" else "1"
    done = scene.kbsync("publish", *([] if name == "YES" else ["--yes"]), **{f"KBSYNC_{name}": value})
    assert done.code == (2 if name == "YES" else 4)
    assert scene.written == []


def test_what_is_not_committed_stops_a_publish_unless_dirty(scene: Scene) -> None:
    scene.published()
    scene.desk.write(SECOND, EDITED)
    done = scene.kbsync("publish", "--yes")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(f"error: not committed: {SECOND}\n  try: ")
    _edit(scene)
    scene.desk.write(FIRST, "---\ntitle: Half written\n---\n")
    assert scene.kbsync("publish", "--yes", "--dirty").out.splitlines()[-1] == "1 updated."
    assert scene.portal.store.article(scene.article("First steps")).title == "First steps"


def test_a_web_edit_stands_unless_its_path_is_named(scene: Scene) -> None:
    scene.published()
    number = scene.article("Second steps")
    scene.portal.store.edit_article(number, body="<p>Theirs.</p>")
    _edit(scene)
    held = scene.kbsync("publish", "--yes", "--format", "json")
    assert held.code == 4
    assert [found["path"] for found in held.page["conflicts"]] == [SECOND]
    assert scene.portal.store.article(number).description == "<p>Theirs.</p>"
    done = scene.kbsync("publish", "--yes", "--overwrite", SECOND)
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 updated.")
    assert "off and on" in scene.portal.store.article(number).description


def test_a_limit_holds_unless_forced(scene: Scene) -> None:
    scene.desk.write("kbsync.toml", f'[targets.production]\nurl = "{scene.portal.url}"\n[limits]\narchive = 0\n')
    scene.desk.commit()
    scene.published()
    scene.desk.remove(SECOND)
    scene.desk.write(FIRST, "---\ntitle: First steps\n---\nPlug it in.\n")
    scene.desk.commit()
    done = scene.kbsync("publish", "--yes")
    assert (done.code, scene.written) == (4, [])
    assert done.err.startswith("error: 1 articles would be removed; the limit is 0\n  try: ")
    assert scene.kbsync("publish", "--yes", "--force").code == 0
    assert {a.title: a.status for a in scene.portal.store.all_articles()}["Second steps"] == 1


def test_an_old_commit_is_refused_unless_going_back_is_meant(scene: Scene) -> None:
    first = scene.desk.git("rev-parse", "HEAD").strip()
    _edit(scene)
    scene.published()
    scene.desk.git("checkout", "--quiet", first)
    scene.desk.git("branch", "--quiet", "--force", "main", first)
    done = scene.kbsync("publish", "--yes")
    assert (done.code, scene.written) == (4, [])
    assert "--rollback if going back is meant" in done.err
    assert scene.kbsync("publish", "--yes", "--rollback").code == 0
    assert "Turn it on." in scene.portal.store.article(scene.article("Second steps")).description


def test_without_a_person_only_the_targets_branch_is_published(scene: Scene) -> None:
    scene.desk.git("checkout", "--quiet", "-b", "feature")
    _edit(scene)
    done = scene.kbsync("publish", "--yes")
    assert (done.code, scene.portal.calls) == (4, [])
    assert done.err.startswith("error: feature is not the tip of main, and nobody is there to ask\n")
    assert scene.kbsync("publish", "--yes", KBSYNC_BRANCH="feature").code == 0


def test_only_the_named_paths_are_published(scene: Scene) -> None:
    done = scene.kbsync("publish", "--yes", "--format", "json", SECOND)
    assert [change["path"] for change in done.page["changes"]] == ["guide", "guide/start", SECOND]
    assert scene.kbsync("plan", "--exit-code").code == 3


def test_local_keeps_the_ledger_in_this_clone(scene: Scene) -> None:
    origin = scene.desk.root.parent / "origin.git"
    scene.desk.git("clone", "--quiet", "--bare", ".", str(origin))
    scene.desk.git("remote", "add", "origin", str(origin))
    assert scene.kbsync("publish", "--yes", "--local").code == 0
    assert scene.desk.git("ls-remote", "origin", "refs/kbsync/*") == ""
    assert "refs/kbsync/production" in scene.desk.git("for-each-ref")
    assert scene.kbsync("plan", KBSYNC_LOCAL="1").out.splitlines()[-1] == "4 unchanged."


def _origin_that_refuses(scene: Scene, hook: str) -> None:
    origin = scene.desk.root.parent / "origin.git"
    scene.desk.git("clone", "--quiet", "--bare", ".", str(origin))
    scene.desk.git("remote", "add", "origin", str(origin))
    place = origin / "hooks" / "update"
    place.write_text(f"#!/bin/sh\n{hook}\n")
    place.chmod(0o755)


def test_a_ledger_that_could_not_be_shared_is_named_although_the_portal_was_written(scene: Scene) -> None:
    _origin_that_refuses(scene, 'test "$1" != refs/kbsync/production || { echo "no pushing here" >&2; exit 1; }')
    done = scene.kbsync("publish", "--yes", "--format", "json")
    assert done.code == 1
    assert len(done.page["changes"]) == 4
    assert "The portal was written, but the ledger was not saved everywhere:" in done.err


def test_where_nothing_may_be_pushed_nothing_is_written_either(scene: Scene) -> None:
    _origin_that_refuses(scene, 'echo "no pushing here" >&2; exit 1')
    done = scene.kbsync("publish", "--yes")
    assert done.code == 1
    assert "does not let us push" in done.err
    assert "--local" in done.err
    assert {call.method for call in scene.portal.calls} == {"GET"}


def test_ids_of_another_system_can_be_passed_over(scene: Scene) -> None:
    _edit(scene, EDITED.replace("---\ntitle", "---\nid: 77\ntitle", 1))
    assert [found["path"] for found in scene.kbsync("plan", "--format", "json").page["conflicts"]] == [SECOND]
    for words, environ in ((["--ignore-ids"], {}), ([], {"KBSYNC_IGNORE_IDS": "1"})):
        assert scene.kbsync("plan", "--format", "json", *words, **environ).page["counts"] == {"create": 4}
    assert scene.kbsync("publish", "--yes", "--ignore-ids").code == 0


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="editor")])
def test_a_portal_that_rewrites_without_loss_is_no_error(scene: Scene) -> None:
    assert scene.kbsync("publish", "--yes").code == 0
    assert scene.kbsync("plan").out.splitlines()[-1] == "4 unchanged."


@pytest.mark.parametrize("text", ["title: [a\n", "id: x\n", "tilte: Slip\n"])
def test_wrong_content_stops_a_publish_before_any_call(scene: Scene, text: str) -> None:
    _edit(scene, f"---\n{text}---\nText\n")
    done = scene.kbsync("publish", "--yes")
    assert (done.code, done.out, scene.portal.calls) == (1, "", [])
    assert done.err.startswith(f"{SECOND}:")
