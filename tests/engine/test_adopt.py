"""Adopt and release over HTTP: adopting only records an item, and a released one is left alone in both directions."""

from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.config import Config, Secret
from kbsync.engine.adopt import AdoptResult, Named, adopt, release
from kbsync.engine.context import Options
from kbsync.errors import KbsyncError
from kbsync.model import ItemKey, Kind
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, clone_of, new_clone, shown, steps
from tests.planner.test_identity_edits import FILES
from tests.planner.world import article
from tests.ready import Ready

RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"


@pytest.fixture
def clone(tmp_path: Path, portal: Portal, ready: Ready) -> Clone:
    """A published tree without a link."""
    root = tmp_path / "clone"
    ready("adopt", tmp_path, portal, lambda: new_clone(root, portal, FILES).published())
    return Clone(root=root, portal=portal, config=Config(root=root, url=portal.url))


def _adopt(clone: Clone, *paths: str, ids: tuple[int, ...] = (), dry_run: bool = False) -> AdoptResult:
    keys = tuple(ItemKey(Kind.ARTICLE, number) for number in ids)
    named = Named(paths=paths, keys=keys)
    return adopt(clone.config, Secret(clone.portal.key), named, Options(), clone.ui, dry_run=dry_run)


def _adopt_as(clone: Clone, path: str, number: int, kind: Kind = Kind.ARTICLE) -> AdoptResult:
    named = Named(pairs={path: ItemKey(kind, number)})
    return adopt(clone.config, Secret(clone.portal.key), named, Options(), clone.ui)


def _release(clone: Clone, *paths: str, keys: tuple[ItemKey, ...] = (), dry_run: bool = False) -> AdoptResult:
    named = Named(paths=paths, keys=keys)
    return release(clone.config, Secret(clone.portal.key), named, Options(), clone.ui, dry_run=dry_run)


def _actions(held: AdoptResult) -> dict[str, str]:
    return steps(held.planned.plan)


def _write_on_the_web(clone: Clone, title: str, body: str, beside: str = RESET) -> int:
    return clone.portal.store.create_article(clone.live(beside).folder_id, title, body).id


def test_a_file_of_the_same_title_adopts_its_article_and_the_next_publish_writes_the_file(clone: Clone) -> None:
    number = _write_on_the_web(clone, "Network", "<p>Theirs.</p><p>Both.</p>")
    clone.commit({"guide/basics/net.md": article("Network", "Mine.\n\nBoth.")})
    assert steps(clone.plan())["guide/basics/net.md"] == "conflict"
    held = _adopt(clone, "guide/basics/net.md")
    (change,) = held.planned.plan.changes
    assert (change.action, change.id, change.fields) == ("adopt", number, ("body",))
    assert "Theirs." in (change.before or "")
    assert "Mine." in (change.after or "")
    assert clone.read("guide/basics/net.md") == article("Network", "Mine.\n\nBoth.")
    clone.commit()
    (change,) = clone.plan().changes
    assert (change.action, change.fields) == ("update", ("body",))
    clone.published()
    assert "Mine." in clone.portal.store.article(number).description
    assert steps(clone.plan()) == {}


def test_a_web_edit_after_the_adoption_is_still_a_web_edit(clone: Clone) -> None:
    number = _write_on_the_web(clone, "Network", "<p>Theirs.</p>")
    clone.commit({"guide/basics/net.md": article("Network", "Mine.")})
    _adopt(clone, "guide/basics/net.md")
    clone.commit()
    clone.portal.store.edit_article(number, body="<p>Theirs, later.</p>")
    assert steps(clone.plan()) == {"guide/basics/net.md": "conflict"}


def test_a_file_can_adopt_an_article_of_another_title(clone: Clone) -> None:
    number = _write_on_the_web(clone, "Something else", "<p>Mine.</p>")
    clone.commit({"guide/basics/net.md": article("Network", "Mine.")})
    assert _actions(_adopt(clone, "guide/basics/net.md")) == {"guide/basics/net.md": "conflict"}
    assert _actions(_adopt_as(clone, "guide/basics/net.md", number)) == {"guide/basics/net.md": "adopt"}
    clone.commit()
    (change,) = clone.plan().changes
    assert (change.action, change.id, change.fields) == ("update", number, ("title",))


def test_an_article_without_a_file_is_pulled_whatever_the_setting_new_is(clone: Clone) -> None:
    number = _write_on_the_web(clone, "Network", "<p>Theirs.</p>")
    other = _write_on_the_web(clone, "Left alone", "<p>Theirs.</p>")
    clone.config = replace(clone.config, new="none")
    assert _actions(_adopt(clone, ids=(number,))) == {"guide/basics/network.md": "create"}
    assert clone.read("guide/basics/network.md") == "---\ntitle: Network\n---\n\nTheirs.\n"
    clone.commit()
    assert steps(clone.plan()) == {"guide / basics / Left alone": "unmanaged"}
    assert clone.portal.store.article(other).status == 2


def test_a_directory_is_adopted_with_all_that_is_in_it_on_the_portal(clone: Clone) -> None:
    _write_on_the_web(clone, "Network", "<p>Theirs.</p>")
    _write_on_the_web(clone, "Paying", "<p>Theirs.</p>", beside=PAY)
    assert _actions(_adopt(clone, "guide")) == {"guide/basics/network.md": "create"}


def test_a_released_item_is_left_alone_in_both_directions_and_by_every_later_publish(
    clone: Clone, portal: Portal
) -> None:
    number = clone.id_of(RESET)
    assert _actions(_release(clone, RESET)) == {RESET: "forget"}
    clone.commit({RESET: article("Reset", "Changed.")})
    portal.store.edit_article(number, body="<p>Edited.</p>")
    before = shown(portal)
    assert steps(clone.plan()) == {}
    clone.published()
    clone.pull()
    assert clone.read(RESET) == article("Reset", "Changed.")
    clone.remove(RESET)
    clone.commit({INSTALL: article("Install", "Changed too.")})
    assert steps(clone.published()) == {INSTALL: "update"}
    clone.published()
    clone.pull()
    assert shown(portal)[number] == before[number]
    assert not (clone.root / RESET).exists()


def test_a_release_within_the_second_of_a_publish_counts(clone: Clone) -> None:
    clone.commit({RESET: article("Reset", "Changed.")})
    clone.published()
    _release(clone, RESET)
    clone.commit({RESET: article("Reset", "Changed again.")})
    assert steps(clone.plan()) == {}


def test_another_file_at_the_path_of_a_released_article_is_another_article(clone: Clone, portal: Portal) -> None:
    number = clone.id_of(RESET)
    _release(clone, RESET)
    clone.remove(RESET)
    clone.commit()
    other = _write_on_the_web(clone, "Another", "<p>Theirs.</p>", beside=INSTALL)
    clone.commit({RESET: article("Another", "Theirs.")})
    _adopt_as(clone, RESET, other)
    clone.commit()
    assert steps(clone.plan()) == {}
    clone.commit({RESET: article("Another", "Mine.")})
    clone.published()
    assert "Mine." in portal.store.article(other).description
    assert portal.store.article(number).status == 2


def test_a_released_item_is_adopted_again_by_path_or_by_id(clone: Clone) -> None:
    number = clone.id_of(RESET)
    _release(clone, RESET)
    clone.commit()
    assert _actions(_adopt(clone, RESET)) == {RESET: "adopt"}
    clone.commit({RESET: article("Reset", "Changed.")})
    assert steps(clone.plan()) == {RESET: "update"}
    _release(clone, keys=(ItemKey(Kind.ARTICLE, number),))
    clone.remove(RESET)
    clone.commit()
    assert steps(clone.plan()) == {}
    assert _actions(_adopt(clone, ids=(number,))) == {RESET: "create"}
    clone.commit()
    assert steps(clone.plan()) == {}


def test_a_released_directory_is_released_with_all_below_it(clone: Clone, portal: Portal) -> None:
    before = shown(portal)
    actions = _actions(_release(clone, "guide/wifi"))
    assert {"guide/wifi", "guide/wifi/join.md", "guide/wifi/deep", "guide/wifi/deep/walls.md"} < actions.keys()
    clone.remove("guide/wifi")
    clone.commit()
    assert steps(clone.plan()) == {}
    clone.published()
    clone.pull()
    assert shown(portal) == before
    assert not (clone.root / "guide/wifi").exists()


def test_a_pull_ignores_new_articles_in_a_released_folder(clone: Clone) -> None:
    beside = clone.live("guide/wifi/join.md").folder_id
    _release(clone, "guide/wifi")
    clone.commit()
    clone.portal.store.create_article(beside, "Written meanwhile", "<p>Theirs.</p>")
    clone.pull()
    assert clone.git("status", "--porcelain") == ""


def test_an_unmanaged_article_is_released_by_id_and_never_pulled(clone: Clone) -> None:
    number = _write_on_the_web(clone, "Network", "<p>Theirs.</p>")
    _release(clone, keys=(ItemKey(Kind.ARTICLE, number),))
    clone.commit()
    clone.pull()
    assert clone.git("status", "--porcelain") == ""


def test_an_item_that_is_not_on_the_portal_can_be_neither_released_nor_adopted(clone: Clone) -> None:
    clone.commit({"guide/basics/new.md": article("New")})
    for held in (_release(clone, "guide/basics/new.md"), _adopt(clone, "guide/basics/new.md"), _adopt(clone, ids=(7,))):
        assert list(_actions(held).values()) == ["conflict"]
        assert held.files == {}


def test_a_dry_run_and_a_refusal_write_nothing(clone: Clone) -> None:
    _write_on_the_web(clone, "Network", "<p>Theirs.</p>")
    before = clone.files()
    _adopt(clone, "guide", dry_run=True)
    _release(clone, "guide", dry_run=True)
    clone.ui.agree = False
    assert not _release(clone, "guide").agreed
    assert clone.git("status", "--porcelain") == ""
    assert clone.files() == before


def test_an_uncommitted_file_is_not_overwritten(clone: Clone) -> None:
    number = clone.id_of(RESET)
    clone.write({f".kbsync/production/released/article-{number}.json": "mine"})
    with pytest.raises(KbsyncError):
        _release(clone, RESET)
    assert clone.read(f".kbsync/production/released/article-{number}.json") == "mine"


def test_a_release_applies_on_its_branch_and_once_published_everywhere(
    clone: Clone, shared: Path, tmp_path: Path
) -> None:
    clone.git("push", "-q", "origin", "main")
    clone.git("switch", "-q", "-c", "work")
    _release(clone, RESET)
    clone.commit()
    clone.git("switch", "-q", "main")
    clone.commit({RESET: article("Reset", "Changed.")})
    assert steps(clone.plan()) == {RESET: "update"}
    clone.git("merge", "-q", "--no-edit", "work")
    assert steps(clone.plan()) == {}
    clone.published()
    clone.git("push", "-q", "origin", "main")
    other = clone_of(shared, tmp_path / "other", clone)
    assert steps(other.plan()) == {}
