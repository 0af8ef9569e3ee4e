"""One change applied to a real server: what is sent, what is believed, what is withheld."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from kbsync.change import Action, Result
from kbsync.freshdesk.api import PortalReader, PortalWriter
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import apply
from kbsync.model import Article, Category, Folder, Item, ItemKey, Kind, Seo, Status, Visibility
from kbsync.sandbox.settings import SandboxSettings
from tests.freshdesk.conftest import Desk, change_to
from tests.freshdesk.faulty import faulty, reply

BODY = '<h2 id="a">Ångström 🎉</h2><p>Text with <a href="https://example.com">a link</a>.</p>'


def _written(desk: Desk, title: str = "T", body: str = BODY, **others: Any) -> Article:
    """Have an article on the portal, as the plan would see it."""
    made = desk.portal.store.create_article(desk.ids["a/b"], title, body, **others)
    return desk.article(made.id)


def _content(**others: Any) -> Article:
    return Article(**{"title": "T", "body": "*markdown*", "path": "a/b/x.md"} | others)


def _shown(desk: Desk, number: int | None) -> Any:
    assert number is not None
    return desk.portal.store.article(number)


# Creating


def test_an_article_is_created_with_what_is_managed_in_one_call(desk: Desk) -> None:
    desired = _content(tags=("x", "y"), seo=Seo(title="S", keywords=("k", "l")), status=Status.DRAFT)
    outcome = desk.apply(change_to(Action.CREATE, desired), body=BODY)
    assert (outcome.result, outcome.error, outcome.notes) == (Result.DONE, "", ())
    assert isinstance(outcome.live, Article)
    assert outcome.seen_at.endswith("Z")
    assert desk.calls == [f"POST folders/{desk.ids['a/b']}/articles 201"]
    made = _shown(desk, outcome.live.id)
    assert (made.title, made.description, made.status, made.tags) == ("T", BODY, 1, ("x", "y"))
    assert desk.article(made.id) == outcome.live
    assert outcome.live.seo == Seo(title="S", description="", keywords=("k", "l"))


def test_an_author_is_set_by_a_second_call_which_keeps_the_rest(desk: Desk) -> None:
    desired = _content(author=150_000_000_002, tags=("x",), seo=Seo(title="S"))
    outcome = desk.apply(change_to(Action.CREATE, desired), body=BODY)
    assert outcome.result is Result.DONE
    assert isinstance(outcome.live, Article)
    assert [call.split()[0] for call in desk.calls] == ["POST", "PUT"]
    made = _shown(desk, outcome.live.id)
    assert (made.agent_id, made.tags, made.status, made.description) == (150_000_000_002, ("x",), 2, BODY)


def test_the_author_who_owns_the_key_needs_no_second_call(desk: Desk) -> None:
    outcome = desk.apply(change_to(Action.CREATE, _content(author=150_000_000_001)), body=BODY)
    assert outcome.result is Result.DONE
    assert len(desk.calls) == 1


def test_an_author_whom_the_portal_refuses_fails_and_still_names_the_new_article(desk: Desk) -> None:
    desk.portal.faults.fail("PUT", status=400, body="json")
    outcome = desk.apply(change_to(Action.CREATE, _content(author=150_000_000_002)), body=BODY)
    assert outcome.result is Result.FAILED
    assert outcome.error.startswith("created, but its author could not be set")
    assert outcome.live is not None
    assert _shown(desk, outcome.live.id).title == "T"


def test_categories_and_folders_are_created_where_their_paths_say(desk: Desk) -> None:
    items: list[tuple[str, Item]] = [
        ("n", Category(name="N", description="d")),
        ("n/f", Folder(name="F", visibility=Visibility.LOGGED_IN, description="")),
        ("n/f/g", Folder(name="G")),
        ("n/f/g/h", Folder(name="H", visibility=Visibility.AGENTS)),
    ]
    for path, item in items:
        outcome = desk.apply(change_to(Action.CREATE, item, path=path))
        assert (outcome.result, outcome.error) == (Result.DONE, "")
        assert outcome.live is not None
        assert outcome.live.id is not None
        desk.ids[path] = outcome.live.id
        assert len(desk.calls) == 1
    folders = {folder.name: folder for folder in desk.portal.store.all_folders()}
    assert folders["F"].parent_id is None
    assert folders["F"].category_id == folders["H"].category_id == desk.ids["n"]
    assert folders["G"].parent_id == desk.ids["n/f"]
    assert folders["H"].parent_id == desk.ids["n/f/g"]
    assert [folders[name].visibility for name in "FGH"] == [2, 1, 3]


@pytest.mark.parametrize("path", ["no/b/x.md", "a/no/x.md"])
def test_what_has_no_place_yet_is_skipped_without_a_call(desk: Desk, path: str) -> None:
    outcome = desk.apply(change_to(Action.CREATE, replace(_content(), path=path)), body=BODY)
    assert outcome.result is Result.SKIPPED
    assert "is not on the portal" in outcome.error
    assert desk.calls == []


def test_a_folder_whose_name_is_taken_fails_with_advice(desk: Desk) -> None:
    outcome = desk.apply(change_to(Action.CREATE, Folder(name="B"), path="a/b2"))
    assert outcome.result is Result.FAILED
    assert "unique" in outcome.error
    assert len(desk.calls) == 1


def test_what_the_portal_does_not_accept_is_named_by_field(desk: Desk) -> None:
    outcome = desk.apply(change_to(Action.CREATE, _content(tags=("x" * 40,))), body=BODY)
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
def test_what_was_made_although_nobody_said_so_is_found_and_not_made_twice(
    desk: Desk, item: Item, path: str, fault: str
) -> None:
    desk.portal.store.create_article(desk.ids["a/b"], "T", BODY)
    getattr(desk.portal.faults, fault)("POST")
    outcome = desk.apply(change_to(Action.CREATE, item, path=path), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert outcome.live is not None
    assert [call.split()[0] for call in desk.calls] == ["POST", "GET"]
    assert desk.slept == [2.0]
    after = desk.read().by_id()
    assert outcome.live.key in after
    assert len(after) == 5


@pytest.mark.parametrize(
    ("item", "path"), [(_content(), "a/b/x.md"), (Category(name="N"), "n"), (Folder(name="N"), "a/b/n")]
)
def test_what_was_not_made_is_asked_for_again(desk: Desk, item: Item, path: str) -> None:
    desk.portal.faults.lose("POST", applied=False)
    outcome = desk.apply(change_to(Action.CREATE, item, path=path), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert [call.split()[0] for call in desk.calls] == ["POST", "GET", "POST"]
    assert len(desk.read().by_id()) == 4


def test_after_two_lost_answers_it_is_left_to_another_run(desk: Desk) -> None:
    desk.portal.faults.lose("POST", applied=False, times=None)
    outcome = desk.apply(change_to(Action.CREATE, _content()), body=BODY)
    assert outcome.result is Result.FAILED
    assert "asked twice" in outcome.error
    assert [call.split()[0] for call in desk.calls] == ["POST", "GET", "POST", "GET"]


def test_two_that_look_alike_are_named_and_neither_is_taken(desk: Desk) -> None:
    known = frozenset(desk.read().by_id())
    desk.portal.store.create_article(desk.ids["a/b"], "T", BODY)
    desk.portal.faults.lose("POST")
    outcome = desk.apply(change_to(Action.CREATE, _content()), body=BODY, known=known)
    assert outcome.result is Result.FAILED
    assert "2 new ones look like it" in outcome.error
    assert outcome.live is None


def test_what_the_plan_knew_or_this_run_made_is_not_taken_for_the_lost_one(desk: Desk) -> None:
    made = desk.portal.store.create_article(desk.ids["a/b"], "T", BODY)
    known = frozenset(desk.read().by_id()) - {ItemKey(Kind.ARTICLE, made.id)}
    desk.ids["a/b/other.md"] = made.id
    desk.portal.faults.lose("POST", applied=False)
    outcome = desk.apply(change_to(Action.CREATE, _content()), body=BODY, known=known)
    assert outcome.result is Result.DONE
    assert outcome.live is not None
    assert outcome.live.id != made.id


def test_another_article_of_that_title_is_not_taken_for_the_lost_one(desk: Desk) -> None:
    known = frozenset(desk.read().by_id())
    desk.portal.store.create_article(desk.ids["a/b"], "T", "<p>something else</p>")
    desk.portal.faults.lose("POST", applied=False)
    outcome = desk.apply(change_to(Action.CREATE, _content()), body=BODY, known=known)
    assert outcome.result is Result.DONE
    assert len(desk.read().articles) == 2


def test_when_looking_fails_too_it_says_so(desk: Desk) -> None:
    desk.portal.faults.lose("POST")
    desk.portal.faults.fail("GET", "*/articles", status=500, times=None)
    outcome = apply(
        desk.reader,
        PortalWriter(desk.connection),
        change_to(Action.CREATE, _content()),
        ids=desk.ids,
        body=BODY,
        sleep=desk.slept.append,
    )
    assert outcome.result is Result.FAILED
    assert "could not be looked up" in outcome.error


# Updating


def test_an_update_sends_title_body_status_and_what_changed(desk: Desk) -> None:
    live = _written(desk, tags=("old",), seo={"meta_title": "S"})
    desired = _content(title="New", tags=("b", "a"), seo=Seo(title="S2"))
    outcome = desk.apply(change_to(Action.UPDATE, desired, live, fields=("title", "tags", "body")), body="<p>n</p>")
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert desk.calls == [f"GET articles/{live.id} 200", f"PUT articles/{live.id} 200"]
    now = _shown(desk, live.id)
    assert (now.title, now.description, now.tags) == ("New", "<p>n</p>", ("b", "a"))
    assert now.seo["meta_title"] == "S"
    assert outcome.live == desk.article(now.id)


def test_an_update_without_a_body_sends_the_live_one_as_it_is(desk: Desk) -> None:
    odd = '<p dir="ltr" data-identifyelement="5">a&nbsp;b <img src="/helpdesk/attachments/7?1234"></p>'
    live = _written(desk, body=odd)
    outcome = desk.apply(change_to(Action.UPDATE, _content(tags=("x",)), live, fields=("tags",)))
    assert outcome.result is Result.DONE
    assert _shown(desk, live.id).description == odd


def test_without_named_fields_all_that_is_managed_and_differs_is_sent(desk: Desk) -> None:
    live = _written(desk, tags=("old",))
    outcome = desk.apply(change_to(Action.UPDATE, _content(tags=(), seo=Seo(description="D")), live))
    assert outcome.result is Result.DONE
    now = _shown(desk, live.id)
    assert now.tags == ()
    assert now.seo["meta_description"] == "D"


@pytest.mark.parametrize("settings", [SandboxSettings(seo_update="replace"), SandboxSettings(seo_update="merge")])
def test_seo_that_content_does_not_manage_stays_whatever_an_update_does_to_it(desk: Desk) -> None:
    live = _written(desk, seo={"meta_title": "T1", "meta_description": "D1", "meta_keywords": "k,l"})
    outcome = desk.apply(change_to(Action.UPDATE, _content(seo=Seo(title="T2")), live))
    assert outcome.result is Result.DONE
    assert desk.article(live.id or 0).seo == Seo(title="T2", description="D1", keywords=("k", "l"))


@pytest.mark.parametrize(
    "settings",
    [SandboxSettings(draft_edit=edit, shown=shown) for edit in ("beside", "unpublish") for shown in ("draft", "live")],
    ids=lambda settings: f"{settings.draft_edit}-{settings.shown}",
)
def test_unpublishing_with_other_changes_hides_first_and_then_changes(desk: Desk) -> None:
    live = _written(desk)
    desired = _content(title="New", status=Status.DRAFT)
    outcome = desk.apply(change_to(Action.UPDATE, desired, live), body="<p>n</p>")
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert [call.split()[0] for call in desk.calls] == ["GET", "PUT", "PUT"]
    now = _shown(desk, live.id)
    assert not now.readable
    assert (now.title, now.description) == ("New", "<p>n</p>")


def test_unpublishing_alone_is_one_write(desk: Desk) -> None:
    live = _written(desk)
    outcome = desk.apply(change_to(Action.UPDATE, _content(status=Status.DRAFT), live, fields=("status",)))
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in desk.calls] == ["GET", "PUT"]
    assert not _shown(desk, live.id).readable


def test_a_draft_is_published_with_one_write(desk: Desk) -> None:
    live = _written(desk, status=1)
    outcome = desk.apply(change_to(Action.RESTORE, _content(tags=("x",)), live, fields=("status",)), body="<p>n</p>")
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in desk.calls] == ["GET", "PUT"]
    now = _shown(desk, live.id)
    assert (now.status, now.description, now.tags) == (2, "<p>n</p>", ("x",))


def test_folders_and_categories_are_updated_by_what_is_managed(desk: Desk) -> None:
    found = desk.read()
    folder, category = found.folders[0], found.categories[0]
    outcome = desk.apply(change_to(Action.UPDATE, Folder(name="B!", visibility=Visibility.AGENTS), folder, path="a/b"))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    outcome = desk.apply(change_to(Action.UPDATE, Category(name="A!", description="d"), category, path="a"))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert desk.calls == [f"GET categories/{category.id} 200", f"PUT categories/{category.id} 200"]
    after = desk.read()
    assert (after.folders[0].name, after.folders[0].visibility) == ("B!", Visibility.AGENTS)
    assert (after.categories[0].name, after.categories[0].description) == ("A!", "d")


def test_a_folder_for_companies_keeps_them_when_only_its_name_changes(desk: Desk) -> None:
    desk.portal.store.create_folder(desk.ids["a"], "K", visibility=4, company_ids=(7, 8))
    live = desk.read().folders[-1]
    assert live.companies == (7, 8)
    outcome = desk.apply(change_to(Action.RENAME, Folder(name="L"), live, path="a/l", fields=("name",)))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert desk.read().folders[-1] == replace(live, name="L", updated_at=desk.read().folders[-1].updated_at)
    outcome = desk.apply(
        change_to(Action.UPDATE, Folder(name="L", companies=(9,)), desk.read().folders[-1], path="a/l")
    )
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert desk.read().folders[-1].companies == (9,)


def test_a_folder_is_put_into_another_and_back_to_the_top(desk: Desk) -> None:
    moved = desk.portal.store.create_folder(desk.ids["a"], "M")
    live = next(folder for folder in desk.read().folders if folder.id == moved.id)
    outcome = desk.apply(change_to(Action.RENAME, Folder(name="M"), live, path="a/b/c/m"))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert desk.portal.store.folder(moved.id).parent_id == desk.ids["a/b/c"]
    live = next(folder for folder in desk.read().folders if folder.id == moved.id)
    outcome = desk.apply(change_to(Action.MOVE, Folder(name="M"), live, path="a/m"))
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    assert desk.portal.store.folder(moved.id).parent_id is None


def test_a_folder_cannot_leave_its_category_and_that_is_said(desk: Desk) -> None:
    desk.ids["z"] = desk.portal.store.create_category("Z").id
    live = desk.read().folders[0]
    outcome = desk.apply(change_to(Action.MOVE, Folder(name="B"), live, path="z/b"))
    assert outcome.result is Result.FAILED
    assert "category" in outcome.error


# What needs no call


@pytest.mark.parametrize("action", [Action.ADOPT, Action.FORGET, Action.RENAME])
def test_what_only_concerns_the_agreement_makes_no_call(desk: Desk, action: Action) -> None:
    live = _written(desk)
    outcome = desk.apply(change_to(action, _content(path="a/b/new-name.md"), live))
    assert (outcome.result, outcome.live) == (Result.DONE, live)
    assert desk.calls == []


def test_a_folder_that_keeps_its_place_is_renamed_without_a_call(desk: Desk) -> None:
    live = desk.read().folders[0]
    outcome = desk.apply(change_to(Action.RENAME, Folder(name="B"), live, path="a/bee"))
    assert (outcome.result, desk.calls) == (Result.DONE, [])


# Archiving, moving, deleting


def test_an_article_is_archived_by_its_status_alone(desk: Desk) -> None:
    live = _written(desk, tags=("x",))
    outcome = desk.apply(change_to(Action.ARCHIVE, None, live))
    assert outcome.result is Result.DONE
    now = _shown(desk, live.id)
    assert (now.readable, now.title, now.description, now.tags) == (False, live.title, BODY, ("x",))
    assert isinstance(outcome.live, Article)
    assert outcome.live.status is Status.DRAFT
    desk.apply(change_to(Action.ARCHIVE, None, outcome.live))
    assert desk.calls == [f"GET articles/{live.id} 200"]


def test_an_archived_folder_is_left_standing(desk: Desk) -> None:
    outcome = desk.apply(change_to(Action.ARCHIVE, None, desk.read().folders[0], path="a/b"))
    assert (outcome.result, outcome.notes, desk.calls) == (Result.DONE, ("left standing",), [])


def test_an_article_is_deleted_also_when_the_answer_is_lost(desk: Desk) -> None:
    live = _written(desk)
    desk.portal.faults.lose("DELETE")
    outcome = desk.apply(change_to(Action.DELETE, None, live))
    assert (outcome.result, outcome.live) == (Result.DONE, None)
    assert desk.read().articles == ()


def test_only_an_empty_folder_is_deleted(desk: Desk) -> None:
    inner, outer = desk.read().folders[1], desk.read().folders[0]
    category = desk.read().categories[0]
    draft = desk.portal.store.create_article(desk.ids["a/b/c"], "T", "", status=1)
    for item, path in ((inner, "a/b/c"), (outer, "a/b"), (category, "a")):
        outcome = desk.apply(change_to(Action.DELETE, None, item, path=path))
        assert outcome.result is Result.WITHHELD
        assert "not empty" in outcome.error
        assert not any("DELETE" in call for call in desk.calls)
    desk.portal.store.delete_article(draft.id)
    for item, path in ((inner, "a/b/c"), (outer, "a/b"), (category, "a")):
        assert desk.apply(change_to(Action.DELETE, None, item, path=path)).result is Result.DONE
    assert list(desk.read().items()) == []


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
def test_what_somebody_edited_since_the_plan_is_withheld_and_nothing_is_sent(
    desk: Desk, action: Action, edit: dict[str, Any]
) -> None:
    live = _written(desk)
    desk.portal.store.edit_article(live.id or 0, **edit)
    before = desk.read()
    outcome = desk.apply(change_to(action, _content(path="a/b/c/x.md", title="N"), live), body="<p>n</p>")
    assert outcome.result is Result.WITHHELD
    assert outcome.error.startswith(f"changed on the portal since the plan: {next(iter(edit))}")
    assert desk.calls == [f"GET articles/{live.id} 200"]
    assert replace(desk.read(), seen_at="") == replace(before, seen_at="")


def test_what_somebody_moved_since_the_plan_is_withheld(desk: Desk) -> None:
    live = _written(desk)
    desk.portal.store.move_article(live.id or 0, desk.ids["a/b/c"])
    outcome = desk.apply(change_to(Action.UPDATE, _content(), live), body="<p>n</p>")
    assert outcome.result is Result.WITHHELD
    assert "folder" in outcome.error


def test_a_folder_that_somebody_renamed_since_the_plan_is_withheld(desk: Desk) -> None:
    live = desk.read().folders[0]
    desk.portal.store.edit_folder(live.id or 0, name="U")
    outcome = desk.apply(change_to(Action.UPDATE, Folder(name="N"), live, path="a/b"))
    assert outcome.result is Result.WITHHELD
    assert desk.portal.store.folder(live.id or 0).name == "U"


@pytest.mark.parametrize("settings", [SandboxSettings(gone=404), SandboxSettings(gone=403)], ids=["404", "403"])
@pytest.mark.parametrize("action", [Action.UPDATE, Action.ARCHIVE, Action.MOVE, Action.DELETE])
def test_what_is_gone_since_the_plan_is_withheld(desk: Desk, action: Action) -> None:
    live = _written(desk)
    desk.portal.store.delete_article(live.id or 0)
    outcome = desk.apply(change_to(action, _content(), live), body=BODY)
    assert outcome.result is Result.WITHHELD
    assert "gone" in outcome.error


def test_a_missing_right_is_no_sign_that_it_is_gone(desk: Desk) -> None:
    live = _written(desk)
    with faulty(lambda *_: reply('{"code": "require_feature"}', status="403 No")) as server:
        with Connection(server.url, "key") as connection:
            change = change_to(Action.UPDATE, _content(), live)
            outcome = apply(PortalReader(connection), PortalWriter(connection), change, ids=desk.ids, body=BODY)
    assert outcome.result is Result.FAILED
    assert "require_feature" in outcome.error


def test_a_key_that_may_read_nothing_any_more_is_no_sign_that_it_is_gone(desk: Desk) -> None:
    live = _written(desk)
    with (
        faulty(lambda *_: reply('{"code": "access_denied"}', status="403 No")) as server,
        Connection(server.url, "key") as connection,
    ):
        change = change_to(Action.UPDATE, _content(), live)
        outcome = apply(PortalReader(connection), PortalWriter(connection), change, ids=desk.ids, body=BODY)
    assert outcome.result is Result.FAILED
    assert "role" in outcome.error


def test_counts_and_tokens_and_time_stamps_of_attachments_are_no_edit(desk: Desk) -> None:
    live = _written(desk, body='<img src="https://x/helpdesk/attachments/7/a.png?111">')
    desk.portal.store.edit_article(live.id or 0, body='<img src="https://x/helpdesk/attachments/7/a.png?222">')
    outcome = desk.apply(change_to(Action.UPDATE, _content(title="N"), live))
    assert outcome.result is Result.DONE
    assert _shown(desk, live.id).description.endswith('?222">')


def test_what_was_read_a_moment_ago_is_not_read_again(desk: Desk) -> None:
    live = _written(desk)
    change = change_to(Action.UPDATE, _content(title="N"), live)
    outcome = desk.apply(change, body=BODY, read_at=time.monotonic())
    assert outcome.result is Result.DONE
    assert [call.split()[0] for call in desk.calls] == ["PUT"]
    desk.apply(replace(change, actual=outcome.live), body=BODY, read_at=time.monotonic() - 5)
    assert [call.split()[0] for call in desk.calls] == ["GET", "PUT"]


def test_a_plan_that_does_not_say_what_was_there_changes_nothing(desk: Desk) -> None:
    live = _written(desk)
    change = replace(change_to(Action.UPDATE, _content(title="N"), live), actual=None)
    outcome = desk.apply(change, body=BODY)
    assert (outcome.result, desk.calls) == (Result.FAILED, [])


# What is believed


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="editor")])
def test_html_rewritten_without_loss_is_a_note(desk: Desk) -> None:
    outcome = desk.apply(change_to(Action.CREATE, _content()), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    (note,) = outcome.notes
    assert note.startswith("the portal rewrote the HTML (")
    assert note.endswith("; readers lose nothing")
    assert isinstance(outcome.live, Article)
    assert outcome.live.body != BODY


@pytest.mark.parametrize("settings", [SandboxSettings(rewriting="strict")])
def test_html_that_lost_something_is_a_failure_that_names_it_and_shows_what_is_live(desk: Desk) -> None:
    body = '<p>words</p><iframe src="https://www.youtube.com/embed/x"></iframe>'
    outcome = desk.apply(change_to(Action.CREATE, _content()), body=body)
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
def test_a_write_is_believed_only_when_it_comes_back_equal(lie: dict[str, Any], words: str, action: Action) -> None:
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
            outcome = apply(
                PortalReader(connection),
                PortalWriter(connection),
                change,
                ids={"a": 1, "a/b": 2},
                body=BODY,
                read_at=time.monotonic(),
            )
        assert outcome.result is result
        assert (words in outcome.error) is (result is Result.FAILED)
        assert outcome.live is not None
        assert outcome.live.id == 7


def test_an_update_that_is_answered_with_nothing_is_read_back(desk: Desk) -> None:
    shown = {"id": 7, "folder_id": 2, "title": "N", "description": BODY, "status": 2}
    live = Article(id=7, parent=2, title="old", body=BODY)
    with faulty(lambda line, _: reply(json.dumps(shown) if line.startswith("GET") else "")) as server:
        with Connection(server.url, "key") as connection:
            change = change_to(Action.UPDATE, _content(title="N"), live)
            outcome = apply(
                PortalReader(connection), PortalWriter(connection), change, ids={}, read_at=time.monotonic()
            )
    assert outcome.result is Result.DONE
    assert server.lines == ["PUT /api/v2/solutions/articles/7", "GET /api/v2/solutions/articles/7"]


@pytest.mark.parametrize("settings", [SandboxSettings(ids="overlapping")])
def test_ids_that_a_category_a_folder_and_an_article_share_confuse_nothing(desk: Desk) -> None:
    live = _written(desk)
    assert live.id == desk.ids["a"] == desk.ids["a/b"]
    desk.portal.faults.lose("POST")
    outcome = desk.apply(change_to(Action.CREATE, _content(title="second")), body=BODY)
    assert (outcome.result, outcome.error) == (Result.DONE, "")
    outcome = desk.apply(change_to(Action.UPDATE, _content(title="first"), live), body=BODY)
    assert [article.title for article in desk.read().articles] == ["first", "second"]


@pytest.mark.parametrize("action", list(Action))
def test_no_trouble_of_the_portal_ends_in_a_traceback(desk: Desk, action: Action) -> None:
    live = _written(desk)
    change = change_to(action, _content(title="N"), live, fields=("title",))
    for status in (400, 401, 403, 405, 409, 429, 500, 502):
        with faulty(lambda *_, status=status: reply("", status=f"{status} No", headers={"Retry-After": "0"})) as server:
            with Connection(server.url, "aVerySecretKey", sleep=lambda _: None) as connection:
                outcome = apply(
                    PortalReader(connection),
                    PortalWriter(connection),
                    change,
                    ids=desk.ids,
                    body=BODY,
                    sleep=lambda _: None,
                )
        assert outcome.result in (Result.FAILED, Result.WITHHELD, Result.DONE)
        assert (outcome.result is Result.DONE) is (action in (Action.ADOPT, Action.FORGET))
        assert "aVerySecretKey" not in repr(outcome)
