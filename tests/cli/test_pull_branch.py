"""`kbsync pull --branch NAME --commit`, as a scheduled job runs it; and pulls into a sparse checkout."""

import json

import pytest

from tests.cli.conftest import FIRST, Project

BRANCH = ("--branch", "kbsync-pull", "--commit")


def edited(project: Project) -> Project:
    project.published()
    project.portal.store.edit_article(project.article("First steps"), body="<p>Plug it in twice.</p>")
    return project


def test_the_branch_has_the_web_edits_and_the_files_stay(project: Project) -> None:
    before = edited(project).checkout.files()
    result = project.kbsync("pull", *BRANCH)
    commit = project.checkout.git("rev-parse", "kbsync-pull").strip()
    assert (result.code, project.checkout.files()) == (0, before)
    assert "to the branch kbsync-pull" in result.out
    assert f"Committed {commit[:10]} to kbsync-pull, in this clone." in result.err
    assert "Plug it in twice." in project.checkout.git("show", f"kbsync-pull:{FIRST}")
    again = project.kbsync("pull", *BRANCH)
    assert (again.code, project.checkout.git("rev-parse", "kbsync-pull").strip()) == (0, commit)
    assert "Nothing to commit to kbsync-pull." in again.err


def test_the_json_form_names_branch_and_commit(project: Project) -> None:
    page = json.loads(edited(project).kbsync("pull", *BRANCH, "--format", "json").out)
    commit = project.checkout.git("rev-parse", "kbsync-pull").strip()
    assert (page["branch"], page["commit"], page["pushed"]) == ("kbsync-pull", commit, False)
    assert [change["path"] for change in page["changes"]] == [FIRST]
    assert project.kbsync("pull", *BRANCH, "--format", "json").json["commit"] is None


def test_an_article_in_conflict_is_left_out_and_ends_with_4(project: Project) -> None:
    edited(project).checkout.write(FIRST, "---\ntitle: First steps\n---\nPlug it out.\n")
    project.checkout.commit()
    result = project.kbsync("pull", *BRANCH)
    assert (result.code, project.checkout.git("branch", "--list", "kbsync-pull")) == (4, "")
    assert FIRST in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--branch", "x"], "--commit"),
        (["--commit"], "--branch NAME"),
        (["--branch", "x", "--commit", "--dry-run"], "--dry-run"),
        (["--branch", "main", "--commit"], "publishes"),
        (["--branch", "a b", "--commit"], "not a valid branch name"),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(project: Project, words: list[str], message: str) -> None:
    result = project.kbsync("pull", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_the_targets_branch_in_the_environment_is_not_the_pull_branch(project: Project) -> None:
    before = edited(project).checkout.read(FIRST)
    assert project.kbsync("pull", KBSYNC_BRANCH="main").code == 0
    assert project.checkout.read(FIRST) != before


def test_a_pull_names_what_a_sparse_checkout_left_out(project: Project) -> None:
    edited(project).checkout.git("sparse-checkout", "set", "elsewhere")
    assert not (project.checkout.root / FIRST).exists()
    assert project.kbsync("lint").code == 0
    assert "First" not in project.kbsync("status").err
    result = project.kbsync("pull")
    assert result.code == 0
    assert "add with `git add --sparse`: guide/start/first.md" in result.err
    assert "Plug it in twice." in project.checkout.read(FIRST)
    assert FIRST in project.checkout.git("status", "--porcelain")
    assert project.kbsync("pull").err.count("--sparse") == 0
