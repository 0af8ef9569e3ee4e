"""Starting and stopping a portal, its data file, and loading content."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from kbsync.sandbox.server import run, serve
from kbsync.sandbox.settings import SandboxError, SandboxSettings
from kbsync.sandbox.store import Document, Store, load, load_path
from tests.sandbox.api_client import open_client

DOCUMENT: Document = {
    "Getting started": {
        "Accounts": [{"title": "B", "position": 2, "description": "<p>b</p>"}, {"title": "A", "position": 1}]
    },
    "Billing": {"Invoices": [], "Plans": [{"title": "C"}]},
}


def test_a_portal_starts_and_stops_many_times_and_leaves_no_thread() -> None:
    threads = threading.active_count()
    for _ in range(5):
        began = time.monotonic()
        with serve() as portal:
            assert time.monotonic() - began < 1
            assert httpx.get(portal.url, follow_redirects=True).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(portal.url)
    assert threading.active_count() == threads


def test_two_portals_run_side_by_side() -> None:
    with open_client() as one, open_client() as other:
        one.article()
        assert len(one.portal.store.all_articles()) == 1
        assert other.portal.store.all_articles() == []


def test_a_portal_stops_while_a_client_holds_its_connection_and_a_call_hangs() -> None:
    with open_client() as client:
        client.portal.faults.delay(30)
        failed: list[httpx.HTTPError] = []

        def hang() -> None:
            try:
                client.get("/categories")
            except httpx.HTTPError as error:
                failed.append(error)

        hanging = threading.Thread(target=hang)
        hanging.start()
        time.sleep(0.2)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    hanging.join()
    assert len(failed) == 1


def test_a_data_file_keeps_the_content(tmp_path: Path) -> None:
    data = tmp_path / "portal.sqlite"
    with open_client(data=data) as client:
        made = client.article(tags=["a"], seo_data={"meta_title": "T"})
    with serve(SandboxSettings(data=data)) as portal:
        kept = portal.store.article(made["id"])
        assert (kept.title, kept.tags, kept.seo) == ("Reset", ("a",), {"meta_title": "T"})
        portal.store.delete_article(kept.id)
        assert portal.store.create_article(client.folder, "Next", "x").id > kept.id


def test_a_file_with_other_content_is_refused_with_advice(tmp_path: Path) -> None:
    data = tmp_path / "notes.txt"
    data.write_text("not a database, " * 100)
    with pytest.raises(SandboxError, match=r"notes\.txt.*new file"), serve(SandboxSettings(data=data)):
        pass
    with pytest.raises(SandboxError, match="cannot use"), serve(SandboxSettings(data=tmp_path / "no" / "x.sqlite")):
        pass
    shared = SandboxSettings(data=tmp_path / "shared.sqlite")
    with serve(shared), pytest.raises(SandboxError, match="no other sandbox"), serve(shared):
        pass
    assert data.read_text().startswith("not a database")


def test_a_port_that_is_taken_is_refused_with_advice() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SandboxError, match="--port 0"):
            run(SandboxSettings(), port=taken.getsockname()[1])


def test_a_host_that_others_can_reach_is_refused_unless_it_is_configured() -> None:
    with pytest.raises(SandboxError, match="other computers"):
        run(SandboxSettings(), host="0.0.0.0")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_its_address_once_it_listens_and_ends_when_interrupted(
    signal_number: signal.Signals,
) -> None:
    code = (
        "from kbsync.sandbox import SandboxSettings, run\n"
        "run(SandboxSettings(), announce=lambda portal: print(portal.url, flush=True))\n"
        "print('ended', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
        env=dict(os.environ),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/support/solutions").status_code == 200
        process.send_signal(signal_number)
        rest, noise = process.stdout.read(), process.stderr.read()
        process.wait(10)
    assert (rest, noise) == ("ended\n", "")
    assert process.returncode == 0


def test_an_edit_by_an_agent_always_changes_updated_at() -> None:
    store = Store()
    category = store.create_category("C")
    folder = store.create_folder(category.id, "F")
    article = store.create_article(folder.id, "T", "x")
    times = [article.updated_at, *(store.edit_article(article.id, body=body).updated_at for body in "yz")]
    assert times == sorted(set(times))
    other = store.create_folder(category.id, "G")
    assert store.move_article(article.id, other.id).folder_id == other.id
    assert store.edit_folder(folder.id, name="H").name == "H"
    assert store.edit_category(category.id, description="d").description == "d"
    store.delete_folder(other.id)
    with pytest.raises(LookupError):
        store.article(article.id)
    store.close()


def test_the_portals_time_is_never_before_a_time_it_has_written() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with open_client(clock=lambda: now) as client:
        article = client.article()
        edited = client.portal.store.edit_article(article["id"], body="by hand")
        assert edited.updated_at == "2026-03-01T12:00:01Z"
        response = client.put(f"/articles/{article['id']}", {"title": "After"})
        assert response.json()["updated_at"] == edited.updated_at
        assert parsedate_to_datetime(response.headers["date"]) == now + timedelta(seconds=1)


def test_a_document_is_loaded_in_the_order_of_positions() -> None:
    store = Store()
    assert load(store, DOCUMENT) == 3
    assert [one.name for one in store.all_categories()] == ["Getting started", "Billing"]
    assert [one.name for one in store.all_folders()] == ["Accounts", "Invoices", "Plans"]
    assert [one.title for one in store.all_articles()] == ["A", "B", "C"]
    assert {one.status for one in store.all_articles()} == {2}
    assert load(store, {"Billing": {"Plans": [{"title": "D"}]}}) == 1
    assert (len(store.all_categories()), len(store.all_folders())) == (2, 3)
    store.close()


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"a": []},
        {"a": {"b": {}}},
        {"a": {"b": [{"description": "x"}]}},
        {"a": {"b": [{"title": 3}]}},
        {"a": {"b": ["x"]}},
    ],
)
def test_a_document_of_another_shape_is_refused_and_nothing_is_loaded(wrong: object) -> None:
    store = Store()
    with pytest.raises(SandboxError, match="the expected structure is"):
        load(store, wrong)  # type: ignore[arg-type]
    assert store.all_categories() == []
    store.close()


def test_a_folder_of_files_is_loaded_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store()
    (tmp_path / "a.json").write_text('{"A": {"F": [{"title": "é"}]}}', encoding="utf-8")
    (tmp_path / "b.json").write_text("{broken")
    with pytest.raises(SandboxError, match=r"b\.json"):
        load_path(store, tmp_path)
    assert store.all_categories() == []
    (tmp_path / "b.json").write_text('{"B": {"F": []}}')
    assert load_path(store, tmp_path) == 1
    for path, why in ((tmp_path / "none.json", "cannot read"), (tmp_path / "empty", "has no")):
        if why == "has no":
            path.mkdir()
        with pytest.raises(SandboxError, match=why):
            load_path(store, path)
    store.close()


@pytest.mark.corpus
def test_the_corpus_is_loaded_and_every_page_of_it_is_shown(corpus: Path) -> None:
    with serve() as portal, httpx.Client(base_url=portal.url, auth=(portal.key, "X")) as http:
        assert load_path(portal.store, corpus / "freshdesk-kb") == 1221
        listed = http.get("/api/v2/solutions/categories", params={"per_page": 100}).json()
        assert len(listed) == 19
        counted = 0
        for category in listed:
            assert http.get(f"/support/solutions/{category['id']}").status_code == 200
            for folder in http.get(f"/api/v2/solutions/categories/{category['id']}/folders?per_page=100").json():
                assert http.get(f"/support/solutions/folders/{folder['id']}").status_code == 200
                counted += folder["articles_count"]
        assert counted == 1221
        for article in portal.store.all_articles()[::10]:
            page = http.get(f"/support/solutions/articles/{article.id}")
            assert page.status_code == 200
            assert "<script" not in page.text
