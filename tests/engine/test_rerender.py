"""`--rerender`: unchanged articles get the new rendering once, and no web edit is overwritten."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from kbsync.config import Secret
from kbsync.engine import undo as undoing
from kbsync.engine.adopt import Named, release
from kbsync.engine.context import Options
from kbsync.engine.saved_plan import make_saved_plan
from kbsync.errors import Refusal, UsageError
from kbsync.markup.options import MarkupOptions as Markup
from kbsync.report.json_output import saved_from_json, saved_to_json
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import Rewriting, SandboxSettings
from tests.engine.clone import LEDGER, Clone, clone_of, shown, steps, troubles
from tests.engine.test_laws import REWRITINGS, a_clone, edit_web
from tests.planner.trees import Edit, agents_edits, law, trees
from tests.planner.world import article

CODE, MORE = "guide/basics/code.md", "guide/basics/more.md"
INSTALL, PAY = "guide/basics/install.md", "shop/orders/pay.md"
BODY = '```python\nprint("hello") # 🎉\n```\n\nשלום “quoted” & done.'
PLAIN, COLOURED = Markup(highlight=False), Markup(highlight=True)


def with_markup(clone: Clone, markup: Markup) -> Clone:
    clone.config = replace(clone.config, markup=markup)
    return clone


@pytest.fixture
def before(clone: Clone) -> Clone:
    """A tree with code in it, published when code was not coloured yet; now it would be."""
    clone.commit({CODE: article("Code", BODY)})
    with_markup(clone, PLAIN).published()
    return with_markup(clone, COLOURED)


def test_only_articles_that_render_differently_are_updates(before: Clone) -> None:
    assert steps(before.plan()) == {}
    made = before.plan(rerender=True)
    assert steps(made) == {CODE: "update"}
    assert [(change.fields, change.reason) for change in made.changes] == [(("body",), "re-rendered")]
    assert steps(before.published(rerender=True)) == {CODE: "update"}
    assert "color:" in before.live(CODE).description
    assert steps(before.plan(rerender=True)) == steps(before.plan()) == {}
    assert before.methods(lambda: before.published(rerender=True)).keys() == {"GET"}


def test_a_published_article_needs_no_new_rendering(clone: Clone) -> None:
    clone.published()
    assert steps(clone.plan(rerender=True)) == {}


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="editor")], ids=["editor"])
def test_html_is_sent_once_to_a_portal_that_rewrites_it(before: Clone) -> None:
    assert steps(before.plan(rerender=True)) == {CODE: "update"}
    assert troubles(before.publish(rerender=True)) == []
    assert steps(before.plan(rerender=True)) == {}
    assert before.methods(lambda: before.published(rerender=True)).keys() == {"GET"}


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="strict")], ids=["strict"])
def test_content_that_a_portal_lost_is_not_sent_again(clone: Clone) -> None:
    clone.commit({CODE: article("Code", '<iframe src="https://www.youtube.com/embed/x" width="560"></iframe>')})
    assert [path for path, _, _ in troubles(clone.publish())] == [CODE]
    assert clone.methods(lambda: clone.publish(rerender=True)).keys() == {"GET"}


def test_a_web_edit_is_still_drift(before: Clone, portal: Portal) -> None:
    number = before.id_of(CODE)
    portal.store.edit_article(number, body="<p>Edited by hand.</p>")
    assert steps(before.plan(rerender=True)) == {CODE: "drift"}
    before.publish(rerender=True)
    assert portal.store.article(number).description == "<p>Edited by hand.</p>"


def test_an_article_saved_on_the_portal_since_is_held_back(before: Clone, portal: Portal) -> None:
    portal.store.edit_article(before.id_of(CODE), tags=["by", "hand"])
    made = before.plan(rerender=True)
    assert steps(made) == {CODE: "conflict"}
    assert "saved on the portal since" in made.conflicts[0].reason
    before.config = replace(before.config, touched="go")
    assert steps(before.published(rerender=True)) == {CODE: "update"}
    assert list(before.live(CODE).tags) == ["by", "hand"]


def test_paths_limit_a_rerender(before: Clone) -> None:
    assert steps(before.plan(rerender=True, paths=("shop",))) == {}
    assert steps(before.plan(rerender=True, paths=("guide/basics",))) == {CODE: "update"}


def test_a_change_of_another_field_includes_the_body(before: Clone) -> None:
    before.commit({CODE: article("Colours", BODY)})
    (change,) = before.plan(rerender=True).changes
    assert (change.fields, change.reason) == (("body", "title"), "re-rendered")
    before.published(rerender=True)
    assert (before.live(CODE).title, "color:" in before.live(CODE).description) == ("Colours", True)
    assert steps(before.plan(rerender=True)) == {}


def test_a_renamed_file_is_rendered_again_too(before: Clone) -> None:
    number = before.id_of(CODE)
    before.git("mv", CODE, "guide/basics/renamed.md")
    before.commit()
    assert steps(before.published(rerender=True)) == {"guide/basics/renamed.md": "update"}
    assert before.id_of("guide/basics/renamed.md") == number
    assert steps(before.plan(rerender=True)) == {}


def test_html_of_the_editor_is_replaced_and_the_plan_reports_it(clone: Clone, portal: Portal) -> None:
    clone.published()
    number = clone.id_of(PAY)
    odd = '<p data-odd="1"><font face="Arial">Cards</font></p>\n<p><img src="https://x.example/y.png"></p>'
    portal.store.edit_article(number, body=odd)
    clone.pull()
    clone.commit()
    assert steps(clone.plan()) == steps(clone.plan(rerender=True)) == {}, "what nobody sees is nothing"
    portal.store.edit_article(number, body=odd + '<pre><code class="language-python">x = 1</code></pre>')
    clone.pull()
    clone.commit()
    assert steps(clone.plan()) == {}
    (change,) = clone.plan(rerender=True).changes
    assert change.path == PAY
    assert change.reason.startswith("re-rendered; removes from the live body: ")
    assert "data-odd" in change.reason or "more" in change.reason
    clone.published(rerender=True)
    assert "data-odd" not in portal.store.article(number).description
    assert steps(clone.plan(rerender=True)) == {}


def test_an_edited_article_is_rendered_whole_and_not_patched(clone: Clone, portal: Portal) -> None:
    """An article created on the portal keeps its live HTML in an ordinary update, but not in a rerender."""
    clone.published()
    folder = clone.live(INSTALL).folder_id
    number = portal.store.create_article(folder, "New", '<p data-odd="1">One.</p><p>Two.</p>').id
    clone.pull()
    (path,) = [path for path in clone.files() if path.endswith("new.md")]
    clone.commit({path: clone.read(path).replace("Two.", "Three.")})
    assert steps(clone.published(rerender=True)) == {path: "update"}
    assert "data-odd" not in portal.store.article(number).description


def test_another_clone_has_the_sent_digests(before: Clone, shared: Path, tmp_path: Path) -> None:
    before.git("push", "-q", "origin", "main")
    before.published(rerender=True)
    other = clone_of(shared, tmp_path / "other", before)
    assert steps(other.plan(rerender=True)) == {}


def test_a_saved_plan_records_whether_articles_are_rendered_whole(before: Clone) -> None:
    planned = before.planned(rerender=True)
    saved = make_saved_plan(planned, Options(rerender=True))
    with pytest.raises(Refusal, match="made with --rerender"):
        before.publish(saved=saved)
    assert steps(before.published(saved=saved, rerender=True)) == {CODE: "update"}
    plain = make_saved_plan(before.planned(), Options(rerender=False))
    with pytest.raises(Refusal, match="made without --rerender"):
        before.publish(saved=plain, rerender=True)


def test_a_saved_plan_file_records_the_option_and_a_web_edit_since_is_withheld(before: Clone, portal: Portal) -> None:
    text = saved_to_json(make_saved_plan(before.planned(rerender=True), Options(rerender=True)))
    saved = saved_from_json(text, name="plan.json")
    assert saved.rerender
    with pytest.raises(UsageError, match=r"`saved\.rerender` is not true or false"):
        saved_from_json(text.replace('"rerender": true', '"rerender": "yes"'), name="plan.json")
    portal.store.edit_article(before.id_of(CODE), body="<p>By hand.</p>")
    withheld = troubles(before.publish(saved=saved, rerender=True))
    assert [(path, result) for path, result, _ in withheld] == [(CODE, "withheld")]
    assert before.live(CODE).description == "<p>By hand.</p>"


def undo(clone: Clone, run: str | None = None) -> dict[str, str]:
    done = undoing.undo(clone.config, Secret(clone.portal.key), run, Options(), clone.ui)
    assert done.run is not None
    return steps(done.planned.plan)


def test_an_undone_or_released_article_is_not_rendered_again(before: Clone) -> None:
    before.commit({CODE: article("Code", f"More.\n\n{BODY}")})
    before.published()
    number = before.id_of(CODE)
    assert undo(before) == {CODE: "update"}
    assert "color:" not in before.portal.store.article(number).description
    assert steps(before.plan(rerender=True)) == {CODE: "undone"}
    release(before.config, Secret(before.portal.key), Named(paths=(CODE,)), Options(), before.ui, dry_run=False)
    before.commit()
    assert steps(before.plan(rerender=True)) == {}
    assert before.methods(lambda: before.published(rerender=True)).keys() == {"GET"}


def test_a_rerender_can_be_undone_and_is_repeated_only_on_request(before: Clone) -> None:
    plain = before.live(CODE).description
    before.published(rerender=True)
    assert undo(before) == {CODE: "update"}
    assert before.live(CODE).description == plain
    assert steps(before.plan()) == {}
    assert steps(before.plan(rerender=True)) == {CODE: "update"}


def test_undoing_an_undo_restores_the_sent_body(before: Clone) -> None:
    before.published(rerender=True)
    coloured = before.live(CODE).description
    undo(before)
    assert undo(before, before.git("rev-parse", LEDGER).strip()) == {CODE: "update"}
    assert before.live(CODE).description == coloured
    assert steps(before.plan(rerender=True)) == {}


def test_archived_articles_stay_archived_and_restored_ones_get_the_new_rendering(before: Clone) -> None:
    source = before.read(CODE)
    before.remove(CODE)
    before.commit()
    assert steps(before.published(rerender=True)) == {CODE: "archive"}
    assert steps(before.plan(rerender=True)) == {}
    before.commit({CODE: source})
    assert steps(before.published(rerender=True)) == {CODE: "restore"}
    assert "color:" in before.live(CODE).description
    assert steps(before.plan(rerender=True)) == {}


def test_articles_in_a_cycle_are_sent_once(clone: Clone) -> None:
    with_markup(clone, PLAIN)
    code = "```python\nx = 1\n```"
    clone.commit(
        {CODE: article("Code", f"[On](more.md).\n\n{code}"), MORE: article("More", f"[Back](code.md).\n\n{code}")}
    )
    clone.published()
    with_markup(clone, COLOURED)
    assert clone.methods(lambda: clone.published(rerender=True))["PUT"] == 2
    assert steps(clone.plan(rerender=True)) == {}


def test_the_limit_on_removals_holds_and_a_setting_for_clean_html_changes_nothing(before: Clone) -> None:
    before.config = replace(before.config, style="clean")
    assert steps(before.plan(rerender=True)) == {CODE: "update"}
    before.config = replace(before.config, archive_number=0)
    before.remove(PAY)
    before.commit()
    with pytest.raises(Refusal, match="would be removed"):
        before.publish(rerender=True)
    assert "color:" not in before.live(CODE).description


def test_a_link_to_a_gone_article_does_not_change_the_rendering(before: Clone, portal: Portal) -> None:
    linking = {MORE: article("More", "To [pay](../../shop/orders/pay.md).")}
    before.commit(linking)
    before.published(rerender=True)
    portal.store.delete_article(before.id_of(PAY))
    assert steps(before.plan(rerender=True)) == {PAY: "drift"}
    with_markup(before, PLAIN)
    assert steps(before.published(rerender=True)) == {PAY: "drift", CODE: "update"}


@law(5)
@given(trees(most=5), agents_edits(), REWRITINGS)
def test_laws_2_and_3_a_rerender_overwrites_no_web_edit_and_is_sent_once(
    files: dict[str, str], theirs: list[Edit], rewriting: Rewriting
) -> None:
    coded = {path: text if "_index" in path else f"{text}\n\n```sh\necho 1\n```\n" for path, text in files.items()}
    with a_clone(coded, rewriting=rewriting) as clone:
        with_markup(clone, PLAIN).published()
        with_markup(clone, COLOURED)
        held = edit_web(clone.portal, theirs)
        before, drifted = shown(clone.portal), {finding.path for finding in clone.plan().drift}
        if clone.plan().halt:
            return
        done = clone.publish(rerender=True)
        waiting = {path for path, result, _ in troubles(done) if result == "skipped"}
        assert len(waiting) == len(troubles(done))
        after = shown(clone.portal)
        assert {number: after[number] for number in held} == {number: before[number] for number in held}
        articles = {path for path in coded if path.endswith(".md") and "_index" not in path}
        made = done.planned.plan
        assert {change.path for change in made.changes} == articles - drifted - {one.path for one in made.conflicts}
        assert {change.path for change in clone.plan(rerender=True).changes} == waiting
