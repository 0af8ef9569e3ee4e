"""What a run leaves in memory: an agreement for each item that both sides now say the same of. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from kbsync.agreements import Agreement, Born, State
from kbsync.change import Action, Change
from kbsync.content.document import parse
from kbsync.markup.reading.placeholders import may_hold_marks
from kbsync.markup.to_html import EPOCH
from kbsync.model import Article, Category, Item, Kind, fields_of
from kbsync.versions import blob_of, content_digests, live_digests, source_key


def agree(
    content: Item,
    live: Item,
    *,
    seen: str,
    born: Born = Born.LIVE,
    anchors: Collection[str] = (),
    addresses: Mapping[str, str] | None = None,
    was: Item | None = None,
) -> Agreement:
    """Make the agreement between a content version and a live version that say the same.

    `seen` is the portal's time of the live version, `anchors` those of the article that others link to, `addresses`
    what its links were sent as, `was` the live version that was written over.
    """
    made = replace(intended(content, born=born, anchors=anchors), id=live.id or 0, addresses=dict(addresses or {}))
    return replace(shown(made, live, seen=seen), was=fields_of(was) if was else {})


def intended(content: Item, *, born: Born = Born.LIVE, anchors: Collection[str] = ()) -> Agreement:
    """Make the content half of an agreement; `shown` completes it."""
    source = content.origin.text if content.origin else None
    return Agreement(
        kind=content.kind,
        id=content.id or 0,
        path=content.path or "",
        born=born,
        epoch=EPOCH,
        source_key=source_key(content, anchors) if isinstance(content, Article) else "",
        blob=blob_of(source) if source is not None else "",
        source=source,
        expanded=_expanded(content),
        content=content_digests(content, anchors),
    )


def shown(agreed: Agreement, live: Item, *, seen: str) -> Agreement:
    """Give an agreement the live half that the portal showed at `seen`."""
    return replace(
        agreed,
        id=live.id or agreed.id,
        parent=None if isinstance(live, Category) else live.parent,
        seen=seen or agreed.seen,
        updated_at=live.updated_at or "",
        live=live_digests(live),
        fields=fields_of(live),
        over="",
    )


def settled(known: Agreement, live: Item, *, seen: str, state: State, was: Item | None = None) -> Agreement:
    """Bring an agreement's live half up to date after its content left: archived, kept or let go.

    Of what was undone the two halves never said the same: should its file come back, all of it is to be sent.
    """
    if known.state is State.UNDONE:
        known = replace(known, content=dict.fromkeys(known.content.keys() - {"parent"}, ""), source_key="")
    return replace(
        known,
        state=state,
        seen=seen or known.seen,
        updated_at=live.updated_at or "",
        live=live_digests(live),
        fields=fields_of(live),
        was=fields_of(was) if was else {},
        over="",
    )


def state_after(change: Change, known: Agreement) -> State:
    """Give the state of what was removed; a directory left standing comes back with its files, as an article does.

    So does an article whose creation was undone: it was unpublished before its file went.
    """
    is_kept = change.action is Action.FORGET and change.kind is Kind.ARTICLE and known.state is not State.UNDONE
    return State.KEPT if is_kept else State.ARCHIVED


def put_back(leaves: Agreement, live: Item, *, seen: str, was: Item | None) -> Agreement:
    """Make the agreement after a former version was put back; a live half that it has already stays.

    What was found put back already keeps its own `was`.
    """
    left = leaves if leaves.live else shown(leaves, live, seen=seen)
    return replace(left, seen=seen or left.seen, was=fields_of(was) if was else leaves.was)


def _expanded(content: Item) -> str | None:
    """Give an article's body where its source does not say it by itself."""
    if not isinstance(content, Article) or content.origin is None or not may_hold_marks(content.origin.text):
        return None
    own = parse(content.origin.text, content.path or "").body
    return content.body if content.body != own else None


def without(reached: Agreement, unsent: Collection[str]) -> Agreement:
    """Take out of an agreement what was not sent: the next plan finds that it is still to do."""
    return replace(reached, content={name: value for name, value in reached.content.items() if name not in unsent})
