"""Translations of categories, folders and articles."""

from collections.abc import Iterator

import pytest

from tests.sandbox.desk import Desk, desk, problems


@pytest.fixture(scope="module")
def many() -> Iterator[Desk]:
    with desk(languages=("fr", "pt-BR")) as opened:
        yield opened


def test_an_account_without_other_languages_lacks_the_feature(front: Desk) -> None:
    answer = front.get(f"/categories/{front.category}/fr")
    assert (answer.status_code, answer.json()["code"]) == (403, "require_feature")


def test_categories_folders_and_articles_are_translated_top_down() -> None:
    with desk(languages=("fr",)) as front:
        article = front.article()
        category, folder, text = (
            f"/categories/{front.category}",
            f"/folders/{front.folder}",
            f"/articles/{article['id']}",
        )
        french = {"title": "Réinitialiser", "description": "<p>Allez</p>", "status": 2, "tags": ["mot"]}
        assert problems(front.post(f"{folder}/fr", {"name": "Comptes"})) == {("language", "invalid_value")}
        assert front.post(f"{category}/fr", {"name": "Débuter"}).status_code == 201
        assert problems(front.post(f"{text}/fr", french)) == {("language", "invalid_value")}
        made = front.post(f"{folder}/fr", {"name": "Comptes"})
        assert (made.status_code, made.json()["name"]) == (201, "Comptes")
        made = front.post(f"{text}/fr", french)
        assert (made.status_code, made.json()["id"], made.json()["tags"]) == (201, article["id"], ["mot"])
        assert made.headers["location"].endswith(f"{text}/fr")
        assert [step["data"]["name"] for step in made.json()["hierarchy"]] == ["Débuter", "Comptes"]
        assert front.get(text).json()["title"] == "Reset"
        assert [one["name"] for one in front.get("/categories/fr").json()] == ["Débuter"]
        assert [one["name"] for one in front.get(f"{category}/folders/fr").json()] == ["Comptes"]
        assert [one["title"] for one in front.get(f"{folder}/articles/fr").json()] == ["Réinitialiser"]
        assert front.get(f"{folder}/subfolders/fr").json() == []


def test_a_translation_may_not_need_its_parents() -> None:
    with desk(languages=("fr",), parent_language="lax") as front:
        article = front.article()
        made = front.post(f"/articles/{article['id']}/fr", {"title": "T", "description": "d", "status": 1})
        assert made.status_code == 201
        assert [step["data"]["language"] for step in made.json()["hierarchy"]] == ["en", "en"]


def test_what_is_there_cannot_be_made_and_what_is_not_cannot_be_updated(many: Desk) -> None:
    path = f"/categories/{many.category}/pt-BR"
    assert many.get(path).status_code == 404
    assert many.put(path, {"name": "x"}).status_code == 404
    assert many.post(path, {"name": "Começar"}).status_code == 201
    assert many.post(path, {"name": "Começar"}).status_code == 409
    assert many.put(path, {"name": "Início"}).json()["name"] == "Início"
    assert many.get(f"/categories/{many.category}").json()["name"] == "Getting started"


def test_the_primary_and_unknown_languages_are_refused(many: Desk) -> None:
    path = f"/categories/{many.category}"
    assert many.post(f"{path}/en", {"name": "x"}).status_code == 405
    assert many.post(f"{path}/xx", {"name": "x"}).status_code == 405
    assert many.get(f"{path}/xx").status_code == 404
    assert many.get(f"{path}/en").json() == many.get(path).json()


def test_each_language_has_its_own_status_and_times(many: Desk) -> None:
    many.portal.store.categories.translate(many.category, "fr", name="Débuter")
    many.portal.store.folders.translate(many.folder, "fr", name="Comptes")
    article = many.article()
    path = f"/articles/{article['id']}"
    many.post(f"{path}/fr", {"title": "T", "description": "d", "status": 2})
    assert many.put(f"{path}/fr", {"status": 1}).json()["status"] == 1
    assert many.get(path).json()["status"] == 2


def test_hits_are_summed_over_languages_and_counted_for_each(many: Desk) -> None:
    article = many.article()
    many.portal.store.translate_article(article["id"], "fr", "T", "d")
    for _ in range(2):
        many.portal.store.articles.count(article["id"], "fr", "hits")
    many.portal.store.articles.count(article["id"], "en", "hits")
    path = f"/articles/{article['id']}"
    assert [many.get(at).json()["hits"] for at in (path, f"{path}/fr", f"{path}/en")] == [3, 2, 1]


def test_deleting_takes_every_language_along(many: Desk) -> None:
    article = many.article()
    many.portal.store.translate_article(article["id"], "fr", "T", "d")
    many.delete(f"/articles/{article['id']}")
    assert many.get(f"/articles/{article['id']}/fr").status_code == 404
