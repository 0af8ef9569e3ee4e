"""The pages: what readers see and do not see, and how an agent saves."""

import re
from html import unescape

import httpx
import pytest

from tests.sandbox.api_client import ApiClient, open_client

HOME = "/support/solutions"
NASTY = (
    "<p>Fine</p><script>alert('ran')</script><img src=x onerror=alert('ran')><a href='javascript:alert(1)'>go</a>"
    "<iframe src='https://evil.example/'></iframe><form action='https://evil.example/'><input name='key'></form>"
)


def _page(client: ApiClient, path: str) -> str:
    response = client.http.get(path, follow_redirects=True)
    assert response.status_code == 200, path
    return response.text


def test_every_page_has_a_strict_policy_and_landmarks(client: ApiClient) -> None:
    made = client.article(tags=["one"])
    inside = f"{HOME}/folders/{client.folder}"
    pages = [
        HOME,
        f"{HOME}/{client.category}",
        inside,
        f"{HOME}/articles/{made['id']}",
        "/support/search/solutions?term=go",
    ]
    for path in (*pages, "/a/solutions", f"/a/solutions/articles/{made['id']}", f"{HOME}/articles/1"):
        response = client.http.get(path)
        policy = response.headers["content-security-policy"]
        scripts = "script-src 'self'" if path.startswith("/a/solutions/articles") else None
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert ("script-src" in policy) == bool(scripts)
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"]
        assert 'class="skip" href="#page-main"' in response.text
        assert response.text.count("<main") == response.text.count("<h1") == 1, path
        assert re.search(r'<html lang="en"', response.text)
        assert not re.search(r"<script(?! src=\"/static/)", response.text)
        for linked in re.findall(r'(?:href|src)="(/static/[^"]+)"', response.text):
            assert client.http.get(linked).status_code == 200


def test_scripts_in_an_article_never_reach_the_page(client: ApiClient) -> None:
    made = client.article(title="<script>alert('title')</script>", description=NASTY, tags=["<b onclick=x>"])
    for path in (
        f"{HOME}/articles/{made['id']}",
        f"{HOME}/folders/{client.folder}",
        HOME,
        "/support/search/solutions?term=fine",
    ):
        text = _page(client, path)
        for bad in ("<script", "onerror=", "javascript:", "evil.example/'", "<input name='key'"):
            assert bad not in text.replace('<script src="/static/', ""), (path, bad)
    editing = _page(client, f"/a/solutions/articles/{made['id']}")
    assert "<script>alert" not in editing
    assert "onerror=alert" in unescape(editing)


def test_the_search_term_is_escaped_in_the_response(client: ApiClient) -> None:
    text = _page(client, "/support/search/solutions?term=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text


def test_links_lead_from_the_home_page_to_an_article(client: ApiClient) -> None:
    made = client.article(title="Reset your password!")
    inner = client.portal.store.create_folder(client.category, "Keys", parent_id=client.folder)
    client.portal.store.create_article(inner.id, "Make a key", "<p>x</p>")
    assert f'href="{HOME}/{client.category}"' in _page(client, "/")
    assert f'href="{HOME}/folders/{client.folder}"' in _page(client, f"{HOME}/{client.category}-getting-started")
    folder = _page(client, f"{HOME}/folders/{client.folder}")
    assert f'href="{HOME}/folders/{inner.id}"' in folder
    address = f"{HOME}/articles/{made['id']}-reset-your-password-"
    assert f'href="{address}"' in folder
    article = _page(client, address)
    assert '<h1 dir="auto">Reset your password!</h1>' in article
    assert 'aria-label="Breadcrumb"' in article
    assert "In this folder" in article
    assert client.http.get(f"{HOME}/articles/{made['id']}-whatever").status_code == 200


def test_readers_see_no_drafts_and_no_folders_of_agents(client: ApiClient) -> None:
    store = client.portal.store
    draft = client.article(title="Secret draft", status=1)
    hidden = store.create_folder(client.category, "For agents", visibility=3)
    below = store.create_folder(client.category, "Below agents", parent_id=hidden.id)
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
        response = client.http.get(path)
        assert response.status_code == 404, path
        assert "Secret" not in response.text
    for path in (HOME, f"{HOME}/{client.category}", "/support/search/solutions?term=secret"):
        text = _page(client, path)
        assert "Secret" not in text
        assert "agents<" not in text
    listed = _page(client, "/a/solutions")
    assert "Secret draft" in listed
    assert "Secret plan" in listed


def test_readers_see_no_draft_beside_a_published_version(client: ApiClient) -> None:
    made = client.article(title="Old title", description="<p>old words</p>")
    client.put(f"/articles/{made['id']}", {"status": 1, "title": "Secret title", "description": "<p>secret words</p>"})
    for path in (HOME, f"{HOME}/{client.category}", f"{HOME}/folders/{client.folder}", f"{HOME}/articles/{made['id']}"):
        assert "ecret" not in _page(client, path)
    assert "old words" in _page(client, f"{HOME}/folders/{client.folder}")
    assert "No article contains" in _page(client, "/support/search/solutions?term=secret")
    assert "<mark>old</mark>" in _page(client, "/support/search/solutions?term=old")


def test_views_and_votes_are_counted_and_leave_updated_at(client: ApiClient) -> None:
    made = client.article()
    address = f"{HOME}/articles/{made['id']}"
    client.http.get(address)
    thanked = client.http.post(f"{address}/feedback", data={"helpful": "yes"}, follow_redirects=True)
    assert "Thank you" in thanked.text
    after = client.get(f"/articles/{made['id']}").json()
    assert (after["hits"], after["thumbs_up"], after["updated_at"]) == (2, 1, made["updated_at"])


def test_pages_in_another_language_show_what_is_translated() -> None:
    with open_client(languages=("fr", "ar")) as client:
        store = client.portal.store
        made = client.article(title="Reset")
        client.article(title="Untranslated")
        for language, name in (("fr", "Débuter"), ("ar", "البدء")):
            store.categories.translate(client.category, language, name=name)
            store.folders.translate(client.folder, language, name=name)
            store.translate_article(made["id"], language, f"{name}!", "<p>x</p>")
        french = _page(client, f"/fr{HOME}/folders/{client.folder}")
        assert '<html lang="fr" dir="ltr">' in french
        assert "Débuter!" in french
        assert "Untranslated" not in french
        assert f'href="{HOME}/folders/{client.folder}"' in french
        assert '<html lang="ar" dir="rtl">' in _page(client, f"/ar{HOME}/articles/{made['id']}")
        assert "Reset" in _page(client, f"/en{HOME}/articles/{made['id']}")
        assert "<mark>Débuter</mark>!" in _page(client, "/fr/support/search/solutions?term=débuter")


def _form(client: ApiClient, id_: int) -> dict[str, str]:
    text = _page(client, f"/a/solutions/articles/{id_}")
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


def test_an_agent_saves_an_article_by_hand(client: ApiClient) -> None:
    made = client.article(description="\n<p>a &amp; b</p>\n<p>“é”</p>", tags=["one", "two"])
    address = f"/a/solutions/articles/{made['id']}"
    form = _form(client, made["id"])
    client.http.post(address, data=form)
    assert client.get(f"/articles/{made['id']}").json()["updated_at"] == made["updated_at"]
    saved = client.http.post(address, data={**form, "title": "New", "tags": "one, three ,, one"}, follow_redirects=True)
    assert "was saved." in saved.text
    after = client.get(f"/articles/{made['id']}").json()
    assert (after["title"], after["tags"], after["description"]) == ("New", ["one", "three"], made["description"])
    assert after["updated_at"] > made["updated_at"]
    client.http.post(address, data={**_form(client, made["id"]), "status": "1"})
    assert client.http.get(f"{HOME}/articles/{made['id']}").status_code == 404


def test_a_form_that_is_stale_or_wrong_is_not_saved_and_keeps_the_text(client: ApiClient) -> None:
    made = client.article()
    address = f"/a/solutions/articles/{made['id']}"
    form = _form(client, made["id"])
    wrong = client.http.post(address, data={**form, "title": " ", "body": "<p>Mine</p>", "tags": "x" * 33})
    assert wrong.status_code == 400
    assert "title is required" in wrong.text
    assert "longer than 32" in wrong.text
    assert "Mine" in wrong.text
    client.portal.store.edit_article(made["id"], body="<p>Theirs</p>")
    stale = client.http.post(address, data={**form, "body": "<p>Mine</p>"})
    assert (stale.status_code, "Mine" in stale.text) == (409, True)
    assert client.portal.store.article(made["id"]).description == "<p>Theirs</p>"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused(client: ApiClient, headers: dict[str, str]) -> None:
    made = client.article()
    address = f"/a/solutions/articles/{made['id']}"
    form = {**_form(client, made["id"]), "title": "Taken over"}
    assert client.http.post(address, data=form, headers=headers).status_code == 403
    assert client.http.post(address, data={**form, "token": ""}).status_code == 403
    assert client.http.post("/a/solutions/preview", data={"body": "x"}).status_code == 403
    assert client.portal.store.article(made["id"]).title == "Reset"
    good = {"origin": client.portal.url, "sec-fetch-site": "same-origin"}
    assert client.http.post(address, data=form, headers=good).status_code == 303


def test_the_preview_is_sanitised_too(client: ApiClient) -> None:
    made = client.article()
    token = _form(client, made["id"])["token"]
    shown = client.http.post("/a/solutions/preview", data={"token": token, "body": NASTY})
    assert shown.text.startswith("<p>Fine</p>")
    assert "alert" not in shown.text


def test_an_agents_save_is_rewritten_as_the_editor_writes() -> None:
    with open_client(rewriting="editor") as client:
        article = client.portal.store.create_article(client.folder, "T", "<p>as it was</p>")
        address = f"/a/solutions/articles/{article.id}"
        form = _form(client, article.id)
        client.http.post(address, data={**form, "title": "U"})
        assert client.portal.store.article(article.id).description == "<p>as it was</p>"
        client.http.post(address, data={**_form(client, article.id), "body": "<p>edited</p>"})
        assert 'data-identifyelement="441"' in client.portal.store.article(article.id).description


def test_the_agents_list_can_be_filtered(client: ApiClient) -> None:
    client.article(title="Alpha")
    client.article(title="Beta", status=1)
    filtered = _page(client, "/a/solutions?term=ALPHA")
    assert "Alpha" in filtered
    assert "Beta" not in filtered
    drafts = _page(client, "/a/solutions?status=1")
    assert "Beta" in drafts
    assert "Alpha" not in drafts


OTHERS = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]", "")
SPLIT = (
    "localhost:1@evil",
    "localhost:@evil",
    "localhost:80:80",
    "localhost:x",
    "[::1]evil",
    "[::1]:1@e",
    "localhost/x",
)


@pytest.mark.parametrize("host", [*OTHERS, *SPLIT])
def test_another_host_name_is_not_answered(client: ApiClient, host: str) -> None:
    for path in ("/support/solutions", "/api/v2/solutions/categories", "/sandbox/calls"):
        assert client.http.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:1234", "[::1]:8000"])
def test_every_loopback_host_name_is_answered(client: ApiClient, host: str) -> None:
    assert client.http.get("/support/solutions", headers={"host": host}).status_code == 200


def test_other_host_names_are_answered_when_configured() -> None:
    with open_client(hosts=("portal.test",)) as client:
        assert httpx.get(f"{client.portal.url}{HOME}", headers={"host": "portal.test:99"}).status_code == 200


def test_code_and_tables_take_the_focus_and_call_outs_do_not(client: ApiClient) -> None:
    body = (
        '<pre class="x"><code>ls &lt;pre&gt;</code></pre><pre class="fd-callout fd-callout--note">Mind</pre>'
        '<table><tbody><tr><td title="<pre onclick=alert(1)">1</td></tr></tbody></table>'
    )
    made = client.article(description=body)
    shown = _page(client, f"{HOME}/articles/{made['id']}")
    assert '<pre tabindex="0" role="region" aria-label="Code" class="x"><code>ls &lt;pre&gt;</code></pre>' in shown
    assert '<pre class="fd-callout fd-callout--note">Mind</pre>' in shown
    assert '<table tabindex="0"><tbody>' in shown
    assert shown.count('tabindex="0"') == 2
    assert client.get(f"/articles/{made['id']}").json()["description"] == body


def test_the_agents_page_warns_before_unsaved_text_is_lost(client: ApiClient) -> None:
    made = client.article()
    address = f"/a/solutions/articles/{made['id']}"
    opened = _page(client, address)
    assert '<script src="/static/editor.js" defer>' in opened
    assert "data-unsaved" not in opened
    assert '"beforeunload"' in _page(client, "/static/editor.js")
    refused = client.http.post(address, data={**_form(client, made["id"]), "title": " "})
    assert 'class="editor" data-unsaved' in refused.text
