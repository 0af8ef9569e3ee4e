"""A repository of its own, and the settings of a target in it."""

import subprocess
from pathlib import Path

import pytest

from kbsync.config import Config
from kbsync.git.repository import Repository


@pytest.fixture
def config(tmp_path: Path) -> Config:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return Config(root=tmp_path)


@pytest.fixture
def repository(config: Config) -> Repository:
    return Repository.open(config.root)
