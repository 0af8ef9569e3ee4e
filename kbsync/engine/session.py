"""One run that writes to the portal: read it, plan, write under the lease, and save what was done to the ledger.

What a run is for, a publish or an undo, is its `Operation`. Nothing here prints or asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from kbsync import __version__
from kbsync.baseline import Baseline, fingerprint, is_tombstone, tombstone
from kbsync.engine.apply import ApplyResult, LiveSide, apply_plan
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, unvouched
from kbsync.engine.record import intents_of
from kbsync.engine.recover import recover_into
from kbsync.engine.refresh import LiveState, refresh, required_keys, targeted_refresh, with_author_ids
from kbsync.engine.render import LinkResolver
from kbsync.errors import GitError
from kbsync.freshdesk.client import Connection
from kbsync.model import ItemKey, KnowledgeBase
from kbsync.planner.approval import Approval, approval_of, restrict_to_approval
from kbsync.planner.planner import Plan
from kbsync.state.journal import InFlight, current_holder, delete_journals
from kbsync.state.lease import Lease, LeaseBackend, StalePlan, WaitPolicy, acquire, may_take_over
from kbsync.state.ledger import Purpose, RunRecord, entries_of, share_ledger, write_ledger


class Operation(Protocol):
    """What a run is for."""

    @property
    def verb(self) -> str:
        """Return what is done with each change, as progress shows it."""

    @property
    def undoes(self) -> str:
        """Return the ledger's commit of the run that this one undoes; empty for a publish."""

    def reopen(self, workspace: Workspace) -> Workspace:
        """Open a workspace again, after another run has written."""

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        """Compare both sides."""

    def check(self, plan: Plan) -> None:
        """Raise Refusal where a plan must not be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSession:
    """One run with all that it takes."""

    operation: Operation
    options: Options
    ui: Ui
    connection: Connection

    def read(self, workspace: Workspace) -> tuple[PlanResult, LiveState]:
        """Read the portal, and plan."""
        self.ui.status("reading the portal")
        partial_read = self._targeted_refresh(workspace)
        if partial_read is not None:
            plan, live_state = partial_read
        else:
            live_state = refresh(self.connection)
            content = with_author_ids(workspace.content, self.connection)
            workspace = recover_into(workspace, live_state.live)
            plan = self.operation.plan(workspace, content, live_state.live)
        planned = PlanResult(workspace=workspace, plan=plan, live=live_state.live, calls=self.connection.calls)
        return planned, live_state

    def _targeted_refresh(self, workspace: Workspace) -> tuple[Plan, LiveState] | None:
        """Read only what is to be written, if that was asked for and no interrupted run has to be looked for."""
        if self.options.refresh or workspace.in_flight or workspace.journaled:
            return None
        content = with_author_ids(workspace.content, self.connection)
        keys = required_keys(content, workspace.baselines, self.options.overwrite)
        plan = partial(self.operation.plan, workspace, content)
        return targeted_refresh(self.connection, workspace.baselines, keys, plan)

    def write(self, planned: PlanResult, live_state: LiveState) -> tuple[PlanResult, ApplyResult, GitError | None]:
        """Apply the plan; where another run wrote first, what of it still holds after that run.

        Return the plan that was applied, what was done, and why that could not be saved to the ledger, if so.
        """
        approval, wait = approval_of(planned.plan), WaitPolicy(seconds=self.options.wait)
        while True:
            try:
                result, ledger_error = self._write(planned, live_state, wait)
            except StalePlan:
                planned, live_state = self._replan(planned, approval)
            else:
                return planned, result, ledger_error

    def _replan(self, planned: PlanResult, approval: Approval) -> tuple[PlanResult, LiveState]:
        again, live_state = self.read(self.operation.reopen(planned.workspace))
        plan, withheld = restrict_to_approval(again.plan, approval)
        self.operation.check(plan)
        return replace(again, plan=plan, withheld=(*planned.withheld, *withheld)), live_state

    def _write(
        self, planned: PlanResult, live_state: LiveState, wait: WaitPolicy
    ) -> tuple[ApplyResult, GitError | None]:
        if not planned.plan.writes:
            result = self._apply(planned, live_state, lease=None)
            return result, self._save(planned, result, lease=None)
        workspace = planned.workspace
        with acquire(
            _in_flight(workspace, planned.plan, planned.live),
            LeaseBackend(workspace.repository, workspace.config, self.options.local),
            workspace.heads,
            workspace.in_flight,
            policy=wait,
            status=self.ui.status,
        ) as lease:
            self.connection.check_before_write(lease.check)
            result = self._apply(planned, live_state, lease=lease)
            return result, self._save(planned, result, lease=lease)

    def _apply(self, planned: PlanResult, live_state: LiveState, *, lease: Lease | None) -> ApplyResult:
        workspace, plan = planned.workspace, planned.plan
        self.ui.start(self.operation.verb, len(plan.changes))
        return apply_plan(
            plan,
            LiveSide(connection=self.connection, live=live_state.live, read_at=live_state.at),
            LinkResolver(workspace.config, workspace.content.assets),
            workspace.baselines,
            lambda outcome: self.ui.advance(outcome.change.path),
            keeps=workspace.config.style == "keep" and not self.options.rerender,
            lease=lease,
        )

    def _save(self, planned: PlanResult, result: ApplyResult, *, lease: Lease | None) -> GitError | None:
        """Save what was done, also where that fails: the portal has changed, and people must hear of that too."""
        result.undoes = self.operation.undoes
        result.outcomes.extend(planned.withheld)
        try:
            save_run(planned.workspace, result, at=planned.live.seen_at, local=self.options.local, lease=lease)
        except GitError as error:
            return error
        return None


def _in_flight(workspace: Workspace, plan: Plan, live: KnowledgeBase) -> InFlight:
    """Return what is about to be done; intents of an earlier run that are still unresolved are kept for people."""
    unresolved = workspace.recovered.unresolved
    earlier = workspace.in_flight.intents if workspace.in_flight else ()
    return InFlight(
        holder=current_holder(workspace.commit),
        intents=(*intents_of(plan, workspace.baselines), *(intent for intent in earlier if intent.path in unresolved)),
        existing=frozenset(live.by_id()) - workspace.recovered.unresolved_ids,
        ids=plan.ids,
        reached=workspace.recovered.baselines,
    )


def published_commit(workspace: Workspace) -> str | None:
    """Return the source commit of the last run in the ledger."""
    return workspace.last_run.commit or None if workspace.last_run else None


def save_run(workspace: Workspace, result: ApplyResult, *, at: str, local: bool, lease: Lease | None = None) -> None:
    """Write a run to the ledger and push it; a run that changed nothing writes nothing.

    But for its commit, where the content was changed and changed back on the way to it: a late run of one of the
    commits between would otherwise count as newer than what the ledger tells of.

    Baselines that so far stand in lock files alone are copied, so that the ledger comes to hold every source, and so
    is what was recovered of interrupted runs. The lease ends with the same push.

    Raises:
        GitError: it could not be written or pushed; what was written in this clone stays there.
    """
    ending = lease.finish(result.outcomes) if lease else _end_of_dead_lease(workspace)
    if lease:
        result.lost = lease.lost
    written = _write_to_ledger(workspace, result, at)
    delete_journals([*workspace.journals.values(), *([lease.journal] if lease else [])])
    if written or ending:
        share_ledger(workspace.repository, workspace.config, lease=ending, local=local)


def _end_of_dead_lease(workspace: Workspace) -> tuple[str, None] | None:
    """Return the removal of the lease of a run that is known to be over, where nothing of it is unresolved."""
    other = workspace.in_flight
    if other is None or workspace.recovered.unresolved or not may_take_over(other, WaitPolicy()):
        return None
    return other.commit, None


def _write_to_ledger(workspace: Workspace, result: ApplyResult, at: str) -> bool:
    """Commit to the ledger in this clone; return whether there was anything to commit."""
    changed = {**_only_in_lock(workspace), **workspace.recovered.baselines, **result.baselines}
    changed |= {key: tombstone(workspace.lock[key], seen=at) for key in result.forgotten & workspace.lock.keys()}
    entries = {key: _with_fingerprint(known, workspace.lock) for key, known in changed.items()}
    forgotten = (result.forgotten & workspace.ledger.keys()) - entries.keys()
    if not entries and not forgotten and not _content_changed_and_back(workspace, result):
        return False
    forgotten |= _obsolete_tombstones(workspace)
    write_ledger(workspace.repository, workspace.config, entries, forgotten, record=_record(workspace, result, at))
    return True


def _content_changed_and_back(workspace: Workspace, result: ApplyResult) -> bool:
    """Return whether the content was changed, and back, between the commit that was published last and this one."""
    last, commit = published_commit(workspace), workspace.commit
    if result.undoes or last is None or commit is None or last == commit:
        return False
    paths = {item.path or "" for item in workspace.content.items()}
    directories = {path.partition("/")[0] for path in paths | {known.path for known in workspace.ledger.values()}}
    return workspace.repository.touched_between(last, commit, directories)


def _only_in_lock(workspace: Workspace) -> dict[ItemKey, Baseline]:
    """Return what only lock files know; without what they alone call seen while the file says something else."""
    uncertain = unvouched(workspace)
    return {
        key: known
        for key, known in workspace.baselines.items()
        if key not in workspace.recovered.baselines
        and key not in uncertain
        and key in workspace.lock
        and (key not in workspace.ledger or known.supersedes != fingerprint(workspace.lock[key]))
    }


def _obsolete_tombstones(workspace: Workspace) -> set[ItemKey]:
    """Return the tombstones whose lock file is no longer in the tree."""
    return {key for key, known in workspace.ledger.items() if is_tombstone(known)} - workspace.lock.keys()


def _with_fingerprint(known: Baseline, lock: Mapping[ItemKey, Baseline]) -> Baseline:
    entry = lock.get(known.key)
    return replace(known, supersedes=fingerprint(entry) if entry else "")


def _record(workspace: Workspace, result: ApplyResult, at: str) -> RunRecord:
    """Return the record of a run. What an undo leaves live still comes from the commit that was published before it."""
    commit = published_commit(workspace) if result.undoes else workspace.commit
    return RunRecord(
        target=workspace.config.target,
        purpose=Purpose.UNDO if result.undoes else Purpose.PUBLISH,
        commit=commit or "",
        date=at,
        author=workspace.repository.identity(),
        kbsync=__version__,
        undoes=result.undoes,
        entries=entries_of((*workspace.recovered.outcomes, *result.outcomes)),
    )
