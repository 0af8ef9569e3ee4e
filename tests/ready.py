"""What the fixtures of many tests begin with: made once in a process, and then copied."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings


@dataclass(slots=True)
class Ready:
    """Keeps copies of repositories and of what their portals hold, in a folder each below `place`.

    A copy is for the same address, since texts on the portal have links with it.
    """

    place: Path
    _kept: dict[tuple[str, str, SandboxSettings], tuple[Path, Path]] = field(default_factory=dict)

    def __call__(self, name: str, folder: Path, portal: Portal, make: Callable[[], object]) -> None:
        """Do what `make` does with the folder and the portal, or copy what it has made of others."""
        key = (name, portal.url, portal.settings)
        if key in self._kept:
            self._copy(*self._kept[key], folder, portal)
        else:
            make()
            self._kept[key] = folder, self._keep(folder, portal)
        portal.calls.clear()

    def _keep(self, folder: Path, portal: Portal) -> Path:
        kept = self.place / str(len(self._kept))
        shutil.copytree(folder, kept, symlinks=True)
        with closing(sqlite3.connect(kept / "portal.sqlite")) as data:
            portal.store.database.connection.backup(data)
        return kept

    @staticmethod
    def _copy(old: Path, kept: Path, folder: Path, portal: Portal) -> None:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder, symlinks=True, ignore=shutil.ignore_patterns("portal.sqlite"))
        for settings in (*folder.glob("*/.git/config"), *folder.glob("*.git/config")):
            settings.write_text(settings.read_text().replace(str(old), str(folder)))
        for index in folder.glob("*/.git/index"):
            # Git knows files by their inodes too: to it, every copied file may have changed.
            subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=index.parent.parent, check=True)
        with closing(sqlite3.connect(kept / "portal.sqlite")) as data:
            data.backup(portal.store.database.connection)
