"""The command line: what is asked for, in which words, and how it ends.

The only module, with `commands`, that prints, asks or exits. Modules with heavy libraries are imported inside commands, so
that `kbsync --version` stays quick.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

import click

from kbsync import __version__
from kbsync.cli import both_sides, files, holding, past, stand_ins
from kbsync.cli.settings import Settings
from kbsync.commands.output import complain, note, prepare_streams
from kbsync.errors import KbsyncError

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", envvar="KBSYNC_ROOT", metavar="DIR", help="The directory that holds kbsync.toml.")
@click.option("--target", envvar="KBSYNC_TARGET", metavar="NAME", help="The portal's name in kbsync.toml.")
@click.option("--url", envvar="KBSYNC_URL", metavar="URL", help="The portal's address, over the file's.")
@click.version_option(__version__, prog_name="kbsync")
@click.pass_context
def app(context: click.Context, root: str | None, target: str | None, url: str | None) -> None:
    """Publish a Freshdesk knowledge base from Markdown in git, and pull it back."""
    context.obj = Settings(root, target, url)


for command in (
    both_sides.plan,
    both_sides.publish,
    both_sides.pull,
    both_sides.status,
    holding.adopt,
    holding.release,
    holding.explain,
    files.lint,
    files.render,
    past.history,
    past.undo,
    stand_ins.sandbox,
    stand_ins.demo,
):
    app.add_command(command)


def main() -> None:
    """Run kbsync, and end the process with its exit code; the one place where errors become words."""
    prepare_streams()
    try:
        with _terminated_like_interrupted():
            code = app.main(prog_name="kbsync", standalone_mode=False)
    except KbsyncError as error:
        complain(error)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        note("interrupted")
        code = _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain about it at exit. What was to follow the
        # output was not done, so that this is no success.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = KbsyncError.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(
            KbsyncError(f"{where}{error.strerror}", advice="see whether the disk is full, and who may write there")
        )
        code = KbsyncError.exit_code
    sys.exit(code or 0)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Take a polite request to end, as CI makes when a job is cancelled, for Ctrl-C: what was begun is put in order."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
