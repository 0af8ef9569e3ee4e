"""A running portal with one category and one folder, and an HTTP client that knows its key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from kbsync.sandbox.server import Portal, serve
from kbsync.sandbox.settings import SandboxSettings

API = "/api/v2/solutions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a test of the API needs at hand."""

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
        answer = self.post(f"/folders/{self.folder}/articles", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@contextmanager
def desk(**choices: Any) -> Iterator[Desk]:
    """Open a portal that behaves as chosen."""
    with (
        serve(SandboxSettings(**choices)) as portal,
        httpx.Client(base_url=portal.url, auth=(portal.key, "X"), timeout=20, verify=False) as http,
    ):
        yield furnished(portal, http)


def furnished(portal: Portal, http: httpx.Client) -> Desk:
    """Put a category and a folder into an empty portal."""
    category = portal.store.create_category("Getting started")
    folder = portal.store.create_folder(category.id, "Accounts")
    return Desk(portal=portal, http=http, category=category.id, folder=folder.id)


def problems(answer: httpx.Response) -> set[tuple[str, str]]:
    """Give field and code of every problem that an answer names."""
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert body["description"] == "Validation failed"
    assert all(set(error) == {"field", "message", "code"} for error in body["errors"])
    return {(error["field"], error["code"]) for error in body["errors"]}
