"""A checkout: a git repository with a content tree, and kbsync run in it as a user would, against a portal.

Shared by the tests of the command line, those of the large collections, and the benchmarks.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from kbsync.cli.main import main
from tests.environment import files_below

TIMEOUT = 60
_AUTHOR = ("-c", "user.name=A Writer", "-c", "user.email=writer@example.com", "-c", "commit.gpgSign=false")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How one run of kbsync ended, and what it wrote where."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return standard output as the one JSON object that it must be."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A repository whose root is `root`; `environ` is what kbsync finds in its environment beside the machine's own."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def kbsync(self, *words: str, cwd: Path | None = None, **environ: str | None) -> CommandResult:
        """Run the command line in this process, not in a terminal; None removes a variable."""
        return run_in_process(words, cwd=cwd or self.root, environ={**self.environ, **environ})

    def process(self, *words: str, cwd: Path | None = None, **environ: str | None) -> CommandResult:
        """Run the command line as a process of its own, with pipes at all three ends."""
        done = subprocess.run(
            command(*words),
            cwd=cwd or self.root,
            env=environment({**self.environ, **environ}),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        )
        return CommandResult(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file of the tree."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return place

    def read(self, path: str) -> str:
        """Read a file of the tree, its line ends as they are."""
        return (self.root / path).read_bytes().decode()

    def remove(self, path: str) -> None:
        """Remove a file of the tree."""
        (self.root / path).unlink()

    def git(self, *words: str) -> str:
        """Run git in the tree."""
        return git(self.root, *words)

    def commit(self, message: str = "Edit") -> str:
        """Commit everything, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def files(self) -> dict[str, bytes]:
        """Return every file of the tree but git's own."""
        return dict(files_below(self.root))

    def content(self) -> dict[str, bytes]:
        """Return every file of the tree but git's and kbsync's own."""
        return {path: data for path, data in self.files().items() if not path.startswith(".kbsync/")}


def git(directory: Path, *words: str) -> str:
    """Run git in a directory, as an author of its own."""
    done = subprocess.run(("git", *_AUTHOR, *words), cwd=directory, capture_output=True, check=False)
    if done.returncode:
        raise AssertionError(f"git {' '.join(words)}: {done.stderr.decode()}")
    return done.stdout.decode()


def new_checkout(root: Path, files: Mapping[str, str | bytes], environ: Mapping[str, str]) -> Checkout:
    """Make a repository on the branch main, with these files in its first commit."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    checkout = Checkout(root=root, environ=environ)
    for path, text in files.items():
        checkout.write(path, text)
    if files:
        checkout.commit("Begin")
    return checkout


def command(*words: str) -> list[str]:
    """Return the words that start kbsync as a process: the console script's own two lines."""
    return [sys.executable, "-c", "from kbsync.cli.main import main; main()", *words]


def environment(more: Mapping[str, str | None]) -> dict[str, str]:
    """Return this process's environment with some variables set, or removed where they are None.

    Each module is compiled once, as it is on a user's machine, and not by each of a thousand processes; and no line is
    folded to the width of the terminal in which somebody tests.
    """
    checkout = str(Path(__file__).parent.parent)
    wanted = {**os.environ, "PYTHONPATH": checkout, "PYTHONDONTWRITEBYTECODE": None, "COLUMNS": None, **more}
    return {name: value for name, value in wanted.items() if value is not None}


def run_in_process(words: Sequence[str], *, cwd: Path, environ: Mapping[str, str | None]) -> CommandResult:
    """Run the command line in this process, with texts where its three streams would be."""
    out, err = _stream(), _stream()
    with (
        _working_directory(cwd),
        patch.dict(os.environ, environment(environ), clear=True),
        patch.object(sys, "argv", ["kbsync", *words]),
        patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return CommandResult(code=code if isinstance(code, int) else 0, out=_text(out), err=_text(err))


@contextmanager
def _working_directory(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
