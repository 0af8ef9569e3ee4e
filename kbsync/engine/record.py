"""What a run remembers while it writes: each baseline as it is reached, kept and written down."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Protocol

from kbsync.baseline import Baseline, BaselineOrigin, State
from kbsync.change import Action, Change, Outcome, Result, cycle_openers
from kbsync.content.document import parse_document
from kbsync.digests import blob_of, content_digests, live_digests, source_key
from kbsync.engine.render import LinkResolver, Rendered, current_addresses
from kbsync.markup.placeholders import may_have_placeholders
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import Article, Item, ItemKey, Kind, digest, fields_of, parent_path
from kbsync.planner.planner import Plan
from kbsync.state.journal import Intent


def make_baseline(
    content: Item,
    live: Item,
    *,
    seen: str,
    born: BaselineOrigin = BaselineOrigin.LIVE,
    anchors: Collection[str] = (),
    addresses: Mapping[str, str] | None = None,
    was: Item | None = None,
) -> Baseline:
    """Make the baseline between a content version and a live version that say the same.

    `seen` is the portal's time of the live version, `anchors` those of the article that others link to, `addresses`
    what its links were sent as, `was` the live version that was written over.
    """
    made = replace(content_half(content, born=born, anchors=anchors), id=live.id or 0, addresses=dict(addresses or {}))
    return replace(with_live_half(made, live, seen=seen), previous=fields_of(was) if was else {})


def content_half(
    content: Item, *, born: BaselineOrigin = BaselineOrigin.LIVE, anchors: Collection[str] = ()
) -> Baseline:
    """Make the content half of a baseline; `with_live_half` completes it."""
    source = content.origin.text if content.origin else None
    return Baseline(
        kind=content.kind,
        id=content.id or 0,
        path=content.path or "",
        origin=born,
        renderer_version=RENDERER_VERSION,
        source_key=source_key(content, anchors) if isinstance(content, Article) else "",
        blob=blob_of(source) if source is not None else "",
        source=source,
        expanded=_expanded(content),
        content=content_digests(content, anchors),
    )


def with_live_half(agreed: Baseline, live: Item, *, seen: str) -> Baseline:
    """Return a baseline the live half that the portal showed at `seen`."""
    return replace(
        agreed,
        id=live.id or agreed.id,
        parent=live.parent,
        seen_at=seen or agreed.seen_at,
        updated_at=live.updated_at or "",
        live=live_digests(live),
        fields=fields_of(live),
        supersedes="",
    )


def with_state(known: Baseline, live: Item, *, seen: str, state: State, was: Item | None = None) -> Baseline:
    """Bring a baseline's live half up to date after its content left: archived, kept or let go.

    Of what was undone the two halves never said the same: should its file come back, all of it is to be sent.
    """
    if known.state is State.UNDONE:
        known = replace(known, content=dict.fromkeys(known.content.keys() - {"parent"}, ""), source_key="")
    return replace(
        known,
        state=state,
        seen_at=seen or known.seen_at,
        updated_at=live.updated_at or "",
        live=live_digests(live),
        fields=fields_of(live),
        previous=fields_of(was) if was else {},
        supersedes="",
    )


def state_after(change: Change, known: Baseline) -> State:
    """Return the state of what was removed; a directory left standing comes back with its files, as an article does.

    So does an article whose creation was undone: it was unpublished before its file went.
    """
    is_kept = change.action is Action.FORGET and change.kind is Kind.ARTICLE and known.state is not State.UNDONE
    return State.KEPT if is_kept else State.ARCHIVED


def put_back(leaves: Baseline, live: Item, *, seen: str, was: Item | None) -> Baseline:
    """Make the baseline after a former version was put back; a live half that it has already stays.

    What was found put back already keeps its own `was`.
    """
    left = leaves if leaves.live else with_live_half(leaves, live, seen=seen)
    return replace(left, seen_at=seen or left.seen_at, previous=fields_of(was) if was else leaves.previous)


def _expanded(content: Item) -> str | None:
    """Return an article's body where its source does not say it by itself."""
    if not isinstance(content, Article) or content.origin is None or not may_have_placeholders(content.origin.text):
        return None
    own = parse_document(content.origin.text, content.path or "").body
    return content.body if content.body != own else None


def without_fields(reached: Baseline, unsent: Collection[str]) -> Baseline:
    """Take out of a baseline what was not sent: the next plan finds that it is still to do."""
    return replace(reached, content={name: value for name, value in reached.content.items() if name not in unsent})


WRITES = frozenset(Action) - {Action.ADOPT, Action.FORGET}
"""What may change the portal."""


class WriteGuard(Protocol):
    """What a run holds while it writes, and tells what it has reached."""

    def check(self) -> str:
        """Return why nothing may be written any more; empty while all is well."""

    def note(self, reached: Baseline) -> None:
        """Write a baseline down for good."""


@dataclass(slots=True, kw_only=True)
class Recorder:
    """What one run has reached; `seen` are the items that were live before, `ids` where each path is live now.

    Every method may be called from any thread.
    """

    plan: Plan
    addresses: LinkResolver
    known: Mapping[ItemKey, Baseline]
    existing: frozenset[ItemKey]
    seen_at: str
    ids: Mapping[str, int]
    guard: WriteGuard | None = None
    baselines: dict[ItemKey, Baseline] = field(default_factory=dict)
    forgotten: set[ItemKey] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def record(self, change: Change, outcome: Outcome, rendered: Rendered | None) -> None:
        """Note what both sides now say; an answer that is not believed is noted too, so that it is not sent again."""
        if outcome.live is None and outcome.result is not Result.DONE:
            return
        key = outcome.live.key if outcome.live and outcome.live.id else change.key
        with self._lock:
            reached = self._reached(key, change, outcome, rendered)
            if reached is not None:
                self.baselines[key] = reached
        if reached is not None and self.guard is not None:
            self.guard.note(reached)

    def _reached(self, key: ItemKey, change: Change, outcome: Outcome, rendered: Rendered | None) -> Baseline | None:
        known, live, seen = self.known.get(key), outcome.live or change.actual, outcome.seen_at or self.seen_at
        if change.action is Action.DELETE or (change.action is Action.FORGET and not _stays(change)):
            self.forgotten.add(key)
            return None
        if live is None:
            return None
        was = self._was(change, live)
        if change.baseline_after is not None:
            return put_back(change.baseline_after, live, seen=seen, was=was)
        if change.action.is_removal:
            return with_state(known, live, seen=seen, state=state_after(change, known), was=was) if known else None
        if change.desired is None:
            return None
        if change.id is not None and change.id != live.id:
            # Made anew because the old one is gone from the portal: nothing is left to agree on there.
            self.forgotten.add(change.key)
        return self._agreed(change, live, outcome, rendered)

    def _agreed(self, change: Change, live: Item, outcome: Outcome, rendered: Rendered | None) -> Baseline | None:
        content = change.desired
        if content is None:
            return None
        sent = rendered.addresses if rendered else {}
        if rendered is None and isinstance(content, Article):
            sent = current_addresses(content, self.addresses, self.ids)
        reached = make_baseline(
            content,
            live,
            seen=outcome.seen_at or self.seen_at,
            born=self.origin_of(change, live.id or 0),
            anchors=self.plan.anchors.get(change.path, frozenset()),
            addresses=sent,
            was=self._was(change, live),
        )
        reached = replace(without_fields(reached, outcome.unsent), sent_digest=self._sent(change, live, rendered))
        if change.action is Action.UPDATE and isinstance(live, Article):
            # An update leaves an article where agents moved it: that stays a web edit, for a pull to bring home.
            return replace(reached, parent=self._place(change, live))
        return reached

    def _place(self, change: Change, live: Article) -> int | None:
        """Return the folder in which content has an article."""
        known = self.known.get(live.key)
        return self.ids.get(parent_path(change.path)) or (known.parent if known else live.parent)

    def _sent(self, change: Change, live: Item, rendered: Rendered | None) -> str:
        """Return the HTML that live was made of; a write that leaves the body alone leaves that too."""
        if rendered is not None:
            return digest(rendered.html) if rendered.whole else ""
        known = self.known.get(live.key)
        return known.sent_digest if known and change.action in WRITES else ""

    def origin_of(self, change: Change, number: int) -> BaselineOrigin:
        """Return where an item was born: what is known of it says so, else whether this run makes it."""
        key = ItemKey(change.kind, number)
        known = self.baselines.get(key) or self.known.get(key)
        if known is not None:
            return known.origin
        return BaselineOrigin.CONTENT if change.action.creates_item else BaselineOrigin.LIVE

    def _was(self, change: Change, live: Item) -> Item | None:
        """Return the live version that a change wrote over; none for what this run made, or did not write."""
        is_old = live.id is not None and live.key in self.existing
        return change.actual if is_old and change.action in WRITES and live != change.actual else None


def _stays(change: Change) -> bool:
    """Return whether what is let go stays on the portal as it is, and so must not be taken for new."""
    return change.actual is not None


def intents_of(plan: Plan, known: Mapping[ItemKey, Baseline]) -> tuple[Intent, ...]:
    """Say of each change that will write what it is to end in."""
    openers = cycle_openers(plan.changes, plan.targets)
    return tuple(_intent(change, plan, known, openers) for change in plan.writes)


def _intent(change: Change, plan: Plan, known: Mapping[ItemKey, Baseline], openers: frozenset[str]) -> Intent:
    anchors = tuple(sorted(plan.anchors.get(change.path, ())))
    return Intent(
        action=change.action,
        kind=change.kind,
        path=change.path,
        id=change.id,
        former=change.former_path,
        fields=change.fields,
        source=_source(change, known, anchors),
        anchors=anchors,
        draft_first=change.path in openers and change.action.creates_item,
    )


def _source(change: Change, known: Mapping[ItemKey, Baseline], anchors: tuple[str, ...]) -> Baseline | None:
    item = change.desired
    if item is None:
        return change.baseline_after
    fields = {name: value for name, value in fields_of(item).items() if value is not None and name != "body"}
    if change.baseline_after is not None:
        body = {"body": live_digests(item)["body"]} if isinstance(item, Article) else {}
        return replace(change.baseline_after, fields=fields, live=body)
    agreed = known.get(change.key)
    new = change.action.creates_item
    born = agreed.origin if agreed else BaselineOrigin.CONTENT if new else BaselineOrigin.LIVE
    return replace(content_half(item, born=born, anchors=anchors), fields=fields)
