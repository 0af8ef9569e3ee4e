"""The commands that run the embedded portal: sandbox, demo."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--port",
    envvar="KBSYNC_PORT",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="0 picks a free one.",
)
@click.option("--host", envvar="KBSYNC_HOST", default="127.0.0.1", show_default=True)
@click.option("--key", envvar="KBSYNC_KEY", default="sandbox", show_default=True, help="The API key that it accepts.")
@click.option(
    "--data", envvar="KBSYNC_DATA", type=click.Path(path_type=Path), help="Keep it in this file; else in memory."
)
@click.option("--load", envvar="KBSYNC_LOAD", multiple=True, type=click.Path(path_type=Path), help="Fill it from JSON.")
@click.option(
    "--rewriting",
    envvar="KBSYNC_REWRITING",
    type=click.Choice(["off", "editor", "strict"]),
    default="off",
    show_default=True,
    help="What it does to the HTML of articles.",
)
@click.option(
    "--gone",
    envvar="KBSYNC_GONE",
    type=click.Choice(["404", "403"]),
    default="404",
    show_default=True,
    help="How it answers for what is gone.",
)
@click.option(
    "--subfolders",
    envvar="KBSYNC_SUBFOLDERS",
    type=click.Choice(["on", "forbidden", "missing"]),
    default="on",
    show_default=True,
    help="Whether folders may nest.",
)
@click.option(
    "--duplicates",
    envvar="KBSYNC_DUPLICATES",
    type=click.Choice(["errors", "code"]),
    default="errors",
    show_default=True,
    help="How a 409 is worded.",
)
@click.option("--rate", envvar="KBSYNC_RATE", type=click.IntRange(min=1), help="Calls a minute; without it, no limit.")
@click.option(
    "--language", "languages", envvar="KBSYNC_LANGUAGES", multiple=True, help="Another language of the account."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="JSON",
    help='Trouble on demand, e.g. \'{"kind": "lost", "method": "POST"}\'.',
)
def sandbox(**choices: object) -> int:
    """Run the embedded portal: a stand-in for one Freshdesk account."""
    from kbsync.commands import sandbox as commands

    return commands.sandbox(commands.Choices(**choices))  # type: ignore[arg-type]


@click.command(short_help="Play the whole loop on the embedded portal.")
@click.option("--keep", envvar="KBSYNC_KEEP", is_flag=True, help="Leave the portal running until Ctrl-C.")
@click.option(
    "--port",
    envvar="KBSYNC_PORT",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="0 picks a free one.",
)
def demo(*, keep: bool, port: int) -> int:
    """Play the whole loop on the embedded portal, with kbsync's own documentation."""
    from kbsync.commands import demo as commands

    return commands.demo(keep=keep, port=port)
