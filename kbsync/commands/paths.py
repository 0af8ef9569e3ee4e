"""Paths as they are typed, made into content paths, and what to say of those that lead nowhere."""

import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kbsync.config import Config
from kbsync.errors import UsageError
from kbsync.model import INDEX_FILE

if TYPE_CHECKING:
    from kbsync.engine.context import PlanResult


def within(config: Config, typed: Iterable[str]) -> tuple[str, ...]:
    """Turn paths as typed, from where the user stands or from the root, into content paths; none means all.

    Raises:
        UsageError: one of them lies outside the root.
    """
    paths = tuple(_content_path(config.root, word) for word in typed)
    return () if "." in paths else paths


def _content_path(root: Path, typed: str) -> str:
    places = [place for place in _places(root, typed) if place.is_relative_to(root)]
    if not places:
        raise UsageError(f"{typed} lies outside {root}", advice="name a file or directory of the tree")
    place = next((place for place in places if place.exists()), places[0])
    path = place.relative_to(root).as_posix().removesuffix(f"/{INDEX_FILE}")
    return unicodedata.normalize("NFC", path)


def _places(root: Path, typed: str) -> Iterator[Path]:
    """Return the places that somebody may mean: from here, from here past symbolic links, as kbsync names files."""
    here = Path(os.path.normpath(Path.cwd() / typed))
    yield here
    yield here.parent.resolve() / here.name
    yield Path(os.path.normpath(root / typed))


def refuse_absent(root: Path, files: Iterable[str], asked: Iterable[str]) -> None:
    """Stop where a path is nothing in the tree on disk.

    Raises:
        UsageError: some of them are; all are named.
    """
    there = {above for path in files for above in _with_those_above(path)}
    _refuse([path for path in asked if path not in there and not (root / path).exists()])


def refuse_unknown(planned: "PlanResult", asked: Collection[str]) -> None:
    """Stop where a path leads to nothing that either side ever had: a slip of the pen must not look like peace.

    Raises:
        UsageError: some of them do; all are named.
    """
    known = _known(planned) if asked else frozenset()
    _refuse([path for path in asked if path not in known])


def _refuse(lost: list[str]) -> None:
    if lost:
        raise UsageError(f"not in the tree: {', '.join(lost)}", advice="see how the path is written")


def _known(planned: "PlanResult") -> frozenset[str]:
    tree, plan = planned.workspace.tree, planned.plan
    named = {item.path or "" for item in tree.knowledge.items()}
    named |= {*tree.knowledge.assets, *tree.translations, *tree.excluded}
    named |= {known.path for known in planned.workspace.baselines.values()}
    named |= {change.path for change in plan.changes}
    return frozenset(above for path in named for above in _with_those_above(path))


def _with_those_above(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]
