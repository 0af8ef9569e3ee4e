"""What is shown of articles: one as it would be sent or pulled, and what each change of a plan replaces.

Nothing is written. Ids come from the files, the lock files and this clone's ledger alone: showing a file takes no call.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from kbsync.baseline import Baseline, BaselineOrigin, State, newest, read_lock_files
from kbsync.change import Action, Change
from kbsync.config import Config, Secret
from kbsync.content.document import parse_document
from kbsync.content.tree import ContentTree, read_article, read_tree
from kbsync.digests import link_graph, live_digests, pulled_body
from kbsync.engine.context import files_on_disk, lock_files, tree_rules
from kbsync.engine.history import diff_lines, field_lines
from kbsync.engine.render import LinkResolver, Rendered, patches_body, removed_classes, render, render_into
from kbsync.errors import ContentError, GitError, UsageError
from kbsync.freshdesk.api import PortalReader, article_from_json, parse_url
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.rate_limit import RateLimiter
from kbsync.freshdesk.responses import StatusError
from kbsync.git.repository import Repository
from kbsync.markup.to_markdown import MarkdownResult, to_markdown
from kbsync.model import Article, FieldValue, ItemKey, Kind, KnowledgeBase, fields_of
from kbsync.planner.planner import Plan
from kbsync.state.ledger import read_local_ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A tree, and which live item each of its paths is, as far as this clone knows."""

    tree: ContentTree
    keys: Mapping[str, ItemKey]
    addresses: LinkResolver

    @property
    def content(self) -> KnowledgeBase:
        """The content side of the tree."""
        return self.tree.knowledge


def article_html(config: Config, path: str) -> str | None:
    """Render the article at a content path; links to what has no known id stay as written.

    Return None where that path is not an article: it is ignored, a translation, or has problems that lint names.

    Raises:
        ContentError: something that it includes cannot be.
    """
    known = _known(config)
    if (expansion := known.tree.expansions.get(path)) and expansion.problems:
        raise ContentError(expansion.problems)
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
    tree = read_tree(files, tree_rules(config))
    content = tree.knowledge
    live = [known for known in newest(lock, ledger).values() if known.state is State.LIVE]
    keys = {known.path: known.key for known in sorted(live, key=lambda known: known.seen_at)}
    keys |= {item.path or "": item.key for item in content.items() if item.id is not None}
    here = content.by_path()
    return _Known(
        tree=tree,
        keys={path: key for path, key in keys.items() if path in here},
        addresses=LinkResolver(config, content.assets),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacements:
    """What the changes of a plan replace on the portal, and what they send instead.

    Attributes:
        assumed: The items that were not read: what they replace is what the ledger has.
        keeps: Whether an update keeps the blocks of a live body that its writer did not change.
        is_whole: Whether every body is rendered anew.
    """

    plan: Plan
    known: Mapping[ItemKey, Baseline]
    paths: Mapping[ItemKey, str]
    addresses: LinkResolver
    assumed: Collection[ItemKey]
    keeps: bool
    is_whole: bool

    def annotated(self, change: Change) -> Change:
        """Return a change whose difference is what it replaces and what it sends, with the blocks that it rewrites."""
        if change.action is Action.CREATE or not change.action.writes_item:
            return replace(change, before=None, after=None)
        if change.desired is None or change.actual is None:
            return change
        reason = "; ".join(filter(None, (change.reason, *self._notes(change))))
        if self._replaces_source(change):
            return replace(change, reason=reason)
        return replace(change, reason=reason, before=None, after=None, diff=tuple(self._lines(change)))

    def bodies(self, change: Change) -> tuple[str, str]:
        """Return the HTML that readers see before and after a change; empty where there is none, or it is not known."""
        old = str(self._replaced(change).get("body") or "") or self._former(change)
        if change.action.is_removal:
            return old, ""
        is_sent = change.action.creates_item or "body" in change.fields
        sent = self._sent(change) if is_sent else None
        return old, sent.html if sent else old

    def _former(self, change: Change) -> str:
        """Return the source at the baseline, rendered, for an article that was not read."""
        known = self.known.get(change.key)
        if known is None or known.source is None or known.kind is not Kind.ARTICLE or change.key not in self.assumed:
            return ""
        with suppress(ContentError):
            body = known.expanded or parse_document(known.source, known.path).body
            return render(Article(title="", body=body, path=known.path), (), self.addresses, self.plan.ids).html
        return ""

    def _notes(self, change: Change) -> tuple[str, ...]:
        """Return which unchanged blocks of its article an update rewrites, or which classes it removes."""
        live = change.actual
        if self.is_whole or "body" not in change.fields or change.action.creates_item or change.baseline_after:
            return ()
        sent = self._sent(change)
        if sent is None or not isinstance(live, Article):
            return ()
        return sent.notes if self._patches(change) else removed_classes(live.body, sent.html)

    def _replaces_source(self, change: Change) -> bool:
        """Return whether the portal has what the source at the baseline says, in all that the change sends."""
        known, live = self.known.get(change.key), change.actual
        if known is None or live is None or known.state is not State.LIVE or self.is_whole:
            return False
        if change.baseline_after is not None or change.before in (None, change.after):
            return change.action is Action.MOVE
        if change.key in self.assumed:
            return True
        now = live_digests(live)
        sent = now.keys() & set(change.fields)
        return all(name in known.content and now[name] == known.live.get(name) for name in sent)

    def _replaced(self, change: Change) -> Mapping[str, FieldValue]:
        known = self.known.get(change.key)
        if change.actual is None or change.key in self.assumed:
            return known.fields if known else {}
        return fields_of(change.actual)

    def _patches(self, change: Change) -> bool:
        known = self.known.get(change.key)
        is_read = change.key not in self.assumed and change.baseline_after is None
        return self.keeps and is_read and patches_body(change, known.origin if known else BaselineOrigin.LIVE)

    def _sent(self, change: Change) -> Rendered | None:
        article, live = change.desired, change.actual
        if not isinstance(article, Article):
            return None
        if change.baseline_after is not None:
            return Rendered(html=article.body, addresses={})
        anchors = self.plan.anchors.get(change.path, frozenset())
        if isinstance(live, Article) and self._patches(change):
            return render_into(live, article, anchors, self.addresses, self.plan.ids)
        return render(article, anchors, self.addresses, self.plan.ids)

    def _lines(self, change: Change) -> Iterator[str]:
        old, new = self._replaced(change), fields_of(change.desired) if change.desired else {}
        # A restored article is sent all that it manages.
        names = list(new) if change.action is Action.RESTORE else change.fields
        yield from field_lines(old, new, [name for name in names if new.get(name) is not None])
        before, sent = old.get("body"), self._sent(change) if "body" in change.fields else None
        if isinstance(before, str) and sent is not None:
            yield from self._body_lines(change.path, before, sent.html)

    def _body_lines(self, path: str, before: str, after: str) -> Iterator[str]:
        """Return a diff of the Markdown that a pull would write; of the HTML where that is the same."""
        versions = (Article(title="", body=html) for html in (before, after))
        old, new = (pulled_body(version, path, self.addresses, self.paths).text.strip() for version in versions)
        if old == new:
            old, new = (html.replace("><", ">\n<") for html in (before, after))
        yield from diff_lines(old, new, context=1)
