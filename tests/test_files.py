"""Writing into a content tree: whole files, inside the root, not through links."""

import errno
import os
import stat
from pathlib import Path

import pytest

from kbsync.files import WorkingTree, delete_file, move_file, read_file, write_file
from tests.git.conftest import put


def _write(root: Path, path: str, text: str) -> None:
    write_file(root, path, text.encode(), scratch=root.parent / "scratch")


def test_files_are_written_replaced_moved_and_deleted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root, {"a/b/old.md": "old", "a/gone/deep/x.md": "x", "a/b/kept.md": "kept", "a/from/y.md": "y"})
    _write(root, "a/b/old.md", "new ü\r\n")
    _write(root, "c/d/new.md", "n")
    move_file(root, "a/from/y.md", "e/f/y.md")
    delete_file(root, "a/gone/deep/x.md")
    delete_file(root, "a/absent.md")
    files = WorkingTree(root)
    assert files.paths() == ("a/b/kept.md", "a/b/old.md", "c/d/new.md", "e/f/y.md")
    assert files.read("a/b/old.md") == "new ü\r\n".encode() == read_file(root, "a/b/old.md")
    assert read_file(root, "a/absent.md") is None
    assert not (root / "a/gone").exists()
    assert not (root / "a/from").exists()
    assert [place.name for place in tmp_path.iterdir()] == ["root"], "nothing of the writing is left"


def test_the_root_stays_when_its_last_file_is_deleted(tmp_path: Path) -> None:
    put(tmp_path, {"a/b/x.md": "x"})
    delete_file(tmp_path, "a/b/x.md")
    assert tmp_path.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_when_the_scratch_directory_is_on_another_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    put(root, {"a/old.md": "old"})
    replace = Path.replace

    def on_one_disk(place: Path, target: Path) -> Path:
        if place.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(place, target)

    monkeypatch.setattr(Path, "replace", on_one_disk)
    _write(root, "a/old.md", "new")
    assert (root / "a/old.md").read_text() == "new"
    assert [place.name for place in (root / "a").iterdir()] == ["old.md"]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_file_keeps_its_mode_and_a_new_one_gets_the_usual_one(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root, {"old.md": "x", "usual.md": "x"})
    (root / "old.md").chmod(0o640)
    _write(root, "old.md", "y")
    _write(root, "new.md", "y")
    assert stat.S_IMODE((root / "old.md").stat().st_mode) == 0o640
    usual = stat.S_IMODE((root / "usual.md").stat().st_mode)
    assert stat.S_IMODE((root / "new.md").stat().st_mode) == usual


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
    put(root, {"x.md": "x"})
    for act in (
        lambda: _write(root, path, "x"),
        lambda: delete_file(root, path),
        lambda: move_file(root, "x.md", path),
        lambda: move_file(root, path, "y.md"),
        lambda: read_file(root, path),
    ):
        with pytest.raises(ValueError, match="outside the content tree"):
            act()
    assert sorted(tmp_path.rglob("*")) == [root, root / "x.md"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(tmp_path, {"secret.md": "secret", "elsewhere/x.md": "x", "root/a.md": "a"})
    (root / "leak.md").symlink_to(tmp_path / "secret.md")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    for path in ("leak.md", "out/x.md", "out/new.md"):
        for act in (_write, move_file):
            with pytest.raises(ValueError, match="symbolic link"):
                act(root, path, "b.md") if act is move_file else act(root, path, "overwritten")
        with pytest.raises(ValueError, match="symbolic link"):
            delete_file(root, path)
    assert (tmp_path / "secret.md").read_text() == "secret"
    assert (root / "leak.md").is_symlink()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["x.md"]


def test_a_name_in_the_other_normal_form_is_the_same_file(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root, {"e\u0301/e\u0301.md": "old"})
    files = WorkingTree(root)
    assert files.paths() == ("\u00e9/\u00e9.md",)
    assert files.read("\u00e9/\u00e9.md") == b"old"
    _write(root, "\u00e9/\u00e9.md", "new")
    assert WorkingTree(root).paths() == ("\u00e9/\u00e9.md",)
    assert (root / "e\u0301/e\u0301.md").read_text() == "new"


def test_files_that_git_ignores_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, {"a/x.md": "x", "a/y.log": "x", "build/z.md": "x"})
    (tmp_path / "link.md").symlink_to("a/x.md")
    files = WorkingTree(tmp_path, ignored={"build/", "a/y.log", "link.md"})
    assert (files.paths(), files.problems()) == (("a/x.md",), ())


def test_a_missing_root_is_a_problem(tmp_path: Path) -> None:
    files = WorkingTree(tmp_path / "absent")
    assert files.paths() == ()
    assert "cannot be read" in files.problems()[0].message
