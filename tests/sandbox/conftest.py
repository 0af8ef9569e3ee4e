"""A portal with every default, emptied for each test rather than started for each."""

from collections.abc import Iterator

import pytest

from tests.sandbox.desk import Desk, desk, furnished


@pytest.fixture(scope="session")
def _opened() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


@pytest.fixture
def front(_opened: Desk) -> Desk:
    """A portal with every default, one category and one folder."""
    portal = _opened.portal
    for category in portal.store.all_categories():
        portal.store.delete_category(category.id)
    portal.faults.clear()
    portal.calls.clear()
    return furnished(portal, _opened.http)
