"""An article in conflict holds back only itself, and shows what both sides did and the options."""

import pytest

from tests.cli.conftest import FIRST, SECOND, Project

MINE = "---\ntitle: First steps\n---\nPlug it in *gently*.\n\nThen read [the second](second.md).\n"


@pytest.fixture
def project(project: Project) -> Project:
    """The first article changed on both sides, the second in the file alone."""
    project.published()
    body = project.portal.store.article(project.article("First steps")).description
    theirs = body.replace("Plug it in.", "Plug it <b>out</b>.")
    project.portal.store.edit_article(
        project.article("First steps"), body=theirs, tags=("mains",), title="First steps!"
    )
    project.checkout.write(FIRST, MINE)
    project.checkout.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off.\n")
    project.checkout.commit()
    return project


def test_a_plan_shows_what_each_side_did(project: Project) -> None:
    lines = [line.strip() for line in project.kbsync("plan").out.splitlines()]
    at = lines.index("in your file:")
    assert {"-Plug it in.", "+Plug it in *gently*."} <= set(lines[at : at + 5])
    there = lines[lines.index("on the portal:") :]
    assert "-title: First steps" in there
    assert "+title: First steps!" in there
    assert "+Plug it **out**." in there
    heading = next(line for line in lines if line.startswith("Conflicts, skipped"))
    assert "kbsync pull PATH" in heading
    assert "--overwrite PATH" in " ".join(lines)


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_every_form_shows_both_sides_and_nothing_of_them_is_markup(project: Project, form: str) -> None:
    project.checkout.write(FIRST, MINE + "\n```\n</details><script>alert(1)</script>\n````\n```\n")
    project.checkout.commit()
    page = project.kbsync("plan", "--format", form).out
    assert "in your file:" in page
    assert "on the portal:" in page
    assert form == "markdown" or "<script>alert" not in page


def test_json_has_both_sides_and_advice(project: Project) -> None:
    (conflict,) = project.kbsync("plan", "--format", "json").json["conflicts"]
    assert conflict["path"] == FIRST
    assert f"kbsync publish --overwrite {FIRST}" in conflict["advice"]
    assert "+Plug it in *gently*." in conflict["ours"]
    assert "+Plug it **out**." in conflict["theirs"]


def test_a_conflict_without_a_baseline_shows_how_the_portal_differs(project: Project) -> None:
    beside = project.portal.store.article(project.article("Second steps"))
    project.portal.store.create_article(beside.folder_id, "Third steps", "<p>Theirs.</p><p>Both.</p>")
    project.checkout.write("guide/start/third.md", "---\ntitle: Third steps\n---\nMine.\n\nBoth.\n")
    conflicts = {c["path"]: c for c in project.kbsync("plan", "--format", "json").json["conflicts"]}
    assert "ours" not in conflicts["guide/start/third.md"]
    assert conflicts["guide/start/third.md"]["theirs"] == ["@@ -1 +1 @@", "-Mine.", "+Theirs."]
