"""Law 9: a write is verified when readers see the same; content that a portal loses is reported once."""

from dataclasses import replace

import pytest

from kbsync.freshdesk.verify import mismatches, rewrite_note
from kbsync.model import Article, Category, Folder, Item, Seo, Visibility
from kbsync.report.terminal import outcomes_to_text
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, steps, troubles
from tests.planner.world import article

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


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="editor")], ids=["editor"])
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


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="strict")], ids=["strict"])
def test_law_9_lost_content_is_named_and_not_sent_again(changed: Clone, portal: Portal) -> None:
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


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="strict")], ids=["strict"])
def test_law_9_content_lost_in_an_update_is_named_once_too(clone: Clone) -> None:
    clone.published()
    clone.commit({INSTALL: RICH})
    (failed,) = troubles(clone.publish())
    assert failed[:2] == (INSTALL, "failed")
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.publish).keys() == {"GET"}


@pytest.mark.parametrize(
    "settings", [SandboxSettings(draft_edit="unpublish", seo_update="replace", gone=403)], ids=["odd"]
)
def test_another_reading_of_the_api_reference_ends_the_same(clone: Clone, portal: Portal) -> None:
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


ARTICLE = Article(title="T", body="<p>x</p>", tags=("a", "b"), seo=Seo(title="s", description="d"), author=7)
FOLDER = Folder(name="F", description="d", visibility=Visibility.AGENTS, companies=(1,))
CATEGORY = Category(name="C", description="d", portals=(1, 2))


@pytest.mark.parametrize(
    ("sent", "shown", "named"),
    [
        (ARTICLE, replace(ARTICLE, title="Other"), 'title came back as "Other" instead of "T"'),
        (ARTICLE, replace(ARTICLE, tags=("a",)), 'tags came back as "a" instead of "a, b"'),
        (ARTICLE, replace(ARTICLE, author=8), 'author came back as "8" instead of "7"'),
        (ARTICLE, replace(ARTICLE, seo=Seo(title="s", description="")), "seo.description came back as"),
        (ARTICLE, replace(ARTICLE, body="<p></p>"), "the body lost 1 word: x"),
        (FOLDER, replace(FOLDER, name="f2"), "name came back as"),
        (FOLDER, replace(FOLDER, visibility=Visibility.ALL), 'visibility came back as "all" instead of "agents"'),
        (FOLDER, replace(FOLDER, companies=()), "companies came back as"),
        (CATEGORY, replace(CATEGORY, name="c2"), 'name came back as "c2" instead of "C"'),
        (CATEGORY, replace(CATEGORY, description=None), "description came back as"),
        (CATEGORY, replace(CATEGORY, portals=(1,)), "portals came back as"),
    ],
)
def test_law_9_any_field_accepted_but_not_applied_is_named(sent: Item, shown: Item, named: str) -> None:
    (mismatch,) = mismatches(sent, shown)
    assert mismatch.startswith(named)
    assert mismatches(sent, sent) == ()


def test_kinds_of_rewritten_html_are_named() -> None:
    sent = replace(ARTICLE, body='<p style="color: red" class="a">x <b>y</b></p>')
    shown = replace(ARTICLE, body='<p data-identifyelement="1">x <span>y</span></p>')
    assert rewrite_note(sent, shown) == (
        "the portal rewrote the HTML (<b>, class, style left out, <span>, data-identifyelement added); "
        "readers lose nothing"
    )
    assert "spaces and spelling" in rewrite_note(ARTICLE, replace(ARTICLE, body="<p>x</p>\n"))


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="editor")], ids=["editor"])
def test_rewriting_is_reported_once_for_a_whole_run(clone: Clone) -> None:
    run = clone.publish().run
    assert run is not None
    rewritten = [outcome for outcome in run.outcomes if outcome.notes]
    assert len(rewritten) == 4
    notes = {note for outcome in rewritten for note in outcome.notes}
    text = outcomes_to_text(run.outcomes, colour=False, width=200)
    assert text.count("the portal rewrote the HTML") == len(notes) < 4
