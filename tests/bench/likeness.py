"""Seconds that it takes to find out which of many vanished articles is which of many new ones.

Run it with `python -m tests.bench.likeness`.
"""

import random
from time import perf_counter

from click import echo

from kbsync.plan.likeness import alike_pairs

WORDS = [f"word{number}" for number in range(4000)]


def texts(count: int, *, length: int = 330) -> dict[int, str]:
    """Write articles of about 2 kB, whose words are as common as in a language."""
    chance = random.Random(count)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return {number: " ".join(chance.choices(WORDS, weights, k=length)) for number in range(count)}


def edited(text: str) -> str:
    """Write one word in twelve anew."""
    return " ".join(word if number % 12 else f"new{number}" for number, word in enumerate(text.split()))


def main() -> None:
    """Compare 300 with 300, and 1,000 with 1,000, all of them edited."""
    for count in (300, 1000):
        old = texts(count)
        new = {number: edited(text) for number, text in old.items()}
        began = perf_counter()
        found = sum(1 for _ in alike_pairs(old, new, at_least=0.6))
        echo(f"{count:>5} × {count:<5} {found:>5} alike  {perf_counter() - began:6.2f} s")


if __name__ == "__main__":
    main()
