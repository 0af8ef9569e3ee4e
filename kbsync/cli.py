"""The command line: what is asked for, in which words, and how it ends.

The only room, with `commands`, that prints, asks or exits. Rooms with heavy libraries are imported inside commands, so
that `kbsync --version` stays quick.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from kbsync import __version__
from kbsync.commands.output import complain, note, prepare_streams
from kbsync.commands.paths import within
from kbsync.config import Config, find_root, load_config
from kbsync.errors import KbsyncError, UsageError

_Command = TypeVar("_Command", bound=Callable[..., object])
_INTERRUPTED = 130


class _Settings:
    """What was given before the command, made into a configuration when a command asks for it."""

    def __init__(self, root: str | None, target: str | None, url: str | None) -> None:
        self.root = root
        self.flags: dict[str, object] = {"target": target, "url": url}

    def config(self, **flags: object) -> Config:
        return load_config(find_root(_here(), self.root), self.flags | flags, os.environ)

    def config_for(self, file: Path) -> Config | None:
        """Give the configuration of the tree that a file lies in, or None where it lies in none."""
        try:
            root = find_root(file.parent, self.root)
        except UsageError:
            return None
        return load_config(root, self.flags, os.environ) if file.is_relative_to(root) else None


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the directory that you stand in is gone", advice="cd to one that exists") from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", envvar="KBSYNC_ROOT", metavar="DIR", help="The directory that holds kbsync.toml.")
@click.option("--target", envvar="KBSYNC_TARGET", metavar="NAME", help="The portal's name in kbsync.toml.")
@click.option("--url", envvar="KBSYNC_URL", metavar="URL", help="The portal's address, over the file's.")
@click.version_option(__version__, prog_name="kbsync")
@click.pass_context
def app(context: click.Context, root: str | None, target: str | None, url: str | None) -> None:
    """Publish a Freshdesk knowledge base from Markdown in git, and pull it back."""
    context.obj = _Settings(root, target, url)


def _choice(*forms: str) -> Callable[[_Command], _Command]:
    return click.option("--format", "form", envvar="KBSYNC_FORMAT", type=click.Choice(forms), default=forms[0])


_paths = click.argument("paths", nargs=-1, metavar="[PATH…]")
_local = click.option("--local", envvar="KBSYNC_LOCAL", is_flag=True, help="Keep the ledger in this clone alone.")
_ignore_ids = click.option(
    "--ignore-ids",
    envvar="KBSYNC_IGNORE_IDS",
    is_flag=True,
    help="Pass over `id` in front matter: it is another system's.",
)


@app.command()
@_paths
@_choice("text", "json", "markdown", "html")
@click.option(
    "--out", envvar="KBSYNC_OUT", metavar="FILE", type=click.Path(path_type=Path), help="Save the plan there."
)
@click.option("--exit-code", envvar="KBSYNC_EXIT_CODE", is_flag=True, help="End with 3 where there are changes.")
@click.option(
    "--no-refresh", envvar="KBSYNC_NO_REFRESH", is_flag=True, help="Compare with the ledger alone: no call, no key."
)
@_local
@_ignore_ids
@click.pass_obj
def plan(
    settings: _Settings,
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

    config = settings.config(**_ids(ignore_ids))
    key = None if no_refresh else key_for(config, os.environ)
    options = Options(paths=within(config, paths), local=local)
    return portal.plan(config, key, options, form=form, out=out, exit_code=exit_code)


@app.command()
@_paths
@_choice("text", "json")
@click.option("--yes", is_flag=True, help="Publish without a question.")
@click.option("--dirty", is_flag=True, help="Publish the last commit although there are changes after it.")
@click.option("--force", is_flag=True, help="Go past the limit on removals.")
@click.option("--rollback", is_flag=True, help="Publish a commit older than the one that was published last.")
@click.option("--overwrite", multiple=True, metavar="PATH", help="Write over what was edited on the portal.")
@_local
@_ignore_ids
@click.pass_obj
def publish(
    settings: _Settings,
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

    config = settings.config(**_ids(ignore_ids))
    options = Options(
        paths=within(config, paths),
        overwrite=_named(config, overwrite),
        local=local,
        dirty=dirty,
        force=force,
        rollback=rollback,
        attended=attended(),
    )
    return portal.publish(config, key_for(config, os.environ), options, form=form, yes=yes)


@app.command()
@_paths
@_choice("text", "json")
@click.option("--dry-run", envvar="KBSYNC_DRY_RUN", is_flag=True, help="Show what would be written, and write nothing.")
@_local
@_ignore_ids
@click.pass_obj
def pull(
    settings: _Settings, *, paths: tuple[str, ...], form: str, dry_run: bool, local: bool, ignore_ids: bool
) -> int:
    """Bring what was edited on the portal into the tree."""
    from kbsync.commands import portal
    from kbsync.credentials import key_for
    from kbsync.journeys import Options

    config = settings.config(**_ids(ignore_ids))
    options = Options(paths=within(config, paths), local=local)
    return portal.pull(config, key_for(config, os.environ), options, form=form, dry_run=dry_run)


@app.command()
@_choice("text", "json")
@_local
@_ignore_ids
@click.pass_obj
def status(settings: _Settings, *, form: str, local: bool, ignore_ids: bool) -> int:
    """Show at a glance what there is to publish and to pull. Cannot write."""
    from kbsync.commands import portal
    from kbsync.credentials import key_for
    from kbsync.journeys import Options

    config = settings.config(**_ids(ignore_ids))
    return portal.status(config, key_for(config, os.environ), Options(local=local), form=form)


@app.command()
@_paths
@_choice("text", "json")
@_ignore_ids
@click.pass_obj
def lint(settings: _Settings, *, paths: tuple[str, ...], form: str, ignore_ids: bool) -> int:
    """Name every problem of the tree at once. Needs no network."""
    from kbsync.commands import files

    config = settings.config(**_ids(ignore_ids))
    return files.lint(config, paths=within(config, paths), form=form)


@app.command()
@click.argument("named", metavar="FILE")
@click.option(
    "--back",
    envvar="KBSYNC_BACK",
    is_flag=True,
    help="The other way: the Markdown of an HTML file, or of a live article by its id or address.",
)
@click.pass_obj
def render(settings: _Settings, *, named: str, back: bool) -> int:
    """Show the HTML of one article; - reads standard input."""
    from kbsync.commands import rendering

    if back:
        return rendering.back(named, settings.config)
    return rendering.render(named, settings.config_for)


@app.command()
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


@app.command()
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


def _ids(ignored: bool) -> dict[str, object]:  # noqa: FBT001
    return {"ignored_keys": frozenset({"id"})} if ignored else {}


def _named(config: Config, overwrite: tuple[str, ...]) -> frozenset[str]:
    """Turn what is to be written over into content paths.

    Raises:
        UsageError: it is the whole tree, which nobody can have looked at.
    """
    paths = within(config, overwrite)
    if overwrite and not paths:
        raise UsageError("--overwrite names the whole tree", advice="name the articles or directories that are meant")
    return frozenset(paths)


def main() -> None:
    """Run kbsync, and end the process with its exit code; the one place where errors become words."""
    prepare_streams()
    try:
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
