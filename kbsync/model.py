"""Freshdesk's nouns as values, the same on both sides of a comparison.

An item of content has a `path`, and a field that content does not manage is `None`; a live item has an `id` and a value
in every field. Nothing here reads, writes or renders.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple

INDEX_FILE = "_index.md"
"""The name of the file that describes its directory."""


class Kind(StrEnum):
    """What an item is; the value is the word users see."""

    CATEGORY = "category"
    FOLDER = "folder"
    ARTICLE = "article"

    @property
    def rank(self) -> int:
        """Return the place of the kind in an order that has parents before their children."""
        return list(Kind).index(self)


class ItemKey(NamedTuple):
    """What identifies an item for as long as the portal has it; ids are not promised to differ across kinds.

    `language` is empty for the primary language. No item has the id 0: it means one that is not on the portal.
    """

    kind: Kind
    id: int
    language: str = ""


def kind_of(path: str) -> Kind:
    """Return the kind of the item at a content path: an article ends in `.md`, a category has no parent."""
    if path.endswith(".md"):
        return Kind.ARTICLE
    return Kind.FOLDER if "/" in path else Kind.CATEGORY


def parent_path(path: str) -> str:
    """Return the content path of an item's parent; empty for a category."""
    return path.rpartition("/")[0]


def ancestors(path: str) -> tuple[str, ...]:
    """Return the content paths of an item's parent, of that one's parent and so on."""
    found = []
    while path := parent_path(path):
        found.append(path)
    return tuple(found)


def is_under(path: str, folder: str) -> bool:
    """Return whether a path is a directory's own or one below it."""
    return path == folder or path.startswith(f"{folder}/")


def index_path(directory: str) -> str:
    """Return the path of the file that describes a directory; the root's is `_index.md`."""
    return f"{directory}/{INDEX_FILE}" if directory else INDEX_FILE


def source_path(kind: Kind, path: str) -> str:
    """Return the path of the file that an item at a content path is written in."""
    return path if kind is Kind.ARTICLE else index_path(path)


def iso_utc(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second: the form in which kbsync stores times."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


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
    """The meta data of an article for search engines; `None` is a field that content does not manage."""

    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The source of a content item: the text of its file, and the line on which its body begins (from 1)."""

    text: str
    body_line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """What items of every kind have; `path` is relative to the root, with `/`."""

    kind: ClassVar[Kind]
    path: str | None = None
    id: int | None = None
    origin: Origin | None = None
    updated_at: str | None = None

    @property
    def key(self) -> ItemKey:
        return ItemKey(self.kind, self.id or 0)

    @property
    def label(self) -> str:
        raise NotImplementedError

    @property
    def has_valid_label(self) -> bool:
        return len(self.label) <= LONGEST_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(_Item):
    """A category, which has no parent; `path` is its directory."""

    kind = Kind.CATEGORY
    parent: ClassVar[None] = None
    name: str
    description: str | None = None
    portals: tuple[int, ...] | None = None

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder(_Item):
    """A folder; `parent` is the live id of the folder or category that holds it, known on live only."""

    kind = Kind.FOLDER
    name: str
    description: str | None = None
    visibility: Visibility | None = None
    companies: tuple[int, ...] | None = None
    segments: tuple[int, ...] | None = None
    parent: int | None = None

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Article(_Item):
    """An article. `body` is Markdown on content and HTML on live; `parent` is the live id of its folder."""

    kind = Kind.ARTICLE
    title: str
    body: str
    status: Status = Status.PUBLISHED
    tags: tuple[str, ...] | None = None
    seo: Seo = field(default_factory=Seo)
    author: str | int | None = None
    parent: int | None = None

    @property
    def label(self) -> str:
        return self.title


LONGEST_NAME = 255
LONGEST_TAG = 32


def valid_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tags that Freshdesk takes, each once; a portal may hold others, which are not sent."""
    return tuple(dict.fromkeys(tag for tag in tags if tag.strip() and len(tag) <= LONGEST_TAG))


FieldValue = str | int | tuple[str, ...] | tuple[int, ...] | None
ALWAYS_MANAGED = ("title", "name", "body", "status")
"""The fields that content always manages, whether its front matter has them or not."""
Item = Category | Folder | Article
_as_json = json.JSONEncoder(ensure_ascii=False).encode


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


def is_default(name: str, value: FieldValue) -> bool:
    """Return whether a live field has the value of an item of which nobody set it."""
    return value in (None, "", (), {"status": Status.PUBLISHED, "visibility": Visibility.ALL}.get(name))


def digest(value: FieldValue) -> str:
    """Return the hash of a value; the order within a tuple does not count."""
    plain = sorted(value, key=str) if isinstance(value, tuple) else value
    return hashlib.blake2b(_as_json(plain).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeBase:
    """One side of a comparison, whole.

    `seen_at` is the portal's own time of the reading (ISO 8601, UTC). `assumed` holds the digests of items that were
    not read: they are taken to be as the baseline has them.
    """

    side: Side
    categories: tuple[Category, ...] = ()
    folders: tuple[Folder, ...] = ()
    articles: tuple[Article, ...] = ()
    assets: frozenset[str] = frozenset()
    seen_at: str = ""
    assumed: Mapping[ItemKey, Mapping[str, str]] = field(default_factory=dict)

    def items(self) -> Iterator[Item]:
        """Iterate over every item, categories first, articles last."""
        yield from self.categories
        yield from self.folders
        yield from self.articles

    def by_path(self) -> Mapping[str, Item]:
        """Index the items that have a content path."""
        return {item.path: item for item in self.items() if item.path is not None}

    def by_id(self) -> Mapping[ItemKey, Item]:
        """Index the items that have a live id, by their key."""
        return {item.key: item for item in self.items() if item.id is not None}
