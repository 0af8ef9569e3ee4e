"""The share of visible text that a pull of the whole help centre writes as Markdown, and what is still raw and why.

Run it with `python -m tests.bench.raw` and KBSYNC_CORPUS set.
"""

import sys
from collections import Counter

from click import echo

from kbsync.markup.to_markdown import to_markdown
from tests.markup.raw_share import BETWEEN, WRITTEN, count_characters, share
from tests.markup.test_corpus import CORPUS, live_articles

SHOWN = 25


def main() -> int:
    """Print the share and the table."""
    if not CORPUS:
        echo("KBSYNC_CORPUS names no folder", err=True)
        return 2
    seen: Counter[str] = Counter()
    articles: Counter[str] = Counter()
    blocks: Counter[str] = Counter()
    for _, html in live_articles():
        found = count_characters(to_markdown(html).text)
        seen += found
        articles.update(found.keys())
        blocks["articles"] += 1
    echo(f"{share(seen):.2%} of {seen.total():,} visible characters in {blocks['articles']:,} articles are Markdown")
    echo(f"{seen[BETWEEN] / seen.total():.2%} of them stand {BETWEEN.removeprefix('Markdown ')}")
    raw = [(kind, size) for kind, size in seen.most_common() if kind not in (WRITTEN, BETWEEN)]
    echo(f"\n{'characters':>10} {'share':>7} {'articles':>9}  still raw: its first tag, and what keeps it so")
    for kind, size in raw[:SHOWN]:
        echo(f"{size:10,} {size / seen.total():7.2%} {articles[kind]:9,}  {kind}")
    rest = sum(size for _, size in raw[SHOWN:])
    echo(f"{rest:10,} {rest / seen.total():7.2%} {'':9}  {max(0, len(raw) - SHOWN)} kinds more")
    return 0


if __name__ == "__main__":
    sys.exit(main())
