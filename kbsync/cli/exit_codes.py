"""The exit codes of every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How kbsync ended, for whoever started it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES = 3
    HELD = 4
    INTERRUPTED = 130
