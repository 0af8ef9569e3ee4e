"""The version of an item on either side: one digest a field, and what its source depends on.

Pure: it renders through `markup` and reads nothing. Markdown is never compared with HTML. Slow results come from
the cache where `memo` has one, by everything that they depend on.
"""

import hashlib
import json
import posixpath
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from kbsync.markup.compare import canonical, counting_classes
from kbsync.markup.dom import stable_body
from kbsync.markup.links import ARTICLE_NUMBER, from_root, references, split_target, to_root
from kbsync.markup.meaning import ALL_CLASSES
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import MarkdownResult, addresses_in, to_markdown
from kbsync.memo import is_memoizing, memoized
from kbsync.model import Article, Item, ItemKey, KnowledgeBase, digest, fields_of, valid_tags

_ROOTED = "kbsync-root:/"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkGraph:
    """The links between the articles of a tree.

    `targets` maps an article's path to the content paths that it links to or shows, `anchors` to the anchors within it
    that other articles link to.
    """

    targets: Mapping[str, tuple[str, ...]]
    anchors: Mapping[str, frozenset[str]]


class AddressMap(Protocol):
    """Translates content paths to addresses of one target's portal and back."""

    @property
    def options(self) -> MarkupOptions:
        """Return the options of the tree's Markdown."""

    def address_of(self, target: str, ids: Mapping[str, int]) -> str | None:
        """Return the address of a path from the root (`kb/faq/x.md#a`), or None where it has none yet."""

    def path_of(self, address: str, paths: Mapping[ItemKey, str]) -> str | None:
        """Return the path from the root of a portal's address, or None where nothing in the tree has it."""

    def absolute(self, address: str) -> str:
        """Resolve a relative address as a browser does in an article of the portal."""


def link_graph(content: KnowledgeBase) -> LinkGraph:
    """Collect the relative links of every article; `lint` reports those that leave the root."""
    targets: dict[str, tuple[str, ...]] = {}
    anchors: dict[str, set[str]] = {}
    for article in content.articles:
        path = article.path or ""
        found: dict[str, None] = {}
        for reference in references(article.body):
            rooted = _rooted(path, reference.target)
            if rooted is None:
                continue
            target, _, anchor = split_target(rooted)
            found[target] = None
            if anchor:
                anchors.setdefault(target, set()).add(anchor)
        targets[path] = tuple(found)
    return LinkGraph(targets=targets, anchors={path: frozenset(names) for path, names in anchors.items()})


def _rooted(path: str, address: str) -> str | None:
    try:
        return to_root(path, address)
    except ValueError:
        return None


def blob_of(text: str) -> str:
    """Return the id that git gives a blob with this text."""
    data = text.encode("utf-8", "surrogateescape")
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def source_key(article: Article, anchors: Collection[str]) -> str:
    """Return the digest of an article's source and all that its rendering depends on: equal keys render the same.

    The body is part of it, since it has the included files and the values of variables.
    """
    text = article.origin.text if article.origin else article.body
    place = posixpath.dirname(article.path or "")
    parts = (f"in {place}", f"blob {blob_of(text)}", f"body {digest(article.body)}")
    return digest((*parts, *(f"#{anchor}" for anchor in anchors)))


def rooted_html(article: Article, anchors: Collection[str], options: MarkupOptions = PLAIN) -> str:
    """Render an article of content with its relative links as paths from the root, in canonical form."""
    resolve = root_path_resolver(article.path or "")
    return canonical(to_html(article.body, resolve=resolve, anchors=anchors, options=options), keep=ALL_CLASSES)


def root_path_resolver(path: str) -> Callable[[str], str]:
    """Return the function that turns the relative addresses in the file at `path` into paths from the root."""

    def resolve(address: str) -> str:
        rooted = _rooted(path, address)
        return address if rooted is None else _ROOTED + rooted

    return resolve


def pulled_body(
    live: Article, path: str, addresses: AddressMap, paths: Mapping[ItemKey, str], own: str = ""
) -> MarkdownResult:
    """Convert a live body to Markdown for a file at `path`; `paths` has the content paths of live items.

    `own` is what the file holds: the classes that it uses are kept.
    A relative address of something else becomes an absolute one: in the file it would be taken for a path of the tree.
    """
    options = counting_classes(addresses.options.plain, own)
    return _converted(live.body, address_rewriter(path, addresses, paths), options)


def address_rewriter(path: str, addresses: AddressMap, paths: Mapping[ItemKey, str]) -> Callable[[str], str]:
    """Return the function that turns the portal's addresses into those that the file at `path` would have."""

    def rewrite(address: str) -> str:
        whole = addresses.absolute(address) if _is_relative(path, address) else address
        target = addresses.path_of(whole, paths)
        return whole if target is None else from_root(path, target)

    return rewrite


def _converted(html: str, rewrite: Callable[[str], str], options: MarkupOptions) -> MarkdownResult:
    """Convert a body, or take the result from the cache where all its addresses are rewritten to the same as then."""
    if not is_memoizing():
        return to_markdown(html, rewrite=rewrite, options=options)
    addresses = json.loads(memoized("addresses", (html,), lambda: json.dumps(addresses_in(html))))
    rewritten = json.dumps([rewrite(address) for address in addresses])

    def convert() -> str:
        pulled = to_markdown(html, rewrite=rewrite, options=options)
        return json.dumps((pulled.text, pulled.dropped))

    text, dropped = json.loads(memoized("markdown", (html, rewritten, repr(options)), convert))
    return MarkdownResult(text=text, dropped=tuple(dropped))


def _is_relative(path: str, address: str) -> bool:
    try:
        return to_root(path, address) is not None or ARTICLE_NUMBER.fullmatch(address) is not None
    except ValueError:
        return True


def differences(
    content: Item, live: Item, anchors: Collection[str], addresses: AddressMap, paths: Mapping[ItemKey, str]
) -> tuple[str, ...]:
    """Return the managed fields in which a pull of the live item would change the file."""
    theirs = live_digests(live)
    if isinstance(live, Article) and live.tags is not None:
        theirs["tags"] = digest(valid_tags(live.tags))
    fields = [name for name, value in managed_digests(content).items() if value != theirs.get(name)]
    if isinstance(content, Article) and isinstance(live, Article):
        body = pulled_body(live, content.path or "", addresses, paths, content.body).text
        read = addresses.options.plain
        if _body_digest(replace(content, body=body), anchors, read) != _body_digest(content, anchors, read):
            fields.insert(0, "body")
    return tuple(fields)


def content_digests(item: Item, anchors: Collection[str] = ()) -> dict[str, str]:
    """Return a digest for each field that content manages; that of an article's body is of its rendering."""
    digests = managed_digests(item)
    if isinstance(item, Article):
        digests["body"] = _body_digest(item, anchors)
    return digests


def _body_digest(article: Article, anchors: Collection[str], options: MarkupOptions = PLAIN) -> str:
    """Return the digest of a rendered body; baselines have the one of plain options, whatever the settings are."""
    place = posixpath.dirname(article.path or "")
    arguments = (article.body, place, repr(options), *sorted(anchors))
    return memoized("body digest", arguments, lambda: digest(rooted_html(article, anchors, options)))


def managed_digests(item: Item) -> dict[str, str]:
    """Return a digest for each field that content manages, but for an article's body.

    A title or name that is longer than Freshdesk takes is not managed: a portal may hold it, and it is not sent.
    """
    left_out = {"body"} if item.has_valid_label else {"body", "title", "name"}
    managed = {name: value for name, value in fields_of(item).items() if name not in left_out}
    return {name: digest(value) for name, value in managed.items() if value is not None}


def live_digests(item: Item) -> dict[str, str]:
    """Return a digest for each field of a live item; the volatile parts of a body do not count."""
    fields = fields_of(item)
    if isinstance(item, Article):
        fields["body"] = stable_body(item.body)
    return {name: digest(value) for name, value in fields.items()}
