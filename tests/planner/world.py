"""A content tree and a portal in memory, with what both agreed on: a few lines a test, and no call at all.

The tree is read, rendered and agreed on by the real modules; only the portal is a dict. It believes all that it is sent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Finding, cycle_openers, in_waves
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
    parent_path,
)
from kbsync.planner.decide import PlanRules
from kbsync.planner.planner import Plan, make_plan

CONFIG = Config(root=Path("nowhere"), url="https://acme.freshdesk.com", assets_url="https://cdn.acme.com/kb", new="all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Files of a tree that are on no disk."""

    files: Mapping[str, str]

    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def problems(self) -> tuple[Problem, ...]:
        return ()

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


@dataclass(slots=True, kw_only=True)
class BothSides:
    """Both sides of a comparison, and what they agreed on."""

    files: dict[str, str] = field(default_factory=dict)
    live: dict[ItemKey, Item] = field(default_factory=dict)
    baselines: dict[ItemKey, Baseline] = field(default_factory=dict)
    config: Config = CONFIG
    ids: Iterator[int] = field(default_factory=lambda: count(101))
    clock: Iterator[int] = field(default_factory=lambda: count(1))

    def content(self) -> KnowledgeBase:
        rules = TreeRules(languages=self.config.languages, ignore=self.config.ignore)
        tree = read_tree(Memory(files=self.files), rules)
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
        """Plan a publish against another reading of the portal."""
        content = self.content()
        return make_plan(content, live, self.baselines, self.rules(content, **others))

    def plan_pull(self, **others: Any) -> Plan:
        content = self.content()
        return make_plan(self.portal(), content, self.baselines, self.rules(content, **others))

    def publish(self, **others: Any) -> Plan:
        """Plan, and let the portal do as it is told."""
        content, plan = self.content(), self.plan(**others)
        assert not plan.halt, plan.halt
        _Carrying(self, plan, content).carry_out()
        return plan

    def id_of(self, path: str) -> int:
        """Return the id of the item that content has at a path and that is live now."""
        return self.baseline(path).id

    def baseline(self, path: str) -> Baseline:
        found = [known for known in self.baselines.values() if known.path == path and known.state is State.LIVE]
        assert len(found) == 1, (path, found)
        return found[0]

    def key(self, which: str | ItemKey) -> ItemKey:
        """Return the key of an item by its content path, if that is what is given."""
        return self.baseline(which).key if isinstance(which, str) else which

    def edit(self, which: str | ItemKey, **changes: Any) -> None:
        """Edit an item on the web."""
        key = self.key(which)
        self.live[key] = replace(self.live[key], updated_at=self.now(), **changes)

    def lose(self, which: str | ItemKey) -> None:
        """Delete an item on the web."""
        del self.live[self.key(which)]

    def add(self, parent: str, title: str, body: str = "<p>Written on the web.</p>", **others: Any) -> int:
        """Write an article on the web, in the folder that content has at a path."""
        number = next(self.ids)
        made = Article(title=title, body=body, id=number, parent=self.id_of(parent), updated_at=self.now(), **others)
        self.live[ItemKey(Kind.ARTICLE, number)] = _whole(made)
        return number

    def rename(self, old: str, new: str) -> None:
        """Rename a file, or a directory with all it holds."""
        self.files = {
            new + path.removeprefix(old) if path == old or path.startswith(f"{old}/") else path: text
            for path, text in self.files.items()
        }

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all it holds."""
        self.files = {name: text for name, text in self.files.items() if not (name + "/").startswith(f"{path}/")}


def published(files: Mapping[str, str], **config: Any) -> BothSides:
    """Make a world with a published tree."""
    made = BothSides(files=dict(files), config=replace(CONFIG, **config))
    made.publish()
    return made


def article(title: str, body: str = "", **front: str) -> str:
    """Write an article's source."""
    lines = "".join(f"{name}: {value}\n" for name, value in front.items())
    return f"---\ntitle: {title}\n{lines}---\n\n{body or f'The words of {title}.'}\n"


def steps(plan: Plan) -> dict[str, str]:
    """Tell for each path what a plan says of it; an item without an entry is at rest."""
    told: dict[str, str] = {}
    changes = [(change.path, change.action.value) for change in plan.changes]
    found: list[Finding] = [*plan.drift, *plan.conflicts, *plan.unmanaged, *plan.undone]
    for path, word in [*changes, *((finding.path, finding.finding_kind.value) for finding in found)]:
        told[path] = f"{told[path]}, {word}" if path in told else word
    return told


class _Carrying:
    """One plan being carried out on the dict."""

    def __init__(self, world: BothSides, plan: Plan, content: KnowledgeBase) -> None:
        self.world = world
        self.plan = plan
        self.addresses = LinkResolver(world.config, content.assets)
        anew = {change.path for change in plan.changes if change.action is Action.MOVE}
        self.ids = {path: number for path, number in plan.ids.items() if path not in anew}
        self.openers = cycle_openers(plan.changes, plan.targets)

    def carry_out(self) -> None:
        ready = []
        for change in (change for wave in in_waves(self.plan.changes, self.plan.targets) for change in wave):
            if self._needs(change) <= self.ids.keys():
                if change.action in {Action.CREATE, Action.MOVE}:
                    self.ids[change.path] = next(self.world.ids)
                ready.append(change)
        for change in ready:
            self._do(change)

    def _needs(self, change: Change) -> set[str]:
        if change.action in {Action.ARCHIVE, Action.DELETE, Action.FORGET}:
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
                self._agree(change, self.world.live[key], None)
            case Action.ARCHIVE:
                self._archive(key)
            case Action.DELETE:
                holds = any(getattr(item, "parent", None) == key.id for item in self.world.live.values())
                if not holds:
                    del self.world.live[key], self.world.baselines[key]
            case Action.FORGET:
                self._forget(change, key)

    def _archive(self, key: ItemKey) -> None:
        old = self.world.live[key]
        assert isinstance(old, Article)
        self.world.live[key] = replace(old, status=Status.DRAFT, updated_at=self.world.now())
        self._settle(key, State.ARCHIVED)

    def _forget(self, change: Change, key: ItemKey) -> None:
        if key not in self.world.live:
            del self.world.baselines[key]
        else:
            self._settle(key, State.KEPT if change.kind is Kind.ARTICLE else State.ARCHIVED)

    def _settle(self, key: ItemKey, state: State) -> None:
        known, live = self.world.baselines[key], self.world.live[key]
        self.world.baselines[key] = with_state(known, live, seen_at=self.world.now(), state=state)

    def _put(self, change: Change, key: ItemKey) -> None:
        content = change.desired
        assert content is not None
        html, sent = None, None
        if isinstance(content, Article) and (change.action in _ANEW or "body" in change.fields):
            rendered = render(content, self.plan.anchors.get(change.path, frozenset()), self.addresses, self.ids)
            html, sent = rendered.html, rendered.addresses
        above = self.ids.get(parent_path(change.path))
        was = self.world.live.get(key)
        if change.action is Action.RENAME and was is not None:
            self._agree(change, was, sent)
            return
        live = _sent(content, was, number=key.id, parent=above, html=html, updated_at=self.world.now())
        self.world.live[key] = live
        self._agree(change, live, sent)
        if change.id not in (None, key.id) and change.action is Action.CREATE:
            self.world.baselines.pop(change.key, None)

    def _agree(self, change: Change, live: Item, sent: Mapping[str, str] | None) -> None:
        content = change.desired
        assert content is not None
        if sent is None and isinstance(content, Article):
            sent = current_addresses(content, self.addresses, self.ids)
        anchors = self.plan.anchors.get(change.path, frozenset())
        known = make_baseline(content, live, seen_at=self.world.now(), anchors=anchors, addresses=sent)
        self.world.baselines[known.key] = known


_ANEW = {Action.CREATE, Action.MOVE}
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
    """Fill in what a portal knows of every item."""
    changes: dict[str, Any] = {
        name: _UNSET[name] for name, value in fields_of(item).items() if value is None and name in _UNSET
    }
    if isinstance(item, Article):
        changes["seo"] = _merged(item.seo, Seo(title="", description="", keywords=()))
    return replace(item, **changes)


def snapshot(world: BothSides) -> dict[ItemKey, dict[str, str]]:
    """Return the version of every live item."""
    return {key: live_digests(item) for key, item in world.live.items()}
