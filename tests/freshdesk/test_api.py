"""The conversion of Freshdesk's JSON to the model and back: recorded and documented forms."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsync.errors import PortalError
from kbsync.freshdesk.api import (
    article_from_json,
    article_to_json,
    category_from_json,
    category_to_json,
    counts_in_folder,
    folder_from_json,
    folder_to_json,
)
from kbsync.model import Article, Category, Folder, Seo, Status, Visibility, fields_of

ARTICLE: dict[str, Any] = {
    "id": 150000000123,
    "type": 1,
    "status": 2,
    "agent_id": 150000000001,
    "created_at": "2026-08-01T10:00:00Z",
    "category_id": 7,
    "folder_id": 8,
    "title": "סיסמה 🎉",
    "updated_at": "2026-08-02T10:00:00Z",
    "description": "<p>a</p>",
    "description_text": " a ",
    "seo_data": {"meta_title": "", "meta_description": ""},
    "tags": ["b", "a"],
    "attachments": [],
    "cloud_files": [],
    "thumbs_up": 3,
    "thumbs_down": 0,
    "hits": 12,
    "suggested": 0,
    "feedback_count": 0,
    "hierarchy": [],
    "collaboration": {"convo_token": "eyJhbGciOiJIUzI1NiJ9.e30.xxx"},
}
SEO_NEVER_SET = Seo(title="", description="", keywords=())


def test_an_article_is_read_without_what_is_volatile() -> None:
    assert article_from_json(ARTICLE) == Article(
        id=150000000123,
        parent=8,
        title="סיסמה 🎉",
        body="<p>a</p>",
        status=Status.PUBLISHED,
        tags=("b", "a"),
        seo=SEO_NEVER_SET,
        author=150000000001,
        updated_at="2026-08-02T10:00:00Z",
    )


def test_counts_and_tokens_are_not_read() -> None:
    other = ARTICLE | {"hits": 99, "thumbs_up": 9, "collaboration": {"convo_token": "another"}, "suggested": 4}
    assert article_from_json(other) == article_from_json(ARTICLE)


@pytest.mark.parametrize(
    "data", [None, {}, [], {"meta_title": None}, {"meta_title": "", "meta_description": "", "meta_keywords": ""}]
)
def test_seo_never_set_and_seo_set_to_nothing_are_equal(data: object) -> None:
    assert article_from_json(ARTICLE | {"seo_data": data}).seo == SEO_NEVER_SET


@pytest.mark.parametrize("keywords", ["a, b c", "a,b c", ["a", "b c"], " a , b c,,"])
def test_keywords_come_as_one_string_or_as_a_list(keywords: object) -> None:
    assert article_from_json(ARTICLE | {"seo_data": {"meta_keywords": keywords}}).seo.keywords == ("a", "b c")


@pytest.mark.parametrize("status", [1, 3, 4, None])
def test_what_is_not_published_is_a_draft(status: int | None) -> None:
    assert article_from_json(ARTICLE | {"status": status}).status is Status.DRAFT


@pytest.mark.parametrize("name", ["title", "description", "tags", "seo_data", "agent_id"])
def test_a_blank_value_equals_a_missing_key(name: str) -> None:
    without = {key: value for key, value in ARTICLE.items() if key != name}
    assert article_from_json(ARTICLE | {name: None}) == article_from_json(without)


def test_an_article_in_a_list_without_its_folder_takes_the_listed_one() -> None:
    assert article_from_json({"id": 1}, folder=5).parent == 5


def test_every_field_of_a_live_item_is_known() -> None:
    items = (article_from_json(ARTICLE), category_from_json({"id": 1}), folder_from_json({"id": 1, "visibility": 1}))
    assert [name for item in items for name, value in fields_of(item).items() if value is None] == []


@pytest.mark.parametrize("data", [{}, {"id": None}, {"id": "12"}, {"id": True}])
def test_an_item_without_an_id_is_not_freshdesk(data: dict[str, Any]) -> None:
    for read in (article_from_json, category_from_json, folder_from_json):
        with pytest.raises(PortalError, match=r"has no (article|category|folder) id"):
            read(data)


def test_an_article_is_sent_with_title_body_and_status_only() -> None:
    assert article_to_json(Article(title="t", body="<p>b</p>")) == {
        "title": "t",
        "description": "<p>b</p>",
        "status": 2,
    }


def test_a_managed_field_is_sent_also_when_it_is_empty() -> None:
    article = Article(title="t", body="", tags=(), seo=Seo(keywords=()), author=9, status=Status.DRAFT)
    sent = article_to_json(article, was=Seo(title="kept", description="too", keywords=("gone",)))
    assert sent == {
        "title": "t",
        "description": "",
        "status": 1,
        "tags": [],
        "seo_data": {"meta_title": "kept", "meta_description": "too", "meta_keywords": []},
        "agent_id": 9,
    }


def test_unmanaged_seo_is_sent_as_it_was() -> None:
    sent = article_to_json(Article(title="t", body="", seo=Seo(title="new")), was=Seo(description="d", keywords=("k",)))
    assert sent["seo_data"] == {"meta_title": "new", "meta_description": "d", "meta_keywords": ["k"]}


def test_unset_keywords_are_not_sent() -> None:
    sent = article_to_json(Article(title="t", body="", seo=Seo(title="new")), was=SEO_NEVER_SET)
    assert sent["seo_data"] == {"meta_title": "new", "meta_description": ""}


def test_an_author_may_be_an_id_written_as_text_but_not_an_address() -> None:
    assert article_to_json(Article(title="t", body="", author="12"))["agent_id"] == 12
    with pytest.raises(PortalError, match="robin@example"):
        article_to_json(Article(title="t", body="", author="robin@example.com"))


def test_a_folder_of_a_category_list_gets_its_category() -> None:
    data = {"id": 3, "name": "a", "description": None, "parent_folder_id": None, "visibility": 2, "articles_count": 4}
    assert folder_from_json(data, category=7) == Folder(
        id=3, parent=7, name="a", description="", visibility=Visibility.LOGGED_IN, companies=(), segments=()
    )
    assert folder_from_json(data | {"parent_folder_id": 9, "category_id": 7}, category=7).parent == 9


def test_an_unknown_visibility_is_none() -> None:
    for number in (0, 8, None, "1", -1):
        assert folder_from_json({"id": 1, "visibility": number}).visibility is None


def test_the_counts_of_a_folder_may_be_missing() -> None:
    assert counts_in_folder({"articles_count": 0, "sub_folders_count": 2}) == (0, 2)
    assert counts_in_folder({"articles_count": None}) == (None, None)


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        (Visibility.ALL, {"visibility": 1}),
        (Visibility.AGENTS, {"visibility": 3}),
        (Visibility.COMPANIES, {"visibility": 4, "company_ids": [1]}),
        (Visibility.BOTS, {"visibility": 5}),
        (Visibility.CONTACT_SEGMENTS, {"visibility": 6, "contact_segment_ids": [2]}),
        (Visibility.COMPANY_SEGMENTS, {"visibility": 7, "company_segment_ids": [2]}),
    ],
)
def test_ids_are_sent_with_the_visibility_that_needs_them(visibility: Visibility, expected: dict[str, Any]) -> None:
    folder = Folder(name="f", visibility=visibility, companies=(1,), segments=(2,))
    assert folder_to_json(folder) == {"name": "f"} | expected


def test_ids_without_a_visibility_take_the_live_one() -> None:
    live = Folder(name="f", visibility=Visibility.COMPANIES, companies=(5,), segments=())
    assert folder_to_json(Folder(name="f", companies=(6,)), was=live) == {
        "name": "f",
        "visibility": 4,
        "company_ids": [6],
    }
    assert folder_to_json(Folder(name="f", visibility=Visibility.COMPANIES), was=live)["company_ids"] == [5]


def test_unmanaged_fields_of_a_folder_or_category_are_not_sent() -> None:
    assert folder_to_json(Folder(name="f")) == {"name": "f"}
    assert category_to_json(Category(name="c")) == {"name": "c"}
    assert category_to_json(Category(name="c", description="", portals=(1,))) == {
        "name": "c",
        "description": "",
        "visible_in_portals": [1],
    }


def test_a_category_of_a_single_portal_is_in_no_list_of_portals() -> None:
    assert category_from_json({"id": 1, "name": "c", "description": None, "icon": {}}) == Category(
        id=1, name="c", description="", portals=()
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KEYWORDS = st.lists(TEXTS.map(lambda text: text.replace(",", "").strip()).filter(bool), max_size=3).map(tuple)


@given(
    title=TEXTS,
    body=TEXTS,
    status=st.sampled_from(Status),
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    seo=st.builds(Seo, title=TEXTS, description=TEXTS, keywords=KEYWORDS),
)
def test_an_item_that_is_sent_reads_back_equal(
    title: str, body: str, status: Status, tags: tuple[str, ...], seo: Seo
) -> None:
    article = Article(title=title, body=body, status=status, tags=tags, seo=seo, author=5)
    sent = article_to_json(article)
    shown = sent | {"id": 1, "seo_data": sent["seo_data"] | {"meta_keywords": ", ".join(seo.keywords or ())}}
    assert fields_of(article_from_json(shown)) == fields_of(article)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from([*ARTICLE, "visibility", "company_ids", "parent_folder_id", "name"]), JSON))
def test_any_json_with_an_id_is_an_item(data: dict[str, Any]) -> None:
    for read in (article_from_json, category_from_json, folder_from_json):
        assert read(data | {"id": 4}).id == 4


def test_half_a_surrogate_pair_is_read_as_browsers_show_it() -> None:
    odd = "a\ud800b"
    data = {"id": 1, "title": odd, "description": odd, "tags": [odd], "seo_data": {"meta_title": odd}}
    article = article_from_json(data)
    found = (article.title, article.body, *(article.tags or ()), article.seo.title)
    assert found == ("a\ufffdb",) * 4
    assert category_from_json({"id": 1, "name": odd}).name == "a\ufffdb"
