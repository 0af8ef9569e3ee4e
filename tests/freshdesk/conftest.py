"""A portal with a small tree, and how tests read it and apply changes to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from kbsync.change import Action, Change, Outcome
from kbsync.freshdesk.api import PortalReader, PortalWriter
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import apply, read
from kbsync.freshdesk.verify import Readings
from kbsync.model import Article, Item, KnowledgeBase
from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.portals import serve


@dataclass(slots=True)
class ConnectedPortal:
    """A portal with a category, a folder and a nested folder, and a connection to it."""

    portal: Portal
    connection: Connection
    ids: dict[str, int] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    @property
    def reader(self) -> PortalReader:
        return PortalReader(self.connection)

    def readings(self, changes: Sequence[Change] = (), live: KnowledgeBase | None = None, **others: Any) -> Readings:
        return Readings(self.reader, changes, live, **others)

    def read(self) -> KnowledgeBase:
        return read(self.reader, threads=4)

    def article(self, number: int) -> Article:
        """Return one article as a plan has it."""
        return next(article for article in self.read().articles if article.id == number)

    def apply(self, change: Change, **others: Any) -> Outcome:
        """Apply a change; afterwards `calls` has its calls only."""
        self.portal.calls.clear()
        known = others.pop("known", None) or frozenset(self.read().by_id())
        self.portal.calls.clear()
        return apply(
            self.reader,
            PortalWriter(self.connection),
            change,
            ids=self.ids,
            known=known,
            sleep=self.slept.append,
            **others,
        )

    @property
    def calls(self) -> list[str]:
        """Return the calls as `METHOD path status`."""
        return [f"{c.method} {c.path.removeprefix('/api/v2/solutions/')} {c.status}" for c in self.portal.calls]


def change_to(action: Action, desired: Item | None, actual: Item | None = None, **others: Any) -> Change:
    """Return a change as a plan has it."""
    item = desired or actual
    assert item is not None
    number = actual.id if actual else None
    path = others.pop("path", None) or (item.path or "a/b/x.md")
    return Change(action=action, kind=item.kind, path=path, id=number, desired=desired, actual=actual, **others)


def open_portal(settings: SandboxSettings) -> Iterator[ConnectedPortal]:
    """Serve a portal with the tree `a`, `a/b`, `a/b/c`."""
    with serve(settings) as portal, Connection(portal.url, portal.key, timeout=5, sleep=lambda _: None) as connection:
        store = portal.store
        category = store.create_category("A")
        folder = store.create_folder(category.id, "B")
        nested = store.create_folder(category.id, "C", parent_id=folder.id)
        yield ConnectedPortal(portal, connection, {"a": category.id, "a/b": folder.id, "a/b/c": nested.id})


@pytest.fixture
def settings() -> SandboxSettings:
    """Return the settings of the portal; a test overrides them by parametrising."""
    return SandboxSettings()


@pytest.fixture
def connected(settings: SandboxSettings) -> Iterator[ConnectedPortal]:
    yield from open_portal(settings)
