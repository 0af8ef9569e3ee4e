"""The ledger between clones: remotes that refuse, shallow and detached checkouts, old commits."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from kbsync.errors import GitError, KbsyncError, Refusal
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import LEDGER, Clone, Quiet, clone_of, git, shown, steps
from tests.planner.world import article
from tests.portals import serve

RESET, INSTALL = "guide/basics/reset.md", "guide/basics/install.md"
NEW = article("Install", "Unpack both boxes.", tags="[box, table]")


def _push(clone: Clone) -> None:
    clone.git("push", "-q", "origin", "main")


def test_another_clone_continues_where_the_last_run_ended(clone: Clone, shared: Path) -> None:
    clone.published()
    other = clone_of(shared, clone.root.parent / "other", clone)
    assert other.methods(lambda: _is_empty(other)).keys() == {"GET"}
    other.commit({INSTALL: NEW})
    assert steps(other.published()) == {INSTALL: "update"}
    _push(other)
    clone.git("pull", "-q", "origin", "main")
    assert steps(clone.plan()) == {}
    assert clone.methods(clone.published).keys() == {"GET"}


def _is_empty(clone: Clone) -> None:
    assert steps(clone.plan()) == {}


@pytest.mark.parametrize("depth", [1, 2])
def test_a_shallow_clone_publishes_like_any_other(clone: Clone, shared: Path, depth: int) -> None:
    clone.published()
    for number in range(4):
        clone.commit({INSTALL: article("Install", f"Unpack {number} boxes.", tags="[box, table]")})
    clone.remove("shop/orders/pay.md")
    clone.commit()
    _push(clone)
    shallow = clone_of(shared, clone.root.parent / "shallow", clone, f"--depth={depth}")
    assert steps(shallow.published()) == {
        INSTALL: "update",
        "shop/orders/pay.md": "archive",
        "shop": "forget",
        "shop/orders": "forget",
    }
    assert steps(shallow.plan()) == {}


def test_a_detached_head_publishes_the_commit_that_it_is_at(clone: Clone, shared: Path) -> None:
    clone.commit({INSTALL: NEW})
    _push(clone)
    ci = clone_of(shared, clone.root.parent / "ci", clone, "--depth=1")
    ci.git("checkout", "-q", "--detach")
    ci.published(attended=False)
    assert ci.live(INSTALL).description == "<p>Unpack both boxes.</p>\n"
    assert git(shared, "rev-parse", "--verify", LEDGER)


def test_law_8_a_sparse_checkout_archives_nothing(clone: Clone) -> None:
    clone.published()
    clone.git("sparse-checkout", "set", "shop")
    assert not (clone.root / "guide").exists()
    assert steps(clone.published()) == {}


def test_a_clone_without_a_remote_publishes(clone: Clone) -> None:
    clone.published()
    assert steps(clone.plan()) == {}
    assert clone.git("for-each-ref", "--format=%(refname)").split() == ["refs/heads/main", LEDGER]


def test_the_ledger_touches_no_branch_no_index_and_no_file(clone: Clone, shared: Path) -> None:
    before = clone.git("rev-parse", "HEAD"), clone.files()
    clone.published()
    assert (clone.git("rev-parse", "HEAD"), clone.files()) == before
    assert clone.git("status", "--porcelain", "--untracked-files=all") == ""
    assert git(shared, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main", LEDGER]


def test_a_refused_push_is_reported_although_the_portal_was_written(clone: Clone, shared: Path, portal: Portal) -> None:
    hook = shared / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nwhile read old new ref; do case $ref in refs/kbsync/*) exit 1;; esac; done\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    done = clone.publish()
    assert done.run is not None
    assert isinstance(done.ledger_error, GitError)
    assert "rejected the push of" in str(done.ledger_error)
    assert len(portal.store.all_articles()) == 4
    assert steps(clone.plan()) == {}, "this clone remembers"
    hook.unlink()
    clone.commit({INSTALL: NEW})
    clone.published()
    other = clone_of(shared, clone.root.parent / "other", clone)
    other.git("fetch", "-q", clone.root.as_uri(), "main")
    other.git("reset", "-q", "--hard", "FETCH_HEAD")
    assert steps(other.plan()) == {}, "and what it remembered was sent with the next run"


def test_a_ledger_that_cannot_be_fetched_ends_a_run_that_writes_before_any_call(clone: Clone, shared: Path) -> None:
    clone.published()
    shared.rename(shared.with_name("gone.git"))
    clone.portal.calls.clear()
    for act in (clone.publish, clone.pull):
        with pytest.raises(GitError, match="origin"):
            act()
    assert clone.portal.calls == []
    assert steps(clone.plan(local=True)) == {}


def _ticking() -> Callable[[], datetime]:
    """Return a clock by which no two calls fall into one second: the portal's time tells which ledger is the later."""
    seconds = count()
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(seconds))


@pytest.mark.parametrize("settings", [SandboxSettings(clock=_ticking())], ids=["ticking"])
def test_two_diverged_ledgers_are_merged(clone: Clone, shared: Path) -> None:
    clone.published()
    other = clone_of(shared, clone.root.parent / "other", clone)
    clone.commit({INSTALL: NEW})
    clone.published(local=True)
    other.commit({"shop/orders/pay.md": article("Pay", "Only cash.")})
    other.published()
    other.git("fetch", "-q", clone.root.as_uri(), "main")
    other.git("merge", "-q", "-m", "both", "FETCH_HEAD")
    clone.git("fetch", "-q", other.root.as_uri(), "main")
    clone.git("merge", "-q", "--ff-only", "FETCH_HEAD")
    assert steps(clone.plan()) == {}
    assert clone.methods(lambda: clone.published(rollback=True)).keys() == {"GET"}
    clone.commit({RESET: article("Reset", "Pull the plug.")})
    clone.published()
    _push(clone)
    fresh = clone_of(shared, clone.root.parent / "fresh", clone)
    assert steps(fresh.plan()) == {}


def test_an_old_commit_is_refused_without_the_option_for_it(clone: Clone, portal: Portal) -> None:
    clone.published()
    old = clone.git("rev-parse", "HEAD").strip()
    clone.commit({INSTALL: NEW, "guide/basics/more.md": article("More")})
    clone.published()
    before = shown(portal)
    clone.git("checkout", "-q", old)
    with pytest.raises(Refusal, match="not an ancestor") as refused:
        clone.publish()
    assert refused.value.exit_code == 4
    assert "--rollback" in refused.value.advice
    assert shown(portal) == before
    assert steps(clone.published(rollback=True)) == {INSTALL: "update", "guide/basics/more.md": "archive"}
    assert steps(clone.plan()) == {}


def test_a_branch_without_the_published_commit_counts_as_an_old_commit(clone: Clone) -> None:
    clone.git("branch", "side")
    clone.commit({INSTALL: NEW})
    clone.published()
    clone.git("checkout", "-q", "side")
    clone.commit({RESET: article("Reset", "Elsewhere.")})
    with pytest.raises(Refusal, match="not an ancestor"):
        clone.publish()
    clone.git("merge", "-q", "-m", "both", "main")
    assert steps(clone.published()) == {RESET: "update"}


def test_law_8_an_old_commit_in_a_shallow_clone_is_refused_too(clone: Clone, shared: Path, portal: Portal) -> None:
    clone.git("branch", "old")
    clone.commit({"guide/basics/more.md": article("More")})
    clone.published()
    clone.git("push", "-q", "origin", "main", "old")
    shallow = clone_of(shared, clone.root.parent / "shallow", clone, "--depth=1", "--branch=old")
    before = shown(portal)
    with pytest.raises(Refusal, match="not an ancestor"):
        shallow.publish()
    assert shown(portal) == before


@pytest.mark.parametrize("checkout", ["side", "--detach side"])
def test_an_unattended_run_publishes_only_the_tip_of_the_targets_branch(clone: Clone, checkout: str) -> None:
    clone.published(attended=False)
    clone.git("branch", "side")
    clone.git("checkout", "-q", "side")
    clone.commit({INSTALL: NEW})
    clone.git("checkout", "-q", *checkout.split())
    with pytest.raises(Refusal, match="main is not checked out") as refused:
        clone.publish(attended=False)
    assert refused.value.exit_code == 4
    clone.config = replace(clone.config, branch="side")
    assert steps(clone.published(attended=False)) == {INSTALL: "update"}


def test_the_ledger_has_a_record_for_the_run_and_one_file_per_item(clone: Clone) -> None:
    clone.published()
    files = clone.ledger()
    page = json.loads(files.pop("run.json"))
    assert page["commit"] == clone.git("rev-parse", "HEAD").strip()
    assert page["target"] == "production"
    assert [entry["action"] for entry in page["entries"]] == ["create"] * 9
    assert {name.split("/")[0] for name in files} == {"category", "folder", "article"}
    install = json.loads(files[f"article/{clone.id_of(INSTALL)}.json"])
    assert "\n".join(install["source"]) == clone.read(INSTALL)
    assert install["fields"]["title"] == "Install"
    assert install["fields"]["body"] == ["<p>Unpack the box and put it on a table.</p>", ""]
    message = clone.git("log", "-1", "--format=%s", LEDGER).strip()
    assert message == f"publish {page['commit'][:10]} to production: 9 create"


def test_a_run_that_does_nothing_leaves_nothing_behind(clone: Clone) -> None:
    clone.published()
    before = clone.git("rev-parse", LEDGER)
    clone.commit({"README.md": "# About\n"})
    clone.published()
    assert clone.git("rev-parse", LEDGER) == before


def test_a_late_job_of_a_commit_reverted_meanwhile_is_refused(clone: Clone, portal: Portal) -> None:
    clone.published()
    late = clone.commit({INSTALL: article("Install", "Words that were soon regretted.")})
    clone.git("revert", "--no-edit", "HEAD")
    clone.published()
    before = shown(portal)
    clone.git("checkout", "-q", late)
    with pytest.raises(Refusal, match="is not an ancestor of"):
        clone.publish()
    assert shown(portal) == before


def test_a_ledger_of_a_later_kbsync_is_refused(clone: Clone) -> None:
    clone.published()
    name = f"article/{clone.id_of(INSTALL)}.json"
    blob = clone.root.parent / "later.json"
    blob.write_text('{"version": 2}\n')
    number = clone.git("hash-object", "-w", str(blob)).strip()
    lines = [line for line in clone.git("ls-tree", "-r", LEDGER).splitlines() if not line.endswith(f"\t{name}")]
    index = clone.root.parent / "index"
    _git_with(clone, index, [*lines, f"100644 blob {number}\t{name}"])
    with pytest.raises(KbsyncError, match=r"^refs/kbsync/production:article/\d+\.json: `version` is 2") as refused:
        clone.plan()
    assert "upgrade" in refused.value.advice


def _git_with(clone: Clone, index: Path, lines: list[str]) -> None:
    """Let the ledger hold another tree."""
    import os
    import subprocess

    run: Callable[..., str] = lambda *words, **others: subprocess.run(  # noqa: E731
        ["git", *words],
        cwd=clone.root,
        env={**os.environ, "GIT_INDEX_FILE": str(index)},
        capture_output=True,
        text=True,
        check=True,
        **others,
    ).stdout.strip()
    run("update-index", "--add", "--index-info", input="\n".join(lines) + "\n")
    commit = run("commit-tree", "-m", "later", run("write-tree"))
    clone.git("update-ref", LEDGER, commit)


def test_a_root_below_the_top_of_its_repository_works_like_any_other(clone: Clone, shared: Path) -> None:
    (clone.root / "content").mkdir()
    clone.git("mv", "guide", "shop", "content/")
    clone.commit({"code.py": "print()\n"})
    below = replace(clone, root=clone.root, config=replace(clone.config, root=clone.root / "content"))
    below.published()
    clone.write({"code.py": "print(1)\n"})
    assert steps(below.published()) == {}, "what is changed outside the root is no matter of ours"
    assert steps(below.plan()) == {}


def test_two_targets_keep_two_ledgers(clone: Clone, portal: Portal) -> None:
    clone.published()
    with serve(SandboxSettings()) as staging:
        second = replace(clone, portal=staging, config=replace(clone.config, target="staging", url=staging.url))
        second.ui = Quiet()
        second.published()
        assert len(staging.store.all_articles()) == len(portal.store.all_articles())
        assert steps(second.plan()) == steps(clone.plan()) == {}
    refs = clone.git("for-each-ref", "--format=%(refname)", "refs/kbsync").split()
    assert refs == [LEDGER, "refs/kbsync/staging"]


def test_baselines_of_a_pull_and_of_a_publish_are_combined(clone: Clone, portal: Portal, shared: Path) -> None:
    """A pulled lock on a branch, merged after a later publish, makes no web edit out of our own write."""
    clone.published()
    portal.store.edit_article(clone.id_of(INSTALL), body="<p>Theirs.</p>")
    clone.git("checkout", "-q", "-b", "pulled")
    clone.pull()
    clone.commit()
    clone.git("checkout", "-q", "main")
    clone.git("merge", "-q", "--no-ff", "-m", "merge", "pulled")
    assert clone.methods(clone.published).keys() == {"GET"}
    clone.commit({INSTALL: NEW})
    clone.published()
    assert steps(clone.plan()) == {}
    _push(clone)
    fresh = clone_of(shared, clone.root.parent / "fresh", clone, "--depth=1")
    assert steps(fresh.plan()) == {}
    fresh.commit({INSTALL: article("Install", "Once more.", tags="[box, table]")})
    assert steps(fresh.published()) == {INSTALL: "update"}


def test_a_discarded_pull_still_reports_the_drift(clone: Clone, portal: Portal) -> None:
    clone.published()
    portal.store.edit_article(clone.id_of(INSTALL), body="<p>Theirs.</p>")
    clone.pull()
    clone.git("checkout", "-q", "--", ".")
    clone.git("clean", "-q", "-f", "-d")
    assert steps(clone.plan()) == {INSTALL: "drift"}
    clone.commit({INSTALL: NEW})
    assert steps(clone.published()) == {INSTALL: "conflict"}


def test_a_pull_with_only_its_lock_file_left_counts_as_unseen(clone: Clone, portal: Portal) -> None:
    clone.published()
    portal.store.edit_article(clone.id_of(INSTALL), body="<p>Theirs.</p>")
    clone.pull()
    clone.git("restore", ".")
    clone.commit({RESET: article("Reset", "Something else, with the lock swept in.")})
    assert steps(clone.published()) == {INSTALL: "drift", RESET: "update"}
    clone.commit({INSTALL: NEW})
    assert steps(clone.published()) == {INSTALL: "conflict"}
    assert "Theirs." in clone.live(INSTALL).description
    clone.pull(ours=frozenset({INSTALL}))
    clone.commit()
    assert steps(clone.published()) == {INSTALL: "update"}
