"""The links of other files to what a pull moves: written anew, so that they lead to the same, and agreed on as such."""

from collections.abc import Collection, Iterator

from kbsync.agreements import Agreement, State
from kbsync.change import Action, Change
from kbsync.content.files import Files
from kbsync.content.texts import text_of
from kbsync.errors import ContentError
from kbsync.journeys.bringing.agreeing import Outlook
from kbsync.journeys.bringing.placing import Places, relocated, relocated_body
from kbsync.journeys.showing.addressing import TargetAddresses
from kbsync.model import Article, Kind
from kbsync.plan import Plan
from kbsync.versions import blob_of

_INDEX = "_index."


def relinked_files(files: Files, places: Places) -> dict[str, str]:
    """Give the files whose links lead to something that moves, with the links as they are to be.

    A file whose links cannot be edited is left: what is wrong with it then, lint says.
    """
    return dict(_relinked(files, places)) if places.moved else {}


def _relinked(files: Files, places: Places) -> Iterator[tuple[str, str]]:
    for path in files.paths():
        hidden = any(part.startswith(".") for part in path.split("/"))
        if hidden or not path.endswith(".md") or path.rpartition("/")[2].startswith(_INDEX):
            continue
        try:
            text = text_of(files.read(path), path)
            written = relocated(text, path, path, places.after_moves)
        except ContentError:
            continue
        if written != text:
            yield path, written


def follow(
    outlook: Outlook, plan: Plan, places: Places, addresses: TargetAddresses, taken: Collection[tuple[Kind, int | None]]
) -> Iterator[Change]:
    """Say which known articles show other links now and nothing else, and on which sources both sides agree by that."""
    lie_at = {path: key for key, path in places.paths.items()}
    for article in outlook.workspace.content.articles:
        path = article.path or ""
        known = outlook.workspace.agreements.get(lie_at.get(path, (Kind.ARTICLE, 0)))
        moved = any(target.partition("#")[0] in places.moved for target in plan.targets.get(path, ()))
        if not moved or known is None or known.state is not State.LIVE or known.key in taken:
            continue
        if not _hold_base(outlook, places, addresses, article, known):
            continue
        outlook.relinked.add(path)
        yield Change(
            action=Action.UPDATE,
            kind=Kind.ARTICLE,
            path=path,
            id=known.id,
            reason="its links follow what was moved on the portal",
            desired=outlook.live.by_id().get(known.key),
            actual=article,
            before=article.origin.text if article.origin else None,
            ours=("body",) if path in outlook.agreed else (),
        )


def _hold_base(
    outlook: Outlook, places: Places, addresses: TargetAddresses, article: Article, known: Agreement
) -> bool:
    """Keep what was agreed on apart from what the writer has changed since; tell whether that can be told apart."""
    path = article.path or ""
    same = blob_of(article.origin.text if article.origin else "") == known.blob
    if same and known.expanded in (None, article.body):
        return True
    if known.source is None:
        return False
    current = places.current(known, addresses)
    try:
        outlook.agreed[path] = relocated(known.source, known.path, path, current)
        if known.expanded is not None:
            outlook.shown[path] = relocated_body(known.expanded, known.path, path, current)
    except ContentError:
        outlook.agreed.pop(path, None)
        return False
    return True
