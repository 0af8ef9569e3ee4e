"""A portal of one's own, and what a change needs to be applied to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from kbsync.change import Action, Change, Outcome
from kbsync.freshdesk.api import PortalReader, PortalWriter
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import apply, read
from kbsync.model import Article, Item, KnowledgeBase
from kbsync.sandbox.server import Portal, serve
from kbsync.sandbox.settings import SandboxSettings


@dataclass(slots=True)
class Desk:
    """One sandbox with a category, a folder and a nested folder, and the calls that a test makes."""

    portal: Portal
    connection: Connection
    ids: dict[str, int] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    @property
    def reader(self) -> PortalReader:
        return PortalReader(self.connection)

    def read(self) -> KnowledgeBase:
        return read(self.reader, threads=4)

    def article(self, number: int) -> Article:
        """Read one article as the plan would have it."""
        return next(article for article in self.read().articles if article.id == number)

    def apply(self, change: Change, **others: Any) -> Outcome:
        """Apply, and forget the calls that led up to it."""
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
        """List the calls as `METHOD last/parts status`."""
        return [f"{c.method} {c.path.removeprefix('/api/v2/solutions/')} {c.status}" for c in self.portal.calls]


def change_to(action: Action, desired: Item | None, actual: Item | None = None, **others: Any) -> Change:
    """Write a change as a plan would."""
    item = desired or actual
    assert item is not None
    number = actual.id if actual else None
    path = others.pop("path", None) or (item.path or "a/b/x.md")
    return Change(action=action, kind=item.kind, path=path, id=number, desired=desired, actual=actual, **others)


def open_desk(settings: SandboxSettings) -> Iterator[Desk]:
    """Serve a portal with the tree `a`, `a/b`, `a/b/c`."""
    with serve(settings) as portal, Connection(portal.url, portal.key, patience=5, sleep=lambda _: None) as connection:
        store = portal.store
        category = store.create_category("A")
        folder = store.create_folder(category.id, "B")
        nested = store.create_folder(category.id, "C", parent_id=folder.id)
        yield Desk(portal, connection, {"a": category.id, "a/b": folder.id, "a/b/c": nested.id})


@pytest.fixture
def settings() -> SandboxSettings:
    """How the portal behaves; a test overrides it by parametrising."""
    return SandboxSettings()


@pytest.fixture
def desk(settings: SandboxSettings) -> Iterator[Desk]:
    yield from open_desk(settings)
