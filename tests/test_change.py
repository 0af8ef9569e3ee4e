"""The order of changes: every step needs only earlier ones, and only cycles have openers."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from kbsync.change import Action, Change, WriteOrder, cycle_openers, natural_order, write_order
from kbsync.model import Kind
from tests.planner.trees import law

REMOVALS = {Action.ARCHIVE, Action.DELETE, Action.FORGET}
NEW = {Action.CREATE, Action.MOVE}
NAMES = ["a/b/one.md", "a/b/two.md", "a/b/three.md", "a/c/four.md", "a/c/d/five.md", "e/f/six.md"]
DIRECTORIES = ["a", "a/b", "a/c", "a/c/d", "e", "e/f"]


@st.composite
def work(draw: st.DrawFn) -> tuple[tuple[Change, ...], dict[str, list[str]]]:
    """Draw changes of articles and directories, with links among the articles."""
    made = draw(st.lists(st.sampled_from(NAMES), unique=True))
    actions = st.sampled_from([Action.CREATE, Action.CREATE, Action.MOVE, Action.UPDATE, Action.ARCHIVE, Action.ADOPT])
    changes = [Change(action=draw(actions), kind=Kind.ARTICLE, path=path) for path in made]
    for path in draw(st.lists(st.sampled_from(DIRECTORIES), unique=True)):
        kind = Kind.FOLDER if "/" in path else Kind.CATEGORY
        changes.append(Change(action=draw(st.sampled_from([Action.CREATE, Action.FORGET])), kind=kind, path=path))
    targets = {path: draw(st.lists(st.sampled_from([*NAMES, "img/x.png"]), max_size=3)) for path in NAMES}
    return tuple(draw(st.permutations(changes))), targets


def _changes(order: WriteOrder) -> list[Change]:
    return [step.change for step in order.steps if not step.completes]


@law(100)
@given(work())
def test_each_change_is_one_step_and_each_opener_has_a_second(
    given_: tuple[tuple[Change, ...], Mapping[str, list[str]]],
) -> None:
    changes, targets = given_
    orders = write_order(changes, targets)
    key = lambda change: (change.action, change.path)  # noqa: E731
    assert sorted((change for order in orders for change in _changes(order)), key=key) == sorted(changes, key=key)
    completed = [step.change.path for order in orders for step in order.steps if step.completes]
    assert sorted(completed) == sorted(cycle_openers(changes, targets))


def test_a_pointer_is_written_after_the_article_that_took_its_path() -> None:
    here = Change(action=Action.UPDATE, kind=Kind.ARTICLE, path="a/b/one.md", id=1)
    old = Change(action=Action.UPDATE, kind=Kind.ARTICLE, path="a/b/one.md", id=2, leaves_pointer=True)
    assert [_changes(order) for order in write_order((old, here), {})] == [[here], [old]]


def test_two_restored_items_at_one_path_do_not_wait_for_one_another() -> None:
    took = Change(action=Action.UPDATE, kind=Kind.ARTICLE, path="a/b/one.md", id=1)
    lay = Change(action=Action.RESTORE, kind=Kind.ARTICLE, path="a/b/one.md", id=2)
    assert write_order((took, lay), {})[0].needs == (frozenset(), frozenset())


@law(100)
@given(work())
def test_a_step_needs_earlier_ones_its_directories_and_the_new_articles_it_links_to(
    given_: tuple[tuple[Change, ...], Mapping[str, list[str]]],
) -> None:
    changes, targets = given_
    openers = cycle_openers(changes, targets)
    new = {change.path for change in changes if change.action in NEW}
    order = write_order(changes, targets)[0]
    for number, step in enumerate(order.steps):
        assert all(needed < number for needed in order.needs[number])
        path = step.change.path
        reached = {order.steps[needed].change.path for needed in _all_needs(order, number)}
        above = {other for other in new if path.startswith(f"{other}/")}
        is_linking = step.completes or (path not in openers and step.change.kind is Kind.ARTICLE)
        assert above | (set(targets[path]) & new - {path} if is_linking else set()) <= reached


def _all_needs(order: WriteOrder, number: int) -> set[int]:
    return set().union(*({needed, *_all_needs(order, needed)} for needed in order.needs[number]))


@law(100)
@given(work())
def test_removals_come_last_and_a_directory_after_what_is_in_it(
    given_: tuple[tuple[Change, ...], Mapping[str, list[str]]],
) -> None:
    written, removed = map(_changes, write_order(*given_))
    assert not [change for change in written if change.action in REMOVALS]
    assert not [change for change in removed if change.action not in REMOVALS]
    paths = [change.path for change in removed]
    assert not [path for n, path in enumerate(paths) if any(later.startswith(f"{path}/") for later in paths[n:])]


@law(100)
@given(work())
def test_only_cycles_of_new_articles_have_openers(
    given_: tuple[tuple[Change, ...], Mapping[str, list[str]]],
) -> None:
    changes, targets = given_
    new = {change.path for change in changes if change.kind is Kind.ARTICLE and change.action in NEW}
    for opener in cycle_openers(changes, targets):
        assert opener in new
        assert opener in _reached(opener, targets, new)


def _reached(start: str, targets: Mapping[str, list[str]], new: set[str]) -> set[str]:
    """Follow the links among new articles."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        following = set(targets[waiting.pop()]) & new - found
        found |= following
        waiting.extend(following)
    return found


def test_an_article_that_links_to_itself_is_a_cycle_and_still_comes_after_others() -> None:
    one, two = NAMES[:2]
    changes = [Change(action=Action.CREATE, kind=Kind.ARTICLE, path=path) for path in (one, two)]
    targets = {one: [one, two], two: []}
    assert cycle_openers(changes, targets) == {one}
    assert [(step.change.path, step.completes) for step in write_order(changes, targets)[0].steps] == [
        (two, False),
        (one, False),
        (one, True),
    ]
    known = [Change(action=Action.UPDATE, kind=Kind.ARTICLE, path=one)]
    assert cycle_openers(known, targets) == frozenset()


def test_a_cycle_of_three_needs_one_opener() -> None:
    names = NAMES[:3]
    changes = [Change(action=Action.CREATE, kind=Kind.ARTICLE, path=path) for path in names]
    targets = {names[0]: [names[1]], names[1]: [names[2]], names[2]: [names[0]]}
    assert len(cycle_openers(changes, targets)) == 1


@law(100)
@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)))
def test_few_articles_of_cycles_are_written_twice(links: dict[str, list[str]]) -> None:
    """At most one more than the fewest, found by trying all sets."""
    changes = [Change(action=Action.CREATE, kind=Kind.ARTICLE, path=path) for path in links]
    targets = {path: [other for other in found if other != path] for path, found in links.items()}
    sizes = (n for n in range(len(links) + 1) for some in combinations(links, n) if _is_acyclic(targets, set(some)))
    assert len(cycle_openers(changes, targets)) <= next(sizes) + 1


def _is_acyclic(targets: Mapping[str, list[str]], without: set[str]) -> bool:
    try:
        TopologicalSorter({path: found for path, found in targets.items() if path not in without}).prepare()
    except CycleError:
        return False
    return True


def test_openers_of_ten_thousand_linked_articles_are_found_by_looking_at_each_link_a_few_times() -> None:
    names = [CountedPath(f"a/b/{number}.md") for number in range(10_000)]
    changes = [Change(action=Action.CREATE, kind=Kind.ARTICLE, path=path) for path in names]
    targets: dict[str, list[str]] = {
        path: [names[(number * step + 1) % 10_000] for step in (3, 5, 7)] for number, path in enumerate(names)
    }
    CountedPath.hashed = 0
    openers = cycle_openers(changes, targets)
    assert 0 < len(openers) < 5_000
    assert CountedPath.hashed < 60 * 3 * len(names)


class CountedPath(str):
    """A path that counts how often it is looked up."""

    __slots__ = ()
    hashed = 0

    def __hash__(self) -> int:
        CountedPath.hashed += 1
        return super().__hash__()


def test_numbers_in_names_sort_as_numbers() -> None:
    paths = ["f/q-10.md", "f/q-2.md", "f/q.md", "f/q-1.md", "f/10.md"]
    assert sorted(paths, key=natural_order) == ["f/10.md", "f/q.md", "f/q-1.md", "f/q-2.md", "f/q-10.md"]
