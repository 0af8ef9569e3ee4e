"""Identify which content item is which known item: one assignment over the whole tree.

Pure. It matches content with baselines, never with live items: an equal title only proposes an adoption. Items that
cannot be told apart are a tie, which the plan names; they are neither created nor archived.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, takewhile
from math import ceil, floor
from operator import itemgetter
from typing import Any, TypeVar

from kbsync.baseline import Baseline, State
from kbsync.digests import blob_of
from kbsync.model import Article, ItemKey, Kind, KnowledgeBase, digest, parent_path

_SIMILAR_AT_SAME_PATH = 0.3
_SIMILAR = 0.6

_Rank = tuple[bool, float, bool, int, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """The identified items.

    Attributes:
        known: The key of the baseline of each identified content path.
        ties: The keys of the baselines that fit an unidentified path equally well.
        category_moves: The former path of each folder that now is in another category: the API cannot move it there.
    """

    known: Mapping[str, ItemKey]
    ties: Mapping[str, tuple[ItemKey, ...]] = field(default_factory=dict)
    category_moves: Mapping[str, str] = field(default_factory=dict)


def identify(content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline]) -> Identities:
    """Assign to each item of a tree one baseline at most, the surest matches first."""
    assignment = _Assignment(content, baselines)
    assignment.match_ids()
    assignment.match_paths(lambda article, known: assignment.blobs[article.path or ""] == known.blob)
    assignment.match_sources()
    assignment.match_paths(_is_similar)
    assignment.match_similar()
    # A file with another text is still the article of its path, but not where that article was archived.
    assignment.match_paths(lambda _, known: known.state is not State.ARCHIVED)
    assignment.match_directories()
    return Identities(known=assignment.known, ties=assignment.ties, category_moves=assignment.category_moves)


class _Assignment:
    """The state of one `identify`: what was matched so far, and the baselines that are still free."""

    def __init__(self, content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline]) -> None:
        self.content = content
        self.baselines = baselines
        self.known: dict[str, ItemKey] = {}
        self.ties: dict[str, tuple[ItemKey, ...]] = {}
        self.category_moves: dict[str, str] = {}
        self.items = {item.path: item for item in content.items() if item.path}
        self.free: dict[ItemKey, Baseline] = dict(baselines)
        self.known_blobs = {known.blob for known in baselines.values() if known.kind is Kind.ARTICLE}
        self.blobs = {article.path or "": blob_of(_text(article)) for article in content.articles}

    def take(self, path: str, key: ItemKey) -> None:
        self.known[path] = key
        del self.free[key]

    def open_articles(self) -> dict[str, Article]:
        """Return the articles by path that are neither identified nor tied and have no `id`."""
        return {
            path: article
            for article in self.content.articles
            if (path := article.path) and article.id is None and path not in self.known and path not in self.ties
        }

    def free_articles(self) -> list[Baseline]:
        return [baseline for baseline in self.free.values() if baseline.kind is Kind.ARTICLE]

    def match_ids(self) -> None:
        for path, item in self.items.items():
            if item.id is not None and item.key in self.free:
                self.take(path, item.key)

    def match_paths(self, fits: Callable[[Article, Baseline], bool]) -> None:
        """Match articles with the baselines of their own paths, where these fit."""
        by_path = {baseline.path: baseline for baseline in sorted(self.free_articles(), key=_precedence)}
        for path, article in self.open_articles().items():
            known = by_path.get(path)
            if known is not None and fits(article, known):
                self.take(path, known.key)

    def match_sources(self) -> None:
        """Match equal sources at any path, where only one is possible."""
        # The archived article of a move has the source of its successor: published articles come first.
        for inactive in (False, True):
            old: dict[str, list[Baseline]] = defaultdict(list)
            for baseline in self.free_articles():
                if _is_inactive(baseline) is inactive:
                    old[baseline.blob].append(baseline)
            new = self._by_blob(self.open_articles())
            for blob in old.keys() & new.keys():
                self._match_same_source([known for known in old[blob] if not self._has_edited_file(known)], new[blob])

    def _by_blob(self, paths: Iterable[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            found[self.blobs[path]].append(path)
        return found

    def _has_edited_file(self, known: Baseline) -> bool:
        """Return whether the file of a baseline is at its path, slightly edited: an equal file elsewhere is a copy."""
        item = self.items.get(known.path)
        if not isinstance(item, Article) or known.path in self.known or item.id is not None:
            return False
        return self.blobs[known.path] not in self.known_blobs and _is_similar(item, known)

    def _match_same_source(self, old: list[Baseline], new: list[str]) -> None:
        """Match items of one source by how much of their paths is the same, where that decides."""
        if len(old) == len(new) == 1:
            self.take(new[0], old[0].key)
            return
        ranked = sorted((-_common_names(path, known.path), path, known.key) for known in old for path in new)
        self._take_in_order([(rank, path, key) for rank, path, key in ranked if rank < 0], lambda _: ())

    def match_similar(self) -> None:
        """Match edited files that were renamed or moved, the most similar first, within a folder before across."""
        self._take_in_order(sorted(self._candidates()), self._tie)

    def _take_in_order(
        self,
        ranked: Iterable[tuple[Any, str, ItemKey]],
        resolve: Callable[[list[tuple[Any, str, ItemKey]]], Iterable[tuple[str, ItemKey]]],
    ) -> None:
        """Take the best matches first; `resolve` gets those of one rank that exclude each other, lower ranks do not."""
        closed: set[str | ItemKey] = set()
        for _, group in groupby(ranked, key=itemgetter(0)):
            possible = [
                (rank, path, key)
                for rank, path, key in group
                if path not in self.known and path not in self.ties and key in self.free and not {path, key} & closed
            ]
            claims = Counter(claim for _, path, key in possible for claim in (path, key))
            rivals = [found for found in possible if max(claims[found[1]], claims[found[2]]) > 1]
            for _, path, key in possible:
                if claims[path] == claims[key] == 1:
                    self.take(path, key)
            for path, key in resolve(rivals):
                if path not in self.known and key in self.free:
                    self.take(path, key)
            closed |= {claim for _, path, key in rivals for claim in (path, key)}

    def _tie(self, rivals: list[tuple[Any, str, ItemKey]]) -> list[tuple[str, ItemKey]]:
        """Note what cannot be told apart as ties; return the matches of baselines whose own path still exists."""
        in_place = {key for _, _, key in rivals if self.baselines[key].path in self.items}
        for path in {path for _, path, key in rivals if key not in in_place}:
            self.ties[path] = tuple(sorted({key for _, rival, key in rivals if rival == path and key not in in_place}))
        return [(path, key) for key in sorted(in_place) if (path := self.baselines[key].path) not in self.ties]

    def _candidates(self) -> list[tuple[_Rank, str, ItemKey]]:
        """Return every match that is similar enough, with its rank: see `_rank`."""
        new = self.open_articles()
        old = {known.key: known for known in self.free_articles()}
        sources = {key: known.source for key, known in old.items() if known.source is not None}
        texts = {path: _text(article) for path, article in new.items()}
        found = {(key, path): share for key, path, share in similar_pairs(sources, texts, at_least=_SIMILAR)}
        by_blob = self._by_blob(new)
        for key, known in old.items():
            found |= {(key, path): 1.0 for path in by_blob.get(known.blob, ())}
            if known.path in new and (share := _similarity(new[known.path], known)) >= _SIMILAR_AT_SAME_PATH:
                found[key, known.path] = share
        former_directories, kept_titles = self._former_directories(), self._kept_titles(new)
        return [
            (self._rank(path, old[key], share, former_directories), path, key)
            for (key, path), share in found.items()
            if kept_titles.get(path) in {None, old[key].content.get("title")}
        ]

    def _kept_titles(self, new: Mapping[str, Article]) -> dict[str, str]:
        """Return the digests of titles that are as they were at their path: no baseline of another title fits there."""
        titles = {known.path: known.content.get("title") for known in self.free_articles() if not _is_inactive(known)}
        digests = {path: digest(article.title) for path, article in new.items()}
        return {path: title for path, title in digests.items() if titles.get(path) == title}

    def _rank(self, path: str, known: Baseline, share: float, former_directories: Mapping[str, str]) -> _Rank:
        """Rank a match: the same folder first, then the more similar text, then the more similar path."""
        parent = parent_path(path)
        is_far = parent_path(known.path) not in {parent, former_directories.get(parent, parent)}
        return is_far, -share, path != known.path, -_common_names(path, known.path), _is_inactive(known)

    def _former_directories(self) -> dict[str, str]:
        """Return for each directory the one in which most of its identified items were."""
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for path, key in self.known.items():
            votes[parent_path(path)][parent_path(self.baselines[key].path)] += 1
        return {path: max(sorted(found), key=found.__getitem__) for path, found in votes.items()}

    def match_directories(self) -> None:
        """Match directories by their items, except for folders that now are in another category."""
        _DirectoryAssignment(self).assign()
        categories = [known for known in self.baselines.values() if known.kind is Kind.CATEGORY]
        by_path = {known.path: known.key for known in sorted(categories, key=_precedence)}
        for path, key in list(self.known.items()):
            known = self.baselines[key]
            if known.kind is not Kind.FOLDER or self.items[path].id is not None:
                continue
            if self.known.get(path.partition("/")[0]) != by_path.get(known.path.partition("/")[0]):
                del self.known[path]
                self.free[key] = known
                self.category_moves[path] = known.path


def _text(article: Article) -> str:
    return article.origin.text if article.origin else article.body


def _similarity(article: Article, known: Baseline) -> float:
    """Return how similar a source is to a baseline's; 1 where git no longer has that one."""
    return 1.0 if known.source is None else source_similarity(_text(article), known.source)


def _is_similar(article: Article, known: Baseline) -> bool:
    return _similarity(article, known) >= _SIMILAR


def _is_inactive(baseline: Baseline) -> bool:
    """Return whether a baseline is of an article that kbsync no longer publishes."""
    return baseline.state not in {State.LIVE, State.UNDONE}


def _common_names(path: str, other: str) -> int:
    """Count the names at the end of two paths that are the same."""
    names = zip(reversed(path.split("/")), reversed(other.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], names))


def _precedence(baseline: Baseline) -> tuple[bool, bool, str]:
    """Return a key that sorts baselines of one path so that the one that counts comes last."""
    return baseline.state is State.LIVE, baseline.state is State.UNDONE, baseline.seen_at


class _DirectoryAssignment:
    """Assigns the directories of a tree to free baselines by where the items in them were before."""

    def __init__(self, assignment: _Assignment) -> None:
        items, baselines = assignment.items, assignment.baselines
        self.items, self.baselines, self.known, self.free = items, baselines, assignment.known, assignment.free
        self.take = assignment.take
        self.vanished: dict[tuple[Kind, str], list[Baseline]] = defaultdict(list)
        for baseline in baselines.values():
            if baseline.path not in items:
                self.vanished[baseline.kind, baseline.blob].append(baseline)
        former_paths = {baseline.path for baseline in baselines.values()}
        self.new = Counter(
            (item.kind, blob_of(item.origin.text))
            for path, item in items.items()
            if item.origin is not None and path not in former_paths
        )
        self.votes: dict[str, Counter[ItemKey]] = defaultdict(Counter)
        for child, key in self.known.items():
            self._vote(child, key)
        for child, keys in assignment.ties.items():
            if len({parent_path(baselines[key].path) for key in keys}) == 1:
                self._vote(child, keys[0])

    def assign(self) -> None:
        """Match the directories, the deepest first, since folders are votes for what holds them."""
        for kind in (Kind.FOLDER, Kind.CATEGORY):
            paths = [path for path, item in self.items.items() if item.kind is kind and item.id is None]
            for depth in sorted({path.count("/") for path in paths}, reverse=True):
                level = [path for path in paths if path.count("/") == depth]
                self._assign_level(kind, [path for path in level if path not in self.known])

    def _vote(self, child: str, key: ItemKey) -> None:
        former = self._former_parent(self.baselines[key])
        if former is not None:
            self.votes[parent_path(child)][former] += 1

    def _former_parent(self, known: Baseline) -> ItemKey | None:
        """Return the directory in which an item was: by the id of its live folder, else by its path.

        When a renamed directory is held back, as by a conflict, the items in it have baselines with the new path
        already, and the old path may be another directory's by now. An undone item notes where its file was.
        """
        kinds = (Kind.FOLDER,) if known.kind is Kind.ARTICLE else (Kind.FOLDER, Kind.CATEGORY)
        path = parent_path(known.path)
        parents = [key for kind in kinds if (key := ItemKey(kind, known.parent or 0)) in self.baselines]
        if (noted := known.content.get("parent")) is not None:
            parents = [key for key in self.baselines if key.kind in kinds and digest(key.id) == noted]
        if parents:
            return next((key for key in parents if self.baselines[key].path == path), parents[0])
        at_path = [found for found in self.baselines.values() if found.kind in kinds and found.path == path]
        return max(at_path, key=_precedence).key if at_path else None

    def _assign_level(self, kind: Kind, paths: list[str]) -> None:
        ranked = sorted(
            (-count, path, self.baselines[key].path, key)
            for path in paths
            for key, count in self.votes[path].items()
            if key.kind is kind
        )
        for _, path, former_path, key in ranked:
            if path == former_path:
                self._match(path, key)
        existing = {path for path, key in self._free_by_path(kind).items() if self._is_live(key)}
        for _, path, former_path, key in ranked:
            # A released folder is matched again with what was in it, but not in place of an existing one.
            if key not in self.votes[former_path] and (self._is_live(key) or path not in existing):
                self._match(path, key)
        by_path = self._free_by_path(kind)
        for path in paths:
            if path in by_path:
                self._match(path, by_path[path])
            self._match_index_file(path, kind)

    def _match(self, path: str, key: ItemKey) -> None:
        if path not in self.known and key in self.free:
            self.take(path, key)
            self._vote(path, key)

    def _is_live(self, key: ItemKey) -> bool:
        return self.baselines[key].state is State.LIVE

    def _free_by_path(self, kind: Kind) -> dict[str, ItemKey]:
        free = [known for known in self.free.values() if known.kind is kind]
        return {known.path: known.key for known in sorted(free, key=_precedence)}

    def _match_index_file(self, path: str, kind: Kind) -> None:
        """Match a directory without identified items by its index file, where only one vanished directory had it."""
        item = self.items[path]
        if path in self.known or item.origin is None:
            return
        blob = blob_of(item.origin.text)
        same = [known for known in self.vanished[kind, blob] if known.key in self.free]
        if len(same) == 1 and self.new[kind, blob] == 1:
            self._match(path, same[0].key)


_Old = TypeVar("_Old", bound=Hashable)
_New = TypeVar("_New", bound=Hashable)
_Word = str | tuple[str, int]


def source_similarity(one: str, other: str) -> float:
    """Return the share of the words of two texts that both have, 0 to 1; a repeated word counts each time."""
    mine, theirs = _words(one), _words(other)
    return _share(len(mine & theirs), len(mine), len(theirs))


def similar_pairs(
    old: Mapping[_Old, str], new: Mapping[_New, str], *, at_least: float
) -> Iterator[tuple[_Old, _New, float]]:
    """Return every pair of texts whose similarity reaches a share, in no order.

    Fast for thousands of texts: each one is a number with a bit for each word, and texts whose lengths differ too much
    are not compared.
    """
    shared = frozenset().union(*map(_words, old.values())) & frozenset().union(*map(_words, new.values()))
    bits = {word: number for number, word in enumerate(shared)}
    theirs = sorted(((len(_words(text)), _mask(text, bits), key) for key, text in old.items()), key=itemgetter(0))
    lengths = [length for length, _, _ in theirs]
    for name, text in new.items():
        mine, mask = len(_words(text)), _mask(text, bits)
        first, last = bisect_left(lengths, floor(at_least * mine)), bisect_right(lengths, ceil(mine / at_least))
        for length, other, key in theirs[first:last]:
            share = _share((mask & other).bit_count(), mine, length)
            if share >= at_least:
                yield key, name, share


def _mask(text: str, bits: Mapping[_Word, int]) -> int:
    """Return a text as a number; a word without a bit is in no text of the other side."""
    mask = bytearray(len(bits) // 8 + 1)
    for word in _words(text):
        if word in bits:
            mask[bits[word] >> 3] |= 1 << (bits[word] & 7)
    return int.from_bytes(mask, "little")


def _share(common: int, one: int, other: int) -> float:
    either = one + other - common
    return common / either if either else 1.0


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[_Word]:
    """Return the words of a text, a repeated one with its number, so that sets count it each time."""
    seen: dict[str, int] = {}
    words: set[_Word] = set()
    for word in text.split():
        number = seen.get(word, 0)
        seen[word] = number + 1
        words.add((word, number) if number else word)
    return frozenset(words)
