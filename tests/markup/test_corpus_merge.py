"""Every article of the Markdown collection, edited by an agent in one place and by its author in another."""

import os
import re
from collections.abc import Iterator
from random import Random

import pytest

from kbsync.markup.merge.blocks import SourceBlock, split_blocks
from kbsync.markup.merge.diff3 import resolve_to_sides
from kbsync.markup.merge.graft import graft
from kbsync.markup.merge.merge import MergeResult, MergeVersion, merge
from kbsync.markup.merge.raw_html import is_raw_html
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from tests.markup.test_corpus import written_articles

CORPUS = os.environ.get("KBSYNC_CORPUS", "")
pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not CORPUS, reason="KBSYNC_CORPUS names no folder")]

ARTICLES = 84
"""Every third article that has two paragraphs to edit."""

ITEMS = 63
"""Every article that has an item to edit."""

BOXES = 25
"""Every article with HTML in which an agent could find a word to edit."""

SAYING = re.compile(r">\s*(\w+) \w[^<>]*<")

PLAIN_ITEM = re.compile(r"[-*+] \w[\w ,.;]+\w")

AGENT, WRITER = "An agent says: ", "A writer says: "


def edited(text: str, piece: SourceBlock, words: str) -> str:
    lines = text.split("\n")
    lines[piece.start] = words + lines[piece.start]
    return "\n".join(lines)


def places(text: str, html: str) -> list[SourceBlock]:
    """Return the paragraphs of one line that an agent could find again in the page."""
    found = (
        piece for piece in split_blocks(text) if (piece.key or "").startswith("<p>") and piece.end - piece.start == 1
    )
    return [piece for piece in found if piece.text[:1].isalpha() and html.count(f"<p>{piece.text}</p>") == 1]


def edits() -> Iterator[tuple[str, str, str, SourceBlock, SourceBlock]]:
    """Return every third article with two such paragraphs: its name, its text, what a pull writes, and both edits."""
    chance, seen = Random(1), -1
    for name, text in written_articles():
        html = to_html(text)
        found = places(text, html)
        seen += len(found) > 1
        if len(found) < 2 or seen % 3:
            continue
        theirs, mine = chance.sample(found, 2)
        live = html.replace(f"<p>{theirs.text}</p>", f"<p>{AGENT}{theirs.text}</p>")
        yield name, text, to_markdown(live).text, theirs, mine


@pytest.fixture(scope="module")
def each() -> list[tuple[str, str, str, SourceBlock, SourceBlock]]:
    return list(edits())


def test_both_edits_are_merged_and_no_other_byte_changes(
    each: list[tuple[str, str, str, SourceBlock, SourceBlock]],
) -> None:
    for name, text, pulled, theirs, mine in each:
        ours = edited(text, mine, WRITER)
        outcome = merge(MergeVersion(text=text), MergeVersion(text=ours), MergeVersion(text=pulled))
        assert outcome.conflicts == 0, name
        assert outcome.text.strip("\n") == edited(ours, theirs, AGENT).strip("\n"), name
    assert len(each) == ARTICLES


def test_one_paragraph_edited_by_both_is_the_only_thing_between_markers(
    each: list[tuple[str, str, str, SourceBlock, SourceBlock]],
) -> None:
    for name, text, pulled, theirs, _ in each[::2]:
        ours = edited(text, theirs, WRITER)
        outcome = merge(MergeVersion(text=text), MergeVersion(text=ours), MergeVersion(text=pulled))
        assert outcome.conflicts == 1, name
        assert resolve_to_sides(outcome.text)[0].strip("\n") == ours.strip("\n"), name
        inside = outcome.text.split("<<<<<<< yours\n")[1].split("\n>>>>>>> portal")[0]
        assert inside == f"{WRITER}{theirs.text}\n=======\n{AGENT}{theirs.text}", name


def test_one_item_edited_on_the_portal_is_the_only_line_that_changes() -> None:
    """Every article with a list: an agent edits one item, the author changed nothing."""
    chance, edited_ones, whole = Random(2), 0, []
    for name, text in written_articles():
        html = to_html(text)
        found = [line for line in text.split("\n") if PLAIN_ITEM.fullmatch(line)]
        found = [line for line in found if text.count(line[2:]) == html.count(f"<li>{line[2:]}</li>") == 1]
        if not found:
            continue
        line = chance.choice(found)
        live = html.replace(f"<li>{line[2:]}</li>", f"<li>{AGENT}{line[2:]}</li>")
        wanted = text.replace(line, f"{line[:2]}{AGENT}{line[2:]}")
        edited_ones += 1
        if graft(text, to_markdown(live).text).strip("\n") != wanted.strip("\n"):
            whole.append(name)
    assert (edited_ones, whole) == (ITEMS, [])


def test_one_word_edited_in_raw_html_is_the_only_change() -> None:
    """Every article with HTML: an agent edits one sentence in it, the author changed nothing."""
    chance, edited_ones, whole = Random(3), 0, []
    for name, text in written_articles():
        blocks = [piece.text for piece in split_blocks(text) if is_raw_html(piece)]
        found = [said for block in blocks for said in SAYING.finditer(block) if text.count(said[0]) == 1]
        html = to_html(text)
        found = [said for said in found if html.count(said[0]) == 1]
        if not found:
            continue
        said = chance.choice(found)
        instead = said[0].replace(said[1], f"{said[1]} indeed", 1)
        edited_ones += 1
        outcome = graft(text, to_markdown(html.replace(said[0], instead)).text)
        if outcome.strip("\n") != text.replace(said[0], instead).strip("\n"):
            whole.append(name)
    assert (edited_ones, whole) == (BOXES, [])


def test_an_article_unchanged_on_the_portal_changes_nothing(
    each: list[tuple[str, str, str, SourceBlock, SourceBlock]],
) -> None:
    for name, text, _, _, mine in each[::4]:
        ours = edited(text, mine, WRITER)
        pulled = to_markdown(to_html(text)).text
        assert merge(MergeVersion(text=text), MergeVersion(text=ours), MergeVersion(text=pulled)) == MergeResult(
            text=ours
        ), name
