"""Failures that a user can cause or mend, and the problems that content can have.

Every error is advice: what is wrong, where, and what to do next. Rooms raise; only `cli` prints and exits.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing wrong with one file of the content tree; `line` counts from 1, 0 means the whole file.

    `stops` tells whether nothing can be planned or published before it is mended; `lint` names the others too.
    """

    path: str
    line: int = 0
    message: str
    advice: str = ""
    is_error: bool = True

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.message}" + (f" ({self.advice})" if self.advice else "")


class KbsyncError(Exception):
    """The root of what kbsync raises for a user's eyes; `exit_code` is what the process ends with."""

    exit_code = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice


class UsageError(KbsyncError):
    """Wrong usage or configuration."""

    exit_code = 2


class ContentError(KbsyncError):
    """The content tree cannot be used as it is; carries every problem that was found, sorted."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = len(problems)
        advice = "mend what is named above; `kbsync lint` names it again, and needs no portal"
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the content", advice=advice)
        self.problems = tuple(sorted(problems))


class ConfigError(ContentError):
    """`kbsync.toml` cannot be used as it is; carries every problem that was found."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.what = self.what.removesuffix("the content") + "the settings"
        self.advice = "mend the file; its reference lists every key"


class GitError(KbsyncError):
    """Git refused, is absent, or the repository is not in a state to work from."""


class PortalError(KbsyncError):
    """The portal cannot be reached, refuses the key, or answers what Freshdesk would not answer."""


class Refusal(KbsyncError):
    """kbsync declines to go on: a limit, an old commit, a wrong target, a stale plan."""

    exit_code = 4
