"""Content paths and portal addresses, translated for one target. Pure: an address is text, whoever it leads to."""

from collections.abc import Mapping
from copy import copy
from urllib.parse import quote, unquote, urljoin

from kbsync.agreements import Key
from kbsync.config import Config
from kbsync.freshdesk.links import address, target
from kbsync.model import kind_of

_INDEX = "_index.md"


class TargetAddresses:
    """The addresses of one target: its readers' links, and where its pictures and files are served from."""

    def __init__(self, config: Config, assets: frozenset[str]) -> None:
        self.options = config.markup
        self._readers_url = config.readers_url
        self._hosts = tuple(url for url in (config.url, config.public_url) if url)
        self._assets_url = config.assets_url.rstrip("/")
        self._assets = assets
        self._moved: Mapping[str, str] = {}

    def sent(self, target: str, ids: Mapping[str, int]) -> str | None:
        """Give the address for a path from the root, or None where it has none yet."""
        path, mark, anchor = target.partition("#")
        path = path.removesuffix(_INDEX).rstrip("/")
        if path in ids:
            return address(self._readers_url, kind_of(path), ids[path], anchor)
        if path in self._assets and self._assets_url:
            return f"{self._assets_url}/{quote(path)}{mark}{anchor}"
        return None

    def after(self, moved: Mapping[str, str]) -> "TargetAddresses":
        """Give the addresses as they are once files have moved; what the portal shows leads to their new places."""
        later = copy(self)
        later._assets = frozenset(moved.get(path, path) for path in self._assets)
        later._moved = {path: place for path, place in moved.items() if path in self._assets}
        return later

    def home(self) -> str:
        """Give what stands in for an address that is not known yet."""
        return f"{self._readers_url}/support/solutions"

    def absolute(self, address: str) -> str:
        """Give the whole address that a browser makes of a relative one in an article of the portal."""
        return urljoin(f"{self._readers_url}/support/solutions/articles/", address)

    def found(self, address: str, paths: Mapping[Key, str]) -> str | None:
        """Give the path from the root that an address leads to, or None where it leads elsewhere."""
        place = target(address, self._hosts)
        if place is not None:
            path = paths.get((place.kind, place.id))
            return path and path + (f"#{place.anchor}" if place.anchor else "")
        if self._assets_url and address.startswith(f"{self._assets_url}/"):
            path = unquote(address.removeprefix(f"{self._assets_url}/"))
            path = self._moved.get(path, path)
            return path if path in self._assets else None
        return None
