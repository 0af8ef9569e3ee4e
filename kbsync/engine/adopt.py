"""Adoption and release: live items that kbsync starts managing, with or without a file, or stops managing.

A plan says which files are which live items and what a pull would make of them; the journal writes it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from kbsync.baseline import Baseline, State, lock_file_path, read_lock_files, released_file_path
from kbsync.change import Action, Change, Finding, FindingKind
from kbsync.codec import decode, encode
from kbsync.config import Config, Secret
from kbsync.digests import live_digests
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, lock_files, open_workspace
from kbsync.engine.plan import connect, read_both, rules_for
from kbsync.engine.pull import build_pull
from kbsync.engine.pull_journal import TreeJournal
from kbsync.engine.record import make_baseline
from kbsync.engine.render import LinkResolver
from kbsync.errors import Refusal
from kbsync.files import file_name
from kbsync.git.repository import Repository
from kbsync.model import (
    Article,
    Category,
    Item,
    ItemKey,
    Kind,
    KnowledgeBase,
    Side,
    ancestors,
    is_under,
    kind_of,
    source_path,
)
from kbsync.planner.decide import ItemState, PlanRules
from kbsync.planner.identity import identify
from kbsync.planner.match import Match, match
from kbsync.planner.planner import Plan, make_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What is to be adopted or released.

    Content paths, with all below them; live items; and in `pairs` the live item that a path is said to be.
    """

    paths: tuple[str, ...] = ()
    keys: tuple[ItemKey, ...] = ()
    pairs: Mapping[str, ItemKey] = field(default_factory=dict)

    def covers(self, path: str) -> bool:
        """Return whether a content path is named, or is below one that is."""
        return path in self.pairs or any(is_under(path, named) for named in self.paths)


class AdoptPlan:
    """What is to be adopted: the tree and the baselines as they have to be for a pull to write it."""

    def __init__(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, named: Named) -> None:
        self.named = named
        self.live = live.by_id()
        self.addresses = LinkResolver(workspace.config, content.assets)
        self.known = identify(content, workspace.baselines).known
        self.items = content.by_path()
        self.target = workspace.config.target
        self.refused: list[Finding] = absent(named, {*self.live, *workspace.baselines})
        self.pins = self._pins(workspace.baselines)
        self.opened = self._opened(workspace.baselines)
        baselines = {key: known for key, known in workspace.baselines.items() if key not in self.opened}
        self.old = workspace
        self.workspace = replace(workspace, baselines=baselines)
        self.content = _pinned(content, self.pins)
        self.pairs = match(self.content, live, baselines, self.addresses)
        self.wanted = self._wanted()

    def rules(self, options: Options) -> PlanRules:
        """Return the rules of the comparison: all that is named is wanted, whatever the settings say."""
        return replace(rules_for(self.workspace, self.addresses, replace(options, paths=())), new="all")

    def _pins(self, baselines: Mapping[ItemKey, Baseline]) -> dict[str, int]:
        """Return the live ids of the named paths that are given, or known, to be a live item."""
        pins = {}
        for path, item in self.items.items():
            key = self.named.pairs.get(path) or self.known.get(path)
            is_named = self.named.covers(path) or (key is not None and key in self.named.keys)
            if key is None or not is_named or key not in self.live:
                continue
            known, is_given = baselines.get(key), path in self.named.pairs
            if is_given and known is not None and known.state is State.LIVE and known.path != path:
                what = f"{key.kind.value} {key.id} is already managed as {known.path}; release that first"
                self.refused.append(_conflict(path, item.kind, key.id, what))
            elif is_given or (known is not None and known.state is not State.LIVE):
                pins[path] = key.id
        return pins | self._pins_above(pins, baselines)

    def _pins_above(self, pins: Mapping[str, int], baselines: Mapping[ItemKey, Baseline]) -> dict[str, int]:
        """Pin the directories above pinned paths to the parents on the portal, where neither is known."""
        found: dict[str, int] = {}
        for path, number in pins.items():
            item = self.live.get(ItemKey(self.items[path].kind, number))
            for above in ancestors(path):
                key = ItemKey(kind_of(above), (item and item.parent) or 0)
                item = self.live.get(key)
                if item is not None and key not in baselines and above not in self.known and above in self.items:
                    found[above] = key.id
        return found

    def _opened(self, baselines: Mapping[ItemKey, Baseline]) -> set[ItemKey]:
        """Return the baselines that no longer count: of named items that are not managed, and of their parents."""
        opened = {ItemKey(self.items[path].kind, number) for path, number in self.pins.items()} & baselines.keys()
        for key, known in baselines.items():
            if known.state is State.LIVE or known.path in self.items or key not in self.live:
                continue
            unmanaged = known.state in {State.RELEASED, State.KEPT} or known.path in self.named.paths
            if key in self.named.keys or (unmanaged and self.named.covers(known.path)):
                opened.add(key)
        for key in [*opened, *self.named.keys]:
            opened |= {up for up in self._above(key) if up in baselines and baselines[up].state is not State.LIVE}
        return opened

    def _above(self, key: ItemKey) -> list[ItemKey]:
        """Return what holds a live item, the nearest first."""
        item = self.live.get(key)
        if item is not None and item.parent is not None:
            for above in (ItemKey(Kind.FOLDER, item.parent), ItemKey(Kind.CATEGORY, item.parent)):
                if above in self.live and above != key:
                    return [above, *self._above(above)]
        return []

    def _wanted(self) -> dict[ItemKey, ItemState]:
        """Return the live items to adopt, by key."""
        found = {}
        below = {self.pairs.ids.get(path) for path in self.named.paths}
        for case in self.pairs.states:
            if case.live is None and case.content is not None and self.named.covers(case.path):
                self.refused.append(self._lost(case))
            if case.live is None or case.baseline is not None:
                continue
            key = case.live.key
            is_below = case.content is None and any(up.id in below for up in self._above(key))
            if self.named.covers(case.path) or key in self.named.keys or key in self.opened or is_below:
                found[key] = case
        for key in [*found]:
            for up in self._above(key):
                holders = (case for case in self.pairs.states if case.live and case.live.key == up)
                found |= {up: case for case in holders if case.baseline is None}  # noqa: B035
        return found

    def _lost(self, case: ItemState) -> Finding:
        if case.path in self.pairs.ties:
            return _state_conflict(case, self.pairs.ties[case.path])
        if case.baseline is not None:
            return _state_conflict(case, f"{case.kind.value} {case.id} is no longer on the portal")
        return _state_conflict(case, f"nothing on the portal has this name; give the id with `{case.path}=ID`")

    def changes(self, made: Plan) -> tuple[Change, ...]:
        """Return the changes that a pull would have to make for what is wanted."""
        created = {change.key: change for change in made.changes if change.action is Action.CREATE}
        found = []
        for key, case in self.wanted.items():
            if case.content is None:
                found += [created[key]] if key in created else []
                continue
            action = Action.UPDATE if case.differing else Action.ADOPT
            found.append(change_of(action, case, "", fields=tuple(name for name in case.differing if name != "parent")))
        return tuple(found)

    def described(self, change: Change) -> Change:
        """Return a change with its reason: where both sides differ, what the next publish would write."""
        if change.action is Action.CREATE:
            return replace(change, reason="written to a new file")
        differing = self.wanted[change.key].differing
        if not differing:
            return replace(change, action=Action.ADOPT, reason="both sides are the same")
        reason = "the live version counts as seen; the next publish writes the file's version"
        return replace(
            change, action=Action.ADOPT, fields=differing, before=change.after, after=change.before, reason=reason
        )

    def files(
        self, files: Mapping[str, str | bytes | None], changes: Collection[Change]
    ) -> dict[str, str | bytes | None]:
        """Return the files to write: for an existing file only the lock, which holds the source that live has."""
        kept = dict(files)
        for change in changes:
            if change.action is not Action.UPDATE:
                continue
            source = source_path(change.kind, change.path)
            kept.pop(source, None)
            lock = lock_file_path(self.target, change.kind, change.path)
            if change.after is not None and isinstance(text := files.get(lock), str):
                kept[lock] = encode(replace(decode(Baseline, text, file=lock), source=change.after, previous_blob=""))
        return dict.fromkeys(lock_paths(self.old, {change.key for change in changes})) | kept


def _pinned(content: KnowledgeBase, pins: Mapping[str, int]) -> KnowledgeBase:
    return replace(
        content,
        categories=tuple(replace(item, id=pins.get(item.path or "", item.id)) for item in content.categories),
        folders=tuple(replace(item, id=pins.get(item.path or "", item.id)) for item in content.folders),
        articles=tuple(replace(item, id=pins.get(item.path or "", item.id)) for item in content.articles),
    )


def absent(named: Named, known: Collection[ItemKey]) -> list[Finding]:
    """Return refusals for the named live items that do not exist."""
    missing = (key for key in (*named.keys, *named.pairs.values()) if key not in known)
    return [_conflict(f"{key.kind.value} {key.id}", key.kind, key.id, "not on the portal") for key in missing]


def lock_paths(workspace: Workspace, keys: Collection[ItemKey]) -> list[str]:
    """Return the lock files that hold the baselines of some items."""
    files, wanted = lock_files(workspace.config, workspace.files), set(keys)
    return [path for path, data in files.items() if read_lock_files({path: data})[0].keys() & wanted]


def change_of(action: Action, case: ItemState, reason: str, *, fields: tuple[str, ...] = ()) -> Change:
    """Return the change of the tree for one item."""
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


def _state_conflict(case: ItemState, reason: str) -> Finding:
    """Return an item that cannot be adopted or released."""
    return _conflict(case.path, case.kind, case.id, reason)


def _conflict(path: str, kind: Kind, number: int | None, reason: str) -> Finding:
    return Finding(finding_kind=FindingKind.CONFLICT, kind=kind, path=path, id=number, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptResult:
    """What was adopted or released, or would be: the changes of `planned`, and what was refused as its conflicts.

    `files` are written, None deletes; `agreed` is whether the user confirmed it.
    """

    planned: PlanResult
    files: Mapping[str, str | bytes | None]
    agreed: bool = True


def adopt(config: Config, key: Secret, named: Named, options: Options, ui: Ui, *, dry_run: bool = False) -> AdoptResult:
    """Adopt live items: record the live version as seen where a file exists, else write the file.

    Raises:
        Refusal: it would overwrite uncommitted changes, or the portal is not the one that the tree is known to be on.
    """
    with _writing(config, dry_run=dry_run) as journal:
        workspace, content, live, calls = _read(config, key, options, ui)
        adoption = AdoptPlan(workspace, content, live, named)
        made = make_plan(live, adoption.content, adoption.workspace.baselines, adoption.rules(options))
        if made.halt and content.articles:
            raise Refusal(made.halt, advice="nothing was written; check --target and `url`")
        wanted = replace(made, changes=adoption.changes(made))
        ui.start("converting", len(wanted.changes))
        pulled = build_pull(adoption.workspace, wanted, live, adoption.addresses, Options(), ui.advance)
        changes = tuple(adoption.described(change) for change in pulled.changes)
        files, refused = adoption.files(pulled.files, pulled.changes), (*adoption.refused, *pulled.refused)
        return _confirm_and_write(workspace, live, changes, refused, files, calls, ui, journal)


def release(
    config: Config, key: Secret, named: Named, options: Options, ui: Ui, *, dry_run: bool = False
) -> AdoptResult:
    """Release items: from then on they are not changed on either side, whatever happens to their files.

    Raises:
        Refusal: it would overwrite uncommitted changes.
    """
    with _writing(config, dry_run=dry_run) as journal:
        workspace, content, live, calls = _read(config, key, options, ui)
        pairs = match(content, live, workspace.baselines, LinkResolver(config, content.assets))
        changes: list[Change] = []
        refused: list[Finding] = []
        files: dict[str, str | bytes | None] = {}
        for case in pairs.states:
            if not (named.covers(case.path) or (case.id and case.key in named.keys)):
                continue
            entry = _released_baseline(case, live, pairs)
            if entry is None:
                refused.append(_state_conflict(case, "not on the portal; set `publish: false`, or delete the file"))
            elif case.baseline is None or case.baseline.state is not State.RELEASED:
                changes.append(change_of(Action.FORGET, case, "released: kbsync no longer changes it on either side"))
                files |= dict.fromkeys(lock_paths(workspace, {entry.key}))
                files[released_file_path(config.target, entry.key)] = encode(entry)
        refused += absent(named, {case.key for case in pairs.states})
        return _confirm_and_write(workspace, live, tuple(changes), refused, files, calls, ui, journal)


@contextmanager
def _writing(config: Config, *, dry_run: bool) -> Iterator[TreeJournal | None]:
    """Lock the working tree for this run and restore what an earlier one left half done; None on a dry run."""
    if dry_run:
        yield None
        return
    journal = TreeJournal(Repository.open(config.root))
    with journal.held():
        if journal.cut_off:
            journal.restore()
        yield journal


def _read(config: Config, key: Secret, options: Options, ui: Ui) -> tuple[Workspace, KnowledgeBase, KnowledgeBase, int]:
    workspace = open_workspace(config, local=options.local)
    with connect(config, key, ui) as connection:
        return *read_both(workspace, connection, ui), connection.calls


def _confirm_and_write(
    workspace: Workspace,
    live: KnowledgeBase,
    changes: tuple[Change, ...],
    refused: Sequence[Finding],
    files: Mapping[str, str | bytes | None],
    calls: int,
    ui: Ui,
    journal: TreeJournal | None,
) -> AdoptResult:
    """Ask, and write the files, unless it is a dry run, which has no journal."""
    plan = Plan(written=Side.CONTENT, changes=changes, conflicts=tuple(refused), ids={}, targets={}, anchors={})
    result = AdoptResult(planned=PlanResult(workspace=workspace, plan=plan, live=live, calls=calls), files=files)
    if journal is None or not changes:
        return result
    dirty = sorted(workspace.repository.uncommitted() & files.keys())
    if dirty:
        raise Refusal(
            f"this would overwrite uncommitted changes: {', '.join(dirty)}",
            advice="commit or stash them, then try again",
        )
    if not ui.confirm(result.planned):
        return replace(result, agreed=False)
    journal.write(files, workspace.files)
    return result


def _released_baseline(case: ItemState, live: KnowledgeBase, pairs: Match) -> Baseline | None:
    """Return the baseline of a released item; None for one that was never on a portal."""
    item, known = case.live, case.baseline
    if item is None:
        if known is None or not known.live:
            return None
        return replace(known, state=State.RELEASED, seen_at=live.seen_at, supersedes="")
    if case.content is not None:
        anchors = pairs.links.anchors.get(case.path, frozenset())
        made = make_baseline(case.content, item, seen_at=live.seen_at, anchors=anchors)
    elif known is not None:
        made = replace(known, live=live_digests(item), seen_at=live.seen_at, updated_at=item.updated_at or "")
    else:
        made = Baseline(
            kind=item.kind,
            id=item.id or 0,
            path=_likely_path(item, live),
            parent=item.parent,
            seen_at=live.seen_at,
            updated_at=item.updated_at or "",
            live=live_digests(item),
        )
    return replace(made, state=State.RELEASED, source=None, expanded=None, fields={}, previous={}, supersedes="")


def _likely_path(item: Item, live: KnowledgeBase) -> str:
    """Return a path like that of a pull for an item that has none in the tree."""
    name = file_name(item.label, ()) + (".md" if isinstance(item, Article) else "")
    if isinstance(item, Category):
        return name
    by_id, number = live.by_id(), item.parent or 0
    parent = by_id.get(ItemKey(Kind.FOLDER, number)) or by_id.get(ItemKey(Kind.CATEGORY, number))
    return f"{_likely_path(parent, live) if parent else 'unknown'}/{name}"
