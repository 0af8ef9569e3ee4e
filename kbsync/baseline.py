"""Baselines as files: what those of the lock and of the ledger are called, and the one JSON form that both have.

Where they are kept is the business of the modules above.
"""

import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NoReturn

from kbsync.errors import Problem
from kbsync.model import FieldValue, ItemKey, Kind, digest


class State(StrEnum):
    """What a baseline says of its item."""

    LIVE = "live"
    ARCHIVED = "archived"
    KEPT = "kept"
    RELEASED = "released"
    UNDONE = "undone"


class BaselineOrigin(StrEnum):
    """On which side an item first was; `LIVE` also where nobody noted it, so that nobody's work is tidied away."""

    LIVE = "live"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The base of one item's three-way comparison.

    `content` and `live` hold one digest a field, each for its own side. `source_key` names the source and all that
    its rendering depends on, under the renderer `epoch`; `blob` is the source file's git blob id and `source` its
    text where it is at hand. `addresses` maps what the source links to, relative to the root, to what was sent.
    `seen` is when the portal showed this version (its own clock, ISO 8601, UTC), `updated_at` what it said of the
    item then. `expanded` is the body with includes and variables resolved, where the source has any: what they
    stood for then is told by no blob of the source. `over` names the lock that a ledger entry was made over, to
    tell two of the same second apart. `born` goes from one baseline of an item to the next. `was` holds the live
    fields that the run which made this baseline wrote over: what undoing it puts back; nothing for what it created.
    `sent` is the digest of the HTML that live was made of, where it was rendered whole. `before` is the blob
    of the file that a pull wrote over: a lock entry whose file is that one again came along without it. `successor` is
    the id of the article that was made in its place by a move which has left nothing behind yet.
    """

    kind: Kind
    id: int
    path: str
    language: str = ""
    parent: int | None = None
    state: State = State.LIVE
    origin: BaselineOrigin = BaselineOrigin.LIVE
    seen_at: str = ""
    updated_at: str = ""
    renderer_version: int = 0
    source_key: str = ""
    blob: str = ""
    source: str | None = None
    expanded: str | None = None
    content: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    previous: Mapping[str, FieldValue] = field(default_factory=dict)
    supersedes: str = ""
    sent_digest: str = ""
    previous_blob: str = ""
    successor: int | None = None

    @property
    def key(self) -> ItemKey:
        """Return the key of the item."""
        return ItemKey(self.kind, self.id, self.language)


def fingerprint(baseline: Baseline) -> str:
    """Return one lock entry, so that a ledger entry can note which one it was made over."""
    before = (baseline.previous_blob,) if baseline.previous_blob else ()
    return digest((baseline.seen_at, baseline.blob, *before, *sorted(baseline.live.values())))


def carried_over(lock: Mapping[ItemKey, Baseline], blobs: Mapping[str, str]) -> dict[ItemKey, Baseline]:
    """Leave out of a lock what came with files that are, by content path, as they were before: `blobs` tells of now.

    `git restore .` takes a pull's words back and leaves its new files; believed, these would say that the content has
    seen a web edit which it has not.
    """
    return {
        key: known
        for key, known in lock.items()
        if not known.previous_blob or known.previous_blob == known.blob or blobs.get(known.path) != known.previous_blob
    }


def newest(lock: Mapping[ItemKey, Baseline], ledger: Mapping[ItemKey, Baseline]) -> dict[ItemKey, Baseline]:
    """Tell for every item which baseline counts: the later of lock and ledger, by the portal's clock."""
    later = {key: _later(lock.get(key), ledger.get(key)) for key in lock.keys() | ledger.keys()}
    return {key: known for key, known in later.items() if not is_tombstone(known)}


def tombstone(known: Baseline, *, seen: str) -> Baseline:
    """Make the ledger entry that outweighs a lock entry of an item that is gone on both sides.

    A publish cannot take a file out of the tree; without this the item would be forgotten again by every run.
    """
    return Baseline(kind=known.kind, id=known.id, path=known.path, state=State.RELEASED, seen_at=seen)


def is_tombstone(known: Baseline) -> bool:
    """Return whether a baseline says nothing any more: every live version has fields."""
    return not known.live


def _later(lock: Baseline | None, ledger: Baseline | None) -> Baseline:
    if lock is None or ledger is None:
        return lock or ledger  # type: ignore[return-value]  # a key comes from one of the two
    if ledger.supersedes == fingerprint(lock):
        return ledger
    if lock.seen_at != ledger.seen_at:
        return max(lock, ledger, key=lambda baseline: baseline.seen_at)
    # A pull and a publish of one second: what the portal says it was told later is the later version.
    return ledger if ledger.updated_at > lock.updated_at else lock


def with_sources(baselines: Iterable[Baseline], sources: Mapping[str, str]) -> tuple[Baseline, ...]:
    """Fill in the sources that git still has, by blob id."""
    return tuple(
        replace(baseline, source=sources[baseline.blob])
        if baseline.source is None and baseline.blob in sources
        else baseline
        for baseline in baselines
    )


FORMAT = 1
_INDEX = "_index.md"


def baseline_to_json(baseline: Baseline) -> str:
    """Write a baseline as a page of JSON that reads well in a diff: sorted keys, one line of text a line."""
    plain: dict[str, object] = {
        "version": FORMAT,
        "kind": baseline.kind.value,
        "id": baseline.id,
        "path": baseline.path,
        "parent": baseline.parent,
        "state": baseline.state.value,
        "born": baseline.origin.value,
        "seen": baseline.seen_at,
        "updated_at": baseline.updated_at,
        "epoch": baseline.renderer_version,
        "source_key": baseline.source_key,
        "blob": baseline.blob,
        "content": dict(baseline.content),
        "live": dict(baseline.live),
        "addresses": dict(baseline.addresses),
    }
    if baseline.source is not None:
        plain["source"] = baseline.source.split("\n")
    if baseline.expanded is not None:
        plain["expanded"] = baseline.expanded.split("\n")
    for name, fields in (("fields", baseline.fields), ("was", baseline.previous)):
        if fields:
            plain[name] = {field: _lines(field, value) for field, value in fields.items()}
    marks = {"over": baseline.supersedes, "sent": baseline.sent_digest, "before": baseline.previous_blob}
    plain |= {name: text for name, text in marks.items() if text}
    if baseline.successor is not None:
        plain["successor"] = baseline.successor
    return json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def baseline_from_json(text: str) -> Baseline:
    """Read a baseline.

    Raises:
        ValueError: the text is not a baseline, or one of a later version of kbsync.
    """
    plain = json.loads(text)
    if not isinstance(plain, dict) or plain.get("version") != FORMAT:
        raise ValueError("not a baseline that this version of kbsync knows")
    page = _Page(plain)
    return Baseline(
        kind=Kind(page.text("kind")),
        id=page.number("id"),
        path=page.text("path"),
        parent=None if plain.get("parent") is None else page.number("parent"),
        state=State(page.text("state")),
        origin=BaselineOrigin(page.text("born")) if "born" in plain else BaselineOrigin.LIVE,
        seen_at=page.text("seen"),
        updated_at=page.text("updated_at"),
        renderer_version=page.number("epoch"),
        source_key=page.text("source_key"),
        blob=page.text("blob"),
        source=page.lines("source"),
        expanded=page.lines("expanded"),
        content=page.texts("content"),
        live=page.texts("live"),
        addresses=page.texts("addresses"),
        fields=page.fields("fields"),
        previous=page.fields("was"),
        supersedes=page.text("over") if "over" in plain else "",
        sent_digest=page.text("sent") if "sent" in plain else "",
        previous_blob=page.text("before") if "before" in plain else "",
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
        raise ValueError(f"a baseline without a usable {name!r}")


def _lines(name: str, value: FieldValue) -> object:
    return value.split("\n") if name == "body" and isinstance(value, str) else value


def _value(name: str, value: object) -> FieldValue:
    if name == "body" and isinstance(value, list):
        return "\n".join(value)
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]


def lock_folder(target: str) -> str:
    """Return the directory of a target's lock, relative to the root."""
    return f".kbsync/{target}/"


def lock_file_path(target: str, kind: Kind, path: str) -> str:
    """Return the lock file of an item, relative to the root; a directory's is that of its `_index.md`."""
    source = path if kind is Kind.ARTICLE else posixpath.join(path, _INDEX)
    return f"{lock_folder(target)}{source}.json"


def released_file_path(target: str, key: ItemKey) -> str:
    """Return the lock file of what was let go, relative to the root: by id, since another file may take its path."""
    return f"{lock_folder(target)}released/{key.kind.value}-{key.id}.json"


def ledger_file_name(key: ItemKey) -> str:
    """Return the ledger file of an item: by id, which outlives every rename."""
    language = f".{key.language}" if key.language else ""
    return f"{key.kind.value}/{key.id}{language}.json"


def read_lock_files(files: Mapping[str, bytes]) -> tuple[dict[ItemKey, Baseline], tuple[Problem, ...]]:
    """Read the lock's files, by path; one that cannot be read is a problem with its place, not an exception."""
    found: dict[ItemKey, Baseline] = {}
    problems = []
    for path, data in files.items():
        try:
            baseline = baseline_from_json(data.decode("utf-8"))
        except ValueError as error:
            problems.append(_lock_problem(path, data, error))
            continue
        known = found.get(baseline.key)
        if known is None or known.seen_at <= baseline.seen_at:
            found[baseline.key] = baseline
    return found, tuple(problems)


def _lock_problem(path: str, data: bytes, error: ValueError) -> Problem:
    for number, line in enumerate(data.splitlines(), start=1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            advice = "keep either side whole, or delete the file: the next pull or publish makes it again"
            return Problem(path=path, line=number, message="conflict markers in a lock file", advice=advice)
    place = error.lineno if isinstance(error, json.JSONDecodeError) else 0
    advice = "restore it from git, or delete it: the next pull or publish makes it again"
    return Problem(path=path, line=place, message=f"unreadable lock file: {error}", advice=advice)


def read_ledger(files: Mapping[str, bytes]) -> dict[ItemKey, Baseline]:
    """Read the ledger's files, by name.

    Raises:
        ValueError: one of them is not a baseline; the ledger is written by kbsync alone, so that nothing is guessed.
    """
    names = {f"{kind.value}/" for kind in Kind}
    baselines = [
        baseline_from_json(data.decode("utf-8"))
        for name, data in files.items()
        if any(name.startswith(start) for start in names)
    ]
    return {baseline.key: baseline for baseline in baselines}
