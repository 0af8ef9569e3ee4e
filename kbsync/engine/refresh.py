"""Read the live side: the whole portal, or what some paths concern, or with `--no-refresh` what a run is to write.

Nothing here can write. What a targeted refresh does not read counts as unchanged since its baseline: a web edit there
is found only by reading the whole portal. What is written is always read and compared first.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from kbsync.baseline import Baseline, State
from kbsync.change import Change
from kbsync.engine.context import Options, Workspace
from kbsync.freshdesk.api import PortalReader, category_from_json
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import read, read_children, read_one, resolve_authors, side_by_side
from kbsync.freshdesk.write import is_gone
from kbsync.model import (
    Article,
    Category,
    Folder,
    Item,
    ItemKey,
    Kind,
    KnowledgeBase,
    Side,
    ancestors,
    is_under,
    kind_of,
    parent_path,
)
from kbsync.planner.planner import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What was read, and when by this machine's monotonic clock."""

    live: KnowledgeBase
    at: float


def refresh(connection: Connection, progress: Callable[[int, int], None] | None = None) -> LiveState:
    """Read the whole portal; `progress` is called with the number of articles read, and about how many there are."""
    at = time.monotonic()
    return LiveState(live=read(PortalReader(connection), progress=progress), at=at)


def find_existing(connection: Connection, keys: Collection[ItemKey]) -> frozenset[ItemKey]:
    """Return those of some items that the portal has although no list showed them: one call each.

    Raises:
        PortalError: the portal does not say of one whether it is there.
    """
    reader, ordered = PortalReader(connection), sorted(keys)
    gone = side_by_side(lambda key: is_gone(reader, key.kind, key.id), ordered)
    return frozenset(key for key, is_missing in zip(ordered, gone, strict=True) if not is_missing)


def with_author_ids(content: KnowledgeBase, connection: Connection) -> KnowledgeBase:
    """Replace the e-mail addresses of agents by their ids, one call for each address."""
    emails = {article.author for article in content.articles if isinstance(article.author, str)}
    if not emails:
        return content
    return _with_authors(content, resolve_authors(PortalReader(connection), emails))


def without_author_emails(content: KnowledgeBase) -> KnowledgeBase:
    """Remove authors given by e-mail, whose ids only the portal knows: they are not compared."""
    return _with_authors(content, {})


def _with_authors(content: KnowledgeBase, agents: Mapping[str, int]) -> KnowledgeBase:
    return replace(
        content,
        articles=tuple(
            replace(article, author=agents.get(article.author)) if isinstance(article.author, str) else article
            for article in content.articles
        ),
    )


def live_from_baselines(baselines: Mapping[ItemKey, Baseline]) -> KnowledgeBase:
    """Return the live side as the baselines have it: what `--no-refresh` compares with."""
    items = [_item(known) for known in baselines.values() if known.state is not State.RELEASED]
    return _live_side(items, assumed={key: known.live for key, known in baselines.items()})


def _live_side(items: Collection[Item], *, assumed: Mapping[ItemKey, Mapping[str, str]], at: str = "") -> KnowledgeBase:
    return KnowledgeBase(
        side=Side.LIVE,
        categories=tuple(item for item in items if isinstance(item, Category)),
        folders=tuple(item for item in items if isinstance(item, Folder)),
        articles=tuple(item for item in items if isinstance(item, Article)),
        seen_at=at,
        assumed=assumed,
    )


def _item(known: Baseline) -> Item:
    name = known.path.rpartition("/")[2]
    match known.kind:
        case Kind.CATEGORY:
            return Category(name=name, id=known.id, updated_at=known.updated_at)
        case Kind.FOLDER:
            return Folder(name=name, id=known.id, parent=known.parent, updated_at=known.updated_at)
        case Kind.ARTICLE:
            return Article(title=name, body="", id=known.id, parent=known.parent, updated_at=known.updated_at)


Place = tuple[Kind, ItemKey]
"""Where items of a kind are listed and created: in which category or folder."""


def required_keys(
    content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline], overwrite: Collection[str]
) -> set[ItemKey]:
    """Return what has to be read in any case: what a file pins by `id`, and what `--overwrite` names."""
    pinned = {item.key for item in content.items() if item.id is not None} - baselines.keys()
    over = {key for key, known in baselines.items() if {known.path, *ancestors(known.path)} & set(overwrite)}
    return pinned | over


def concerned_places(baselines: Mapping[ItemKey, Baseline], paths: Collection[str]) -> set[Place]:
    """Return the lists that show what is at or below some content paths: of folders, and of articles."""
    directories = {known.path for key, known in baselines.items() if key.kind is not Kind.ARTICLE}
    with_folders = {parent_path(path) for path in directories}
    places = set[Place]()
    for key, known in baselines.items():
        is_below = any(is_under(known.path, path) for path in paths)
        holds_named = any(path in directories and parent_path(path) == known.path for path in paths)
        if key.kind is not Kind.ARTICLE and known.path in with_folders and (is_below or holds_named):
            places.add((Kind.FOLDER, key))
        if key.kind is Kind.FOLDER and (is_below or any(parent_path(path) == known.path for path in paths)):
            places.add((Kind.ARTICLE, key))
    return places


def refresh_some(
    connection: Connection,
    workspace: Workspace,
    content: KnowledgeBase,
    options: Options,
    plan: Callable[[KnowledgeBase], Plan],
) -> tuple[Plan, LiveState] | None:
    """Read what some paths concern, or without `refresh` what is to be written, and plan with it.

    Return None where the whole portal is to be read: nothing else was asked for, an interrupted run is to be recovered,
    or it takes fewer calls.
    """
    if (options.refresh and not options.paths) or workspace.in_flight or workspace.journaled:
        return None
    keys = required_keys(content, workspace.baselines, options.overwrite)
    places = concerned_places(workspace.baselines, options.paths) if options.refresh else set[Place]()
    return targeted_refresh(connection, workspace.baselines, keys, plan, places=places)


def targeted_refresh(
    connection: Connection,
    baselines: Mapping[ItemKey, Baseline],
    required: Iterable[ItemKey],
    plan: Callable[[KnowledgeBase], Plan],
    *,
    places: Collection[Place],
) -> tuple[Plan, LiveState] | None:
    """Plan from the baselines, and again with what the portal says, until all that would be written has been read.

    `required` and the lists of `places` are read in any case. Where something is created, its folder is listed, in case
    it exists already. Return None where reading the whole portal takes fewer calls.

    Raises:
        PortalError: the portal does not say.
    """
    at = time.monotonic()
    state = _PartialState(PortalReader(connection), baselines)
    state.read_categories()
    if len(places) > state.full_read_calls:
        return None
    state.read(keys=required, places=places)
    while True:
        made = plan(state.live)
        keys, places = state.unread(made)
        if made.halt or not (keys or places):
            return made, LiveState(live=state.live, at=at)
        if len(keys) + len(places) > state.full_read_calls:
            return None
        state.read(keys=keys, places=places)


@dataclass(slots=True)
class _PartialState:
    """What is known of the live side so far, from the baselines and from the portal."""

    reader: PortalReader
    baselines: Mapping[ItemKey, Baseline]
    items: dict[ItemKey, Item] = field(default_factory=dict)
    read_keys: set[ItemKey] = field(default_factory=set)
    listed: set[Place] = field(default_factory=set)
    seen_at: str = ""

    def read_categories(self) -> None:
        """List the categories, which identify the portal: where none is known, no baseline is used."""
        listing = self.reader.categories()
        found = {item.id: item for item in map(category_from_json, listing.items)}
        known = {key.id for key in self.baselines if key.kind is Kind.CATEGORY}
        if not known or known & found.keys():
            self.items = dict(live_from_baselines(self.baselines).by_id())
        self.seen_at = listing.at
        self._update({ItemKey(Kind.CATEGORY, number): found.get(number) for number in known | found.keys() if number})

    @property
    def full_read_calls(self) -> int:
        """Return about how many calls a full refresh takes."""
        kinds = [key.kind for key in self.items]
        return kinds.count(Kind.CATEGORY) + 2 * kinds.count(Kind.FOLDER)

    @property
    def live(self) -> KnowledgeBase:
        assumed = {key: known.live for key, known in self.baselines.items() if key not in self.read_keys}
        return _live_side(self.items.values(), assumed=assumed, at=self.seen_at)

    def unread(self, plan: Plan) -> tuple[set[ItemKey], set[Place]]:
        """Return the items that a plan would write and the places where it would create, as far as not read yet."""
        keys = {change.key for change in plan.changes if change.id is not None}
        places = {place for change in plan.changes if (place := _place(change, plan.ids)) is not None}
        keys |= {holder for _, holder in places}
        return keys - self.read_keys, places - self.listed

    def read(self, *, keys: Iterable[ItemKey], places: Iterable[Place] = ()) -> None:
        """Ask the portal, one call for each item or place."""
        wanted, within, missing = sorted(set(keys) - self.read_keys), sorted(places), set[ItemKey]()
        listings = side_by_side(lambda place: read_children(self.reader, *place), within)
        for (kind, parent), items in zip(within, listings, strict=True):
            self._update({item.key: item for item in items})
            missing |= self._unlisted(kind, parent, {item.key for item in items})
        found = side_by_side(lambda key: read_one(self.reader, key.kind, key.id), wanted)
        self._update(dict(zip(wanted, found, strict=True)))
        self.listed |= set(within)
        if missing - self.read_keys:
            self.read(keys=missing)

    def _unlisted(self, kind: Kind, parent: ItemKey, listed: set[ItemKey]) -> set[ItemKey]:
        """Return the items that were in a place when they were seen last and no longer are."""
        return {key for key, item in self.items.items() if key.kind is kind and item.parent == parent.id} - listed

    def _update(self, found: Mapping[ItemKey, Item | None]) -> None:
        self.read_keys |= found.keys()
        for key, item in found.items():
            if item is None:
                self.items.pop(key, None)
            else:
                self.items[key] = item


def _place(change: Change, ids: Mapping[str, int]) -> Place | None:
    above = parent_path(change.path)
    if not change.action.creates_item or above not in ids:
        return None
    return change.kind, ItemKey(kind_of(above), ids[above])
