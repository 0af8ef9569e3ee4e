"""Which repository kbsync works in: the clone of the user, wherever its git directory is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kbsync.errors import GitError, Refusal
from kbsync.git.discovery import find_clone
from kbsync.git.repository import Repository
from tests.git.conftest import git_in, put


def made_at(place: Path, *options: str) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    git_in(place)("init", "-q", *options)
    put(place, {"docs/a.md": "# A\n"})
    git_in(place)("add", "-A")
    git_in(place)("commit", "-q", "-m", "one")
    return place


def ordinary(place: Path) -> Path:
    return made_at(place / "clone")


def of_sha256(place: Path) -> Path:
    return made_at(place / "clone", "--object-format=sha256")


def with_its_git_directory_elsewhere(place: Path) -> Path:
    return made_at(place / "clone", f"--separate-git-dir={place / 'elsewhere'}")


def with_a_link_for_its_git_directory(place: Path) -> Path:
    clone = made_at(place / "clone")
    (clone / ".git").rename(place / "elsewhere")
    (clone / ".git").symlink_to(place / "elsewhere")
    return clone


def linked(place: Path) -> Path:
    git_in(made_at(place / "first"))("worktree", "add", "-q", "../second", "-b", "side")
    return place / "second"


def linked_within_the_first(place: Path) -> Path:
    git_in(made_at(place / "first"))("worktree", "add", "-q", "trees/second", "-b", "side")
    return place / "first/trees/second"


def linked_to_a_bare_one(place: Path) -> Path:
    git_in(place)("clone", "-q", "--bare", str(made_at(place / "source")), ".bare")
    (place / ".git").write_text("gitdir: ./.bare\n")
    git_in(place)("worktree", "add", "-q", "main")
    return place / "main"


def submodule(place: Path) -> Path:
    outer = made_at(place / "outer")
    inner = made_at(place / "inner")
    git_in(outer)("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    return outer / "sub"


def with_its_working_tree_elsewhere(place: Path) -> Path:
    clone = made_at(place / "clone")
    git_in(clone)("config", "core.worktree", str(clone))
    return clone


@pytest.mark.parametrize(
    "layout",
    [
        *(ordinary, of_sha256, with_its_git_directory_elsewhere, with_a_link_for_its_git_directory, linked),
        *(linked_within_the_first, linked_to_a_bare_one, submodule, with_its_working_tree_elsewhere),
    ],
)
def test_every_kind_of_clone_is_found(tmp_path: Path, layout: Callable[[Path], Path]) -> None:
    clone = layout(tmp_path)
    put(clone, {"docs/new.md": "# New\n"})
    repository = Repository.open(clone / "docs")
    assert repository.head() == git_in(clone)("rev-parse", "HEAD")
    assert repository.common_dir() == (clone / git_in(clone)("rev-parse", "--git-common-dir")).resolve()
    assert repository.uncommitted() == {"new.md"}
    assert repository.committed("HEAD").paths() == ("a.md",)
    assert repository.checked_out().paths() == ("a.md", "new.md")
    assert find_clone(clone / "docs").top == clone


def test_a_clone_is_found_through_a_link_to_its_content(tmp_path: Path) -> None:
    clone = ordinary(tmp_path)
    (tmp_path / "here").symlink_to(clone / "docs")
    assert Repository.open(tmp_path / "here").committed("HEAD").paths() == ("a.md",)


def test_a_directory_that_is_not_a_valid_git_directory_is_skipped_as_by_git(tmp_path: Path) -> None:
    clone = ordinary(tmp_path)
    (clone / "docs/.git").mkdir()
    assert find_clone(clone / "docs").top == clone
    assert Repository.open(clone / "docs").head() == git_in(clone / "docs")("rev-parse", "HEAD")


@pytest.mark.parametrize("said", ["gitdir: ../elsewhere\n", "nothing\n", "", "gitdir: \n", "gitdir: a\0b\n"])
def test_a_git_file_without_a_repository_is_an_error(tmp_path: Path, said: str) -> None:
    put(tmp_path, {"clone/.git": said})
    with pytest.raises(GitError) as caught:
        find_clone(tmp_path / "clone")
    assert ".git" in str(caught.value)


@pytest.mark.parametrize(
    "names", [("HEAD", "objects", "refs"), ("HEAD", "commondir"), ("HEAD", "commondir", "objects")]
)
def test_files_that_look_like_a_repository_are_refused_within_a_clone(tmp_path: Path, names: tuple[str, ...]) -> None:
    clone = ordinary(tmp_path)
    put(clone, {f"docs/{name}" if "." in name or name.isupper() else f"docs/{name}/x": "x" for name in names})
    with pytest.raises(Refusal, match="looks like a git repository") as caught:
        Repository.open(clone / "docs")
    assert "HEAD" in caught.value.advice


def test_the_git_directory_is_not_content(tmp_path: Path) -> None:
    clone = ordinary(tmp_path)
    with pytest.raises(GitError, match="bare repository"):
        find_clone(clone / ".git/refs")


def test_the_limits_of_git_on_searching_upward_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = ordinary(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(clone))
    with pytest.raises(GitError, match="not a git repository"):
        Repository.open(clone / "docs")


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A remote helper for `attack::`, as `git-remote-ext` is one for `ext::`; returns what it makes."""
    program = tmp_path / "bin/git-remote-attack"
    mark = tmp_path / "mark"
    put(tmp_path, {"bin/git-remote-attack": f"#!/bin/sh\ntouch {mark}\nexit 1\n"})
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return mark


def test_only_builtin_protocols_are_used_unless_the_environment_allows_more(
    clone: Path, helper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_in(clone)("remote", "add", "origin", "attack::x")
    with pytest.raises(GitError, match="protocol `attack`") as caught:
        Repository.open(clone).fetch_refs("origin", ["refs/kbsync/production"])
    assert "GIT_ALLOW_PROTOCOL" in caught.value.advice
    assert not helper.exists()
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "attack")
    with pytest.raises(GitError):
        Repository.open(clone).fetch_refs("origin", ["refs/kbsync/production"])
    assert helper.exists()


def test_missing_objects_of_a_partial_clone_are_fetched_by_builtin_protocols_only(
    clone: Path, shared: Path, tmp_path: Path, helper: Path
) -> None:
    git_in(tmp_path)("clone", "-q", "--filter=blob:none", "--no-checkout", shared.as_uri(), "partial")
    partial = tmp_path / "partial"
    git_in(partial)("config", "remote.origin.url", "attack::x")
    with pytest.raises(GitError, match="protocol `attack`"):
        Repository.open(partial).committed("HEAD").read("faq/general/hello.md")
    assert not helper.exists()
    git_in(partial)("config", "remote.origin.url", shared.as_uri())
    assert b"Hi." in Repository.open(partial).committed("HEAD").read("faq/general/hello.md")


def test_a_file_stored_through_a_filter_of_the_user_does_not_count_as_changed(clone: Path) -> None:
    git = git_in(clone)
    git("config", "filter.big.clean", "sed s/large/pointer/")
    git("config", "filter.big.smudge", "sed s/pointer/large/")
    put(clone, {".gitattributes": "*.bin filter=big\n", "a.bin": "large\n"})
    git("add", "-A")
    git("commit", "-q", "-m", "two")
    assert git("cat-file", "-p", "HEAD:a.bin") == "pointer"
    put(clone, {"a.bin": "large\n"})
    os.utime(clone / "a.bin", (0, 0))
    assert Repository.open(clone).uncommitted() == frozenset()
