"""Seconds that it takes to find out which of many vanished articles is which of many new ones.

The baseline counts, for every pair, the words that both have. Run it with `python -m tests.bench.likeness`.
"""

import random
from collections import Counter
from collections.abc import Iterator
from time import perf_counter

from click import echo

from kbsync.planner.identity import similar_pairs

WORDS = [f"word{number}" for number in range(4000)]


def texts(count: int, *, length: int = 330) -> dict[int, str]:
    """Write articles of about 2 kB, whose words are as common as in a language."""
    chance = random.Random(count)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return {number: " ".join(chance.choices(WORDS, weights, k=length)) for number in range(count)}


def edited(text: str) -> str:
    """Write one word in twelve differently."""
    return " ".join(word if number % 12 else f"new{number}" for number, word in enumerate(text.split()))


def pair_by_pair(old: dict[int, str], new: dict[int, str], *, at_least: float) -> Iterator[tuple[int, int]]:
    """Compare each with each."""
    words = {number: Counter(text.split()) for number, text in new.items()}
    for left, text in old.items():
        mine = Counter(text.split())
        for right, theirs in words.items():
            if 2 * (mine & theirs).total() >= at_least * (mine.total() + theirs.total()):
                yield left, right


def main() -> None:
    """Compare 300 with 300, and 1,000 with 1,000, all of them edited; the former pair by pair too."""
    for count in (300, 1000):
        old = texts(count)
        new = {number: edited(text) for number, text in old.items()}
        began = perf_counter()
        found = sum(1 for _ in similar_pairs(old, new, at_least=0.6))
        took = perf_counter() - began
        echo(f"{count:>5} × {count:<5} {found:>5} alike  {took:6.2f} s")
        if count == 300:
            began = perf_counter()
            found = sum(1 for _ in pair_by_pair(old, new, at_least=0.6))
            slow = perf_counter() - began
            echo(f"  pair by pair {found:>5} alike  {slow:6.2f} s  ratio {took / slow:.2f}")


if __name__ == "__main__":
    main()
