"""Make an item on the portal, once: where the answer is lost, the item is looked for before it is asked for again."""

from dataclasses import replace

from kbsync.change import Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.answers import Answer, AnswerLost, Listing, Refused
from kbsync.freshdesk.belief import doubts
from kbsync.freshdesk.job import Job, Shown, believed, failed, item_from, shown_by
from kbsync.freshdesk.wire import article_to_json, category_to_json, folder_to_json, id_of
from kbsync.model import Article, Category, Folder, Item, Kind, Seo

# An answer that is late may be on its way: the portal gets this long to finish before it is looked at.
_SETTLING = 2.0


def create(job: Job, item: Item) -> Outcome:
    """Create an item where its content path says, its parent having been created before; `item` holds HTML."""
    if not isinstance(item, Category) and (job.parent is None or job.category is None):
        missing = job.change.path.rpartition("/")[0]
        return Outcome(change=job.change, result=Result.SKIPPED, error=f"{missing} is not on the portal")
    first = replace(item, author=None) if isinstance(item, Article) else item
    shown = _made(job, first)
    if isinstance(item, Article) and item.author is not None and isinstance(shown.item, Article):
        return _with_author(job, item, shown)
    return believed(job, first, shown)


def _made(job: Job, item: Item) -> Shown:
    for last in (False, True):
        try:
            return _shown(job, _post(job, item))
        except AnswerLost as lost:
            found = _look(job, item, lost)
            if found:
                return found
            if last:
                raise PortalError(
                    f"{lost.what}; asked twice, and it is not there", advice="run it again when Freshdesk is well"
                ) from None
        except Refused as refused:
            # The first attempt may have been on its way still when it was looked for.
            found = _look(job, item, refused) if last and refused.status == 409 else None
            if found:
                return found
            raise
    raise AssertionError("the last round returns or raises")


def _post(job: Job, item: Item) -> Answer:
    parent, category = job.parent or 0, job.category or 0
    match item:
        case Category():
            return job.writer.create_category(category_to_json(item))
        case Folder():
            nested = {"parent_folder_id": parent} if job.is_nested else {}
            return job.writer.create_folder(category, folder_to_json(item) | nested)
        case Article():
            return job.writer.create_article(parent, article_to_json(item))


def _shown(job: Job, answer: Answer) -> Shown:
    try:
        return shown_by(job.change.kind, answer)
    except PortalError as error:
        raise AnswerLost(error.what) from None


def _look(job: Job, item: Item, why: PortalError) -> Shown | None:
    """Find what was made although nobody said so: new since the plan, in its place, the same to a reader."""
    job.sleep(_SETTLING)
    try:
        listing = _beside(job)
    except PortalError as error:
        raise PortalError(f"{why.what}; whether it was made could not be looked up: {error.what}") from None
    kind = job.change.kind
    new = [data for data in listing.items if not job.is_known(kind, id_of(data, kind))]
    same = [seen for seen in (item_from(kind, data) for data in new) if not doubts(_essence(item), seen)]
    if len(same) > 1:
        raise PortalError(
            f"the answer was lost, and {len(same)} new ones look like it: {', '.join(str(one.id) for one in same)}",
            advice="delete all but one of them in Freshdesk, then run it again",
        )
    return Shown(item=same[0], at=listing.at) if same else None


def _beside(job: Job) -> Listing:
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


def _with_author(job: Job, item: Article, made: Shown) -> Outcome:
    """Set the author, which creating does not take (documented); title, body and status go with it as always."""
    if isinstance(made.item, Article) and made.item.author == item.author:
        return believed(job, item, made)
    try:
        body = article_to_json(replace(item, tags=None, seo=Seo()))
        shown = shown_by(Kind.ARTICLE, job.writer.update(Kind.ARTICLE, id_of({"id": made.item.id}, "article"), body))
    except PortalError as error:
        why = f"created, but its author could not be set: {error.what}; {error.advice}"
        return replace(failed(job, why, made), unsent=("author",))
    return believed(job, item, shown)
