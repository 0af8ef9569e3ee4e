"""How much two texts are alike, and which of many are: by the words that they share, however those are ordered.

Pure. What many pairs are is found without looking at every pair, and comes out the same as if each had been looked at.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from math import ceil, floor
from operator import itemgetter
from typing import TypeVar

_Old = TypeVar("_Old", bound=Hashable)
_New = TypeVar("_New", bound=Hashable)
_Word = str | tuple[str, int]


def likeness(one: str, other: str) -> float:
    """Say how much of the words that two texts hold between them both have: 0 to 1; a word counts as often as it is."""
    mine, theirs = _words(one), _words(other)
    return _share(len(mine & theirs), len(mine), len(theirs))


def alike_pairs(
    old: Mapping[_Old, str], new: Mapping[_New, str], *, at_least: float
) -> Iterator[tuple[_Old, _New, float]]:
    """Give every pair of texts whose likeness reaches a share, in no order.

    Thousands of pairs are compared in the time of one the plain way: each text is a number with a bit for each word,
    and texts of too different lengths meet no comparison at all.
    """
    shared = _all_words(old.values()) & _all_words(new.values())
    bits = {word: number for number, word in enumerate(shared)}
    theirs = sorted(((len(_words(text)), _mask(text, bits), key) for key, text in old.items()), key=itemgetter(0))
    lengths = [length for length, _, _ in theirs]
    for name, text in new.items():
        mine, mask = len(_words(text)), _mask(text, bits)
        first, last = bisect_left(lengths, floor(at_least * mine)), bisect_right(lengths, ceil(mine / at_least))
        for length, other, key in theirs[first:last]:
            share = _share((mask & other).bit_count(), mine, length)
            if share >= at_least:
                yield key, name, share


def _all_words(texts: Iterable[str]) -> frozenset[_Word]:
    return frozenset(word for text in texts for word in _words(text))


def _mask(text: str, bits: Mapping[_Word, int]) -> int:
    """Write a text as a number; a word that has no bit is in no text of the other side."""
    mask = bytearray(len(bits) // 8 + 1)
    for word in _words(text):
        if word in bits:
            mask[bits[word] >> 3] |= 1 << (bits[word] & 7)
    return int.from_bytes(mask, "little")


def _share(common: int, one: int, other: int) -> float:
    either = one + other - common
    return common / either if either else 1.0


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[_Word]:
    """Give the words of a text, the second of a kind told from the first, so that sets count as often as words do."""
    seen: dict[str, int] = {}
    words: set[_Word] = set()
    for word in text.split():
        number = seen.get(word, 0)
        seen[word] = number + 1
        words.add((word, number) if number else word)
    return frozenset(words)
