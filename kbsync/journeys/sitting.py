"""One run at a portal, from reading it to what is kept of it: under the lease, and planned anew where it was overtaken.

What it is for, be it a publish or an undo, is told by its errand.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from kbsync.errors import GitError
from kbsync.freshdesk.client import Connection
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.carrying.publication import Portal, Run, carry_out
from kbsync.journeys.glancing import asked_for, glance
from kbsync.journeys.guarding.lease import Lease, Overtaken, held
from kbsync.journeys.guarding.patience import Patience
from kbsync.journeys.memory.keeping import save
from kbsync.journeys.reading import Reading, read_live, with_authors
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.journeys.workspace import Workspace, caught_up
from kbsync.model import KnowledgeBase
from kbsync.plan import Permit, Plan, permit_of, permitted


class Errand(Protocol):
    """What a run is for."""

    @property
    def doing(self) -> str:
        """Say in a word what is done with each change."""

    @property
    def undoes(self) -> str:
        """Give the ledger's commit of the run that this one undoes; empty for a publish."""

    def reopen(self, workspace: Workspace) -> Workspace:
        """Open a workspace again, after another run has written."""

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        """Say what there is to do."""

    def refuse(self, plan: Plan) -> None:
        """Stop where a plan must not be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One run with all that it takes."""

    errand: Errand
    options: Options
    audience: Audience
    connection: Connection

    def read(self, workspace: Workspace) -> tuple[Planned, Reading]:
        """Read the portal, and plan."""
        self.audience.waits("reading the portal")
        glanced = self._glance(workspace)
        if glanced is not None:
            made, reading = glanced
        else:
            reading = read_live(self.connection)
            content = with_authors(workspace.content, self.connection)
            workspace = caught_up(workspace, reading.live)
            made = self.errand.plan(workspace, content, reading.live)
        return Planned(workspace=workspace, plan=made, live=reading.live, calls=self.connection.calls), reading

    def _glance(self, workspace: Workspace) -> tuple[Plan, Reading] | None:
        """Read what is to be written alone, if that is asked for, and if no run was cut off whose traces are sought."""
        if self.options.refresh or workspace.underway or workspace.noted:
            return None
        content = with_authors(workspace.content, self.connection)
        asked = asked_for(content, workspace.agreements, self.options.overwrite)
        plan = partial(self.errand.plan, workspace, content)
        return glance(self.connection, workspace.agreements, asked, plan)

    def write(self, planned: Planned, reading: Reading) -> tuple[Planned, Run, GitError | None]:
        """Carry out what was agreed to; where another run was quicker, what of it still holds after that run.

        The last that is given is why what was done could not be saved.
        """
        permit, patience = permit_of(planned.plan), Patience(seconds=self.options.wait)
        while True:
            try:
                run, trouble = self._carry_out(planned, reading, patience)
            except Overtaken:
                planned, reading = self._again(planned, permit)
            else:
                return planned, run, trouble

    def _again(self, planned: Planned, permit: Permit) -> tuple[Planned, Reading]:
        again, reading = self.read(self.errand.reopen(planned.workspace))
        made, withheld = permitted(again.plan, permit)
        self.errand.refuse(made)
        return replace(again, plan=made, withheld=(*planned.withheld, *withheld)), reading

    def _carry_out(self, planned: Planned, reading: Reading, patience: Patience) -> tuple[Run, GitError | None]:
        if not planned.plan.writes:
            run = self._apply(planned, reading, lease=None)
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
            run = self._apply(planned, reading, lease=lease)
            return run, self._save(planned, run, lease=lease)

    def _apply(self, planned: Planned, reading: Reading, *, lease: Lease | None) -> Run:
        workspace, made = planned.workspace, planned.plan
        self.audience.begins(self.errand.doing, len(made.changes))
        return carry_out(
            made,
            Portal(connection=self.connection, live=reading.live, read_at=reading.at),
            TargetAddresses(workspace.config, workspace.content.assets),
            workspace.agreements,
            lambda outcome: self.audience.steps(outcome.change.path),
            keeps=workspace.config.style == "keep" and not self.options.rerender,
            lease=lease,
        )

    def _save(self, planned: Planned, run: Run, *, lease: Lease | None) -> GitError | None:
        """Save what was done whatever comes: the portal has changed, and people must hear of that too."""
        run.undoes = self.errand.undoes
        run.outcomes.extend(planned.withheld)
        try:
            save(planned.workspace, run, at=planned.live.seen_at, local=self.options.local, lease=lease)
        except GitError as error:
            return error
        return None
