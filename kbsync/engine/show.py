"""One article as it would be sent or pulled: the command `render`. Nothing is written or compared.

Ids come from the files, the lock files and this clone's ledger alone: showing a file takes no call.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kbsync.baseline import State, newest, read_lock_files
from kbsync.config import Config, Secret
from kbsync.content.tree import read_article, read_tree
from kbsync.digests import link_graph, pulled_body
from kbsync.engine.context import files_on_disk, lock_files, tree_rules
from kbsync.engine.render import LinkResolver, render
from kbsync.errors import ContentError, GitError, UsageError
from kbsync.freshdesk.api import PortalReader, article_from_json
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.rate_limit import RateLimiter
from kbsync.freshdesk.responses import StatusError
from kbsync.freshdesk.urls import parse_url
from kbsync.git.repository import Repository
from kbsync.markup.to_markdown import MarkdownResult, to_markdown
from kbsync.model import Article, ItemKey, Kind, KnowledgeBase
from kbsync.state.ledger import read_local_ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A tree, and which live item each of its paths is, as far as this clone knows."""

    content: KnowledgeBase
    keys: Mapping[str, ItemKey]
    addresses: LinkResolver


def article_html(config: Config, path: str) -> str | None:
    """Render the article at a content path; links to what has no known id stay as written.

    Return None where that path is not an article: it is ignored, a translation, or has problems that lint names.
    """
    known = _known(config)
    article = known.content.by_path().get(path)
    if not isinstance(article, Article):
        return None
    anchors = link_graph(known.content).anchors.get(path, frozenset())
    ids = {path: key.id for path, key in known.keys.items()}
    return render(article, anchors, known.addresses, ids, keep_unknown=True).html


def resolved_body(config: Config, path: str) -> str | None:
    """Return the body of any file of the tree with its includes and variables resolved, article or not.

    Raises:
        ContentError: something that it includes cannot be.
    """
    found = read_article(files_on_disk(config), tree_rules(config), path)
    if found is None:
        return None
    article, problems = found
    if problems:
        raise ContentError(problems)
    return article.body


def live_markdown(config: Config, key: Secret, named: str) -> MarkdownResult:
    """Read a live article, by id or by its address, and convert it as a pull would.

    Where no file is known to be it, its links stay as the portal has them. Takes one call, which changes nothing.

    Raises:
        UsageError: it is not an address of this target's portal, or there is no such article.
    """
    number, known = _number(config, named), _known(config)
    article = _live(config, key, number)
    paths = {key: path for path, key in known.keys.items()}
    path = paths.get(ItemKey(Kind.ARTICLE, number))
    if not path:
        return to_markdown(article.body, options=known.addresses.options)
    return pulled_body(article, path, known.addresses, paths)


def _number(config: Config, named: str) -> int:
    if named.isascii() and named.isdigit():
        return int(named)
    place = parse_url(named, tuple(url for url in (config.url, config.public_url) if url))
    if place is None or place.kind is not Kind.ARTICLE:
        raise UsageError(
            f"{named} is neither a file nor an article of {config.target}",
            advice="give an HTML file, an article id, or the article's URL in the portal or the helpdesk",
        )
    return place.id


def _live(config: Config, key: Secret, number: int) -> Article:
    with Connection(config.url, key.reveal(), rate_limiter=RateLimiter(config.share)) as connection:
        try:
            data = PortalReader(connection).item(Kind.ARTICLE, number).data
        except StatusError as refused:
            if not refused.is_gone:
                raise
            advice = "check the URL; an API key sees only what its agent may see"
            raise UsageError(f"article {number} not found on {config.url}", advice=advice) from None
    return article_from_json(data if isinstance(data, dict) else {})


def _known(config: Config) -> _Known:
    """Read the tree and its baselines; outside a repository the lock files alone."""
    files = files_on_disk(config)
    lock, _ = read_lock_files(lock_files(config, files))
    try:
        ledger, _ = read_local_ledger(Repository.open(config.root), config)
    except GitError:
        ledger = {}
    content = read_tree(files, tree_rules(config)).knowledge
    live = [known for known in newest(lock, ledger).values() if known.state is State.LIVE]
    keys = {known.path: known.key for known in sorted(live, key=lambda known: known.seen_at)}
    keys |= {item.path or "": item.key for item in content.items() if item.id is not None}
    here = content.by_path()
    return _Known(
        content=content,
        keys={path: key for path, key in keys.items() if path in here},
        addresses=LinkResolver(config, content.assets),
    )
