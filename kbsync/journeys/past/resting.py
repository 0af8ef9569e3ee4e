"""In which agreement an item is left when a run that changed it has been undone. Pure.

Where the tree says what it said before that run, the agreement of then holds again. Else the two sides differ, and that
is meant: the item rests until its file changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kbsync.agreements import Agreement, Key, State
from kbsync.journeys.memory.recording import intended
from kbsync.markup.to_html import EPOCH
from kbsync.model import Article, Category, Item, KnowledgeBase, Status, digest, parent_path
from kbsync.plan.identity import identify
from kbsync.plan.table import changed_fields
from kbsync.versions import content_digests, links_of, live_digests, managed_digests, source_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What the tree holds, and which live item each of its paths is."""

    items: Mapping[str, Item] = field(default_factory=dict)
    ids: Mapping[str, int] = field(default_factory=dict)
    paths: Mapping[Key, str] = field(default_factory=dict)
    anchors: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def anchors_of(self, path: str) -> frozenset[str]:
        """Give the anchors of an article that others link to."""
        return self.anchors.get(path, frozenset())


def tree_of(content: KnowledgeBase, agreements: Mapping[Key, Agreement]) -> Tree:
    """Find out which known item each item of a tree is."""
    known = identify(content, agreements).known
    return Tree(
        items=content.by_path(),
        ids={path: number for path, (_, number) in known.items()},
        paths={key: path for path, key in known.items()},
        anchors=links_of(content).anchors,
    )


def left_after(mine: Agreement, earlier: Agreement | None, former: Item, tree: Tree, *, path: str | None) -> Agreement:
    """Give the agreement that an item is left in with its `former` version put back, but for its live half.

    `mine` is what the run left, `earlier` what held before it, `path` where the item's file lies now. Where the
    former version was itself a web edit that the run wrote over, the earlier agreement holds again with its own live
    half, so that the edit is named again.
    """
    if earlier is not None and _differs(earlier, former):
        return replace(earlier, over="")
    content = tree.items.get(path) if path else None
    if earlier is not None and _agrees(earlier, content, tree):
        return replace(earlier, path=path or earlier.path, live={})
    if content is None:
        is_hidden = isinstance(former, Article) and former.status is Status.DRAFT
        if is_hidden:
            return replace(mine, state=State.ARCHIVED, live={})
        return replace(mine, state=State.UNDONE, content={}, source_key="", live={})
    half = intended(content, born=mine.born, anchors=tree.anchors_of(content.path or ""))
    return replace(half, id=mine.id, state=State.UNDONE, content={**half.content, **_elsewhere(content, former, tree)})


def _differs(earlier: Agreement, former: Item) -> bool:
    """Tell whether the portal no longer showed what was agreed on when the run wrote over it."""
    if not isinstance(former, Category) and former.parent != earlier.parent:
        return True
    now = live_digests(former)
    managed = earlier.content.keys() or earlier.live.keys()
    return bool(changed_fields({name: now[name] for name in now if name in managed}, earlier.live, {}))


def _agrees(earlier: Agreement, content: Item | None, tree: Tree) -> bool:
    """Tell whether the tree still says, or says again, what it said at an agreement."""
    match earlier.state:
        case State.KEPT | State.RELEASED:
            return True
        case State.ARCHIVED:
            return content is None
        case State.LIVE | State.UNDONE:
            if content is None:
                return not earlier.content
            return bool(earlier.content) and _is_same(earlier, content, tree)


def _is_same(earlier: Agreement, content: Item, tree: Tree) -> bool:
    fields = changed_fields(managed_digests(content), earlier.content, {})
    place = earlier.content.get("parent", digest(earlier.parent))
    if fields or (not isinstance(content, Category) and place != digest(_parent(content, tree))):
        return False
    if not isinstance(content, Article):
        return True
    anchors = tree.anchors_of(content.path or "")
    if source_key(content, anchors) == earlier.source_key:
        return True
    return earlier.epoch == EPOCH and content_digests(content, anchors)["body"] == earlier.content.get("body")


def _parent(content: Item, tree: Tree) -> int | None:
    return tree.ids.get(parent_path(content.path or ""))


def _elsewhere(content: Item, former: Item, tree: Tree) -> dict[str, str]:
    """Note of what lies in another folder than the portal has it in where that is: so the difference is known."""
    if isinstance(content, Category) or isinstance(former, Category):
        return {}
    place = _parent(content, tree)
    return {} if place == former.parent else {"parent": digest(place)}
