"""What is given before and beside every command, made into a configuration when a command asks for it."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from kbsync.cli.spans import Span
from kbsync.commands.paths import within
from kbsync.config import Config, find_root, load_config
from kbsync.errors import UsageError

_UNATTENDED = 300.0
_Command = TypeVar("_Command", bound=Callable[..., object])


class Settings:
    """What was given before the command, made into a configuration when a command asks for it."""

    def __init__(self, root: str | None, target: str | None, url: str | None) -> None:
        self.root = root
        self.flags: dict[str, object] = {"target": target, "url": url}

    def config(self, **flags: object) -> Config:
        """Return the configuration of the tree that is worked on, flags over all else."""
        return load_config(find_root(_here(), self.root), self.flags | flags, os.environ)

    def config_for(self, file: Path) -> Config | None:
        """Return the configuration of the tree that a file lies in, or None where it lies in none."""
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


def choice(*forms: str) -> Callable[[_Command], _Command]:
    """Return the option that chooses the form of the output; the first is what is shown without it."""
    return click.option("--format", "form", envvar="KBSYNC_FORMAT", type=click.Choice(forms), default=forms[0])


paths_argument = click.argument("paths", nargs=-1, metavar="[PATH…]")
wait_option = click.option(
    "--wait",
    envvar="KBSYNC_WAIT",
    type=Span(),
    metavar="SPAN",
    help="How long to wait for another publish: 30s, 5m, 0. Without a terminal 5m, at one 0.",
)
local_flag = click.option("--local", envvar="KBSYNC_LOCAL", is_flag=True, help="Keep the ledger in this clone alone.")
ignore_ids_flag = click.option(
    "--ignore-ids",
    envvar="KBSYNC_IGNORE_IDS",
    is_flag=True,
    help="Pass over `id` in front matter: it is another system's.",
)
rerender_flag = click.option(
    "--rerender", envvar="KBSYNC_RERENDER", is_flag=True, help="Render anew what nobody changed, too."
)


def ids(ignored: bool) -> dict[str, object]:  # noqa: FBT001
    """Return the setting that `--ignore-ids` stands for."""
    return {"ignored_keys": frozenset({"id"})} if ignored else {}


def refuse_blind(*, rerender: bool, no_refresh: bool) -> None:
    """Stop where what is live is to be compared with, and not to be read.

    Raises:
        UsageError: both are asked for.
    """
    if rerender and no_refresh:
        what = "--rerender compares with what is live, which --no-refresh does not read"
        raise UsageError(what, advice="leave one of them out")


def seconds(wait: timedelta | None, *, attended: bool) -> float:
    """Return the seconds to wait for another publish; where nobody said, nobody is to sit before a screen for it."""
    if wait is None:
        return 0.0 if attended else _UNATTENDED
    return wait.total_seconds()


def named(config: Config, typed: tuple[str, ...], *, option: str = "--overwrite") -> frozenset[str]:
    """Turn what an option names, because one side is to win there, into content paths.

    Raises:
        UsageError: it is the whole tree, which nobody can have looked at.
    """
    paths = within(config, typed)
    if typed and not paths:
        raise UsageError(f"{option} names the whole tree", advice="name the articles or directories that are meant")
    return frozenset(paths)
