"""`kbsync status`: both directions on one screen, without a write."""

from collections import Counter

from tests.cli.conftest import FIRST, SECOND, Project

THIRD = "guide/start/third.md"


def _stirred(project: Project) -> None:
    """Let there be one of each: to publish, to pull, in conflict, unmanaged, archived."""
    for name in ("third", "fourth", "fifth"):
        project.checkout.write(f"guide/start/{name}.md", f"---\ntitle: The {name}\n---\nOnly the {name} says so.\n")
    project.checkout.commit()
    project.published()
    project.checkout.remove("guide/start/fifth.md")
    project.checkout.commit()
    project.published()
    store = project.portal.store
    store.edit_article(project.article("First steps"), body="<p>By an agent.</p>")
    store.edit_article(project.article("The third"), body="<p>By an agent too.</p>")
    store.create_article(store.all_folders()[0].id, "Theirs", "<p>x</p>")
    project.checkout.write(SECOND, "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it off.\n")
    project.checkout.write(THIRD, "---\ntitle: The third\n---\nMine.\n")
    project.portal.calls.clear()


def test_both_directions_and_pending_items_are_on_one_screen(project: Project) -> None:
    _stirred(project)
    result = project.kbsync("status")
    assert result.code == 0
    output = result.out.splitlines()
    counts = {line[:12].strip(): line[12:].strip() for line in output if line and line[0].isalpha() and line[12:]}
    counts.pop("production (", None)
    assert counts == {
        "To publish": "1",
        "To pull": "1",
        "Conflicts": "1",
        "Undone": "0",
        "Unmanaged": "1",
        "Archived": "1",
        "Unchanged": "4",
    }
    assert {SECOND, FIRST, THIRD} <= {line.strip() for line in output}
    assert len(output) < 24


def test_programs_read_both_directions(project: Project) -> None:
    _stirred(project)
    page = project.kbsync("status", "--format", "json").json
    lists = ("to_publish", "to_pull", "conflicts", "unmanaged", "archived", "undone")
    assert {name: [one["path"] for one in page[name]] for name in lists} == {
        "to_publish": [SECOND],
        "to_pull": [FIRST],
        "conflicts": [THIRD],
        "unmanaged": ["Guide / Start here / Theirs"],
        "archived": ["guide/start/fifth.md"],
        "undone": [],
    }
    assert page["archived"][0]["id"] == project.article("The fifth")
    assert (page["version"], page["to_publish"], page["to_pull"]) == (1, page["changes"], page["drift"])


def test_of_a_long_list_the_first_are_named_and_the_others_counted(project: Project) -> None:
    for number in range(12):
        project.checkout.write(f"guide/start/new-{number:02}.md", f"---\ntitle: New {number}\n---\nText {number}\n")
    words = [line.split() for line in project.kbsync("status").out.splitlines()]
    assert ["To", "publish", "16"] in words
    assert ["and", "6", "more"] in words


def test_status_only_reads(project: Project) -> None:
    _stirred(project)
    before = (
        project.checkout.files(),
        project.checkout.git("for-each-ref"),
        project.checkout.git("status", "--porcelain"),
    )
    for words in ((), ("--format", "json"), ("--local",)):
        project.kbsync("status", *words)
    assert set(Counter(call.method for call in project.portal.calls)) == {"GET"}
    assert (
        project.checkout.files(),
        project.checkout.git("for-each-ref"),
        project.checkout.git("status", "--porcelain"),
    ) == before


def test_a_broken_link_does_not_prevent_a_status_but_a_broken_file_does(project: Project) -> None:
    project.published()
    project.checkout.write(SECOND, "---\ntitle: Second steps\n---\n[There](nowhere.md)\n")
    assert project.kbsync("plan").code == 1
    assert project.kbsync("status", "--format", "json").json["to_publish"][0]["path"] == SECOND
    project.checkout.write(SECOND, "---\ntitle: [\n---\nText\n")
    result = project.kbsync("status")
    assert result.code == 1
    assert SECOND in result.err
