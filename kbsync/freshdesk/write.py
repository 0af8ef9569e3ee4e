"""One change, told call by call: look whether the item still is what the plan saw, write, compare what came back.

It decides nothing: what it finds changed or gone it withholds, and what it cannot tell apart it names.
"""

from dataclasses import replace
from typing import Any, assert_never

from kbsync.change import Action, Change, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.api import DRAFT, PortalReader, article_to_json, category_to_json, folder_to_json, id_of
from kbsync.freshdesk.responses import ApiResponse, ItemList, ResponseLost, StatusError
from kbsync.freshdesk.verify import (
    Shown,
    StaleItem,
    WriteRequest,
    done,
    failed,
    item_from,
    mismatches,
    moved,
    shown_by,
    verified,
)
from kbsync.model import Article, Category, Folder, Item, Kind, Seo, Status, digest, fields_of

# An answer that is late may be on its way: the portal gets this long to finish before it is looked at.
_SETTLING = 2.0


def create(job: WriteRequest, item: Item) -> Outcome:
    """Create an item where its content path says, its parent having been created before; `item` holds HTML."""
    if not isinstance(item, Category) and (job.parent is None or job.category is None):
        missing = job.change.path.rpartition("/")[0]
        return Outcome(change=job.change, result=Result.SKIPPED, error=f"{missing} is not on the portal")
    first = replace(item, author=None) if isinstance(item, Article) else item
    shown = _made(job, first)
    if isinstance(item, Article) and item.author is not None and isinstance(shown.item, Article):
        return _with_author(job, item, shown)
    return verified(job, first, shown)


def _made(job: WriteRequest, item: Item) -> Shown:
    for last in (False, True):
        try:
            return _shown(job, _post(job, item))
        except ResponseLost as lost:
            found = _look(job, item, lost)
            if found:
                return found
            if last:
                raise PortalError(
                    f"{lost.what}; asked twice, and it is not there", advice="run it again when Freshdesk is well"
                ) from None
        except StatusError as refused:
            # The first attempt may have been on its way still when it was looked for.
            found = _look(job, item, refused) if last and refused.status == 409 else None
            if found:
                return found
            raise
    raise AssertionError("the last round returns or raises")


def _post(job: WriteRequest, item: Item) -> ApiResponse:
    parent, category = job.parent or 0, job.category or 0
    match item:
        case Category():
            return job.writer.create_category(category_to_json(item))
        case Folder():
            nested = {"parent_folder_id": parent} if job.is_nested else {}
            return job.writer.create_folder(category, folder_to_json(item) | nested)
        case Article():
            return job.writer.create_article(parent, article_to_json(item))


def _shown(job: WriteRequest, answer: ApiResponse) -> Shown:
    try:
        return shown_by(job.change.kind, answer)
    except PortalError as error:
        raise ResponseLost(error.what) from None


def _look(job: WriteRequest, item: Item, why: PortalError) -> Shown | None:
    """Find what was made although nobody said so: new since the plan, in its place, the same to a reader."""
    job.sleep(_SETTLING)
    try:
        listing = _beside(job)
    except PortalError as error:
        raise PortalError(f"{why.what}; whether it was made could not be looked up: {error.what}") from None
    kind = job.change.kind
    new = [data for data in listing.items if not job.is_known(kind, id_of(data, kind))]
    same = [seen for seen in (item_from(kind, data) for data in new) if not mismatches(_essence(item), seen)]
    if len(same) > 1:
        raise PortalError(
            f"the answer was lost, and {len(same)} new ones look like it: {', '.join(str(one.id) for one in same)}",
            advice="delete all but one of them in Freshdesk, then run it again",
        )
    return Shown(item=same[0], at=listing.at) if same else None


def _beside(job: WriteRequest) -> ItemList:
    match job.change.kind:
        case Kind.CATEGORY:
            return job.reader.categories()
        case Kind.FOLDER:
            return job.reader.subfolders(job.parent or 0) if job.is_nested else job.reader.folders(job.parent or 0)
        case Kind.ARTICLE:
            return job.reader.articles(job.parent or 0)


def _essence(item: Item) -> Item:
    """Leave of an item what tells it from others; the rest is compared when the whole is believed."""
    match item:
        case Category():
            return Category(name=item.name)
        case Folder():
            return Folder(name=item.name)
        case Article():
            return replace(item, tags=None, seo=Seo(), author=None)


def _with_author(job: WriteRequest, item: Article, made: Shown) -> Outcome:
    """Set the author, which creating does not take (documented); title, body and status go with it as always."""
    if isinstance(made.item, Article) and made.item.author == item.author:
        return verified(job, item, made)
    try:
        body = article_to_json(replace(item, tags=None, seo=Seo()))
        shown = shown_by(Kind.ARTICLE, job.writer.update(Kind.ARTICLE, id_of({"id": made.item.id}, "article"), body))
    except PortalError as error:
        why = f"created, but its author could not be set: {error.what}; {error.advice}"
        return replace(failed(job, why, made), unsent=("author",))
    return verified(job, item, shown)


_UNPUBLISH = {"status": DRAFT}
_STILL_PUBLISHED = "accepted, but it is still published"


def perform(job: WriteRequest) -> Outcome:
    """Carry out a change; raises PortalError where the portal does not let us."""
    change = job.change
    match change.action:
        case Action.FORGET if change.actual is None and change.id is not None:
            return _forget(job)
        case Action.ADOPT | Action.FORGET:
            return done(job, change.actual)
        case Action.CREATE:
            return create(job, _html(job, _desired(job), ""))
        case Action.RENAME if not change.fields and job.body is None and not _elsewhere(job):
            return done(job, change.actual)
        case Action.UPDATE | Action.RESTORE | Action.RENAME | Action.MOVE:
            return _update(job)
        case Action.ARCHIVE:
            return _archive(job)
        case Action.DELETE:
            return _delete(job)
        case _:
            assert_never(change.action)


def _now(job: WriteRequest) -> Item:
    """Return the item as it is now; raises Withheld where that is not what the plan saw."""
    planned = job.change.actual
    return planned if job.fresh and planned is not None else look_again(job.reader, job.change)


def look_again(reader: PortalReader, change: Change) -> Item:
    """Read the item of a change as it is now; raises Withheld where that is not what the plan saw."""
    planned = change.actual
    if planned is None:
        raise PortalError("the plan does not say what was on the portal", advice="plan again")
    try:
        now = shown_by(change.kind, reader.item(change.kind, _number(change))).item
    except StatusError as refused:
        if not refused.is_gone:
            raise
        if refused.status == 403:
            # Where the key may not read at all this raises, and then nobody knows what is gone.
            reader.categories()
        raise StaleItem("it is gone from the portal since the plan", advice="plan again") from None
    names = moved(planned, now)
    if names:
        raise StaleItem(f"changed on the portal since the plan: {', '.join(names)}", advice="plan again")
    return now


def _update(job: WriteRequest) -> Outcome:
    now, desired = _now(job), _desired(job)
    fields = _fields(job, desired, now)
    match desired, now:
        case Article(), Article():
            return _update_article(job, desired, now, fields)
        case Folder(), Folder():
            return _update_folder(job, desired, now, fields)
        case Category(), Category():
            category = replace(
                desired,
                description=desired.description if "description" in fields else None,
                portals=desired.portals if "portals" in fields else None,
            )
            return verified(job, category, _put(job, category_to_json(category)))
    raise PortalError(f"{job.change.path} is of another kind on the portal", advice="plan again")


def _update_article(job: WriteRequest, desired: Article, now: Article, fields: frozenset[str]) -> Outcome:
    """Send title, body and status, and of the rest what changed.

    Unpublishing goes alone and first: with other fields the same status may store a draft beside what readers
    see (documented for the first half, inferred for the second).
    """
    seo = Seo(
        title=desired.seo.title if "seo.title" in fields else None,
        description=desired.seo.description if "seo.description" in fields else None,
        keywords=desired.seo.keywords if "seo.keywords" in fields else None,
    )
    sent = replace(
        desired,
        body=now.body if job.body is None else job.body,
        tags=desired.tags if "tags" in fields else None,
        author=desired.author if "author" in fields else None,
        seo=seo,
    )
    if now.status is Status.PUBLISHED and desired.status is Status.DRAFT:
        hidden = _put(job, _UNPUBLISH)
        if _is_published(hidden):
            return failed(job, _STILL_PUBLISHED, hidden)
        if (sent.title, sent.body) == (now.title, now.body) and not fields - {"title", "body", "status"}:
            return verified(job, sent, hidden)
    return verified(job, sent, _put(job, article_to_json(sent, was=now.seo)))


def _update_folder(job: WriteRequest, desired: Folder, now: Folder, fields: frozenset[str]) -> Outcome:
    folder = replace(
        desired,
        description=desired.description if "description" in fields else None,
        visibility=desired.visibility if "visibility" in fields else None,
        companies=desired.companies if "companies" in fields else None,
        segments=desired.segments if "segments" in fields else None,
    )
    place = {"parent_folder_id": job.parent if job.is_nested else None} if _elsewhere(job) else {}
    shown = _put(job, folder_to_json(folder, was=now) | place)
    if place and isinstance(shown.item, Folder) and shown.item.parent != job.parent:
        return failed(
            job, "accepted, but the folder stayed where it was: Freshdesk moves none out of its category", shown
        )
    return verified(job, folder, shown)


def _archive(job: WriteRequest) -> Outcome:
    """Unpublish an article; a folder or category is left standing."""
    if job.change.kind is not Kind.ARTICLE:
        return done(job, job.change.actual, notes=("left standing",))
    now = _now(job)
    if isinstance(now, Article) and now.status is Status.DRAFT:
        return done(job, now)
    hidden = _put(job, _UNPUBLISH)
    return failed(job, _STILL_PUBLISHED, hidden) if _is_published(hidden) else done(job, hidden.item, at=hidden.at)


def is_gone(reader: PortalReader, kind: Kind, number: int) -> bool:
    """Ask for what no list had by its id, since a list may lack what is there.

    Raises:
        PortalError: the portal does not say, or the key may not read at all.
    """
    try:
        reader.item(kind, number)
    except StatusError as refused:
        if not refused.is_gone:
            raise
        if refused.status == 403:
            # Where the key may not read at all this raises, and then nobody knows what is gone.
            reader.categories()
        return True
    return False


def _forget(job: WriteRequest) -> Outcome:
    """Let go of what no list had, once the portal says so of itself."""
    if is_gone(job.reader, job.change.kind, _number(job.change)):
        return done(job, None)
    raise StaleItem("it is still on the portal, although its list lacked it", advice="plan again")


def _delete(job: WriteRequest) -> Outcome:
    """Delete an article for ever; a folder or category only when a fresh listing shows nothing in it."""
    _now(job)
    kind, number = job.change.kind, _number(job.change)
    held = _held(job, kind, number)
    if held:
        raise StaleItem(f"it is not empty: it holds {held}", advice="empty it in Freshdesk, or give its files back")
    try:
        job.writer.delete(kind, number)
    except StatusError as refused:
        if not refused.is_gone:
            raise
    return done(job, None)


def _held(job: WriteRequest, kind: Kind, number: int) -> str:
    match kind:
        case Kind.ARTICLE:
            return ""
        case Kind.CATEGORY:
            folders = len(job.reader.folders(number).items)
            return f"{folders} folders" if folders else ""
        case Kind.FOLDER:
            articles = len(job.reader.articles(number).items)
            folders = _folders_in(job, number)
            return f"{articles} articles and {folders} folders" if articles or folders else ""
        case _:
            assert_never(kind)


def _folders_in(job: WriteRequest, number: int) -> int:
    """Count the folders in a folder; an account without nested folders refuses to list them (seen in clients)."""
    said = (job.reader.item(Kind.FOLDER, number).data or {}).get("sub_folders_count")
    return int(said) if said is not None else 0


def _put(job: WriteRequest, body: dict[str, Any]) -> Shown:
    """Update the item; where the answer does not show it (the reference says that it does), read it."""
    kind, number = job.change.kind, _number(job.change)
    answer = job.writer.update(kind, number, body)
    return shown_by(kind, answer if answer.data is not None else job.reader.item(kind, number))


def _fields(job: WriteRequest, desired: Item, now: Item) -> frozenset[str]:
    """Return what to send beside what always goes: what the plan says has changed, else what is managed and differs."""
    change = job.change
    if change.fields and change.action is not Action.RESTORE:
        return frozenset(change.fields)
    theirs = fields_of(now)
    mine = {name: value for name, value in fields_of(desired).items() if value is not None and name != "body"}
    return frozenset(name for name, value in mine.items() if digest(value) != digest(theirs[name]))


def _elsewhere(job: WriteRequest) -> bool:
    """Return whether a folder lies in another folder than the content has it in."""
    actual = job.change.actual
    return isinstance(actual, Folder) and job.parent is not None and actual.parent not in (None, job.parent)


def _html(job: WriteRequest, item: Item, otherwise: str) -> Item:
    return replace(item, body=otherwise if job.body is None else job.body) if isinstance(item, Article) else item


def _desired(job: WriteRequest) -> Item:
    if job.change.desired is None:
        raise PortalError("the plan does not say what it should be", advice="plan again")
    return job.change.desired


def _number(change: Change) -> int:
    """Return the live id; of a renamed or restored item the plan has it, or what is there says it."""
    number = change.id or (change.actual.id if change.actual else None)
    if number is None:
        raise PortalError("the plan does not say which item of the portal it is", advice="plan again")
    return number


def _is_published(shown: Shown) -> bool:
    return isinstance(shown.item, Article) and shown.item.status is Status.PUBLISHED
