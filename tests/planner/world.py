"""A content tree and a portal in memory, with their baselines: short tests without HTTP.

The tree is read and rendered by the real modules, which make the baselines too; only the portal is a dict, which takes
everything as it is sent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Finding, cycle_openers, write_order
from kbsync.config import Config
from kbsync.content.selection import TreeRules
from kbsync.content.tree import read_tree
from kbsync.digests import live_digests
from kbsync.engine.record import make_baseline, with_state
from kbsync.engine.render import LinkResolver, current_addresses, render
from kbsync.errors import Problem
from kbsync.model import (
    Article,
    Category,
    FieldValue,
    Folder,
    Item,
    ItemKey,
    Kind,
    KnowledgeBase,
    Seo,
    Side,
    Status,
    Visibility,
    ancestors,
    fields_of,
    is_under,
    parent_path,
)
from kbsync.planner.decide import PlanRules
from kbsync.planner.planner import Plan, make_plan

CONFIG = Config(root=Path("nowhere"), url="https://acme.freshdesk.com", assets_url="https://cdn.acme.com/kb", new="all")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFiles:
    """Files of a tree in memory."""

    files: Mapping[str, str]

    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def problems(self) -> tuple[Problem, ...]:
        return ()

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


@dataclass(slots=True, kw_only=True)
class BothSides:
    """Both sides of a plan, and their baselines."""

    files: dict[str, str] = field(default_factory=dict)
    live: dict[ItemKey, Item] = field(default_factory=dict)
    baselines: dict[ItemKey, Baseline] = field(default_factory=dict)
    config: Config = CONFIG
    ids: Iterator[int] = field(default_factory=lambda: count(101))
    clock: Iterator[int] = field(default_factory=lambda: count(1))

    def content(self) -> KnowledgeBase:
        rules = TreeRules(languages=self.config.languages, ignore=self.config.ignore)
        tree = read_tree(MemoryFiles(files=self.files), rules)
        assert not [problem for problem in tree.problems if problem.is_error], tree.problems
        return tree.knowledge

    def portal(self) -> KnowledgeBase:
        items = self.live.values()
        return KnowledgeBase(
            side=Side.LIVE,
            categories=tuple(item for item in items if isinstance(item, Category)),
            folders=tuple(item for item in items if isinstance(item, Folder)),
            articles=tuple(item for item in items if isinstance(item, Article)),
            seen_at=self.now(),
        )

    def now(self) -> str:
        return f"2026-01-01T{next(self.clock):08d}Z"

    def rules(self, content: KnowledgeBase, **others: Any) -> PlanRules:
        rules = PlanRules(
            addresses=LinkResolver(self.config, content.assets),
            removed=self.config.removed,
            moved=self.config.moved,
            touched=self.config.touched,
            new=self.config.new,
            archive_share=None,
        )
        return replace(rules, **others)

    def plan(self, **others: Any) -> Plan:
        content = self.content()
        return make_plan(content, self.portal(), self.baselines, self.rules(content, **others))

    def plan_against(self, live: KnowledgeBase, **others: Any) -> Plan:
        """Plan a publish against another version of the portal."""
        content = self.content()
        return make_plan(content, live, self.baselines, self.rules(content, **others))

    def plan_pull(self, **others: Any) -> Plan:
        content = self.content()
        return make_plan(self.portal(), content, self.baselines, self.rules(content, **others))

    def publish(self, **others: Any) -> Plan:
        """Plan, and apply every change."""
        content, plan = self.content(), self.plan(**others)
        assert not plan.halt, plan.halt
        _Applier(self, plan, content).apply()
        return plan

    def id_of(self, path: str) -> int:
        """Return the live id of the item at a content path."""
        return self.baseline(path).id

    def baseline(self, path: str) -> Baseline:
        found = [known for known in self.baselines.values() if known.path == path and known.state is State.LIVE]
        assert len(found) == 1, (path, found)
        return found[0]

    def key(self, which: str | ItemKey) -> ItemKey:
        """Return the key of an item; by its content path where that is given."""
        return self.baseline(which).key if isinstance(which, str) else which

    def edit(self, which: str | ItemKey, **changes: Any) -> None:
        """Edit an item on the web."""
        key = self.key(which)
        self.live[key] = replace(self.live[key], updated_at=self.now(), **changes)

    def lose(self, which: str | ItemKey) -> None:
        """Delete an item on the web."""
        del self.live[self.key(which)]

    def add(self, parent: str, title: str, body: str = "<p>Written on the web.</p>", **others: Any) -> int:
        """Create an article on the web, in the folder at a content path."""
        number = next(self.ids)
        made = Article(title=title, body=body, id=number, parent=self.id_of(parent), updated_at=self.now(), **others)
        self.live[ItemKey(Kind.ARTICLE, number)] = _whole(made)
        return number

    def rename(self, old: str, new: str) -> None:
        """Rename a file, or a directory with all it holds."""
        self.files = {
            new + path.removeprefix(old) if is_under(path, old) else path: text for path, text in self.files.items()
        }

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all it holds."""
        self.files = {name: text for name, text in self.files.items() if not (name + "/").startswith(f"{path}/")}


def published(files: Mapping[str, str], **config: Any) -> BothSides:
    """Return both sides after a publish of a tree."""
    made = BothSides(files=dict(files), config=replace(CONFIG, **config))
    made.publish()
    return made


def article(title: str, body: str = "", **front: str) -> str:
    """Return an article's source."""
    lines = "".join(f"{name}: {value}\n" for name, value in front.items())
    return f"---\ntitle: {title}\n{lines}---\n\n{body or f'The words of {title}.'}\n"


def steps(plan: Plan) -> dict[str, str]:
    """Return for each path what a plan says of it; an item without an entry is unchanged."""
    actions: dict[str, str] = {}
    changes = [(change.path, change.action.value) for change in plan.changes]
    found: list[Finding] = [*plan.drift, *plan.conflicts, *plan.unmanaged, *plan.undone]
    for path, word in [*changes, *((finding.path, finding.finding_kind.value) for finding in found)]:
        actions[path] = f"{actions[path]}, {word}" if path in actions else word
    return actions


class _Applier:
    """Applies one plan to the dict."""

    def __init__(self, sides: BothSides, plan: Plan, content: KnowledgeBase) -> None:
        self.sides = sides
        self.plan = plan
        self.addresses = LinkResolver(sides.config, content.assets)
        moved = {change.path for change in plan.changes if change.action is Action.MOVE}
        self.ids = {path: number for path, number in plan.ids.items() if path not in moved}
        self.openers = cycle_openers(plan.changes, plan.targets)

    def apply(self) -> None:
        ready = []
        orders = write_order(self.plan.changes, self.plan.targets)
        for change in (step.change for order in orders for step in order.steps if not step.completes):
            if self._needs(change) <= self.ids.keys():
                if change.action.creates_item:
                    self.ids[change.path] = next(self.sides.ids)
                ready.append(change)
        for change in ready:
            self._do(change)

    def _needs(self, change: Change) -> set[str]:
        if change.action.is_removal:
            return set()
        linked = set() if change.path in self.openers else set(self.plan.targets.get(change.path, ()))
        return {*ancestors(change.path), *(linked & self.plan.targets.keys() - {change.path})}

    def _do(self, change: Change) -> None:
        key = change.key
        match change.action:
            case Action.CREATE:
                self._put(change, ItemKey(change.kind, self.ids[change.path]))
            case Action.MOVE:
                self._put(change, ItemKey(change.kind, self.ids[change.path]))
                self._archive(key)
            case Action.UPDATE | Action.RESTORE | Action.RENAME:
                self._put(change, key)
            case Action.ADOPT:
                self._agree(change, self.sides.live[key], None)
            case Action.ARCHIVE:
                self._archive(key)
            case Action.DELETE:
                holds = any(getattr(item, "parent", None) == key[1] for item in self.sides.live.values())
                if not holds:
                    del self.sides.live[key], self.sides.baselines[key]
            case Action.FORGET:
                self._forget(change, key)

    def _archive(self, key: ItemKey) -> None:
        old = self.sides.live[key]
        assert isinstance(old, Article)
        self.sides.live[key] = replace(old, status=Status.DRAFT, updated_at=self.sides.now())
        self._settle(key, State.ARCHIVED)

    def _forget(self, change: Change, key: ItemKey) -> None:
        if key not in self.sides.live:
            del self.sides.baselines[key]
        else:
            self._settle(key, State.KEPT if change.kind is Kind.ARTICLE else State.ARCHIVED)

    def _settle(self, key: ItemKey, state: State) -> None:
        known, live = self.sides.baselines[key], self.sides.live[key]
        self.sides.baselines[key] = with_state(known, live, seen_at=self.sides.now(), state=state)

    def _put(self, change: Change, key: ItemKey) -> None:
        content = change.desired
        assert content is not None
        html, sent = None, None
        if isinstance(content, Article) and (change.action.creates_item or "body" in change.fields):
            rendered = render(content, self.plan.anchors.get(change.path, frozenset()), self.addresses, self.ids)
            html, sent = rendered.html, rendered.addresses
        above = self.ids.get(parent_path(change.path))
        was = self.sides.live.get(key)
        if change.action is Action.RENAME and was is not None:
            self._agree(change, was, sent)
            return
        live = _sent(content, was, number=key[1], parent=above, html=html, updated_at=self.sides.now())
        self.sides.live[key] = live
        self._agree(change, live, sent)
        if change.id not in (None, key[1]) and change.action is Action.CREATE:
            self.sides.baselines.pop(change.key, None)

    def _agree(self, change: Change, live: Item, sent: Mapping[str, str] | None) -> None:
        content = change.desired
        assert content is not None
        if sent is None and isinstance(content, Article):
            sent = current_addresses(content, self.addresses, self.ids)
        anchors = self.plan.anchors.get(change.path, frozenset())
        known = make_baseline(content, live, seen_at=self.sides.now(), anchors=anchors, addresses=sent)
        self.sides.baselines[known.key] = known


_UNSET: Mapping[str, FieldValue] = {
    "description": "",
    "portals": (),
    "visibility": Visibility.ALL,
    "companies": (),
    "segments": (),
    "tags": (),
    "author": 7,
}


def _sent(
    content: Item, was: Item | None, *, number: int, parent: int | None, html: str | None, updated_at: str
) -> Item:
    """Return the live item after a write: what content manages, and the rest as it was."""
    managed: dict[str, Any] = {
        name: value for name, value in fields_of(content).items() if value is not None and "." not in name
    }
    place: dict[str, Any] = {} if isinstance(content, Category) else {"parent": parent}
    base = was or replace(content, path=None, origin=None)
    if isinstance(content, Article):
        assert was is not None or html is not None
        seo = was.seo if isinstance(was, Article) else Seo()
        body = html if html is not None else fields_of(base)["body"]
        managed |= {"body": body, "seo": _merged(content.seo, seo)}
    return _whole(replace(base, id=number, updated_at=updated_at, **managed, **place))


def _merged(mine: Seo, was: Seo) -> Seo:
    chosen: Callable[[Any, Any], Any] = lambda value, other: other if value is None else value  # noqa: E731
    return Seo(
        title=chosen(mine.title, was.title),
        description=chosen(mine.description, was.description),
        keywords=chosen(mine.keywords, was.keywords),
    )


def _whole(item: Item) -> Item:
    """Fill in the fields that every item has on a portal."""
    changes: dict[str, Any] = {
        name: _UNSET[name] for name, value in fields_of(item).items() if value is None and name in _UNSET
    }
    if isinstance(item, Article):
        changes["seo"] = _merged(item.seo, Seo(title="", description="", keywords=()))
    return replace(item, **changes)


def snapshot(sides: BothSides) -> dict[ItemKey, dict[str, str]]:
    """Return the digests of every live item."""
    return {key: live_digests(item) for key, item in sides.live.items()}
