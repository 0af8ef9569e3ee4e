"""What a run intends, and what it has reached: the baselines of both, and the recorder that notes them as it writes.

The API does not move articles: what the new article of a move takes over, and how the old one changes, is here too.
With `moved = "pointer"` the old article holds one link to the new one and stays published under its address; its
baseline is archived, so that later runs ignore it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Protocol

from kbsync.baseline import Baseline, BaselineOrigin, State
from kbsync.change import Action, Change, Finding, FindingKind, Outcome, Result, cycle_openers
from kbsync.content.document import parse_document
from kbsync.digests import blob_of, content_digests, live_digests, source_key
from kbsync.engine.render import LinkResolver, Rendered, current_addresses, pointer_body
from kbsync.leaks import NO_KEYS, KeyFinder
from kbsync.markup.placeholders import may_have_placeholders
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import (
    ALWAYS_MANAGED,
    Article,
    FieldValue,
    Item,
    ItemKey,
    Kind,
    Seo,
    digest,
    fields_of,
    is_default,
    parent_path,
)
from kbsync.planner.planner import Plan
from kbsync.state.journal import Intent


def make_baseline(
    content: Item,
    live: Item,
    *,
    seen_at: str,
    origin: BaselineOrigin = BaselineOrigin.LIVE,
    anchors: Collection[str] = (),
    addresses: Mapping[str, str] | None = None,
    before: Baseline | None = None,
    is_new: bool = False,
) -> Baseline:
    """Make the baseline between a content version and a live version that say the same.

    `seen_at` is the portal's time of the live version, `anchors` those of the article that others link to, `addresses`
    what its links were sent as, `before` the earlier baseline. An item that `is_new` has nothing on the portal that was
    not sent.
    """
    half = content_half(content, origin=origin, anchors=anchors)
    made = with_live_half(half, live, seen_at=seen_at, before=before, is_new=is_new)
    return replace(made, addresses=dict(addresses or {}))


def content_half(
    content: Item, *, origin: BaselineOrigin = BaselineOrigin.LIVE, anchors: Collection[str] = ()
) -> Baseline:
    """Make the content half of a baseline; `with_live_half` completes it."""
    source = content.origin.text if content.origin else None
    return Baseline(
        kind=content.kind,
        id=content.id or 0,
        path=content.path or "",
        origin=origin,
        renderer_version=RENDERER_VERSION,
        source_key=source_key(content, anchors) if isinstance(content, Article) else "",
        blob=blob_of(source) if source is not None else "",
        source=source,
        expanded=_expanded(content),
        content=content_digests(content, anchors),
    )


def with_live_half(
    known: Baseline, live: Item, *, seen_at: str, before: Baseline | None, is_new: bool = False
) -> Baseline:
    """Return a baseline with the live half that the portal showed at `seen_at`; `before` is the earlier baseline."""
    return replace(
        known,
        id=live.id or known.id,
        parent=live.parent,
        seen_at=seen_at or known.seen_at,
        updated_at=live.updated_at or "",
        live=live_digests(live),
        unseen={} if is_new else _unseen(known.content, live, before),
        fields=fields_of(live),
        supersedes="",
    )


def _unseen(managed: Collection[str], live: Item, before: Baseline | None) -> dict[str, str]:
    """Return what content last showed of each field that it does not manage, where live has it otherwise by now.

    Without an earlier baseline that is nothing, but for the author, whom every article has.
    """
    if before is not None and before.live:
        seen = {**before.live, **before.unseen}
    else:
        seen = {name: "" for name, value in fields_of(live).items() if name != "author" and not is_default(name, value)}
    now = live_digests(live)
    return {
        name: shown
        for name, shown in seen.items()
        if name in now and name not in managed and name not in ALWAYS_MANAGED and shown != now[name]
    }


def with_state(known: Baseline, live: Item, *, seen_at: str, state: State, replaced: Item | None = None) -> Baseline:
    """Return a baseline with the live half of now and another state: archived, kept or released.

    The two halves of an undone item never agreed: if its file is restored, all of it is to be sent.
    """
    if known.state is State.UNDONE:
        known = replace(known, content=dict.fromkeys(known.content.keys() - {"parent"}, ""), source_key="")
    made = with_live_half(known, live, seen_at=seen_at, before=known)
    previous = fields_of(replaced) if replaced else {}
    return replace(made, id=known.id, parent=known.parent, state=state, previous=previous)


def _state_after_removal(change: Change, known: Baseline) -> State:
    """Return the state of what was removed; only an article that stays published is kept, and needs adopting again.

    A directory is restored with its files, and so is an article whose creation was undone: it is unpublished already.
    """
    is_kept = change.action is Action.FORGET and change.kind is Kind.ARTICLE and known.state is not State.UNDONE
    return State.KEPT if is_kept else State.ARCHIVED


def _restored(known: Baseline, live: Item, *, seen_at: str, replaced: Item | None, before: Baseline | None) -> Baseline:
    """Make the baseline of a former version that was restored; it keeps a live half and a `previous` of its own."""
    made = known if known.live else with_live_half(known, live, seen_at=seen_at, before=before)
    return replace(made, seen_at=seen_at or made.seen_at, previous=fields_of(replaced) if replaced else known.previous)


def _expanded(content: Item) -> str | None:
    """Return an article's body with includes and variables resolved, where that differs from its source."""
    if not isinstance(content, Article) or content.origin is None:
        return None
    if not may_have_placeholders(content.origin.text) and content.body in content.origin.text:
        return None
    own = parse_document(content.origin.text, content.path or "").body
    return content.body if content.body != own else None


def without_fields(reached: Baseline, unsent: Collection[str]) -> Baseline:
    """Remove from a baseline what was not sent: the next plan finds that it is still to do."""
    return replace(reached, content={name: value for name, value in reached.content.items() if name not in unsent})


WRITES = frozenset(Action) - {Action.ADOPT, Action.FORGET}
"""What may change the portal."""


class WriteGuard(Protocol):
    """What a run asks before each write, and records its baselines with."""

    def check(self) -> str:
        """Return why nothing may be written any more; empty while all is well."""

    def note(self, reached: Baseline) -> None:
        """Record a baseline."""


@dataclass(slots=True, kw_only=True)
class Recorder:
    """What one run has reached; `existing` are the items that were live before, `ids` where each path is live now.

    Every method may be called from any thread.
    """

    plan: Plan
    addresses: LinkResolver
    known: Mapping[ItemKey, Baseline]
    existing: frozenset[ItemKey]
    seen_at: str
    ids: Mapping[str, int]
    guard: WriteGuard | None = None
    keys: KeyFinder = NO_KEYS
    baselines: dict[ItemKey, Baseline] = field(default_factory=dict)
    forgotten: set[ItemKey] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def record(self, change: Change, outcome: Outcome, rendered: Rendered | None) -> None:
        """Note what both sides now say; an unverified answer is noted too, so that it is not sent again."""
        if outcome.live is None and outcome.result is not Result.DONE:
            return
        key = outcome.live.key if outcome.live and outcome.live.id else change.key
        with self._lock:
            reached = self._baseline_after(key, change, outcome, rendered)
            if reached is not None:
                reached = self._without_keys(reached)
                self.baselines[key] = reached
        if reached is not None and self.guard is not None:
            self.guard.note(reached)

    def _without_keys(self, reached: Baseline) -> Baseline:
        """Return a baseline whose texts of the portal hold no API key: an agent may have written one there."""

        def redacted(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
            return {
                name: self.keys.redact(value) if isinstance(value, str) else value for name, value in fields.items()
            }

        return replace(reached, fields=redacted(reached.fields), previous=redacted(reached.previous))

    def _baseline_after(
        self, key: ItemKey, change: Change, outcome: Outcome, rendered: Rendered | None
    ) -> Baseline | None:
        known, live, seen_at = self.known.get(key), outcome.live or change.actual, outcome.seen_at or self.seen_at
        # What is forgotten and still on the portal must not be taken for new.
        if change.action is Action.DELETE or (change.action is Action.FORGET and change.actual is None):
            self.forgotten.add(key)
            return None
        if live is None:
            return None
        replaced = self._replaced(change, live)
        if change.baseline_after is not None:
            return _restored(change.baseline_after, live, seen_at=seen_at, replaced=replaced, before=known)
        if change.action.is_removal:
            if known is None:
                return None
            state = _state_after_removal(change, known)
            return with_state(known, live, seen_at=seen_at, state=state, replaced=replaced)
        content = change.desired
        if content is None:
            return None
        if change.id is not None and change.id != live.id:
            # Created again because the old one is gone from the portal.
            self.forgotten.add(change.key)
        return self._baseline_of_write(change, content, live, outcome, rendered)

    def _baseline_of_write(
        self, change: Change, content: Item, live: Item, outcome: Outcome, rendered: Rendered | None
    ) -> Baseline:
        sent = rendered.addresses if rendered else {}
        if rendered is None and isinstance(content, Article):
            sent = current_addresses(content, self.addresses, self.ids)
        reached = make_baseline(
            content,
            live,
            seen_at=outcome.seen_at or self.seen_at,
            origin=self.origin_of(change, live.id or 0),
            anchors=self.plan.anchors.get(change.path, frozenset()),
            addresses=sent,
            before=self.known.get(change.key if change.action is Action.MOVE else live.key),
            is_new=change.action is Action.CREATE,
        )
        replaced, sent_digest = self._replaced(change, live), self._sent_digest(change, live, rendered)
        reached = replace(
            without_fields(reached, outcome.unsent),
            previous=fields_of(replaced) if replaced else {},
            sent_digest=sent_digest,
        )
        if change.action is Action.UPDATE and isinstance(live, Article):
            # An update leaves an article where agents moved it: that stays a web edit, for a pull.
            known = self.known.get(live.key)
            folder = self.ids.get(parent_path(change.path)) or (known.parent if known else live.parent)
            return replace(reached, parent=folder)
        return reached

    def _sent_digest(self, change: Change, live: Item, rendered: Rendered | None) -> str:
        """Return the digest of the HTML that live was made of; a write that leaves the body alone keeps it."""
        if rendered is not None:
            return digest(rendered.html) if rendered.whole else ""
        known = self.known.get(live.key)
        return known.sent_digest if known and change.action in WRITES else ""

    def origin_of(self, change: Change, number: int) -> BaselineOrigin:
        """Return the side on which an item was first, by its baseline, else by whether this run creates it."""
        key = ItemKey(change.kind, number)
        return _origin(self.baselines.get(key) or self.known.get(key), change)

    def _replaced(self, change: Change, live: Item) -> Item | None:
        """Return the live version that a change replaced; none for what this run created, or did not write."""
        is_old = live.id is not None and live.key in self.existing
        return change.actual if is_old and change.action in WRITES and live != change.actual else None


def intents_of(plan: Plan, known: Mapping[ItemKey, Baseline]) -> tuple[Intent, ...]:
    """Return each change that will write, with the baseline that it is to end in."""
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
    origin = _origin(known.get(change.key), change)
    return replace(content_half(item, origin=origin, anchors=anchors), fields=fields)


def _origin(known: Baseline | None, change: Change) -> BaselineOrigin:
    if known is not None:
        return known.origin
    return BaselineOrigin.CONTENT if change.action.creates_item else BaselineOrigin.LIVE


def conflict_of(change: Change, reason: str) -> Finding:
    """Return the conflict that a change of the portal becomes where it is held back."""
    return Finding(
        finding_kind=FindingKind.CONFLICT,
        kind=change.kind,
        path=change.path,
        id=change.id,
        reason=reason,
        content=change.desired,
        live=change.actual,
    )


def with_unmanaged_fields(article: Article, old: Article) -> Article:
    """Return the new article with the fields of the old one that content does not manage."""
    seo = Seo(
        title=old.seo.title if article.seo.title is None else article.seo.title,
        description=old.seo.description if article.seo.description is None else article.seo.description,
        keywords=old.seo.keywords if article.seo.keywords is None else article.seo.keywords,
    )
    return replace(article, tags=old.tags if article.tags is None else article.tags, seo=seo)


def change_of_old_article(change: Change, known: Baseline | None, address: str | None) -> Change:
    """Return the change of the old article in a move; `address` is that of the new one."""
    path, old, new = change.former_path or change.path, change.actual, change.desired
    if not (change.leaves_pointer and known and address and isinstance(old, Article) and isinstance(new, Article)):
        return replace(change, action=Action.ARCHIVE, path=path, fields=("status",), desired=None)
    return replace(
        change,
        action=Action.UPDATE,
        path=path,
        fields=("body",),
        desired=replace(old, body=pointer_body(new.title, address), tags=None, seo=Seo(), author=None),
        baseline_after=replace(
            known,
            state=State.ARCHIVED,
            live={},
            fields={},
            addresses={change.path: address},
            previous={},
            supersedes="",
            successor=None,
        ),
    )


def add_pointers(plan: Plan, known: Mapping[ItemKey, Baseline], addresses: LinkResolver) -> Plan:
    """Complete the changes of old articles whose move an interrupted run did not finish."""
    return replace(plan, changes=tuple(_pointing(change, plan, known, addresses) for change in plan.changes))


def _pointing(change: Change, plan: Plan, known: Mapping[ItemKey, Baseline], addresses: LinkResolver) -> Change:
    new = change.desired
    if not change.leaves_pointer or change.action is not Action.UPDATE or new is None or new.path is None:
        return change
    move = replace(change, path=new.path, former_path=change.path)
    address = addresses.address_of(new.path, plan.ids)
    return replace(change_of_old_article(move, known.get(change.key), address), former_path=None)


def ends_archived(change: Change) -> bool:
    """Return whether a change ends with the item archived, so that its path is free."""
    return change.baseline_after is not None and change.baseline_after.state is State.ARCHIVED
