"""The console: what is printed where, how it looks there, the question that somebody answers, and the exit codes.

It is imported at every start, so that what needs rich is imported when it is used.
"""

import io
import os
import re
import shutil
import sys
from enum import IntEnum
from pathlib import Path
from typing import TextIO, TypedDict

import click

from kbsync.errors import ContentError, KbsyncError, Problem, UsageError, first_few
from kbsync.leaks import KeyFinder


class ExitCode(IntEnum):
    """How kbsync ended, for whoever started it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3
    HELD = 4
    INTERRUPTED = 130


_MAX_WIDTH = 120
_WIDTH_OF_A_LOG = 100
_MOST_NAMED = 10
"""Uncommitted files that are named; more are counted."""
_CI_SYSTEMS = ("GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "TEAMCITY_VERSION")
_KEYS: list[KeyFinder] = []
# Runners look for `::command` behind any white space and colours, for `##[command]` anywhere.
_DOUBLE_COLON = re.compile(r"((?:^|\r)(?:[^\S\r\n]|\x1b\[[0-9;]*m)*):(?=:)", re.MULTILINE)
_DOUBLE_HASH = re.compile(r"##(?=[a-z]*\[)")
# All control characters but tab and line feed, colours, and links.
_STEERING = re.compile(r"\x1b(?!\[[0-9;]*m|\]8;|\\)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


class Look(TypedDict):
    """How text is shown on standard output."""

    colour: bool
    width: int
    links: bool


def prepare_streams() -> None:
    """Make the standard streams take every character, also where one of them is closed.

    A pipe or a file gets UTF-8 on every system; a terminal shows what it can. From now on nothing that is printed holds
    an API key of the environment, which git finds without one.
    """
    _KEYS[:] = [KeyFinder.of(os.environ)]
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
    click.echo(_neutral(text), color=look()["colour"] or None)


def print_commands(text: str) -> None:
    """Print commands for a CI system, made by kbsync itself with every value encoded."""
    click.echo(_without_keys(text))


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

    click.echo(_neutral(_wrapped(visible(text), sys.stderr)), err=True)


def print_error(error: KbsyncError) -> None:
    """Print an error with what to do next; problems of the content one a line."""
    from kbsync.report.wording import one_line

    if isinstance(error, ContentError):
        for problem in error.problems:
            click.echo(_neutral(one_line(str(problem))), err=True)
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


def _without_keys(text: str) -> str:
    for keys in _KEYS:
        text = keys.redact(text)
    return text


def _neutral(text: str) -> str:
    """Return a text without API keys that steers no terminal, and in which a CI system finds none of its commands.

    What is changed reads as an escape, which is also one of JSON where a line of JSON can have it.
    """
    text = _without_keys(text)
    if any(os.environ.get(name) for name in _CI_SYSTEMS):
        text = _DOUBLE_HASH.sub(r"#\\u0023", _DOUBLE_COLON.sub(r"\1\\u003a:", text))
    elif not sys.stdout.isatty():
        return text
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDTH_OF_A_LOG, 24)).columns, _MAX_WIDTH)


def _wrapped(text: str, stream: TextIO) -> str:
    """Wrap long lines for a terminal alone: a log is searched for whole lines, and a path is copied."""
    if not stream.isatty():
        return text
    from kbsync.report.terminal import wrapped

    return wrapped(text, _width())
