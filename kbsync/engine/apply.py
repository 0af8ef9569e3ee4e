"""Apply a plan to the portal, each change as soon as what it needs is there, and record what both sides then say.

It decides nothing that the plan did not: it orders, renders, sends and records.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from queue import Empty, SimpleQueue
from signal import SIGINT, SIGTERM, default_int_handler, getsignal, signal
from threading import Lock, Thread, current_thread, main_thread

from kbsync.baseline import Baseline
from kbsync.change import Action, Change, Outcome, Result, Step, WriteOrder, cycle_openers, write_order
from kbsync.digests import blob_of
from kbsync.engine.record import (
    WRITES,
    Recorder,
    WriteGuard,
    change_of_old_article,
    ends_archived,
    with_unmanaged_fields,
)
from kbsync.engine.render import LinkResolver, Rendered, patches_body, render, render_into
from kbsync.freshdesk.api import PortalReader, PortalWriter
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import apply, check_unchanged
from kbsync.freshdesk.verify import Readings
from kbsync.leaks import NO_KEYS, KeyFinder
from kbsync.model import Article, Item, ItemKey, Kind, KnowledgeBase, Status, ancestors, is_under, parent_path
from kbsync.planner.planner import Plan

_INTERRUPTED = "not started: interrupted"
_QUIT = "Quit before all requests had ended. Run the same command again: it checks what was done, and continues."
_LISTENING = 0.2
"""Seconds between two checks for an interrupt."""
_IN_ORDER = 4
"""How many creations of one folder may be in flight if their order counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSide:
    """The live side of one run: its connection, and what was read of it when (by the monotonic clock)."""

    connection: Connection
    live: KnowledgeBase
    read_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteWays:
    """How articles are written.

    Attributes:
        keeps: An update of one that was made on the portal keeps the blocks that the writer did not change.
        in_order: The new ones of a folder are created in the order of their files, as far as the network lets them.
        lists: One that was read too long ago may be read again with its whole folder.
        keys: The API keys that no baseline may hold.
    """

    keeps: bool = True
    in_order: bool = True
    lists: bool = True
    keys: KeyFinder = NO_KEYS


@dataclass(slots=True, kw_only=True)
class ApplyResult:
    """What a run has done; `baselines` are new, `forgotten` are dropped. `interrupted`: it was asked to stop.

    `lost` names who took the lease from it, if any. `undoes` is the ledger's commit of the run that this one undoes.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    baselines: dict[ItemKey, Baseline] = field(default_factory=dict)
    forgotten: set[ItemKey] = field(default_factory=set)
    interrupted: bool = False
    lost: str = ""
    undoes: str = ""


def apply_plan(
    plan: Plan,
    portal: LiveSide,
    addresses: LinkResolver,
    known: Mapping[ItemKey, Baseline],
    advance: Callable[[Outcome], None],
    *,
    ways: WriteWays,
    lease: WriteGuard | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> ApplyResult:
    """Apply a plan's changes; one that fails holds back what depends on it and nothing else.

    An interrupt lets the calls in flight end and skips the rest; `note` is told so. Without a `lease` nothing is
    checked or noted.

    Raises:
        KeyboardInterrupt: the second one.
    """
    applier = _Applier(
        plan=plan, portal=portal, addresses=addresses, known=known, advance=advance, ways=ways, lease=lease, note=note
    )
    with _stopped_by_signals(applier.pool):
        for order in write_order(plan.changes, plan.targets):
            applier.pool.run(order, applier.apply_step)
    applier.result.interrupted = applier.pool.stopping
    return applier.result


@dataclass(kw_only=True)
class _Applier:
    """One plan being applied; its state is shared by the workers, and written under a lock."""

    plan: Plan
    portal: LiveSide
    addresses: LinkResolver
    known: Mapping[ItemKey, Baseline]
    advance: Callable[[Outcome], None]
    ways: WriteWays
    lease: WriteGuard | None
    note: Callable[[str], None]

    def __post_init__(self) -> None:
        plan, connection = self.plan, self.portal.connection
        self.pool = WorkerPool(connection, in_order=self.ways.in_order, note=self.note)
        self.result = ApplyResult()
        self.openers = cycle_openers(plan.changes, plan.targets)
        moved = {change.path for change in plan.changes if change.action is Action.MOVE}
        self.ids = {path: number for path, number in plan.ids.items() if path not in moved}
        self._reader, self._writer = PortalReader(connection), PortalWriter(connection)
        self.recorder = Recorder(
            plan=plan,
            addresses=self.addresses,
            known=self.known,
            existing=frozenset(self.portal.live.by_id()),
            seen_at=self.portal.live.seen_at,
            ids=self.ids,
            guard=self.lease,
            keys=self.ways.keys,
            baselines=self.result.baselines,
            forgotten=self.result.forgotten,
        )
        self._readings = Readings(
            self._reader, plan.writes, self.portal.live, read_at=self.portal.read_at, lists=self.ways.lists
        )
        self._lock = Lock()
        self._opened: dict[str, int] = {}

    def apply_step(self, step: Step) -> None:
        """Make one write, or say why it is not made; both writes of an opener are one outcome."""
        if step.completes:
            self._complete(step.change)
            return
        outcome = self._apply(step.change)
        with self._lock:
            if step.change.path in self.openers and outcome.live is not None:
                self._opened[step.change.path] = len(self.result.outcomes)
            self.result.outcomes.append(outcome)
            if not self.pool.stopping or outcome.result is Result.DONE:
                self.advance(outcome)

    def _apply(self, change: Change) -> Outcome:
        if blocker := self._blocker(change):
            return self._with_id(Outcome(change=change, result=Result.SKIPPED, error=blocker))
        if change.action is Action.MOVE:
            return self._move(change)
        is_opener = change.action is Action.CREATE and change.path in self.openers
        return self._send(change, item=self._initial_item(change) if is_opener else None)

    def _blocker(self, change: Change) -> str:
        if self.pool.stopping:
            return _INTERRUPTED
        if change.action in WRITES and self.lease is not None and (why := self.lease.check()):
            return why
        if change.action.is_removal or change.baseline_after is not None:
            return ""
        needs = set(ancestors(change.path))
        if change.path not in self.openers:
            needs |= self._linked(change)
            if not self._is_for_links(change):
                needs -= self._without_address(change)
        return self._missing(needs)

    def _is_for_links(self, change: Change) -> bool:
        """Return whether an update has the source of the baseline, so that only links of it can be different."""
        known, origin = self.known.get(change.key), change.desired.origin if change.desired else None
        if change.action is not Action.UPDATE or known is None or origin is None:
            return False
        return known.blob == blob_of(origin.text)

    def _linked(self, change: Change) -> set[str]:
        return set(self.plan.targets.get(change.path, ())) & self.plan.targets.keys() - {change.path}

    def _without_address(self, change: Change) -> set[str]:
        """Return the linked articles that the portal refused, with their folder or alone; no link waits for them."""
        linked = self._linked(change) - self.ids.keys()
        outcomes = self.result.outcomes if linked else ()
        refused = {one.change.path for one in outcomes if one.refused and one.change.action.creates_item}
        return {path for path in linked if any(is_under(path, parent) for parent in refused)}

    def _missing(self, needs: set[str]) -> str:
        missing = sorted(needs - self.ids.keys())
        return f"needs {', '.join(missing)}, not on the portal yet" if missing else ""

    def _move(self, change: Change) -> Outcome:
        """Create the new article, then archive the old one, so that readers always find one of the two."""
        stale = check_unchanged(self._readings, change)
        if stale is not None:
            return stale
        create = replace(change, action=Action.CREATE, id=None, actual=None)
        new = replace(self._send(create, item=self._initial_item(change)), change=change)
        if new.refused and change.id:
            self.ids[change.path] = change.id  # links lead to the old article, which stays
        if new.result is not Result.DONE or change.actual is None:
            return new
        address = self.addresses.address_of(change.path, self.ids)
        old = self._send(change_of_old_article(change, self.known.get(change.key), address))
        if old.result is Result.DONE:
            return replace(new, notes=(*new.notes, *old.notes))
        error = f"the new article was created, but the old one ({change.id}) was not archived: {old.error}"
        return replace(new, result=old.result, error=error)

    def _initial_item(self, change: Change) -> Item | None:
        """Return what is created: a moved article keeps what agents set on it, the opener of a cycle is a draft.

        No reader should see an opener before all that it links to has an address.
        """
        article, old = change.desired, change.actual
        if not isinstance(article, Article):
            return article
        if isinstance(old, Article):
            article = with_unmanaged_fields(article, old)
        return replace(article, status=Status.DRAFT) if change.path in self.openers else article

    def _complete(self, change: Change) -> None:
        """Write the opener of a cycle again, now that all it links to exists."""
        if change.path not in self._opened:
            return
        position = self._opened[change.path]
        opened = self.result.outcomes[position]
        if opened.live is None:
            return
        blocker = "interrupted" if self.pool.stopping else self.lease.check() if self.lease else ""
        blocker = blocker or self._missing(self._linked(change) - self._without_address(change))
        if blocker:
            completed = replace(opened, result=Result.SKIPPED, error=f"created as a draft; {blocker}")
        else:
            update = replace(change, action=Action.UPDATE, id=opened.live.id, actual=opened.live)
            completed = replace(self._send(update), change=change)
        with self._lock:
            self.result.outcomes[position] = completed
        if completed.result is not Result.DONE:
            self.advance(completed)

    def _send(self, change: Change, *, item: Item | None = None) -> Outcome:
        """Apply one change; `item` is sent in place of what the change desires in the end."""
        rendered = self._render(change)
        outcome = apply(
            self._reader,
            self._writer,
            replace(change, desired=item or change.desired),
            ids=self.ids,
            body=rendered.html if rendered else None,
            known=self.recorder.existing,
            readings=self._readings,
        )
        self.recorder.record(change, outcome, rendered)
        notes = (*outcome.notes, *(rendered.notes if rendered else ()))
        if rendered and item is None and (missing := sorted(self._without_address(change))):
            notes += (f"a link leads to the portal's home page until {', '.join(missing)} is published",)
        return self._with_id(replace(outcome, change=change, notes=notes))

    def _render(self, change: Change) -> Rendered | None:
        """Render what is to be sent; an update that does not change the body sends the live one as it is."""
        article = change.desired
        is_sent = change.action is Action.CREATE or "body" in change.fields
        if not isinstance(article, Article) or not is_sent:
            return None
        if change.baseline_after is not None:
            return Rendered(html=article.body, addresses=change.baseline_after.addresses)
        live, anchors, ids = change.actual, self.plan.anchors.get(change.path, frozenset()), dict(self.ids)
        origin = self.recorder.origin_of(change, change.id or 0)
        if self.ways.keeps and isinstance(live, Article) and patches_body(change, origin):
            return render_into(live, article, anchors, self.addresses, ids)
        return render(article, anchors, self.addresses, ids)

    def _with_id(self, outcome: Outcome) -> Outcome:
        """Note the id of an item, for the changes that wait for it."""
        live, is_removed = outcome.live, outcome.change.action.is_removal or ends_archived(outcome.change)
        if live is not None and live.id is not None and not is_removed:
            with self._lock:
                self.ids[outcome.change.path] = live.id
        return outcome


class WorkerPool:
    """The threads of one run; `stopping` once somebody interrupted it, which `note` is told.

    `in_order`: what is created in one folder starts at even distances, so that it is most likely created in that order.
    """

    def __init__(self, connection: Connection, *, in_order: bool, note: Callable[[str], None]) -> None:
        self._connection = connection
        self._in_order = in_order
        self._note: Callable[[str], None] | None = note
        self.stopping = False

    def stop(self) -> None:
        """Start nothing new and wait for no limit from now on; raise KeyboardInterrupt when asked a second time."""
        if self.stopping:
            raise KeyboardInterrupt(_QUIT)
        self.stopping = True
        self._connection.stop()

    def run(self, order: WriteOrder, make: Callable[[Step], None]) -> None:
        """Make all steps, each in a thread once those that it needs are done; `make` checks `stopping` itself.

        As many run at the same time as the connection can use.

        Raises:
            KeyboardInterrupt: there was a second interrupt; steps in flight are abandoned.
        """
        ready = _ReadySteps(order)
        failures, ended, active = list[BaseException](), SimpleQueue[int](), 0

        def work(number: int) -> None:
            try:
                make(order.steps[number])
            except BaseException as error:  # noqa: BLE001  # raised again below
                failures.append(error)
            finally:
                ended.put(number)

        while True:
            self._tell_of_stop()
            while not failures and active < self._connection.concurrency:
                spacing = self._connection.latency / _IN_ORDER if self._in_order and not self.stopping else 0.0
                number = ready.take(spacing)
                if number is None:
                    break
                # A daemon, so that the process can end while it hangs in a call; it sees the context of this thread.
                Thread(target=copy_context().run, args=(work, number), name=f"write {number}", daemon=True).start()
                active += 1
            if not active and (failures or not ready):
                break
            # With a limit, since Windows hears no signal in a wait without one.
            with suppress(Empty):
                ready.finish(ended.get(timeout=min(max(ready.wait(), 0.001), _LISTENING)))
                active -= 1
        if failures:
            raise failures[0]

    def _tell_of_stop(self) -> None:
        """Say once that the run was interrupted: here, since a signal may come in the middle of a print."""
        if self.stopping and self._note is not None:
            count = self._connection.in_flight
            requests = f"Stopping: finishing {count} request{'s' if count > 1 else ''}." if count else "Stopping."
            self._note(f"{requests} Ctrl-C again to quit.")
            self._note = None


class _ReadySteps:
    """The steps of an order that may be made now, those that create something in a row for each parent.

    Of a row of directories one is created at a time: there are few, and their order is what readers see first.
    """

    def __init__(self, order: WriteOrder) -> None:
        self._steps = order.steps
        self._open = [len(needs) for needs in order.needs]
        self._dependents: list[list[int]] = [[] for _ in order.steps]
        self._rows: dict[str, list[int]] = {}
        self._next_start: dict[str, float] = {}
        for number, needs in enumerate(order.needs):
            for needed in needs:
                self._dependents[needed].append(number)
            if not needs:
                self._add(number)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def take(self, spacing: float) -> int | None:
        """Return the first step that may start now; the next one of its row may start so many seconds later."""
        now = time.monotonic()
        rows = [(row[0], name) for name, row in self._rows.items() if self._next_start.get(name, now) <= now]
        if not rows:
            return None
        number, name = min(rows)
        heappop(self._rows[name])
        if not self._rows[name]:
            del self._rows[name]
        if name:
            self._next_start[name] = now + spacing if self._steps[number].change.kind is Kind.ARTICLE else float("inf")
        return number

    def wait(self) -> float:
        """Return the seconds until a step may start of those that are ready; infinite without one."""
        now = time.monotonic()
        return min((self._next_start.get(name, now) - now for name in self._rows), default=float("inf"))

    def finish(self, number: int) -> None:
        """Note that a step is done."""
        if self._steps[number].change.kind is not Kind.ARTICLE:
            self._next_start.pop(self._row(number), None)
        for dependent in self._dependents[number]:
            self._open[dependent] -= 1
            if not self._open[dependent]:
                self._add(dependent)

    def _add(self, number: int) -> None:
        heappush(self._rows.setdefault(self._row(number), []), number)

    def _row(self, number: int) -> str:
        """Return the row of a step that creates something, by kind and parent; the others share one without a name."""
        step = self._steps[number]
        creates = step.change.action.creates_item and not step.completes
        return f"{step.change.kind.value}s of {parent_path(step.change.path)}" if creates else ""


@contextmanager
def _stopped_by_signals(pool: WorkerPool) -> Iterator[None]:
    """Let Ctrl-C ask a pool to stop, instead of raising KeyboardInterrupt at whatever the main thread is doing.

    The same for each other signal that is handled as Ctrl-C. Other threads than the main one hear no signals.
    """
    if current_thread() is not main_thread():
        yield
        return
    numbers = [number for number in (SIGINT, SIGTERM) if getsignal(number) is default_int_handler]
    for number in numbers:
        signal(number, lambda *_: pool.stop())
    try:
        yield
    finally:
        for number in numbers:
            signal(number, default_int_handler)
