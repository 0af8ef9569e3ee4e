"""Pairs of items are those that weigh the most altogether, in the order of both sequences."""

from itertools import combinations, pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from kbsync.markup.align import align, count_words, matching_blocks, similarity

WEIGHTS = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), max_size=3)


def total(weights: list[list[int]], pairs: list[tuple[int, int]]) -> int:
    return sum(weights[row][column] for row, column in pairs)


def aligned(weights: list[list[int]], *, repeat: bool, minimum: int) -> list[tuple[int, int]]:
    found = align(
        range(len(weights)), range(3), lambda row, column: weights[row][column], minimum=minimum, repeat=repeat
    )
    assert found is not None
    return found


def is_allowed(pairs: tuple[tuple[int, int], ...], *, repeat: bool) -> bool:
    return all(b[1] > a[1] and (b[0] > a[0] or (repeat and b[0] == a[0])) for a, b in pairwise(pairs))


@given(WEIGHTS, st.booleans(), st.integers(0, 2))
def test_no_other_pairs_weigh_more(weights: list[list[int]], repeat: bool, minimum: int) -> None:
    found = aligned(weights, repeat=repeat, minimum=minimum)
    heavy = [(row, column) for row, column in product(range(len(weights)), range(3)) if weights[row][column] >= minimum]
    choices = [pairs for size in range(4) for pairs in combinations(heavy, size) if is_allowed(pairs, repeat=repeat)]
    assert set(found) <= set(heavy)
    assert is_allowed(tuple(found), repeat=repeat)
    assert total(weights, found) == max(total(weights, list(pairs)) for pairs in choices)


def test_of_equal_pairs_the_first_are_chosen() -> None:
    assert align("aa", "a", lambda one, other: float(one == other), minimum=1) == [(0, 0)]
    assert align("a", "aa", lambda one, other: float(one == other), minimum=1) == [(0, 0)]
    assert align("a", "aa", lambda one, other: float(one == other), minimum=1, repeat=True) == [(0, 0), (0, 1)]


def test_more_pairs_than_the_limit_are_not_weighed() -> None:
    def weigh(one: int, other: int) -> float:
        raise AssertionError

    assert align(range(11), range(10), weigh, limit=100) is None


@given(st.text("abc"), st.text("abc"))
def test_matching_blocks_are_equal_and_in_order(ours: str, theirs: str) -> None:
    at = (0, 0)
    for i, k, size in matching_blocks(ours, theirs):
        assert ours[i : i + size] == theirs[k : k + size]
        assert (i >= at[0], k >= at[1]) == (True, True)
        at = (i + size, k + size)


def test_similarity_is_the_share_of_common_words() -> None:
    assert similarity(count_words("<p>one two</p>"), count_words("<p>one three</p>")) == 3 / 5
    assert similarity(count_words(""), count_words("")) == 1
    assert similarity(count_words("a a"), count_words("a")) == 1 / 2
