"""The portal as a side of the comparison: read the knowledge base in few calls, and apply one change.

Reading uses a `PortalReader` and cannot write. Applying decides nothing: an item changed since the plan is withheld.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from itertools import chain
from threading import Thread
from typing import Literal, TypeVar

from kbsync.change import Change, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.api import (
    PortalReader,
    PortalWriter,
    article_from_json,
    category_from_json,
    counts_in_folder,
    folder_from_json,
    id_of,
)
from kbsync.freshdesk.rate_limit import Stopped
from kbsync.freshdesk.responses import Json, StatusError, printable_text
from kbsync.freshdesk.verify import Readings, StaleItem, WriteRequest, changed_since_plan, shown_item
from kbsync.freshdesk.write import perform
from kbsync.model import Article, Category, Folder, Item, ItemKey, Kind, KnowledgeBase, Side

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")
_REFUSALS = (400, 409, 413, 422)
_RUN_AGAIN = (
    "run the command again, in case somebody is editing; if the error stays, the key may lack access to some items"
)
_ItemT = TypeVar("_ItemT", Category, Article)


def read(
    reader: PortalReader, *, threads: int = 8, progress: Callable[[int, int], None] | None = None
) -> KnowledgeBase:
    """Read the whole portal: one call for each page of categories, category, folder with folders, and 100 articles.

    Raise PortalError where a list is shorter than the count of the portal, since missing items would look deleted.
    `progress` is called with the number of articles read, and of all by the counts of the folders.
    """
    first = reader.categories()
    categories = _by_id({}, map(category_from_json, first.items))
    folders = _folders(reader, sorted(categories), threads)
    about = sum(counts_in_folder(folder.data)[0] or 0 for folder in folders.values())
    articles: dict[int, Article] = {}
    for found in side_by_side(partial(_articles, reader), folders.values(), threads=threads):
        articles = _by_id(articles, found)
        if progress:
            progress(len(articles), max(about, len(articles)))
    return KnowledgeBase(
        side=Side.LIVE,
        categories=tuple(categories[number] for number in sorted(categories)),
        folders=tuple(folders[number].folder for number in sorted(folders)),
        articles=tuple(sorted(articles.values(), key=lambda article: article.id or 0)),
        seen_at=first.at,
    )


def _by_id(known: dict[int, _ItemT], items: Iterable[_ItemT]) -> dict[int, _ItemT]:
    """Add items by id; raise PortalError where one of them is there already, and is not the same."""
    for item in items:
        other = known.setdefault(item.id or 0, item)
        if other is not item and changed_since_plan(other, item):
            raise _double(other, item)
    return known


def _double(one: Item, other: Item) -> PortalError:
    names = f'"{printable_text(one.label)}" and "{printable_text(other.label)}"'
    return PortalError(f"the portal lists {one.kind} {one.id} twice, and differently: {names}", advice=_RUN_AGAIN)


def side_by_side(
    call: Callable[[_Argument], _Result], arguments: Iterable[_Argument], *, threads: int = 8
) -> Iterator[_Result]:
    """Make calls in several threads, and return an iterator over their results in the order of the arguments.

    After a failed call those in flight are waited for; after an interrupt nothing is, so that the process can end.
    """
    pairs = [(Future[_Result](), argument) for argument in arguments]
    waiting = iter(pairs)

    def work() -> None:
        for future, argument in waiting:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call(argument))
                except BaseException as error:  # noqa: BLE001  # raised where the result is asked for
                    future.set_exception(error)

    for number in range(min(threads, len(pairs))):
        Thread(target=work, name=f"read {number}", daemon=True).start()
    return _results([future for future, _ in pairs])


def _results(futures: list[Future[_Result]]) -> Iterator[_Result]:
    try:
        yield from (future.result() for future in futures)
    except BaseException as error:
        for future in futures:
            future.cancel()
        if isinstance(error, Exception):
            wait(futures)
        raise


def read_one(reader: PortalReader, kind: Kind, number: int) -> Item | None:
    """Read one item by its id, or None where it is deleted; the key must be allowed to read."""
    try:
        return shown_item(kind, reader.item(kind, number)).item
    except StatusError as error:
        if not error.is_gone:
            raise
        return None


def read_children(reader: PortalReader, kind: Kind, parent: ItemKey) -> tuple[Item, ...]:
    """Return the items of a kind in a category or folder; none where it is deleted or cannot have subfolders."""
    number = parent.id
    try:
        if kind is Kind.ARTICLE:
            return tuple(_articles_from_json(reader, reader.articles(number).items, number))
        ask = reader.folders if parent.kind is Kind.CATEGORY else reader.subfolders
        return tuple(folder_from_json(data, category=number) for data in ask(number).items)
    except StatusError as error:
        if not (error.is_gone or error.code == "require_feature"):
            raise
        return ()


def resolve_authors(reader: PortalReader, emails: Collection[str]) -> Mapping[str, int]:
    """Return the ids of the agents with these e-mail addresses; raise PortalError with all unknown addresses."""
    try:
        found = {email: _agent(reader.agents(email), email) for email in sorted(emails)}
    except StatusError as error:
        raise PortalError(error.what, advice="this key cannot look up agents; set `author` to an agent's id") from None
    if unknown := [email for email, agent in found.items() if agent is None]:
        raise PortalError(
            f"agent not found: {', '.join(unknown)}",
            advice="fix `author` in the front matter, or set it to the agent's id",
        )
    return {email: agent for email, agent in found.items() if agent is not None}


def apply(
    reader: PortalReader,
    writer: PortalWriter,
    change: Change,
    *,
    ids: Mapping[str, int],
    body: str | None = None,
    known: Container[ItemKey] = frozenset(),
    readings: Readings | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Apply one change and verify it against the response.

    `ids` are the live ids by content path; `body` is the HTML to send (`None`: the live body unchanged); `known` are
    the live items that the plan saw, and `readings` those of the run, without which the item is read first. Every
    PortalError becomes part of the outcome.
    """
    readings = readings or Readings(reader)
    request = WriteRequest(
        reader=reader, writer=writer, change=change, ids=ids, body=body, known=known, readings=readings, sleep=sleep
    )
    try:
        outcome = perform(request)
    except PortalError as error:
        return _failure(change, error)
    if outcome.live is not None:
        readings.note(outcome.live, time.monotonic())
    return outcome


def _failure(change: Change, error: PortalError) -> Outcome:
    is_skipped = isinstance(error, Stopped) and not error.has_written
    result = Result.WITHHELD if isinstance(error, StaleItem) else Result.SKIPPED if is_skipped else Result.FAILED
    refused = isinstance(error, StatusError) and error.status in _REFUSALS
    return Outcome(
        change=change, result=result, error=f"{error.what}; {error.advice}".removesuffix("; "), refused=refused
    )


def check_unchanged(readings: Readings, change: Change) -> Outcome | None:
    """Return the outcome of a change whose item is not as the plan saw it; None where it may be applied."""
    try:
        readings.check(change)
    except PortalError as error:
        return _failure(change, error)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _FolderEntry:
    """A folder as listed, with its category, which lists do not always have."""

    id: int
    category_id: int
    data: Json

    @property
    def folder(self) -> Folder:
        return folder_from_json(self.data, category=self.category_id)


def _folders(reader: PortalReader, categories: Iterable[int], threads: int) -> dict[int, _FolderEntry]:
    """Read the folders, level by level; a nested folder that its category also lists is taken once."""
    found: dict[int, _FolderEntry] = {}
    level = [*chain.from_iterable(side_by_side(partial(_top_level_folders, reader), categories, threads=threads))]
    while level:
        new: dict[int, _FolderEntry] = {}
        for seen in level:
            other = found.get(seen.id) or new.setdefault(seen.id, seen)
            if other.folder.name != seen.folder.name:
                raise _double(other.folder, seen.folder)
        found |= new
        within = Counter(up for seen in found.values() if isinstance(up := seen.data.get("parent_folder_id"), int))
        pairs = [(entry, within[number]) for number, entry in new.items()]
        below = side_by_side(lambda pair: _subfolders(reader, *pair), pairs, threads=threads)
        level = [*chain.from_iterable(below)]
    return found


def _top_level_folders(reader: PortalReader, category: int) -> list[_FolderEntry]:
    items = reader.folders(category).items
    return [_FolderEntry(id=id_of(data, Kind.FOLDER), category_id=category, data=data) for data in items]


def _subfolders(reader: PortalReader, parent: _FolderEntry, seen: int) -> list[_FolderEntry]:
    """Read the folders in a folder; `seen` of them are known already.

    In an account without nested folders the call may fail (seen in clients), and then no folder is missed.
    """
    _, expected = counts_in_folder(parent.data)
    if expected == 0:
        return []
    try:
        items = _complete_list(reader, parent, "folders")
    except StatusError as error:
        if seen < (expected or 0) or not (error.status in (403, 404) or error.code == "require_feature"):
            raise
        return []
    return [_FolderEntry(id=id_of(data, Kind.FOLDER), category_id=parent.category_id, data=data) for data in items]


def _articles(reader: PortalReader, parent: _FolderEntry) -> list[Article]:
    expected, _ = counts_in_folder(parent.data)
    if expected == 0:
        return []
    return _articles_from_json(reader, _complete_list(reader, parent, "articles"), parent.id)


def _articles_from_json(reader: PortalReader, items: Iterable[Json], folder: int) -> list[Article]:
    """Read the articles of a list; one without a body is read by its id (lists of Freshdesk have bodies: recorded)."""
    found = []
    for data in items:
        whole = data if "description" in data else reader.item(Kind.ARTICLE, id_of(data, Kind.ARTICLE)).fields
        found.append(article_from_json(whole or data, folder=folder))
    return found


def _complete_list(
    reader: PortalReader, parent: _FolderEntry, what: Literal["articles", "folders"]
) -> tuple[Json, ...]:
    """Return the items in a folder; read the list again where it is shorter than the count of the folder."""
    ask = reader.articles if what == "articles" else reader.subfolders
    data, items = parent.data, ask(parent.id).items
    for last in (False, True):
        expected = counts_in_folder(data)[what == "folders"] or 0
        listed = len({id_of(item, what.removesuffix("s")) for item in items})
        if listed >= expected:
            return items
        if not last:
            data, items = reader.item(Kind.FOLDER, parent.id).fields, ask(parent.id).items
    raise PortalError(
        f'the folder "{parent.folder.name}" ({parent.id}) has {expected} {what}, but the portal lists {listed}',
        advice=_RUN_AGAIN,
    )


def _agent(agents: Collection[Json], email: str) -> int | None:
    """Return the agent with this address; a response without addresses is accepted if it has one agent."""
    for agent in agents:
        if str(_contact(agent).get("email", "")).casefold() == email.casefold():
            return id_of(agent, "agent")
    sole = next(iter(agents)) if len(agents) == 1 else {}
    return None if not sole or "email" in _contact(sole) else id_of(sole, "agent")


def _contact(agent: Json) -> Json:
    contact = agent.get("contact")
    return contact if isinstance(contact, Mapping) else {}
