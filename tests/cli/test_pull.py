"""`kbsync pull`: what it writes and says, and how it ends."""

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene

THEIRS = "<p>Plug it out.</p>"


def _edited_on_the_web(scene: Scene) -> Scene:
    scene.published()
    scene.portal.store.edit_article(scene.article("First steps"), body=THEIRS)
    return scene


def test_a_pull_writes_the_edit_and_says_so_in_the_past_tense(scene: Scene) -> None:
    done = _edited_on_the_web(scene).kbsync("pull")
    assert (done.code, done.err) == (0, "")
    lines = [line.strip() for line in done.out.splitlines()]
    assert lines[0] == f"kbsync pull from production ({scene.portal.url})"
    assert f"~ update {FIRST}  edited on the portal: body" in lines
    assert "+Plug it out." in lines
    assert lines[-1] == "1 updated, 3 unchanged."
    assert scene.desk.read(FIRST) == "---\ntitle: First steps\n---\nPlug it out.\n"
    assert scene.written == []


def test_a_dry_run_shows_the_same_and_writes_nothing(scene: Scene) -> None:
    before = _edited_on_the_web(scene).desk.files()
    for words, environ in ((["--dry-run"], {}), ([], {"KBSYNC_DRY_RUN": "1"})):
        done = scene.kbsync("pull", *words, **environ)
        assert done.code == 0
        assert "+Plug it out." in done.out
        assert done.out.splitlines()[-1] == "1 to update, 3 unchanged."
    assert scene.desk.files() == before


def test_json_names_what_was_written(scene: Scene) -> None:
    page = _edited_on_the_web(scene).kbsync("pull", "--format", "json").page
    assert [(change["action"], change["path"], change["fields"]) for change in page["changes"]] == [
        ("update", FIRST, ["body"])
    ]
    assert page["calls"] == 3


def test_a_pull_after_a_publish_changes_no_byte(scene: Scene) -> None:
    before = scene.published().desk.files()
    done = scene.kbsync("pull")
    assert (done.code, done.out.splitlines()[-1]) == (0, "4 unchanged.")
    assert scene.desk.files() == before


def test_a_pull_never_writes_over_what_is_not_committed(scene: Scene) -> None:
    _edited_on_the_web(scene)
    mine = "---\ntitle: First steps\n---\nPlug it in.\n\nThen read [the second](second.md).\n\n<!-- mine -->\n"
    scene.desk.write(FIRST, mine)
    done = scene.kbsync("pull")
    assert done.code == 4
    assert FIRST in done.out + done.err
    assert scene.desk.read(FIRST) == mine


def _edited_by_both(scene: Scene) -> Scene:
    _edited_on_the_web(scene)
    scene.desk.write(FIRST, "---\ntitle: First steps\n---\nOurs.\n")
    scene.desk.commit()
    return scene


def test_what_both_changed_is_written_between_markers_named_and_held(scene: Scene) -> None:
    done = _edited_by_both(scene).kbsync("pull")
    assert done.code == 4
    assert "In conflict, for you to solve" in done.out
    assert "markers" in done.out
    text = scene.desk.read(FIRST)
    assert text.startswith(
        "---\ntitle: First steps\n---\n<<<<<<< yours\nOurs.\n=======\nPlug it out.\n>>>>>>> portal\n"
    )
    scene.desk.commit()
    for words in (["lint"], ["publish", "--yes"]):
        held = scene.kbsync(*words)
        assert held.code == 1
        assert f"{FIRST}:4: " in held.out + held.err


def test_json_names_a_conflict_beside_what_was_merged(scene: Scene) -> None:
    done = _edited_by_both(scene).kbsync("pull", "--format", "json")
    assert done.code == 4
    assert [found["path"] for found in done.page["conflicts"]] == [FIRST]
    assert [change["path"] for change in done.page["changes"]] == [FIRST]


def test_a_merge_is_told_in_words(scene: Scene) -> None:
    _edited_on_the_web(scene)
    scene.desk.write(FIRST, scene.desk.read(FIRST).replace("title: First steps", "title: First steps\ntags: [ours]"))
    scene.desk.commit()
    done = scene.kbsync("pull")
    assert done.code == 0
    assert "merged with what you changed (tags); edited on the portal: body" in " ".join(done.out.split())
    assert scene.desk.read(FIRST) == "---\ntitle: First steps\ntags: [ours]\n---\nPlug it out.\n"


def test_ours_and_theirs_say_which_side_wins(scene: Scene) -> None:
    before = _edited_by_both(scene).desk.read(FIRST)
    assert scene.kbsync("pull", "--ours", FIRST).code == 0
    assert scene.desk.read(FIRST) == before
    scene.desk.git("clean", "-dfq", ".kbsync")
    assert scene.kbsync("pull", "--theirs", FIRST).code == 0
    assert scene.desk.read(FIRST) == "---\ntitle: First steps\n---\nPlug it out.\n"


def test_prune_takes_the_file_of_what_is_gone(scene: Scene) -> None:
    scene.published()
    scene.portal.store.delete_article(scene.article("Second steps"))
    assert scene.kbsync("pull").code == 4
    done = scene.kbsync("pull", "--prune")
    assert done.code == 0
    assert f"- delete {SECOND}" in done.out
    assert not (scene.desk.root / SECOND).exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ours", "."], "--ours names the whole tree"),
        (["--ours", FIRST, "--theirs", FIRST], "--ours and --theirs both name"),
        (["--theirs", "help/nothing.md"], "not in the tree: help/nothing.md"),
    ],
)
def test_a_slip_in_saying_who_wins_is_told(scene: Scene, words: list[str], said: str) -> None:
    scene.published()
    done = scene.kbsync("pull", *words)
    assert done.code == 2
    assert said in done.err


def test_no_environment_says_which_side_wins(scene: Scene) -> None:
    _edited_by_both(scene)
    done = scene.kbsync("pull", KBSYNC_OURS=FIRST, KBSYNC_THEIRS=FIRST, KBSYNC_PRUNE="1")
    assert done.code == 4
    assert "<<<<<<<" in scene.desk.read(FIRST)


def test_only_the_named_paths_are_pulled(scene: Scene) -> None:
    _edited_on_the_web(scene)
    scene.portal.store.edit_article(scene.article("Second steps"), body="<p>Turn it off.</p>")
    before = scene.desk.read(SECOND)
    assert scene.kbsync("pull", FIRST).code == 0
    assert "Plug it out." in scene.desk.read(FIRST)
    assert scene.desk.read(SECOND) == before
    assert scene.kbsync("plan", "--format", "json").page["drift"][0]["path"] == SECOND


def test_what_only_content_has_is_not_called_unmanaged(scene: Scene) -> None:
    scene.published()
    scene.desk.write("guide/start/third.md", "---\ntitle: Third\n---\nText\n")
    done = scene.kbsync("pull")
    assert "unmanaged" not in done.out
    assert "! guide/start/third.md  not on the portal yet" in done.out


def test_scripts_are_left_out_and_named(scene: Scene) -> None:
    scene.published()
    number = scene.article("First steps")
    scene.portal.store.edit_article(number, body='<p>Safe</p><script>alert(1)</script><p onclick="x()">Too</p>')
    done = scene.kbsync("pull")
    assert done.code == 0
    assert done.err.startswith(f"{FIRST}: left out on purpose: ")
    assert "<script>" in done.err
    assert "alert" not in scene.desk.read(FIRST)
    assert "onclick" not in scene.desk.read(FIRST)


def test_a_detached_head_and_a_clone_of_depth_1_are_ordinary(scene: Scene) -> None:
    scene.desk.commit("A second commit, so that depth 1 cuts something off")
    origin = scene.desk.root.parent / "origin.git"
    scene.desk.git("clone", "--quiet", "--bare", ".", str(origin))
    scene.desk.git("remote", "add", "origin", str(origin))
    scene.published()
    shallow = scene.desk.root.parent / "shallow"
    scene.desk.git("clone", "--quiet", "--depth=1", f"file://{origin}", str(shallow))
    clone = type(scene.desk)(root=shallow, environ=scene.desk.environ)
    clone.git("checkout", "--quiet", "--detach", "HEAD")
    assert clone.kbsync("lint").code == 0
    assert clone.kbsync("plan").out.splitlines()[-1] == "4 unchanged."
    assert clone.kbsync("plan", "--no-refresh", FRESHDESK_API_KEY=None).out.splitlines()[-1] == "4 unchanged."
    assert clone.kbsync("status").code == 0
    assert clone.kbsync("publish", "--yes").out == "Nothing to do.\n"
    scene.portal.store.edit_article(scene.article("First steps"), body=THEIRS)
    assert clone.kbsync("pull").out.splitlines()[-1] == "1 updated, 3 unchanged."
    clone.commit("Bring it home")
    clone.git("push", "--quiet", "origin", "HEAD:main")
    assert clone.kbsync("publish", "--yes").code == 0
    assert clone.kbsync("plan", "--exit-code").code == 0
