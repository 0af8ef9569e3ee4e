"""The house: which room may know which, which outside library lives where, and how large a room may get.

The tables below are the whole of it. A new room is entered in STOREYS, a new library in LIBRARIES; both fail with the
offending file and line. Everything is read from the source, nothing is imported.
"""

import ast
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "kbsync"

# From the roof down. A room imports rooms of lower storeys, and of its own group; groups of one storey are strangers.
STOREYS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("cli", "commands"),),
    (("journeys", "demo"), ("report",)),
    (("content",), ("freshdesk",), ("plan",)),
    (("config", "credentials"), ("agreements", "agreement_files", "versions", "change", "runs"), ("cache",)),
    (("model",), ("errors",), ("markup",), ("memo",)),
)

# The few doors between groups of one storey, and the sandbox, which stands beside the house.
DOORS = {
    ("demo", "report"),
    ("cli", "sandbox"),
    ("commands", "sandbox"),
    ("demo", "sandbox"),
    ("agreements", "config"),
    ("markup", "errors"),
    ("markup", "memo"),
    ("model", "errors"),
}

# One outside library, one room. Names are those of `import`, rooms are globs below kbsync/.
LIBRARIES: dict[str, tuple[str, ...]] = {
    "click": ("cli/*.py", "commands/*.py"),
    "rich": ("report.py", "report/*.py", "progress.py"),
    "httpx": ("freshdesk/client.py",),
    "git": ("content/repository.py", "content/repository/*.py"),
    "yaml": ("content/front_matter.py",),
    "frontmatter": ("content/front_matter.py",),
    "pathspec": ("content/selection.py",),
    "platformdirs": ("cache.py",),
    "markdown_it": ("markup/*.py",),
    "mdit_py_plugins": ("markup/*.py",),
    "pygments": ("markup/constructs/highlighting.py",),
    "turbohtml": ("markup/*.py",),
    "starlette": ("sandbox/*.py",),
    "uvicorn": ("sandbox/*.py",),
    "jinja2": ("sandbox/*.py",),
    "nh3": ("sandbox/*.py",),
    "markupsafe": ("sandbox/*.py",),
}

# What `kbsync --version` must not load.
HEAVY = (*sorted(LIBRARIES.keys() - {"click"}), "asyncio", "selectolax", "sqlite3")

LONGEST_ROOM = 300
LONGEST_FUNCTION = 40
# Larger on purpose: "file" or "file:function", and why.
LARGER: dict[str, str] = {}

WORDS_OUTSIDE_THE_VOCABULARY = re.compile(
    r"(?i)(?:^|_|(?<=[a-z]))(utils?|helpers?|managers?|handlers?|processors?)(?:$|_)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One source file, parsed."""

    path: Path
    tree: ast.Module
    lines: int

    @property
    def name(self) -> str:
        return self.path.relative_to(HOUSE).as_posix()

    @property
    def group(self) -> str:
        return self.name.split("/")[0].removesuffix(".py")

    def imports(self) -> Iterator[tuple[str, int]]:
        """Every module that is imported, wherever in the file, as a dotted name with its line."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    yield from ((alias.name, node.lineno) for alias in names)
                case ast.ImportFrom(module="kbsync", names=names):
                    yield from ((f"kbsync.{alias.name}", node.lineno) for alias in names)
                case ast.ImportFrom(module=str() as module):
                    yield module, node.lineno


def _rooms() -> tuple[Room, ...]:
    texts = {
        path: path.read_text(encoding="utf-8") for path in sorted(HOUSE.rglob("*.py")) if "_content" not in path.parts
    }
    return tuple(Room(path=path, tree=ast.parse(text), lines=text.count("\n")) for path, text in texts.items())


ROOMS = _rooms()
STOREY_OF = {name: number for number, storey in enumerate(STOREYS) for group in storey for name in group}
GROUP_OF = {name: group for storey in STOREYS for group in storey for name in group}


def may_know(group: str, other: str) -> bool:
    """Whether a room of one top-level name may import one of another."""
    if other in (group, "__version__") or (group, other) in DOORS:
        return True
    if group == "sandbox" or other == "sandbox":
        return False
    if STOREY_OF[group] == STOREY_OF[other]:
        return GROUP_OF[group] is GROUP_OF[other]
    return STOREY_OF[group] < STOREY_OF[other]


def test_every_room_has_a_storey() -> None:
    known = STOREY_OF.keys() | {"sandbox", "__init__", "__main__"}
    assert [room.name for room in ROOMS if room.group not in known] == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_imports_lead_downward_only(room: Room) -> None:
    if room.group in ("__init__", "__main__"):
        return
    inner = [(name, line) for name, line in room.imports() if name.startswith("kbsync.")]
    wrong = [
        f"{room.name}:{line} imports {name}" for name, line in inner if not may_know(room.group, name.split(".")[1])
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_each_outside_library_lives_in_its_room(room: Room) -> None:
    wrong = []
    for name, line in room.imports():
        library = name.split(".")[0]
        if library in sys.stdlib_module_names or library == "kbsync":
            continue
        if not any(fnmatch(room.name, pattern) for pattern in LIBRARIES.get(library, ())):
            wrong.append(f"{room.name}:{line} imports {library}")
    assert wrong == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_opens_by_saying_what_it_is_for(room: Room) -> None:
    assert ast.get_docstring(room.tree), f"{room.name}:1 has no docstring"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_rooms_and_functions_stay_small(room: Room) -> None:
    large = [f"{room.name} has {room.lines} lines"] if room.lines > LONGEST_ROOM and room.name not in LARGER else []
    for node in ast.walk(room.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION and f"{room.name}:{node.name}" not in LARGER:
                large.append(f"{room.name}:{node.lineno} {node.name} has {length} lines")
    assert large == []


def test_what_is_larger_on_purpose_still_exists() -> None:
    functions = {f"{r.name}:{n.name}" for r in ROOMS for n in ast.walk(r.tree) if isinstance(n, ast.FunctionDef)}
    assert LARGER.keys() <= functions | {room.name for room in ROOMS}


@pytest.mark.parametrize(
    "room", [room for room in ROOMS if room.group not in ("cli", "commands")], ids=lambda r: r.name
)
def test_only_cli_prints_asks_or_exits(room: Room) -> None:
    speech = {"print", "input", "exit", "quit", "sys.exit", "os._exit", "sys.stdout.write", "sys.stderr.write"}
    calls = [node for node in ast.walk(room.tree) if isinstance(node, ast.Call)]
    assert [
        f"{room.name}:{call.lineno} {ast.unparse(call.func)}" for call in calls if ast.unparse(call.func) in speech
    ] == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_names_say_what_things_do(room: Room) -> None:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [(node.name, node.lineno) for node in ast.walk(room.tree) if isinstance(node, defined)]
    names += [(part.removesuffix(".py"), 1) for part in room.name.split("/")]
    assert [f"{room.name}:{line} {name}" for name, line in names if WORDS_OUTSIDE_THE_VOCABULARY.search(name)] == []


def test_starting_up_loads_no_heavy_library() -> None:
    script = "import kbsync.cli, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(set(HEAVY) & set(loaded)) == []


@pytest.mark.parametrize(
    ("group", "other", "allowed"),
    [
        ("cli", "journeys", True),
        ("journeys", "freshdesk", True),
        ("content", "model", True),
        ("freshdesk", "content", False),
        ("content", "plan", False),
        ("plan", "journeys", False),
        ("markup", "content", False),
        ("sandbox", "model", False),
        ("journeys", "sandbox", False),
        ("cli", "sandbox", True),
    ],
)
def test_the_table_itself_knows_up_from_down(group: str, other: str, allowed: bool) -> None:
    assert may_know(group, other) is allowed


def test_sockets_are_closed_to_everything_but_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        line.connect(("192.0.2.1", 443))
    with pytest.raises(RuntimeError, match="acme"):
        socket.getaddrinfo("acme.freshdesk.com", 443)
    assert socket.getaddrinfo("127.0.0.1", 80)
