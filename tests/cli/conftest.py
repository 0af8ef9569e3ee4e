"""A small help centre in a repository, and an empty portal that it is for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.cli_runner import Checkout, CommandResult, new_checkout
from tests.portals import serve
from tests.ready import Ready

FIRST = "guide/start/first.md"
SECOND = "guide/start/second.md"
FILES = {
    "guide/_index.md": "---\nname: Guide\n---\n",
    "guide/start/_index.md": "---\nname: Start here\n---\n",
    FIRST: "---\ntitle: First steps\n---\nPlug it in.\n\nThen read [the second](second.md).\n",
    SECOND: "---\ntitle: Second steps\ntags: [setup]\n---\nTurn it on.\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A checkout, and the portal of its one target."""

    checkout: Checkout
    portal: Portal

    def kbsync(self, *words: str, **environ: str | None) -> CommandResult:
        return self.checkout.kbsync(*words, cwd=None, **environ)

    def published(self) -> "Project":
        """Bring the tree to the portal, and forget the calls that this took."""
        done = self.kbsync("publish", "--yes")
        assert done.code == 0, done
        self.portal.calls.clear()
        return self

    def article(self, title: str) -> int:
        """Return the id of an article on the portal."""
        return next(article.id for article in self.portal.store.all_articles() if article.title == title)

    @property
    def written(self) -> list[str]:
        """The calls that wrote, in order."""
        return [f"{call.method} {call.path}" for call in self.portal.calls if call.method != "GET"]


@pytest.fixture
def settings() -> SandboxSettings:
    """How the portal behaves; a test overrides it by parametrising."""
    return SandboxSettings()


@pytest.fixture
def portal(settings: SandboxSettings) -> Iterator[Portal]:
    with serve(settings) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, portal: Portal, ready: Ready) -> Project:
    """A committed tree of one category, one folder and two articles, and its empty portal."""
    root, environ = tmp_path / "help", {"FRESHDESK_API_KEY": portal.key}
    settings = {"kbsync.toml": f'[targets.production]\nurl = "{portal.url}"\n'}
    ready("project", tmp_path, portal, lambda: new_checkout(root, settings | FILES, environ))
    return Project(checkout=Checkout(root=root, environ=environ), portal=portal)
