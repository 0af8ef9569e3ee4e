"""The journey of an undo: one run of the past turned round, agreed to, carried out and remembered as a run itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kbsync.agreements import Agreement, Key
from kbsync.change import Matter
from kbsync.config import Config
from kbsync.content.repository import Repository
from kbsync.credentials import Secret
from kbsync.errors import GitError, Refusal
from kbsync.freshdesk.client import Connection
from kbsync.journeys.addressing import TargetAddresses
from kbsync.journeys.audience import Audience, Options, Planned
from kbsync.journeys.carrying import Portal, Run, carry_out
from kbsync.journeys.history import entries_at, find_run, keys_of, last_run, past_runs
from kbsync.journeys.memory import published_commit, save
from kbsync.journeys.planning import connect
from kbsync.journeys.putting_back import Memory, Turned, places, turn_round
from kbsync.journeys.reading import Reading, read_live, with_authors
from kbsync.journeys.resting import tree_of
from kbsync.journeys.workspace import Workspace, open_workspace
from kbsync.model import Side
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
        audience.waits("reading the portal")
        reading = read_live(connection)
        content = with_authors(workspace.content, connection)
        memory = recall(workspace, past, runs)
        holds = config.touched == "hold"
        tree = tree_of(content, workspace.agreements)
        turned = turn_round(past.record.deeds, memory, tree, reading.live, run=past.name, holds=holds)
        plan = _plan(turned, memory)
        planned = Planned(workspace=workspace, plan=plan, live=reading.live, calls=connection.calls)
        standing = tuple(turned.standing)
        if dry_run or not plan.changes or (plan.writes and not audience.agrees(planned)):
            return Undone(past=past, planned=planned, standing=standing, calls=connection.calls)
        run = _apply(planned, connection, reading, audience)
        run.undoes = past.id
        trouble = _save(planned, run, options)
        return Undone(past=past, planned=planned, standing=standing, run=run, calls=connection.calls, trouble=trouble)


def _open(config: Config, options: Options) -> Workspace:
    """Open what HEAD holds: by its files is told when an item that was undone has changed."""
    commit = Repository.open(config.root).head()
    if commit is None:
        raise GitError("nothing is committed yet", advice="there is nothing to undo")
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


def _plan(turned: Turned, memory: Memory) -> Plan:
    conflicts = tuple(finding for finding in turned.left if finding.matter is Matter.CONFLICT)
    undone = tuple(finding for finding in turned.left if finding.matter is Matter.UNDONE)
    changes = tuple(turned.changes)
    ids = places(changes, memory.before)
    return Plan(written=Side.LIVE, changes=changes, conflicts=conflicts, undone=undone, ids=ids, targets={}, anchors={})


def _apply(planned: Planned, connection: Connection, reading: Reading, audience: Audience) -> Run:
    workspace = planned.workspace
    addresses = TargetAddresses(workspace.config, workspace.content.assets)
    portal = Portal(connection=connection, live=reading.live, read_at=reading.at)
    audience.begins("putting back", len(planned.plan.changes))
    return carry_out(
        planned.plan, portal, addresses, workspace.agreements, lambda outcome: audience.steps(outcome.change.path)
    )


def _save(planned: Planned, run: Run, options: Options) -> GitError | None:
    """Save what was done whatever comes: the portal has changed, and people must hear of that too."""
    try:
        save(planned.workspace, run, at=planned.live.seen_at, local=options.local)
    except GitError as error:
        return error
    return None
