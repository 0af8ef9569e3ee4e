"""Runs git commands, and turns git's failures into errors with advice.

The only module that imports the git library, which it uses to run commands. Git never asks a question, runs no hook
and takes no lock that it could do without.
"""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Without this, the import fails where git is not installed, with an error that has no advice.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import git

from kbsync.errors import GitError, UsageError
from kbsync.git.discovery import Clone

# A hook sets these to name its own repository; kbsync finds the repository by the content root.
_INHERITED = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_CONFIG"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_ATTR_SOURCE", "GIT_EXTERNAL_DIFF"),
    *("GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
)
_API_KEY = re.compile("FRESHDESK_API_KEY(_.*)?")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "merge.renormalize": "false",
    "log.showSignature": "false",
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
# The protocols that git has built in; others are allowed by whoever sets GIT_ALLOW_PROTOCOL.
_PROTOCOLS = "file:git:http:https:ssh"
_NETWORK = frozenset({"fetch", "ls-remote", "push"})
_OTHER = "run `git rev-parse --absolute-git-dir` there to check"
# What git is asked for when a clone is opened; the prefix comes first, since it may contain line ends.
_FACTS = ("--show-prefix", "--is-inside-work-tree", "--git-common-dir", "--absolute-git-dir")
_MERGE_DRIVER = re.compile(r"merge\..+\.driver", re.DOTALL)
_REMOTE_URL = re.compile(r"remote\.(.+)\.url", re.DOTALL)
_PROMISOR = re.compile(r"remote\.(.+)\.promisor", re.DOTALL)
_YES = {"", "1", "on", "true", "yes"}
_NOT_ALLOWED = re.compile(r"transport '([^']+)' not allowed")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_DUBIOUS = re.compile(r"dubious ownership in repository at '([^']+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitResult:
    """What a git command ended with, and what it wrote."""

    status: int
    stdout: bytes
    stderr: str


class Runner:
    """Runs git in one directory of a clone; `facts` is what git says of the two, `config` all its settings.

    Every command names the repository. Only a fetch, a push and a listing of refs may reach a remote; in a partial
    clone, for which git fetches files when they are read, every command may. No command sees the API key: it is removed
    from the environment of this process, which has read it by then.
    """

    def __init__(self, directory: Path, clone: Clone) -> None:
        for name in tuple(os.environ):
            if name in _INHERITED or _API_KEY.fullmatch(name):
                del os.environ[name]
        self._git = git.Git(directory)
        self._settings = _as_options(_SETTINGS)
        self._environment = dict(_ENVIRONMENT)
        self._lines: dict[tuple[str, ...], str | None] = {}
        self._is_partial = False
        self.facts = self._locate(directory, clone)
        self.config = self._configuration()
        self._is_partial = bool(self.promisors()) or "extensions.partialclone" in self.config
        drivers = {name: "exit 1" for name in self.config if _MERGE_DRIVER.fullmatch(name)}
        self._settings += _as_options(drivers)
        if not {"GIT_SSH_COMMAND", "GIT_SSH"} & os.environ.keys() and not self.config.get("core.sshcommand"):
            self._environment["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes -o ConnectTimeout=30"

    def attempt(self, *arguments: str, stdin: bytes = b"") -> GitResult:
        """Run a command and return its result, also where it failed; raises GitError if git is not installed."""
        with tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            try:
                status, stdout, stderr = self._git.execute(
                    ["git", *self._settings, *arguments],
                    istream=source,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    env=self._environment | self._network(arguments),
                )
            except git.GitCommandNotFound:
                raise GitError("git not found", advice="install git, and check that it is on the PATH") from None
        return GitResult(status=status, stdout=stdout, stderr=_CREDENTIALS.sub("", stderr).strip())

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a command and return what it wrote; raises GitError if it failed."""
        result = self.attempt(*arguments, stdin=stdin)
        if result.status:
            raise git_error(result, f"git {arguments[0]} failed")
        return result.stdout

    def line(self, *arguments: str) -> str | None:
        """Run a command that writes one line, and return that; None where it fails or writes nothing."""
        result = self.attempt(*arguments)
        return result.stdout.decode("utf-8", "surrogateescape").strip("\r\n") or None if result.status == 0 else None

    def line_once(self, *arguments: str) -> str | None:
        """Do as `line` does, but run each command once: for what does not change during a run."""
        if arguments not in self._lines:
            self._lines[arguments] = self.line(*arguments)
        return self._lines[arguments]

    def check_remote(self, name: str) -> None:
        """Raise UsageError for a remote that the clone does not have: an address from a file would be fetched from."""
        if f"remote.{name}.url" not in self.config:
            known = ", ".join(f"`{remote}`" for remote in self.remotes())
            how = f"set `remote` under `[ledger]` to one of {known}" if known else "add it with `git remote add`"
            raise UsageError(f"this clone has no remote `{name}`", advice=f"{how}, or use --local")

    def remotes(self) -> tuple[str, ...]:
        """Return the names of the clone's remotes."""
        found = (_REMOTE_URL.fullmatch(name) for name in self.config)
        return tuple(sorted(match[1] for match in found if match))

    def promisors(self) -> tuple[str, ...]:
        """Return the remotes from which git fetches what a partial clone lacks."""
        found = ((_PROMISOR.fullmatch(name), value) for name, value in self.config.items())
        return tuple(match[1] for match, value in found if match and value.lower() in _YES)

    def expect_partial(self) -> None:
        """Let git fetch what it lacks from now on: after a fetch that left something out."""
        self._is_partial = True

    def _network(self, arguments: Sequence[str]) -> dict[str, str]:
        command = arguments[2] if arguments[0] == "-c" else arguments[0]
        if self._is_partial or command in _NETWORK:
            return {"GIT_ALLOW_PROTOCOL": os.environ.get("GIT_ALLOW_PROTOCOL", _PROTOCOLS)}
        return {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}

    def _locate(self, directory: Path, clone: Clone) -> dict[str, str]:
        """Let git find the clone by itself, and name that to all later commands.

        The first command names no repository: only then does git check whom it belongs to.

        Raises:
            GitError: git cannot use the clone, or finds another one.
        """
        above = os.pathsep.join((str(clone.top.parent), os.environ.get("GIT_CEILING_DIRECTORIES", "")))
        self._environment["GIT_CEILING_DIRECTORIES"] = above
        result = self.attempt("rev-parse", *_FACTS)
        if result.status:
            raise git_error(result, f"git cannot use the repository of {directory}")
        said = result.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")
        facts = dict(zip(_FACTS, said.rsplit("\n", len(_FACTS) - 1), strict=False))
        if facts["--is-inside-work-tree"] != "true":
            raise GitError(f"{directory} is in a bare repository", advice="run kbsync in a clone of it")
        if not clone.git_dir.samefile(facts["--absolute-git-dir"]):
            raise GitError(f"git uses the repository {facts['--absolute-git-dir']}, not {clone.git_dir}", advice=_OTHER)
        above_root = facts["--show-prefix"].count("/")
        top = (directory.resolve(), *directory.resolve().parents)[above_root]
        self._environment |= {"GIT_DIR": str(clone.git_dir), "GIT_WORK_TREE": str(top)}
        return facts

    def _configuration(self) -> dict[str, str]:
        """Read all of git's settings that hold here, each by its name as git lists it; the last of a name counts."""
        said = self.attempt("config", "--list", "-z").stdout.decode("utf-8", "surrogateescape")
        settings = (line.partition("\n") for line in said.split("\0") if line)
        return {name: value for name, _, value in settings}


def git_error(result: GitResult, what: str) -> GitError:
    """Return the error for a command that failed."""
    dubious = _DUBIOUS.search(result.stderr)
    if dubious:
        place = dubious[1]
        advice = f"if you trust it, run `git config --global --add safe.directory '{place}'`"
        return GitError(f"the repository {place} belongs to another user", advice=advice)
    if "not a git repository" in result.stderr:
        return GitError("not a git repository", advice="run `git init` there, or give the content root with --root")
    protocol = _NOT_ALLOWED.search(result.stderr)
    if protocol:
        advice = f"if you trust it, set GIT_ALLOW_PROTOCOL={_PROTOCOLS}:{protocol[1]} in the environment"
        return GitError(f"kbsync does not allow the protocol `{protocol[1]}`", advice=advice)
    if "from promisor remote" in result.stderr:
        what = "this partial clone lacks some files, and git could not fetch them"
        return GitError(what, advice="check that the remote can be reached, or make a full clone")
    said = "; ".join(line.strip() for line in result.stderr.splitlines() if line.strip())
    return GitError(f"{what}: {said}" if said else what)


def uses_other_protocol(result: GitResult) -> bool:
    """Return whether git refused because a remote has an address of a protocol that is not allowed."""
    return _NOT_ALLOWED.search(result.stderr) is not None


def _as_options(settings: Mapping[str, str]) -> list[str]:
    return [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
