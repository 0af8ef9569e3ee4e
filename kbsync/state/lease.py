"""The lease: one publisher at a time writes to a portal, and what it is about to write is known before it does.

A git ref beside the ledger, moved by compare-and-swap alone. It holds who publishes, what is intended, and which
baselines were reached so far. Whoever holds it renews it; what was not renewed for a while may be taken over.

A run that writes to the portal does it like this, and a run that was overtaken reads and plans again::

    with held(begun, place, standing, other, patience=patience, tell=ui.waits) as lease:
        connection.guard(lease.check)
        run = carry_out(..., lease=lease)
        save(workspace, run, at=live.seen_at, local=local, lease=lease)
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
    reached_files,
    read_in_flight,
    unconfirmed,
)
from kbsync.state.ledger import RemoteHeads, is_shared, lease_ref, ledger_ref, remote_heads

STALE_AFTER = 120.0
"""Seconds after which a lease that nobody renewed may be taken over."""

POLL_INTERVAL = 3.0
_DEAD_BY_ANY_CLOCK = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class WaitPolicy:
    """How long to wait for others, in seconds, over all attempts of one run; and since when one lease is watched."""

    seconds: float = 0.0
    _began: float | None = None
    _watched: tuple[str, float] = ("", 0.0)

    def is_over(self) -> bool:
        """Return whether there is no more time to wait; the time begins with the first question."""
        self._began = time.monotonic() if self._began is None else self._began
        return time.monotonic() - self._began >= self.seconds

    def watched(self, other: InFlight) -> float:
        """Say for how many seconds this very lease has been seen, by our own clock."""
        if self._watched[0] != other.commit:
            self._watched = (other.commit, other.noticed_at)
        return time.monotonic() - self._watched[1]


def may_take_over(other: InFlight, patience: WaitPolicy) -> bool:
    """Return whether a lease may be taken over: its run is over, surely dead, or has not been heard of for long."""
    holder = other.holder
    if holder.ended or is_known_dead(holder) or patience.watched(other) >= STALE_AFTER:
        return True
    return datetime.now(UTC) - datetime.fromisoformat(holder.renewed_at) > _DEAD_BY_ANY_CLOCK


def wait_for(other: InFlight, patience: WaitPolicy, tell: Callable[[str], None]) -> None:
    """Wait a moment for another run; raises Refusal, which names it, where patience is over."""
    if patience.is_over():
        raise Refusal(
            f"another publish is under way: {other.since}, last heard of at {other.holder.renewed_at}",
            advice=f"wait for it with --wait 5m: one that died gives way after {STALE_AFTER / 60:.0f} minutes of that",
        )
    tell(f"waiting for another publish: {other.since}")
    time.sleep(POLL_INTERVAL)


def describe(other: InFlight | None) -> str:
    """Return what the lease of another run means for a plan; empty where there is none, or nothing is left of it."""
    if other is None or other.holder.ended:
        return ""
    if is_known_dead(other.holder):
        return (
            f"A publish was cut off ({other.since}); what it did is taken into account, and the next one completes it."
        )
    return f"A publish is under way: {other.since}, last heard of at {other.holder.renewed_at}."


RENEW_INTERVAL = 30.0
VALID_FOR = 90.0
_MOST_ATTEMPTS = 20


class StalePlan(Refusal):
    """Another run has written the ledger since this one planned."""


@contextmanager
def acquire(
    begun: InFlight,
    place: "LeaseBackend",
    standing: RemoteHeads,
    other: InFlight | None,
    *,
    patience: WaitPolicy,
    tell: Callable[[str], None],
) -> "Iterator[Lease]":
    """Hold the lease of a target for a block that writes to its portal; `tell` hears whom this waits for.

    `begun` is what is about to be done, `standing` where the refs stood when that was planned, `other` whose lease
    stood there then.

    Where the block fails, the lease is left for whoever comes next, unless nothing was written under it.

    Raises:
        Overtaken: the ledger moved since then, so that the plan may be old.
        Refusal: another holds it, and patience is over.
        PushRefused: this clone may not push to where the lease is kept.
        GitError: that could not be reached.
    """
    lease = _take(begun, place, standing, other, patience=patience, tell=tell)
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
    begun: InFlight,
    place: "LeaseBackend",
    standing: RemoteHeads,
    other: InFlight | None,
    *,
    patience: WaitPolicy,
    tell: Callable[[str], None],
) -> "Lease":
    message = f"publish {begun.holder.commit[:10]} to {place.config.target}: {len(begun.intents)} intended"
    commit = place.repository.commit_files(lease_files(begun), message=message, parent=None)
    planned_at = standing.ledger
    attempts = 0
    while True:
        if standing.ledger != planned_at:
            raise StalePlan("another run has written since this one planned", advice="run it again")
        if other is None or may_take_over(other, patience):
            asked_at = _now()
            try:
                place.swap(standing, commit)
            except RefMoved:
                attempts += 1
                if attempts >= _MOST_ATTEMPTS:
                    raise
            else:
                journal = Journal(journal_folder(place.repository, place.config), begun.holder.run)
                return Lease(place, replace(begun, commit=commit), journal, asked_at)
        else:
            wait_for(other, patience, tell)
        standing = remote_heads(place.repository, place.config, local=place.local)
        if other is None or other.commit != standing.lease:
            other = read_in_flight(place.repository, standing)


@dataclass(frozen=True, slots=True)
class _Instant:
    """A point in time by two clocks: one may stand still while a laptop sleeps, the other may be set."""

    steady: float
    wall: float

    def age(self) -> float:
        """Return how many seconds ago that was, by the clock that says more."""
        return max(time.monotonic() - self.steady, time.time() - self.wall)


def _now() -> _Instant:
    return _Instant(time.monotonic(), time.time())


@dataclass(frozen=True, slots=True)
class LeaseBackend:
    """Where a target's lease is kept: on the ledger's remote, else in this clone."""

    repository: Repository
    config: Config
    local: bool

    def swap(self, standing: RemoteHeads, commit: str | None) -> None:
        """Let the lease stand at a commit if lease and ledger stand where they did; raises RefMoved if not."""
        ledger, lease = ledger_ref(self.config), lease_ref(self.config)
        if not is_shared(self.repository, self.config, local=self.local):
            self.repository.move_ref(lease, commit, expected=standing.lease)
        elif standing.ledger is None:
            self.repository.push_refs(self.config.remote, {lease: standing.lease}, at={lease: commit})
        else:
            # A ref that is pushed to where it should be already is only looked at, and refuses the other if it moved.
            at = {lease: commit, ledger: standing.ledger}
            self.repository.push_refs(self.config.remote, {lease: standing.lease, ledger: standing.ledger}, at=at)
            return
        now = remote_heads(self.repository, self.config, local=self.local)
        if now.ledger != standing.ledger:
            self.move(commit, None)
            raise RefMoved("the ledger moved meanwhile", advice="run the command again")

    def move(self, old: str | None, new: str | None) -> None:
        """Let the lease stand at a commit if it stands at another; raises RefMoved if not."""
        lease = lease_ref(self.config)
        if is_shared(self.repository, self.config, local=self.local):
            self.repository.push_refs(self.config.remote, {lease: old}, at={lease: new})
        else:
            self.repository.move_ref(lease, new, expected=old)


class Lease:
    """The lease as its holder has it; safe to share among threads."""

    def __init__(self, place: LeaseBackend, in_flight: InFlight, journal: Journal, confirmed: _Instant) -> None:
        self._place = place
        self._underway = in_flight
        self._journal = journal
        self._confirmed = confirmed
        self._fresh: dict[ItemKey, Baseline] = {}
        self._lost = ""
        self._notes, self._moves = Lock(), RLock()
        self._over = Event()
        self._thread = Thread(target=self._renew_on_and_on, name="lease", daemon=True)
        self.is_used = False
        """Whether anything may have been written under this lease."""

    @property
    def run(self) -> str:
        """Return the run that holds it."""
        return self._underway.holder.run

    @property
    def lost(self) -> str:
        """Return who took it from this run; empty while it is ours."""
        return self._lost

    @property
    def journal(self) -> Path:
        """Return the file of this clone in which the run notes what it reached."""
        return self._journal.path

    def start_renewing(self) -> None:
        """Renew it from now on, in a thread of its own."""
        ACTIVE_RUNS.add(self.run)
        self._thread.start()

    def stop_renewing(self) -> None:
        """Renew it no more."""
        self._over.set()

    def check(self) -> str:
        """Return why nothing may be written any more; empty while this run holds the lease.

        Asked before every write: where the last answer is old, by whichever clock, the remote is asked anew.
        """
        self.is_used = True
        if not self._lost and self._confirmed.age() > VALID_FOR:
            with self._moves:
                if self._confirmed.age() > VALID_FOR:
                    self._renew()
        if not self._lost and self._confirmed.age() > VALID_FOR:
            return "stopped: the lease could not be renewed, so that another publish may be writing"
        return self._lost

    def note(self, reached: Baseline) -> None:
        """Write a baseline down: at once in this clone, and with the next renewal where the lease is kept."""
        with self._notes:
            self._fresh[reached.key] = reached
            self._journal.note(reached)

    def finish(self, outcomes: Iterable[Outcome]) -> tuple[str, str | None] | None:
        """Say from where to where the lease goes when the ledger is saved; None where it is no longer ours.

        What failed so that nobody knows whether it was done stays on record, in a lease that anybody may take.
        """
        self.stop_renewing()
        with self._moves:
            if self._lost:
                return None
            left = unconfirmed(self._underway, outcomes)
            if not left:
                return self._underway.commit, None
            ended = replace(self._underway, holder=replace(self._underway.holder, ended=True), intents=left, reached={})
            message = f"left open by a publish of {ended.holder.commit[:10]}: {len(left)} not known to be done"
            return self._underway.commit, self._place.repository.commit_files(
                lease_files(ended), message=message, parent=None
            )

    def release(self) -> None:
        """Return it up where nothing was written under it."""
        with self._moves:
            self._place.move(self._underway.commit, None)

    def _renew_on_and_on(self) -> None:
        while not self._over.wait(RENEW_INTERVAL) and not self._lost:
            with self._moves:
                if not self._over.is_set():
                    self._renew()

    def _renew(self) -> None:
        """Move the lease on, with what was reached since; where only the network failed, the next try may do."""
        asked_at, old = _now(), self._underway
        holder = replace(old.holder, renewed_at=iso_utc(datetime.now(UTC)))
        with self._notes:
            fresh = dict(self._fresh)
        renewed = replace(old, holder=holder, reached={**old.reached, **fresh})
        pages = lease_files(replace(renewed, intents=(), reached={})) | reached_files(fresh)
        try:
            commit = self._place.repository.commit_files(
                pages, message=f"still at it: {len(renewed.reached)} done", parent=old.commit
            )
            self._place.move(old.commit, commit)
        except RefMoved:
            self._find_out(asked_at)
        except GitError:
            return
        else:
            self._confirmed, self._underway = asked_at, replace(renewed, commit=commit)
            with self._notes:
                self._fresh = {key: known for key, known in self._fresh.items() if known is not fresh.get(key)}

    def _find_out(self, asked_at: _Instant) -> None:
        """See who holds it: a renewal whose answer was lost is ours all the same."""
        with suppress(GitError):
            standing = remote_heads(self._place.repository, self._place.config, local=self._place.local)
            now = read_in_flight(self._place.repository, standing)
            if now is not None and now.holder.run == self.run:
                self._underway, self._confirmed = replace(self._underway, commit=now.commit), asked_at
            else:
                taker = f" by {now.since}" if now else ""
                self._lost = f"stopped: the lease was taken over{taker}, which goes on from here"
