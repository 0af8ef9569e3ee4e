"""How a pull writes into the working tree so that it may end at any moment, and how it restores what was there before.

A journal in the git folder, on the disk before the first write, holds the former content of each file. All content
files are written next, and only when every one of them is on the disk the lock files, which record what the content has
seen. So an interrupted run leaves at worst a new file with an old lock file, and no lock file records more than its
file holds. The next run restores what the journal holds and starts again; `pull --abort` restores it and stops.
"""

import base64
import errno
import hashlib
import json
import os
import stat
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from kbsync.errors import ContentError, KbsyncError, Problem, Refusal
from kbsync.files import (
    BESIDE,
    Files,
    delete_file,
    folded,
    move_file,
    place_in,
    printable_path,
    read_file,
    sync,
    sync_file,
    write_file,
)
from kbsync.git.repository import Repository
from kbsync.markup.merge.diff3 import find_conflicts
from kbsync.model import is_under

_VERSION = 1
_SCRATCH, _NEXT = "new", "next.json"
_LOCKS = ".kbsync/"
_STOPS_ALL = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENODEV, errno.ESTALE}
"""Errors that the next file would meet too."""


class JournalState(StrEnum):
    """How far a run has come; the value is the name of its journal."""

    WRITING = "writing"
    DONE = "done"
    RESTORING = "restoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One file of a run: its content before, the digest of what is written; None where there is no file.

    `origin` is the path that it is moved from.
    """

    path: str
    before: bytes | None
    after: str | None
    mode: int | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The files of a run that were put back, and those that were not since they were edited or committed."""

    files: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    committed: tuple[str, ...] = ()


class TreeJournal:
    """The journal of one working tree, and what writes there by it."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.root = repository.root
        self.folder = repository.tree_folder()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs from writing in this working tree, at most until the end of the process.

        Raises:
            Refusal: another run is writing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("ab") as page:
            if not _is_locked(page.fileno()):
                raise Refusal(
                    "another kbsync is writing to this working tree",
                    advice="wait until it has finished, then try again",
                )
            for left in filter(Path.exists, (self.folder / _SCRATCH, self.folder / _NEXT)):
                left.unlink()
            yield

    @property
    def cut_off(self) -> bool:
        """Return whether a run was interrupted here: its files are neither all written nor all put back."""
        return any(self._place(state).exists() for state in (JournalState.WRITING, JournalState.RESTORING))

    def write(
        self, files: Mapping[str, str | bytes | None], there: Files, *, moved: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Write files under the root, None deletes; return those that a sparse checkout had left out.

        `there` is the tree as the run has read it, `moved` maps old paths of files and directories to new ones. What
        cannot be written is left, with its lock file, and then nothing is deleted; the rest is written.

        Raises:
            ContentError: some could not be written, each with its reason.
            KbsyncError: nothing more can be written, as on a full disk; the next run puts back what was.
        """
        moved = moved or {}
        wanted, problems = _encoded(files)
        entries = self._entries(wanted, there, moved, problems)
        if not entries:
            _raise_for(problems)
            return ()
        self._begin(entries)
        changed = {entry.path for entry in entries}
        omitted = self.repository.omitted(changed)  # asked first: git takes a file that is there for checked out
        for entry in entries:
            if entry.before is not None and read_file(self.root, entry.path) is None:
                # A sparse checkout left it out; once git counts it as checked out, it would seem deleted.
                self._guarded(entry.path, partial(self._put, entry.path, entry.before))
        self.repository.clear_skip_worktree(omitted)
        files_now = {path: data for path, data in wanted.items() if path in changed}
        writing = _Writing(journal=self, wanted=files_now, moved=moved, problems=problems)
        writing.write_contents()
        writing.sync_contents()
        writing.write_locks()
        self._become(JournalState.WRITING, JournalState.DONE)
        _raise_for(problems)
        return tuple(unicodedata.normalize("NFC", name) for name in omitted)

    def restore(self) -> Restored:
        """Put back what the last run wrote over, lock files first, so that none ever records more than its file holds.

        What somebody edited or committed since stays as it is, and so does its lock file.

        Raises:
            KbsyncError: it could not be written; the next run continues.
        """
        entries = self._begin_restoring()
        reasons = self._not_restorable(entries)
        wanted = self._put_back(entries, reasons)
        self._place(JournalState.RESTORING).unlink(missing_ok=True)
        return Restored(
            files=tuple(sorted(wanted)),
            edited=tuple(sorted(path for path, reason in reasons.items() if reason == _EDITED)),
            committed=tuple(sorted(path for path, reason in reasons.items() if reason == _COMMITTED)),
        )

    def unresolved(self, paths: Collection[str] | None = None) -> frozenset[str]:
        """Return the files in which the last run left conflict markers, of all or below paths, with their lock files.

        Those that were moved, or edited or committed since, are left out.
        """
        place = self._place(JournalState.DONE)
        if paths == frozenset() or not place.exists():
            return frozenset()

        def is_asked(entry: JournalEntry) -> bool:
            return paths is None or any(is_under(_source_of(entry.path), path) for path in paths)

        asked = [entry for entry in _entries_of(place) if is_asked(entry)]
        changed = {_source_of(path) for path in self._not_restorable(asked)}
        marked = {entry.path for entry in asked if not entry.origin and self._has_markers(entry.path)} - changed
        return frozenset(entry.path for entry in asked if _source_of(entry.path) in marked)

    def restore_unresolved(self, paths: Collection[str] | None = None) -> None:
        """Put back what the last run wrote over in the `unresolved` files; its other files and journal stay."""
        if files := self.unresolved(paths):
            self._put_back([entry for entry in _entries_of(self._place(JournalState.DONE)) if entry.path in files], ())

    def _has_markers(self, path: str) -> bool:
        text = None if path.startswith(_LOCKS) else read_file(self.root, path)
        return text is not None and bool(find_conflicts(text.decode("utf-8", "replace")))

    def _put_back(self, entries: Iterable[JournalEntry], kept_paths: Iterable[str]) -> Mapping[str, bytes | None]:
        """Put back some files, lock files first, but not the items of `kept_paths`; return what it wrote."""
        moved = {entry.origin: entry.path for entry in entries if entry.origin}
        item_of = {entry.path: _item_of(entry.path, moved) for entry in entries}
        kept = {item_of[path] for path in kept_paths}
        restored = [entry for entry in entries if item_of[entry.path] not in kept]
        wanted = {entry.path: entry.before for entry in restored if self._now(entry.path) != _digest(entry.before)}
        moved_back = {new: old for old, new in moved.items() if item_of.get(new) not in kept}
        modes = {entry.path: entry.mode for entry in restored}
        writing = _Writing(journal=self, wanted=wanted, moved=moved_back, modes=modes)
        writing.write_locks()
        writing.write_contents()
        _raise_for(writing.problems)
        return wanted

    def has_run(self) -> bool:
        """Return whether there is a run whose files could be put back."""
        return any(self._place(state).exists() for state in JournalState)

    def _entries(
        self, wanted: Mapping[str, bytes | None], there: Files, moved: Mapping[str, str], problems: list[Problem]
    ) -> list[JournalEntry]:
        """Return the journal's entries of the files that change; add those that cannot be read to `problems`."""
        known, origins = frozenset(there.paths()), {new: old for old, new in moved.items()}
        entries = []
        for path, data in wanted.items():
            try:
                place, before = place_in(self.root, path), read_file(self.root, path)
                if before is None and path in known:
                    before = there.read(path)
                mode = stat.S_IMODE(place.stat().st_mode) if place.is_file() else None
            except (OSError, ValueError) as error:
                problems.append(_problem(path, error))
                continue
            if before != data:
                origin = origins.get(path) if origins.get(path) in wanted else None
                entries.append(JournalEntry(path=path, before=before, after=_digest(data), mode=mode, origin=origin))
        return entries

    def _begin(self, entries: Iterable[JournalEntry]) -> None:
        """Put the journal on the disk, before anything is written.

        Raises:
            KbsyncError: that was not possible; nothing was written.
        """
        place, made = self._place(JournalState.WRITING), self.folder / _NEXT
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            made.write_text(_page(entries), encoding="utf-8", errors="surrogateescape")
            sync(made)
            made.replace(place)
            sync(self.folder)
        except OSError as error:
            with suppress(OSError):
                made.unlink(missing_ok=True)
                place.unlink(missing_ok=True)
            what = f"the journal in {self.folder} could not be written: {error.strerror}; no file was changed"
            raise KbsyncError(what, advice=_FREE_SPACE) from error
        self._place(JournalState.DONE).unlink(missing_ok=True)

    def _begin_restoring(self) -> list[JournalEntry]:
        for state in (JournalState.WRITING, JournalState.DONE):
            if self._place(state).exists():
                self._become(state, JournalState.RESTORING)
                break
        entries = _entries_of(self._place(JournalState.RESTORING))
        for directory in {(self.root / entry.path).parent for entry in entries}:
            with suppress(OSError):
                (directory / f"{BESIDE}{_SCRATCH}").unlink(missing_ok=True)
        return entries

    def _become(self, old: JournalState, new: JournalState) -> None:
        self._place(old).replace(self._place(new))
        sync(self.folder)

    def _not_restorable(self, entries: Iterable[JournalEntry]) -> dict[str, str]:
        """Return why some files are not put back: their content now is not the run's, or it is committed."""
        noted = {entry.path: entry for entry in entries}
        origins = {entry.origin for entry in noted.values()}
        uncommitted, head = self.repository.uncommitted(), self.repository.head()
        committed = frozenset(self.repository.committed(head).paths()) if head else frozenset[str]()
        reasons = {}
        for path, entry in noted.items():
            now, before = self._now(path), _digest(entry.before)
            # An empty file was being written to the disk when the power failed.
            own = {before, entry.after, _digest(b"")} | ({None} if path in origins else set())
            if entry.origin and entry.origin in noted:
                own.add(_digest(noted[entry.origin].before))
            if now not in own:
                reasons[path] = _EDITED
            elif now != before and head and path not in uncommitted and (path in committed) == (now is not None):
                reasons[path] = _COMMITTED
        return reasons

    def _now(self, path: str) -> str | None:
        try:
            return _digest(read_file(self.root, path))
        except (OSError, ValueError):
            return "something else"

    def _put(self, path: str, data: bytes | None, mode: int | None = None) -> None:
        if data is None:
            delete_file(self.root, path)
        elif read_file(self.root, path) != data:
            write_file(self.root, path, data, scratch=self.folder / _SCRATCH, mode=mode)

    def _guarded(self, path: str, act: Callable[[], None]) -> Problem | None:
        """Do one step; return why it is not possible.

        Raises:
            KbsyncError: no other will be possible either.
        """
        try:
            act()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _STOPS_ALL:
                what = (
                    f"{printable_path(path)} could not be written: {error.strerror}; the other files were not written"
                )
                raise KbsyncError(what, advice=_FREE_SPACE) from error
            return _problem(path, error)
        return None

    def _place(self, state: JournalState) -> Path:
        return self.folder / f"{state.value}.json"


@dataclass(slots=True, kw_only=True)
class _Writing:
    """The files that one run writes, in an order that is safe at each moment."""

    journal: TreeJournal
    wanted: Mapping[str, bytes | None]
    moved: Mapping[str, str]
    modes: Mapping[str, int | None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def write_contents(self) -> None:
        """Write all content files; a move is one step, so that a file is never in two places or none."""
        self._move()
        self._write({path: data for path, data in self.wanted.items() if not path.startswith(_LOCKS)})

    def sync_contents(self) -> None:
        for path, data in self.wanted.items():
            if data is not None and not path.startswith(_LOCKS) and self._is_file(path):
                self._do(path, partial(sync_file, self.journal.root, path))

    def write_locks(self) -> None:
        """Write the lock files, but for those whose own file could not be written."""
        failed = {problem.path for problem in self.problems}
        locks = {path: data for path, data in self.wanted.items() if path.startswith(_LOCKS)}
        self._write({path: data for path, data in locks.items() if printable_path(_source_of(path)) not in failed})

    def _write(self, files: Mapping[str, bytes | None]) -> None:
        """Write files, and delete others only when all of those are written."""
        written = {folded(path) for path, data in files.items() if data is not None}
        gone = [path for path, data in files.items() if data is None and self._is_file(path)]
        # On a case-insensitive file system, deleting the name in other letters would delete the new file.
        for path in (path for path in gone if folded(path) in written):
            self._put(path, None)
        for path, data in files.items():
            if data is not None:
                self._put(path, data)
        if not self.problems:
            for path in (path for path in gone if folded(path) not in written):
                self._put(path, None)

    def _move(self) -> None:
        pending = {
            old: new
            for old, new in self.moved.items()
            if old in self.wanted and self.wanted.get(new) is not None and self._is_file(old)
        }
        for old, new in sorted(self.moved.items()):
            if self._moves_whole(old, new) and self._rename(old, new):
                pending = {path: place for path, place in pending.items() if not path.startswith(f"{old}/")}
        while ready := [old for old, new in pending.items() if self._is_free(new, old)]:
            for old in ready:
                self._rename(old, pending.pop(old))

    def _moves_whole(self, old: str, new: str) -> bool:
        """Return whether a directory can be renamed as a whole, because all that is in it moves along."""
        place = self._place(old)
        if place is None or not place.is_dir() or not self._is_free(new, old):
            return False
        within = [one for one in place.rglob("*") if one.is_symlink() or not one.is_dir()]
        ends = [unicodedata.normalize("NFC", one.relative_to(place).as_posix()) for one in within]
        return bool(ends) and all(self.moved.get(f"{old}/{end}") == f"{new}/{end}" for end in ends)

    def _is_free(self, new: str, old: str) -> bool:
        """Return whether `old` may be renamed to `new`: nothing is there, or the same file by another name."""
        place, source = self._place(new), self._place(old)
        if place is None or source is None:
            return False
        return not os.path.lexists(place) or place.samefile(source)

    def _is_file(self, path: str) -> bool:
        place = self._place(path)
        return place is not None and place.is_file()

    def _place(self, path: str) -> Path | None:
        try:
            return place_in(self.journal.root, path)
        except ValueError:
            return None

    def _rename(self, old: str, new: str) -> bool:
        return self._do(old, partial(move_file, self.journal.root, old, new))

    def _put(self, path: str, data: bytes | None) -> None:
        self._do(path, partial(self.journal._put, path, data, self.modes.get(path)))

    def _do(self, path: str, act: Callable[[], None]) -> bool:
        problem = self.journal._guarded(path, act)
        self.problems += [problem] if problem else []
        return problem is None


_EDITED, _COMMITTED = "edited since", "committed since"
_FREE_SPACE = "free some disk space and run the same command again, or run `kbsync pull --abort`"


def _raise_for(problems: list[Problem]) -> None:
    if problems:
        raise ContentError(tuple(problems))


def _problem(path: str, error: OSError | ValueError) -> Problem:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Problem(path=printable_path(path), message=f"could not be written: {reason}")


def _encoded(files: Mapping[str, str | bytes | None]) -> tuple[dict[str, bytes | None], list[Problem]]:
    wanted: dict[str, bytes | None] = {}
    problems: list[Problem] = []
    for path, text in files.items():
        try:
            wanted[path] = text.encode("utf-8") if isinstance(text, str) else text
        except ValueError as error:
            problems.append(_problem(path, error))
    return wanted, problems


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


def _source_of(path: str) -> str:
    """Return the file that a lock file is about."""
    return path.split("/", 2)[-1].removesuffix(".json") if path.startswith(_LOCKS) else path


def _item_of(path: str, moved: Mapping[str, str]) -> str:
    """Return one name for the files that belong together: an item's file, its lock file, and their former paths."""
    chain = [_source_of(path)]
    while (new := moved.get(chain[-1])) is not None:
        if new in chain:
            return min(chain)
        chain.append(new)
    return chain[-1]


def _is_locked(descriptor: int) -> bool:
    """Lock a file for as long as it is open; where the file system cannot, count it as locked."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
    return True


def _page(entries: Iterable[JournalEntry]) -> str:
    files = [
        {
            "path": entry.path,
            "before": None if entry.before is None else base64.b64encode(entry.before).decode("ascii"),
            "after": entry.after,
            "mode": entry.mode,
            "from": entry.origin,
        }
        for entry in entries
    ]
    return json.dumps({"version": _VERSION, "files": files}, indent=1)


def _entries_of(place: Path) -> list[JournalEntry]:
    try:
        page = json.loads(place.read_text(encoding="utf-8"))
        if page["version"] != _VERSION:
            raise ValueError(f"version {page['version']}")
        return [
            JournalEntry(
                path=one["path"],
                before=None if one["before"] is None else base64.b64decode(one["before"]),
                after=one["after"],
                mode=one["mode"],
                origin=one["from"],
            )
            for one in page["files"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        what = f"the journal of an interrupted pull, {place}, cannot be read: {error}"
        raise KbsyncError(what, advice="upgrade kbsync, or delete the journal and check `git status`") from error
