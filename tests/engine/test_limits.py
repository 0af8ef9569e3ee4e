"""Human mistakes and incomplete listings: nothing is archived, and the message has the reason and advice."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.errors import PortalError, Refusal
from kbsync.sandbox.account import Fault
from kbsync.sandbox.api import articles, categories
from kbsync.sandbox.api.requests import page_of
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, clone_of, new_clone, shown, steps, troubles
from tests.planner.world import article
from tests.portals import serve

RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"


def _many(number: int) -> dict[str, str]:
    return {f"guide/a/p-{n}.md": article(f"P {n}", f"Only this page says {n * 7919}.") for n in range(number)}


@contextmanager
def _nothing_moves(clone: Clone) -> Iterator[None]:
    """See that neither the portal nor the ledger is other than before."""
    before = shown(clone.portal), clone.ledger()
    yield
    assert (shown(clone.portal), clone.ledger()) == before


def test_law_8_more_removals_than_the_limit_stop_a_run_with_advice(tmp_path: Path, portal: Portal) -> None:
    clone = new_clone(tmp_path / "many", portal, _many(12))
    clone.published()
    clone.remove(*(f"guide/a/p-{n}.md" for n in range(5)))
    clone.commit({"guide/a/p-11.md": article("P 11", "News.")})
    with _nothing_moves(clone), pytest.raises(Refusal, match="5 of 12 known articles would be removed") as refused:
        clone.publish()
    assert "--force" in refused.value.advice
    assert "`archive = 5`" in refused.value.advice
    numbered = replace(clone, config=replace(clone.config, archive_number=4))
    with _nothing_moves(clone), pytest.raises(Refusal, match="5 articles would be removed; the limit is 4"):
        numbered.publish()
    allowed = replace(clone, config=replace(clone.config, archive_number=5))
    assert sorted(steps(allowed.published()).values()) == ["archive"] * 5 + ["update"]


def test_law_8_a_rerun_of_last_weeks_job_changes_nothing(clone: Clone, shared: Path, tmp_path: Path) -> None:
    """The job checks out the commit that it was started for, detached and shallow."""
    clone.published()
    last_week = clone.git("rev-parse", "HEAD").strip()
    clone.remove(PAY)
    clone.commit({INSTALL: article("Install", "This week's words."), "guide/basics/new.md": article("New")})
    clone.git("push", "-q", "origin", "main")
    clone.published()
    for depth in ((), ("--depth=1",)):
        ci = clone_of(shared, tmp_path / f"ci{len(depth)}", clone, *depth)
        ci.git("fetch", "-q", *depth, "origin", last_week)
        ci.git("checkout", "-q", "--detach", last_week)
        with _nothing_moves(clone), pytest.raises(Refusal) as refused:
            ci.publish(attended=False)
        assert refused.value.exit_code == 4
        with _nothing_moves(clone), pytest.raises(Refusal, match="is not an ancestor of") as refused:
            ci.publish(attended=True)
        assert "--rollback" in refused.value.advice


def test_law_8_a_feature_branch_without_the_live_articles_changes_nothing(clone: Clone) -> None:
    clone.published()
    clone.git("checkout", "-q", "-b", "feature")
    clone.remove(PAY)
    clone.commit()
    clone.git("checkout", "-q", "main")
    clone.commit({INSTALL: article("Install", "Meanwhile on main.")})
    clone.published()
    clone.git("checkout", "-q", "feature")
    with _nothing_moves(clone), pytest.raises(Refusal, match="is not an ancestor of"):
        clone.publish()
    clone.git("merge", "-q", "--no-edit", "main")
    assert steps(clone.published())[PAY] == "archive"


def test_law_8_a_foreign_history_changes_nothing(clone: Clone, shared: Path, tmp_path: Path) -> None:
    """The repository was created again: the same remote, and no commit in common."""
    clone.published()
    other = new_clone(tmp_path / "anew", clone.portal, {PAY: article("Pay", "All over again.")})
    other.git("remote", "add", "origin", shared.as_uri())
    with _nothing_moves(clone), pytest.raises(Refusal, match="is not an ancestor of"):
        other.publish()


def test_law_8_another_portal_is_recognised(clone: Clone) -> None:
    clone.published()
    clone.remove(PAY)
    clone.commit({INSTALL: article("Install", "Other words.")})
    with serve(SandboxSettings()) as other:
        for number in range(20):
            folder = other.store.create_folder(other.store.create_category(f"Theirs {number}").id, "Theirs")
            other.store.create_article(folder.id, "Theirs", "<p>x</p>")
        for category in other.store.all_categories()[:10]:
            other.store.delete_category(category.id)
        there = replace(clone, portal=other, config=replace(clone.config, url=other.url))
        before = shown(other)
        with pytest.raises(Refusal, match="it may be the wrong portal") as refused:
            there.publish(force=True)
        assert "--target" in refused.value.advice
        assert shown(other) == before


def test_an_emptied_portal_is_filled_again_with_overwrite(tmp_path: Path, portal: Portal) -> None:
    clone = new_clone(tmp_path / "one", portal, {"guide/a/b.md": article("B", "The only one.")})
    clone.published()
    portal.store.delete_category(portal.store.all_categories()[0].id)
    with pytest.raises(Refusal, match="none of the 1 known articles") as refused:
        clone.publish()
    assert "--overwrite DIRECTORY" in refused.value.advice
    assert set(steps(clone.published(overwrite=frozenset({"guide"}))).values()) == {"create"}
    assert [one.title for one in portal.store.all_articles()] == ["B"]
    assert steps(clone.plan()) == {}


def test_a_lost_index_file_renames_nothing_on_the_portal_and_is_reported(clone: Clone, portal: Portal) -> None:
    clone.published()
    clone.remove("guide/basics/_index.md")
    clone.commit({INSTALL: article("Install", "New words.", tags="[box, table]")})
    done = clone.publish()
    assert troubles(done) == []
    assert steps(done.planned.plan) == {"guide/basics": "conflict", INSTALL: "update"}
    assert "the _index.md that sets its name was removed" in done.planned.plan.conflicts[0].reason
    assert {one.name for one in portal.store.all_folders()} >= {"Basics"}


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.parametrize(
    ("path", "skip"), [("*/folders/*/articles", 1), ("*/categories/*/folders", 1), ("*/folders/*/subfolders", 0)]
)
def test_law_8_a_folder_deleted_while_it_is_read_ends_the_run(
    clone: Clone, portal: Portal, path: str, skip: int, status: int
) -> None:
    clone.published()
    clone.remove(PAY, "guide/basics/wifi")
    clone.commit()
    portal.faults.add(Fault(method="GET", path=path, status=status, skip=skip, times=None))
    with _nothing_moves(clone), pytest.raises(PortalError) as failed:
        clone.publish()
    assert failed.value.what
    portal.faults.clear()
    assert steps(clone.published())[PAY] == "archive"


def test_law_8_a_listing_that_loses_its_second_page_ends_the_run(
    clone: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.published()
    folder = portal.store.article(clone.id_of(PAY)).folder_id
    for number in range(120):
        portal.store.create_article(folder, f"By hand {number}", "<p>x</p>")
    clone.remove(RESET, "guide/basics/wifi/join.md")
    clone.commit({INSTALL: article("Install", "New.")})
    monkeypatch.setattr(articles, "page_of", lambda request, items: (page_of(request, items)[0], {}))
    with (
        _nothing_moves(clone),
        pytest.raises(PortalError, match="has 121 articles, but the portal lists 100") as short,
    ):
        clone.publish()
    assert "run the command again" in short.value.advice


def test_law_8_an_item_missing_from_a_list_is_neither_archived_nor_created_again_nor_forgotten(
    clone: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of categories or folders says nowhere how long it ought to be."""
    clone.published()
    clone.remove("shop")
    clone.commit({INSTALL: article("Install", "New.", tags="[box, table]")})
    shop = next(one for one in portal.store.all_categories() if one.name == "shop")
    monkeypatch.setattr(
        categories, "page_of", lambda request, items: page_of(request, [one for one in items if one.id != shop.id])
    )
    done = clone.publish()
    assert {path: result for path, result, _ in troubles(done)} == dict.fromkeys(
        ("shop", "shop/orders", PAY), "withheld"
    )
    assert all("missing from its list" in error for _, _, error in troubles(done))
    monkeypatch.undo()
    assert portal.store.article(clone.id_of(PAY)).status == 2
    assert steps(clone.published()) == {PAY: "archive", "shop": "forget", "shop/orders": "forget"}


def test_an_item_gone_on_both_sides_is_forgotten_after_a_second_read(clone: Clone, portal: Portal) -> None:
    clone.published()
    portal.store.delete_article(clone.id_of(PAY))
    clone.remove(PAY)
    clone.commit()
    assert steps(clone.published())[PAY] == "forget"
    assert steps(clone.plan()) == {}
