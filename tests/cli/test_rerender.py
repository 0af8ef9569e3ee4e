"""`--rerender` and `publish --no-refresh` on the command line."""

import json

import pytest

from tests.cli.conftest import SECOND, Project

CODE = "---\ntitle: Second steps\n---\n```python\nprint('hello')\n```\n"


@pytest.fixture
def older(project: Project) -> Project:
    """A tree that was published when its code was not to be coloured."""
    settings = project.checkout.read("kbsync.toml")
    project.checkout.write("kbsync.toml", f"{settings}[markup]\nhighlight = false\n")
    project.checkout.write(SECOND, CODE)
    project.checkout.commit()
    project.published()
    project.checkout.write("kbsync.toml", settings)
    project.checkout.commit()
    return project


def test_rerender_updates_an_unchanged_article(older: Project) -> None:
    assert older.kbsync("plan", "--exit-code").code == 0
    planned = older.kbsync("plan", "--rerender", "--exit-code")
    assert (planned.code, planned.out.splitlines()[-2]) == (3, "1 to update, 3 unchanged.")
    assert f"update {SECOND}  body; re-rendered" in planned.out
    done = older.kbsync("publish", "--rerender", "--yes", "--format", "json")
    assert done.code == 0
    assert [(c["path"], c["fields"], c["reason"], c["result"]) for c in done.json["changes"]] == [
        (SECOND, ["body"], "re-rendered", "done")
    ]
    again = older.kbsync("publish", "--yes", KBSYNC_RERENDER="1")
    assert (again.code, again.out, len(older.written)) == (0, "Nothing to do.\n", 1)


def test_a_saved_plan_and_its_publish_agree(older: Project) -> None:
    place = older.checkout.root.parent / "plan.json"
    assert older.kbsync("plan", "--rerender", "--out", str(place)).code == 0
    assert json.loads(place.read_text(encoding="utf-8"))["saved"]["rerender"] is True
    refused = older.kbsync("publish", "--plan", str(place), "--yes")
    assert (refused.code, older.written) == (4, [])
    assert "the saved plan was made with --rerender" in refused.err
    assert "try: publish it with --rerender" in refused.err
    assert older.kbsync("publish", "--plan", str(place), "--rerender", "--yes").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--rerender", "--no-refresh"),
        ("publish", "--yes", "--rerender", "--no-refresh"),
        ("plan", "--show", "plan.json", "--rerender"),
    ],
)
def test_options_that_contradict_each_other_end_with_2(project: Project, words: tuple[str, ...]) -> None:
    result = project.kbsync(*words)
    assert (result.code, result.out, project.portal.calls) == (2, "", [])


@pytest.mark.parametrize("environ", [{}, {"KBSYNC_NO_REFRESH": "1"}], ids=["typed", "variable"])
def test_without_a_refresh_an_update_takes_three_calls(project: Project, environ: dict[str, str]) -> None:
    project.published()
    project.checkout.write(SECOND, project.checkout.read(SECOND).replace("Turn it on.", "Turn it off and on."))
    project.checkout.commit()
    words = () if environ else ("--no-refresh",)
    done = project.kbsync("publish", "--yes", *words, "--format", "json", **environ)
    assert (done.code, done.json["calls"], done.json["counts"]) == (0, 3, {"update": 1})
    assert project.kbsync("plan", "--exit-code").code == 0
