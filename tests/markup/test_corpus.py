"""Every article of the two real collections, converted both ways, and compared by a second parser too."""

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import html5lib
import pytest

from kbsync.markup.compare import canonical, losses
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.corpora import THIRDS, third_of
from tests.markup.raw_share import WRITTEN, count_characters, share

CORPUS = os.environ.get("KBSYNC_CORPUS", "")
pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not CORPUS, reason="KBSYNC_CORPUS names no folder")]

Things = Counter[tuple[str, ...]]

BLOCKS = frozenset(
    "p div ul ol li table tbody thead tr td th h1 h2 h3 h4 h5 h6 pre blockquote hr br section img iframe".split()
)


def live_articles(corpus: str = CORPUS) -> Iterator[tuple[str, str]]:
    for file in sorted(Path(corpus, "freshdesk-kb").glob("*.json")):
        for folders in json.loads(file.read_text(encoding="utf-8")).values():
            for articles in folders.values():
                yield from ((article["title"], article["description"] or "") for article in articles)


def written_articles() -> Iterator[tuple[str, str]]:
    for file in sorted(Path(CORPUS, "arduino-help-center", "content").rglob("*.md")):
        text = file.read_text(encoding="utf-8")
        yield file.name, re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)


def seen(html: str) -> tuple[list[str], Things]:
    """Return what a reader sees, by another parser and another traversal than kbsync's own."""
    words: list[str] = []
    things: Things = Counter()

    def walk(node: Any) -> None:
        tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
        words.append(" " if tag in BLOCKS else "")
        words.append((node.text or "") if tag else "")
        match tag:
            case "img":
                things["picture", unquote(node.get("src", "")), node.get("alt", "")] += 1
            case "iframe":
                things["frame", node.get("src", "")] += 1
            case "a" if node.get("href") is not None:
                text = " ".join("".join(node.itertext()).split())
                things["link", unquote(node.get("href").strip()), text] += 1
            case "td" | "th":
                text = "".join("".join(node.itertext()).split())
                if text:
                    things["cell", text, node.get("rowspan", "1"), node.get("colspan", "1")] += 1
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                text = "".join("".join(node.itertext()).split())
                if text:
                    things["heading", tag, text] += 1
            case "pre":
                things[f"pre {node.get('class')}", "".join("".join(node.itertext()).split())] += 1
        for child in node:
            walk(child)
        words.append(" " if tag in BLOCKS else "")
        words.append(node.tail or "")

    walk(html5lib.parseFragment(html))
    text = re.sub("[\u200b\ufeff]", "", unicodedata.normalize("NFC", "".join(words)))
    kept = {thing: count for thing, count in things.items() if not thing[0].startswith("pre language")}
    return text.split(), Counter(kept)


def without_noise(things: Things) -> dict[tuple[str, ...], int]:
    return {
        (thing[0].replace(" None", ""), *thing[1:]): count
        for thing, count in things.items()
        if "fd-callout" in thing[0] or not thing[0].startswith("pre")
    }


@THIRDS
def test_every_live_article_is_converted_without_loss(third: int) -> None:
    count, kept, stable, seen_alike = 0, 0, 0, 0
    for title, html in third_of(live_articles(), third):
        count += 1
        pulled = to_markdown(html)
        rendered = to_html(pulled.text)
        assert pulled.dropped == (), title
        kept += canonical(rendered) == canonical(html)
        stable += to_markdown(rendered).text == pulled.text
        (words, things), (words_back, things_back) = seen(html), seen(rendered)
        seen_alike += words == words_back and without_noise(things) == without_noise(things_back)
    assert (count, kept, stable, seen_alike) == (407, 407, 407, 407)


def test_every_markdown_article_is_the_same_after_a_publish_and_a_pull() -> None:
    count, kept, stable, lost = 0, 0, 0, 0
    for _, markdown in written_articles():
        count += 1
        html = to_html(markdown)
        text = to_markdown(html).text
        back = to_html(text)
        kept += canonical(back) == canonical(html)
        stable += to_markdown(back).text == text
        lost += bool(losses(html, back))
    assert count >= 414
    assert (kept, stable, lost) == (count, count, 0)


@THIRDS
def test_most_words_of_live_articles_are_outside_raw_html(third: int) -> None:
    articles = third_of(live_articles(), third)
    seen = sum((count_characters(to_markdown(html).text) for _, html in articles), Counter[str]())
    assert seen.total() > 600_000
    assert share(seen) >= 0.99
    assert seen[WRITTEN] / seen.total() >= 0.92
