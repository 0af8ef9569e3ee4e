"""Law 2 after an interrupted pull: a kill, a full disk or Ctrl-C at each write, and whatever people do then.

A check takes some of it; KBSYNC_EVERY_FAULT=1 takes every write with everything that may come after.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kbsync.config import Secret
from kbsync.engine import undo as undoing
from kbsync.engine.branch import propose
from kbsync.engine.context import Options
from kbsync.errors import KbsyncError
from kbsync.git.process import Runner
from tests.engine import pull_faulted as faulted
from tests.engine.clone import Clone, git
from tests.engine.faulted import World, copied, prepare, quick

EVERY = bool(os.environ.get("KBSYNC_EVERY_FAULT"))
PULL_WRITES, ADOPT_WRITES, RELEASE_WRITES = 20, 11, 5
COMMANDS = {
    "pull": (faulted.pull, PULL_WRITES),
    "adopt": (faulted.adopt, ADOPT_WRITES),
    "release": (faulted.release, RELEASE_WRITES),
}
AFTERS = (faulted.pulled_again, faulted.committed, faulted.aborted)
ENDS: dict[str, Callable[[], BaseException]] = {"full disk": faulted.full_disk, "Ctrl-C": KeyboardInterrupt}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A published tree that agents and a writer have edited since."""
    prepare()
    with quick():
        yield faulted.make_world(tmp_path_factory.mktemp("pulls") / "world")


@pytest.fixture(scope="module")
def calm(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[faulted.After, list[str]]]:
    """What each command leaves that nothing cuts off, and its writes."""
    place = tmp_path_factory.mktemp("calm")
    return {name: faulted.calmly(world, place / name, act) for name, (act, _) in COMMANDS.items()}


def test_every_write_has_a_case(calm: dict[str, tuple[faulted.After, list[str]]]) -> None:
    assert {name: len(faulted.changes(met)) for name, (_, met) in calm.items()} == {
        name: writes for name, (_, writes) in COMMANDS.items()
    }


def _kills() -> Iterator[tuple[str, int, int]]:
    for name, (_, writes) in COMMANDS.items():
        for at in range(writes):
            for after in range(len(AFTERS)):
                if EVERY or after == at % len(AFTERS):
                    yield name, at, after


@pytest.mark.parametrize(("name", "at", "after"), tuple(_kills()))
def test_law_2_killed_at_a_write(
    world: World,
    calm: dict[str, tuple[faulted.After, list[str]]],
    tmp_path: Path,
    name: str,
    at: int,
    after: int,
) -> None:
    act, (left, met) = COMMANDS[name][0], calm[name]
    with copied(world, tmp_path / "case") as (clone, _):
        strike = faulted.kill(clone.root, faulted.changes(met)[at])
        with pytest.raises(faulted.Killed), faulted.struck(strike):
            act(clone)
        assert not list(clone.root.rglob(".kbsync-*"))
        assert AFTERS[after](clone, left, act) == "", strike.met[-1]


def _ends() -> Iterator[tuple[str, str, int, int]]:
    for name in COMMANDS:
        for number, end in enumerate(ENDS):
            for at in range(100 if EVERY else 2):
                yield name, end, at, (at + number) % len(AFTERS)


@pytest.mark.parametrize(("name", "end", "at", "after"), tuple(_ends()))
def test_law_2_stopped_at_a_write_by_an_error_or_a_signal(
    world: World,
    calm: dict[str, tuple[faulted.After, list[str]]],
    tmp_path: Path,
    name: str,
    end: str,
    at: int,
    after: int,
) -> None:
    act, (left, met) = COMMANDS[name][0], calm[name]
    number = at + 1 if EVERY else len(met) * (at + 1) // 3
    if number > len(met):
        pytest.skip("there are fewer writes")
    with copied(world, tmp_path / "case") as (clone, _):
        strike = faulted.Strike(below=clone.root, at=number, fault=ENDS[end])
        with faulted.struck(strike):
            message = _message(act, clone)
        assert not message or "No space" in message or "KeyboardInterrupt" in message, message
        assert not list(clone.root.rglob(".kbsync-*"))
        assert AFTERS[after](clone, left, act) == "", strike.met[number - 1]


def _message(act: Callable[[Clone], object], clone: Clone) -> str:
    try:
        act(clone)
    except KbsyncError as error:
        return f"{error} {error.advice}"
    except (KeyboardInterrupt, OSError) as error:
        return repr(error)
    return ""


@pytest.mark.parametrize("at", range(82) if EVERY else (20, 45, 70))
def test_law_2_a_killed_process_is_continued_here_or_in_a_fresh_clone(
    world: World, calm: dict[str, tuple[faulted.After, list[str]]], tmp_path: Path, at: int
) -> None:
    left, met = calm["pull"]
    if at >= len(met):
        pytest.skip("there are fewer writes")
    with copied(world, tmp_path / "case") as (clone, _):
        assert faulted.kill_really(clone, at + 1) == -signal.SIGKILL
        assert faulted.cloned_afresh(clone, left, faulted.pull) == ""
        assert faulted.pulled_again(clone, left, faulted.pull) == ""


def test_a_full_disk_is_reported_and_the_next_run_continues(
    world: World, calm: dict[str, tuple[faulted.After, list[str]]], tmp_path: Path
) -> None:
    with faulted.small_disk(tmp_path / "disk", 16 << 20) as disk:
        if disk is None:
            pytest.skip("no disk can be mounted here")
        with copied(world, disk / "case") as (clone, portal):
            (fresh,) = [one.id for one in portal.store.all_articles() if one.title == "Fresh"]
            text = portal.store.article(fresh).description
            portal.store.edit_article(fresh, body=f"<p>{'Many words. ' * 50_000}</p>{text}")
            filler = disk / "filler"
            filler.write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - (400 << 10)))
            with pytest.raises(KbsyncError, match=r"fresh\.md could not be written: No space left on device"):
                clone.pull()
            assert not list(clone.root.rglob(".kbsync-*"))
            filler.unlink()
            portal.store.edit_article(fresh, body=text)
            clone.pull()
            assert faulted.tree_of(clone).keys() == calm["pull"][0].tree.keys()
            assert "AGENTFOUR" in clone.read("shop/orders/fresh.md")
            assert faulted.leftovers(clone) == []


def _propose(clone: Clone) -> str:
    done = propose(clone.config, Secret("sandbox"), Options(), clone.ui, branch="web")
    return done.branch


def _revert(clone: Clone) -> str:
    return undoing.undo_on_branch(clone.config, None, branch="web", local=False).branch


@pytest.mark.parametrize("at", range(60) if EVERY else range(4, 20, 5))
@pytest.mark.parametrize("act", [_propose, _revert], ids=["pull --branch", "undo --branch"])
def test_law_2_a_branch_is_old_or_new_after_a_kill_at_any_git_command(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Clone], str], at: int
) -> None:
    with copied(world, tmp_path / "calm") as (clone, _):
        branch, tree = act(clone), _tree(clone, "web")
        assert (branch, bool(tree)) == ("web", True)
    with copied(world, tmp_path / "case") as (clone, _):
        before = faulted.tree_of(clone), clone.git("rev-parse", "HEAD", "main")
        if not _is_cut_off(act, clone, monkeypatch, at):
            pytest.skip("there are fewer commands")
        assert _tree(clone, "web") in ("", tree)
        assert (faulted.tree_of(clone), clone.git("rev-parse", "HEAD", "main")) == before
        act(clone)
        assert _tree(clone, "web") == tree
        assert (faulted.tree_of(clone), clone.git("rev-parse", "HEAD", "main")) == before


def _is_cut_off(act: Callable[[Clone], str], clone: Clone, monkeypatch: pytest.MonkeyPatch, at: int) -> bool:
    attempt, left = Runner.attempt, iter(range(at))

    def counted(runner: Runner, *arguments: str, stdin: bytes = b"") -> object:
        if next(left, None) is None:
            raise faulted.Killed
        return attempt(runner, *arguments, stdin=stdin)

    with monkeypatch.context() as patched:
        patched.setattr(Runner, "attempt", counted)
        try:
            act(clone)
        except faulted.Killed:
            return True
    return False


def _tree(clone: Clone, branch: str) -> str:
    """Return the files of a branch on the remote, less the times of the readings; empty where there is none."""
    place = clone.root.parent / "shared.git"
    if f"refs/heads/{branch}\n" not in git(place, "for-each-ref", "--format=%(refname)"):
        return ""
    names = git(place, "ls-tree", "-r", "--name-only", branch).split("\n")[:-1]
    texts = (git(place, "show", f"{branch}:{name}") for name in names)
    lines = (line for text in texts for line in text.split("\n") if not line.startswith(' "seen_at": '))
    return "\n".join([*names, *lines])
