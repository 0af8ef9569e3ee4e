"""The command `kbsync`: its group of commands, each imported when it is asked for, and how a run ends."""

import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from threading import current_thread, main_thread
from typing import Any

import click

from kbsync import __version__
from kbsync.cli.console import ExitCode, prepare_streams, print_commands, print_error, print_note, print_result
from kbsync.cli.options import CommandContext
from kbsync.errors import KbsyncError


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is defined, as `module:name`, and its line in `kbsync --help`."""

    target: str
    short_help: str

    def load(self) -> click.Command:
        """Import the module of the command, and return the command."""
        module, _, name = self.target.partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is not a command")
        command.short_help = self.short_help
        return command


class LazyGroup(click.Group):
    """A group that imports a command's module when that command is asked for, and none for its own help.

    `lazy` has the commands under the headings of `kbsync --help`.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, Mapping[str, LazyCommand]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._headings = lazy
        self._lazy = {name: command for commands in lazy.values() for name, command in commands.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None where there is none by that name."""
        lazy = self._lazy.get(cmd_name)
        return None if lazy is None else lazy.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, a list for each heading, with the descriptions of all lists in one column."""
        width = max(map(len, self._lazy))
        for heading, commands in self._headings.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), command.short_help) for name, command in commands.items()])


_COMMANDS = {
    "Write and check": {
        "lint": LazyCommand("kbsync.cli.check:lint", "Check the content for problems."),
        "render": LazyCommand("kbsync.cli.check:render", "Show the HTML of an article."),
    },
    "Publish and pull": {
        "status": LazyCommand("kbsync.cli.plan:status", "Show the changes to publish and to pull."),
        "plan": LazyCommand("kbsync.cli.plan:plan", "Show what publish would change on the portal."),
        "publish": LazyCommand("kbsync.cli.publish:publish", "Publish the checked-out commit to the portal."),
        "pull": LazyCommand("kbsync.cli.pull:pull", "Copy edits made on the portal into your files."),
    },
    "Manage": {
        "history": LazyCommand("kbsync.cli.history:history", "List the runs that wrote to the portal, or show one."),
        "undo": LazyCommand("kbsync.cli.history:undo", "Undo a run on the portal."),
        "explain": LazyCommand("kbsync.cli.manage:explain", "Explain why an article would or would not change."),
        "adopt": LazyCommand("kbsync.cli.manage:adopt", "Start managing articles that already exist on the portal."),
        "release": LazyCommand("kbsync.cli.manage:release", "Stop managing articles; files and portal stay unchanged."),
    },
    "Practice": {
        "demo": LazyCommand("kbsync.cli.demo:demo", "Run a guided demo on a local practice portal."),
        "sandbox": LazyCommand("kbsync.cli.sandbox:sandbox", "Run a local practice portal in place of Freshdesk."),
    },
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", envvar="KBSYNC_ROOT", metavar="DIR", help="Use the content tree in this directory.")
@click.option("--target", envvar="KBSYNC_TARGET", metavar="NAME", help="Use this target from kbsync.toml.")
@click.option("--url", envvar="KBSYNC_URL", metavar="URL", help="Override the portal URL.")
@click.version_option(__version__, prog_name="kbsync")
@click.pass_context
def app(context: click.Context, root: str | None, target: str | None, url: str | None) -> None:
    """Publish a Freshdesk knowledge base from Markdown in git, and pull web edits."""
    given = context.ensure_object(CommandContext)
    given.root = root
    given.flags = {"target": target, "url": url}


def main() -> None:
    """Run kbsync, and end the process with its exit code; the one place where an error is printed."""
    prepare_streams()
    context = CommandContext()
    try:
        with _sigterm_as_interrupt():
            code = app.main(prog_name="kbsync", standalone_mode=False, obj=context)
    except KbsyncError as error:
        code = _report(error, context)
    except click.ClickException as error:
        usage = io.StringIO()
        error.show(usage)
        print_note(usage.getvalue().rstrip("\n"))
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        print_note(str(error.__cause__ or error) or "Interrupted. Run the same command again.")
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader closed standard output: Python must not complain about it at exit, and the run did not succeed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.FAILED
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
        advice = "check that the disk is not full and the path is writable"
        code = _report(KbsyncError(what, advice=advice), CommandContext())
    sys.exit(code or 0)


def _report(error: KbsyncError, context: CommandContext) -> int:
    """Print an error, in the format of a report also on standard output in place of it, and return its exit code."""
    if context.output_format == "json":
        from kbsync.report.json_output import error_to_json

        print_result(error_to_json(error))
    elif context.output_format == "github":
        from kbsync.report.json_output import error_to_github

        print_commands(error_to_github(error))
    elif context.output_format != "text":
        from kbsync.report.pages import error_page

        print_result(error_page(error, context.output_format))
    print_error(error)
    return error.exit_code


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM, which CI sends when a job is cancelled, as Ctrl-C: a run that writes ends in order."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
