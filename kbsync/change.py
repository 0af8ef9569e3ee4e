"""Changes, findings and outcomes as values, and the order in which changes are applied. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from kbsync.baseline import Baseline
from kbsync.model import Item, ItemKey, Kind, ancestors, is_under, parent_path


class Action(StrEnum):
    """What a change does to the written side; the value is the word users see."""

    CREATE = "create"
    UPDATE = "update"
    RENAME = "rename"
    MOVE = "move"
    ARCHIVE = "archive"
    RESTORE = "restore"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"

    @property
    def creates_item(self) -> bool:
        """Return whether the item gets a new live id; a moved article does too, since the API cannot move it."""
        return self in {Action.CREATE, Action.MOVE}

    @property
    def is_removal(self) -> bool:
        """Return whether the item is no longer published afterwards."""
        return self in {Action.ARCHIVE, Action.DELETE, Action.FORGET}

    @property
    def writes_item(self) -> bool:
        """Return whether the item itself is written; the other actions only bring its baseline up to date."""
        return self not in {Action.ADOPT, Action.FORGET, Action.RENAME}


class Result(StrEnum):
    """How one change ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change that turns the actual item into the desired one.

    Attributes:
        path: The content path; `former_path` is that of the baseline where it differs.
        fields: The fields that differ.
        reason: One clause for people.
        before: The source at the baseline, for a reviewer to compare with `after`, the source now.
        kept_fields: The fields that the written side has changed too and keeps where it can.
        diff: The lines of the diff, where `before` and `after` are not known.
        leaves_pointer: Whether the old article of a move links to the new one instead of being archived.
        baseline_after: The baseline after an undo, without its live half; `desired` is then an earlier live version,
            its body in HTML.
    """

    action: Action
    kind: Kind
    path: str
    id: int | None = None
    former_path: str | None = None
    fields: tuple[str, ...] = ()
    reason: str = ""
    desired: Item | None = None
    actual: Item | None = None
    before: str | None = None
    after: str | None = None
    kept_fields: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    leaves_pointer: bool = False
    baseline_after: Baseline | None = None

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id or 0)


class FindingKind(StrEnum):
    """Why a plan names an item without changing it."""

    DRIFT = "drift"
    CONFLICT = "conflict"
    UNMANAGED = "unmanaged"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An item that a plan names without changing it.

    `path` is the content path, or for an item that only live has the names from its category down. `ours` and `theirs`
    are the changes of content and live since the baseline as lines of a diff, where they are to be shown.
    """

    finding_kind: FindingKind
    kind: Kind
    path: str
    id: int | None = None
    fields: tuple[str, ...] = ()
    reason: str = ""
    content: Item | None = None
    live: Item | None = None
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one change.

    `live` is the item as the portal last showed it and `seen_at` the portal's own time of that (ISO 8601, UTC);
    `notes` are remarks for people although nothing failed, `unsent` the fields that need a second call, which could
    not be made.
    """

    change: Change
    result: Result
    error: str = ""
    notes: tuple[str, ...] = ()
    live: Item | None = None
    seen_at: str = ""
    unsent: tuple[str, ...] = ()


def in_waves(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> tuple[tuple[Change, ...], ...]:
    """Order changes so that each wave needs only what the waves before it wrote; the changes of a wave may run at once.

    Parents come before their children, new articles before those that link to them (`targets` maps a path to what it
    links to), and removals last, the deepest first. Where new articles link to one another in a cycle, those of
    `cycle_openers` come before what they link to.
    """
    written = [change for change in changes if not _frees_path(change)]
    return (
        *_directory_waves([change for change in written if change.kind is not Kind.ARTICLE]),
        *_article_waves([change for change in written if change.kind is Kind.ARTICLE], targets),
        *_removal_waves([change for change in changes if _frees_path(change)]),
    )


def cycle_openers(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the new articles that are written before something they link to, and so must be written twice."""
    link_to_themselves = {path for path in _new_articles(changes) if path in targets.get(path, ())}
    return _openers(_linked_new_articles(changes, targets)) | link_to_themselves


def select_paths(changes: Sequence[Change], paths: Sequence[str]) -> tuple[Change, ...]:
    """Keep the changes at or below some content paths, with the new directories that they need; without paths all."""
    if not paths:
        return tuple(changes)
    selected = {change.path for change in changes if any(is_under(change.path, path) for path in paths)}
    needed = {parent for path in selected for parent in ancestors(path)}
    return tuple(c for c in changes if c.path in selected or (c.action is Action.CREATE and c.path in needed))


def _frees_path(change: Change) -> bool:
    """Return whether a change is about an item that no longer is at its content path, where another may be."""
    return change.action.is_removal or (change.leaves_pointer and change.action is Action.UPDATE)


def _removal_waves(changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    depths = sorted({change.path.count("/") for change in changes}, reverse=True)
    return [tuple(change for change in changes if change.path.count("/") == depth) for depth in depths]


def _directory_waves(changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    """Order directories: parents first, and a name is freed before another takes it, since no two may have it."""
    freed: dict[tuple[Kind, str], set[str]] = defaultdict(set)
    for change in changes:
        if change.actual is not None and _frees_name(change):
            freed[change.kind, change.actual.label].add(change.path)
    paths = {change.path for change in changes}
    parents = {change.path: set(ancestors(change.path)) & paths for change in changes}
    needs = {path: set(found) for path, found in parents.items()}
    for change in changes:
        needs[change.path] |= freed[change.kind, _label(change.desired)] - {change.path}
    for opener in _openers(needs):
        needs[opener] = parents[opener]
    return _sorted_waves(changes, needs)


def _frees_name(change: Change) -> bool:
    """Return whether a directory frees its name for others: it gets another one, or another parent."""
    is_moved = parent_path(change.path) != parent_path(change.former_path or change.path)
    return is_moved or _label(change.desired) != _label(change.actual)


def _label(item: Item | None) -> str:
    return item.label if item else ""


def _article_waves(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> list[tuple[Change, ...]]:
    needs = _linked_new_articles(changes, targets)
    return _sorted_waves(changes, needs | {opener: set() for opener in _openers(needs)})


def _sorted_waves(changes: Sequence[Change], needs: Mapping[str, set[str]]) -> list[tuple[Change, ...]]:
    # An undo may restore two items at one path: the one that was there, and the one that took its place.
    by_path: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_path[change.path].append(change)
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    waves = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=natural_order)
        waves.append(tuple(change for path in ready for change in by_path[path]))
        sorter.done(*ready)
    return waves


def _linked_new_articles(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Map each changed article's path to the other new articles that it links to."""
    new = _new_articles(changes)
    return {
        change.path: (new & set(targets.get(change.path, ()))) - {change.path}
        for change in changes
        if change.kind is Kind.ARTICLE
    }


def _new_articles(changes: Sequence[Change]) -> set[str]:
    return {change.path for change in changes if change.kind is Kind.ARTICLE and change.action.creates_item}


def _openers(needs: Mapping[str, set[str]]) -> frozenset[str]:
    """Return paths without whose needs the others have an order."""
    left = dict(needs)
    openers = set()
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            openers.add(opener := min(error.args[1]))
            left[opener] = set()
        else:
            return frozenset(openers)


def natural_order(path: str) -> tuple[tuple[str, int], ...]:
    """Return a key that sorts `faq.md` before `faq-2.md` before `faq-10.md`."""
    return tuple(_numbered(part) for part in path.removesuffix(".md").split("/"))


def _numbered(part: str) -> tuple[str, int]:
    name, number = re.fullmatch(r"(.*?)(?:-([0-9]{1,9}))?", part, re.DOTALL).groups()  # type: ignore[union-attr]
    return name, int(number or 0)
