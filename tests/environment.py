"""What surrounds tests: nothing of the caller's, a git author, and what would only take time left out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

import httpx

# Git packs and syncs nothing: no test lasts long enough to need it, and it starts processes after every commit.
_GIT = """
[user]
    name = A Writer
    email = writer@example.com
[init]
    defaultBranch = main
[core]
    fsync = none
[gc]
    auto = 0
[maintenance]
    auto = false
[receive]
    autoGC = false
"""
_create_context = cache(httpx.create_ssl_context)  # one reads all certificates, which takes 25 ms


@contextmanager
def clean_environment(place: Path, *, kept: frozenset[str] = frozenset()) -> Iterator[None]:
    """Use no key, option or git setting of the user but those `kept`, and no cache; `place` is for git's settings."""
    settings = place / "gitconfig"
    settings.write_text(_GIT)
    with patch.dict(os.environ), patch.object(httpx._transports.default, "create_ssl_context", _create_context):
        for name in set(os.environ) - kept:
            if name.startswith(("FRESHDESK_", "KBSYNC_", "GIT_")):
                del os.environ[name]
        os.environ |= {
            "GIT_CONFIG_GLOBAL": str(settings),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "KBSYNC_NO_CACHE": "1",
        }
        yield


def files_below(root: Path) -> Iterator[tuple[str, bytes]]:
    """Return the path below `root` and the data of every file there, less those of git, which are most of all."""
    for place, folders, names in os.walk(root):
        if Path(place) == root and ".git" in folders:
            folders.remove(".git")
        for name in names:
            file = Path(place, name)
            if file.is_file():
                yield file.relative_to(root).as_posix(), file.read_bytes()
