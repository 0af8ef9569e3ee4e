"""The reading that allows a write: how old it may be, and how many calls it takes."""

import time

import pytest

from kbsync.change import Action, Change, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk import verify as readings
from kbsync.freshdesk.client import Connection, TooLate
from kbsync.model import Article
from tests.freshdesk.conftest import ConnectedPortal, change_to
from tests.freshdesk.faulty import faulty, reply


def _updates(connected: ConnectedPortal, count: int, folder: str = "a/b") -> list[Change]:
    """Return an update for each of some articles that are on the portal."""
    store = connected.portal.store
    for number in range(count):
        store.create_article(connected.ids[folder], f"{folder} {number}", "<p>Old.</p>", status=2)
    live = [article for article in connected.read().articles if article.parent == connected.ids[folder]]
    return [
        change_to(Action.UPDATE, Article(title=f"New {article.id}", body="", path=f"{folder}/{article.id}.md"), article)
        for article in live
    ]


def _methods(connected: ConnectedPortal) -> list[str]:
    return [f"{call.method} {call.path.rpartition('/')[2]}" for call in connected.portal.calls if call.status]


def test_two_hundred_updates_read_each_folder_once(connected: ConnectedPortal) -> None:
    changes = [*_updates(connected, 90), *_updates(connected, 90, "a/b/c")]
    run = connected.readings(changes)
    calls = []
    for change in changes:
        assert connected.apply(change, body="<p>New.</p>", known={0}, readings=run).result is Result.DONE
        calls += [call.split()[0] for call in connected.calls]
    assert calls.count("PUT") == 180
    assert calls.count("GET") <= 2 + 2 * 2, "a list for each folder, and its last two by id where the list is too old"


def test_the_last_writes_of_a_folder_are_read_one_by_one(connected: ConnectedPortal) -> None:
    changes = _updates(connected, 3)
    run = connected.readings(changes)
    for change in changes:
        connected.apply(change, body="<p>New.</p>", readings=run)
        assert [call.split("/")[0] for call in connected.calls] == ["GET articles", "PUT articles"]


def test_without_lists_each_item_is_read_by_its_id(connected: ConnectedPortal) -> None:
    changes = _updates(connected, 6)
    run = connected.readings(changes, lists=False)
    connected.apply(changes[0], body="<p>New.</p>", readings=run)
    assert [call.split("/")[0] for call in connected.calls] == ["GET articles", "PUT articles"]


def test_where_a_folder_cannot_be_listed_each_article_is_read_by_its_id(connected: ConnectedPortal) -> None:
    changes = _updates(connected, 6)
    connected.portal.faults.fail("GET", "*/folders/*/articles", status=403)
    outcome = connected.apply(changes[0], body="<p>New.</p>", known={0}, readings=connected.readings(changes))
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in connected.calls] == ["GET", "GET", "PUT"]


def test_a_list_of_many_pages_pays_only_for_many_writes(connected: ConnectedPortal) -> None:
    changes = _updates(connected, 110)
    few = connected.readings(changes[:5], connected.read())
    connected.apply(changes[0], body="<p>New.</p>", readings=few)
    assert [call.split("/")[0] for call in connected.calls] == ["GET articles", "PUT articles"]


def test_an_edit_before_the_list_is_not_overwritten(connected: ConnectedPortal) -> None:
    changes = _updates(connected, 6)
    run = connected.readings(changes)
    edited = changes[3]
    connected.portal.store.edit_article(edited.id or 0, body="<p>By an agent.</p>")
    outcomes = [connected.apply(change, body="<p>New.</p>", readings=run) for change in changes]
    assert [outcome.result for outcome in outcomes].count(Result.DONE) == 5
    assert outcomes[3].result is Result.WITHHELD
    assert connected.portal.store.article(edited.id or 0).description == "<p>By an agent.</p>"


def test_an_edit_after_the_list_is_found_once_the_list_is_old(
    connected: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "FRESH", 0.3)
    changes = _updates(connected, 8)
    run = connected.readings(changes)
    connected.apply(changes[0], body="<p>New.</p>", readings=run)
    connected.portal.store.edit_article(changes[1].id or 0, body="<p>By an agent.</p>")
    time.sleep(0.35)
    assert connected.apply(changes[1], body="<p>New.</p>", readings=run).result is Result.WITHHELD


def test_what_this_run_wrote_is_not_read_again(connected: ConnectedPortal) -> None:
    run = connected.readings()
    made = connected.apply(change_to(Action.CREATE, Article(title="T", body="")), body="<p>x</p>", readings=run)
    assert isinstance(made.live, Article)
    again = change_to(Action.UPDATE, Article(title="T", body="", path="a/b/x.md"), made.live)
    connected.apply(again, body="<p>y</p>", readings=run)
    assert [call.split()[0] for call in connected.calls] == ["PUT"]


def test_a_call_that_comes_too_late_is_not_sent() -> None:
    with faulty(lambda *_: reply("{}")) as server, Connection(server.url, "key") as connection:
        with pytest.raises(TooLate):
            connection.put("/x", {}, not_after=time.monotonic() - 1)
        assert server.lines == []
        connection.put("/x", {}, not_after=time.monotonic() + 5)
    assert len(server.lines) == 1


def test_a_reading_that_took_too_long_is_made_again(
    connected: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "FRESH", 0.3)
    (change,) = _updates(connected, 1)
    connected.portal.faults.delay(0.5, method="GET")
    outcome = connected.apply(change, body="<p>New.</p>", known={0}, readings=connected.readings([change]))
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in connected.calls] == ["GET", "GET", "PUT"]


def test_a_portal_that_is_always_too_slow_is_an_error_and_nothing_is_written(
    connected: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "FRESH", 0.0)
    (change,) = _updates(connected, 1)
    with pytest.raises(PortalError, match="too slow"):
        connected.readings([change]).write(change, lambda _, until: _too_late(until))


def _too_late(until: float) -> Outcome:
    raise TooLate(f"after {until}")
