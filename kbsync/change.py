"""What a run would do and what became of it, as values; and the order in which changes are applied. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from kbsync.baseline import Baseline
from kbsync.model import Article, Item, ItemKey, Kind, ancestors, parent_path


class Action(StrEnum):
    """What a change does to the side that is written; the value is the word users see."""

    CREATE = "create"
    UPDATE = "update"
    RENAME = "rename"
    MOVE = "move"
    ARCHIVE = "archive"
    RESTORE = "restore"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"


class Result(StrEnum):
    """How one change ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item's step from what is actual to what is desired.

    `path` is the item's content path, `former` the one it had at the baseline where that differs, `id` its live id
    where it has one, `fields` what differs, `reason` one clause for people; `before` and `after` are the sources that a
    reviewer compares, where there are any, `ours` the fields that the written side has changed too, and is to keep so
    where it can, and `diff` the lines that differ where only these are at hand. `points`
    tells of a move that the old article is to link to the new one instead of being archived. Where a
    former live version is put back, `desired` is that version, its body in HTML, and `leaves` the baseline that this
    ends in, but for its live half.
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
    """Why a plan names something that it leaves alone."""

    DRIFT = "drift"
    CONFLICT = "conflict"
    UNMANAGED = "unmanaged"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a plan names and leaves alone.

    `path` is the content path, or for what no content knows the names that lead to it on the portal. `ours` and
    `theirs` are what content and live did since the baseline, as lines of a diff, where that is to be shown.
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
    """What became of one change.

    `live` is the item as the portal last showed it and `seen_at` the portal's own time of that (ISO 8601, UTC);
    `notes` are things a person should know although nothing failed, `unsent` the fields that were to be set with
    another call than the rest, which could not be made.
    """

    change: Change
    result: Result
    error: str = ""
    notes: tuple[str, ...] = ()
    live: Item | None = None
    seen_at: str = ""
    unsent: tuple[str, ...] = ()


def in_waves(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> tuple[tuple[Change, ...], ...]:
    """Order changes so that each wave needs only what the waves before it made; one wave may run side by side.

    Parents come before what they hold, new articles before those that link to them (`targets` maps a path to what it
    links to), and removals last, the deepest first. Where new articles link to one another in a circle, the articles
    that `cycle_openers` names come before what they link to.
    """
    made = [change for change in changes if not _leaves(change)]
    gone = [change for change in changes if _leaves(change)]
    directories = [change for change in made if change.kind is not Kind.ARTICLE]
    articles = [change for change in made if change.kind is Kind.ARTICLE]
    return (
        *_by_names(directories),
        *_by_links(articles, targets),
        *_by_depth(gone, deepest_first=True),
    )


def cycle_openers(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the new articles that must be written before something they link to, be it themselves, and so twice."""
    new = _new_articles(changes)
    return _first_of_circles(_needs(changes, targets)) | {path for path in new if path in targets.get(path, ())}


def select_paths(changes: Sequence[Change], paths: Sequence[str]) -> tuple[Change, ...]:
    """Keep the changes at or below some content paths, with the new directories that they need; all if none is."""
    if not paths:
        return tuple(changes)
    asked = {c.path for c in changes if any(c.path == path or c.path.startswith(f"{path}/") for path in paths)}
    needed = {above for path in asked for above in ancestors(path)}
    return tuple(c for c in changes if c.path in asked or (c.action is Action.CREATE and c.path in needed))


_REMOVALS = {Action.ARCHIVE, Action.DELETE, Action.FORGET}
_MADE_ANEW = {Action.CREATE, Action.MOVE}


def _leaves(change: Change) -> bool:
    """Return whether a change is about what no longer lies at its content path, where another may."""
    return change.action in _REMOVALS or (change.leaves_pointer and change.action is Action.UPDATE)


def _by_depth(changes: Sequence[Change], *, deepest_first: bool) -> list[tuple[Change, ...]]:
    levels: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        levels[change.path.count("/")].append(change)
    return [tuple(levels[depth]) for depth in sorted(levels, reverse=deepest_first)]


def _by_names(changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    """Order directories: what holds another first, and a name let go before it is taken, since no two may have it."""
    holders: dict[tuple[Kind, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.actual is not None and _lets_go(change):
            holders[change.kind, _name(change.actual)].append(change)
    above: dict[str, set[str]] = {c.path: set(ancestors(c.path)) for c in changes}
    needs = {c.path: above[c.path] & above.keys() for c in changes}
    for change in changes:
        needs[change.path] |= {other.path for other in holders[change.kind, _name(change.desired)]} - {change.path}
    for opener in _first_of_circles(needs):
        needs[opener] = above[opener] & above.keys()
    return _sorted_waves(changes, needs)


def _lets_go(change: Change) -> bool:
    """Return whether a directory leaves its name to others: by taking another one, or by going elsewhere with it."""
    is_renamed = _name(change.desired) != _name(change.actual)
    return is_renamed or parent_path(change.path) != parent_path(change.former_path or change.path)


def _name(item: Item | None) -> str:
    return "" if item is None or isinstance(item, Article) else item.name


def _sorted_waves(changes: Sequence[Change], needs: Mapping[str, set[str]]) -> list[tuple[Change, ...]]:
    # An undo may put two items back in one place: what lay there, and what took it.
    at: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        at[change.path].append(change)
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    waves = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=natural_order)
        waves.append(tuple(change for path in ready for change in at[path]))
        sorter.done(*ready)
    return waves


def _by_links(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> list[tuple[Change, ...]]:
    needs = _needs(changes, targets)
    for opener in _first_of_circles(needs):
        needs[opener] = set()
    return _sorted_waves(changes, needs)


def _needs(changes: Sequence[Change], targets: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Tell for each article's path which of the new articles it links to."""
    new = _new_articles(changes)
    return {
        change.path: {path for path in targets.get(change.path, ()) if path in new and path != change.path}
        for change in changes
        if change.kind is Kind.ARTICLE
    }


def _new_articles(changes: Sequence[Change]) -> set[str]:
    return {change.path for change in changes if change.kind is Kind.ARTICLE and change.action in _MADE_ANEW}


def _first_of_circles(needs: Mapping[str, set[str]]) -> frozenset[str]:
    """Name articles without whose needs the others have an order."""
    left = dict(needs)
    openers = set()
    while (circle := _a_circle(left)) is not None:
        opener = min(circle)
        openers.add(opener)
        left[opener] = set()
    return frozenset(openers)


def _a_circle(needs: Mapping[str, set[str]]) -> list[str] | None:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def natural_order(path: str) -> tuple[tuple[str, int], ...]:
    """Order paths as people do: `faq.md` before `faq-2.md` before `faq-10.md`."""
    return tuple(_numbered(part) for part in path.removesuffix(".md").split("/"))


def _numbered(part: str) -> tuple[str, int]:
    name, number = re.fullmatch(r"(.*?)(?:-([0-9]{1,9}))?", part, re.DOTALL).groups()  # type: ignore[union-attr]
    return name, int(number or 0)
