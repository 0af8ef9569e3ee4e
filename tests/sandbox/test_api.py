"""The API's facts: what every answer looks like, and the quirks a client must know."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from kbsync.sandbox.server import serve
from kbsync.sandbox.settings import SandboxSettings
from tests.sandbox.desk import Desk, desk, problems

ARTICLE_KEYS = (
    "id type status agent_id created_at category_id folder_id title updated_at description description_text seo_data"
    " tags attachments cloud_files thumbs_up thumbs_down hits suggested feedback_count hierarchy"
).split()
FOLDER_KEYS = (
    "id name description articles_count created_at updated_at icon_url parent_folder_id sub_folders_count hierarchy"
    " visibility"
).split()


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_every_answer_carries_the_recorded_headers(front: Desk) -> None:
    for answer in (front.get("/categories"), front.get("/articles/1"), front.post("/categories", {})):
        assert re.fullmatch(r"\d+\.0", answer.headers["x-ratelimit-total"])
        assert re.fullmatch(r"\d+\.0", answer.headers["x-ratelimit-remaining"])
        assert answer.headers["x-ratelimit-used-currentrequest"] == "1"
        assert answer.headers["x-freshdesk-api-version"] == "latest=v2; requested=v2"
        assert answer.headers["x-request-id"]
        assert answer.headers["status"].startswith(str(answer.status_code))
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["pragma"] == "no-cache"
        assert abs(parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_category_has_the_recorded_keys_in_their_order(front: Desk) -> None:
    made = front.post("/categories", {"name": "Billing"})
    assert list(made.json()) == ["id", "name", "description", "created_at", "updated_at", "icon"]
    assert made.json()["description"] is None


def test_what_was_made_is_answered_with_201_and_its_absolute_address(front: Desk) -> None:
    made = front.post(f"/folders/{front.folder}/articles", {"title": "T", "description": "d", "status": 1})
    address = made.headers["location"]
    assert made.status_code == 201
    assert address == f"{front.portal.url}/api/v2/solutions/articles/{made.json()['id']}"
    assert front.http.get(address).json()["title"] == "T"


def test_a_categorys_folder_list_has_no_category_id_and_the_top_level_alone(front: Desk) -> None:
    inner = front.post(f"/categories/{front.category}/folders", {"name": "Keys", "parent_folder_id": front.folder})
    listed = front.get(f"/categories/{front.category}/folders").json()
    assert [one["id"] for one in listed] == [front.folder]
    assert list(listed[0]) == FOLDER_KEYS
    assert listed[0]["sub_folders_count"] == 1
    with_category = [*FOLDER_KEYS[:3], "category_id", *FOLDER_KEYS[3:]]
    assert list(inner.json()) == list(front.get(f"/folders/{front.folder}").json()) == with_category
    below = front.get(f"/folders/{front.folder}/subfolders").json()
    assert [(one["id"], one["category_id"]) for one in below] == [(inner.json()["id"], front.category)]


def test_hierarchy_leads_from_the_category_down_to_the_folder_itself(front: Desk) -> None:
    inner = front.portal.store.create_folder(front.category, "Keys", parent_id=front.folder)
    shown = front.get(f"/folders/{inner.id}").json()["hierarchy"]
    assert [(step["level"], step["type"], step["data"]["name"]) for step in shown] == [
        (0, "category", "Getting started"),
        (1, "folder", "Accounts"),
        (2, "folder", "Keys"),
    ]
    assert shown[2]["data"] == {"id": inner.id, "name": "Keys", "language": "en"}


def test_articles_count_counts_drafts_and_not_what_lies_deeper(front: Desk) -> None:
    inner = front.portal.store.create_folder(front.category, "Keys", parent_id=front.folder)
    front.portal.store.create_article(inner.id, "Deep", "x")
    front.portal.store.create_article(front.folder, "Draft", "x", status=1)
    assert front.get(f"/folders/{front.folder}").json()["articles_count"] == 1


def test_subfolders_may_be_no_part_of_the_account() -> None:
    with desk(subfolders="forbidden") as front:
        answer = front.get(f"/folders/{front.folder}/subfolders")
        assert (answer.status_code, answer.json()["code"]) == (403, "require_feature")
        assert "parent_folder_id" not in front.get(f"/folders/{front.folder}").json()
        refused = front.post(f"/categories/{front.category}/folders", {"name": "x", "parent_folder_id": front.folder})
        assert refused.status_code == 403
    with desk(subfolders="missing") as front:
        assert front.get(f"/folders/{front.folder}/subfolders").status_code == 404


def test_an_article_has_the_recorded_keys_in_their_order(front: Desk) -> None:
    made = front.article()
    assert list(made) == ARTICLE_KEYS
    assert list(front.get(f"/folders/{front.folder}/articles").json()[0]) == ARTICLE_KEYS


def test_one_article_alone_carries_a_token_that_differs_each_time(front: Desk) -> None:
    made = front.article()
    first, second = (front.get(f"/articles/{made['id']}").json()["collaboration"]["convo_token"] for _ in "ab")
    assert first.count(".") == 2
    assert first != second


def test_a_list_carries_bodies_and_drafts_by_id(front: Desk) -> None:
    made = [front.article(title=title, status=status) for title, status in (("b", 2), ("a", 1), ("c", 2))]
    listed = front.get(f"/folders/{front.folder}/articles").json()
    assert [one["id"] for one in listed] == [one["id"] for one in made]
    assert [one["status"] for one in listed] == [2, 1, 2]
    assert all(one["description"] == "<p>Go</p>" and one["description_text"] == " Go " for one in listed)


def test_seo_keywords_go_in_as_an_array_and_come_out_as_a_text(front: Desk) -> None:
    made = front.article(seo_data={"meta_title": "T", "meta_keywords": ["one", "two words"]})
    assert made["seo_data"] == {"meta_title": "T", "meta_description": "", "meta_keywords": "one,two words"}


def test_seo_that_was_never_set_is_two_blanks_or_nothing() -> None:
    with desk() as front:
        assert front.article()["seo_data"] == {"meta_title": "", "meta_description": ""}
    with desk(seo_unset="absent") as front:
        assert front.article()["seo_data"] == {}


def test_an_update_of_seo_keeps_or_clears_the_other_keys() -> None:
    for update, kept in (("merge", "T"), ("replace", "")):
        with desk(seo_update=update) as front:
            made = front.article(seo_data={"meta_title": "T"})
            after = front.put(f"/articles/{made['id']}", {"seo_data": {"meta_description": "D"}}).json()
            assert after["seo_data"]["meta_title"] == kept


def test_the_same_title_twice_makes_two_articles(front: Desk) -> None:
    assert front.article()["id"] != front.article()["id"]


def test_tags_are_replaced_and_cleared(front: Desk) -> None:
    made = front.article(tags=["a", "b", "a"])
    assert made["tags"] == ["a", "b"]
    assert front.put(f"/articles/{made['id']}", {"tags": ["c"]}).json()["tags"] == ["c"]
    assert front.put(f"/articles/{made['id']}", {"tags": []}).json()["tags"] == []


def test_an_update_that_changes_nothing_leaves_updated_at() -> None:
    clock = Clock()
    with desk(clock=clock) as front:
        made = front.article(tags=["a"], seo_data={"meta_title": "T"})
        clock.now += timedelta(minutes=5)
        same = {key: made[key] for key in ("title", "description", "status", "tags")}
        again = front.put(f"/articles/{made['id']}", {**same, "seo_data": {"meta_title": "T"}})
        assert again.json()["updated_at"] == made["updated_at"]
        assert parsedate_to_datetime(again.headers["date"]) == clock.now
        folder = front.put(f"/folders/{front.folder}", {"name": "Accounts"}).json()
        assert folder["updated_at"] == "2026-03-01T12:00:00Z"
        moved = front.put(f"/articles/{made['id']}", {"title": "Another"}).json()
        assert moved["updated_at"] == "2026-03-01T12:05:00Z"
        assert moved["created_at"] == "2026-03-01T12:00:00Z"


def test_status_1_alone_unpublishes(front: Desk) -> None:
    made = front.article()
    after = front.put(f"/articles/{made['id']}", {"status": 1}).json()
    assert (after["status"], after["title"], after["description"]) == (1, "Reset", "<p>Go</p>")
    assert not front.portal.store.article(made["id"]).readable


@pytest.mark.parametrize(("shown", "status", "title"), [("draft", 1, "New"), ("live", 2, "Reset")])
def test_status_1_beside_other_fields_keeps_a_draft_by_the_live_version(shown: str, status: int, title: str) -> None:
    with desk(shown=shown) as front:
        made = front.article()
        front.put(f"/articles/{made['id']}", {"status": 1, "title": "New", "description": "<p>Draft</p>"})
        after = front.get(f"/articles/{made['id']}").json()
        assert (after["status"], after["title"]) == (status, title)
        reader = front.http.get(f"/support/solutions/articles/{made['id']}")
        assert "Reset" in reader.text
        assert "Draft" not in reader.text
        published = front.put(f"/articles/{made['id']}", {"status": 2}).json()
        assert (published["status"], published["title"]) == (2, "New")


def test_status_1_alone_also_drops_the_live_version_behind_a_draft(front: Desk) -> None:
    made = front.article()
    front.put(f"/articles/{made['id']}", {"status": 1, "title": "New"})
    front.put(f"/articles/{made['id']}", {"status": 1})
    assert front.http.get(f"/support/solutions/articles/{made['id']}").status_code == 404


def test_status_1_beside_other_fields_may_unpublish_instead() -> None:
    with desk(draft_edit="unpublish") as front:
        made = front.article()
        front.put(f"/articles/{made['id']}", {"status": 1, "title": "New"})
        assert not front.portal.store.article(made["id"]).readable


def test_an_update_without_status_is_published_or_a_draft() -> None:
    for omitted, status in (("keep", 2), ("draft", 1)):
        with desk(status_omitted=omitted) as front:
            made = front.article()
            assert front.put(f"/articles/{made['id']}", {"title": "New"}).json()["status"] == status


def test_agent_id_is_for_updates_alone(front: Desk) -> None:
    body = {"title": "T", "description": "d", "status": 2, "agent_id": 150_000_000_002}
    assert problems(front.post(f"/folders/{front.folder}/articles", body)) == {("agent_id", "invalid_field")}
    made = front.article()
    after = front.put(f"/articles/{made['id']}", {"agent_id": 150_000_000_002})
    assert (made["agent_id"], after.json()["agent_id"]) == (150_000_000_001, 150_000_000_002)
    assert problems(front.put(f"/articles/{made['id']}", {"agent_id": 7})) == {("agent_id", "invalid_value")}


def test_an_article_cannot_move_through_the_api(front: Desk) -> None:
    made = front.article()
    for key in ("folder_id", "category_id", "type", "position"):
        assert problems(front.put(f"/articles/{made['id']}", {key: 1})) == {(key, "invalid_field")}


def test_a_folder_moves_under_another_parent_of_its_category(front: Desk) -> None:
    store = front.portal.store
    other = store.create_folder(front.category, "Security")
    moved = front.put(f"/folders/{other.id}", {"parent_folder_id": front.folder}).json()
    assert (moved["parent_folder_id"], len(moved["hierarchy"])) == (front.folder, 3)
    assert front.put(f"/folders/{other.id}", {"parent_folder_id": None}).json()["parent_folder_id"] is None
    foreign = store.create_folder(store.create_category("Billing").id, "Invoices")
    below = store.create_folder(front.category, "Deep", parent_id=front.folder)
    for target in (foreign.id, below.id, front.folder, 12345):
        refused = front.put(f"/folders/{front.folder}", {"parent_folder_id": target})
        assert problems(refused) == {("parent_folder_id", "invalid_value")}


def test_reparenting_may_be_refused() -> None:
    with desk(reparenting=False) as front:
        other = front.portal.store.create_folder(front.category, "Security")
        refused = front.put(f"/folders/{other.id}", {"parent_folder_id": front.folder})
        assert problems(refused) == {("parent_folder_id", "invalid_field")}
        assert front.put(f"/folders/{other.id}", {"name": "Safety"}).status_code == 200


def test_names_are_unique_in_their_parent_and_the_refusal_has_two_shapes() -> None:
    with desk() as front:
        store = front.portal.store
        twice = front.post("/categories", {"name": "Getting started"})
        assert twice.status_code == 409
        assert problems(twice) == {("name", "duplicate_value")}
        assert front.post("/categories", {"name": "getting started"}).status_code == 201
        folders = f"/categories/{front.category}/folders"
        assert front.post(folders, {"name": "Accounts"}).status_code == 409
        child = {"name": "Accounts", "parent_folder_id": front.folder}
        assert front.post(folders, child).status_code == 201
        other = store.create_folder(front.category, "Keys")
        assert front.put(f"/folders/{other.id}", {"name": "Accounts"}).status_code == 409
        assert front.put(f"/folders/{front.folder}", {"name": "Accounts"}).status_code == 200
    with desk(duplicate_body="code", folder_names="account", fold_case=True) as front:
        twice = front.post("/categories", {"name": "GETTING started"})
        assert (twice.status_code, twice.json()["code"]) == (409, "duplicate_value")
        child = {"name": "accounts", "parent_folder_id": front.folder}
        assert front.post(f"/categories/{front.category}/folders", child).status_code == 409


def test_deleting_answers_204_without_body_or_type_and_takes_all_along(front: Desk) -> None:
    made = front.article()
    gone = front.delete(f"/categories/{front.category}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    assert front.get(f"/folders/{front.folder}").status_code == 404
    assert front.get(f"/articles/{made['id']}").status_code == 404


def test_deleting_what_is_not_empty_may_be_refused() -> None:
    with desk(deleting="refuse") as front:
        made = front.article()
        assert front.delete(f"/categories/{front.category}").json()["code"] == "inconsistent_state"
        assert front.delete(f"/folders/{front.folder}").status_code == 409
        for path in (f"/articles/{made['id']}", f"/folders/{front.folder}", f"/categories/{front.category}"):
            assert front.delete(path).status_code == 204


def test_what_is_gone_is_404_without_a_body_or_403() -> None:
    for gone in (404, 403):
        with desk(gone=gone) as front:
            made = front.article()
            front.delete(f"/articles/{made['id']}")
            answers = [front.get(f"/articles/{made['id']}"), front.delete(f"/articles/{made['id']}")]
            assert [answer.status_code for answer in answers] == [gone, gone]
            assert answers[0].content == b"" if gone == 404 else answers[0].json()["code"] == "access_denied"
            assert front.get("/articles/999").status_code == 404


def test_ids_are_never_given_out_twice_and_kinds_may_share_them() -> None:
    with desk(ids="overlapping") as front:
        made = front.article()
        assert front.category == front.folder == made["id"]
        front.delete(f"/articles/{made['id']}")
        assert front.article()["id"] > made["id"]


def test_visibility_brings_its_own_list_of_ids(front: Desk) -> None:
    path = f"/folders/{front.folder}"
    assert "company_ids" not in front.get(path).json()
    assert problems(front.put(path, {"visibility": 4})) == {("company_ids", "missing_field")}
    assert front.put(path, {"visibility": 4, "company_ids": [7, 8]}).json()["company_ids"] == [7, 8]
    assert problems(front.put(path, {"contact_segment_ids": [1]})) == {("contact_segment_ids", "incompatible_field")}
    assert "company_ids" not in front.put(path, {"visibility": 1}).json()


def test_visible_in_portals_is_for_accounts_with_several() -> None:
    with desk() as front:
        assert problems(front.post("/categories", {"name": "x", "visible_in_portals": [1]})) == {
            ("visible_in_portals", "invalid_field")
        }
    with desk(portals=(1, 2)) as front:
        made = front.post("/categories", {"name": "x", "visible_in_portals": [2]}).json()
        assert made["visible_in_portals"] == [2]
        after = front.put(f"/categories/{made['id']}", {"visible_in_portals": [1, 2]}).json()
        assert after["visible_in_portals"] == [1, 2]


def test_the_key_is_asked_for_and_any_password_will_do(front: Desk) -> None:
    url = f"{front.portal.url}/api/v2/solutions/categories"
    for given in (b"", b"Bearer sandbox", b"Basic !!!", b"Basic \xff", b"Basic " + b"A" * 5000):
        answer = httpx.get(url, headers={b"authorization": given})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert httpx.get(url, auth=("wrong", "X")).status_code == 401
    assert httpx.get(url, auth=("sandbox", "anything")).status_code == 200


def test_a_wrong_verb_is_405_and_tells_which_are_right(front: Desk) -> None:
    made = front.article()
    answer = front.post(f"/articles/{made['id']}", {})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "PUT", "DELETE"}
    assert front.delete("/categories").status_code == 405


def test_an_unknown_address_is_404_with_nothing_in_it(front: Desk) -> None:
    for path in ("/nothing", "/categories/", "/articles", f"/articles/{10**30}", "/folders/abc/articles"):
        answer = front.get(path)
        assert (answer.status_code, answer.content) == (404, b""), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert front.http.get("/api/v1/solutions").status_code == 404


def test_only_json_is_answered_and_taken(front: Desk) -> None:
    listed = front.http.get("/api/v2/solutions/categories", headers={"accept": "text/html"})
    assert listed.status_code == 406
    for accept in ("*/*", "application/json", "text/html, application/json;q=0.9"):
        assert front.http.get("/api/v2/solutions/categories", headers={"accept": accept}).status_code == 200
    form = front.http.post("/api/v2/solutions/categories", data={"name": "x"})
    assert form.status_code == 415


@pytest.mark.parametrize("body", [b"", b"{", b'{"name": NaN}', b"[1]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_invalid_json(front: Desk, body: bytes) -> None:
    answer = front.http.post("/api/v2/solutions/categories", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


def test_who_asks_and_which_languages_there_are() -> None:
    with desk(languages=("fr", "pt-BR")) as front:
        me = front.http.get("/api/v2/agents/me").json()
        assert me["contact"]["email"] == "robin@example.com"
        found = front.http.get("/api/v2/agents", params={"email": "SAM@example.com"}).json()
        assert [one["id"] for one in found] == [150_000_000_002]
        assert front.http.get("/api/v2/agents", params={"email": "nobody@example.com"}).json() == []
        assert len(front.http.get("/api/v2/agents").json()) == 2
        assert front.http.get(f"/api/v2/agents/{me['id']}").json() == me
        languages = front.http.get("/api/v2/settings/helpdesk").json()
        assert languages == {
            "primary_language": "en",
            "supported_languages": ["fr", "pt-BR"],
            "portal_languages": ["fr", "pt-BR"],
        }


def test_a_search_hit_has_its_own_shape(front: Desk) -> None:
    made = front.article(title="Reset a Passwörd?", description="<p>Open the settings</p>")
    front.article(title="Other")
    hits = front.http.get("/api/v2/search/solutions", params={"term": "passwörd settings"}).json()
    assert [hit["id"] for hit in hits] == [made["id"]]
    assert hits[0]["path"] == f"{made['id']}-reset-a-passwörd-"
    assert (hits[0]["category_name"], hits[0]["folder_name"]) == ("Getting started", "Accounts")
    assert not hits[0].keys() & {"seo_data", "tags"}
    assert front.http.get("/api/v2/search/solutions").status_code == 400


def test_bodies_are_kept_to_the_letter(front: Desk) -> None:
    ugly = "plain \u00a0 <p>é e\u0301 🎉 \u202eעברית\u202c</P\n><hostname> &amp; & {{x}}\r\n\t\u0000<br/>"
    made = front.article(description=ugly, title="../../etc/passwd 🎉", tags=["日本語"])
    shown = front.get(f"/articles/{made['id']}").json()
    assert (shown["description"], shown["title"], shown["tags"]) == (ugly, "../../etc/passwd 🎉", ["日本語"])


def test_a_body_of_twenty_megabytes_goes_in_and_out(front: Desk) -> None:
    made = front.article(description="<p>word </p>" * 1_700_000)
    assert len(front.get(f"/articles/{made['id']}").json()["description"]) > 20_000_000


def test_the_record_of_calls_tells_every_call_and_can_be_cleared(front: Desk) -> None:
    front.get("/categories", page=1)
    front.delete("/articles/1")
    assert [(one.method, one.path, one.status, one.query) for one in front.portal.calls] == [
        ("GET", "/api/v2/solutions/categories", 200, "page=1"),
        ("DELETE", "/api/v2/solutions/articles/1", 404, ""),
    ]
    front.portal.calls.clear()
    front.http.get("/support/solutions")
    assert front.portal.calls == []


def test_the_key_stands_in_no_repr() -> None:
    with serve(SandboxSettings(key="very-secret")) as portal:
        assert "very-secret" not in repr(portal) + repr(portal.settings)
        assert "very-secret" not in json.dumps([str(call) for call in portal.calls])
