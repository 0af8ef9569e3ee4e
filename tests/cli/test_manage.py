"""`kbsync adopt`, `release` and `explain`: how items are named, what is printed, and the exit code."""

import pytest

from tests.cli.conftest import FIRST, SECOND, Project
from tests.ready import Ready


@pytest.fixture
def project(project: Project, ready: Ready) -> Project:
    """The tree, published."""
    ready("published", project.checkout.root.parent, project.portal, project.published)
    return project


def _on_the_web(project: Project, title: str) -> int:
    beside = project.portal.store.article(project.article("First steps"))
    return project.portal.store.create_article(beside.folder_id, title, "<p>Theirs.</p>").id


def test_release_shows_what_is_released_and_what_to_commit(project: Project) -> None:
    done = project.kbsync("release", FIRST, "--yes")
    assert done.code == 0
    assert f"= forget {FIRST}  released: kbsync no longer changes it on either side" in done.out
    assert "including the lock files in .kbsync" in done.err
    assert project.written == []
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nChanged.\n")
    project.checkout.commit()
    assert project.kbsync("plan", "--exit-code").code == 0
    again = project.kbsync("release", FIRST, "--yes")
    assert (again.code, again.err) == (0, "Nothing to do: already released.\n")


def test_adopt_shows_what_the_next_publish_writes(project: Project) -> None:
    number = _on_the_web(project, "Third steps")
    project.checkout.write("guide/start/third.md", "---\ntitle: Third steps\n---\nMine.\n")
    project.checkout.commit()
    done = project.kbsync("adopt", "guide/start/third.md", "--yes")
    assert done.code == 0
    assert "= adopt guide/start/third.md" in done.out
    assert "-Theirs." in done.out
    assert "+Mine." in done.out
    project.checkout.commit()
    page = project.kbsync("plan", "--format", "json").json
    assert [(change["action"], change["id"]) for change in page["changes"]] == [("update", number)]


def test_items_are_named_by_path_by_id_and_by_both(project: Project) -> None:
    one, two = _on_the_web(project, "Third steps"), _on_the_web(project, "Fourth steps")
    project.checkout.write("guide/start/mine.md", "---\ntitle: Mine\n---\nTheirs.\n")
    done = project.kbsync("adopt", f"guide/start/mine.md={two}", f"article:{one}", "--dry-run", "--format", "json")
    output = {change["path"]: (change["action"], change["id"]) for change in done.json["changes"]}
    assert output == {"guide/start/mine.md": ("adopt", two), "guide/start/third-steps.md": ("create", one)}
    folder = project.portal.store.article(one).folder_id
    done = project.kbsync(
        "release", f"folder:{folder}", str(project.article("First steps")), "--dry-run", "--format", "json"
    )
    assert {change["path"] for change in done.json["changes"]} == {"guide/start", FIRST}


@pytest.mark.parametrize("words", [["folder:7"], ["7"], ["guide/start/third.md"], ["guide/start/none.md"]])
@pytest.mark.parametrize("command", ["adopt", "release"])
def test_an_unknown_item_is_reported_and_nothing_is_written(project: Project, command: str, words: list[str]) -> None:
    before = project.checkout.files()
    done = project.kbsync(command, *words, "--yes")
    assert done.code in (2, 4)
    assert words[0].replace(":", " ").split()[-1] in done.out + done.err
    assert project.checkout.files() == before


@pytest.mark.parametrize("command", ["adopt", "release"])
def test_without_a_terminal_yes_is_needed(project: Project, command: str) -> None:
    done = project.kbsync(command, FIRST)
    assert done.code == 2
    assert "--yes" in done.err


@pytest.mark.parametrize("words", [["."], ["guide/start/first.md=folder:7"]])
def test_options_that_contradict_each_other_are_refused(project: Project, words: list[str]) -> None:
    assert project.kbsync("adopt", *words, "--yes").code == 2


def test_explain_describes_an_unchanged_item(project: Project) -> None:
    done = project.kbsync("explain", FIRST)
    assert done.code == 0
    assert done.out.startswith(f'{FIRST}: article {project.article("First steps")}, "First steps" on the portal\n')
    assert "(source: ledger, publish " in done.out
    assert "The content has not changed since then." in done.out
    assert "No action: neither side has changed." in done.out
    assert project.written == []


def test_explain_shows_what_each_side_did_and_the_options(project: Project) -> None:
    project.portal.store.edit_article(project.article("First steps"), body="<p>Theirs.</p>")
    project.checkout.write(FIRST, "---\ntitle: Mine\n---\nMine.\n")
    done = project.kbsync("explain", FIRST)
    assert "The content has changed since then: body, title." in done.out
    assert "The portal has changed since then: body." in done.out
    assert f"`kbsync pull {FIRST}`" in done.out
    assert f"`kbsync publish --overwrite {FIRST}`" in done.out


def test_explain_prints_json_too_and_needs_no_call(project: Project) -> None:
    project.checkout.write(SECOND, "---\ntitle: Second steps\n---\nTurn it off.\n")
    done = project.kbsync("explain", SECOND, "guide/start", "--no-refresh", "--format", "json", FRESHDESK_API_KEY=None)
    items = {item["path"]: item for item in done.json["items"]}
    assert done.json["calls"] == 0
    assert (items[SECOND]["decision"], items[SECOND]["content"]["fields"]) == ("update", ["body"])
    assert (items["guide/start"]["decision"], items["guide/start"]["planned"]) == ("nothing", "")
    assert items[SECOND]["baseline"]["in"] == "ledger"
    assert set(items[SECOND]["baseline"]) == {"in", "state", "seen_at", "path", "run"}


def test_explain_describes_released_archived_unmanaged_new_and_unknown_items(project: Project) -> None:
    number = _on_the_web(project, "Third steps")
    assert project.kbsync("release", FIRST, "--yes").code == 0
    project.checkout.remove(SECOND)
    project.checkout.write(FIRST, "---\ntitle: First steps\n---\nAlone.\n")
    project.checkout.write("guide/start/new.md", "---\ntitle: New\n---\nNew.\n")
    project.checkout.commit()
    assert "it is released" in project.kbsync("explain", FIRST).out
    assert "file removed" in project.kbsync("explain", SECOND).out
    assert "kbsync does not manage it" in project.kbsync("explain", str(number)).out
    assert "Publish creates it" in project.kbsync("explain", "guide/start/new.md").out
    lost = project.kbsync("explain", "guide/start/none.md")
    assert lost.code == 2
    assert "guide/start/none.md" in lost.err
