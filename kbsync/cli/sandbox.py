"""The command that runs the embedded portal, a stand-in for one Freshdesk account: sandbox."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from kbsync.cli.console import ExitCode, print_note, print_result
from kbsync.cli.options import command
from kbsync.errors import UsageError

if TYPE_CHECKING:
    from kbsync.sandbox.server import Portal

_Command = TypeVar("_Command", bound=Callable[..., object])


def port_option(default: int) -> Callable[[_Command], _Command]:
    """Return the option for the port of the embedded portal."""
    return click.option(
        "--port",
        envvar="KBSYNC_PORT",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        default=default,
        show_default=True,
        help="Port to listen on; 0 picks a free one.",
    )


def not_installed() -> UsageError:
    """Return the error where the packages of the embedded portal are missing."""
    return UsageError("the practice portal is not installed", advice="install it with `pip install 'kbsync[sandbox]'`")


def _choice_option(name: str, choices: tuple[str, ...], text: str) -> Callable[[_Command], _Command]:
    variable = f"KBSYNC_{name.removeprefix('--').upper()}"
    kind = click.Choice(choices)
    return click.option(name, envvar=variable, type=kind, default=choices[0], show_default=True, help=text)


@command("kbsync sandbox", "kbsync sandbox --port 0 --data practice.db")
@port_option(8765)
@click.option(
    "--host",
    envvar="KBSYNC_HOST",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option("--key", envvar="KBSYNC_KEY", default="sandbox", show_default=True, help="API key to accept.")
@click.option(
    "--data",
    envvar="KBSYNC_DATA",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the content in this file, not in memory.",
)
@click.option(
    "--load",
    envvar="KBSYNC_LOAD",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Load content from a JSON file, or from all in a directory. Repeatable.",
)
@_choice_option("--rewriting", ("off", "editor", "strict"), "How the portal changes the HTML of articles.")
@_choice_option("--gone", ("404", "403"), "Status code for an item that was deleted.")
@_choice_option("--subfolders", ("on", "forbidden", "missing"), "Whether folders can contain folders.")
@_choice_option("--duplicates", ("errors", "code"), "Form of a 409 response.")
@click.option(
    "--rate", envvar="KBSYNC_RATE", type=click.IntRange(min=1), metavar="CALLS", help="Limit the API calls per minute."
)
@click.option(
    "--language",
    "languages",
    envvar="KBSYNC_LANGUAGES",
    multiple=True,
    metavar="CODE",
    help="Add a language to the account. Repeatable.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="JSON",
    help='Simulate a failure, e.g. \'{"kind": "lost", "method": "POST"}\'. Repeatable.',
)
def sandbox(
    *,
    host: str,
    port: int,
    load: tuple[Path, ...],
    faults: tuple[str, ...],
    rate: int | None,
    gone: str,
    duplicates: Literal["errors", "code"],
    **settings: Any,
) -> int:
    """Run a local practice portal in place of Freshdesk. The first line of the output is its URL."""
    try:
        from kbsync.sandbox.server import run
        from kbsync.sandbox.settings import SandboxError, SandboxSettings
    except ModuleNotFoundError as error:
        raise not_installed() from error
    account = SandboxSettings(
        calls_per_minute=rate, gone=403 if gone == "403" else 404, duplicate_body=duplicates, **settings
    )
    try:
        run(account, host=host, port=port, load=load, announce=lambda portal: _announce(portal, faults))
    except SandboxError as error:
        raise UsageError(str(error)) from error
    return ExitCode.OK


def _announce(portal: "Portal", faults: tuple[str, ...]) -> None:
    from kbsync.sandbox.account import fault_from_json

    for text in faults:
        try:
            portal.faults.add(fault_from_json(json.loads(text)))
        except ValueError as error:
            raise UsageError(f"--fault {text}: {error}") from error
    print_result(portal.url)
    print_note(f"  readers  {portal.url}/support/solutions")
    print_note(f"  agents   {portal.url}/a/solutions")
    print_note("  Press Ctrl-C to stop.")
