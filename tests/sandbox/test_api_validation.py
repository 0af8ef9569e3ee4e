"""The validation of request bodies."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.api_client import ApiClient, field_errors, open_client

GOOD = {"title": "T", "description": "d", "status": 2}


def _errors(client: ApiClient, body: Any) -> set[tuple[str, str]]:
    response = client.post(f"/folders/{client.folder}/articles", body)
    assert response.status_code == 400, response.text
    return field_errors(response)


def test_every_problem_is_reported_at_once(client: ApiClient) -> None:
    body = {"title": 7, "status": 3, "tags": ["x" * 33], "colour": "red", "seo_data": {"meta_robots": "x"}}
    assert _errors(client, body) == {
        ("title", "datatype_mismatch"),
        ("description", "missing_field"),
        ("status", "invalid_value"),
        ("tags", "invalid_value"),
        ("colour", "invalid_field"),
        ("seo_data.meta_robots", "invalid_field"),
    }
    assert client.portal.store.all_articles() == []


@pytest.mark.parametrize("missing", ["title", "description", "status"])
def test_an_article_needs_title_body_and_status(client: ApiClient, missing: str) -> None:
    body = {key: value for key, value in GOOD.items() if key != missing}
    assert _errors(client, body) == {(missing, "missing_field")}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("title", None, "datatype_mismatch"),
        ("title", "  ", "invalid_value"),
        ("title", "x" * 256, "invalid_value"),
        ("title", "\ud800", "invalid_value"),
        ("description", None, "datatype_mismatch"),
        ("description", "\udfff", "invalid_value"),
        ("status", "2", "datatype_mismatch"),
        ("status", True, "datatype_mismatch"),
        ("status", 2.0, "datatype_mismatch"),
        ("tags", "a", "datatype_mismatch"),
        ("tags", [1], "datatype_mismatch"),
        ("tags", [" "], "invalid_value"),
        ("seo_data", [], "datatype_mismatch"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(client: ApiClient, field: str, value: Any, code: str) -> None:
    content = json.dumps({**GOOD, field: value}).encode()
    response = client.http.post(
        f"/api/v2/solutions/folders/{client.folder}/articles",
        content=content,
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 400
    assert field_errors(response) == {(field, code)}


def test_keywords_are_an_array(client: ApiClient) -> None:
    assert _errors(client, {**GOOD, "seo_data": {"meta_keywords": "a,b"}}) == {
        ("seo_data.meta_keywords", "datatype_mismatch")
    }


def test_a_tag_of_32_characters_is_taken(client: ApiClient) -> None:
    assert client.article(tags=["ä" * 32])["tags"] == ["ä" * 32]


def test_an_update_needs_nothing_but_checks_what_it_is_given(client: ApiClient) -> None:
    made = client.article()
    assert client.put(f"/articles/{made['id']}", {}).status_code == 200
    assert field_errors(client.put(f"/articles/{made['id']}", {"title": ""})) == {("title", "invalid_value")}
    whole = client.get(f"/articles/{made['id']}").json()
    assert client.put(f"/articles/{made['id']}", whole).status_code == 400


def test_names_of_categories_and_folders_are_checked(client: ApiClient) -> None:
    assert field_errors(client.post("/categories", {})) == {("name", "missing_field")}
    assert field_errors(client.post("/categories", {"name": "", "icon": {}})) == {
        ("name", "invalid_value"),
        ("icon", "invalid_field"),
    }
    folders = f"/categories/{client.category}/folders"
    assert field_errors(client.post(folders, {"name": "x", "visibility": 8, "category_id": 1})) == {
        ("visibility", "invalid_value"),
        ("category_id", "invalid_field"),
    }
    assert field_errors(client.post(folders, {"name": "x", "parent_folder_id": 2**70})) == {
        ("parent_folder_id", "datatype_mismatch")
    }
    assert client.put(f"/categories/{client.category}", {"description": None}).status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("\udfff"), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    "name title description status tags seo_data visibility parent_folder_id company_ids visible_in_portals agent_id"
    " contact_segment_ids".split()
)


@given(st.dictionaries(KEYS, JSON, max_size=6) | JSON)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_body_breaks_the_portal(client: ApiClient, body: Any) -> None:
    content = json.dumps(body).encode()
    kind = {"content-type": "application/json"}
    made = client.portal.store.create_article(client.folder, "T", "x")
    for method, path in (
        ("POST", "categories"),
        ("POST", f"categories/{client.category}/folders"),
        ("POST", f"folders/{client.folder}/articles"),
        ("PUT", f"categories/{client.category}"),
        ("PUT", f"folders/{client.folder}"),
        ("PUT", f"articles/{made.id}"),
    ):
        response = client.http.request(method, f"/api/v2/solutions/{path}", content=content, headers=kind)
        assert response.status_code in (200, 201, 400, 409), (method, path, response.text)


def test_limits_of_size_can_be_set() -> None:
    with open_client(title_limit=None, body_limit=10) as client:
        assert client.article(title="x" * 3000, description="x" * 10)
        assert field_errors(client.post(f"/folders/{client.folder}/articles", {**GOOD, "description": "x" * 11})) == {
            ("description", "invalid_value")
        }
