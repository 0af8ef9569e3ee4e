"""Law 5: a publish that is killed or fails at any call is completed by the next one, here or in a fresh clone.

Every write of the publish is tried, killed before it is done and after; KBSYNC_EVERY_FAULT=1 tries each of these in the
same clone and in a fresh one, and every call of the reading too. `python -m tests.bench.faults` tells all as a table.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.faulted import (
    TROUBLES,
    Killer,
    Trouble,
    World,
    fail_with,
    go_on,
    kill_at,
    kill_in_git,
    make_world,
    prepare,
)

WRITES = 17
CALLS = 22
EVERY = bool(os.environ.get("KBSYNC_EVERY_FAULT"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A commit that is still to be published: folders, articles in a cycle, updates, a move, an archive, a rename."""
    prepare()
    made = make_world(tmp_path_factory.mktemp("faults") / "world")
    assert (made.writes, made.calls) == (WRITES, CALLS), "every call has a case"
    return made


def _cases() -> Iterator[tuple[int, bool, bool]]:
    for at in range(1, WRITES + 1):
        for done in (False, True):
            for afresh in (False, True):
                if EVERY or afresh is ((at + done) % 2 == 0):
                    yield at, done, afresh


@pytest.mark.parametrize(("at", "done", "afresh"), tuple(_cases()))
def test_law_5_killed_at_a_write_and_completed_by_the_next_run(
    world: World, tmp_path: Path, at: int, done: bool, afresh: bool
) -> None:
    killer = Killer(at=at, done=done)
    assert kill_at(world, tmp_path / "case", killer, lambda clone: go_on(clone, world, afresh=afresh)) == ""


@pytest.mark.parametrize("at", range(1, CALLS - WRITES + 1) if EVERY else [1, CALLS - WRITES])
def test_law_5_killed_while_reading_and_completed_by_the_next_run(world: World, tmp_path: Path, at: int) -> None:
    killer = Killer(at=at, done=True, writes_only=False)
    assert kill_at(world, tmp_path / "case", killer, lambda clone: go_on(clone, world, afresh=False)) == ""


@pytest.mark.parametrize("afresh", [False, True], ids=["here", "afresh"])
@pytest.mark.parametrize("hook", ["pre-receive", "post-receive"])
@pytest.mark.parametrize("push", [1, 2])
def test_law_5_killed_while_the_lease_is_taken_or_the_ledger_sent(
    world: World, tmp_path: Path, push: int, hook: str, afresh: bool
) -> None:
    ended = kill_in_git(
        world, tmp_path / "case", hook=hook, push=push, then=lambda clone: go_on(clone, world, afresh=afresh)
    )
    assert ended == ""


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_law_5_a_failed_run_is_completed_by_the_next(world: World, tmp_path: Path, trouble: Trouble) -> None:
    _, wrong = fail_with(world, tmp_path / "case", trouble, lambda clone: go_on(clone, world, afresh=True))
    assert wrong == ""
