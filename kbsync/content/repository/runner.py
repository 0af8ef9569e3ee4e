"""Runs git commands, and tells git's failures in words with advice.

The only room that knows a git library, and that only as a runner of commands. Git never asks a question, runs no hook
and takes no lock that it could do without.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

# Without this the library refuses to be imported where git is not installed, before we can say so kindly.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import git

from kbsync.errors import GitError

# A hook that runs kbsync tells it by these which repository it is for; the root tells that already, and better.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "transfer.credentialsInUrl": "allow",
}
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_DUBIOUS = re.compile(r"dubious ownership in repository at '([^']+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a git command ended and what it said."""

    status: int
    out: bytes
    complaint: str


class Runner:
    """Runs git in one directory."""

    def __init__(self, directory: Path) -> None:
        for name in _INHERITED:
            os.environ.pop(name, None)
        self._git = git.Git(directory)
        self._settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
        self._environment = dict(_ENVIRONMENT)
        self._answers: dict[tuple[str, ...], str | None] = {}
        self.config = self._configuration()
        if not {"GIT_SSH_COMMAND", "GIT_SSH"} & os.environ.keys() and not self.config.get("core.sshcommand"):
            self._environment["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes -o ConnectTimeout=30"

    def attempt(self, *arguments: str, stdin: bytes = b"") -> Answer:
        """Run a command and give its answer, also a refusal.

        Raises:
            GitError: git is not installed.
        """
        with tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            try:
                status, out, complaint = self._git.execute(
                    ["git", *self._settings, *arguments],
                    istream=source,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    env=self._environment,
                )
            except git.GitCommandNotFound:
                raise GitError("git cannot be found", advice="install git, and see that it is on the PATH") from None
        return Answer(status=status, out=_bytes(out), complaint=_CREDENTIALS.sub("", complaint).strip())

    def _configuration(self) -> dict[str, str]:
        """Read all of git's settings that hold here, each by its name as git lists it; the last of a name counts."""
        said = self.attempt("config", "--list", "-z").out.decode("utf-8", "surrogateescape")
        settings = (line.partition("\n") for line in said.split("\0") if line)
        return {name: value for name, _, value in settings}

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a command and give what it wrote.

        Raises:
            GitError: git refused.
        """
        answer = self.attempt(*arguments, stdin=stdin)
        if answer.status:
            raise refusal(answer, f"git {arguments[0]} failed")
        return answer.out

    def line(self, *arguments: str) -> str | None:
        """Run a command that answers with one line; None where it refuses or has nothing to say."""
        answer = self.attempt(*arguments)
        return answer.out.decode("utf-8", "surrogateescape").strip("\r\n") or None if answer.status == 0 else None

    def line_once(self, *arguments: str) -> str | None:
        """Do as `line` does, but ask only the first time: for what stays as it is as long as a run."""
        if arguments not in self._answers:
            self._answers[arguments] = self.line(*arguments)
        return self._answers[arguments]


def refusal(answer: Answer, what: str) -> GitError:
    """Put git's refusal into words."""
    dubious = _DUBIOUS.search(answer.complaint)
    if dubious:
        place = dubious[1]
        advice = f"if you trust it: git config --global --add safe.directory '{place}'"
        return GitError(f"the repository {place} belongs to another user", advice=advice)
    if "not a git repository" in answer.complaint:
        return GitError("this is no git repository", advice="run `git init` there, or name the tree with --root")
    if "from promisor remote" in answer.complaint:
        what = "this partial clone lacks some files, and they could not be fetched"
        return GitError(what, advice="see whether its remote can be reached, or make a clone that holds all files")
    said = "; ".join(line.strip() for line in answer.complaint.splitlines() if line.strip())
    return GitError(f"{what}: {said}" if said else what)


def _bytes(out: str | bytes | None) -> bytes:
    return out if isinstance(out, bytes) else (out or "").encode()
