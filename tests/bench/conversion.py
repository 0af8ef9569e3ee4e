"""Both directions over every article of the collections, in one process, beside similar libraries.

What kbsync does more: its Markdown is rendered back and compared, block by block, and nothing is lost; its HTML has
resolved links, call-outs, heading ids and the rest of the dialect. Run it with `python -m tests.bench.conversion`,
KBSYNC_CORPUS set and `pip install --group bench`.
"""

import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import html_to_markdown
import markdownify
from click import echo
from markdown_it import MarkdownIt

from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown

RUNS = 3
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def live_bodies(corpus: Path) -> list[str]:
    """Return the HTML of every article of the help centre."""
    files = sorted((corpus / "freshdesk-kb").glob("*.json"))
    folders = [folder for file in files for folder in json.loads(file.read_text(encoding="utf-8")).values()]
    return [article["description"] or "" for folder in folders for articles in folder.values() for article in articles]


def written_bodies(corpus: Path) -> list[str]:
    """Return the Markdown of every article that people wrote, without its front matter."""
    files = sorted((corpus / "arduino-help-center" / "content").rglob("*.md"))
    return [_FRONT_MATTER.sub("", file.read_text(encoding="utf-8")) for file in files]


def race(title: str, texts: Sequence[str], runners: Mapping[str, Callable[[str], object]]) -> None:
    """Let each convert everything in turn, a few times, so that a busy machine slows all; print the medians."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    taken: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(RUNS):
        for name, convert in runners.items():
            taken[name].append(seconds(convert, texts))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    ours = next(iter(medians.values()))
    echo(f"\n{title}: {len(texts):,} articles, {size:.2f} MB")
    echo(f"{'':26}{'seconds':>9}{'MB/s':>8}{'articles/s':>12}{'ratio':>8}")
    for name, median in medians.items():
        echo(f"{name:26}{median:9.2f}{size / median:8.2f}{len(texts) / median:12.0f}{ours / median:8.2f}")


def seconds(convert: Callable[[str], object], texts: Sequence[str]) -> float:
    """Time one round; a library that fails on a text has done its work."""
    started = time.perf_counter()
    for text in texts:
        try:
            convert(text)
        except (RecursionError, ValueError, RuntimeError):
            continue
    return time.perf_counter() - started


def main() -> None:
    """Run both races; a ratio is kbsync's time as a multiple of the line's."""
    named = os.environ.get("KBSYNC_CORPUS")
    if not named:
        sys.exit("set KBSYNC_CORPUS to the folder that holds the collections")
    live, written = live_bodies(Path(named)), written_bodies(Path(named))
    race(
        "pull: HTML to Markdown",
        live,
        {"kbsync": to_markdown, "markdownify": markdownify.markdownify, "html-to-markdown": html_to_markdown.convert},
    )
    plain = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    race(
        "publish: Markdown to HTML",
        [*written, *(to_markdown(html).text for html in live)],
        {"kbsync": to_html, "plain markdown-it-py": plain.render},
    )


if __name__ == "__main__":
    main()
