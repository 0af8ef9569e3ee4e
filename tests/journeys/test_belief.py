"""Law 9: a write is believed when readers see the same; a portal that loses something is named, once."""

import pytest

from kbsync.sandbox import Portal, Settings
from tests.journeys.clone import Clone, steps, troubles
from tests.plan.world import article

RESET, INSTALL = "guide/basics/reset.md", "guide/basics/install.md"
RICH = article(
    "Rich",
    '> [!WARNING]\n> Mind **this**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint("<&>")\n```\n\n'
    '<iframe src="https://www.youtube.com/embed/x" width="560"></iframe>\n\n- [x] done\n- [ ] not\n\nÄ &amp; “ö” 🎉',
)


@pytest.fixture
def changed(clone: Clone) -> Clone:
    """The tree with an article that a sanitiser would take something from."""
    clone.commit({"guide/basics/rich.md": RICH})
    return clone


@pytest.mark.parametrize("settings", [Settings(rewriting="editor")], ids=["editor"])
def test_law_9_a_portal_that_rewrites_without_loss_is_no_error_and_no_drift(changed: Clone, portal: Portal) -> None:
    done = changed.publish()
    assert troubles(done) == []
    assert "data-identifyelement" in changed.live(INSTALL).description
    assert steps(changed.plan()) == {}
    assert changed.methods(changed.published).keys() == {"GET"}
    changed.pull()
    assert changed.git("status", "--porcelain") == ""
    portal.store.edit_article(changed.id_of(INSTALL), body="<p>Really edited.</p>")
    assert steps(changed.plan()) == {INSTALL: "drift"}


@pytest.mark.parametrize("settings", [Settings(rewriting="strict")], ids=["strict"])
def test_law_9_a_portal_that_loses_something_is_named_and_not_sent_it_again(changed: Clone, portal: Portal) -> None:
    done = changed.publish()
    (failed,) = troubles(done)
    path, result, error = failed
    assert (path, result) == ("guide/basics/rich.md", "failed")
    assert "lost" in error
    assert "youtube" in error or "frame" in error or "video" in error
    assert steps(changed.plan()) == {}
    assert changed.methods(changed.publish).keys() == {"GET"}
    changed.commit({"guide/basics/rich.md": article("Rich", "Plain words.")})
    assert steps(changed.published()) == {"guide/basics/rich.md": "update"}
    assert steps(changed.plan()) == {}


@pytest.mark.parametrize("settings", [Settings(rewriting="strict")], ids=["strict"])
def test_law_9_what_a_portal_lost_in_an_update_is_named_once_too(clone: Clone) -> None:
    clone.published()
    clone.commit({INSTALL: RICH})
    (failed,) = troubles(clone.publish())
    assert failed[:2] == (INSTALL, "failed")
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.publish).keys() == {"GET"}


@pytest.mark.parametrize("settings", [Settings(draft_edit="unpublish", seo_update="replace", gone=403)], ids=["odd"])
def test_another_reading_of_the_reference_ends_the_same(clone: Clone, portal: Portal) -> None:
    clone.published()
    seo = "{title: Found, description: By search, keywords: [one, two]}"
    clone.commit({INSTALL: article("Install", "Hidden.", status="draft", seo=seo), RESET: article("Reset", "Alone.")})
    clone.published()
    assert (clone.live(INSTALL).status, clone.live(INSTALL).seo["meta_title"]) == (1, "Found")
    assert steps(clone.plan()) == {}
    clone.commit({INSTALL: article("Install", "Seen.", seo="{title: Found again}")})
    clone.published()
    live = clone.live(INSTALL)
    assert (live.status, live.seo["meta_title"], live.seo["meta_description"]) == (2, "Found again", "By search")
    assert steps(clone.plan()) == {}
    portal.store.delete_article(clone.id_of(RESET))
    assert steps(clone.plan()) == {RESET: "drift"}
