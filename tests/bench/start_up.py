"""How long `kbsync --version` takes against `python -c "import click"`: the median of alternating runs, as a ratio.

Run it with `python -m tests.bench.start_up`.
"""

import statistics
import subprocess
import sys
import time

from click import echo

from tests.cli_runner import command, environment

RUNS = 21


def main() -> None:
    """Run both in turn, so that a busy machine slows both."""
    runs: dict[str, list[str]] = {
        "kbsync --version": command("--version"),
        "import click": [sys.executable, "-c", "import click"],
        "python": [sys.executable, "-c", ""],
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(RUNS):
        for name, words in runs.items():
            taken[name].append(seconds(words))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, median in medians.items():
        echo(f"{name:18} {median * 1000:6.1f} ms   {median / medians['import click']:5.2f} times `import click`")


def seconds(words: list[str]) -> float:
    """Time one run."""
    started = time.monotonic()
    subprocess.run(words, env=environment({}), capture_output=True, check=True)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
