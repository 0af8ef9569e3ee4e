"""The commands that look at both sides: plan, publish, pull, status."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from kbsync.cli.settings import (
    Settings,
    choice,
    ids,
    ignore_ids_flag,
    local_flag,
    named,
    paths_argument,
    refuse_blind,
    rerender_flag,
    seconds,
    wait_option,
)
from kbsync.cli.spans import Span
from kbsync.commands.paths import within
from kbsync.errors import UsageError


@click.command()
@paths_argument
@choice("text", "json", "markdown", "html")
@click.option(
    "--out", envvar="KBSYNC_OUT", metavar="FILE", type=click.Path(path_type=Path), help="Save the plan there."
)
@click.option("--exit-code", envvar="KBSYNC_EXIT_CODE", is_flag=True, help="End with 3 where there are changes.")
@click.option(
    "--no-refresh", envvar="KBSYNC_NO_REFRESH", is_flag=True, help="Compare with the ledger alone: no call, no key."
)
@rerender_flag
@click.option(
    "--show",
    envvar="KBSYNC_SHOW",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Show a saved plan again, from its file alone.",
)
@local_flag
@ignore_ids_flag
@click.pass_obj
def plan(
    settings: Settings,
    *,
    paths: tuple[str, ...],
    form: str,
    out: Path | None,
    exit_code: bool,
    no_refresh: bool,
    rerender: bool,
    show: Path | None,
    local: bool,
    ignore_ids: bool,
) -> int:
    """Show what publish would do, from the working tree. Writes nothing."""
    from kbsync.commands import planning, saving
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    if show is not None:
        if paths or no_refresh or rerender or exit_code:
            raise UsageError("--show looks at a saved plan alone", advice="leave the PATHs and other options out")
        return saving.show(show, form=form, out=out)
    refuse_blind(rerender=rerender, no_refresh=no_refresh)
    config = settings.config(**ids(ignore_ids))
    key = None if no_refresh else key_for(config, os.environ)
    options = Options(paths=within(config, paths), local=local, rerender=rerender)
    options = saving.set_aside(options, config, out)
    return planning.plan(config, key, options, form=form, out=out, exit_code=exit_code)


@click.command()
@paths_argument
@choice("text", "json")
@click.option("--yes", is_flag=True, help="Publish without a question.")
@click.option("--dirty", is_flag=True, help="Publish the last commit although there are changes after it.")
@click.option("--force", is_flag=True, help="Go past the limit on removals.")
@click.option("--rollback", is_flag=True, help="Publish a commit older than the one that was published last.")
@click.option("--overwrite", multiple=True, metavar="PATH", help="Let the file win over what was edited on the portal.")
@rerender_flag
@click.option(
    "--no-refresh", envvar="KBSYNC_NO_REFRESH", is_flag=True, help="Read of the portal only what is to be written."
)
@click.option(
    "--plan",
    "plan_file",
    envvar="KBSYNC_PLAN",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Do only what this saved plan allows.",
)
@click.option(
    "--all-or-nothing", envvar="KBSYNC_ALL_OR_NOTHING", is_flag=True, help="Do nothing unless all of it still holds."
)
@click.option(
    "--max-age", envvar="KBSYNC_MAX_AGE", type=Span(), metavar="SPAN", default="7d", help="How old it may be: 12h, 7d."
)
@wait_option
@local_flag
@ignore_ids_flag
@click.pass_obj
def publish(
    settings: Settings,
    /,
    *,
    paths: tuple[str, ...],
    form: str,
    yes: bool,
    overwrite: tuple[str, ...],
    plan_file: Path | None,
    wait: timedelta | None,
    no_refresh: bool,
    ignore_ids: bool,
    **flags: Any,
) -> int:
    """Publish the commit that is checked out: plan, ask, apply."""
    from kbsync.commands import publishing, saving
    from kbsync.commands.output import attended
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    if plan_file is not None and paths:
        raise UsageError("--plan and PATHs do not go together", advice="give the PATHs to `kbsync plan --out FILE`")
    if plan_file is None and flags["all_or_nothing"]:
        raise UsageError("--all-or-nothing is about a saved plan", advice="name it with --plan FILE")
    refuse_blind(rerender=flags["rerender"], no_refresh=no_refresh)
    config = settings.config(**ids(ignore_ids))
    options = Options(
        paths=within(config, paths),
        overwrite=named(config, overwrite),
        saved=saving.read_saved(plan_file) if plan_file else None,
        attended=attended(),
        wait=seconds(wait, attended=attended()),
        refresh=not no_refresh,
        **flags,
    )
    options = saving.set_aside(options, config, plan_file)
    return publishing.publish(config, key_for(config, os.environ), options, form=form, yes=yes)


@click.command()
@paths_argument
@choice("text", "json")
@click.option("--dry-run", envvar="KBSYNC_DRY_RUN", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--ours", multiple=True, metavar="PATH", help="Keep the file there, whatever was edited on the portal.")
@click.option("--theirs", multiple=True, metavar="PATH", help="Take what the portal has, whatever the file says.")
@click.option("--prune", is_flag=True, help="Delete unchanged files of what is gone on the portal.")
@click.option("--branch", metavar="NAME", help="Put it on this branch, for a pull request; with --commit.")
@click.option("--commit", is_flag=True, help="Commit to --branch; your files and your branch stay as they are.")
@local_flag
@ignore_ids_flag
@click.pass_obj
def pull(
    settings: Settings,
    *,
    paths: tuple[str, ...],
    form: str,
    dry_run: bool,
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    prune: bool,
    branch: str | None,
    commit: bool,
    local: bool,
    ignore_ids: bool,
) -> int:
    """Bring what was edited on the portal into the tree."""
    from kbsync.commands import proposing, pulling
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    proposed = proposing.branch_of(branch, commit=commit, dry_run=dry_run)
    config = settings.config(**ids(ignore_ids))
    options = Options(
        paths=within(config, paths),
        ours=named(config, ours, option="--ours"),
        theirs=named(config, theirs, option="--theirs"),
        prune=prune,
        local=local,
    )
    if options.ours & options.theirs:
        both = ", ".join(sorted(options.ours & options.theirs))
        raise UsageError(f"--ours and --theirs both name {both}", advice="say for each path which side is to win")
    if proposed is not None:
        return proposing.propose(config, key_for(config, os.environ), options, form=form, branch=proposed)
    return pulling.pull(config, key_for(config, os.environ), options, form=form, dry_run=dry_run)


@click.command()
@choice("text", "json")
@local_flag
@ignore_ids_flag
@click.pass_obj
def status(settings: Settings, *, form: str, local: bool, ignore_ids: bool) -> int:
    """Show at a glance what there is to publish and to pull. Cannot write."""
    from kbsync.commands import planning
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    config = settings.config(**ids(ignore_ids))
    return planning.status(config, key_for(config, os.environ), Options(local=local), form=form)
