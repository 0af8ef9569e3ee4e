"""The journey of an undo: one run of the past turned round, agreed to, carried out and remembered as a run itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kbsync.agreements import Agreement, Key
from kbsync.change import Action, Matter
from kbsync.config import Config
from kbsync.content.repository import Repository
from kbsync.credentials import Secret
from kbsync.errors import GitError, Refusal
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.carrying.publication import Run
from kbsync.journeys.memory.keeping import published_commit
from kbsync.journeys.past.history import entries_at, find_run, keys_of, last_run, past_runs
from kbsync.journeys.past.putting_back import Memory, places, turn_round
from kbsync.journeys.past.resting import Tree, tree_of
from kbsync.journeys.planning import connect
from kbsync.journeys.publishing import refuse_other_branch
from kbsync.journeys.sitting import Sitting
from kbsync.journeys.workspace import Workspace, open_workspace
from kbsync.model import Kind, KnowledgeBase, Side
from kbsync.plan import Plan
from kbsync.runs import Past


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of an undo of the run `past`; `run` is None where nothing was written.

    `standing` are the directories that the run made and that stay; `trouble` is why the ledger could not be saved.
    """

    past: Past
    planned: Planned
    standing: tuple[str, ...] = ()
    run: Run | None = None
    calls: int = 0
    trouble: GitError | None = None


def undo(
    config: Config, key: Secret, name: str | None, options: Options, audience: Audience, *, dry_run: bool = False
) -> Undone:
    """Put back what one run replaced, by default the last one; what was changed since is named and left alone.

    Raises:
        UsageError: there is no such run.
        Refusal: the commit that is checked out is older than what was published.
        GitError: there is no repository, or the ledger cannot be read.
    """
    workspace = _open(config, options)
    runs = past_runs(workspace.repository, config)
    past = find_run(runs, name) if name else last_run(runs)
    with connect(config, key, audience) as connection:
        errand = _Undoing(config=config, options=options, past=past)
        sitting = Sitting(errand=errand, options=options, audience=audience, connection=connection)
        planned, reading = sitting.read(workspace)
        planned = replace(planned, undoes=past)
        left = Undone(past=past, planned=planned, standing=_standing(past), calls=connection.calls)
        if dry_run or not planned.plan.changes or (planned.plan.writes and not audience.agrees(planned)):
            return left
        planned, run, trouble = sitting.write(planned, reading)
        return replace(left, planned=replace(planned, undoes=past), run=run, calls=connection.calls, trouble=trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undoing:
    """The errand of an undo."""

    config: Config
    options: Options
    past: Past
    doing: str = "putting back"

    @property
    def undoes(self) -> str:
        return self.past.id

    def reopen(self, workspace: Workspace) -> Workspace:
        return _open(self.config, self.options)

    def plan(self, workspace: Workspace, content: KnowledgeBase, live: KnowledgeBase) -> Plan:
        runs = past_runs(workspace.repository, self.config)
        memory = recall(workspace, find_run(runs, self.past.id), runs)
        tree = tree_of(content, workspace.agreements)
        holds = self.config.touched == "hold"
        return plan_back(self.past, memory, tree, live, holds=holds)

    def refuse(self, plan: Plan) -> None:
        """An undo keeps to one run, which was agreed to: it needs no limit."""


def _open(config: Config, options: Options) -> Workspace:
    """Open what HEAD holds: by its files is told when an item that was undone has changed."""
    repository = Repository.open(config.root)
    commit = repository.head()
    if commit is None:
        raise GitError("nothing is committed yet", advice="there is nothing to undo")
    if not options.attended:
        refuse_other_branch(repository, config, commit, what="undo")
    workspace = open_workspace(config, commit=commit, local=options.local)
    last = published_commit(workspace)
    if last and not workspace.repository.is_ancestor(last, commit, remote=config.remote):
        raise Refusal(
            f"the portal holds {last[:10]}, which is no ancestor of {commit[:10]}",
            advice=f"undo from a checkout of what was published, which is {config.branch} as a rule",
        )
    return workspace


def recall(workspace: Workspace, past: Past, runs: Sequence[Past]) -> Memory:
    """Gather what is remembered of the items of a run: before it, after it, and which later runs changed them."""
    keys = keys_of(past.record.deeds)
    after = entries_at(workspace.repository, past.id, keys)
    later = runs[: runs.index(past)]
    return Memory(
        before=_before(workspace, past, after),
        after=after,
        later={
            key: _changed_by(key, later)
            for key, mine in after.items()
            if not _is_same_version(workspace.ledger.get(key), mine)
        },
        undone_by=frozenset(past.undone_by),
        twins=_twins(past, runs),
    )


def _before(workspace: Workspace, past: Past, after: Mapping[Key, Agreement]) -> dict[Key, Agreement]:
    """Give what was agreed on before a run: the ledger's entries of then, or those of the lock where they are later."""
    known = entries_at(workspace.repository, past.before, after.keys())
    for key, entry in workspace.lock.items():
        if key in after and entry.seen < after[key].seen and (key not in known or known[key].seen < entry.seen):
            known[key] = entry
    return known


def _is_same_version(now: Agreement | None, mine: Agreement) -> bool:
    """Tell whether the ledger still holds the live version that a run left."""
    if now is None:
        return False
    return (now.live, now.updated_at, now.parent) == (mine.live, mine.updated_at, mine.parent)


def _changed_by(key: Key, later: Iterable[Past]) -> str:
    return next((run.name for run in later if key in keys_of(run.record.deeds)), "")


def _twins(past: Past, runs: Sequence[Past]) -> dict[Key, Key]:
    """Pair each article with the one that a move made in its place, in this run or in the one that it undoes."""
    by_id = {run.id: run for run in runs}
    found: dict[Key, Key] = {}
    run: Past | None = past
    while run is not None:
        for deed in run.record.deeds:
            if deed.instead_of is not None:
                new, old = (deed.kind, deed.id), (deed.kind, deed.instead_of)
                found |= {new: old, old: new}
        run = by_id.get(run.record.undoes)
    return found


def plan_back(past: Past, memory: Memory, tree: Tree, live: KnowledgeBase, *, holds: bool) -> Plan:
    """Plan what puts back what a run replaced; `holds` tells whether what was saved without a change stays."""
    turned = turn_round(past.record.deeds, memory, tree, live, run=past.name, holds=holds)
    return Plan(
        written=Side.LIVE,
        changes=tuple(turned.changes),
        conflicts=tuple(finding for finding in turned.left if finding.matter is Matter.CONFLICT),
        undone=tuple(finding for finding in turned.left if finding.matter is Matter.UNDONE),
        ids=places(turned.changes, memory.before),
        targets={},
        anchors={},
    )


def _standing(past: Past) -> tuple[str, ...]:
    """Name the directories that a run made: nothing is deleted, so that they stay."""
    made = (deed for deed in past.record.deeds if deed.action is Action.CREATE and deed.kind is not Kind.ARTICLE)
    return tuple(deed.path for deed in made)
