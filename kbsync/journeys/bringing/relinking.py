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
_ALONG = "its directory was moved on the portal"


def relinked_files(files: Files, places: Places, *, without: Collection[str] = ()) -> dict[str, str | bytes | None]:
    """Give the files that move, and those whose links lead to something that does, with the links as they are to be.

    A file whose links cannot be edited keeps them: what is wrong with it then, lint says. Of files `without` which the
    tree will be none is moved.
    """
    if not places.moved:
        return {}
    found: dict[str, str | bytes | None] = {}
    for path in files.paths():
        place = places.moved.get(path, path)
        if path in without:
            continue
        text = _relinked(files, path, place, places)
        if place != path:
            found |= {path: None, place: files.read(path) if text is None else text}
        elif text is not None:
            found[path] = text
    return found


def _relinked(files: Files, path: str, place: str, places: Places) -> str | None:
    """Give a file with its links written anew; None where they stay as they are."""
    hidden = any(part.startswith(".") for part in path.split("/"))
    if hidden or not path.endswith(".md") or path.rpartition("/")[2].startswith(_INDEX):
        return None
    try:
        text = text_of(files.read(path), path)
        written = relocated(text, path, place, places.after_moves)
    except ContentError:
        return None
    return written if written != text else None


def follow(
    outlook: Outlook, plan: Plan, places: Places, addresses: TargetAddresses, taken: Collection[tuple[Kind, int | None]]
) -> Iterator[Change]:
    """Say which known items lie elsewhere or show other links now and nothing else, and on what both agree by that."""
    live, agreements = outlook.live.by_id(), outlook.workspace.agreements
    lie_at = {places.moved.get(known.path, known.path): key for key, known in agreements.items() if key not in live}
    lie_at |= {path: key for key, path in places.paths.items()}
    for item in outlook.workspace.content.items():
        old = item.path or ""
        path = places.moved.get(old, old)
        known = agreements.get(lie_at.get(path, (Kind.ARTICLE, 0)))
        moved = path != old or any(target.partition("#")[0] in places.moved for target in plan.targets.get(old, ()))
        if not moved or known is None or known.state is not State.LIVE or known.key in taken:
            continue
        if isinstance(item, Article) and not _hold_base(outlook, places, addresses, item, known):
            continue
        outlook.relinked.add(path)
        yield Change(
            action=Action.UPDATE if path == old else Action.RENAME,
            kind=item.kind,
            path=path,
            id=known.id,
            former=old if path != old else None,
            reason="its links follow what was moved on the portal" if path == old else _ALONG,
            desired=live.get(known.key),
            actual=item,
            before=item.origin.text if item.origin else None,
            ours=("body",) if path in outlook.agreed else (),
        )


def _hold_base(
    outlook: Outlook, places: Places, addresses: TargetAddresses, article: Article, known: Agreement
) -> bool:
    """Keep what was agreed on apart from what the writer has changed since; tell whether that can be told apart."""
    path = places.moved.get(article.path or "", article.path or "")
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
