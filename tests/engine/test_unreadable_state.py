"""A ledger or a lease that cannot be read is named, and the commands of the advice set it aside."""

import re
import subprocess
from pathlib import Path

import pytest

from kbsync.codec import FormatError
from tests.engine.clone import Clone, clone_of

LEDGER, LEASE = "refs/kbsync/production", "refs/kbsync-lease/production"
SPOILT = [b"{", b"[" * 100_000, b'{"version": 99}', b"\xff", b'{"version": 1, "id": ' + b"9" * 5000 + b"}"]


def _spoil(clone: Clone, ref: str, data: bytes) -> None:
    """Let a ref hold a file that cannot be read, under every name that is looked for."""

    def made(*words: str, data: bytes) -> str:
        done = subprocess.run(["git", *words], cwd=clone.root, input=data, capture_output=True, check=True)
        return done.stdout.decode().strip()

    blob = made("hash-object", "-w", "--stdin", data=data)
    names = ("run.json",) if ref == LEDGER else ("holder.json", "plan.json")
    rows = "".join(f"100644 blob {blob}\t{name}\n" for name in names)
    commit = clone.git("commit-tree", "-m", "spoilt", made("mktree", data=rows.encode())).strip()
    clone.git("update-ref", ref, commit)


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("ref", [LEDGER, LEASE])
@pytest.mark.parametrize("data", SPOILT, ids=["cut off", "nested", "later", "bytes", "digits"])
def test_the_advice_sets_it_aside_and_the_next_commands_work(
    clone: Clone, shared: Path, ref: str, data: bytes, is_shared: bool
) -> None:
    if not is_shared:
        clone.git("remote", "remove", "origin")
    clone.published()
    _spoil(clone, ref, data)
    if is_shared:
        clone.git("push", "-q", "-f", "origin", f"{ref}:{ref}")
        clone.git("update-ref", "-d", ref)
        clone = clone_of(shared, clone.root.parent / "fresh", clone)
    for command in (clone.plan, clone.publish, clone.pull):
        with pytest.raises(FormatError, match=f"^{ref}:") as wrong:
            command()
    commands = re.findall(r"`(git [^`]+)`", wrong.value.advice)
    for line in (*commands[:2], commands[3]) if is_shared else commands[2:]:
        subprocess.run(line.split(), cwd=clone.root, check=True)
    assert clone.git("for-each-ref", "refs/kbsync-old", "refs/kbsync-old-lease") != ""
    clone.pull()
    clone.commit()
    assert clone.plan().conflicts == ()
    clone.published()
