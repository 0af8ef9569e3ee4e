"""The responses of the API, and the particulars that a client must know."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from kbsync.sandbox.settings import SandboxSettings
from tests.portals import serve
from tests.sandbox.api_client import ApiClient, field_errors, open_client

ARTICLE_KEYS = (
    "id type status agent_id created_at category_id folder_id title updated_at description description_text seo_data"
    " tags attachments cloud_files thumbs_up thumbs_down hits suggested feedback_count hierarchy"
).split()
FOLDER_KEYS = (
    "id name description articles_count created_at updated_at icon_url parent_folder_id sub_folders_count hierarchy"
    " visibility"
).split()


class Clock:
    """A clock that only changes when it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_every_answer_carries_the_recorded_headers(client: ApiClient) -> None:
    for response in (client.get("/categories"), client.get("/articles/1"), client.post("/categories", {})):
        assert re.fullmatch(r"\d+\.0", response.headers["x-ratelimit-total"])
        assert re.fullmatch(r"\d+\.0", response.headers["x-ratelimit-remaining"])
        assert response.headers["x-ratelimit-used-currentrequest"] == "1"
        assert response.headers["x-freshdesk-api-version"] == "latest=v2; requested=v2"
        assert response.headers["x-request-id"]
        assert response.headers["status"].startswith(str(response.status_code))
        assert "no-store" in response.headers["cache-control"]
        assert response.headers["pragma"] == "no-cache"
        assert abs(parsedate_to_datetime(response.headers["date"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_category_has_the_recorded_keys_in_their_order(client: ApiClient) -> None:
    made = client.post("/categories", {"name": "Billing"})
    assert list(made.json()) == ["id", "name", "description", "created_at", "updated_at", "icon"]
    assert made.json()["description"] is None


def test_a_new_item_is_answered_with_201_and_its_absolute_url(client: ApiClient) -> None:
    made = client.post(f"/folders/{client.folder}/articles", {"title": "T", "description": "d", "status": 1})
    address = made.headers["location"]
    assert made.status_code == 201
    assert address == f"{client.portal.url}/api/v2/solutions/articles/{made.json()['id']}"
    assert client.http.get(address).json()["title"] == "T"


def test_a_categorys_folder_list_has_no_category_id_and_the_top_level_alone(client: ApiClient) -> None:
    inner = client.post(f"/categories/{client.category}/folders", {"name": "Keys", "parent_folder_id": client.folder})
    listed = client.get(f"/categories/{client.category}/folders").json()
    assert [one["id"] for one in listed] == [client.folder]
    assert list(listed[0]) == FOLDER_KEYS
    assert listed[0]["sub_folders_count"] == 1
    with_category = [*FOLDER_KEYS[:3], "category_id", *FOLDER_KEYS[3:]]
    assert list(inner.json()) == list(client.get(f"/folders/{client.folder}").json()) == with_category
    below = client.get(f"/folders/{client.folder}/subfolders").json()
    assert [(one["id"], one["category_id"]) for one in below] == [(inner.json()["id"], client.category)]


def test_hierarchy_leads_from_the_category_down_to_the_folder_itself(client: ApiClient) -> None:
    inner = client.portal.store.create_folder(client.category, "Keys", parent_id=client.folder)
    shown = client.get(f"/folders/{inner.id}").json()["hierarchy"]
    assert [(step["level"], step["type"], step["data"]["name"]) for step in shown] == [
        (0, "category", "Getting started"),
        (1, "folder", "Accounts"),
        (2, "folder", "Keys"),
    ]
    assert shown[2]["data"] == {"id": inner.id, "name": "Keys", "language": "en"}


def test_articles_count_counts_drafts_and_not_what_lies_deeper(client: ApiClient) -> None:
    inner = client.portal.store.create_folder(client.category, "Keys", parent_id=client.folder)
    client.portal.store.create_article(inner.id, "Deep", "x")
    client.portal.store.create_article(client.folder, "Draft", "x", status=1)
    assert client.get(f"/folders/{client.folder}").json()["articles_count"] == 1


def test_an_account_may_have_no_subfolders() -> None:
    with open_client(subfolders="forbidden") as client:
        response = client.get(f"/folders/{client.folder}/subfolders")
        assert (response.status_code, response.json()["code"]) == (403, "require_feature")
        assert "parent_folder_id" not in client.get(f"/folders/{client.folder}").json()
        refused = client.post(
            f"/categories/{client.category}/folders", {"name": "x", "parent_folder_id": client.folder}
        )
        assert refused.status_code == 403
    with open_client(subfolders="missing") as client:
        assert client.get(f"/folders/{client.folder}/subfolders").status_code == 404


def test_an_article_has_the_recorded_keys_in_their_order(client: ApiClient) -> None:
    made = client.article()
    assert list(made) == ARTICLE_KEYS
    assert list(client.get(f"/folders/{client.folder}/articles").json()[0]) == ARTICLE_KEYS


def test_one_article_alone_carries_a_token_that_differs_each_time(client: ApiClient) -> None:
    made = client.article()
    first, second = (client.get(f"/articles/{made['id']}").json()["collaboration"]["convo_token"] for _ in "ab")
    assert first.count(".") == 2
    assert first != second


def test_a_list_carries_bodies_and_drafts_by_id(client: ApiClient) -> None:
    made = [client.article(title=title, status=status) for title, status in (("b", 2), ("a", 1), ("c", 2))]
    listed = client.get(f"/folders/{client.folder}/articles").json()
    assert [one["id"] for one in listed] == [one["id"] for one in made]
    assert [one["status"] for one in listed] == [2, 1, 2]
    assert all(one["description"] == "<p>Go</p>" and one["description_text"] == " Go " for one in listed)


def test_seo_keywords_are_written_as_an_array_and_returned_as_a_text(client: ApiClient) -> None:
    made = client.article(seo_data={"meta_title": "T", "meta_keywords": ["one", "two words"]})
    assert made["seo_data"] == {"meta_title": "T", "meta_description": "", "meta_keywords": "one,two words"}


def test_seo_that_was_never_set_is_two_blanks_or_nothing() -> None:
    with open_client() as client:
        assert client.article()["seo_data"] == {"meta_title": "", "meta_description": ""}
    with open_client(seo_unset="absent") as client:
        assert client.article()["seo_data"] == {}


def test_an_update_of_seo_keeps_or_clears_the_other_keys() -> None:
    for update, kept in (("merge", "T"), ("replace", "")):
        with open_client(seo_update=update) as client:
            made = client.article(seo_data={"meta_title": "T"})
            after = client.put(f"/articles/{made['id']}", {"seo_data": {"meta_description": "D"}}).json()
            assert after["seo_data"]["meta_title"] == kept


def test_the_same_title_twice_makes_two_articles(client: ApiClient) -> None:
    assert client.article()["id"] != client.article()["id"]


def test_tags_are_replaced_and_cleared(client: ApiClient) -> None:
    made = client.article(tags=["a", "b", "a"])
    assert made["tags"] == ["a", "b"]
    assert client.put(f"/articles/{made['id']}", {"tags": ["c"]}).json()["tags"] == ["c"]
    assert client.put(f"/articles/{made['id']}", {"tags": []}).json()["tags"] == []


def test_an_update_that_changes_nothing_leaves_updated_at() -> None:
    clock = Clock()
    with open_client(clock=clock) as client:
        made = client.article(tags=["a"], seo_data={"meta_title": "T"})
        clock.now += timedelta(minutes=5)
        same = {key: made[key] for key in ("title", "description", "status", "tags")}
        again = client.put(f"/articles/{made['id']}", {**same, "seo_data": {"meta_title": "T"}})
        assert again.json()["updated_at"] == made["updated_at"]
        assert parsedate_to_datetime(again.headers["date"]) == clock.now
        folder = client.put(f"/folders/{client.folder}", {"name": "Accounts"}).json()
        assert folder["updated_at"] == "2026-03-01T12:00:00Z"
        moved = client.put(f"/articles/{made['id']}", {"title": "Another"}).json()
        assert moved["updated_at"] == "2026-03-01T12:05:00Z"
        assert moved["created_at"] == "2026-03-01T12:00:00Z"


def test_status_1_alone_unpublishes(client: ApiClient) -> None:
    made = client.article()
    after = client.put(f"/articles/{made['id']}", {"status": 1}).json()
    assert (after["status"], after["title"], after["description"]) == (1, "Reset", "<p>Go</p>")
    assert not client.portal.store.article(made["id"]).readable


@pytest.mark.parametrize(("shown", "status", "title"), [("draft", 1, "New"), ("live", 2, "Reset")])
def test_status_1_beside_other_fields_keeps_a_draft_by_the_live_version(shown: str, status: int, title: str) -> None:
    with open_client(shown=shown) as client:
        made = client.article()
        client.put(f"/articles/{made['id']}", {"status": 1, "title": "New", "description": "<p>Draft</p>"})
        after = client.get(f"/articles/{made['id']}").json()
        assert (after["status"], after["title"]) == (status, title)
        reader = client.http.get(f"/support/solutions/articles/{made['id']}")
        assert "Reset" in reader.text
        assert "Draft" not in reader.text
        published = client.put(f"/articles/{made['id']}", {"status": 2}).json()
        assert (published["status"], published["title"]) == (2, "New")


def test_status_1_alone_also_drops_the_live_version_behind_a_draft(client: ApiClient) -> None:
    made = client.article()
    client.put(f"/articles/{made['id']}", {"status": 1, "title": "New"})
    client.put(f"/articles/{made['id']}", {"status": 1})
    assert client.http.get(f"/support/solutions/articles/{made['id']}").status_code == 404


def test_status_1_beside_other_fields_may_unpublish_instead() -> None:
    with open_client(draft_edit="unpublish") as client:
        made = client.article()
        client.put(f"/articles/{made['id']}", {"status": 1, "title": "New"})
        assert not client.portal.store.article(made["id"]).readable


def test_an_update_without_status_is_published_or_a_draft() -> None:
    for omitted, status in (("keep", 2), ("draft", 1)):
        with open_client(status_omitted=omitted) as client:
            made = client.article()
            assert client.put(f"/articles/{made['id']}", {"title": "New"}).json()["status"] == status


def test_agent_id_is_valid_in_updates_only(client: ApiClient) -> None:
    body = {"title": "T", "description": "d", "status": 2, "agent_id": 150_000_000_002}
    assert field_errors(client.post(f"/folders/{client.folder}/articles", body)) == {("agent_id", "invalid_field")}
    made = client.article()
    after = client.put(f"/articles/{made['id']}", {"agent_id": 150_000_000_002})
    assert (made["agent_id"], after.json()["agent_id"]) == (150_000_000_001, 150_000_000_002)
    assert field_errors(client.put(f"/articles/{made['id']}", {"agent_id": 7})) == {("agent_id", "invalid_value")}


def test_an_article_cannot_move_through_the_api(client: ApiClient) -> None:
    made = client.article()
    for key in ("folder_id", "category_id", "type", "position"):
        assert field_errors(client.put(f"/articles/{made['id']}", {key: 1})) == {(key, "invalid_field")}


def test_a_folder_moves_under_another_parent_of_its_category(client: ApiClient) -> None:
    store = client.portal.store
    other = store.create_folder(client.category, "Security")
    moved = client.put(f"/folders/{other.id}", {"parent_folder_id": client.folder}).json()
    assert (moved["parent_folder_id"], len(moved["hierarchy"])) == (client.folder, 3)
    assert client.put(f"/folders/{other.id}", {"parent_folder_id": None}).json()["parent_folder_id"] is None
    foreign = store.create_folder(store.create_category("Billing").id, "Invoices")
    below = store.create_folder(client.category, "Deep", parent_id=client.folder)
    for target in (foreign.id, below.id, client.folder, 12345):
        refused = client.put(f"/folders/{client.folder}", {"parent_folder_id": target})
        assert field_errors(refused) == {("parent_folder_id", "invalid_value")}


def test_reparenting_may_be_refused() -> None:
    with open_client(reparenting=False) as client:
        other = client.portal.store.create_folder(client.category, "Security")
        refused = client.put(f"/folders/{other.id}", {"parent_folder_id": client.folder})
        assert field_errors(refused) == {("parent_folder_id", "invalid_field")}
        assert client.put(f"/folders/{other.id}", {"name": "Safety"}).status_code == 200


def test_names_are_unique_in_their_parent_and_the_refusal_has_two_shapes() -> None:
    with open_client() as client:
        store = client.portal.store
        twice = client.post("/categories", {"name": "Getting started"})
        assert twice.status_code == 409
        assert field_errors(twice) == {("name", "duplicate_value")}
        assert client.post("/categories", {"name": "getting started"}).status_code == 201
        folders = f"/categories/{client.category}/folders"
        assert client.post(folders, {"name": "Accounts"}).status_code == 409
        child = {"name": "Accounts", "parent_folder_id": client.folder}
        assert client.post(folders, child).status_code == 201
        other = store.create_folder(client.category, "Keys")
        assert client.put(f"/folders/{other.id}", {"name": "Accounts"}).status_code == 409
        assert client.put(f"/folders/{client.folder}", {"name": "Accounts"}).status_code == 200
    with open_client(duplicate_body="code", folder_names="account", fold_case=True) as client:
        twice = client.post("/categories", {"name": "GETTING started"})
        assert (twice.status_code, twice.json()["code"]) == (409, "duplicate_value")
        child = {"name": "accounts", "parent_folder_id": client.folder}
        assert client.post(f"/categories/{client.category}/folders", child).status_code == 409


def test_deleting_answers_204_without_body_or_type_and_deletes_the_content(client: ApiClient) -> None:
    made = client.article()
    gone = client.delete(f"/categories/{client.category}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    assert client.get(f"/folders/{client.folder}").status_code == 404
    assert client.get(f"/articles/{made['id']}").status_code == 404


def test_deleting_what_is_not_empty_may_be_refused() -> None:
    with open_client(deleting="refuse") as client:
        made = client.article()
        assert client.delete(f"/categories/{client.category}").json()["code"] == "inconsistent_state"
        assert client.delete(f"/folders/{client.folder}").status_code == 409
        for path in (f"/articles/{made['id']}", f"/folders/{client.folder}", f"/categories/{client.category}"):
            assert client.delete(path).status_code == 204


def test_a_deleted_item_is_404_without_a_body_or_403() -> None:
    for gone in (404, 403):
        with open_client(gone=gone) as client:
            made = client.article()
            client.delete(f"/articles/{made['id']}")
            responses = [client.get(f"/articles/{made['id']}"), client.delete(f"/articles/{made['id']}")]
            assert [response.status_code for response in responses] == [gone, gone]
            assert responses[0].content == b"" if gone == 404 else responses[0].json()["code"] == "access_denied"
            assert client.get("/articles/999").status_code == 404


def test_ids_are_never_reused_and_kinds_may_share_them() -> None:
    with open_client(ids="overlapping") as client:
        made = client.article()
        assert client.category == client.folder == made["id"]
        client.delete(f"/articles/{made['id']}")
        assert client.article()["id"] > made["id"]


def test_a_visibility_has_its_own_list_of_ids(client: ApiClient) -> None:
    path = f"/folders/{client.folder}"
    assert "company_ids" not in client.get(path).json()
    assert field_errors(client.put(path, {"visibility": 4})) == {("company_ids", "missing_field")}
    assert client.put(path, {"visibility": 4, "company_ids": [7, 8]}).json()["company_ids"] == [7, 8]
    assert field_errors(client.put(path, {"contact_segment_ids": [1]})) == {
        ("contact_segment_ids", "incompatible_field")
    }
    assert "company_ids" not in client.put(path, {"visibility": 1}).json()


def test_visible_in_portals_is_for_accounts_with_several() -> None:
    with open_client() as client:
        assert field_errors(client.post("/categories", {"name": "x", "visible_in_portals": [1]})) == {
            ("visible_in_portals", "invalid_field")
        }
    with open_client(portals=(1, 2)) as client:
        made = client.post("/categories", {"name": "x", "visible_in_portals": [2]}).json()
        assert made["visible_in_portals"] == [2]
        after = client.put(f"/categories/{made['id']}", {"visible_in_portals": [1, 2]}).json()
        assert after["visible_in_portals"] == [1, 2]


def test_the_key_is_required_and_any_password_is_accepted(client: ApiClient) -> None:
    url = f"{client.portal.url}/api/v2/solutions/categories"
    for given in (b"", b"Bearer sandbox", b"Basic !!!", b"Basic \xff", b"Basic " + b"A" * 5000):
        response = httpx.get(url, headers={b"authorization": given})
        assert (response.status_code, response.json()["code"]) == (401, "invalid_credentials")
    assert httpx.get(url, auth=("wrong", "X")).status_code == 401
    assert httpx.get(url, auth=("sandbox", "anything")).status_code == 200


def test_a_wrong_method_is_405_and_lists_the_allowed_ones(client: ApiClient) -> None:
    made = client.article()
    response = client.post(f"/articles/{made['id']}", {})
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "PUT", "DELETE"}
    assert client.delete("/categories").status_code == 405


def test_an_unknown_url_is_404_with_an_empty_body(client: ApiClient) -> None:
    for path in ("/nothing", "/categories/", "/articles", f"/articles/{10**30}", "/folders/abc/articles"):
        response = client.get(path)
        assert (response.status_code, response.content) == (404, b""), path
        assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert client.http.get("/api/v1/solutions").status_code == 404


def test_only_json_is_answered_and_taken(client: ApiClient) -> None:
    listed = client.http.get("/api/v2/solutions/categories", headers={"accept": "text/html"})
    assert listed.status_code == 406
    for accept in ("*/*", "application/json", "text/html, application/json;q=0.9"):
        assert client.http.get("/api/v2/solutions/categories", headers={"accept": accept}).status_code == 200
    form = client.http.post("/api/v2/solutions/categories", data={"name": "x"})
    assert form.status_code == 415


@pytest.mark.parametrize("body", [b"", b"{", b'{"name": NaN}', b"[1]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_invalid_json(client: ApiClient, body: bytes) -> None:
    response = client.http.post(
        "/api/v2/solutions/categories", content=body, headers={"content-type": "application/json"}
    )
    assert (response.status_code, response.json()["code"]) == (400, "invalid_json")


def test_agents_and_languages_are_listed() -> None:
    with open_client(languages=("fr", "pt-BR")) as client:
        me = client.http.get("/api/v2/agents/me").json()
        assert me["contact"]["email"] == "robin@example.com"
        found = client.http.get("/api/v2/agents", params={"email": "SAM@example.com"}).json()
        assert [one["id"] for one in found] == [150_000_000_002]
        assert client.http.get("/api/v2/agents", params={"email": "nobody@example.com"}).json() == []
        assert len(client.http.get("/api/v2/agents").json()) == 2
        assert client.http.get(f"/api/v2/agents/{me['id']}").json() == me
        languages = client.http.get("/api/v2/settings/helpdesk").json()
        assert languages == {
            "primary_language": "en",
            "supported_languages": ["fr", "pt-BR"],
            "portal_languages": ["fr", "pt-BR"],
        }


def test_a_search_hit_has_its_own_shape(client: ApiClient) -> None:
    made = client.article(title="Reset a Passwörd?", description="<p>Open the settings</p>")
    client.article(title="Other")
    hits = client.http.get("/api/v2/search/solutions", params={"term": "passwörd settings"}).json()
    assert [hit["id"] for hit in hits] == [made["id"]]
    assert hits[0]["path"] == f"{made['id']}-reset-a-passwörd-"
    assert (hits[0]["category_name"], hits[0]["folder_name"]) == ("Getting started", "Accounts")
    assert not hits[0].keys() & {"seo_data", "tags"}
    assert client.http.get("/api/v2/search/solutions").status_code == 400


def test_bodies_are_stored_unchanged(client: ApiClient) -> None:
    ugly = "plain \u00a0 <p>é e\u0301 🎉 \u202eעברית\u202c</P\n><hostname> &amp; & {{x}}\r\n\t\u0000<br/>"
    made = client.article(description=ugly, title="../../etc/passwd 🎉", tags=["日本語"])
    shown = client.get(f"/articles/{made['id']}").json()
    assert (shown["description"], shown["title"], shown["tags"]) == (ugly, "../../etc/passwd 🎉", ["日本語"])


def test_a_body_of_twenty_megabytes_is_stored_and_returned(client: ApiClient) -> None:
    made = client.article(description="<p>word </p>" * 1_700_000)
    assert len(client.get(f"/articles/{made['id']}").json()["description"]) > 20_000_000


def test_every_call_is_recorded_and_the_record_can_be_cleared(client: ApiClient) -> None:
    client.get("/categories", page=1)
    client.delete("/articles/1")
    assert [(one.method, one.path, one.status, one.query) for one in client.portal.calls] == [
        ("GET", "/api/v2/solutions/categories", 200, "page=1"),
        ("DELETE", "/api/v2/solutions/articles/1", 404, ""),
    ]
    client.portal.calls.clear()
    client.http.get("/support/solutions")
    assert client.portal.calls == []


def test_the_key_is_in_no_repr() -> None:
    with serve(SandboxSettings(key="very-secret")) as portal:
        assert "very-secret" not in repr(portal) + repr(portal.settings)
        assert "very-secret" not in json.dumps([str(call) for call in portal.calls])
