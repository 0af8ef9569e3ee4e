"""Publish a commit: open it, check that it is the right one to publish, plan, ask, apply, and save the run."""

from dataclasses import dataclass, replace

from kbsync.config import Config, Secret
from kbsync.engine.apply import ApplyResult
from kbsync.engine.context import Options, PlanResult, Ui, Workspace, open_workspace, published_branch
from kbsync.engine.plan import connect, plan_publish
from kbsync.engine.pull_journal import TreeJournal
from kbsync.engine.saved_plan import options_of_saved, restrict_to_saved
from kbsync.engine.session import RunSession, published_commit
from kbsync.errors import GitError, Refusal, first_few
from kbsync.git.repository import Repository
from kbsync.model import KnowledgeBase
from kbsync.planner.planner import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult:
    """The result of a publish; `run` is None where it was not confirmed.

    `ledger_error` is why the ledger could not be saved or pushed, although the portal was written.
    """

    planned: PlanResult
    run: ApplyResult | None = None
    calls: int = 0
    ledger_error: GitError | None = None


def publish(config: Config, key: Secret, options: Options, ui: Ui) -> PublishResult:
    """Publish the commit that is checked out.

    Raises:
        Refusal: uncommitted changes, an old commit, another branch, a limit, an empty tree or a wrong portal.
        GitError: there is no repository or no commit, or the ledger cannot be read.
    """
    workspace = _open_commit(config, options)
    options = options_of_saved(options, workspace)
    with connect(config, key, ui) as connection:
        operation = _PublishOperation(config=config, options=options)
        session = RunSession(operation=operation, options=options, ui=ui, connection=connection)
        planned, live_state = session.read(workspace)
        plan, withheld = restrict_to_saved(planned.plan, options, now=live_state.live.seen_at)
        planned = replace(planned, plan=plan, withheld=withheld)
        operation.check(plan)
        if plan.writes and not ui.confirm(planned):
            return PublishResult(planned=planned, calls=connection.calls)
        if options.overwrite:
            journal = TreeJournal(workspace.repository)
            with journal.held():
                journal.restore_unresolved(options.overwrite)
        planned, result, ledger_error = session.write(planned, live_state)
        return PublishResult(planned=planned, run=result, calls=connection.calls, ledger_error=ledger_error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PublishOperation:
    config: Config
    options: Options
    verb: str = "publishing"
    undoes: str = ""

    def reopen(self, workspace: Workspace) -> Workspace:
        again = open_workspace(self.config, commit=workspace.commit, local=self.options.local)
        _check_not_older(again, self.options)
        return again

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        _check_not_older(workspace, self.options)
        return plan_publish(workspace, content, live, self.options)

    def check(self, plan: Plan) -> None:
        if plan.halt:
            raise Refusal(plan.halt, advice=plan.advice)
        if plan.excess and not self.options.force:
            raise Refusal(plan.excess, advice=f"check `kbsync plan`; {plan.advice}")


def _open_commit(config: Config, options: Options) -> Workspace:
    """Open the commit that is checked out, after checking that it may be published."""
    repository = Repository.open(config.root)
    commit = repository.head()
    if commit is None:
        raise GitError("no commits yet", advice="commit the content, then publish")
    replaced = TreeJournal(repository).unresolved(options.overwrite)
    uncommitted = sorted(repository.uncommitted() - options.aside - replaced)
    if uncommitted and not options.dirty:
        advice = "commit first, or publish the last commit without these changes with --dirty"
        raise Refusal(f"uncommitted changes: {first_few(uncommitted)}", advice=advice)
    if not options.attended:
        check_branch(repository, config, commit, local=options.local)
    workspace = open_workspace(config, commit=commit, local=options.local)
    _check_not_older(workspace, options)
    return workspace


def check_branch(repository: Repository, config: Config, commit: str, *, local: bool) -> None:
    """Without a terminal, work only from the tip of the branch that the target publishes.

    Raises:
        Refusal: another commit is checked out.
    """
    branch, here = published_branch(repository, config, local=local), repository.branch()
    tips = (repository.commit(name) for name in (f"{config.remote}/{branch}", branch))
    if here == branch or commit in tips:
        return
    where = here or commit[:10]
    raise Refusal(
        f"{branch} is not checked out ({where} is), and kbsync is not running in a terminal, so it cannot ask",
        advice=f'check out {branch}, or set `branch = "{here or "NAME"}"` under [targets.{config.target}]',
    )


def _check_not_older(workspace: Workspace, options: Options) -> None:
    """Check that the commit comes after the last published one, and that of an interrupted run that has written."""
    if options.rollback:
        return
    interrupted = workspace.in_flight.holder.commit if workspace.in_flight and workspace.recovered.baselines else None
    for published in filter(None, (published_commit(workspace), interrupted)):
        advice = "publish a commit that contains it, or use --rollback to publish an older one"
        check_descends_from(workspace, published, advice=advice)


def check_descends_from(workspace: Workspace, published: str, *, advice: str) -> None:
    """Check that a workspace's commit is a published one or comes after it.

    Raises:
        Refusal: it does not.
    """
    if workspace.commit is None or published == workspace.commit:
        return
    if not workspace.repository.is_ancestor(published, workspace.commit, remote=workspace.config.remote):
        what = f"the last published commit, {published[:10]}, is not an ancestor of {workspace.commit[:10]}"
        raise Refusal(what, advice=advice)
