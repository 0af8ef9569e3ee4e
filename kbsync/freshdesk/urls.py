"""The addresses by which readers and agents reach an article, a folder or a category: made and understood.

Nothing here asks a portal; an address of the right form may still lead nowhere.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from kbsync.model import Kind

_PLACE = {Kind.CATEGORY: "", Kind.FOLDER: "folders/", Kind.ARTICLE: "articles/"}
_KIND = {"categories": Kind.CATEGORY, "folders": Kind.FOLDER, "articles": Kind.ARTICLE}
_PORTS = {"http": 80, "https": 443}

# An id, the slug that may follow it, and pages that show the same thing (`/page/2` of a folder, `/edit` of an article).
_ID = r"(?P<id>[0-9]{1,19})(?:-[^/]*)?(?:/page/[0-9]+|/edit)?/?"
# Above it, in addresses of the old form, stand the category and folder that hold it.
_ABOVE = r"(?:(?:categories|folders)/[0-9]+(?:-[^/]*)?/)*"
_READER = re.compile(
    rf"(?:/(?P<language>[a-z]{{2,3}}(?:-[A-Za-z]{{2,4}})?))?(?:/support)?/solutions?/{_ABOVE}(?:(?P<place>categories|folders|articles)/)?{_ID}"
)
_AGENT = re.compile(rf"/a/solutions/{_ABOVE}(?P<place>categories|folders|articles)/{_ID}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a portal address leads to; `anchor` without its `#`, `language` where the path begins with one."""

    kind: Kind
    id: int
    anchor: str = ""
    language: str = ""


def item_url(public_url: str, kind: Kind, number: int, anchor: str = "") -> str:
    """Return the address that survives retitling: by id alone, without language and slug."""
    end = f"#{anchor}" if anchor else ""
    return f"{public_url.rstrip('/')}/support/solutions/{_PLACE[kind]}{number}{end}"


def parse_url(address: str, hosts: Collection[str]) -> Target | None:
    """Return what an address leads to on the portal of these hosts (`host`, `host:port` or a whole URL); else `None`."""
    try:
        parts = urlsplit(address.strip())
        ours = not parts.netloc or _host(parts.scheme, parts.netloc) in {_host_of(host) for host in hosts}
    except ValueError:
        return None
    if not ours or parts.scheme not in ("", "http", "https") or bool(parts.scheme) > bool(parts.netloc):
        return None
    match = _AGENT.fullmatch(parts.path) or _READER.fullmatch(parts.path)
    if not match:
        return None
    found = match.groupdict()
    kind = _KIND[found["place"] or "categories"]
    return Target(kind=kind, id=int(found["id"]), anchor=parts.fragment, language=found.get("language") or "")


def _host_of(host: str) -> str:
    parts = urlsplit(host if "//" in host else f"//{host}")
    return _host(parts.scheme, parts.netloc)


def _host(scheme: str, netloc: str) -> str:
    parts = urlsplit(f"//{netloc}")
    usual = parts.port is None or parts.port == _PORTS.get(scheme, parts.port if parts.port in (80, 443) else None)
    return (parts.hostname or "") if usual else f"{parts.hostname}:{parts.port}"
