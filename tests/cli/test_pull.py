"""`kbsync pull`: what it writes and prints, and its exit code."""

import errno

import pytest

from kbsync.engine import pull_journal
from tests.cli.conftest import FIRST, SECOND, Project

THEIRS = "<p>Plug it out.</p>"


def _edited_on_the_web(project: Project) -> Project:
    project.published()
    project.portal.store.edit_article(project.article("First steps"), body=THEIRS)
    return project


def test_a_pull_writes_the_edit_and_reports_it_in_the_past_tense(project: Project) -> None:
    done = _edited_on_the_web(project).kbsync("pull")
    assert (done.code, done.err) == (0, "")
    lines = [line.strip() for line in done.out.splitlines()]
    assert lines[0] == f"kbsync pull from production ({project.portal.url})"
    assert f"~ update {FIRST}  edited on the portal: body" in lines
    assert "+Plug it out." in lines
    assert lines[-2] == "1 updated, 3 unchanged."
    assert project.checkout.read(FIRST) == "---\ntitle: First steps\n---\nPlug it out.\n"
    assert project.written == []


def test_a_dry_run_shows_the_same_and_writes_nothing(project: Project) -> None:
    before = _edited_on_the_web(project).checkout.files()
    for words, environ in ((["--dry-run"], {}), ([], {"KBSYNC_DRY_RUN": "1"})):
        done = project.kbsync("pull", *words, **environ)
        assert done.code == 0
        assert "+Plug it out." in done.out
        assert done.out.splitlines()[-2:] == ["1 to update, 3 unchanged.", "Next: kbsync pull"]
    assert project.checkout.files() == before


def test_json_names_what_was_written(project: Project) -> None:
    page = _edited_on_the_web(project).kbsync("pull", "--format", "json").json
    assert [(change["action"], change["path"], change["fields"]) for change in page["changes"]] == [
        ("update", FIRST, ["body"])
    ]
    assert page["calls"] == 3


def test_a_pull_never_overwrites_uncommitted_changes(project: Project) -> None:
    _edited_on_the_web(project)
    mine = "---\ntitle: First steps\n---\nPlug it in.\n\nThen read [the second](second.md).\n\n<!-- mine -->\n"
    project.checkout.write(FIRST, mine)
    done = project.kbsync("pull")
    assert done.code == 4
    assert FIRST in done.out + done.err
    assert project.checkout.read(FIRST) == mine


def _edited_by_both(project: Project) -> Project:
    _edited_on_the_web(project)
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nOurs.\n")
    project.checkout.commit()
    return project


def test_a_block_changed_by_both_is_written_between_markers_and_held_back(project: Project) -> None:
    done = _edited_by_both(project).kbsync("pull")
    assert done.code == 4
    assert "Conflicts to resolve" in done.out
    assert "markers" in done.out
    text = project.checkout.read(FIRST)
    assert text.startswith(
        "---\ntitle: First steps\n---\n<<<<<<< yours\nOurs.\n=======\nPlug it out.\n>>>>>>> portal\n"
    )
    project.checkout.commit()
    for words in (["lint"], ["publish", "--yes"]):
        held = project.kbsync(*words)
        assert held.code == 1
        assert f"{FIRST}:4:1: " in held.out + held.err


def test_ours_and_theirs_work_over_markers_one_file_after_the_other(project: Project) -> None:
    project.published()
    _edited_on_the_web(project)
    ours = {FIRST: "---\ntitle: First steps\n---\nOurs.\n", SECOND: "---\ntitle: Second steps\n---\nOurs, too.\n"}
    project.portal.store.edit_article(project.article("Second steps"), body="<p>Theirs, too.</p>")
    for path, text in ours.items():
        project.checkout.write(path, text)
    project.checkout.commit()
    marked = project.kbsync("pull")
    assert marked.code == 4
    assert "merged with your changes" not in marked.out
    assert project.kbsync("pull", "--theirs", FIRST).code == 4
    assert "Plug it out." in project.checkout.read(FIRST)
    assert "<<<<<<< yours" not in project.checkout.read(FIRST)
    assert "<<<<<<< yours" in project.checkout.read(SECOND)
    assert project.kbsync("pull", "--ours", SECOND).code == 0
    assert project.checkout.read(SECOND) == ours[SECOND]
    assert "Plug it out." in project.checkout.read(FIRST)


def test_overwrite_works_over_markers_and_takes_only_those_back(project: Project) -> None:
    ours = _edited_by_both(project).checkout.read(FIRST)
    project.kbsync("pull")
    other = project.checkout.read(FIRST) + "More.\n"
    project.checkout.write(FIRST, other)
    assert project.kbsync("publish", "--yes", "--overwrite", FIRST).code == 4
    assert project.checkout.read(FIRST) == other
    project.checkout.git("restore", ".")
    project.checkout.git("clean", "--quiet", "-d", "--force")
    project.kbsync("pull")
    done = project.kbsync("publish", "--yes", "--overwrite", FIRST)
    assert done.code == 0, done
    assert project.checkout.read(FIRST) == ours
    assert project.checkout.git("status", "--porcelain") == ""
    assert "Ours." in project.portal.store.article(project.article("First steps")).description


def test_json_names_a_conflict_beside_what_was_merged(project: Project) -> None:
    done = _edited_by_both(project).kbsync("pull", "--format", "json")
    assert done.code == 4
    assert [found["path"] for found in done.json["conflicts"]] == [FIRST]
    assert [change["path"] for change in done.json["changes"]] == [FIRST]


def test_a_merge_is_explained_in_the_report(project: Project) -> None:
    _edited_on_the_web(project)
    project.checkout.write(
        FIRST, project.checkout.read(FIRST).replace("title: First steps", "title: First steps\ntags: [ours]")
    )
    project.checkout.commit()
    done = project.kbsync("pull")
    assert done.code == 0
    assert "merged with your changes (tags); edited on the portal: body" in " ".join(done.out.split())
    assert project.checkout.read(FIRST) == "---\ntitle: First steps\ntags: [ours]\n---\nPlug it out.\n"


def test_ours_and_theirs_choose_the_winning_side(project: Project) -> None:
    before = _edited_by_both(project).checkout.read(FIRST)
    assert project.kbsync("pull", "--ours", FIRST).code == 0
    assert project.checkout.read(FIRST) == before
    project.checkout.git("clean", "-dfq", ".kbsync")
    assert project.kbsync("pull", "--theirs", FIRST).code == 0
    assert project.checkout.read(FIRST) == "---\ntitle: First steps\n---\nPlug it out.\n"


def test_prune_deletes_the_file_of_a_gone_article(project: Project) -> None:
    project.published()
    project.portal.store.delete_article(project.article("Second steps"))
    assert project.kbsync("pull").code == 4
    done = project.kbsync("pull", "--prune")
    assert done.code == 0
    assert f"- delete {SECOND}" in done.out
    assert not (project.checkout.root / SECOND).exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ours", "."], "--ours does not take the whole tree"),
        (["--ours", FIRST, "--theirs", FIRST], "--ours and --theirs both name"),
        (["--theirs", "help/nothing.md"], "no such file in the content tree: help/nothing.md"),
    ],
)
def test_a_wrong_path_or_side_is_a_usage_error(project: Project, words: list[str], message: str) -> None:
    project.published()
    done = project.kbsync("pull", *words)
    assert done.code == 2
    assert message in done.err


def test_the_environment_cannot_choose_the_winning_side(project: Project) -> None:
    _edited_by_both(project)
    done = project.kbsync("pull", KBSYNC_OURS=FIRST, KBSYNC_THEIRS=FIRST, KBSYNC_PRUNE="1")
    assert done.code == 4
    assert "<<<<<<<" in project.checkout.read(FIRST)


def test_only_the_named_paths_are_pulled(project: Project) -> None:
    _edited_on_the_web(project)
    project.portal.store.edit_article(project.article("Second steps"), body="<p>Turn it off.</p>")
    before = project.checkout.read(SECOND)
    assert project.kbsync("pull", FIRST).code == 0
    assert "Plug it out." in project.checkout.read(FIRST)
    assert project.checkout.read(SECOND) == before
    assert project.kbsync("plan", "--format", "json").json["drift"][0]["path"] == SECOND


def test_an_article_that_only_content_has_is_not_called_unmanaged(project: Project) -> None:
    project.published()
    project.checkout.write("guide/start/third.md", "---\ntitle: Third\n---\nText\n")
    done = project.kbsync("pull")
    assert "unmanaged" not in done.out
    assert "On one side only, skipped: 1 not on the portal yet\n" in done.out


def test_scripts_are_left_out_and_named(project: Project) -> None:
    project.published()
    number = project.article("First steps")
    project.portal.store.edit_article(number, body='<p>Safe</p><script>alert(1)</script><p onclick="x()">Too</p>')
    done = project.kbsync("pull")
    assert done.code == 0
    assert done.err.startswith(f"{FIRST}: removed for safety: ")
    assert "<script>" in done.err
    assert "alert" not in project.checkout.read(FIRST)
    assert "onclick" not in project.checkout.read(FIRST)


BOXED = (
    '<p class="note">Plug it in.</p><ul class="l"><li class="l">a</li></ul>'
    '<pre class="fd-callout fd-callout--tip">b</pre>'
)


def test_classes_without_a_meaning_are_left_out_and_named_once_with_counts(project: Project) -> None:
    project.published()
    for title in ("First steps", "Second steps"):
        project.portal.store.edit_article(project.article(title), body=BOXED)
    counts = {"l": 4, "note": 2}
    assert project.kbsync("pull", "--dry-run", "--format", "json").json["classes_left_out"] == counts
    done = project.kbsync("pull")
    assert done.code == 0
    assert done.err.splitlines()[0] == "Classes without a meaning in Freshdesk, left out: l (4), note (2)"
    assert "keep_classes" in done.err
    assert project.checkout.read(FIRST).endswith("Plug it in.\n\n- a\n\n> [!TIP]\n> b\n")


def test_classes_that_the_configuration_names_are_kept_and_a_plan_stays_empty(project: Project) -> None:
    project.published()
    config = project.checkout.read("kbsync.toml")
    project.checkout.write("kbsync.toml", config + '\n[pull]\nkeep_classes = ["note", "l"]\n')
    project.checkout.commit("Keep classes")
    project.portal.store.edit_article(project.article("First steps"), body=BOXED)
    assert project.kbsync("pull").err == ""
    assert "{.note}\nPlug it in.\n\n{.l}\n- {.l} a\n" in project.checkout.read(FIRST)
    project.checkout.commit("Pulled")
    assert project.kbsync("plan").out.splitlines()[-1] == "4 unchanged."


def test_a_plan_says_which_classes_it_removes_from_a_live_block(project: Project) -> None:
    project.published()
    project.portal.store.edit_article(project.article("First steps"), body=BOXED)
    project.kbsync("pull")
    project.checkout.commit("Pulled")
    text = project.checkout.read(FIRST)
    project.checkout.write(FIRST, text.replace("- a\n", "1. b *c*\n"))
    planned = project.kbsync("plan", "--format", "json").json["changes"]
    assert [change["reason"] for change in planned] == ["removes classes from the live body: note, l"]


def test_a_pull_works_with_a_detached_head_and_in_a_clone_of_depth_1(project: Project) -> None:
    project.checkout.commit("A second commit, so that depth 1 cuts something off")
    origin = project.checkout.root.parent / "origin.git"
    project.checkout.git("clone", "--quiet", "--bare", ".", str(origin))
    project.checkout.git("remote", "add", "origin", str(origin))
    project.published()
    shallow = project.checkout.root.parent / "shallow"
    project.checkout.git("clone", "--quiet", "--depth=1", f"file://{origin}", str(shallow))
    clone = type(project.checkout)(root=shallow, environ=project.checkout.environ)
    clone.git("checkout", "--quiet", "--detach", "HEAD")
    assert clone.kbsync("lint").code == 0
    assert clone.kbsync("plan").out.splitlines()[-1] == "4 unchanged."
    assert clone.kbsync("plan", "--no-refresh", FRESHDESK_API_KEY=None).out.splitlines()[-1] == "4 unchanged."
    assert clone.kbsync("status").code == 0
    assert clone.kbsync("publish", "--yes").out == "Nothing to do.\n"
    project.portal.store.edit_article(project.article("First steps"), body=THEIRS)
    assert "1 updated, 3 unchanged." in clone.kbsync("pull").out.splitlines()
    clone.commit("Pull web edits")
    clone.git("push", "--quiet", "origin", "HEAD:main")
    assert clone.kbsync("publish", "--yes").code == 0
    assert clone.kbsync("plan", "--exit-code").code == 0


def test_abort_restores_what_the_pull_changed_and_names_what_was_edited_or_committed_since(project: Project) -> None:
    before = _edited_on_the_web(project).checkout.files()
    project.portal.store.edit_article(project.article("Second steps"), body="<p>By an agent.</p>")
    project.kbsync("pull")
    project.checkout.write(SECOND, project.checkout.read(SECOND) + "\nBy the writer.\n")
    done = project.kbsync("pull", "--abort")
    assert done.code == 4
    assert f"restored {FIRST}" in done.out.splitlines()
    assert done.err == f"Not restored because edited since: {SECOND}\n"
    assert project.checkout.read(FIRST).encode() == before[FIRST]
    assert "By the writer." in project.checkout.read(SECOND)
    again = project.kbsync("pull", "--abort")
    assert (again.code, again.out) == (0, "")
    assert "Nothing to restore" in again.err


def test_abort_leaves_committed_files_and_says_how_to_revert_them(project: Project) -> None:
    _edited_on_the_web(project).kbsync("pull")
    project.checkout.commit()
    done = project.kbsync("pull", "--abort")
    assert (done.code, done.out) == (0, "")
    assert "git revert" in done.err
    assert "Plug it out." in project.checkout.read(FIRST)


def test_abort_takes_no_other_option(project: Project) -> None:
    done = project.kbsync("pull", "--abort", "--prune")
    assert done.code == 2
    assert "--abort cannot be used with paths or other options" in done.err


def test_an_interrupted_pull_is_reported_until_the_next_one_finishes_it(project: Project) -> None:
    _edited_on_the_web(project).kbsync("pull")
    folder = project.checkout.root / ".git" / "kbsync" / "tree"
    (folder / "done.json").rename(folder / "writing.json")
    for command in ("plan", "status"):
        assert "The last pull was interrupted" in project.kbsync(command).err
    done = project.kbsync("pull")
    assert (done.code, done.err) == (0, "")
    assert "Plug it out." in project.checkout.read(FIRST)
    assert "was interrupted" not in project.kbsync("plan").err


def test_ctrl_c_while_it_writes_ends_with_advice(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _edited_on_the_web(project)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pull_journal, "write_file", interrupted)
    done = project.kbsync("pull")
    assert (done.code, done.err) == (130, "Interrupted. Run the same command again to continue.\n")


def test_a_full_disk_ends_with_advice(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _edited_on_the_web(project)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pull_journal, "write_file", full)
    done = project.kbsync("pull")
    assert done.code == 1
    assert f"error: {FIRST} could not be written: No space left on device" in done.err
    assert "kbsync pull --abort" in done.err
    monkeypatch.undo()
    assert project.kbsync("pull").code == 0
