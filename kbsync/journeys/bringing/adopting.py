"""What is to be adopted, made out of what is named: which files are which live items, and what a pull would make of it.

It works out and writes nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from kbsync.agreement_files import agreement_from_json, agreement_to_json, lock_name, read_lock
from kbsync.agreements import Agreement, Key, State
from kbsync.change import Action, Change, Finding, Matter
from kbsync.journeys.audience import Options
from kbsync.journeys.planning import rules_of
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.journeys.workspace import Workspace, lock_files
from kbsync.model import Category, Kind, KnowledgeBase, ancestors, kind_of
from kbsync.plan import Plan, Rules
from kbsync.plan.identity import identify
from kbsync.plan.pairs import pair
from kbsync.plan.table import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What is to be taken over or let go.

    Content paths, with all below them; live items; and in `pairs` the live item that a path is said to be.
    """

    paths: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    pairs: Mapping[str, Key] = field(default_factory=dict)

    def covers(self, path: str) -> bool:
        """Tell whether a content path is named, or lies below one that is."""
        return path in self.pairs or any(path == named or path.startswith(f"{named}/") for named in self.paths)


class Adoption:
    """What is to be adopted, made out: the tree and the agreements as they would have to be for a pull to bring it."""

    def __init__(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, named: Named) -> None:
        self.named = named
        self.live = live.by_id()
        self.addresses = TargetAddresses(workspace.config, content.assets)
        self.known = identify(content, workspace.agreements).known
        self.items = content.by_path()
        self.target = workspace.config.target
        self.refused: list[Finding] = absent(named, {*self.live, *workspace.agreements})
        self.pins = self._pins(workspace.agreements)
        self.opened = self._opened(workspace.agreements)
        agreements = {key: known for key, known in workspace.agreements.items() if key not in self.opened}
        self.old = workspace
        self.workspace = replace(workspace, agreements=agreements)
        self.content = _pinned(content, self.pins)
        self.pairs = pair(self.content, live, agreements, self.addresses)
        self.wanted = self._wanted()

    def rules(self, options: Options) -> Rules:
        """Say how the comparison is to be made: everything that is named is wanted, whatever the settings say."""
        return replace(rules_of(self.workspace, self.addresses, replace(options, paths=())), new="all")

    def _pins(self, agreements: Mapping[Key, Agreement]) -> dict[str, int]:
        """Give the live ids of the paths that are said, or known, to be a live item."""
        pins = {}
        for path, item in self.items.items():
            key = self.named.pairs.get(path) or self.known.get(path)
            is_named = self.named.covers(path) or (key is not None and key in self.named.keys)
            if key is None or not is_named or key not in self.live:
                continue
            known, said = agreements.get(key), path in self.named.pairs
            if said and known is not None and known.state is State.LIVE and known.path != path:
                what = f"{key[0].value} {key[1]} is {known.path} already; release that first"
                self.refused.append(_named_refusal(path, item.kind, key[1], what))
            elif said or (known is not None and known.state is not State.LIVE):
                pins[path] = key[1]
        return pins | self._pins_above(pins, agreements)

    def _pins_above(self, pins: Mapping[str, int], agreements: Mapping[Key, Agreement]) -> dict[str, int]:
        """Pin the directories of what is pinned to what holds it on the portal, where neither is known."""
        found: dict[str, int] = {}
        for path, number in pins.items():
            item = self.live.get((self.items[path].kind, number))
            for above in ancestors(path):
                parent = None if item is None or isinstance(item, Category) else item.parent
                key = (kind_of(above), parent or 0)
                item = self.live.get(key)
                if item is not None and key not in agreements and above not in self.known and above in self.items:
                    found[above] = key[1]
        return found

    def _opened(self, agreements: Mapping[Key, Agreement]) -> set[Key]:
        """Name the agreements that no longer count: those of what is named and is at rest, and what holds it."""
        pinned = {(self.items[path].kind, number) for path, number in self.pins.items()}
        opened = {key for key in pinned if key in agreements}
        for key, known in agreements.items():
            is_gone = known.path not in self.items and key in self.live
            at_rest = known.state in {State.RELEASED, State.KEPT} or known.path in self.named.paths
            if known.state is not State.LIVE and (
                key in self.named.keys or (self.named.covers(known.path) and at_rest)
            ):
                opened |= {key} if is_gone else set()
        for key in [*opened, *self.named.keys]:
            above = self._above(key)
            opened |= {up for up in above if up in agreements and agreements[up].state is not State.LIVE}
        return opened

    def _above(self, key: Key) -> list[Key]:
        """Name what holds a live item, the nearest first."""
        item = self.live.get(key)
        parent = None if item is None or isinstance(item, Category) else item.parent
        for kind in (Kind.FOLDER, Kind.CATEGORY):
            if parent is not None and (kind, parent) in self.live and (kind, parent) != key:
                return [(kind, parent), *self._above((kind, parent))]
        return []

    def _wanted(self) -> dict[Key, Case]:
        """Name the live items that are to be agreed on, by key."""
        found = {}
        for case in self.pairs.cases:
            if case.live is None or case.agreement is not None:
                if self.named.covers(case.path) and case.content is not None and case.live is None:
                    self.refused.append(self._lost(case))
                continue
            key = (case.kind, case.live.id or 0)
            below = {self.pairs.ids.get(path) for path in self.named.paths}
            is_below = case.content is None and any(up[1] in below for up in self._above(key))
            if self.named.covers(case.path) or key in self.named.keys or key in self.opened or is_below:
                found[key] = case
        for key in [*found]:
            for up in self._above(key):
                holders = (case for case in self.pairs.cases if case.live and (case.kind, case.live.id) == up)
                found |= {up: case for case in holders if case.agreement is None}  # noqa: B035
        return found

    def _lost(self, case: Case) -> Finding:
        if case.path in self.pairs.ties:
            return refusal(case, self.pairs.ties[case.path])
        if case.agreement is not None:
            return refusal(case, f"{case.kind.value} {case.id} is gone from the portal")
        return refusal(case, f"nothing on the portal is it by its name; say which with `{case.path}=ID`")

    def changes(self, made: Plan) -> tuple[Change, ...]:
        """Give what a pull would have to do for what is wanted."""
        created = {(change.kind, change.id or 0): change for change in made.changes if change.action is Action.CREATE}
        found = []
        for key, case in self.wanted.items():
            if case.content is None:
                found += [created[key]] if key in created else []
                continue
            action = Action.UPDATE if case.differing else Action.ADOPT
            found.append(change_of(action, case, "", fields=tuple(name for name in case.differing if name != "parent")))
        return tuple(found)

    def told(self, change: Change) -> Change:
        """Tell of a change what it means: where both sides differ, what the next publish would write."""
        if change.action is Action.CREATE:
            return replace(change, reason="brought into the tree")
        differing = self.wanted[change.kind, change.id or 0].differing
        if not differing:
            return replace(change, action=Action.ADOPT, reason="both sides say the same")
        reason = "what is live counts as seen; the next publish writes what the file says"
        return replace(
            change, action=Action.ADOPT, fields=differing, before=change.after, after=change.before, reason=reason
        )

    def files(
        self, files: Mapping[str, str | bytes | None], changes: Collection[Change]
    ) -> dict[str, str | bytes | None]:
        """Give the files to write: of what has a file already only the lock, which holds the source that live has."""
        kept = dict(files)
        for change in changes:
            if change.action is not Action.UPDATE:
                continue
            source = change.path if change.kind is Kind.ARTICLE else f"{change.path}/_index.md"
            kept.pop(source, None)
            lock = lock_name(self.target, change.kind, change.path)
            if change.after is not None and isinstance(text := files.get(lock), str):
                kept[lock] = agreement_to_json(replace(agreement_from_json(text), source=change.after, before=""))
        written = {(change.kind, change.id or 0) for change in changes}
        return dict.fromkeys(lock_paths(self.old, written)) | kept


def _pinned(content: KnowledgeBase, pins: Mapping[str, int]) -> KnowledgeBase:
    return replace(
        content,
        categories=tuple(replace(item, id=pins.get(item.path or "", item.id)) for item in content.categories),
        folders=tuple(replace(item, id=pins.get(item.path or "", item.id)) for item in content.folders),
        articles=tuple(replace(item, id=pins.get(item.path or "", item.id)) for item in content.articles),
    )


def absent(named: Named, known: Collection[Key]) -> list[Finding]:
    """Name the live items that are nowhere."""
    asked = [*named.keys, *named.pairs.values()]
    return [
        Finding(
            matter=Matter.CONFLICT, kind=key[0], path=f"{key[0].value} {key[1]}", id=key[1], reason="not on the portal"
        )
        for key in asked
        if key not in known
    ]


def lock_paths(workspace: Workspace, keys: Collection[Key]) -> list[str]:
    """Name the lock files that hold the agreements of some items."""
    found = []
    for path, data in lock_files(workspace.config, workspace.files).items():
        entries, _ = read_lock({path: data})
        found += [path] if entries.keys() & set(keys) else []
    return found


def change_of(action: Action, case: Case, reason: str, *, fields: tuple[str, ...] = ()) -> Change:
    """Make a case into a change of the tree."""
    text = case.content.origin.text if case.content and case.content.origin else None
    return Change(
        action=action,
        kind=case.kind,
        path=case.path,
        id=case.live.id if case.live else case.id,
        fields=fields,
        reason=reason,
        desired=case.live,
        actual=case.content,
        before=text,
    )


def refusal(case: Case, reason: str) -> Finding:
    """Name a case that stands in the way."""
    return _named_refusal(case.path, case.kind, case.id, reason)


def _named_refusal(path: str, kind: Kind, number: int | None, reason: str) -> Finding:
    return Finding(matter=Matter.CONFLICT, kind=kind, path=path, id=number, reason=reason)
