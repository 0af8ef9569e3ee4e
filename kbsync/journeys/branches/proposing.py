"""The journey of a pull that becomes a pull request: a commit on a branch of its own, made without a checkout."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kbsync.change import Action, Change, Finding
from kbsync.config import Config
from kbsync.credentials import Secret
from kbsync.journeys.audience import Audience, Options
from kbsync.journeys.branches.branching import Proposal, on_branch
from kbsync.journeys.pulling import PulledHome, work_out
from kbsync.journeys.workspace import Workspace, open_workspace
from kbsync.model import Kind

_DONE = {
    Action.CREATE: "new",
    Action.UPDATE: "edited",
    Action.RENAME: "renamed",
    Action.MOVE: "moved",
    Action.DELETE: "deleted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What a pull put on a branch: the commit (None where there was nothing to bring), and whether it was pushed."""

    home: PulledHome
    branch: str
    commit: str | None = None
    pushed: bool = False


def propose(config: Config, key: Secret, options: Options, audience: Audience, *, branch: str) -> Proposed:
    """Commit what changed on the portal to a branch, and push that where there is a remote, unless `local`.

    Articles that changed on both sides are left out, and named in the message of the commit.

    Raises:
        UsageError: the branch cannot be used.
        Refusal: the branch and the one that it is to be merged into overlap, or it is the wrong portal.
        GitError: the remote cannot be reached, or does not take the branch.
    """

    def bring(proposal: Proposal) -> Proposed:
        workspace = open_workspace(config, commit=proposal.commit, local=options.local)
        home = work_out(workspace, key, replace(options, markers=False), audience)
        left_out = home.planned.plan.conflicts
        files = _to_bring(workspace, home)
        if not files:
            return Proposed(home=home, branch=branch)
        message = _message(home.pulled.changes, files.keys(), left_out)
        return Proposed(home=home, branch=branch, commit=proposal.put(files, message=message), pushed=proposal.shares)

    audience.waits("looking at the branch")
    return on_branch(config, branch, bring, local=options.local)


def _to_bring(workspace: Workspace, home: PulledHome) -> dict[str, str | bytes | None]:
    """Give the files of a pull that differ from those there."""
    present = frozenset(workspace.files.paths())
    return {
        path: text
        for path, text in home.pulled.files.items()
        if (path in present if text is None else path not in present or workspace.files.read(path) != _data(text))
    }


def _data(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _message(changes: Iterable[Change], files: Iterable[str], left_out: Iterable[Finding]) -> str:
    """Say what came home, and what did not; one line each."""
    written = set(files)
    lines = [_line(change) for change in changes if _source(change) in written]
    held = [_one_line(f"  {finding.path}: {finding.reason or 'changed on both sides'}") for finding in left_out]
    told = "1 item" if len(lines) == 1 else f"{len(lines)} items"
    parts = [f"Bring home {told} from the portal" if lines else "Note what both sides agree on"]
    parts += ["\n".join(lines)] if lines else []
    parts += ["\n".join(("Left out, to be merged by hand with `kbsync pull`:", *held))] if held else []
    return "\n\n".join(parts) + "\n"


def _source(change: Change) -> str:
    return change.path if change.kind is Kind.ARTICLE else f"{change.path}/_index.md"


def _line(change: Change) -> str:
    former = f" (from {change.former})" if change.former not in (None, change.path) else ""
    fields = f": {', '.join(change.fields)}" if change.fields and change.action is Action.UPDATE else ""
    return _one_line(f"  {_DONE.get(change.action, change.action.value)} {change.path}{former}{fields}")


def _one_line(text: str) -> str:
    return text[: len(text) - len(text.lstrip())] + " ".join(text.split())
