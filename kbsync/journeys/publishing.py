"""The journey of a publish: one commit planned, agreed to, carried out and remembered."""

from dataclasses import dataclass, replace

from kbsync.config import Config
from kbsync.content.repository import Repository
from kbsync.credentials import Secret
from kbsync.errors import GitError, Refusal
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.carrying.publication import Run
from kbsync.journeys.memory.keeping import refuse_old_commit
from kbsync.journeys.planning import connect, plan_toward_live
from kbsync.journeys.saved import as_saved, authorised
from kbsync.journeys.sitting import Sitting
from kbsync.journeys.workspace import Workspace, open_workspace
from kbsync.model import KnowledgeBase
from kbsync.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of a publish; `run` is None where the audience did not agree.

    `trouble` is why the ledger could not be saved or sent, although the portal was written.
    """

    planned: Planned
    run: Run | None = None
    calls: int = 0
    trouble: GitError | None = None


def publish(config: Config, key: Secret, options: Options, audience: Audience) -> Published:
    """Publish the commit that is checked out: plan, ask, apply, remember.

    Raises:
        Refusal: uncommitted changes, an old commit, another branch, a limit, an empty tree or a wrong portal.
        GitError: there is no repository or no commit, or the ledger cannot be read.
    """
    workspace = _open_commit(config, options)
    options = as_saved(options, workspace)
    with connect(config, key, audience) as connection:
        errand = _Publishing(config=config, options=options)
        sitting = Sitting(errand=errand, options=options, audience=audience, connection=connection)
        planned, reading = sitting.read(workspace)
        made, withheld = authorised(planned.plan, options, now=reading.live.seen_at)
        planned = replace(planned, plan=made, withheld=withheld)
        errand.refuse(made)
        if made.writes and not audience.agrees(planned):
            return Published(planned=planned, calls=connection.calls)
        planned, run, trouble = sitting.write(planned, reading)
        return Published(planned=planned, run=run, calls=connection.calls, trouble=trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publishing:
    """The errand of a publish."""

    config: Config
    options: Options
    doing: str = "publishing"
    undoes: str = ""

    def reopen(self, workspace: Workspace) -> Workspace:
        again = open_workspace(self.config, commit=workspace.commit, local=self.options.local)
        if not self.options.rollback:
            refuse_old_commit(again)
        return again

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        if not self.options.rollback:
            refuse_old_commit(workspace)
        return plan_toward_live(workspace, content, live, self.options)

    def refuse(self, plan: Plan) -> None:
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
        refuse_other_branch(repository, config, commit)
    workspace = open_workspace(config, commit=commit, local=options.local)
    if not options.rollback:
        refuse_old_commit(workspace)
    return workspace


def refuse_other_branch(repository: Repository, config: Config, commit: str, *, what: str = "publish") -> None:
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
