"""Who holds a lease: a process of this machine or of another, and whether it is known to be gone.

It asks this machine who it is, and nothing else.
"""

import os
import platform
import socket
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

RUNNING: set[str] = set()
"""The runs of this very process that hold a lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lease. `host` names the machine for people and `place` for comparing, down to its last start.

    `began` tells the process from a later one of the same number; `ended` that the run is over, and left what it could
    not settle.
    """

    who: str
    host: str
    place: str
    process: int
    began: str
    run: str
    since: str
    renewed: str
    commit: str = ""
    ended: bool = False


def holder_now(commit: str | None) -> Holder:
    """Say who this process is."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Holder(
        who=_user(),
        host=socket.gethostname(),
        place=_place(),
        process=os.getpid(),
        began=_began(os.getpid()),
        run=uuid.uuid4().hex,
        since=now,
        renewed=now,
        commit=commit or "",
    )


def is_surely_dead(holder: Holder) -> bool:
    """Tell whether the holder was a process of this very machine that is no longer there.

    Only then: of a container, another machine, or a system that does not tell, nobody can say so from here.
    """
    if not holder.place or holder.place != _place() or sys.platform == "win32":
        return False
    if holder.process == os.getpid():
        return holder.run not in RUNNING
    try:
        os.kill(holder.process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _began(holder.process) != holder.began


def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return "somebody"


def _place() -> str:
    """Name the machine since its last start, and within it the room in which process numbers mean something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {uuid.getnode():x}" if sys.platform == "darwin" else ""


def _began(process: int) -> str:
    """Say when a process began, in whatever unit the system counts; empty where it does not say, or it has ended."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except OSError:
        return ""
    state, *others = after_name.split()
    return "" if state == "Z" else others[18]
