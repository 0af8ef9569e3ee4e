"""A pull onto a branch, as a scheduled job prepares a pull request: what is committed, pushed, left out or kept."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.config import Secret
from kbsync.engine.branch import ProposedPull, propose
from kbsync.engine.context import Options, open_workspace
from kbsync.errors import ContentError, GitError, Refusal, UsageError
from kbsync.git.refs import PushRefused
from kbsync.git.repository import Repository
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, clone_of, git, new_clone, steps
from tests.engine.conftest import TREE
from tests.planner.world import article
from tests.ready import Ready

BRANCH = "kbsync-pull"
RESET, INSTALL, PAY = "guide/basics/reset.md", "guide/basics/install.md", "shop/orders/pay.md"


def pull_to_branch(clone: Clone, branch: str = BRANCH, **options: object) -> ProposedPull:
    return propose(clone.config, Secret(clone.portal.key), Options(**options), clone.ui, branch=branch)  # type: ignore[arg-type]


def edit_live(clone: Clone, path: str, text: str) -> None:
    """Let an agent put another text in place of an article's."""
    clone.portal.store.edit_article(clone.id_of(path), body=f"<p>{text}</p>")


def tip(place: Path, branch: str = BRANCH) -> str:
    return git(place, "rev-parse", f"refs/heads/{branch}").strip()


def texts(place: Path, commit: str, path: str) -> str:
    return git(place, "show", f"{commit}:{path}")


def names(place: Path, old: str, new: str) -> list[str]:
    return git(place, "diff", "--name-only", "--no-renames", old, new).split()


def message(place: Path, commit: str) -> str:
    return git(place, "log", "-1", "--format=%B", commit)


@pytest.fixture
def published(clone: Clone, shared: Path, ready: Ready) -> Clone:
    """A clone whose tree is on the portal, and whose main is on the remote."""

    def make() -> None:
        clone.published()
        clone.git("push", "-q", "origin", "main")

    ready("shared", clone.root.parent, clone.portal, make)
    return clone


def on_main(published: Clone, files: dict[str, str]) -> str:
    commit = published.commit(files)
    published.git("push", "-q", "origin", "main")
    return commit


def test_web_edits_are_one_commit_on_a_pushed_branch(published: Clone, shared: Path) -> None:
    main = published.git("rev-parse", "main").strip()
    edit_live(published, RESET, "Press the other button.")
    done = pull_to_branch(published)
    assert (done.commit, done.pushed) == (tip(shared), True)
    assert git(shared, "rev-parse", f"{BRANCH}^").strip() == main
    assert names(shared, main, BRANCH) == [f".kbsync/production/{RESET}.json", RESET]
    assert "Press the other button." in texts(shared, BRANCH, RESET)
    assert message(shared, BRANCH).startswith(f"Pull 1 item from the portal\n\n  edited {RESET}: body\n")
    assert git(shared, "log", "-1", "--format=%an <%ae>", BRANCH) == "A Writer <writer@example.com>\n"


def test_neither_the_index_nor_the_working_tree_nor_a_local_branch_is_touched(published: Clone) -> None:
    edit_live(published, RESET, "Press the other button.")
    published.write({RESET: "half a thought", "loose.md": "x"})
    published.git("add", "loose.md")

    def everything() -> tuple[object, ...]:
        heads = published.git("for-each-ref", "refs/heads", "--format=%(refname) %(objectname)")
        return heads, published.git("status", "--porcelain"), published.files(), published.git("diff", "--cached")

    before = everything()
    assert pull_to_branch(published).commit is not None
    assert everything() == before


def test_a_second_pull_has_nothing_to_commit(published: Clone, shared: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    first = pull_to_branch(published)
    second = pull_to_branch(published)
    assert (second.commit, second.pushed, second.result.pulled.files) == (None, False, {})
    assert tip(shared) == first.commit


def test_without_a_web_edit_no_branch_is_created(published: Clone, shared: Path) -> None:
    assert pull_to_branch(published).commit is None
    assert git(shared, "branch", "--list", BRANCH) == ""


def test_another_edit_is_committed_on_top_of_the_branch_with_its_other_commits(
    published: Clone, shared: Path, tmp_path: Path
) -> None:
    edit_live(published, RESET, "Press the other button.")
    first = pull_to_branch(published).commit
    reviewer = clone_of(shared, tmp_path / "reviewer", published, "--branch", BRANCH)
    edited = reviewer.read(RESET).replace("the other", "the other, red")
    human = reviewer.commit({RESET: edited})
    reviewer.git("push", "-q", "origin", BRANCH)
    edit_live(published, INSTALL, "Unpack it.")
    second = pull_to_branch(published)
    assert git(shared, "rev-list", f"main..{BRANCH}").split() == [second.commit, human, first]
    assert "the other, red button" in texts(shared, BRANCH, RESET)
    assert names(shared, human, BRANCH) == [f".kbsync/production/{INSTALL}.json", INSTALL]


def test_a_fresh_clone_continues_the_branch_of_the_remote(published: Clone, shared: Path, tmp_path: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    first = pull_to_branch(published).commit
    edit_live(published, INSTALL, "Unpack it.")
    job = clone_of(shared, tmp_path / "job", published, "--depth=1")
    job.git("checkout", "-q", "--detach")
    job.git("branch", "-q", "-D", "main")
    second = pull_to_branch(job)
    assert git(shared, "rev-list", f"main..{BRANCH}").split() == [second.commit, first]
    assert pull_to_branch(clone_of(shared, tmp_path / "next", published, "--depth=1")).commit is None


def test_the_base_branch_is_merged_only_when_it_moved(published: Clone, shared: Path, tmp_path: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    first = pull_to_branch(published).commit
    main = on_main(published, {"shop/orders/new.md": article("New", "New here.")})
    edit_live(published, INSTALL, "Unpack it.")
    job = clone_of(shared, tmp_path / "job", published, "--depth=1")
    done = pull_to_branch(job)
    merge = git(shared, "rev-parse", f"{BRANCH}^").strip()
    assert git(shared, "rev-parse", f"{merge}^1", f"{merge}^2").split() == [first, main]
    assert message(shared, merge) == f"Merge main into {BRANCH}\n\n"
    assert names(shared, main, BRANCH) == [
        *(f".kbsync/production/{path}.json" for path in (INSTALL, RESET)),
        *(INSTALL, RESET),
    ]
    assert done.commit == tip(shared)
    assert git(shared, "fsck", "--strict", "--no-dangling") == ""


def test_a_merged_branch_starts_again_from_its_merge(published: Clone, shared: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    pull_to_branch(published)
    published.git("fetch", "-q")
    published.git("merge", "-q", "--no-ff", "-m", "merge", f"origin/{BRANCH}")
    published.git("push", "-q", "origin", "main")
    assert pull_to_branch(published).commit is None
    edit_live(published, INSTALL, "Unpack it.")
    pull_to_branch(published)
    assert names(shared, "main", BRANCH) == [f".kbsync/production/{INSTALL}.json", INSTALL]
    assert git(shared, "rev-parse", f"{BRANCH}^") == git(shared, "rev-parse", "main")


def squash(published: Clone) -> None:
    published.git("fetch", "-q")
    published.git("merge", "-q", "--squash", f"origin/{BRANCH}")
    published.git("commit", "-q", "-m", "squash")
    published.git("push", "-q", "origin", "main")


def test_a_squashed_branch_is_not_restored_where_the_base_was_edited_since(published: Clone, shared: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    pull_to_branch(published)
    squash(published)
    on_main(published, {RESET: article("Reset", "Press no button at all.")})
    edit_live(published, INSTALL, "Unpack it.")
    pull_to_branch(published)
    assert "no button" in texts(shared, BRANCH, RESET)
    assert names(shared, "main", BRANCH) == [f".kbsync/production/{INSTALL}.json", INSTALL]


def test_commits_made_on_a_branch_after_its_squash_stay_on_it(published: Clone, shared: Path, tmp_path: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    pull_to_branch(published)
    squash(published)
    edit_live(published, INSTALL, "Unpack it.")
    reviewer = clone_of(shared, tmp_path / "reviewer", published, "--branch", BRANCH)
    reviewer.commit({PAY: article("Pay", "Cards alone.")})
    reviewer.git("push", "-q", "origin", BRANCH)
    on_main(published, {RESET: article("Reset", "Press no button at all.")})
    pull_to_branch(clone_of(shared, tmp_path / "job", published, "--depth=1"))
    assert "no button" in texts(shared, BRANCH, RESET)
    assert "Cards alone" in texts(shared, BRANCH, PAY)
    assert names(shared, "main", BRANCH) == [f".kbsync/production/{INSTALL}.json", INSTALL, PAY]


def test_a_branch_in_conflict_with_its_base_is_reported_and_nothing_is_pushed(published: Clone, shared: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    first = pull_to_branch(published).commit
    on_main(published, {RESET: article("Reset", "Press no button at all.")})
    edit_live(published, INSTALL, "Unpack it.")
    with pytest.raises(Refusal, match=RESET) as caught:
        pull_to_branch(published)
    assert caught.value.exit_code == 4
    assert BRANCH in caught.value.advice
    assert tip(shared) == first


def test_of_two_lock_files_the_later_one_counts(published: Clone, shared: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    pull_to_branch(published)
    published.pull()
    on_main(published, {})
    edit_live(published, INSTALL, "Unpack it.")
    pull_to_branch(published)
    lock = f".kbsync/production/{RESET}.json"
    seen = [json.loads(texts(shared, commit, lock))["seen_at"] for commit in ("main", BRANCH)]
    assert seen[0] == seen[1]
    assert RESET not in names(shared, "main", BRANCH)


def test_files_changed_on_both_sides_are_left_out_and_named_in_the_message(published: Clone, shared: Path) -> None:
    on_main(published, {RESET: article("Reset", "Press no button at all.")})
    edit_live(published, RESET, "Press the other button.")
    edit_live(published, INSTALL, "Unpack it.")
    done = pull_to_branch(published)
    assert [finding.path for finding in done.result.planned.plan.conflicts] == [RESET]
    assert names(shared, "main", BRANCH) == [f".kbsync/production/{INSTALL}.json", INSTALL]
    said = message(shared, BRANCH)
    assert f"edited {INSTALL}" in said
    assert f"Skipped; run `kbsync pull` to merge these:\n  {RESET}: " in said
    assert pull_to_branch(published).commit is None


def test_conflicts_alone_make_no_commit(published: Clone, shared: Path) -> None:
    on_main(published, {RESET: article("Reset", "Press no button at all.")})
    edit_live(published, RESET, "Press the other button.")
    done = pull_to_branch(published)
    assert (done.commit, len(done.result.planned.plan.conflicts)) == (None, 1)
    assert git(shared, "branch", "--list", BRANCH) == ""


def test_without_a_remote_or_with_local_the_branch_is_created_in_this_clone(published: Clone, shared: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    done = pull_to_branch(published, local=True)
    assert (done.pushed, done.commit) == (False, tip(published.root))
    assert git(shared, "branch", "--list", BRANCH) == ""
    edit_live(published, INSTALL, "Unpack it.")
    published.git("remote", "remove", "origin")
    second = pull_to_branch(published)
    assert published.git("rev-list", f"main..{BRANCH}").split() == [second.commit, done.commit]


def test_unpushed_local_commits_are_included_and_the_local_branch_follows(published: Clone, shared: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    first = pull_to_branch(published, local=True).commit
    edit_live(published, INSTALL, "Unpack it.")
    second = pull_to_branch(published)
    assert git(shared, "rev-list", f"main..{BRANCH}").split() == [second.commit, first]
    assert tip(published.root) == second.commit


def test_when_this_clone_and_the_remote_diverged_the_remote_is_continued(
    published: Clone, shared: Path, tmp_path: Path
) -> None:
    edit_live(published, RESET, "Press the other button.")
    theirs = pull_to_branch(clone_of(shared, tmp_path / "job", published)).commit
    branches = Repository.open(published.root).branches
    mine = branches.commit_onto(published.git("rev-parse", "main").strip(), {"mine.md": "x"}, message="mine")
    branches.move(BRANCH, mine, expected=None)
    edit_live(published, INSTALL, "Unpack it.")
    done = pull_to_branch(published)
    assert git(shared, "rev-list", f"main..{BRANCH}").split() == [done.commit, theirs]
    assert tip(published.root) == mine


def test_a_branch_that_is_checked_out_anywhere_is_refused(published: Clone, tmp_path: Path) -> None:
    edit_live(published, RESET, "Press the other button.")
    published.git("worktree", "add", "-q", str(tmp_path / "second"), "-b", BRANCH)
    with pytest.raises(UsageError, match="checked out"):
        pull_to_branch(published)
    published.git("switch", "-q", "-c", "other")
    with pytest.raises(UsageError, match="checked out"):
        pull_to_branch(published, "other")


@pytest.mark.parametrize("branch", ["main", "a b", "-x", "refs/heads/x", "x..y", "@{-1}", ""])
def test_a_branch_name_that_is_not_possible_is_refused(published: Clone, branch: str) -> None:
    with pytest.raises(UsageError):
        pull_to_branch(published, branch)


def test_a_push_that_lost_a_race_starts_again_from_the_other_commit(
    published: Clone, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_live(published, RESET, "Press the other button.")
    pull_to_branch(published)
    edit_live(published, INSTALL, "Unpack it.")
    other = clone_of(shared, tmp_path / "other", published, "--branch", BRANCH)
    theirs = other.commit({PAY: article("Pay", "Cards alone.")})

    def meanwhile(*words: object, **named: object) -> object:
        other.git("push", "-q", "origin", BRANCH)
        return open_workspace(*words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("kbsync.engine.branch.open_workspace", meanwhile)
    done = pull_to_branch(published)
    assert git(shared, "rev-parse", f"{BRANCH}^").strip() == theirs
    assert done.commit == tip(shared)


def test_a_remote_that_refuses_the_branch_is_reported_and_nothing_moves(published: Clone, shared: Path) -> None:
    hook = shared / "hooks/update"
    hook.write_text(f"#!/bin/sh\n[ $1 != refs/heads/{BRANCH} ]\n")
    hook.chmod(0o755)
    edit_live(published, RESET, "Press the other button.")
    with pytest.raises(PushRefused, match=BRANCH):
        pull_to_branch(published)
    assert published.git("branch", "--list", BRANCH) == ""


def test_a_remote_that_cannot_be_reached_is_an_error(published: Clone, tmp_path: Path) -> None:
    published.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(GitError, match="could not be reached"):
        pull_to_branch(published)


def test_the_root_may_be_a_directory_of_the_repository(tmp_path: Path, portal: Portal) -> None:
    whole = new_clone(tmp_path / "whole", portal, {f"docs/kb é/{path}": text for path, text in TREE.items()})
    root = whole.root / "docs/kb é"
    inner = replace(whole, root=root, config=replace(whole.config, root=root))
    inner.published()
    (number,) = [a.id for a in portal.store.all_articles() if a.title == "Reset"]
    portal.store.edit_article(number, body="<p>Press the other button.</p>")
    assert pull_to_branch(inner).commit is not None
    assert whole.git("diff", "--name-only", "-z", "main", BRANCH).split("\0")[:-1] == [
        f"docs/kb é/.kbsync/production/{RESET}.json",
        f"docs/kb é/{RESET}",
    ]


def test_a_file_keeps_its_mode_and_the_name_that_it_has_in_the_tree(clone: Clone) -> None:
    (clone.root / RESET).chmod(0o755)
    decomposed = "guide/cafe\u0301/a.md"
    head = clone.commit({decomposed: "a\n"})
    made = Repository.open(clone.root).branches.commit_onto(
        head, {RESET: "x\n", "guide/café/a.md": "b\n", "guide/café/new.md": "y\n"}, message="m"
    )
    lines = (line.partition("\t") for line in clone.git("ls-tree", "-r", "-z", made).split("\0"))
    listed = {name: entry for entry, _, name in lines}
    assert listed[RESET].startswith("100755")
    assert listed["guide/cafe\u0301/new.md"].startswith("100644")
    assert clone.git("show", f"{made}:{decomposed}") == "b\n"
    assert not any("é" in name for name in listed)


def test_no_file_is_committed_on_a_link_or_below_a_file(clone: Clone) -> None:
    (clone.root / "link").symlink_to("guide")
    head = clone.commit()
    files = {"link/x.md": "x", f"{PAY}/x.md": "y", "link": "z", "shop/fine.md": "f"}
    with pytest.raises(ContentError) as caught:
        Repository.open(clone.root).branches.commit_onto(head, files, message="m")
    assert {problem.path for problem in caught.value.problems} == {"link", PAY}


def test_a_merged_pull_branch_leaves_nothing_to_publish(published: Clone) -> None:
    edit_live(published, RESET, "Press the other button.")
    pull_to_branch(published)
    squash(published)
    assert steps(published.plan()) == {}
    assert published.plan().drift == ()


def test_a_git_too_old_to_merge_without_a_checkout_is_reported_with_the_required_version(
    published: Clone, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_live(published, RESET, "Press the other button.")
    first = pull_to_branch(published).commit
    on_main(published, {"shop/orders/new.md": article("New", "New here.")})
    real = shutil.which("git")
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text(f'#!/bin/sh\ncase " $* " in *" merge-tree "*) exit 129;; esac\nexec {real} "$@"\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent), prepend=os.pathsep)
    with pytest.raises(GitError, match="cannot merge") as caught:
        pull_to_branch(published)
    assert "2.38" in caught.value.advice
    assert tip(shared) == first


def test_branches_without_a_common_history_are_an_error(published: Clone, shared: Path) -> None:
    published.git("switch", "-q", "--orphan", BRANCH)
    published.commit({"README.md": "x"})
    published.git("push", "-q", "origin", BRANCH)
    published.git("switch", "-q", "main")
    with pytest.raises(GitError, match="could not be merged"):
        pull_to_branch(published)


def test_a_server_without_partial_clones_serves_a_shallow_job_as_well(
    published: Clone, shared: Path, tmp_path: Path
) -> None:
    git(shared, "config", "uploadpack.allowFilter", "false")
    edit_live(published, RESET, "Press the other button.")
    pull_to_branch(published)
    for number in range(3):
        on_main(published, {"shop/orders/new.md": article("New", f"New here, {number} times.")})
    edit_live(published, INSTALL, "Unpack it.")
    job = clone_of(shared, tmp_path / "job", published, "--depth=1")
    assert pull_to_branch(job).commit == tip(shared)
    assert RESET in names(shared, "main", BRANCH)
    assert "shop/orders/new.md" not in names(shared, "main", BRANCH)


def test_an_article_moved_on_the_portal_is_moved_on_the_branch_with_the_links_to_it(
    published: Clone, shared: Path
) -> None:
    orders = published.id_of("shop/orders")
    published.portal.store.move_article(published.id_of(INSTALL), orders)
    done = pull_to_branch(published)
    moved = "shop/orders/install.md"
    sources = {RESET, INSTALL, moved}
    assert sources <= set(names(shared, "main", BRANCH)) <= sources | {f".kbsync/production/{s}.json" for s in sources}
    assert git(shared, "ls-tree", BRANCH, INSTALL) == ""
    assert f"(../../{moved})" in texts(shared, BRANCH, RESET)
    assert f"  moved {moved} (from {INSTALL})\n" in message(shared, done.commit or "")
    assert pull_to_branch(published).commit is None


def test_a_moved_article_in_conflict_stays_where_it_is_with_the_links_to_it(published: Clone, shared: Path) -> None:
    on_main(published, {INSTALL: article("Install", "Leave it in its box.", tags="[box, table]")})
    published.portal.store.move_article(published.id_of(INSTALL), published.id_of("shop/orders"))
    edit_live(published, INSTALL, "Unpack it.")
    edit_live(published, PAY, "Cards alone.")
    done = pull_to_branch(published)
    assert [finding.path for finding in done.result.planned.plan.conflicts] == [INSTALL]
    assert names(shared, "main", BRANCH) == [f".kbsync/production/{PAY}.json", PAY]
    assert pull_to_branch(published).commit is None


def test_new_and_deleted_articles_are_pulled_to_the_branch(published: Clone, shared: Path) -> None:
    store = published.portal.store
    store.create_article(published.id_of("guide/basics"), "Written on the web: “ÄÖÜ” 🎉", "<p>مرحبا</p>")
    store.delete_article(published.id_of(PAY))
    done = pull_to_branch(published, prune=True)
    new = "guide/basics/written-on-the-web-äöü.md"
    assert "مرحبا" in texts(shared, BRANCH, new)
    assert git(shared, "ls-tree", BRANCH, PAY) == ""
    said = message(shared, done.commit or "")
    assert f"  new {new}\n" in said
    assert f"  deleted {PAY}\n" in said
