"""Carry a plan out on the portal, wave by wave, and gather what both sides then say.

It decides nothing that the plan did not: it orders, renders, sends and records.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from kbsync.agreements import Agreement, Born, Key
from kbsync.change import Action, Change, Outcome, Result, circle_openers, in_waves, natural_order
from kbsync.freshdesk.client import Connection
from kbsync.freshdesk.portal import apply
from kbsync.freshdesk.solutions import Reader, Writer
from kbsync.journeys.addressing import TargetAddresses
from kbsync.journeys.foreseeing import is_kept
from kbsync.journeys.recording import agree, put_back, settled, state_after
from kbsync.journeys.rendering import Rendered, addresses_now, render, render_into
from kbsync.model import Article, Item, KnowledgeBase, Seo, Status, ancestors, parent_path
from kbsync.plan import Plan

WORKERS = 4
"""Calls in flight; four fill the largest allowance of an account at ordinary latency."""

_REMOVALS = {Action.ARCHIVE, Action.DELETE, Action.FORGET}
_WRITES = frozenset(Action) - {Action.ADOPT, Action.FORGET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The live side of one publish: its connection, what the plan's reading saw of it, and when by this machine."""

    connection: Connection
    live: KnowledgeBase
    read_at: float


@dataclass(slots=True, kw_only=True)
class Run:
    """What a run has done; `agreements` are new, `forgotten` are let go. `interrupted`: it was asked to stop.

    `undoes` is the ledger's commit of the run that this one undoes.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    agreements: dict[Key, Agreement] = field(default_factory=dict)
    forgotten: set[Key] = field(default_factory=set)
    interrupted: bool = False
    undoes: str = ""


def carry_out(
    plan: Plan,
    portal: Portal,
    addresses: TargetAddresses,
    known: Mapping[Key, Agreement],
    tell: Callable[[Outcome], None],
    *,
    keeps: bool = True,
) -> Run:
    """Apply a plan's changes; one that fails holds back what depends on it and nothing else.

    With `keeps`, an update of what was born on the portal leaves of its body what the writer did not touch. An
    interrupt lets the calls in flight end and skips the rest; it is never raised from here.
    """
    publication = _Publication(plan, portal, addresses, known, tell, keeps=keeps)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="write") as pool:
        for wave in in_waves(plan.changes, plan.targets):
            publication.run_wave(wave, pool)
        publication.close_circles(pool)
    return publication.run


class _Publication:
    """One plan on its way to the portal; its state is shared by the workers, and written under a lock."""

    def __init__(
        self,
        plan: Plan,
        portal: Portal,
        addresses: TargetAddresses,
        known: Mapping[Key, Agreement],
        tell: Callable[[Outcome], None],
        *,
        keeps: bool,
    ) -> None:
        self.plan = plan
        self.portal = portal
        self.addresses = addresses
        self.known = known
        self.tell = tell
        self.keeps = keeps
        self.run = Run()
        self.openers = circle_openers(plan.changes, plan.targets)
        anew = {change.path for change in plan.changes if change.action is Action.MOVE}
        self.ids = {path: number for path, number in plan.ids.items() if path not in anew}
        self._reader, self._writer = Reader(portal.connection), Writer(portal.connection)
        self._seen = frozenset(portal.live.by_id())
        self._stop, self._lock = Event(), Lock()

    def run_wave(self, wave: Sequence[Change], pool: ThreadPoolExecutor) -> None:
        """Apply changes that need nothing of one another; within a folder in order, since portals list them as made."""
        rows: dict[str, list[Change]] = defaultdict(list)
        for change in sorted(wave, key=lambda change: natural_order(change.path)):
            rows[parent_path(change.path)].append(change)
        self._wait([pool.submit(self._apply_row, row) for row in rows.values()])

    def _wait(self, futures: Sequence[Future[None]]) -> None:
        try:
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            self._stop.set()
            self.run.interrupted = True
            self._wait(futures)

    def _apply_row(self, row: Sequence[Change]) -> None:
        for change in row:
            outcome = self._apply(change)
            with self._lock:
                self.run.outcomes.append(outcome)
                self.tell(outcome)

    def _apply(self, change: Change) -> Outcome:
        obstacle = self._obstacle(change)
        if obstacle:
            return self._noted(Outcome(change=change, result=Result.SKIPPED, error=obstacle))
        if change.action is Action.MOVE:
            return self._move(change)
        if change.action is Action.CREATE and change.path in self.openers:
            return self._send(change, item=self._first(change))
        return self._send(change)

    def _obstacle(self, change: Change) -> str:
        if self._stop.is_set():
            return "interrupted before its turn"
        if change.action in _REMOVALS or change.leaves is not None:
            return ""
        needs = set(ancestors(change.path))
        if change.path not in self.openers:
            needs |= self._linked(change)
        return self._lacks(needs)

    def _linked(self, change: Change) -> set[str]:
        """Name the other articles that an article links to."""
        return set(self.plan.targets.get(change.path, ())) & self.plan.targets.keys() - {change.path}

    def _lacks(self, needs: set[str]) -> str:
        missing = sorted(needs - self.ids.keys())
        return f"waits for {', '.join(missing)}" if missing else ""

    def _move(self, change: Change) -> Outcome:
        """Create anew and archive the old one, in this order, so that readers always find one of the two."""
        create = replace(change, action=Action.CREATE, id=None, actual=None)
        made = self._send(create, item=self._first(change))
        if made.result is not Result.DONE or change.actual is None:
            return replace(made, change=change)
        old = replace(change, action=Action.ARCHIVE, path=change.former or change.path, fields=("status",))
        left = self._send(replace(old, desired=None))
        notes = (*made.notes, *([] if left.result is Result.DONE else [f"the old one is still there: {left.error}"]))
        return replace(made, change=change, notes=notes)

    def _first(self, change: Change) -> Item | None:
        """Give what is created: a moved article with what agents set on it, and the opener of a circle unseen.

        Some of what an opener links to has no address yet, which no reader should meet.
        """
        article, old = change.desired, change.actual
        if not isinstance(article, Article):
            return article
        if isinstance(old, Article):
            article = _with_unmanaged(article, old)
        return replace(article, status=Status.DRAFT) if change.path in self.openers else article

    def close_circles(self, pool: ThreadPoolExecutor) -> None:
        """Write the openers of circles again, now that all they link to exists; the two writes are one outcome."""
        opened = [outcome for outcome in self.run.outcomes if outcome.change.path in self.openers and outcome.live]
        self._wait([pool.submit(self._close, outcome) for outcome in opened])

    def _close(self, opened: Outcome) -> None:
        if self._stop.is_set() or opened.live is None:
            return
        lack = self._lacks(self._linked(opened.change))
        if lack:
            closed = replace(opened, result=Result.SKIPPED, error=f"created as a draft, and {lack}")
        else:
            update = replace(opened.change, action=Action.UPDATE, id=opened.live.id, actual=opened.live)
            closed = replace(self._send(update), change=opened.change)
        with self._lock:
            self.run.outcomes[self.run.outcomes.index(opened)] = closed
        if closed.result is not Result.DONE:
            self.tell(closed)

    def _send(self, change: Change, *, item: Item | None = None) -> Outcome:
        """Apply one change; `item` is what is sent where that is not what the change desires in the end."""
        rendered = self._render(change)
        outcome = apply(
            self._reader,
            self._writer,
            replace(change, desired=item or change.desired),
            ids=self.ids,
            body=rendered.html if rendered else None,
            known=self._seen,
            read_at=self.portal.read_at,
        )
        self._remember(change, outcome, rendered)
        notes = (*outcome.notes, *(rendered.notes if rendered else ()))
        return self._noted(replace(outcome, change=change, notes=notes))

    def _render(self, change: Change) -> Rendered | None:
        """Render what is to be sent; an update that leaves the body alone sends the live one as it is."""
        article = change.desired
        is_sent = change.action is Action.CREATE or "body" in change.fields
        if not isinstance(article, Article) or not is_sent:
            return None
        if change.leaves is not None:
            return Rendered(html=article.body, addresses=change.leaves.addresses)
        live, anchors, ids = change.actual, self._anchors(change), dict(self.ids)
        if self.keeps and isinstance(live, Article) and is_kept(change, self._born(change, change.id or 0)):
            return render_into(live, article, anchors, self.addresses, ids)
        return render(article, anchors, self.addresses, ids)

    def _born(self, change: Change, number: int) -> Born:
        """Tell where an item was born: what is known of it says so, else whether this run makes it."""
        key = (change.kind, number)
        known = self.run.agreements.get(key) or self.known.get(key)
        if known is not None:
            return known.born
        return Born.CONTENT if change.action in {Action.CREATE, Action.MOVE} else Born.LIVE

    def _anchors(self, change: Change) -> frozenset[str]:
        return self.plan.anchors.get(change.path, frozenset())

    def _noted(self, outcome: Outcome) -> Outcome:
        """Let what waits for this item go on, once it has an id."""
        live, leaves = outcome.live, outcome.change.action in _REMOVALS
        if live is not None and live.id is not None and not leaves:
            with self._lock:
                self.ids[outcome.change.path] = live.id
        return outcome

    def _remember(self, change: Change, outcome: Outcome, rendered: Rendered | None) -> None:
        """Note what both sides now say; an answer that is not believed is noted too, so that it is not sent again."""
        key = (change.kind, outcome.live.id if outcome.live and outcome.live.id else change.id or 0)
        seen = outcome.seen_at or self.portal.live.seen_at
        known = self.known.get(key)
        if outcome.live is None and outcome.result is not Result.DONE:
            return
        with self._lock:
            if change.action is Action.DELETE or (change.action is Action.FORGET and not _stays(change)):
                self.run.forgotten.add(key)
            elif change.leaves is not None and (live := outcome.live or change.actual):
                self.run.agreements[key] = put_back(change.leaves, live, seen=seen, was=self._was(change, live))
            elif change.action in _REMOVALS and known is not None and (live := outcome.live or change.actual):
                was = self._was(change, live)
                self.run.agreements[key] = settled(known, live, seen=seen, state=state_after(change, known), was=was)
            elif change.desired is not None and (live := outcome.live or change.actual):
                self.run.agreements[key] = self._agreement(change, live, seen, rendered)
                if change.id is not None and change.id != live.id:
                    # Made anew because the old one is gone from the portal: nothing is left to agree on there.
                    self.run.forgotten.add((change.kind, change.id))

    def _agreement(self, change: Change, live: Item, seen: str, rendered: Rendered | None) -> Agreement:
        content = change.desired
        if content is None:
            raise LookupError("an agreement needs both sides")
        sent = rendered.addresses if rendered else {}
        if rendered is None and isinstance(content, Article):
            sent = addresses_now(content, self.addresses, self.ids)
        born = self._born(change, live.id or 0)
        was = self._was(change, live)
        return agree(content, live, seen=seen, born=born, anchors=self._anchors(change), addresses=sent, was=was)

    def _was(self, change: Change, live: Item) -> Item | None:
        """Give the live version that a change wrote over; none for what this run made, or did not write."""
        is_old = live.id is not None and (live.kind, live.id) in self._seen
        return change.actual if is_old and change.action in _WRITES and live != change.actual else None


def _with_unmanaged(article: Article, old: Article) -> Article:
    """Take over from an article that is made anew the fields that content leaves to the agents."""
    seo = Seo(
        title=old.seo.title if article.seo.title is None else article.seo.title,
        description=old.seo.description if article.seo.description is None else article.seo.description,
        keywords=old.seo.keywords if article.seo.keywords is None else article.seo.keywords,
    )
    return replace(article, tags=old.tags if article.tags is None else article.tags, seo=seo)


def _stays(change: Change) -> bool:
    """Tell whether what is let go stays on the portal as it is, and so must not be taken for new."""
    return change.actual is not None
