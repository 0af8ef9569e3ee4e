"""Paths as people type them, made into content paths, and the error for those that are not found."""

import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from kbsync.config import Config
from kbsync.engine.context import PlanResult
from kbsync.errors import UsageError
from kbsync.model import ancestors


def content_paths(config: Config, typed: Iterable[str]) -> tuple[str, ...]:
    """Turn paths as typed into content paths, or raise UsageError for one outside the root; none means all."""
    paths = tuple(_content_path(config.root, path) for path in typed)
    return () if "." in paths else paths


def paths_to_override(config: Config, typed: tuple[str, ...], *, option: str) -> frozenset[str]:
    """Turn paths into content paths, or raise UsageError for the whole tree, which nobody can have looked at."""
    paths = content_paths(config, typed)
    if typed and not paths:
        raise UsageError(f"{option} does not take the whole tree", advice="give single articles or directories")
    return frozenset(paths)


def _content_path(root: Path, typed: str) -> str:
    places = [place for place in _places(root, typed) if place.is_relative_to(root)]
    if not places:
        raise UsageError(f"{typed} is outside {root}", advice="give a file or directory in the content tree")
    place = next((place for place in places if place.exists()), places[0])
    path = place.relative_to(root).as_posix().removesuffix("/_index.md")
    return unicodedata.normalize("NFC", path)


def _places(root: Path, typed: str) -> Iterator[Path]:
    """Return the places that may be meant: from here, from here past symbolic links, from the root."""
    here = Path(os.path.normpath(Path.cwd() / typed))
    yield here
    yield here.parent.resolve() / here.name
    yield Path(os.path.normpath(root / typed))


def check_on_disk(root: Path, files: Iterable[str], paths: Iterable[str]) -> None:
    """Raise UsageError for paths that are not in the tree on disk; it names all of them."""
    _refuse_unknown([path for path in paths if not (root / path).exists()], files)


def check_known(planned: PlanResult, paths: Collection[str]) -> None:
    """Raise UsageError for paths that neither side ever had: a typing error must not look like "nothing to do"."""
    if paths:
        tree = planned.workspace.tree
        found = {item.path or "" for item in tree.knowledge.items()}
        found |= {*tree.knowledge.assets, *tree.translations, *tree.excluded}
        found |= {known.path for known in planned.workspace.baselines.values()}
        found |= {change.path for change in planned.plan.changes}
        _refuse_unknown(paths, found)


def _refuse_unknown(paths: Iterable[str], files: Iterable[str]) -> None:
    known = {above for path in files for above in (path, *ancestors(path))}
    unknown = [path for path in paths if path not in known]
    if unknown:
        raise UsageError(f"no such file in the content tree: {', '.join(unknown)}", advice="check the spelling")
