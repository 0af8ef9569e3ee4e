"""Whether a live item is what a run meant it to become: an intent held against what the portal shows. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from kbsync.agreements import Agreement, Key
from kbsync.change import Action
from kbsync.content.document import parse
from kbsync.journeys.guarding.intents import Intent
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.markup.to_html import to_html
from kbsync.markup.to_markdown import to_markdown
from kbsync.model import Article, Category, FieldValue, Item, Status, digest, fields_of, kind_of, parent_path
from kbsync.versions import differences, live_digests

MADE = frozenset({Action.CREATE, Action.MOVE})
"""What makes an item anew."""


def differing(intent: Intent, now: Item, ids: Mapping[str, int], addresses: TargetAddresses) -> tuple[str, ...]:
    """Name what of an intent the live item does not show; `ids` tell where each content path is live."""
    if intent.source is None:
        return ("nothing",)
    theirs, excused = fields_of(now), yet_to_come(intent, now)
    mine = {name: value for name, value in intent.source.fields.items() if name not in excused}
    wrong = [name for name, value in mine.items() if plain(value) != plain(theirs.get(name))]
    parent = ids.get(parent_path(intent.path))
    if not isinstance(now, Category) and parent is not None and now.parent != parent:
        wrong.append("parent")
    return (*wrong, *_differing_body(intent, now, ids, addresses))


def _differing_body(intent: Intent, now: Item, ids: Mapping[str, int], addresses: TargetAddresses) -> tuple[str, ...]:
    article = article_of(intent, now)
    if article is None or not isinstance(now, Article) or intent.source is None:
        return ()
    if intent.source.live:
        return () if intent.source.live.get("body") == live_digests(now)["body"] else ("body",)
    if is_opened(intent, now):
        return () if _words(article) == _words(now) else ("body",)
    paths: dict[Key, str] = {(kind_of(path), number): path for path, number in ids.items()}
    return differences(article, now, intent.anchors, addresses, paths)


def yet_to_come(intent: Intent, now: Item) -> frozenset[str]:
    """Name what a creation sets with a second call, where that was not made: the plan sees to it."""
    if intent.action not in MADE or intent.source is None:
        return frozenset()
    theirs = fields_of(now)
    second = {"author", "status"} if is_opened(intent, now) else {"author"}
    wanted = intent.source.fields
    return frozenset(name for name in second & wanted.keys() if plain(wanted[name]) != plain(theirs[name]))


def article_of(intent: Intent, now: Item) -> Article | None:
    """Give the article that was meant, all but its body being as the portal shows it."""
    if intent.source is None or not isinstance(now, Article):
        return None
    source = intent.source
    body = source.expanded if source.expanded is not None else parse(source.source or "", intent.path).body
    return replace(now, body=body, path=intent.path)


def is_opened(intent: Intent, now: Item) -> bool:
    """Tell whether this may be the first of the two writes of an article in a circle."""
    return intent.opens and isinstance(now, Article) and now.status is Status.DRAFT


def _words(article: Article) -> str:
    """Give what an article says, wherever its links lead."""
    is_markdown = article.path is not None
    html = to_html(article.body, resolve=lambda _: "#") if is_markdown else article.body
    return to_markdown(html, rewrite=lambda _: "#").text


def is_as_agreed(known: Agreement, now: Item) -> bool:
    """Tell whether an item is as it was left, down to when it was last saved."""
    return dict(known.live) == live_digests(now) and known.updated_at == (now.updated_at or "")


def is_hidden(known: Agreement, now: Item) -> bool:
    """Tell whether an article became a draft, and nothing else of it moved."""
    moved = {name for name, value in live_digests(now).items() if value != known.live.get(name)}
    return isinstance(now, Article) and moved == {"status"} and now.status is Status.DRAFT


def wants_draft(intent: Intent) -> bool:
    """Tell whether an article was to become a draft."""
    return intent.source is not None and intent.source.fields.get("status") == Status.DRAFT


def name_in(source: Agreement | None) -> FieldValue:
    """Give the title or name that an intent wants."""
    return (source.fields.get("title") or source.fields.get("name")) if source else None


def name_of(item: Item) -> str:
    """Give the title or name of a live item."""
    return item.title if isinstance(item, Article) else item.name


def plain(value: FieldValue) -> str:
    """Digest a value for comparing, as a portal's answer is compared: spaces around it are nobody's intention."""
    return digest(value if isinstance(value, tuple) or value is None else str(value).strip())
