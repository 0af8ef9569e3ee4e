"""Render an article of content as the HTML that is sent, with links and pictures as addresses of a target. Pure."""

import re
from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, unquote, urljoin

from kbsync.baseline import BaselineOrigin
from kbsync.change import Change
from kbsync.config import Config
from kbsync.digests import address_rewriter
from kbsync.freshdesk.api import item_url, parse_url
from kbsync.markup.compare import classes_left_out
from kbsync.markup.dom import abbreviate, stable_body
from kbsync.markup.links import ARTICLE_NUMBER, join_target, references, split_target, to_root
from kbsync.markup.patch.patch import patch_html
from kbsync.markup.raw_html import find_attributes, replace_addresses, without_comments
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from kbsync.model import INDEX_FILE, Article, Item, ItemKey, Kind, kind_of


class LinkResolver:
    """The addresses of one target: its readers' links, and where its pictures and files are served from."""

    def __init__(self, config: Config, assets: frozenset[str]) -> None:
        self.options = config.markup
        self._readers_url = config.readers_url
        self._hosts = tuple(url for url in (config.url, config.public_url) if url)
        self._assets_url = config.assets_url.rstrip("/")
        self._assets = assets
        self._moved: Mapping[str, str] = {}

    def address_of(self, target: str, ids: Mapping[str, int]) -> str | None:
        """Return the address of a path from the root, or None where it has none yet."""
        path, mark, anchor = split_target(target)
        path = path.removesuffix(INDEX_FILE).rstrip("/")
        if path in ids:
            return item_url(self._readers_url, kind_of(path), ids[path], anchor)
        if path in self._assets and self._assets_url:
            return f"{self._assets_url}/{quote(path)}{mark * bool(anchor)}{anchor}"
        return None

    def after_moves(self, moved: Mapping[str, str]) -> "LinkResolver":
        """Return a resolver for the time after files have moved: live addresses lead to their new paths."""
        later = copy(self)
        later._assets = frozenset(moved.get(path, path) for path in self._assets)
        later._moved = {old: new for old, new in moved.items() if old in self._assets}
        return later

    def outside(self, written: str) -> str:
        """Return the address for one that is no path of the tree: whole, where it is the number of an article."""
        found = ARTICLE_NUMBER.fullmatch(written.strip())
        if found is None:
            return written
        return item_url(self._readers_url, Kind.ARTICLE, int(found["id"])) + (found["anchor"] or "")

    def fallback(self) -> str:
        """Return the address used for a link whose own is not known yet."""
        return f"{self._readers_url}/support/solutions"

    def absolute(self, address: str) -> str:
        """Return the whole address that a browser makes of a relative one in an article of the portal."""
        base = f"{self._readers_url}/support/solutions/articles/"
        return urljoin(base, address) if address.startswith(".") else base + address

    def path_of(self, address: str, paths: Mapping[ItemKey, str]) -> str | None:
        """Return the path from the root that an address leads to, or None where it leads elsewhere."""
        place = parse_url(address, self._hosts)
        if place is not None:
            path = paths.get(ItemKey(place.kind, place.id))
            return path and join_target(path, place.anchor)
        if self._assets_url and address.startswith(f"{self._assets_url}/"):
            path = unquote(address.removeprefix(f"{self._assets_url}/"))
            path = self._moved.get(path, path)
            return join_target(path) if path in self._assets else None
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What is sent, and the address for each path from the root that the article names.

    `notes` name the unchanged blocks of the live body that were rewritten; where it is `whole`, the body was rendered
    without regard to the live one.
    """

    html: str
    addresses: Mapping[str, str]
    notes: tuple[str, ...] = ()
    whole: bool = True


def render(
    article: Article,
    anchors: Collection[str],
    addresses: LinkResolver,
    ids: Mapping[str, int],
    *,
    keep_unknown: bool = False,
) -> Rendered:
    """Render an article without its comments; links to what has no address yet get the portal's home page.

    They are recorded as such; with `keep_unknown` they stay as written.
    """
    sent: dict[str, str] = {}

    def resolve(written: str) -> str:
        target = rooted(article.path or "", written)
        if target is None:
            return addresses.outside(written)
        address = addresses.address_of(target, ids)
        if address is None and keep_unknown:
            return written
        sent[target] = address or addresses.fallback()
        return sent[target]

    html = to_html(article.body, resolve=resolve, anchors=anchors, options=addresses.options)
    return Rendered(html=without_comments(html), addresses=sent)


def patches_body(change: Change, origin: BaselineOrigin) -> bool:
    """Return whether an update keeps the blocks of the live body that its writer did not change (`style = "keep"`)."""
    is_sent = "body" in change.fields and not change.action.creates_item
    return is_sent and origin is BaselineOrigin.LIVE and isinstance(change.actual, Article) and bool(change.actual.body)


def render_into(
    live: Article, article: Article, anchors: Collection[str], addresses: LinkResolver, ids: Mapping[str, int]
) -> Rendered:
    """Render an article into its live body, in which every block with the same content stays byte for byte.

    A picture or file has the address that the live body has now, if the portal made that anew since the last pull.
    """
    rendered = render(article, anchors, addresses, ids)
    path = article.path or ""
    paths = {ItemKey(kind_of(known), number): known for known, number in ids.items()}
    relative = address_rewriter(path, addresses, paths)

    attributes = find_attributes(live.body)
    current = {stable_body(address): address for found in attributes for address in found.addresses}

    def renew(address: str) -> str:
        return current.get(stable_body(address), address)

    def settle(address: str) -> str:
        target = rooted(path, written := relative(address))
        return renew(written if target is None else addresses.address_of(target, ids) or addresses.fallback())

    patched = patch_html(
        live.body, replace_addresses(rendered.html, renew), settle=settle, keep=addresses.options.keep_classes
    )
    notes = [f"rewritten although unchanged: {piece}" for piece in patched.rendered]
    notes += removed_classes(live.body, patched.html)
    return Rendered(html=patched.html, addresses=rendered.addresses, notes=tuple(notes), whole=False)


def removed_classes(live: str, html: str) -> tuple[str, ...]:
    """Return a note on the classes that an update removes from the live body, if there are any."""
    removed = classes_left_out(live) - classes_left_out(html)
    return (f"removes classes from the live body: {abbreviate(list(removed))}",) if removed else ()


def current_addresses(article: Article, addresses: LinkResolver, ids: Mapping[str, int]) -> dict[str, str]:
    """Return for each path that an article names the address that it would be sent with now."""
    targets = {rooted(article.path or "", reference.target) for reference in references(article.body)}
    return {
        target: addresses.address_of(target, ids) or addresses.fallback() for target in sorted(filter(None, targets))
    }


def rooted(path: str, address: str) -> str | None:
    """Return the path from the root that an address in the file at `path` leads to; None where it is not one."""
    try:
        return to_root(path, address)
    except ValueError:
        return None


def pointer_body(title: str, address: str) -> str:
    """Write the body of an old article that points to the new one."""
    return f'<p><a href="{escape(address)}">{escape(title, quote=False)}</a></p>'


def points_to(live: Item | None, address: str) -> bool:
    """Return whether an article consists of one link to an address."""
    if not isinstance(live, Article):
        return False
    return re.fullmatch(rf"\[.*\]\(<?{re.escape(address)}>?\)", to_markdown(live.body).text.strip()) is not None
