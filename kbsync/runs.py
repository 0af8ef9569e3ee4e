"""The runs that a ledger tells of: a page beside the agreements, the words of its commit, what is retold of it. Pure.

A page notes what the run did to which item; what the items were before and after is told by their agreements.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kbsync import __version__
from kbsync.change import Action, Outcome, Result
from kbsync.model import FieldValue, Kind, digest

PAGE = "run.json"
"""The file of the ledger that tells of its last run."""

VERSION = 1
MOST_NAMED = 200
"""Items that a commit's message names, a line each; the page names them all."""


class Purpose(StrEnum):
    """What kind of run it was; the value is the first word of its commit's message."""

    PUBLISH = "publish"
    UNDO = "undo"
    JOIN = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a run did to one item; `instead_of` is the id of the item whose place it took, as after a move.

    `doubted` tells that the portal did not show what it was sent.
    """

    action: Action
    kind: Kind
    id: int
    path: str
    former: str = ""
    fields: tuple[str, ...] = ()
    instead_of: int | None = None
    doubted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run: for which target, of which commit, when by the portal's clock, by whom and with which kbsync.

    `who` is git's identity; `undoes` is the ledger's commit of the run that it undid.
    """

    target: str
    purpose: Purpose = Purpose.PUBLISH
    commit: str = ""
    at: str = ""
    who: str = ""
    kbsync: str = __version__
    undoes: str = ""
    deeds: tuple[Deed, ...] = ()

    def counts(self) -> dict[str, int]:
        """Count what was done by action."""
        return dict(Counter(deed.action.value for deed in self.deeds if not deed.doubted))

    def summary(self) -> str:
        """Say in one line what was done."""
        told = ", ".join(f"{number} {action}" for action, number in sorted(self.counts().items()))
        what = self.undoes[:10] if self.purpose is Purpose.UNDO else self.commit[:10]
        where = f"{'on' if self.purpose is Purpose.UNDO else 'to'} {self.target}"
        return f"{self.purpose.value} {what} {where}: {told or 'what was known already'}"

    def message(self) -> str:
        """Give the words of the run's commit: a line that sums it up, and one for each item."""
        lines = [line_of(deed) for deed in self.deeds[:MOST_NAMED]]
        if len(self.deeds) > MOST_NAMED:
            lines.append(f"and {len(self.deeds) - MOST_NAMED} more, which {PAGE} names")
        return "\n".join([self.summary(), *(["", *lines] if lines else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One run of the past: the ledger's commit that tells of it, and the one before.

    `at` is when by the committer's clock, for a run that does not say it by the portal's; `undone_by` names the later
    runs that undid it or a part of it.
    """

    id: str
    before: str | None
    record: Record
    who: str
    at: str
    undone_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Give the name by which people call it."""
        return self.id[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retold:
    """What a run made of one item: its fields before and after, empty where it was not there, and what differs.

    `lines` are those of a diff, of the sources where both are at hand, else of the body as Markdown.
    """

    deed: Deed
    before: Mapping[str, FieldValue]
    after: Mapping[str, FieldValue]
    lines: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """Name the fields that differ, of what was there before and after."""
        if not self.before or not self.after:
            return ()
        return tuple(name for name, now in self.after.items() if digest(now) != digest(self.before.get(name)))


def line_of(deed: Deed) -> str:
    """Say in one line what was done to an item."""
    where = deed.path.replace("\n", " ")
    was = f", was {deed.former}".replace("\n", " ") if deed.former else ""
    instead = f", instead of {deed.instead_of}" if deed.instead_of else ""
    doubted = ", which the portal did not show as it was sent" if deed.doubted else ""
    fields = f": {', '.join(deed.fields)}" if deed.fields and deed.action is Action.UPDATE else ""
    return f"{deed.action.value} {where} ({deed.kind.value} {deed.id}{was}{instead}){fields}{doubted}"


def deeds_of(outcomes: Iterable[Outcome]) -> tuple[Deed, ...]:
    """Tell what a run did, by what became of each of its changes; what did not reach the portal is left out."""
    return tuple(sorted(filter(None, map(_deed, outcomes)), key=lambda deed: deed.path))


def _deed(outcome: Outcome) -> Deed | None:
    change, live = outcome.change, outcome.live
    if outcome.result is not Result.DONE and live is None:
        return None
    number = (live.id if live else None) or change.id or 0
    return Deed(
        action=change.action,
        kind=change.kind,
        id=number,
        path=change.path,
        former=change.former or "",
        fields=change.fields if change.action in {Action.UPDATE, Action.RESTORE} else (),
        instead_of=change.id if change.id not in (None, number) else None,
        doubted=outcome.result is not Result.DONE,
    )


def page_of(run: Record) -> dict[str, object]:
    """Write a run as the page that the ledger keeps."""
    return {
        "version": VERSION,
        "target": run.target,
        "purpose": run.purpose.value,
        "commit": run.commit,
        "at": run.at,
        "who": run.who,
        "kbsync": run.kbsync,
        "undoes": run.undoes,
        "counts": run.counts(),
        "changes": [_deed_page(deed) for deed in run.deeds],
    }


def _deed_page(deed: Deed) -> dict[str, object]:
    page: dict[str, object] = {
        "action": deed.action.value,
        "kind": deed.kind.value,
        "id": deed.id,
        "path": deed.path,
        "former": deed.former,
        "fields": list(deed.fields),
        "instead_of": deed.instead_of,
        "doubted": deed.doubted,
    }
    return {name: value for name, value in page.items() if value not in ("", [], None, False)}


def record_from(page: Mapping[str, object]) -> Record:
    """Read the page of a run; what an older kbsync did not note stays empty.

    Raises:
        ValueError: it is no such page, or one of a later kbsync.
    """
    if page.get("version") != VERSION:
        raise ValueError("a run that this version of kbsync does not know")
    return Record(
        target=_text(page, "target"),
        purpose=Purpose(_text(page, "purpose") or Purpose.PUBLISH),
        commit=_text(page, "commit"),
        at=_text(page, "at"),
        who=_text(page, "who"),
        kbsync=_text(page, "kbsync"),
        undoes=_text(page, "undoes"),
        deeds=tuple(_deed_from(deed) for deed in _tables(page, "changes")),
    )


def _deed_from(page: Mapping[str, object]) -> Deed:
    number, old = page.get("id"), page.get("instead_of")
    fields = page.get("fields", ())
    return Deed(
        action=Action(_text(page, "action")),
        kind=Kind(_text(page, "kind")),
        id=number if isinstance(number, int) else 0,
        path=_text(page, "path"),
        former=_text(page, "former"),
        fields=tuple(str(name) for name in fields) if isinstance(fields, list) else (),
        instead_of=old if isinstance(old, int) else None,
        doubted=page.get("doubted") is True,
    )


def _text(page: Mapping[str, object], name: str) -> str:
    value = page.get(name)
    return value if isinstance(value, str) else ""


def _tables(page: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = page.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
