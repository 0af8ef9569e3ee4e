"""The journeys of a knowledge base, told top to bottom: plan, publish, pull, status.

They put the rooms together; what is shown and asked is the audience's business, and the audience is `cli`.
"""

from dataclasses import dataclass, field, replace
from typing import Protocol

from kbsync.config import Config
from kbsync.content.files import write
from kbsync.content.repository import Repository
from kbsync.credentials import Secret
from kbsync.errors import GitError, Refusal
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.pace import Pacer
from kbsync.journeys.addressing import TargetAddresses
from kbsync.journeys.foreseeing import foreseen
from kbsync.journeys.memory import refuse_old_commit, save
from kbsync.journeys.publish import Portal, Run, carry_out
from kbsync.journeys.pull import Pulled, bring_home
from kbsync.journeys.reading import Reading, read_live, remembered, with_authors, without_authors
from kbsync.journeys.workspace import Workspace, open_workspace
from kbsync.model import KnowledgeBase
from kbsync.plan import Plan, Rules, make_plan

__all__ = ["Audience", "Options", "Planned", "Published", "PulledHome", "plan", "publish", "pull"]


class Audience(Protocol):
    """Who watches a run, and is asked before it writes."""

    def waits(self, why: str) -> None:
        """Hear what is being waited for."""

    def begins(self, what: str, total: int) -> None:
        """Hear that so many steps of one kind follow."""

    def steps(self, what: str) -> None:
        """Hear of one step."""

    def agrees(self, planned: "Planned") -> bool:
        """Say whether this plan is to be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one run's flags ask for."""

    paths: tuple[str, ...] = ()
    overwrite: frozenset[str] = frozenset()
    local: bool = False
    dirty: bool = False
    force: bool = False
    rollback: bool = False
    attended: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and what it was made from; `calls` is what that took, `uncommitted` what git does not have yet."""

    workspace: Workspace
    plan: Plan
    live: KnowledgeBase
    calls: int
    uncommitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of a publish; `run` is None where the audience did not agree.

    `trouble` is why the ledger could not be saved or sent, although the portal was written.
    """

    planned: Planned
    run: Run | None = None
    calls: int = 0
    trouble: GitError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledHome:
    """What a pull wrote, or would write."""

    planned: Planned
    pulled: Pulled = field(default_factory=Pulled)
    calls: int = 0


def plan(config: Config, key: Secret | None, options: Options, audience: Audience) -> Planned:
    """Plan a publish of the working tree; without a key, against the ledger alone. Nothing is written."""
    workspace = open_workspace(config, local=options.local)
    uncommitted = tuple(sorted(workspace.repository.uncommitted()))
    if key is None:
        live = remembered(workspace.agreements)
        made = _plan_toward_live(workspace, without_authors(workspace.content), live, options)
        return Planned(workspace=workspace, plan=made, live=live, calls=0, uncommitted=uncommitted)
    with _connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        reading = read_live(connection)
        content = with_authors(workspace.content, connection)
        made = _plan_toward_live(workspace, content, reading.live, options)
        return Planned(
            workspace=workspace, plan=made, live=reading.live, calls=connection.calls, uncommitted=uncommitted
        )


def publish(config: Config, key: Secret, options: Options, audience: Audience) -> Published:
    """Publish the commit that is checked out: plan, ask, apply, remember.

    Raises:
        Refusal: uncommitted changes, an old commit, another branch, a limit, an empty tree or a wrong portal.
        GitError: there is no repository or no commit, or the ledger cannot be read.
    """
    workspace = _open_commit(config, options)
    with _connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        reading = read_live(connection)
        content = with_authors(workspace.content, connection)
        made = _plan_toward_live(workspace, content, reading.live, options)
        planned = Planned(workspace=workspace, plan=made, live=reading.live, calls=connection.calls)
        _refuse_unsafe(made, options)
        if made.writes and not audience.agrees(planned):
            return Published(planned=planned, calls=connection.calls)
        run = _apply(planned, connection, reading, audience)
        trouble = _save(planned, run, options)
        return Published(planned=planned, run=run, calls=connection.calls, trouble=trouble)


def pull(config: Config, key: Secret, options: Options, audience: Audience, *, dry_run: bool) -> PulledHome:
    """Bring what changed on the portal into the working tree.

    Raises:
        Refusal: it would write over files with uncommitted changes.
        ContentError: some files could not be written.
    """
    workspace = open_workspace(config, local=options.local)
    with _connect(config, key, audience) as connection:
        audience.waits("reading the portal")
        live = read_live(connection).live
        content = with_authors(workspace.content, connection)
        addresses = TargetAddresses(config, content.assets)
        made = make_plan(live, content, workspace.agreements, _rules(workspace, addresses, replace(options, paths=())))
        if made.halt and content.articles:
            raise Refusal(made.halt, advice="nothing was written; check --target and `url`")
        audience.begins("converting", len(made.changes))
        pulled = bring_home(workspace, made, live, addresses, options.paths, audience.steps)
        changes, conflicts = tuple(pulled.changes), (*made.conflicts, *pulled.refused)
        planned = Planned(
            workspace=workspace,
            plan=replace(made, changes=changes, conflicts=conflicts),
            live=live,
            calls=connection.calls,
        )
    if not dry_run:
        _refuse_to_write_over(workspace, pulled)
        write(config.root, pulled.files)
    return PulledHome(planned=planned, pulled=pulled, calls=connection.calls)


def _connect(config: Config, key: Secret, audience: Audience) -> Connection:
    return Connection(config.url, key.reveal(), pace=Pacer(config.share), tell=audience.waits)


def _rules(workspace: Workspace, addresses: TargetAddresses, options: Options) -> Rules:
    config = workspace.config
    return Rules(
        addresses=addresses,
        removed=config.removed,
        moved=config.moved,
        touched=config.touched,
        new=config.new,
        archive_share=config.archive_share,
        archive_number=config.archive_number,
        overwrite=options.overwrite,
        paths=options.paths,
    )


def _plan_toward_live(workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase, options: Options) -> Plan:
    addresses = TargetAddresses(workspace.config, content.assets)
    made = make_plan(content, live, workspace.agreements, _rules(workspace, addresses, options))
    return foreseen(made, workspace.agreements, addresses) if workspace.config.style == "keep" else made


def _open_commit(config: Config, options: Options) -> Workspace:
    """Open what HEAD holds, after the checks that make it the right thing to publish."""
    repository = Repository.open(config.root)
    commit = repository.head()
    if commit is None:
        raise GitError("nothing is committed yet", advice="commit the content, then publish")
    uncommitted = sorted(repository.uncommitted())
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
        raise Refusal(made.halt, advice="nothing was written; check the checkout, --root, --target and `url`")
    if made.excess and not options.force:
        raise Refusal(made.excess, advice="look at `kbsync plan`; --force if it is meant, or raise [limits] archive")


def _apply(planned: Planned, connection: Connection, reading: Reading, audience: Audience) -> Run:
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
    )


def _save(planned: Planned, run: Run, options: Options) -> GitError | None:
    """Save what was done whatever comes: the portal has changed, and people must hear of that too."""
    try:
        save(planned.workspace, run, at=planned.live.seen_at, local=options.local)
    except GitError as error:
        return error
    return None


def _refuse_to_write_over(workspace: Workspace, pulled: Pulled) -> None:
    uncommitted = set(workspace.repository.uncommitted()) & pulled.files.keys()
    if uncommitted:
        raise Refusal(
            f"a pull would write over changes that are not committed: {', '.join(sorted(uncommitted))}",
            advice="commit or stash them, then pull again",
        )
