"""What a run sets out to do, as values that outlive its process: the pages of a lease.

Nothing is read or written here. What is found of it on the portal later is the business of `recovering`.
"""

import json
import os
import platform
import socket
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

from kbsync.baseline import Baseline, baseline_from_json, baseline_to_json, ledger_file_name
from kbsync.change import Action, Change, Outcome, Result
from kbsync.config import Config
from kbsync.errors import KbsyncError
from kbsync.git.repository import Repository
from kbsync.model import ItemKey, Kind, iso_utc
from kbsync.state.ledger import RemoteHeads

ACTIVE_RUNS: set[str] = set()
"""The runs of this very process that hold a lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """Who holds a lease. `host` names the machine for people and `place` for comparing, down to its last start.

    `began` tells the process from a later one of the same number; `ended` that the run is over, and left what it could
    not settle.
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
    """Return who this process is."""
    now = iso_utc(datetime.now(UTC))
    return LeaseHolder(
        user=_user(),
        host=socket.gethostname(),
        boot=_place(),
        pid=os.getpid(),
        pid_started=_began(os.getpid()),
        run=uuid.uuid4().hex,
        acquired_at=now,
        renewed_at=now,
        commit=commit or "",
    )


def is_known_dead(holder: LeaseHolder) -> bool:
    """Return whether the holder was a process of this very machine that is no longer there.

    Only then: of a container, another machine, or a system that does not tell, nobody can say so from here.
    """
    if not holder.boot or holder.boot != _place() or sys.platform == "win32":
        return False
    if holder.pid == os.getpid():
        return holder.run not in ACTIVE_RUNS
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _began(holder.pid) != holder.pid_started


def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return "somebody"


def _place() -> str:
    """Return the machine since its last start, and within it the module in which process numbers mean something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {uuid.getnode():x}" if sys.platform == "darwin" else ""


def _began(process: int) -> str:
    """Return when a process began, in whatever unit the system counts; empty where it does not say, or it has ended."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except OSError:
        return ""
    state, *others = after_name.split()
    return "" if state == "Z" else others[18]


_VERSION = 1
_HOLDER, _PLAN = "holder.json", "plan.json"
_INTENT, _DONE = "intent/", "done/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One change that a run will write.

    `source` is the baseline that it is to end in, but for what the portal will show; where a former live version is
    put back, its `live` says which. `opens` tells that the article is written twice, the first time as a draft.
    """

    action: Action
    kind: Kind
    path: str
    id: int | None = None
    former: str | None = None
    fields: tuple[str, ...] = ()
    source: Baseline | None = None
    anchors: tuple[str, ...] = ()
    draft_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """What a lease tells of its run, at `commit`: what was intended, and which baselines were reached so far.

    `seen` are the live items that were there before, `ids` the live ids that the run's content paths had, `noticed`
    when this process first saw this very commit, by its monotonic clock.
    """

    holder: LeaseHolder
    commit: str = ""
    intents: tuple[Intent, ...] = ()
    existing: frozenset[ItemKey] = frozenset()
    ids: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[ItemKey, Baseline] = field(default_factory=dict)
    noticed_at: float = field(default_factory=time.monotonic)

    @property
    def since(self) -> str:
        """Return who has been at it since when."""
        return f"{self.holder.user} on {self.holder.host}, since {self.holder.acquired_at}"


def unconfirmed(in_flight: InFlight, outcomes: Iterable[Outcome]) -> tuple[Intent, ...]:
    """Return the intents of which nobody knows whether they were carried out, and those that had none in this run."""
    # One path may have two changes: one item leaves it, and another takes it.
    told = {_place_of(outcome.change): outcome for outcome in outcomes}
    return tuple(intent for intent in in_flight.intents if _is_unsettled(intent, told.get(_place_of(intent))))


def _place_of(one: Change | Intent) -> tuple[Action, Kind, str]:
    return one.action, one.kind, one.path


def _is_unsettled(intent: Intent, outcome: Outcome | None) -> bool:
    if outcome is None:
        return True
    half = intent.action is Action.MOVE
    return outcome.result is Result.FAILED and (outcome.live is None or half)


def lease_files(in_flight: InFlight) -> dict[str, bytes]:
    """Write a lease's files, by path."""
    seen = {kind.value: sorted(key.id for key in in_flight.existing if key.kind is kind) for kind in Kind}
    pages: dict[str, object] = {
        _HOLDER: _holder_page(in_flight.holder),
        _PLAN: {"seen": seen, "ids": dict(in_flight.ids)},
    }
    pages |= {f"{_INTENT}{at:05}.json": _intent_page(intent) for at, intent in enumerate(in_flight.intents)}
    return {name: _json(page) for name, page in pages.items()} | reached_files(in_flight.reached)


def reached_files(done: Mapping[ItemKey, Baseline]) -> dict[str, bytes]:
    """Write the files of baselines that were reached, by path."""
    return {f"{_DONE}{ledger_file_name(key)}": baseline_to_json(known).encode() for key, known in done.items()}


def in_flight_from(files: Mapping[str, bytes], commit: str) -> InFlight:
    """Read a lease's files.

    Raises:
        KbsyncError: they are of a later version.
    """
    try:
        return _underway(files, commit)
    except (KeyError, TypeError, ValueError) as error:
        what = f"the lease of another publish cannot be read: {error}"
        raise KbsyncError(what, advice="upgrade kbsync") from error


def _underway(files: Mapping[str, bytes], commit: str) -> InFlight:
    plan = json.loads(files[_PLAN])
    done = [baseline_from_json(text.decode()) for name, text in files.items() if name.startswith(_DONE)]
    return InFlight(
        holder=_holder_from(json.loads(files[_HOLDER])),
        commit=commit,
        intents=tuple(_intent_from(json.loads(files[name])) for name in sorted(files) if name.startswith(_INTENT)),
        existing=frozenset(ItemKey(Kind(kind), number) for kind, numbers in plan["seen"].items() for number in numbers),
        ids=plan["ids"],
        reached={known.key: known for known in done},
    )


def _holder_page(holder: LeaseHolder) -> dict[str, object]:
    return {"version": _VERSION} | {name: getattr(holder, name) for name in LeaseHolder.__slots__}


def _holder_from(page: Mapping[str, object]) -> LeaseHolder:
    if page["version"] != _VERSION:
        raise ValueError(f"version {page['version']}")
    return LeaseHolder(**{name: page[name] for name in LeaseHolder.__slots__})  # type: ignore[arg-type]


def _intent_page(intent: Intent) -> dict[str, object]:
    source = json.loads(baseline_to_json(intent.source)) if intent.source else None
    return {
        "action": intent.action.value,
        "kind": intent.kind.value,
        "path": intent.path,
        "id": intent.id,
        "former": intent.former,
        "fields": list(intent.fields),
        "source": source,
        "anchors": list(intent.anchors),
        "opens": intent.draft_first,
    }


def _intent_from(page: Mapping[str, object]) -> Intent:
    plain = dict(page)
    source, fields, anchors = plain.pop("source"), plain.pop("fields"), plain.pop("anchors")
    return Intent(
        **plain
        | {
            "action": Action(str(page["action"])),
            "kind": Kind(str(page["kind"])),
            "source": baseline_from_json(json.dumps(source)) if source else None,
            "fields": tuple(fields),  # type: ignore[arg-type]
            "anchors": tuple(anchors),  # type: ignore[arg-type]
        },
    )


def _json(page: object) -> bytes:
    return (json.dumps(page, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


_ENDING = ".journal"


class Journal:
    """Where one run notes what it reached; nothing is created before there is something to note."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}{_ENDING}"

    def note(self, reached: Baseline) -> None:
        """Write a baseline down for good."""
        line = json.dumps(json.loads(baseline_to_json(reached)), ensure_ascii=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", errors="surrogatepass") as page:
            page.write(f"{line}\n")
            page.flush()
            os.fsync(page.fileno())


def read_journals(folder: Path) -> tuple[dict[str, Path], tuple[Baseline, ...]]:
    """Read what runs noted here: their files by run, and the baselines but for a line that a kill cut short."""
    places = {place.stem: place for place in sorted(folder.glob(f"*{_ENDING}"))}
    lines = [line for place in places.values() for line in _text(place).split("\n")]
    return places, tuple(reached for reached in map(_baseline, lines) if reached is not None)


def delete_journals(places: Iterable[Path]) -> None:
    """Take away what the ledger has by now."""
    for place in places:
        place.unlink(missing_ok=True)


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8", errors="surrogatepass")
    except FileNotFoundError:
        return ""


def _baseline(line: str) -> Baseline | None:
    try:
        return baseline_from_json(line)
    except ValueError:
        return None


def journal_folder(repository: Repository, config: Config) -> Path:
    """Return the folder of the clone in which runs note what they reach."""
    return repository.common_dir() / "kbsync" / config.target


def read_in_flight(repository: Repository, standing: RemoteHeads) -> InFlight | None:
    """Read what the lease tells of its run, if there is one."""
    if standing.lease is None:
        return None
    return in_flight_from(repository.read_ref(standing.lease), standing.lease)
