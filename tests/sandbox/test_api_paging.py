"""The pages of lists, and the header with the URL of the next page."""

import re

import pytest

from tests.sandbox.api_client import ApiClient, field_errors


def _fill(client: ApiClient, count: int) -> None:
    with client.portal.store.database.transaction():
        for number in range(count):
            client.portal.store.create_article(client.folder, f"Article {number}", "x")


def test_a_page_has_30_items_unless_another_size_is_requested(client: ApiClient) -> None:
    _fill(client, 101)
    path = f"/folders/{client.folder}/articles"
    assert [len(client.get(path, page=page).json()) for page in (1, 2, 3, 4, 5)] == [30, 30, 30, 11, 0]
    assert len(client.get(path, per_page=100).json()) == 100


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 201])
def test_following_the_link_reads_everything_once(client: ApiClient, count: int) -> None:
    _fill(client, count)
    address: str | None = f"/api/v2/solutions/folders/{client.folder}/articles?per_page=100"
    titles: list[str] = []
    while address:
        response = client.http.get(address)
        titles += [one["title"] for one in response.json()]
        found = re.fullmatch(r'<(.+)>;rel="next"', response.headers.get("link", ""))
        address = found[1] if found else None
    assert titles == [f"Article {number}" for number in range(count)]
    assert len(client.portal.calls) == max(1, -(-count // 100))


def test_every_list_has_pages(client: ApiClient) -> None:
    store = client.portal.store
    with store.database.transaction():
        for number in range(101):
            store.create_category(f"Category {number}")
            store.create_folder(client.category, f"Folder {number}")
            store.create_folder(client.category, f"Inner {number}", parent_id=client.folder)
    for path in ("/categories", f"/categories/{client.category}/folders", f"/folders/{client.folder}/subfolders"):
        assert "link" in client.get(path, per_page=100).headers, path
        last = client.get(path, per_page=100, page=2)
        assert len(last.json()) in (1, 2)
        assert "link" not in last.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [("per_page", "101"), ("per_page", "0"), ("per_page", "x"), ("page", "0"), ("page", "-1"), ("page", "١")],
)
def test_a_wrong_page_or_size_is_refused(client: ApiClient, name: str, value: str) -> None:
    response = client.get("/categories", **{name: value})
    assert response.status_code == 400
    assert field_errors(response) == {(name, "invalid_value")}
