"""A pull: make the files and lock files of a plan toward content, and write them into the working tree.

`build_pull` makes every file first and writes nothing; `pull` writes them all by a journal.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from kbsync.change import Action, Change, Finding, select_paths
from kbsync.config import Config, Secret
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, open_workspace
from kbsync.engine.merge_files import BodyMerger, FileMerger, MergedFile, source_of
from kbsync.engine.plan import connect, read_both, rules_for
from kbsync.engine.pull_baselines import PullBaselines, lock_file_changes, moved_along, relinked_files
from kbsync.engine.pull_journal import Restored, TreeJournal
from kbsync.engine.record import conflict_of
from kbsync.engine.refresh import find_existing
from kbsync.engine.relocate import Places
from kbsync.engine.render import LinkResolver
from kbsync.errors import ContentError, Refusal
from kbsync.files import Overlay, folded
from kbsync.freshdesk.client import Connection
from kbsync.git.repository import Repository
from kbsync.model import ItemKey, Kind, KnowledgeBase, fields_of, is_under, source_path
from kbsync.planner.planner import Plan, make_plan


@dataclass(slots=True, kw_only=True)
class PulledFiles:
    """What a pull would write: each file by path (None deletes), and the changes.

    `dropped` is what was left out on purpose, by path; `classes` are those that were left out because they mean nothing
    in Freshdesk, and how often; `refused` are items that could not be pulled, or whose files
    hold both versions between markers. `moved` maps old paths of files and directories to new ones.
    """

    files: dict[str, str | bytes | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    dropped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)
    refused: list[Finding] = field(default_factory=list)
    moved: Mapping[str, str] = field(default_factory=dict)


def build_pull(
    workspace: Workspace,
    plan: Plan,
    live: KnowledgeBase,
    addresses: LinkResolver,
    options: Options,
    advance: Callable[[str], None],
) -> PulledFiles:
    """Make the files of a pull, of all or at some paths; `advance` is called for each item."""
    refused: list[Finding] = []
    while True:
        builder = _PullBuilder(workspace, plan, live, addresses, options)
        if not builder.run({finding.key for finding in refused}, advance):
            builder.pulled.refused += refused
            return builder.pulled
        refused += builder.pulled.refused


@dataclass
class _PullBuilder:
    """The files of one pull, while they are made."""

    workspace: Workspace
    plan: Plan
    live: KnowledgeBase
    addresses: LinkResolver
    options: Options

    def __post_init__(self) -> None:
        self.present = frozenset(self.workspace.files.paths())
        self.places = Places(
            self.plan, self.live, self.present, self.workspace.baselines, self.workspace.tree.destinations.own
        )
        self.state = PullBaselines(workspace=self.workspace, live=self.live)
        self.pulled = PulledFiles()

    def run(self, without: set[ItemKey], advance: Callable[[str], None]) -> bool:
        """Make the files of all but some items; return whether to start again, since others rely on a refused one."""
        asked = self._placed([change for change in self.plan.changes if change.key not in without])
        deleted = [change for change in asked if change.action is Action.DELETE]
        self.addresses = self.addresses.after_moves(self.places.moved)
        self.state.moved = self.places.moved
        links = relinked_files(self.workspace.files, self.places, without={source_of(change) for change in deleted})
        merger = self._file_merger(links)
        gone = {change.path for change in deleted} | self.places.moved.keys()
        counted_on = False
        for change in asked:
            is_there = self._remove(change, gone) if change.action is Action.DELETE else self._merge(change, merger)
            counted_on |= not is_there and change.action.creates_item
            advance(change.path)
        if counted_on:
            return True
        self._refuse_unplaced()
        self._finish(links)
        return False

    def _placed(self, changes: list[Change]) -> list[Change]:
        """Return the changes that were asked for with their paths; the others move nothing."""
        placed = self.places.placed(changes)
        asked = {change.key for change in self._asked(placed)}
        others = [change for change in placed if change.key not in asked]
        if others and any(change.action is Action.MOVE and change.kind is not Kind.ARTICLE for change in placed):
            self.places = Places(
                self.plan, self.live, self.present, self.workspace.baselines, self.workspace.tree.destinations.own
            )
            placed = self.places.placed([change for change in changes if change.key in asked])
            others = []
        for change in others:
            self.places.forget(change)
        return [replace(change, before=self._before(change), after=None) for change in placed if change.key in asked]

    def _file_merger(self, links: Mapping[str, str | bytes | None]) -> FileMerger:
        # Includes are still found by the paths that they had before the moves.
        files = Overlay(self.workspace.files, {path: text for path, text in links.items() if text is not None})
        return FileMerger(
            plan=self.plan,
            places=self.places,
            addresses=self.addresses,
            bodies=BodyMerger(self.workspace.tree, files, self.addresses),
            baselines=self.workspace.baselines,
            dropped=self.pulled.dropped,
            classes=self.pulled.classes,
        )

    def _asked(self, placed: list[Change]) -> list[Change]:
        """Keep what was asked for by its path or its former path."""
        asked = {change.path for change in select_paths(placed, self.options.paths)}
        asked |= {change.path for change in placed if change.former_path and self._is_named(change.former_path)}
        return [change for change in placed if change.path in asked]

    def _is_named(self, path: str) -> bool:
        return any(is_under(path, named) for named in self.options.paths)

    def _before(self, change: Change) -> str | None:
        source = source_path(change.kind, self.places.before(change.path))
        return self.workspace.files.read(source).decode("utf-8") if source in self.present else None

    def _merge(self, change: Change, merger: FileMerger) -> bool:
        """Make one file; return False where it cannot be edited and so is refused."""
        live = fields_of(change.desired) if change.desired else {}
        if any(self.workspace.config.leaks.is_in(str(value)) for value in live.values()):
            self._refuse(change, "contains your API key, so it is not written; remove it there, and reset the key")
            return False
        try:
            merged = merger.merge(change)
        except ContentError as error:
            self._refuse(change, "; ".join(problem.message for problem in error.problems))
            return False
        overlaps = f"both sides made different changes: {', '.join(merged.overlaps)}"
        if merged.overlaps and not self.options.markers:
            self._refuse(change, overlaps, merged)
            return False
        source = source_of(change)
        if merged.text is not None:
            self.state.written[source] = merged.text
        if merged.agreed is not None and merged.agreed != merged.text:
            self.state.agreed[source] = merged.agreed
        if merged.shown is not None:
            self.state.shown[change.path] = merged.shown
        if merged.overlaps:
            self._refuse(change, f"{overlaps}; resolve the conflict markers, or use --ours or --theirs", merged)
            change = replace(change, reason=f"in conflict, with markers: {', '.join(merged.overlaps)}")
        self.pulled.changes.append(change)
        return True

    def _remove(self, change: Change, gone: set[str]) -> bool:
        """Delete a file; that of a directory only when nothing of the tree remains in it."""
        within = {path for path in self.workspace.content.by_path() if path.startswith(f"{change.path}/")}
        if change.kind is not Kind.ARTICLE and not within <= gone:
            self._refuse(change, "deleted on the portal, but its directory has other files; delete it yourself")
            return False
        if (source := source_of(change)) in self.present:
            self.state.written[source] = None
        self.pulled.changes.append(change)
        return True

    def _refuse(self, change: Change, why: str, merged: MergedFile | None = None) -> None:
        stays = change.action is Action.MOVE and not (merged and merged.text and self.options.markers)
        path = change.former_path if stays and change.former_path else change.path
        finding = replace(_conflict_of(change, why), path=path, fields=change.fields, live=change.desired)
        self.pulled.refused.append(finding)

    def _refuse_unplaced(self) -> None:
        for change in self.places.lost:
            if change.action is Action.MOVE and (not self.options.paths or self._is_named(change.path)):
                self._refuse(change, "moved on the portal to a folder that is not in the tree")

    def _finish(self, links: Mapping[str, str | bytes | None]) -> None:
        """Rewrite the links of other files, read back what would be written, and make the lock files."""
        state, changes = self.state, self.pulled.changes
        taken = {change.key for change in changes}
        state.written = {**links, **state.written}
        state.keep_emptied_directories(
            self.places.paths.values(), without={change.path for change in changes if not change.desired}
        )
        following = moved_along(state, self.plan, self.places, self.addresses, taken)
        changes += following if self.places.moved else ()
        state.write_inherited_defaults(changes)
        ids = {path: key.id for key, path in self.places.paths.items()}
        made = state.baselines(changes, self.addresses, ids)
        self.pulled.files = state.written | lock_file_changes(self.workspace, changes, made)
        self.pulled.moved = self.places.moved
        self.pulled.changes[:] = [replace(change, after=self._after(change)) for change in changes]

    def _after(self, change: Change) -> str | None:
        text = self.state.written.get(source_of(change))
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """What a pull wrote, or would write; `outside` are files of it that a sparse checkout had left out."""

    planned: PlanResult
    pulled: PulledFiles = field(default_factory=PulledFiles)
    calls: int = 0
    outside: tuple[str, ...] = ()


def pull(config: Config, key: Secret, options: Options, ui: Ui, *, dry_run: bool) -> PullResult:
    """Write what changed on the portal into the working tree; what an interrupted pull left is put back first.

    Raises:
        Refusal: it would write over files with uncommitted changes.
        ContentError: some files could not be written.
        KbsyncError: nothing more could be written; the next pull continues.
    """
    if dry_run:
        return plan_pull(open_workspace(config, local=options.local), key, options, ui)
    journal = TreeJournal(Repository.open(config.root))
    with journal.held():
        if journal.cut_off:
            ui.status("restoring files from an interrupted pull")
            journal.restore()
        if options.ours or options.theirs:
            # All of them: what is not named would stop this pull, and gets its markers again.
            journal.restore_unresolved()
        workspace = open_workspace(config, local=options.local)
        result = plan_pull(workspace, key, options, ui)
        _refuse_to_write_over(workspace, result.pulled)
        return replace(result, outside=journal.write(result.pulled.files, workspace.files, moved=result.pulled.moved))


def abort(config: Config) -> Restored | None:
    """Put back the files that the last pull, adopt or release changed; None where there was none.

    Raises:
        Refusal: another run is writing here.
        GitError: there is no repository.
    """
    journal = TreeJournal(Repository.open(config.root))
    with journal.held():
        return journal.restore() if journal.has_run() else None


def plan_pull(workspace: Workspace, key: Secret, options: Options, ui: Ui) -> PullResult:
    """Read the portal, and make what a pull into this workspace would write; nothing is written.

    Raises:
        Refusal: the portal is not the one that the tree is known to be on.
    """
    config = workspace.config
    with connect(config, key, ui) as connection:
        workspace, content, live = read_both(workspace, connection, ui)
        addresses = LinkResolver(config, content.assets)
        rules = rules_for(workspace, addresses, replace(options, paths=()))
        made = make_plan(live, content, workspace.baselines, rules)
        if made.halt and content.articles:
            raise Refusal(made.halt, advice="nothing was written; check --target and `url`")
        made = _hold_back_unconfirmed(made, connection)
        ui.start("converting", len(made.changes))
        pulled = build_pull(workspace, made, live, addresses, options, ui.advance)
    made = replace(made, changes=tuple(pulled.changes), conflicts=(*made.conflicts, *pulled.refused))
    planned = PlanResult(workspace=workspace, plan=made, live=live, calls=connection.calls)
    return PullResult(planned=planned, pulled=pulled, calls=planned.calls)


def _hold_back_unconfirmed(plan: Plan, connection: Connection) -> Plan:
    """Hold back each deletion of a file whose item the portal still has when it is read by its id."""
    deletions = [change for change in plan.changes if change.action is Action.DELETE]
    existing = find_existing(connection, {change.key for change in deletions if change.id is not None})
    reason = "still on the portal, but missing from its list; pull again"
    withheld = [change for change in deletions if change.key in existing]
    conflicts = (_conflict_of(change, reason) for change in withheld)
    changes = tuple(change for change in plan.changes if change not in withheld)
    return replace(plan, changes=changes, conflicts=(*plan.conflicts, *conflicts))


def _conflict_of(change: Change, reason: str) -> Finding:
    """Return the conflict of a change of the content, whose sides are those of a change of the portal exchanged."""
    return replace(conflict_of(change, reason), content=change.actual, live=None)


def _refuse_to_write_over(workspace: Workspace, pulled: PulledFiles) -> None:
    uncommitted = set(workspace.repository.uncommitted()) & pulled.files.keys()
    if uncommitted:
        raise Refusal(
            f"a pull would overwrite uncommitted changes: {', '.join(sorted(uncommitted))}",
            advice="commit or stash them, then pull again",
        )
    known = {folded(path) for path in workspace.files.paths()}
    new = (path for path, text in pulled.files.items() if text is not None and folded(path) not in known)
    unknown = [path for path in new if (workspace.config.root / path).is_file()]
    if unknown:
        raise Refusal(
            f"a pull would overwrite files that git ignores: {', '.join(sorted(unknown))}",
            advice="move them, then pull again",
        )
