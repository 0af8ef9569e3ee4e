"""kbsync on a pseudo-terminal: what a person sees and types."""

import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path

from tests.cli_runner import TIMEOUT, command, environment


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalResult:
    """How a run in a terminal ended, and all that the terminal got, with one line end."""

    code: int
    text: str


def run_in_terminal(
    *words: str, cwd: Path, environ: Mapping[str, str | None], answers: str = "", columns: int = 80
) -> TerminalResult:
    """Run kbsync with a terminal at all three ends; `answers` is typed at the first question."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    wanted = {"TERM": "xterm-256color", "COLUMNS": None, "NO_COLOR": None, "FORCE_COLOR": None, **environ}
    # Only a session of its own turns a typed Ctrl-C into a signal.
    with subprocess.Popen(
        command(*words),
        cwd=cwd,
        env=environment(wanted),
        preexec_fn=lambda: os.login_tty(theirs),  # noqa: PLW1509
    ) as process:
        os.close(theirs)
        try:
            text = _converse(ours, answers)
            return TerminalResult(code=process.wait(TIMEOUT), text=text.replace("\r\n", "\n"))
        finally:
            process.kill()
            os.close(ours)


def _converse(ours: int, answers: str) -> str:
    data, deadline = b"", time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        ready, _, _ = select.select([ours], [], [], 0.2)
        if not ready:
            # Quiet after a question: it waits. Typed any sooner, Ctrl-C can fall between the prompt and its wait.
            if answers and data.splitlines()[-1:] and b"]:" in data.splitlines()[-1]:
                os.write(ours, answers.encode())
                answers = ""
            continue
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    return data.decode()
