"""The result of a publish for every fault at every call, as a table.

`python -m tests.bench.faults` kills a publish by SIGKILL at every call, before and after it is done, and lets the
same clone and a fresh one go on; then it tries every other trouble. `--quick` tries every third call.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

from tests.engine.clone import Clone
from tests.engine.faulted import (
    TROUBLES,
    Killer,
    World,
    fail_with,
    go_on,
    kill_at,
    kill_in_git,
    make_world,
    prepare,
    quick,
)

_SAME = "completed, the same end state"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    os.environ.setdefault("KBSYNC_NO_CACHE", "1")
    for role in ("AUTHOR", "COMMITTER"):
        os.environ.setdefault(f"GIT_{role}_NAME", "A Writer")
        os.environ.setdefault(f"GIT_{role}_EMAIL", "writer@example.com")
    with tempfile.TemporaryDirectory() as folder, quick():
        prepare()
        world = make_world(Path(folder) / "world")
        return _tell(world, Path(folder), step=3 if chosen.quick else 1)


def _tell(world: World, folder: Path, *, step: int) -> int:
    began, wrong = time.monotonic(), 0
    sys.stdout.write(f"A publish of {world.calls} calls, {world.writes} of them writes.\n\n")
    sys.stdout.write("| fault | cases | the next run | |\n| --- | --- | --- | --- |\n")
    for name, ends in _rows(world, folder, step=step):
        counts = Counter(ends)
        for end, count in counts.items():
            wrong += count if end else 0
            sys.stdout.write(f"| {name} | {count} | {end or _SAME} | {'✗' if end else '✓'} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{wrong} wrong; {time.monotonic() - began:.0f} s.\n")
    return 1 if wrong else 0


def _rows(world: World, folder: Path, *, step: int) -> Iterator[tuple[str, list[str]]]:
    kinds = ((False, world.calls - world.writes, "reading call"), (True, world.writes, "write"))
    for (writes_only, total, what), done, afresh in product(kinds, (False, True), (False, True)):
        killers = [Killer(at=at, done=done, writes_only=writes_only) for at in range(1, total + 1, step)]
        then = _going_on(world, afresh)
        ends = [kill_at(world, folder / f"{what}{one.at}{done}{afresh}", one, then) for one in killers]
        yield f"SIGKILL {'after' if done else 'before'} each {what} is done; {_where(afresh)}", ends
    for push, what in ((1, "the lease is taken"), (2, "the ledger is sent")):
        for hook, when in (("pre-receive", "before"), ("post-receive", "after")):
            ends = [
                kill_in_git(
                    world, folder / f"{push}{hook}{afresh}", hook=hook, push=push, then=_going_on(world, afresh)
                )
                for afresh in (False, True)
            ]
            yield f"SIGKILL {when} {what}; in the same clone and in a fresh one", ends
    for number, trouble in enumerate(TROUBLES):
        firsts, ends = [], []
        for afresh in (False, True):
            first, wrong = fail_with(world, folder / f"trouble{number}{afresh}", trouble, _going_on(world, afresh))
            firsts.append(first.partition(":")[0])
            ends.append(wrong)
        yield f"{trouble.name} (that run: {', '.join(sorted(set(firsts)))})", ends


def _going_on(world: World, afresh: bool) -> Callable[[Clone], str]:
    return lambda clone: go_on(clone, world, afresh=afresh)


def _where(afresh: bool) -> str:
    return "then in a fresh clone" if afresh else "then in the same clone"


if __name__ == "__main__":
    sys.exit(main())
