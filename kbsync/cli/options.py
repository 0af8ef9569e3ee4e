"""What commands share before they run: global options, options that several of them have, and the cache.

It is imported at every start, so that the configuration is imported when a command asks for it.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kbsync.cli.console import is_interactive
from kbsync.errors import UsageError

if TYPE_CHECKING:
    from kbsync.config import Config

_WAIT_WITHOUT_TERMINAL = 300.0
_Command = TypeVar("_Command", bound=Callable[..., object])


@dataclass(slots=True, kw_only=True)
class CommandContext:
    """What precedes the command: `--root` and, in `flags`, the settings that it overrides.

    `output_format` is the `--format` of the command, once that is known.
    """

    root: str | None = None
    flags: dict[str, object] = field(default_factory=dict)
    output_format: str = "text"

    def config(self, *, ignore_ids: bool = False) -> "Config":
        """Return the configuration of the tree that the current directory belongs to, flags over all else."""
        from kbsync.config import find_root, load_config

        ignored: dict[str, object] = {"ignored_keys": frozenset({"id"})} if ignore_ids else {}
        return load_config(find_root(_current_directory(), self.root), self.flags | ignored, os.environ)

    def config_for(self, file: Path) -> "Config | None":
        """Return the configuration of the tree that holds a file, or None where there is none."""
        from kbsync.config import find_root, load_config

        try:
            root = find_root(file.parent, self.root)
        except UsageError:
            return None
        return load_config(root, self.flags, os.environ) if file.is_relative_to(root) else None


def _current_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current directory no longer exists", advice="change to another directory") from error


def format_option(*formats: str) -> Callable[[_Command], _Command]:
    """Return the option for the form of the output; the first is the default."""
    return click.option(
        "--format",
        "output_format",
        envvar="KBSYNC_FORMAT",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        callback=_remember_format,
        help="Output format.",
    )


def _remember_format(context: click.Context, _: click.Parameter, value: str) -> str:
    context.ensure_object(CommandContext).output_format = value
    return value


class Span(click.ParamType[timedelta]):
    """A duration: `90s`, `30m`, `12h`, `7d`. A number needs its unit."""

    name = "duration"
    _UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}  # noqa: RUF012
    _MAX = 10**6

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a span of time; a default is one already."""
        if isinstance(value, timedelta):
            return value
        if str(value).strip() == "0":
            return timedelta(0)
        match = re.fullmatch(r"([0-9]+)([smhd])", str(value).strip())
        if match is None or int(match[1]) > self._MAX:
            self.fail(f"{value!r} is not a duration; use a form such as 90s, 30m, 12h or 7d", param, ctx)
        return timedelta(**{self._UNITS[match[2]]: int(match[1])})


class ExampleCommand(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: tuple[str, ...], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, one a line, which is never wrapped."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")


def command(*examples: str) -> Callable[[Callable[..., object]], click.Command]:
    """Return the decorator that makes a function a command with these examples in its help."""
    return click.command(cls=ExampleCommand, examples=examples)


def file_option(name: str, *declarations: str, **settings: Any) -> Callable[[_Command], _Command]:
    """Return an option that takes a file."""
    return click.option(name, *declarations, metavar="FILE", type=click.Path(path_type=Path), **settings)


paths_argument = click.argument("paths", nargs=-1, metavar="[PATH]...")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
dry_run_option = click.option(
    "--dry-run", envvar="KBSYNC_DRY_RUN", is_flag=True, help="Show what would be written without writing it."
)
local_option = click.option(
    "--local", envvar="KBSYNC_LOCAL", is_flag=True, help="Keep publish history in this clone; do not fetch or push it."
)
ignore_ids_option = click.option(
    "--ignore-ids",
    envvar="KBSYNC_IGNORE_IDS",
    is_flag=True,
    help="Ignore `id` in front matter (for content from another system).",
)
rerender_option = click.option(
    "--rerender", envvar="KBSYNC_RERENDER", is_flag=True, help="Also re-render unchanged articles."
)
overwrite_option = click.option(
    "--overwrite",
    multiple=True,
    metavar="PATH",
    help="Publish PATH even if it was edited on the portal, replacing the edit. Repeatable.",
)
no_refresh_option = click.option(
    "--no-refresh",
    envvar="KBSYNC_NO_REFRESH",
    is_flag=True,
    help="Compare with the last publish, not with the portal; needs no API key.",
)
wait_option = click.option(
    "--wait",
    envvar="KBSYNC_WAIT",
    type=Span(),
    metavar="DURATION",
    help="Wait this long for another publish to end: 30s, 5m, 0.  [default: 0 in a terminal, otherwise 5m]",
)


@contextmanager
def cache_in_use() -> Iterator[None]:
    """Let a command use the user's cache; a Python without SQLite has none."""
    from kbsync.memo import memoizing

    try:
        from kbsync.cache import open_cache
    except ModuleNotFoundError:
        yield
        return
    with open_cache(os.environ) as cache, nullcontext() if cache is None else memoizing(cache):
        yield


def check_rerender(*, rerender: bool, no_refresh: bool) -> None:
    """Raise UsageError for `--rerender` with `--no-refresh`, where it would have nothing to compare with."""
    if rerender and no_refresh:
        what = "--rerender and --no-refresh cannot be used together"
        raise UsageError(what, advice="remove one: --rerender reads the portal")


def seconds_to_wait(wait: timedelta | None) -> float:
    """Return the seconds to wait for another publish; without the option nobody at a terminal is kept waiting."""
    if wait is not None:
        return wait.total_seconds()
    return 0.0 if is_interactive() else _WAIT_WITHOUT_TERMINAL
