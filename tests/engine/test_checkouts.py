"""Incomplete checkouts: sparse, shallow, detached, partial, and beside others. Each behaves like a complete one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kbsync.engine.context import files_on_disk, problems_of
from kbsync.errors import GitError
from kbsync.git.process import Runner
from kbsync.git.repository import Repository
from tests.engine.clone import Clone, clone_of, git, shown, steps
from tests.planner.world import article

RESET, JOIN, PAY = "guide/basics/reset.md", "guide/basics/wifi/join.md", "shop/orders/pay.md"


def detached(source: Path, root: Path, like: Clone) -> Clone:
    made = clone_of(source, root, like)
    made.git("checkout", "-q", "--detach")
    return made


def shallow(source: Path, root: Path, like: Clone) -> Clone:
    made = clone_of(source, root, like, "--depth=1")
    made.git("checkout", "-q", "--detach")
    return made


def partial(source: Path, root: Path, like: Clone) -> Clone:
    return clone_of(source, root, like, "--filter=blob:none")


def treeless(source: Path, root: Path, like: Clone) -> Clone:
    return clone_of(source, root, like, "--filter=tree:0")


def sparse(source: Path, root: Path, like: Clone) -> Clone:
    made = clone_of(source, root, like)
    made.git("sparse-checkout", "set", "guide")
    assert not (made.root / PAY).exists()
    return made


def sparse_index(source: Path, root: Path, like: Clone) -> Clone:
    made = sparse(source, root, like)
    made.git("sparse-checkout", "set", "--cone", "--sparse-index", "guide")
    return made


def sparse_by_pattern(source: Path, root: Path, like: Clone) -> Clone:
    made = clone_of(source, root, like)
    made.git("sparse-checkout", "set", "--no-cone", "/*", "!pay.md", "!install.md")
    assert not (made.root / PAY).exists()
    assert (made.root / RESET).exists()
    return made


def sparse_and_partial(source: Path, root: Path, like: Clone) -> Clone:
    made = clone_of(source, root, like, "--filter=blob:none", "--sparse", "--depth=1")
    assert not (made.root / RESET).exists()
    return made


def worktree(source: Path, root: Path, like: Clone) -> Clone:
    beside = clone_of(source, root.parent / "beside", like)
    beside.git("switch", "-q", "-c", "other")
    beside.git("worktree", "add", "-q", str(root), "main")
    return replace(like, root=root, config=replace(like.config, root=root))


Checkout = Callable[[Path, Path, Clone], Clone]
EVERY = pytest.mark.parametrize(
    "checkout",
    [detached, shallow, partial, treeless, sparse, sparse_index, sparse_by_pattern, sparse_and_partial, worktree],
    ids=lambda made: made.__name__,
)
SPARSE = pytest.mark.parametrize(
    "checkout",
    [sparse, sparse_index, sparse_by_pattern, sparse_and_partial],
    ids=lambda made: made.__name__,
)


@pytest.fixture
def published(clone: Clone, shared: Path) -> Clone:
    """A clone whose tree is on the portal, pulled once, and whose main is on the remote with a history."""
    clone.published()
    clone.portal.store.edit_article(clone.id_of(PAY), body="<p>Cards alone.</p>")
    clone.pull()
    clone.commit()
    clone.published()
    clone.git("push", "-q", "origin", "main")
    return clone


@EVERY
def test_an_unchanged_checkout_plans_nothing_and_an_edit_is_published_alone(
    published: Clone, shared: Path, tmp_path: Path, checkout: Checkout
) -> None:
    here = checkout(shared, tmp_path / "here", published)
    planned = here.planned()
    assert (steps(planned.plan), planned.uncommitted) == ({}, ())
    assert planned.plan.unchanged == published.plan().unchanged
    assert steps(here.offline()) == {}
    of_whole = problems_of(published.config, files_on_disk(published.config))
    assert problems_of(here.config, files_on_disk(here.config)) == of_whole

    before = shown(published.portal)
    here.write({RESET: article("Reset", "Press anything.")})
    assert steps(here.plan()) == {RESET: "update"}
    here.git("add", "--sparse", RESET)
    here.git("commit", "-q", "-m", "edit")
    here.git("push", "-q", "origin", "HEAD:main")
    here.published()
    changed = {number for number, article in shown(published.portal).items() if before[number] != article}
    assert changed == {published.id_of(RESET)}
    assert steps(here.plan()) == {}


@EVERY
def test_a_web_edit_is_pulled_wherever_its_file_is(
    published: Clone, shared: Path, tmp_path: Path, checkout: Checkout
) -> None:
    here = checkout(shared, tmp_path / "here", published)
    for path in (RESET, PAY):
        published.portal.store.edit_article(published.id_of(path), body="<p>As the web has it.</p>")
    result = here.pull()
    assert {change.path for change in result.pulled.changes} == {RESET, PAY}
    assert set(result.outside) <= result.pulled.files.keys()
    for path in (RESET, PAY):
        assert "As the web has it." in here.read(path)
    here.git("add", "--sparse", "--all")
    assert set(here.git("diff", "--cached", "--name-only").split()) == result.pulled.files.keys()
    here.git("commit", "-q", "-m", "pull")
    assert here.git("status", "--porcelain") == ""
    assert (steps(here.plan()), here.pull().pulled.files) == ({}, {})
    here.git("push", "-q", "origin", "HEAD:main")
    assert steps(here.published()) == {}


@SPARSE
def test_a_file_deleted_in_a_sparse_checkout_is_a_removal_and_an_excluded_one_is_not(
    published: Clone, shared: Path, tmp_path: Path, checkout: Checkout
) -> None:
    here = checkout(shared, tmp_path / "here", published)
    if checkout is not sparse_by_pattern:
        here.git("sparse-checkout", "add", "guide/basics/wifi")
    (here.root / JOIN).unlink()
    assert steps(here.plan()) == {JOIN: "archive", "guide/basics/wifi": "forget"}


def test_a_file_on_disk_takes_precedence_over_the_index(published: Clone, shared: Path, tmp_path: Path) -> None:
    here = sparse(shared, tmp_path / "here", published)
    here.write({PAY: article("Pay", "In cash.")})
    assert steps(here.plan()) == {PAY: "update"}


def test_a_file_that_a_pull_deletes_outside_a_sparse_checkout_is_deleted_for_git_too(
    published: Clone, shared: Path, tmp_path: Path
) -> None:
    here = sparse(shared, tmp_path / "here", published)
    repository = Repository.open(here.root)
    assert repository.omitted([PAY, RESET]) == (PAY,)
    repository.clear_skip_worktree([PAY])
    assert here.git("status", "--porcelain").split() == ["D", PAY]
    assert PAY not in repository.checked_out().paths()
    assert repository.omitted([PAY]) == ()


def test_a_partial_clone_fetches_missing_objects_in_one_request(
    published: Clone, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = sparse_and_partial(shared, tmp_path / "here", published)
    before = git(here.root, "rev-list", "--objects", "--no-walk", "--missing=print", "HEAD").count("?")
    fetches = []
    attempt = Runner.attempt

    def watched(self: Runner, *arguments: str, stdin: bytes = b"") -> object:
        if "fetch" in arguments and b"\n" in stdin:
            fetches.append(stdin.count(b"\n"))
        return attempt(self, *arguments, stdin=stdin)

    monkeypatch.setattr(Runner, "attempt", watched)
    tree = Repository.open(here.root).checked_out()
    assert all(tree.read(path) for path in tree.paths() if path.endswith(".md"))
    assert before > 5
    assert len(fetches) == 1
    assert fetches[0] >= 5


def test_a_partial_clone_without_its_remote_ends_with_a_clear_error(
    published: Clone, shared: Path, tmp_path: Path
) -> None:
    here = sparse_and_partial(shared, tmp_path / "here", published)
    shared.rename(tmp_path / "gone.git")
    with pytest.raises(GitError, match="partial clone") as caught:
        here.offline(local=True)
    assert "remote" in caught.value.advice


def test_a_job_with_a_depth_of_one_publishes_after_other_jobs_with_a_depth_of_one(
    published: Clone, shared: Path, tmp_path: Path
) -> None:
    for number in range(3):
        published.commit({RESET: article("Reset", f"Press {number} times.")})
        published.git("push", "-q", "origin", "main")
        shallow(shared, tmp_path / f"job{number}", published).published()
    assert steps(published.plan()) == {}
