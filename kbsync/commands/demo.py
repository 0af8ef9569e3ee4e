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
from kbsync.commands import planning, publishing, pulling
from kbsync.commands.output import note, say
from kbsync.config import FILE, Config, load_config
from kbsync.credentials import Secret
from kbsync.errors import KbsyncError, UsageError

if TYPE_CHECKING:
    from kbsync.sandbox import Portal

_SENTENCE = "<p>An agent added this sentence on the web.</p>"


def demo(*, keep: bool, port: int) -> int:
    """Publish, see an empty plan, edit on the web, see the drift, pull it, and publish nothing more."""
    try:
        from kbsync.sandbox import SandboxError, Settings, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            "the embedded portal is not installed", advice="install it with `pip install 'kbsync[sandbox]'`"
        ) from error
    with tempfile.TemporaryDirectory(prefix="kbsync-demo-") as folder:
        root = Path(folder) / "content"
        shutil.copytree(_documentation(), root)
        _commit(root, "The documentation as it is")
        try:
            with serve(Settings(name="kbsync"), port=port) as portal:
                code = _play(root, portal)
                if not keep:
                    say("The portal goes now; with --keep it stays, to be looked at.")
                say(f"The portal: {portal.url}/support/solutions")
                return _wait(portal) if keep and code == 0 else code
        except SandboxError as error:
            raise KbsyncError(str(error)) from error


def _play(root: Path, portal: "Portal") -> int:
    config = load_config(root, {"url": portal.url}, {})
    key = Secret(portal.key)
    told = _Story(config, key)
    told.step("1  Publish the documentation to an empty portal", "kbsync publish --yes")
    told.publishes()
    told.step("2  Plan again: nothing is left to do", "kbsync plan")
    told.plans()
    told.step("3  An agent edits an article on the web", f"{portal.url}/a/solutions")
    say(f"  {_edit_as_agent(portal)} has a new sentence.")
    told.step("4  Plan: the edit is drift, and is left alone", "kbsync plan")
    told.plans()
    told.step("5  Pull it home, and commit it", "kbsync pull && git commit")
    told.pulls()
    _commit(root, "Bring home what an agent wrote")
    told.step("6  Publish: both sides say the same", "kbsync publish --yes")
    told.publishes()
    articles = len(portal.store.all_articles())
    say("")
    say(f"{articles} articles went out, one edit came home, nothing was lost: {len(portal.calls)} calls.")
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
        from kbsync.journeys.audience import Options

        self._ends(publishing.publish(self.config, self.key, Options(), form="text", yes=True))

    def plans(self) -> None:
        from kbsync.journeys.audience import Options

        self._ends(planning.plan(self.config, self.key, Options(), form="text", out=None, exit_code=False))

    def pulls(self) -> None:
        from kbsync.journeys.audience import Options

        self._ends(pulling.pull(self.config, self.key, Options(), form="text", dry_run=False))

    def _ends(self, code: int) -> None:
        self.code = self.code or code


def _documentation() -> Path:
    """Find kbsync's own documentation: within the installed package, else beside it in a checkout."""
    package = Path(kbsync.__file__).parent
    for place in (package / "_content", package.parent / "content"):
        if (place / FILE).is_file():
            return place
    raise KbsyncError("kbsync's own documentation is not installed with it", advice="install kbsync anew")


def _edit_as_agent(portal: "Portal") -> str:
    article = portal.store.all_articles()[0]
    portal.store.edit_article(article.id, description=article.description + _SENTENCE)
    return f"“{article.title}”"


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
