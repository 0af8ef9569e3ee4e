"""The pages in a browser: what readers see and must not see, and how an agent saves."""

import re
from html import unescape

import httpx
import pytest

from tests.sandbox.desk import Desk, desk

HOME = "/support/solutions"
NASTY = (
    "<p>Fine</p><script>alert('ran')</script><img src=x onerror=alert('ran')><a href='javascript:alert(1)'>go</a>"
    "<iframe src='https://evil.example/'></iframe><form action='https://evil.example/'><input name='key'></form>"
)


def _page(front: Desk, path: str) -> str:
    answer = front.http.get(path, follow_redirects=True)
    assert answer.status_code == 200, path
    return answer.text


def test_every_page_has_a_strict_policy_and_landmarks(front: Desk) -> None:
    made = front.article(tags=["one"])
    inside = f"{HOME}/folders/{front.folder}"
    pages = [
        HOME,
        f"{HOME}/{front.category}",
        inside,
        f"{HOME}/articles/{made['id']}",
        "/support/search/solutions?term=go",
    ]
    for path in (*pages, "/a/solutions", f"/a/solutions/articles/{made['id']}", f"{HOME}/articles/1"):
        answer = front.http.get(path)
        policy = answer.headers["content-security-policy"]
        scripts = "script-src 'self'" if path.startswith("/a/solutions/articles") else None
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert ("script-src" in policy) == bool(scripts)
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"]
        assert 'class="skip" href="#page-main"' in answer.text
        assert answer.text.count("<main") == answer.text.count("<h1") == 1, path
        assert re.search(r'<html lang="en"', answer.text)
        assert not re.search(r"<script(?! src=\"/static/)", answer.text)
        for linked in re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text):
            assert front.http.get(linked).status_code == 200


def test_what_an_article_brings_along_never_reaches_the_page(front: Desk) -> None:
    made = front.article(title="<script>alert('title')</script>", description=NASTY, tags=["<b onclick=x>"])
    for path in (
        f"{HOME}/articles/{made['id']}",
        f"{HOME}/folders/{front.folder}",
        HOME,
        "/support/search/solutions?term=fine",
    ):
        text = _page(front, path)
        for bad in ("<script", "onerror=", "javascript:", "evil.example/'", "<input name='key'"):
            assert bad not in text.replace('<script src="/static/', ""), (path, bad)
    editing = _page(front, f"/a/solutions/articles/{made['id']}")
    assert "<script>alert" not in editing
    assert "onerror=alert" in unescape(editing)


def test_what_is_asked_for_is_escaped_in_the_answer(front: Desk) -> None:
    text = _page(front, "/support/search/solutions?term=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text


def test_the_way_from_home_to_an_article(front: Desk) -> None:
    made = front.article(title="Reset your password!")
    inner = front.portal.store.create_folder(front.category, "Keys", parent_id=front.folder)
    front.portal.store.create_article(inner.id, "Make a key", "<p>x</p>")
    assert f'href="{HOME}/{front.category}"' in _page(front, "/")
    assert f'href="{HOME}/folders/{front.folder}"' in _page(front, f"{HOME}/{front.category}-getting-started")
    folder = _page(front, f"{HOME}/folders/{front.folder}")
    assert f'href="{HOME}/folders/{inner.id}"' in folder
    address = f"{HOME}/articles/{made['id']}-reset-your-password-"
    assert f'href="{address}"' in folder
    article = _page(front, address)
    assert '<h1 dir="auto">Reset your password!</h1>' in article
    assert 'aria-label="Breadcrumb"' in article
    assert "In this folder" in article
    assert front.http.get(f"{HOME}/articles/{made['id']}-whatever").status_code == 200


def test_readers_see_no_drafts_and_no_folders_of_agents(front: Desk) -> None:
    store = front.portal.store
    draft = front.article(title="Secret draft", status=1)
    hidden = store.create_folder(front.category, "For agents", visibility=3)
    below = store.create_folder(front.category, "Below agents", parent_id=hidden.id)
    secrets = [store.create_article(one, "Secret plan", "<p>x</p>").id for one in (hidden.id, below.id)]
    for path in (
        f"{HOME}/articles/{draft['id']}",
        f"{HOME}/folders/{hidden.id}",
        f"{HOME}/folders/{below.id}",
        *(f"{HOME}/articles/{id_}" for id_ in secrets),
        f"{HOME}/nothing",
        f"{HOME}/articles/{10**25}",
        "/xx/support/solutions",
        "/nowhere",
    ):
        answer = front.http.get(path)
        assert answer.status_code == 404, path
        assert "Secret" not in answer.text
    for path in (HOME, f"{HOME}/{front.category}", "/support/search/solutions?term=secret"):
        text = _page(front, path)
        assert "Secret" not in text
        assert "agents<" not in text
    listed = _page(front, "/a/solutions")
    assert "Secret draft" in listed
    assert "Secret plan" in listed


def test_a_draft_beside_a_published_version_shows_nowhere_to_readers(front: Desk) -> None:
    made = front.article(title="Old title", description="<p>old words</p>")
    front.put(f"/articles/{made['id']}", {"status": 1, "title": "Secret title", "description": "<p>secret words</p>"})
    for path in (HOME, f"{HOME}/{front.category}", f"{HOME}/folders/{front.folder}", f"{HOME}/articles/{made['id']}"):
        assert "ecret" not in _page(front, path)
    assert "old words" in _page(front, f"{HOME}/folders/{front.folder}")
    assert "No article holds" in _page(front, "/support/search/solutions?term=secret")
    assert "<mark>old</mark>" in _page(front, "/support/search/solutions?term=old")


def test_a_visit_and_a_thumb_are_counted_and_move_no_time(front: Desk) -> None:
    made = front.article()
    address = f"{HOME}/articles/{made['id']}"
    front.http.get(address)
    thanked = front.http.post(f"{address}/feedback", data={"helpful": "yes"}, follow_redirects=True)
    assert "Thank you" in thanked.text
    after = front.get(f"/articles/{made['id']}").json()
    assert (after["hits"], after["thumbs_up"], after["updated_at"]) == (2, 1, made["updated_at"])


def test_pages_in_another_language_show_what_is_translated() -> None:
    with desk(languages=("fr", "ar")) as front:
        store = front.portal.store
        made = front.article(title="Reset")
        front.article(title="Untranslated")
        for language, name in (("fr", "Débuter"), ("ar", "البدء")):
            store.categories.translate(front.category, language, name=name)
            store.folders.translate(front.folder, language, name=name)
            store.translate_article(made["id"], language, f"{name}!", "<p>x</p>")
        french = _page(front, f"/fr{HOME}/folders/{front.folder}")
        assert '<html lang="fr" dir="ltr">' in french
        assert "Débuter!" in french
        assert "Untranslated" not in french
        assert f'href="{HOME}/folders/{front.folder}"' in french
        assert '<html lang="ar" dir="rtl">' in _page(front, f"/ar{HOME}/articles/{made['id']}")
        assert "Reset" in _page(front, f"/en{HOME}/articles/{made['id']}")
        assert "<mark>Débuter</mark>!" in _page(front, "/fr/support/search/solutions?term=débuter")


def _form(front: Desk, id_: int) -> dict[str, str]:
    text = _page(front, f"/a/solutions/articles/{id_}")
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
    title = re.search(r'name="title" value="([^"]*)"', text)
    body = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", text, re.DOTALL)
    status = re.search(r'<option value="(\d)" selected', text)
    tags = re.search(r'name="tags" value="([^"]*)"', text)
    assert title is not None
    assert body is not None
    assert status is not None
    assert tags is not None
    shown = {"title": title[1], "body": body[1].replace("\n", "\r\n"), "status": status[1], "tags": tags[1]}
    return {**hidden, **{name: unescape(value) for name, value in shown.items()}}


def test_an_agent_saves_an_article_by_hand(front: Desk) -> None:
    made = front.article(description="\n<p>a &amp; b</p>\n<p>“é”</p>", tags=["one", "two"])
    address = f"/a/solutions/articles/{made['id']}"
    form = _form(front, made["id"])
    front.http.post(address, data=form)
    assert front.get(f"/articles/{made['id']}").json()["updated_at"] == made["updated_at"]
    saved = front.http.post(address, data={**form, "title": "New", "tags": "one, three ,, one"}, follow_redirects=True)
    assert "Saved." in saved.text
    after = front.get(f"/articles/{made['id']}").json()
    assert (after["title"], after["tags"], after["description"]) == ("New", ["one", "three"], made["description"])
    assert after["updated_at"] > made["updated_at"]
    front.http.post(address, data={**_form(front, made["id"]), "status": "1"})
    assert front.http.get(f"{HOME}/articles/{made['id']}").status_code == 404


def test_a_form_that_is_stale_or_wrong_is_not_saved_and_keeps_the_words(front: Desk) -> None:
    made = front.article()
    address = f"/a/solutions/articles/{made['id']}"
    form = _form(front, made["id"])
    wrong = front.http.post(address, data={**form, "title": " ", "body": "<p>Mine</p>", "tags": "x" * 33})
    assert wrong.status_code == 400
    assert "needs a title" in wrong.text
    assert "longer than 32" in wrong.text
    assert "Mine" in wrong.text
    front.portal.store.edit_article(made["id"], body="<p>Theirs</p>")
    stale = front.http.post(address, data={**form, "body": "<p>Mine</p>"})
    assert (stale.status_code, "Mine" in stale.text) == (409, True)
    assert front.portal.store.article(made["id"]).description == "<p>Theirs</p>"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused(front: Desk, headers: dict[str, str]) -> None:
    made = front.article()
    address = f"/a/solutions/articles/{made['id']}"
    form = {**_form(front, made["id"]), "title": "Taken over"}
    assert front.http.post(address, data=form, headers=headers).status_code == 403
    assert front.http.post(address, data={**form, "token": ""}).status_code == 403
    assert front.http.post("/a/solutions/preview", data={"body": "x"}).status_code == 403
    assert front.portal.store.article(made["id"]).title == "Reset"
    good = {"origin": front.portal.url, "sec-fetch-site": "same-origin"}
    assert front.http.post(address, data=form, headers=good).status_code == 303


def test_the_preview_is_sanitised_too(front: Desk) -> None:
    made = front.article()
    token = _form(front, made["id"])["token"]
    shown = front.http.post("/a/solutions/preview", data={"token": token, "body": NASTY})
    assert shown.text.startswith("<p>Fine</p>")
    assert "alert" not in shown.text


def test_an_agents_save_is_rewritten_as_the_editor_writes() -> None:
    with desk(rewriting="editor") as front:
        article = front.portal.store.create_article(front.folder, "T", "<p>as it was</p>")
        address = f"/a/solutions/articles/{article.id}"
        form = _form(front, article.id)
        front.http.post(address, data={**form, "title": "U"})
        assert front.portal.store.article(article.id).description == "<p>as it was</p>"
        front.http.post(address, data={**_form(front, article.id), "body": "<p>edited</p>"})
        assert 'data-identifyelement="441"' in front.portal.store.article(article.id).description


def test_the_agents_list_can_be_filtered(front: Desk) -> None:
    front.article(title="Alpha")
    front.article(title="Beta", status=1)
    filtered = _page(front, "/a/solutions?term=ALPHA")
    assert "Alpha" in filtered
    assert "Beta" not in filtered
    drafts = _page(front, "/a/solutions?status=1")
    assert "Beta" in drafts
    assert "Alpha" not in drafts


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]", ""])
def test_another_name_for_this_address_is_not_answered(front: Desk, host: str) -> None:
    for path in ("/support/solutions", "/api/v2/solutions/categories", "/sandbox/calls"):
        assert front.http.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:1234", "[::1]:8000"])
def test_every_name_of_loopback_is_answered(front: Desk, host: str) -> None:
    assert front.http.get("/support/solutions", headers={"host": host}).status_code == 200


def test_other_names_are_answered_when_that_is_said() -> None:
    with desk(hosts=("portal.test",)) as front:
        assert httpx.get(f"{front.portal.url}{HOME}", headers={"host": "portal.test:99"}).status_code == 200
