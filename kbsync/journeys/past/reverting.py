"""The journey of a revert: the files of one run as they were before it, committed on a branch for a pull request.

The portal is not touched. What people changed in those files since is merged in three ways, or named and left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kbsync.agreements import Agreement, Key
from kbsync.change import Action
from kbsync.config import Config
from kbsync.journeys.branches.branching import Proposal, on_branch
from kbsync.journeys.past.history import find_run, keys_of, last_run, past_runs
from kbsync.journeys.past.putting_back import Memory
from kbsync.journeys.past.resting import Tree, tree_of
from kbsync.journeys.past.undoing import recall
from kbsync.journeys.workspace import Workspace, open_workspace
from kbsync.model import Kind
from kbsync.runs import Deed, Past

_INDEX = "_index.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverted:
    """What a revert put on a branch: the commit (None where there was nothing to turn round), and what was left out.

    `files` are those that changed, `left_out` says for each path why it is as it was.
    """

    past: Past
    branch: str
    commit: str | None = None
    pushed: bool = False
    files: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def revert(config: Config, name: str | None, *, branch: str, local: bool) -> Reverted:
    """Commit to a branch the files of a run as they were before it, by default of the last one.

    Raises:
        UsageError: there is no such run, or the branch cannot be used.
        Refusal: the branch and the one that it is to be merged into overlap.
        GitError: the remote cannot be reached, or does not take the branch.
    """

    def turn(proposal: Proposal) -> Reverted:
        workspace = open_workspace(config, commit=proposal.commit, local=local)
        runs = past_runs(workspace.repository, config)
        past = find_run(runs, name) if name else last_run(runs)
        turning = _Turning(workspace, proposal.commit, recall(workspace, past, runs))
        for deed in _undone(past, runs):
            turning.take(deed)
        turning.take_others_along()
        if not turning.files:
            return Reverted(past=past, branch=branch, left_out=turning.left_out)
        commit = proposal.put(turning.files, message=_message(past, turning.files, turning.left_out))
        return Reverted(
            past=past,
            branch=branch,
            commit=commit,
            pushed=proposal.shares,
            files=tuple(sorted(turning.files)),
            left_out=turning.left_out,
        )

    return on_branch(config, branch, turn, local=local)


def _undone(past: Past, runs: Sequence[Past]) -> list[Deed]:
    """Give the deeds that were undone on the portal; all where none was yet."""
    keys = {key for run in runs if run.record.undoes == past.id for key in keys_of(run.record.deeds)}
    deeds = [deed for deed in past.record.deeds if not keys or _touches(deed, keys)]
    return sorted(deeds, key=lambda deed: deed.path.count("/"))


def _touches(deed: Deed, keys: Iterable[Key]) -> bool:
    """Tell whether a deed is among those of an undo; a new path alone leaves nothing to put back on the portal."""
    return deed.action is Action.RENAME or bool(set(keys_of([deed])) & set(keys))


class _Turning:
    """The files of one run on their way back."""

    def __init__(self, workspace: Workspace, commit: str, memory: Memory) -> None:
        self.repository = workspace.repository
        self.there = workspace.files
        self.present = frozenset(workspace.files.paths())
        self.commit = commit
        self.memory = memory
        self.tree: Tree = tree_of(workspace.content, workspace.agreements)
        self.files: dict[str, str | None] = {}
        self.left_out: dict[str, str] = {}
        self.directories: dict[str, str] = {}

    def take(self, deed: Deed) -> None:
        """Turn round what became of one item's file."""
        mine = self.memory.after.get((deed.kind, deed.id))
        earlier = self.memory.before.get((deed.kind, deed.instead_of or deed.id))
        if mine is None or (earlier is None and deed.kind is not Kind.ARTICLE):
            return
        there = self._file(deed.kind, mine)
        if deed.action in {Action.ARCHIVE, Action.FORGET, Action.DELETE}:
            self._bring_back(mine if deed.action is Action.ARCHIVE else earlier, there)
        elif earlier is None or deed.action in {Action.CREATE, Action.RESTORE}:
            self._take_away(mine, there)
        else:
            self._put(mine, earlier, there)

    def _file(self, kind: Kind, mine: Agreement) -> str | None:
        """Give the file that an item has in the tree now, or the directory that it is."""
        twin = self.memory.twins.get(mine.key, mine.key)
        path = self.tree.paths.get(mine.key) or self.tree.paths.get(twin)
        return path if path is None or kind is Kind.ARTICLE else f"{path}/{_INDEX}"

    def _bring_back(self, earlier: Agreement | None, there: str | None) -> None:
        source = self._source(earlier)
        if earlier is None or source is None or there is not None:
            return
        path = _file_of(earlier)
        if path in self.present:
            self.left_out[path] = "another file lies there now"
        else:
            self.files[path] = source

    def _take_away(self, mine: Agreement, there: str | None) -> None:
        if there is None:
            return
        if self._read(there) != self._source(mine):
            self.left_out[there] = "made by that run, and changed since"
        else:
            self.files[there] = None

    def _put(self, mine: Agreement, earlier: Agreement, there: str | None) -> None:
        """Write the source of before the run where it lay, with what people changed of it since."""
        path = _file_of(earlier)
        if there is None:
            self.left_out[path] = "it is in the tree no more"
            return
        if mine.kind is not Kind.ARTICLE and there != path:
            self.directories[there.removesuffix(f"/{_INDEX}")] = earlier.path
        if mine.kind is not Kind.ARTICLE and not (earlier.blob and mine.blob):
            self._put_index(mine, earlier, there)
            return
        if there not in self.present:
            return
        base, former, now = self._source(mine), self._source(earlier), self._read(there)
        if base is None or former is None:
            self.left_out[there] = "git has no text of it from before that run"
            return
        if base == former and mine.expanded != earlier.expanded:
            self.left_out[there] = "what it includes was changed, or a variable: turn that round by hand"
        text = former if now == base else self._merged(there, base, now, former)
        if text is None or (path != there and path in self.present):
            self.left_out[there] = "changed since, in the same places" if text is None else f"{path} is taken"
        elif path != there or text != now:
            self.files |= {there: None} | {path: text}

    def _put_index(self, mine: Agreement, earlier: Agreement, there: str) -> None:
        """Let a directory have a file of its own again, or none, as it was before the run."""
        former, path = self._source(earlier), _file_of(earlier)
        if former is None and there in self.present and mine.blob:
            self._take_away(mine, there)
        elif former is not None and there not in self.present and path not in self.present:
            self.files[path] = former

    def _merged(self, path: str, base: str, now: str, former: str) -> str | None:
        """Merge in three ways as git does; None where both changed the same lines."""
        branches = self.repository.branches
        then = branches.commit_onto(self.commit, {path: base}, message="then")
        ours, theirs = (branches.commit_onto(then, {path: text}, message="since") for text in (now, former))
        if branches.tree(theirs) == branches.tree(then):
            return now
        merged = branches.merge(ours, theirs)
        if merged.overlaps:
            return None
        commit = branches.commit_merge(merged, {}, message="merged")
        return self.repository.committed(commit).read(path).decode("utf-8")

    def take_others_along(self) -> None:
        """Take what else lies in a directory that gets its old name back, such as pictures, along with it."""
        for path in sorted(self.present - self.files.keys()):
            above = [new for new in self.directories if path.startswith(f"{new}/")]
            if not above or path in self.left_out:
                continue
            new = max(above, key=len)
            text = self._text(path)
            if text is None:
                self.left_out[path] = f"no text, so that it stays; move it to {self.directories[new]} by hand"
            else:
                self.files |= {path: None, self.directories[new] + path.removeprefix(new): text}

    def _text(self, path: str) -> str | None:
        try:
            return self._read(path)
        except UnicodeDecodeError:
            return None

    def _read(self, path: str) -> str:
        return self.there.read(path).decode("utf-8")

    def _source(self, known: Agreement | None) -> str | None:
        if known is None or known.source is not None or not known.blob:
            return known.source if known else None
        return self.repository.blobs([known.blob]).get(known.blob)


def _file_of(known: Agreement) -> str:
    return known.path if known.kind is Kind.ARTICLE else f"{known.path}/{_INDEX}"


def _message(past: Past, files: Mapping[str, str | None], left_out: Mapping[str, str]) -> str:
    """Say what is as it was again, and what is not; one line each."""
    told = "1 file" if len(files) == 1 else f"{len(files)} files"
    lines = [_line("remove" if text is None else "put back", path) for path, text in sorted(files.items())]
    parts = [f"Revert {told} to before run {past.name}", "\n".join(lines)]
    if left_out:
        held = [_line("", f"{path}: {why}") for path, why in sorted(left_out.items())]
        parts.append("\n".join(("Left out, to be turned round by hand:", *held)))
    return "\n\n".join(parts) + "\n"


def _line(what: str, path: str) -> str:
    return "  " + " ".join(f"{what} {path}".split())
