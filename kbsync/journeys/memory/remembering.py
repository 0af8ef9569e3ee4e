"""What a run remembers while it writes: each agreement as it is reached, kept and written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Protocol

from kbsync.agreements import Agreement, Born, Key
from kbsync.change import Action, Change, Outcome, Result
from kbsync.journeys.memory.recording import agree, put_back, settled, state_after, without
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.journeys.showing.rendering import Rendered, addresses_now
from kbsync.model import Article, Item, digest, parent_path
from kbsync.plan import Plan

_REMOVALS = {Action.ARCHIVE, Action.DELETE, Action.FORGET}
WRITES = frozenset(Action) - {Action.ADOPT, Action.FORGET}
"""What may change the portal."""


class Watch(Protocol):
    """What a run holds while it writes, and tells what it has reached."""

    def check(self) -> str:
        """Say why nothing may be written any more; empty while all is well."""

    def note(self, reached: Agreement) -> None:
        """Write an agreement down for good."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """What one run has reached; `seen` are the items that were live before, `ids` where each path is live now.

    Every method may be called from any thread.
    """

    plan: Plan
    addresses: TargetAddresses
    known: Mapping[Key, Agreement]
    seen: frozenset[Key]
    seen_at: str
    ids: Mapping[str, int]
    watch: Watch | None = None
    agreements: dict[Key, Agreement] = field(default_factory=dict)
    forgotten: set[Key] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def remember(self, change: Change, outcome: Outcome, rendered: Rendered | None) -> None:
        """Note what both sides now say; an answer that is not believed is noted too, so that it is not sent again."""
        if outcome.live is None and outcome.result is not Result.DONE:
            return
        key = (change.kind, outcome.live.id if outcome.live and outcome.live.id else change.id or 0)
        with self._lock:
            reached = self._reached(key, change, outcome, rendered)
            if reached is not None:
                self.agreements[key] = reached
        if reached is not None and self.watch is not None:
            self.watch.note(reached)

    def _reached(self, key: Key, change: Change, outcome: Outcome, rendered: Rendered | None) -> Agreement | None:
        known, live, seen = self.known.get(key), outcome.live or change.actual, outcome.seen_at or self.seen_at
        if change.action is Action.DELETE or (change.action is Action.FORGET and not _stays(change)):
            self.forgotten.add(key)
            return None
        if live is None:
            return None
        was = self._was(change, live)
        if change.leaves is not None:
            return put_back(change.leaves, live, seen=seen, was=was)
        if change.action in _REMOVALS:
            return settled(known, live, seen=seen, state=state_after(change, known), was=was) if known else None
        if change.desired is None:
            return None
        if change.id is not None and change.id != live.id:
            # Made anew because the old one is gone from the portal: nothing is left to agree on there.
            self.forgotten.add((change.kind, change.id))
        return self._agreed(change, live, outcome, rendered)

    def _agreed(self, change: Change, live: Item, outcome: Outcome, rendered: Rendered | None) -> Agreement | None:
        content = change.desired
        if content is None:
            return None
        sent = rendered.addresses if rendered else {}
        if rendered is None and isinstance(content, Article):
            sent = addresses_now(content, self.addresses, self.ids)
        reached = agree(
            content,
            live,
            seen=outcome.seen_at or self.seen_at,
            born=self.born(change, live.id or 0),
            anchors=self.plan.anchors.get(change.path, frozenset()),
            addresses=sent,
            was=self._was(change, live),
        )
        reached = replace(without(reached, outcome.unsent), sent=self._sent(change, live, rendered))
        if change.action is Action.UPDATE and isinstance(live, Article):
            # An update leaves an article where agents moved it: that stays a web edit, for a pull to bring home.
            return replace(reached, parent=self._place(change, live))
        return reached

    def _place(self, change: Change, live: Article) -> int | None:
        """Give the folder in which content has an article."""
        known = self.known.get((change.kind, live.id or 0))
        return self.ids.get(parent_path(change.path)) or (known.parent if known else live.parent)

    def _sent(self, change: Change, live: Item, rendered: Rendered | None) -> str:
        """Name the HTML that live was made of; a write that leaves the body alone leaves that too."""
        if rendered is not None:
            return digest(rendered.html) if rendered.whole else ""
        known = self.known.get((change.kind, live.id or 0))
        return known.sent if known and change.action in WRITES else ""

    def born(self, change: Change, number: int) -> Born:
        """Tell where an item was born: what is known of it says so, else whether this run makes it."""
        key = (change.kind, number)
        known = self.agreements.get(key) or self.known.get(key)
        if known is not None:
            return known.born
        return Born.CONTENT if change.action in {Action.CREATE, Action.MOVE} else Born.LIVE

    def _was(self, change: Change, live: Item) -> Item | None:
        """Give the live version that a change wrote over; none for what this run made, or did not write."""
        is_old = live.id is not None and (live.kind, live.id) in self.seen
        return change.actual if is_old and change.action in WRITES and live != change.actual else None


def _stays(change: Change) -> bool:
    """Tell whether what is let go stays on the portal as it is, and so must not be taken for new."""
    return change.actual is not None
