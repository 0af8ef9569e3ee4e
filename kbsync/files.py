"""The files of a content tree: their names, reading them, and writing those on disk.

Nothing is read or written outside the root, nor through a symbolic link: its target would differ between a checkout and
the commit that it was made from.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Protocol
from unicodedata import category, combining, normalize

from kbsync.errors import ContentError, Problem

MOST_CHARACTERS = 60
MOST_BYTES = 120
_VIRAMA = 9
BESIDE = ".kbsync-"
"""The prefix of a temporary file in the tree, which is used where the git folder is on another disk."""
_UNNAMED = "untitled"
_PORTS = frozenset(f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³")
_DEVICES = _PORTS | {"con", "prn", "aux", "nul", "conin$", "conout$"}
_RESERVED = frozenset('<>:"|?*\\/')
_DROPPED = frozenset("'’ʼ`´\u00ad\u200b\u200c\u200d\u2060\ufeff")
_VARIATIONS = frozenset(map(chr, range(0xFE00, 0xFE10)))


def file_name(title: str, taken: Collection[str]) -> str:
    """Return a name after a title, without a suffix: words in lower case joined by hyphens.

    Letters of every script stay. The name differs from all that are taken, also for a file system that ignores case
    and Unicode's normal forms.
    """
    used = {folded(name.removesuffix(".md")) for name in taken}
    for name in _candidates(_words(title)):
        if folded(name) not in used:
            return name
    raise AssertionError("no number is free")


def folded(name: str) -> str:
    """Return a name in the form that is equal for names that a file system without case and normal forms confuses."""
    return normalize("NFC", normalize("NFD", name).casefold()).casefold()


def windows_name_error(name: str) -> str:
    """Return why Windows could not hold a name; empty where it could."""
    stem = name.partition(".")[0].rstrip(" ").casefold()
    if stem in _DEVICES:
        return f"`{name}` is a reserved device name on Windows"
    wrong = sorted({letter for letter in name if letter in _RESERVED or category(letter) == "Cc"})
    if wrong:
        return f"`{name}` contains {', '.join(map(repr, wrong))}, which Windows does not allow in a name"
    if name.endswith((".", " ")):
        return f"`{name}` ends with a dot or a space, which Windows removes"
    return ""


def _candidates(base: str) -> Iterator[str]:
    yield base
    for number in count(2):
        ending = f"-{number}"
        yield _cut(base, MOST_CHARACTERS - len(ending)) + ending


def _words(title: str) -> str:
    plain = normalize("NFC", normalize("NFKC", title).lower())
    letters: list[str] = []
    for letter in plain:
        kept = _kept(letter, follows=bool(letters) and letters[-1] != " ")
        letters += [kept] if kept else []
    name = _cut("-".join("".join(letters).split()), MOST_CHARACTERS) or _UNNAMED
    return f"{name}-page" if name in _DEVICES else name


def _kept(letter: str, *, follows: bool) -> str:
    """Return a character, a space or nothing in its place; a combining mark stays only after a letter."""
    kind = category(letter)
    if letter in _DROPPED or letter in _VARIATIONS or kind == "Me":
        return ""
    if kind[0] == "M":
        return letter if follows else ""
    return letter if kind[0] in "LN" else " "


def _cut(name: str, most: int) -> str:
    """Shorten a name to a number of characters and to `MOST_BYTES`, at a hyphen where one is near.

    What readers see as one character stays whole: nothing is cut before a combining mark, nor after a virama.
    """
    room = MOST_BYTES - (MOST_CHARACTERS - most)
    end = min(len(name), most, len(name.encode("utf-8", "ignore")[:room].decode("utf-8", "ignore")))
    if end == len(name):
        return name
    whole_words = name[: end + 1].rpartition("-")[0]
    if len(whole_words) > end // 2:
        return whole_words.rstrip("-")
    while end > 1 and (category(name[end])[0] == "M" or combining(name[end - 1]) == _VIRAMA):
        end -= 1
    return name[:end].rstrip("-")


_LINK_ADVICE = "replace it with a regular file, or add it to `ignore`"
_ANOTHER = "is another git repository (a submodule?), whose files kbsync does not read"
_ANOTHER_ADVICE = "put the files themselves there, or name it in `ignore`"


def submodule_problem(path: str) -> Problem:
    """Return the problem of a directory that belongs to another repository: its files are not gone, but unknown."""
    return Problem(code="KB205", path=printable_path(path), message=_ANOTHER, advice=_ANOTHER_ADVICE)


class Files(Protocol):
    """The files under a root, by their path from it, with `/`."""

    def paths(self) -> tuple[str, ...]:
        """Return every file that can be read, sorted."""
        ...

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems of entries that are not files of the tree."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of one file; raises ContentError if it cannot be read."""
        ...


class WorkingTree:
    """The files on disk under a root without those that git ignores; `ignored` has directories with a `/`.

    `submodules` are directories that git has for another repository; they are empty where nobody fetched it.
    """

    def __init__(self, root: Path, *, ignored: Collection[str] = (), submodules: Collection[str] = ()) -> None:
        self.root = root
        self._ignored = frozenset(ignored)
        self._submodules = frozenset(submodules)
        self._problems: list[Problem] = []
        self._names, doubles = by_content_path(self._walk(root, ""))
        self._problems += doubles

    def paths(self) -> tuple[str, ...]:
        """Return every regular file under the root, sorted."""
        return tuple(sorted(self._names))

    def problems(self) -> tuple[Problem, ...]:
        """Return symbolic links, files that are not regular files, and directories that cannot be read."""
        return tuple(self._problems)

    def read(self, path: str) -> bytes:
        """Return the content of one file; raises ContentError if it cannot be read."""
        try:
            return _open_inside(self.root, self._names.get(path, path))
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            problem = Problem(code="KB203", path=path, message=what, advice="fix its permissions")
            raise ContentError((problem,)) from None

    def _walk(self, directory: Path, prefix: str) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            self._note("KB203", prefix.rstrip("/") or ".", what, "fix its permissions")
            return
        for entry in entries:
            path = prefix + entry.name
            if path in self._ignored:
                continue
            if entry.is_symlink():
                self._note("KB204", path, "is a symbolic link, which kbsync does not follow", _LINK_ADVICE)
            elif entry.is_dir(follow_symlinks=False):
                if self._is_ours(entry, path):
                    yield from self._walk(Path(entry.path), path + "/")
            elif not entry.is_file(follow_symlinks=False):
                self._note("KB206", path, "is not a regular file", "remove it from the tree")
            elif printable_path(entry.name) != entry.name:
                self._note("KB210", path, "has a name that is not UTF-8", "rename it")
            else:
                yield path

    def _is_ours(self, entry: os.DirEntry[str], path: str) -> bool:
        """Return whether a directory is the tree's: not git's own, no repository within it, not ignored by git."""
        if entry.name == ".git" or f"{path}/" in self._ignored:
            return False
        another = path in self._submodules or os.path.lexists(Path(entry.path) / ".git")
        if another:
            self._problems.append(submodule_problem(path))
        return not another

    def _note(self, code: str, path: str, what: str, advice: str) -> None:
        self._problems.append(Problem(code=code, path=printable_path(path), message=what, advice=advice))


def by_content_path(names: Iterable[str]) -> tuple[dict[str, str], list[Problem]]:
    """Index the names of files by their content paths, in NFC; two names of one path are a problem."""
    known: dict[str, str] = {}
    problems: list[Problem] = []
    for name in names:
        path = normalize("NFC", name)
        if path in known:
            what = "exists twice, in two Unicode normal forms"
            problems.append(Problem(code="KB211", path=path, message=what, advice="keep one of the two files"))
        else:
            known[path] = name
    return known, problems


def printable_path(path: str) -> str:
    """Return a path that can be shown and encoded, whatever bytes the file system had for it."""
    return path.encode("utf-8", "replace").decode("utf-8")


def read_file(root: Path, path: str) -> bytes | None:
    """Return the content of a file, None where there is none; raises ValueError if a link leads there."""
    place = place_in(root, path)
    return _open_inside(root, place.relative_to(root).as_posix()) if place.is_file() else None


def write_file(root: Path, path: str, data: bytes, *, scratch: Path, mode: int | None = None) -> None:
    """Replace a file under the root whole, in one step; the new content is made ready in `scratch`, outside the tree.

    A file keeps its mode; a new one gets `mode`, else the usual one.

    Raises:
        ValueError: the path leads out of the root, or through a symbolic link.
        OSError: it cannot be written; then the file is as it was.
    """
    place = place_in(root, path)
    if place.exists():
        mode = stat.S_IMODE(place.stat().st_mode)
    try:
        scratch.write_bytes(data)
        scratch.chmod(0o666 & ~_umask() if mode is None else mode)
        place.parent.mkdir(parents=True, exist_ok=True)
        _replace(scratch, place)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def _replace(made: Path, place: Path) -> None:
    """Rename a file to its place; where that is on another file system, by a copy beside it."""
    try:
        made.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = place.with_name(f"{BESIDE}{made.name}")
        try:
            shutil.copy(made, beside)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
        made.unlink(missing_ok=True)


def move_file(root: Path, old: str, new: str) -> None:
    """Rename a file or directory under the root, and delete the directories that this leaves empty.

    Raises:
        ValueError: a path leads out of the root, or through a symbolic link.
        OSError: it cannot be renamed.
    """
    source, place = place_in(root, old), place_in(root, new)
    place.parent.mkdir(parents=True, exist_ok=True)
    source.rename(place)
    _prune(root, source)


def delete_file(root: Path, path: str) -> None:
    """Delete a file under the root, if it is there, and the directories that it leaves empty.

    Raises:
        ValueError: the path leads out of the root, or through a symbolic link.
        OSError: it cannot be deleted.
    """
    place = place_in(root, path)
    place.unlink(missing_ok=True)
    _prune(root, place)


def sync_file(root: Path, path: str) -> None:
    """Let the system write a file to the disk; raises OSError if it could not."""
    sync(place_in(root, path))


def sync(place: Path) -> None:
    """Write a file to the disk, or raise OSError; the names in a directory where the system can."""
    is_directory = place.is_dir()
    if is_directory and os.name == "nt":
        return
    with contextlib.suppress(*([OSError] if is_directory else [])):
        descriptor = os.open(place, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def place_in(root: Path, path: str) -> Path:
    """Return the place of a path under the root; no part of the path may be a link or be outside."""
    parts = path.split("/")
    if any(part in ("", ".", "..", ".git") or "\\" in part or "\0" in part for part in parts) or ":" in parts[0]:
        raise ValueError("the path is outside the content tree")
    place = root
    for part in parts:
        place = _step(place, part)
        if place.is_symlink():
            raise ValueError(f"`{place.name}` is a symbolic link, which kbsync does not follow")
    return place


def _step(directory: Path, name: str) -> Path:
    """Go into a directory by a name in NFC, also where the disk holds that name in another normal form."""
    place = directory / name
    if name.isascii() or os.path.lexists(place) or not directory.is_dir():
        return place
    same = (known for known in directory.iterdir() if normalize("NFC", known.name) == name)
    return next(same, place)


def _open_inside(root: Path, path: str) -> bytes:
    place = root / path
    descriptor = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _prune(root: Path, place: Path) -> None:
    for parent in place.parents:
        if parent == root:
            return
        try:
            parent.rmdir()
        except OSError:
            return


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


class Overlay:
    """`Files` that answer with the texts `above` before those `below`; None is a file that is no longer there."""

    def __init__(self, below: Files, above: Mapping[str, str | bytes | None]) -> None:
        self._below = below
        self._above = above

    def paths(self) -> tuple[str, ...]:
        """Return every regular file under the root, sorted."""
        gone = {path for path, text in self._above.items() if text is None}
        return tuple(sorted({*self._below.paths(), *self._above} - gone))

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems of entries that are not files of the tree."""
        return self._below.problems()

    def read(self, path: str) -> bytes:
        """Return the content of one file; raises ContentError if it cannot be read."""
        text = self._above.get(path)
        if isinstance(text, bytes):
            return text
        return self._below.read(path) if text is None else text.encode("utf-8")
