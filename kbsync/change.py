"""Changes, findings and outcomes as values, and the order in which changes are applied. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from heapq import heapify, heappop, heappush

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
        edited_at: When the web edit that it replaces was saved (ISO 8601), where there is one.
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
    edited_at: str | None = None
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
    are the changes of content and live since the baseline as lines of a diff, where they are to be shown. `edited_at`
    is when the web edit that it is about was saved.
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
    edited_at: str | None = None

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one change.

    `live` is the item as the portal last showed it and `seen_at` the portal's own time of that (ISO 8601, UTC);
    `notes` are remarks for people although nothing failed, `unsent` the fields that need a second call, which could
    not be made. `refused`: the portal will not take it as it is, however often it is sent.
    """

    change: Change
    result: Result
    error: str = ""
    notes: tuple[str, ...] = ()
    live: Item | None = None
    seen_at: str = ""
    unsent: tuple[str, ...] = ()
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One write of a change; `completes`: the second one of an article in a cycle of links."""

    change: Change
    completes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOrder:
    """Steps in an order in which they can be made; `needs` are for each the indexes of those that must be done first.

    Steps that do not need one another may be made at the same time.
    """

    steps: tuple[Step, ...]
    needs: tuple[frozenset[int], ...]


def write_order(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> tuple[WriteOrder, WriteOrder]:
    """Order what is written, and then the removals, which come after all of it.

    Parents come before their children, new articles before those that link to them (`targets` maps a path to what it
    links to), and in removals the deepest first. Where new articles link to one another in a cycle, those of
    `cycle_openers` come before what they link to, and are completed after it. What has no such need is in the order of
    its path, since portals list articles as they were created.
    """
    written = [change for change in changes if not _frees_path(change)]
    removed = [change for change in changes if _frees_path(change)]
    directories = [change for change in written if change.kind is not Kind.ARTICLE]
    articles = [change for change in written if change.kind is Kind.ARTICLE]
    openers, links = cycle_openers(changes, targets), _linked_new_articles(articles, targets)
    first = _openers(links)
    changed_directories = {change.path for change in directories}
    needs = _directory_needs(directories)
    for path, linked in links.items():
        needs[path] = (set() if path in first else linked) | (changed_directories & set(ancestors(path)))
    steps = [Step(change=change) for change in written]
    completions = [Step(change=change, completes=True) for change in articles if change.path in openers]
    return (
        _sorted_steps([*steps, *completions], needs, links),
        _sorted_steps([Step(change=change) for change in removed], _removal_needs(removed), {}),
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


def _removal_needs(changes: Sequence[Change]) -> dict[str, set[str]]:
    """Map each removed directory to what is removed below it."""
    needs: dict[str, set[str]] = {change.path: set() for change in changes}
    for change in changes:
        for above in needs.keys() & set(ancestors(change.path)):
            needs[above].add(change.path)
    return needs


def _directory_needs(changes: Sequence[Change]) -> dict[str, set[str]]:
    """Map each directory to its parents, and to what frees a name that it takes, since no two may have it."""
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
    return needs


def _frees_name(change: Change) -> bool:
    """Return whether a directory frees its name for others: it gets another one, or another parent."""
    is_moved = parent_path(change.path) != parent_path(change.former_path or change.path)
    return is_moved or _label(change.desired) != _label(change.actual)


def _label(item: Item | None) -> str:
    return item.label if item else ""


def _sorted_steps(
    steps: Sequence[Step], needs: Mapping[str, set[str]], completing: Mapping[str, set[str]]
) -> WriteOrder:
    """Sort steps by what they need, then by path. An undo may restore two items at one path."""
    by_path: dict[str, list[int]] = defaultdict(list)
    for number, step in enumerate(steps):
        if not step.completes:
            by_path[step.change.path].append(number)

    def needed_paths(step: Step) -> set[str]:
        path = step.change.path
        return {path, *completing[path]} if step.completes else needs[path]

    before = [{number for path in needed_paths(step) for number in by_path[path]} for step in steps]
    order = _topological(before, [natural_order(step.change.path) for step in steps])
    place = {number: index for index, number in enumerate(order)}
    return WriteOrder(
        steps=tuple(steps[number] for number in order),
        needs=tuple(frozenset(place[needed] for needed in before[number]) for number in order),
    )


def _topological(needs: Sequence[set[int]], preference: Sequence[tuple[tuple[str, int], ...]]) -> list[int]:
    """Return the numbers of `needs` in an order that has each after those it needs, else as preferred."""
    sorter = TopologicalSorter(dict(enumerate(needs)))
    sorter.prepare()
    ready: list[tuple[tuple[tuple[str, int], ...], int]] = []
    order = []
    while sorter.is_active():
        for number in sorter.get_ready():
            heappush(ready, (preference[number], number))
        number = heappop(ready)[1]
        order.append(number)
        sorter.done(number)
    return order


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
    """Return few paths without whose needs the others have an order: a small feedback vertex set, in near linear time.

    What is on no cycle is taken away again and again; then, of what is left, the path that is most on both sides.
    """
    needed = {path: {other for other in found if other in needs} for path, found in needs.items()}
    needing: dict[str, set[str]] = {path: set() for path in needed}
    for path, found in needed.items():
        for other in found:
            needing[other].add(path)
    openers = set[str]()
    heap = [(-len(needed[path]) * len(needing[path]), path) for path in needed]
    heapify(heap)
    free = [path for weight, path in heap if not weight]

    def remove(path: str) -> None:
        for others, own in ((needing, needed), (needed, needing)):
            for other in own.pop(path):
                others[other].discard(path)
                weight = len(needed[other]) * len(needing[other])
                heappush(heap, (-weight, other)) if weight else free.append(other)

    while heap:
        while free:
            if (path := free.pop()) in needed:
                remove(path)
        weight, path = heappop(heap)
        if path in needed and -weight == len(needed[path]) * len(needing[path]):
            openers.add(path)
            remove(path)
    return frozenset(openers)


def natural_order(path: str) -> tuple[tuple[str, int], ...]:
    """Return a key that sorts `faq.md` before `faq-2.md` before `faq-10.md`."""
    return tuple(_numbered(part) for part in path.removesuffix(".md").split("/"))


def _numbered(part: str) -> tuple[str, int]:
    name, number = re.fullmatch(r"(.*?)(?:-([0-9]{1,9}))?", part, re.DOTALL).groups()  # type: ignore[union-attr]
    return name, int(number or 0)
