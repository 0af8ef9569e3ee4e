"""The context of a run: the tree, the repository around it, its baselines, and the options and user interface.

Opening a workspace reads; nothing is changed but the clone's own copy of the ledger, which follows the remote.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from kbsync.baseline import (
    Baseline,
    State,
    Unvouched,
    carried_over,
    lock_folder,
    newest,
    read_lock_files,
    unvouched_by,
    with_sources,
)
from kbsync.change import Outcome
from kbsync.config import Config
from kbsync.content.document import parse_document
from kbsync.content.lint import find_keys, lint
from kbsync.content.selection import TreeRules
from kbsync.content.tree import ContentTree, read_article, read_tree
from kbsync.digests import blob_of, content_digests, link_graph
from kbsync.engine.pull_journal import TreeJournal
from kbsync.errors import ContentError, GitError, Problem
from kbsync.files import Files, Overlay, WorkingTree
from kbsync.git.refs import RemoteUnreachable
from kbsync.git.repository import Repository
from kbsync.markup.to_html import RENDERER_VERSION
from kbsync.model import Article, ItemKey, Kind, KnowledgeBase, is_under
from kbsync.planner.approval import SavedPlan
from kbsync.planner.planner import Plan
from kbsync.state.journal import InFlight, journal_folder, read_in_flight, read_journals
from kbsync.state.ledger import RemoteHeads, RunInfo, RunRecord, is_shared, read_local_ledger, remote_heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What interrupted runs left on the portal: baselines not yet in the ledger, and the outcomes that they come from.

    `unresolved` says by path why it cannot be known whether an item was created; `unresolved_ids` are the live items
    in question.
    """

    baselines: Mapping[ItemKey, Baseline] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    unresolved: Mapping[str, str] = field(default_factory=dict)
    unresolved_ids: frozenset[ItemKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A tree with its baselines: `lock` and `ledger` as they are, `baselines` the newer of the two for each item.

    `heads` are the commits of ledger and lease, `in_flight` is the run that holds the lease, alive or not,
    `journaled` are the baselines in this clone's `journals`; `recovered` is what of these was found on the portal.
    `cut_off` is set where an interrupted pull left the working tree half written. `warnings` are what lint found.
    `unreachable` is why the ledger may be old: its remote could not be reached.
    """

    config: Config
    repository: Repository
    files: Files
    tree: ContentTree
    lock: Mapping[ItemKey, Baseline]
    ledger: Mapping[ItemKey, Baseline]
    baselines: Mapping[ItemKey, Baseline]
    last_run: RunRecord | None
    commit: str | None
    heads: RemoteHeads = field(default_factory=lambda: RemoteHeads(ledger=None, lease=None))
    in_flight: InFlight | None = None
    journals: Mapping[str, Path] = field(default_factory=dict)
    journaled: tuple[Baseline, ...] = ()
    recovered: Recovered = field(default_factory=Recovered)
    cut_off: bool = False
    unreachable: str = ""
    warnings: tuple[Problem, ...] = ()

    @property
    def content(self) -> KnowledgeBase:
        """The content side of the comparison."""
        return self.tree.knowledge

    def warnings_of(self, paths: Collection[str]) -> tuple[Problem, ...]:
        """Return the warnings about some paths; about the whole tree where none is named."""
        return tuple(one for one in self.warnings if not paths or any(is_under(one.path, path) for path in paths))


def tree_rules(config: Config) -> TreeRules:
    """Return how this target reads the tree."""
    return TreeRules(
        ignore=config.ignore,
        languages=config.languages,
        target=config.target,
        ignored_keys=config.ignored_keys,
        variables=config.variables,
        title=config.title,
    )


def problems_of(config: Config, files: Files, paths: Collection[str] = ()) -> tuple[Problem, ...]:
    """Return the problems of a tree and its lock files; with `paths`, not those of the texts of other articles."""
    lock, of_lock = read_lock_files(lock_files(config, files))
    return _lint(config, read_tree(files, tree_rules(config)), lock, of_lock, paths)


def open_workspace(
    config: Config, *, commit: str | None = None, local: bool = False, checked: bool = True, only_shows: bool = False
) -> Workspace:
    """Read the working tree without what git ignores, or a commit where one is named; and its lock and the ledger.

    The ledger is fetched first, unless `local`. A fetch that fails ends the run, since an old ledger would make web
    edits out of our own writes; one that `only_shows` goes on. Without `checked` links are not checked.

    Raises:
        ContentError: the tree has problems; all of them are named.
        GitError: there is no repository, or the ledger cannot be fetched.
    """
    repository = Repository.open(config.root)
    files = repository.checked_out() if commit is None else repository.committed(commit)
    tree = read_tree(files, tree_rules(config))
    lock, of_lock = read_lock_files(lock_files(config, files))
    usable = carried_over(lock, _blobs(tree.knowledge))
    found = _lint(config, tree, lock, of_lock) if checked else (*tree.problems, *of_lock)
    _raise_errors(found)
    heads, unreachable = _heads(repository, config, local=local, only_shows=only_shows)
    ledger, last_run = read_local_ledger(repository, config)
    journals, journaled = read_journals(journal_folder(repository, config))
    return Workspace(
        config=config,
        repository=repository,
        files=files,
        tree=tree,
        lock=lock,
        ledger=ledger,
        baselines=complete_baselines(repository, tree.knowledge, newest(usable, ledger)),
        last_run=last_run,
        commit=commit,
        heads=heads,
        in_flight=read_in_flight(repository, config, heads),
        journals=journals,
        journaled=journaled,
        cut_off=TreeJournal(repository).cut_off,
        warnings=found if checked else (),
        unreachable=unreachable,
    )


def _raise_errors(problems: Iterable[Problem]) -> None:
    """Raise ContentError with the errors among some problems, if there are any."""
    if errors := tuple(problem for problem in problems if problem.is_error):
        raise ContentError(errors)


def _heads(repository: Repository, config: Config, *, local: bool, only_shows: bool) -> tuple[RemoteHeads, str]:
    """Return the commits of ledger and lease, where it `only_shows` those of this clone and why they may be old."""
    try:
        return remote_heads(repository, config, local=local), ""
    except RemoteUnreachable as error:
        if not only_shows:
            raise
        return remote_heads(repository, config, local=True), error.what


def _lint(
    config: Config,
    tree: ContentTree,
    lock: Mapping[ItemKey, Baseline],
    of_lock: tuple[Problem, ...],
    paths: Collection[str] = (),
) -> tuple[Problem, ...]:
    nothing = content_digests(Article(title="", body=""))["body"]
    empty = {known.path for known in lock.values() if known.content.get("body") == nothing}
    url, ignore, others = config.assets_url or None, config.lint_ignore, (*of_lock, *find_keys(tree, config.leaks))
    ids = {key.id for key in lock if key.kind is Kind.ARTICLE}
    above = next((place for place in config.root.parents if (place / ".git").exists()), None)

    def is_outside(path: str) -> bool:
        return above is not None and above.joinpath(path).is_file()

    return lint(
        tree, assets_url=url, ignore=ignore, others=others, empty=empty, paths=paths, ids=ids, is_outside=is_outside
    )


def published_branch(repository: Repository, config: Config, *, local: bool) -> str:
    """Return the branch that a target publishes: the one that it names, else the default branch.

    Raises:
        GitError: the remote, which knows its default branch, could not be reached.
    """
    asks = not config.branch and is_shared(repository, config, local=local)
    return config.branch or repository.branches.default(config.remote, asks=asks)


def unvouched(workspace: Workspace) -> Mapping[ItemKey, Unvouched]:
    """Return what was known before of items that only a lock file calls seen and whose file differs from it.

    The sources are those that the ledger or this clone has.
    """
    candidates = unvouched_by(workspace.lock, workspace.ledger, workspace.baselines)
    if not candidates:
        return {}  # as a rule: so that no source is hashed
    blobs = _blobs(workspace.content)
    found = {
        key: known
        for key, known in candidates.items()
        if blobs.get(workspace.baselines[key].path) != workspace.lock[key].blob
    }
    if not found:
        return {}
    published = {key: known.published for key, known in found.items() if known.published is not None}
    published = complete_baselines(workspace.repository, workspace.content, published)
    texts = workspace.repository.blobs({known.replaced.blob for known in found.values()})
    replaced = with_sources((known.replaced for known in found.values()), texts)
    return {known.key: Unvouched(published=published.get(known.key), replaced=known) for known in replaced}


def former_titles(workspace: Workspace) -> Mapping[ItemKey, frozenset[str]]:
    """Return, for items that the tree lacks and that only a lock file knows, the titles of the file that it names.

    They are those that the file had on this branch: none where it never was there. A directory is left out as soon as
    there was a file in it.
    """
    present, repository = workspace.content.by_path(), workspace.repository
    gone = {
        key: known
        for key, known in workspace.baselines.items()
        if known.state is State.LIVE and known.path not in present and key in workspace.lock
    }
    alone = {key: known for key, known in gone.items() if not _is_published_at(workspace.ledger.get(key), known.path)}
    commit = (workspace.commit or repository.head()) if alone else None
    if commit is None:
        return dict.fromkeys(alone, frozenset())
    blobs = repository.past_blobs(commit, {known.path for known in alone.values()})
    texts = repository.blobs({blob for found in blobs.values() for blob in found})
    titles: dict[ItemKey, frozenset[str]] = {}
    for key, known in alone.items():
        if key.kind is Kind.ARTICLE:
            versions = (texts[blob] for blob in blobs.get(known.path, ()) if blob in texts)
            titles[key] = frozenset(filter(None, (_title_of(workspace, known.path, text) for text in versions)))
        elif not any(is_under(path, known.path) for path in blobs):
            titles[key] = frozenset()
    return titles


def _is_published_at(entry: Baseline | None, path: str) -> bool:
    return entry is not None and entry.state is State.LIVE and entry.path == path


def _title_of(workspace: Workspace, path: str, text: str) -> str:
    with suppress(ContentError):
        read = read_article(Overlay(workspace.files, {path: text}), tree_rules(workspace.config), path)
        return read[0].title if read else ""
    return ""


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
    repository: Repository, content: KnowledgeBase, baselines: Mapping[ItemKey, Baseline]
) -> dict[ItemKey, Baseline]:
    """Add the sources that git holds to the baselines whose content has changed since."""
    here = {blob_of(item.origin.text): item.origin.text for item in content.items() if item.origin is not None}
    wanted = {known.blob for known in baselines.values() if known.source is None and known.blob} - here.keys()
    sources = here | dict(repository.blobs(sorted(wanted)))
    complete = with_sources(baselines.values(), sources)
    if any(known.renderer_version != RENDERER_VERSION for known in complete):
        anchors = link_graph(content).anchors
        complete = tuple(_rerendered(known, anchors.get(known.path, frozenset())) for known in complete)
    return {known.key: known for known in complete}


def _rerendered(known: Baseline, anchors: frozenset[str]) -> Baseline:
    """Render a baseline's source with the running kbsync, so that an upgrade alone does not change any article."""
    if (
        known.renderer_version == RENDERER_VERSION
        or known.kind is not Kind.ARTICLE
        or known.source is None
        or not known.content.get("body")
    ):
        return known
    body = parse_document(known.source, known.path).body if known.expanded is None else known.expanded
    article = Article(title="", body=body, path=known.path)
    content = {**known.content, "body": content_digests(article, anchors)["body"]}
    return replace(known, content=content, renderer_version=RENDERER_VERSION)


DEFAULT_MAX_AGE = timedelta(days=7)


class Ui(Protocol):
    """The user interface of a run: shows progress, and asks before anything is written."""

    def status(self, why: str) -> None:
        """Show what is being waited for."""

    def start(self, what: str, total: int) -> None:
        """Start a progress display of `total` steps."""

    def advance(self, what: str) -> None:
        """Advance it by one step."""

    def read(self, done: int, about: int) -> None:
        """Show how many of about how many articles of the portal were read."""

    def waiting(self, why: str) -> None:
        """Show why no call is sent at the moment; empty when calls are sent again."""

    def note(self, text: str) -> None:
        """Print a line that stays."""

    def confirm(self, planned: "PlanResult") -> bool:
        """Return whether this plan is to be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one run.

    `saved` is the approved plan, which must hold whole with `all_or_nothing` and must not be older than `max_age`.
    `wait` is how many seconds to wait for another publish to end. `aside` names files under the root that are this
    run's own, committed or not. With `rerender` unchanged articles are rendered again too. Without `refresh` only what
    is to be written is read from the portal.
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
    saved: SavedPlan | None = None
    all_or_nothing: bool = False
    max_age: timedelta = DEFAULT_MAX_AGE
    aside: frozenset[str] = frozenset()
    rerender: bool = False
    refresh: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """A plan and what it was made from; `calls` is what that took, `uncommitted` what git does not have yet.

    `withheld` are changes that the saved plan does not allow. `undoes` is the run that the plan undoes, if any.
    """

    workspace: Workspace
    plan: Plan
    live: KnowledgeBase
    calls: int
    uncommitted: tuple[str, ...] = ()
    withheld: tuple[Outcome, ...] = ()
    undoes: RunInfo | None = None
