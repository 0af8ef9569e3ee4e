"""The invariants of the planner over generated trees and edits of both sides.

The portal is a dict that applies every change; the same laws over HTTP and git stand in `tests/engine`.
"""

from dataclasses import replace

from hypothesis import event, given

from kbsync.change import Action
from kbsync.digests import live_digests
from kbsync.engine.refresh import live_from_baselines
from kbsync.model import Article, Item, ItemKey, Kind, Status, fields_of
from kbsync.planner.planner import make_plan
from tests.planner.trees import Edit, agents_edits, law, trees, write, writers_edits
from tests.planner.world import BothSides, published, snapshot, steps

EXAMPLES = 50


def edit_live(made: BothSides, edits: list[Edit]) -> dict[ItemKey, Item | None]:
    """Make an agent's edits; return the state of every edited article after them."""
    done: dict[ItemKey, Item | None] = {}
    for number, edit in enumerate(edits):
        key = edit.chosen(sorted(key for key in made.live if key.kind is Kind.ARTICLE))
        live = made.live.get(key)
        if not isinstance(live, Article):
            continue
        match edit.what:
            case "remove":
                made.lose(key)
            case "add":
                added = next(made.ids)
                made.live[ItemKey(Kind.ARTICLE, added)] = replace(live, id=added, title=f"From the web {number}")
                key = ItemKey(Kind.ARTICLE, added)
            case "status":
                made.edit(key, status=Status.DRAFT if live.status is Status.PUBLISHED else Status.PUBLISHED)
            case "tags":
                made.edit(key, tags=(*(live.tags or ()), f"web-{number}"))
            case "title":
                made.edit(key, title=f"{live.title} on the web")
            case "body":
                made.edit(key, body=f"{live.body}<p>Added on the web {number}.</p>")
            case _:
                made.edit(key)
        done[key] = made.live.get(key)
    return done


def writes_of(made: BothSides) -> set[ItemKey]:
    """Return every item that differs from how it was before a publish; `made` is published by this."""
    before = snapshot(made)
    made.publish()
    after = snapshot(made)
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@law(EXAMPLES)
@given(trees())
def test_law_3_a_plan_after_a_publish_is_empty(files: dict[str, str]) -> None:
    made = published(files)
    assert steps(made.plan()) == {}
    assert steps(made.plan_pull()) == {}
    assert writes_of(made) == set()


@law(EXAMPLES)
@given(trees(), writers_edits())
def test_law_3_holds_after_any_edit_of_the_content(files: dict[str, str], edits: list[Edit]) -> None:
    made = published(files)
    write(made.files, edits)
    if made.plan().halt:
        return
    actions = steps(made.publish())
    event("ties" if "conflict" in actions.values() else "no ties")
    left = steps(made.plan())
    assert {path: said for path, said in left.items() if said != "conflict"} == {}
    assert left.keys() <= actions.keys()


@law(EXAMPLES)
@given(trees(), writers_edits(), agents_edits())
def test_law_2_nothing_edited_on_the_web_is_ever_overwritten(
    files: dict[str, str], mine: list[Edit], theirs: list[Edit]
) -> None:
    made = published(files)
    before = snapshot(made)
    write(made.files, mine)
    edit_live(made, theirs)
    theirs_now = snapshot(made)
    managed = {key: _managed(made, key) for key in made.baselines}
    if made.plan().halt:
        return
    made.publish()
    for key, now in theirs_now.items():
        unmanaged = key not in before
        fields = now.keys() if unmanaged else managed[key]
        if unmanaged or any(now[name] != before[key][name] for name in fields):
            assert live_digests(made.live[key]) == now, f"{key} was written over"


def _managed(made: BothSides, key: ItemKey) -> set[str]:
    """Return the fields that content manages, at the baseline or now: web edits of others do not count."""
    known = made.baselines[key]
    now = made.content().by_path().get(known.path)
    fields = {name for name, value in fields_of(now).items() if value is not None} if now else set()
    return fields & known.content.keys() if now else set(known.content)


@law(EXAMPLES)
@given(trees(), writers_edits(), agents_edits())
def test_law_3_holds_with_web_edits_which_stay_reported(
    files: dict[str, str], mine: list[Edit], theirs: list[Edit]
) -> None:
    made = published(files)
    write(made.files, mine)
    edit_live(made, theirs)
    if made.plan().halt:
        return
    made.publish()
    left = made.plan()
    waiting = [change.path for change in left.changes]
    if waiting:
        assert all(_waits(made, path) for path in waiting), steps(left)
    assert writes_of(made) == set()


def _waits(made: BothSides, path: str) -> bool:
    """Return whether an article links, directly or not, to an item that cannot have an address yet."""
    plan = made.plan()
    new = {change.path for change in plan.changes if change.action in {Action.CREATE, Action.MOVE}}
    lost = {path for path in plan.targets if path not in plan.ids} - new
    reached: set[str] = set()
    waiting = [path]
    while waiting:
        for target in set(plan.targets.get(waiting.pop(), ())) - reached:
            reached.add(target)
            waiting.append(target)
    return bool(reached & lost)


@law(EXAMPLES)
@given(trees(), writers_edits(), agents_edits())
def test_law_1_planning_changes_neither_side(files: dict[str, str], mine: list[Edit], theirs: list[Edit]) -> None:
    made = published(files)
    write(made.files, mine)
    edit_live(made, theirs)
    content, live, known = dict(made.files), dict(made.live), dict(made.baselines)
    made.plan()
    made.plan_pull()
    assert (made.files, made.live, made.baselines) == (content, live, known)


@law(EXAMPLES)
@given(trees(), writers_edits(), agents_edits())
def test_both_directions_see_the_same_web_edits(files: dict[str, str], mine: list[Edit], theirs: list[Edit]) -> None:
    """What is drift for a publish a pull copies; what is a conflict a pull merges or reports."""
    made = published(files)
    write(made.files, mine)
    edit_live(made, theirs)
    out, pull = made.plan(), made.plan_pull()
    drifted, disputed = ({finding.path for finding in found} for found in (out.drift, out.conflicts))
    merged = {change.path for change in pull.changes if change.action is Action.UPDATE and change.kept_fields}
    taken = {change.path for change in pull.changes if change.action is Action.UPDATE and not change.kept_fields}
    event("merges" if merged else "no merges")
    assert taken <= drifted
    assert merged <= disputed
    assert all("merged with your changes" in change.reason for change in pull.changes if change.path in merged)
    edited_there = drifted | {finding.path for finding in out.conflicts if finding.fields}
    assert edited_there <= {change.path for change in pull.changes} | {finding.path for finding in pull.conflicts}


@law(EXAMPLES)
@given(trees(least=2), agents_edits())
def test_law_8_an_empty_tree_archives_nothing(files: dict[str, str], theirs: list[Edit]) -> None:
    made = published(files)
    edit_live(made, theirs)
    made.files.clear()
    assert made.plan().halt


@law(EXAMPLES)
@given(trees(least=2), trees())
def test_law_8_another_portal_is_not_written(files: dict[str, str], others: dict[str, str]) -> None:
    made, elsewhere = published(files), BothSides(files=dict(others))
    elsewhere.ids = iter(range(5000, 6000))
    elsewhere.publish()
    made.live = elsewhere.live
    assert made.plan().halt
    assert made.plan_pull().halt


@law(EXAMPLES)
@given(trees(), writers_edits())
def test_items_without_a_baseline_are_adopted_or_reported_and_never_written(
    files: dict[str, str], mine: list[Edit]
) -> None:
    """After a lost ledger the portal is full and has no baselines."""
    made = published(files)
    write(made.files, mine)
    known = set(made.live)
    before = snapshot(made)
    made.baselines.clear()
    made.publish()
    assert {key: digests for key, digests in snapshot(made).items() if key in known} == before


@law(EXAMPLES)
@given(trees())
def test_after_a_lost_ledger_articles_are_adopted_by_their_titles(files: dict[str, str]) -> None:
    made = published(files)
    titles = [(item.parent, item.title) for item in made.live.values() if isinstance(item, Article)]
    made.baselines.clear()
    actions = steps(made.publish())
    if len(set(titles)) == len(titles):
        assert set(actions.values()) <= {"adopt"}
        assert steps(made.plan()) == {}


@law(EXAMPLES)
@given(trees(), agents_edits())
def test_a_plan_from_baselines_equals_one_from_an_unedited_portal(files: dict[str, str], mine: list[Edit]) -> None:
    """`--no-refresh` plans the same as with the portal, as long as it was not edited."""
    made = published(files)
    write(made.files, [replace(edit, what="body") for edit in mine])
    content = made.content()
    offline = make_plan(content, live_from_baselines(made.baselines), made.baselines, made.rules(content))
    assert steps(offline) == steps(made.plan())
