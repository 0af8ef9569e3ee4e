"""What it takes to move an article, which the API cannot: what the new one takes along, and what is left of the old.

Pure. Where an old article is to point to its successor it holds one link, in no language but its title's; it stays
published under its address, and rests from then on as an archived one does.
"""

from collections.abc import Mapping
from dataclasses import replace

from kbsync.baseline import Baseline, Key, State
from kbsync.change import Action, Change
from kbsync.engine.render import LinkResolver, pointer_body
from kbsync.model import Article, Seo
from kbsync.planner.planner import Plan


def with_unmanaged_fields(article: Article, old: Article) -> Article:
    """Take over from an article that is made anew the fields that content leaves to the agents."""
    seo = Seo(
        title=old.seo.title if article.seo.title is None else article.seo.title,
        description=old.seo.description if article.seo.description is None else article.seo.description,
        keywords=old.seo.keywords if article.seo.keywords is None else article.seo.keywords,
    )
    return replace(article, tags=old.tags if article.tags is None else article.tags, seo=seo)


def change_of_old_article(change: Change, known: Baseline | None, address: str | None) -> Change:
    """Make the change of the old article out of a move; `address` is where the new one is."""
    path, old, new = change.former or change.path, change.actual, change.desired
    if not (change.points and known and address and isinstance(old, Article) and isinstance(new, Article)):
        return replace(change, action=Action.ARCHIVE, path=path, fields=("status",), desired=None)
    return replace(
        change,
        action=Action.UPDATE,
        path=path,
        fields=("body",),
        desired=replace(old, body=pointer_body(new.title, address), tags=None, seo=Seo(), author=None),
        leaves=replace(
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


def add_pointers(plan: Plan, known: Mapping[Key, Baseline], addresses: LinkResolver) -> Plan:
    """Say of what an earlier run did not leave behind as it was to be what it becomes now."""
    return replace(plan, changes=tuple(_pointing(change, plan, known, addresses) for change in plan.changes))


def _pointing(change: Change, plan: Plan, known: Mapping[Key, Baseline], addresses: LinkResolver) -> Change:
    new = change.desired
    if not change.points or change.action is not Action.UPDATE or new is None or new.path is None:
        return change
    move = replace(change, path=new.path, former=change.path)
    left = change_of_old_article(
        move, known.get((change.kind, change.id or 0)), addresses.address_of(new.path, plan.ids)
    )
    return replace(left, former=None)


def ends_archived(change: Change) -> bool:
    """Return whether a change ends in what no longer lies at its content path."""
    return change.leaves is not None and change.leaves.state is State.ARCHIVED
