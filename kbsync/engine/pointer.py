"""Moves of articles, which the API does not offer: what the new article takes over, and how the old one changes.

Pure. With `moved = "pointer"` the old article holds one link to the new one and stays published under its address; its
baseline is archived, so that later runs ignore it.
"""

from collections.abc import Mapping
from dataclasses import replace

from kbsync.baseline import Baseline, State
from kbsync.change import Action, Change
from kbsync.engine.render import LinkResolver, pointer_body
from kbsync.model import Article, ItemKey, Seo
from kbsync.planner.planner import Plan


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
