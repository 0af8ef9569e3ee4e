"""Verify that an item is as the plan saw it before a write, and that the portal shows afterwards what was sent.

No reading of an item is older than 5 seconds when it allows a write.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from kbsync.change import Change, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.api import PortalReader, PortalWriter, article_from_json, category_from_json, folder_from_json
from kbsync.freshdesk.client import PER_PAGE, TooLate
from kbsync.freshdesk.responses import ApiResponse, Json, StatusError
from kbsync.markup.compare import losses
from kbsync.markup.dom import abbreviate, count_markup, stable_body
from kbsync.model import (
    Article,
    FieldValue,
    Item,
    ItemKey,
    Kind,
    KnowledgeBase,
    digest,
    fields_of,
    kind_of,
    parent_path,
)

FRESH = 5.0
"""Seconds for which a reading allows a write. The API has no conditional write, so the risk cannot be removed."""

_WORTH_LISTING = 3
_MAX_READINGS = 5
ITEM_FROM_JSON: Mapping[Kind, Callable[[Json], Item]] = {
    Kind.CATEGORY: category_from_json,
    Kind.FOLDER: folder_from_json,
    Kind.ARTICLE: article_from_json,
}


class StaleItem(PortalError):
    """The item changed since the plan, so nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An item as the portal shows it, and the time of that response."""

    item: Item
    at: str = ""


def shown_item(kind: Kind, response: ApiResponse) -> Shown:
    """Return the item in a response; raise PortalError where it has none."""
    if not isinstance(response.data, Mapping):
        raise PortalError(f"the portal's response contains no {kind}", advice="run the command again")
    return Shown(item=ITEM_FROM_JSON[kind](response.data), at=response.at)


class Readings:
    """The last reading of each item, shared by the threads of a run.

    An article that was read too long ago is read by its id, or with its whole folder where that takes fewer calls: for
    each page of the list at least three more of the folder are to be written before the list is too old.

    Args:
        changes: those to come, of which those of articles on the portal count.
        live: what the plan read, from `read_at` on, by `time.monotonic`.
        lists: whether folders may be listed, where a portal shows new versions in lists as soon as by id.
    """

    def __init__(
        self,
        reader: PortalReader,
        changes: Iterable[Change] = (),
        live: KnowledgeBase | None = None,
        *,
        read_at: float = float("-inf"),
        lists: bool = True,
    ) -> None:
        self._reader = reader
        self._read_at = read_at
        self._lists = lists
        self._sizes = Counter(article.parent for article in live.articles) if live else Counter[int | None]()
        self._seen: dict[ItemKey, tuple[Item, float]] = {}
        self._to_come = Counter(folder for change in changes if (folder := _folder(change)))
        self._locks: defaultdict[int, Lock] = defaultdict(Lock)
        self._lock = Lock()

    def note(self, item: Item, at: float) -> None:
        """Note an item that the portal showed in its response to a write."""
        if item.id:
            self._seen[item.key] = item, at

    def write(self, change: Change, send: Callable[[Item, float], Outcome]) -> Outcome:
        """Call `send` with the item as it is now, and the time until which it may be written.

        Raises:
            StaleItem: it changed since the plan.
            PortalError: it cannot be read, or never in time.
        """
        self._count(change)
        for _ in range(_MAX_READINGS):
            item, at = self._current(change)
            try:
                return send(item, at + FRESH)
            except TooLate:
                self._seen[change.key] = item, float("-inf")
        raise PortalError(
            "the portal is too slow to check the item right before the write", advice="run the command again later"
        )

    def check(self, change: Change) -> None:
        """Raise StaleItem where an item is not as the plan saw it."""
        self._current(change)

    def _count(self, change: Change) -> None:
        if folder := _folder(change):
            with self._lock:
                self._to_come[folder] -= 1

    def _current(self, change: Change) -> tuple[Item, float]:
        planned = change.actual
        if planned is None:
            raise PortalError("the plan does not contain the portal's version", advice="plan again")
        now, at = self._seen.get(change.key, (planned, self._read_at))
        if time.monotonic() - at >= FRESH:
            now, at = self._listed(change) or self._read(change)
        if names := changed_since_plan(planned, now):
            raise StaleItem(f"changed on the portal since the plan: {', '.join(names)}", advice="plan again")
        return now, at

    def _read(self, change: Change) -> tuple[Item, float]:
        at = time.monotonic()
        response = read_unless_gone(self._reader, change.kind, live_id(change))
        if response is None:
            raise StaleItem("deleted on the portal since the plan", advice="plan again")
        return shown_item(change.kind, response).item, at

    def _listed(self, change: Change) -> tuple[Item, float] | None:
        """Return the item from a list of its folder, a new one where it pays; None where it is not in it."""
        folder = _folder(change)
        if not folder or not self._lists:
            return None
        pages = 1 + self._sizes[folder] // PER_PAGE
        if min(self._to_come[folder], self._reader.calls_per_second * FRESH) < _WORTH_LISTING * pages:
            return None
        with self._locks[folder]:
            found = self._seen.get(change.key)
            if found is None or time.monotonic() - found[1] >= FRESH:
                self._list(folder)
                found = self._seen.get(change.key)
        return found if found is not None and time.monotonic() - found[1] < FRESH else None

    def _list(self, folder: int) -> None:
        """Read a folder's articles; where that fails, each is read by its id."""
        at = time.monotonic()
        with suppress(PortalError):
            for data in self._reader.articles(folder).items:
                if "description" in data:
                    self.note(article_from_json(data, folder=folder), at)


def _folder(change: Change) -> int | None:
    """Return the folder of an article that is on the portal and is to be written."""
    return change.actual.parent if change.kind is Kind.ARTICLE and change.actual is not None else None


def read_unless_gone(reader: PortalReader, kind: Kind, number: int) -> ApiResponse | None:
    """Read an item; None where it is deleted. Raise PortalError where the key may not read at all."""
    try:
        return reader.item(kind, number)
    except StatusError as error:
        if not error.is_gone:
            raise
        if error.status == 403:
            # Raises where the key may not read at all; then it is unknown whether the item is deleted.
            reader.categories()
        return None


def live_id(change: Change) -> int:
    """Return the id of the item that a change is about; raise PortalError where the plan has none."""
    number = change.id or (change.actual.id if change.actual else None)
    if number is None:
        raise PortalError("the plan does not contain the item's id", advice="plan again")
    return number


def changed_since_plan(planned: Item, now: Item) -> tuple[str, ...]:
    """Return the fields that changed since the plan; `None` in the plan is an unknown field."""
    theirs = fields_of(now)
    names = [
        name
        for name, value in fields_of(planned).items()
        if value is not None and _stable_digest(name, value) != _stable_digest(name, theirs[name])
    ]
    is_moved = planned.parent is not None and planned.parent != now.parent
    return (*names, "folder") if is_moved else tuple(names)


def _stable_digest(name: str, value: FieldValue) -> str:
    return digest(stable_body(value) if name == "body" and isinstance(value, str) else value)


_MAX_QUOTE_LENGTH = 60
_MAX_LOSSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One change with the arguments of `portal.apply`."""

    reader: PortalReader
    writer: PortalWriter
    change: Change
    ids: Mapping[str, int]
    body: str | None
    known: Container[ItemKey]
    readings: Readings
    sleep: Callable[[float], None]

    @property
    def parent(self) -> int | None:
        """Return the live id of the item's parent, `None` where it is not on the portal."""
        return self.ids.get(parent_path(self.change.path))

    @property
    def category(self) -> int | None:
        """Return the live id of the item's category."""
        return self.ids.get(self.change.path.partition("/")[0])

    @property
    def is_nested(self) -> bool:
        """Return whether the item is a folder in a folder."""
        return self.change.path.count("/") > 1

    def is_known(self, kind: Kind, number: int) -> bool:
        """Return whether the plan saw this item, or this run created it."""
        return ItemKey(kind, number) in self.known or any(
            number == other and kind is kind_of(path) for path, other in tuple(self.ids.items())
        )


def verified(request: WriteRequest, sent: Item, shown: Shown) -> Outcome:
    """Return the outcome of a write: done if the portal shows what was sent, else failed with the differences."""
    if differences := mismatches(sent, shown.item):
        return failed(request, f"accepted, but {'; '.join(differences)}", shown)
    notes = (rewrite_note(sent, shown.item),) if is_rewritten(sent, shown.item) else ()
    return done(request, shown.item, at=shown.at, notes=notes)


def done(request: WriteRequest, live: Item | None, *, at: str = "", notes: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome of a change that succeeded."""
    return Outcome(change=request.change, result=Result.DONE, notes=notes, live=live, seen_at=at)


def failed(request: WriteRequest, error: str, shown: Shown) -> Outcome:
    """Return the outcome of a change that the portal applied differently."""
    return Outcome(change=request.change, result=Result.FAILED, error=error, live=shown.item, seen_at=shown.at)


def mismatches(sent: Item, shown: Item) -> tuple[str, ...]:
    """Return the differences between what was sent and what the portal shows; fields not sent (`None`) are ignored."""
    theirs = fields_of(shown)
    differences = [
        f"{name} came back as {_quoted(theirs[name])} instead of {_quoted(value)}"
        for name, value in fields_of(sent).items()
        if value is not None and name != "body" and _plain_digest(value) != _plain_digest(theirs[name])
    ]
    if is_rewritten(sent, shown) and isinstance(sent, Article) and isinstance(shown, Article):
        lost = losses(stable_body(sent.body), stable_body(shown.body))
        more = f" and {len(lost) - _MAX_LOSSES} more" if len(lost) > _MAX_LOSSES else ""
        differences += [f"the body lost {', '.join(lost[:_MAX_LOSSES])}{more}"] if lost else []
    return tuple(differences)


def is_rewritten(sent: Item, shown: Item) -> bool:
    """Return whether the portal changed the HTML of an article's body."""
    if not isinstance(sent, Article) or not isinstance(shown, Article):
        return False
    return stable_body(sent.body) != stable_body(shown.body)


def rewrite_note(sent: Item, shown: Item) -> str:
    """Return how the portal changed the HTML, in kinds of elements, so that equal notes can be grouped."""
    if not isinstance(sent, Article) or not isinstance(shown, Article):
        return ""
    before, after = (count_markup(stable_body(article.body)) for article in (sent, shown))
    parts = [(before - after, "left out"), (after - before, "added")]
    changed = [f"{abbreviate(sorted(kinds))} {word}" for kinds, word in parts if kinds]
    return f"the portal rewrote the HTML ({', '.join(changed) or 'spaces and spelling'}); readers lose nothing"


def _plain_digest(value: FieldValue) -> str:
    """Return the digest of a value for comparing; outer spaces are ignored, and an id may be a text."""
    return digest(value if isinstance(value, tuple) or value is None else str(value).strip())


def _quoted(value: FieldValue) -> str:
    text = ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value or "")
    return f'"{text if len(text) <= _MAX_QUOTE_LENGTH else text[: _MAX_QUOTE_LENGTH - 1] + "…"}"'
