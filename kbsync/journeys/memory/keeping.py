"""What a run leaves behind: which agreements, on which commit, in words that a reader of the log understands."""

from collections.abc import Mapping
from dataclasses import replace

from kbsync.agreements import Agreement, Key, is_void, seal, void
from kbsync.errors import Refusal
from kbsync.journeys.carrying.publication import Run
from kbsync.journeys.guarding.journal import clear_journals
from kbsync.journeys.guarding.lease import Lease
from kbsync.journeys.guarding.patience import Patience, is_free
from kbsync.journeys.memory.ledger import share_ledger, write_ledger
from kbsync.journeys.workspace import Workspace
from kbsync.runs import Purpose, Record, deeds_of, page_of


def published_commit(workspace: Workspace) -> str | None:
    """Give the source commit of the last run that the ledger tells of."""
    commit = workspace.run.get("commit")
    return commit if isinstance(commit, str) else None


def refuse_old_commit(workspace: Workspace) -> None:
    """Stop a publish of a commit that does not come after those that the portal holds.

    These are the one that was published last, and the one of a run that was cut off after it had written.

    Raises:
        Refusal: it does not.
    """
    cut_off = workspace.underway.holder.commit if workspace.underway and workspace.recovered.agreements else None
    for held in filter(None, (published_commit(workspace), cut_off)):
        _refuse_before(workspace, held)


def _refuse_before(workspace: Workspace, held: str) -> None:
    if workspace.commit is None or held == workspace.commit:
        return
    if not workspace.repository.is_ancestor(held, workspace.commit, remote=workspace.config.remote):
        raise Refusal(
            f"the portal holds {held[:10]}, which is no ancestor of {workspace.commit[:10]}",
            advice="publish a commit that has it in its history; --rollback if going back is meant",
        )


def save(workspace: Workspace, run: Run, *, at: str, local: bool, lease: Lease | None = None) -> None:
    """Write what a run left to the ledger, and send it to the remote; a run that left nothing writes nothing.

    But for its commit, where others on the way to it changed the content and took that back: run late, one of these
    would otherwise come after what the ledger tells of.

    Agreements that so far stand in the lock alone are taken along, so that the ledger comes to hold every source, and
    so is what was found of runs that were cut off. The lease ends with the same push.

    Raises:
        GitError: it could not be written or sent; what was written in this clone stays there.
    """
    ending = lease.ending(run.outcomes) if lease else _ending_of_the_dead(workspace)
    if lease:
        run.lost = lease.lost
    written = _write(workspace, run, at)
    clear_journals([*workspace.journals.values(), *([lease.journal] if lease else [])])
    if written or ending:
        share_ledger(workspace.repository, workspace.config, lease=ending, local=local)


def _ending_of_the_dead(workspace: Workspace) -> tuple[str, None] | None:
    """Take away the lease of a run that is known to be over, where nothing of it is left in doubt."""
    other = workspace.underway
    if other is None or workspace.recovered.doubts or not is_free(other, Patience()):
        return None
    return other.commit, None


def _write(workspace: Workspace, run: Run, at: str) -> bool:
    """Commit to the ledger in this clone; tell whether there was anything to commit."""
    changed = {**_carried_over(workspace), **workspace.recovered.agreements, **run.agreements}
    changed |= {key: void(workspace.lock[key], seen=at) for key in run.forgotten & workspace.lock.keys()}
    entries = {key: _sealed(known, workspace.lock) for key, known in changed.items()}
    forgotten = (run.forgotten & workspace.ledger.keys()) - entries.keys()
    if not entries and not forgotten and not _overtook(workspace, run):
        return False
    forgotten |= _outlived(workspace)
    told = _record(workspace, run, at)
    write_ledger(workspace.repository, workspace.config, entries, forgotten, page=page_of(told), message=told.message())
    return True


def _overtook(workspace: Workspace, run: Run) -> bool:
    """Tell whether the content was changed, and back, between the commit that was published last and this one."""
    last, commit = published_commit(workspace), workspace.commit
    if run.undoes or last is None or commit is None or last == commit:
        return False
    paths = {item.path or "" for item in workspace.content.items()}
    directories = {path.partition("/")[0] for path in paths | {known.path for known in workspace.ledger.values()}}
    return workspace.repository.touched_between(last, commit, directories)


def _carried_over(workspace: Workspace) -> dict[Key, Agreement]:
    return {
        key: known
        for key, known in workspace.agreements.items()
        if key not in workspace.recovered.agreements
        and key in workspace.lock
        and (key not in workspace.ledger or known.over != seal(workspace.lock[key]))
    }


def _outlived(workspace: Workspace) -> set[Key]:
    """Name the entries that outweighed a lock entry which is out of the tree by now."""
    return {key for key, known in workspace.ledger.items() if is_void(known)} - workspace.lock.keys()


def _sealed(known: Agreement, lock: Mapping[Key, Agreement]) -> Agreement:
    entry = lock.get(known.key)
    return replace(known, over=seal(entry) if entry else "")


def _record(workspace: Workspace, run: Run, at: str) -> Record:
    """Tell what a run did. What an undo leaves on the portal still comes from the commit that was there before it."""
    commit = published_commit(workspace) if run.undoes else workspace.commit
    return Record(
        target=workspace.config.target,
        purpose=Purpose.UNDO if run.undoes else Purpose.PUBLISH,
        commit=commit or "",
        at=at,
        who=workspace.repository.identity(),
        undoes=run.undoes,
        deeds=deeds_of((*workspace.recovered.outcomes, *run.outcomes)),
    )
