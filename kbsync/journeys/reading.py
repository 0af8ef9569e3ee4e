"""The live side as a plan reads it: from the portal, or as the agreements remember it. Nothing here can write."""

import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from kbsync.agreements import Agreement, Key, State
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import read, resolve_authors
from kbsync.freshdesk.solutions import Reader
from kbsync.freshdesk.writing import is_gone
from kbsync.model import Article, Category, Folder, Item, Kind, KnowledgeBase, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read, and when by this machine's monotonic clock."""

    live: KnowledgeBase
    at: float


def read_live(connection: Connection) -> Reading:
    """Read the whole portal."""
    at = time.monotonic()
    return Reading(live=read(Reader(connection)), at=at)


def still_there(connection: Connection, keys: Collection[Key]) -> frozenset[Key]:
    """Name those of some items, which no list had, that the portal has all the same: one call each.

    Raises:
        PortalError: the portal does not say of one whether it is there.
    """
    reader, asked = Reader(connection), sorted(keys)
    with ThreadPoolExecutor(8, thread_name_prefix="ask") as pool:
        gone = pool.map(lambda key: is_gone(reader, *key), asked)
        return frozenset(key for key, is_so in zip(asked, gone, strict=True) if not is_so)


def with_authors(content: KnowledgeBase, connection: Connection) -> KnowledgeBase:
    """Put the ids of agents in place of their e-mail addresses, one call for each address."""
    emails = {article.author for article in content.articles if isinstance(article.author, str)}
    if not emails:
        return content
    agents = resolve_authors(Reader(connection), emails)
    return replace(
        content,
        articles=tuple(
            replace(article, author=agents[article.author]) if isinstance(article.author, str) else article
            for article in content.articles
        ),
    )


def without_authors(content: KnowledgeBase) -> KnowledgeBase:
    """Leave out authors by e-mail, whose ids only the portal knows: they are not compared."""
    return replace(
        content,
        articles=tuple(
            replace(article, author=None) if isinstance(article.author, str) else article
            for article in content.articles
        ),
    )


def remembered(agreements: Mapping[Key, Agreement]) -> KnowledgeBase:
    """Give the live side as it was when last agreed on: what `--no-refresh` compares with."""
    items = [_item(known) for known in agreements.values() if known.state is not State.RELEASED]
    return KnowledgeBase(
        side=Side.LIVE,
        categories=tuple(item for item in items if isinstance(item, Category)),
        folders=tuple(item for item in items if isinstance(item, Folder)),
        articles=tuple(item for item in items if isinstance(item, Article)),
        remembered={key: known.live for key, known in agreements.items()},
    )


def _item(known: Agreement) -> Item:
    name = known.path.rpartition("/")[2]
    match known.kind:
        case Kind.CATEGORY:
            return Category(name=name, id=known.id, updated_at=known.updated_at)
        case Kind.FOLDER:
            return Folder(name=name, id=known.id, parent=known.parent, updated_at=known.updated_at)
        case Kind.ARTICLE:
            return Article(title=name, body="", id=known.id, parent=known.parent, updated_at=known.updated_at)
