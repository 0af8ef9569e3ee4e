"""Seconds of lint, plan and pull on 1,221 articles without a cache, with an empty one and with a full one.

Every command is a process of its own. Run it with `python -m tests.bench.cached` and KBSYNC_CORPUS set.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from click import echo

from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout, command, environment
from tests.corpora import empty_tree, load_help_centre, step

RUNS = 3
COMMANDS = {
    "lint": ("lint",),
    "plan, nothing changed": ("plan",),
    "plan --no-refresh": ("plan", "--no-refresh"),
    "pull, nothing changed": ("pull", "--dry-run"),
}


def main() -> None:
    """Print a line for each command: without a cache, the first run with one, the runs after it."""
    corpus = os.environ.get("KBSYNC_CORPUS")
    if not corpus:
        sys.exit("set KBSYNC_CORPUS to the folder that holds the collections")
    with tempfile.TemporaryDirectory() as name, serve(SandboxSettings()) as portal:
        folder = Path(name)
        load_help_centre(portal, Path(corpus))
        empty = empty_tree(folder / "empty", portal)
        checkout = empty_tree(folder / "tree", portal)
        step(checkout, portal, "pull")
        checkout.commit("As it stands")
        echo(f"{'':26}{'no cache':>10}{'cold':>8}{'warm':>8}")
        show("pull into an empty tree", empty, ("pull", "--dry-run"), folder)
        for title, words in COMMANDS.items():
            show(title, checkout, words, folder)
        for file in sorted(folder.glob("cache*/**/*.sqlite3")):
            echo(f"{file.relative_to(folder).parts[0]}: {file.stat().st_size / 1e6:.1f} MB")


def show(title: str, checkout: Checkout, words: tuple[str, ...], folder: Path) -> None:
    """Time one command three ways, each a few times where that is possible."""
    cache = folder / f"cache of {title}"
    without = statistics.median(seconds(checkout, words, None) for _ in range(RUNS))
    cold = seconds(checkout, words, cache)
    warm = statistics.median(seconds(checkout, words, cache) for _ in range(RUNS))
    echo(f"{title:26}{without:10.2f}{cold:8.2f}{warm:8.2f}")


def seconds(checkout: Checkout, words: tuple[str, ...], cache: Path | None) -> float:
    """Time one run, in a cache folder of its own (as Linux finds it) or without any."""
    off, place = ("1", None) if cache is None else (None, str(cache))
    environ = environment({**checkout.environ, "KBSYNC_NO_CACHE": off, "XDG_CACHE_HOME": place})
    started = time.monotonic()
    ended = subprocess.run(command(*words), cwd=checkout.root, env=environ, capture_output=True, check=False)
    if ended.returncode and words != ("lint",):
        sys.exit(ended.stderr.decode())
    return time.monotonic() - started


if __name__ == "__main__":
    main()
