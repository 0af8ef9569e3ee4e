"""`kbsync adopt`, `release` and `explain`: how things are named, what is said, and how it ends."""

import pytest

from tests.cli.conftest import FIRST, SECOND, Scene


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """The tree, published."""
    return scene.published()


def _on_the_web(scene: Scene, title: str) -> int:
    beside = scene.portal.store.article(scene.article("First steps"))
    return scene.portal.store.create_article(beside.folder_id, title, "<p>Theirs.</p>").id


def test_release_says_what_is_let_go_and_what_to_commit(scene: Scene) -> None:
    done = scene.kbsync("release", FIRST, "--yes")
    assert done.code == 0
    assert f"= forget {FIRST}  released: nothing happens with it on either side from now on" in done.out
    assert "Commit .kbsync" in done.err
    assert scene.written == []
    scene.desk.write(FIRST, "---\ntitle: First steps\n---\nChanged.\n")
    scene.desk.commit()
    assert scene.kbsync("plan", "--exit-code").code == 0
    again = scene.kbsync("release", FIRST, "--yes")
    assert (again.code, again.err) == (0, "Nothing to do: released already.\n")


def test_adopt_shows_what_the_next_publish_writes(scene: Scene) -> None:
    number = _on_the_web(scene, "Third steps")
    scene.desk.write("guide/start/third.md", "---\ntitle: Third steps\n---\nMine.\n")
    scene.desk.commit()
    done = scene.kbsync("adopt", "guide/start/third.md", "--yes")
    assert done.code == 0
    assert "= adopt guide/start/third.md" in done.out
    assert "-Theirs." in done.out
    assert "+Mine." in done.out
    scene.desk.commit()
    page = scene.kbsync("plan", "--format", "json").page
    assert [(change["action"], change["id"]) for change in page["changes"]] == [("update", number)]


def test_items_are_named_by_path_by_id_and_by_both(scene: Scene) -> None:
    one, two = _on_the_web(scene, "Third steps"), _on_the_web(scene, "Fourth steps")
    scene.desk.write("guide/start/mine.md", "---\ntitle: Mine\n---\nTheirs.\n")
    done = scene.kbsync("adopt", f"guide/start/mine.md={two}", f"article:{one}", "--dry-run", "--format", "json")
    told = {change["path"]: (change["action"], change["id"]) for change in done.page["changes"]}
    assert told == {"guide/start/mine.md": ("adopt", two), "guide/start/third-steps.md": ("create", one)}
    folder = scene.portal.store.article(one).folder_id
    done = scene.kbsync(
        "release", f"folder:{folder}", str(scene.article("First steps")), "--dry-run", "--format", "json"
    )
    assert {change["path"] for change in done.page["changes"]} == {"guide/start", FIRST}


@pytest.mark.parametrize("words", [["folder:7"], ["7"], ["guide/start/third.md"], ["guide/start/none.md"]])
@pytest.mark.parametrize("command", ["adopt", "release"])
def test_what_is_nowhere_is_named_and_nothing_is_written(scene: Scene, command: str, words: list[str]) -> None:
    before = scene.desk.files()
    done = scene.kbsync(command, *words, "--yes")
    assert done.code in (2, 4)
    assert words[0].replace(":", " ").split()[-1] in done.out + done.err
    assert scene.desk.files() == before


@pytest.mark.parametrize("command", ["adopt", "release"])
def test_nobody_is_asked_where_nobody_is(scene: Scene, command: str) -> None:
    done = scene.kbsync(command, FIRST)
    assert done.code == 2
    assert "--yes" in done.err


@pytest.mark.parametrize("words", [["."], ["guide/start/first.md=folder:7"]])
def test_what_cannot_be_meant_is_refused(scene: Scene, words: list[str]) -> None:
    assert scene.kbsync("adopt", *words, "--yes").code == 2


def test_explain_tells_of_an_item_at_rest(scene: Scene) -> None:
    done = scene.kbsync("explain", FIRST)
    assert done.code == 0
    assert done.out.startswith(f'{FIRST}: article {scene.article("First steps")}, "First steps" on the portal\n')
    assert "the ledger says so, by publish" in done.out
    assert "The content has not changed since." in done.out
    assert "Nothing follows: neither side has changed." in done.out
    assert scene.written == []


def test_explain_tells_what_each_side_did_and_the_ways_on(scene: Scene) -> None:
    scene.portal.store.edit_article(scene.article("First steps"), body="<p>Theirs.</p>")
    scene.desk.write(FIRST, "---\ntitle: Mine\n---\nMine.\n")
    done = scene.kbsync("explain", FIRST)
    assert "The content has changed since: body, title." in done.out
    assert "The portal has changed since: body." in done.out
    assert f"`kbsync pull {FIRST}`" in done.out
    assert f"`kbsync publish --overwrite {FIRST}`" in done.out


def test_explain_is_data_too_and_needs_no_call(scene: Scene) -> None:
    scene.desk.write(SECOND, "---\ntitle: Second steps\n---\nTurn it off.\n")
    done = scene.kbsync("explain", SECOND, "guide/start", "--no-refresh", "--format", "json", FRESHDESK_API_KEY=None)
    items = {item["path"]: item for item in done.page["items"]}
    assert done.page["calls"] == 0
    assert (items[SECOND]["verdict"], items[SECOND]["content"]["fields"]) == ("update", ["body"])
    assert (items["guide/start"]["verdict"], items["guide/start"]["planned"]) == ("nothing", "")
    assert items[SECOND]["baseline"]["in"] == "ledger"


def test_explain_tells_of_what_is_released_archived_unmanaged_new_or_nowhere(scene: Scene) -> None:
    number = _on_the_web(scene, "Third steps")
    assert scene.kbsync("release", FIRST, "--yes").code == 0
    scene.desk.remove(SECOND)
    scene.desk.write(FIRST, "---\ntitle: First steps\n---\nAlone.\n")
    scene.desk.write("guide/start/new.md", "---\ntitle: New\n---\nNew.\n")
    scene.desk.commit()
    assert "it is released" in scene.kbsync("explain", FIRST).out
    assert "its file is gone" in scene.kbsync("explain", SECOND).out
    assert "leaves alone what no baseline knows" in scene.kbsync("explain", str(number)).out
    assert "A publish creates it" in scene.kbsync("explain", "guide/start/new.md").out
    lost = scene.kbsync("explain", "guide/start/none.md")
    assert lost.code == 2
    assert "guide/start/none.md" in lost.err
