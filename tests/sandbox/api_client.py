"""A client of a running portal that has one category and one folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.portals import serve

API = "/api/v2/solutions"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClient:
    """A client of the API, its portal, and the category and folder in it."""

    portal: Portal
    http: httpx.Client
    category: int
    folder: int

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(f"{API}{path}", params=params)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(f"{API}{path}", json=body)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self.http.put(f"{API}{path}", json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(f"{API}{path}")

    def article(self, **fields: Any) -> dict[str, Any]:
        """Publish an article through the API."""
        body = {"title": "Reset", "description": "<p>Go</p>", "status": 2, **fields}
        response = self.post(f"/folders/{self.folder}/articles", body)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made


@contextmanager
def open_client(**settings: Any) -> Iterator[ApiClient]:
    """Run a portal with these settings and yield a client of it."""
    with (
        serve(SandboxSettings(**settings)) as portal,
        httpx.Client(base_url=portal.url, auth=(portal.key, "X"), timeout=20, verify=False) as http,
    ):
        yield client_for(portal, http)


def client_for(portal: Portal, http: httpx.Client) -> ApiClient:
    """Create a category and a folder in an empty portal and return a client of it."""
    category = portal.store.create_category("Getting started")
    folder = portal.store.create_folder(category.id, "Accounts")
    return ApiClient(portal=portal, http=http, category=category.id, folder=folder.id)


def field_errors(response: httpx.Response) -> set[tuple[str, str]]:
    """Return the field and the code of every problem in an error response."""
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    body = response.json()
    assert body["description"] == "Validation failed"
    assert all(set(error) == {"field", "message", "code"} for error in body["errors"])
    return {(error["field"], error["code"]) for error in body["errors"]}
