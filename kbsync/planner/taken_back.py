"""Detects content that is as it was before a web edit, although its lock file says that it has seen the edit. Pure.

A lock file and its file may disagree, after a merge that keeps one of either side or an edit by hand. Then the lock
file says that content has seen a web edit, and nothing of that edit is in the file. History proves nothing here: after
a squash, or in a shallow clone, the text that was pulled is in no commit.
"""

import re
from collections.abc import Collection, Sequence
from html import unescape

from kbsync.baseline import Baseline, Unvouched
from kbsync.content.document import parse_document
from kbsync.digests import content_digests, live_digests, managed_digests, rooted_html
from kbsync.errors import ContentError
from kbsync.markup.align import common_ends, opcodes
from kbsync.markup.compare import canonical
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import Article, Item

_WORD = re.compile(r"\w+|[^\w\s]")
_TAG = re.compile(r"<[^>]*>")
_KEPT = 0.4
"""The share of a stretch's words beyond which it counts as still there."""
_MOST = 4_000_000
"""The most pairs of words that are compared; a longer text counts only where it is exactly the earlier one."""


def takes_back(
    content: Item | None, live: Item | None, seen: Baseline, before: Unvouched, anchors: Collection[str]
) -> bool:
    """Return whether content takes back all that was edited on the web before the baseline `seen`.

    That is so where every field that was edited there, and that content manages, has its earlier value again, and where
    content no longer has the item.
    """
    if content is None:
        return True
    published, now = before.published, managed_digests(content)
    if published is None:
        return isinstance(content, Article) and _takes_back_body(content, live, seen, before, anchors)
    edited = {name for name, value in seen.live.items() if value != published.live.get(name)}
    edited &= {*now, "body"} if isinstance(content, Article) else now.keys()
    if not edited or any(now[name] != published.content.get(name) for name in edited - {"body"}):
        return False
    return (
        "body" not in edited
        or not isinstance(content, Article)
        or _is_as_published(content, seen, published, anchors)
        or _takes_back_body(content, live, seen, before, anchors)
    )


def _is_as_published(content: Article, seen: Baseline, published: Baseline, anchors: Collection[str]) -> bool:
    if published.renderer_version != RENDERER_VERSION or published.content.get("body") == seen.content.get("body"):
        return False
    return content_digests(content, anchors)["body"] == published.content.get("body")


def _takes_back_body(
    content: Article, live: Item | None, seen: Baseline, before: Unvouched, anchors: Collection[str]
) -> bool:
    """Compare the words with those of the version that was published, and with those of the file that was replaced."""
    edited, now = _words_seen(live, seen, anchors), _words(rooted_html(content, anchors))
    published = None if before.published is None else _words_of_source(before.published, anchors)
    if edited is None or published == edited:
        return False
    replaced = _words_of_source(before.replaced, anchors)
    return any(old is not None and takes_back_words(old, edited, now) for old in (published, replaced))


def takes_back_words(old: Sequence[str], edited: Sequence[str], now: Sequence[str]) -> bool:
    """Return whether nothing is left of what was put into a text, and all is back that was taken out."""
    if not (changes := _differing(old, edited)):
        return False
    from_edited, from_old = _differing(edited, now), _differing(old, now)
    if from_edited is None or from_old is None:
        return False
    lost = {at for start, end, _, _ in from_edited for at in range(start, end)}
    missing = {at for start, end, _, _ in from_old for at in range(start, end)}
    return all(
        not _is_there(range(c, d), lost) and (a == b or _is_there(range(a, b), missing)) for a, b, c, d in changes
    )


def _is_there(stretch: range, lost: Collection[int]) -> bool:
    return sum(at not in lost for at in stretch) > _KEPT * len(stretch)


def _differing(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, int, int]] | None:
    """Return the stretches in which two texts differ; None where they are too long to compare."""
    start, end = common_ends(one, other)
    mine, theirs = one[start : len(one) - end], other[start : len(other) - end]
    if len(mine) * len(theirs) > _MOST:
        return None
    return [(a + start, b + start, c + start, d + start) for tag, a, b, c, d in opcodes(mine, theirs) if tag != "equal"]


def _words(html: str) -> list[str]:
    """Return what a reader sees of a body, word by word."""
    return _WORD.findall(unescape(_TAG.sub(" ", html)))


def _words_of_source(known: Baseline, anchors: Collection[str]) -> list[str] | None:
    """Return what a baseline's source shows a reader; None where its text is not known."""
    if known.source is None:
        return None
    try:
        body = parse_document(known.source, known.path).body if known.expanded is None else known.expanded
    except ContentError:
        return None
    return _words(rooted_html(Article(title="", body=body, path=known.path), anchors))


def _words_seen(live: Item | None, seen: Baseline, anchors: Collection[str]) -> list[str] | None:
    """Return the words that were seen: as the portal still shows them, else as the source has them."""
    if isinstance(live, Article) and live_digests(live)["body"] == seen.live.get("body"):
        return _words(canonical(live.body))
    return _words_of_source(seen, anchors)
