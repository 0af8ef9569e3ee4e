"""`plan --out FILE.json`, `plan --show` and `publish --plan`, as they are typed."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene


@pytest.fixture
def place(scene: Scene) -> Path:
    """Where a plan is saved, beside the tree."""
    return scene.desk.root.parent / "plan.json"


@pytest.fixture
def saved(scene: Scene, place: Path) -> Path:
    """A published tree with two edits in it, whose plan is saved."""
    scene.published()
    scene.desk.write(FIRST, scene.desk.read(FIRST).replace("Plug it in.", "Plug it in, gently."))
    scene.desk.write(SECOND, scene.desk.read(SECOND).replace("Turn it on.", "Turn it off and on."))
    scene.desk.commit()
    assert scene.kbsync("plan", "--out", str(place)).code == 0
    return place


def test_a_saved_plan_is_published(scene: Scene, saved: Path) -> None:
    ended = scene.kbsync("publish", "--plan", str(saved), "--yes")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "2 updated.")
    assert scene.kbsync("plan").out.splitlines()[-1] == "4 unchanged."


def test_a_job_that_is_run_again_names_what_is_done_and_ends_well(scene: Scene, saved: Path) -> None:
    for words in ((), (), ("--all-or-nothing",)):
        ended = scene.kbsync("publish", "--plan", str(saved), "--yes", *words)
        assert ended.code == 0
    assert "no longer to be done" in ended.out


def test_the_format_makes_it_a_saved_plan_whatever_its_file_is_called(scene: Scene, saved: Path) -> None:
    other = saved.with_name("plan.txt")
    assert scene.kbsync("plan", "--format", "json", "--out", str(other)).code == 0
    assert scene.kbsync("publish", "--plan", str(other), "--yes").code == 0


def test_what_moved_since_is_named_once_and_ends_with_4(scene: Scene, saved: Path) -> None:
    scene.portal.store.edit_article(scene.article("Second steps"), body="<p>By an agent.</p>")
    ended = scene.kbsync("publish", "--plan", str(saved), "--yes")
    assert ended.code == 4
    assert ended.out.count(f"withheld {SECOND}") == 1
    assert "moved since the plan" in ended.out
    assert ended.out.splitlines()[-1] == "1 updated, 1 withheld."
    page = scene.kbsync("publish", "--plan", str(saved), "--yes", "--format", "json").page
    assert {change["path"]: change["result"] for change in page["changes"]} == {FIRST: "withheld", SECOND: "withheld"}


def test_all_or_nothing_says_what_holds_it_back_and_writes_nothing(scene: Scene, saved: Path) -> None:
    scene.portal.store.edit_article(scene.article("Second steps"), body="<p>By an agent.</p>")
    scene.portal.calls.clear()
    ended = scene.kbsync("publish", "--plan", str(saved), "--yes", "--all-or-nothing")
    assert (ended.code, ended.out, scene.written) == (4, "", [])
    assert ended.err.startswith(f"error: not all of the saved plan still holds: {SECOND} (moved since the plan")


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_it_is_shown_again_without_a_tree_a_key_or_a_portal(scene: Scene, saved: Path, form: str) -> None:
    shown = scene.kbsync("plan", "--format", form).out.partition("\n")[2]
    nowhere = saved.with_name("nowhere")
    nowhere.mkdir()
    scene.portal.calls.clear()
    again = scene.desk.kbsync("plan", "--show", str(saved), "--format", form, cwd=nowhere, FRESHDESK_API_KEY=None)
    assert (again.code, again.err, scene.portal.calls) == (0, "", [])
    body = again.out.partition("\n")[2]
    at = json.loads(saved.read_text(encoding="utf-8"))["saved"]["at"]
    assert body.replace(f", saved at {at}", "") == shown
    assert at in again.out


def test_it_is_shown_again_as_the_json_that_it_is(scene: Scene, saved: Path) -> None:
    assert scene.kbsync("plan", "--show", str(saved), "--format", "json").out == saved.read_text(encoding="utf-8")
    other = saved.with_name("again.html")
    assert scene.kbsync("plan", "--show", str(saved), "--format", "html", "--out", str(other)).out == ""
    assert other.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_its_file_may_lie_in_the_tree(scene: Scene, saved: Path) -> None:
    for _ in range(2):
        assert scene.kbsync("plan", "--out", "guide/plan.json").err.startswith("2 to update")
    ended = scene.kbsync("publish", "--plan", "guide/plan.json", "--yes")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "2 updated.")


def test_uncommitted_files_in_it_are_marked_and_it_allows_nothing(scene: Scene, place: Path) -> None:
    scene.desk.write(FIRST, "---\ntitle: First steps\n---\nNot committed.\n")
    assert scene.kbsync("plan", "--out", str(place)).code == 0
    assert FIRST in scene.kbsync("plan", "--show", str(place)).err
    scene.desk.commit()
    ended = scene.kbsync("publish", "--plan", str(place), "--yes")
    assert (ended.code, scene.written) == (4, [])
    assert f"the saved plan contains uncommitted files: {FIRST}" in ended.err


@pytest.mark.parametrize("span", ["1s", "30m", "12h", "7d"])
def test_an_old_one_ends_with_4_and_says_when_it_was_made(scene: Scene, saved: Path, span: str) -> None:
    page = json.loads(saved.read_text(encoding="utf-8"))
    page["saved"]["at"] = "2021-03-04T05:06:07Z"
    saved.write_text(json.dumps(page), encoding="utf-8")
    for ended in (
        scene.kbsync("publish", "--plan", str(saved), "--yes", "--max-age", span),
        scene.kbsync("publish", "--plan", str(saved), "--yes", KBSYNC_MAX_AGE=span),
    ):
        assert ended.code == 4
        assert "the saved plan was made at 2021-03-04T05:06:07Z" in ended.err
        assert "--max-age" in ended.err


@pytest.mark.parametrize("span", ["7", "d", "7w", "-1d", "1.5h", "", "99999999999d"])
def test_a_span_of_time_has_a_number_and_a_unit(scene: Scene, saved: Path, span: str) -> None:
    ended = scene.kbsync("publish", "--plan", str(saved), "--yes", f"--max-age={span}")
    assert ended.code == 2
    assert "no span of time; write 90s, 30m, 12h or 7d" in ended.err


def test_another_target_ends_with_4(scene: Scene, saved: Path) -> None:
    url = scene.portal.url
    settings = f'[targets.production]\nurl = "{url}"\n[targets.staging]\nurl = "{url}"\n'
    scene.desk.write("kbsync.toml", settings)
    scene.desk.commit()
    ended = scene.kbsync("--target", "staging", "publish", "--plan", str(saved), "--yes")
    assert ended.code == 4
    assert "the saved plan is for the target production, not staging" in ended.err


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not a saved plan"),
        (b"\xff\xfe\x00", "is not a saved plan: not valid UTF-8"),
        (b"# A page\n", "is not a saved plan"),
        (b'{"version": 99}', "`version` is 99, and this kbsync reads 1"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_saved_plan_ends_with_2(scene: Scene, place: Path, data: bytes | None, told: str) -> None:
    if data is not None:
        place.write_bytes(data)
    for words in (("publish", "--yes", "--plan"), ("plan", "--show")):
        ended = scene.kbsync(*words, str(place))
        assert (ended.code, ended.out) == (2, "")
        assert told in ended.err
        assert ended.err.count("\n") == 2


def test_what_json_the_terminal_was_shown_is_no_saved_plan_and_says_how_to_make_one(scene: Scene, place: Path) -> None:
    place.write_text(scene.kbsync("plan", "--format", "json").out, encoding="utf-8")
    ended = scene.kbsync("publish", "--plan", str(place), "--yes")
    assert ended.code == 2
    assert "save one with `kbsync plan --out FILE.json`" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("publish", "--yes", "--plan", "plan.json", FIRST),
        ("publish", "--yes", "--all-or-nothing"),
        ("plan", "--show", "plan.json", FIRST),
        ("plan", "--show", "plan.json", "--no-refresh"),
    ],
)
def test_options_that_do_not_go_together_end_with_2(scene: Scene, words: tuple[str, ...]) -> None:
    ended = scene.kbsync(*words)
    assert (ended.code, ended.out) == (2, "")


def test_without_yes_and_without_a_terminal_even_a_saved_plan_is_not_published(scene: Scene, saved: Path) -> None:
    scene.portal.calls.clear()
    ended = scene.kbsync("publish", "--plan", str(saved))
    assert (ended.code, scene.written) == (2, [])


def test_the_key_is_nowhere_in_it(scene: Scene, saved: Path) -> None:
    key = "sEcReT-" + "kEy-0123456789"
    for words in (("--out", str(saved)), ("--format", "json")):
        ended = scene.kbsync("plan", *words, FRESHDESK_API_KEY=key)
        assert key not in ended.out + ended.err + saved.read_text(encoding="utf-8")
