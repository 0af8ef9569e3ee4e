"""A plan saved on one machine and applied on another: it only approves the reviewed changes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kbsync.change import Result
from kbsync.engine import plan as planning
from kbsync.engine.context import Options
from kbsync.engine.publish import PublishResult
from kbsync.engine.saved_plan import make_saved_plan
from kbsync.errors import Refusal
from kbsync.planner.approval import SavedPlan
from kbsync.report.json_output import saved_from_json, saved_to_json
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, clone_of, git, new_clone, shown, steps
from tests.planner.world import article
from tests.portals import serve
from tests.ready import Ready

RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"
NEW = "guide/basics/brand-new.md"
EDITS = {
    RESET: article("Reset", "Hold the button, as [the other](install.md) says."),
    PAY: article("Pay", "Cards and transfers are welcome; cash is not."),
    NEW: article("Brand new", "It was written today, and of nothing else than okapis."),
}


def _save(clone: Clone, **options: Any) -> str:
    asked = Options(**options)
    return saved_to_json(make_saved_plan(clone.planned(**options), asked))


def _read(text: str) -> SavedPlan:
    return saved_from_json(text, name="plan.json")


def _ends(done: PublishResult) -> dict[str, str]:
    assert done.run is not None
    return {o.change.path: f"{o.result.value} {o.error}".strip() for o in done.run.outcomes}


@pytest.fixture
def edited(clone: Clone, shared: Path, ready: Ready) -> Clone:
    """A published tree with an update, an update and a new article, committed and pushed."""

    def make() -> None:
        clone.published()
        clone.commit(EDITS)
        clone.git("push", "-q", "origin", "main")

    ready("edited", clone.root.parent, clone.portal, make)
    return clone


def test_a_plan_made_on_one_machine_is_applied_on_another(edited: Clone, shared: Path, tmp_path: Path) -> None:
    text = _save(edited)
    there = clone_of(shared, tmp_path / "there", edited)
    done = there.publish(saved=_read(text), all_or_nothing=True)
    assert set(_ends(done).values()) == {"done"}
    assert steps(done.planned.plan) == {RESET: "update", PAY: "update", NEW: "create"}
    assert steps(there.plan()) == {}


def test_a_plan_of_a_branch_holds_after_a_squash_merge(edited: Clone, shared: Path, tmp_path: Path) -> None:
    edited.git("checkout", "-q", "-b", "branch")
    edited.commit({INSTALL: article("Install", "Unpack it.")})
    edited.commit({INSTALL: article("Install", "Unpack it, and put it on a table.", tags="[box, table]")})
    text = _save(edited)
    edited.git("checkout", "-q", "main")
    edited.git("merge", "-q", "--squash", "branch")
    edited.git("commit", "-q", "-m", "All of it at once")
    assert edited.git("rev-parse", "main") != edited.git("rev-parse", "branch")
    edited.git("push", "-q", "origin", "main")
    there = clone_of(shared, tmp_path / "there", edited, "--depth", "1")
    there.git("checkout", "-q", "--detach")
    assert set(_ends(there.publish(saved=_read(text), attended=False)).values()) == {"done"}
    assert there.live(INSTALL).description.strip() == "<p>Unpack it, and put it on a table.</p>"


def test_an_article_saved_since_is_withheld_and_reported_and_the_rest_is_applied(edited: Clone, portal: Portal) -> None:
    saved = _read(_save(edited))
    portal.store.edit_article(edited.id_of(PAY), body="<p>By an agent.</p>")
    ends = _ends(edited.publish(saved=saved))
    assert ends.pop(PAY).startswith("withheld changed since the plan: now conflict: ")
    assert set(ends.values()) == {"done"}
    assert edited.live(PAY).description == "<p>By an agent.</p>"


def test_all_or_nothing_refuses_the_whole_plan_before_any_write(edited: Clone, portal: Portal) -> None:
    saved = _read(_save(edited))
    portal.store.edit_article(edited.id_of(PAY), body="<p>By an agent.</p>")
    before = shown(portal)
    with pytest.raises(Refusal, match=r"parts of the saved plan are out of date: shop/orders/pay\.md") as refused:
        edited.publish(saved=saved, all_or_nothing=True)
    assert "--all-or-nothing" in refused.value.advice
    assert shown(portal) == before


def test_the_same_plan_applied_twice_has_nothing_to_do(edited: Clone) -> None:
    saved = _read(_save(edited))
    edited.publish(saved=saved)
    methods = edited.methods(lambda: None)
    again = edited.publish(saved=saved)
    assert set(_ends(again).values()) == {"withheld already done"}
    assert edited.publish(saved=saved, all_or_nothing=True).run == again.run
    assert methods == {}


def test_a_plan_of_some_paths_allows_these_alone(edited: Clone) -> None:
    saved = _read(_save(edited, paths=("shop",)))
    assert _ends(edited.publish(saved=saved)) == {PAY: "done"}
    assert steps(edited.plan()) == {RESET: "update", NEW: "create"}


def test_changes_in_a_withheld_directory_are_withheld_too(clone: Clone) -> None:
    clone.published()
    clone.commit({"news/today/one.md": article("One", "The first."), INSTALL: article("Install", "Unpack.")})
    page = json.loads(_save(clone))
    page["changes"] = [change for change in page["changes"] if change["path"] != "news"]
    ends = _ends(clone.publish(saved=_read(json.dumps(page))))
    assert ends["news"] == "withheld not in the plan"
    assert ends["news/today"].startswith("skipped needs news")
    assert ends["news/today/one.md"].startswith("skipped needs news")
    assert ends[INSTALL] == "done"


def test_another_tree_is_refused_whatever_its_commit(edited: Clone, portal: Portal) -> None:
    saved = _read(_save(edited))
    edited.commit({RESET: article("Reset", "Something that nobody has looked at.")})
    before = shown(portal)
    with pytest.raises(Refusal, match="the content has changed since the saved plan"):
        edited.publish(saved=saved)
    assert shown(portal) == before
    edited.git("revert", "--no-edit", "HEAD")
    assert set(_ends(edited.publish(saved=saved)).values()) == {"done"}


def test_files_outside_the_root_are_not_part_of_the_plan(tmp_path: Path, portal: Portal) -> None:
    clone = new_clone(tmp_path / "app", portal, {"docs/guide/a/b.md": article("B"), "src/main.c": "int main;\n"})
    inner = replace(clone, root=clone.root / "docs", config=replace(clone.config, root=clone.root / "docs"))
    saved = _read(_save(inner))
    clone.commit({"src/main.c": "int main();\n"})
    assert set(_ends(inner.publish(saved=saved)).values()) == {"done"}


def test_a_plan_with_uncommitted_changes_in_it_allows_nothing(edited: Clone, portal: Portal) -> None:
    edited.write({PAY: article("Pay", "Cash only.")})
    text = _save(edited)
    edited.commit()
    with pytest.raises(Refusal, match=r"contains uncommitted files: shop/orders/pay\.md"):
        edited.publish(saved=_read(text))
    assert edited.live(PAY).description.strip() == "<p>Cards, transfers and cash are all welcome.</p>"


def test_its_own_file_may_be_in_the_tree(edited: Clone) -> None:
    aside = frozenset({"plan.json"})
    for _ in range(2):
        text = _save(edited, aside=aside)
        edited.write({"plan.json": text})
    assert _read(text).uncommitted == ()
    assert set(_ends(edited.publish(saved=_read(text), aside=aside)).values()) == {"done"}


def test_another_target_and_another_portal_are_refused(edited: Clone) -> None:
    saved = _read(_save(edited))
    with pytest.raises(Refusal, match="the saved plan is for the target staging, not production"):
        edited.publish(saved=replace(saved, target="staging"))
    with serve(SandboxSettings()) as other:
        there = replace(edited, portal=other, config=replace(edited.config, url=other.url))
        with pytest.raises(Refusal, match=r"the saved plan is for 127\.0\.0\.1:\d+, not 127\.0\.0\.1:\d+"):
            there.publish(saved=saved)
        assert not other.store.all_articles()


@pytest.mark.parametrize(
    ("at", "max_age", "message"),
    [
        (
            "2020-01-01T00:00:00Z",
            timedelta(days=7),
            r"made at 2020-01-01T00:00:00Z, \d+ days ago; plans expire after 7 days",
        ),
        ("2020-01-01T00:00:00Z", timedelta(seconds=90), "plans expire after 90 seconds"),
        ("2020-01-01T00:00:00Z", timedelta(hours=12), "plans expire after 12 hours"),
        ("2999-01-01T00:00:00Z", timedelta(days=7), "which is in the future"),
    ],
)
def test_a_plan_expires(edited: Clone, portal: Portal, at: str, max_age: timedelta, message: str) -> None:
    saved = replace(_read(_save(edited)), at=at)
    before = shown(portal)
    with pytest.raises(Refusal, match=message):
        edited.publish(saved=saved, max_age=max_age)
    assert shown(portal) == before
    if at < "2900":
        assert set(_ends(edited.publish(saved=saved, max_age=timedelta(days=100_000))).values()) == {"done"}


def test_a_limit_holds_for_what_the_saved_plan_allows(tmp_path: Path, portal: Portal) -> None:
    files = {f"guide/a/p-{n}.md": article(f"P {n}", f"Only this one says {n * 7919}.") for n in range(12)}
    clone = new_clone(tmp_path / "many", portal, files)
    clone.published()
    clone.remove(*(f"guide/a/p-{n}.md" for n in range(6)))
    clone.commit({"guide/a/p-11.md": article("P 11", "News.")})
    page = json.loads(_save(clone))
    with pytest.raises(Refusal, match="6 of 12 known articles"):
        clone.publish(saved=_read(json.dumps(page)))
    page["changes"] = [change for change in page["changes"] if change["path"] in {"guide/a/p-11.md", "guide/a/p-0.md"}]
    ends = _ends(clone.publish(saved=_read(json.dumps(page))))
    assert sorted(ends.values()) == ["done", "done", *["withheld not in the plan"] * 5]


Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda page: page["changes"][0].update(action="delete"), id="another action"),
        pytest.param(lambda page: page["changes"][0].update(id=1), id="another id"),
        pytest.param(lambda page: page["changes"][0].update(fields=["status"]), id="other fields"),
        pytest.param(lambda page: page["changes"][0].update(path="guide/basics/install.md"), id="another path"),
        pytest.param(lambda page: page["changes"][0].update(title="Forged", diff=["+forged"]), id="other words"),
        pytest.param(lambda page: page["changes"][0].update(content="00", live="00"), id="other digests"),
        pytest.param(lambda page: page["saved"].update(kbsync="forged", commit="--force"), id="another commit"),
        pytest.param(lambda page: page["changes"].extend(page["changes"] * 3), id="everything four times"),
        pytest.param(
            lambda page: page.update(changes=[], saved=page["saved"] | {"paths": ["guide"]}), id="other paths"
        ),
    ],
)
def test_a_forged_plan_approves_no_more_than_a_fresh_plan(edited: Clone, portal: Portal, forge: Edit) -> None:
    page = json.loads(_save(edited))
    fresh = edited.plan()
    forge(page)
    before = {path: edited.live(path).description for path in (RESET, PAY, INSTALL)}
    done = edited.publish(saved=_read(json.dumps(page)))
    assert done.run is not None
    carried = [outcome.change for outcome in done.run.outcomes if outcome.result is Result.DONE]
    assert {(change.action, change.path) for change in carried} <= {(c.action, c.path) for c in fresh.changes}
    texts = {RESET: "Hold the button", PAY: "Cards and transfers are welcome"}
    for path, was in before.items():
        now = edited.live(path).description
        assert now == was or texts[path] in now


def test_a_plan_without_a_refresh_allows_articles_that_equal_their_baselines(edited: Clone, portal: Portal) -> None:
    planned = planning.plan(edited.config, None, Options(), edited.ui)
    saved = _read(saved_to_json(make_saved_plan(planned, Options())))
    portal.store.edit_article(edited.id_of(PAY), body="<p>By an agent.</p>")
    ends = _ends(edited.publish(saved=saved))
    assert ends.pop(PAY).startswith("withheld changed since the plan")
    assert ends == {RESET: "done", NEW: "done"}


@pytest.mark.parametrize("settings", [SandboxSettings(key="sEcReT-kEy")], ids=["secret"])
def test_a_saved_plan_holds_no_secret_and_is_no_larger_than_what_changes(edited: Clone, portal: Portal) -> None:
    long = "".join(f"\nA sentence of some length that stands on a line of its own, number {n}.\n" for n in range(2000))
    edited.commit({PAY: article("Pay", long)})
    edited.published()
    edited.commit({PAY: article("Pay", long.replace("number 77.", "number 77!"))})
    text = _save(edited)
    assert portal.key == "sEcReT-kEy"
    assert portal.key not in text
    assert len(text) < 5_000
    (change,) = json.loads(text)["changes"]
    assert [line for line in change["diff"] if line.startswith("+")] == [
        "+A sentence of some length that stands on a line of its own, number 77!"
    ]


def test_the_saved_tree_is_the_one_git_knows(edited: Clone) -> None:
    saved = _read(_save(edited))
    assert saved.tree == git(edited.root, "rev-parse", "HEAD^{tree}").strip()
