"""The lease: one publisher at a time writes to a portal, and what it is about to write is known before it does.

A git ref beside the ledger, moved by compare-and-swap alone. It holds who publishes, what is intended, and which
baselines were reached so far. The holder renews it; what was not renewed for a while may be taken over.

A run that writes to the portal does it like this, and a run whose plan is stale reads and plans again::

    with acquire(in_flight, backend, heads, other, policy=policy, status=ui.status) as lease:
        connection.guard(lease.check)
        result = apply_plan(..., lease=lease)
        save_run(workspace, result, at=live.seen_at, local=local, lease=lease)
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock, RLock, Thread

from kbsync.baseline import Baseline
from kbsync.change import Outcome
from kbsync.config import Config
from kbsync.errors import GitError, Refusal
from kbsync.git.refs import RefMoved
from kbsync.git.repository import Repository
from kbsync.model import ItemKey, iso_utc
from kbsync.state.journal import (
    ACTIVE_RUNS,
    InFlight,
    Journal,
    is_known_dead,
    journal_folder,
    lease_files,
    read_in_flight,
    unconfirmed,
)
from kbsync.state.ledger import RemoteHeads, is_shared, lease_ref, ledger_ref, remote_heads

STALE_AFTER = 120.0
"""Seconds after which a lease that nobody renewed may be taken over."""

RENEW_INTERVAL = 30.0
VALID_FOR = 90.0
"""Seconds after its last renewal for which a holder may write without asking the remote."""

POLL_INTERVAL = 3.0
_EXPIRED_BY_ANY_CLOCK = timedelta(days=1)
_MAX_ATTEMPTS = 20


class StalePlan(Refusal):
    """Another run has written the ledger since this one planned."""


@dataclass(slots=True, kw_only=True)
class WaitPolicy:
    """How long to wait for others, in seconds, over all attempts of one run; and since when one lease is watched."""

    seconds: float = 0.0
    _started: float | None = None
    _watched: tuple[str, float] = ("", 0.0)

    def is_over(self) -> bool:
        """Return whether there is no more time to wait; the time begins with the first question."""
        self._started = time.monotonic() if self._started is None else self._started
        return time.monotonic() - self._started >= self.seconds

    def watched(self, other: InFlight) -> float:
        """Return for how many seconds this very lease has been seen, by our own clock."""
        if self._watched[0] != other.commit:
            self._watched = (other.commit, other.noticed_at)
        return time.monotonic() - self._watched[1]


def may_take_over(other: InFlight, policy: WaitPolicy) -> bool:
    """Return whether a lease may be taken over: its run is over, known to be dead, or was not renewed for long."""
    holder = other.holder
    if holder.ended or is_known_dead(holder) or policy.watched(other) >= STALE_AFTER:
        return True
    return datetime.now(UTC) - datetime.fromisoformat(holder.renewed_at) > _EXPIRED_BY_ANY_CLOCK


def describe(other: InFlight | None) -> str:
    """Return what the lease of another run means for a plan; empty where there is none, or its run is over."""
    if other is None or other.holder.ended:
        return ""
    if is_known_dead(other.holder):
        return f"A publish was interrupted ({other}). This plan includes what it wrote; the next publish completes it."
    return f"Another publish is running: {other}, last renewed at {other.holder.renewed_at}."


@contextmanager
def acquire(
    in_flight: InFlight,
    backend: "LeaseBackend",
    heads: RemoteHeads,
    other: InFlight | None,
    *,
    policy: WaitPolicy,
    status: Callable[[str], None],
) -> "Iterator[Lease]":
    """Hold the lease of a target for a block that writes to its portal; `status` gets whom this waits for.

    `in_flight` is what is about to be done, `heads` the refs when that was planned, `other` the run that held the lease
    then. Where the block fails, the lease is kept for the next run, unless nothing was written under it.

    Raises:
        StalePlan: the ledger moved since then.
        Refusal: another holds it, and there is no more time to wait.
        PushRefused: this clone may not push to where the lease is kept.
        GitError: that could not be reached.
    """
    lease = _take(in_flight, backend, heads, other, policy=policy, status=status)
    lease.start_renewing()
    try:
        yield lease
    except BaseException:
        if not lease.is_used:
            with suppress(GitError):
                lease.release()
        raise
    finally:
        lease.stop_renewing()
        ACTIVE_RUNS.discard(lease.run)


def _take(
    in_flight: InFlight,
    backend: "LeaseBackend",
    heads: RemoteHeads,
    other: InFlight | None,
    *,
    policy: WaitPolicy,
    status: Callable[[str], None],
) -> "Lease":
    repository, config = backend.repository, backend.config
    message = f"publish {in_flight.holder.commit[:10]} to {config.target}: {len(in_flight.intents)} intended"
    commit = repository.commit_files(lease_files(in_flight), message=message, parent=None)
    planned_at = heads.ledger
    attempts = 0
    while True:
        if heads.ledger != planned_at:
            raise StalePlan(
                "another run has changed the portal since this plan was made", advice="run the command again"
            )
        if other is None or may_take_over(other, policy):
            asked_at = _ClockReading.now()
            try:
                backend.swap(heads, commit)
            except RefMoved:
                attempts += 1
                if attempts >= _MAX_ATTEMPTS:
                    raise
            else:
                journal = Journal(journal_folder(repository, config), in_flight.holder.run)
                return Lease(backend, replace(in_flight, commit=commit), journal, asked_at)
        else:
            _wait_for(other, policy, status)
        heads = remote_heads(repository, config, local=backend.local)
        if other is None or other.commit != heads.lease:
            other = read_in_flight(repository, config, heads)


def _wait_for(other: InFlight, policy: WaitPolicy, status: Callable[[str], None]) -> None:
    if policy.is_over():
        raise Refusal(
            f"another publish is running: {other}, last renewed at {other.holder.renewed_at}",
            advice=f"wait for it with --wait 5m; the lease of a dead run expires after {STALE_AFTER / 60:.0f} minutes",
        )
    status(f"waiting for another publish: {other}")
    time.sleep(POLL_INTERVAL)


@dataclass(frozen=True, slots=True)
class _ClockReading:
    """A point in time by two clocks: one may stop while a laptop sleeps, the other may be set."""

    steady: float
    wall: float

    @classmethod
    def now(cls) -> "_ClockReading":
        return cls(time.monotonic(), time.time())

    def age(self) -> float:
        """Return how many seconds ago that was, by the clock that went on for longer."""
        return max(time.monotonic() - self.steady, time.time() - self.wall)


@dataclass(frozen=True, slots=True)
class LeaseBackend:
    """Where a target's lease is kept: on the ledger's remote, else in this clone."""

    repository: Repository
    config: Config
    local: bool

    def swap(self, heads: RemoteHeads, commit: str | None) -> None:
        """Move the lease to a commit if lease and ledger are where they were; raises RefMoved if not."""
        ledger, lease = ledger_ref(self.config), lease_ref(self.config)
        if not is_shared(self.repository, self.config, local=self.local):
            self.repository.move_ref(lease, commit, expected=heads.lease)
        elif heads.ledger is None:
            self.repository.push_refs(self.config.remote, {lease: heads.lease}, at={lease: commit})
        else:
            # A ref that is pushed to where it is already is only compared, and the push is refused if it moved.
            at = {lease: commit, ledger: heads.ledger}
            self.repository.push_refs(self.config.remote, {lease: heads.lease, ledger: heads.ledger}, at=at)
            return
        now = remote_heads(self.repository, self.config, local=self.local)
        if now.ledger != heads.ledger:
            self.move(commit, None)
            raise RefMoved("another run has moved the ledger", advice="run the command again")

    def move(self, old: str | None, new: str | None) -> None:
        """Move the lease from one commit to another; raises RefMoved if it is not there."""
        lease = lease_ref(self.config)
        if is_shared(self.repository, self.config, local=self.local):
            self.repository.push_refs(self.config.remote, {lease: old}, at={lease: new})
        else:
            self.repository.move_ref(lease, new, expected=old)


class Lease:
    """The lease as its holder has it; safe to share among threads."""

    def __init__(self, backend: LeaseBackend, in_flight: InFlight, journal: Journal, confirmed: _ClockReading) -> None:
        self._backend = backend
        self._in_flight = in_flight
        self._journal = journal
        self._confirmed = confirmed
        self._unsent: dict[ItemKey, Baseline] = {}
        self.lost = ""
        """Why the lease is no longer this run's; empty while it is."""
        self._notes, self._moves = Lock(), RLock()
        self._over = Event()
        self._thread = Thread(target=self._renew_until_over, name="lease", daemon=True)
        self.is_used = False
        """Whether anything may have been written under this lease."""

    @property
    def run(self) -> str:
        """Return the run that holds it."""
        return self._in_flight.holder.run

    @property
    def journal(self) -> Path:
        """Return the file of this clone in which the run notes what it reached."""
        return self._journal.path

    def start_renewing(self) -> None:
        """Renew it from now on, in a thread of its own."""
        ACTIVE_RUNS.add(self.run)
        self._thread.start()

    def stop_renewing(self) -> None:
        """Stop renewing it."""
        self._over.set()

    def check(self) -> str:
        """Return why nothing may be written any more; empty while this run holds the lease.

        Asked before every write: where the last answer is old, by whichever clock, the remote is asked again.
        """
        self.is_used = True
        if not self.lost and self._confirmed.age() > VALID_FOR:
            with self._moves:
                if self._confirmed.age() > VALID_FOR:
                    self._renew()
        if not self.lost and self._confirmed.age() > VALID_FOR:
            return "stopped: the lease could not be renewed, and another publish may be writing"
        return self.lost

    def note(self, reached: Baseline) -> None:
        """Record a baseline: at once in this clone, and with the next renewal where the lease is kept."""
        with self._notes:
            self._unsent[reached.key] = reached
            self._journal.note(reached)

    def finish(self, outcomes: Iterable[Outcome]) -> tuple[str, str | None] | None:
        """Return from where to where the lease moves when the ledger is saved; None where it is no longer ours.

        What failed so that nobody knows whether it was done is kept, in a lease that anybody may take.
        """
        self.stop_renewing()
        with self._moves:
            if self.lost:
                return None
            left = unconfirmed(self._in_flight, outcomes)
            if not left:
                return self._in_flight.commit, None
            holder = replace(self._in_flight.holder, ended=True)
            ended = replace(self._in_flight, holder=holder, intents=left, reached={})
            message = f"publish of {holder.commit[:10]}: {len(left)} changes not confirmed"
            return self._in_flight.commit, self._commit(ended, message=message, parent=None)

    def release(self) -> None:
        """Delete it where nothing was written under it."""
        with self._moves:
            self._backend.move(self._in_flight.commit, None)

    def _commit(self, in_flight: InFlight, *, message: str, parent: str | None) -> str:
        return self._backend.repository.commit_files(lease_files(in_flight), message=message, parent=parent)

    def _renew_until_over(self) -> None:
        while not self._over.wait(RENEW_INTERVAL) and not self.lost:
            with self._moves:
                if not self._over.is_set():
                    self._renew()

    def _renew(self) -> None:
        """Move the lease on, with what was reached since; where only the network failed, the next try may do."""
        asked_at, old = _ClockReading.now(), self._in_flight
        holder = replace(old.holder, renewed_at=iso_utc(datetime.now(UTC)))
        with self._notes:
            unsent = dict(self._unsent)
        renewed = replace(old, holder=holder, reached={**old.reached, **unsent})
        changed = replace(renewed, intents=(), reached=unsent)
        try:
            commit = self._commit(changed, message=f"renewed: {len(renewed.reached)} done", parent=old.commit)
            self._backend.move(old.commit, commit)
        except RefMoved:
            self._find_holder(asked_at)
        except GitError:
            return
        else:
            self._confirmed, self._in_flight = asked_at, replace(renewed, commit=commit)
            with self._notes:
                self._unsent = {key: known for key, known in self._unsent.items() if known is not unsent.get(key)}

    def _find_holder(self, asked_at: _ClockReading) -> None:
        """Find out who holds it: a renewal whose answer was lost is ours all the same."""
        repository, config = self._backend.repository, self._backend.config
        with suppress(GitError):
            heads = remote_heads(repository, config, local=self._backend.local)
            now = read_in_flight(repository, config, heads)
            if now is not None and now.holder.run == self.run:
                self._in_flight, self._confirmed = replace(self._in_flight, commit=now.commit), asked_at
            else:
                by = f" by {now}" if now else ""
                self.lost = f"stopped: the lease was taken over{by}; that run continues"
