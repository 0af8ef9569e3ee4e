"""A clone with a content tree, and the operations run in it against a portal on loopback, without a terminal."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kbsync.baseline import Baseline
from kbsync.change import Result
from kbsync.codec import decode
from kbsync.config import Config, Secret
from kbsync.engine import plan as planning
from kbsync.engine import publish as publishing
from kbsync.engine import pull as pulling
from kbsync.engine.apply import LiveSide
from kbsync.engine.context import Options, PlanResult
from kbsync.engine.publish import PublishResult
from kbsync.engine.pull import PullResult
from kbsync.model import ItemKey
from kbsync.planner.planner import Plan
from kbsync.sandbox.database import ArticleRecord
from kbsync.sandbox.server import Portal
from tests.environment import files_below
from tests.planner.world import steps

LEDGER = "refs/kbsync/production"


@dataclass(slots=True, kw_only=True)
class Quiet:
    """A ui that confirms everything and records its messages; `meanwhile` runs before it confirms."""

    agree: bool = True
    meanwhile: Callable[[], object] | None = None
    heard: list[str] = field(default_factory=list)

    def status(self, why: str) -> None:
        self.heard.append(why)

    def start(self, what: str, total: int) -> None:
        self.heard.append(f"{what} {total}")

    def advance(self, what: str) -> None:
        self.heard.append(what)

    def read(self, done: int, about: int) -> None:
        self.heard.append(f"read {done} of {about}")

    def waiting(self, why: str) -> None:
        self.heard.append(why)

    def note(self, text: str) -> None:
        self.heard.append(text)

    def confirm(self, planned: PlanResult) -> bool:
        self.heard.append(repr(planned))
        if self.meanwhile is not None:
            self.meanwhile()
        return self.agree


@dataclass(slots=True, kw_only=True)
class Clone:
    """One clone of a repository, with its content root at the top of it."""

    root: Path
    portal: Portal
    config: Config
    ui: Quiet = field(default_factory=Quiet)

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            place = self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="")

    def remove(self, *paths: str) -> None:
        for path in paths:
            self.git("rm", "-q", "-r", "--", path)

    def read(self, path: str) -> str:
        return (self.root / path).read_bytes().decode()

    def files(self) -> dict[str, str]:
        """Return the texts of the tree, without kbsync's own files and git's."""
        return {path: data.decode() for path, data in files_below(self.root) if not path.startswith(".kbsync/")}

    def git(self, *words: str) -> str:
        return git(self.root, *words)

    def commit(self, files: Mapping[str, str] | None = None) -> str:
        """Write files and commit all that there is; give the commit."""
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "edit")
        return self.git("rev-parse", "HEAD").strip()

    def plan(self, **options: Any) -> Plan:
        return self.planned(**options).plan

    def planned(self, **options: Any) -> PlanResult:
        return planning.plan(self.config, Secret(self.portal.key), Options(**options), self.ui)

    def offline(self, **options: Any) -> Plan:
        return planning.plan(self.config, None, Options(**options), self.ui).plan

    def publish(self, **options: Any) -> PublishResult:
        return publishing.publish(self.config, Secret(self.portal.key), Options(**options), self.ui)

    def published(self, **options: Any) -> Plan:
        """Publish, and see that all went well."""
        done = self.publish(**options)
        assert troubles(done) == [], troubles(done)
        assert done.ledger_error is None
        return done.planned.plan

    def pull(self, *, dry_run: bool = False, **options: Any) -> PullResult:
        return pulling.pull(self.config, Secret(self.portal.key), Options(**options), self.ui, dry_run=dry_run)

    def ledger(self) -> dict[str, str]:
        """Return the ledger's files."""
        names = self.git("ls-tree", "-r", "--name-only", LEDGER).split()
        return {name: self.git("show", f"{LEDGER}:{name}") for name in names}

    def baselines(self) -> dict[ItemKey, Baseline]:
        found = [decode(Baseline, text, file=name) for name, text in self.ledger().items() if name != "run.json"]
        return {known.key: known for known in found}

    def id_of(self, path: str) -> int:
        (known,) = [a for a in self.baselines().values() if a.path == path and a.state == "live"]
        return known.id

    def live(self, path: str) -> ArticleRecord:
        """Return what the portal holds for the article at a path."""
        return self.portal.store.article(self.id_of(path))

    def methods(self, act: Callable[[], object]) -> dict[str, int]:
        """Count the calls that something takes, by method."""
        self.portal.calls.clear()
        act()
        return dict(Counter(call.method for call in self.portal.calls))


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout


def new_clone(root: Path, portal: Portal, files: Mapping[str, str] | None = None, **config: Any) -> Clone:
    """Make a repository on the branch main, with these files in its first commit."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    made = Clone(root=root, portal=portal, config=Config(root=root, url=portal.url, **config))
    if files:
        made.commit(files)
    return made


def clone_of(source: Path, root: Path, like: Clone, *options: str) -> Clone:
    """Clone a repository."""
    git(source, "clone", "-q", *options, source.as_uri(), str(root))
    return replace(like, root=root, config=replace(like.config, root=root), ui=Quiet())


def troubles(done: PublishResult) -> list[tuple[str, str, str]]:
    """Return the changes that did not end well, with the reason."""
    outcomes = done.run.outcomes if done.run else []
    return [(o.change.path, o.result.value, o.error) for o in outcomes if o.result is not Result.DONE]


def shown(portal: Portal) -> dict[int, tuple[Any, ...]]:
    """Return every article as the portal has it, less its times."""
    return {a.id: (a.folder_id, a.title, a.description, a.status, a.tags) for a in portal.store.all_articles()}


@contextmanager
def counted(portal: Portal) -> Iterator[Counter[str]]:
    """Count the calls of a block by method."""
    portal.calls.clear()
    found: Counter[str] = Counter()
    yield found
    found.update(call.method for call in portal.calls)


__all__ = ["LEDGER", "Clone", "Quiet", "clone_of", "counted", "git", "new_clone", "shown", "steps", "troubles"]


def read_long_ago(**given: Any) -> LiveSide:
    """Return what a run knows of the portal, as if it had read it so long ago that it must read each item again."""
    return LiveSide(**{**given, "read_at": float("-inf")})
