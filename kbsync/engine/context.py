"""What a run starts from: the tree, the repository around it, and what is remembered.

It reads; nothing is changed but the clone's own copy of the ledger, which follows the remote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from kbsync.baseline import Baseline, Key, carried_over, lock_folder, newest, read_lock, with_sources
from kbsync.change import Outcome
from kbsync.config import Config
from kbsync.content.document import parse
from kbsync.content.lint import lint
from kbsync.content.selection import Rules
from kbsync.content.tree import Tree, read
from kbsync.digests import blob_of, content_digests, links_of
from kbsync.errors import ContentError, GitError, Problem
from kbsync.files import Files, WorkingTree
from kbsync.git.repository import Repository
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import Article, Kind, KnowledgeBase
from kbsync.planner.approval import Saved
from kbsync.planner.planner import Plan
from kbsync.state.journal import InFlight, in_flight_at, journal_folder, read_journals
from kbsync.state.ledger import RemoteHeads, RunInfo, look_up, read_here


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What was found: baselines that nobody has written down yet, what was done to reach them, and the doubts.

    `doubts` say by path why nobody can tell whether it was made; `doubted` are the live items in question.
    """

    baselines: Mapping[Key, Baseline] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    unresolved: Mapping[str, str] = field(default_factory=dict)
    unresolved_ids: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A tree with its memory: `lock` and `ledger` as they stand, `baselines` what counts of the two.

    `standing` is where ledger and lease are kept, `in_flight` what the lease tells of its run, be it alive or not,
    `noted` what this clone's `journals` say; `recovered` is what of all that was found on the portal.
    """

    config: Config
    repository: Repository
    files: Files
    tree: Tree
    lock: Mapping[Key, Baseline]
    ledger: Mapping[Key, Baseline]
    baselines: Mapping[Key, Baseline]
    run: Mapping[str, object]
    commit: str | None
    heads: RemoteHeads = field(default_factory=lambda: RemoteHeads(ledger=None, lease=None))
    in_flight: InFlight | None = None
    journals: Mapping[str, Path] = field(default_factory=dict)
    journaled: tuple[Baseline, ...] = ()
    recovered: Recovered = field(default_factory=Recovered)

    @property
    def content(self) -> KnowledgeBase:
        """The content side of the comparison."""
        return self.tree.knowledge


def tree_rules(config: Config) -> Rules:
    """Return how this target reads the tree."""
    return Rules(
        ignore=config.ignore,
        languages=config.languages,
        target=config.target,
        ignored_keys=config.ignored_keys,
        variables=config.variables,
    )


def problems_of(config: Config, files: Files) -> tuple[Problem, ...]:
    """Find all that is wrong with a tree, its lock included."""
    _, of_lock = read_lock(lock_files(config, files))
    found = lint(read(files, tree_rules(config)), assets_url=config.assets_url or None)
    return tuple(sorted({*found, *of_lock}))


def open_workspace(
    config: Config, *, commit: str | None = None, local: bool = False, checked: bool = True
) -> Workspace:
    """Read the working tree, or a commit where one is named, with the lock that it holds and the ledger.

    The ledger is fetched from its remote first, unless `local`; a fetch that fails ends the run, since an old ledger
    would make web edits out of our own writes. Without `checked` the articles' links and the like are not looked at.

    Raises:
        ContentError: the tree has problems; all of them are named.
        GitError: there is no repository, or the ledger cannot be fetched.
    """
    repository = Repository.open(config.root)
    files = files_of(repository, config, commit)
    tree = read(files, tree_rules(config))
    lock, of_lock = read_lock(lock_files(config, files))
    believed = carried_over(lock, _blobs(tree.knowledge))
    found = lint(tree, assets_url=config.assets_url or None) if checked else tree.problems
    problems = {*found, *of_lock}
    if any(problem.stops for problem in problems):
        raise ContentError(tuple(problem for problem in problems if problem.stops))
    standing = look_up(repository, config, local=local)
    ledger, run = read_here(repository, config)
    journals, noted = read_journals(journal_folder(repository, config))
    return Workspace(
        config=config,
        repository=repository,
        files=files,
        tree=tree,
        lock=lock,
        ledger=ledger,
        baselines=complete_baselines(repository, tree.knowledge, newest(believed, ledger)),
        run=run,
        commit=commit,
        heads=standing,
        in_flight=in_flight_at(repository, standing),
        journals=journals,
        journaled=noted,
    )


def files_of(repository: Repository, config: Config, commit: str | None) -> Files:
    """Return the files of a commit, else of the working tree less what git ignores, which no commit would hold."""
    if commit is not None:
        return repository.committed(commit)
    return repository.checked_out()


def files_on_disk(config: Config) -> Files:
    """Return the files of the working tree, those that git ignores too; also where there is no repository."""
    try:
        return Repository.open(config.root).checked_out(with_ignored=True)
    except GitError:
        return WorkingTree(config.root)


def lock_files(config: Config, files: Files) -> dict[str, bytes]:
    """Return the files of a target's lock, by path."""
    start = lock_folder(config.target)
    return {path: files.read(path) for path in files.paths() if path.startswith(start) and path.endswith(".json")}


def _blobs(content: KnowledgeBase) -> dict[str, str]:
    return {item.path or "": blob_of(item.origin.text) for item in content.items() if item.origin is not None}


def complete_baselines(
    repository: Repository, content: KnowledgeBase, baselines: Mapping[Key, Baseline]
) -> dict[Key, Baseline]:
    """Complete the baselines with what git holds: the sources they were made from, where content has moved on."""
    here = {blob_of(item.origin.text): item.origin.text for item in content.items() if item.origin is not None}
    wanted = {known.blob for known in baselines.values() if known.source is None and known.blob} - here.keys()
    sources = here | dict(repository.blobs(sorted(wanted)))
    complete = with_sources(baselines.values(), sources)
    if any(known.renderer_version != RENDERER_VERSION for known in complete):
        anchors = links_of(content).anchors
        complete = tuple(_rerendered(known, anchors.get(known.path, frozenset())) for known in complete)
    return {known.key: known for known in complete}


def _rerendered(known: Baseline, anchors: frozenset[str]) -> Baseline:
    """Render what was agreed on as this kbsync renders, so that an upgrade alone is no change of any article."""
    if (
        known.renderer_version == RENDERER_VERSION
        or known.kind is not Kind.ARTICLE
        or known.source is None
        or not known.content.get("body")
    ):
        return known
    body = parse(known.source, known.path).body if known.expanded is None else known.expanded
    article = Article(title="", body=body, path=known.path)
    content = {**known.content, "body": content_digests(article, anchors)["body"]}
    return replace(known, content=content, renderer_version=RENDERER_VERSION)


DEFAULT_MAX_AGE = timedelta(days=7)


class Ui(Protocol):
    """Who watches a run, and is asked before it writes."""

    def status(self, why: str) -> None:
        """Hear what is being waited for."""

    def start(self, what: str, total: int) -> None:
        """Hear that so many steps of one kind follow."""

    def advance(self, what: str) -> None:
        """Hear of one step."""

    def confirm(self, planned: "PlanResult") -> bool:
        """Return whether this plan is to be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one run's flags ask for.

    `saved` is the plan that somebody looked at, which `all_or_nothing` wants to hold whole, and which is not to be
    older than `max_age`. `wait` is how many seconds to wait for another publish to end. `aside` names files under the
    root that are this run's own, be they committed or not. With `rerender` what nobody changed is rendered anew too.
    Without `refresh` only what is to be written is read of the portal.
    """

    paths: tuple[str, ...] = ()
    overwrite: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()
    prune: bool = False
    markers: bool = True
    local: bool = False
    dirty: bool = False
    force: bool = False
    rollback: bool = False
    attended: bool = True
    wait: float = 0.0
    saved: Saved | None = None
    all_or_nothing: bool = False
    max_age: timedelta = DEFAULT_MAX_AGE
    aside: frozenset[str] = frozenset()
    rerender: bool = False
    refresh: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """A plan and what it was made from; `calls` is what that took, `uncommitted` what git does not have yet.

    `withheld` is what would be to do, or was, and a saved plan does not allow. `undoes` is the run that the plan turns
    round, where it does so.
    """

    workspace: Workspace
    plan: Plan
    live: KnowledgeBase
    calls: int
    uncommitted: tuple[str, ...] = ()
    withheld: tuple[Outcome, ...] = ()
    undoes: RunInfo | None = None
