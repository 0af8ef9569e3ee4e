"""Writing into a content tree: whole files, inside the root, not through links."""

import os
import stat
from pathlib import Path

import pytest

from kbsync.errors import ContentError
from kbsync.files import WorkingTree, write
from tests.git.conftest import put


def test_files_are_written_replaced_and_deleted(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/old.md": "old", "a/gone/deep/x.md": "x", "a/b/kept.md": "kept"})
    write(tmp_path, {"a/b/old.md": "new ü\r\n", "c/d/new.md": "n", "a/gone/deep/x.md": None, "a/absent.md": None})
    files = WorkingTree(tmp_path)
    assert files.paths() == ("a/b/kept.md", "a/b/old.md", "c/d/new.md")
    assert files.read("a/b/old.md") == "new ü\r\n".encode()
    assert not (tmp_path / "a/gone").exists()


def test_the_root_stays_also_when_its_last_file_goes(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/x.md": "x"})
    write(tmp_path, {"a/b/x.md": None})
    assert tmp_path.is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_file_keeps_its_mode_and_a_new_one_gets_the_usual_one(tmp_path: Path) -> None:
    put(tmp_path, {"old.md": "x", "usual.md": "x"})
    (tmp_path / "old.md").chmod(0o640)
    write(tmp_path, {"old.md": "y", "new.md": "y"})
    assert stat.S_IMODE((tmp_path / "old.md").stat().st_mode) == 0o640
    usual = stat.S_IMODE((tmp_path / "usual.md").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "new.md").stat().st_mode) == usual


@pytest.mark.parametrize(
    "path",
    [
        "../x.md",
        "/etc/x.md",
        "a/../../x.md",
        "a/./x.md",
        "",
        "a//b.md",
        ".git/config",
        "a\\..\\x.md",
        "C:/x.md",
        "a\0b",
    ],
)
def test_nothing_is_written_outside_the_root(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(ContentError) as caught:
        write(root, {path: "x", "fine.md": "x"})
    assert len(caught.value.problems) == 1
    assert sorted(tmp_path.rglob("*")) == [root, root / "fine.md"]
    with pytest.raises(ContentError):
        write(root, {path: None})


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(tmp_path, {"secret.md": "secret", "elsewhere/x.md": "x", "root/a.md": "a"})
    (root / "leak.md").symlink_to(tmp_path / "secret.md")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    for path in ("leak.md", "out/x.md", "out/new.md"):
        for text in ("overwritten", None):
            with pytest.raises(ContentError, match="1 problem"):
                write(root, {path: text})
    assert (tmp_path / "secret.md").read_text() == "secret"
    assert (root / "leak.md").is_symlink()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["x.md"]


def test_a_file_that_cannot_be_written_is_reported_and_the_rest_is_written(tmp_path: Path) -> None:
    put(tmp_path, {"file": "x"})
    with pytest.raises(ContentError) as caught:
        write(tmp_path, {"file/below.md": "x", "half\ud800.md": "x", "text.md": "\ud800", "good.md": "x"})
    assert len(caught.value.problems) == 3
    assert all(str(problem).encode() for problem in caught.value.problems)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "good.md"]


def test_a_name_in_the_other_normal_form_is_the_same_file(tmp_path: Path) -> None:
    put(tmp_path, {"e\u0301/e\u0301.md": "old"})
    files = WorkingTree(tmp_path)
    assert files.paths() == ("\u00e9/\u00e9.md",)
    assert files.read("\u00e9/\u00e9.md") == b"old"
    write(tmp_path, {"\u00e9/\u00e9.md": "new"})
    assert WorkingTree(tmp_path).paths() == ("\u00e9/\u00e9.md",)
    assert (tmp_path / "e\u0301/e\u0301.md").read_text() == "new"


def test_files_that_git_ignores_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, {"a/x.md": "x", "a/y.log": "x", "build/z.md": "x"})
    (tmp_path / "link.md").symlink_to("a/x.md")
    files = WorkingTree(tmp_path, ignored={"build/", "a/y.log", "link.md"})
    assert (files.paths(), files.problems()) == (("a/x.md",), ())


def test_a_missing_root_is_a_problem(tmp_path: Path) -> None:
    files = WorkingTree(tmp_path / "absent")
    assert files.paths() == ()
    assert "cannot be looked into" in files.problems()[0].message
