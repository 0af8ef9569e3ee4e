"""Agreements as files: what those of the lock and of the ledger are called, and the one JSON form that both have.

Where they are kept is the business of the rooms above.
"""

import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NoReturn

from kbsync.errors import Problem
from kbsync.model import FieldValue, Kind, digest

Key = tuple[Kind, int]


class State(StrEnum):
    """What an agreement says of its item."""

    LIVE = "live"
    ARCHIVED = "archived"
    KEPT = "kept"
    RELEASED = "released"
    UNDONE = "undone"


class Born(StrEnum):
    """On which side an item first was; `LIVE` also where nobody noted it, so that nobody's work is tidied away."""

    LIVE = "live"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The base of one item's three-way comparison.

    `content` and `live` hold one digest a field, each for its own side. `source_key` names the source and all that
    its rendering depends on, under the renderer `epoch`; `blob` is the source file's git blob id and `source` its
    text where it is at hand. `addresses` maps what the source links to, relative to the root, to what was sent.
    `seen` is when the portal showed this version (its own clock, ISO 8601, UTC), `updated_at` what it said of the
    item then. `expanded` is the body with includes and variables resolved, where the source has any: what they
    stood for then is told by no blob of the source. `over` names the lock that a ledger entry was made over, to
    tell two of the same second apart. `born` goes from one agreement of an item to the next. `was` holds the live
    fields that the run which made this agreement wrote over: what undoing it puts back; nothing for what it created.
    `sent` is the digest of the HTML that live was made of, where it was rendered whole. `before` is the blob
    of the file that a pull wrote over: a lock entry whose file is that one again came along without it. `successor` is
    the id of the article that was made in its place by a move which has left nothing behind yet.
    """

    kind: Kind
    id: int
    path: str
    parent: int | None = None
    state: State = State.LIVE
    born: Born = Born.LIVE
    seen: str = ""
    updated_at: str = ""
    epoch: int = 0
    source_key: str = ""
    blob: str = ""
    source: str | None = None
    expanded: str | None = None
    content: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    was: Mapping[str, FieldValue] = field(default_factory=dict)
    over: str = ""
    sent: str = ""
    before: str = ""
    successor: int | None = None

    @property
    def key(self) -> Key:
        """What an item is known by for as long as it exists on the portal."""
        return self.kind, self.id


def seal(agreement: Agreement) -> str:
    """Name one lock entry, so that a ledger entry can note which one it was made over."""
    before = (agreement.before,) if agreement.before else ()
    return digest((agreement.seen, agreement.blob, *before, *sorted(agreement.live.values())))


def taken_along(lock: Mapping[Key, Agreement], blobs: Mapping[str, str]) -> dict[Key, Agreement]:
    """Leave out of a lock what came with files that are, by content path, as they were before: `blobs` tells of now.

    `git restore .` takes a pull's words back and leaves its new files; believed, these would say that the content has
    seen a web edit which it has not.
    """
    return {
        key: known
        for key, known in lock.items()
        if not known.before or known.before == known.blob or blobs.get(known.path) != known.before
    }


def effective(lock: Mapping[Key, Agreement], ledger: Mapping[Key, Agreement]) -> dict[Key, Agreement]:
    """Tell for every item which agreement counts: the later of lock and ledger, by the portal's clock."""
    later = {key: _later(lock.get(key), ledger.get(key)) for key in lock.keys() | ledger.keys()}
    return {key: known for key, known in later.items() if not is_void(known)}


def void(known: Agreement, *, seen: str) -> Agreement:
    """Make the ledger entry that outweighs a lock entry of an item that is gone on both sides.

    A publish cannot take a file out of the tree; without this the item would be forgotten again by every run.
    """
    return Agreement(kind=known.kind, id=known.id, path=known.path, state=State.RELEASED, seen=seen)


def is_void(known: Agreement) -> bool:
    """Tell whether an agreement says nothing any more: every live version has fields."""
    return not known.live


def _later(lock: Agreement | None, ledger: Agreement | None) -> Agreement:
    if lock is None or ledger is None:
        return lock or ledger  # type: ignore[return-value]  # a key comes from one of the two
    if ledger.over == seal(lock):
        return ledger
    if lock.seen != ledger.seen:
        return max(lock, ledger, key=lambda agreement: agreement.seen)
    # A pull and a publish of one second: what the portal says it was told later is the later version.
    return ledger if ledger.updated_at > lock.updated_at else lock


def with_sources(agreements: Iterable[Agreement], sources: Mapping[str, str]) -> tuple[Agreement, ...]:
    """Fill in the sources that git still has, by blob id."""
    return tuple(
        replace(agreement, source=sources[agreement.blob])
        if agreement.source is None and agreement.blob in sources
        else agreement
        for agreement in agreements
    )


FORMAT = 1
_INDEX = "_index.md"


def agreement_to_json(agreement: Agreement) -> str:
    """Write an agreement as a page of JSON that reads well in a diff: sorted keys, one line of text a line."""
    plain: dict[str, object] = {
        "version": FORMAT,
        "kind": agreement.kind.value,
        "id": agreement.id,
        "path": agreement.path,
        "parent": agreement.parent,
        "state": agreement.state.value,
        "born": agreement.born.value,
        "seen": agreement.seen,
        "updated_at": agreement.updated_at,
        "epoch": agreement.epoch,
        "source_key": agreement.source_key,
        "blob": agreement.blob,
        "content": dict(agreement.content),
        "live": dict(agreement.live),
        "addresses": dict(agreement.addresses),
    }
    if agreement.source is not None:
        plain["source"] = agreement.source.split("\n")
    if agreement.expanded is not None:
        plain["expanded"] = agreement.expanded.split("\n")
    for name, fields in (("fields", agreement.fields), ("was", agreement.was)):
        if fields:
            plain[name] = {field: _lines(field, value) for field, value in fields.items()}
    marks = {"over": agreement.over, "sent": agreement.sent, "before": agreement.before}
    plain |= {name: text for name, text in marks.items() if text}
    if agreement.successor is not None:
        plain["successor"] = agreement.successor
    return json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def agreement_from_json(text: str) -> Agreement:
    """Read an agreement.

    Raises:
        ValueError: the text is not an agreement, or one of a later version of kbsync.
    """
    plain = json.loads(text)
    if not isinstance(plain, dict) or plain.get("version") != FORMAT:
        raise ValueError("not an agreement that this version of kbsync knows")
    page = _Page(plain)
    return Agreement(
        kind=Kind(page.text("kind")),
        id=page.number("id"),
        path=page.text("path"),
        parent=None if plain.get("parent") is None else page.number("parent"),
        state=State(page.text("state")),
        born=Born(page.text("born")) if "born" in plain else Born.LIVE,
        seen=page.text("seen"),
        updated_at=page.text("updated_at"),
        epoch=page.number("epoch"),
        source_key=page.text("source_key"),
        blob=page.text("blob"),
        source=page.lines("source"),
        expanded=page.lines("expanded"),
        content=page.texts("content"),
        live=page.texts("live"),
        addresses=page.texts("addresses"),
        fields=page.fields("fields"),
        was=page.fields("was"),
        over=page.text("over") if "over" in plain else "",
        sent=page.text("sent") if "sent" in plain else "",
        before=page.text("before") if "before" in plain else "",
        successor=page.number("successor") if "successor" in plain else None,
    )


class _Page:
    """A page of JSON of which nothing is believed: people merge lock files by hand."""

    def __init__(self, plain: Mapping[str, object]) -> None:
        self.plain = plain

    def text(self, name: str) -> str:
        value = self.plain.get(name)
        return value if isinstance(value, str) else self._fail(name)

    def number(self, name: str) -> int:
        value = self.plain.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else self._fail(name)

    def table(self, name: str) -> dict[str, object]:
        value = self.plain.get(name, {})
        return value if isinstance(value, dict) else self._fail(name)

    def texts(self, name: str) -> dict[str, str]:
        found = {key: value for key, value in self.table(name).items() if isinstance(value, str)}
        return found if name in self.plain and len(found) == len(self.table(name)) else self._fail(name)

    def fields(self, name: str) -> dict[str, FieldValue]:
        return {field: _value(field, value) for field, value in self.table(name).items()}

    def lines(self, name: str) -> str | None:
        value = self.plain.get(name)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            return "\n".join(value)
        return self._fail(name)

    def _fail(self, name: str) -> NoReturn:
        raise ValueError(f"an agreement without a usable {name!r}")


def _lines(name: str, value: FieldValue) -> object:
    return value.split("\n") if name == "body" and isinstance(value, str) else value


def _value(name: str, value: object) -> FieldValue:
    if name == "body" and isinstance(value, list):
        return "\n".join(value)
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]


def lock_folder(target: str) -> str:
    """Give the directory of a target's lock, relative to the root."""
    return f".kbsync/{target}/"


def lock_name(target: str, kind: Kind, path: str) -> str:
    """Give the lock file of an item, relative to the root; a directory's is that of its `_index.md`."""
    source = path if kind is Kind.ARTICLE else posixpath.join(path, _INDEX)
    return f"{lock_folder(target)}{source}.json"


def released_name(target: str, key: Key) -> str:
    """Give the lock file of what was let go, relative to the root: by id, since another file may take its path."""
    return f"{lock_folder(target)}released/{key[0].value}-{key[1]}.json"


def ledger_name(key: Key) -> str:
    """Give the ledger file of an item: by id, which outlives every rename."""
    kind, number = key
    return f"{kind.value}/{number}.json"


def read_lock(files: Mapping[str, bytes]) -> tuple[dict[Key, Agreement], tuple[Problem, ...]]:
    """Read the lock's files, by path; one that cannot be read is a problem with its place, not an exception."""
    found: dict[Key, Agreement] = {}
    problems = []
    for path, data in files.items():
        try:
            agreement = agreement_from_json(data.decode("utf-8"))
        except ValueError as error:
            problems.append(_lock_problem(path, data, error))
            continue
        known = found.get(agreement.key)
        if known is None or known.seen <= agreement.seen:
            found[agreement.key] = agreement
    return found, tuple(problems)


def _lock_problem(path: str, data: bytes, error: ValueError) -> Problem:
    for number, line in enumerate(data.splitlines(), start=1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            advice = "keep either side whole, or delete the file: the next pull or publish makes it again"
            return Problem(path=path, line=number, what="conflict markers in a lock file", advice=advice)
    place = error.lineno if isinstance(error, json.JSONDecodeError) else 0
    advice = "restore it from git, or delete it: the next pull or publish makes it again"
    return Problem(path=path, line=place, what=f"unreadable lock file: {error}", advice=advice)


def read_ledger(files: Mapping[str, bytes]) -> dict[Key, Agreement]:
    """Read the ledger's files, by name.

    Raises:
        ValueError: one of them is not an agreement; the ledger is written by kbsync alone, so that nothing is guessed.
    """
    names = {f"{kind.value}/" for kind in Kind}
    agreements = [
        agreement_from_json(data.decode("utf-8"))
        for name, data in files.items()
        if any(name.startswith(start) for start in names)
    ]
    return {agreement.key: agreement for agreement in agreements}
