"""Where output goes and how it looks there: colour, width, progress, questions."""

import io
import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

import click

from kbsync.errors import ContentError, KbsyncError, Problem

if TYPE_CHECKING:
    from kbsync.engine.context import PlanResult
    from kbsync.report.terminal import Bars

_WIDEST = 120
_IN_A_LOG = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How text is shown on standard output."""

    colour: bool
    width: int


def prepare_streams() -> None:
    """Let the standard streams take whatever is written: every character, also where nobody listens.

    What goes to a pipe or a file is UTF-8 on every system; a terminal shows what it can.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("r" if name == "stdin" else "w", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = stream.encoding if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def look() -> Look:
    """Find out how standard output shows text; NO_COLOR and FORCE_COLOR are honoured, as is TERM=dumb."""
    terminal = sys.stdout.isatty()
    colour = terminal and os.environ.get("TERM") != "dumb"
    if os.environ.get("FORCE_COLOR"):
        colour = True
    if os.environ.get("NO_COLOR"):
        colour = False
    columns = shutil.get_terminal_size((_IN_A_LOG, 24)).columns
    return Look(colour=colour, width=min(columns, _WIDEST))


def attended() -> bool:
    """Return whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def say(text: str) -> None:
    """Print a result."""
    click.echo(text, color=look().colour or None)


def tell(text: str) -> None:
    """Print a result in whole sentences, which a terminal folds."""
    say(_folded(text, sys.stdout))


def note(text: str) -> None:
    """Print what is no result: progress, notices, questions. Whatever names it holds, it steers no terminal."""
    from kbsync.report.wording import plain

    click.echo(_folded(plain(text), sys.stderr), err=True)


def complain(error: KbsyncError) -> None:
    """Print an error with what to do next; content's problems one a line."""
    from kbsync.report.wording import one_line

    if isinstance(error, ContentError):
        for problem in error.problems:
            click.echo(one_line(str(problem)), err=True)
        note("")
    note(f"error: {one_line(error.what)}")
    if error.advice:
        note(f"  try: {one_line(error.advice)}")


def _folded(text: str, stream: TextIO) -> str:
    """Break long lines between words, for a terminal alone: a log is searched for whole lines, and a path is copied."""
    if not stream.isatty():
        return text
    width = min(shutil.get_terminal_size((_IN_A_LOG, 24)).columns, _WIDEST)
    folding = textwrap.TextWrapper(
        width=width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    return "\n".join(folding.fill(line) if len(line) > width else line for line in text.split("\n"))


def list_problems(problems: tuple[Problem, ...]) -> None:
    """Print problems, one a line, as compilers do."""
    from kbsync.report.wording import one_line

    for problem in problems:
        say(one_line(str(problem)))


class ConsoleUi:
    """The ui of a journey: bars on standard error, and the question before a publish."""

    def __init__(self, agree: "Callable[[PlanResult], bool]") -> None:
        self._agree = agree
        self._bars: Bars | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def status(self, why: str) -> None:
        """Return what is being waited for."""
        if self._bars is not None:
            self._bars.begins(why, None)

    def start(self, what: str, total: int) -> None:
        """Show a bar of so many steps."""
        self._start()
        if self._bars is not None:
            self._bars.begins(what, total)

    def advance(self, what: str) -> None:
        """Show one step done; `what` is its path."""
        if self._bars is not None and what:
            self._bars.steps()

    def confirm(self, planned: "PlanResult") -> bool:
        """Ask, with the bars out of the way."""
        self._stop()
        return self._agree(planned)

    def _start(self) -> None:
        from kbsync.report.terminal import Bars

        if self._bars is None:
            self._bars = Bars()
            self._bars.__enter__()

    def _stop(self) -> None:
        if self._bars is not None:
            self._bars.__exit__(None, None, None)
            self._bars = None
