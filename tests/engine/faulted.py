"""A prepared portal and clone in which a publish fails at a chosen call, copied for each case; results as a table.

The publish is real: a process of its own, killed by SIGKILL, or this one with a portal that fails. The portal is real
HTTP. What differs from case to case is the call and the fault, and whether the same clone or a fresh one continues.
"""

import multiprocessing
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from kbsync.config import Config, Secret
from kbsync.engine import plan as planning
from kbsync.engine import publish as publishing
from kbsync.engine.context import Options
from kbsync.errors import KbsyncError
from kbsync.freshdesk import client
from kbsync.freshdesk import write as creating
from kbsync.sandbox.account import Fault
from kbsync.sandbox.api import app as gate
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, Quiet, clone_of, git, new_clone, steps, troubles
from tests.planner.world import article
from tests.portals import serve

SAM = "150000000002"
READERS = "https://help.example.com"
BEFORE = {
    "guide/_index.md": "---\nname: Guide\ndescription: All about it.\n---\n",
    "guide/basics/reset.md": article("Reset", "Press the button, as [the other](install.md) says."),
    "guide/basics/install.md": article("Install", "Unpack the box.", tags="[box]"),
    "guide/basics/secret.md": article("Secret", "For everybody to read."),
    "guide/basics/old.md": article("Old", "Nobody needs this."),
    "shop/orders/pay.md": article("Pay", "Cards, transfers and cash are all welcome."),
    "shop/orders/refund.md": article("Refund", "Within ten days."),
}
AFTER = {
    "guide/basics/_index.md": "---\nname: First steps\n---\n",
    "guide/basics/install.md": article("Set up", "Unpack *both* boxes.", tags="[box]"),
    "guide/basics/secret.md": article("Secret", "For agents alone.", status="draft"),
    "guide/basics/fresh.md": article("Fresh", "Written by Sam. 😀 שלום", author=SAM),
    "guide/loop/one.md": article("One", "To [two](two.md) and [set up](../basics/install.md)."),
    "guide/loop/two.md": article("Two", "To [one](one.md), to [pay](../basics/pay.md)."),
    "news/2026/may/spring.md": article("Spring", "See [one](../../../guide/loop/one.md)."),
}
ACTIONS = {"create", "update", "move", "archive"}
_READERS = re.compile(r"/articles/(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A repository whose last commit is still to be published, its remote and its portal, all as files below `base`."""

    base: Path
    expected: tuple[Any, ...]
    writes: int
    calls: int


def make_world(base: Path) -> World:
    """Publish the one commit, commit the other, and find out in a copy where that is to lead."""
    base.mkdir()
    with _served(base / "portal.sqlite") as portal:
        clone = new_clone(base / "clone", portal, BEFORE, public_url=READERS)
        git(base, "clone", "-q", "--bare", str(clone.root), str(base / "shared.git"))
        clone.git("remote", "add", "origin", (base / "shared.git").as_uri())
        clone.published()
        clone.git("mv", "shop/orders/pay.md", "guide/basics/pay.md")
        clone.git("mv", "shop/orders/refund.md", "shop/orders/money-back.md")
        clone.remove("guide/basics/old.md")
        clone.commit(AFTER)
        clone.git("push", "-q", "origin", "main")
    raw = World(base=base, expected=(), writes=0, calls=0)
    with copied(raw, base.with_name(f"{base.name}-calm")) as (calm, portal):
        portal.calls.clear()
        planned = calm.published()
        assert {change.action.value for change in planned.changes} >= ACTIONS
        calls = [call.method for call in portal.calls]
        writes = sum(method != "GET" for method in calls)
        return replace(raw, expected=said(portal), writes=writes, calls=len(calls))


@contextmanager
def _served(data: Path) -> Iterator[Portal]:
    with serve(SandboxSettings(data=data)) as portal:
        yield portal


@contextmanager
def copied(world: World, place: Path) -> Iterator[tuple[Clone, Portal]]:
    """Copy a world to a place, and run its portal."""
    place.mkdir(parents=True)
    for name in ("clone", "shared.git"):
        shutil.copytree(world.base / name, place / name, symlinks=True)
    shutil.copy(world.base / "portal.sqlite", place / "portal.sqlite")
    settings = place / "clone" / ".git" / "config"
    settings.write_text(
        settings.read_text().replace((world.base / "shared.git").as_uri(), (place / "shared.git").as_uri())
    )
    with _served(place / "portal.sqlite") as portal:
        root = place / "clone"
        yield Clone(root=root, portal=portal, config=config_for(root, portal.url)), portal


def config_for(root: Path, url: str) -> Config:
    """Return the settings of a clone whose readers come by an address that is the same in every copy."""
    return Config(root=root, url=url, public_url=READERS)


def said(portal: Portal) -> tuple[Any, ...]:
    """Return all that the portal holds, with titles in place of ids, which differ from run to run."""
    store = portal.store
    folders, categories = {f.id: f for f in store.all_folders()}, {c.id: c.name for c in store.all_categories()}

    def where(number: int) -> str:
        folder = folders[number]
        above = folder.parent_id
        return f"{where(above) if above else categories[folder.category_id]}/{folder.name}"

    names = {a.id: f"{where(a.folder_id)}/{a.title}" for a in store.all_articles()}
    shown_articles = (
        (
            names[a.id],
            a.status,
            tuple(sorted(a.tags)),
            a.agent_id,
            _READERS.sub(lambda found: f"/articles/{names.get(int(found[1]), 'nobody')}", a.description),
        )
        for a in store.all_articles()
    )
    return (tuple(sorted(categories.values())), tuple(sorted(map(where, folders))), tuple(sorted(shown_articles)))


def is_settled(clone: Clone, world: World) -> str:
    """Return what is wrong after a run that went well: the portal, the plan, or what is left lying about."""
    if said(clone.portal) != world.expected:
        return f"the portal differs: {_differences(said(clone.portal), world.expected)}"
    left = steps(clone.plan())
    if left:
        return f"still to do: {left}"
    refs = git(clone.root, "ls-remote", "origin", "refs/kbsync*/*").split()[1::2]
    journals = [place.name for place in (clone.root / ".git" / "kbsync").rglob("*.journal")]
    return "" if refs == ["refs/kbsync/production"] and not journals else f"left behind: {refs} {journals}"


def _differences(found: tuple[Any, ...], expected: tuple[Any, ...]) -> list[Any]:
    return [(sorted(set(a) - set(b)), sorted(set(b) - set(a))) for a, b in zip(found, expected, strict=True) if a != b]


def go_on(clone: Clone, world: World, *, afresh: bool) -> str:
    """Publish again, in the same clone or in a fresh one; say what is wrong then, and where all is well nothing."""
    if afresh:
        clone = clone_of(clone.root.parent / "shared.git", clone.root.parent / "fresh", clone)
    done = clone.publish()
    if troubles(done) or done.ledger_error:
        return f"the second run failed: {troubles(done)} {done.ledger_error or ''}"
    if done.planned.plan.conflicts:
        return f"named as conflicts: {[(f.path, f.reason) for f in done.planned.plan.conflicts]}"
    return is_settled(clone, world)


@contextmanager
def quick() -> Iterator[None]:
    """Shorten what a patient client waits."""
    with (
        patch.object(client, "_BACKOFF", (0.0, 0.0, 0.0)),
        patch.object(client, "_RETRY_AFTER_UNSAID", 0.05),
        patch.object(creating, "_SETTLING", 0.0),
    ):
        yield


@dataclass(slots=True, kw_only=True)
class Killer:
    """Kills a process at the portal's door when a chosen call knocks: before it is done, or just after."""

    at: int
    done: bool
    writes_only: bool = True
    process: int = 0
    seen: int = 0
    met: int = 0
    struck: str = ""

    def strike(self, method: str, path: str) -> Fault | None:
        self.seen += 1
        if self.writes_only and method == "GET":
            return None
        self.met += 1
        if self.met < self.at:
            return None
        # What the dying process still has in flight may arrive or not: here it does not.
        is_chosen = self.met == self.at
        if is_chosen:
            self.struck = f"{method} {path}"
        return Fault(kind="lost", applied=self.done and is_chosen)

    async def break_off(self, *arguments: Any) -> None:
        """Kill instead of answering."""
        os.kill(self.process, signal.SIGKILL)
        await _BREAK_OFF(*arguments)


_BREAK_OFF = gate._break_off


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Which calls of a whole run go wrong.

    `timeout` is how many seconds the client waits for an answer, `pause` what a refusal says in Retry-After.
    """

    name: str
    faults: tuple[Fault, ...]
    timeout: float = 60.0
    pause: str = ""

    def __str__(self) -> str:
        return self.name


def _always(**fault: Any) -> tuple[Fault, ...]:
    return (Fault(times=None, **fault),)


TROUBLES = (
    Trouble(name="every call answered 500 once", faults=_always(every=2)),
    Trouble(name="every write answered 500, always", faults=_always(method="P*")),
    Trouble(name="every call answered 500 from the tenth write on", faults=_always(method="P*", skip=10)),
    Trouble(name="every PUT answered 500, always", faults=_always(method="PUT")),
    Trouble(name="the answer of every POST lost", faults=_always(kind="lost", method="POST")),
    Trouble(
        name="the answer of every POST lost, and nothing can be read after",
        faults=(
            *_always(kind="lost", method="POST", skip=4),
            *_always(method="GET", path="*/articles", skip=3),
        ),
    ),
    Trouble(name="the answer of every PUT lost", faults=_always(kind="lost", method="PUT")),
    Trouble(name="every POST dropped before it was done", faults=_always(kind="lost", method="POST", applied=False)),
    Trouble(name="every third connection dropped", faults=_always(kind="lost", applied=False, every=3)),
    Trouble(name="every write cut short", faults=_always(kind="truncated", method="P*")),
    Trouble(name="every third answer cut short", faults=_always(kind="truncated", every=3)),
    Trouble(name="429 and a pause, again and again", faults=_always(status=429, every=4)),
    Trouble(name="429 and a pause of 2 s", faults=(Fault(status=429, method="P*", skip=3),), pause="2"),
    Trouble(
        name="429 and a pause of an hour, from the sixth write on",
        faults=_always(status=429, method="P*", skip=5),
        pause="3600",
    ),
    Trouble(
        name="every second write times out, and was done",
        faults=_always(kind="delay", seconds=0.4, method="P*", every=2),
        timeout=0.2,
    ),
    Trouble(
        name="one stall longer than the timeout",
        faults=(Fault(kind="delay", seconds=0.4, method="POST", skip=3),),
        timeout=0.2,
    ),
)


_START = multiprocessing.get_context("forkserver")


def _publish(root: str, url: str) -> None:
    with quick():
        publishing.publish(config_for(Path(root), url), Secret("sandbox"), Options(), Quiet())


def prepare() -> None:
    """Let the processes to come start with all imported."""
    _START.set_forkserver_preload([__name__])


def kill_at(world: World, place: Path, killer: Killer, then: Callable[[Clone], str]) -> str:
    """Publish in a process that is killed at a call; continue as `then` says, and return the result."""
    with copied(world, place) as (clone, portal):
        process = _START.Process(target=_publish, args=(str(clone.root), portal.url))
        with (
            patch.object(portal.faults, "strike", killer.strike),
            patch.object(gate, "_break_off", killer.break_off),
        ):
            process.start()
            killer.process = process.pid or 0
            process.join(60)
            # Calls that came before the chosen one may still be at work; those cut off with the process never end.
            end = time.monotonic() + 1
            while len(portal.calls) < killer.seen and time.monotonic() < end:
                time.sleep(0.01)
        if process.exitcode != -signal.SIGKILL:
            return f"was not killed: it ended with {process.exitcode}"
        return then(clone)


def fail_with(world: World, place: Path, trouble: Trouble, then: Callable[[Clone], str]) -> tuple[str, str]:
    """Publish to a failing portal, then continue; return how the first run ended, and what is wrong after the next."""
    with copied(world, place) as (clone, portal):
        for fault in trouble.faults:
            portal.faults.add(fault)
        with (
            patch.object(gate, "_server_error", partial(_with_pause, trouble.pause)),
            patch.object(planning, "Connection", partial(client.Connection, timeout=trouble.timeout)),
        ):
            first = _outcome(clone)
        portal.faults.clear()
        return first, then(clone)


_SERVER_ERROR = gate._server_error


def _with_pause(pause: str, fault: Fault) -> Any:
    answer = _SERVER_ERROR(fault)
    if pause:
        answer.headers["retry-after"] = pause
    return answer


def _outcome(clone: Clone) -> str:
    try:
        done = clone.publish()
    except KbsyncError as error:
        return f"refused: {error}"
    results = sorted({result for _, result, _ in troubles(done)})
    return ", ".join(results) or "done"


_HOOK = """#!/bin/sh
count=$(($(cat "$GIT_DIR/pushes" 2>/dev/null || echo 0) + 1))
echo $count > "$GIT_DIR/pushes"
[ $count = {push} ] || exit 0
kill -9 $(cat "$GIT_DIR/process")
[ {hook} = post-receive ]
"""


def kill_in_git(world: World, place: Path, *, hook: str, push: int, then: Callable[[Clone], str]) -> str:
    """Publish in a process that dies in the remote's hook of one of its pushes; continue as `then` says."""
    with copied(world, place) as (clone, portal):
        script = place / "shared.git" / "hooks" / hook
        script.parent.mkdir(exist_ok=True)
        script.write_text(_HOOK.format(hook=hook, push=push))
        script.chmod(0o755)
        process = _START.Process(target=_publish_noted, args=(str(place), portal.url))
        process.start()
        process.join(60)
        script.unlink()
        if process.exitcode != -signal.SIGKILL:
            return f"was not killed: it ended with {process.exitcode}"
        return then(clone)


def _publish_noted(place: str, url: str) -> None:
    (Path(place) / "shared.git" / "process").write_text(str(os.getpid()))
    _publish(str(Path(place) / "clone"), url)
