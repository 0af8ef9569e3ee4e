"""What a run leaves behind: which baselines, on which commit, in words that a reader of the log understands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from kbsync.baseline import Baseline, Key, fingerprint, is_tombstone, tombstone
from kbsync.config import Config, Secret
from kbsync.engine.apply import ApplyResult, LiveSide, apply_plan
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, open_workspace
from kbsync.engine.plan import connect, plan_publish
from kbsync.engine.record import intents_of
from kbsync.engine.recover import recover_into
from kbsync.engine.refresh import LiveState, refresh, required_keys, targeted_refresh, with_author_ids
from kbsync.engine.render import LinkResolver
from kbsync.engine.saved_plan import options_of_saved, restrict_to_saved
from kbsync.errors import GitError, Refusal
from kbsync.freshdesk.client import Connection
from kbsync.git.repository import Repository
from kbsync.model import KnowledgeBase
from kbsync.planner.approval import Approval, approval_of, approved
from kbsync.planner.planner import Plan
from kbsync.state.journal import InFlight, clear_journals, holder_now
from kbsync.state.lease import Lease, LeaseBackend, StalePlan, WaitPolicy, acquire, is_free
from kbsync.state.ledger import Purpose, RunRecord, entries_of, page_of, share_ledger, write_ledger


def published_commit(workspace: Workspace) -> str | None:
    """Return the source commit of the last run that the ledger tells of."""
    commit = workspace.run.get("commit")
    return commit if isinstance(commit, str) else None


def check_not_older(workspace: Workspace) -> None:
    """Stop a publish of a commit that does not come after those that the portal holds.

    These are the one that was published last, and the one of a run that was cut off after it had written.

    Raises:
        Refusal: it does not.
    """
    cut_off = workspace.in_flight.holder.commit if workspace.in_flight and workspace.recovered.baselines else None
    for commit in filter(None, (published_commit(workspace), cut_off)):
        _refuse_before(workspace, commit)


def _refuse_before(workspace: Workspace, held: str) -> None:
    if workspace.commit is None or held == workspace.commit:
        return
    if not workspace.repository.is_ancestor(held, workspace.commit, remote=workspace.config.remote):
        raise Refusal(
            f"the portal holds {held[:10]}, which is no ancestor of {workspace.commit[:10]}",
            advice="publish a commit that has it in its history; --rollback if going back is meant",
        )


def save_run(workspace: Workspace, run: ApplyResult, *, at: str, local: bool, lease: Lease | None = None) -> None:
    """Write what a run left to the ledger, and send it to the remote; a run that left nothing writes nothing.

    But for its commit, where others on the way to it changed the content and took that back: run late, one of these
    would otherwise come after what the ledger tells of.

    Baselines that so far stand in the lock alone are taken along, so that the ledger comes to hold every source, and
    so is what was found of runs that were cut off. The lease ends with the same push.

    Raises:
        GitError: it could not be written or sent; what was written in this clone stays there.
    """
    ending = lease.ending(run.outcomes) if lease else _end_of_dead_lease(workspace)
    if lease:
        run.lost = lease.lost
    written = _write(workspace, run, at)
    clear_journals([*workspace.journals.values(), *([lease.journal] if lease else [])])
    if written or ending:
        share_ledger(workspace.repository, workspace.config, lease=ending, local=local)


def _end_of_dead_lease(workspace: Workspace) -> tuple[str, None] | None:
    """Take away the lease of a run that is known to be over, where nothing of it is left in doubt."""
    other = workspace.in_flight
    if other is None or workspace.recovered.unresolved or not is_free(other, WaitPolicy()):
        return None
    return other.commit, None


def _write(workspace: Workspace, run: ApplyResult, at: str) -> bool:
    """Commit to the ledger in this clone; tell whether there was anything to commit."""
    changed = {**_carried_over(workspace), **workspace.recovered.baselines, **run.baselines}
    changed |= {key: tombstone(workspace.lock[key], seen=at) for key in run.forgotten & workspace.lock.keys()}
    entries = {key: _with_fingerprint(known, workspace.lock) for key, known in changed.items()}
    forgotten = (run.forgotten & workspace.ledger.keys()) - entries.keys()
    if not entries and not forgotten and not _content_changed_and_back(workspace, run):
        return False
    forgotten |= _obsolete_tombstones(workspace)
    told = _record(workspace, run, at)
    write_ledger(workspace.repository, workspace.config, entries, forgotten, page=page_of(told), message=told.message())
    return True


def _content_changed_and_back(workspace: Workspace, run: ApplyResult) -> bool:
    """Return whether the content was changed, and back, between the commit that was published last and this one."""
    last, commit = published_commit(workspace), workspace.commit
    if run.undoes or last is None or commit is None or last == commit:
        return False
    paths = {item.path or "" for item in workspace.content.items()}
    directories = {path.partition("/")[0] for path in paths | {known.path for known in workspace.ledger.values()}}
    return workspace.repository.touched_between(last, commit, directories)


def _carried_over(workspace: Workspace) -> dict[Key, Baseline]:
    return {
        key: known
        for key, known in workspace.baselines.items()
        if key not in workspace.recovered.baselines
        and key in workspace.lock
        and (key not in workspace.ledger or known.supersedes != fingerprint(workspace.lock[key]))
    }


def _obsolete_tombstones(workspace: Workspace) -> set[Key]:
    """Return the entries that outweighed a lock entry which is out of the tree by now."""
    return {key for key, known in workspace.ledger.items() if is_tombstone(known)} - workspace.lock.keys()


def _with_fingerprint(known: Baseline, lock: Mapping[Key, Baseline]) -> Baseline:
    entry = lock.get(known.key)
    return replace(known, supersedes=fingerprint(entry) if entry else "")


def _record(workspace: Workspace, run: ApplyResult, at: str) -> RunRecord:
    """Return what a run did. What an undo leaves on the portal still comes from the commit that was there before it."""
    commit = published_commit(workspace) if run.undoes else workspace.commit
    return RunRecord(
        target=workspace.config.target,
        purpose=Purpose.UNDO if run.undoes else Purpose.PUBLISH,
        commit=commit or "",
        at=at,
        who=workspace.repository.identity(),
        undoes=run.undoes,
        entries=entries_of((*workspace.recovered.outcomes, *run.outcomes)),
    )


class Operation(Protocol):
    """What a run is for."""

    @property
    def verb(self) -> str:
        """Say in a word what is done with each change."""

    @property
    def undoes(self) -> str:
        """Return the ledger's commit of the run that this one undoes; empty for a publish."""

    def reopen(self, workspace: Workspace) -> Workspace:
        """Open a workspace again, after another run has written."""

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        """Return what there is to do."""

    def check(self, plan: Plan) -> None:
        """Stop where a plan must not be carried out."""


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
        glanced = self._targeted_refresh(workspace)
        if glanced is not None:
            made, reading = glanced
        else:
            reading = refresh(self.connection)
            content = with_author_ids(workspace.content, self.connection)
            workspace = recover_into(workspace, reading.live)
            made = self.operation.plan(workspace, content, reading.live)
        return PlanResult(workspace=workspace, plan=made, live=reading.live, calls=self.connection.calls), reading

    def _targeted_refresh(self, workspace: Workspace) -> tuple[Plan, LiveState] | None:
        """Read what is to be written alone, if that is asked for, and if no run was cut off whose traces are sought."""
        if self.options.refresh or workspace.in_flight or workspace.journaled:
            return None
        content = with_author_ids(workspace.content, self.connection)
        asked = required_keys(content, workspace.baselines, self.options.overwrite)
        plan = partial(self.operation.plan, workspace, content)
        return targeted_refresh(self.connection, workspace.baselines, asked, plan)

    def write(self, planned: PlanResult, reading: LiveState) -> tuple[PlanResult, ApplyResult, GitError | None]:
        """Carry out what was agreed to; where another run was quicker, what of it still holds after that run.

        The last that is given is why what was done could not be saved.
        """
        permit, patience = approval_of(planned.plan), WaitPolicy(seconds=self.options.wait)
        while True:
            try:
                run, trouble = self._write(planned, reading, patience)
            except StalePlan:
                planned, reading = self._replan(planned, permit)
            else:
                return planned, run, trouble

    def _replan(self, planned: PlanResult, permit: Approval) -> tuple[PlanResult, LiveState]:
        again, reading = self.read(self.operation.reopen(planned.workspace))
        made, withheld = approved(again.plan, permit)
        self.operation.check(made)
        return replace(again, plan=made, withheld=(*planned.withheld, *withheld)), reading

    def _write(
        self, planned: PlanResult, reading: LiveState, patience: WaitPolicy
    ) -> tuple[ApplyResult, GitError | None]:
        if not planned.plan.writes:
            run = self._apply(planned, reading, lease=None)
            return run, self._save(planned, run, lease=None)
        workspace = planned.workspace
        with acquire(
            _in_flight(workspace, planned.plan, planned.live),
            LeaseBackend(workspace.repository, workspace.config, self.options.local),
            workspace.heads,
            workspace.in_flight,
            patience=patience,
            tell=self.ui.status,
        ) as lease:
            self.connection.guard(lease.check)
            run = self._apply(planned, reading, lease=lease)
            return run, self._save(planned, run, lease=lease)

    def _apply(self, planned: PlanResult, reading: LiveState, *, lease: Lease | None) -> ApplyResult:
        workspace, made = planned.workspace, planned.plan
        self.ui.start(self.operation.verb, len(made.changes))
        return apply_plan(
            made,
            LiveSide(connection=self.connection, live=reading.live, read_at=reading.at),
            LinkResolver(workspace.config, workspace.content.assets),
            workspace.baselines,
            lambda outcome: self.ui.advance(outcome.change.path),
            keeps=workspace.config.style == "keep" and not self.options.rerender,
            lease=lease,
        )

    def _save(self, planned: PlanResult, run: ApplyResult, *, lease: Lease | None) -> GitError | None:
        """Save what was done whatever comes: the portal has changed, and people must hear of that too."""
        run.undoes = self.operation.undoes
        run.outcomes.extend(planned.withheld)
        try:
            save_run(planned.workspace, run, at=planned.live.seen_at, local=self.options.local, lease=lease)
        except GitError as error:
            return error
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult:
    """What became of a publish; `run` is None where the ui did not agree.

    `trouble` is why the ledger could not be saved or sent, although the portal was written.
    """

    planned: PlanResult
    run: ApplyResult | None = None
    calls: int = 0
    ledger_error: GitError | None = None


def publish(config: Config, key: Secret, options: Options, ui: Ui) -> PublishResult:
    """Publish the commit that is checked out: plan, ask, apply, remember.

    Raises:
        Refusal: uncommitted changes, an old commit, another branch, a limit, an empty tree or a wrong portal.
        GitError: there is no repository or no commit, or the ledger cannot be read.
    """
    workspace = _open_commit(config, options)
    options = options_of_saved(options, workspace)
    with connect(config, key, ui) as connection:
        operation = _PublishOperation(config=config, options=options)
        session = RunSession(operation=operation, options=options, ui=ui, connection=connection)
        planned, reading = session.read(workspace)
        made, withheld = restrict_to_saved(planned.plan, options, now=reading.live.seen_at)
        planned = replace(planned, plan=made, withheld=withheld)
        operation.check(made)
        if made.writes and not ui.confirm(planned):
            return PublishResult(planned=planned, calls=connection.calls)
        planned, run, trouble = session.write(planned, reading)
        return PublishResult(planned=planned, run=run, calls=connection.calls, ledger_error=trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PublishOperation:
    """The operation of a publish."""

    config: Config
    options: Options
    verb: str = "publishing"
    undoes: str = ""

    def reopen(self, workspace: Workspace) -> Workspace:
        again = open_workspace(self.config, commit=workspace.commit, local=self.options.local)
        if not self.options.rollback:
            check_not_older(again)
        return again

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        if not self.options.rollback:
            check_not_older(workspace)
        return plan_publish(workspace, content, live, self.options)

    def check(self, plan: Plan) -> None:
        if plan.halt:
            raise Refusal(plan.halt, advice=plan.way_on)
        if plan.excess and not self.options.force:
            raise Refusal(plan.excess, advice=f"look at `kbsync plan`; {plan.way_on}")


def _open_commit(config: Config, options: Options) -> Workspace:
    """Open what HEAD holds, after the checks that make it the right thing to publish."""
    repository = Repository.open(config.root)
    commit = repository.head()
    if commit is None:
        raise GitError("nothing is committed yet", advice="commit the content, then publish")
    uncommitted = sorted(repository.uncommitted() - options.aside)
    if uncommitted and not options.dirty:
        shown = ", ".join(uncommitted[:5]) + (" …" if len(uncommitted) > 5 else "")
        raise Refusal(
            f"not committed: {shown}", advice="commit first, or publish the last commit as it is with --dirty"
        )
    if not options.attended:
        check_branch(repository, config, commit)
    workspace = open_workspace(config, commit=commit, local=options.local)
    if not options.rollback:
        check_not_older(workspace)
    return workspace


def check_branch(repository: Repository, config: Config, commit: str, *, what: str = "publish") -> None:
    """Work without a person only from the tip of the branch that the target names.

    Raises:
        Refusal: another commit is checked out.
    """
    tips = (repository.commit(name) for name in (f"{config.remote}/{config.branch}", config.branch))
    if repository.branch() == config.branch or commit in tips:
        return
    where = repository.branch() or commit[:10]
    raise Refusal(
        f"{where} is not the tip of {config.branch}, and nobody is there to ask",
        advice=f"{what} from {config.branch}, or set `branch` for this target",
    )


def _in_flight(workspace: Workspace, plan: Plan, live: KnowledgeBase) -> InFlight:
    """Return what is about to be done; what an earlier run left in doubt is kept, for it is settled by people."""
    doubts = workspace.recovered.unresolved
    old = workspace.in_flight.intents if workspace.in_flight else ()
    return InFlight(
        holder=holder_now(workspace.commit),
        intents=(*intents_of(plan, workspace.baselines), *(one for one in old if one.path in doubts)),
        seen=frozenset(live.by_id()) - workspace.recovered.unresolved_ids,
        ids=plan.ids,
        done=workspace.recovered.baselines,
    )
