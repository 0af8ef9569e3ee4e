"""What `kbsync status` takes on 1,221 articles beside the calls, in processor time: without the waits.

Beside it stands what a plain loop over the same calls takes, the same pages fetched and parsed and nothing compared.
Run it with `python -m tests.bench.status` and KBSYNC_CORPUS set.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from click import echo

from kbsync.sandbox.server import Portal, serve
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout, command, environment
from tests.corpora import empty_tree, load_help_centre, step

RUNS = 7
_PLAIN = """
import sys, httpx
with httpx.Client(auth=(sys.argv[2], "X")) as client:
    for path in sys.stdin.read().split():
        client.get(sys.argv[1] + path).json()
"""


def main() -> None:
    """Run each in turn, so that a busy machine slows all of them."""
    corpus = os.environ.get("KBSYNC_CORPUS")
    if not corpus:
        sys.exit("set KBSYNC_CORPUS to the folder that holds the collections")
    with tempfile.TemporaryDirectory() as name, serve(SandboxSettings()) as portal:
        load_help_centre(portal, Path(corpus))
        checkout = empty_tree(Path(name) / "tree", portal)
        step(checkout, portal, "pull")
        checkout.commit("As it stands")
        environ = environment({**checkout.environ, "XDG_CACHE_HOME": str(Path(name) / "cache")})
        pages = _pages(checkout, portal, environ)
        runs: dict[str, tuple[list[str], str]] = {
            "the calls alone": ([sys.executable, "-c", _PLAIN, portal.url, portal.key], pages),
            "status": (command("status"), ""),
            "status --format json": (command("status", "--format", "json"), ""),
            "plan": (command("plan"), ""),
        }
        taken: dict[str, list[float]] = {title: [] for title in runs}
        for _ in range(RUNS):
            for title, (words, given) in runs.items():
                taken[title].append(seconds(words, checkout, environ, given))
        medians = {title: statistics.median(times) for title, times in taken.items()}
        plain = medians["the calls alone"]
        echo(f"{len(pages.split())} calls")
        for title, median in medians.items():
            echo(f"{title:22}{median:6.2f} s{median / plain:8.2f} times the calls{median - plain:8.2f} s beside them")


def _pages(checkout: Checkout, portal: Portal, environ: dict[str, str]) -> str:
    """Run it once, to fill the cache, and return its calls to the portal."""
    portal.calls.clear()
    subprocess.run(command("status"), cwd=checkout.root, env=environ, capture_output=True, check=True)
    return "\n".join(call.path for call in portal.calls)


def seconds(words: list[str], checkout: Checkout, environ: dict[str, str], given: str) -> float:
    """Return the processor time of one run, with that of the git that it calls; waiting for the portal is none."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, cwd=checkout.root, env=environ, input=given.encode(), capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
