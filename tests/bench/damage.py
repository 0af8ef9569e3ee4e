"""How much damage to its HTML costs a pull of the whole help centre: what is lost, and what becomes raw HTML.

Run it with `python -m tests.bench.damage [FOLDER] [--every N] [--seed N] [--show N] [--kinds N]`; the folder, or
KBSYNC_CORPUS, holds the collections.
"""

import os
import sys
from collections import Counter
from dataclasses import dataclass, field

import click

from kbsync.markup.compare import canonical
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.damage import DAMAGES
from tests.markup.raw_share import WRITTEN, count_characters, is_whole_fallback
from tests.markup.shown import difference
from tests.markup.test_corpus import live_articles


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The figures of one way to damage."""

    articles: int = 0
    alike: int = 0
    fallbacks: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def line(self, name: str) -> str:
        share = self.seen[WRITTEN] / max(1, self.seen.total())
        return f"{name:18}{self.alike:6,} of {self.articles:5,}{share:14.2%}{self.fallbacks:22}"

    def kinds(self, count: int) -> list[str]:
        """Return the most common kinds of what is not plain Markdown: the first tag, and what keeps it so."""
        raw = [(kind, size) for kind, size in self.seen.most_common() if kind != WRITTEN]
        return [f"{size:10,} {size / self.seen.total():7.2%}  {kind}" for kind, size in raw[:count]]


def measure(name: str, articles: list[tuple[str, str]], seed: int, show: int) -> Outcome:
    """Pull every article once damaged, publish it again, and judge by kbsync's comparison and by the tests' own."""
    outcome = Outcome()
    damage = DAMAGES.get(name, lambda html, _: html)
    for number, (title, html) in enumerate(articles):
        damaged = damage(html, seed + number)
        text = to_markdown(damaged).text
        rendered = to_html(text)
        seen = difference(damaged, rendered)
        is_alike = not seen and canonical(rendered) == canonical(damaged) and to_markdown(rendered).text == text
        outcome.articles += 1
        outcome.alike += is_alike
        outcome.fallbacks += is_whole_fallback(text)
        outcome.seen += count_characters(text)
        if not is_alike and show:
            show -= 1
            click.echo(f"-- {name}: {title}\n{seen or 'not in one form, or not stable'}\n")
    return outcome


@click.command()
@click.argument("folder", required=False)
@click.option("--every", default=1, help="Measure only each Nth article.")
@click.option("--seed", default=0)
@click.option("--show", default=0, help="Show the first N articles that differ.")
@click.option("--kinds", default=0, help="List the N most common kinds of raw HTML.")
@click.option("--only", "names", multiple=True, type=click.Choice(["undamaged", *DAMAGES]))
def main(folder: str | None, every: int, seed: int, show: int, kinds: int, names: tuple[str, ...]) -> None:
    """Print the table."""
    corpus = folder or os.environ.get("KBSYNC_CORPUS")
    if not corpus:
        sys.exit("name the folder that holds the collections, or set KBSYNC_CORPUS")
    articles = list(live_articles(corpus))[::every]
    click.echo(f"{'':18}{'no difference':>15}{'outside raw':>14}{'whole fall-backs':>22}")
    for name in names or ("undamaged", *DAMAGES):
        outcome = measure(name, articles, seed, show)
        click.echo("\n".join([outcome.line(name), *outcome.kinds(kinds)]))


if __name__ == "__main__":
    main()
