"""A branch that a run proposes its changes on: where to go on from, and a commit put onto it, here and on the remote.

It never touches the index, the working tree or a branch that is checked out, and it only ever adds to a branch: what
people have committed there stays.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from kbsync.config import Config
from kbsync.content.repository import RefMoved, Repository
from kbsync.errors import GitError, UsageError
from kbsync.journeys.branches.joining import joined

_ATTEMPTS = 3
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A branch to propose something on; `commit` is what to go on from, up to date with the branch below it.

    `here` and `there` are where the branch stands in this clone and on the remote, which it is pushed to if `shares`.
    """

    repository: Repository
    config: Config
    branch: str
    commit: str
    here: str | None
    there: str | None
    shares: bool

    def put(self, files: Mapping[str, str | bytes | None], *, message: str) -> str:
        """Commit changed files, by content path, onto the branch; it is pushed before it moves in this clone.

        Raises:
            RefMoved: somebody moved the branch meanwhile.
            PushRefused: we may not push there.
            ContentError: a file would lie on or beyond a symbolic link.
        """
        commit = self.repository.branches.commit_onto(self.commit, files, message=message)
        if self.shares:
            self.repository.branches.push(self.config.remote, self.branch, commit, expected=self.there)
        self._follow(commit)
        return commit

    def _follow(self, commit: str) -> None:
        """Let the branch of this clone follow: where there is no remote, or where it lags behind."""
        branches = self.repository.branches
        if not self.shares:
            branches.move(self.branch, commit, expected=self.here)
        elif self.here is not None and branches.is_behind(self.here, commit):
            with contextlib.suppress(RefMoved):
                branches.move(self.branch, commit, expected=self.here)


def on_branch(config: Config, branch: str, act: Callable[[Proposal], _Done], *, local: bool) -> _Done:
    """Let something be done on a branch; where the branch moves meanwhile, once more from where it stands then.

    It goes on from the branch where that exists, with the target's branch merged in, else from the target's branch:
    as the remote has it, else as this clone has it, else from HEAD.

    Raises:
        UsageError: the branch cannot be used.
        Refusal: the branch and the one below it overlap.
        GitError: the remote cannot be reached, or nothing is committed.
    """
    repository = Repository.open(config.root)
    if branch == config.branch:
        what = f"{branch} is the branch that is published"
        raise UsageError(what, advice="name another one, which a pull request can merge")
    repository.branches.check(branch)
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(RefMoved):
            return act(_proposal(repository, config, branch, local=local))
    return act(_proposal(repository, config, branch, local=local))


def _proposal(repository: Repository, config: Config, branch: str, *, local: bool) -> Proposal:
    branches = repository.branches
    shares = not local and repository.has_remote(config.remote)
    there = branches.fetch(config.remote, (branch, config.branch)) if shares else {}
    base = there.get(config.branch) or branches.commit(config.branch) or repository.head()
    if base is None:
        raise GitError("nothing is committed yet", advice="commit the content first")
    here, remote = branches.commit(branch), there.get(branch)
    tip = here if remote is None or (here and branches.is_behind(remote, here)) else remote
    names = (branch, config.branch)
    return Proposal(
        repository=repository,
        config=config,
        branch=branch,
        commit=base if tip is None else joined(repository, tip, base, names=names, remote=config.remote),
        here=here,
        there=remote,
        shares=shares,
    )
