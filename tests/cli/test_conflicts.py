"""An article in conflict holds back itself alone, and shows what both sides did and the three ways on."""

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene

MINE = "---\ntitle: First steps\n---\nPlug it in *gently*.\n\nThen read [the second](second.md).\n"


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """The first article changed on both sides, the second in the file alone."""
    scene.published()
    body = scene.portal.store.article(scene.article("First steps")).description
    theirs = body.replace("Plug it in.", "Plug it <b>out</b>.")
    scene.portal.store.edit_article(scene.article("First steps"), body=theirs, tags=("mains",), title="First steps!")
    scene.desk.write(FIRST, MINE)
    scene.desk.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off.\n")
    scene.desk.commit()
    return scene


def test_a_plan_shows_what_each_side_did(scene: Scene) -> None:
    lines = [line.strip() for line in scene.kbsync("plan").out.splitlines()]
    at = lines.index("in the content:")
    assert {"-Plug it in.", "+Plug it in *gently*."} <= set(lines[at : at + 5])
    there = lines[lines.index("on the portal:") :]
    assert "-title: First steps" in there
    assert "+title: First steps!" in there
    assert "+Plug it **out**." in there
    heading = next(line for line in lines if line.startswith("In conflict, left alone"))
    assert "kbsync pull PATH" in heading
    assert "--overwrite PATH" in " ".join(lines)


def test_a_conflict_holds_back_nothing_else(scene: Scene) -> None:
    done = scene.kbsync("publish", "--yes")
    assert done.code == 4
    assert "1 updated" in done.out
    assert "Turn it off" in scene.portal.store.article(scene.article("Second steps")).description
    assert "<b>out</b>" in scene.portal.store.article(scene.article("First steps!")).description


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_every_form_shows_both_sides_and_nothing_of_them_is_markup(scene: Scene, form: str) -> None:
    scene.desk.write(FIRST, MINE + "\n```\n</details><script>alert(1)</script>\n````\n```\n")
    scene.desk.commit()
    page = scene.kbsync("plan", "--format", form).out
    assert "in the content:" in page
    assert "on the portal:" in page
    assert form == "markdown" or "<script>alert" not in page


def test_data_has_both_sides(scene: Scene) -> None:
    (conflict,) = scene.kbsync("plan", "--format", "json").page["conflicts"]
    assert conflict["path"] == FIRST
    assert "+Plug it in *gently*." in conflict["ours"]
    assert "+Plug it **out**." in conflict["theirs"]


def test_what_nobody_agreed_on_shows_what_the_portal_has_otherwise(scene: Scene) -> None:
    beside = scene.portal.store.article(scene.article("Second steps"))
    scene.portal.store.create_article(beside.folder_id, "Third steps", "<p>Theirs.</p><p>Both.</p>")
    scene.desk.write("guide/start/third.md", "---\ntitle: Third steps\n---\nMine.\n\nBoth.\n")
    conflicts = {c["path"]: c for c in scene.kbsync("plan", "--format", "json").page["conflicts"]}
    assert "ours" not in conflicts["guide/start/third.md"]
    assert conflicts["guide/start/third.md"]["theirs"] == ["@@ -1 +1 @@", "-Mine.", "+Theirs."]


def test_the_three_ways_on_lead_on(scene: Scene) -> None:
    assert scene.kbsync("publish", "--yes", "--overwrite", FIRST).code == 0
    assert "gently" in scene.portal.store.article(scene.article("First steps")).description
    assert scene.kbsync("plan", "--exit-code").code == 0
