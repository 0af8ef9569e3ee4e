"""The journey of a publish: one commit planned, agreed to, carried out and remembered."""

from dataclasses import dataclass, replace

from kbsync.config import Config
from kbsync.content.repository import Repository
from kbsync.credentials import Secret
from kbsync.errors import GitError, Refusal
from kbsync.freshdesk.client import Connection
from kbsync.journeys.addressing import TargetAddresses
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.carrying import Portal, Run, carry_out
from kbsync.journeys.lease import Lease, Overtaken, held
from kbsync.journeys.memory import refuse_old_commit, save
from kbsync.journeys.patience import Patience
from kbsync.journeys.planning import connect, plan_toward_live
from kbsync.journeys.reading import Reading, read_live, with_authors
from kbsync.journeys.saved import as_saved, authorised
from kbsync.journeys.workspace import Workspace, caught_up, open_workspace
from kbsync.plan import Permit, Plan, permit_of, permitted


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
        sitting = _Sitting(config=config, options=options, audience=audience, connection=connection)
        planned, reading = sitting.read(workspace)
        made, withheld = authorised(planned.plan, options, now=reading.live.seen_at)
        planned = replace(planned, plan=made, withheld=withheld)
        _refuse_unsafe(made, options)
        if made.writes and not audience.agrees(planned):
            return Published(planned=planned, calls=connection.calls)
        return sitting.publish(planned, reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sitting:
    """One publish with all that it takes."""

    config: Config
    options: Options
    audience: Audience
    connection: Connection

    def read(self, workspace: Workspace) -> tuple[Planned, Reading]:
        """Read the portal, and plan."""
        self.audience.waits("reading the portal")
        reading = read_live(self.connection)
        content = with_authors(workspace.content, self.connection)
        workspace = caught_up(workspace, reading.live)
        made = plan_toward_live(workspace, content, reading.live, self.options)
        return Planned(workspace=workspace, plan=made, live=reading.live, calls=self.connection.calls), reading

    def publish(self, planned: Planned, reading: Reading) -> Published:
        """Carry out what was agreed to; where another run was quicker, what of it still holds after that run."""
        permit, patience = permit_of(planned.plan), Patience(seconds=self.options.wait)
        while True:
            try:
                run, trouble = self._carry_out(planned, reading, patience)
            except Overtaken:
                planned, reading = self._again(planned, permit)
            else:
                return Published(planned=planned, run=run, calls=self.connection.calls, trouble=trouble)

    def _again(self, planned: Planned, permit: Permit) -> tuple[Planned, Reading]:
        workspace = open_workspace(self.config, commit=planned.workspace.commit, local=self.options.local)
        if not self.options.rollback:
            refuse_old_commit(workspace)
        again, reading = self.read(workspace)
        made, withheld = permitted(again.plan, permit)
        _refuse_unsafe(made, self.options)
        return replace(again, plan=made, withheld=(*planned.withheld, *withheld)), reading

    def _carry_out(self, planned: Planned, reading: Reading, patience: Patience) -> tuple[Run, GitError | None]:
        if not planned.plan.writes:
            run = _apply(planned, self.connection, reading, self.audience, lease=None)
            return run, self._save(planned, run, lease=None)
        with held(
            planned.workspace,
            planned.plan,
            planned.live,
            local=self.options.local,
            patience=patience,
            tell=self.audience.waits,
        ) as lease:
            self.connection.guard(lease.check)
            run = _apply(planned, self.connection, reading, self.audience, lease=lease)
            return run, self._save(planned, run, lease=lease)

    def _save(self, planned: Planned, run: Run, *, lease: Lease | None) -> GitError | None:
        """Save what was done whatever comes: the portal has changed, and people must hear of that too."""
        run.outcomes.extend(planned.withheld)
        try:
            save(planned.workspace, run, at=planned.live.seen_at, local=self.options.local, lease=lease)
        except GitError as error:
            return error
        return None


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
        _refuse_other_branch(repository, config, commit)
    workspace = open_workspace(config, commit=commit, local=options.local)
    if not options.rollback:
        refuse_old_commit(workspace)
    return workspace


def _refuse_other_branch(repository: Repository, config: Config, commit: str) -> None:
    """Publish without a person only the tip of the branch that the target names."""
    tips = (repository.commit(name) for name in (f"{config.remote}/{config.branch}", config.branch))
    if repository.branch() == config.branch or commit in tips:
        return
    where = repository.branch() or commit[:10]
    raise Refusal(
        f"{where} is not the tip of {config.branch}, and nobody is there to ask",
        advice=f"publish from {config.branch}, or set `branch` for this target",
    )


def _refuse_unsafe(made: Plan, options: Options) -> None:
    if made.halt:
        raise Refusal(made.halt, advice=made.way_on)
    if made.excess and not options.force:
        raise Refusal(made.excess, advice=f"look at `kbsync plan`; {made.way_on}")


def _apply(
    planned: Planned, connection: Connection, reading: Reading, audience: Audience, *, lease: Lease | None
) -> Run:
    workspace, made = planned.workspace, planned.plan
    addresses = TargetAddresses(workspace.config, workspace.content.assets)
    portal = Portal(connection=connection, live=reading.live, read_at=reading.at)
    audience.begins("publishing", len(made.changes))
    return carry_out(
        made,
        portal,
        addresses,
        workspace.agreements,
        lambda outcome: audience.steps(outcome.change.path),
        keeps=workspace.config.style == "keep",
        lease=lease,
    )
