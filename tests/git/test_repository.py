"""The git module, against git itself."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from kbsync.content.selection import TreeRules
from kbsync.content.tree import read_tree
from kbsync.errors import ContentError, GitError, UsageError
from kbsync.files import WorkingTree
from kbsync.git.refs import PushRefused, RefMoved
from kbsync.git.repository import Repository
from tests.git.conftest import git_in, put

LEDGER = "refs/kbsync/production"


def is_shallow(place: Path) -> bool:
    return git_in(place)("rev-parse", "--is-shallow-repository") == "true"


def test_a_directory_that_is_not_a_repository_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a git repository") as caught:
        Repository.open(tmp_path)
    assert "git init" in caught.value.advice


def test_a_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a directory"):
        Repository.open(tmp_path / "absent")


def test_a_bare_repository_is_an_error(shared: Path) -> None:
    with pytest.raises(GitError, match="bare repository"):
        Repository.open(shared)


def test_a_missing_git_is_an_error(clone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="git not found"):
        Repository.open(clone)


def test_a_repository_of_another_user_is_an_error_with_advice(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(GitError, match="belongs to another user") as caught:
        Repository.open(clone)
    assert "safe.directory" in caught.value.advice


def test_a_repository_without_a_commit_has_no_head(tmp_path: Path) -> None:
    git_in(tmp_path)("init", "-q")
    repository = Repository.open(tmp_path)
    assert repository.head() is None
    assert repository.branch() == "main"
    with pytest.raises(GitError):
        repository.committed("HEAD").paths()


def test_head_and_branch_are_known_also_when_detached(clone: Path) -> None:
    head = git_in(clone)("rev-parse", "HEAD")
    assert (Repository.open(clone).head(), Repository.open(clone).branch()) == (head, "main")
    git_in(clone)("checkout", "-q", "--detach")
    assert (Repository.open(clone).head(), Repository.open(clone).branch()) == (head, None)


def test_the_git_variables_of_a_hook_are_ignored(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert Repository.open(clone).head() is not None


def test_the_committed_tree_reads_like_the_working_tree(clone: Path) -> None:
    repository = Repository.open(clone)
    committed = repository.committed("HEAD")
    working = WorkingTree(clone)
    assert committed.paths() == working.paths()
    assert [committed.read(path) for path in committed.paths()] == [working.read(path) for path in working.paths()]
    assert read_tree(committed, TreeRules()) == read_tree(working, TreeRules())


def test_the_root_may_be_a_directory_of_the_repository(clone: Path) -> None:
    put(clone, {"docs/kb é/a/b/c.md": "# C\n", "docs/kb é/a/b/new.md": "# N\n", "outside.md": "x"})
    git_in(clone)("add", "docs/kb é/a/b/c.md")
    git_in(clone)("commit", "-q", "-m", "two")
    root = clone / "docs" / "kb é"
    repository = Repository.open(root)
    assert repository.committed("HEAD").paths() == ("a/b/c.md",)
    assert repository.uncommitted() == {"a/b/new.md"}
    assert repository.tree_id("HEAD") == git_in(clone)("rev-parse", "HEAD:docs/kb é")
    with pytest.raises(GitError, match="has no directory"):
        repository.committed("HEAD~1")


def test_the_tree_of_the_root_has_the_same_id_in_commits_that_differ_elsewhere(clone: Path) -> None:
    repository = Repository.open(clone / "faq")
    before = repository.tree_id("HEAD")
    put(clone, {"other.txt": "x"})
    git_in(clone)("add", "-A")
    git_in(clone)("commit", "-q", "-m", "two")
    assert repository.tree_id("HEAD") == before
    assert repository.tree_id("HEAD") != Repository.open(clone).tree_id("HEAD")


def test_uncommitted_files_are_listed(clone: Path) -> None:
    put(clone, {".gitignore": "build/\n*.log\n", "staged ü.md": "x", "-dash.md": "x", "build/out.md": "x", "a.log": ""})
    git_in(clone)("add", "staged ü.md")
    put(clone, {"faq/general/hello.md": "changed"})
    (clone / "faq/general/img/a.png").unlink()
    repository = Repository.open(clone)
    assert repository.uncommitted() == {
        *(".gitignore", "staged ü.md", "-dash.md", "faq/general/hello.md", "faq/general/img/a.png"),
    }
    assert repository.ignored() == {"build/", "a.log"}


def test_links_and_submodules_of_a_commit_are_not_read(clone: Path, tmp_path: Path) -> None:
    (clone / "faq/general/leak.md").symlink_to("/etc/passwd")
    put(clone, {"sub/x.md": "x"})
    git_in(clone / "sub")("init", "-q")
    git_in(clone / "sub")("add", "-A")
    git_in(clone / "sub")("commit", "-q", "-m", "sub")
    git_in(clone)("-c", "advice.addEmbeddedRepo=false", "add", "-A")
    git_in(clone)("commit", "-q", "-m", "two")
    committed = Repository.open(clone).committed("HEAD")
    assert committed.paths() == ("faq/general/hello.md", "faq/general/img/a.png")
    named = [("faq/general/leak.md", "KB204"), ("sub", "KB205")]
    assert [(problem.path, problem.code) for problem in committed.problems()] == named
    for working in (WorkingTree(clone), Repository.open(clone).checked_out()):
        assert working.paths() == committed.paths()
        assert [(problem.path, problem.code) for problem in working.problems()] == named
    for place in sorted((clone / "sub").rglob("*"), reverse=True):
        place.rmdir() if place.is_dir() else place.unlink()
    assert [problem.path for problem in WorkingTree(clone).problems()] == ["faq/general/leak.md"]
    unfetched = Repository.open(clone).checked_out()
    assert [(problem.path, problem.code) for problem in unfetched.problems()] == named
    with pytest.raises(ContentError):
        committed.read("faq/general/leak.md")


def test_names_that_are_not_text_are_an_error(clone: Path) -> None:
    blob = git_in(clone)("rev-parse", "HEAD:faq/general/hello.md")
    listing = f"100644 blob {blob}\t".encode() + b"caf\xe9.md\0"
    made = subprocess.run(["git", "mktree", "-z"], cwd=clone, input=listing, capture_output=True, check=True)
    tree = made.stdout.decode().strip()
    commit = git_in(clone)("commit-tree", "-m", "x", tree)
    committed = Repository.open(clone).committed(commit)
    assert committed.paths() == ()
    assert "UTF-8" in committed.problems()[0].message


def test_blobs_of_the_clone_are_read_by_their_ids(clone: Path) -> None:
    repository = Repository.open(clone)
    text = (clone / "faq/general/hello.md").read_text()
    name = git_in(clone)("rev-parse", "HEAD:faq/general/hello.md")
    assert repository.blobs([name, "0" * 40]) == {name: text}
    assert repository.blobs([]) == {}


def test_a_ref_is_written_read_and_updated(clone: Path) -> None:
    repository = Repository.open(clone)
    assert repository.read_ref(LEDGER) == {}
    first = repository.write_ref(
        LEDGER, {'a/ü "x"\\.json': b"1\n", "b": b"", "-c": b"\0\xff"}, message="one ü", parent=None
    )
    second = repository.write_ref(LEDGER, {"b": None, "a/new": b"2", "absent": None}, message="two", parent=first)
    assert repository.read_ref(LEDGER) == {'a/ü "x"\\.json': b"1\n", "a/new": b"2", "-c": b"\0\xff"}
    assert repository.read_ref(first)["b"] == b""
    assert repository.commit(LEDGER) == second
    assert git_in(clone)("rev-list", LEDGER).split() == [second, first]
    assert git_in(clone)("fsck", "--strict") == ""


def test_writing_a_ref_touches_nothing_else(clone: Path) -> None:
    put(clone, {"staged.md": "x", "loose.md": "y"})
    git_in(clone)("add", "staged.md")
    hook = clone / ".git/hooks/reference-transaction"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)

    def everything() -> tuple[str, bytes, str]:
        index = (clone / ".git/index").read_bytes()
        return (
            git_in(clone)("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"),
            index,
            git_in(clone)("status", "-s"),
        )

    before = everything()
    repository = Repository.open(clone)
    repository.uncommitted()
    repository.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    assert everything() == before
    assert git_in(clone)("for-each-ref", "--format=%(refname)") == f"refs/heads/main\n{LEDGER}"


def test_a_ref_that_moved_is_not_overwritten(clone: Path) -> None:
    repository = Repository.open(clone)
    first = repository.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    with pytest.raises(RefMoved):
        repository.write_ref(LEDGER, {"a": b"2"}, message="m", parent=None)
    second = repository.write_ref(LEDGER, {"a": b"3"}, message="m", parent=first)
    with pytest.raises(RefMoved):
        repository.write_ref(LEDGER, {"a": b"4"}, message="m", parent=first)
    assert repository.commit(LEDGER) == second
    with pytest.raises(RefMoved):
        repository.move_ref(LEDGER, None, expected=first)
    repository.move_ref(LEDGER, None, expected=second)
    assert repository.commit(LEDGER) is None


@pytest.mark.parametrize("path", ["../x", "a/../x", "/x", "a//b", ".git/config", "a/.GIT/x", "", "a\0b"])
def test_a_path_that_leads_out_of_a_tree_is_refused(clone: Path, path: str) -> None:
    with pytest.raises(GitError, match="not a valid path"):
        Repository.open(clone).write_ref(LEDGER, {path: b""}, message="m", parent=None)


@pytest.mark.parametrize("ref", ["refs/heads/main", "HEAD", "refs/kbsync/../heads/main", "--all", "refs/tags/x"])
def test_no_ref_but_its_own_is_written(clone: Path, ref: str) -> None:
    with pytest.raises(GitError, match="not a ref of kbsync"):
        Repository.open(clone).write_ref(ref, {"a": b""}, message="m", parent=None)


def test_a_ref_is_written_without_a_name_for_the_author(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git_in(clone)("config", "user.useConfigOnly", "true")
    commit = Repository.open(clone).write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    assert git_in(clone)("log", "-1", "--format=%an <%ae>", commit) == "kbsync <kbsync@localhost>"


def test_a_thousand_files_are_written_and_read_within_seconds(clone: Path) -> None:
    repository = Repository.open(clone)
    files = {f"items/{number}.json": b'{"n": %d}' % number * 100 for number in range(1300)}
    begun = time.monotonic()
    first = repository.write_ref(LEDGER, files, message="m", parent=None)
    repository.write_ref(LEDGER, {"items/7.json": b"7"}, message="m", parent=first)
    assert len(repository.read_ref(LEDGER)) == 1300
    assert time.monotonic() - begun < 20


def test_a_ledger_is_shared_with_another_clone(clone: Path, shared: Path, tmp_path: Path) -> None:
    here = Repository.open(clone)
    assert here.has_remote("origin")
    with pytest.raises(UsageError, match="no remote `upstream`") as caught:
        here.has_remote("upstream")
    assert "`origin`" in caught.value.advice
    assert here.fetch_refs("origin", [LEDGER]) == {LEDGER: None}
    first = here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    here.push_refs("origin", {LEDGER: None})
    assert git_in(shared)("rev-parse", LEDGER) == first

    git_in(tmp_path)("clone", "-q", "--depth=1", shared.as_uri(), "other")
    there = Repository.open(tmp_path / "other")
    assert there.fetch_refs("origin", [LEDGER]) == {LEDGER: first}
    assert there.read_ref(LEDGER) == {"a": b"1"}
    second = there.write_ref(LEDGER, {"a": b"2"}, message="m", parent=first)
    there.push_refs("origin", {LEDGER: first})
    assert here.fetch_refs("origin", [LEDGER]) == {LEDGER: second}
    assert here.commit(LEDGER) == second


def test_one_of_two_publishers_is_refused_because_the_ref_moved(clone: Path, shared: Path, tmp_path: Path) -> None:
    git_in(tmp_path)("clone", "-q", shared.as_uri(), "other")
    here, there = Repository.open(clone), Repository.open(tmp_path / "other")
    ours = here.write_ref(LEDGER, {"a": b"1"}, message="here", parent=None)
    theirs = there.write_ref(LEDGER, {"a": b"2"}, message="there", parent=None)
    there.push_refs("origin", {LEDGER: None})
    with pytest.raises(RefMoved):
        here.push_refs("origin", {LEDGER: None})
    with pytest.raises(RefMoved):
        here.push_refs("origin", {LEDGER: ours})
    assert here.fetch_refs("origin", [LEDGER]) == {LEDGER: theirs}
    assert here.commit(LEDGER) == ours
    assert here.read_ref(theirs) == {"a": b"2"}


def test_a_lease_is_taken_and_given_back_on_the_remote(clone: Path, shared: Path) -> None:
    lease = "refs/kbsync-lease/production"
    here = Repository.open(clone)
    held = here.write_ref(lease, {"holder": b"me"}, message="lease", parent=None)
    here.push_refs("origin", {lease: None})
    here.move_ref(lease, None, expected=held)
    with pytest.raises(RefMoved):
        here.push_refs("origin", {lease: "1" * 40})
    here.push_refs("origin", {lease: held})
    assert here.fetch_refs("origin", [lease]) == {lease: None}


def test_a_remote_that_refuses_is_distinguished_from_one_that_moved(clone: Path, shared: Path) -> None:
    hook = shared / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'policy: refs/kbsync is closed' >&2\nexit 1\n")
    hook.chmod(0o755)
    here = Repository.open(clone)
    here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    with pytest.raises(PushRefused, match="policy"):
        here.push_refs("origin", {LEDGER: None})


def test_an_unreachable_remote_is_never_treated_as_an_empty_one(clone: Path, tmp_path: Path) -> None:
    git_in(clone)("remote", "add", "origin", "https://someone:hunter2@gone.invalid/x.git")
    here = Repository.open(clone)
    with pytest.raises(GitError, match="could not be reached") as caught:
        here.fetch_refs("origin", [LEDGER])
    assert "hunter2" not in str(caught.value) + caught.value.advice
    here.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    with pytest.raises(GitError) as pushed:
        here.push_refs("origin", {LEDGER: None})
    assert not isinstance(pushed.value, PushRefused | RefMoved)
    git_in(clone)("remote", "add", "gone", str(tmp_path / "nowhere"))
    with pytest.raises(GitError):
        Repository.open(clone).fetch_refs("gone", [LEDGER])


def test_a_clone_without_remotes_needs_none_but_a_named_one_must_exist(clone: Path) -> None:
    here = Repository.open(clone)
    assert not here.has_remote("origin")
    with pytest.raises(UsageError, match="no remote `orgin`") as caught:
        here.has_remote("orgin")
    assert "--local" in caught.value.advice


@pytest.mark.parametrize("address", ["ext::sh -c true", "--upload-pack=true", "file:///tmp", "../shared.git", ""])
def test_a_url_in_place_of_a_remote_name_is_refused(clone: Path, shared: Path, address: str) -> None:
    here = Repository.open(clone)
    with pytest.raises(UsageError, match="no remote"):
        here.fetch_refs(address, [LEDGER])
    with pytest.raises(UsageError, match="no remote"):
        here.push_refs(address, {LEDGER: None}, at={LEDGER: here.head()})
    with pytest.raises(UsageError, match="no remote"):
        here.branches.fetch(address, ["main"])


def test_ancestors_are_known_in_a_whole_clone(clone: Path) -> None:
    first = git_in(clone)("rev-parse", "HEAD")
    git_in(clone)("commit", "-q", "--allow-empty", "-m", "two")
    second = git_in(clone)("rev-parse", "HEAD")
    repository = Repository.open(clone)
    assert repository.is_ancestor(first, second)
    assert not repository.is_ancestor(second, first)
    assert not repository.is_ancestor("1" * 40, second)


def test_ancestors_are_known_in_a_shallow_clone_which_fetches_commits_alone(
    clone: Path, shared: Path, tmp_path: Path
) -> None:
    first = git_in(clone)("rev-parse", "HEAD")
    for number in range(5):
        put(clone, {f"big{number}.bin": os.urandom(200_000), "faq/general/hello.md": f"# {number}\n"})
        (clone / f"big{number - 1}.bin").unlink(missing_ok=True)
        git_in(clone)("add", "-A")
        git_in(clone)("commit", "-q", "-m", str(number))
    git_in(clone)("push", "-q", "origin", "main")
    last = git_in(clone)("rev-parse", "HEAD")
    git_in(tmp_path)("clone", "-q", "--depth=1", shared.as_uri(), "ci")
    ci = tmp_path / "ci"
    git_in(ci)("checkout", "-q", "--detach")
    repository = Repository.open(ci)
    assert is_shallow(repository.root)
    assert repository.is_ancestor(first, last)
    assert not repository.is_ancestor(last, first)
    assert not repository.is_ancestor("1" * 40, last)
    assert not is_shallow(repository.root)
    present = git_in(ci)("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert present.count("commit") == 6
    assert present.count("blob") <= 4
    assert len(repository.committed("HEAD").paths()) >= 2


def test_a_shallow_clone_without_its_remote_is_an_error_with_advice(clone: Path, shared: Path, tmp_path: Path) -> None:
    git_in(clone)("commit", "-q", "--allow-empty", "-m", "two")
    git_in(clone)("push", "-q", "origin", "main")
    git_in(tmp_path)("clone", "-q", "--depth=1", shared.as_uri(), "ci")
    git_in(tmp_path / "ci")("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    repository = Repository.open(tmp_path / "ci")
    with pytest.raises(GitError, match="shallow") as caught:
        repository.is_ancestor("1" * 40, repository.head() or "")
    assert "unshallow" in caught.value.advice


def test_the_history_of_the_ledger_is_whole_also_in_a_shallow_clone(clone: Path, shared: Path, tmp_path: Path) -> None:
    git_in(clone)("commit", "-q", "--allow-empty", "-m", "two")
    git_in(clone)("push", "-q", "origin", "main")
    git_in(tmp_path)("clone", "-q", "--depth=1", shared.as_uri(), "ci")
    repository = Repository.open(tmp_path / "ci")
    first = repository.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    second = repository.write_ref(LEDGER, {"a": b"2"}, message="m", parent=first)
    assert repository.is_ancestor(first, second)
    assert not repository.is_ancestor(second, first)
    assert is_shallow(repository.root)


def test_another_working_tree_shares_the_ledger_and_the_git_folder(clone: Path, tmp_path: Path) -> None:
    git_in(clone)("worktree", "add", "-q", str(tmp_path / "second"), "-b", "side")
    first, second = Repository.open(clone), Repository.open(tmp_path / "second")
    first.write_ref(LEDGER, {"a": b"1"}, message="m", parent=None)
    assert second.read_ref(LEDGER) == {"a": b"1"}
    assert second.branch() == "side"
    assert first.common_dir() == second.common_dir() == (clone / ".git").resolve()


def test_no_git_command_sees_the_api_key(clone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    git = tmp_path / "bin" / "git"
    put(tmp_path, {"bin/git": f'#!/bin/sh\nenv >> "{seen}"\nPATH=${{PATH#*:}} exec git "$@"\n'})
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FRESHDESK_API_KEY", "S3cretKey")
    monkeypatch.setenv("FRESHDESK_API_KEY_STAGE_2", "S3cretKeyToo")
    monkeypatch.setenv("FRESHDESK_API_KEYRING", "another program's")
    repository = Repository.open(clone)
    assert repository.head() is not None
    environment = seen.read_text(encoding="utf-8")
    assert "GIT_DIR=" in environment
    assert "FRESHDESK_API_KEYRING=" in environment
    assert not [
        line for line in environment.splitlines() if line.startswith(("FRESHDESK_API_KEY=", "FRESHDESK_API_KEY_"))
    ]
    assert "S3cretKey" not in environment
