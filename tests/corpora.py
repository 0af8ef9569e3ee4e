"""The two large collections in a checkout and on a portal, and each step on them measured.

Shared by the tests of the collections, which assert, and the benchmarks, which print. Nothing here asserts. A change is
tested with a third of a collection, drawn by a seed; the other two thirds are marked as nightly.
"""

import math
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from kbsync.sandbox.server import Portal
from kbsync.sandbox.store import load_path
from tests.cli_runner import Checkout, CommandResult, new_checkout

ASSETS = "https://cdn.example.com/kb"
THIRDS = pytest.mark.parametrize("third", [0, *(pytest.param(other, marks=pytest.mark.nightly) for other in (1, 2))])
_ANCHOR = re.compile(rb"(?<=\]\()([^()#\s]*)(#[^)]*)")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run of kbsync: how it ended, its calls by method, and the seconds it took."""

    ended: CommandResult
    calls: Mapping[str, int]
    seconds: float

    @property
    def total(self) -> int:
        """Count the calls."""
        return sum(self.calls.values())

    @property
    def writes(self) -> int:
        """Count the calls that are not reads."""
        return self.total - self.calls.get("GET", 0)


def step(checkout: Checkout, portal: Portal, *words: str, url: str = "") -> Step:
    """Run one command, and count the calls that the portal saw of it."""
    portal.calls.clear()
    started = time.monotonic()
    ended = checkout.kbsync("--url", url or portal.url, *words)
    seconds = time.monotonic() - started
    return Step(ended=ended, calls=Counter(call.method for call in portal.calls), seconds=seconds)


def full_read(portal: Portal) -> int:
    """Return how many calls a whole read must take: 1 + categories + articles by the hundred + folders with folders."""
    folders = portal.store.all_folders()
    held = Counter(article.folder_id for article in portal.store.all_articles())
    parents = {folder.parent_id for folder in folders} - {None}
    return 1 + len(portal.store.all_categories()) + sum(math.ceil(n / 100) for n in held.values()) + len(parents)


def with_settled_anchors(data: bytes) -> bytes:
    """Return a file with the anchors of its links in lower case.

    `#Lost-Phone` is published as `#lost-phone` where only that exists, so it comes back in the case of its heading.
    """
    return _ANCHOR.sub(lambda found: found[1] + found[2].lower(), data)


def third_of(everything: Iterable[_T], third: int) -> list[_T]:
    """Return a third of what there is, the same each time."""
    found = list(everything)
    Random(1221).shuffle(found)
    return found[third::3]


def keep_third(portal: Portal, third: int) -> int:
    """Delete the articles of the other two thirds; return how many are left."""
    kept = third_of((article.id for article in portal.store.all_articles()), third)
    for article in portal.store.all_articles():
        if article.id not in kept:
            portal.store.delete_article(article.id)
    return len(kept)


def load_help_centre(portal: Portal, corpus: Path) -> int:
    """Fill a portal with a whole help centre as its own vendor writes one; gives the number of articles."""
    return load_path(portal.store, corpus / "freshdesk-kb")


def empty_tree(root: Path, portal: Portal) -> Checkout:
    """Make a repository that knows its portal and nothing else."""
    return _checkout(root, portal, lambda: None, "")


def markdown_tree(root: Path, portal: Portal, corpus: Path) -> Checkout:
    """Make a repository of articles that people wrote in Markdown for another system, with the ids of that system."""
    source = corpus / "arduino-help-center" / "content"
    settings = f'assets_url = "{ASSETS}"\n[front_matter]\nignore = ["id"]\n'
    return _checkout(root, portal, lambda: shutil.copytree(source, root, dirs_exist_ok=True), settings)


def _checkout(root: Path, portal: Portal, fill: Callable[[], object], settings: str) -> Checkout:
    checkout = new_checkout(root, {}, {"FRESHDESK_API_KEY": portal.key})
    checkout.write("kbsync.toml", f'[targets.production]\nurl = "{portal.url}"\n{settings}')
    fill()
    checkout.commit("Begin")
    return checkout
