"""A portal on loopback, a bare remote, and clones of it; only the waits are shortened."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kbsync.config import Config
from kbsync.freshdesk import client
from kbsync.freshdesk import write as creating
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.engine.clone import Clone, git, new_clone
from tests.planner.world import article
from tests.portals import serve
from tests.ready import Ready

TREE = {
    "guide/_index.md": "---\nname: Guide\ndescription: All about the machine.\n---\n",
    "guide/basics/_index.md": "---\nname: Basics\n---\n",
    "guide/basics/reset.md": article("Reset", "Press the button, as [the other](install.md) says."),
    "guide/basics/install.md": article("Install", "Unpack the box and put it on a table.", tags="[box, table]"),
    "guide/basics/wifi/join.md": article("Join", "Choose the network, then [reset](../reset.md#again)."),
    "shop/orders/pay.md": article("Pay", "Cards, transfers and cash are all welcome."),
}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_BACKOFF", (0.0, 0.0, 0.0))
    monkeypatch.setattr(client, "_RETRY_AFTER_UNSAID", 0.05)
    monkeypatch.setattr(creating, "_SETTLING", 0.0)


@pytest.fixture
def settings() -> SandboxSettings:
    """How the portal behaves; a test overrides it by parametrising."""
    return SandboxSettings()


@pytest.fixture
def portal(settings: SandboxSettings) -> Iterator[Portal]:
    with serve(settings) as served:
        yield served


@pytest.fixture
def clone(tmp_path: Path, portal: Portal, ready: Ready) -> Clone:
    """A repository with one commit and no remote."""
    root = tmp_path / "clone"
    ready("clone", tmp_path, portal, lambda: new_clone(root, portal, TREE))
    return Clone(root=root, portal=portal, config=Config(root=root, url=portal.url))


@pytest.fixture
def shared(clone: Clone, tmp_path: Path) -> Path:
    """A bare remote, known to the clone as origin."""
    place = tmp_path / "shared.git"
    git(tmp_path, "clone", "-q", "--bare", str(clone.root), str(place))
    git(place, "config", "uploadpack.allowFilter", "true")
    clone.git("remote", "add", "origin", place.as_uri())
    clone.git("fetch", "-q")
    return place
