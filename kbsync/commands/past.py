"""What `history` and `undo` do: the runs of the past shown, and one of them put back."""

import sys
from collections.abc import Sequence

import click

from kbsync.change import Outcome, Result
from kbsync.commands.output import ConsoleUi, attended, complain, look, note, say
from kbsync.commands.remembering import remembering
from kbsync.commands.telling import GO_ON, unsaved
from kbsync.config import Config, Secret
from kbsync.engine.context import Options, PlanResult
from kbsync.engine.history import list_runs as history_journey
from kbsync.engine.history import show_run as history_of_journey
from kbsync.engine.undo import UndoResult
from kbsync.engine.undo import undo as undo_journey
from kbsync.engine.undo import undo_on_branch as revert_journey
from kbsync.errors import UsageError
from kbsync.report.history import (
    run_to_json,
    run_to_markdown,
    run_to_text,
    runs_to_json,
    runs_to_markdown,
    runs_to_text,
)
from kbsync.report.json_output import VERSION, plan_page, to_json
from kbsync.report.terminal import outcomes_to_text, plan_to_text
from kbsync.report.wording import one_line

OK, FAILED, HELD = 0, 1, 4
_INTERRUPTED = 130


def history(config: Config, *, limit: int, form: str, local: bool) -> int:
    """List the last runs."""
    runs = history_journey(config, local=local, limit=limit)
    match form:
        case "json":
            say(runs_to_json(runs, target=config.target))
        case "markdown":
            say(runs_to_markdown(runs))
        case _:
            seen = look()
            say(runs_to_text(runs, colour=seen.colour, width=seen.width if sys.stdout.isatty() else None))
    return OK


def history_of(config: Config, name: str, *, form: str, local: bool) -> int:
    """Show one run, each item before and after."""
    with remembering():
        run, items = history_of_journey(config, name, local=local)
    match form:
        case "json":
            say(run_to_json(run, items, target=config.target))
        case "markdown":
            say(run_to_markdown(run, items))
        case _:
            say(run_to_text(run, items, colour=look().colour))
    return OK


def undo(
    config: Config, key: Secret, name: str | None, options: Options, *, form: str, yes: bool, dry_run: bool
) -> int:
    """Put back what one run replaced."""
    if not yes and not dry_run and not attended():
        raise UsageError("nobody is there to be asked", advice="give --yes to undo without a question")
    asked = _Question(form=form, yes=yes)
    with remembering(), ConsoleUi(asked.answer) as onlooker:
        undone = undo_journey(config, key, name, options, onlooker, dry_run=dry_run)
    return _told(undone, asked, form, dry_run=dry_run)


def revert(config: Config, name: str | None, *, branch: str, form: str, local: bool) -> int:
    """Commit the files of a run as they were before it to a branch; the portal is not touched."""
    with remembering():
        reverted = revert_journey(config, name, branch=branch, local=local)
    if form == "json":
        page = {
            "version": VERSION,
            "target": config.target,
            "undoes": reverted.past.id,
            "branch": branch,
            "commit": reverted.commit,
            "pushed": reverted.pushed,
            "files": list(reverted.files),
            "left_out": dict(reverted.left_out),
        }
        say(to_json(page))
    else:
        for path in reverted.files:
            say(f"  {one_line(path)}")
    for path, why in reverted.left_out.items():
        note(f"{path}: left out: {why}")
    if reverted.commit is None:
        note(f"Nothing to turn round: on {branch} no file is as that run published it.")
    else:
        where = f"pushed to {config.remote}" if reverted.pushed else "in this clone"
        note(f"{reverted.commit[:10]} on {branch}, {where}.")
    return HELD if reverted.left_out else OK


class _Question:
    """The question before an undo, and how it was answered."""

    def __init__(self, *, form: str, yes: bool) -> None:
        self.form = form
        self.yes = yes
        self.shown = False
        self.declined = False

    def answer(self, planned: PlanResult) -> bool:
        if self.form == "text":
            say(_shown(planned))
            self.shown = True
        if self.yes:
            return True
        self.declined = not click.confirm(f"Put this back on {_where(planned)}?", err=True)
        return not self.declined


def _told(undone: UndoResult, asked: _Question, form: str, *, dry_run: bool) -> int:
    run = undone.run
    if form == "json":
        say(_json(undone, run.outcomes if run else None))
    elif not asked.shown:
        say(_shown(undone.planned))
    for path in undone.remaining:
        note(f"{path}: made by that run, and left standing")
    if run is None:
        note("Nothing was written.")
        return FAILED if asked.declined else _held(undone, dry_run=dry_run)
    if form == "text":
        seen = look()
        say(outcomes_to_text(run.outcomes, colour=seen.colour, width=seen.width))
        note(f"{undone.calls} calls.")
    if undone.ledger_error is not None:
        note(unsaved(run.outcomes))
        complain(undone.ledger_error)
    if run.interrupted:
        note(GO_ON)
        return _INTERRUPTED
    results = {outcome.result for outcome in run.outcomes}
    if undone.ledger_error is not None or results & {Result.FAILED, Result.SKIPPED}:
        return FAILED
    return HELD if Result.WITHHELD in results else _held(undone, dry_run=False)


def _held(undone: UndoResult, *, dry_run: bool) -> int:
    return HELD if undone.planned.plan.conflicts and not dry_run else OK


def _shown(planned: PlanResult) -> str:
    seen = look()
    name = planned.undoes.short_id if planned.undoes else ""
    heading = f"kbsync undo of run {name} on {_where(planned)}"
    return plan_to_text(planned.plan, heading=heading, colour=seen.colour, width=seen.width, undoing=True)


def _json(undone: UndoResult, outcomes: Sequence[Outcome] | None) -> str:
    planned = undone.planned
    page = plan_page(planned.plan, target=planned.workspace.config.target, calls=undone.calls, outcomes=outcomes)
    return to_json(page | {"undoes": undone.past.id, "standing": list(undone.remaining)})


def _where(planned: PlanResult) -> str:
    config = planned.workspace.config
    return f"{config.target} ({config.url})" if config.url else config.target
