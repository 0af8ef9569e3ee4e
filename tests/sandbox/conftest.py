"""A portal with default settings, started once and emptied for each test."""

from collections.abc import Iterator

import pytest

from tests.sandbox.api_client import ApiClient, client_for, open_client


@pytest.fixture(scope="session")
def _shared() -> Iterator[ApiClient]:
    with open_client() as client:
        yield client


@pytest.fixture
def client(_shared: ApiClient) -> ApiClient:
    """Return a client of a portal with default settings, one category and one folder."""
    portal = _shared.portal
    for category in portal.store.all_categories():
        portal.store.delete_category(category.id)
    portal.faults.clear()
    portal.calls.clear()
    return client_for(portal, _shared.http)
