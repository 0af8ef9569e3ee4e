"""Verify a write against what the portal shows, and the request and outcome of a write. This module sends nothing."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from kbsync.change import Change, Outcome, Result
from kbsync.freshdesk.api import PortalReader, PortalWriter
from kbsync.freshdesk.readings import Readings, Shown
from kbsync.markup.compare import losses
from kbsync.markup.dom import abbreviate, count_markup, stable_body
from kbsync.model import Article, FieldValue, Item, ItemKey, Kind, digest, fields_of, kind_of, parent_path

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
