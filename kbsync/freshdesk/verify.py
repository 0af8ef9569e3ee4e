"""One change on its way to the portal: what it needs, where it belongs, and how it ends. No call is made here."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from posixpath import dirname
from typing import Any, assert_never

from kbsync.change import Change, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.api import PortalReader, PortalWriter, article_from_json, category_from_json, folder_from_json
from kbsync.freshdesk.responses import ApiResponse
from kbsync.markup.compare import losses
from kbsync.markup.dom import abbreviate, count_markup, stable_body
from kbsync.model import Article, FieldValue, Folder, Item, ItemKey, Kind, digest, fields_of, kind_of

_LONGEST = 60
_MOST_LOSSES = 3


def mismatches(sent: Item, shown: Item) -> tuple[str, ...]:
    """Say in what the portal does not show what it was sent; fields that were not sent (`None`) do not count."""
    theirs = fields_of(shown)
    wrong = [
        f"{name} came back as {_quoted(theirs[name])} instead of {_quoted(value)}"
        for name, value in fields_of(sent).items()
        if value is not None and name != "body" and _plain(value) != _plain(theirs[name])
    ]
    if is_rewritten(sent, shown) and isinstance(sent, Article) and isinstance(shown, Article):
        wrong += _lost(losses(stable_body(sent.body), stable_body(shown.body)))
    return tuple(wrong)


def is_rewritten(sent: Item, shown: Item) -> bool:
    """Return whether the portal made other HTML of an article's body."""
    if not isinstance(sent, Article) or not isinstance(shown, Article):
        return False
    return stable_body(sent.body) != stable_body(shown.body)


def rewrite_note(sent: Item, shown: Item) -> str:
    """Return what HTML the portal made other than what it was sent, in kinds, so that equal accounts can be gathered."""
    if not isinstance(sent, Article) or not isinstance(shown, Article):
        return ""
    before, after = (count_markup(stable_body(article.body)) for article in (sent, shown))
    parts = [(before - after, "left out"), (after - before, "added")]
    told = [f"{abbreviate(sorted(kinds))} {word}" for kinds, word in parts if kinds]
    return f"the portal rewrote the HTML ({', '.join(told) or 'spaces and spelling'}); readers lose nothing"


def moved(planned: Item, now: Item) -> tuple[str, ...]:
    """Return the fields in which an item is not what the plan saw; `None` in the plan is a field it does not know."""
    theirs = fields_of(now)
    names = [
        name
        for name, value in fields_of(planned).items()
        if value is not None and _stable(name, value) != _stable(name, theirs[name])
    ]
    if isinstance(planned, Folder | Article) and isinstance(now, Folder | Article):
        elsewhere = planned.parent is not None and planned.parent != now.parent
        return (*names, "folder") if elsewhere else tuple(names)
    return tuple(names)


def _stable(name: str, value: FieldValue) -> str:
    return digest(stable_body(value) if name == "body" and isinstance(value, str) else value)


def _plain(value: FieldValue) -> str:
    """Digest a value for comparing; spaces around a text are nobody's intention, and an id may be written as text."""
    return digest(value if isinstance(value, tuple) or value is None else str(value).strip())


def _quoted(value: FieldValue) -> str:
    text = ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value or "")
    return f'"{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"}"'


def _lost(found: tuple[str, ...]) -> list[str]:
    if not found:
        return []
    more = f" and {len(found) - _MOST_LOSSES} more" if len(found) > _MOST_LOSSES else ""
    return [f"the body lost {', '.join(found[:_MOST_LOSSES])}{more}"]


class StaleItem(PortalError):
    """The item is not what the plan saw, so that nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An item as the portal showed it, and the portal's time of that."""

    item: Item
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One change with all that carrying it out takes; see `portal.apply`, whose arguments these are."""

    reader: PortalReader
    writer: PortalWriter
    change: Change
    ids: Mapping[str, int]
    body: str | None
    known: Container[ItemKey]
    fresh: bool
    sleep: Callable[[float], None]

    @property
    def parent(self) -> int | None:
        """Return the live id of what holds the item, `None` where it is not on the portal."""
        return self.ids.get(dirname(self.change.path))

    @property
    def category(self) -> int | None:
        """Return the live id of the category that the item is in."""
        return self.ids.get(self.change.path.partition("/")[0])

    @property
    def is_nested(self) -> bool:
        """Return whether a folder lies in a folder."""
        return self.change.path.count("/") > 1

    def is_known(self, kind: Kind, number: int) -> bool:
        """Return whether the plan knew this item, or this run made it."""
        return ItemKey(kind, number) in self.known or any(
            number == other and kind is kind_of(path) for path, other in tuple(self.ids.items())
        )


def shown_by(kind: Kind, answer: ApiResponse) -> Shown:
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


def verified(job: WriteRequest, sent: Item, shown: Shown) -> Outcome:
    """End a write: done when the portal shows what was sent, else failed in so many words."""
    wrong = mismatches(sent, shown.item)
    notes = (rewrite_note(sent, shown.item),) if is_rewritten(sent, shown.item) and not wrong else ()
    return Outcome(
        change=job.change,
        result=Result.FAILED if wrong else Result.DONE,
        error=f"accepted, but {'; '.join(wrong)}" if wrong else "",
        notes=notes,
        live=shown.item,
        seen_at=shown.at,
    )


def done(job: WriteRequest, live: Item | None, *, at: str = "", notes: tuple[str, ...] = ()) -> Outcome:
    """End a change with success."""
    return Outcome(change=job.change, result=Result.DONE, notes=notes, live=live, seen_at=at)


def failed(job: WriteRequest, error: str, shown: Shown) -> Outcome:
    """End a change that the portal carried out otherwise than asked."""
    return Outcome(change=job.change, result=Result.FAILED, error=error, live=shown.item, seen_at=shown.at)
