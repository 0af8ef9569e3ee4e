"""Unmodified third-party clients against the portal; they share no code with it or with kbsync."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freshdesk.v2.api import API
from freshdesk.v2.errors import FreshdeskBadRequest, FreshdeskNotFound, FreshdeskRateLimited, FreshdeskUnauthorized

from kbsync.sandbox.server import Portal
from kbsync.sandbox.settings import SandboxSettings
from tests.portals import serve

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with serve(SandboxSettings(languages=("fr",))) as client:
        yield client


def _client(portal: Portal, key: str | None = None) -> Any:
    client = API("acme.freshdesk.com", key or portal.key)
    client._api_prefix = f"{portal.url}/api/v2/"
    client._session.trust_env = False
    return client


def test_python_freshdesk_manages_categories_folders_and_articles(portal: Portal) -> None:
    solutions = _client(portal).solutions
    category = solutions.categories.create_category(name="Guides", description="All")
    assert solutions.categories.get_category(category.id).name == "Guides"
    assert solutions.categories.update_category(category.id, name="Manuals").name == "Manuals"
    assert [one.name for one in solutions.categories.list_categories()] == ["Manuals"]
    folder = solutions.folders.create_folder(category.id, name="First steps", visibility=1)
    inner = solutions.folders.create_folder(category.id, name="Inner", parent_folder_id=folder.id)
    assert solutions.folders.get_folder(inner.id).parent_folder_id == folder.id
    assert solutions.folders.update_folder(folder.id, description="Begin").description == "Begin"
    assert [one.id for one in solutions.folders.list_from_category(category.id)] == [folder.id]
    article = solutions.articles.create_article(folder.id, title="Hello", description="<p>World</p>", status=2)
    shown = solutions.articles.get_article(article.id)
    assert (shown.title, shown.status, shown.created_at.year >= 2024) == ("Hello", "published", True)
    assert solutions.articles.update_article(article.id, status=1).status == "draft"
    assert [one.id for one in solutions.articles.list_from_folder(folder.id)] == [article.id]
    assert [one.id for one in solutions.articles.search("world")] == [article.id]
    _translate(solutions, category.id, folder.id, article.id)
    solutions.articles.delete_article(article.id)
    with pytest.raises(FreshdeskNotFound):
        solutions.articles.get_article(article.id)
    solutions.folders.delete_folder(folder.id)
    solutions.categories.delete_category(category.id)
    assert solutions.categories.list_categories() == []


def _translate(solutions: Any, category: int, folder: int, article: int) -> None:
    french = {"title": "Bonjour", "description": "<p>Monde</p>", "status": 2}
    assert solutions.categories.create_category_translation(category, "fr", name="Guides").id == category
    assert solutions.categories.update_category_translation(category, "fr", name="Manuels").name == "Manuels"
    assert solutions.categories.get_category_translated(category, "fr").name == "Manuels"
    assert solutions.folders.create_folder_translation(folder, "fr", name="Premiers pas").id == folder
    assert solutions.folders.update_folder_translation(folder, "fr", description="x").description == "x"
    assert solutions.folders.get_folder_translated(folder, "fr").name == "Premiers pas"
    assert [one.id for one in solutions.folders.list_from_category_translated(category, "fr")] == [folder]
    assert solutions.articles.create_article_translation(article, "fr", **french).id == article
    assert solutions.articles.update_article_translation(article, "fr", title="Salut").title == "Salut"
    assert solutions.articles.get_article_translated(article, "fr").title == "Salut"
    assert [one.title for one in solutions.articles.list_from_folder_translated(folder, "fr")] == ["Salut"]


def test_python_freshdesk_reads_the_errors(portal: Portal) -> None:
    solutions = _client(portal).solutions
    with pytest.raises(FreshdeskBadRequest, match=r"Validation failed.*missing_field"):
        solutions.categories.create_category(description="no name")
    with pytest.raises(FreshdeskUnauthorized, match="logged in"):
        _client(portal, "wrong").solutions.categories.list_categories()
    with (
        serve(SandboxSettings(calls_per_minute=0)) as busy,
        pytest.raises(FreshdeskRateLimited, match=r"until \d+ seconds"),
    ):
        _client(busy).solutions.categories.list_categories()


def test_python_freshdesk_pages_by_hand_over_a_hundred_items(portal: Portal) -> None:
    client = _client(portal)
    category = client.solutions.categories.create_category(name="Long")
    folder = client.solutions.folders.create_folder(category.id, name="Longer")
    for number in range(104):
        client.solutions.articles.create_article(folder.id, title=f"Article {number}", description="x", status=1)
    assert len(client.solutions.articles.list_from_folder(folder.id)) == 30
    path = f"solutions/folders/{folder.id}/articles"
    pages = [client._get(path, params={"page": page, "per_page": 50}) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [50, 50, 4]
    assert [one["title"] for page in pages for one in page] == [f"Article {number}" for number in range(104)]
    below = client.solutions.folders.create_folder(category.id, name="Below", parent_folder_id=folder.id)
    assert [one["id"] for one in client._get(f"solutions/folders/{folder.id}/subfolders")] == [below.id]


def _npm() -> str:
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return npm
    if os.environ.get("KBSYNC_REQUIRE_NODE") == "1":
        pytest.fail("KBSYNC_REQUIRE_NODE is 1 and there is no node or npm")
    pytest.skip("there is no node or npm")


def test_freshdesk_api_of_npm_works_in_full(portal: Portal, tmp_path: Path) -> None:
    npm = _npm()
    shutil.copy(NODE / "package.json", tmp_path)
    install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"]
    installed = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert installed.returncode == 0, installed.stderr
    drive = ["node", str(NODE / "drive.js"), portal.url, portal.key, str(tmp_path)]
    driven = subprocess.run(drive, capture_output=True, text=True, timeout=120, check=False)
    assert (driven.returncode, driven.stdout, driven.stderr) == (0, "passed\n", "")
