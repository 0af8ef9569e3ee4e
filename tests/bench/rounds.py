"""Calls and seconds of a first publish, an unchanged plan, a plan with one change and a pull, for both collections.

Run it with `python -m tests.bench.rounds` and KBSYNC_CORPUS set.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from click import echo

from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout
from tests.corpora import Step, empty_tree, load_help_centre, markdown_tree, step


def help_centre(folder: Path, corpus: Path) -> Iterator[tuple[str, Step]]:
    """Play the round of a help centre that lives on a portal."""
    with serve(SandboxSettings()) as old, serve(SandboxSettings()) as new:
        load_help_centre(old, corpus)
        checkout = empty_tree(folder / "help-centre", old)
        yield "pull into an empty tree", step(checkout, old, "pull")
        checkout.commit("As it stands")
        yield "unchanged plan after the pull", step(checkout, old, "plan")
        shutil.rmtree(checkout.root / ".kbsync")
        checkout.commit("For another portal")
        yield "first publish, to another portal", step(checkout, new, "publish", "--yes")
        yield "unchanged plan", step(checkout, new, "plan")
        edit(checkout)
        yield "plan with one change", step(checkout, new, "plan")
        yield "publish of one change", step(checkout, new, "publish", "--yes")
        yield "pull that finds nothing", step(checkout, new, "pull")
        yield "plan without a call", step(checkout, new, "plan", "--no-refresh")


def markdown(folder: Path, corpus: Path) -> Iterator[tuple[str, Step]]:
    """Play the round of a tree that people wrote in Markdown."""
    with serve(SandboxSettings()) as portal:
        checkout = markdown_tree(folder / "markdown", portal, corpus)
        yield "lint", step(checkout, portal, "lint")
        yield "first publish", step(checkout, portal, "publish", "--yes")
        yield "unchanged plan", step(checkout, portal, "plan")
        edit(checkout)
        yield "plan with one change", step(checkout, portal, "plan")
        yield "publish of one change", step(checkout, portal, "publish", "--yes")
        yield "pull that finds nothing", step(checkout, portal, "pull")
        empty = empty_tree(folder / "pulled", portal)
        yield "pull into an empty tree", step(empty, portal, "pull")


def edit(checkout: Checkout) -> None:
    """Write one more sentence into one article, and commit it."""
    path = min(path for path in checkout.content() if path.endswith(".md") and path.count("/") > 1)
    checkout.write(path, checkout.read(path) + "\nOne more sentence.\n")
    checkout.commit("One edit")


def show(name: str, steps: Iterator[tuple[str, Step]]) -> None:
    """Print a table of one collection."""
    echo(f"\n{name}\n{'':36}{'calls':>7}{'reads':>7}{'writes':>8}{'seconds':>9}{'exit':>6}")
    for what, taken in steps:
        reads = taken.total - taken.writes
        echo(f"{what:36}{taken.total:7}{reads:7}{taken.writes:8}{taken.seconds:9.1f}{taken.ended.code:6}")


def main() -> None:
    """Play both rounds."""
    corpus = os.environ.get("KBSYNC_CORPUS")
    if not corpus:
        sys.exit("set KBSYNC_CORPUS to the folder that holds the collections")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # cold, as on a CI runner
        show("freshdesk-kb, 1,221 articles", help_centre(Path(folder), Path(corpus)))
        show("arduino-help-center, 414 articles", markdown(Path(folder), Path(corpus)))


if __name__ == "__main__":
    main()
