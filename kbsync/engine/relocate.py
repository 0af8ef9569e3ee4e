"""The paths of the items of a pull: the names of new files, and moved files with their links rewritten.

Works on paths and texts alone; of the tree only the names of its files are used.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from kbsync.baseline import Baseline
from kbsync.change import Action, Change
from kbsync.content.document import parse_document, replace_body
from kbsync.digests import AddressMap
from kbsync.engine.render import rooted
from kbsync.errors import ContentError, Problem
from kbsync.files import file_name, folded
from kbsync.markup.links import code_ranges, from_root, references, rewrite_addresses, split_target
from kbsync.markup.placeholders import find_placeholders
from kbsync.model import Article, Category, Folder, Item, ItemKey, Kind, KnowledgeBase, ancestors, is_under, kind_of
from kbsync.planner.planner import Plan


class Places:
    """The content paths of what is live, as they will be after a pull.

    `moved` maps the old path of a file to the new one, `lost` are changes that have no path in the tree. `own` returns
    kbsync's own form of an address in the file at a path.
    """

    def __init__(
        self,
        plan: Plan,
        live: KnowledgeBase,
        present: Collection[str],
        known: Collection[ItemKey],
        own: Callable[[str, str], str],
    ) -> None:
        self.own = own
        self.lost: list[Change] = []
        self._known = known
        self.paths: dict[ItemKey, str] = {ItemKey(kind_of(path), number): path for path, number in plan.ids.items()}
        self.moved: dict[str, str] = {}
        self._live = live.by_id()
        self._present = present
        self._directories: list[tuple[str, str]] = []
        self._settled: set[ItemKey] = set()
        self._origins: dict[str, str] = {}
        self._taken: dict[str, set[str]] = {}
        for path in present:
            self._take(path)

    def placed(self, changes: Sequence[Change]) -> list[Change]:
        """Return changes with their content paths, parents first; one whose parent has no path in the tree is lost.

        All in a directory moves with it, except for what moves elsewhere by itself.
        """
        found = []
        for change in sorted(changes, key=self._order):
            path = self._place(change)
            if path is None:
                self.lost.append(change)
            else:
                moves = change.action is Action.MOVE or (change.action is not Action.CREATE and path != change.path)
                found.append(replace(change, path=path, former_path=change.path if moves else change.former_path))
        self._move_contents()
        return found

    def before(self, path: str) -> str:
        """Return the path now of the file that the pull leaves at `path`."""
        return self._origins.get(path, path)

    def _move_contents(self) -> None:
        """Note the new path of all that is in directories that move."""
        if self._directories:
            self.paths = {key: self._at(key, path) for key, path in self.paths.items()}
            present = {above for path in self._present for above in (path, *ancestors(path))}
            for path in present - self.moved.keys():
                if (place := self._after(path)) != path:
                    self.moved[path] = place
        self._origins = {place: path for path, place in self.moved.items()}

    def _at(self, key: ItemKey, path: str) -> str:
        return path if key in self._settled else self._after(path)

    def _after(self, path: str) -> str:
        """Return the path of a file that does not move by itself after the moves of directories."""
        for old, new in self._directories:
            if is_under(path, old):
                path = new + path[len(old) :]
        return path

    def forget(self, change: Change) -> None:
        """Undo the path of an item that is not pulled after all."""
        if change.action is Action.CREATE:
            self.paths.pop(change.key, None)
        elif change.action is Action.MOVE and change.former_path:
            self.paths[change.key] = change.former_path
            self._origins.pop(self.moved.pop(change.former_path, ""), None)

    def _place(self, change: Change) -> str | None:
        item = change.desired
        if change.action in {Action.DELETE, Action.FORGET}:
            return change.path
        if not change.action.creates_item or item is None or item.id is None:
            return self._after(change.path)
        above = "" if isinstance(item, Category) else self._above(item)
        if above is None:
            return None
        path = self._path(change, item, above)
        if change.action is Action.MOVE and isinstance(item, Article):
            self.moved[change.path] = path
        elif change.action is Action.MOVE:
            self._move_directory(self._after(change.path), path)
        self.paths[item.key] = path
        self._settled.add(item.key)
        return path

    def _move_directory(self, old: str, new: str) -> None:
        self._directories.append((old, new))
        for path in self._present:
            if (place := self._after(path)).startswith(f"{new}/"):
                self._take(place)

    def _path(self, change: Change, item: Item, above: str) -> str:
        """Return a path named after the title; a file that exists already keeps the name that its writer gave it."""
        taken = self._taken.setdefault(above, set())
        stem = PurePosixPath(change.path).name.removesuffix(".md") if item.key in self._known else ""
        if not stem or folded(stem) in {folded(name) for name in taken}:
            own = stem if isinstance(item, Folder) else ""
            stem = file_name(own or item.label, taken)
        taken.add(stem)
        name = f"{stem}.md" if isinstance(item, Article) else stem
        return f"{above}/{name}" if above else name

    def _above(self, item: Folder | Article) -> str | None:
        keys = (ItemKey(kind, item.parent or 0) for kind in (Kind.FOLDER, Kind.CATEGORY))
        return next((self._at(key, self.paths[key]) for key in keys if key in self.paths), None)

    def _order(self, change: Change) -> tuple[int, int, int]:
        depth = self._depth(change.desired) if isinstance(change.desired, Folder) else 0
        return change.kind.rank, depth, change.id or 0

    def _depth(self, folder: Folder) -> int:
        above = self._live.get(ItemKey(Kind.FOLDER, folder.parent or 0))
        return 1 + self._depth(above) if isinstance(above, Folder) else 0

    def _take(self, path: str) -> None:
        """Mark the names of a file and of the directories above it as taken."""
        while path:
            above, _, name = path.rpartition("/")
            self._taken.setdefault(above, set()).add(name.removesuffix(".md"))
            path = above

    def current(self, known: Baseline | None, addresses: AddressMap) -> Callable[[str], str]:
        """Return the function from a path that a baseline's source linked to, to the path of the same target now."""
        sent: Mapping[str, str] = known.addresses if known else {}

        def now(target: str) -> str:
            found = addresses.path_of(sent[target], self.paths) if target in sent else None
            return found or self.after_moves(target)

        return now

    def after_moves(self, target: str) -> str:
        """Return the path from the root that a path will have after the pull."""
        path, mark, anchor = split_target(target)
        return self.moved.get(path, path) + mark + anchor


def relocated(text: str, old: str, new: str, current: Callable[[str], str], own: Callable[[str, str], str]) -> str:
    """Rewrite a file that moves from `old` to `new`: it links to and includes the same, and no other byte changes.

    Raises:
        ContentError: a link cannot be rewritten.
    """
    body = parse_document(text, old).body
    written = _including(relocated_body(body, old, new, current, own), current)
    return text if written == body else replace_body(text, written, path=new)


def relocated_body(body: str, old: str, new: str, current: Callable[[str], str], own: Callable[[str, str], str]) -> str:
    """Rewrite the body of a file that moves from `old` to `new`.

    Raises:
        ContentError: a link cannot be rewritten.
    """

    def change(address: str) -> str:
        target = rooted(old, own(old, address))
        if target is None or (now := current(target)) == rooted(new, address):
            return address
        if now == target and (old == new or address.startswith("/")):
            return address
        return from_root(new, now)

    if all(change(reference.target) == reference.target for reference in references(body)):
        return body
    try:
        return rewrite_addresses(body, change)
    except ValueError as error:
        raise ContentError((Problem(path=old, message=f"its links cannot be rewritten: {error}"),)) from None


def _including(body: str, current: Callable[[str], str]) -> str:
    if "{%" not in body:
        return body
    pieces, done = [], 0
    for mark in find_placeholders(body, code_ranges(body)):
        if mark.path and not mark.escaped:
            start = body.index(mark.path, body.index("include", mark.start) + len("include"))
            pieces += [body[done:start], current(mark.path)]
            done = start + len(mark.path)
    return "".join(pieces) + body[done:]
