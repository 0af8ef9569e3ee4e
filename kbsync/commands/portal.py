"""The commands that look at both sides: plan, publish, pull, status."""

from pathlib import Path

import click

from kbsync.agreements import State
from kbsync.change import Result
from kbsync.commands.output import Onlooker, attended, complain, look, note, say
from kbsync.commands.paths import refuse_unknown
from kbsync.commands.remembering import remembering
from kbsync.commands.saving import note_uncommitted, write_out
from kbsync.config import Config
from kbsync.credentials import Secret
from kbsync.errors import UsageError
from kbsync.journeys.audience import Options, Planned
from kbsync.journeys.guarding.patience import told_of
from kbsync.journeys.planning import plan as plan_journey
from kbsync.journeys.planning import status as status_journey
from kbsync.journeys.publishing import Published
from kbsync.journeys.publishing import publish as publish_journey
from kbsync.journeys.pulling import PulledHome
from kbsync.journeys.pulling import pull as pull_journey
from kbsync.journeys.saved import saved_plan
from kbsync.report.data import plan_to_json, status_to_json
from kbsync.report.pages import plan_to_html, plan_to_markdown
from kbsync.report.saved import saved_to_json
from kbsync.report.terminal import outcomes_to_text, plan_to_text, status_to_text
from kbsync.report.words import counts

OK, FAILED, CHANGES, HELD = 0, 1, 3, 4
_INTERRUPTED = 130
_NAMED = 3


def plan(config: Config, key: Secret | None, options: Options, *, form: str, out: Path | None, exit_code: bool) -> int:
    """Show what a publish would do; without a key, against the ledger alone."""
    with remembering(), Onlooker(lambda _: False) as onlooker:
        planned = plan_journey(config, key, options, onlooker)
    refuse_unknown(planned, options.paths)
    _notices(planned)
    if out is None:
        say(_shown(planned, form))
    else:
        is_saved = form == "json" or (out.suffix == ".json" and form == "text")
        write_out(out, saved_to_json(saved_plan(planned, options)) if is_saved else _shown(planned, form))
        note(f"{counts(planned.plan)}; written to {out}")
    if planned.plan.halt or planned.plan.excess or (exit_code and planned.plan.conflicts):
        return HELD
    return CHANGES if exit_code and planned.plan.changes else OK


def publish(config: Config, key: Secret, options: Options, *, form: str, yes: bool) -> int:
    """Publish the commit that is checked out."""
    if not yes and not attended():
        raise UsageError("nobody is there to be asked", advice="give --yes to publish without a question")
    asked = _Question(form=form, yes=yes, named=(*options.paths, *options.overwrite))
    with remembering(), Onlooker(asked.answer) as onlooker:
        published = publish_journey(config, key, options, onlooker)
    refuse_unknown(published.planned, asked.named)
    return _told(published, asked, form)


def pull(config: Config, key: Secret, options: Options, *, form: str, dry_run: bool) -> int:
    """Bring what changed on the portal into the tree."""
    with remembering(), Onlooker(lambda _: True) as onlooker:
        home = pull_journey(config, key, options, onlooker, dry_run=dry_run)
    refuse_unknown(home.planned, (*options.paths, *options.ours, *options.theirs))
    _notices(home.planned)
    say(_json(home.planned, home.calls) if form == "json" else _pulled(home, dry_run=dry_run))
    for path, parts in home.pulled.dropped.items():
        note(f"{path}: left out on purpose: {', '.join(parts)}")
    if home.outside:
        note(f"Left out of this sparse checkout until now; `git add --sparse` takes: {', '.join(home.outside)}")
    return HELD if home.planned.plan.conflicts else OK


def status(config: Config, key: Secret, options: Options, *, form: str) -> int:
    """Show both directions at a glance."""
    with remembering(), Onlooker(lambda _: False) as onlooker:
        planned = status_journey(config, key, options, onlooker)
    _notices(planned)
    archived = [known for known in planned.workspace.agreements.values() if known.state is State.ARCHIVED]
    if form == "json":
        say(status_to_json(planned.plan, archived, target=_target(planned), calls=planned.calls))
        return OK
    seen = look()
    told = status_to_text(
        planned.plan, target=_where(planned), archived=len(archived), colour=seen.colour, width=seen.width
    )
    say(told)
    return OK


class _Question:
    """The question before a publish, and whether it was asked and how it was answered."""

    def __init__(self, *, form: str, yes: bool, named: tuple[str, ...]) -> None:
        self.form = form
        self.yes = yes
        self.named = named
        self.declined = False

    def answer(self, planned: Planned) -> bool:
        refuse_unknown(planned, self.named)
        _notices(planned)
        if self.form == "text":
            say(_shown(planned, "text"))
            _tell_withheld(planned)
        if self.yes:
            return True
        self.declined = not click.confirm(f"Publish this to {_where(planned)}?", err=True)
        return not self.declined


def _told(published: Published, asked: _Question, form: str) -> int:
    planned, run = published.planned, published.run
    if run is None:
        note("Nothing was written.")
        return FAILED if asked.declined else OK
    if form == "json":
        say(plan_to_json(planned.plan, target=_target(planned), calls=published.calls, outcomes=run.outcomes))
    else:
        _tell_text(published)
    if published.trouble is not None:
        note("The portal was written, but the ledger was not saved everywhere:")
        complain(published.trouble)
    if run.interrupted:
        return _INTERRUPTED
    results = {outcome.result for outcome in run.outcomes}
    is_held = Result.WITHHELD in results or bool(planned.plan.conflicts)
    if published.trouble is not None or Result.FAILED in results or (Result.SKIPPED in results and not is_held):
        return FAILED
    return HELD if is_held else OK


def _tell_text(published: Published) -> None:
    planned, run = published.planned, published.run
    if run is None:
        return
    seen = look()
    if not planned.plan.writes:
        _tell_findings(planned)
    say(outcomes_to_text(run.outcomes, colour=seen.colour, width=seen.width))
    note(f"{published.calls} calls.")


def _tell_withheld(planned: Planned) -> None:
    """Name what a saved plan does not allow before the rest is agreed to."""
    if planned.withheld:
        seen = look()
        say(f"\n{outcomes_to_text(planned.withheld, colour=seen.colour, width=seen.width)}")


def _tell_findings(planned: Planned) -> None:
    """Show the plan of a run that had nothing to ask about, but something to name."""
    plan = planned.plan
    if plan.changes or plan.drift or plan.conflicts or plan.undone:
        say(_shown(planned, "text"))


def _shown(planned: Planned, form: str) -> str:
    seen = look()
    match form:
        case "json":
            return _json(planned, planned.calls)
        case "markdown":
            return plan_to_markdown(planned.plan, heading=_heading(planned))
        case "html":
            return plan_to_html(planned.plan, heading=_heading(planned))
        case _:
            return plan_to_text(planned.plan, heading=_heading(planned), colour=seen.colour, width=seen.width)


def _pulled(home: PulledHome, *, dry_run: bool) -> str:
    seen = look()
    heading = f"kbsync pull from {_where(home.planned)}" + (", as it would be" if dry_run else "")
    return plan_to_text(home.planned.plan, heading=heading, colour=seen.colour, width=seen.width, done=not dry_run)


def _json(planned: Planned, calls: int) -> str:
    return plan_to_json(planned.plan, target=_target(planned), calls=calls)


def _heading(planned: Planned) -> str:
    return f"kbsync plan for {_where(planned)}"


def _where(planned: Planned) -> str:
    config = planned.workspace.config
    return f"{config.target} ({config.url})" if config.url else config.target


def _target(planned: Planned) -> str:
    return planned.workspace.config.target


def _notices(planned: Planned) -> None:
    """Name what the plan rests on or leaves out, on standard error."""
    skipped = planned.workspace.tree.skipped
    if skipped:
        note(f"Not published yet, being translations: {', '.join(skipped)}")
    under_way = told_of(planned.workspace.underway)
    if under_way:
        note(under_way)
    note_uncommitted(planned.uncommitted)
