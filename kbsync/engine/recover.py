"""What became of a run that was cut off: what it set out to do, sought in what the portal shows now. Pure.

What is found to be ours becomes a baseline, as if the run had said so itself. What cannot be told apart is named, and
nothing that might be a second copy is made.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change, Finding, FindingKind, Outcome, Result
from kbsync.content.document import parse_document
from kbsync.digests import differences, live_digests
from kbsync.engine.context import Recovered, Workspace, complete_baselines
from kbsync.engine.record import with_live_half, with_state, without_fields
from kbsync.engine.render import LinkResolver, current_addresses, points_to
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from kbsync.model import (
    Article,
    Category,
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

MADE = frozenset({Action.CREATE, Action.MOVE})
"""What makes an item anew."""


def differing(intent: Intent, now: Item, ids: Mapping[str, int], addresses: LinkResolver) -> tuple[str, ...]:
    """Return what of an intent the live item does not show; `ids` tell where each content path is live."""
    if intent.source is None:
        return ("nothing",)
    theirs, excused = fields_of(now), yet_to_come(intent, now)
    mine = {name: value for name, value in intent.source.fields.items() if name not in excused}
    wrong = [name for name, value in mine.items() if plain(value) != plain(theirs.get(name))]
    parent = ids.get(parent_path(intent.path))
    if not isinstance(now, Category) and parent is not None and now.parent != parent:
        wrong.append("parent")
    return (*wrong, *_differing_body(intent, now, ids, addresses))


def _differing_body(intent: Intent, now: Item, ids: Mapping[str, int], addresses: LinkResolver) -> tuple[str, ...]:
    article = article_of(intent, now)
    if article is None or not isinstance(now, Article) or intent.source is None:
        return ()
    if intent.source.live:
        return () if intent.source.live.get("body") == live_digests(now)["body"] else ("body",)
    if is_opened(intent, now):
        return () if _words(article) == _words(now) else ("body",)
    paths: dict[ItemKey, str] = {ItemKey(kind_of(path), number): path for path, number in ids.items()}
    return differences(article, now, intent.anchors, addresses, paths)


def yet_to_come(intent: Intent, now: Item) -> frozenset[str]:
    """Return what a creation sets with a second call, where that was not made: the plan sees to it."""
    if intent.action not in MADE or intent.source is None:
        return frozenset()
    theirs = fields_of(now)
    second = {"author", "status"} if is_opened(intent, now) else {"author"}
    wanted = intent.source.fields
    return frozenset(name for name in second & wanted.keys() if plain(wanted[name]) != plain(theirs[name]))


def article_of(intent: Intent, now: Item) -> Article | None:
    """Return the article that was meant, all but its body being as the portal shows it."""
    if intent.source is None or not isinstance(now, Article):
        return None
    source = intent.source
    body = source.expanded if source.expanded is not None else parse_document(source.source or "", intent.path).body
    return replace(now, body=body, path=intent.path)


def is_opened(intent: Intent, now: Item) -> bool:
    """Return whether this may be the first of the two writes of an article in a circle."""
    return intent.draft_first and isinstance(now, Article) and now.status is Status.DRAFT


def _words(article: Article) -> str:
    """Return what an article says, wherever its links lead."""
    is_markdown = article.path is not None
    html = to_html(article.body, resolve=lambda _: "#") if is_markdown else article.body
    return to_markdown(html, rewrite=lambda _: "#").text


def is_as_agreed(known: Baseline, now: Item) -> bool:
    """Return whether an item is as it was left, down to when it was last saved."""
    return dict(known.live) == live_digests(now) and known.updated_at == (now.updated_at or "")


def is_hidden(known: Baseline, now: Item) -> bool:
    """Return whether an article became a draft, and nothing else of it moved."""
    moved = {name for name, value in live_digests(now).items() if value != known.live.get(name)}
    return isinstance(now, Article) and moved == {"status"} and now.status is Status.DRAFT


def wants_draft(intent: Intent) -> bool:
    """Return whether an article was to become a draft."""
    return intent.source is not None and intent.source.fields.get("status") == Status.DRAFT


def name_in(source: Baseline | None) -> FieldValue:
    """Return the title or name that an intent wants."""
    return (source.fields.get("title") or source.fields.get("name")) if source else None


def name_of(item: Item) -> str:
    """Return the title or name of a live item."""
    return item.label


def plain(value: FieldValue) -> str:
    """Digest a value for comparing, as a portal's answer is compared: spaces around it are nobody's intention."""
    return digest(value if isinstance(value, tuple) or value is None else str(value).strip())


def recovered(
    runs: Sequence[InFlight],
    noted: Iterable[Baseline],
    live: KnowledgeBase,
    known: Mapping[ItemKey, Baseline],
    addresses: LinkResolver,
) -> Recovered:
    """Find on the portal what runs that were cut off have done there.

    `noted` is what this clone's journals say, `known` what lock and ledger say. Where the portal was not read, what the
    runs wrote down themselves is all that counts.
    """
    search = _Search(live, known, addresses)
    for baseline in (*noted, *(done for run in runs for done in run.reached.values())):
        search.take_over(baseline)
    if live.categories or live.articles:
        for run in runs:
            search.follow(run)
    return Recovered(
        baselines=search.found,
        outcomes=tuple(search.outcomes()),
        unresolved=search.doubts,
        unresolved_ids=frozenset(search.doubted),
    )


def hold_back_unresolved(plan: Plan, doubts: Mapping[str, str]) -> Plan:
    """Hold back from a plan what may have been made already, and name it."""
    held = [change for change in plan.changes if change.path in doubts]
    if not held:
        return plan
    findings = (
        Finding(
            finding_kind=FindingKind.CONFLICT,
            kind=change.kind,
            path=change.path,
            id=change.id,
            reason=doubts[change.path],
            content=change.desired,
            live=change.actual,
        )
        for change in held
    )
    changes = tuple(change for change in plan.changes if change.path not in doubts)
    return replace(plan, changes=changes, conflicts=(*plan.conflicts, *findings))


class _Search:
    """One search: what is known, what was found, and where each path is."""

    def __init__(self, live: KnowledgeBase, known: Mapping[ItemKey, Baseline], addresses: LinkResolver) -> None:
        self.live = live.by_id()
        self.seen_at = live.seen_at
        self.known = dict(known)
        self.addresses = addresses
        self.found: dict[ItemKey, Baseline] = {}
        self.told: dict[ItemKey, Intent] = {}
        self.doubts: dict[str, str] = {}
        self.doubted: set[ItemKey] = set()
        self.ids = {agreed.path: agreed.id for agreed in known.values() if agreed.state is State.LIVE}

    def take_over(self, noted: Baseline) -> None:
        """Believe what a run wrote down, unless something later is known."""
        known, now = self.known.get(noted.key), self.live.get(noted.key)
        is_later = known is None or known.seen_at < noted.seen_at
        is_shown = now is not None and live_digests(now) == dict(noted.live)
        if is_later or (known is not None and known.seen_at == noted.seen_at and known != noted and is_shown):
            self._find(noted)

    def _find(self, baseline: Baseline) -> None:
        self.known[baseline.key] = self.found[baseline.key] = baseline
        if baseline.state is State.LIVE:
            self.ids[baseline.path] = baseline.id

    def follow(self, run: InFlight) -> None:
        """Look for each thing that a run set out to do, parents before what they hold."""
        self.ids |= run.ids
        for intent in run.intents:
            if intent.action in MADE:
                self.ids.pop(intent.path, None)
        self.ids |= {agreed.path: agreed.id for agreed in self.found.values() if agreed.state is State.LIVE}
        intents = sorted(run.intents, key=lambda intent: (intent.kind.rank, intent.path.count("/"), intent.path))
        for intent in intents:
            if intent.kind is not Kind.ARTICLE:
                self._seek(intent, run)
        articles = [intent for intent in intents if intent.kind is Kind.ARTICLE]
        for intent in articles:
            # New articles link to one another: where each may be is said before their bodies are compared.
            likely = self._candidates(intent, run) if intent.action in MADE else []
            if len(likely) == 1:
                self.ids.setdefault(intent.path, likely[0].id or 0)
        for intent in articles:
            self._seek(intent, run)

    def _seek(self, intent: Intent, run: InFlight) -> None:
        if intent.action in MADE:
            if self._made(intent, run) and intent.action is Action.MOVE and intent.id:
                self._hidden(intent, intent.id)
                self._pointed(intent, intent.id, intent.path, self.addresses.address_of(intent.path, self.ids))
                self._followed(intent, intent.id)
        elif intent.action is Action.ARCHIVE and intent.source is None and intent.id:
            self._hidden(intent, intent.id)
        elif intent.id:
            self._written(intent, intent.id)
            if intent.source is not None and intent.source.state is State.ARCHIVED:
                # The portal may have rewritten the link that was to be all that is left.
                for path, address in intent.source.addresses.items():
                    self._pointed(intent, intent.id, path, address)

    def _candidates(self, intent: Intent, run: InFlight) -> list[Item]:
        """Return the live items that are new since the run looked, are called the same and lie where it would put it."""
        parent = self.ids.get(parent_path(intent.path))
        name = plain(name_in(intent.source))
        return [
            item
            for key, item in self.live.items()
            if key.kind is intent.kind
            and key not in run.existing
            and plain(name_of(item)) == name
            and (isinstance(item, Category) or (parent is not None and item.parent == parent))
        ]

    def _made(self, intent: Intent, run: InFlight) -> bool:
        """Find a new item; tell whether it is there."""
        for key, agreed in self.known.items():
            if agreed.path == intent.path and key.kind is intent.kind and key not in run.existing:
                self._written(intent, agreed.id)
                self.told[key] = intent
                return True
        candidates = [item for item in self._candidates(intent, run) if item.key not in self.known]
        same = [item for item in candidates if not differing(intent, item, self.ids, self.addresses)]
        if len(same) == 1:
            self._conclude(intent, same[0])
            return True
        if len(same) > 1 or (candidates and intent.action is Action.MOVE):
            self._doubt(intent, same or candidates)
        return False

    def _doubt(self, intent: Intent, items: Sequence[Item]) -> None:
        numbers = ", ".join(str(item.id) for item in items)
        several = len(items) > 1
        self.doubts[intent.path] = (
            f"a publish that was cut off may have made {'one of ' if several else ''}{intent.kind} {numbers}: "
            f"delete {'all but one of them' if several else 'it'} in Freshdesk, or adopt {'one' if several else 'it'}"
        )
        self.doubted |= {item.key for item in items}

    def _written(self, intent: Intent, number: int) -> None:
        """See whether an item that was there before is by now what it was to become, or half of it."""
        key = ItemKey(intent.kind, number)
        known, now = self.known.get(key), self.live.get(key)
        if now is None or (known is not None and is_as_agreed(known, now)):
            return
        if not differing(intent, now, self.ids, self.addresses):
            self._conclude(intent, now)
        elif known is not None and is_hidden(known, now) and wants_draft(intent):
            # Unpublishing goes alone and first: this was half of what was meant, and the plan sees to the rest.
            self._find(replace(with_live_half(known, now, seen=self.seen_at), previous=known.fields))

    def _hidden(self, intent: Intent, number: int) -> None:
        """See whether an article was archived: all but its status is as it was."""
        key = ItemKey(Kind.ARTICLE, number)
        known, now = self.known.get(key), self.live.get(key)
        if known is None or now is None or known.state is not State.LIVE or not is_hidden(known, now):
            return
        self._find(replace(with_state(known, now, seen=self.seen_at, state=State.ARCHIVED), previous=known.fields))
        self.told[key] = intent

    def _followed(self, intent: Intent, number: int) -> None:
        """Note of an article that moved, and of which nothing is left behind yet, which one took its place."""
        key, successor = ItemKey(Kind.ARTICLE, number), self.ids.get(intent.path)
        known = self.known.get(key)
        if known is not None and known.state is State.LIVE and successor not in {None, number}:
            self.known[key] = self.found[key] = replace(known, successor=successor, previous={})

    def _pointed(self, intent: Intent, number: int, path: str, address: str | None) -> None:
        """See whether an article that moved was left to point to its successor."""
        key = ItemKey(Kind.ARTICLE, number)
        known, now = self.known.get(key), self.live.get(key)
        if known is None or now is None or known.state is not State.LIVE or address is None:
            return
        if points_to(now, address):
            rests = with_state(known, now, seen=self.seen_at, state=State.ARCHIVED)
            self._find(replace(rests, previous=known.fields, addresses={path: address}, successor=None))
            self.told[key] = intent

    def _conclude(self, intent: Intent, now: Item) -> None:
        if intent.source is None:
            return
        key = now.key
        known = self.known.get(key)
        agreed = with_live_half(intent.source, now, seen=self.seen_at)
        article = article_of(intent, now)
        if article is not None and not intent.source.live:
            sent = current_addresses(article, self.addresses, self.ids)
            # The plan sends an article once more whose addresses are not what they would be now.
            agreed = replace(agreed, addresses=dict.fromkeys(sent, "") if is_opened(intent, now) else sent)
        # An opener's status goes with the body, once its addresses are known.
        unsent = yet_to_come(intent, now) - {"status"}
        written_over = known.fields if known and key not in self.found else known.previous if known else {}
        self._find(replace(without_fields(agreed, unsent), previous=written_over))
        self.told[key] = intent

    def outcomes(self) -> Iterable[Outcome]:
        """Return what was done, as the run would have told it."""
        for key, intent in self.told.items():
            # That the old article was left behind is told with the new one.
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


def recover_into(workspace: Workspace, live: KnowledgeBase) -> Workspace:
    """Bring into a workspace what runs that were cut off, or still go on, have left on the portal."""
    runs = [workspace.in_flight] if workspace.in_flight else []
    if not runs and not workspace.journaled:
        return workspace
    addresses = LinkResolver(workspace.config, workspace.content.assets)
    found = recovered(runs, workspace.journaled, live, workspace.baselines, addresses)
    found = replace(found, baselines=complete_baselines(workspace.repository, workspace.content, found.baselines))
    return replace(workspace, baselines={**workspace.baselines, **found.baselines}, recovered=found)
