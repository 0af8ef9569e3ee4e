"""The file of a saved plan: read back as written, shown again in any format, and refused if it is not valid."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.change import Action, Change, Finding, FindingKind
from kbsync.errors import UsageError
from kbsync.model import Article, Folder, Kind, Side
from kbsync.planner.approval import SavedPlan, approval_of
from kbsync.planner.planner import Plan
from kbsync.report.json_output import saved_from_json, saved_to_json
from kbsync.report.pages import plan_to_html, plan_to_markdown
from kbsync.report.terminal import plan_to_text

PLAN = Plan(
    written=Side.LIVE,
    changes=(
        Change(
            action=Action.UPDATE,
            kind=Kind.ARTICLE,
            path="guide/a/b.md",
            id=7,
            former_path="guide/a/old.md",
            fields=("title", "body"),
            reason="was guide/a/old.md",
            desired=Article(title="Ünïcode \u202e 🎉", body="New\n", path="guide/a/b.md"),
            actual=Article(title="Old", body="<p>Old</p>", id=7, parent=3),
            before="---\ntitle: Old\n---\n\tOld\n",
            after="---\ntitle: Ünïcode \u202e 🎉\n---\n\tNew\n",
        ),
        Change(action=Action.CREATE, kind=Kind.FOLDER, path="guide/new", desired=Folder(name="New", path="guide/new")),
        Change(action=Action.ADOPT, kind=Kind.ARTICLE, path="guide/a/c.md", id=9),
    ),
    drift=(
        Finding(
            finding_kind=FindingKind.DRIFT, kind=Kind.ARTICLE, path="guide/a/d.md", id=10, fields=("tags",), reason="x"
        ),
    ),
    conflicts=(
        Finding(
            finding_kind=FindingKind.CONFLICT,
            kind=Kind.ARTICLE,
            path="guide/a/e.md",
            id=11,
            reason="both moved",
            ours=("-a", "+b"),
            theirs=("-a", "+c"),
        ),
    ),
    unmanaged=(Finding(finding_kind=FindingKind.UNMANAGED, kind=Kind.FOLDER, path="Elsewhere", id=12),),
    undone=(Finding(finding_kind=FindingKind.UNDONE, kind=Kind.ARTICLE, path="guide/a/f.md", id=13),),
    unchanged=4,
    ids={},
    targets={},
    anchors={},
    halt="the content tree has no articles",
)
SAVED = SavedPlan(
    plan=PLAN,
    approval=approval_of(PLAN),
    target="production",
    url="https://acme.freshdesk.com",
    tree="4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    at="2026-11-23T21:28:15Z",
    commit="29e489f",
    kbsync="0.1.0",
    calls=12,
    paths=("guide",),
    uncommitted=("guide/a/b.md",),
)
TEXT = saved_to_json(SAVED)


def _read(text: str) -> SavedPlan:
    return saved_from_json(text, name="plan.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "<!doctype html>",
        '{"version": 1}',
        '{"version": true}',
        '{"version": 1, "saved": 3, "changes": {}}',
        "[" * 100_000,
        '{"version": 1, "saved": {}, "changes": []}',
    ],
)
def test_a_file_that_is_not_a_saved_plan_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"plan\.json is not a saved plan") as wrong:
        _read(text)
    assert wrong.value.exit_code == 2
    assert "--out" in wrong.value.advice


def _wrongly(page: dict[str, Any], *path: str | int, value: object) -> dict[str, Any]:
    inner: Any = page
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return page


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("target",), 7, "`target` is not a string"),
        (("changes", 0, "action"), "explode", "`changes[0].action` is not one of create, update,"),
        (("changes", 0, "kind"), "planet", "`changes[0].kind` is not one of category, folder, article"),
        (("changes", 0, "id"), "1", "`changes[0].id` is not a whole number"),
        (("changes", 0, "id"), True, "`changes[0].id` is not a whole number"),
        (("changes", 0, "fields"), "body", "`changes[0].fields` is not a list"),
        (("changes", 0, "diff"), [1], "`changes[0].diff[0]` is not a string"),
        (("changes", 0), "update", "`changes[0]` is not an object"),
        (("saved", "at"), "yesterday", "`saved.at` is not a time"),
        (("saved", "at"), "2026-01-01T00:00:00", "`saved.at` is not a time"),
        (("saved", "paths"), [None], "`saved.paths[0]` is not a string"),
        (("drift",), None, "`drift` is not a list"),
        (("version",), 2, "`version` is 2; this kbsync reads version 1"),
    ],
)
def test_a_broken_plan_names_what_is_broken(path: tuple[str | int, ...], value: object, message: str) -> None:
    with pytest.raises(UsageError) as wrong:
        _read(json.dumps(_wrongly(json.loads(TEXT), *path, value=value)))
    assert wrong.value.what.startswith(f"plan.json is not a saved plan: {message}")
    assert wrong.value.advice.startswith("upgrade" if path == ("version",) else "save one")


def test_a_saved_plan_reads_back_equal() -> None:
    assert saved_to_json(_read(TEXT)) == TEXT


def test_changes_of_baselines_only_are_shown_and_need_no_approval() -> None:
    read = _read(TEXT)
    assert [change.action for change in read.plan.changes] == [Action.UPDATE, Action.CREATE, Action.ADOPT]
    assert read.approval == SAVED.approval
    assert [grant.action for grant in read.approval.changes] == [Action.UPDATE, Action.CREATE]


def test_it_is_shown_again_in_every_form_as_it_was() -> None:
    read = _read(TEXT).plan
    assert plan_to_text(read, heading="x", colour=False, width=100) == plan_to_text(
        PLAN, heading="x", colour=False, width=100
    )
    assert plan_to_markdown(read, heading="x") == plan_to_markdown(PLAN, heading="x")
    assert plan_to_html(read, heading="x") == plan_to_html(PLAN, heading="x")


def test_a_saved_plan_is_the_documented_object_and_more() -> None:
    page = json.loads(TEXT)
    assert set(page) >= {"version", "target", "changes", "drift", "conflicts", "unmanaged", "counts", "calls"}
    assert set(page["changes"][0]) >= {"action", "kind", "path", "id", "fields", "reason"}
    assert set(page["saved"]) == {
        "kbsync",
        "at",
        "url",
        "site",
        "tree",
        "commit",
        "paths",
        "uncommitted",
        "rerender",
    } | {
        "refreshed",
        "base_run",
        "base_date",
    }


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_file_is_a_plan_or_a_usage_error(data: st.DataObject) -> None:
    page = json.loads(TEXT)
    place: Any = data.draw(st.sampled_from([page, page["saved"], page["changes"][0], page["drift"][0]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(_ANYTHING)
    with suppress(UsageError):
        read = _read(json.dumps(page))
        assert saved_to_json(read)
        assert plan_to_text(read.plan, heading="x", colour=False, width=80)


def test_a_forged_diff_has_no_control_characters() -> None:
    page = json.loads(TEXT)
    page["changes"][0]["diff"] = ["+\x1b[2Jgone", "-a\nb", "@@ \u202e @@"]
    text = plan_to_text(_read(json.dumps(page)).plan, heading="x", colour=False, width=80)
    assert "\\x1b[2Jgone" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
