"""Finding articles by words."""

from kbsync.sandbox.records import Article
from kbsync.sandbox.store import Store

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
    for article in store.articles.all(language):
        if readable is not None and (article.folder_id not in readable or not article.readable):
            continue
        weight = _weight(words, article.title.casefold(), article.description_text.casefold())
        if weight:
            hits.append((weight, article))
    hits.sort(key=lambda hit: (-hit[0], hit[1].id))
    return [article for _, article in hits[:MOST]]


def _weight(words: list[str], title: str, text: str) -> int:
    weight = 0
    for word in words:
        found = TITLE_WEIGHT * (word in title) + min(text.count(word), TITLE_WEIGHT - 1)
        if not found:
            return 0
        weight += found
    return weight
