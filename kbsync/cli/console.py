"""The console: what is printed where, how it looks there, and the question that somebody answers.

It is imported at every start, so that what needs rich is imported when it is used.
"""

import io
import os
import shutil
import sys
from pathlib import Path
from typing import TextIO, TypedDict

import click

from kbsync.errors import ContentError, KbsyncError, Problem, UsageError, first_few

_MAX_WIDTH = 120
_WIDTH_OF_A_LOG = 100
_MOST_NAMED = 10
"""Uncommitted files that are named; more are counted."""


class Look(TypedDict):
    """How text is shown on standard output."""

    colour: bool
    width: int
    links: bool


def prepare_streams() -> None:
    """Make the standard streams take every character, also where one of them is closed.

    A pipe or a file gets UTF-8 on every system; a terminal shows what it can.
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
    """Return how standard output shows text; NO_COLOR and FORCE_COLOR are honoured, as is TERM=dumb.

    Links are for terminals alone: where colour is forced, as in many logs of CI systems, they would be shown as text.
    """
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") not in {"dumb", "linux"} and "CI" not in os.environ
    may_colour = bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
    return Look(colour=may_colour and not os.environ.get("NO_COLOR"), width=_width(), links=is_terminal)


def is_interactive() -> bool:
    """Return whether a person at a terminal can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_result(text: str) -> None:
    """Print a result, which has its colours already."""
    click.echo(text, color=look()["colour"] or None)


def print_prose(text: str) -> None:
    """Print a result in whole sentences, which are wrapped on a terminal."""
    print_result(_wrapped(text, sys.stdout))


def print_heading(heading: str, command: str) -> None:
    """Print a heading, and beside it the command that it is about."""
    from kbsync.report.terminal import heading_to_text

    shown = look()
    print_result(heading_to_text(heading, command, colour=shown["colour"], width=shown["width"]))


def print_note(text: str) -> None:
    """Print a notice on standard error; no name in it can steer a terminal."""
    from kbsync.report.wording import visible

    click.echo(_wrapped(visible(text), sys.stderr), err=True)


def print_error(error: KbsyncError) -> None:
    """Print an error with what to do next; problems of the content one a line."""
    from kbsync.report.wording import one_line

    if isinstance(error, ContentError):
        for problem in error.problems:
            click.echo(one_line(str(problem)), err=True)
        print_note("")
    print_note(f"error: {one_line(error.what)}")
    if error.advice:
        print_note(f"  try: {one_line(error.advice)}")


def print_problems(problems: tuple[Problem, ...]) -> None:
    """Print problems, one a line, as compilers do, and how many there are."""
    from kbsync.report.wording import one_line

    for problem in problems:
        print_result(one_line(str(problem)))
    errors = sum(problem.is_error for problem in problems)
    counts = ((errors, "error"), (len(problems) - errors, "warning"))
    said = ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count)
    print_note(f"{said}." if said else "No problems found.")


def print_uncommitted(paths: tuple[str, ...]) -> None:
    """Print what of a plan a publish would leave out because no commit has it; lock files are only counted."""
    named = [path for path in paths if not path.startswith(".kbsync/")]
    if len(paths) > _MOST_NAMED:
        count = f"{len(paths):,} new or changed files are not committed, so publish would not include them"
        print_note(f"{count} (`git status` lists them).")
    elif paths:
        print_note(f"Not committed yet, so publish would not include it: {first_few(named or paths)}")


def confirm(question: str) -> bool:
    """Ask a question on standard error, and return whether the answer was yes."""
    return click.confirm(question, err=True)


def require_terminal(verb: str) -> None:
    """Raise UsageError where standard input or standard error is no terminal, so that nobody can be asked."""
    if not is_interactive():
        advice = f"add --yes to {verb} without confirmation"
        raise UsageError("not running in a terminal, so kbsync cannot ask", advice=advice)


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDTH_OF_A_LOG, 24)).columns, _MAX_WIDTH)


def _wrapped(text: str, stream: TextIO) -> str:
    """Wrap long lines for a terminal alone: a log is searched for whole lines, and a path is copied."""
    if not stream.isatty():
        return text
    from kbsync.report.terminal import wrapped

    return wrapped(text, _width())
