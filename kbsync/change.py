"""What a run would do and what became of it, as values."""

from dataclasses import dataclass
from enum import StrEnum

from kbsync.model import Item, Kind


class Action(StrEnum):
    """What a change does to the side that is written; the value is the word users see."""

    CREATE = "create"
    UPDATE = "update"
    RENAME = "rename"
    MOVE = "move"
    ARCHIVE = "archive"
    RESTORE = "restore"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"


class Result(StrEnum):
    """How one change ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item's step from what is actual to what is desired.

    `path` is the item's content path, `former` the one it had at the agreement where that differs, `id` its live id
    where it has one, `fields` what differs, `reason` one clause for people; `before` and `after` are the sources that a
    reviewer compares, where there are any.
    """

    action: Action
    kind: Kind
    path: str
    id: int | None = None
    former: str | None = None
    fields: tuple[str, ...] = ()
    reason: str = ""
    desired: Item | None = None
    actual: Item | None = None
    before: str | None = None
    after: str | None = None


class Matter(StrEnum):
    """Why a plan names something that it leaves alone."""

    DRIFT = "drift"
    CONFLICT = "conflict"
    UNMANAGED = "unmanaged"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a plan names and leaves alone.

    `path` is the content path, or for what no content knows the names that lead to it on the portal.
    """

    matter: Matter
    kind: Kind
    path: str
    id: int | None = None
    fields: tuple[str, ...] = ()
    reason: str = ""
    content: Item | None = None
    live: Item | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one change.

    `live` is the item as the portal last showed it and `seen_at` the portal's own time of that (ISO 8601, UTC);
    `notes` are things a person should know although nothing failed.
    """

    change: Change
    result: Result
    error: str = ""
    notes: tuple[str, ...] = ()
    live: Item | None = None
    seen_at: str = ""
