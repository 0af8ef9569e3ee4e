"""The links of other files to what a pull moves: written anew, so that they lead to the same, and agreed on as such."""

from collections.abc import Collection, Iterator

from kbsync.agreements import Agreement, State
from kbsync.change import Action, Change
from kbsync.errors import ContentError
from kbsync.journeys.addressing import TargetAddresses
from kbsync.journeys.agreeing import Outlook
from kbsync.journeys.placing import Places, relocated
from kbsync.model import Article, Item, Kind
from kbsync.versions import blob_of, live_digests

_INDEX = "_index."


def relinked(
    outlook: Outlook, places: Places, addresses: TargetAddresses, taken: Collection[tuple[Kind, int | None]]
) -> list[Change]:
    """Write the links of all files anew that lead to something that moved; give the articles that nothing else changes.

    A file whose links cannot be edited is left: what is wrong with it lint says.
    """
    if not places.moved:
        return []
    articles = {article.path or "": article for article in outlook.workspace.content.articles}
    changes: list[Change] = []
    for path, text in list(_files(outlook)):
        try:
            written = relocated(text, path, path, places.after_moves)
        except ContentError:
            continue
        if written == text:
            continue
        outlook.written[path] = written
        if path in articles:
            changes += _changes(outlook, places, addresses, articles[path], text, taken)
    return changes


def _files(outlook: Outlook) -> Iterator[tuple[str, str]]:
    files = outlook.workspace.files
    for path in sorted({*files.paths(), *outlook.written}):
        hidden = any(part.startswith(".") for part in path.split("/"))
        if hidden or not path.endswith(".md") or path.rpartition("/")[2].startswith(_INDEX):
            continue
        text = outlook.written[path] if path in outlook.written else _decoded(files.read(path))
        if text is not None:
            yield path, text


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _changes(
    outlook: Outlook,
    places: Places,
    addresses: TargetAddresses,
    article: Article,
    text: str,
    taken: Collection[tuple[Kind, int | None]],
) -> Iterator[Change]:
    """Say that a known article at rest on the portal has other links now, and on which source both agree."""
    path = article.path or ""
    known = _known(outlook, places, path)
    live = outlook.live.by_id().get(known.key) if known else None
    if known is None or live is None or known.key in taken or not _is_at_rest(known, live):
        return
    if blob_of(text) != known.blob:
        if known.source is None:
            return
        try:
            agreed = relocated(known.source, known.path, path, places.current(known, addresses))
        except ContentError:
            return
        outlook.agreed[path] = agreed
    reason = "its links follow what was moved on the portal"
    yield Change(
        action=Action.UPDATE,
        kind=Kind.ARTICLE,
        path=path,
        id=known.id,
        reason=reason,
        desired=live,
        actual=article,
        before=text,
        ours=("body",) if path in outlook.agreed else (),
    )


def _known(outlook: Outlook, places: Places, path: str) -> Agreement | None:
    numbers = (number for (kind, number), lies in places.paths.items() if kind is Kind.ARTICLE and lies == path)
    known = outlook.workspace.agreements.get((Kind.ARTICLE, next(numbers, 0)))
    return known if known is not None and known.state is State.LIVE else None


def _is_at_rest(known: Agreement, live: Item) -> bool:
    now = live_digests(live)
    return all(now.get(name) == value for name, value in known.live.items() if name in known.content)
