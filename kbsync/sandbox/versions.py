"""The two versions of an article that is being reworked: the draft, and what readers still see."""

from dataclasses import replace

from kbsync.sandbox.records import PUBLISHED, Article
from kbsync.sandbox.rewriting import plain_text


def seen_by_readers(article: Article) -> Article:
    """Give the published version where a draft stands beside one, else the article as it is."""
    if article.live_title is None or article.live_description is None:
        return article
    return replace(
        article,
        status=PUBLISHED,
        title=article.live_title,
        description=article.live_description,
        description_text=plain_text(article.live_description),
    )
