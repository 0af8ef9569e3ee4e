"""Read a whole portal: in few calls, and without accepting incomplete lists."""

import contextlib
import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kbsync.errors import PortalError
from kbsync.freshdesk.api import PortalReader
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import read, resolve_authors
from kbsync.freshdesk.responses import StatusError
from kbsync.model import Side, Status, Visibility, fields_of
from kbsync.sandbox.settings import SandboxSettings
from kbsync.sandbox.store import load_path
from tests.freshdesk.conftest import ConnectedPortal
from tests.freshdesk.faulty import Reply, faulty, reply
from tests.portals import serve


def test_an_empty_portal_is_one_call() -> None:
    with serve(SandboxSettings()) as portal, Connection(portal.url, portal.key) as connection:
        found = read(PortalReader(connection))
    assert (found.categories, found.folders, found.articles) == ((), (), ())
    assert found.side is Side.LIVE
    assert connection.calls == 1


def test_everything_is_read_drafts_and_nested_folders_too_in_the_order_of_ids(connected: ConnectedPortal) -> None:
    store, ids = connected.portal.store, connected.ids
    deep = ids["a/b/c"]
    for level in range(4):
        deep = store.create_folder(ids["a"], f"level {level}", parent_id=deep, visibility=3).id
    last = store.create_article(deep, "שלום 🎉", "<p>b</p>", status=1, tags=("x", "y"), seo={"meta_title": "m"})
    first = store.create_article(ids["a/b"], "first", "<p>a</p>")
    found = connected.read()
    assert [folder.name for folder in found.folders] == ["B", "C", "level 0", "level 1", "level 2", "level 3"]
    assert {folder.id: folder.parent for folder in found.folders}[ids["a/b/c"]] == ids["a/b"]
    assert {folder.id: folder.parent for folder in found.folders}[ids["a/b"]] == ids["a"]
    assert found.folders[-1].visibility is Visibility.AGENTS
    assert [(article.title, article.parent, article.status) for article in found.articles] == [
        ("שלום 🎉", deep, Status.DRAFT),
        ("first", ids["a/b"], Status.PUBLISHED),
    ]
    assert found.articles[0].tags == ("x", "y")
    assert found.articles[0].seo.title == "m"
    assert [article.id for article in found.articles] == [last.id, first.id]
    assert all(value is not None for item in found.items() for value in fields_of(item).values())
    assert found.seen_at.endswith("Z")


def test_a_read_makes_only_the_necessary_calls(connected: ConnectedPortal) -> None:
    store, ids = connected.portal.store, connected.ids
    for n in range(101):
        store.create_article(ids["a/b"], f"t{n}", "")
    store.create_category("empty")
    found = connected.read()
    assert len(found.articles) == 101
    assert Counter(call.split()[1] for call in connected.calls) == {
        "categories": 1,
        f"categories/{ids['a']}/folders": 1,
        f"categories/{found.categories[1].id}/folders": 1,
        f"folders/{ids['a/b']}/subfolders": 1,
        f"folders/{ids['a/b']}/articles": 2,
    }
    assert connected.connection.calls == len(connected.calls)


def test_lists_of_more_than_a_page_are_read_to_the_end() -> None:
    with serve(SandboxSettings()) as portal, Connection(portal.url, portal.key) as connection:
        store = portal.store
        for n in range(101):
            store.create_category(f"c{n}")
        category = store.all_categories()[0].id
        for n in range(101):
            store.create_folder(category, f"f{n}")
        above = store.all_folders()[0].id
        for n in range(101):
            store.create_folder(category, f"n{n}", parent_id=above)
        found = read(PortalReader(connection))
    assert len(found.categories) == 101
    assert len(found.folders) == 202
    assert connection.calls == 2 + 101 + 1 + 2


def test_the_number_of_threads_changes_nothing(connected: ConnectedPortal) -> None:
    for n in range(30):
        folder = connected.portal.store.create_folder(connected.ids["a"], f"f{n}", parent_id=connected.ids["a/b"])
        connected.portal.store.create_article(folder.id, f"t{n}", f"<p>{n}</p>")
    one, many = read(connected.reader, threads=1), read(connected.reader, threads=16)
    assert dataclasses.replace(one, seen_at="") == dataclasses.replace(many, seen_at="")


@pytest.mark.parametrize("settings", [SandboxSettings(subfolders="forbidden"), SandboxSettings(subfolders="missing")])
def test_an_account_without_the_feature_has_its_folders_read(connected: ConnectedPortal) -> None:
    connected.portal.store.create_article(connected.ids["a/b"], "t", "")
    found = connected.read()
    assert [folder.name for folder in found.folders] == ["B"]
    assert [article.title for article in found.articles] == ["t"]


ARTICLE: dict[str, Any] = {"id": 8, "title": "t", "description": "<p>b</p>"}


def _portal(pages: dict[str, Any]) -> Reply:
    """Respond by path; the responses of a list are sent one by one, and the last one repeatedly."""

    def answer(line: str, _: int) -> bytes:
        found = pages.get(line.removeprefix("GET /api/v2/solutions/").partition("?")[0])
        if isinstance(found, list) and found and isinstance(found[0], tuple):
            found = (found.pop(0) if len(found) > 1 else found[0])[0]
        return reply("", status="403 No") if found is None else reply(json.dumps(found))

    return answer


def _folder(number: int, **others: Any) -> dict[str, Any]:
    return {"id": number, "name": f"f{number}", "parent_folder_id": None, "visibility": 1} | others


def _read(pages: dict[str, Any]) -> tuple[Any, list[str]]:
    with faulty(_portal({"categories": [{"id": 1, "name": "c"}]} | pages)) as server:
        with Connection(server.url, "key", sleep=lambda _: None) as connection:
            found = read(PortalReader(connection), threads=2)
        return found, [line.removeprefix("GET /api/v2/solutions/").partition("?")[0] for line in server.lines]


def test_an_account_without_nested_folders_may_refuse_to_list_them() -> None:
    found, lines = _read({"categories/1/folders": [_folder(2), _folder(3, articles_count=0)], "folders/2/articles": []})
    assert [folder.id for folder in found.folders] == [2, 3]
    assert sorted(lines)[-3:] == ["folders/2/articles", "folders/2/subfolders", "folders/3/subfolders"]


def test_a_nested_folder_that_the_category_lists_too_is_one_folder() -> None:
    outer = _folder(2, articles_count=0, sub_folders_count=1)
    inner = _folder(3, articles_count=1, sub_folders_count=0, parent_folder_id=2)
    article = {"id": 9, "title": "t", "description": ""}
    found, lines = _read(
        {
            "categories/1/folders": [outer, inner],
            "folders/2/subfolders": [inner | {"category_id": 1}],
            "folders/3/articles": [article],
        }
    )
    assert [(folder.id, folder.parent) for folder in found.folders] == [(2, 1), (3, 2)]
    assert [(one.id, one.parent) for one in found.articles] == [(9, 3)]
    assert len(lines) == len(set(lines)) == 4


def test_nested_folders_that_are_known_already_need_no_list_that_is_refused() -> None:
    outer = _folder(2, articles_count=0, sub_folders_count=1)
    inner = _folder(3, articles_count=0, sub_folders_count=0, parent_folder_id=2)
    found, _ = _read({"categories/1/folders": [outer, inner]})
    assert [folder.id for folder in found.folders] == [2, 3]
    with pytest.raises(StatusError):
        _read({"categories/1/folders": [outer]})


def test_folders_in_a_cycle_do_not_block_the_read() -> None:
    one = _folder(2, articles_count=0, sub_folders_count=1, parent_folder_id=3)
    two = _folder(3, articles_count=0, sub_folders_count=1, parent_folder_id=2)
    found, _ = _read({"categories/1/folders": [one], "folders/2/subfolders": [two], "folders/3/subfolders": [one]})
    assert [folder.id for folder in found.folders] == [2, 3]


@pytest.mark.parametrize("count", ["articles_count", "sub_folders_count"])
def test_a_list_that_stays_incomplete_is_an_error_that_names_the_folder(count: str) -> None:
    folder = _folder(2, articles_count=0, sub_folders_count=0) | {count: 3}
    what = "articles" if count == "articles_count" else "subfolders"
    item = ARTICLE | {"name": "n"}
    with pytest.raises(PortalError, match='"f2"') as caught:
        _read({"categories/1/folders": [folder], f"folders/2/{what}": [item, item], "folders/2": folder})
    assert "3" in str(caught.value)
    assert "1" in str(caught.value)
    assert "again" in caught.value.advice


def test_a_list_that_is_complete_the_second_time_is_accepted() -> None:
    folder = _folder(2, articles_count=2, sub_folders_count=0)
    pages = [([ARTICLE],), ([ARTICLE, ARTICLE | {"id": 9}],)]
    found, lines = _read({"categories/1/folders": [folder], "folders/2/articles": pages, "folders/2": folder})
    assert [article.id for article in found.articles] == [8, 9]
    assert lines.count("folders/2/articles") == 2


def test_an_article_deleted_meanwhile_is_no_error() -> None:
    folder = _folder(2, articles_count=2, sub_folders_count=0)
    found, _ = _read(
        {
            "categories/1/folders": [folder],
            "folders/2/articles": [ARTICLE],
            "folders/2": folder | {"articles_count": 1},
        }
    )
    assert [article.id for article in found.articles] == [8]


def test_a_list_without_bodies_does_not_make_articles_look_empty() -> None:
    pages = {"categories/1/folders": [_folder(2, articles_count=1, sub_folders_count=0)]}
    found, _ = _read(pages | {"folders/2/articles": [{"id": 8, "title": "t"}], "articles/8": ARTICLE})
    assert [article.body for article in found.articles] == ["<p>b</p>"]


def test_progress_is_reported(connected: ConnectedPortal) -> None:
    heard: list[tuple[int, int]] = []
    for folder in ("a/b", "a/b", "a/b/c"):
        connected.portal.store.create_article(connected.ids[folder], "t", "")
    read(connected.reader, progress=lambda count, about: heard.append((count, about)))
    assert heard == [(2, 3), (3, 3)]


def test_an_error_in_one_thread_is_raised(connected: ConnectedPortal) -> None:
    connected.portal.store.create_article(connected.ids["a/b"], "t", "")
    connected.portal.faults.fail("GET", "*/articles", status=503, times=None)
    with pytest.raises(PortalError, match="503"):
        connected.read()


@pytest.mark.parametrize("kind", ["truncated", "lost", "error"])
def test_a_temporary_error_is_retried(connected: ConnectedPortal, kind: str) -> None:
    connected.portal.store.create_article(connected.ids["a/b"], "t", "")
    match kind:
        case "truncated":
            connected.portal.faults.truncate("GET", "*", every=2, times=3)
        case "lost":
            connected.portal.faults.lose("GET", "*", every=2, times=3)
        case _:
            connected.portal.faults.fail("GET", "*", every=2, times=3, status=502)
    assert len(connected.read().articles) == 1


def test_the_rate_limit_is_kept_without_a_429() -> None:
    settings = SandboxSettings(calls_per_minute=20, window=3.0)
    with serve(settings) as portal, Connection(portal.url, portal.key) as connection:
        for n in range(14):
            portal.store.create_category(f"c{n}")
        read(PortalReader(connection))
        assert {call.status for call in portal.calls} == {200}
        assert len(portal.calls) == 15


@pytest.mark.corpus
def test_a_real_knowledge_base_is_read_completely(corpus: Path) -> None:
    with serve(SandboxSettings()) as portal, Connection(portal.url, portal.key) as connection:
        for path in sorted((corpus / "freshdesk-kb").glob("*.json")):
            load_path(portal.store, path)
        store = portal.store
        found = read(PortalReader(connection))
        folders = store.all_folders()
        expected = 1 + len(store.all_categories()) + sum(folder.sub_folders_count > 0 for folder in folders)
        expected += sum(-(-folder.articles_count // 100) for folder in folders)
        assert connection.calls == expected
        bodies = {article.id: (article.title, article.description) for article in store.all_articles()}
        assert {article.id: (article.title, article.body) for article in found.articles} == bodies
        assert len(bodies) > 1000


def test_authors_are_found_by_their_address_in_any_case(connected: ConnectedPortal) -> None:
    found = resolve_authors(connected.reader, {"sam@example.com", "Robin@Example.com"})
    assert found == {"sam@example.com": 150_000_000_002, "Robin@Example.com": 150_000_000_001}
    assert connected.connection.calls == 2


def test_all_unknown_authors_are_named_at_once(connected: ConnectedPortal) -> None:
    with pytest.raises(PortalError, match=r"nobody@example.com, not@example.com") as caught:
        resolve_authors(connected.reader, {"not@example.com", "sam@example.com", "nobody@example.com"})
    assert "author" in caught.value.advice


def test_a_key_that_may_not_list_agents_is_an_error_with_advice(connected: ConnectedPortal) -> None:
    connected.portal.faults.fail("GET", "*/agents", status=403)
    with pytest.raises(PortalError) as caught:
        resolve_authors(connected.reader, ["sam@example.com"])
    assert "agent's id" in caught.value.advice


def test_a_portal_that_ignores_the_address_finds_no_wrong_agent() -> None:
    agents = [{"id": 1, "contact": {"email": "other@example.com"}}]
    with faulty(lambda *_: reply(json.dumps(agents))) as server, Connection(server.url, "key") as connection:
        with pytest.raises(PortalError, match="agent not found"):
            resolve_authors(PortalReader(connection), ["sam@example.com"])
        agents[0] = {"id": 2}
        assert resolve_authors(PortalReader(connection), ["sam@example.com"]) == {"sam@example.com": 2}


def _always(response: bytes) -> Reply:
    return lambda *_: response


ODD: tuple[Any, ...] = (None, True, [1], [[1]], {"a": [1]}, "x", "", -5, 0, 1.5, float("inf"), float("nan"), 10**40)


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("kind", ["category", "folder", "article", "agent", "error"])
def test_a_value_of_another_type_is_words_or_no_matter(kind: str, value: Any) -> None:
    pages: dict[str, Any] = {
        "category": {"id": 1, "name": "c", "description": "", "visible_in_portals": [], "updated_at": ""},
        "folder": _folder(2, articles_count=1, sub_folders_count=1) | {"visibility": 1, "parent_folder_id": None},
        "article": {
            **ARTICLE,
            "seo_data": {},
            "tags": [],
            "agent_id": 1,
            "folder_id": 2,
            "status": 2,
            "description": "",
        },
        "agent": {"id": 5, "contact": {"email": "a@b.c"}},
        "error": {"code": "x", "message": "y", "description": "z", "errors": [{"field": "a", "code": "b"}]},
    }
    for name in pages[kind]:
        wrong = pages | {kind: pages[kind] | {name: value}}
        answers = {
            "categories": [wrong["category"]],
            "categories/1/folders": [wrong["folder"]],
            "folders/2/subfolders": [_folder(3, articles_count=0, sub_folders_count=0)],
            "folders/2/articles": [wrong["article"]],
            "folders/2": wrong["folder"],
        }
        refused = reply(json.dumps(wrong["error"]), status="400 Bad Request")
        with faulty(_portal(answers)) as server:
            with Connection(server.url, "key", sleep=lambda _: None) as connection, contextlib.suppress(PortalError):
                read(PortalReader(connection), threads=1)
        with faulty(_always(reply(json.dumps([wrong["agent"]])))) as server:
            with Connection(server.url, "key") as connection, contextlib.suppress(PortalError):
                resolve_authors(PortalReader(connection), ["a@b.c"])
        with faulty(_always(refused)) as server:
            with Connection(server.url, "key") as connection, pytest.raises(PortalError):
                connection.get("/x")


@pytest.mark.parametrize("number", [[1], -1, 0, None, "7", True, 1.0])
def test_an_id_that_is_none_is_named(number: Any) -> None:
    with pytest.raises(PortalError, match="has no article id, but"):
        _read({"categories/1/folders": [_folder(2)], "folders/2/articles": [ARTICLE | {"id": number}]})


def test_two_different_articles_of_one_id_are_named_and_nothing_is_read() -> None:
    one, two = ARTICLE | {"title": "One"}, ARTICLE | {"title": "Two"}
    with pytest.raises(PortalError, match=r'article \d+ twice, and differently: "One" and "Two"'):
        _read({"categories/1/folders": [_folder(2)], "folders/2/articles": [one, two]})
    folders = {"categories/1/folders": [_folder(2), _folder(3)]}
    with pytest.raises(PortalError, match="twice"):
        _read({**folders, "folders/2/articles": [one], "folders/3/articles": [one]})
    with pytest.raises(PortalError, match=r'folder 2 twice, and differently: "f2" and "other"'):
        _read({"categories/1/folders": [_folder(2), _folder(2) | {"name": "other"}]})


def test_an_article_that_two_pages_list_alike_is_one() -> None:
    body = '<img src="https://a.freshdesk.com/inline/attachment?token=eyJh.eyJpZCI6MX0.s-%s">'
    pair = [ARTICLE | {"description": body % token} for token in "ab"]
    found, _ = _read({"categories/1/folders": [_folder(2)], "folders/2/articles": pair})
    assert len(found.articles) == 1
