"""The items of both sides and their baselines, brought together: one case for every item that anybody knows.

Pure. It finds what belongs together and how each side stands; what follows is the plan's to say.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kbsync.baseline import Baseline, State
from kbsync.digests import (
    AddressMap,
    LinkGraph,
    content_digests,
    differences,
    link_graph,
    live_digests,
    managed_digests,
    source_key,
)
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import Article, Category, Item, ItemKey, Kind, KnowledgeBase, digest, parent_path
from kbsync.planner.decide import ChangeStatus, ItemState, SideState, changed_fields
from kbsync.planner.identity import Identities, identify

GONE = SideState(status=ChangeStatus.GONE)
NEW = SideState(status=ChangeStatus.CHANGED)
RESTING = SideState(status=ChangeStatus.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Every case, by content path where content has the item, else by key; and what could not be told apart.

    `former` maps a content path to the one that its baseline has, `uprooted` a directory that cannot be the folder it
    was to where it lay.
    """

    states: tuple[ItemState, ...]
    ids: Mapping[str, int]
    links: LinkGraph
    ties: Mapping[str, str] = field(default_factory=dict)
    former_paths: Mapping[str, str] = field(default_factory=dict)
    category_moves: Mapping[str, str] = field(default_factory=dict)


def match(
    content: KnowledgeBase, live: KnowledgeBase, baselines: Mapping[ItemKey, Baseline], addresses: AddressMap
) -> Match:
    """Bring both sides and their baselines together, parents before what they hold."""
    identities = identify(content, baselines)
    matching = _Matching(content, live, identities, baselines)
    matching.match_content()
    links = link_graph(content)
    cases = [
        *(_with_content(path, matching, links, addresses) for path in matching.content),
        *(_without_content(key, matching) for key in matching.unclaimed()),
    ]
    return Match(
        states=tuple(cases),
        ids=matching.ids,
        links=links,
        ties=matching.ties,
        former_paths={path: baselines[key].path for path, key in identities.known.items()},
        category_moves=identities.category_moves,
    )


class _Matching:
    """Which baseline and which live item belong to each content item."""

    def __init__(
        self,
        content: KnowledgeBase,
        live: KnowledgeBase,
        identities: Identities,
        baselines: Mapping[ItemKey, Baseline],
    ) -> None:
        self.content = {item.path: item for item in _parents_first(content) if item.path}
        self.live = live.by_id()
        self.remembered = live.assumed
        self.baselines = baselines
        self.known = identities.known
        self.keys: dict[str, ItemKey] = {}
        self.paths: dict[ItemKey, str] = {}
        self.ids: dict[str, int] = {}
        self.ties = {path: _rivalry(keys, baselines) for path, keys in identities.ties.items()}
        self.held = {key for keys in identities.ties.values() for key in keys}
        self.by_name: dict[tuple[Kind, int | None, str], list[ItemKey]] = defaultdict(list)
        for key, item in self.live.items():
            if key not in baselines:
                self.by_name[key.kind, _parent_of(item), _name_of(item)].append(key)

    def match_content(self) -> None:
        for path, item in self.content.items():
            key = self.known.get(path) or self._met(path, item)
            if key is None:
                continue
            self.keys[path] = key
            self.paths.setdefault(key, path)
            if key in self.live:
                self.ids[path] = key.id

    def _met(self, path: str, item: Item) -> ItemKey | None:
        """Find the live item that an unknown content item may be: the one it pins, else its namesake in its place."""
        if item.id is not None:
            return item.key
        above = parent_path(path)
        if above and above not in self.ids:
            return None
        candidates = self.by_name[item.kind, self.ids.get(above), _name_of(item)]
        candidates = [key for key in candidates if key not in self.paths]
        if len(candidates) > 1:
            self.ties[path] = f"several are called {_name_of(item)!r} there: {_listed(tuple(candidates))}"
            return None
        return candidates[0] if candidates else None

    def live_name(self, key: ItemKey) -> str:
        """Return the names that lead to a live item, from its category down."""
        item = self.live[key]
        above = _parent_of(item)
        for parent in (ItemKey(Kind.FOLDER, above or 0), ItemKey(Kind.CATEGORY, above or 0)):
            if parent in self.live:
                return f"{self.live_name(parent)} / {_name_of(item)}"
        return _name_of(item)

    def unclaimed(self) -> list[ItemKey]:
        claimed = set(self.keys.values()) | self.held
        return [key for key in dict.fromkeys([*self.baselines, *self.live]) if key not in claimed]


def _parents_first(content: KnowledgeBase) -> list[Item]:
    return sorted(content.items(), key=lambda item: (_STOREY[item.kind], (item.path or "").count("/"), item.path or ""))


_STOREY = {Kind.CATEGORY: 0, Kind.FOLDER: 1, Kind.ARTICLE: 2}


def _rivalry(keys: tuple[ItemKey, ...], baselines: Mapping[ItemKey, Baseline]) -> str:
    """Return what a file may be that cannot be told from others, and how its writer can say it."""
    if len(keys) == 1:
        known = baselines[keys[0]]
        what = f"{known.path} ({known.kind.value} {known.id})"
        return f"one of several that may be what was {what}; write `id: {known.id}` into the one that is meant"
    named = ", ".join(f"{baselines[key].path} ({key.kind.value} {key.id})" for key in keys)
    return f"may be what was any of {named}; write the `id` of the one that is meant into its front matter"


def _listed(keys: tuple[ItemKey, ...]) -> str:
    return ", ".join(f"{key.kind.value} {key.id}" for key in keys)


def _name_of(item: Item) -> str:
    return item.title if isinstance(item, Article) else item.name


def _parent_of(item: Item) -> int | None:
    return None if isinstance(item, Category) else item.parent


def _with_content(path: str, matching: _Matching, links: LinkGraph, addresses: AddressMap) -> ItemState:
    item, key = matching.content[path], matching.keys.get(path)
    baseline = matching.baselines.get(key) if key else None
    live = matching.live.get(key) if key else None
    anchors = links.anchors.get(path, frozenset())
    parent = matching.ids.get(parent_path(path))
    if parent is None and (above := matching.keys.get(parent_path(path))):
        # A file stays where it is, whatever became of the folder that its directory was.
        parent = above[1]
    if baseline is None:
        ours, theirs = NEW, GONE if live is None else NEW
    else:
        ours = _content_standing(item, baseline, anchors, parent)
        managed = {*managed_digests(item), "body"} & baseline.live.keys()
        theirs = _live_standing(live, baseline, managed, matching.remembered)
    differing: tuple[str, ...] = ()
    is_moot = theirs.status is ChangeStatus.CHANGED or _is_undone(baseline)
    if live is not None and ours.status is ChangeStatus.CHANGED and is_moot:
        differing = differences(item, live, anchors, addresses, matching.paths)
        if not isinstance(item, Category) and parent != _parent_of(live):
            differing = (*differing, "parent")
    return ItemState(
        content=item,
        live=live,
        baseline=baseline,
        content_state=ours,
        live_state=theirs,
        differing=differing,
    )


def _without_content(key: ItemKey, matching: _Matching) -> ItemState:
    live, baseline = matching.live.get(key), matching.baselines.get(key)
    if baseline is None:
        name = matching.live_name(key)
        return ItemState(content=None, live=live, baseline=None, content_state=GONE, live_state=NEW, name=name)
    theirs = _live_standing(live, baseline, baseline.content.keys() or baseline.live.keys(), matching.remembered)
    # What was undone and had no file then is as it was left for as long as it has none.
    ours = RESTING if _is_undone(baseline) and not baseline.content and live is not None else GONE
    return ItemState(content=None, live=live, baseline=baseline, content_state=ours, live_state=theirs)


def _content_standing(item: Item, baseline: Baseline, anchors: frozenset[str], parent: int | None) -> SideState:
    fields = changed_fields(managed_digests(item), baseline.content, baseline.live)
    if isinstance(item, Article) and _body_changed(item, baseline, anchors):
        fields = ("body", *fields)
    if not isinstance(item, Category) and parent != baseline.parent:
        fields = (*fields, "parent")
    if _is_undone(baseline):
        return _undone_standing(item, baseline, fields, parent)
    return SideState(status=ChangeStatus.CHANGED if fields else ChangeStatus.UNCHANGED, fields=fields)


def _is_undone(baseline: Baseline | None) -> bool:
    return baseline is not None and baseline.state is State.UNDONE


def _undone_standing(item: Item, baseline: Baseline, fields: tuple[str, ...], parent: int | None) -> SideState:
    """Return how the content of an undone item stands: its two halves differ, so that whatever changes brings all along.

    What lay in another folder than the portal has it in notes that among its content.
    """
    was_there = baseline.content.get("parent", digest(baseline.parent)) == digest(parent)
    has_left = set(fields) - {"parent"} or not (was_there or isinstance(item, Category))
    if baseline.content and not has_left:
        return RESTING
    others = changed_fields(managed_digests(item), baseline.live, {})
    place = ("parent",) if "parent" in fields else ()
    body = ("body",) if isinstance(item, Article) else ()
    return SideState(status=ChangeStatus.CHANGED, fields=(*body, *others, *place))


def _body_changed(article: Article, baseline: Baseline, anchors: frozenset[str]) -> bool:
    if source_key(article, anchors) == baseline.source_key:
        return False
    if baseline.renderer_version != RENDERER_VERSION:
        return True
    return content_digests(article, anchors)["body"] != baseline.content.get("body")


def _live_standing(
    live: Item | None,
    baseline: Baseline,
    managed: Collection[str],
    remembered: Mapping[ItemKey, Mapping[str, str]],
) -> SideState:
    """Return how the live side stands, in the fields that content manages: the others are the agents' own."""
    if live is None:
        return GONE
    now = remembered.get(baseline.key) or live_digests(live)
    fields = changed_fields({name: now[name] for name in now if name in managed}, baseline.live, {})
    if _parent_of(live) != baseline.parent:
        fields = (*fields, "parent")
    touched = not fields and live.updated_at != baseline.updated_at and live.kind is Kind.ARTICLE
    presence = ChangeStatus.CHANGED if fields else ChangeStatus.UNCHANGED
    return SideState(status=presence, fields=fields, touched=touched)
