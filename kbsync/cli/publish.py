"""The command that writes to the portal: publish."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from kbsync.change import Outcome, Result
from kbsync.cli.console import ExitCode, is_interactive, look, print_note, print_result, require_terminal
from kbsync.cli.options import (
    CommandContext,
    Span,
    cache_in_use,
    check_rerender,
    command,
    file_option,
    format_option,
    ignore_ids_option,
    local_option,
    overwrite_option,
    paths_argument,
    rerender_option,
    seconds_to_wait,
    wait_option,
    yes_option,
)
from kbsync.cli.paths import check_known, content_paths, paths_to_override
from kbsync.cli.plan import except_plan_file, read_saved_plan
from kbsync.cli.ui import ConsoleUi, Question, format_plan, portal_of, print_failures, print_notices
from kbsync.config import key_for
from kbsync.engine import publish as engine
from kbsync.engine.context import Options, PlanResult
from kbsync.errors import UsageError
from kbsync.planner.approval import needs_review
from kbsync.report.json_output import plan_page, to_json
from kbsync.report.terminal import outcomes_to_text
from kbsync.report.wording import base_text, next_step


@command("kbsync publish", "kbsync publish --plan plan.json --yes")
@paths_argument
@format_option("text", "json")
@yes_option
@click.option("--dirty", is_flag=True, help="Publish the last commit even if there are uncommitted changes.")
@click.option("--force", is_flag=True, help="Allow more removals than the limit.")
@click.option("--rollback", is_flag=True, help="Publish a commit older than the last published one.")
@overwrite_option
@rerender_option
@click.option(
    "--no-refresh",
    envvar="KBSYNC_NO_REFRESH",
    is_flag=True,
    help="Read only the articles to be written, not the whole portal.",
)
@file_option("--plan", "plan_file", envvar="KBSYNC_PLAN", help="Apply a saved plan and make no other changes.")
@click.option(
    "--all-or-nothing",
    envvar="KBSYNC_ALL_OR_NOTHING",
    is_flag=True,
    help="With --plan, write nothing unless every change still applies.",
)
@click.option(
    "--max-age",
    envvar="KBSYNC_MAX_AGE",
    type=Span(),
    metavar="DURATION",
    default="7d",
    show_default=True,
    help="With --plan, refuse a plan older than this.",
)
@wait_option
@local_option
@ignore_ids_option
@click.pass_obj
def publish(
    context: CommandContext,
    /,
    *,
    paths: tuple[str, ...],
    output_format: str,
    yes: bool,
    overwrite: tuple[str, ...],
    plan_file: Path | None,
    wait: timedelta | None,
    no_refresh: bool,
    ignore_ids: bool,
    **flags: Any,
) -> int:
    """Publish the checked-out commit: show the plan, ask for confirmation, apply it."""
    if plan_file is not None and paths:
        raise UsageError("--plan cannot be used with paths", advice="give the paths to `kbsync plan --out FILE`")
    if plan_file is None and flags["all_or_nothing"]:
        raise UsageError("--all-or-nothing requires a saved plan", advice="add --plan FILE")
    check_rerender(rerender=flags["rerender"], no_refresh=no_refresh)
    config = context.config(ignore_ids=ignore_ids)
    options = Options(
        paths=content_paths(config, paths),
        overwrite=paths_to_override(config, overwrite, option="--overwrite"),
        saved=read_saved_plan(plan_file) if plan_file else None,
        attended=is_interactive(),
        wait=seconds_to_wait(wait),
        refresh=not no_refresh,
        **flags,
    )
    key = key_for(config, os.environ)
    if not yes:
        require_terminal("publish")
    run = _PublishRun(except_plan_file(options, config, plan_file), output_format, yes=yes)
    with cache_in_use(), ConsoleUi(run.question) as ui:
        published = engine.publish(config, key, run.options, ui)
    check_known(published.planned, run.named)
    return run.report(published)


class _PublishRun:
    """What a publish prints before its question and at its end."""

    def __init__(self, options: Options, output_format: str, *, yes: bool) -> None:
        self.options = options
        self.named = (*options.paths, *options.overwrite)
        self.question = Question(self._show, lambda planned: f"Publish these changes to {portal_of(planned)}?", yes=yes)
        self._format = output_format
        self._yes = yes
        self._shown: tuple[Outcome, ...] = ()

    def _show(self, planned: PlanResult) -> None:
        check_known(planned, self.named)
        print_notices(planned)
        if self._format != "text":
            return
        print_result(format_plan(planned, "text", options=self.options))
        if not self._yes and planned.withheld:
            print_result(f"\n{outcomes_to_text(planned.withheld, **look())}")
            self._shown = planned.withheld

    def report(self, published: engine.PublishResult) -> int:
        """Print what became of the publish, and return its exit code."""
        planned, run = published.planned, published.run
        if run is None:
            print_note("Nothing was written.")
            return ExitCode.FAILED if self.question.declined else ExitCode.OK
        if self._format == "json":
            target = planned.workspace.config.target
            site, calls = planned.workspace.config.readers_url, published.calls
            note = base_text(None, self.options.paths, is_partial=bool(planned.live.assumed))
            page = plan_page(planned.plan, target=target, calls=calls, outcomes=run.outcomes, site=site, note=note)
            print_result(to_json(page))
        else:
            self._print_text(planned, run.outcomes, published.calls)
        print_failures(run, published.ledger_error)
        if run.interrupted:
            return ExitCode.INTERRUPTED
        results = {outcome.result for outcome in run.outcomes}
        is_held = any(needs_review(outcome) for outcome in run.outcomes) or bool(planned.plan.conflicts)
        has_failed = Result.FAILED in results or (Result.SKIPPED in results and not is_held)
        if has_failed or published.ledger_error is not None:
            return ExitCode.FAILED
        return ExitCode.HELD if is_held else ExitCode.OK

    def _print_text(self, planned: PlanResult, outcomes: Sequence[Outcome], calls: int) -> None:
        plan = planned.plan
        if not plan.writes and (plan.changes or plan.drift or plan.conflicts or plan.undone):
            print_result(format_plan(planned, "text", options=self.options))
        unfinished = any(outcome.result in {Result.FAILED, Result.SKIPPED} for outcome in outcomes)
        left = replace(plan, changes=plan.changes if unfinished else ())
        step = next_step(left, paths=self.options.paths)
        print_result(outcomes_to_text(outcomes, **look(), shown=self._shown, next_step=step))
        print_note(f"{calls} API calls.")
