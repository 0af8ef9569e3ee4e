"""Apply one change to a portal: what is sent, what is verified, what is withheld."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from kbsync.change import Action, Result
from kbsync.freshdesk.api import PortalReader, PortalWriter
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import apply
from kbsync.freshdesk.verify import Readings
from kbsync.model import Article, Category, Folder, Item, ItemKey, Kind, Seo, Status, Visibility
from kbsync.sandbox.settings import SandboxSettings
from tests.freshdesk.conftest import ConnectedPortal, change_to
from tests.freshdesk.faulty import faulty, reply

BODY = '<h2 id="a">Ångström 🎉</h2><p>Text with <a href="https://example.com">a link</a>.</p>'


def _written(connected: ConnectedPortal, title: str = "T", body: str = BODY, **others: Any) -> Article:
    """Create an article on the portal and return it as a plan has it."""
    made = connected.portal.store.create_article(connected.ids["a/b"], title, body, **others)
    return connected.article(made.id)


def _content(**others: Any) -> Article:
    return Article(**{"title": "T", "body": "*markdown*", "path": "a/b/x.md"} | others)


def _shown(connected: ConnectedPortal, number: int | None) -> Any:
    assert number is not None
    return connected.portal.store.article(number)


# Creating


def test_an_article_is_created_with_what_is_managed_in_one_call(connected: ConnectedPortal) -> None:
    desired = _content(tags=("x", "y"), seo=Seo(title="S", keywords=("k", "l")), status=Status.DRAFT)
    outcome = connected.apply(change_to(Action.CREATE, desired), body=BODY)
    assert (outcome.result, outcome.error, outcome.notes) == (Result.DONE, "", ())
    assert isinstance(outcome.live, Article)
    assert outcome.seen_at.endswith("Z")
    assert connected.calls == [f"POST folders/{connected.ids['a/b']}/articles 201"]
    made = _shown(connected, outcome.live.id)
    assert (made.title, made.description, made.status, made.tags) == ("T", BODY, 1, ("x", "y"))
    assert connected.article(made.id) == outcome.live
    assert outcome.live.seo == Seo(title="S", description="", keywords=("k", "l"))


def test_an_author_is_set_by_a_second_call_which_keeps_the_rest(connected: ConnectedPortal) -> None:
    desired = _content(author=150_000_000_002, tags=("x",), seo=Seo(title="S"))
    outcome = connected.apply(change_to(Action.CREATE, desired), body=BODY)
    assert outcome.result is Result.DONE
    assert isinstance(outcome.live, Article)
    assert [call.split()[0] for call in connected.calls] == ["POST", "PUT"]
    made = _shown(connected, outcome.live.id)
    assert (made.agent_id, made.tags, made.status, made.description) == (150_000_000_002, ("x",), 2, BODY)


def test_the_author_who_owns_the_key_needs_no_second_call(connected: ConnectedPortal) -> None:
    outcome = connected.apply(change_to(Action.CREATE, _content(author=150_000_000_001)), body=BODY)
    assert outcome.result is Result.DONE
    assert len(connected.calls) == 1


def test_an_author_that_the_portal_rejects_fails_and_still_returns_the_new_article(connected: ConnectedPortal) -> None:
    connected.portal.faults.fail("PUT", status=400, body="json")
    outcome = connected.apply(change_to(Action.CREATE, _content(author=150_000_000_002)), body=BODY)
    assert outcome.result is Result.FAILED
    assert outcome.error.startswith("created, but its author could not be set")
    assert outcome.live is not None
    assert _shown(connected, outcome.live.id).title == "T"


def test_categories_and_folders_are_created_at_their_paths(connected: ConnectedPortal) -> None:
    items: list[tuple[str, Item]] = [
        ("n", Category(name="N", description="d")),
        ("n/f", Folder(name="F", visibility=Visibility.LOGGED_IN, description="")),
        ("n/f/g", Folder(name="G")),
        ("n/f/g/h", Folder(name="H", visibility=Visibility.AGENTS)),
    ]
    for path, item in items:
        outcome = connected.apply(change_to(Action.CREATE, item, path=path))
        assert (outcome.result, outcome.error) == (Result.DONE, "")
        assert outcome.live is not None
        assert outcome.live.id is not None
        connected.ids[path] = outcome.live.id
        assert len(connected.calls) == 1
    folders = {folder.name: folder for folder in connected.portal.store.all_folders()}
    assert folders["F"].parent_id is None
    assert folders["F"].category_id == folders["H"].category_id == connected.ids["n"]
    assert folders["G"].parent_id == connected.ids["n/f"]
    assert folders["H"].parent_id == connected.ids["n/f/g"]
    assert [folders[name].visibility for name in "FGH"] == [2, 1, 3]


@pytest.mark.parametrize("path", ["no/b/x.md", "a/no/x.md"])
def test_an_item_without_a_parent_is_skipped_without_a_call(connected: ConnectedPortal, path: str) -> None:
    outcome = connected.apply(change_to(Action.CREATE, replace(_content(), path=path)), body=BODY)
    assert outcome.result is Result.SKIPPED
    assert "is not on the portal" in outcome.error
    assert connected.calls == []


def test_a_folder_whose_name_is_taken_fails_with_advice(connected: ConnectedPortal) -> None:
    outcome = connected.apply(change_to(Action.CREATE, Folder(name="B"), path="a/b2"))
    assert outcome.result is Result.FAILED
    assert "unique" in outcome.error
    assert len(connected.calls) == 1


def test_a_value_that_the_portal_rejects_is_named_by_field(connected: ConnectedPortal) -> None:
    outcome = connected.apply(change_to(Action.CREATE, _content(tags=("x" * 40,))), body=BODY)
    assert outcome.result is Result.FAILED
    assert "tags" in outcome.error
    assert outcome.live is None


# Lost answers


@pytest.mark.parametrize("fault", ["lose", "truncate"])
@pytest.mark.parametrize(
    ("item", "path"),
    [
        (_content(tags=("x",)), "a/b/x.md"),
        (Category(name="N"), "n"),
        (Folder(name="N"), "a/n"),
        (Folder(name="N"), "a/b/n"),
    ],
)
def test_an_item_created_by_a_call_without_a_response_is_found_and_not_created_twice(
    connected: ConnectedPortal, item: Item, path: str, fault: str
) -> None:
    connected.portal.store.create_article(connected.ids["a/b"], "T", BODY)
    getattr(connected.portal.faults, fault)("POST")
    outcome = connected.apply(change_to(Action.CREATE, item, path=path), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert outcome.live is not None
    assert [call.split()[0] for call in connected.calls] == ["POST", "GET"]
    assert connected.slept == [2.0]
    after = connected.read().by_id()
    assert outcome.live.key in after
    assert len(after) == 5


@pytest.mark.parametrize(
    ("item", "path"), [(_content(), "a/b/x.md"), (Category(name="N"), "n"), (Folder(name="N"), "a/b/n")]
)
def test_an_item_that_was_not_created_is_created_by_a_retry(connected: ConnectedPortal, item: Item, path: str) -> None:
    connected.portal.faults.lose("POST", applied=False)
    outcome = connected.apply(change_to(Action.CREATE, item, path=path), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert [call.split()[0] for call in connected.calls] == ["POST", "GET", "POST"]
    assert len(connected.read().by_id()) == 4


def test_responses_that_are_lost_again_and_again_are_a_failure(connected: ConnectedPortal) -> None:
    connected.portal.faults.lose("POST", applied=False, times=None)
    outcome = connected.apply(change_to(Action.CREATE, _content()), body=BODY)
    assert outcome.result is Result.FAILED
    assert "tried 4 times" in outcome.error
    assert [call.split()[0] for call in connected.calls] == ["POST", "GET"] * 4


def test_two_equal_new_items_are_named_and_neither_is_taken(connected: ConnectedPortal) -> None:
    known = frozenset(connected.read().by_id())
    connected.portal.store.create_article(connected.ids["a/b"], "T", BODY)
    connected.portal.faults.lose("POST")
    outcome = connected.apply(change_to(Action.CREATE, _content()), body=BODY, known=known)
    assert outcome.result is Result.FAILED
    assert "2 new items match" in outcome.error
    assert outcome.live is None


def test_an_item_that_is_known_is_not_taken_for_the_lost_one(connected: ConnectedPortal) -> None:
    made = connected.portal.store.create_article(connected.ids["a/b"], "T", BODY)
    known = frozenset(connected.read().by_id()) - {ItemKey(Kind.ARTICLE, made.id)}
    connected.ids["a/b/other.md"] = made.id
    connected.portal.faults.lose("POST", applied=False)
    outcome = connected.apply(change_to(Action.CREATE, _content()), body=BODY, known=known)
    assert outcome.result is Result.DONE
    assert outcome.live is not None
    assert outcome.live.id != made.id


def test_another_article_of_that_title_is_not_taken_for_the_lost_one(connected: ConnectedPortal) -> None:
    known = frozenset(connected.read().by_id())
    connected.portal.store.create_article(connected.ids["a/b"], "T", "<p>something else</p>")
    connected.portal.faults.lose("POST", applied=False)
    outcome = connected.apply(change_to(Action.CREATE, _content()), body=BODY, known=known)
    assert outcome.result is Result.DONE
    assert len(connected.read().articles) == 2


def test_a_failed_search_for_a_lost_item_is_reported(connected: ConnectedPortal) -> None:
    connected.portal.faults.lose("POST")
    connected.portal.faults.fail("GET", "*/articles", status=500, times=None)
    outcome = apply(
        connected.reader,
        PortalWriter(connected.connection),
        change_to(Action.CREATE, _content()),
        ids=connected.ids,
        body=BODY,
        sleep=connected.slept.append,
    )
    assert outcome.result is Result.FAILED
    assert "could not check whether the item was created" in outcome.error


# Updating


def test_an_update_sends_title_body_status_and_what_changed(connected: ConnectedPortal) -> None:
    live = _written(connected, tags=("old",), seo={"meta_title": "S"})
    desired = _content(title="New", tags=("b", "a"), seo=Seo(title="S2"))
    outcome = connected.apply(
        change_to(Action.UPDATE, desired, live, fields=("title", "tags", "body")), body="<p>n</p>"
    )
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert connected.calls == [f"GET articles/{live.id} 200", f"PUT articles/{live.id} 200"]
    now = _shown(connected, live.id)
    assert (now.title, now.description, now.tags) == ("New", "<p>n</p>", ("b", "a"))
    assert now.seo["meta_title"] == "S"
    assert outcome.live == connected.article(now.id)


def test_an_update_without_a_body_sends_the_live_one_unchanged(connected: ConnectedPortal) -> None:
    odd = '<p dir="ltr" data-identifyelement="5">a&nbsp;b <img src="/helpdesk/attachments/7?1234"></p>'
    live = _written(connected, body=odd)
    outcome = connected.apply(change_to(Action.UPDATE, _content(tags=("x",)), live, fields=("tags",)))
    assert outcome.result is Result.DONE
    assert _shown(connected, live.id).description == odd


def test_without_named_fields_all_managed_fields_that_differ_are_sent(connected: ConnectedPortal) -> None:
    live = _written(connected, tags=("old",))
    outcome = connected.apply(change_to(Action.UPDATE, _content(tags=(), seo=Seo(description="D")), live))
    assert outcome.result is Result.DONE
    now = _shown(connected, live.id)
    assert now.tags == ()
    assert now.seo["meta_description"] == "D"


@pytest.mark.parametrize("settings", [SandboxSettings(seo_update="replace"), SandboxSettings(seo_update="merge")])
def test_unmanaged_seo_stays_however_the_portal_updates_it(connected: ConnectedPortal) -> None:
    live = _written(connected, seo={"meta_title": "T1", "meta_description": "D1", "meta_keywords": "k,l"})
    outcome = connected.apply(change_to(Action.UPDATE, _content(seo=Seo(title="T2")), live))
    assert outcome.result is Result.DONE
    assert connected.article(live.id or 0).seo == Seo(title="T2", description="D1", keywords=("k", "l"))


@pytest.mark.parametrize(
    "settings",
    [SandboxSettings(draft_edit=edit, shown=shown) for edit in ("beside", "unpublish") for shown in ("draft", "live")],
    ids=lambda settings: f"{settings.draft_edit}-{settings.shown}",
)
def test_unpublishing_with_other_changes_hides_first_and_then_changes(connected: ConnectedPortal) -> None:
    live = _written(connected)
    desired = _content(title="New", status=Status.DRAFT)
    outcome = connected.apply(change_to(Action.UPDATE, desired, live), body="<p>n</p>")
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert [call.split()[0] for call in connected.calls] == ["GET", "PUT", "PUT"]
    now = _shown(connected, live.id)
    assert not now.readable
    assert (now.title, now.description) == ("New", "<p>n</p>")


def test_unpublishing_alone_is_one_write(connected: ConnectedPortal) -> None:
    live = _written(connected)
    outcome = connected.apply(change_to(Action.UPDATE, _content(status=Status.DRAFT), live, fields=("status",)))
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in connected.calls] == ["GET", "PUT"]
    assert not _shown(connected, live.id).readable


def test_a_draft_is_published_with_one_write(connected: ConnectedPortal) -> None:
    live = _written(connected, status=1)
    outcome = connected.apply(
        change_to(Action.RESTORE, _content(tags=("x",)), live, fields=("status",)), body="<p>n</p>"
    )
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in connected.calls] == ["GET", "PUT"]
    now = _shown(connected, live.id)
    assert (now.status, now.description, now.tags) == (2, "<p>n</p>", ("x",))


def test_folders_and_categories_are_updated_by_their_managed_fields(connected: ConnectedPortal) -> None:
    found = connected.read()
    folder, category = found.folders[0], found.categories[0]
    outcome = connected.apply(
        change_to(Action.UPDATE, Folder(name="B!", visibility=Visibility.AGENTS), folder, path="a/b")
    )
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    outcome = connected.apply(change_to(Action.UPDATE, Category(name="A!", description="d"), category, path="a"))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert connected.calls == [f"GET categories/{category.id} 200", f"PUT categories/{category.id} 200"]
    after = connected.read()
    assert (after.folders[0].name, after.folders[0].visibility) == ("B!", Visibility.AGENTS)
    assert (after.categories[0].name, after.categories[0].description) == ("A!", "d")


def test_a_folder_for_companies_keeps_them_when_only_its_name_changes(connected: ConnectedPortal) -> None:
    connected.portal.store.create_folder(connected.ids["a"], "K", visibility=4, company_ids=(7, 8))
    live = connected.read().folders[-1]
    assert live.companies == (7, 8)
    outcome = connected.apply(change_to(Action.RENAME, Folder(name="L"), live, path="a/l", fields=("name",)))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert connected.read().folders[-1] == replace(live, name="L", updated_at=connected.read().folders[-1].updated_at)
    outcome = connected.apply(
        change_to(Action.UPDATE, Folder(name="L", companies=(9,)), connected.read().folders[-1], path="a/l")
    )
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert connected.read().folders[-1].companies == (9,)


def test_a_folder_is_put_into_another_and_back_to_the_top(connected: ConnectedPortal) -> None:
    moved = connected.portal.store.create_folder(connected.ids["a"], "M")
    live = next(folder for folder in connected.read().folders if folder.id == moved.id)
    outcome = connected.apply(change_to(Action.RENAME, Folder(name="M"), live, path="a/b/c/m"))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert connected.portal.store.folder(moved.id).parent_id == connected.ids["a/b/c"]
    live = next(folder for folder in connected.read().folders if folder.id == moved.id)
    outcome = connected.apply(change_to(Action.MOVE, Folder(name="M"), live, path="a/m"))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert connected.portal.store.folder(moved.id).parent_id is None


def test_a_folder_that_cannot_leave_its_category_is_a_failure(connected: ConnectedPortal) -> None:
    connected.ids["z"] = connected.portal.store.create_category("Z").id
    live = connected.read().folders[0]
    outcome = connected.apply(change_to(Action.MOVE, Folder(name="B"), live, path="z/b"))
    assert outcome.result is Result.FAILED
    assert "category" in outcome.error


# What needs no call


@pytest.mark.parametrize("action", [Action.ADOPT, Action.FORGET, Action.RENAME])
def test_a_change_of_the_baseline_only_makes_no_call(connected: ConnectedPortal, action: Action) -> None:
    live = _written(connected)
    outcome = connected.apply(change_to(action, _content(path="a/b/new-name.md"), live))
    assert (outcome.result, outcome.live) == (Result.DONE, live)
    assert connected.calls == []


def test_a_folder_that_keeps_its_place_is_renamed_without_a_call(connected: ConnectedPortal) -> None:
    live = connected.read().folders[0]
    outcome = connected.apply(change_to(Action.RENAME, Folder(name="B"), live, path="a/bee"))
    assert (outcome.result, connected.calls) == (Result.DONE, [])


# Archiving, moving, deleting


def test_an_article_is_archived_by_its_status_alone(connected: ConnectedPortal) -> None:
    live = _written(connected, tags=("x",))
    outcome = connected.apply(change_to(Action.ARCHIVE, None, live))
    assert outcome.result is Result.DONE
    now = _shown(connected, live.id)
    assert (now.readable, now.title, now.description, now.tags) == (False, live.title, BODY, ("x",))
    assert isinstance(outcome.live, Article)
    assert outcome.live.status is Status.DRAFT
    connected.apply(change_to(Action.ARCHIVE, None, outcome.live))
    assert connected.calls == [f"GET articles/{live.id} 200"]


def test_an_archived_folder_stays(connected: ConnectedPortal) -> None:
    outcome = connected.apply(change_to(Action.ARCHIVE, None, connected.read().folders[0], path="a/b"))
    assert (outcome.result, outcome.notes, connected.calls) == (Result.DONE, ("kept on the portal",), [])


def test_an_article_is_deleted_also_when_the_response_is_lost(connected: ConnectedPortal) -> None:
    live = _written(connected)
    connected.portal.faults.lose("DELETE")
    outcome = connected.apply(change_to(Action.DELETE, None, live))
    assert (outcome.result, outcome.live) == (Result.DONE, None)
    assert connected.read().articles == ()


def test_only_an_empty_folder_is_deleted(connected: ConnectedPortal) -> None:
    inner, outer = connected.read().folders[1], connected.read().folders[0]
    category = connected.read().categories[0]
    draft = connected.portal.store.create_article(connected.ids["a/b/c"], "T", "", status=1)
    for item, path in ((inner, "a/b/c"), (outer, "a/b"), (category, "a")):
        outcome = connected.apply(change_to(Action.DELETE, None, item, path=path))
        assert outcome.result is Result.WITHHELD
        assert "not empty" in outcome.error
        assert not any("DELETE" in call for call in connected.calls)
    connected.portal.store.delete_article(draft.id)
    for item, path in ((inner, "a/b/c"), (outer, "a/b"), (category, "a")):
        assert connected.apply(change_to(Action.DELETE, None, item, path=path)).result is Result.DONE
    assert list(connected.read().items()) == []


# What moved since the plan

EDITS: list[dict[str, Any]] = [
    {"title": "U"},
    {"body": "<p>u</p>"},
    {"status": 1},
    {"tags": ("u",)},
    {"seo": {"meta_title": "u"}},
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: next(iter(edit)))
@pytest.mark.parametrize("action", [Action.UPDATE, Action.RESTORE, Action.ARCHIVE, Action.MOVE, Action.DELETE])
def test_an_item_edited_since_the_plan_is_withheld_and_nothing_is_sent(
    connected: ConnectedPortal, action: Action, edit: dict[str, Any]
) -> None:
    live = _written(connected)
    connected.portal.store.edit_article(live.id or 0, **edit)
    before = connected.read()
    outcome = connected.apply(change_to(action, _content(path="a/b/c/x.md", title="N"), live), body="<p>n</p>")
    assert outcome.result is Result.WITHHELD
    assert outcome.error.startswith(f"changed on the portal since the plan: {next(iter(edit))}")
    assert connected.calls == [f"GET articles/{live.id} 200"]
    assert replace(connected.read(), seen_at="") == replace(before, seen_at="")


def test_an_item_moved_since_the_plan_is_withheld(connected: ConnectedPortal) -> None:
    live = _written(connected)
    connected.portal.store.move_article(live.id or 0, connected.ids["a/b/c"])
    outcome = connected.apply(change_to(Action.UPDATE, _content(), live), body="<p>n</p>")
    assert outcome.result is Result.WITHHELD
    assert "folder" in outcome.error


def test_a_folder_renamed_since_the_plan_is_withheld(connected: ConnectedPortal) -> None:
    live = connected.read().folders[0]
    connected.portal.store.edit_folder(live.id or 0, name="U")
    outcome = connected.apply(change_to(Action.UPDATE, Folder(name="N"), live, path="a/b"))
    assert outcome.result is Result.WITHHELD
    assert connected.portal.store.folder(live.id or 0).name == "U"


@pytest.mark.parametrize("settings", [SandboxSettings(gone=404), SandboxSettings(gone=403)], ids=["404", "403"])
@pytest.mark.parametrize("action", [Action.UPDATE, Action.ARCHIVE, Action.MOVE, Action.DELETE])
def test_an_item_deleted_since_the_plan_is_withheld(connected: ConnectedPortal, action: Action) -> None:
    live = _written(connected)
    connected.portal.store.delete_article(live.id or 0)
    outcome = connected.apply(change_to(action, _content(), live), body=BODY)
    assert outcome.result is Result.WITHHELD
    assert "deleted on the portal since the plan" in outcome.error


def test_a_missing_right_does_not_count_as_deleted(connected: ConnectedPortal) -> None:
    live = _written(connected)
    with faulty(lambda *_: reply('{"code": "require_feature"}', status="403 No")) as server:
        with Connection(server.url, "key") as connection:
            change = change_to(Action.UPDATE, _content(), live)
            outcome = apply(PortalReader(connection), PortalWriter(connection), change, ids=connected.ids, body=BODY)
    assert outcome.result is Result.FAILED
    assert "require_feature" in outcome.error


def test_a_key_without_any_read_right_does_not_count_as_deleted(connected: ConnectedPortal) -> None:
    live = _written(connected)
    with (
        faulty(lambda *_: reply('{"code": "access_denied"}', status="403 No")) as server,
        Connection(server.url, "key") as connection,
    ):
        change = change_to(Action.UPDATE, _content(), live)
        outcome = apply(PortalReader(connection), PortalWriter(connection), change, ids=connected.ids, body=BODY)
    assert outcome.result is Result.FAILED
    assert "role" in outcome.error


def test_counts_tokens_and_timestamps_of_attachments_are_no_edit(connected: ConnectedPortal) -> None:
    live = _written(connected, body='<img src="https://x/helpdesk/attachments/7/a.png?111">')
    connected.portal.store.edit_article(live.id or 0, body='<img src="https://x/helpdesk/attachments/7/a.png?222">')
    outcome = connected.apply(change_to(Action.UPDATE, _content(title="N"), live))
    assert outcome.result is Result.DONE
    assert _shown(connected, live.id).description.endswith('?222">')


def test_an_item_read_a_moment_ago_is_not_read_again(connected: ConnectedPortal) -> None:
    live = _written(connected)
    change = change_to(Action.UPDATE, _content(title="N"), live)
    outcome = connected.apply(change, body=BODY, readings=connected.readings(read_at=time.monotonic()))
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in connected.calls] == ["PUT"]
    old = connected.readings(read_at=time.monotonic() - 5)
    connected.apply(replace(change, actual=outcome.live), body=BODY, readings=old)
    assert [call.split()[0] for call in connected.calls] == ["GET", "PUT"]


def test_a_plan_without_the_live_item_changes_nothing(connected: ConnectedPortal) -> None:
    live = _written(connected)
    change = replace(change_to(Action.UPDATE, _content(title="N"), live), actual=None)
    outcome = connected.apply(change, body=BODY)
    assert (outcome.result, connected.calls) == (Result.FAILED, [])


# What is verified


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="editor")])
def test_html_rewritten_without_loss_is_a_note(connected: ConnectedPortal) -> None:
    outcome = connected.apply(change_to(Action.CREATE, _content()), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    (note,) = outcome.notes
    assert note.startswith("the portal rewrote the HTML (")
    assert note.endswith("; readers lose nothing")
    assert isinstance(outcome.live, Article)
    assert outcome.live.body != BODY


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="strict")])
def test_html_that_lost_content_is_a_failure_that_names_it_and_has_the_live_item(connected: ConnectedPortal) -> None:
    body = '<p>words</p><iframe src="https://www.youtube.com/embed/x"></iframe>'
    outcome = connected.apply(change_to(Action.CREATE, _content()), body=body)
    assert outcome.result is Result.FAILED
    assert outcome.error.startswith("accepted, but the body lost 1 frame")
    assert isinstance(outcome.live, Article)
    assert outcome.live.id is not None


LIES: list[tuple[dict[str, Any], str]] = [
    ({"title": "other"}, 'title came back as "other" instead of "T"'),
    ({"status": 1}, 'status came back as "draft" instead of "published"'),
    ({"tags": ["x"]}, 'tags came back as "x" instead of "x, y"'),
    ({"seo_data": {}}, 'seo.title came back as "" instead of "S"'),
    ({"description": "<p>half</p>"}, "the body lost"),
    ({"description": None}, "the body lost"),
]


@pytest.mark.parametrize(("lie", "words"), LIES)
@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE])
def test_a_write_succeeds_only_if_the_portal_shows_it_equal(lie: dict[str, Any], words: str, action: Action) -> None:
    truth: dict[str, Any] = {
        "id": 7,
        "folder_id": 2,
        "title": "T",
        "description": BODY,
        "status": 2,
        "tags": ["y", "x"],
        "seo_data": {"meta_title": "S", "meta_description": ""},
    }
    desired = _content(tags=("x", "y"), seo=Seo(title="S"))
    live = Article(id=7, parent=2, title="old", body="", tags=(), seo=Seo(title="", description="", keywords=()))
    change = change_to(action, desired, live if action is Action.UPDATE else None)
    for shown, result in ((truth, Result.DONE), (truth | lie, Result.FAILED)):
        with (
            faulty(lambda *_, shown=shown: reply(json.dumps(shown))) as server,
            Connection(server.url, "key") as connection,
        ):
            reader = PortalReader(connection)
            outcome = apply(
                reader,
                PortalWriter(connection),
                change,
                ids={"a": 1, "a/b": 2},
                body=BODY,
                readings=Readings(reader, read_at=time.monotonic()),
            )
        assert outcome.result is result
        assert (words in outcome.error) is (result is Result.FAILED)
        assert outcome.live is not None
        assert outcome.live.id == 7


def test_an_update_with_an_empty_response_is_read_back(connected: ConnectedPortal) -> None:
    shown = {"id": 7, "folder_id": 2, "title": "N", "description": BODY, "status": 2}
    live = Article(id=7, parent=2, title="old", body=BODY)
    with faulty(lambda line, _: reply(json.dumps(shown) if line.startswith("GET") else "")) as server:
        with Connection(server.url, "key") as connection:
            change = change_to(Action.UPDATE, _content(title="N"), live)
            reader = PortalReader(connection)
            readings = Readings(reader, read_at=time.monotonic())
            outcome = apply(reader, PortalWriter(connection), change, ids={}, readings=readings)
    assert outcome.result is Result.DONE
    assert server.lines == ["PUT /api/v2/solutions/articles/7", "GET /api/v2/solutions/articles/7"]


@pytest.mark.parametrize("settings", [SandboxSettings(ids="overlapping")])
def test_a_category_a_folder_and_an_article_may_have_the_same_id(connected: ConnectedPortal) -> None:
    live = _written(connected)
    assert live.id == connected.ids["a"] == connected.ids["a/b"]
    connected.portal.faults.lose("POST")
    outcome = connected.apply(change_to(Action.CREATE, _content(title="second")), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    outcome = connected.apply(change_to(Action.UPDATE, _content(title="first"), live), body=BODY)
    assert [article.title for article in connected.read().articles] == ["first", "second"]


@pytest.mark.parametrize("action", list(Action))
def test_no_fault_of_the_portal_ends_in_a_traceback(connected: ConnectedPortal, action: Action) -> None:
    live = _written(connected)
    change = change_to(action, _content(title="N"), live, fields=("title",))
    for status in (400, 401, 403, 405, 409, 429, 500, 502):
        with faulty(lambda *_, status=status: reply("", status=f"{status} No", headers={"Retry-After": "0"})) as server:
            with Connection(server.url, "aVerySecretKey", sleep=lambda _: None) as connection:
                outcome = apply(
                    PortalReader(connection),
                    PortalWriter(connection),
                    change,
                    ids=connected.ids,
                    body=BODY,
                    sleep=lambda _: None,
                )
        assert outcome.result in (Result.FAILED, Result.WITHHELD, Result.DONE)
        assert (outcome.result is Result.DONE) is (action in (Action.ADOPT, Action.FORGET))
        assert "aVerySecretKey" not in repr(outcome)
