"""Agreements as files: what those of the lock and of the ledger are called, and the one JSON form that both have.

Where they are kept is the business of the rooms above.
"""

import json
import posixpath
from collections.abc import Mapping
from typing import NoReturn

from kbsync.agreements import Agreement, Born, Key, State
from kbsync.errors import Problem
from kbsync.model import FieldValue, Kind

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
