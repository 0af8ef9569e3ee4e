"""Read the live side: the whole portal, or with `--no-refresh` only what a run is about to write.

Nothing here can write. What a targeted refresh does not read counts as unchanged since its baseline: a web edit there
is found only by reading the whole portal. What is written is always read and compared first.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from kbsync.baseline import Baseline, State
from kbsync.change import Change
from kbsync.freshdesk.api import PortalReader, category_from_json
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import read, read_children, read_one, resolve_authors
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
    kind_of,
    parent_path,
)
from kbsync.planner.planner import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What was read, and when by this machine's monotonic clock."""

    live: KnowledgeBase
    at: float


def refresh(connection: Connection) -> LiveState:
    """Read the whole portal."""
    at = time.monotonic()
    return LiveState(live=read(PortalReader(connection)), at=at)


def find_existing(connection: Connection, keys: Collection[ItemKey]) -> frozenset[ItemKey]:
    """Return those of some items that the portal has although no list showed them: one call each.

    Raises:
        PortalError: the portal does not say of one whether it is there.
    """
    reader, ordered = PortalReader(connection), sorted(keys)
    with ThreadPoolExecutor(8, thread_name_prefix="ask") as pool:
        gone = pool.map(lambda key: is_gone(reader, key.kind, key.id), ordered)
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


_Place = tuple[Kind, ItemKey]
"""Where items of a kind are created: in which category or folder."""


def required_keys(
    content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline], overwrite: Collection[str]
) -> set[ItemKey]:
    """Return what has to be read in any case: what a file pins by `id`, and what `--overwrite` names."""
    pinned = {item.key for item in content.items() if item.id is not None} - baselines.keys()
    over = {key for key, known in baselines.items() if {known.path, *ancestors(known.path)} & set(overwrite)}
    return pinned | over


def targeted_refresh(
    connection: Connection,
    baselines: Mapping[ItemKey, Baseline],
    required: Iterable[ItemKey],
    plan: Callable[[KnowledgeBase], Plan],
) -> tuple[Plan, LiveState] | None:
    """Plan from the baselines, and again with what the portal says, until all that would be written has been read.

    `required` is read in any case. Where something is created, its folder is listed, in case it exists already. Return
    None where reading the whole portal takes fewer calls.

    Raises:
        PortalError: the portal does not say.
    """
    at = time.monotonic()
    state = _PartialState(PortalReader(connection), baselines)
    state.read_categories()
    state.read(keys=required)
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
    listed: set[_Place] = field(default_factory=set)
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

    def unread(self, plan: Plan) -> tuple[set[ItemKey], set[_Place]]:
        """Return the items that a plan would write and the places where it would create, as far as not read yet."""
        keys = {change.key for change in plan.changes if change.id is not None}
        places = {place for change in plan.changes if (place := _place(change, plan.ids)) is not None}
        keys |= {holder for _, holder in places}
        return keys - self.read_keys, places - self.listed

    def read(self, *, keys: Iterable[ItemKey], places: Iterable[_Place] = ()) -> None:
        """Ask the portal, one call for each item or place."""
        wanted, within = sorted(set(keys) - self.read_keys), sorted(places)
        with ThreadPoolExecutor(8, thread_name_prefix="refresh") as pool:
            listings = pool.map(lambda place: read_children(self.reader, *place), within)
            found = pool.map(lambda key: read_one(self.reader, key.kind, key.id), wanted)
            for items in listings:
                self._update({item.key: item for item in items})
            self._update(dict(zip(wanted, found, strict=True)))
        self.listed |= set(within)

    def _update(self, found: Mapping[ItemKey, Item | None]) -> None:
        self.read_keys |= found.keys()
        for key, item in found.items():
            if item is None:
                self.items.pop(key, None)
            else:
                self.items[key] = item


def _place(change: Change, ids: Mapping[str, int]) -> _Place | None:
    above = parent_path(change.path)
    if not change.action.creates_item or above not in ids:
        return None
    return change.kind, ItemKey(kind_of(above), ids[above])
