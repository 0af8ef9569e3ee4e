"""Whether content says again what it said before a web edit that, by a lock file alone, it has seen. Pure.

A lock file and its file may come apart: a merge that keeps the one of either side, or a hand. Then the lock file says
that content has seen a web edit, and nothing of that edit is in the file. History proves nothing here: after a squash,
or in a shallow clone, the text that was pulled is in no commit.
"""

import re
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from html import unescape

from kbsync.baseline import Baseline, Unvouched
from kbsync.content.document import parse_document
from kbsync.digests import content_digests, live_digests, managed_digests, rooted_html
from kbsync.errors import ContentError
from kbsync.markup.compare import canonical
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import Article, Item

_WORD = re.compile(r"\w+|[^\w\s]")
_TAG = re.compile(r"<[^>]*>")
_KEPT = 0.4
"""What share of its words must be left of a stretch for it to count as still there."""
_MOST = 4_000_000
"""Pairs of words that are compared at most; of longer texts only the exact return to what was counts."""


def takes_back(
    content: Item | None, live: Item | None, seen: Baseline, before: Unvouched, anchors: Collection[str]
) -> bool:
    """Return whether content takes back all that was edited on the web before the baseline `seen`.

    That is so where every field that was edited there, and that content manages, says again what it said before; and
    where there is no content any more.
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
    edited, now = _edited_body(live, seen, anchors), words_of(rooted_html(content, anchors))
    if edited is None:
        return False
    words = words_of(edited)
    published = None if before.published is None else _words_of_source(before.published, anchors)
    if published == words:
        return False
    replaced = _words_of_source(before.replaced, anchors)
    return any(old is not None and takes_back_words(old, words, now) for old in (published, replaced))


def takes_back_words(old: Sequence[str], edited: Sequence[str], now: Sequence[str]) -> bool:
    """Return whether nothing is left of what was put into a text, and all is back that was taken out."""
    changes = _differing(old, edited)
    if changes is None or not changes:
        return False
    kept, back = _common(edited, now), _common(old, now)
    if kept is None or back is None:
        return False
    return all(not _is_there(range(c, d), kept) and (a == b or _is_there(range(a, b), back)) for a, b, c, d in changes)


def words_of(html: str) -> list[str]:
    """Return what a reader sees of a body, word by word."""
    return _WORD.findall(unescape(_TAG.sub(" ", html)))


def _is_there(stretch: range, common: Collection[int]) -> bool:
    return bool(stretch) and sum(at in common for at in stretch) > _KEPT * len(stretch)


def _differing(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, int, int]] | None:
    """Return the stretches in which two texts differ; None where they are too long to say."""
    start, end = _alike_at_both_ends(one, other)
    mine, theirs = one[start : len(one) - end], other[start : len(other) - end]
    if len(mine) * len(theirs) > _MOST:
        return None
    codes = SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
    return [(a + start, b + start, c + start, d + start) for tag, a, b, c, d in codes if tag != "equal"]


def _common(one: Sequence[str], other: Sequence[str]) -> set[int] | None:
    """Return the places of one text's words that another text has too."""
    differing = _differing(one, other)
    if differing is None:
        return None
    return set(range(len(one))) - {at for a, b, _, _ in differing for at in range(a, b)}


def _alike_at_both_ends(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    most, start, end = min(len(one), len(other)), 0, 0
    while start < most and one[start] == other[start]:
        start += 1
    while end < most - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return start, end


def _words_of_source(known: Baseline, anchors: Collection[str]) -> list[str] | None:
    body = _body_of(known, anchors)
    return None if body is None else words_of(body)


def _body_of(known: Baseline, anchors: Collection[str]) -> str | None:
    """Return what a baseline's source shows a reader; None where nobody has it."""
    if known.source is None:
        return None
    try:
        body = parse_document(known.source, known.path).body if known.expanded is None else known.expanded
    except ContentError:
        return None
    return rooted_html(Article(title="", body=body, path=known.path), anchors)


def _edited_body(live: Item | None, seen: Baseline, anchors: Collection[str]) -> str | None:
    """Return the body that was seen: as the portal still shows it, else as its source has it."""
    if isinstance(live, Article) and live_digests(live)["body"] == seen.live.get("body"):
        return canonical(live.body)
    return _body_of(seen, anchors)
