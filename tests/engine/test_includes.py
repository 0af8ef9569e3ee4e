"""Includes and variables in a publish and a pull: shared text changes everywhere, and placeholders stay."""

from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, new_clone, steps
from tests.planner.world import article

PLAN, FREE, PLAIN = "guide/basics/plan.md", "guide/basics/free.md", "guide/basics/plain.md"
NOTE = "_snippets/note.md"
TREE = {
    NOTE: "Write to *us*, or read [the plan](../guide/basics/plan.md).\n\nWe are {{ company }}.\n",
    "_snippets/phone.md": "**555 0100**\n",
    "guide/_index.md": "---\nname: Guide\n---\n",
    "guide/basics/_index.md": "---\nname: Basics\ndefaults:\n  variables:\n    price: 10 $\n---\n",
    PLAN: article("Plan", "First one.\n\n{% include '_snippets/note.md' %}\n\nIt is {{ price }} a month.\n\nLast one."),
    FREE: article("Free", "Call {% include '_snippets/phone.md' %} now.\n\n* by hand\n* indeed"),
    PLAIN: article("Plain", "Nothing here, but `{{ company }}` and {{ticket.id}}."),
}
VARIABLES = {"company": "Acme & Sons"}


@pytest.fixture
def clone(tmp_path: Path, portal: Portal) -> Clone:
    made = new_clone(tmp_path / "clone", portal, TREE, variables=VARIABLES)
    made.published()
    return made


def _edit(clone: Clone, path: str, old: str, new: str) -> None:
    live = clone.live(path)
    assert live.description.count(old) == 1, live.description
    clone.portal.store.edit_article(live.id, body=live.description.replace(old, new))


def _files_after_pull(clone: Clone) -> dict[str, str]:
    """Pull, and give the files that it changed."""
    before = clone.files()
    clone.pull()
    return {path: text for path, text in clone.files().items() if before.get(path) != text}


def test_readers_see_expanded_placeholders(clone: Clone) -> None:
    shown = clone.live(PLAN).description
    assert "We are Acme &amp; Sons." in shown
    assert "It is 10 $ a month." in shown
    assert f"/support/solutions/articles/{clone.id_of(PLAN)}" in shown
    assert "Call <strong>555 0100</strong> now." in clone.live(FREE).description
    plain = clone.live(PLAIN).description
    assert "<code>{{ company }}</code> and {{ticket.id}}." in plain
    assert {article.title for article in clone.portal.store.all_articles()} == {"Plan", "Free", "Plain"}


def test_nothing_is_left_to_publish_or_pull_after_a_publish(clone: Clone) -> None:
    assert steps(clone.plan()) == {}
    assert steps(clone.offline()) == {}
    clone.pull()
    assert clone.git("status", "--porcelain", "--untracked-files=all") == ""


def test_a_changed_snippet_updates_the_articles_that_include_it_and_no_other(clone: Clone) -> None:
    clone.commit({"_snippets/phone.md": "**555 0199**\n"})
    (change,) = clone.published().changes
    assert (change.path, change.action, change.fields) == (FREE, "update", ("body",))
    assert change.before != change.after
    assert "555 0199" in clone.live(FREE).description


def test_a_changed_variable_updates_all_articles_that_use_it_directly_or_not(clone: Clone) -> None:
    clone.config = replace(clone.config, variables={"company": "Acme Ltd"})
    assert [(change.path, change.fields) for change in clone.plan().changes] == [(PLAN, ("body",))]


def test_a_snippet_with_other_markdown_but_the_same_rendering_changes_nothing(clone: Clone) -> None:
    clone.commit({"_snippets/phone.md": "\n__555 0100__\n\n", "_snippets/unused.md": "# Nothing\n"})
    assert steps(clone.plan()) == {}


def test_an_edit_beside_placeholders_is_pulled_and_the_placeholders_stay(clone: Clone) -> None:
    _edit(clone, PLAN, "First one.", "The first one.")
    assert _files_after_pull(clone) == {PLAN: TREE[PLAN].replace("First one.", "The first one.")}
    clone.commit()
    assert steps(clone.plan()) == {}


def test_an_edit_of_other_words_of_a_line_keeps_its_placeholders(clone: Clone) -> None:
    _edit(clone, PLAN, "a month", "a year")
    _edit(clone, FREE, "now", "today")
    wanted = {PLAN: TREE[PLAN].replace("a month", "a year"), FREE: TREE[FREE].replace("now", "today")}
    assert _files_after_pull(clone) == wanted
    clone.commit()
    assert steps(clone.plan()) == {}


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        (PLAN, "Write to", "Talk to", "_snippets/note.md"),
        (PLAN, "Acme", "Emca", "_snippets/note.md"),
        (PLAN, "<p>We are", "<p>Between</p><p>We are", "_snippets/note.md"),
        (PLAN, "10 $", "11 $", "{{ price }}"),
        (PLAN, "10 $", "10 $ or 10 $", "{{ price }}"),
        (PLAN, "10 $", "110 $", "{{ price }}"),
        (FREE, "0100", "0199", "_snippets/phone.md"),
    ],
)
def test_an_edit_within_an_expansion_is_a_conflict(clone: Clone, path: str, old: str, new: str, named: str) -> None:
    _edit(clone, path, old, new)
    _edit(clone, PLAIN, "Nothing", "Something")
    before = clone.files()
    done = clone.pull()
    (found,) = done.planned.plan.conflicts
    assert found.path == path
    assert named in found.reason
    assert clone.files() == before | {PLAIN: TREE[PLAIN].replace("Nothing", "Something")}
    assert [finding.path for finding in clone.plan().drift] == [path]


def test_a_paragraph_added_or_removed_before_an_include_leaves_it(clone: Clone) -> None:
    _edit(clone, PLAN, "<p>First one.</p>", "<p>First one.</p><p>New one.</p>")
    _edit(clone, PLAN, "<p>Last one.</p>", "")
    text = TREE[PLAN].replace("First one.\n", "First one.\n\nNew one.\n").replace("\n\nLast one.", "")
    assert _files_after_pull(clone) == {PLAN: text}


def test_an_include_whose_text_was_deleted_is_removed(clone: Clone) -> None:
    live = clone.live(PLAN)
    start, end = live.description.index("<p>Write to"), live.description.index("<p>It is")
    clone.portal.store.edit_article(live.id, body=live.description[:start] + live.description[end:])
    assert _files_after_pull(clone) == {PLAN: TREE[PLAN].replace("{% include '_snippets/note.md' %}\n\n", "")}


def test_a_moved_line_takes_its_variable_with_it(clone: Clone) -> None:
    live = clone.live(PLAN)
    line = "<p>It is 10 $ a month.</p>"
    body = live.description.replace(line, "").replace("<p>First", f"{line}<p>First")
    clone.portal.store.edit_article(live.id, body=body)
    wanted = TREE[PLAN].replace("It is {{ price }} a month.\n\n", "")
    assert _files_after_pull(clone) == {PLAN: wanted.replace("First", "It is {{ price }} a month.\n\nFirst")}


MARKS = (
    '<p>Write {{ company }} or {{other}} and {% include "_snippets/note.md" %}.</p>'
    "<pre><code>{{ company }}</code></pre>"
)


def test_placeholders_that_an_agent_typed_are_pulled_as_text(clone: Clone) -> None:
    clone.portal.store.edit_article(clone.id_of(PLAIN), body=MARKS)
    changed = _files_after_pull(clone)
    assert "Write \\{{ company }} or {{other}} and \\{% include" in changed[PLAIN]
    clone.commit()
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}


def test_a_pull_into_an_empty_tree_creates_no_placeholders(clone: Clone, portal: Portal) -> None:
    portal.store.edit_article(clone.id_of(PLAIN), body=MARKS)
    empty = new_clone(clone.root.parent / "empty", portal, {"kbsync.toml": ""}, new="all", variables=VARIABLES)
    empty.pull()
    empty.commit()
    assert "We are Acme & Sons" in empty.read(PLAN)
    assert steps(empty.plan()) == {}


def test_a_new_renderer_detects_a_changed_snippet(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("kbsync.engine.context", "kbsync.planner.match", "kbsync.engine.record"):
        monkeypatch.setattr(f"{module}.RENDERER_VERSION", 1000)
    assert steps(clone.plan()) == {}
    clone.commit({"_snippets/phone.md": "**555 0199**\n"})
    assert [change.path for change in clone.plan().changes] == [FREE]


def test_a_pull_records_the_expansions(clone: Clone) -> None:
    _edit(clone, FREE, "now", "today")
    clone.pull()
    clone.commit()
    clone.commit({"_snippets/phone.md": "**555 0199**\n"})
    assert [change.path for change in clone.plan().changes] == [FREE]
