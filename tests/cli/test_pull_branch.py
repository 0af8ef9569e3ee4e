"""`kbsync pull --branch NAME --commit`, as a scheduled job runs it; and pulls into a sparse checkout."""

import json

import pytest

from tests.cli.conftest import FIRST, Scene

BRANCH = ("--branch", "kbsync-pull", "--commit")


def edited(scene: Scene) -> Scene:
    scene.published()
    scene.portal.store.edit_article(scene.article("First steps"), body="<p>Plug it in twice.</p>")
    return scene


def test_the_branch_holds_what_was_edited_and_the_files_stay(scene: Scene) -> None:
    before = edited(scene).desk.files()
    ended = scene.kbsync("pull", *BRANCH)
    commit = scene.desk.git("rev-parse", "kbsync-pull").strip()
    assert (ended.code, scene.desk.files()) == (0, before)
    assert "to the branch kbsync-pull" in ended.out
    assert f"{commit[:10]} on kbsync-pull, in this clone." in ended.err
    assert "Plug it in twice." in scene.desk.git("show", f"kbsync-pull:{FIRST}")
    again = scene.kbsync("pull", *BRANCH)
    assert (again.code, scene.desk.git("rev-parse", "kbsync-pull").strip()) == (0, commit)
    assert "Nothing to bring to kbsync-pull." in again.err


def test_the_json_form_names_branch_and_commit(scene: Scene) -> None:
    page = json.loads(edited(scene).kbsync("pull", *BRANCH, "--format", "json").out)
    commit = scene.desk.git("rev-parse", "kbsync-pull").strip()
    assert (page["branch"], page["commit"], page["pushed"]) == ("kbsync-pull", commit, False)
    assert [change["path"] for change in page["changes"]] == [FIRST]
    assert scene.kbsync("pull", *BRANCH, "--format", "json").page["commit"] is None


def test_an_article_in_conflict_is_left_out_and_ends_with_4(scene: Scene) -> None:
    edited(scene).desk.write(FIRST, "---\ntitle: First steps\n---\nPlug it out.\n")
    scene.desk.commit()
    ended = scene.kbsync("pull", *BRANCH)
    assert (ended.code, scene.desk.git("branch", "--list", "kbsync-pull")) == (4, "")
    assert FIRST in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--branch", "x"], "--commit"),
        (["--commit"], "--branch NAME"),
        (["--branch", "x", "--commit", "--dry-run"], "--dry-run"),
        (["--branch", "main", "--commit"], "published"),
        (["--branch", "a b", "--commit"], "no name"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(scene: Scene, words: list[str], said: str) -> None:
    ended = scene.kbsync("pull", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_the_target_s_branch_in_the_environment_is_not_the_one_to_put_it_on(scene: Scene) -> None:
    before = edited(scene).desk.read(FIRST)
    assert scene.kbsync("pull", KBSYNC_BRANCH="main").code == 0
    assert scene.desk.read(FIRST) != before


def test_a_pull_names_what_a_sparse_checkout_left_out(scene: Scene) -> None:
    edited(scene).desk.git("sparse-checkout", "set", "elsewhere")
    assert not (scene.desk.root / FIRST).exists()
    assert scene.kbsync("lint").code == 0
    assert "First" not in scene.kbsync("status").err
    ended = scene.kbsync("pull")
    assert ended.code == 0
    assert "`git add --sparse` takes: guide/start/first.md" in ended.err
    assert "Plug it in twice." in scene.desk.read(FIRST)
    assert FIRST in scene.desk.git("status", "--porcelain")
    assert scene.kbsync("pull").err.count("--sparse") == 0
