"""What the store keeps, as values; one language of one item at a time."""

from dataclasses import dataclass, field
from typing import Any

DRAFT, PUBLISHED = 1, 2
EVERYBODY, AGENTS_ONLY, BOTS = 1, 3, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category in one language; times are UTC, `YYYY-MM-DDTHH:MM:SSZ`."""

    id: int
    language: str
    name: str
    description: str | None
    portals: tuple[int, ...]
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder in one language, with the counts of what lies directly in it."""

    id: int
    language: str
    category_id: int
    parent_id: int | None
    name: str
    description: str | None
    visibility: int
    company_ids: tuple[int, ...]
    contact_segment_ids: tuple[int, ...]
    company_segment_ids: tuple[int, ...]
    articles_count: int
    sub_folders_count: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An article in one language.

    `live_title` and `live_description` are what readers still see while a draft stands beside a published version.
    """

    id: int
    language: str
    folder_id: int
    category_id: int
    title: str
    description: str
    description_text: str
    status: int
    type: int
    agent_id: int
    tags: tuple[str, ...]
    seo: dict[str, Any] = field(default_factory=dict)
    live_title: str | None = None
    live_description: str | None = None
    thumbs_up: int = 0
    thumbs_down: int = 0
    hits: int = 0
    created_at: str
    updated_at: str

    @property
    def readable(self) -> bool:
        """Tell whether readers have a version of it to see."""
        return self.status == PUBLISHED or self.live_title is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """An article without its body."""

    id: int
    folder_id: int
    title: str
    status: int
    live_title: str | None
    updated_at: str

    @property
    def readable(self) -> bool:
        """Tell whether readers have a version of it to see."""
        return self.status == PUBLISHED or self.live_title is not None

    @property
    def shown_title(self) -> str:
        """Give the title that readers see."""
        return self.live_title or self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One level of the way from a category down to an item."""

    type: str
    id: int
    name: str
    language: str
