"""Patches of live HTML: an article created in the editor of the portal changes only where its writer changed it."""

from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.baseline import BaselineOrigin
from kbsync.markup.to_html import to_html
from kbsync.model import ItemKey, Kind
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, new_clone, steps

PATH, OTHER = "guide/basics/reset.md", "guide/basics/other.md"
MADE_THERE = (
    '<div data-identifyelement="482" id="new_ui"><p dir="ltr" style="line-height: 1.5;"><span style="font-size: 14px; '
    'font-family: Helvetica;">Press the button.</span></p><p><br></p><p dir="ltr">Then wait for <b>a minute</b>.</p>'
    '<p>&nbsp;</p><table style="width: 60%"><tbody><tr><td style="width: 20%">a</td><td>1</td></tr></tbody></table>'
    '<ul><li dir="ltr">One</li><li dir="ltr"><p dir="ltr">Two</p></li></ul></div>'
)
BEFORE, AFTER = '<p dir="ltr">Then wait for <b>a minute</b>.</p>', "<p>Have a cup of tea meanwhile.</p>"


@pytest.fixture
def pulled(tmp_path: Path, portal: Portal) -> Clone:
    """A tree with two pulled articles that were created in the editor of the portal."""
    folder = portal.store.create_folder(portal.store.create_category("Guide").id, "Basics").id
    reset = portal.store.create_article(folder, "Reset", MADE_THERE).id
    linked = (
        f'<p dir="ltr"><span style="color: rgb(0,0,0)">See <a href="{portal.url}/support/solutions/articles/{reset}'
    )
    portal.store.create_article(folder, "Other", f'{linked}-reset" rel="noreferrer">this</a>.</span></p>')
    clone = new_clone(tmp_path / "pulled", portal, {"kbsync.toml": ""}, new="all")
    clone.pull()
    clone.commit()
    return clone


def body(portal: Portal, title: str) -> str:
    (found,) = [a.description for a in portal.store.all_articles() if a.title == title and a.status == 2]
    return found


def edit(pulled: Clone, path: str, old: str, new: str) -> None:
    text = pulled.read(path)
    assert old in text
    pulled.commit({path: text.replace(old, new)})


def test_an_edited_paragraph_is_the_only_change_on_the_portal(pulled: Clone, portal: Portal) -> None:
    other = body(portal, "Other")
    edit(pulled, PATH, "Then wait for **a minute**.", "Have a cup of tea meanwhile.")
    assert steps(pulled.published()) == {PATH: "update"}
    assert body(portal, "Reset") == MADE_THERE.replace(BEFORE, AFTER)
    assert body(portal, "Other") == other
    assert steps(pulled.plan()) == {}
    pulled.pull()
    assert pulled.git("status", "--porcelain", "--", "guide") == ""


def test_a_second_update_keeps_what_the_first_one_kept(pulled: Clone, portal: Portal) -> None:
    edit(pulled, PATH, "Then wait for **a minute**.", "Have a cup of tea meanwhile.")
    pulled.published()
    edit(pulled, PATH, "- One", "- One or more")
    pulled.published()
    assert body(portal, "Reset") == MADE_THERE.replace(BEFORE, AFTER).replace(
        '<li dir="ltr">One</li>', '<li dir="ltr">One or more</li>'
    )


def test_a_changed_title_leaves_the_body_as_it_is(pulled: Clone, portal: Portal) -> None:
    edit(pulled, PATH, "title: Reset", "title: Reset it")
    pulled.published()
    assert body(portal, "Reset it") == MADE_THERE


def test_an_article_created_again_changes_only_its_address_in_others(pulled: Clone, portal: Portal) -> None:
    old = body(portal, "Other")
    (pulled.root / "guide/more").mkdir()
    pulled.git("mv", PATH, "guide/more/reset.md")
    edit(pulled, OTHER, "(reset.md)", "(../more/reset.md)")
    pulled.published()
    was, now = (f"/articles/{number}" for number in _ids(portal, "Reset"))
    assert body(portal, "Other") == old.replace(f"{was}-reset", now)


def _ids(portal: Portal, title: str) -> list[int]:
    return sorted(a.id for a in portal.store.all_articles() if a.title == title)


def test_clean_style_renders_the_whole_article(pulled: Clone, portal: Portal) -> None:
    edit(pulled, PATH, "Then wait for **a minute**.", "Have a cup of tea meanwhile.")
    clean = replace(pulled, config=replace(pulled.config, style="clean"))
    clean.published()
    assert body(portal, "Reset") == to_html(pulled.read(PATH).split("\n---\n", 1)[1])


def test_an_article_created_from_git_is_rendered_whole(clone: Clone, portal: Portal) -> None:
    clone.published()
    path = "guide/basics/install.md"
    noisy = '<p dir="ltr">Unpack the box and put it on a table.</p><p dir="ltr">Then plug it in.</p>'
    portal.store.edit_article(clone.id_of(path), body=noisy)
    clone.pull()
    clone.commit()
    edit(clone, path, "plug it in", "switch it on")
    clone.published()
    assert clone.live(path).description == ("<p>Unpack the box and put it on a table.</p>\n<p>Then switch it on.</p>\n")
    assert clone.baselines()[ItemKey(Kind.ARTICLE, clone.id_of(path))].origin is BaselineOrigin.CONTENT


def test_baselines_record_the_origin_of_an_article(pulled: Clone) -> None:
    edit(pulled, PATH, "Then wait for **a minute**.", "Have a cup of tea meanwhile.")
    pulled.published()
    assert {known.origin for known in pulled.baselines().values()} == {BaselineOrigin.LIVE}


def test_a_plan_names_a_class_only_where_its_block_changes(pulled: Clone, portal: Portal) -> None:
    (number,) = _ids(portal, "Reset")
    portal.store.edit_article(number, body='<ul class="l"><li class="m">a</li><li>b</li></ul>' + MADE_THERE)
    pulled.pull()
    pulled.commit()
    edit(pulled, PATH, "Then wait", "Do wait")
    assert [change.reason for change in pulled.plan().changes] == [""]
    edit(pulled, PATH, "- a\n- b\n", "1. a\n2. c\n")
    assert [change.reason for change in pulled.plan().changes] == ["removes classes from the live body: l, m"]


def test_blocks_rendered_besides_the_change_are_reported_before_and_after(pulled: Clone, portal: Portal) -> None:
    (number,) = _ids(portal, "Reset")
    deep = "<div>" * 80 + MADE_THERE + "</div>" * 80
    portal.store.edit_article(number, body=deep)
    pulled.pull()
    pulled.commit()
    edit(pulled, PATH, "Then wait", "Do wait")
    note = "rewritten although unchanged: the whole article"
    assert [change.reason for change in pulled.plan().changes] == [note]
    done = pulled.publish()
    assert done.run is not None
    assert [outcome.notes for outcome in done.run.outcomes] == [(note,)]
