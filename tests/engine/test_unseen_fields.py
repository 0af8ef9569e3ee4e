"""Law 2 for fields that front matter does not have: what a pull read and no file showed counts as unseen."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kbsync.config import Secret
from kbsync.engine.context import Options
from kbsync.engine.undo import undo
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, new_clone, steps, troubles
from tests.planner.world import article

PATH, BASICS, GUIDE = "guide/basics/reset.md", "guide/basics", "guide"
SECOND = SandboxSettings().agents[1]
WEB: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "tags": (PATH, {"tags": ("agent",)}, "tags: [writer]"),
    "no tags": (PATH, {"tags": ("agent",)}, "tags: []"),
    "seo.title": (PATH, {"seo": {"meta_title": "agent"}}, "seo: {title: writer}"),
    "seo.description": (PATH, {"seo": {"meta_description": "agent"}}, "seo: {description: writer}"),
    "seo.keywords": (PATH, {"seo": {"meta_keywords": "agent"}}, "seo: {keywords: [writer]}"),
    "author": (PATH, {"agent_id": SECOND.id}, f"author: {SandboxSettings().agents[0].email}"),
    "folder description": (BASICS, {"description": "agent"}, "description: writer"),
    "folder visibility": (BASICS, {"visibility": 3}, "visibility: logged-in"),
    "category portals": (GUIDE, {"portals": (7,)}, "portals: [8]"),
}


def _edit(clone: Clone, path: str, changes: Mapping[str, Any]) -> None:
    edit = {0: clone.portal.store.edit_category, 1: clone.portal.store.edit_folder}
    edit.get(2 if path == PATH else path.count("/"), clone.portal.store.edit_article)(clone.id_of(path), **changes)


def _add_line(clone: Clone, path: str, line: str) -> None:
    file = path if path == PATH else f"{path}/_index.md"
    clone.commit({file: clone.read(file).replace("---\n", f"---\n{line}\n", 1)})


def _shown(clone: Clone, path: str) -> object:
    store, number = clone.portal.store, clone.id_of(path)
    if path == PATH:
        found = store.article(number)
        return found.tags, found.seo, found.agent_id
    return store.folder(number) if "/" in path else store.category(number)


@pytest.fixture
def settings() -> SandboxSettings:
    """An account with several portals."""
    return SandboxSettings(portals=(7, 8))


@pytest.fixture
def published(clone: Clone) -> Clone:
    clone.commit({"guide/_index.md": "---\nname: Guide\n---\n", "shop/orders/more.md": article("More", "Text.")})
    clone.published()
    return replace(clone, config=replace(clone.config, touched="go"))


@pytest.mark.parametrize("case", WEB)
@pytest.mark.parametrize("between", ["pull", "publish"])
def test_what_no_file_showed_is_held_with_its_value_until_overwrite(published: Clone, case: str, between: str) -> None:
    clone, (path, changes, line) = published, WEB[case]
    _edit(clone, path, changes)
    if between == "pull":
        clone.pull()
        clone.commit()
    else:
        other = path if path == PATH else f"{path}/_index.md"
        new = clone.read(other).replace("Press", "Push").replace("name: ", "name: The ")
        clone.commit({other: new})
        clone.published()
    _add_line(clone, path, line)
    before = _shown(clone, path)
    (held,) = clone.plan().conflicts
    assert held.path == path
    assert "edited on the portal" in held.reason
    (field,) = held.fields
    assert [row for row in held.theirs if row.startswith(f"+{field}: ")]
    clone.publish()
    assert _shown(clone, path) == before
    clone.publish(overwrite=frozenset({path}))
    assert _shown(clone, path) != before
    assert steps(clone.plan()) == {}


def test_the_ledger_alone_names_it_too(published: Clone) -> None:
    _edit(published, PATH, {"tags": ("agent",)})
    published.pull()
    published.commit()
    _add_line(published, PATH, "tags: [writer]")
    assert [held.path for held in published.offline().conflicts] == [PATH]


def test_a_pull_merges_it_and_then_the_content_has_seen_it(published: Clone) -> None:
    _edit(published, PATH, {"tags": ("agent",)})
    published.pull()
    published.commit()
    _add_line(published, PATH, "tags: [writer]")
    published.pull()
    assert "agent" in published.read(PATH)
    published.commit()
    published.published()
    assert set(published.live(PATH).tags) == {"agent", "writer"}
    published.commit({PATH: published.read(PATH).replace("agent, ", "").replace(", agent", "")})
    published.published()
    assert published.live(PATH).tags == ("writer",)


def test_a_value_that_is_already_live_is_no_conflict(published: Clone) -> None:
    _edit(published, PATH, {"tags": ("agent",)})
    published.pull()
    published.commit()
    _add_line(published, PATH, "tags: [agent]")
    assert steps(published.plan()) == {PATH: "adopt"}


def test_a_key_that_was_taken_out_counts_as_last_shown(published: Clone) -> None:
    file = "guide/basics/install.md"
    text = published.read(file)
    published.commit({file: text.replace("tags: [box, table]\n", "")})
    published.published()
    number = published.id_of(file)
    assert published.portal.store.article(number).tags == ("box", "table")
    published.portal.store.edit_article(number, tags=("agent",))
    published.pull()
    published.commit({file: text})
    assert [held.path for held in published.plan().conflicts] == [file]
    published.portal.store.edit_article(number, tags=("box", "table"))
    assert published.plan().conflicts == ()


def _moved(clone: Clone) -> None:
    clone.commit({"guide/basics/wifi/join.md": article("Join", "No link."), PATH: article("Reset", "Press.")})
    clone.published()
    for old, new in ((PATH, "shop/orders/reset.md"), ("shop/orders/reset.md", PATH)):
        clone.git("mv", old, new)
        clone.commit()
        clone.published()


def _archived(clone: Clone) -> None:
    text = clone.read(PATH)
    clone.remove(PATH)
    clone.commit({"guide/basics/wifi/join.md": article("Join", "No link.")})
    clone.published()
    clone.commit({PATH: text})


@pytest.mark.parametrize("act", [_moved, _archived])
def test_neither_a_move_nor_an_archive_makes_it_seen(published: Clone, act: Callable[[Clone], None]) -> None:
    _edit(published, PATH, {"tags": ("agent",)})
    act(published)
    _add_line(published, PATH, "tags: [writer]")
    done = published.publish()
    assert [held.path for held in done.planned.plan.conflicts] == [PATH]
    assert ("agent",) in [a.tags for a in published.portal.store.all_articles() if a.title == "Reset"]


def test_an_undo_does_not_make_it_seen(published: Clone) -> None:
    text = published.read(PATH)
    published.commit({PATH: text.replace("Press", "Push")})
    published.published()
    published.portal.store.edit_article(published.id_of(PATH), tags=("agent",))
    published.pull()
    published.commit({PATH: published.read(PATH).replace("Push", "Hit")})
    published.published()
    undo(published.config, Secret(published.portal.key), None, Options(), published.ui)
    _add_line(published, PATH, "tags: [writer]")
    assert [held.path for held in published.plan().conflicts] == [PATH]


def test_an_adopted_article_keeps_tags_that_its_file_never_showed(published: Clone, portal: Portal) -> None:
    folder = published.id_of(BASICS)
    portal.store.create_article(folder, "Found", "<p>Text.</p>", tags=("agent",), status=2)
    published.commit({"guide/basics/found.md": article("Found", "Text.")})
    assert troubles(published.publish()) == []
    published.commit({"guide/basics/found.md": article("Found", "Text.", tags="[writer]")})
    assert [held.path for held in published.plan().conflicts] == ["guide/basics/found.md"]


def test_an_author_can_be_set_after_a_first_pull_which_shows_none(published: Clone, tmp_path: Path) -> None:
    fresh = new_clone(tmp_path / "fresh", published.portal)
    fresh.pull()
    fresh.commit()
    (file,) = (path for path in fresh.files() if path.endswith("reset.md"))
    fresh.commit({file: fresh.read(file).replace("---\n", f"---\nauthor: {SECOND.email}\n", 1)})
    assert steps(fresh.plan()) == {file: "update"}
