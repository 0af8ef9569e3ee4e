"""Seconds and peak memory of `kbsync plan` on 1,221 articles, in a separate process, on Linux only.

Run it with `python -m tests.bench.memory` and KBSYNC_CORPUS set.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from click import echo

from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import environment
from tests.corpora import empty_tree, load_help_centre, step

RUNS = 3

# Not getrusage: its figure begins with the memory of the process that started this one.
_SCRIPT = """
import re, sys
from pathlib import Path
from kbsync.cli.main import main
try:
    main()
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


def main() -> None:
    """Plan a pulled tree a few times, and print what each took."""
    corpus = os.environ.get("KBSYNC_CORPUS")
    if not corpus:
        sys.exit("set KBSYNC_CORPUS to the folder that holds the collections")
    with tempfile.TemporaryDirectory() as folder, serve(SandboxSettings()) as portal:
        load_help_centre(portal, Path(corpus))
        checkout = empty_tree(Path(folder) / "tree", portal)
        step(checkout, portal, "pull")
        checkout.commit("As it stands")
        key = {"FRESHDESK_API_KEY": portal.key, "XDG_CACHE_HOME": folder}
        for cache, environ in (("no cache", key | {"KBSYNC_NO_CACHE": "1"}), ("a cache", key)):
            for words in (["plan"], ["plan", "--no-refresh"], ["lint"]):
                for _ in range(RUNS):
                    seconds, memory = spent(checkout.root, environ, words)
                    echo(f"{cache:9} kbsync {' '.join(words):18} {seconds:6.1f} s  {memory:6.0f} MB at most")


def spent(root: Path, environ: dict[str, str], words: list[str]) -> tuple[float, float]:
    """Run a command and give its seconds and its peak memory in MB, without its children."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *words], cwd=root, env=environment(environ), capture_output=True, check=False
    )
    return time.monotonic() - started, int(done.stderr.split()[-1]) * 1.024 / 1000


if __name__ == "__main__":
    main()
