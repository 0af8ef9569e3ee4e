"""What a body may say."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.desk import Desk, desk, problems

GOOD = {"title": "T", "description": "d", "status": 2}


def _refusal(front: Desk, body: Any) -> set[tuple[str, str]]:
    answer = front.post(f"/folders/{front.folder}/articles", body)
    assert answer.status_code == 400, answer.text
    return problems(answer)


def test_every_problem_is_told_at_once(front: Desk) -> None:
    body = {"title": 7, "status": 3, "tags": ["x" * 33], "colour": "red", "seo_data": {"meta_robots": "x"}}
    assert _refusal(front, body) == {
        ("title", "datatype_mismatch"),
        ("description", "missing_field"),
        ("status", "invalid_value"),
        ("tags", "invalid_value"),
        ("colour", "invalid_field"),
        ("seo_data.meta_robots", "invalid_field"),
    }
    assert front.portal.store.all_articles() == []


@pytest.mark.parametrize("missing", ["title", "description", "status"])
def test_an_article_needs_title_body_and_status(front: Desk, missing: str) -> None:
    body = {key: value for key, value in GOOD.items() if key != missing}
    assert _refusal(front, body) == {(missing, "missing_field")}


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
def test_a_value_of_the_wrong_kind_is_named(front: Desk, field: str, value: Any, code: str) -> None:
    content = json.dumps({**GOOD, field: value}).encode()
    answer = front.http.post(
        f"/api/v2/solutions/folders/{front.folder}/articles",
        content=content,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 400
    assert problems(answer) == {(field, code)}


def test_keywords_are_an_array(front: Desk) -> None:
    assert _refusal(front, {**GOOD, "seo_data": {"meta_keywords": "a,b"}}) == {
        ("seo_data.meta_keywords", "datatype_mismatch")
    }


def test_a_tag_of_32_characters_is_taken(front: Desk) -> None:
    assert front.article(tags=["ä" * 32])["tags"] == ["ä" * 32]


def test_an_update_needs_nothing_but_checks_what_it_is_given(front: Desk) -> None:
    made = front.article()
    assert front.put(f"/articles/{made['id']}", {}).status_code == 200
    assert problems(front.put(f"/articles/{made['id']}", {"title": ""})) == {("title", "invalid_value")}
    whole = front.get(f"/articles/{made['id']}").json()
    assert front.put(f"/articles/{made['id']}", whole).status_code == 400


def test_names_of_categories_and_folders_are_checked(front: Desk) -> None:
    assert problems(front.post("/categories", {})) == {("name", "missing_field")}
    assert problems(front.post("/categories", {"name": "", "icon": {}})) == {
        ("name", "invalid_value"),
        ("icon", "invalid_field"),
    }
    folders = f"/categories/{front.category}/folders"
    assert problems(front.post(folders, {"name": "x", "visibility": 8, "category_id": 1})) == {
        ("visibility", "invalid_value"),
        ("category_id", "invalid_field"),
    }
    assert problems(front.post(folders, {"name": "x", "parent_folder_id": 2**70})) == {
        ("parent_folder_id", "datatype_mismatch")
    }
    assert front.put(f"/categories/{front.category}", {"description": None}).status_code == 200


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
def test_no_body_whatever_breaks_the_portal(front: Desk, body: Any) -> None:
    content = json.dumps(body).encode()
    kind = {"content-type": "application/json"}
    made = front.portal.store.create_article(front.folder, "T", "x")
    for method, path in (
        ("POST", "categories"),
        ("POST", f"categories/{front.category}/folders"),
        ("POST", f"folders/{front.folder}/articles"),
        ("PUT", f"categories/{front.category}"),
        ("PUT", f"folders/{front.folder}"),
        ("PUT", f"articles/{made.id}"),
    ):
        answer = front.http.request(method, f"/api/v2/solutions/{path}", content=content, headers=kind)
        assert answer.status_code in (200, 201, 400, 409), (method, path, answer.text)


def test_limits_of_size_can_be_set() -> None:
    with desk(title_limit=None, body_limit=10) as front:
        assert front.article(title="x" * 3000, description="x" * 10)
        assert problems(front.post(f"/folders/{front.folder}/articles", {**GOOD, "description": "x" * 11})) == {
            ("description", "invalid_value")
        }
