"""The URLs of articles, folders and categories for readers and agents: build and parse them.

This module sends nothing; a URL of the right form may still not exist.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from kbsync.model import Kind

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
