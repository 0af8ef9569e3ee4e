"""Which content item is which known item: one assignment over the whole tree.

Pure. It pairs content with baselines, never with the portal by guess: a title only proposes an adoption. What cannot
be told apart is a tie, which is named and held back.
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
from kbsync.model import Article, Item, ItemKey, Kind, KnowledgeBase, digest, parent_path


def live_last(baseline: Baseline) -> tuple[bool, bool, str]:
    """Order baselines so that, of several at one path, the one that counts comes last."""
    return baseline.state is State.LIVE, baseline.state is State.UNDONE, baseline.seen_at


class Directories:
    """The directories of a tree on their way to the baselines that are still free."""

    def __init__(
        self,
        items: Mapping[str, Item],
        baselines: Mapping[ItemKey, Baseline],
        known: Mapping[str, ItemKey],
        ties: Mapping[str, tuple[ItemKey, ...]],
        take: Callable[[str, ItemKey], None],
    ) -> None:
        self.items = items
        self.baselines = baselines
        self.known = known
        self.take = take
        self.taken = set(known.values())
        self.vanished: dict[tuple[Kind, str], list[Baseline]] = defaultdict(list)
        for baseline in baselines.values():
            if baseline.path not in items:
                self.vanished[baseline.kind, baseline.blob].append(baseline)
        before = {baseline.path for baseline in baselines.values()}
        sources = [item for path, item in items.items() if item.origin is not None and path not in before]
        self.new = Counter((item.kind, blob_of(item.origin.text)) for item in sources if item.origin is not None)
        self.votes: dict[str, Counter[ItemKey]] = defaultdict(Counter)
        for child, key in known.items():
            self._count(child, key)
        for child, keys in ties.items():
            if len({parent_path(baselines[key].path) for key in keys}) == 1:
                self._count(child, keys[0])

    def assign(self) -> None:
        """Pair the directories, deepest first, since what holds folders is told by them."""
        for kind in (Kind.FOLDER, Kind.CATEGORY):
            paths = [path for path, item in self.items.items() if item.kind is kind and item.id is None]
            for depth in sorted({path.count("/") for path in paths}, reverse=True):
                level = [path for path in paths if path.count("/") == depth]
                self._assign_level(kind, [path for path in level if path not in self.known])

    def _count(self, child: str, key: ItemKey) -> None:
        """Note of a directory where one thing that lies in it lay before."""
        home = self._former_home(self.baselines[key])
        if home is not None:
            self.votes[parent_path(child)][home] += 1

    def _former_home(self, known: Baseline) -> ItemKey | None:
        """Return the directory in which something lay: its live folder tells, where its file is ahead of that.

        Of a renamed directory that is held back, as by a conflict, the new paths of what lies in it are known already,
        and the path that it had may be another's by now. What was undone notes where its file lay.
        """
        kinds = (Kind.FOLDER,) if known.kind is Kind.ARTICLE else (Kind.FOLDER, Kind.CATEGORY)
        written = parent_path(known.path)
        homes = [key for kind in kinds if (key := ItemKey(kind, known.parent or 0)) in self.baselines]
        if (noted := known.content.get("parent")) is not None:
            homes = [key for key in self.baselines if key.kind in kinds and digest(key.id) == noted]
        if homes:
            return next((key for key in homes if self.baselines[key].path == written), homes[0])
        there = [found for found in self.baselines.values() if found.kind in kinds and found.path == written]
        return max(there, key=live_last).key if there else None

    def _assign_level(self, kind: Kind, paths: list[str]) -> None:
        ranked = sorted(
            (-count, path, self.baselines[key].path, key)
            for path in paths
            for key, count in self.votes[path].items()
            if key.kind is kind
        )
        for _, path, old, key in ranked:
            if path == old:
                self._pair(path, key)
        standing = {path for path, key in self._free_by_path(kind).items() if self._is_live(key)}
        for _, path, old, key in ranked:
            # What was let go comes back with what lay in it, but not in place of a folder that stands there.
            if key not in self.votes[old] and (self._is_live(key) or path not in standing):
                self._pair(path, key)
        at = self._free_by_path(kind)
        for path in paths:
            if path in at:
                self._pair(path, at[path])
            self._by_index(path, kind)

    def _pair(self, path: str, key: ItemKey) -> None:
        if path not in self.known and key not in self.taken:
            self.taken.add(key)
            self.take(path, key)
            self._count(path, key)

    def _is_live(self, key: ItemKey) -> bool:
        return self.baselines[key].state is State.LIVE

    def _free_by_path(self, kind: Kind) -> dict[str, ItemKey]:
        free = [known for key, known in self.baselines.items() if known.kind is kind and key not in self.taken]
        return {known.path: known.key for known in sorted(free, key=live_last)}

    def _by_index(self, path: str, kind: Kind) -> None:
        """Know a directory that holds nothing known by its index file, where only one vanished one can be meant."""
        item = self.items[path]
        if path in self.known or item.origin is None:
            return
        blob = blob_of(item.origin.text)
        same = [known for known in self.vanished[kind, blob] if known.key not in self.taken]
        if len(same) == 1 and self.new[kind, blob] == 1:
            self._pair(path, same[0].key)


_Old = TypeVar("_Old", bound=Hashable)
_New = TypeVar("_New", bound=Hashable)
_Word = str | tuple[str, int]


def similarity_of(one: str, other: str) -> float:
    """Return how much of the words that two texts hold between them both have: 0 to 1; a word counts as often as it is."""
    mine, theirs = _words(one), _words(other)
    return _share(len(mine & theirs), len(mine), len(theirs))


def similar_pairs(
    old: Mapping[_Old, str], new: Mapping[_New, str], *, at_least: float
) -> Iterator[tuple[_Old, _New, float]]:
    """Return every pair of texts whose likeness reaches a share, in no order.

    Thousands of pairs are compared in the time of one the plain way: each text is a number with a bit for each word,
    and texts of too different lengths meet no comparison at all.
    """
    shared = _all_words(old.values()) & _all_words(new.values())
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


def _all_words(texts: Iterable[str]) -> frozenset[_Word]:
    return frozenset(word for text in texts for word in _words(text))


def _mask(text: str, bits: Mapping[_Word, int]) -> int:
    """Write a text as a number; a word that has no bit is in no text of the other side."""
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
    """Return the words of a text, the second of a kind told from the first, so that sets count as often as words do."""
    seen: dict[str, int] = {}
    words: set[_Word] = set()
    for word in text.split():
        number = seen.get(word, 0)
        seen[word] = number + 1
        words.add((word, number) if number else word)
    return frozenset(words)


ALIKE_IN_PLACE = 0.3
ALIKE_ANYWHERE = 0.6

Rank = tuple[bool, float, bool, int, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """What was found: `known` maps a content path to its baseline's key; `ties` maps paths to what they may be.

    `uprooted` maps directories that lie in another category now, where the API takes no folder, to where they lay.
    """

    known: Mapping[str, ItemKey]
    ties: Mapping[str, tuple[ItemKey, ...]] = field(default_factory=dict)
    category_moves: Mapping[str, str] = field(default_factory=dict)


def identify(content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline]) -> Identities:
    """Assign the items of a tree to the baselines, each to one at most."""
    assignment = _Assignment(content, baselines)
    assignment.by_pin()
    assignment.by_path(assignment.is_same_source)
    assignment.by_source()
    assignment.by_path(_hardly_changed)
    assignment.by_similarity()
    assignment.by_path(_rewritten_in_place)
    assignment.directories()
    return Identities(known=assignment.known, ties=assignment.ties, category_moves=assignment.uprooted)


def similarity(article: Article, baseline: Baseline) -> float:
    """Return how much of the words two versions of a source share: 0 to 1; 1 where git no longer has the old one."""
    return 1.0 if baseline.source is None else similarity_of(_text(article), baseline.source)


def _text(article: Article) -> str:
    return article.origin.text if article.origin else article.body


def _hardly_changed(article: Article, known: Baseline) -> bool:
    return similarity(article, known) >= ALIKE_ANYWHERE


def _rewritten_in_place(_: Article, known: Baseline) -> bool:
    """Take whatever lies where it lay; but a file where an archived article once lay is another article."""
    return known.state is not State.ARCHIVED


def _rests(baseline: Baseline) -> bool:
    """Return whether a baseline is of an article that kbsync no longer publishes."""
    return baseline.state not in {State.LIVE, State.UNDONE}


def _top_of(path: str) -> str:
    return path.partition("/")[0]


def _common_end(path: str, other: str) -> int:
    """Count the names that two paths end in alike."""
    names = zip(reversed(path.split("/")), reversed(other.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], names))


class _Assignment:
    """The state of one `identify`: what is still free on either side, and what was paired so far."""

    def __init__(self, content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline]) -> None:
        self.content = content
        self.baselines = baselines
        self.known: dict[str, ItemKey] = {}
        self.ties: dict[str, tuple[ItemKey, ...]] = {}
        self.uprooted: dict[str, str] = {}
        self.items: dict[str, Item] = {item.path: item for item in content.items() if item.path}
        self.free: dict[ItemKey, Baseline] = dict(baselines)
        self.sources = {known.blob for known in baselines.values() if known.kind is Kind.ARTICLE}
        self.blobs = {article.path or "": blob_of(_text(article)) for article in content.articles}

    def take(self, path: str, key: ItemKey) -> None:
        self.known[path] = key
        del self.free[key]

    def open_articles(self) -> Iterable[tuple[str, Article]]:
        return [
            (article.path, article)
            for article in self.content.articles
            if article.path and article.path not in self.known and article.path not in self.ties
        ]

    def free_articles(self) -> list[Baseline]:
        return [baseline for baseline in self.free.values() if baseline.kind is Kind.ARTICLE]

    def by_pin(self) -> None:
        for path, item in self.items.items():
            if item.id is not None and item.key in self.free:
                self.take(path, item.key)

    def is_same_source(self, article: Article, known: Baseline) -> bool:
        """Return whether a file says, byte for byte, what a baseline was made with."""
        return self.blobs[article.path or ""] == known.blob

    def by_source(self) -> None:
        """Pair equal sources wherever they lie, where only one can be meant."""
        # What a move left behind archived has the source of the article that took its place, and must not rival it.
        for resting in (False, True):
            among = [known for known in self.free_articles() if _rests(known) is resting]
            old: dict[str, list[Baseline]] = defaultdict(list)
            for baseline in among:
                old[baseline.blob].append(baseline)
            new: dict[str, list[str]] = defaultdict(list)
            for path, article in self.open_articles():
                if article.id is None:
                    new[self.blobs[path]].append(path)
            for blob in old.keys() & new.keys():
                self._same_source([known for known in old[blob] if not self._is_still_there(known)], new[blob])

    def _is_still_there(self, known: Baseline) -> bool:
        """Return whether the file of a baseline is where it was, hardly changed: then what equals it is a copy."""
        item = self.items.get(known.path)
        if not isinstance(item, Article) or known.path in self.known or item.id is not None:
            return False
        return self.blobs[known.path] not in self.sources and _hardly_changed(item, known)

    def _same_source(self, old: list[Baseline], new: list[str]) -> None:
        """Pair what shares one source by how much of the path is the same, where that decides."""
        if len(old) == len(new) == 1:
            self.take(new[0], old[0].key)
            return
        ranked = sorted((-_common_end(path, known.path), path, known.key) for known in old for path in new)
        self._take_in_order([(rank, path, key) for rank, path, key in ranked if rank < 0], self._leave)

    def by_path(self, fits: Callable[[Article, Baseline], bool]) -> None:
        """Pair what lies where it lay, where it fits."""
        at = {baseline.path: baseline for baseline in sorted(self.free_articles(), key=live_last)}
        for path, article in self.open_articles():
            known = at.get(path)
            if known is not None and article.id is None and fits(article, known):
                self.take(path, known.key)

    def by_similarity(self) -> None:
        """Pair edited files that were renamed or moved, the most alike first, within a folder before across."""
        self._take_in_order(sorted(self._candidates()), self._tie)

    def _take_in_order(
        self,
        ranked: Iterable[tuple[Any, str, ItemKey]],
        undecided: Callable[[list[tuple[Any, str, ItemKey]]], Iterable[tuple[str, ItemKey]]],
    ) -> None:
        """Pair the best first; what several rival for at one rank is left to `undecided`, and no lower rank has it."""
        closed: set[str | ItemKey] = set()
        for _, group in groupby(ranked, key=lambda found: found[0]):
            standing = [
                found
                for found in group
                if found[1] not in self.known
                and found[1] not in self.ties
                and found[2] in self.free
                and not {found[1], found[2]} & closed
            ]
            claims = Counter(claim for _, path, key in standing for claim in (path, key))
            rivals = [found for found in standing if max(claims[found[1]], claims[found[2]]) > 1]
            for _, path, key in standing:
                if claims[path] == claims[key] == 1:
                    self.take(path, key)
            for path, key in undecided(rivals):
                if path not in self.known and key in self.free:
                    self.take(path, key)
            closed |= {claim for _, path, key in rivals for claim in (path, key)}

    def _leave(self, _: object) -> tuple[()]:
        return ()

    def _tie(self, rivals: list[tuple[Any, str, ItemKey]]) -> list[tuple[str, ItemKey]]:
        """Hold back what cannot be told apart, but for what may as well be what still lies in its place."""
        at_home = {key for _, _, key in rivals if self.baselines[key].path in self.items}
        for path in {path for _, path, key in rivals if key not in at_home}:
            self.ties[path] = tuple(sorted({key for _, rival, key in rivals if rival == path and key not in at_home}))
        open_paths = {path for path, _ in self.open_articles()}
        homes = ((self.baselines[key].path, key) for key in sorted(at_home))
        return [(path, key) for path, key in homes if path in open_paths]

    def _candidates(self) -> list[tuple[Rank, str, ItemKey]]:
        """Return every pair that is alike enough, with its rank: near before far, alike before less so, live first."""
        new = {path: article for path, article in self.open_articles() if article.id is None}
        old = {known.key: known for known in self.free_articles()}
        texts = {path: _text(article) for path, article in new.items()}
        found = {
            (key, path): alike
            for key, path, alike in similar_pairs(
                {key: known.source for key, known in old.items() if known.source is not None},
                texts,
                at_least=ALIKE_ANYWHERE,
            )
        }
        by_blob: dict[str, list[str]] = defaultdict(list)
        for path in new:
            by_blob[self.blobs[path]].append(path)
        for key, known in old.items():
            found |= {(key, path): 1.0 for path in by_blob.get(known.blob, ())}
            if known.path in new and (alike := similarity(new[known.path], known)) >= ALIKE_IN_PLACE:
                found[key, known.path] = alike
        came_from, staying = self._origins(), self._staying(new)
        return [
            (self._rank(path, old[key], alike, came_from), path, key)
            for (key, path), alike in found.items()
            if staying.get(path) in {None, old[key].content.get("title")}
        ]

    def _staying(self, new: Mapping[str, Article]) -> dict[str, str]:
        """Return the digests of titles of what kept its place and its title: none of another title takes its place."""
        titles = {known.path: known.content.get("title") for known in self.free_articles() if not _rests(known)}
        named = {path: digest(article.title) for path, article in new.items()}
        return {path: title for path, title in named.items() if titles.get(path) == title}

    def _rank(self, path: str, known: Baseline, alike: float, came_from: Mapping[str, str]) -> Rank:
        above = parent_path(path)
        is_far = parent_path(known.path) not in {above, came_from.get(above, above)}
        return is_far, -alike, path != known.path, -_common_end(path, known.path), _rests(known)

    def _origins(self) -> dict[str, str]:
        """Tell for each directory where most of what is already known in it lay before."""
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for path, key in self.known.items():
            votes[parent_path(path)][parent_path(self.baselines[key].path)] += 1
        return {path: max(sorted(found), key=found.__getitem__) for path, found in votes.items()}

    def directories(self) -> None:
        """Pair directories by what lies in them; then let go of those that the API cannot take where they are."""
        Directories(self.items, self.baselines, self.known, self.ties, self.take).assign()
        self._keep_within_categories()

    def _keep_within_categories(self) -> None:
        """Let go of folders that now lie in another category: the API cannot take them there."""
        categories = [known for known in self.baselines.values() if known.kind is Kind.CATEGORY]
        category_at = {known.path: known.key for known in sorted(categories, key=live_last)}
        for path, key in list(self.known.items()):
            old = self.baselines[key]
            if old.kind is not Kind.FOLDER or self.items[path].id is not None:
                continue
            if self.known.get(_top_of(path)) != category_at.get(_top_of(old.path)):
                del self.known[path]
                self.free[key] = old
                self.uprooted[path] = old.path
