"""The demo: the whole loop on the embedded portal, with kbsync's own documentation, told as it happens.

It works on a copy in a temporary folder, with a git repository of its own, and ignores any key in the environment.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

import kbsync
from kbsync.commands import past, planning, publishing, pulling
from kbsync.commands.output import note, say
from kbsync.config import CONFIG_FILE, Config, Secret, load_config
from kbsync.errors import KbsyncError, UsageError

if TYPE_CHECKING:
    from kbsync.sandbox.server import Portal

_SENTENCE = "<p>An agent added this sentence on the web.</p>"
_MINE = "You added this sentence in the file."


def demo(*, keep: bool, port: int) -> int:
    """Publish, edit on both sides, see drift and a conflict, pull, publish what is left, and take that back."""
    try:
        from kbsync.sandbox.server import serve
        from kbsync.sandbox.settings import SandboxError, SandboxSettings
    except ModuleNotFoundError as error:
        raise UsageError(
            "the embedded portal is not installed", advice="install it with `pip install 'kbsync[sandbox]'`"
        ) from error
    with tempfile.TemporaryDirectory(prefix="kbsync-demo-") as folder:
        root = Path(folder) / "content"
        shutil.copytree(_documentation(), root)
        _commit(root, "The documentation as it is")
        try:
            with serve(SandboxSettings(name="kbsync"), port=port) as portal:
                code = _play(root, portal)
                if not keep:
                    say("The portal goes now; with --keep it stays, to be looked at.")
                say(f"The portal: {portal.url}/support/solutions")
                return _wait(portal) if keep and code == 0 else code
        except SandboxError as error:
            raise KbsyncError(str(error)) from error


def _play(root: Path, portal: "Portal") -> int:
    config = load_config(root, {"url": portal.url}, {})
    told = _Story(config, Secret(portal.key))
    told.step("1  Publish the documentation to an empty portal", "kbsync publish --yes")
    told.publishes()
    told.step("2  Plan again: nothing is left to do", "kbsync plan")
    told.plans()
    told.step("3  An agent edits two articles on the web, and you edit one of the two", f"{portal.url}/a/solutions")
    _edit_both_sides(root, portal)
    told.step("4  Plan: one is drift, the other a conflict; publish would leave both alone", "kbsync plan")
    told.plans()
    told.step("5  Pull: what the agent wrote comes home, beside what you wrote", "kbsync pull && git commit")
    told.pulls()
    _commit(root, "Bring home what an agent wrote")
    told.step("6  Publish: only what you wrote is left to send", "kbsync publish --yes")
    told.publishes()
    told.step("7  Take that back; what the agent wrote stays", "kbsync undo --yes")
    told.undoes()
    articles = len(portal.store.all_articles())
    say("")
    say(f"{articles} articles went out, two edits came home, one was taken back: {len(portal.calls)} calls.")
    return told.code


class _Story:
    """The commands of the demo, run as a user would run them."""

    def __init__(self, config: Config, key: Secret) -> None:
        self.config = config
        self.key = key
        self.code = 0

    def step(self, heading: str, command: str) -> None:
        say("")
        say(click.style(heading, bold=True) + click.style(f"   $ {command}", dim=True))

    def publishes(self) -> None:
        from kbsync.engine.context import Options

        self._ends(publishing.publish(self.config, self.key, Options(), form="text", yes=True))

    def plans(self) -> None:
        from kbsync.engine.context import Options

        self._ends(planning.plan(self.config, self.key, Options(), form="text", out=None, exit_code=False))

    def pulls(self) -> None:
        from kbsync.engine.context import Options

        self._ends(pulling.pull(self.config, self.key, Options(), form="text", dry_run=False))

    def undoes(self) -> None:
        from kbsync.engine.context import Options

        self._ends(past.undo(self.config, self.key, None, Options(), form="text", yes=True, dry_run=False))

    def _ends(self, code: int) -> None:
        self.code = self.code or code


def _documentation() -> Path:
    """Find kbsync's own documentation: within the installed package, else beside it in a checkout."""
    package = Path(kbsync.__file__).parent
    for place in (package / "_content", package.parent / "content"):
        if (place / CONFIG_FILE).is_file():
            return place
    raise KbsyncError("kbsync's own documentation is not installed with it", advice="install kbsync anew")


def _edit_both_sides(root: Path, portal: "Portal") -> None:
    """Add a sentence to two articles on the web, and one to the file of the second."""
    one, two = portal.store.all_articles()[:2]
    for article in (one, two):
        portal.store.edit_article(article.id, description=article.description + _SENTENCE)
        say(f"  “{article.title}” has a new sentence on the web.")
    file = next(path for path in root.rglob("*.md") if f"\ntitle: {two.title}\n" in path.read_text(encoding="utf-8"))
    front, mark, body = file.read_text(encoding="utf-8").partition("\n---\n")
    file.write_text(f"{front}{mark}{_MINE}\n\n{body}", encoding="utf-8")
    say(f"  “{two.title}” has another one in its file.")
    _commit(root, "A sentence more")


def _commit(root: Path, message: str) -> None:
    """Commit everything in a repository of the demo's own, whatever git is set to on this machine."""
    identity = ("-c", "user.name=kbsync demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgSign=false")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        (*identity, "commit", "-qm", message),
    ):
        done = subprocess.run(("git", *words), cwd=root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KbsyncError(
                f"git {words[0]} failed: {done.stderr.strip()}", advice="the demo needs git 2.28 or later"
            )


def _wait(portal: "Portal") -> int:
    note(f"It runs until Ctrl-C; an agent's view is at {portal.url}/a/solutions")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0
