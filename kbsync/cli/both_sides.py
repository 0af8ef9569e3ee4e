"""The commands that look at both sides: plan, publish, pull, status."""

import os
from pathlib import Path

import click

from kbsync.cli.settings import Settings, choice, ids, ignore_ids_flag, local_flag, named, paths_argument
from kbsync.commands.paths import within


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
    local: bool,
    ignore_ids: bool,
) -> int:
    """Show what publish would do, from the working tree. Writes nothing."""
    from kbsync.commands import portal
    from kbsync.credentials import key_for
    from kbsync.journeys import Options

    config = settings.config(**ids(ignore_ids))
    key = None if no_refresh else key_for(config, os.environ)
    options = Options(paths=within(config, paths), local=local)
    return portal.plan(config, key, options, form=form, out=out, exit_code=exit_code)


@click.command()
@paths_argument
@choice("text", "json")
@click.option("--yes", is_flag=True, help="Publish without a question.")
@click.option("--dirty", is_flag=True, help="Publish the last commit although there are changes after it.")
@click.option("--force", is_flag=True, help="Go past the limit on removals.")
@click.option("--rollback", is_flag=True, help="Publish a commit older than the one that was published last.")
@click.option("--overwrite", multiple=True, metavar="PATH", help="Write over what was edited on the portal.")
@local_flag
@ignore_ids_flag
@click.pass_obj
def publish(
    settings: Settings,
    *,
    paths: tuple[str, ...],
    form: str,
    yes: bool,
    dirty: bool,
    force: bool,
    rollback: bool,
    overwrite: tuple[str, ...],
    local: bool,
    ignore_ids: bool,
) -> int:
    """Publish the commit that is checked out: plan, ask, apply."""
    from kbsync.commands import portal
    from kbsync.commands.output import attended
    from kbsync.credentials import key_for
    from kbsync.journeys import Options

    config = settings.config(**ids(ignore_ids))
    options = Options(
        paths=within(config, paths),
        overwrite=named(config, overwrite),
        local=local,
        dirty=dirty,
        force=force,
        rollback=rollback,
        attended=attended(),
    )
    return portal.publish(config, key_for(config, os.environ), options, form=form, yes=yes)


@click.command()
@paths_argument
@choice("text", "json")
@click.option("--dry-run", envvar="KBSYNC_DRY_RUN", is_flag=True, help="Show what would be written, and write nothing.")
@local_flag
@ignore_ids_flag
@click.pass_obj
def pull(settings: Settings, *, paths: tuple[str, ...], form: str, dry_run: bool, local: bool, ignore_ids: bool) -> int:
    """Bring what was edited on the portal into the tree."""
    from kbsync.commands import portal
    from kbsync.credentials import key_for
    from kbsync.journeys import Options

    config = settings.config(**ids(ignore_ids))
    options = Options(paths=within(config, paths), local=local)
    return portal.pull(config, key_for(config, os.environ), options, form=form, dry_run=dry_run)


@click.command()
@choice("text", "json")
@local_flag
@ignore_ids_flag
@click.pass_obj
def status(settings: Settings, *, form: str, local: bool, ignore_ids: bool) -> int:
    """Show at a glance what there is to publish and to pull. Cannot write."""
    from kbsync.commands import portal
    from kbsync.credentials import key_for
    from kbsync.journeys import Options

    config = settings.config(**ids(ignore_ids))
    return portal.status(config, key_for(config, os.environ), Options(local=local), form=form)
