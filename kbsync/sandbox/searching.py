"""Finding articles by words."""

from collections.abc import Iterator

from kbsync.sandbox.records import Article
from kbsync.sandbox.store import Store
from kbsync.sandbox.versions import seen_by_readers

TITLE_WEIGHT = 50
MOST = 100


def search(store: Store, term: str, language: str, *, readable: frozenset[int] | None = None) -> list[Article]:
    """Find the articles that hold every word of `term`, best first.

    With `readable` only articles in those folders that readers may see are found, by what readers see of them.
    """
    words = term.casefold().split()
    if not words:
        return []
    hits: list[tuple[int, Article]] = []
    for article in _candidates(store, language, readable):
        weight = _weight(words, article.title.casefold(), article.description_text.casefold())
        if weight:
            hits.append((weight, article))
    hits.sort(key=lambda hit: (-hit[0], hit[1].id))
    return [article for _, article in hits[:MOST]]


def _candidates(store: Store, language: str, readable: frozenset[int] | None) -> Iterator[Article]:
    for article in store.articles.all(language):
        if readable is None:
            yield article
        elif article.folder_id in readable and article.readable:
            yield seen_by_readers(article)


def _weight(words: list[str], title: str, text: str) -> int:
    weight = 0
    for word in words:
        found = TITLE_WEIGHT * (word in title) + min(text.count(word), TITLE_WEIGHT - 1)
        if not found:
            return 0
        weight += found
    return weight
