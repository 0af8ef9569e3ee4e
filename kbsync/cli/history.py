"""The commands about earlier runs: history shows them, undo puts back what one of them replaced."""

import os
import sys
from datetime import timedelta

import click

from kbsync.change import Result
from kbsync.cli.console import ExitCode, is_interactive, look, print_note, print_result, require_terminal
from kbsync.cli.options import (
    CommandContext,
    cache_in_use,
    command,
    dry_run_option,
    format_option,
    local_option,
    seconds_to_wait,
    wait_option,
    yes_option,
)
from kbsync.cli.ui import ConsoleUi, Question, portal_of, print_failures
from kbsync.config import Config, key_for
from kbsync.engine import history as runs_of_ledger
from kbsync.engine import undo as engine
from kbsync.engine.context import Options, PlanResult
from kbsync.report import history as report
from kbsync.report.json_output import VERSION, plan_page, to_json
from kbsync.report.terminal import outcomes_to_text, plan_to_text
from kbsync.report.wording import Frame, one_line

_run_argument = click.argument("run", required=False, metavar="[RUN]")


@command("kbsync history", "kbsync history 262e99ab")
@_run_argument
@click.option(
    "-n",
    "limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="COUNT",
    help="List this many runs.",
)
@format_option("text", "json", "markdown")
@local_option
@click.pass_obj
def history(context: CommandContext, *, run: str | None, limit: int, output_format: str, local: bool) -> int:
    """List the runs that wrote to the portal, or show what one RUN changed. Needs no API key."""
    config = context.config()
    if run is None:
        print_result(_list_of_runs(config, limit, output_format, local=local))
    else:
        print_result(_one_run(config, run, output_format, local=local))
    return ExitCode.OK


def _list_of_runs(config: Config, limit: int, output_format: str, *, local: bool) -> str:
    runs = runs_of_ledger.list_runs(config, local=local, limit=limit)
    match output_format:
        case "json":
            return report.runs_to_json(runs, target=config.target)
        case "markdown":
            return report.runs_to_markdown(runs)
        case _:
            width = look()["width"] if sys.stdout.isatty() else None
            return report.runs_to_text(runs, colour=look()["colour"], width=width)


def _one_run(config: Config, name: str, output_format: str, *, local: bool) -> str:
    with cache_in_use():
        run, items = runs_of_ledger.show_run(config, name, local=local)
    match output_format:
        case "json":
            return report.run_to_json(run, items, target=config.target)
        case "markdown":
            return report.run_to_markdown(run, items)
        case _:
            return report.run_to_text(run, items, colour=look()["colour"])


@command("kbsync undo", "kbsync undo 262e99ab --dry-run")
@_run_argument
@format_option("text", "json")
@yes_option
@dry_run_option
@click.option("--branch", metavar="NAME", help="Commit a revert to this branch instead of writing to the portal.")
@wait_option
@local_option
@click.pass_obj
def undo(
    context: CommandContext,
    *,
    run: str | None,
    output_format: str,
    yes: bool,
    dry_run: bool,
    branch: str | None,
    wait: timedelta | None,
    local: bool,
) -> int:
    """Undo a run on the portal, by default the last one. Articles that were edited since then are skipped."""
    config = context.config()
    if branch is not None:
        return _undo_on_branch(config, run, branch, output_format, local=local)
    key = key_for(config, os.environ)
    if not yes and not dry_run:
        require_terminal("undo")
    options = Options(local=local, attended=is_interactive(), wait=seconds_to_wait(wait))
    question = Question(
        lambda planned: print_result(_plan_text(planned)) if output_format == "text" else None,
        lambda planned: f"Undo this run on {portal_of(planned)}?",
        yes=yes,
    )
    with cache_in_use(), ConsoleUi(question) as ui:
        undone = engine.undo(config, key, run, options, ui, dry_run=dry_run)
    return _report(undone, question, output_format, dry_run=dry_run)


def _undo_on_branch(config: Config, run: str | None, branch: str, output_format: str, *, local: bool) -> int:
    with cache_in_use():
        reverted = engine.undo_on_branch(config, run, branch=branch, local=local)
    if output_format == "json":
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
        print_result(to_json(page))
    else:
        for path in reverted.files:
            print_result(f"  {one_line(path)}")
    for path, why in reverted.left_out.items():
        print_note(f"{path}: skipped: {why}")
    if reverted.commit is None:
        print_note(f"Nothing to revert: the files on {branch} have changed since that run.")
    else:
        where = f"pushed to {config.remote}" if reverted.pushed else "in this clone"
        print_note(f"Committed {reverted.commit[:10]} to {branch}, {where}.")
    return ExitCode.HELD if reverted.left_out else ExitCode.OK


def _report(undone: engine.UndoResult, question: Question, output_format: str, *, dry_run: bool) -> int:
    run = undone.run
    held = ExitCode.HELD if undone.planned.plan.conflicts and not dry_run else ExitCode.OK
    if output_format == "json":
        plan, target = undone.planned.plan, undone.planned.workspace.config.target
        outcomes, site = run.outcomes if run else None, undone.planned.workspace.config.readers_url
        page = plan_page(plan, target=target, calls=undone.calls, outcomes=outcomes, site=site)
        print_result(to_json(page | {"undoes": undone.past.id, "remaining": list(undone.remaining)}))
    elif not question.asked:
        print_result(_plan_text(undone.planned))
    for path in undone.remaining:
        print_note(f"{path}: created by that run and kept on the portal")
    if run is None:
        print_note("Nothing was written.")
        return ExitCode.FAILED if question.declined else held
    if output_format == "text":
        revert = f"kbsync undo {undone.past.short_id} --branch NAME"
        hint = f"Next: {revert} reverts your files too. Until a file changes, kbsync publish skips its article."
        print_result(outcomes_to_text(run.outcomes, **look(), next_step=hint))
        print_note(f"{undone.calls} API calls.")
    print_failures(run, undone.ledger_error)
    if run.interrupted:
        return ExitCode.INTERRUPTED
    results = {outcome.result for outcome in run.outcomes}
    if undone.ledger_error is not None or results & {Result.FAILED, Result.SKIPPED}:
        return ExitCode.FAILED
    return ExitCode.HELD if Result.WITHHELD in results else held


def _plan_text(planned: PlanResult) -> str:
    name = planned.undoes.short_id if planned.undoes else ""
    heading = f"kbsync undo of run {name} on {portal_of(planned)}"
    frame = Frame(site=planned.workspace.config.readers_url)
    return plan_to_text(planned.plan, heading=heading, frame=frame, undoing=True, **look())
