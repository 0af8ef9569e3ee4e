"""Pages of lists, and the header that leads from one to the next."""

import re

import pytest

from tests.sandbox.desk import Desk, problems


def _fill(front: Desk, count: int) -> None:
    with front.portal.store.together():
        for number in range(count):
            front.portal.store.create_article(front.folder, f"Article {number}", "x")


def test_a_page_has_30_items_unless_another_size_is_asked_for(front: Desk) -> None:
    _fill(front, 101)
    path = f"/folders/{front.folder}/articles"
    assert [len(front.get(path, page=page).json()) for page in (1, 2, 3, 4, 5)] == [30, 30, 30, 11, 0]
    assert len(front.get(path, per_page=100).json()) == 100


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 201])
def test_following_the_link_reads_everything_once(front: Desk, count: int) -> None:
    _fill(front, count)
    address: str | None = f"/api/v2/solutions/folders/{front.folder}/articles?per_page=100"
    titles: list[str] = []
    while address:
        answer = front.http.get(address)
        titles += [one["title"] for one in answer.json()]
        found = re.fullmatch(r'<(.+)>;rel="next"', answer.headers.get("link", ""))
        address = found[1] if found else None
    assert titles == [f"Article {number}" for number in range(count)]
    assert len(front.portal.calls) == max(1, -(-count // 100))


def test_every_list_has_pages(front: Desk) -> None:
    store = front.portal.store
    with store.together():
        for number in range(101):
            store.create_category(f"Category {number}")
            store.create_folder(front.category, f"Folder {number}")
            store.create_folder(front.category, f"Inner {number}", parent_id=front.folder)
    for path in ("/categories", f"/categories/{front.category}/folders", f"/folders/{front.folder}/subfolders"):
        assert "link" in front.get(path, per_page=100).headers, path
        last = front.get(path, per_page=100, page=2)
        assert len(last.json()) in (1, 2)
        assert "link" not in last.headers


@pytest.mark.parametrize(
    ("name", "value"),
    [("per_page", "101"), ("per_page", "0"), ("per_page", "x"), ("page", "0"), ("page", "-1"), ("page", "١")],
)
def test_a_wrong_page_or_size_is_refused(front: Desk, name: str, value: str) -> None:
    answer = front.get("/categories", **{name: value})
    assert answer.status_code == 400
    assert problems(answer) == {(name, "invalid_value")}
