"""The commands that look at the runs of the past and take one back: history, undo."""

import os
from datetime import timedelta

import click

from kbsync.cli.settings import Settings, choice, local_flag, seconds, wait_option

run_argument = click.argument("run", required=False, metavar="[RUN]")


@click.command(short_help="List the runs that wrote to the portal, or show one.")
@run_argument
@click.option(
    "-n",
    "limit",
    type=click.IntRange(min=1),
    default=20,
    show_default="20",
    metavar="COUNT",
    help="List so many runs.",
)
@choice("text", "json", "markdown")
@local_flag
@click.pass_obj
def history(settings: Settings, *, run: str | None, limit: int, form: str, local: bool) -> int:
    """List the runs that wrote to the portal; with RUN, show what that one did to each article. Needs no key."""
    from kbsync.commands import past

    config = settings.config()
    if run is None:
        return past.history(config, limit=limit, form=form, local=local)
    return past.history_of(config, run, form=form, local=local)


@click.command()
@run_argument
@choice("text", "json")
@click.option("--yes", is_flag=True, help="Undo without a question.")
@click.option(
    "--dry-run", envvar="KBSYNC_DRY_RUN", is_flag=True, help="Show what would be put back, and write nothing."
)
@click.option("--branch", metavar="NAME", help="Leave the portal; commit the matching revert on a branch.")
@wait_option
@local_flag
@click.pass_obj
def undo(
    settings: Settings,
    *,
    run: str | None,
    form: str,
    yes: bool,
    dry_run: bool,
    branch: str | None,
    wait: timedelta | None,
    local: bool,
) -> int:
    """Put back what one run replaced, by default the last one. What was edited since is named and left alone."""
    from kbsync.commands import past
    from kbsync.commands.output import attended
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    config = settings.config()
    if branch is not None:
        return past.revert(config, run, branch=branch, form=form, local=local)
    options = Options(local=local, attended=attended(), wait=seconds(wait, attended=attended()))
    return past.undo(config, key_for(config, os.environ), run, options, form=form, yes=yes, dry_run=dry_run)
