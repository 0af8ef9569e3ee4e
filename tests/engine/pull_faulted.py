"""A prepared clone in which a pull is interrupted at a chosen write, and what people may do after that.

The system call is interrupted: an audit hook of Python sees every file that is opened for writing, renamed or deleted.
A kill is simulated by failing this and every later write, so that nothing is cleaned up; some kills are real.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kbsync.config import Secret
from kbsync.engine import adopt as adopting
from kbsync.engine import pull as pulling
from kbsync.engine.adopt import Named
from kbsync.engine.context import Options
from kbsync.errors import ContentError, KbsyncError
from kbsync.model import ItemKey, Kind
from kbsync.sandbox.server import Portal
from tests.engine.clone import Clone, Quiet, clone_of, git, new_clone
from tests.engine.faulted import READERS, World, config_for, copied, quick
from tests.planner.world import article

TREE = {
    "guide/_index.md": "---\nname: Guide\n---\n",
    "guide/basics/reset.md": article("Reset", "Press the button.\n\nThen wait, as [the other](install.md) says."),
    "guide/basics/install.md": article("Install", "Unpack the box.\n\nPlug it in.", tags="[box]"),
    "guide/basics/old.md": article("Old", "Goes elsewhere, see [reset](reset.md)."),
    "guide/wifi/_index.md": "---\nname: Wifi\n---\n",
    "guide/wifi/join.md": article("Join", "Choose the network."),
    "guide/wifi/leave.md": article("Leave", "Forget the network."),
    "shop/orders/pay.md": article("Pay", "Cards and cash."),
    "shop/orders/far.md": article("Far", "See [join](../../guide/wifi/join.md)."),
}
OURS = {"guide/basics/install.md": article("Install", "Unpack the box.\n\nPlug it in, said the WRITER.", tags="[box]")}
WEB = ("AGENTONE", "AGENTTWO", "AGENTTHREE", "AGENTFOUR")
ADOPTED = "shop/orders/far.md"


def make_world(base: Path) -> World:
    """Publish a tree; let an agent edit, move, rename and write on the web, and the writer commit an edit."""
    base.mkdir()
    with served(base) as portal:
        clone = new_clone(base / "clone", portal, TREE, public_url=READERS)
        git(base, "clone", "-q", "--bare", str(clone.root), str(base / "shared.git"))
        clone.git("remote", "add", "origin", (base / "shared.git").as_uri())
        clone.published()
        _edit_on_the_web(clone, portal)
        clone.commit(OURS)
        clone.git("push", "-q", "origin", "main")
    return World(base=base, expected=(), writes=0, calls=0)


@contextmanager
def served(base: Path) -> Iterator[Portal]:
    from kbsync.sandbox.settings import SandboxSettings
    from tests.portals import serve

    with serve(SandboxSettings(data=base / "portal.sqlite")) as portal:
        yield portal


def _edit_on_the_web(clone: Clone, portal: Portal) -> None:
    store = portal.store
    reset = clone.id_of("guide/basics/reset.md")
    body = store.article(reset).description.replace("Press the button.", "Press the button AGENTONE.")
    store.edit_article(reset, body=body)
    install = clone.id_of("guide/basics/install.md")
    body = store.article(install).description.replace("Unpack the box.", "Unpack the box AGENTTWO.")
    store.edit_article(install, body=body)
    pay = clone.id_of("shop/orders/pay.md")
    store.edit_article(pay, title="Pay AGENTTHREE", tags=("money",))
    orders = clone.id_of("shop/orders")
    store.create_article(orders, "Fresh", "<p>Written by AGENTFOUR.</p>")
    store.move_article(clone.id_of("guide/basics/old.md"), orders)
    (shop,) = [one.id for one in store.all_categories() if one.name == "shop"]
    store.move_folder(clone.id_of("guide/wifi"), shop)
    store.edit_category(shop, description="All that is sold.")


class Killed(BaseException):
    """This process is no more."""


@dataclass(slots=True, kw_only=True)
class Strike:
    """What becomes of the writes below a folder: from the one numbered `at` on, `fault` says which error ends it.

    Of a kill every later write ends too. `met` lists the writes there were.
    """

    below: Path
    at: int = 0
    fault: Callable[[], BaseException] | None = None
    stays: bool = False
    met: list[str] = field(default_factory=list)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = _written(event, arguments)
        if path is None or not path.startswith(str(self.below)):
            return
        self.met.append(f"{event} {path.removeprefix(str(self.below))}")
        is_now = len(self.met) == self.at or (self.stays and len(self.met) > self.at > 0)
        if is_now and self.fault is not None:
            raise self.fault()


_STRIKES: list[Strike] = []
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}


def _written(event: str, arguments: tuple[Any, ...]) -> str | None:
    if event in _CHANGES:
        return os.fspath(arguments[0]) if isinstance(arguments[0], str | Path) else None
    if event == "open" and isinstance(arguments[0], str | Path) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        return os.fspath(arguments[0])
    return None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    for strike in _STRIKES:
        strike.hear(event, arguments)


sys.addaudithook(_hook)


@contextmanager
def struck(strike: Strike) -> Iterator[None]:
    """Strike in a block."""
    _STRIKES.append(strike)
    try:
        yield
    finally:
        _STRIKES.remove(strike)


def full_disk() -> BaseException:
    return OSError(28, "No space left on device")


def kill(below: Path, at: int) -> Strike:
    return Strike(below=below, at=at, fault=Killed, stays=True)


def pull(clone: Clone) -> object:
    return clone.pull()


def adopt(clone: Clone) -> object:
    """Copy what the agent wrote, and what was edited in a file."""
    (fresh,) = [one.id for one in clone.portal.store.all_articles() if one.title == "Fresh"]
    pay = clone.id_of("shop/orders/pay.md")
    with suppress(KbsyncError):
        adopting.release(
            clone.config, Secret("sandbox"), Named(keys=(ItemKey(Kind.ARTICLE, pay),)), Options(), clone.ui
        )
        clone.commit()
    named = Named(keys=(ItemKey(Kind.ARTICLE, fresh),), paths=("shop/orders/pay.md",))
    return adopting.adopt(clone.config, Secret("sandbox"), named, Options(), clone.ui)


def release(clone: Clone) -> object:
    keys: tuple[ItemKey, ...] = (ItemKey(Kind.ARTICLE, clone.id_of("shop/orders/pay.md")),)
    named = Named(keys=keys, paths=("guide/basics/install.md",))
    return adopting.release(clone.config, Secret("sandbox"), named, Options(), clone.ui)


def tree_of(clone: Clone) -> dict[str, str]:
    """Return the files of a working tree, lock files less the time at which the portal was read."""
    found = {}
    for place in sorted(clone.root.rglob("*")):
        path = place.relative_to(clone.root).as_posix()
        if place.is_file() and not path.startswith(".git/"):
            text = place.read_bytes().decode()
            lines = (line for line in text.split("\n") if not line.startswith(' "seen_at": '))
            found[path] = "\n".join(lines)
    return found


def leftovers(clone: Clone) -> list[str]:
    """Return the leftover files that no run needs."""
    folder = clone.root / ".git" / "kbsync" / "tree"
    noted = [place.name for place in folder.glob("*") if place.name not in {"done.json", "lock"}]
    return noted + [place.name for place in clone.root.rglob(".kbsync-*")]


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """The result of a pull that was not interrupted."""

    tree: dict[str, str]


def pulled_again(clone: Clone, calm: After, act: Callable[[Clone], object]) -> str:
    """Run the same command again; it must end as one that was not interrupted."""
    act(clone)
    if tree_of(clone) != calm.tree:
        return f"the tree differs in {_differing(tree_of(clone), calm.tree)}"
    return f"left behind: {leftovers(clone)}" if leftovers(clone) else ""


def aborted(clone: Clone, calm: After, act: Callable[[Clone], object]) -> str:
    """Take it back: the tree is the commit."""
    pulling.abort(clone.config)
    left = clone.git("status", "--porcelain", "--untracked-files=all")
    if left:
        return f"not restored: {left}"
    return f"left behind: {leftovers(clone)}" if leftovers(clone) else ""


def committed(clone: Clone, calm: After, act: Callable[[Clone], object]) -> str:
    """Commit what is there, edit it and publish: no word of an agent goes, no article is doubled, ours stay."""
    held = len(clone.portal.store.all_articles())
    clone.commit()
    for path in ("guide/basics/reset.md", "shop/orders/pay.md"):
        clone.commit({path: clone.read(path) + "\nEdited after.\n"})
    with suppress(KbsyncError):
        clone.publish()
    # What is adopted counts as seen, whatever it says: there the file wins.
    words = tuple(word for word in WEB if act is not adopt or word != "AGENTTHREE")
    wrong = unharmed(clone, held, words)
    if wrong:
        return f"after the publish: {wrong}"
    # After half a move links may have no target: they are reported by file, and stop the run.
    with suppress(ContentError):
        clone.pull(markers=False)
    clone.commit()
    with suppress(KbsyncError):
        clone.publish()
    return unharmed(clone, held, words)


def unharmed(clone: Clone, held: int, words: tuple[str, ...]) -> str:
    """Return what is wrong: agents' words that are gone, the writer's, articles doubled or out of sight."""
    live = [f"{one.title} {one.description}" for one in clone.portal.store.all_articles()]
    lost = [word for word in words if not any(word in text for text in live)]
    ours = "WRITER" in "".join(tree_of(clone).values())
    shown = [one for one in clone.portal.store.all_articles() if one.status == 2]
    if lost or not ours or len(live) != held or len(shown) != held:
        return f"lost {lost}, ours {ours}, {len(live)} articles, {len(shown)} published, of {held}"
    return ""


def cloned_afresh(clone: Clone, calm: After, act: Callable[[Clone], object]) -> str:
    """Continue in a fresh clone, which knows nothing of the interrupted run."""
    fresh = clone_of(clone.root.parent / "shared.git", clone.root.parent / "fresh", clone)
    act(fresh)
    return "" if tree_of(fresh) == calm.tree else f"the tree differs in {_differing(tree_of(fresh), calm.tree)}"


def _differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return [path for path in sorted({*one, *other}) if one.get(path) != other.get(path)]


def calmly(world: World, place: Path, act: Callable[[Clone], object]) -> tuple[After, list[str]]:
    """Run a command to its end; return what it leaves, and its writes."""
    with copied(world, place) as (clone, _):
        strike = Strike(below=clone.root)
        with struck(strike):
            act(clone)
        return After(tree=tree_of(clone)), strike.met


def changes(met: list[str]) -> list[int]:
    """Return the numbers of the writes that change what is on the disk under its own name."""
    return [at for at, call in enumerate(met, 1) if call.startswith(("os.rename", "os.remove"))]


_START = multiprocessing.get_context("forkserver")


def _pull_and_die(root: str, url: str, at: int) -> None:
    def die() -> BaseException:
        os.kill(os.getpid(), signal.SIGKILL)
        return Killed()

    clone_config = config_for(Path(root), url)
    with quick(), struck(Strike(below=Path(root), at=at, fault=die)):
        pulling.pull(clone_config, Secret("sandbox"), Options(), Quiet(), dry_run=False)


def kill_really(clone: Clone, at: int) -> int | None:
    """Pull in a process of its own that is killed at a write; return how that ended."""
    process = _START.Process(target=_pull_and_die, args=(str(clone.root), clone.portal.url, at))
    process.start()
    process.join(60)
    return process.exitcode


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path | None]:
    """Mount a disk of so many bytes, where that is allowed."""
    place.mkdir(parents=True)
    mounted = os.geteuid() == 0 and os.system(f"mount -t tmpfs -o size={size} tmpfs {place} 2>/dev/null") == 0
    try:
        yield place if mounted else None
    finally:
        if mounted:
            os.system(f"umount -l {place}")
