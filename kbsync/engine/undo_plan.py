"""The inverse of one run: the changes that put back what it replaced, and what has to be skipped. Pure.

An item is put back only where the portal still shows what that run left there. What the tree says by now only decides
which baseline the item gets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Finding, FindingKind
from kbsync.digests import content_digests, link_graph, live_digests, managed_digests, source_key
from kbsync.engine.history import diff_lines, field_lines
from kbsync.engine.record import content_half
from kbsync.markup.dom import stable_body
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.markup.to_markdown import to_markdown
from kbsync.model import (
    ALWAYS_MANAGED,
    Article,
    Category,
    FieldValue,
    Folder,
    Item,
    ItemKey,
    Kind,
    KnowledgeBase,
    Status,
    Visibility,
    digest,
    fields_of,
    parent_path,
)
from kbsync.planner.decide import changed_fields
from kbsync.planner.identity import identify
from kbsync.state.ledger import RunEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeIndex:
    """The items of a tree, and which live item each of its paths is."""

    items: Mapping[str, Item] = field(default_factory=dict)
    ids: Mapping[str, int] = field(default_factory=dict)
    paths: Mapping[ItemKey, str] = field(default_factory=dict)
    anchors: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def anchors_of(self, path: str) -> frozenset[str]:
        """Return the anchors of an article that others link to."""
        return self.anchors.get(path, frozenset())


def index_tree(content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline]) -> TreeIndex:
    """Match the items of a tree with the known live items."""
    known = identify(content, baselines).known
    return TreeIndex(
        items=content.by_path(),
        ids={path: key.id for path, key in known.items()},
        paths={key: path for path, key in known.items()},
        anchors=link_graph(content).anchors,
    )


def baseline_after_undo(
    mine: Baseline, earlier: Baseline | None, former: Item, tree: TreeIndex, *, path: str | None
) -> Baseline:
    """Return the baseline of an item after its `former` version is put back, without its live half.

    `mine` is the baseline that the run left, `earlier` the one before it, `path` where the item's file is now. Where
    the former version was itself a web edit that the run overwrote, the earlier baseline holds again with its own live
    half, so that the edit is named again.
    """
    if earlier is not None and _differs(earlier, former):
        return replace(earlier, supersedes="")
    content = tree.items.get(path) if path else None
    if earlier is not None and _agrees(earlier, content, tree):
        return replace(earlier, path=path or earlier.path, live={})
    if content is None:
        if isinstance(former, Article) and former.status is Status.DRAFT:
            return replace(mine, state=State.ARCHIVED, live={})
        return replace(mine, state=State.UNDONE, content={}, source_key="", live={})
    half = content_half(content, origin=mine.origin, anchors=tree.anchors_of(content.path or ""))
    parent = _parent(content, tree)
    moved = {} if parent == former.parent else {"parent": digest(parent)}
    return replace(half, id=mine.id, state=State.UNDONE, content={**half.content, **moved})


def _differs(earlier: Baseline, former: Item) -> bool:
    """Return whether the portal no longer showed the baseline when the run overwrote it."""
    if former.parent != earlier.parent:
        return True
    now, managed = live_digests(former), earlier.content.keys() or earlier.live.keys()
    return bool(changed_fields({name: now[name] for name in now if name in managed}, earlier.live, {}))


def _agrees(earlier: Baseline, content: Item | None, tree: TreeIndex) -> bool:
    """Return whether the tree still says, or says again, what it said at a baseline."""
    match earlier.state:
        case State.KEPT | State.RELEASED:
            return True
        case State.ARCHIVED:
            return content is None
        case State.LIVE | State.UNDONE:
            if content is None:
                return not earlier.content
            return bool(earlier.content) and _is_same(earlier, content, tree)


def _is_same(earlier: Baseline, content: Item, tree: TreeIndex) -> bool:
    parent = earlier.content.get("parent", digest(earlier.parent))
    if changed_fields(managed_digests(content), earlier.content, {}) or parent != digest(_parent(content, tree)):
        return False
    if not isinstance(content, Article):
        return True
    anchors = tree.anchors_of(content.path or "")
    if source_key(content, anchors) == earlier.source_key:
        return True
    body = content_digests(content, anchors)["body"]
    return earlier.renderer_version == RENDERER_VERSION and body == earlier.content.get("body")


def _parent(content: Item, tree: TreeIndex) -> int | None:
    return tree.ids.get(parent_path(content.path or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBaselines:
    """The baselines of the items of one run: `before` it and `after` it.

    `later` names the later run that changed an item again, `undone_by` those that undid this run; `twins` pairs an
    article with the one that a move made in its place.
    """

    before: Mapping[ItemKey, Baseline]
    after: Mapping[ItemKey, Baseline]
    later: Mapping[ItemKey, str] = field(default_factory=dict)
    undone_by: frozenset[str] = frozenset()
    twins: Mapping[ItemKey, ItemKey] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Inverse:
    """The inverse of a run: what is put back, and what is skipped and named. Directories that it created stay."""

    changes: list[Change] = field(default_factory=list)
    skipped: list[Finding] = field(default_factory=list)


def invert(
    entries: Sequence[RunEntry],
    run_baselines: RunBaselines,
    tree: TreeIndex,
    live: KnowledgeBase,
    *,
    run: str,
    holds: bool = True,
) -> Inverse:
    """Invert a run's entries; with `holds`, articles that were saved since without a change are skipped."""
    inverter = _Inverter(run_baselines=run_baselines, tree=tree, live=live.by_id(), run=run, holds=holds)
    for entry in entries:
        inverter.invert(entry)
    return inverter.inverse


@dataclass(slots=True, kw_only=True)
class _Inverter:
    run_baselines: RunBaselines
    tree: TreeIndex
    live: Mapping[ItemKey, Item]
    run: str
    holds: bool
    inverse: Inverse = field(default_factory=Inverse)

    def invert(self, entry: RunEntry) -> None:
        """Invert what was done to an item, and to the one that it replaced."""
        key = entry.key
        if entry.action is Action.DELETE:
            self._skip(key, entry.path, f"deleted permanently; `kbsync history {self.run}` shows its text")
            return
        mine = self.run_baselines.after.get(key)
        old = self.run_baselines.after.get(ItemKey(entry.kind, entry.replaces or 0))
        if old is not None and old.previous:
            self._restore(old)
        if mine is None:
            return
        is_new = entry.action.creates_item and mine.kind is Kind.ARTICLE
        # A directory whose files were removed still exists on the portal: files that come back need its baseline.
        is_forgotten = entry.action is Action.FORGET and mine.kind is not Kind.ARTICLE and mine.state is State.ARCHIVED
        if mine.previous or is_new or is_forgotten:
            self._restore(mine)

    def _restore(self, mine: Baseline) -> None:
        """Put one item back, or skip it; of a moved pair one is not hidden where the other cannot be shown."""
        wanted = fields_to_restore(mine)
        twin = self.run_baselines.after.get(self.run_baselines.twins.get(mine.key, mine.key))
        finding_kind, reason = self._blocker(mine, wanted)
        if not reason and wanted.get("status") == Status.DRAFT and twin is not None and twin is not mine:
            finding_kind, reason = self._blocker(twin, fields_to_restore(twin))
            reason = f"the article that it replaced cannot be restored: {reason}" if reason else ""
        if reason:
            self._skip(mine.key, self._path(mine), reason, finding_kind=finding_kind)
            return
        self.inverse.changes.append(self._change(mine, self.live[mine.key], wanted))

    def _blocker(self, mine: Baseline, wanted: Mapping[str, FieldValue]) -> tuple[FindingKind, str]:
        """Return why an item cannot be put back: it is neither as the run left it nor as it was before."""
        by, now = self.run_baselines.later.get(mine.key), self.live.get(mine.key)
        is_back = now is not None and not _differing(_with_fields(now, wanted), now)
        if by is not None and (is_back or by in self.run_baselines.undone_by):
            by = by if by in self.run_baselines.undone_by else next(iter(sorted(self.run_baselines.undone_by)), by)
            return FindingKind.UNDONE, f"already undone, by run {by}" if by else "already undone"
        if by is not None:
            return FindingKind.CONFLICT, f"changed again by run {by}; undo that first" if by else "changed again since"
        if now is None:
            return FindingKind.CONFLICT, "deleted on the portal since"
        moved = _moved(mine, now, wanted)
        if moved and not (is_back and set(moved) <= wanted.keys()):
            return FindingKind.CONFLICT, f"edited on the portal since: {', '.join(moved)}"
        if not is_back and self.holds and isinstance(now, Article) and now.updated_at != mine.updated_at:
            return FindingKind.CONFLICT, _TOUCHED
        return FindingKind.CONFLICT, ""

    def _skip(self, key: ItemKey, path: str, reason: str, *, finding_kind: FindingKind = FindingKind.CONFLICT) -> None:
        live = self.live.get(key)
        self.inverse.skipped.append(
            Finding(finding_kind=finding_kind, kind=key.kind, path=path, id=key.id, reason=reason, live=live)
        )

    def _change(self, mine: Baseline, now: Item, wanted: Mapping[str, FieldValue]) -> Change:
        earlier = self.run_baselines.before.get(mine.key)
        former, path = _with_fields(now, wanted), self._path(mine)
        fields = _differing(former, now)
        if isinstance(former, Folder) and earlier is not None and earlier.parent != mine.parent:
            former, path = replace(former, parent=earlier.parent), earlier.path
            fields = (*fields, "parent")
        action, reason = _action(mine, former, now, fields)
        lines = tuple(field_lines(fields_of(now), fields_of(former), fields))
        return Change(
            action=action,
            kind=mine.kind,
            path=path,
            id=mine.id,
            former_path=mine.path if mine.path != path else None,
            fields=fields,
            reason=reason,
            desired=former,
            actual=now,
            diff=(*lines, *_body_lines(now, former)) if "body" in fields else lines,
            baseline_after=replace(self._leaves(mine, former), previous={} if fields else mine.fields),
        )

    def _leaves(self, mine: Baseline, former: Item) -> Baseline:
        """Return the baseline of an item after the undo; of a moved pair the old article gets its file back."""
        twin, earlier = self.run_baselines.twins.get(mine.key), self.run_baselines.before.get(mine.key)
        path = self.tree.paths.get(mine.key)
        if twin is not None:
            had_it = earlier is not None and earlier.state in {State.LIVE, State.UNDONE} and earlier.content
            path = (path or self.tree.paths.get(twin)) if had_it else None
        return baseline_after_undo(mine, earlier, former, self.tree, path=path)

    def _path(self, mine: Baseline) -> str:
        return self.tree.paths.get(mine.key, mine.path)


_TOUCHED = 'saved on the portal since, but no field differs; check it there, or set `touched = "go"`'


def fields_to_restore(mine: Baseline) -> dict[str, FieldValue]:
    """Return the fields that a run replaced, as they were; what it created becomes a draft."""
    if not mine.previous:
        return {"status": Status.DRAFT} if mine.kind is Kind.ARTICLE else {}
    known = {name: value for name, value in mine.previous.items() if value is not None}
    return {name: value for name, value in known.items() if _plain(value) != _plain(mine.fields.get(name))}


def _plain(value: FieldValue) -> str:
    return digest(stable_body(value) if isinstance(value, str) else value)


def parent_ids(changes: Sequence[Change], before: Mapping[ItemKey, Baseline]) -> dict[str, int]:
    """Return for the directory above each folder that is put back the id of its parent."""
    found = {}
    for change in changes:
        if isinstance(change.actual, Folder) and change.actual.parent is not None:
            earlier = before.get(change.key)
            former = earlier.parent if earlier and "parent" in change.fields else None
            found[parent_path(change.path)] = change.actual.parent if former is None else former
    return found


def _action(mine: Baseline, former: Item, now: Item, fields: tuple[str, ...]) -> tuple[Action, str]:
    """Return the action of putting an item back, by what readers notice of it, and the reason."""
    if not fields:
        return Action.ADOPT, "already in the state before that run"
    if isinstance(former, Article) and isinstance(now, Article) and former.status is not now.status:
        if former.status is Status.PUBLISHED:
            return Action.RESTORE, "archived by that run"
        if fields == ("status",):
            return Action.ARCHIVE, "published by that run" if mine.previous else "created by that run"
    return Action.UPDATE, "back to the state before that run"


def _body_lines(now: Item, former: Item) -> tuple[str, ...]:
    if not isinstance(now, Article) or not isinstance(former, Article):
        return ()
    return diff_lines(to_markdown(now.body).text, to_markdown(former.body).text, context=1)


def _moved(mine: Baseline, now: Item, wanted: Mapping[str, FieldValue]) -> tuple[str, ...]:
    """Return the fields that are no longer as the run left them, of those that content manages or that are put back."""
    digests = live_digests(now)
    managed = {*mine.content, *ALWAYS_MANAGED, *wanted}
    moved = changed_fields({name: digests[name] for name in digests if name in managed}, mine.live, {})
    return moved if now.parent == mine.parent else (*moved, "folder")


def _differing(item: Item, other: Item) -> tuple[str, ...]:
    mine, theirs = live_digests(item), live_digests(other)
    return tuple(name for name, value in mine.items() if value != theirs[name])


def _with_fields(item: Item, fields: Mapping[str, FieldValue]) -> Item:
    """Return an item with some fields replaced; fields without a value stay."""
    own: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    match item:
        case Category():
            return replace(item, **own)
        case Folder():
            visible = {"visibility": Visibility(own["visibility"])} if "visibility" in own else {}
            return replace(item, **own | visible)
        case Article():
            seo = {
                name.removeprefix("seo."): own.pop(name) for name in fields if name.startswith("seo.") and name in own
            }
            status = {"status": Status(own["status"])} if "status" in own else {}
            return replace(item, seo=replace(item.seo, **seo), **own | status)
        case _:
            assert_never(item)
