"""The command that publishes: shown, asked, carried out, told."""

import click

from kbsync.change import Outcome, Result
from kbsync.commands.output import ConsoleUi, attended, complain, look, note, say
from kbsync.commands.paths import refuse_unknown
from kbsync.commands.remembering import remembering
from kbsync.commands.telling import FAILED, GO_ON, HELD, INTERRUPTED, OK, notices, shown, target, unsaved, where
from kbsync.config import Config, Secret
from kbsync.engine.context import Options, PlanResult
from kbsync.engine.publish import PublishResult
from kbsync.engine.publish import publish as publish_journey
from kbsync.errors import UsageError
from kbsync.planner.approval import needs_review
from kbsync.report.json_output import plan_to_json
from kbsync.report.terminal import outcomes_to_text


def publish(config: Config, key: Secret, options: Options, *, form: str, yes: bool) -> int:
    """Publish the commit that is checked out."""
    if not yes and not attended():
        raise UsageError("nobody is there to be asked", advice="give --yes to publish without a question")
    asked = _Question(form=form, yes=yes, named=(*options.paths, *options.overwrite))
    with remembering(), ConsoleUi(asked.answer) as onlooker:
        published = publish_journey(config, key, options, onlooker)
    refuse_unknown(published.planned, asked.named)
    return _told(published, asked, form)


class _Question:
    """The question before a publish, and whether it was asked and how it was answered."""

    def __init__(self, *, form: str, yes: bool, named: tuple[str, ...]) -> None:
        self.form = form
        self.yes = yes
        self.named = named
        self.declined = False
        self.told: tuple[Outcome, ...] = ()

    def answer(self, planned: PlanResult) -> bool:
        refuse_unknown(planned, self.named)
        notices(planned)
        if self.form == "text":
            say(shown(planned, "text"))
        if self.yes:
            return True
        if self.form == "text":
            _tell_withheld(planned)
            self.told = planned.withheld
        self.declined = not click.confirm(f"Publish this to {where(planned)}?", err=True)
        return not self.declined


def _told(published: PublishResult, asked: _Question, form: str) -> int:
    planned, run = published.planned, published.run
    if run is None:
        note("Nothing was written.")
        return FAILED if asked.declined else OK
    if form == "json":
        say(plan_to_json(planned.plan, target=target(planned), calls=published.calls, outcomes=run.outcomes))
    else:
        _tell_text(published, asked)
    if published.ledger_error is not None:
        note(unsaved(run.outcomes))
        complain(published.ledger_error)
    if run.interrupted:
        note(GO_ON)
        return INTERRUPTED
    results = {outcome.result for outcome in run.outcomes}
    is_held = any(needs_review(outcome) for outcome in run.outcomes) or bool(planned.plan.conflicts)
    if published.ledger_error is not None or Result.FAILED in results or (Result.SKIPPED in results and not is_held):
        return FAILED
    return HELD if is_held else OK


def _tell_text(published: PublishResult, asked: _Question) -> None:
    planned, run = published.planned, published.run
    if run is None:
        return
    seen = look()
    if not planned.plan.writes:
        _tell_findings(planned)
    say(outcomes_to_text(run.outcomes, colour=seen.colour, width=seen.width, told=asked.told))
    note(f"{published.calls} calls.")


def _tell_withheld(planned: PlanResult) -> None:
    """Return what a saved plan does not allow before the rest is agreed to."""
    if planned.withheld:
        seen = look()
        say(f"\n{outcomes_to_text(planned.withheld, colour=seen.colour, width=seen.width)}")


def _tell_findings(planned: PlanResult) -> None:
    """Show the plan of a run that had nothing to ask about, but something to name."""
    plan = planned.plan
    if plan.changes or plan.drift or plan.conflicts or plan.undone:
        say(shown(planned, "text"))
