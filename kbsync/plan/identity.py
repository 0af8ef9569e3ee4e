"""Which content item is which known item: one assignment over the whole tree.

Pure. It pairs content with agreements, never with the portal by guess: a title only proposes an adoption. What cannot
be told apart is a tie, which is named and held back.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath

from kbsync.agreements import Agreement, Key, State
from kbsync.model import Article, Item, Kind, KnowledgeBase, parent_path
from kbsync.versions import blob_of

ALIKE_IN_PLACE = 0.3
ALIKE_ANYWHERE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """What was found: `known` maps a content path to its agreement's key; `ties` maps paths to what they may be."""

    known: Mapping[str, Key]
    ties: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)


def identify(content: KnowledgeBase, agreements: Mapping[Key, Agreement]) -> Identities:
    """Assign the items of a tree to the agreements, each to one at most."""
    assignment = _Assignment(content, agreements)
    assignment.by_pin()
    assignment.by_source()
    assignment.by_path(_alike)
    assignment.by_similarity()
    assignment.by_path(_rewritten_in_place)
    assignment.directories()
    return Identities(known=assignment.known, ties=assignment.ties)


def similarity(article: Article, agreement: Agreement) -> float:
    """Say how much of the words two versions of a source share: 0 to 1; 1 where git no longer has the old one."""
    if agreement.source is None:
        return 1.0
    mine, old = _words(_text(article)), _words(agreement.source)
    either = mine | old
    return sum((mine & old).values()) / sum(either.values()) if either else 1.0


@lru_cache(maxsize=4096)
def _words(text: str) -> Counter[str]:
    return Counter(text.split())


def _text(article: Article) -> str:
    return article.origin.text if article.origin else article.body


def _alike(article: Article, known: Agreement) -> bool:
    return similarity(article, known) >= ALIKE_IN_PLACE


def _rewritten_in_place(_: Article, known: Agreement) -> bool:
    """Take whatever lies where it lay; but a file where an archived article once lay is another article."""
    return known.state is not State.ARCHIVED


def _live_last(agreement: Agreement) -> tuple[bool, str]:
    """Order agreements so that, of several at one path, the one that counts comes last."""
    return agreement.state is State.LIVE, agreement.seen


def _rests(agreement: Agreement) -> bool:
    """Tell whether an agreement is of an article that kbsync no longer publishes."""
    return agreement.state not in {State.LIVE, State.UNDONE}


def _top_of(path: str) -> str:
    return path.partition("/")[0]


class _Assignment:
    """The state of one `identify`: what is still free on either side, and what was paired so far."""

    def __init__(self, content: KnowledgeBase, agreements: Mapping[Key, Agreement]) -> None:
        self.content = content
        self.agreements = agreements
        self.known: dict[str, Key] = {}
        self.ties: dict[str, tuple[Key, ...]] = {}
        self.items: dict[str, Item] = {item.path: item for item in content.items() if item.path}
        self.free: dict[Key, Agreement] = dict(agreements)
        self.blobs = {article.path or "": blob_of(_text(article)) for article in content.articles}

    def take(self, path: str, key: Key) -> None:
        self.known[path] = key
        del self.free[key]

    def open_articles(self) -> Iterable[tuple[str, Article]]:
        return [
            (article.path, article)
            for article in self.content.articles
            if article.path and article.path not in self.known and article.path not in self.ties
        ]

    def free_articles(self) -> list[Agreement]:
        return [agreement for agreement in self.free.values() if agreement.kind is Kind.ARTICLE]

    def by_pin(self) -> None:
        for path, item in self.items.items():
            if item.id is not None and (item.kind, item.id) in self.free:
                self.take(path, (item.kind, item.id))

    def by_source(self) -> None:
        """Pair equal sources: where they lay first, then wherever they lie, where only one can be meant."""
        self.by_path(lambda article, known: self.blobs[article.path or ""] == known.blob)
        # What a move left behind archived has the source of the article that took its place, and must not rival it.
        self._by_equal_source([known for known in self.free_articles() if not _rests(known)])
        self._by_equal_source([known for known in self.free_articles() if _rests(known)])

    def _by_equal_source(self, among: Iterable[Agreement]) -> None:
        old: dict[str, list[Agreement]] = defaultdict(list)
        new: dict[str, list[str]] = defaultdict(list)
        for agreement in among:
            old[agreement.blob].append(agreement)
        for path, article in self.open_articles():
            if article.id is None:
                new[self.blobs[path]].append(path)
        for blob in old.keys() & new.keys():
            self._same_source(old[blob], new[blob])

    def _same_source(self, old: list[Agreement], new: list[str]) -> None:
        """Pair what shares one source: by file name where that decides, else only one with one."""
        for agreement in list(old):
            same_name = [path for path in new if PurePosixPath(path).name == PurePosixPath(agreement.path).name]
            if len(same_name) == 1:
                self.take(same_name[0], agreement.key)
                new.remove(same_name[0])
                old.remove(agreement)
        if len(old) == 1 and len(new) == 1:
            self.take(new[0], old[0].key)
        elif old and new and not any(agreement.path in self.items for agreement in old):
            for path in new:
                self.ties[path] = tuple(agreement.key for agreement in old)

    def by_path(self, fits: Callable[[Article, Agreement], bool]) -> None:
        at = {agreement.path: agreement for agreement in sorted(self.free_articles(), key=_live_last)}
        for path, article in self.open_articles():
            known = at.get(path)
            if known is not None and article.id is None and fits(article, known):
                self.take(path, known.key)

    def by_similarity(self) -> None:
        """Pair edited files that were renamed or moved, the most alike first, within a folder before across."""
        ranked = sorted(self._candidates(), key=lambda found: (found[0], found[1]))
        for rank, path, key in ranked:
            if path in self.known or path in self.ties or key not in self.free:
                continue
            rivals = [r for r in ranked if r[0] == rank and (r[1] == path) != (r[2] == key)]
            if any(rival[1] not in self.known and rival[2] in self.free for rival in rivals):
                self.ties[path] = tuple(sorted({key, *(rival[2] for rival in rivals if rival[1] == path)}))
            else:
                self.take(path, key)

    def _candidates(self) -> list[tuple[tuple[bool, float, bool], str, Key]]:
        """Give every pair that is alike enough, with its rank: near before far, alike before less so, live first."""
        found = []
        for known in self.free_articles():
            if known.source is None or known.path in self.items:
                continue
            for path, article in self.open_articles():
                alike = similarity(article, known)
                if article.id is None and alike >= ALIKE_ANYWHERE:
                    far = parent_path(path) != parent_path(known.path)
                    found.append(((far, -alike, _rests(known)), path, known.key))
        return found

    def directories(self) -> None:
        """Pair directories, deepest first: by path, then a vanished one with the new one that holds what it held."""
        for kind in (Kind.FOLDER, Kind.CATEGORY):
            paths = [path for path, item in self.items.items() if item.kind is kind and self._is_open(path)]
            at = {known.path: key for key, known in self.free.items() if known.kind is kind}
            for path in paths:
                if path in at:
                    self.take(path, at[path])
            for path in sorted(paths, key=lambda path: -path.count("/")):
                heir_of = self._predecessor(path, kind) if self._is_open(path) else None
                if heir_of is not None:
                    self.take(path, heir_of)
        self._keep_within_categories()

    def _is_open(self, path: str) -> bool:
        return path not in self.known and self.items[path].id is None

    def _predecessor(self, path: str, kind: Kind) -> Key | None:
        """Find the vanished directory that most of what lies in this one came from, and that held mostly this."""
        came = Counter(
            parent_path(self.agreements[key].path) for child, key in self.known.items() if parent_path(child) == path
        )
        for old, count in came.most_common(1):
            held = sum(parent_path(known.path) == old for known in self.agreements.values())
            keys = [key for key, known in self.free.items() if known.path == old and known.kind is kind]
            if keys and old not in self.items and count * 2 > held:
                return keys[0]
        return None

    def _keep_within_categories(self) -> None:
        """Let go of folders that now lie in another category: the API cannot take them there."""
        category_at = {known.path: key for key, known in self.agreements.items() if known.kind is Kind.CATEGORY}
        for path, key in list(self.known.items()):
            old = self.agreements[key]
            if old.kind is not Kind.FOLDER or self.items[path].id is not None:
                continue
            if self.known.get(_top_of(path)) != category_at.get(_top_of(old.path)):
                del self.known[path]
                self.free[key] = old
