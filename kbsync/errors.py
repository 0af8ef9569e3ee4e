"""The errors that a user can cause or fix, and the problems of content.

Every error is advice: what is wrong, where, and what to do next. Only `cli` catches them, prints and exits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsync.rules import RULES


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing wrong with one file of the content tree; its severity is that of its rule.

    Attributes:
        line: From 1; 0 means the whole file, or a directory.
        column: In characters, from 1.
        code: The rule; empty for the failure of an operation, which is an error.
        fixable: Whether there is exactly one right answer.
    """

    path: str
    line: int = 0
    column: int = 1
    code: str = ""
    message: str
    advice: str = ""
    fixable: bool = False

    @property
    def is_error(self) -> bool:
        """Whether it must be fixed before anything can be planned or published."""
        rule = RULES.get(self.code)
        return rule is None or rule.is_error

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        code = f"{self.code} " if self.code else ""
        what = self.message if self.is_error else f"warning: {self.message}"
        return f"{where}: {code}{what}" + (f" ({self.advice})" if self.advice else "")


class KbsyncError(Exception):
    """The base class of errors that are shown to the user; `exit_code` is that of the process."""

    exit_code = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice


class UsageError(KbsyncError):
    """Wrong usage or configuration."""

    exit_code = 2


class ContentError(KbsyncError):
    """The content tree cannot be used as it is; `problems` has all that were found, sorted."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = len(problems)
        advice = "fix the problems listed above; `kbsync lint` checks again (no API key needed)"
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the content", advice=advice)
        self.problems = tuple(sorted(problems))


class ConfigError(ContentError):
    """`kbsync.toml` cannot be used as it is; `problems` has all that were found."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.what = self.what.removesuffix("the content") + "the settings"
        self.advice = "fix `kbsync.toml`; the reference lists every key"


class GitError(KbsyncError):
    """Git failed, is not installed, or the repository cannot be used as it is."""


class PortalError(KbsyncError):
    """The portal cannot be reached, refuses the key, or sends a response that Freshdesk would not send."""


class Refusal(KbsyncError):
    """kbsync stops: a limit, an old commit, a wrong target, a stale plan."""

    exit_code = 4


_MOST_LISTED = 5


def first_few(names: Sequence[str]) -> str:
    """Return the first five names with commas between them, and an ellipsis for the others."""
    return ", ".join(names[:_MOST_LISTED]) + (" …" if len(names) > _MOST_LISTED else "")
