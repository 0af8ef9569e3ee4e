"""The ledger in git: read, written, and shared with its remote. What stands in it is the business of `memory`.

The lease lies beside it on the same remote, so that both are asked for and pushed together; `lease` says what it means.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kbsync.agreement_files import agreement_to_json, ledger_name, read_ledger
from kbsync.agreements import Agreement, Key
from kbsync.config import Config
from kbsync.content.repository import RefMoved, Repository
from kbsync.errors import KbsyncError

_RUN = "run.json"
_ATTEMPTS = 3


def ledger_ref(config: Config) -> str:
    """Name the git ref that holds a target's ledger."""
    return f"refs/kbsync/{config.target}"


def lease_ref(config: Config) -> str:
    """Name the git ref that holds the lease of a target: who may write to the portal, and what is under way."""
    return f"refs/kbsync-lease/{config.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The commits at which ledger and lease stand where they are shared; in this clone, where nothing is."""

    ledger: str | None
    lease: str | None


def is_shared(repository: Repository, config: Config, *, local: bool) -> bool:
    """Tell whether ledger and lease are kept on a remote, beside this clone."""
    return not local and repository.has_remote(config.remote)


def look_up(repository: Repository, config: Config, *, local: bool) -> Standing:
    """Find out where ledger and lease stand; this clone's ledger follows.

    Raises:
        GitError: the remote cannot be asked.
    """
    if is_shared(repository, config, local=local):
        return _follow(repository, config)
    return Standing(ledger=repository.ref_commit(ledger_ref(config)), lease=repository.ref_commit(lease_ref(config)))


def open_ledger(
    repository: Repository, config: Config, *, local: bool
) -> tuple[dict[Key, Agreement], Mapping[str, object]]:
    """Read the ledger and what it tells of its last run; fetched from the remote first, unless `local`.

    Raises:
        GitError: it cannot be fetched.
        KbsyncError: it was written by a later version.
    """
    look_up(repository, config, local=local)
    return read_here(repository, config)


def read_here(repository: Repository, config: Config) -> tuple[dict[Key, Agreement], Mapping[str, object]]:
    """Read the ledger and what it tells of its last run, as this clone has it.

    Raises:
        KbsyncError: it was written by a later version.
    """
    files = repository.read_ref(ledger_ref(config))
    return _agreements(files), json.loads(files.get(_RUN, b"{}"))


def write_ledger(
    repository: Repository,
    config: Config,
    entries: Mapping[Key, Agreement],
    forgotten: Collection[Key],
    *,
    page: Mapping[str, object],
    message: str,
) -> None:
    """Commit new entries on top of the ledger as it stands in this clone."""
    ref = ledger_ref(config)
    files: dict[str, bytes | None] = {
        ledger_name(key): agreement_to_json(known).encode("utf-8") for key, known in entries.items()
    }
    files |= {ledger_name(key): None for key in forgotten}
    files[_RUN] = (json.dumps(page, indent=1, sort_keys=True) + "\n").encode()
    repository.write_ref(ref, files, message=message, parent=repository.ref_commit(ref))


def share_ledger(
    repository: Repository, config: Config, *, lease: tuple[str, str | None] | None = None, local: bool = False
) -> None:
    """Send the ledger to its remote, if there is one; where that was moved meanwhile, the two are joined first.

    `lease` says from which commit to which the lease goes with it, None taking it away; one that stands elsewhere by
    now is another's, and stays.

    Raises:
        GitError: the remote does not take it.
    """
    if not is_shared(repository, config, local=local):
        _let_go_here(repository, config, lease)
        return
    for last in (False,) * (_ATTEMPTS - 1) + (True,):
        there, here = _follow(repository, config), repository.ref_commit(ledger_ref(config))
        expected = {ledger_ref(config): there.ledger} if here != there.ledger else {}
        at: dict[str, str | None] = {ledger_ref(config): here} if expected else {}
        if lease is not None and there.lease == lease[0]:
            expected[lease_ref(config)], at[lease_ref(config)] = lease
        if not expected:
            return
        try:
            repository.push_refs(config.remote, expected, at=at)
        except RefMoved:
            if last:
                raise
        else:
            return


def _let_go_here(repository: Repository, config: Config, lease: tuple[str, str | None] | None) -> None:
    if lease is not None and repository.ref_commit(lease_ref(config)) == lease[0]:
        repository.move_ref(lease_ref(config), lease[1], expected=lease[0])


def _follow(repository: Repository, config: Config) -> Standing:
    """Fetch the remote's ledger, and join it with ours where each has what the other lacks; say where both stand."""
    ref, lease = ledger_ref(config), lease_ref(config)
    found = repository.fetch_refs(config.remote, (ref, lease), mirrored=(lease,))
    there, here = found[ref], repository.ref_commit(ref)
    standing = Standing(ledger=there, lease=found[lease])
    if there is None or here is None or here == there or repository.is_ancestor(there, here, remote=config.remote):
        return standing
    ours, theirs = repository.read_ref(here), repository.read_ref(there)
    newer = _newer(_agreements(ours), _agreements(theirs))
    repository.move_ref(ref, there, expected=here)
    if newer:
        page = json.loads(theirs.get(_RUN, b"{}")) | {"purpose": "join"}
        write_ledger(repository, config, newer, (), page=page, message=f"join what {here[:10]} knew")
    return standing


def _newer(ours: Mapping[Key, Agreement], theirs: Mapping[Key, Agreement]) -> dict[Key, Agreement]:
    return {key: known for key, known in ours.items() if key not in theirs or theirs[key].seen < known.seen}


def _agreements(files: Mapping[str, bytes]) -> dict[Key, Agreement]:
    try:
        return read_ledger(files)
    except ValueError as error:
        raise KbsyncError(f"the ledger cannot be read: {error}", advice="upgrade kbsync") from error
