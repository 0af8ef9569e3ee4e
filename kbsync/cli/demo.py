"""The demo: a guided round on the embedded portal with kbsync's own documentation.

It works on a copy in a temporary folder, with a git repository of its own, and ignores keys and settings in the
environment. Each step runs the command that it names, as a user would.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

import kbsync
from kbsync.cli.console import ExitCode, print_heading, print_note, print_result
from kbsync.cli.main import app
from kbsync.cli.options import CommandContext, command
from kbsync.cli.sandbox import not_installed, port_option
from kbsync.config import CONFIG_FILE
from kbsync.errors import KbsyncError

if TYPE_CHECKING:
    from kbsync.sandbox.server import Portal

_EDIT_ON_PORTAL = "<p>An agent added this sentence on the web.</p>"
_EDIT_IN_FILE = "You added this sentence in the file."


@command("kbsync demo", "kbsync demo --keep")
@click.option("--keep", envvar="KBSYNC_KEEP", is_flag=True, help="Keep the portal running until Ctrl-C.")
@port_option(0)
def demo(*, keep: bool, port: int) -> int:
    """Run a guided demo on a local practice portal. Its content is the documentation of kbsync."""
    try:
        from kbsync.sandbox.server import serve
        from kbsync.sandbox.settings import SandboxError, SandboxSettings
    except ModuleNotFoundError as error:
        raise not_installed() from error
    with tempfile.TemporaryDirectory(prefix="kbsync-demo-") as folder:
        root = Path(folder) / "content"
        shutil.copytree(_documentation(), root)
        _commit(root, "Add the documentation")
        try:
            with serve(SandboxSettings(name="kbsync"), port=port) as portal:
                code = _run_steps(root, portal)
                if not keep:
                    print_result("The portal stops now. To look at it, run `kbsync demo --keep`.")
                print_result(f"Portal: {portal.url}/support/solutions")
                return _wait_for_ctrl_c(portal) if keep and code == ExitCode.OK else code
        except SandboxError as error:
            raise KbsyncError(str(error)) from error


def _run_steps(root: Path, portal: "Portal") -> int:
    codes = []

    def run(*words: str) -> None:
        arguments = ["--root", str(root), "--url", portal.url, *words]
        with _environment_of(portal):
            codes.append(app.main(arguments, prog_name="kbsync", standalone_mode=False, obj=CommandContext()))

    _print_step("1  Publish the documentation to an empty portal", "kbsync publish --yes")
    run("publish", "--yes")
    _print_step("2  Plan again: no changes", "kbsync plan")
    run("plan")
    _print_step("3  An agent edits two articles on the web; you edit one of them")
    _edit_both_sides(root, portal)
    _print_step("4  Plan: the first is drift, the second a conflict; publish would skip both", "kbsync plan")
    run("plan")
    _print_step("5  Pull: merge the web edits into your files", "kbsync pull && git commit")
    run("pull")
    _commit(root, "Pull web edits")
    _print_step("6  Publish: only your own edit is left to send", "kbsync publish --yes")
    run("publish", "--yes")
    _print_step("7  Undo that publish; the web edits stay", "kbsync undo --yes")
    run("undo", "--yes")
    articles = len(portal.store.all_articles())
    print_result("")
    print_result(f"{articles} articles published, 2 web edits pulled, 1 publish undone, {len(portal.calls)} API calls.")
    return next((code for code in codes if code), ExitCode.OK)


def _print_step(heading: str, command: str = "") -> None:
    print_result("")
    print_heading(heading, command)


@contextmanager
def _environment_of(portal: "Portal") -> Iterator[None]:
    """Remove kbsync's variables and keys from the environment for one command, but for the portal's own key."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("KBSYNC_", "FRESHDESK_API_KEY")):
            del os.environ[name]
    os.environ["FRESHDESK_API_KEY"] = portal.key
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _documentation() -> Path:
    package = Path(kbsync.__file__).parent
    for place in (package / "_content", package.parent / "content"):
        if (place / CONFIG_FILE).is_file():
            return place
    raise KbsyncError("the documentation of kbsync is not installed", advice="reinstall kbsync")


def _edit_both_sides(root: Path, portal: "Portal") -> None:
    """Add a sentence to two articles on the web, and one to the file of the second."""
    one, two = sorted(portal.store.all_articles(), key=lambda article: article.title)[:2]
    for article in (one, two):
        portal.store.edit_article(article.id, description=article.description + _EDIT_ON_PORTAL)
        print_result(f"  “{article.title}”: sentence added on the web")
    file = next(path for path in root.rglob("*.md") if f"\ntitle: {two.title}\n" in path.read_text(encoding="utf-8"))
    front, mark, body = file.read_text(encoding="utf-8").partition("\n---\n")
    file.write_text(f"{front}{mark}{_EDIT_IN_FILE}\n\n{body}", encoding="utf-8")
    print_result(f"  “{two.title}”: another sentence added in the file")
    _commit(root, "Add a sentence")


def _commit(root: Path, message: str) -> None:
    """Commit everything in a repository of the demo's own, whatever git is set to on this machine."""
    identity = ("-c", "user.name=kbsync demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgSign=false")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "FRESHDESK_"))}
    commit = (*identity, "commit", "-qm", message)
    for words in (("init", "--quiet", "--initial-branch=main"), ("add", "--all"), commit):
        done = subprocess.run(("git", *words), cwd=root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            what = f"git {words[0]} failed: {done.stderr.strip()}"
            raise KbsyncError(what, advice="the demo needs git 2.28 or later")


def _wait_for_ctrl_c(portal: "Portal") -> int:
    print_note(f"Running until Ctrl-C. Agents edit at {portal.url}/a/solutions")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return ExitCode.OK
