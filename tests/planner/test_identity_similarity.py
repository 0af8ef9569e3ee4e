"""Similarity of texts: the fast comparison of many finds exactly what comparing each pair finds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kbsync.planner.identity import similar_pairs, source_similarity

WORDS = st.sampled_from(["the", "a", "button", "reset", "زر", "ボタン", "🤖", "x"])
TEXTS = st.dictionaries(st.integers(0, 20), st.lists(WORDS, max_size=12).map(" ".join), max_size=6)


def _compare_directly(one: str, other: str) -> float:
    mine, theirs = Counter(one.split()), Counter(other.split())
    either = sum((mine | theirs).values())
    return sum((mine & theirs).values()) / either if either else 1.0


@given(TEXTS, TEXTS, st.sampled_from([0.3, 0.6, 1.0]))
def test_exactly_the_pairs_that_are_similar_enough_are_found(
    old: dict[int, str], new: dict[int, str], at_least: float
) -> None:
    found = {(key, name): share for key, name, share in similar_pairs(old, new, at_least=at_least)}
    every = {(key, name): _compare_directly(one, other) for key, one in old.items() for name, other in new.items()}
    assert found == {pair: share for pair, share in every.items() if share >= at_least}


@given(st.lists(WORDS).map(" ".join), st.lists(WORDS).map(" ".join))
def test_a_repeated_word_counts_each_time(one: str, other: str) -> None:
    assert source_similarity(one, other) == source_similarity(other, one) == _compare_directly(one, other)


def test_texts_without_a_word_are_the_same() -> None:
    assert source_similarity("", " \n") == 1.0
    assert list(similar_pairs({1: "", 2: "word"}, {"x": "\n"}, at_least=0.6)) == [(1, "x", 1.0)]
