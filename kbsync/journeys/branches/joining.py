"""Bring a branch up to date with the one that it is to be merged into, by commits alone; nothing is checked out.

Where both changed the same lines nobody is asked and nothing is guessed, but for lock files: of two agreements about
one item the later one counts, as everywhere.
"""

from kbsync.agreement_files import agreement_from_json
from kbsync.content.repository import Merged, Repository
from kbsync.errors import Refusal

_LOCKS = ".kbsync/"


def joined(repository: Repository, tip: str, base: str, *, names: tuple[str, str], remote: str) -> str:
    """Give a commit that holds a branch's and that of the one below it; `names` are what people call the two.

    What of the branch was merged below already, also as one squashed commit, counts as merged: it does not come back
    where it was changed or taken out again since.

    Raises:
        Refusal: the two overlap; the files are named.
        GitError: they have no history in common, or this git cannot merge without a checkout.
    """
    branches = repository.branches
    fork = branches.fork(tip, base, remote=remote)
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
    below = branches.since(fork, base)
    for commit in branches.since(fork, tip):
        taken = branches.took_over(fork, commit, below)
        if taken is None:
            continue
        same = Merged(parents=(commit, taken), tree=branches.tree(taken), overlaps=())
        squash = branches.commit_merge(same, {}, message=_message(names))
        return squash if commit == tip else _merged(repository, tip, squash, names)
    return tip


def _merged(repository: Repository, ours: str, theirs: str, names: tuple[str, str]) -> str:
    merged = repository.branches.merge(ours, theirs)
    locks = {path: _later(repository, merged.parents, path) for path in merged.overlaps if path.startswith(_LOCKS)}
    texts = {path: text for path, text in locks.items() if text is not None}
    overlaps = [path for path in merged.overlaps if path not in texts]
    if overlaps:
        branch, base = names
        raise Refusal(
            f"{branch} and {base} changed the same lines: {', '.join(overlaps)}",
            advice=f"merge {base} into {branch} by hand, or delete {branch} if it is not needed any more",
        )
    return repository.branches.commit_merge(merged, texts, message=_message(names))


def _later(repository: Repository, commits: tuple[str, str], path: str) -> str | None:
    """Give the text of the later of two lock files; None where one of them is not to be read."""
    texts = []
    for commit in commits:
        files = repository.committed(commit)
        if path not in files.paths():
            return None
        texts.append(files.read(path).decode("utf-8", "replace"))
    try:
        return max(texts, key=lambda text: agreement_from_json(text).seen)
    except ValueError:
        return None


def _message(names: tuple[str, str]) -> str:
    branch, base = names
    return f"Merge {base} into {branch}\n"
