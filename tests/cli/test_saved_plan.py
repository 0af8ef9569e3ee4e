"""`plan --out FILE.json`, `plan --show` and `publish --plan` on the command line."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import FIRST, SECOND, Project
from tests.ready import Ready


@pytest.fixture
def place(project: Project) -> Path:
    """Where a plan is saved, beside the tree."""
    return project.checkout.root.parent / "plan.json"


@pytest.fixture
def saved(project: Project, place: Path, ready: Ready) -> Path:
    """A published tree with two edits in it, whose plan is saved."""

    def make() -> None:
        project.published()
        project.checkout.write(FIRST, project.checkout.read(FIRST).replace("Plug it in.", "Plug it in, gently."))
        project.checkout.write(SECOND, project.checkout.read(SECOND).replace("Turn it on.", "Turn it off and on."))
        project.checkout.commit()
        assert project.kbsync("plan", "--out", str(place)).code == 0

    ready("saved plan", project.checkout.root.parent, project.portal, make)
    return place


def test_a_saved_plan_is_published(project: Project, saved: Path) -> None:
    result = project.kbsync("publish", "--plan", str(saved), "--yes")
    assert (result.code, result.out.splitlines()[-1]) == (0, "2 updated.")
    assert project.kbsync("plan").out.splitlines()[-1] == "4 unchanged."
    again = project.kbsync("publish", "--plan", str(saved), "--yes", "--all-or-nothing")
    assert again.code == 0
    assert "already done" in again.out


def test_the_format_makes_it_a_saved_plan_whatever_its_file_is_called(project: Project, saved: Path) -> None:
    other = saved.with_name("plan.txt")
    assert project.kbsync("plan", "--format", "json", "--out", str(other)).code == 0
    assert project.kbsync("publish", "--plan", str(other), "--yes").code == 0


def test_a_change_withheld_since_the_plan_is_reported_once_and_ends_with_4(project: Project, saved: Path) -> None:
    project.portal.store.edit_article(project.article("Second steps"), body="<p>By an agent.</p>")
    result = project.kbsync("publish", "--plan", str(saved), "--yes")
    assert result.code == 4
    assert result.out.count(f"withheld {SECOND}") == 1
    assert "changed since the plan" in result.out
    assert "1 updated, 1 withheld." in result.out.splitlines()
    page = project.kbsync("publish", "--plan", str(saved), "--yes", "--format", "json").json
    assert {change["path"]: change["result"] for change in page["changes"]} == {FIRST: "withheld", SECOND: "withheld"}


def test_all_or_nothing_reports_what_is_withheld_and_writes_nothing(project: Project, saved: Path) -> None:
    project.portal.store.edit_article(project.article("Second steps"), body="<p>By an agent.</p>")
    project.portal.calls.clear()
    result = project.kbsync("publish", "--plan", str(saved), "--yes", "--all-or-nothing")
    assert (result.code, result.out, project.written) == (4, "", [])
    assert result.err.startswith(f"error: parts of the saved plan are out of date: {SECOND} (changed since the plan")


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_it_is_shown_again_without_a_tree_a_key_or_a_portal(project: Project, saved: Path, form: str) -> None:
    page = project.kbsync("plan", "--format", form).out
    nowhere = saved.with_name("nowhere")
    nowhere.mkdir()
    project.portal.calls.clear()
    again = project.checkout.kbsync("plan", "--show", str(saved), "--format", form, cwd=nowhere, FRESHDESK_API_KEY=None)
    assert (again.code, again.err, project.portal.calls) == (0, "", [])
    at = json.loads(saved.read_text(encoding="utf-8"))["saved"]["at"]
    assert at in again.out
    next_step = re.compile(r"kbsync publish|plan\.json")
    same = [line for line in again.out.splitlines() if at not in line and not next_step.search(line)]
    # The bodies are in no saved plan: its page has the source differences alone.
    shown = re.sub(r'<div class="side"><h3>(Before|After).*?</div></div>', "", page, flags=re.DOTALL).splitlines()
    assert [line for line in shown if line not in same and not re.search("kbsync|plan.json", line)] == []
    assert [line for line in same if line not in shown] == []


def test_it_is_shown_again_as_the_json_that_it_is(project: Project, saved: Path) -> None:
    assert project.kbsync("plan", "--show", str(saved), "--format", "json").out == saved.read_text(encoding="utf-8")
    other = saved.with_name("again.html")
    assert project.kbsync("plan", "--show", str(saved), "--format", "html", "--out", str(other)).out == ""
    assert other.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_its_file_may_be_in_the_tree(project: Project, saved: Path) -> None:
    for _ in range(2):
        assert project.kbsync("plan", "--out", "guide/plan.json").err.startswith(
            "Plan written to guide/plan.json: 2 to update"
        )
    result = project.kbsync("publish", "--plan", "guide/plan.json", "--yes")
    assert (result.code, result.out.splitlines()[-1]) == (0, "2 updated.")


def test_uncommitted_files_in_it_are_marked_and_it_allows_nothing(project: Project, place: Path) -> None:
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nNot committed.\n")
    assert project.kbsync("plan", "--out", str(place)).code == 0
    assert FIRST in project.kbsync("plan", "--show", str(place)).err
    project.checkout.commit()
    result = project.kbsync("publish", "--plan", str(place), "--yes")
    assert (result.code, project.written) == (4, [])
    assert f"the saved plan contains uncommitted files: {FIRST}" in result.err


def test_an_old_one_ends_with_4_and_its_age(project: Project, saved: Path) -> None:
    page = json.loads(saved.read_text(encoding="utf-8"))
    page["saved"]["at"] = "2021-03-04T05:06:07Z"
    saved.write_text(json.dumps(page), encoding="utf-8")
    for result in (
        project.kbsync("publish", "--plan", str(saved), "--yes", "--max-age", "7d"),
        project.kbsync("publish", "--plan", str(saved), "--yes", KBSYNC_MAX_AGE="12h"),
    ):
        assert result.code == 4
        assert "the saved plan was made at 2021-03-04T05:06:07Z" in result.err
        assert "--max-age" in result.err


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (b"", "is not a saved plan"),
        (b"\xff\xfe\x00", "is not a saved plan: not valid UTF-8"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_not_a_saved_plan_ends_with_2(
    project: Project, place: Path, data: bytes | None, output: str
) -> None:
    if data is not None:
        place.write_bytes(data)
    for words in (("publish", "--yes", "--plan"), ("plan", "--show")):
        result = project.kbsync(*words, str(place))
        assert (result.code, result.out) == (2, "")
        assert output in result.err
        assert result.err.count("\n") == 2


def test_the_printed_json_is_not_a_saved_plan_and_the_advice_names_how_to_make_one(
    project: Project, place: Path
) -> None:
    place.write_text(project.kbsync("plan", "--format", "json").out, encoding="utf-8")
    result = project.kbsync("publish", "--plan", str(place), "--yes")
    assert result.code == 2
    assert "save one with `kbsync plan --out FILE.json`" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("publish", "--yes", "--plan", "plan.json", FIRST),
        ("publish", "--yes", "--all-or-nothing"),
        ("plan", "--show", "plan.json", FIRST),
        ("plan", "--show", "plan.json", "--no-refresh"),
    ],
)
def test_options_that_do_not_go_together_end_with_2(project: Project, words: tuple[str, ...]) -> None:
    result = project.kbsync(*words)
    assert (result.code, result.out) == (2, "")


def test_without_yes_and_without_a_terminal_even_a_saved_plan_is_not_published(project: Project, saved: Path) -> None:
    project.portal.calls.clear()
    result = project.kbsync("publish", "--plan", str(saved))
    assert (result.code, project.written) == (2, [])


def test_the_key_is_nowhere_in_it(project: Project, saved: Path) -> None:
    key = "sEcReT-" + "kEy-0123456789"
    for words in (("--out", str(saved)), ("--format", "json")):
        result = project.kbsync("plan", *words, FRESHDESK_API_KEY=key, KBSYNC_URL=project.portal.url)
        assert key not in result.out + result.err + saved.read_text(encoding="utf-8")
