"""`kbsync status`: both directions on one screen, from reading alone."""

from collections import Counter

from tests.cli.conftest import FIRST, SECOND, Scene

THIRD = "guide/start/third.md"


def _stirred(scene: Scene) -> None:
    """Let there be one of each: to publish, to pull, in conflict, unmanaged, archived."""
    for name in ("third", "fourth", "fifth"):
        scene.desk.write(f"guide/start/{name}.md", f"---\ntitle: The {name}\n---\nOnly the {name} says so.\n")
    scene.desk.commit()
    scene.published()
    scene.desk.remove("guide/start/fifth.md")
    scene.desk.commit()
    scene.published()
    store = scene.portal.store
    store.edit_article(scene.article("First steps"), body="<p>By an agent.</p>")
    store.edit_article(scene.article("The third"), body="<p>By an agent too.</p>")
    store.create_article(store.all_folders()[0].id, "Theirs", "<p>x</p>")
    scene.desk.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off.\n")
    scene.desk.write(THIRD, "---\ntitle: The third\n---\nMine.\n")
    scene.portal.calls.clear()


def test_each_direction_and_whatever_waits_stand_on_one_screen(scene: Scene) -> None:
    _stirred(scene)
    ended = scene.kbsync("status")
    assert ended.code == 0
    told = ended.out.splitlines()
    counts = {line[:12].strip(): line[12:].strip() for line in told if line and line[0].isalpha() and line[12:]}
    counts.pop("production (", None)
    assert counts == {
        "To publish": "1",
        "To pull": "1",
        "In conflict": "1",
        "Undone": "0",
        "Unmanaged": "1",
        "Archived": "1",
        "Unchanged": "4",
    }
    assert {SECOND, FIRST, THIRD} <= {line.strip() for line in told}
    assert len(told) < 24


def test_programs_read_both_directions(scene: Scene) -> None:
    _stirred(scene)
    page = scene.kbsync("status", "--format", "json").page
    lists = ("to_publish", "to_pull", "conflicts", "unmanaged", "archived", "undone")
    assert {name: [one["path"] for one in page[name]] for name in lists} == {
        "to_publish": [SECOND],
        "to_pull": [FIRST],
        "conflicts": [THIRD],
        "unmanaged": ["Guide / Start here / Theirs"],
        "archived": ["guide/start/fifth.md"],
        "undone": [],
    }
    assert page["archived"][0]["id"] == scene.article("The fifth")
    assert (page["version"], page["to_publish"], page["to_pull"]) == (1, page["changes"], page["drift"])


def test_status_reads_and_nothing_more(scene: Scene) -> None:
    _stirred(scene)
    before = scene.desk.files(), scene.desk.git("for-each-ref"), scene.desk.git("status", "--porcelain")
    for words in ((), ("--format", "json"), ("--local",)):
        scene.kbsync("status", *words)
    assert set(Counter(call.method for call in scene.portal.calls)) == {"GET"}
    assert (scene.desk.files(), scene.desk.git("for-each-ref"), scene.desk.git("status", "--porcelain")) == before


def test_a_link_that_leads_nowhere_hides_no_status_and_a_broken_file_does(scene: Scene) -> None:
    scene.published()
    scene.desk.write(SECOND, "---\ntitle: Second steps\n---\n[There](nowhere.md)\n")
    assert scene.kbsync("plan").code == 1
    assert scene.kbsync("status", "--format", "json").page["to_publish"][0]["path"] == SECOND
    scene.desk.write(SECOND, "---\ntitle: [\n---\nText\n")
    ended = scene.kbsync("status")
    assert ended.code == 1
    assert SECOND in ended.err
