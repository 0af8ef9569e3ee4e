"""A branch that a run proposes its changes on: the commit to build on, and new commits here and on the remote.

It never touches the index, the working tree or a branch that is checked out, and it only adds to a branch: what people
have committed there stays.
"""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from kbsync.baseline import Baseline
from kbsync.change import Action, Change
from kbsync.codec import FormatError, decode
from kbsync.config import Config, Secret
from kbsync.engine.context import Options, Ui, Workspace, open_workspace, published_branch
from kbsync.engine.pull import PullResult, plan_pull
from kbsync.errors import GitError, Refusal, UsageError
from kbsync.git.branches import TreeMerge
from kbsync.git.refs import RefMoved
from kbsync.git.repository import Repository
from kbsync.model import source_path

_LOCKS = ".kbsync/"


def merged_with_base(repository: Repository, tip: str, base: str, *, names: tuple[str, str], remote: str) -> str:
    """Merge a branch with its base, where needed, and return the commit; `names` are what people call the two.

    What of the branch was merged into the base already, also as one squashed commit, counts as merged: it does not
    reappear where it was changed or removed since.

    Raises:
        Refusal: the two overlap; the files are named.
        GitError: they have no history in common, or this git cannot merge without a checkout.
    """
    branches = repository.branches
    fork = branches.merge_base(tip, base, remote=remote)
    if fork == tip:
        return base
    if fork == base:
        return tip
    if fork is not None:
        tip = _over_squashes(repository, tip, base, fork, names)
    return _merged(repository, tip, base, names)


def _over_squashes(repository: Repository, tip: str, base: str, fork: str, names: tuple[str, str]) -> str:
    """Merge the branch with the commit of the base that squashed it; return the tip where there is none."""
    branches = repository.branches
    below = branches.first_parents(fork, base)
    for commit in branches.first_parents(fork, tip):
        taken = branches.find_squash(fork, commit, below)
        if taken is None:
            continue
        same = TreeMerge(parents=(commit, taken), tree=branches.tree(taken), conflicts=())
        squash = branches.commit_merge(same, {}, message=_message(names))
        return squash if commit == tip else _merged(repository, tip, squash, names)
    return tip


def _merged(repository: Repository, ours: str, theirs: str, names: tuple[str, str]) -> str:
    merged = repository.branches.merge(ours, theirs)
    locks = {path: _later(repository, merged.parents, path) for path in merged.conflicts if path.startswith(_LOCKS)}
    texts = {path: text for path, text in locks.items() if text is not None}
    overlaps = [path for path in merged.conflicts if path not in texts]
    if overlaps:
        branch, base = names
        raise Refusal(
            f"{branch} and {base} changed the same lines: {', '.join(overlaps)}",
            advice=f"merge {base} into {branch} yourself, or delete {branch} if it is no longer needed",
        )
    return repository.branches.commit_merge(merged, texts, message=_message(names))


def _later(repository: Repository, commits: tuple[str, str], path: str) -> str | None:
    """Return the text of the later of two lock files; None where one is missing or cannot be read."""
    trees = [repository.committed(commit) for commit in commits]
    if any(path not in files.paths() for files in trees):
        return None
    texts = [files.read(path).decode("utf-8", "replace") for files in trees]
    try:
        return max(texts, key=lambda text: decode(Baseline, text, file=path).seen_at)
    except FormatError:
        return None


def _message(names: tuple[str, str]) -> str:
    branch, base = names
    return f"Merge {base} into {branch}\n"


_ATTEMPTS = 3
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchUpdate:
    """A branch to propose something on; `commit` is what to build on, up to date with the target's branch.

    `local_head` and `remote_head` are the branch in this clone and on the remote, to which it is pushed if `pushes`.
    """

    repository: Repository
    config: Config
    branch: str
    commit: str
    local_head: str | None
    remote_head: str | None
    pushes: bool

    def commit_files(self, files: Mapping[str, str | bytes | None], *, message: str) -> str:
        """Commit changed files, by content path, onto the branch, and push it before it moves in this clone.

        Raises:
            RefMoved: somebody moved the branch meanwhile.
            PushRefused: we may not push there.
            ContentError: a file would be on or beyond a symbolic link.
        """
        commit = self.repository.branches.commit_onto(self.commit, files, message=message)
        if self.pushes:
            self.repository.branches.push(self.config.remote, self.branch, commit, expected=self.remote_head)
        self._follow(commit)
        return commit

    def _follow(self, commit: str) -> None:
        """Move the branch of this clone where there is no remote, or where the branch is behind."""
        branches = self.repository.branches
        if not self.pushes:
            branches.move(self.branch, commit, expected=self.local_head)
        elif self.local_head is not None and branches.is_ancestor(self.local_head, commit):
            with contextlib.suppress(RefMoved):
                branches.move(self.branch, commit, expected=self.local_head)


def on_branch(config: Config, branch: str, act: Callable[[BranchUpdate], _Done], *, local: bool) -> _Done:
    """Call `act` with a branch to commit to; where that branch moves meanwhile, call it again with the new state.

    The base is the branch where that exists, with the target's branch merged in, else the target's branch as the remote
    has it, else as this clone has it, else HEAD.

    Raises:
        UsageError: the branch cannot be used.
        Refusal: the branch and the one below it overlap.
        GitError: the remote cannot be reached, or nothing is committed.
    """
    repository = Repository.open(config.root)
    base = published_branch(repository, config, local=local)
    if branch == base:
        what = f"{branch} is the branch that kbsync publishes"
        raise UsageError(what, advice="choose another branch, to be merged with a pull request")
    repository.branches.check(branch)
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(RefMoved):
            return act(_update_of(repository, config, branch, base, local=local))
    return act(_update_of(repository, config, branch, base, local=local))


def _update_of(repository: Repository, config: Config, branch: str, below: str, *, local: bool) -> BranchUpdate:
    branches = repository.branches
    pushes = not local and repository.has_remote(config.remote)
    fetched = branches.fetch(config.remote, (branch, below)) if pushes else {}
    base = fetched.get(below) or branches.commit(below) or repository.head()
    if base is None:
        raise GitError("no commits yet", advice="commit the content first")
    ours, theirs = branches.commit(branch), fetched.get(branch)
    tip = ours if theirs is None or (ours and branches.is_ancestor(theirs, ours)) else theirs
    names = (branch, below)
    return BranchUpdate(
        repository=repository,
        config=config,
        branch=branch,
        commit=base if tip is None else merged_with_base(repository, tip, base, names=names, remote=config.remote),
        local_head=ours,
        remote_head=theirs,
        pushes=pushes,
    )


_DONE = {
    Action.CREATE: "new",
    Action.UPDATE: "edited",
    Action.RENAME: "renamed",
    Action.MOVE: "moved",
    Action.DELETE: "deleted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedPull:
    """What a pull put on a branch: the commit (None where nothing had changed), and whether it was pushed."""

    result: PullResult
    branch: str
    commit: str | None = None
    pushed: bool = False


def propose(config: Config, key: Secret, options: Options, ui: Ui, *, branch: str) -> ProposedPull:
    """Commit what changed on the portal to a branch, and push that where there is a remote, unless `local`.

    Articles that changed on both sides are left out, and listed in the commit message.

    Raises:
        UsageError: the branch cannot be used.
        Refusal: the branch and the one that it is to be merged into overlap, or it is the wrong portal.
        GitError: the remote cannot be reached, or does not take the branch.
    """

    def commit_pull(update: BranchUpdate) -> ProposedPull:
        workspace = open_workspace(config, commit=update.commit, local=options.local)
        result = plan_pull(workspace, key, replace(options, markers=False), ui)
        files = _differing_files(workspace, result)
        if not files:
            return ProposedPull(result=result, branch=branch)
        message = _message_of_pull(result, files.keys())
        commit = update.commit_files(files, message=message)
        return ProposedPull(result=result, branch=branch, commit=commit, pushed=update.pushes)

    ui.status("checking the branch")
    return on_branch(config, branch, commit_pull, local=options.local)


def _differing_files(workspace: Workspace, result: PullResult) -> dict[str, str | bytes | None]:
    present = frozenset(workspace.files.paths())

    def differs(path: str, text: str | bytes | None) -> bool:
        if text is None:
            return path in present
        return path not in present or workspace.files.read(path) != (text.encode() if isinstance(text, str) else text)

    return {path: text for path, text in result.pulled.files.items() if differs(path, text)}


def _message_of_pull(result: PullResult, files: Collection[str]) -> str:
    changes = [change for change in result.pulled.changes if source_path(change.kind, change.path) in files]
    count = "1 item" if len(changes) == 1 else f"{len(changes)} items"
    conflicts = result.planned.plan.conflicts
    return commit_message(
        f"Pull {count} from the portal" if changes else "Update the lock files",
        [_line(change) for change in changes],
        "Skipped; run `kbsync pull` to merge these:",
        [f"{finding.path}: {finding.reason or 'changed on both sides'}" for finding in conflicts],
    )


def _line(change: Change) -> str:
    former = f" (from {change.former_path})" if change.former_path not in (None, change.path) else ""
    fields = f": {', '.join(change.fields)}" if change.fields and change.action is Action.UPDATE else ""
    return f"{_DONE.get(change.action, change.action.value)} {change.path}{former}{fields}"


def commit_message(subject: str, changed: Sequence[str], heading: str, left_out: Sequence[str]) -> str:
    """Return a commit message with one line for each change, and below a heading one for each path left out."""
    lines, others = ("\n".join("  " + " ".join(line.split()) for line in some) for some in (changed, left_out))
    return "\n\n".join(filter(None, (subject, lines, others and f"{heading}\n{others}"))) + "\n"
