"""Recovery of runs that were cut off: their intents, searched for in what the portal shows now.

What is found becomes a baseline, as if the run had recorded it. What is ambiguous stays unresolved and is named, so
that nothing is created twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Outcome, Result
from kbsync.content.document import parse_document
from kbsync.digests import differences, live_digests
from kbsync.engine.context import Recovered, Workspace, complete_baselines
from kbsync.engine.record import conflict_of, with_live_half, with_state, without_fields
from kbsync.engine.render import LinkResolver, current_addresses, points_to
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from kbsync.model import (
    Article,
    FieldValue,
    Item,
    ItemKey,
    Kind,
    KnowledgeBase,
    Status,
    digest,
    fields_of,
    kind_of,
    parent_path,
)
from kbsync.planner.planner import Plan
from kbsync.state.journal import InFlight, Intent


def recover_into(workspace: Workspace, live: KnowledgeBase) -> Workspace:
    """Add to a workspace what runs that were cut off, or are still going on, have done on the portal.

    Where the portal was not read, only what the runs noted themselves counts.
    """
    run = workspace.in_flight
    if run is None and not workspace.journaled:
        return workspace
    search = _Search(live, workspace.baselines, LinkResolver(workspace.config, workspace.content.assets))
    for noted in (*workspace.journaled, *(run.reached.values() if run else ())):
        search.add_noted(noted)
    if run and (live.categories or live.articles):
        search.search_for(run)
    recovered = Recovered(
        baselines=complete_baselines(workspace.repository, workspace.content, search.found),
        outcomes=tuple(search.outcomes()),
        unresolved=search.unresolved,
        unresolved_ids=frozenset(search.unresolved_ids),
    )
    return replace(workspace, baselines={**workspace.baselines, **recovered.baselines}, recovered=recovered)


class _Search:
    """One search: what is known, what was found, and the live id of each path."""

    def __init__(self, live: KnowledgeBase, known: Mapping[ItemKey, Baseline], addresses: LinkResolver) -> None:
        self.live = live.by_id()
        self.seen_at = live.seen_at
        self.known = dict(known)
        self.addresses = addresses
        self.found: dict[ItemKey, Baseline] = {}
        self.applied: dict[ItemKey, Intent] = {}
        self.unresolved: dict[str, str] = {}
        self.unresolved_ids: set[ItemKey] = set()
        self.ids = {baseline.path: baseline.id for baseline in known.values() if baseline.state is State.LIVE}

    def add_noted(self, noted: Baseline) -> None:
        """Add what a run noted, unless something later is known."""
        known, now = self.known.get(noted.key), self.live.get(noted.key)
        is_later = known is None or known.seen_at < noted.seen_at
        is_shown = now is not None and live_digests(now) == dict(noted.live)
        if is_later or (known is not None and known.seen_at == noted.seen_at and known != noted and is_shown):
            self._add(noted)

    def _add(self, baseline: Baseline) -> None:
        self.known[baseline.key] = self.found[baseline.key] = baseline
        if baseline.state is State.LIVE:
            self.ids[baseline.path] = baseline.id

    def search_for(self, run: InFlight) -> None:
        """Search for each intent of a run, parents before what they hold."""
        self.ids |= run.ids
        for intent in run.intents:
            if intent.action.creates_item:
                self.ids.pop(intent.path, None)
        self.ids |= {baseline.path: baseline.id for baseline in self.found.values() if baseline.state is State.LIVE}
        intents = sorted(run.intents, key=lambda intent: (intent.kind.rank, intent.path.count("/"), intent.path))
        for intent in intents:
            if intent.kind is not Kind.ARTICLE:
                self._search_for_one(intent, run)
        articles = [intent for intent in intents if intent.kind is Kind.ARTICLE]
        for intent in articles:
            # New articles link to one another: the ids that they may have are needed before their bodies are compared.
            likely = self._candidates(intent, run) if intent.action.creates_item else []
            if len(likely) == 1:
                self.ids.setdefault(intent.path, likely[0].id or 0)
        for intent in articles:
            self._search_for_one(intent, run)

    def _search_for_one(self, intent: Intent, run: InFlight) -> None:
        if intent.action.creates_item:
            if self._find_created(intent, run) and intent.action is Action.MOVE and intent.id:
                self._check_archived(intent, intent.id)
                self._check_pointer(intent, intent.id, intent.path, self.addresses.address_of(intent.path, self.ids))
                self._note_successor(intent, intent.id)
        elif intent.action is Action.ARCHIVE and intent.source is None and intent.id:
            self._check_archived(intent, intent.id)
        elif intent.id:
            self._check_written(intent, intent.id)
            if intent.source is not None and intent.source.state is State.ARCHIVED:
                # The portal may have rewritten the only link in it.
                for path, address in intent.source.addresses.items():
                    self._check_pointer(intent, intent.id, path, address)

    def _candidates(self, intent: Intent, run: InFlight) -> list[Item]:
        """Return the live items of the intended name and place that were not there before the run."""
        parent = self.ids.get(parent_path(intent.path))
        wanted = intent.source.fields if intent.source else {}
        name = _comparable(wanted.get("title") or wanted.get("name"))
        return [
            item
            for key, item in self.live.items()
            if key.kind is intent.kind
            and key not in run.existing
            and _comparable(item.label) == name
            and (item.kind is Kind.CATEGORY or (parent is not None and item.parent == parent))
        ]

    def _find_created(self, intent: Intent, run: InFlight) -> bool:
        """Find a created item; return whether it is there."""
        for key, baseline in self.known.items():
            if baseline.path == intent.path and key.kind is intent.kind and key not in run.existing:
                self._check_written(intent, baseline.id)
                self.applied[key] = intent
                return True
        candidates = [item for item in self._candidates(intent, run) if item.key not in self.known]
        same = [item for item in candidates if not _differing_fields(intent, item, self.ids, self.addresses)]
        if len(same) == 1:
            self._confirm(intent, same[0])
            return True
        if len(same) > 1 or (candidates and intent.action is Action.MOVE):
            self._leave_unresolved(intent, same or candidates)
        return False

    def _leave_unresolved(self, intent: Intent, items: Sequence[Item]) -> None:
        numbers = ", ".join(str(item.id) for item in items)
        of, others, one = ("one of ", "all but one of them", "one") if len(items) > 1 else ("", "it", "it")
        self.unresolved[intent.path] = (
            f"an interrupted publish may have created {of}{intent.kind} {numbers}: "
            f"delete {others} in Freshdesk, or adopt {one}"
        )
        self.unresolved_ids |= {item.key for item in items}

    def _check_written(self, intent: Intent, number: int) -> None:
        """Check whether an existing item was written as intended, wholly or in part."""
        key = ItemKey(intent.kind, number)
        known, now = self.known.get(key), self.live.get(key)
        if now is None or (known is not None and _matches_baseline(known, now)):
            return
        if not _differing_fields(intent, now, self.ids, self.addresses):
            self._confirm(intent, now)
        elif known and _became_draft(known, now) and intent.source and intent.source.fields.get("status") == "draft":
            # Unpublishing is a call of its own, and the first: the rest is left to the plan.
            self._add(replace(with_live_half(known, now, seen_at=self.seen_at, before=known), previous=known.fields))

    def _check_archived(self, intent: Intent, number: int) -> None:
        """Check whether an article was archived: all but its status is as it was."""
        key = ItemKey(Kind.ARTICLE, number)
        known, now = self.known.get(key), self.live.get(key)
        if known and now and known.state is State.LIVE and _became_draft(known, now):
            archived = with_state(known, now, seen_at=self.seen_at, state=State.ARCHIVED)
            self._add(replace(archived, previous=known.fields))
            self.applied[key] = intent

    def _note_successor(self, intent: Intent, number: int) -> None:
        """Note the successor of an article that moved, where the old one is still unchanged."""
        key, successor = ItemKey(Kind.ARTICLE, number), self.ids.get(intent.path)
        known = self.known.get(key)
        if known is not None and known.state is State.LIVE and successor not in {None, number}:
            self.known[key] = self.found[key] = replace(known, successor=successor, previous={})

    def _check_pointer(self, intent: Intent, number: int, path: str, address: str | None) -> None:
        """Check whether an article that moved only links to its successor by now."""
        key = ItemKey(Kind.ARTICLE, number)
        known, now = self.known.get(key), self.live.get(key)
        if known and now and known.state is State.LIVE and address is not None and points_to(now, address):
            archived = with_state(known, now, seen_at=self.seen_at, state=State.ARCHIVED)
            self._add(replace(archived, previous=known.fields, addresses={path: address}, successor=None))
            self.applied[key] = intent

    def _confirm(self, intent: Intent, now: Item) -> None:
        if intent.source is None:
            return
        known = self.known.get(now.key)
        reached = with_live_half(
            intent.source,
            now,
            seen_at=self.seen_at,
            before=known or self.known.get(ItemKey(intent.kind, intent.id or 0)),
            is_new=intent.action is Action.CREATE,
        )
        article = _intended_article(intent, now)
        if article is not None and not intent.source.live:
            sent = current_addresses(article, self.addresses, self.ids)
            # The plan sends an article once more whose addresses are not what they would be now.
            reached = replace(reached, addresses=dict.fromkeys(sent, "") if _is_first_draft(intent, now) else sent)
        # An opener's status goes with the body, once its addresses are known.
        unsent = _pending_fields(intent, now) - {"status"}
        previous = (known.previous if now.key in self.found else known.fields) if known else {}
        self._add(replace(without_fields(reached, unsent), previous=previous))
        self.applied[now.key] = intent

    def outcomes(self) -> Iterable[Outcome]:
        """Yield the outcomes that the run would have reported."""
        for key, intent in self.applied.items():
            # The old article of a move is reported with the new one.
            if key not in self.found or (intent.action is Action.MOVE and key.id == intent.id):
                continue
            change = Change(
                action=intent.action,
                kind=intent.kind,
                path=intent.path,
                id=intent.id,
                former_path=intent.former,
                fields=intent.fields,
            )
            yield Outcome(change=change, result=Result.DONE, live=self.live.get(key), seen_at=self.seen_at)


def _differing_fields(intent: Intent, now: Item, ids: Mapping[str, int], addresses: LinkResolver) -> tuple[str, ...]:
    """Return the fields in which a live item differs from an intent; `ids` holds the live ids of content paths."""
    if intent.source is None:
        return ("nothing",)
    theirs, pending = fields_of(now), _pending_fields(intent, now)
    mine = {name: value for name, value in intent.source.fields.items() if name not in pending}
    wrong = [name for name, value in mine.items() if _comparable(value) != _comparable(theirs.get(name))]
    parent = ids.get(parent_path(intent.path))
    if parent is not None and now.parent != parent:
        wrong.append("parent")
    return (*wrong, *_differing_body(intent, now, ids, addresses))


def _differing_body(intent: Intent, now: Item, ids: Mapping[str, int], addresses: LinkResolver) -> tuple[str, ...]:
    article = _intended_article(intent, now)
    if article is None or not isinstance(now, Article) or intent.source is None:
        return ()
    if intent.source.live:
        return () if intent.source.live.get("body") == live_digests(now)["body"] else ("body",)
    if _is_first_draft(intent, now):
        return () if _words(article) == _words(now) else ("body",)
    paths: dict[ItemKey, str] = {ItemKey(kind_of(path), number): path for path, number in ids.items()}
    return differences(article, now, intent.anchors, addresses, paths)


def _pending_fields(intent: Intent, now: Item) -> frozenset[str]:
    """Return the fields that a creation sets with a second call, where that was not made: they are left to the plan."""
    if not intent.action.creates_item or intent.source is None:
        return frozenset()
    theirs = fields_of(now)
    second = {"author", "status"} if _is_first_draft(intent, now) else {"author"}
    wanted = intent.source.fields
    return frozenset(name for name in second & wanted.keys() if _comparable(wanted[name]) != _comparable(theirs[name]))


def _intended_article(intent: Intent, now: Item) -> Article | None:
    """Return the intended article, all but its body being as the portal shows it."""
    if intent.source is None or not isinstance(now, Article):
        return None
    body = intent.source.expanded
    if body is None:
        body = parse_document(intent.source.source or "", intent.path).body
    return replace(now, body=body, path=intent.path)


def _is_first_draft(intent: Intent, now: Item) -> bool:
    """Return whether this may be the first of the two writes of an article in a cycle."""
    return intent.draft_first and isinstance(now, Article) and now.status is Status.DRAFT


def _words(article: Article) -> str:
    """Return the text of an article, whatever its links point to."""
    html = article.body if article.path is None else to_html(article.body, resolve=lambda _: "#")
    return to_markdown(html, rewrite=lambda _: "#").text


def _matches_baseline(known: Baseline, now: Item) -> bool:
    """Return whether an item is as in its baseline, and was not saved since."""
    return dict(known.live) == live_digests(now) and known.updated_at == (now.updated_at or "")


def _became_draft(known: Baseline, now: Item) -> bool:
    """Return whether an article became a draft, and nothing else of it changed."""
    moved = {name for name, value in live_digests(now).items() if value != known.live.get(name)}
    return isinstance(now, Article) and moved == {"status"} and now.status is Status.DRAFT


def _comparable(value: FieldValue) -> str:
    """Return a digest to compare by, as the portal's answers are compared: without surrounding spaces."""
    return digest(value if isinstance(value, tuple) or value is None else str(value).strip())


def hold_back_unresolved(plan: Plan, unresolved: Mapping[str, str]) -> Plan:
    """Hold back from a plan what may have been created already, as conflicts."""
    findings = (conflict_of(change, unresolved[change.path]) for change in plan.changes if change.path in unresolved)
    changes = tuple(change for change in plan.changes if change.path not in unresolved)
    return replace(plan, changes=changes, conflicts=(*plan.conflicts, *findings))
