"""Real repositories in temporary folders."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Git = Callable[..., str]


def git_in(place: Path) -> Git:
    """Return a function that runs git in a folder."""

    def run(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=place, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run


def put(place: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit."""
    place = tmp_path / "clone"
    place.mkdir()
    git = git_in(place)
    git("init", "-q")
    put(place, {"faq/general/hello.md": "---\ntitle: Hello\n---\n\nHi.\n", "faq/general/img/a.png": b"\x89PNG\0"})
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    return place


@pytest.fixture
def shared(clone: Path, tmp_path: Path) -> Path:
    """A bare remote, known to the clone as origin."""
    place = tmp_path / "shared.git"
    git_in(tmp_path)("clone", "-q", "--bare", str(clone), str(place))
    git_in(clone)("remote", "add", "origin", place.as_uri())
    git_in(place)("config", "uploadpack.allowFilter", "true")
    return place
