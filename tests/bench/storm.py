"""A first publish through a portal in trouble: complete, nothing twice, nothing lost, and how many calls that took.

Run it with `python -m tests.bench.storm [ARTICLES]`. Of all calls 10 % are answered with 429 and a pause of a second,
5 % with an error of the server, and of the writes 2 % are done and the connection drops; each other takes 300 ms. The
same publish through a portal without trouble is the baseline. The faults are the same in each run.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter
from unittest.mock import patch

from click import echo
from starlette.responses import Response

from kbsync.sandbox.account import Fault
from kbsync.sandbox.api import app as gate
from kbsync.sandbox.server import Portal, serve
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, new_clone, steps, troubles
from tests.planner.world import article

FOLDERS = 20
SECONDS = 0.3
_SERVER_ERROR = gate._server_error


def tree(count: int) -> dict[str, str]:
    """Return articles in folders, most with links to others, some in cycles."""
    chance = Random(1)
    paths = [f"guide/f{number % FOLDERS}/a{number}.md" for number in range(count)]
    return {
        path: article(f"Title {number}", f"Words of {number}, see [that](../../{chance.choice(paths)}).")
        for number, path in enumerate(paths)
    }


def trouble(chance: Random, method: str, _: str) -> Fault:
    """Choose what happens to a call."""
    drawn = chance.random()
    if drawn < 0.10:
        return Fault(status=429)
    if drawn < 0.15:
        return Fault(status=503)
    if method != "GET" and chance.random() < 0.02:
        return Fault(kind="lost")
    return Fault(kind="delay", seconds=SECONDS)


def _with_pause(fault: Fault) -> Response:
    response = _SERVER_ERROR(fault)
    if fault.status == 429:
        response.headers["retry-after"] = "1"
    return response


def publish(clone: Clone, portal: Portal, count: int) -> tuple[int, int, float]:
    """Publish until nothing is left to do; return the runs, the calls and the seconds that took."""
    portal.calls.clear()
    began, runs = perf_counter(), 0
    while runs < 5:
        runs += 1
        done = clone.publish()
        for path, result, error in troubles(done)[:5]:
            echo(f"  run {runs}: {path} {result}: {error[:100]}")
        if not troubles(done):
            break
    took, calls = perf_counter() - began, len(portal.calls)
    portal.faults.clear()
    titles = [found.title for found in portal.store.all_articles()]
    assert len(titles) == len(set(titles)) == count, f"{len(titles)} articles, {len(set(titles))} titles"
    assert all("Words of" in found.description and found.status == 2 for found in portal.store.all_articles())
    assert not steps(clone.plan())
    return runs, calls, took


def main() -> int:
    """Print both publishes and the ratio of their calls."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    chance, calm = Random(2), partial(Fault, kind="delay", seconds=SECONDS)
    found = {}
    for name, strike in (("calm", lambda *_: calm()), ("in trouble", partial(trouble, chance))):
        with tempfile.TemporaryDirectory() as folder, serve(SandboxSettings()) as portal:
            clone = new_clone(Path(folder) / "clone", portal, tree(count))
            with patch.object(portal.faults, "strike", strike), patch.object(gate, "_server_error", _with_pause):
                runs, calls, took = publish(clone, portal, count)
            found[name] = calls
            echo(f"{count} articles, {name}: {calls} calls in {runs} runs, {took:.0f} s")
    ratio = found["in trouble"] / found["calm"]
    echo(f"ratio of the calls {ratio:.3f}")
    return 0 if ratio <= 1.25 else 1


if __name__ == "__main__":
    sys.exit(main())
