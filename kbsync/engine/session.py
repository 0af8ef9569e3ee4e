"""One run that writes to the portal: read it, plan, write under the lease, and save what was done to the ledger.

What a run is for, a publish or an undo, is its `Operation`. Nothing here prints or asks.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from kbsync import __version__
from kbsync.baseline import Baseline, fingerprint, is_tombstone, tombstone
from kbsync.engine.apply import ApplyResult, LiveSide, WriteWays, apply_plan
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, unvouched
from kbsync.engine.plan import read_and_plan
from kbsync.engine.record import intents_of
from kbsync.engine.refresh import LiveState
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
        workspace, plan, live_state = read_and_plan(
            workspace, self.connection, self.options, self.ui, self.operation.plan
        )
        planned = PlanResult(workspace=workspace, plan=plan, live=live_state.live, calls=self.connection.calls)
        return planned, live_state

    def write(self, planned: PlanResult, live_state: LiveState) -> tuple[PlanResult, ApplyResult, GitError | None]:
        """Apply the plan; where another run wrote first, only what still holds after that run.

        Return the plan that was applied, what was done, and the error if that could not be saved to the ledger.
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
            return self._apply(planned, live_state, lease=None)
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
            return self._apply(planned, live_state, lease=lease)

    def _apply(
        self, planned: PlanResult, live_state: LiveState, *, lease: Lease | None
    ) -> tuple[ApplyResult, GitError | None]:
        workspace, plan = planned.workspace, planned.plan
        self.ui.start(self.operation.verb, len(plan.changes))
        result = apply_plan(
            plan,
            LiveSide(connection=self.connection, live=live_state.live, read_at=live_state.at),
            LinkResolver(workspace.config, workspace.content.assets),
            workspace.baselines,
            lambda outcome: self.ui.advance(outcome.change.path),
            ways=WriteWays(
                keeps=workspace.config.style == "keep" and not self.options.rerender,
                in_order=workspace.config.create_order == "files",
                lists=workspace.config.reread == "folder",
                keys=workspace.config.leaks,
            ),
            lease=lease,
            note=self.ui.note,
        )
        result.undoes = self.operation.undoes
        result.outcomes.extend(planned.withheld)
        try:
            save_run(workspace, result, at=planned.live.seen_at, local=self.options.local, lease=lease)
        except GitError as error:
            # The portal has changed all the same, and that is to be reported too.
            return result, error
        return result, None


def _in_flight(workspace: Workspace, plan: Plan, live: KnowledgeBase) -> InFlight:
    """Return the intents of the run; those of an earlier run that are still unresolved are kept."""
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

    Its commit is written nevertheless where the content was changed and changed back on the way to it: otherwise a late
    run of a commit in between would count as newer than the ledger. Baselines that only lock files hold are copied, so
    that the ledger has every source, and so is what was recovered of interrupted runs. The same push ends the lease.

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
    lock = workspace.lock
    changed = {**_only_in_lock(workspace), **workspace.recovered.baselines, **result.baselines}
    changed |= {key: tombstone(lock[key], seen=at) for key in result.forgotten & lock.keys()}
    entries = {
        key: replace(known, supersedes=fingerprint(lock[key]) if key in lock else "") for key, known in changed.items()
    }
    forgotten = (result.forgotten & workspace.ledger.keys()) - entries.keys()
    if not entries and not forgotten and not _content_changed_and_back(workspace, result):
        return False
    # Tombstones whose lock file is no longer in the tree are obsolete.
    forgotten |= {key for key, known in workspace.ledger.items() if is_tombstone(known)} - lock.keys()
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
    """Return the baselines that only lock files have, less those whose file has other content than the lock says."""
    uncertain = unvouched(workspace)
    return {
        key: known
        for key, known in workspace.baselines.items()
        if key not in workspace.recovered.baselines
        and key not in uncertain
        and key in workspace.lock
        and (key not in workspace.ledger or known.supersedes != fingerprint(workspace.lock[key]))
    }


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
