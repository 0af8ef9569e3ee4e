"""The commands that look at files: lint, render."""

import click

from kbsync.cli.settings import Settings, choice, ids, ignore_ids_flag, paths_argument
from kbsync.commands.paths import within


@click.command()
@paths_argument
@choice("text", "json")
@ignore_ids_flag
@click.pass_obj
def lint(settings: Settings, *, paths: tuple[str, ...], form: str, ignore_ids: bool) -> int:
    """Return every problem of the tree at once. Needs no network."""
    from kbsync.commands import files

    config = settings.config(**ids(ignore_ids))
    return files.lint(config, paths=within(config, paths), form=form)


@click.command()
@click.argument("named", metavar="FILE")
@click.option(
    "--back",
    envvar="KBSYNC_BACK",
    is_flag=True,
    help="The other way: the Markdown of an HTML file, or of a live article by its id or address.",
)
@click.pass_obj
def render(settings: Settings, *, named: str, back: bool) -> int:
    """Show the HTML of one article; - reads standard input."""
    from kbsync.commands import rendering

    if back:
        return rendering.back(named, settings.config)
    return rendering.render(named, settings.config_for)
