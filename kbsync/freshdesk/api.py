"""The calls of the Solutions API, and the conversion of its JSON to the model and back.

A live item has no unknown field: what Freshdesk omits, or has as null or `{}`, is `""` or `()` here, so that "never
set" and "set to nothing" compare equal. Only documented keys are sent; any other is an error (documented). Counts,
hierarchy, plain text and the `collaboration` token are not read.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kbsync.errors import PortalError
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.responses import ApiResponse, ItemList, Json, list_items, printable_text
from kbsync.model import Article, Category, Folder, Kind, Seo, Status, Visibility

_PATH = {Kind.CATEGORY: "", Kind.FOLDER: "folders/", Kind.ARTICLE: "articles/"}
_KIND = {"categories": Kind.CATEGORY, "folders": Kind.FOLDER, "articles": Kind.ARTICLE}
_PORTS = {"http": 80, "https": 443}

# An id, an optional slug, and pages of the same item (`/page/2` of a folder, `/edit` of an article).
_ID = r"(?P<id>[0-9]{1,19})(?:-[^/]*)?(?:/page/[0-9]+|/edit)?/?"
# URLs of the old form have the category and folder of the item before it.
_PARENTS = r"(?:(?:categories|folders)/[0-9]+(?:-[^/]*)?/)*"
_PORTAL_PATH = re.compile(
    rf"(?:/(?P<language>[a-z]{{2,3}}(?:-[A-Za-z]{{2,4}})?))?(?:/support)?/solutions?/{_PARENTS}(?:(?P<collection>categories|folders|articles)/)?{_ID}"
)
_AGENT_PATH = re.compile(rf"/a/solutions/{_PARENTS}(?P<collection>categories|folders|articles)/{_ID}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The item that a portal URL leads to; `anchor` without its `#`, `language` where the path begins with one."""

    kind: Kind
    id: int
    anchor: str = ""
    language: str = ""


def item_url(public_url: str, kind: Kind, number: int, anchor: str = "") -> str:
    """Return the URL that does not change with the title: with the id, without language and slug."""
    fragment = f"#{anchor}" if anchor else ""
    return f"{public_url.rstrip('/')}/support/solutions/{_PATH[kind]}{number}{fragment}"


def parse_url(url: str, hosts: Collection[str]) -> Target | None:
    """Return the item that a URL leads to on these hosts (`host`, `host:port` or a URL); `None` for any other URL."""
    try:
        parts = urlsplit(url.strip())
        is_portal = not parts.netloc or _host(parts.scheme, parts.netloc) in {_host_of(host) for host in hosts}
    except ValueError:
        return None
    if not is_portal or parts.scheme not in ("", "http", "https") or bool(parts.scheme) > bool(parts.netloc):
        return None
    match = _AGENT_PATH.fullmatch(parts.path) or _PORTAL_PATH.fullmatch(parts.path)
    if not match:
        return None
    found = match.groupdict()
    kind = _KIND[found["collection"] or "categories"]
    return Target(kind=kind, id=int(found["id"]), anchor=parts.fragment, language=found.get("language") or "")


def _host_of(host: str) -> str:
    parts = urlsplit(host if "//" in host else f"//{host}")
    return _host(parts.scheme, parts.netloc)


def _host(scheme: str, netloc: str) -> str:
    parts = urlsplit(f"//{netloc}")
    usual = parts.port is None or parts.port == _PORTS.get(scheme, parts.port if parts.port in (80, 443) else None)
    return (parts.hostname or "") if usual else f"{parts.hostname}:{parts.port}"


PUBLISHED = 2
DRAFT = 1
_VISIBILITIES = tuple(Visibility)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SEGMENTS = {Visibility.CONTACT_SEGMENTS: "contact_segment_ids", Visibility.COMPANY_SEGMENTS: "company_segment_ids"}


def category_from_json(data: Json) -> Category:
    """Read a category; an account with a single portal has no `visible_in_portals` (recorded), which is `()`."""
    return Category(
        id=id_of(data, Kind.CATEGORY),
        name=_text(data.get("name")),
        description=_text(data.get("description")),
        portals=_ints(data.get("visible_in_portals")),
        updated_at=_text(data.get("updated_at")) or None,
    )


def folder_from_json(data: Json, *, category: int | None = None) -> Folder:
    """Read a folder; `category` is its category where it comes from a category's list, which omits it (recorded).

    An unknown visibility is `None`: neither compared nor sent.
    """
    visibility = _visibility(data.get("visibility"))
    return Folder(
        id=id_of(data, Kind.FOLDER),
        parent=_number(data.get("parent_folder_id")) or _number(data.get("category_id")) or category,
        name=_text(data.get("name")),
        description=_text(data.get("description")),
        visibility=visibility,
        companies=_ints(data.get("company_ids")),
        segments=_ints(data.get(_SEGMENTS[visibility])) if visibility in _SEGMENTS else (),
        updated_at=_text(data.get("updated_at")) or None,
    )


def article_from_json(data: Json, *, folder: int | None = None) -> Article:
    """Read an article; any status but published is a draft, since readers do not see it."""
    return Article(
        id=id_of(data, Kind.ARTICLE),
        parent=_number(data.get("folder_id")) or folder,
        title=_text(data.get("title")),
        body=_text(data.get("description")),
        status=Status.PUBLISHED if data.get("status") == PUBLISHED else Status.DRAFT,
        tags=tuple(_text(tag) for tag in _list(data.get("tags"))),
        seo=_seo(data.get("seo_data")),
        author=_number(data.get("agent_id")),
        updated_at=_text(data.get("updated_at")) or None,
    )


def counts_in_folder(folder: Json) -> tuple[int | None, int | None]:
    """Return the number of articles and of folders directly in a folder; `None` where the JSON omits it."""
    found = folder.get("articles_count"), folder.get("sub_folders_count")
    articles, folders = (number if isinstance(number, int) else None for number in found)
    return articles, folders


def category_to_json(category: Category) -> dict[str, Any]:
    """Write the managed fields of a category."""
    fields = {"name": category.name, "description": category.description, "visible_in_portals": category.portals}
    return _managed_fields(fields)


def folder_to_json(folder: Folder, *, was: Folder | None = None) -> dict[str, Any]:
    """Write the managed fields of a folder.

    Visibility and the companies or segments are sent together, from `was` where content does not manage one of them:
    ids are documented for visibility 4, 6 and 7 only.
    """
    sent = _managed_fields({"name": folder.name, "description": folder.description})
    if (folder.visibility, folder.companies, folder.segments) != (None, None, None):
        sent |= _visibility_fields(folder, was or folder)
    return sent


def article_to_json(article: Article, *, was: Seo | None = None) -> dict[str, Any]:
    """Write title, body (HTML) and status, which are always sent together, and the other managed fields.

    Whether `seo_data` replaces or merges is not documented, so unmanaged fields in it are sent as they were in `was`.
    """
    fields = {
        "title": article.title,
        "description": article.body,
        "status": PUBLISHED if article.status is Status.PUBLISHED else DRAFT,
        "tags": article.tags,
        "seo_data": None if article.seo == Seo() else _seo_to_json(article.seo, was or Seo()),
        "agent_id": None if article.author is None else _agent(article.author),
    }
    return _managed_fields(fields)


def _managed_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in fields.items() if value is not None
    }


def id_of(data: Json, kind: str) -> int:
    """Return the id of an item; raise PortalError where the JSON is not a `kind`."""
    found = data.get("id")
    if isinstance(found, int) and not isinstance(found, bool) and found > 0:
        return found
    raise PortalError(
        f"the portal's response has no {kind} id, but {printable_text(repr(found))}",
        advice="check that `url` is the URL of a Freshdesk account",
    )


def _visibility_fields(folder: Folder, was: Folder) -> dict[str, Any]:
    visibility = folder.visibility or was.visibility
    if visibility is None:
        return {}
    sent: dict[str, Any] = {"visibility": _VISIBILITIES.index(visibility) + 1}
    if visibility is Visibility.COMPANIES:
        sent["company_ids"] = list((was.companies if folder.companies is None else folder.companies) or ())
    if visibility in _SEGMENTS:
        sent[_SEGMENTS[visibility]] = list((was.segments if folder.segments is None else folder.segments) or ())
    return sent


def _seo(data: object) -> Seo:
    found = data if isinstance(data, Mapping) else {}
    words = found.get("meta_keywords")
    keywords = words.split(",") if isinstance(words, str) else _list(words)
    return Seo(
        title=_text(found.get("meta_title")),
        description=_text(found.get("meta_description")),
        keywords=tuple(word for word in (_text(keyword).strip() for keyword in keywords) if word),
    )


def _seo_to_json(seo: Seo, was: Seo) -> dict[str, Any]:
    """Write title and description together; keywords are sent as an array although they are returned as a string."""
    title = was.title if seo.title is None else seo.title
    description = was.description if seo.description is None else seo.description
    sent: dict[str, Any] = {"meta_title": title or "", "meta_description": description or ""}
    keywords = (was.keywords or None) if seo.keywords is None else seo.keywords
    return sent if keywords is None else sent | {"meta_keywords": list(keywords)}


def _agent(author: str | int) -> int:
    if isinstance(author, int):
        return author
    if author.isascii() and author.isdigit():
        return int(author)
    raise PortalError(f"the agent id of the author {author} is not known", advice="set `author` to the agent's id")


def _visibility(number: object) -> Visibility | None:
    known = range(1, len(_VISIBILITIES) + 1)
    return _VISIBILITIES[number - 1] if isinstance(number, int) and number in known else None


def _text(value: object) -> str:
    """Return a value as text; half a surrogate pair, which no file can hold, is shown as browsers show it."""
    return "" if value is None else _SURROGATE.sub("\ufffd", str(value))


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _ints(values: object) -> tuple[int, ...]:
    return tuple(value for value in _list(values) if isinstance(value, int))


def _list(values: object) -> list[object]:
    return values if isinstance(values, list) else []


_COLLECTION = {Kind.CATEGORY: "categories", Kind.FOLDER: "folders", Kind.ARTICLE: "articles"}


class PortalReader:
    """The read calls of the API."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def calls_per_second(self) -> float:
        """Return how many calls the account's pace allows."""
        return self._connection.calls_per_second

    def categories(self) -> ItemList:
        """Return the categories."""
        return self._list("/categories")

    def folders(self, category: int) -> ItemList:
        """Return the top-level folders of a category (recorded)."""
        return self._list(f"/categories/{category}/folders")

    def subfolders(self, folder: int) -> ItemList:
        """Return the folders directly in a folder."""
        return self._list(f"/folders/{folder}/subfolders")

    def articles(self, folder: int) -> ItemList:
        """Return the articles directly in a folder, with drafts and bodies (recorded)."""
        return self._list(f"/folders/{folder}/articles")

    def item(self, kind: Kind, number: int) -> ApiResponse:
        """Return one item by its id."""
        return self._connection.get(f"/api/v2/solutions/{_COLLECTION[kind]}/{number}")

    def me(self) -> ApiResponse:
        """Return the agent that the key belongs to."""
        return self._connection.get("/api/v2/agents/me")

    def agents(self, email: str) -> tuple[Json, ...]:
        """Return the agents with an e-mail address."""
        return list_items(self._connection.get("/api/v2/agents", {"email": email}), "agents")

    def _list(self, path: str) -> ItemList:
        responses = list(self._connection.pages(f"/api/v2/solutions{path}"))
        items = tuple(item for response in responses for item in list_items(response, path))
        return ItemList(items=items, at=responses[0].at)


class PortalWriter:
    """The write calls of the API. Every method raises the errors of `Connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create_category(self, body: Json) -> ApiResponse:
        """Create a category."""
        return self._connection.post("/api/v2/solutions/categories", body)

    def create_folder(self, category: int, body: Json) -> ApiResponse:
        """Create a folder in a category, or in the folder that `parent_folder_id` in the body names."""
        return self._connection.post(f"/api/v2/solutions/categories/{category}/folders", body)

    def create_article(self, folder: int, body: Json) -> ApiResponse:
        """Create an article in a folder."""
        return self._connection.post(f"/api/v2/solutions/folders/{folder}/articles", body)

    def update(self, kind: Kind, number: int, body: Json, *, not_after: float = float("inf")) -> ApiResponse:
        """Update the item with this id."""
        return self._connection.put(f"/api/v2/solutions/{_COLLECTION[kind]}/{number}", body, not_after=not_after)

    def delete(self, kind: Kind, number: int, *, not_after: float = float("inf")) -> ApiResponse:
        """Delete the item with this id for good, with its content as far as is known."""
        return self._connection.delete(f"/api/v2/solutions/{_COLLECTION[kind]}/{number}", not_after=not_after)
