"""How rendering grows with the text, for texts that repeat what a parser searches for.

Run it with `python -m tests.bench.growth`. Ten times the text is to take about ten times as long; a hundred times as
long would be every part looked at for every other. Each figure is the best of three.
"""

from time import perf_counter

from click import echo

from kbsync.markup.to_html import to_html
from tests.markup.test_extensions import EVERYTHING, REPEATED

FEW, MANY = 300, 3_000


def seconds(text: str) -> float:
    """Time one rendering."""
    began = perf_counter()
    to_html(text, options=EVERYTHING)
    return perf_counter() - began


def main() -> None:
    """Print each text's two times and their ratio."""
    for unit in REPEATED:
        few, many = (min(seconds(unit * count) for _ in range(3)) for count in (FEW, MANY))
        echo(f"{unit[:30]!r:<34} {few * 1000:7.1f} ms  {many * 1000:8.1f} ms  ratio {many / few:5.1f}")


if __name__ == "__main__":
    main()
