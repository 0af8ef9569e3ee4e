"""Directories that exchange their names in a circle, which no order of writes can bring about. Pure."""

from collections.abc import Iterable

from kbsync.model import Article, Category, Item, Kind
from kbsync.plan.table import Case

_Name = tuple[Kind, int | None, str]


def exchanges(cases: Iterable[Case]) -> dict[str, str]:
    """Name the directories that take one another's names in a circle, each with the one that has its name still."""
    known = [case for case in cases if _is_known(case)]
    holders = {_name(case.live): case.path for case in known if case.live}
    follows = {}
    for case in known:
        wanted = (case.kind, _parent(case.live), getattr(case.content, "name", ""))
        if wanted != _name(case.live) and wanted in holders:
            follows[case.path] = holders[wanted]
    return {path: other for path, other in follows.items() if _comes_back(path, follows)}


def _comes_back(path: str, follows: dict[str, str]) -> bool:
    seen: set[str] = set()
    step = follows.get(path)
    while step is not None and step != path and step not in seen:
        seen.add(step)
        step = follows.get(step)
    return step == path


def _is_known(case: Case) -> bool:
    return case.kind is not Kind.ARTICLE and None not in (case.content, case.live, case.agreement)


def _name(item: Item | None) -> _Name | None:
    if item is None or isinstance(item, Article):
        return None
    return item.kind, _parent(item), item.name


def _parent(item: Item | None) -> int | None:
    return None if item is None or isinstance(item, Category) else item.parent
