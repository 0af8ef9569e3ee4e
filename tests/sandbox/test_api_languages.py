"""Translations of categories, folders and articles."""

from collections.abc import Iterator

import pytest

from tests.sandbox.api_client import ApiClient, field_errors, open_client


@pytest.fixture(scope="module")
def multilingual() -> Iterator[ApiClient]:
    with open_client(languages=("fr", "pt-BR")) as client:
        yield client


def test_an_account_without_other_languages_lacks_the_feature(client: ApiClient) -> None:
    response = client.get(f"/categories/{client.category}/fr")
    assert (response.status_code, response.json()["code"]) == (403, "require_feature")


def test_categories_folders_and_articles_are_translated_top_down() -> None:
    with open_client(languages=("fr",)) as client:
        article = client.article()
        category, folder, text = (
            f"/categories/{client.category}",
            f"/folders/{client.folder}",
            f"/articles/{article['id']}",
        )
        french = {"title": "Réinitialiser", "description": "<p>Allez</p>", "status": 2, "tags": ["mot"]}
        assert field_errors(client.post(f"{folder}/fr", {"name": "Comptes"})) == {("language", "invalid_value")}
        assert client.post(f"{category}/fr", {"name": "Débuter"}).status_code == 201
        assert field_errors(client.post(f"{text}/fr", french)) == {("language", "invalid_value")}
        made = client.post(f"{folder}/fr", {"name": "Comptes"})
        assert (made.status_code, made.json()["name"]) == (201, "Comptes")
        made = client.post(f"{text}/fr", french)
        assert (made.status_code, made.json()["id"], made.json()["tags"]) == (201, article["id"], ["mot"])
        assert made.headers["location"].endswith(f"{text}/fr")
        assert [step["data"]["name"] for step in made.json()["hierarchy"]] == ["Débuter", "Comptes"]
        assert client.get(text).json()["title"] == "Reset"
        assert [one["name"] for one in client.get("/categories/fr").json()] == ["Débuter"]
        assert [one["name"] for one in client.get(f"{category}/folders/fr").json()] == ["Comptes"]
        assert [one["title"] for one in client.get(f"{folder}/articles/fr").json()] == ["Réinitialiser"]
        assert client.get(f"{folder}/subfolders/fr").json() == []


def test_a_translation_may_not_need_its_parents() -> None:
    with open_client(languages=("fr",), parent_language="lax") as client:
        article = client.article()
        made = client.post(f"/articles/{article['id']}/fr", {"title": "T", "description": "d", "status": 1})
        assert made.status_code == 201
        assert [step["data"]["language"] for step in made.json()["hierarchy"]] == ["en", "en"]


def test_an_existing_translation_cannot_be_created_and_a_missing_one_cannot_be_updated(multilingual: ApiClient) -> None:
    path = f"/categories/{multilingual.category}/pt-BR"
    assert multilingual.get(path).status_code == 404
    assert multilingual.put(path, {"name": "x"}).status_code == 404
    assert multilingual.post(path, {"name": "Começar"}).status_code == 201
    assert multilingual.post(path, {"name": "Começar"}).status_code == 409
    assert multilingual.put(path, {"name": "Início"}).json()["name"] == "Início"
    assert multilingual.get(f"/categories/{multilingual.category}").json()["name"] == "Getting started"


def test_the_primary_and_unknown_languages_are_refused(multilingual: ApiClient) -> None:
    path = f"/categories/{multilingual.category}"
    assert multilingual.post(f"{path}/en", {"name": "x"}).status_code == 405
    assert multilingual.post(f"{path}/xx", {"name": "x"}).status_code == 405
    assert multilingual.get(f"{path}/xx").status_code == 404
    assert multilingual.get(f"{path}/en").json() == multilingual.get(path).json()


def test_each_language_has_its_own_status_and_times(multilingual: ApiClient) -> None:
    multilingual.portal.store.categories.translate(multilingual.category, "fr", name="Débuter")
    multilingual.portal.store.folders.translate(multilingual.folder, "fr", name="Comptes")
    article = multilingual.article()
    path = f"/articles/{article['id']}"
    multilingual.post(f"{path}/fr", {"title": "T", "description": "d", "status": 2})
    assert multilingual.put(f"{path}/fr", {"status": 1}).json()["status"] == 1
    assert multilingual.get(path).json()["status"] == 2


def test_hits_are_summed_over_languages_and_counted_for_each(multilingual: ApiClient) -> None:
    article = multilingual.article()
    multilingual.portal.store.translate_article(article["id"], "fr", "T", "d")
    for _ in range(2):
        multilingual.portal.store.articles.count(article["id"], "fr", "hits")
    multilingual.portal.store.articles.count(article["id"], "en", "hits")
    path = f"/articles/{article['id']}"
    assert [multilingual.get(at).json()["hits"] for at in (path, f"{path}/fr", f"{path}/en")] == [3, 2, 1]


def test_deleting_removes_every_language(multilingual: ApiClient) -> None:
    article = multilingual.article()
    multilingual.portal.store.translate_article(article["id"], "fr", "T", "d")
    multilingual.delete(f"/articles/{article['id']}")
    assert multilingual.get(f"/articles/{article['id']}/fr").status_code == 404
