"""The ledger in git: read, written, and shared with its remote. What stands in it is the business of `memory`."""

import json
from collections.abc import Collection, Mapping

from kbsync.agreements import Agreement, Key, agreement_to_json, ledger_name, read_ledger
from kbsync.config import Config
from kbsync.content.repository import RefMoved, Repository
from kbsync.errors import KbsyncError

_RUN = "run.json"
_ATTEMPTS = 3


def ledger_ref(config: Config) -> str:
    """Name the git ref that holds a target's ledger."""
    return f"refs/kbsync/{config.target}"


def open_ledger(
    repository: Repository, config: Config, *, local: bool
) -> tuple[dict[Key, Agreement], Mapping[str, object]]:
    """Read the ledger and what it tells of its last run; fetched from the remote first, unless `local`.

    Raises:
        GitError: it cannot be fetched.
        KbsyncError: it was written by a later version.
    """
    if not local and repository.has_remote(config.remote):
        _follow(repository, config)
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


def share_ledger(repository: Repository, config: Config) -> None:
    """Send the ledger to its remote, if there is one; where that was moved meanwhile, the two are joined first.

    Raises:
        GitError: the remote does not take it.
    """
    if not repository.has_remote(config.remote):
        return
    for last in (False,) * (_ATTEMPTS - 1) + (True,):
        there = _follow(repository, config)
        if there == repository.ref_commit(ledger_ref(config)):
            return
        try:
            repository.push_ref(config.remote, ledger_ref(config), expected=there)
        except RefMoved:
            if last:
                raise
        else:
            return


def _follow(repository: Repository, config: Config) -> str | None:
    """Fetch the remote's ledger, and join it with ours where each has what the other lacks; give its commit."""
    ref = ledger_ref(config)
    there, here = repository.fetch_ref(config.remote, ref), repository.ref_commit(ref)
    if there is None or here is None or here == there or repository.is_ancestor(there, here, remote=config.remote):
        return there
    ours, theirs = repository.read_ref(here), repository.read_ref(there)
    newer = _newer(_agreements(ours), _agreements(theirs))
    repository.move_ref(ref, there, expected=here)
    if newer:
        page = json.loads(theirs.get(_RUN, b"{}"))
        write_ledger(repository, config, newer, (), page=page, message=f"join what {here[:10]} knew")
    return there


def _newer(ours: Mapping[Key, Agreement], theirs: Mapping[Key, Agreement]) -> dict[Key, Agreement]:
    return {key: known for key, known in ours.items() if key not in theirs or theirs[key].seen < known.seen}


def _agreements(files: Mapping[str, bytes]) -> dict[Key, Agreement]:
    try:
        return read_ledger(files)
    except ValueError as error:
        raise KbsyncError(f"the ledger cannot be read: {error}", advice="upgrade kbsync") from error
