"""Several refs at once: fetched in few requests, pushed all or none; and the log of a ref."""

import subprocess
from pathlib import Path

import pytest

from kbsync.errors import GitError
from kbsync.git.discovery import find_clone
from kbsync.git.history import changed_between
from kbsync.git.process import Runner
from kbsync.git.refs import PushRefused, RefMoved
from kbsync.git.repository import Repository
from tests.git.conftest import git_in, put

LEDGER = "refs/kbsync/production"
LEASE = "refs/kbsync-lease/production"
BOTH = (LEDGER, LEASE)


@pytest.fixture
def other(shared: Path, tmp_path: Path) -> Repository:
    """A second clone of what is shared."""
    git_in(tmp_path)("clone", "-q", shared.as_uri(), "other")
    return Repository.open(tmp_path / "other")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which git commands were run."""
    seen: list[str] = []
    attempt = Runner.attempt

    def watched(self: Runner, *arguments: str, stdin: bytes = b"") -> object:
        seen.append(arguments[0])
        return attempt(self, *arguments, stdin=stdin)

    monkeypatch.setattr(Runner, "attempt", watched)
    return seen


def lease(repository: Repository, text: str) -> str:
    return repository.commit_files({"holder.json": text.encode()}, message="lease", parent=None)


def test_two_refs_take_one_listing_and_one_fetch(
    clone: Path, shared: Path, other: Repository, asked: list[str]
) -> None:
    here = Repository.open(clone)
    assert here.fetch_refs("origin", BOTH) == {LEDGER: None, LEASE: None}
    ledger = here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    held = lease(here, "me")
    here.push_refs("origin", {LEDGER: None, LEASE: None}, at={LEASE: held})
    asked.clear()
    assert other.fetch_refs("origin", BOTH, mirrored=[LEASE]) == {LEDGER: ledger, LEASE: held}
    assert asked.count("ls-remote") == asked.count("fetch") == 1
    asked.clear()
    assert other.fetch_refs("origin", BOTH, mirrored=[LEASE]) == {LEDGER: ledger, LEASE: held}
    assert asked == ["for-each-ref", "ls-remote"]
    assert other.commit(LEDGER) == ledger
    assert other.read_ref(held) == {"holder.json": b"me"}


def test_the_default_branch_is_the_remotes_else_what_the_clone_knows(
    clone: Path, shared: Path, other: Repository
) -> None:
    git_in(clone)("branch", "--move", "trunk")
    git_in(shared)("branch", "--move", "release")
    here = Repository.open(clone).branches
    assert here.default("origin", asks=True) == "release"
    assert here.default("origin", asks=False) == "trunk"
    git_in(clone)("branch", "side")
    assert here.default("origin", asks=False) == "main"
    git_in(clone)("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/a/b")
    assert here.default("origin", asks=False) == "a/b"
    git_in(shared)("update-ref", "--no-deref", "HEAD", "HEAD")
    assert here.default("origin", asks=True) == "a/b"
    git_in(clone)("remote", "set-url", "origin", "/nowhere")
    with pytest.raises(GitError, match="could not be reached"):
        here.default("origin", asks=True)


def test_a_mirrored_ref_is_read_after_others_move_it_and_moves_no_local_ref(
    clone: Path, shared: Path, other: Repository
) -> None:
    here = Repository.open(clone)
    first, second = lease(here, "one"), lease(here, "two")
    here.push_refs("origin", {LEASE: None}, at={LEASE: first})
    own = lease(other, "kept in this clone alone")
    other.move_ref(LEASE, own, expected=None)
    assert other.fetch_refs("origin", [LEASE], mirrored=[LEASE]) == {LEASE: first}
    here.push_refs("origin", {LEASE: first}, at={LEASE: second})
    assert other.fetch_refs("origin", [LEASE], mirrored=[LEASE]) == {LEASE: second}
    assert other.read_ref(second) == {"holder.json": b"two"}
    here.push_refs("origin", {LEASE: second}, at={LEASE: None})
    assert other.fetch_refs("origin", [LEASE], mirrored=[LEASE]) == {LEASE: None}
    assert other.commit(LEASE) == own


def test_a_ledger_with_commits_of_its_own_stays_beside_a_lease_that_is_fetched(
    clone: Path, shared: Path, other: Repository
) -> None:
    here = Repository.open(clone)
    theirs = here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    here.push_refs("origin", {LEDGER: None})
    ours = other.write_ref(LEDGER, {"b": b"2"}, message="m", parent=None)
    assert other.fetch_refs("origin", BOTH, mirrored=[LEASE]) == {LEDGER: theirs, LEASE: None}
    assert other.commit(LEDGER) == ours


@pytest.mark.parametrize("atomic", ["true", "false"])
def test_the_ledger_is_written_and_the_lease_taken_away_in_one_push(clone: Path, shared: Path, atomic: str) -> None:
    git_in(shared)("config", "receive.advertiseAtomic", atomic)
    here = Repository.open(clone)
    held = lease(here, "me")
    here.push_refs("origin", {LEASE: None}, at={LEASE: held})
    ledger = here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    here.push_refs("origin", {LEDGER: None, LEASE: held}, at={LEASE: None})
    assert here.fetch_refs("origin", BOTH) == {LEDGER: ledger, LEASE: None}


@pytest.mark.parametrize(("atomic", "pushed"), [("true", False), ("false", True)])
def test_of_two_refs_of_which_one_moved_none_is_pushed_where_the_server_can(
    clone: Path, shared: Path, other: Repository, atomic: str, *, pushed: bool
) -> None:
    git_in(shared)("config", "receive.advertiseAtomic", atomic)
    here = Repository.open(clone)
    held, stolen = lease(here, "me"), lease(other, "somebody else")
    other.push_refs("origin", {LEASE: None}, at={LEASE: stolen})
    ledger = here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    with pytest.raises(RefMoved, match="kbsync-lease"):
        here.push_refs("origin", {LEDGER: None, LEASE: held}, at={LEASE: None})
    assert here.fetch_refs("origin", BOTH) == {LEDGER: ledger if pushed else None, LEASE: stolen}


def test_an_unchanged_lease_is_checked_by_the_push(clone: Path, shared: Path, other: Repository) -> None:
    here = Repository.open(clone)
    held = lease(here, "me")
    here.push_refs("origin", {LEASE: None}, at={LEASE: held})
    here.push_refs("origin", {LEASE: held}, at={LEASE: held})
    other.push_refs("origin", {LEASE: held}, at={LEASE: None})
    with pytest.raises(RefMoved):
        here.push_refs("origin", {LEASE: held}, at={LEASE: held})


def test_two_refused_refs_are_distinguished_from_two_that_moved(clone: Path, shared: Path) -> None:
    hook = shared / "hooks/update"
    hook.write_text("#!/bin/sh\ncase $1 in refs/kbsync/*) exit 1;; esac\n")
    hook.chmod(0o755)
    here = Repository.open(clone)
    here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    with pytest.raises(PushRefused, match="refs/kbsync/production"):
        here.push_refs("origin", {LEDGER: None, LEASE: None}, at={LEASE: lease(here, "me")})
    assert here.fetch_refs("origin", BOTH) == {LEDGER: None, LEASE: None}


def test_refs_that_are_not_its_own_are_neither_fetched_nor_pushed(clone: Path, shared: Path) -> None:
    here = Repository.open(clone)
    with pytest.raises(GitError, match="not a ref of kbsync"):
        here.fetch_refs("origin", [LEDGER, "refs/heads/main"])
    with pytest.raises(GitError, match="not a ref of kbsync"):
        here.push_refs("origin", {LEDGER: None, "refs/heads/main": None})


def test_the_log_lists_each_commit_newest_first(clone: Path) -> None:
    here = Repository.open(clone)
    assert here.log(LEDGER) == ()
    first = here.write_ref(LEDGER, {"a": b"1"}, message="publish ü: 2 create\n\n* one\n* two\n", parent=None)
    second = here.write_ref(LEDGER, {"a": b"2"}, message="two", parent=first)
    newer, older = here.log(LEDGER)
    assert (newer.id, newer.parents, newer.message, newer.author) == (second, (first,), "two", "A Writer")
    assert (older.id, older.parents, older.message) == (first, (), "publish ü: 2 create\n\n* one\n* two")
    assert older.at[:2] == "20"
    assert "T" in older.at
    assert here.log(LEDGER, limit=1) == (newer,)
    assert here.log(first) == (older,)


def test_the_log_ignores_the_settings_of_the_user(clone: Path) -> None:
    here = Repository.open(clone)
    here.write_ref(LEDGER, {"a": b"1"}, message="é", parent=None)
    plain = here.log(LEDGER)
    for name, value in {"log.showSignature": "true", "i18n.logOutputEncoding": "latin1", "color.ui": "always"}.items():
        git_in(clone)("config", name, value)
    assert Repository.open(clone).log(LEDGER) == plain


def test_selected_files_are_read_without_the_others(clone: Path, asked: list[str]) -> None:
    here = Repository.open(clone)
    first = here.write_ref(LEDGER, {"run.json": b"1", "x y 3": b"\0\n2\n"}, message="m", parent=None)
    second = here.write_ref(LEDGER, {"run.json": b"2"}, message="m", parent=first)
    third = here.write_ref(LEDGER, {"run.json": None}, message="m", parent=second)
    asked.clear()
    assert here.read_file_of_each([first, second, third], "run.json") == {first: b"1", second: b"2"}
    assert asked == ["cat-file"]
    assert here.read_files(first, ["x y 3", "absent 4", "run.json"]) == {"x y 3": b"\0\n2\n", "run.json": b"1"}
    assert here.read_files(LEDGER, ["x y 3"]) == {"x y 3": b"\0\n2\n"}
    assert here.read_files(LEDGER, []) == {}
    with pytest.raises(GitError, match="not a valid path"):
        here.read_files(first, ["a\nb"])


def test_the_differences_of_two_commits_are_listed(clone: Path) -> None:
    here = Repository.open(clone)
    first = here.write_ref(LEDGER, {"a": b"1", "b/ü": b"1", "c": b"1"}, message="m", parent=None)
    second = here.write_ref(LEDGER, {"a": b"2", "b/ü": None, "b/neu": b"1"}, message="m", parent=first)
    runner = Runner(clone, find_clone(clone))
    assert changed_between(runner, first, second) == ("a", "b/neu", "b/ü")
    assert changed_between(runner, second, second) == ()


def test_a_remote_that_moves_between_listing_and_fetch_is_read_as_fetched(
    clone: Path, shared: Path, other: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Repository.open(clone)
    first, second = lease(here, "one"), lease(here, "two")
    here.push_refs("origin", {LEASE: None}, at={LEASE: first})
    attempt = Runner.attempt

    def overtaken(self: Runner, *arguments: str, stdin: bytes = b"") -> object:
        if arguments[0] == "fetch":
            subprocess.run(["git", "push", "-q", "-f", "origin", f"{second}:{LEASE}"], cwd=clone, check=True)
        return attempt(self, *arguments, stdin=stdin)

    monkeypatch.setattr(Runner, "attempt", overtaken)
    assert other.fetch_refs("origin", [LEASE], mirrored=[LEASE]) == {LEASE: second}
    assert other.read_ref(second) == {"holder.json": b"two"}


def test_a_ref_deleted_between_listing_and_fetch_is_gone(
    clone: Path, shared: Path, other: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Repository.open(clone)
    here.push_refs("origin", {LEASE: None}, at={LEASE: lease(here, "one")})
    attempt = Runner.attempt

    def overtaken(self: Runner, *arguments: str, stdin: bytes = b"") -> object:
        if arguments[0] == "fetch":
            subprocess.run(["git", "update-ref", "-d", LEASE], cwd=shared, check=True)
        return attempt(self, *arguments, stdin=stdin)

    monkeypatch.setattr(Runner, "attempt", overtaken)
    assert other.fetch_refs("origin", [LEASE], mirrored=[LEASE]) == {LEASE: None}


def test_opening_a_repository_takes_two_commands(clone: Path, asked: list[str]) -> None:
    put(clone, {"x.md": "x"})
    repository = Repository.open(clone)
    repository.common_dir()
    repository.has_remote("origin")
    assert asked == ["rev-parse", "config"]
