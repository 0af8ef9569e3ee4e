"""What a run is about to do and has done, as it outlives its process: in the lease, and in a journal of this clone.

`kbsync.engine.recover` finds it on the portal later.
"""

import os
import platform
import socket
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TypeVar

from kbsync.baseline import Baseline, ledger_file_name
from kbsync.change import Action, Change, Outcome, Result
from kbsync.codec import FormatError, decode, encode
from kbsync.config import Config
from kbsync.git.repository import Repository
from kbsync.model import ItemKey, Kind, iso_utc
from kbsync.state.ledger import RemoteHeads, how_to_set_aside, lease_ref

ACTIVE_RUNS: set[str] = set()
"""The runs of this very process that hold a lease."""

_HOLDER_FILE, _PLAN_FILE = "holder.json", "plan.json"
_INTENTS, _REACHED = "intent/", "done/"
_JOURNAL_SUFFIX = ".journal"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """The process that holds a lease, and its run.

    `host` names the machine for people; `boot` identifies it and its last start, and is empty where the system does not
    tell. `pid_started` tells the process from a later one of the same number. An `ended` run is over, and left what it
    could not confirm.
    """

    user: str
    host: str
    boot: str
    pid: int
    pid_started: str
    run: str
    acquired_at: str
    renewed_at: str
    commit: str = ""
    ended: bool = False


def current_holder(commit: str | None) -> LeaseHolder:
    """Return this process as the holder of a new run."""
    now = iso_utc(datetime.now(UTC))
    return LeaseHolder(
        user=_user(),
        host=socket.gethostname(),
        boot=_boot(),
        pid=os.getpid(),
        pid_started=_pid_started(os.getpid()),
        run=uuid.uuid4().hex,
        acquired_at=now,
        renewed_at=now,
        commit=commit or "",
    )


def is_known_dead(holder: LeaseHolder) -> bool:
    """Return whether the holder was a process of this very machine that no longer exists.

    Of another machine, a container, or a system that does not tell, nobody can say so from here.
    """
    if not holder.boot or holder.boot != _boot() or sys.platform == "win32":
        return False
    if holder.pid == os.getpid():
        return holder.run not in ACTIVE_RUNS
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _pid_started(holder.pid) != holder.pid_started


def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return "somebody"


def _boot() -> str:
    """Return the machine since its last start, and within it the namespace in which process numbers mean something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {uuid.getnode():x}" if sys.platform == "darwin" else ""


def _pid_started(pid: int) -> str:
    """Return when a process began, in the system's unit; empty where that is not known, or the process has ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except OSError:
        return ""
    state, *others = after_name.split()
    return "" if state == "Z" else others[18]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One change that a run will write.

    `source` is the baseline that it is to end in, but for what the portal will show; where a former live version is
    put back, its `live` names it. With `draft_first` the article is written twice, the first time as a draft.
    """

    action: Action
    kind: Kind
    path: str
    language: str = ""
    id: int | None = None
    former: str | None = None
    fields: tuple[str, ...] = ()
    source: Baseline | None = None
    anchors: tuple[str, ...] = ()
    draft_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """What a lease holds of its run, at `commit`: the intents, and the baselines reached so far.

    `existing` are the live items that were there before, `ids` the live ids of the run's content paths, `noticed_at` is
    when this process first read this very commit, by its monotonic clock.
    """

    holder: LeaseHolder
    commit: str = ""
    intents: tuple[Intent, ...] = ()
    existing: frozenset[ItemKey] = frozenset()
    ids: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[ItemKey, Baseline] = field(default_factory=dict)
    noticed_at: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        return f"{self.holder.user} on {self.holder.host}, since {self.holder.acquired_at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _LiveBefore:
    """The portal as a run read it: the ids of its items by kind, and those of content paths."""

    existing: Mapping[Kind, tuple[int, ...]] = field(default_factory=dict)
    ids: Mapping[str, int] = field(default_factory=dict)


def unconfirmed(in_flight: InFlight, outcomes: Iterable[Outcome]) -> tuple[Intent, ...]:
    """Return the intents of which nobody knows whether they were applied, and those that had none in this run."""
    # One path may have two changes: one item leaves it, and another takes it.
    by_place = {_place(outcome.change): outcome for outcome in outcomes}
    return tuple(intent for intent in in_flight.intents if _is_unconfirmed(intent, by_place.get(_place(intent))))


def _place(of: Change | Intent) -> tuple[Action, Kind, str]:
    return of.action, of.kind, of.path


def _is_unconfirmed(intent: Intent, outcome: Outcome | None) -> bool:
    if outcome is None:
        return True
    # A move is two writes, of which a failed one may have done the first.
    return outcome.result is Result.FAILED and (outcome.live is None or intent.action is Action.MOVE)


def lease_files(in_flight: InFlight) -> dict[str, bytes]:
    """Write the files of a lease, by path."""
    existing = {kind: tuple(sorted(key.id for key in in_flight.existing if key.kind is kind)) for kind in Kind}
    values: dict[str, object] = {
        _HOLDER_FILE: in_flight.holder,
        _PLAN_FILE: _LiveBefore(existing=existing, ids=in_flight.ids),
    }
    values |= {f"{_INTENTS}{number:05}.json": intent for number, intent in enumerate(in_flight.intents)}
    values |= {f"{_REACHED}{ledger_file_name(key)}": known for key, known in in_flight.reached.items()}
    return {name: encode(value).encode() for name, value in values.items()}


def read_in_flight(repository: Repository, config: Config, heads: RemoteHeads) -> InFlight | None:
    """Read what the lease holds of its run, if there is one; raises FormatError if it cannot be read."""
    if heads.lease is None:
        return None
    files = repository.read_ref(heads.lease)
    ref = lease_ref(config)
    advice = how_to_set_aside(config, ref)

    def read(cls: type[_T], name: str) -> _T:
        return decode(cls, files.get(name, b""), file=f"{ref}:{name}", advice=advice)

    before = read(_LiveBefore, _PLAN_FILE)
    reached = [read(Baseline, name) for name in files if name.startswith(_REACHED)]
    return InFlight(
        holder=read(LeaseHolder, _HOLDER_FILE),
        commit=heads.lease,
        intents=tuple(read(Intent, name) for name in sorted(files) if name.startswith(_INTENTS)),
        existing=frozenset(ItemKey(kind, number) for kind, numbers in before.existing.items() for number in numbers),
        ids=before.ids,
        reached={known.key: known for known in reached},
    )


class Journal:
    """The file of this clone in which one run notes what it reached; created with the first note."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}{_JOURNAL_SUFFIX}"

    def note(self, reached: Baseline) -> None:
        """Write a baseline to disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(encode(reached, indent=None))
            file.flush()
            os.fsync(file.fileno())


def journal_folder(repository: Repository, config: Config) -> Path:
    """Return the folder of the clone in which runs note what they reach."""
    return repository.common_dir() / "kbsync" / config.target


def read_journals(folder: Path) -> tuple[dict[str, Path], tuple[Baseline, ...]]:
    """Read what runs noted here: their files by run, and the baselines but for a line that a kill cut short."""
    paths = {path.stem: path for path in sorted(folder.glob(f"*{_JOURNAL_SUFFIX}"))}
    reached = []
    for path in paths.values():
        try:
            lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            continue
        for line in lines:
            with suppress(FormatError):
                reached.append(decode(Baseline, line, file=str(path)))
    return paths, tuple(reached)


def delete_journals(paths: Iterable[Path]) -> None:
    """Delete the journals of what the ledger has by now."""
    for path in paths:
        path.unlink(missing_ok=True)
