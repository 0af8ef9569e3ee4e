"""Match the items of both sides with their baselines: one state for every item that content, live or a baseline has.

Pure. It finds which items belong together and how each side changed since the baseline; `decide` says what follows.
"""

from collections import defaultdict
from collections.abc import Mapping
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
from kbsync.model import Article, Item, ItemKey, Kind, KnowledgeBase, digest, parent_path
from kbsync.planner.decide import ChangeStatus, ItemState, SideState, changed_fields
from kbsync.planner.identity import Identities, identify

_GONE = SideState(status=ChangeStatus.GONE)
_NEW = SideState(status=ChangeStatus.CHANGED)
_UNCHANGED = SideState(status=ChangeStatus.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The state of every item, and what could not be matched.

    Attributes:
        states: The items of content by path, then those that only live or a baseline has, by key.
        ids: The live id of each content path that is live.
        ties: Why a content path could not be matched: several items fit equally well.
        former_paths: The path that each content path's baseline has.
        category_moves: The former path of each folder that now is in another category.
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
    """Match both sides and their baselines, parents before their children."""
    identities = identify(content, baselines)
    matcher = _Matcher(content, live, identities, baselines)
    matcher.match_content()
    links = link_graph(content)
    claimed = {*matcher.keys.values(), *matcher.tied_keys}
    unclaimed = [key for key in dict.fromkeys([*baselines, *matcher.live]) if key not in claimed]
    return Match(
        states=(
            *(_with_content(path, matcher, links, addresses) for path in matcher.content),
            *(_without_content(key, matcher) for key in unclaimed),
        ),
        ids=matcher.ids,
        links=links,
        ties=matcher.ties,
        former_paths={path: baselines[key].path for path, key in identities.known.items()},
        category_moves=identities.category_moves,
    )


class _Matcher:
    """Finds the baseline and the live item of each content item."""

    def __init__(
        self, content: KnowledgeBase, live: KnowledgeBase, identities: Identities, baselines: Mapping[ItemKey, Baseline]
    ) -> None:
        items = [(item.path, item) for item in content.items() if item.path]
        self.content = dict(sorted(items, key=lambda found: (found[1].kind.rank, found[0].count("/"), found[0])))
        self.live = live.by_id()
        self.assumed = live.assumed
        self.baselines = baselines
        self.known = identities.known
        self.keys: dict[str, ItemKey] = {}
        self.paths: dict[ItemKey, str] = {}
        self.ids: dict[str, int] = {}
        self.ties = {path: _describe_tie(keys, baselines) for path, keys in identities.ties.items()}
        self.tied_keys = {key for keys in identities.ties.values() for key in keys}
        self.by_name: dict[tuple[Kind, int | None, str], list[ItemKey]] = defaultdict(list)
        for key, item in self.live.items():
            if key not in baselines:
                self.by_name[key.kind, item.parent, item.label].append(key)

    def match_content(self) -> None:
        for path, item in self.content.items():
            key = self.known.get(path) or self._live_key(path, item)
            if key is None:
                continue
            self.keys[path] = key
            self.paths.setdefault(key, path)
            if key in self.live:
                self.ids[path] = key.id

    def _live_key(self, path: str, item: Item) -> ItemKey | None:
        """Return the live item of a content item without a baseline: by `id`, else by its name in the same parent."""
        if item.id is not None:
            return item.key
        parent = parent_path(path)
        if parent and parent not in self.ids:
            return None
        named = self.by_name[item.kind, self.ids.get(parent), item.label]
        candidates = [key for key in named if key not in self.paths]
        if len(candidates) > 1:
            listed = ", ".join(f"{key.kind.value} {key.id}" for key in candidates)
            self.ties[path] = f"the portal has several named {item.label!r}: {listed}"
            return None
        return candidates[0] if candidates else None

    def parent_id(self, path: str) -> int | None:
        """Return the live id of an item's parent, or the last one that it had: the file stays in its directory."""
        parent = parent_path(path)
        known = self.keys.get(parent)
        return self.ids.get(parent, known.id if known else None)

    def live_name(self, key: ItemKey) -> str:
        """Return the names of a live item and its parents, from the category down."""
        item = self.live[key]
        for parent in (ItemKey(Kind.FOLDER, item.parent or 0), ItemKey(Kind.CATEGORY, item.parent or 0)):
            if parent in self.live:
                return f"{self.live_name(parent)} / {item.label}"
        return item.label


def _describe_tie(keys: tuple[ItemKey, ...], baselines: Mapping[ItemKey, Baseline]) -> str:
    named = ", ".join(f"{baselines[key].path} ({key.kind.value} {key.id})" for key in keys)
    if len(keys) == 1:
        return f"one of several files that may have been {named}; add `id: {keys[0].id}` to the right one"
    return f"may have been any of {named}; add the right `id` to its front matter"


def _is_undone(baseline: Baseline | None) -> bool:
    return baseline is not None and baseline.state is State.UNDONE


def _with_content(path: str, matcher: _Matcher, links: LinkGraph, addresses: AddressMap) -> ItemState:
    item, key = matcher.content[path], matcher.keys.get(path)
    baseline = matcher.baselines.get(key) if key else None
    live = matcher.live.get(key) if key else None
    anchors = links.anchors.get(path, frozenset())
    parent = matcher.parent_id(path)
    if baseline is None:
        ours, theirs = _NEW, _GONE if live is None else _NEW
    else:
        ours = _content_state(item, baseline, anchors, parent)
        seen = {**baseline.live, **baseline.unseen}
        managed = {*managed_digests(item), "body"} & seen.keys()
        theirs = _live_state(live, baseline, {name: seen[name] for name in managed}, matcher.assumed)
    differing: tuple[str, ...] = ()
    may_agree = theirs.status is ChangeStatus.CHANGED or _is_undone(baseline)
    if live is not None and ours.status is ChangeStatus.CHANGED and may_agree:
        differing = differences(item, live, anchors, addresses, matcher.paths)
        if parent != live.parent:
            differing = (*differing, "parent")
    return ItemState(
        content=item, live=live, baseline=baseline, content_state=ours, live_state=theirs, differing=differing
    )


def _without_content(key: ItemKey, matcher: _Matcher) -> ItemState:
    live, baseline = matcher.live.get(key), matcher.baselines.get(key)
    if baseline is None:
        name = matcher.live_name(key)
        return ItemState(content=None, live=live, baseline=None, content_state=_GONE, live_state=_NEW, name=name)
    managed = baseline.content.keys() & baseline.live.keys() or baseline.live.keys()
    theirs = _live_state(live, baseline, {name: baseline.live[name] for name in managed}, matcher.assumed)
    # An item that was undone while it had no file is unchanged for as long as it has none.
    ours = _UNCHANGED if _is_undone(baseline) and not baseline.content and live is not None else _GONE
    return ItemState(content=None, live=live, baseline=baseline, content_state=ours, live_state=theirs)


def _content_state(item: Item, baseline: Baseline, anchors: frozenset[str], parent: int | None) -> SideState:
    unseen = dict.fromkeys(baseline.unseen, "")
    fields = changed_fields(managed_digests(item), baseline.content, {**baseline.live, **unseen})
    if isinstance(item, Article) and _body_changed(item, baseline, anchors):
        fields = ("body", *fields)
    if parent != baseline.parent:
        fields = (*fields, "parent")
    if _is_undone(baseline):
        return _undone_content_state(item, baseline, fields, parent)
    return SideState(status=ChangeStatus.CHANGED if fields else ChangeStatus.UNCHANGED, fields=fields)


def _undone_content_state(item: Item, baseline: Baseline, fields: tuple[str, ...], parent: int | None) -> SideState:
    """Return the content state of an undone item: the halves of its baseline differ, so any change sends all of it.

    Where the file was in another folder than the live item, the content half has a digest of that folder's id.
    """
    was_there = baseline.content.get("parent", digest(baseline.parent)) == digest(parent)
    if baseline.content and was_there and not set(fields) - {"parent"}:
        return _UNCHANGED
    body = ("body",) if isinstance(item, Article) else ()
    others = changed_fields(managed_digests(item), baseline.live, {})
    place = ("parent",) if "parent" in fields else ()
    return SideState(status=ChangeStatus.CHANGED, fields=(*body, *others, *place))


def _body_changed(article: Article, baseline: Baseline, anchors: frozenset[str]) -> bool:
    if source_key(article, anchors) == baseline.source_key:
        return False
    if baseline.renderer_version != RENDERER_VERSION:
        return True
    return content_digests(article, anchors)["body"] != baseline.content.get("body")


def _live_state(
    live: Item | None, baseline: Baseline, seen: Mapping[str, str], assumed: Mapping[ItemKey, Mapping[str, str]]
) -> SideState:
    """Compare a live item with what content has `seen` of the fields that it manages; the others are the agents'."""
    if live is None:
        return _GONE
    now = assumed.get(baseline.key) or live_digests(live)
    fields = changed_fields({name: now[name] for name in now if name in seen}, seen, {})
    if live.parent != baseline.parent:
        fields = (*fields, "parent")
    touched = not fields and live.updated_at != baseline.updated_at and live.kind is Kind.ARTICLE
    status = ChangeStatus.CHANGED if fields else ChangeStatus.UNCHANGED
    return SideState(status=status, fields=fields, touched=touched)
