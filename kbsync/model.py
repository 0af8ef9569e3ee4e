"""Freshdesk's nouns as values, the same on both sides of a comparison.

On content an item has a `path` and says in `None` which fields it does not manage; on live it has an `id` and knows
every field. Nothing here reads, writes or renders.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What an item is; the value is the word users see."""

    CATEGORY = "category"
    FOLDER = "folder"
    ARTICLE = "article"


class ItemKey(NamedTuple):
    """What identifies an item for as long as the portal has it; ids are not promised to differ across kinds.

    `language` is empty for the primary language. No item has the id 0: it stands for one that is not on the portal.
    """

    kind: Kind
    id: int
    language: str = ""


def kind_of(path: str) -> Kind:
    """Return what lies at a content path by its form: an article ends in `.md`, a category has no directory above it."""
    if path.endswith(".md"):
        return Kind.ARTICLE
    return Kind.FOLDER if "/" in path else Kind.CATEGORY


def parent_path(path: str) -> str:
    """Return the content path of what holds an item; empty for a category."""
    return path.rpartition("/")[0]


def ancestors(path: str) -> tuple[str, ...]:
    """Return the content paths of all that holds an item, the nearest first."""
    found = []
    while path := parent_path(path):
        found.append(path)
    return tuple(found)


class Side(StrEnum):
    """Where a knowledge base was read from."""

    CONTENT = "content"
    LIVE = "live"


class Status(StrEnum):
    """Whether readers can see an article."""

    DRAFT = "draft"
    PUBLISHED = "published"


class Visibility(StrEnum):
    """Who may read a folder, in the API's order of numbers 1 to 7."""

    ALL = "all"
    LOGGED_IN = "logged-in"
    AGENTS = "agents"
    COMPANIES = "companies"
    BOTS = "bots"
    CONTACT_SEGMENTS = "contact-segments"
    COMPANY_SEGMENTS = "company-segments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seo:
    """What search engines are told about an article; `None` is a field that content does not manage."""

    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a content item was read from: the whole file, and the line on which its body begins (from 1)."""

    text: str
    body_line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category; `path` is its directory, relative to the root, with `/`."""

    name: str
    description: str | None = None
    portals: tuple[int, ...] | None = None
    path: str | None = None
    id: int | None = None
    origin: Origin | None = None
    updated_at: str | None = None

    @property
    def kind(self) -> Kind:
        return Kind.CATEGORY

    @property
    def key(self) -> ItemKey:
        return ItemKey(self.kind, self.id or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder; `parent` is the live id of the folder or category that holds it, known on live only."""

    name: str
    description: str | None = None
    visibility: Visibility | None = None
    companies: tuple[int, ...] | None = None
    segments: tuple[int, ...] | None = None
    path: str | None = None
    id: int | None = None
    parent: int | None = None
    origin: Origin | None = None
    updated_at: str | None = None

    @property
    def kind(self) -> Kind:
        return Kind.FOLDER

    @property
    def key(self) -> ItemKey:
        return ItemKey(self.kind, self.id or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An article. `body` is Markdown on content and HTML on live; `parent` is the live id of its folder."""

    title: str
    body: str
    status: Status = Status.PUBLISHED
    tags: tuple[str, ...] | None = None
    seo: Seo = field(default_factory=Seo)
    author: str | int | None = None
    path: str | None = None
    id: int | None = None
    parent: int | None = None
    origin: Origin | None = None
    updated_at: str | None = None

    @property
    def kind(self) -> Kind:
        return Kind.ARTICLE

    @property
    def key(self) -> ItemKey:
        return ItemKey(self.kind, self.id or 0)


_as_json = json.JSONEncoder(ensure_ascii=False).encode
FieldValue = str | int | tuple[str, ...] | tuple[int, ...] | None
Item = Category | Folder | Article


def fields_of(item: Item) -> dict[str, FieldValue]:
    """Return the fields of an item that content can manage, by the name that front matter uses; `body` among them."""
    match item:
        case Category():
            return {"name": item.name, "description": item.description, "portals": item.portals}
        case Folder():
            return {
                "name": item.name,
                "description": item.description,
                "visibility": item.visibility,
                "companies": item.companies,
                "segments": item.segments,
            }
        case Article():
            return {
                "title": item.title,
                "body": item.body,
                "status": item.status,
                "tags": item.tags,
                "seo.title": item.seo.title,
                "seo.description": item.seo.description,
                "seo.keywords": item.seo.keywords,
                "author": item.author,
            }


def digest(value: FieldValue) -> str:
    """Return a value by its content: equal digests mean equal values; the order within a tuple does not count."""
    plain = sorted(value, key=str) if isinstance(value, tuple) else value
    text = _as_json(plain)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeBase:
    """One side of a comparison, whole.

    `seen_at` is the portal's own time of the reading (ISO 8601, UTC). `remembered` holds the digests of items that were
    not read but are taken to be as they were last agreed on.
    """

    side: Side
    categories: tuple[Category, ...] = ()
    folders: tuple[Folder, ...] = ()
    articles: tuple[Article, ...] = ()
    assets: frozenset[str] = frozenset()
    seen_at: str = ""
    assumed: Mapping[ItemKey, Mapping[str, str]] = field(default_factory=dict)

    def items(self) -> Iterator[Item]:
        """Walk every item, parents before what they hold."""
        yield from self.categories
        yield from self.folders
        yield from self.articles

    def by_path(self) -> Mapping[str, Item]:
        """Index the items that lie at a content path."""
        return {item.path: item for item in self.items() if item.path is not None}

    def by_id(self) -> Mapping[ItemKey, Item]:
        """Index the items that have a live id, by their key."""
        return {item.key: item for item in self.items() if item.id is not None}
