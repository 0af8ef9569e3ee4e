"""The live side's two questions: `read` the whole knowledge base in few calls, and `apply` one change.

Reading never writes: it holds a `PortalReader`. Applying never decides: what moved since the plan is withheld, not settled.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Literal

from kbsync.change import Change, Outcome, Result
from kbsync.errors import PortalError
from kbsync.freshdesk.api import (
    PortalReader,
    PortalWriter,
    article_from_json,
    category_from_json,
    counts,
    folder_from_json,
    id_of,
)
from kbsync.freshdesk.responses import Json, StatusError
from kbsync.freshdesk.verify import StaleItem, WriteRequest, shown_by
from kbsync.freshdesk.write import look_again, perform
from kbsync.model import Article, Folder, Item, ItemKey, Kind, KnowledgeBase, Side

_FRESH = 5.0
_AGAIN = "somebody may be editing: run it again; if it stays so, the key may not be allowed to see all"


def read(
    reader: PortalReader, *, threads: int = 8, progress: Callable[[int, int], None] | None = None
) -> KnowledgeBase:
    """Read everything: a call for each page of categories, each category, each folder with folders, each 100 articles.

    Raises PortalError where a list is shorter than the portal itself says, since what is missing in it would look
    like removed. `progress` hears how many folders out of all have been read.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="read") as pool:
        first = reader.categories()
        categories = {id_of(data, Kind.CATEGORY): category_from_json(data) for data in first.items}
        folders = _folders(reader, pool, sorted(categories))
        articles: dict[int | None, Article] = {}
        for count, found in enumerate(pool.map(partial(_articles, reader), folders.values()), 1):
            articles |= {article.id: article for article in found}
            if progress:
                progress(count, len(folders))
    return KnowledgeBase(
        side=Side.LIVE,
        categories=tuple(categories[number] for number in sorted(categories)),
        folders=tuple(folders[number].folder for number in sorted(folders)),
        articles=tuple(sorted(articles.values(), key=lambda article: article.id or 0)),
        seen_at=first.at,
    )


def read_one(reader: PortalReader, kind: Kind, number: int) -> Item | None:
    """Read one item by its id; None where it is gone, as far as a key can tell that is allowed to read at all."""
    try:
        return shown_by(kind, reader.item(kind, number)).item
    except StatusError as refused:
        if not refused.is_gone:
            raise
        return None


def read_children(reader: PortalReader, kind: Kind, holder: ItemKey) -> tuple[Item, ...]:
    """List what of a kind lies in a category or folder; nothing where that is gone, or takes no nested folders."""
    number = holder.id
    try:
        if kind is Kind.ARTICLE:
            items = reader.articles(number).items
            return tuple(article_from_json(_with_body(reader, data), folder=number) for data in items)
        ask = reader.folders if holder.kind is Kind.CATEGORY else reader.subfolders
        return tuple(folder_from_json(data, category=number) for data in ask(number).items)
    except StatusError as refused:
        if not (refused.is_gone or refused.code == "require_feature"):
            raise
        return ()


def resolve_authors(reader: PortalReader, emails: Collection[str]) -> Mapping[str, int]:
    """Look up the agents with these e-mail addresses, one call each; raises PortalError naming all that are unknown."""
    try:
        found = {email: _agent(reader.agents(email), email) for email in sorted(emails)}
    except StatusError as refused:
        raise PortalError(
            refused.what, advice="give agents' ids as `author`: this key may not look agents up"
        ) from None
    unknown = [email for email, agent in found.items() if agent is None]
    if unknown:
        raise PortalError(
            f"no agent has the e-mail address {', '.join(unknown)}",
            advice="mend `author` in the front matter, or give the agent's id there",
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
    read_at: float = float("-inf"),
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Carry out one change, and believe the portal only as far as its answer shows it.

    `ids` gives the live id at each content path, parents first; `body` is the HTML to send (`None`: the live one as it
    is); `known` are the live items of the plan's reading, `read_at` its time by `time.monotonic`: what was read less
    than 5 seconds ago is not read again. Whatever goes wrong is in the outcome; nothing is raised but defects.
    """
    job = WriteRequest(
        reader=reader,
        writer=writer,
        change=change,
        ids=ids,
        body=body,
        known=known,
        fresh=time.monotonic() - read_at < _FRESH,
        sleep=sleep,
    )
    try:
        return perform(job)
    except PortalError as error:
        return _ended(change, error)


def _ended(change: Change, error: PortalError) -> Outcome:
    result = Result.WITHHELD if isinstance(error, StaleItem) else Result.FAILED
    return Outcome(change=change, result=result, error=f"{error.what}; {error.advice}".removesuffix("; "))


def check_unchanged(reader: PortalReader, change: Change, *, read_at: float) -> Outcome | None:
    """Return why a change may not be begun, its item not being what the plan saw; None where it may."""
    if time.monotonic() - read_at < _FRESH:
        return None
    try:
        look_again(reader, change)
    except PortalError as error:
        return _ended(change, error)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A folder as a list showed it, and the category that it is in, which lists do not always say."""

    number: int
    category: int
    data: Json

    @property
    def folder(self) -> Folder:
        return folder_from_json(self.data, category=self.category)


def _folders(reader: PortalReader, pool: ThreadPoolExecutor, categories: Iterable[int]) -> dict[int, _Found]:
    """Read the folders, level by level. A nested one may also stand in its category's list: it is taken once."""
    found: dict[int, _Found] = {}
    level = [seen for seens in pool.map(lambda number: _top(reader, number), categories) for seen in seens]
    while level:
        new = {seen.number: seen for seen in level if seen.number not in found}
        found |= new
        within = Counter(seen.data.get("parent_folder_id") for seen in found.values())
        below = pool.map(_below, repeat(reader), new.values(), [within[number] for number in new])
        level = [seen for seens in below for seen in seens]
    return found


def _top(reader: PortalReader, category: int) -> list[_Found]:
    items = reader.folders(category).items
    return [_Found(number=id_of(data, Kind.FOLDER), category=category, data=data) for data in items]


def _below(reader: PortalReader, above: _Found, seen: int) -> list[_Found]:
    """Read what folders are in a folder; `seen` of them are known already.

    Where the account has no nested folders the call may fail (seen in clients), and then nothing is missed.
    """
    _, expected = counts(above.data)
    if expected == 0:
        return []
    try:
        items = _whole(reader, above, "folders")
    except StatusError as refused:
        if seen < (expected or 0) or not (refused.status in (403, 404) or refused.code == "require_feature"):
            raise
        return []
    return [_Found(number=id_of(data, Kind.FOLDER), category=above.category, data=data) for data in items]


def _articles(reader: PortalReader, holder: _Found) -> list[Article]:
    expected, _ = counts(holder.data)
    if expected == 0:
        return []
    items = _whole(reader, holder, "articles")
    return [article_from_json(_with_body(reader, data), folder=holder.number) for data in items]


def _with_body(reader: PortalReader, data: Json) -> Json:
    """Read an article whose list leaves the body out: Freshdesk's do not (recorded), and none must look emptied."""
    if "description" in data:
        return data
    whole = reader.item(Kind.ARTICLE, id_of(data, Kind.ARTICLE)).data
    return whole if isinstance(whole, dict) else data


def _whole(reader: PortalReader, holder: _Found, what: Literal["articles", "folders"]) -> tuple[Json, ...]:
    """List what a folder holds, and once more where that is less than the folder says of itself."""
    ask = reader.articles if what == "articles" else reader.subfolders
    data, items = holder.data, ask(holder.number).items
    for last in (False, True):
        expected = counts(data)[what == "folders"] or 0
        listed = len({item.get("id") for item in items})
        if listed >= expected:
            return items
        if not last:
            data, items = reader.item(Kind.FOLDER, holder.number).data or {}, ask(holder.number).items
    raise PortalError(
        f'the folder "{holder.folder.name}" ({holder.number}) holds {expected} {what}, and the portal lists {listed}',
        advice=_AGAIN,
    )


def _agent(agents: Collection[Json], email: str) -> int | None:
    """Choose the agent who has this address; an answer without addresses is believed when it names one agent."""
    for agent in agents:
        if str((agent.get("contact") or {}).get("email", "")).casefold() == email.casefold():
            return id_of(agent, "agent")
    sole = next(iter(agents)) if len(agents) == 1 else {}
    return None if not sole or "email" in (sole.get("contact") or {}) else id_of(sole, "agent")
