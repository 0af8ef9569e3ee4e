"""Write one change: check that the item is as the plan saw it, send the calls, and verify the responses.

It decides nothing: an item that changed or was deleted since the plan is withheld, an ambiguous one is reported.
"""

from dataclasses import replace
from functools import partial
from typing import Any, assert_never

from kbsync.change import Action, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.api import (
    DRAFT,
    PortalReader,
    article_to_json,
    category_to_json,
    counts_in_folder,
    folder_to_json,
    id_of,
)
from kbsync.freshdesk.responses import ItemList, ResponseLost, StatusError
from kbsync.freshdesk.verify import (
    ITEM_FROM_JSON,
    Shown,
    StaleItem,
    WriteRequest,
    done,
    failed,
    live_id,
    mismatches,
    read_unless_gone,
    shown_item,
    verified,
)
from kbsync.model import Article, Category, Folder, Item, Kind, Seo, Status, digest, fields_of, parent_path

# The portal may still be at work on a call whose response was lost: wait this long before reading.
_SETTLING = 2.0
_CREATE_ATTEMPTS = 4
_UNPUBLISH = {"status": DRAFT}
_STILL_PUBLISHED = "accepted, but the article is still published"
_NOT_MOVED = "accepted, but the folder was not moved: Freshdesk cannot move folders to another category"


def perform(request: WriteRequest) -> Outcome:
    """Apply a change; raise PortalError where the portal does not allow it."""
    change = request.change
    match change.action:
        case Action.FORGET if change.actual is None and change.id is not None:
            return _forget(request)
        case Action.ADOPT | Action.FORGET:
            return done(request, change.actual)
        case Action.CREATE:
            item = _desired(request)
            return create(request, replace(item, body=request.body or "") if isinstance(item, Article) else item)
        case Action.RENAME if not change.fields and request.body is None and not _is_moved(request):
            return done(request, change.actual)
        case Action.UPDATE | Action.RESTORE | Action.RENAME | Action.MOVE:
            return request.readings.write(change, partial(_update, request))
        case Action.ARCHIVE if change.kind is not Kind.ARTICLE:
            return done(request, change.actual, notes=("kept on the portal",))
        case Action.ARCHIVE:
            return request.readings.write(change, partial(_archive, request))
        case Action.DELETE:
            return request.readings.write(change, partial(_delete, request))
        case _:
            assert_never(change.action)


def create(request: WriteRequest, item: Item) -> Outcome:
    """Create an item in the parent of its content path, which exists already; the body of `item` is HTML."""
    if not isinstance(item, Category) and (request.parent is None or request.category is None):
        error = f"{parent_path(request.change.path)} is not on the portal"
        return Outcome(change=request.change, result=Result.SKIPPED, error=error)
    first = replace(item, author=None) if isinstance(item, Article) else item
    shown = _create_once(request, first)
    if isinstance(item, Article) and item.author is not None and isinstance(shown.item, Article):
        return _with_author(request, item, shown)
    return verified(request, first, shown)


def _create_once(request: WriteRequest, item: Item) -> Shown:
    for attempt in range(1, _CREATE_ATTEMPTS + 1):
        try:
            return _post(request, item)
        except ResponseLost as lost:
            if found := _find_created(request, item, lost):
                return found
            if attempt == _CREATE_ATTEMPTS:
                raise PortalError(
                    f"{lost.what}; tried {attempt} times, not created",
                    advice="run the command again later",
                ) from None
        except StatusError as error:
            # An earlier attempt may have succeeded only after it was looked for.
            if attempt > 1 and error.status == 409 and (found := _find_created(request, item, error)):
                return found
            raise
    raise AssertionError("the last round returns or raises")


def _post(request: WriteRequest, item: Item) -> Shown:
    parent, category = request.parent or 0, request.category or 0
    match item:
        case Category():
            response = request.writer.create_category(category_to_json(item))
        case Folder():
            nested = {"parent_folder_id": parent} if request.is_nested else {}
            response = request.writer.create_folder(category, folder_to_json(item) | nested)
        case Article():
            response = request.writer.create_article(parent, article_to_json(item))
    try:
        return shown_item(request.change.kind, response)
    except PortalError as error:
        raise ResponseLost(error.what) from None


def _find_created(request: WriteRequest, item: Item, why: PortalError) -> Shown | None:
    """Return the item that a call without a response created: new since the plan, in the same place, equal."""
    request.sleep(_SETTLING)
    try:
        listing = _siblings(request)
    except PortalError as error:
        raise PortalError(f"{why.what}; could not check whether the item was created: {error.what}") from None
    kind = request.change.kind
    new = [data for data in listing.items if not request.is_known(kind, id_of(data, kind))]
    same = [seen for seen in map(ITEM_FROM_JSON[kind], new) if not mismatches(_identifying_fields(item), seen)]
    if len(same) > 1:
        raise PortalError(
            f"the response was lost, and {len(same)} new items match: {', '.join(str(one.id) for one in same)}",
            advice="delete all but one of them in Freshdesk, then run the command again",
        )
    return Shown(item=same[0], at=listing.at) if same else None


def _siblings(request: WriteRequest) -> ItemList:
    match request.change.kind:
        case Kind.CATEGORY:
            return request.reader.categories()
        case Kind.FOLDER if request.is_nested:
            return request.reader.subfolders(request.parent or 0)
        case Kind.FOLDER:
            return request.reader.folders(request.parent or 0)
        case Kind.ARTICLE:
            return request.reader.articles(request.parent or 0)


def _identifying_fields(item: Item) -> Item:
    """Return an item with only the fields that identify it; the others are verified later."""
    match item:
        case Category():
            return Category(name=item.name)
        case Folder():
            return Folder(name=item.name)
        case Article():
            return replace(item, tags=None, seo=Seo(), author=None)


def _with_author(request: WriteRequest, item: Article, made: Shown) -> Outcome:
    """Set the author, which a create call does not accept (documented); title, body and status are sent again."""
    if isinstance(made.item, Article) and made.item.author == item.author:
        return verified(request, item, made)
    try:
        body = article_to_json(replace(item, tags=None, seo=Seo()))
        response = request.writer.update(Kind.ARTICLE, id_of({"id": made.item.id}, "article"), body)
        shown = shown_item(Kind.ARTICLE, response)
    except PortalError as error:
        why = f"created, but its author could not be set: {error.what}; {error.advice}"
        return replace(failed(request, why, made), unsent=("author",))
    return verified(request, item, shown)


def _update(request: WriteRequest, now: Item, not_after: float) -> Outcome:
    desired = _desired(request)
    fields = _fields_to_send(request, desired, now)
    match desired, now:
        case Article(), Article():
            return _update_article(request, desired, now, fields, not_after)
        case Folder(), Folder():
            return _update_folder(request, desired, now, fields, not_after)
        case Category(), Category():
            category = replace(desired, **_unsent(fields, "description", "portals"))
            return verified(request, category, _put(request, category_to_json(category), not_after))
    raise PortalError(f"{request.change.path} has a different kind on the portal", advice="plan again")


def _update_article(
    request: WriteRequest, desired: Article, now: Article, fields: frozenset[str], not_after: float
) -> Outcome:
    """Send title, body and status, and the other fields that changed.

    Unpublishing is a call of its own, sent first: with other fields the same status may store a draft beside the
    published version (documented for the first half, inferred for the second).
    """
    unsent_seo = {name: None for name in ("title", "description", "keywords") if f"seo.{name}" not in fields}
    seo = replace(desired.seo, **unsent_seo)
    body = now.body if request.body is None else request.body
    title = desired.title if desired.has_valid_label else now.title
    sent = replace(desired, title=title, body=body, seo=seo, **_unsent(fields, "tags", "author"))
    if now.status is Status.PUBLISHED and desired.status is Status.DRAFT:
        hidden = _put(request, _UNPUBLISH, not_after)
        not_after = float("inf")  # what this run made, it may go on with
        if _is_published(hidden):
            return failed(request, _STILL_PUBLISHED, hidden)
        if (sent.title, sent.body) == (now.title, now.body) and not fields - {"title", "body", "status"}:
            return verified(request, sent, hidden)
    return verified(request, sent, _put(request, article_to_json(sent, was=now.seo), not_after))


def _update_folder(
    request: WriteRequest, desired: Folder, now: Folder, fields: frozenset[str], not_after: float
) -> Outcome:
    folder = replace(desired, **_unsent(fields, "description", "visibility", "companies", "segments"))
    place = {"parent_folder_id": request.parent if request.is_nested else None} if _is_moved(request) else {}
    shown = _put(request, folder_to_json(folder, was=now) | place, not_after)
    if place and isinstance(shown.item, Folder) and shown.item.parent != request.parent:
        return failed(request, _NOT_MOVED, shown)
    return verified(request, folder, shown)


def _unsent(fields: frozenset[str], *optional: str) -> dict[str, Any]:
    """Return `None`, which is not sent, for the optional fields that are not in `fields`."""
    return {name: None for name in optional if name not in fields}


def _archive(request: WriteRequest, now: Item, not_after: float) -> Outcome:
    """Unpublish an article."""
    if isinstance(now, Article) and now.status is Status.DRAFT:
        return done(request, now)
    hidden = _put(request, _UNPUBLISH, not_after)
    if _is_published(hidden):
        return failed(request, _STILL_PUBLISHED, hidden)
    return done(request, hidden.item, at=hidden.at)


def is_gone(reader: PortalReader, kind: Kind, number: int) -> bool:
    """Return whether an item that no list has is deleted, by reading its id, since lists may be incomplete.

    Raise PortalError where the portal gives no clear response, or the key may not read at all.
    """
    return read_unless_gone(reader, kind, number) is None


def _forget(request: WriteRequest) -> Outcome:
    """Forget an item that no list has, once the portal confirms that it is deleted."""
    if is_gone(request.reader, request.change.kind, live_id(request.change)):
        return done(request, None)
    raise StaleItem("still on the portal, but missing from its list", advice="plan again")


def _delete(request: WriteRequest, _: Item, not_after: float) -> Outcome:
    """Delete an article for good; a folder or category only if a new list shows that it is empty."""
    kind, number = request.change.kind, live_id(request.change)
    if contents := _contents(request, kind, number):
        raise StaleItem(f"not empty: contains {contents}", advice="empty it in Freshdesk, or restore its files")
    try:
        request.writer.delete(kind, number, not_after=not_after)
    except StatusError as error:
        if not error.is_gone:
            raise
    return done(request, None)


def _contents(request: WriteRequest, kind: Kind, number: int) -> str:
    match kind:
        case Kind.ARTICLE:
            return ""
        case Kind.CATEGORY:
            folders = len(request.reader.folders(number).items)
            return f"{folders} folders" if folders else ""
        case Kind.FOLDER:
            articles = len(request.reader.articles(number).items)
            # A call for one folder: some accounts cannot list nested folders (seen in clients).
            folders = counts_in_folder(request.reader.item(kind, number).fields)[1] or 0
            return f"{articles} articles and {folders} folders" if articles or folders else ""
        case _:
            assert_never(kind)


def _put(request: WriteRequest, body: dict[str, Any], not_after: float) -> Shown:
    """Update the item; read it where the response does not have it, contrary to the reference."""
    kind, number = request.change.kind, live_id(request.change)
    response = request.writer.update(kind, number, body, not_after=not_after)
    return shown_item(kind, response if response.data is not None else request.reader.item(kind, number))


def _fields_to_send(request: WriteRequest, desired: Item, now: Item) -> frozenset[str]:
    """Return the fields to send beside those always sent: those in the plan, else the managed ones that differ."""
    if request.change.fields and request.change.action is not Action.RESTORE:
        return frozenset(request.change.fields)
    live = fields_of(now)
    managed = {name: value for name, value in fields_of(desired).items() if value is not None and name != "body"}
    return frozenset(name for name, value in managed.items() if digest(value) != digest(live[name]))


def _is_moved(request: WriteRequest) -> bool:
    actual = request.change.actual
    return isinstance(actual, Folder) and request.parent is not None and actual.parent not in (None, request.parent)


def _desired(request: WriteRequest) -> Item:
    if request.change.desired is None:
        raise PortalError("the plan does not contain the new version", advice="plan again")
    return request.change.desired


def _is_published(shown: Shown) -> bool:
    return isinstance(shown.item, Article) and shown.item.status is Status.PUBLISHED
