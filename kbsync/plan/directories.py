"""Which directory is which known folder or category, told by what lies in it now and where that lay before.

Pure. It works on what `identity` made out of the articles; a directory is its path only as long as nothing in it says
otherwise.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from kbsync.agreements import Agreement, Key, State
from kbsync.model import Item, Kind, digest, parent_path
from kbsync.versions import blob_of


def live_last(agreement: Agreement) -> tuple[bool, bool, str]:
    """Order agreements so that, of several at one path, the one that counts comes last."""
    return agreement.state is State.LIVE, agreement.state is State.UNDONE, agreement.seen


class Directories:
    """The directories of a tree on their way to the agreements that are still free."""

    def __init__(
        self,
        items: Mapping[str, Item],
        agreements: Mapping[Key, Agreement],
        known: Mapping[str, Key],
        ties: Mapping[str, tuple[Key, ...]],
        take: Callable[[str, Key], None],
    ) -> None:
        self.items = items
        self.agreements = agreements
        self.known = known
        self.take = take
        self.taken = set(known.values())
        self.vanished: dict[tuple[Kind, str], list[Agreement]] = defaultdict(list)
        for agreement in agreements.values():
            if agreement.path not in items:
                self.vanished[agreement.kind, agreement.blob].append(agreement)
        before = {agreement.path for agreement in agreements.values()}
        sources = [item for path, item in items.items() if item.origin is not None and path not in before]
        self.new = Counter((item.kind, blob_of(item.origin.text)) for item in sources if item.origin is not None)
        self.votes: dict[str, Counter[Key]] = defaultdict(Counter)
        for child, key in known.items():
            self._count(child, key)
        for child, keys in ties.items():
            if len({parent_path(agreements[key].path) for key in keys}) == 1:
                self._count(child, keys[0])

    def assign(self) -> None:
        """Pair the directories, deepest first, since what holds folders is told by them."""
        for kind in (Kind.FOLDER, Kind.CATEGORY):
            paths = [path for path, item in self.items.items() if item.kind is kind and item.id is None]
            for depth in sorted({path.count("/") for path in paths}, reverse=True):
                level = [path for path in paths if path.count("/") == depth]
                self._assign_level(kind, [path for path in level if path not in self.known])

    def _count(self, child: str, key: Key) -> None:
        """Note of a directory where one thing that lies in it lay before."""
        home = self._former_home(self.agreements[key])
        if home is not None:
            self.votes[parent_path(child)][home] += 1

    def _former_home(self, known: Agreement) -> Key | None:
        """Give the directory in which something lay: its live folder tells, where its file is ahead of that.

        Of a renamed directory that is held back, as by a conflict, the new paths of what lies in it are known already,
        and the path that it had may be another's by now. What was undone notes where its file lay.
        """
        kinds = (Kind.FOLDER,) if known.kind is Kind.ARTICLE else (Kind.FOLDER, Kind.CATEGORY)
        written = parent_path(known.path)
        homes = [(kind, known.parent or 0) for kind in kinds if (kind, known.parent) in self.agreements]
        if (noted := known.content.get("parent")) is not None:
            homes = [key for key in self.agreements if key[0] in kinds and digest(key[1]) == noted]
        if homes:
            return next((key for key in homes if self.agreements[key].path == written), homes[0])
        there = [found for found in self.agreements.values() if found.kind in kinds and found.path == written]
        return max(there, key=live_last).key if there else None

    def _assign_level(self, kind: Kind, paths: list[str]) -> None:
        ranked = sorted(
            (-count, path, self.agreements[key].path, key)
            for path in paths
            for key, count in self.votes[path].items()
            if key[0] is kind
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

    def _pair(self, path: str, key: Key) -> None:
        if path not in self.known and key not in self.taken:
            self.taken.add(key)
            self.take(path, key)
            self._count(path, key)

    def _is_live(self, key: Key) -> bool:
        return self.agreements[key].state is State.LIVE

    def _free_by_path(self, kind: Kind) -> dict[str, Key]:
        free = [known for key, known in self.agreements.items() if known.kind is kind and key not in self.taken]
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
