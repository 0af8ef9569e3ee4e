"""Where the items of a pull lie in the tree: the names of new files, and what was moved with what it links to.

Works on paths and texts alone; nothing is read but the names in the tree.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from kbsync.agreements import Agreement, Key
from kbsync.change import Action, Change
from kbsync.content.document import parse, replace_body
from kbsync.content.names import file_name, folded
from kbsync.errors import ContentError, Problem
from kbsync.markup.reading.addresses import from_root, to_root
from kbsync.markup.reading.readdressing import readdressed
from kbsync.markup.reading.references import references
from kbsync.model import Article, Category, Folder, Item, Kind, KnowledgeBase, kind_of, parent_path
from kbsync.plan import Plan
from kbsync.versions import Addresses

_STOREY = {Kind.CATEGORY: 0, Kind.FOLDER: 1, Kind.ARTICLE: 2}


class Places:
    """The content paths of what is live, as they will be after a pull.

    `moved` tells for the old path of a file the new one, `lost` are changes that have no place in the tree.
    """

    def __init__(self, plan: Plan, live: KnowledgeBase, present: Collection[str], known: Collection[Key]) -> None:
        self.lost: list[Change] = []
        self._known = known
        self.paths: dict[Key, str] = {(kind_of(path), number): path for path, number in plan.ids.items()}
        self.moved: dict[str, str] = {}
        self._live = live.by_id()
        self._taken: dict[str, set[str]] = {}
        for path in present:
            self._take(path)

    def placed(self, changes: Sequence[Change]) -> list[Change]:
        """Give every change its content path, parents first; one whose parent has no place in the tree is lost."""
        found = []
        for change in sorted(changes, key=self._order):
            path = self._place(change)
            if path is None:
                self.lost.append(change)
            else:
                was = change.path if change.action is Action.MOVE else change.former
                found.append(replace(change, path=path, former=was))
        return found

    def forget(self, change: Change) -> None:
        """Take back the place of an item that is not brought home after all."""
        if change.action is Action.CREATE:
            self.paths.pop((change.kind, change.id or 0), None)
        elif change.action is Action.MOVE and change.former:
            self.paths[change.kind, change.id or 0] = change.former
            self.moved.pop(change.former, None)

    def _place(self, change: Change) -> str | None:
        item = change.desired
        if change.action not in {Action.CREATE, Action.MOVE} or item is None or item.id is None:
            return change.path
        above = "" if isinstance(item, Category) else self._above(item)
        if above is None:
            return None
        path = self._path(change, item, above)
        if change.action is Action.MOVE:
            self.moved[change.path] = path
        self.paths[item.kind, item.id] = path
        return path

    def _path(self, change: Change, item: Item, above: str) -> str:
        """Name a file after its title; one that was there already goes by the name that its writer gave it."""
        taken = self._taken.setdefault(above, set())
        stem = PurePosixPath(change.path).name.removesuffix(".md") if (item.kind, item.id) in self._known else ""
        if not stem or folded(stem) in {folded(name) for name in taken}:
            stem = file_name(item.title if isinstance(item, Article) else item.name, taken)
        taken.add(stem)
        name = f"{stem}.md" if isinstance(item, Article) else stem
        return f"{above}/{name}" if above else name

    def _above(self, item: Folder | Article) -> str | None:
        number = item.parent or 0
        return self.paths.get((Kind.FOLDER, number)) or self.paths.get((Kind.CATEGORY, number))

    def _order(self, change: Change) -> tuple[int, int, int]:
        item = change.desired
        depth = self._depth(item) if isinstance(item, Folder) else 0
        return _STOREY[change.kind], depth, change.id or 0

    def _depth(self, folder: Folder) -> int:
        above = self._live.get((Kind.FOLDER, folder.parent or 0))
        return 1 + self._depth(above) if isinstance(above, Folder) else 0

    def _take(self, path: str) -> None:
        """Mark a name as taken in its directory, with the directories on the way."""
        while path:
            above, _, name = path.rpartition("/")
            self._taken.setdefault(above, set()).add(name.removesuffix(".md"))
            path = above

    def current(self, known: Agreement | None, addresses: Addresses) -> Callable[[str], str]:
        """Give the function that tells where what a source linked to when it was agreed on lies now."""
        sent: Mapping[str, str] = known.addresses if known else {}

        def now(target: str) -> str:
            found = addresses.found(sent[target], self.paths) if target in sent else None
            return found or self.after_moves(target)

        return now

    def after_moves(self, target: str) -> str:
        """Tell where what lies at a path from the root will lie after the pull."""
        path, mark, anchor = target.partition("#")
        return self.moved.get(path, path) + mark + anchor


def relocated(text: str, old: str, new: str, current: Callable[[str], str]) -> str:
    """Write a file that lay at `old` for the place `new`: its links lead to the same, and no other byte changes.

    Raises:
        ContentError: a link stands in a way that cannot be written otherwise.
    """
    body = parse(text, old).body
    written = relocated_body(body, old, new, current)
    return text if written == body else replace_body(text, written, path=new)


def relocated_body(body: str, old: str, new: str, current: Callable[[str], str]) -> str:
    """Write the body of a file that lay at `old` for the place `new`.

    Raises:
        ContentError: a link stands in a way that cannot be written otherwise.
    """

    def change(address: str) -> str:
        target = _rooted(old, address)
        if target is None:
            return address
        now = current(target)
        return address if now == target and parent_path(old) == parent_path(new) else from_root(new, now)

    if all(change(reference.target) == reference.target for reference in references(body)):
        return body
    try:
        return readdressed(body, change)
    except ValueError as error:
        raise ContentError((Problem(path=old, what=f"its links cannot be written anew: {error}"),)) from None


def _rooted(path: str, address: str) -> str | None:
    try:
        return to_root(path, address)
    except ValueError:
        return None
