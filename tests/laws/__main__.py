"""Many more steps than a check on a server takes: `python -m tests.laws --steps 200000 --processes 2`.

Rounds have a seed of their own each; a law that is broken is printed with the steps that broke it, and
the next round goes on. At the end come the figures.
"""

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.environment import clean_environment
from tests.laws.machine import Laws
from tests.laws.wider import Wider

STEPS_A_LIFE = 80
LIVES_A_ROUND = 12


def played(number: int, histories: int, *, shrinks: bool, wider: bool) -> tuple[Counter[str], str]:
    """Play a round; give its figures, and what went wrong in it."""
    Laws.tally.clear()
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    how = settings(
        max_examples=histories,
        stateful_step_count=STEPS_A_LIFE,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    try:
        run_state_machine_as_test(seed(number)(Wider if wider else Laws), settings=how)
    except Exception:  # noqa: BLE001 - whatever breaks is what this is for
        return Counter(Laws.tally), f"round {number}\n{traceback.format_exc()}"
    return Counter(Laws.tally), ""


def _round(number: int, wider: bool) -> tuple[Counter[str], str]:
    return played(number, LIVES_A_ROUND, shrinks=False, wider=wider)


def rounds(first: int, processes: int, *, wider: bool) -> Iterator[tuple[Counter[str], str]]:
    """Play rounds in parallel without end."""
    with ProcessPoolExecutor(processes) as pool:
        try:
            waiting = [pool.submit(_round, first + number, wider) for number in range(processes + 1)]
            for number in count(first + len(waiting)):
                yield waiting.pop(0).result()
                waiting.append(pool.submit(_round, number, wider))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def main() -> int:
    """Play until there were so many steps, and print the figures."""
    asked = argparse.ArgumentParser(prog="python -m tests.laws", description=__doc__)
    asked.add_argument("--steps", type=int, default=200_000)
    asked.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked.add_argument("--seed", type=int, default=1, help="the number of the first round")
    asked.add_argument("--wider", action="store_true", help="play with links, sides that win and saves in between too")
    asked.add_argument("--only", action="store_true", help="play the first round alone, and look for its shortest form")
    options = asked.parse_args()
    began, figures, broken = time.monotonic(), Counter[str](), list[str]()
    with TemporaryDirectory(prefix="kbsync-") as place, clean_environment(Path(place)):
        one = (played(options.seed, LIVES_A_ROUND, shrinks=True, wider=options.wider) for _ in range(1))
        for tally, trouble in one if options.only else rounds(options.seed, options.processes, wider=options.wider):
            figures += tally
            if trouble:
                broken.append(trouble)
                sys.stdout.write(f"{trouble}\n")
            sys.stdout.write(f"{figures['steps']:,} steps, {time.monotonic() - began:,.0f} s, {len(broken)} broken\n")
            sys.stdout.flush()
            if figures["steps"] >= options.steps:
                break
    took = time.monotonic() - began
    for name, number in sorted(figures.items()):
        sys.stdout.write(f"{name:34} {number:>10,}\n")
    sys.stdout.write(f"{took:,.0f} s, {took / figures['steps'] * 1000:.1f} ms a step, {len(broken)} laws broken\n")
    return min(len(broken), 1)


if __name__ == "__main__":
    raise SystemExit(main())
