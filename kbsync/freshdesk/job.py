"""One change on its way to the portal: what it needs, where it belongs, and how it ends. No call is made here."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from posixpath import dirname
from typing import Any, assert_never

from kbsync.change import Change, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.answers import Answer
from kbsync.freshdesk.belief import doubts, is_rewritten, rewriting
from kbsync.freshdesk.solutions import Reader, Writer
from kbsync.freshdesk.wire import article_from_json, category_from_json, folder_from_json
from kbsync.model import Item, Kind, kind_of


class Withheld(PortalError):
    """The item is not what the plan saw, so that nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An item as the portal showed it, and the portal's time of that."""

    item: Item
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One change with all that carrying it out takes; see `portal.apply`, whose arguments these are."""

    reader: Reader
    writer: Writer
    change: Change
    ids: Mapping[str, int]
    body: str | None
    known: Container[tuple[Kind, int]]
    fresh: bool
    sleep: Callable[[float], None]

    @property
    def parent(self) -> int | None:
        """Give the live id of what holds the item, `None` where it is not on the portal."""
        return self.ids.get(dirname(self.change.path))

    @property
    def category(self) -> int | None:
        """Give the live id of the category that the item is in."""
        return self.ids.get(self.change.path.partition("/")[0])

    @property
    def is_nested(self) -> bool:
        """Tell whether a folder lies in a folder."""
        return self.change.path.count("/") > 1

    def is_known(self, kind: Kind, number: int) -> bool:
        """Tell whether the plan knew this item, or this run made it."""
        return (kind, number) in self.known or any(
            number == other and kind is kind_of(path) for path, other in tuple(self.ids.items())
        )


def shown_by(kind: Kind, answer: Answer) -> Shown:
    """Read the item that an answer shows; raises PortalError where it shows none."""
    if not isinstance(answer.data, Mapping):
        raise PortalError(f"the portal's answer shows no {kind}", advice="run it again: the portal is read afresh")
    return Shown(item=item_from(kind, answer.data), at=answer.at)


def item_from(kind: Kind, data: Mapping[str, Any]) -> Item:
    """Read an item of a kind."""
    match kind:
        case Kind.CATEGORY:
            return category_from_json(data)
        case Kind.FOLDER:
            return folder_from_json(data)
        case Kind.ARTICLE:
            return article_from_json(data)
        case _:
            assert_never(kind)


def believed(job: Job, sent: Item, shown: Shown) -> Outcome:
    """End a write: done when the portal shows what was sent, else failed in so many words."""
    wrong = doubts(sent, shown.item)
    notes = (rewriting(sent, shown.item),) if is_rewritten(sent, shown.item) and not wrong else ()
    return Outcome(
        change=job.change,
        result=Result.FAILED if wrong else Result.DONE,
        error=f"accepted, but {'; '.join(wrong)}" if wrong else "",
        notes=notes,
        live=shown.item,
        seen_at=shown.at,
    )


def done(job: Job, live: Item | None, *, at: str = "", notes: tuple[str, ...] = ()) -> Outcome:
    """End a change with success."""
    return Outcome(change=job.change, result=Result.DONE, notes=notes, live=live, seen_at=at)


def failed(job: Job, error: str, shown: Shown) -> Outcome:
    """End a change that the portal carried out otherwise than asked."""
    return Outcome(change=job.change, result=Result.FAILED, error=error, live=shown.item, seen_at=shown.at)
