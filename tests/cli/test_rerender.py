"""`--rerender` and `publish --no-refresh`, as they are typed."""

import json

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene

CODE = "---\ntitle: Second steps\n---\n```python\nprint('hello')\n```\n"


@pytest.fixture
def older(scene: Scene) -> Scene:
    """A tree that was published when its code was not to be coloured."""
    settings = scene.desk.read("kbsync.toml")
    scene.desk.write("kbsync.toml", f"{settings}[markup]\nhighlight = false\n")
    scene.desk.write(SECOND, CODE)
    scene.desk.commit()
    scene.published()
    scene.desk.write("kbsync.toml", settings)
    scene.desk.commit()
    return scene


def test_new_rendering_reaches_an_unchanged_article_where_it_is_asked_for(older: Scene) -> None:
    assert older.kbsync("plan", "--exit-code").code == 0
    planned = older.kbsync("plan", "--rerender", "--exit-code")
    assert (planned.code, planned.out.splitlines()[-1]) == (3, "1 to update, 3 unchanged.")
    assert f"update {SECOND}  body; rendered again" in planned.out
    done = older.kbsync("publish", "--rerender", "--yes", "--format", "json")
    assert done.code == 0
    assert [(c["path"], c["fields"], c["reason"], c["result"]) for c in done.page["changes"]] == [
        (SECOND, ["body"], "rendered again", "done")
    ]
    again = older.kbsync("publish", "--yes", KBSYNC_RERENDER="1")
    assert (again.code, again.out, len(older.written)) == (0, "Nothing to do.\n", 1)


def test_a_saved_plan_and_its_publish_are_of_one_mind(older: Scene) -> None:
    place = older.desk.root.parent / "plan.json"
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
def test_what_does_not_go_together_ends_with_2(scene: Scene, words: tuple[str, ...]) -> None:
    ended = scene.kbsync(*words)
    assert (ended.code, ended.out, scene.portal.calls) == (2, "", [])


@pytest.mark.parametrize("environ", [{}, {"KBSYNC_NO_REFRESH": "1"}], ids=["typed", "variable"])
def test_without_a_refresh_an_update_takes_three_calls(scene: Scene, environ: dict[str, str]) -> None:
    scene.published()
    scene.desk.write(SECOND, scene.desk.read(SECOND).replace("Turn it on.", "Turn it off and on."))
    scene.desk.commit()
    words = () if environ else ("--no-refresh",)
    done = scene.kbsync("publish", "--yes", *words, "--format", "json", **environ)
    assert (done.code, done.page["calls"], done.page["counts"]) == (0, 3, {"update": 1})
    assert scene.kbsync("plan", "--exit-code").code == 0


def test_without_a_refresh_a_web_edit_in_the_way_ends_with_4(scene: Scene) -> None:
    scene.published()
    number = scene.article("First steps")
    scene.portal.store.edit_article(number, body="<p>By hand.</p>")
    scene.desk.write(FIRST, scene.desk.read(FIRST).replace("Plug it in.", "Plug it in, gently."))
    scene.desk.commit()
    done = scene.kbsync("publish", "--yes", "--no-refresh")
    assert (done.code, scene.written) == (4, [])
    assert done.out.endswith("1 in conflict, 3 unchanged.\nNothing to do.\n")
    assert scene.portal.store.article(number).description == "<p>By hand.</p>"
