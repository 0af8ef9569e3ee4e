"""Undo one run: put back on the portal what it replaced, or commit its files as they were before to a branch.

The first is a run of its own, with the same session, lease and ledger as a publish. The second does not touch the
portal; what people changed in those files since is merged in three ways, or skipped and named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kbsync.baseline import Baseline
from kbsync.change import Action, FindingKind
from kbsync.config import Config, Secret
from kbsync.engine.apply import ApplyResult
from kbsync.engine.branch import BranchUpdate, commit_message, on_branch
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, open_workspace
from kbsync.engine.history import entries_at, find_run, keys_of, last_run, past_runs
from kbsync.engine.plan import connect
from kbsync.engine.publish import check_branch, check_descends_from
from kbsync.engine.session import RunSession, published_commit
from kbsync.engine.undo_plan import RunBaselines, TreeIndex, index_tree, invert, parent_ids
from kbsync.errors import GitError
from kbsync.git.repository import Repository
from kbsync.model import INDEX_FILE, ItemKey, Kind, KnowledgeBase, Side, source_path
from kbsync.planner.planner import Plan
from kbsync.state.ledger import RunEntry, RunInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """The result of an undo of the run `past`; `run` is None where nothing was written.

    `remaining` are the directories that the run created and that stay; `ledger_error` is why the ledger could not be
    saved.
    """

    past: RunInfo
    planned: PlanResult
    remaining: tuple[str, ...] = ()
    run: ApplyResult | None = None
    calls: int = 0
    ledger_error: GitError | None = None


def undo(
    config: Config, key: Secret, name: str | None, options: Options, ui: Ui, *, dry_run: bool = False
) -> UndoResult:
    """Put back what one run replaced, by default the last one; what was changed since is named and skipped.

    Raises:
        UsageError: there is no such run.
        Refusal: the commit that is checked out is older than what was published.
        GitError: there is no repository, or the ledger cannot be read.
    """
    workspace = _open(config, options)
    runs = past_runs(workspace.repository, config)
    past = find_run(runs, name) if name else last_run(runs)
    with connect(config, key, ui) as connection:
        operation = _UndoOperation(config=config, options=options, past=past)
        session = RunSession(operation=operation, options=options, ui=ui, connection=connection)
        planned, live_state = session.read(workspace)
        planned = replace(planned, undoes=past)
        unwritten = UndoResult(past=past, planned=planned, remaining=_remaining(past), calls=connection.calls)
        if dry_run or not planned.plan.changes or (planned.plan.writes and not ui.confirm(planned)):
            return unwritten
        planned, run, ledger_error = session.write(planned, live_state)
        return replace(
            unwritten, planned=replace(planned, undoes=past), run=run, calls=connection.calls, ledger_error=ledger_error
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _UndoOperation:
    config: Config
    options: Options
    past: RunInfo
    verb: str = "restoring"

    @property
    def undoes(self) -> str:
        return self.past.id

    def reopen(self, workspace: Workspace) -> Workspace:
        return _open(self.config, self.options)

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        runs = past_runs(workspace.repository, self.config)
        run_baselines = load_run_baselines(workspace, find_run(runs, self.past.id), runs)
        tree = index_tree(content, workspace.baselines)
        return _plan_undo(self.past, run_baselines, tree, live, holds=self.config.touched == "hold")

    def check(self, plan: Plan) -> None:
        """Accept any plan: an undo keeps to one confirmed run, so it needs no limit."""


def _open(config: Config, options: Options) -> Workspace:
    """Open what HEAD holds: its files show whether an item has changed since it was undone."""
    repository = Repository.open(config.root)
    commit = repository.head()
    if commit is None:
        raise GitError("no commits yet", advice="there is nothing to undo")
    if not options.attended:
        check_branch(repository, config, commit, local=options.local)
    workspace = open_workspace(config, commit=commit, local=options.local)
    if last := published_commit(workspace):
        advice = "check out the published commit, then undo"
        check_descends_from(workspace, last, advice=advice)
    return workspace


def load_run_baselines(workspace: Workspace, past: RunInfo, runs: Sequence[RunInfo]) -> RunBaselines:
    """Read the baselines of a run's items before and after it, and which later runs changed them."""
    keys = keys_of(past.record.entries)
    after = entries_at(workspace.repository, workspace.config, past.id, keys)
    later = runs[: runs.index(past)]
    return RunBaselines(
        before=_before(workspace, past, after),
        after=after,
        later={
            key: next((run.short_id for run in later if key in keys_of(run.record.entries)), "")
            for key, mine in after.items()
            if not _is_same_version(workspace.ledger.get(key), mine)
        },
        undone_by=frozenset(past.undone_by),
        twins=_twins(past, runs),
    )


def _before(workspace: Workspace, past: RunInfo, after: Mapping[ItemKey, Baseline]) -> dict[ItemKey, Baseline]:
    """Return the baselines before a run: the ledger's entries of then, or those of the lock files where newer."""
    known = entries_at(workspace.repository, workspace.config, past.parent, after.keys())
    for key, entry in workspace.lock.items():
        if (
            key in after
            and entry.seen_at < after[key].seen_at
            and (key not in known or known[key].seen_at < entry.seen_at)
        ):
            known[key] = entry
    return known


def _is_same_version(now: Baseline | None, mine: Baseline) -> bool:
    """Return whether the ledger still holds the live version that a run left."""
    return now is not None and (now.live, now.updated_at, now.parent) == (mine.live, mine.updated_at, mine.parent)


def _twins(past: RunInfo, runs: Sequence[RunInfo]) -> dict[ItemKey, ItemKey]:
    """Pair each article with the one that a move created in its place, in this run or in the one that it undoes."""
    by_id = {run.id: run for run in runs}
    found: dict[ItemKey, ItemKey] = {}
    run: RunInfo | None = past
    while run is not None:
        for entry in run.record.entries:
            if entry.replaces is not None:
                old = ItemKey(entry.kind, entry.replaces)
                found |= {entry.key: old, old: entry.key}
        run = by_id.get(run.record.undoes)
    return found


def _plan_undo(
    past: RunInfo, run_baselines: RunBaselines, tree: TreeIndex, live: KnowledgeBase, *, holds: bool
) -> Plan:
    inverse = invert(past.record.entries, run_baselines, tree, live, run=past.short_id, holds=holds)
    return Plan(
        written=Side.LIVE,
        changes=tuple(inverse.changes),
        conflicts=tuple(finding for finding in inverse.skipped if finding.finding_kind is FindingKind.CONFLICT),
        undone=tuple(finding for finding in inverse.skipped if finding.finding_kind is FindingKind.UNDONE),
        ids=parent_ids(inverse.changes, run_baselines.before),
        targets={},
        anchors={},
    )


def _remaining(past: RunInfo) -> tuple[str, ...]:
    """Return the directories that a run created: nothing is deleted, so they stay."""
    entries = past.record.entries
    return tuple(e.path for e in entries if e.action is Action.CREATE and e.kind is not Kind.ARTICLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchUndoResult:
    """What an undo put on a branch: the commit (None where there was nothing to undo), and what was left out.

    `files` are those that changed, `left_out` says for each path why it is as it was.
    """

    past: RunInfo
    branch: str
    commit: str | None = None
    pushed: bool = False
    files: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def undo_on_branch(config: Config, name: str | None, *, branch: str, local: bool) -> BranchUndoResult:
    """Commit to a branch the files of a run as they were before it, by default of the last one.

    Raises:
        UsageError: there is no such run, or the branch cannot be used.
        Refusal: the branch and the one that it is to be merged into overlap.
        GitError: the remote cannot be reached, or does not take the branch.
    """

    def commit_inverse(update: BranchUpdate) -> BranchUndoResult:
        workspace = open_workspace(config, commit=update.commit, local=local)
        runs = past_runs(workspace.repository, config)
        past = find_run(runs, name) if name else last_run(runs)
        inverter = _FileInverter(workspace, update.commit, load_run_baselines(workspace, past, runs))
        for entry in _undone(past, runs):
            inverter.invert(entry)
        inverter.move_remaining_files()
        if not inverter.files:
            return BranchUndoResult(past=past, branch=branch, left_out=inverter.left_out)
        commit = update.commit_files(inverter.files, message=_message(past, inverter.files, inverter.left_out))
        return BranchUndoResult(
            past=past,
            branch=branch,
            commit=commit,
            pushed=update.pushes,
            files=tuple(sorted(inverter.files)),
            left_out=inverter.left_out,
        )

    return on_branch(config, branch, commit_inverse, local=local)


def _undone(past: RunInfo, runs: Sequence[RunInfo]) -> list[RunEntry]:
    """Return the entries that were undone on the portal; all where none was yet."""
    keys = {key for run in runs if run.record.undoes == past.id for key in keys_of(run.record.entries)}
    # A new path alone leaves nothing to put back on the portal, so that no undo has an entry for it.
    entries = (
        entry
        for entry in past.record.entries
        if not keys or entry.action is Action.RENAME or not keys.isdisjoint(keys_of([entry]))
    )
    return sorted(entries, key=lambda entry: entry.path.count("/"))


class _FileInverter:
    def __init__(self, workspace: Workspace, commit: str, run_baselines: RunBaselines) -> None:
        self.repository = workspace.repository
        self.current = workspace.files
        self.present = frozenset(workspace.files.paths())
        self.commit = commit
        self.run_baselines = run_baselines
        self.tree: TreeIndex = index_tree(workspace.content, workspace.baselines)
        self.files: dict[str, str | None] = {}
        self.left_out: dict[str, str] = {}
        self.directories: dict[str, str] = {}

    def invert(self, entry: RunEntry) -> None:
        mine = self.run_baselines.after.get(entry.key)
        earlier = self.run_baselines.before.get(ItemKey(entry.kind, entry.replaces or entry.id))
        if mine is None or (earlier is None and entry.kind is not Kind.ARTICLE):
            return
        there = self._file(entry.kind, mine)
        if entry.action in {Action.ARCHIVE, Action.FORGET, Action.DELETE}:
            self._restore(mine if entry.action is Action.ARCHIVE else earlier, there)
        elif earlier is None or entry.action in {Action.CREATE, Action.RESTORE}:
            self._remove(mine, there)
        else:
            self._put(mine, earlier, there)

    def _file(self, kind: Kind, mine: Baseline) -> str | None:
        """Return the file that an item has in the tree now, or the directory that it is."""
        twin = self.run_baselines.twins.get(mine.key, mine.key)
        path = self.tree.paths.get(mine.key) or self.tree.paths.get(twin)
        return source_path(kind, path) if path else path

    def _restore(self, earlier: Baseline | None, there: str | None) -> None:
        source = self._source(earlier)
        if earlier is None or source is None or there is not None:
            return
        path = source_path(earlier.kind, earlier.path)
        if path in self.present:
            self.left_out[path] = "another file has this path now"
        else:
            self.files[path] = source

    def _remove(self, mine: Baseline, there: str | None) -> None:
        if there is None:
            return
        if self._read(there) != self._source(mine):
            self.left_out[there] = "created by that run and changed since"
        else:
            self.files[there] = None

    def _put(self, mine: Baseline, earlier: Baseline, there: str | None) -> None:
        """Write the source from before the run to its former path, merged with what people changed since."""
        path = source_path(earlier.kind, earlier.path)
        if there is None:
            self.left_out[path] = "no longer in the tree"
            return
        if mine.kind is not Kind.ARTICLE and there != path:
            self.directories[there.removesuffix(f"/{INDEX_FILE}")] = earlier.path
        if mine.kind is not Kind.ARTICLE and not (earlier.blob and mine.blob):
            self._put_index(mine, earlier, there)
            return
        if there not in self.present:
            return
        base, former, now = self._source(mine), self._source(earlier), self._read(there)
        if base is None or former is None:
            self.left_out[there] = "its text before that run is not in git"
            return
        if base == former and mine.expanded != earlier.expanded:
            self.left_out[there] = "an include or a variable was changed; undo that yourself"
        text = former if now == base else self._merged(there, base, now, former)
        if text is None or (path != there and path in self.present):
            self.left_out[there] = "the same lines were changed since" if text is None else f"{path} already exists"
        elif path != there or text != now:
            self.files |= {there: None} | {path: text}

    def _put_index(self, mine: Baseline, earlier: Baseline, there: str) -> None:
        """Restore or remove the index file of a directory, as it was before the run."""
        former, path = self._source(earlier), source_path(earlier.kind, earlier.path)
        if former is None and there in self.present and mine.blob:
            self._remove(mine, there)
        elif former is not None and there not in self.present and path not in self.present:
            self.files[path] = former

    def _merged(self, path: str, base: str, now: str, former: str) -> str | None:
        """Merge in three ways as git does; None where both changed the same lines."""
        branches = self.repository.branches
        then = branches.commit_onto(self.commit, {path: base}, message="then")
        ours, theirs = (branches.commit_onto(then, {path: text}, message="since") for text in (now, former))
        if branches.tree(theirs) == branches.tree(then):
            return now
        merged = branches.merge(ours, theirs)
        if merged.conflicts:
            return None
        commit = branches.commit_merge(merged, {}, message="merged")
        return self.repository.committed(commit).read(path).decode("utf-8")

    def move_remaining_files(self) -> None:
        """Move the other files of a directory that gets its old name back, such as pictures."""
        for path in sorted(self.present - self.files.keys()):
            above = [new for new in self.directories if path.startswith(f"{new}/")]
            if not above or path in self.left_out:
                continue
            new = max(above, key=len)
            text = self._text(path)
            if text is None:
                self.left_out[path] = f"not a text file; move it to {self.directories[new]} yourself"
            else:
                self.files |= {path: None, self.directories[new] + path.removeprefix(new): text}

    def _text(self, path: str) -> str | None:
        try:
            return self._read(path)
        except UnicodeDecodeError:
            return None

    def _read(self, path: str) -> str:
        return self.current.read(path).decode("utf-8")

    def _source(self, known: Baseline | None) -> str | None:
        if known is None or known.source is not None or not known.blob:
            return known.source if known else None
        return self.repository.blobs([known.blob]).get(known.blob)


def _message(past: RunInfo, files: Mapping[str, str | None], left_out: Mapping[str, str]) -> str:
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    return commit_message(
        f"Revert {count} to before run {past.short_id}",
        [f"{'delete' if text is None else 'restore'} {path}" for path, text in sorted(files.items())],
        "Skipped; undo these yourself:",
        [f"{path}: {why}" for path, why in sorted(left_out.items())],
    )
