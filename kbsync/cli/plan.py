"""The commands that read both sides and write neither, plan and status, and saved plans as files."""

import os
from dataclasses import replace
from pathlib import Path

import click

from kbsync.baseline import State
from kbsync.cli.console import ExitCode, look, print_note, print_result, print_uncommitted
from kbsync.cli.options import (
    CommandContext,
    cache_in_use,
    check_rerender,
    command,
    file_option,
    format_option,
    ignore_ids_option,
    local_option,
    no_refresh_option,
    overwrite_option,
    paths_argument,
    rerender_option,
)
from kbsync.cli.paths import check_known, content_paths, paths_to_override
from kbsync.cli.ui import ConsoleUi, format_for_people, format_plan, portal_of, print_notices
from kbsync.config import Config, key_for
from kbsync.engine import plan as engine
from kbsync.engine.context import Options, PlanResult
from kbsync.engine.history import past_runs
from kbsync.engine.saved_plan import make_saved_plan
from kbsync.errors import KbsyncError, UsageError
from kbsync.planner.approval import SavedPlan
from kbsync.report.json_output import saved_from_json, saved_to_json, status_to_json
from kbsync.report.pages import error_page
from kbsync.report.terminal import status_to_text, unmanaged_to_text
from kbsync.report.wording import Frame, base_text, counts_text, next_step


@command("kbsync plan help/accounts", "kbsync plan --out plan.json")
@paths_argument
@format_option("text", "json", "markdown", "html")
@file_option("--out", envvar="KBSYNC_OUT", help="Write the plan to this file; `publish --plan` takes a .json file.")
@click.option(
    "--exit-code",
    envvar="KBSYNC_EXIT_CODE",
    is_flag=True,
    help="Exit with 3 if there are changes, 4 if there are conflicts.",
)
@no_refresh_option
@rerender_option
@overwrite_option
@file_option("--show", envvar="KBSYNC_SHOW", help="Show a saved plan.")
@local_option
@ignore_ids_option
@click.pass_obj
def plan(
    context: CommandContext,
    *,
    paths: tuple[str, ...],
    output_format: str,
    out: Path | None,
    exit_code: bool,
    no_refresh: bool,
    rerender: bool,
    overwrite: tuple[str, ...],
    show: Path | None,
    local: bool,
    ignore_ids: bool,
) -> int:
    """Show what publish would change on the portal, based on the working tree. Writes nothing."""
    if show is not None:
        if paths or no_refresh or rerender or overwrite or exit_code:
            what = "--show cannot be used with paths, --no-refresh, --rerender, --overwrite or --exit-code"
            raise UsageError(what, advice="remove them; a saved plan is shown as it is")
        return _show_saved(show, output_format, out)
    check_rerender(rerender=rerender, no_refresh=no_refresh)
    _check_overwrite(overwrite, no_refresh=no_refresh)
    config = context.config(ignore_ids=ignore_ids)
    key = None if no_refresh else key_for(config, os.environ)
    over = paths_to_override(config, overwrite, option="--overwrite")
    options = Options(paths=content_paths(config, paths), local=local, rerender=rerender, overwrite=over)
    options = except_plan_file(options, config, out)
    try:
        with cache_in_use(), ConsoleUi() as ui:
            planned = engine.plan(config, key, options, ui)
    except KbsyncError as error:
        if out is not None and output_format in {"markdown", "html"}:
            _output(error_page(error, output_format), out)
        raise
    check_known(planned, (*options.paths, *options.overwrite))
    print_notices(planned)
    _print_or_save(planned, options, output_format, out, base=_last_run(planned) if no_refresh else None)
    if planned.plan.halt or planned.plan.excess or (exit_code and planned.plan.conflicts):
        return ExitCode.HELD
    return ExitCode.CHANGES if exit_code and planned.plan.changes else ExitCode.OK


def _check_overwrite(overwrite: tuple[str, ...], *, no_refresh: bool) -> None:
    if overwrite and no_refresh:
        what = "--overwrite and --no-refresh cannot be used together"
        raise UsageError(what, advice="remove one: only the portal has the edits to overwrite")


@command("kbsync status", "kbsync status --format json")
@format_option("text", "json")
@click.option(
    "--unmanaged",
    envvar="KBSYNC_UNMANAGED",
    is_flag=True,
    help="List what is on the portal and not managed by kbsync.",
)
@local_option
@ignore_ids_option
@click.pass_obj
def status(context: CommandContext, *, output_format: str, unmanaged: bool, local: bool, ignore_ids: bool) -> int:
    """Show the changes to publish and to pull. Writes nothing."""
    config = context.config(ignore_ids=ignore_ids)
    with cache_in_use(), ConsoleUi() as ui:
        planned = engine.status(config, key_for(config, os.environ), Options(local=local), ui)
    print_notices(planned)
    archived = [known for known in planned.workspace.baselines.values() if known.state is State.ARCHIVED]
    if output_format == "json":
        site = config.readers_url
        print_result(status_to_json(planned.plan, archived, target=config.target, calls=planned.calls, site=site))
        return ExitCode.OK
    if unmanaged:
        print_result(unmanaged_to_text(planned.plan, site=config.readers_url))
        return ExitCode.OK
    print_result(status_to_text(planned.plan, target=portal_of(planned), archived=len(archived), **look()))
    return ExitCode.OK


def read_saved_plan(file: Path) -> SavedPlan:
    """Read a saved plan; raises UsageError if there is none, or it cannot be read."""
    try:
        return saved_from_json(file.read_bytes(), name=str(file))
    except OSError as error:
        what = f"{file} cannot be read: {error.strerror}"
        raise UsageError(what, advice="give a file written by `kbsync plan --out`") from None


def except_plan_file(options: Options, config: Config, file: Path | None) -> Options:
    """Return the options of a run for which the plan's own file is no part of the tree, should it lie there."""
    place = file.absolute().resolve() if file else None
    if place is None or not place.is_relative_to(config.root.resolve()):
        return options
    return replace(options, aside=frozenset({place.relative_to(config.root.resolve()).as_posix()}))


def _last_run(planned: PlanResult) -> dict[str, str | None]:
    """Return the run of the ledger that a plan without the portal compares with, and its time."""
    workspace = planned.workspace
    runs = past_runs(workspace.repository, workspace.config, limit=1)
    return {"run": runs[0].id, "date": runs[0].record.date or runs[0].date} if runs else {"run": None, "date": None}


def _print_or_save(
    planned: PlanResult, options: Options, output_format: str, out: Path | None, *, base: dict[str, str | None] | None
) -> None:
    is_json = output_format == "json" or (out is not None and out.suffix == ".json" and output_format == "text")
    if out is not None and is_json:
        saved = make_saved_plan(planned, options)
        if base is not None:
            saved = replace(saved, refreshed=False, base_run=base["run"], base_date=base["date"])
        _output(saved_to_json(saved), out)
    else:
        step = next_step(planned.plan, paths=options.paths, uncommitted=bool(planned.uncommitted))
        _output(format_plan(planned, output_format, base=base, options=options, next_step=step), out)
    if out is not None:
        print_note(f"Plan written to {out}: {counts_text(planned.plan)}.")


def _output(text: str, out: Path | None) -> None:
    if out is None:
        print_result(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}", advice="give another file with --out") from error


def _show_saved(file: Path, output_format: str, out: Path | None) -> int:
    saved = read_saved_plan(file)
    print_uncommitted(saved.uncommitted)
    heading = f"kbsync plan for {saved.target} ({saved.url}), saved at {saved.at}"
    base = None if saved.refreshed else {"run": saved.base_run, "date": saved.base_date}
    note = base_text(base, saved.paths, is_partial=bool(saved.paths))
    frame = Frame(
        site=saved.site, base=note, next_step=f"Next: kbsync publish --plan {file}" if saved.plan.changes else ""
    )
    is_json = output_format == "json"
    shown = saved_to_json(saved) if is_json else format_for_people(saved.plan, heading, output_format, frame=frame)
    _output(shown, out)
    return ExitCode.OK
