"""Articles that link to one another: valid at the end of a run, and never shown incomplete."""

import re
from collections.abc import Callable

import pytest

from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, shown, steps, troubles
from tests.planner.world import article

ONE, TWO, THREE = "a/b/one.md", "a/b/two.md", "a/c/three.md"
CIRCLE = {
    ONE: article("One", "To [two](two.md)."),
    TWO: article("Two", "To [one](one.md) and [three](../c/three.md)."),
    THREE: article("Three", "To [one](../b/one.md#there)."),
}


def _links(clone: Clone, path: str) -> list[int]:
    """Return the ids that an article's links lead to, in order."""
    return [int(number) for number in re.findall(r"/articles/(\d+)", clone.live(path).description)]


def _watch(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record every body that readers could see with a link without a target."""
    seen: list[str] = []
    articles = portal.store.articles

    def watched(method: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **others: object) -> object:
            done = method(*args, **others)
            seen.extend(
                a.title for a in portal.store.all_articles() if a.readable and 'support/solutions"' in a.description
            )
            return done

        return run

    for name in ("create", "edit"):
        monkeypatch.setattr(articles, name, watched(getattr(articles, name)), raising=False)
    return seen


def test_articles_in_a_cycle_end_with_valid_links(clone: Clone, portal: Portal) -> None:
    clone.commit(CIRCLE)
    calls = clone.methods(clone.published)
    assert _links(clone, ONE) == [clone.id_of(TWO)]
    assert _links(clone, TWO) == [clone.id_of(ONE), clone.id_of(THREE)]
    assert _links(clone, THREE) == [clone.id_of(ONE)]
    assert {a.status for a in portal.store.all_articles()} == {2}
    assert calls["PUT"] <= 2, "only an opener of a cycle is written twice"
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}


def test_no_reader_sees_a_link_without_a_target(clone: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _watch(portal, monkeypatch)
    clone.commit(CIRCLE)
    clone.published()
    assert seen == []


def test_an_opener_stays_hidden_when_the_rest_of_its_cycle_fails(clone: Clone, portal: Portal) -> None:
    clone.published()
    clone.commit({ONE: CIRCLE[ONE], TWO: article("Two", "To [one](one.md).")})
    portal.faults.fail("POST", "*/articles", status=500, skip=1, times=None)
    done = clone.publish()
    assert {path for path, _, _ in troubles(done)} == {ONE, TWO}
    (opened,) = [a for a in portal.store.all_articles() if a.title in ("One", "Two")]
    assert not opened.readable
    portal.faults.clear()
    clone.published()
    assert steps(clone.plan()) == {}
    assert _links(clone, ONE) == [clone.id_of(TWO)]
    assert _links(clone, TWO) == [clone.id_of(ONE)]
    assert {clone.live(ONE).status, clone.live(TWO).status} == {2}
    assert len([a for a in portal.store.all_articles() if a.title in ("One", "Two")]) == 2


def test_an_opener_whose_second_write_fails_is_finished_by_the_next_run(clone: Clone, portal: Portal) -> None:
    clone.commit(CIRCLE)
    portal.faults.fail("PUT", "*", status=500, times=None)
    assert len(troubles(clone.publish())) == 1
    portal.faults.clear()
    clone.published()
    assert {a.status for a in portal.store.all_articles()} == {2}
    assert _links(clone, ONE) == [clone.id_of(TWO)]
    assert _links(clone, THREE) == [clone.id_of(ONE)]
    assert steps(clone.plan()) == {}


def test_an_article_that_links_to_itself_is_right_after_one_run(
    clone: Clone, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _watch(portal, monkeypatch)
    clone.commit({"a/b/self.md": article("Self", "Back to [the top](self.md#why).\n\n## Why")})
    clone.published()
    assert _links(clone, "a/b/self.md") == [clone.id_of("a/b/self.md")]
    assert clone.live("a/b/self.md").status == 2
    assert seen == []
    assert steps(clone.plan()) == {}


def test_a_draft_in_a_cycle_stays_a_draft(clone: Clone) -> None:
    clone.commit({path: text.replace("---\n\n", "status: draft\n---\n\n", 1) for path, text in CIRCLE.items()})
    clone.published()
    assert {clone.live(path).status for path in CIRCLE} == {1}
    assert steps(clone.plan()) == {}


def test_an_article_created_again_updates_those_that_link_to_it(clone: Clone, portal: Portal) -> None:
    clone.published()
    install = "guide/basics/install.md"
    old = clone.id_of(install)
    portal.store.delete_article(old)
    assert steps(clone.plan()) == {install: "drift"}
    assert clone.methods(clone.published).keys() == {"GET"}
    plan = clone.published(overwrite=frozenset({install}))
    assert {change.path: change.reason for change in plan.changes}["guide/basics/reset.md"] == f"links: {install}"
    assert clone.id_of(install) != old
    assert f"/articles/{clone.id_of(install)}" in clone.live("guide/basics/reset.md").description
    assert steps(clone.plan()) == {}


def test_a_moved_article_updates_those_that_link_to_it(clone: Clone, portal: Portal) -> None:
    clone.commit(CIRCLE)
    clone.published()
    clone.git("mv", ONE, "a/c/one.md")
    clone.commit(
        {
            "a/c/one.md": article("One", "To [two](../b/two.md)."),
            TWO: article("Two", "To [one](../c/one.md) and [three](../c/three.md)."),
            THREE: article("Three", "To [one](one.md#there)."),
        }
    )
    clone.published()
    new = clone.id_of("a/c/one.md")
    assert _links(clone, TWO)[0] == new
    assert _links(clone, THREE) == [new]
    assert [a.title for a in portal.store.all_articles() if not a.readable] == ["One"]
    assert steps(clone.plan()) == {}
    before = shown(portal)
    assert clone.methods(clone.published).keys() == {"GET"}
    assert shown(portal) == before
