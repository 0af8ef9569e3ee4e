"""Runs git commands, and tells git's failures in words with advice.

The only module that knows a git library, and that only as a runner of commands. Git never asks a question, runs no hook
and takes no lock that it could do without.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
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


_MANY = 2
_PROMISES = re.compile(r"remote\..+\.promisor", re.DOTALL)
_QUIETLY = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
_OBJECTS = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", *_QUIETLY, "--filter=blob:none")
_OPTIONS = ("fetch", "--unshallow", *_QUIETLY)


def is_shallow(runner: Runner) -> bool:
    """Return whether this clone lacks history."""
    return runner.line("rev-parse", "--is-shallow-repository") == "true"


def is_cut_off(runner: Runner, git_folder: Path, commit: str) -> bool:
    """Return whether the history of a commit ends where the clone does; that of the ledger is whole even then."""
    shallow = git_folder / "shallow"
    ends = runner.attempt("rev-list", "--max-parents=0", "--end-of-options", commit).out.decode().split()
    return shallow.is_file() and not set(ends).isdisjoint(shallow.read_text().split())


def fetch_history(runner: Runner, commit: str, remote: str, *, without: str) -> None:
    """Fetch what came before a commit, `without` trees (`tree:0`) or files (`blob:none`), which git fetches on demand.

    Raises:
        GitError: it could not be fetched.
    """
    # A server may refuse to be asked for a commit by its id; then its branches are what there is to ask for.
    answer = runner.attempt(*_OPTIONS, f"--filter={without}", "--", remote, commit)
    if answer.status and is_shallow(runner):
        answer = runner.attempt(*_OPTIONS, f"--filter={without}", "--", remote)
    if answer.status:
        what = f"this clone is shallow, and its history could not be fetched from `{remote}`"
        raise GitError(str(refusal(answer, what)), advice="fetch with depth 0, or run `git fetch --unshallow`")


def fill_in(runner: Runner, tree: str, wanted: Collection[str]) -> None:
    """Fetch at once what a partial clone lacks of a tree's files, which git would fetch one by one when they are read.

    What cannot be fetched here is for the reading to tell.
    """
    remote = next((name for name, value in runner.config.items() if _PROMISES.fullmatch(name) and value == "true"), "")
    if not remote or len(wanted) < _MANY:
        return
    said = runner.attempt("rev-list", "--objects", "--no-object-names", "--no-walk", "--missing=print", tree).out
    absent = {line[1:] for line in said.decode("ascii", "replace").splitlines() if line.startswith("?")}
    lacking = absent.intersection(wanted)
    if len(lacking) >= _MANY:
        asked = "".join(f"{blob}\n" for blob in sorted(lacking)).encode()
        name = remote.removeprefix("remote.").removesuffix(".promisor")
        runner.attempt(*_OBJECTS, "--stdin", "--", name, stdin=asked)


SYMLINK = "120000"
SUBMODULE = "160000"
_FILE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a listing; `name` may hold surrogates for bytes that are no UTF-8."""

    mode: str
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A commit that is to be made: `tree`, else the first parent's, with some files changed or, being None, deleted.

    `modes` are those of files that are not ordinary ones.
    """

    message: str
    files: Mapping[str, bytes | None]
    parents: tuple[str, ...] = ()
    tree: str | None = None
    modes: Mapping[str, str] = field(default_factory=dict)


def entries(listing: bytes) -> Iterator[Entry]:
    """Read what `git ls-tree -z` wrote."""
    for line in listing.split(b"\0"):
        if line:
            head, _, name = line.partition(b"\t")
            mode, _, blob = head.decode("ascii").split(" ")
            yield Entry(mode=mode, id=blob, name=name.decode("utf-8", "surrogateescape"))


def batch(output: bytes) -> Iterator[tuple[str, bytes]]:
    """Read what `git cat-file --batch` wrote, each object by its id; missing ones are passed over."""
    return ((name, data) for name, data in answers(output) if data is not None)


def answers(output: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Read what `git cat-file --batch` wrote, one answer for each object asked for; None for a missing one."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        head = output[at:end].decode("utf-8", "replace").split(" ")
        at = end + 1
        if len(head) == 3 and head[2].isdigit():
            size = int(head[2])
            yield head[0], output[at : at + size]
            at += size + 1
        else:
            yield head[0], None


def blob_id(data: bytes, object_format: str) -> str:
    """Return a blob as git does."""
    name = hashlib.new(object_format, usedforsecurity=False)
    name.update(b"blob %d\0" % len(data))
    name.update(data)
    return name.hexdigest()


def import_stream(ref: str, draft: Draft, identity: str) -> bytes:
    """Write a stream for `git fast-import` that makes one commit, says its id, and leaves no ref behind."""
    text = draft.message.encode()
    parts = [f"commit {ref}\nmark :1\ncommitter {identity} now\ndata {len(text)}\n".encode() + text + b"\n"]
    for word, parent in zip(("from", *("merge",) * len(draft.parents)), draft.parents, strict=False):
        parts.append(f"{word} {parent}\n".encode())
    if draft.tree is not None:
        parts.append(f'M 040000 {draft.tree} ""\n'.encode())
    for path, data in draft.files.items():
        if data is None:
            parts.append(b"D " + _quoted(path) + b"\n")
        else:
            mode = draft.modes.get(path, _FILE).encode()
            parts.append(b"M " + mode + b" inline " + _quoted(path) + b"\ndata %d\n" % len(data) + data + b"\n")
    parts.append(f"\nget-mark :1\nreset {ref}\nfrom {'0' * 40}\n\ndone\n".encode())
    return b"".join(parts)


def _quoted(path: str) -> bytes:
    raw = path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + b"".join(b"\\%03o" % byte if byte < 32 else bytes([byte]) for byte in raw) + b'"'
