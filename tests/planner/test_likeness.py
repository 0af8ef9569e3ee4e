"""How much texts are alike: the quick way of many finds what the plain way of each pair finds, to the last digit."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kbsync.planner.identity import similar_pairs, similarity_of

WORDS = st.sampled_from(["the", "a", "button", "reset", "زر", "ボタン", "🤖", "x"])
TEXTS = st.dictionaries(st.integers(0, 20), st.lists(WORDS, max_size=12).map(" ".join), max_size=6)


def _plainly(one: str, other: str) -> float:
    mine, theirs = Counter(one.split()), Counter(other.split())
    either = sum((mine | theirs).values())
    return sum((mine & theirs).values()) / either if either else 1.0


@given(TEXTS, TEXTS, st.sampled_from([0.3, 0.6, 1.0]))
def test_every_pair_that_is_alike_enough_is_found_and_no_other(
    old: dict[int, str], new: dict[int, str], at_least: float
) -> None:
    found = {(key, name): share for key, name, share in similar_pairs(old, new, at_least=at_least)}
    every = {(key, name): _plainly(one, other) for key, one in old.items() for name, other in new.items()}
    assert found == {pair: share for pair, share in every.items() if share >= at_least}


@given(st.lists(WORDS).map(" ".join), st.lists(WORDS).map(" ".join))
def test_a_word_counts_as_often_as_it_is_there(one: str, other: str) -> None:
    assert similarity_of(one, other) == similarity_of(other, one) == _plainly(one, other)


def test_texts_without_a_word_are_the_same() -> None:
    assert similarity_of("", " \n") == 1.0
    assert list(similar_pairs({1: "", 2: "word"}, {"x": "\n"}, at_least=0.6)) == [(1, "x", 1.0)]
