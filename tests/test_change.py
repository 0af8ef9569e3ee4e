"""The order of changes: every wave needs only earlier ones, and only cycles have openers."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from kbsync.change import Action, Change, cycle_openers, in_waves, natural_order
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


@law(100)
@given(work())
def test_each_change_is_in_exactly_one_wave(given_: tuple[tuple[Change, ...], Mapping[str, list[str]]]) -> None:
    changes, targets = given_
    waves = in_waves(changes, targets)
    key = lambda change: (change.action, change.path)  # noqa: E731
    assert sorted((change for wave in waves for change in wave), key=key) == sorted(changes, key=key)


def test_a_pointer_is_written_after_the_article_that_took_its_path() -> None:
    here = Change(action=Action.UPDATE, kind=Kind.ARTICLE, path="a/b/one.md", id=1)
    old = Change(action=Action.UPDATE, kind=Kind.ARTICLE, path="a/b/one.md", id=2, leaves_pointer=True)
    assert in_waves((old, here), {}) == ((here,), (old,))


def test_two_restored_items_at_one_path_are_in_one_wave() -> None:
    took = Change(action=Action.UPDATE, kind=Kind.ARTICLE, path="a/b/one.md", id=1)
    lay = Change(action=Action.RESTORE, kind=Kind.ARTICLE, path="a/b/one.md", id=2)
    assert in_waves((took, lay), {}) == ((took, lay),)


@law(100)
@given(work())
def test_every_wave_needs_only_earlier_ones(given_: tuple[tuple[Change, ...], Mapping[str, list[str]]]) -> None:
    changes, targets = given_
    openers = cycle_openers(changes, targets)
    new = {change.path for change in changes if change.action in NEW}
    done: set[str] = set()
    for wave in in_waves(changes, targets):
        for change in wave:
            if change.action in REMOVALS:
                continue
            above = {path for path in new if change.path.startswith(f"{path}/")}
            links = set() if change.path in openers or change.kind is not Kind.ARTICLE else set(targets[change.path])
            assert above | (links & new - {change.path}) <= done
        done |= {change.path for change in wave}


@law(100)
@given(work())
def test_removals_come_last_and_the_deepest_first(
    given_: tuple[tuple[Change, ...], Mapping[str, list[str]]],
) -> None:
    changes, targets = given_
    order = [change for wave in in_waves(changes, targets) for change in wave]
    removed = [change.action in REMOVALS for change in order]
    assert removed == sorted(removed)
    depths = [change.path.count("/") for change in order if change.action in REMOVALS]
    assert depths == sorted(depths, reverse=True)


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
    assert [[change.path for change in wave] for wave in in_waves(changes, targets)] == [[two], [one]]
    known = [Change(action=Action.UPDATE, kind=Kind.ARTICLE, path=one)]
    assert cycle_openers(known, targets) == frozenset()


def test_a_cycle_of_three_needs_one_opener() -> None:
    names = NAMES[:3]
    changes = [Change(action=Action.CREATE, kind=Kind.ARTICLE, path=path) for path in names]
    targets = {names[0]: [names[1]], names[1]: [names[2]], names[2]: [names[0]]}
    assert len(cycle_openers(changes, targets)) == 1
    assert [len(wave) for wave in in_waves(changes, targets)] == [1, 1, 1]


def test_numbers_in_names_sort_as_numbers() -> None:
    paths = ["f/q-10.md", "f/q-2.md", "f/q.md", "f/q-1.md", "f/10.md"]
    assert sorted(paths, key=natural_order) == ["f/10.md", "f/q.md", "f/q-1.md", "f/q-2.md", "f/q-10.md"]
