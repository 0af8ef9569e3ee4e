"""A branch that a run proposes its changes on: where to go on from, and a commit put onto it, here and on the remote.

It never touches the index, the working tree or a branch that is checked out, and it only ever adds to a branch: what
people have committed there stays.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from kbsync.baseline import Baseline
from kbsync.change import Action, Change, Finding
from kbsync.codec import FormatError, decode
from kbsync.config import Config, Secret
from kbsync.engine.context import Options, Ui, Workspace, open_workspace
from kbsync.engine.pull import PullResult, plan_pull
from kbsync.errors import GitError, Refusal, UsageError
from kbsync.git.branches import MergeResult
from kbsync.git.refs import RefMoved
from kbsync.git.repository import Repository
from kbsync.model import source_path

_LOCKS = ".kbsync/"


def merged_with_base(repository: Repository, tip: str, base: str, *, names: tuple[str, str], remote: str) -> str:
    """Return a commit that holds a branch's and that of the one below it; `names` are what people call the two.

    What of the branch was merged below already, also as one squashed commit, counts as merged: it does not come back
    where it was changed or taken out again since.

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
    """Join the branch with the commit below that took over what it held then; give the tip where there is none."""
    branches = repository.branches
    below = branches.first_parents(fork, base)
    for commit in branches.first_parents(fork, tip):
        taken = branches.find_squash(fork, commit, below)
        if taken is None:
            continue
        same = MergeResult(parents=(commit, taken), tree=branches.tree(taken), conflicts=())
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
            advice=f"merge {base} into {branch} by hand, or delete {branch} if it is not needed any more",
        )
    return repository.branches.commit_merge(merged, texts, message=_message(names))


def _later(repository: Repository, commits: tuple[str, str], path: str) -> str | None:
    """Return the text of the later of two lock files; None where one of them is not to be read."""
    texts = []
    for commit in commits:
        files = repository.committed(commit)
        if path not in files.paths():
            return None
        texts.append(files.read(path).decode("utf-8", "replace"))
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
    """A branch to propose something on; `commit` is what to go on from, up to date with the branch below it.

    `here` and `there` are where the branch stands in this clone and on the remote, which it is pushed to if `shares`.
    """

    repository: Repository
    config: Config
    branch: str
    commit: str
    local_head: str | None
    remote_head: str | None
    pushes: bool

    def commit_files(self, files: Mapping[str, str | bytes | None], *, message: str) -> str:
        """Commit changed files, by content path, onto the branch; it is pushed before it moves in this clone.

        Raises:
            RefMoved: somebody moved the branch meanwhile.
            PushRefused: we may not push there.
            ContentError: a file would lie on or beyond a symbolic link.
        """
        commit = self.repository.branches.commit_onto(self.commit, files, message=message)
        if self.pushes:
            self.repository.branches.push(self.config.remote, self.branch, commit, expected=self.remote_head)
        self._follow(commit)
        return commit

    def _follow(self, commit: str) -> None:
        """Let the branch of this clone follow: where there is no remote, or where it lags behind."""
        branches = self.repository.branches
        if not self.pushes:
            branches.move(self.branch, commit, expected=self.local_head)
        elif self.local_head is not None and branches.is_ancestor(self.local_head, commit):
            with contextlib.suppress(RefMoved):
                branches.move(self.branch, commit, expected=self.local_head)


def on_branch(config: Config, branch: str, act: Callable[[BranchUpdate], _Done], *, local: bool) -> _Done:
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


def _proposal(repository: Repository, config: Config, branch: str, *, local: bool) -> BranchUpdate:
    branches = repository.branches
    shares = not local and repository.has_remote(config.remote)
    there = branches.fetch(config.remote, (branch, config.branch)) if shares else {}
    base = there.get(config.branch) or branches.commit(config.branch) or repository.head()
    if base is None:
        raise GitError("nothing is committed yet", advice="commit the content first")
    here, remote = branches.commit(branch), there.get(branch)
    tip = here if remote is None or (here and branches.is_ancestor(remote, here)) else remote
    names = (branch, config.branch)
    return BranchUpdate(
        repository=repository,
        config=config,
        branch=branch,
        commit=base if tip is None else merged_with_base(repository, tip, base, names=names, remote=config.remote),
        local_head=here,
        remote_head=remote,
        pushes=shares,
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
    """What a pull put on a branch: the commit (None where there was nothing to bring), and whether it was pushed."""

    result: PullResult
    branch: str
    commit: str | None = None
    pushed: bool = False


def propose(config: Config, key: Secret, options: Options, ui: Ui, *, branch: str) -> ProposedPull:
    """Commit what changed on the portal to a branch, and push that where there is a remote, unless `local`.

    Articles that changed on both sides are left out, and named in the message of the commit.

    Raises:
        UsageError: the branch cannot be used.
        Refusal: the branch and the one that it is to be merged into overlap, or it is the wrong portal.
        GitError: the remote cannot be reached, or does not take the branch.
    """

    def bring(proposal: BranchUpdate) -> ProposedPull:
        workspace = open_workspace(config, commit=proposal.commit, local=options.local)
        result = plan_pull(workspace, key, replace(options, markers=False), ui)
        left_out = result.planned.plan.conflicts
        files = _to_bring(workspace, result)
        if not files:
            return ProposedPull(result=result, branch=branch)
        message = _message_proposing(result.pulled.changes, files.keys(), left_out)
        return ProposedPull(
            result=result, branch=branch, commit=proposal.commit_files(files, message=message), pushed=proposal.pushes
        )

    ui.status("looking at the branch")
    return on_branch(config, branch, bring, local=options.local)


def _to_bring(workspace: Workspace, result: PullResult) -> dict[str, str | bytes | None]:
    """Return the files of a pull that differ from those there."""
    present = frozenset(workspace.files.paths())
    return {
        path: text
        for path, text in result.pulled.files.items()
        if (path in present if text is None else path not in present or workspace.files.read(path) != _data(text))
    }


def _data(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _message_proposing(changes: Iterable[Change], files: Iterable[str], left_out: Iterable[Finding]) -> str:
    """Return what was pulled, and what was left out; one line each."""
    written = set(files)
    lines = [_line(change) for change in changes if _source(change) in written]
    held = [_one_line(f"  {finding.path}: {finding.reason or 'changed on both sides'}") for finding in left_out]
    told = "1 item" if len(lines) == 1 else f"{len(lines)} items"
    parts = [f"Pull {told} from the portal" if lines else "Note what both sides agree on"]
    parts += ["\n".join(lines)] if lines else []
    parts += ["\n".join(("Left out, to be merged by hand with `kbsync pull`:", *held))] if held else []
    return "\n\n".join(parts) + "\n"


def _source(change: Change) -> str:
    return source_path(change.kind, change.path)


def _line(change: Change) -> str:
    former = f" (from {change.former_path})" if change.former_path not in (None, change.path) else ""
    fields = f": {', '.join(change.fields)}" if change.fields and change.action is Action.UPDATE else ""
    return _one_line(f"  {_DONE.get(change.action, change.action.value)} {change.path}{former}{fields}")


def _one_line(text: str) -> str:
    return text[: len(text) - len(text.lstrip())] + " ".join(text.split())
