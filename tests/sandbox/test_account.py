"""The rate limit, and the faults that can be injected."""

import threading
import time

import httpx
import pytest

from kbsync.sandbox.account import CallWindow, Fault, fault_from_json
from tests.sandbox.api_client import ApiClient, open_client


def test_the_limit_counts_every_call_and_the_response_has_the_seconds_to_wait() -> None:
    with open_client(calls_per_minute=3, window=1.2) as client:
        first = client.get("/categories")
        assert (first.headers["x-ratelimit-total"], first.headers["x-ratelimit-remaining"]) == ("3.0", "2.0")
        assert "retry-after" not in first.headers
        client.get("/articles/1")
        last = client.post("/categories", {})
        assert (last.status_code, last.headers["x-ratelimit-remaining"]) == (400, "0.0")
        refused = client.get("/categories")
        assert (refused.status_code, refused.json().keys()) == (429, {"message"})
        wait = int(refused.headers["retry-after"])
        assert 1 <= wait <= 2
        time.sleep(wait)
        assert client.get("/categories").status_code == 200


def test_a_window_begins_with_its_first_call() -> None:
    now = 0.0
    limiter = CallWindow(2, window=60, timer=lambda: now)
    assert [limiter.take().remaining for _ in range(2)] == [1, 0]
    now = 41.5
    assert limiter.take().retry_after == 19
    now = 60.0
    assert limiter.take().retry_after is None


def test_the_limit_may_answer_in_text_or_nothing_and_with_a_hostile_wait() -> None:
    with open_client(calls_per_minute=0, limit_body="text", retry_after="86400") as client:
        refused = client.get("/categories")
        assert refused.headers["content-type"].startswith("text/plain")
        assert refused.headers["retry-after"] == "86400"
    with open_client(calls_per_minute=0, limit_body="empty", retry_after="soon") as client:
        refused = client.get("/categories")
        assert (refused.content, refused.headers["retry-after"]) == (b"", "soon")


def test_without_a_limit_the_headers_still_show_one(client: ApiClient) -> None:
    assert float(client.get("/categories").headers["x-ratelimit-remaining"]) > 10_000


@pytest.mark.parametrize(("body", "kind"), [("html", "text/html; charset=utf-8"), ("empty", None)])
def test_a_call_fails_once_with_the_status_of_the_fault(client: ApiClient, body: str, kind: str | None) -> None:
    client.portal.faults.fail("POST", "*/categories", status=502, body=body)
    assert client.get("/categories").status_code == 200
    failed = client.post("/categories", {"name": "x"})
    assert (failed.status_code, failed.headers.get("content-type")) == (502, kind)
    assert bool(failed.content) == (body == "html")
    assert client.post("/categories", {"name": "x"}).status_code == 201


def test_a_call_whose_response_is_lost_was_applied(client: ApiClient) -> None:
    client.portal.faults.lose("POST")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/categories", {"name": "Lost"})
    assert "Lost" in [one.name for one in client.portal.store.all_categories()]
    assert client.portal.calls[-1].status == 0


def test_a_lost_call_was_not_applied_when_it_never_arrived(client: ApiClient) -> None:
    client.portal.faults.lose("POST", applied=False)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/categories", {"name": "Lost"})
    assert "Lost" not in [one.name for one in client.portal.store.all_categories()]


def test_a_truncated_response_was_applied_and_is_incomplete(client: ApiClient) -> None:
    client.portal.faults.truncate("POST")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        client.post("/categories", {"name": "Cut"})
    assert "Cut" in [one.name for one in client.portal.store.all_categories()]


def test_a_delayed_call_delays_no_other(client: ApiClient) -> None:
    client.portal.faults.delay(1.0, path="*/folders")
    began = time.monotonic()
    slow = threading.Thread(target=client.get, args=(f"/categories/{client.category}/folders",))
    slow.start()
    time.sleep(0.1)
    assert client.get("/categories").status_code == 200
    assert time.monotonic() - began < 0.9
    slow.join()
    assert time.monotonic() - began >= 1.0


def test_every_nth_call_fails_as_often_as_asked(client: ApiClient) -> None:
    client.portal.faults.add(Fault(method="GET", status=503, skip=1, every=2, times=2))
    statuses = [client.get("/categories").status_code for _ in range(8)]
    assert statuses == [200, 200, 503, 200, 503, 200, 200, 200]
    assert client.portal.faults.pending() == ()


def test_a_fault_without_end_ends_when_it_is_cleared(client: ApiClient) -> None:
    client.portal.faults.fail(times=None)
    assert {client.get("/categories").status_code for _ in range(5)} == {500}
    client.portal.faults.clear()
    assert client.get("/categories").status_code == 200


def test_faults_and_calls_are_reached_over_http_with_the_key(client: ApiClient) -> None:
    url = "/sandbox/faults"
    assert httpx.get(f"{client.portal.url}{url}").status_code == 401
    added = client.http.post(url, json={"kind": "error", "status": 502, "method": "get", "times": 2})
    assert [one["status"] for one in added.json()] == [502]
    assert client.get("/categories").status_code == 502
    assert client.http.delete(url).json() == []
    assert client.get("/categories").status_code == 200
    assert [one["status"] for one in client.http.get("/sandbox/calls").json()] == [502, 200]
    assert client.http.delete("/sandbox/calls").json() == client.portal.calls == []


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "boom"}, {"status": 200}, {"every": 0}, {"times": "x"}, {"who": 1}, {"path": 3}, {"seconds": "long"}],
)
def test_a_fault_that_is_not_valid_is_refused_with_a_reason(client: ApiClient, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fault_from_json(wrong)
    response = client.http.post("/sandbox/faults", json=wrong)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_value")
    assert client.portal.faults.pending() == ()


def test_calls_from_many_threads_all_count(client: ApiClient) -> None:
    def create(number: int) -> None:
        for at in range(5):
            client.article(title=f"{number}-{at}")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client.portal.store.all_articles()) == len(client.portal.calls) == 40
