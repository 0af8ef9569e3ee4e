"""The limit of calls, and trouble on demand."""

import threading
import time

import httpx
import pytest

from kbsync.sandbox.account import Fault, Limiter, fault_from_json
from tests.sandbox.desk import Desk, desk


def test_the_limit_counts_every_call_and_says_how_long_to_wait() -> None:
    with desk(calls_per_minute=3, window=1.2) as front:
        first = front.get("/categories")
        assert (first.headers["x-ratelimit-total"], first.headers["x-ratelimit-remaining"]) == ("3.0", "2.0")
        assert "retry-after" not in first.headers
        front.get("/articles/1")
        last = front.post("/categories", {})
        assert (last.status_code, last.headers["x-ratelimit-remaining"]) == (400, "0.0")
        refused = front.get("/categories")
        assert (refused.status_code, refused.json().keys()) == (429, {"message"})
        wait = int(refused.headers["retry-after"])
        assert 1 <= wait <= 2
        time.sleep(wait)
        assert front.get("/categories").status_code == 200


def test_a_window_begins_with_its_first_call() -> None:
    now = 0.0
    limiter = Limiter(2, window=60, tick=lambda: now)
    assert [limiter.take().remaining for _ in range(2)] == [1, 0]
    now = 41.5
    assert limiter.take().wait == 19
    now = 60.0
    assert limiter.take().wait is None


def test_the_limit_may_answer_in_text_or_nothing_and_with_a_hostile_wait() -> None:
    with desk(calls_per_minute=0, limit_body="text", retry_after="86400") as front:
        refused = front.get("/categories")
        assert refused.headers["content-type"].startswith("text/plain")
        assert refused.headers["retry-after"] == "86400"
    with desk(calls_per_minute=0, limit_body="empty", retry_after="soon") as front:
        refused = front.get("/categories")
        assert (refused.content, refused.headers["retry-after"]) == (b"", "soon")


def test_without_a_limit_the_headers_still_tell_of_one(front: Desk) -> None:
    assert float(front.get("/categories").headers["x-ratelimit-remaining"]) > 10_000


@pytest.mark.parametrize(("body", "kind"), [("html", "text/html; charset=utf-8"), ("empty", None)])
def test_a_call_fails_once_with_the_status_that_was_asked_for(front: Desk, body: str, kind: str | None) -> None:
    front.portal.faults.fail("POST", "*/categories", status=502, body=body)
    assert front.get("/categories").status_code == 200
    failed = front.post("/categories", {"name": "x"})
    assert (failed.status_code, failed.headers.get("content-type")) == (502, kind)
    assert bool(failed.content) == (body == "html")
    assert front.post("/categories", {"name": "x"}).status_code == 201


def test_a_lost_answer_was_applied(front: Desk) -> None:
    front.portal.faults.lose("POST")
    with pytest.raises(httpx.RemoteProtocolError):
        front.post("/categories", {"name": "Lost"})
    assert "Lost" in [one.name for one in front.portal.store.all_categories()]
    assert front.portal.calls[-1].status == 0


def test_a_lost_call_was_not_applied_when_it_never_arrived(front: Desk) -> None:
    front.portal.faults.lose("POST", applied=False)
    with pytest.raises(httpx.RemoteProtocolError):
        front.post("/categories", {"name": "Lost"})
    assert "Lost" not in [one.name for one in front.portal.store.all_categories()]


def test_a_truncated_answer_was_applied_and_breaks_off(front: Desk) -> None:
    front.portal.faults.truncate("POST")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        front.post("/categories", {"name": "Cut"})
    assert "Cut" in [one.name for one in front.portal.store.all_categories()]


def test_a_delayed_call_holds_up_no_other(front: Desk) -> None:
    front.portal.faults.delay(1.0, path="*/folders")
    began = time.monotonic()
    slow = threading.Thread(target=front.get, args=(f"/categories/{front.category}/folders",))
    slow.start()
    time.sleep(0.1)
    assert front.get("/categories").status_code == 200
    assert time.monotonic() - began < 0.9
    slow.join()
    assert time.monotonic() - began >= 1.0


def test_every_nth_call_goes_wrong_as_often_as_asked(front: Desk) -> None:
    front.portal.faults.add(Fault(method="GET", status=503, skip=1, every=2, times=2))
    statuses = [front.get("/categories").status_code for _ in range(8)]
    assert statuses == [200, 200, 503, 200, 503, 200, 200, 200]
    assert front.portal.faults.waiting() == ()


def test_a_fault_for_ever_ends_when_it_is_cleared(front: Desk) -> None:
    front.portal.faults.fail(times=None)
    assert {front.get("/categories").status_code for _ in range(5)} == {500}
    front.portal.faults.clear()
    assert front.get("/categories").status_code == 200


def test_faults_and_calls_are_reached_over_http_with_the_key(front: Desk) -> None:
    url = "/sandbox/faults"
    assert httpx.get(f"{front.portal.url}{url}").status_code == 401
    added = front.http.post(url, json={"kind": "error", "status": 502, "method": "get", "times": 2})
    assert [one["status"] for one in added.json()] == [502]
    assert front.get("/categories").status_code == 502
    assert front.http.delete(url).json() == []
    assert front.get("/categories").status_code == 200
    assert [one["status"] for one in front.http.get("/sandbox/calls").json()] == [502, 200]
    assert front.http.delete("/sandbox/calls").json() == front.portal.calls == []


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "boom"}, {"status": 200}, {"every": 0}, {"times": "x"}, {"who": 1}, {"path": 3}, {"seconds": "long"}],
)
def test_a_fault_that_cannot_be_is_refused_with_advice(front: Desk, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fault_from_json(wrong)
    answer = front.http.post("/sandbox/faults", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_value")
    assert front.portal.faults.waiting() == ()


def test_calls_from_many_threads_all_count(front: Desk) -> None:
    def create(number: int) -> None:
        for at in range(5):
            front.article(title=f"{number}-{at}")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(front.portal.store.all_articles()) == len(front.portal.calls) == 40
