"""The commands that take over and let go: adopt, release, explain."""

import os

import click

from kbsync.cli.settings import Settings, choice, ids, ignore_ids_flag, local_flag

_named = click.argument("named", nargs=-1, required=True, metavar="PATH|ID…")
_dry_run = click.option(
    "--dry-run", envvar="KBSYNC_DRY_RUN", is_flag=True, help="Show what would be written, and write nothing."
)


@click.command(short_help="Take over what is on the portal.")
@_named
@choice("text", "json")
@_dry_run
@click.option("--yes", is_flag=True, help="Adopt without a question.")
@local_flag
@ignore_ids_flag
@click.pass_obj
def adopt(
    settings: Settings, *, named: tuple[str, ...], form: str, dry_run: bool, yes: bool, local: bool, ignore_ids: bool
) -> int:
    """Take over what is on the portal: with its file, or by bringing it into the tree."""
    from kbsync.commands import holding
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    config = settings.config(**ids(ignore_ids))
    options = Options(local=local)
    return holding.adopt(config, key_for(config, os.environ), named, options, form=form, yes=yes, dry_run=dry_run)


@click.command(short_help="Let go of what kbsync publishes.")
@_named
@choice("text", "json")
@_dry_run
@click.option("--yes", is_flag=True, help="Release without a question.")
@local_flag
@ignore_ids_flag
@click.pass_obj
def release(
    settings: Settings, *, named: tuple[str, ...], form: str, dry_run: bool, yes: bool, local: bool, ignore_ids: bool
) -> int:
    """Let go of what kbsync publishes: nothing happens with it from then on, on either side."""
    from kbsync.commands import holding
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    config = settings.config(**ids(ignore_ids))
    options = Options(local=local)
    return holding.release(config, key_for(config, os.environ), named, options, form=form, yes=yes, dry_run=dry_run)


@click.command()
@_named
@choice("text", "json")
@click.option(
    "--no-refresh", envvar="KBSYNC_NO_REFRESH", is_flag=True, help="Compare with the ledger alone: no call, no key."
)
@local_flag
@ignore_ids_flag
@click.pass_obj
def explain(
    settings: Settings, *, named: tuple[str, ...], form: str, no_refresh: bool, local: bool, ignore_ids: bool
) -> int:
    """Return why an item would or would not change. Writes nothing."""
    from kbsync.commands import holding
    from kbsync.config import key_for
    from kbsync.engine.context import Options

    config = settings.config(**ids(ignore_ids))
    key = None if no_refresh else key_for(config, os.environ)
    return holding.explain(config, key, named, Options(local=local), form=form)
