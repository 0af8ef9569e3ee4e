"""Put files and values in the place of the marks that stand for them: a body in, the body that readers get out.

Pure: the files come through a function. It keeps account of which line of which file every line comes from, so that
problems point to where they can be mended.
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from kbsync.content.document import decode, find_frame, line_at, skip_blank_lines, unix_newlines
from kbsync.errors import ContentError, Problem
from kbsync.files import Files
from kbsync.markup.compare import canonical
from kbsync.markup.links import code_ranges, from_root, is_one_paragraph, references, rewrite_addresses, to_root
from kbsync.markup.placeholders import (
    Placeholder,
    escape_placeholder,
    escape_value,
    find_placeholders,
    may_have_placeholders,
)
from kbsync.markup.to_html import to_html

DEEPEST = 10
"""How many files may be included in one another."""

LARGEST = 1_000_000
"""How many characters may be put into one file; includes within includes grow fast."""

_BEFORE = re.compile(r"(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])(?=[ \t]))*[ \t]*|[ \t>]*")
_LIST_MARK = re.compile(r"[-*+\d.)]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A line of a file of the tree, from 1."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncludedFile:
    """A file as it is included: its text without front matter, and the line on which that begins."""

    path: str
    text: str
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One mark that was replaced: on which line of the source's body (from 0), and what was `shown` in its place.

    `path` is the file that was included, empty for a variable.
    """

    row: int
    written: str
    shown: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A body with all marks replaced.

    For each of its lines `rows` tells the line of the source's body (from 0), and `spots` where it was written.
    `links` tells, for an address on a line (from 1) that came out of another file, its place there and how it was
    written.
    """

    body: str
    rows: tuple[int, ...]
    spots: tuple[Location, ...]
    links: Mapping[tuple[int, str], tuple[Location, str]]
    replacements: tuple[Replacement, ...]
    problems: tuple[Problem, ...]

    def spot(self, line: int) -> Location:
        """Return where a line of the body (from 1) was written."""
        return self.spots[min(line, len(self.spots)) - 1]


Refused = tuple[str, str]
"""Why a file cannot be included, and what to do about it."""

Fetch = Callable[[str, str], IncludedFile | Refused]
"""Return the file at a path that another file asks for, both from the root."""


@dataclass(slots=True)
class _Text:
    """A text being put together, line by line, in the coordinates of one file."""

    lines: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    spots: list[Location] = field(default_factory=list)
    links: dict[tuple[int, str], tuple[Location, str]] = field(default_factory=dict)
    uses: list[Replacement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    added: int = 0

    def add(self, line: str, row: int, spot: Location) -> None:
        self.lines.append(line)
        self.rows.append(row)
        self.spots.append(spot)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Expander:
    """Replaces marks with one set of variables; what it has made of a file it remembers."""

    def __init__(self, variables: Mapping[str, str], fetch: Fetch) -> None:
        self._values = {name: escape_value(value) for name, value in variables.items()}
        self._plain = dict(variables)
        self._fetch = fetch
        self._files: dict[str, _Text] = {}
        self._placed: dict[tuple[str, str], _Text] = {}

    def expand(self, body: str, *, path: str, line: int = 1) -> Expansion | None:
        """Replace the marks of a body that begins on a `line` of the file at `path`; None where it has none."""
        found = self._marks(body)
        if not found:
            return None
        made = self._replaced(IncludedFile(path=path, text=body, line=line), found, (path,))
        return Expansion(
            body=made.text,
            rows=tuple(made.rows),
            spots=tuple(made.spots),
            links=made.links,
            replacements=tuple(made.uses),
            problems=tuple(dict.fromkeys(made.problems)),
        )

    def _marks(self, text: str) -> list[Placeholder]:
        if not may_have_placeholders(text) or not any(self._is_ours(mark) for mark in find_placeholders(text)):
            return []
        return [mark for mark in find_placeholders(text, code_ranges(text)) if self._is_ours(mark)]

    def _is_ours(self, mark: Placeholder) -> bool:
        return mark.path is not None or mark.name in self._values

    def _replaced(self, source: IncludedFile, found: Sequence[Placeholder], chain: tuple[str, ...]) -> _Text:
        out, start, at = _Text(), 0, 0
        for row, line in enumerate(source.text.split("\n")):
            end = start + len(line)
            here = []
            while at < len(found) and found[at].start <= end:
                here.append(found[at])
                at += 1
            spot = Location(path=source.path, line=source.line + row)
            if _is_alone(here, line, start):
                self._put_blocks(out, here[0], line[: here[0].start - start], row, spot, chain)
            else:
                self._put_inline(out, here, line, start, row, spot, chain)
            start = end + 1
        return out

    def _put_blocks(
        self, out: _Text, mark: Placeholder, before: str, row: int, spot: Location, chain: tuple[str, ...]
    ) -> None:
        made = self._included(out, mark, spot, chain)
        if made is None or not _fits(out, len(made.text), spot):
            out.add(before + mark.text, row, spot)
            return
        first, after = len(out.lines), _LIST_MARK.sub(" ", before)
        for number, line in enumerate(made.lines):
            out.add((after if number else before) + line if line else after.rstrip(), row, made.spots[number])
        out.links |= {(first + line, target): place for (line, target), place in made.links.items()}
        out.uses.append(Replacement(row=row, written=mark.text, shown=made.text, path=mark.path or ""))

    def _put_inline(
        self,
        out: _Text,
        here: Sequence[Placeholder],
        line: str,
        start: int,
        row: int,
        spot: Location,
        chain: tuple[str, ...],
    ) -> None:
        pieces, done = [], 0
        for mark in here:
            shown = escape_placeholder(mark) if mark.escaped else self._shown(out, mark, row, spot, chain)
            if shown is None or not _fits(out, len(shown), spot):
                continue
            pieces += [line[done : mark.start - start], shown]
            done = mark.end - start
        out.add("".join(pieces) + line[done:], row, spot)

    def _shown(self, out: _Text, mark: Placeholder, row: int, spot: Location, chain: tuple[str, ...]) -> str | None:
        """Return what stands for a mark within a line, or None where it stays."""
        if mark.name is not None:
            out.uses.append(Replacement(row=row, written=mark.text, shown=self._plain[mark.name]))
            return self._values[mark.name]
        made = self._included(out, mark, spot, chain)
        if made is None:
            return None
        if not is_one_paragraph(made.text):
            what = f"`{mark.path}` is more than one paragraph, and cannot be put into a line"
            out.problems.append(_problem(spot, what, "put the include on a line of its own"))
            return None
        shown = " ".join(filter(None, (line.strip(" \t") for line in made.lines)))
        out.links |= {(len(out.lines) + 1, target): place for (_, target), place in made.links.items()}
        out.uses.append(Replacement(row=row, written=mark.text, shown=shown, path=mark.path or ""))
        return shown

    def _included(self, out: _Text, mark: Placeholder, spot: Location, chain: tuple[str, ...]) -> _Text | None:
        """Return what a file becomes in the place of its mark, its links written for the file that includes it."""
        path = mark.path or ""
        if path in chain:
            circle = " → ".join((*chain[chain.index(path) :], path))
            out.problems.append(_problem(spot, f"a circle of includes: {circle}", "take one of them away"))
            return None
        if len(chain) > DEEPEST:
            what = f"includes lie more than {DEEPEST} deep in one another"
            out.problems.append(_problem(spot, what, "include what is needed directly"))
            return None
        made = self._file(path, spot, chain, out)
        return None if made is None else self._placed_in(made, path, spot, out)

    def _file(self, path: str, spot: Location, chain: tuple[str, ...], out: _Text) -> _Text | None:
        made = self._files.get(path)
        if made is None:
            snippet = self._fetch(path, spot.path)
            if not isinstance(snippet, IncludedFile):
                out.problems.append(_problem(spot, *snippet))
                return None
            made = self._replaced(snippet, self._marks(snippet.text), (*chain, path))
            self._files[path] = made
        out.problems += made.problems
        return made

    def _placed_in(self, made: _Text, path: str, spot: Location, out: _Text) -> _Text | None:
        directory = posixpath.dirname(spot.path)
        key = path, directory
        if key not in self._placed:
            try:
                self._placed[key] = _with_links(made, path, spot.path)
            except ValueError as error:
                out.problems.append(_problem(Location(path=path, line=1), str(error), _LINKS_ADVICE))
                return None
        return self._placed[key]


_LINKS_ADVICE = "write its links as `[text](address)`, from its own place and within the tree"


def _is_alone(here: Sequence[Placeholder], line: str, start: int) -> bool:
    if len(here) != 1 or here[0].path is None or here[0].escaped:
        return False
    mark = here[0]
    return not line[mark.end - start :].strip(" \t") and bool(_BEFORE.fullmatch(line[: mark.start - start]))


def _fits(out: _Text, size: int, spot: Location) -> bool:
    if out.added > LARGEST:
        return False
    out.added += size
    if out.added <= LARGEST:
        return True
    what = f"includes and variables put more than {LARGEST:,} characters into this file"
    out.problems.append(_problem(spot, what, "include less"))
    return False


def _with_links(made: _Text, path: str, here: str) -> _Text:
    """Write the relative links of a file for a page that lies elsewhere, and remember how they were written."""
    old = references(made.text)
    changed = rewrite_addresses(made.text, lambda address: _moved(address, path, here)) if old else made.text
    new = references(changed)
    links = {}
    for before, after in zip(old, new, strict=True):
        place = made.links.get((before.line, before.target)) or (made.spots[before.line - 1], before.target)
        links[after.line, after.target] = place
    return _Text(lines=changed.split("\n"), rows=made.rows, spots=made.spots, links=links, problems=made.problems)


def _moved(address: str, path: str, here: str) -> str:
    try:
        target = to_root(path, address)
    except ValueError:
        raise ValueError(f"`{address}` leads out of the content tree") from None
    if target is None or posixpath.dirname(path) == posixpath.dirname(here):
        return address
    written = from_root(here, target)
    # A link of the file to the page that includes it goes to that page, not to a heading of the file.
    return posixpath.basename(here) + written if written.startswith("#") else written


def _problem(spot: Location, what: str, advice: str) -> Problem:
    return Problem(path=spot.path, line=spot.line, message=what, advice=advice)


def escape_marks(text: str, names: Collection[str]) -> str:
    """Write Markdown in which nothing is to be replaced so that it comes out of an expansion as it is.

    Raises:
        ValueError: it holds a mark where it cannot be written as text.
    """
    if not may_have_placeholders(text):
        return text
    found = [mark for mark in find_placeholders(text, code_ranges(text)) if mark.path is not None or mark.name in names]
    if not found:
        return text
    expander = Expander(dict.fromkeys(names, ""), lambda path, _: (path, ""))
    for armless in (_with_backslash, _disarmed_where_bare, _disarmed_after_backslash):
        written, done = [], 0
        for mark in found:
            written += [text[done : mark.start], armless(mark)]
            done = mark.end
        whole = "".join(written) + text[done:]
        made = expander.expand(whole, path="")
        if canonical(to_html(made.body if made else whole)) == canonical(to_html(text)):
            return whole
    raise ValueError(f"`{found[0].text}` would be replaced where it stands, and cannot be written as text there")


def _with_backslash(mark: Placeholder) -> str:
    return "\\" + mark.text


def _disarmed_where_bare(mark: Placeholder) -> str:
    return _with_backslash(mark) if mark.escaped else escape_placeholder(mark)


def _disarmed_after_backslash(mark: Placeholder) -> str:
    """Raw HTML shows the backslash that Markdown takes for an escape."""
    return ("\\" if mark.escaped else "") + escape_placeholder(mark)


_FROM_THE_ROOT = "write the path from the root of the tree"


class Includes:
    """What the files of one tree offer for inclusion; `asked` are those that something includes."""

    def __init__(self, files: Files) -> None:
        self.asked: set[str] = set()
        self.problems: list[Problem] = []
        self._files = files
        self._known: dict[str, IncludedFile | Refused] = {}
        self._expanders: dict[tuple[tuple[str, str], ...], Expander] = {}

    def expander(self, variables: Mapping[str, str]) -> Expander:
        """Return what replaces marks with these variables."""
        key = tuple(sorted(variables.items()))
        if key not in self._expanders:
            self._expanders[key] = Expander(variables, self._fetch)
        return self._expanders[key]

    def _fetch(self, asked: str, includer: str) -> IncludedFile | Refused:
        path = unicodedata.normalize("NFC", asked)
        why = self._objection(path, includer)
        if why is not None:
            return why
        self.asked.add(path)
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> IncludedFile | Refused:
        try:
            text = decode(self._files.read(path), path)
        except ContentError as error:
            self.problems += error.problems
            return f"`{path}` cannot be included: it {error.problems[0].message}", error.problems[0].advice
        frame = find_frame(text)
        if frame.trouble:
            return f"`{path}` cannot be included: {frame.trouble}", "where the `---` is a line, write it as `***`"
        start = skip_blank_lines(text, frame.body_start)
        body = unix_newlines(text[start:]).rstrip(" \t\n")
        return IncludedFile(path=path, text=body, line=line_at(text, start))

    def _objection(self, path: str, includer: str) -> Refused | None:
        """Return why a path cannot be followed."""
        parts = path.split("/")
        if not path or path.startswith("/") or ":" in parts[0] or "\\" in path:
            return f"`{path}` is no path within the tree", _FROM_THE_ROOT
        if any(part in ("", ".", "..") for part in parts):
            return f"`{path}` is no plain path", f"{_FROM_THE_ROOT}, without `.` and `..`"
        if any(part.startswith(".") for part in parts):
            return f"`{path}` cannot be included: a name begins with a dot", "put the text into another file"
        for problem in self._files.problems():
            if path == problem.path or path.startswith(f"{problem.path}/"):
                return f"`{path}` cannot be included: `{problem.path}` {problem.message}", problem.advice
        return None if path in self._paths else self._absence(path, includer)

    def _absence(self, path: str, includer: str) -> Refused:
        what = f"there is no `{path}` to include"
        from_here = to_root(includer, path)
        if from_here in self._paths:
            return what, f"did you mean `{from_here}`? {_FROM_THE_ROOT}"
        name = path.rpartition("/")[2]
        near = [known for known in self._paths if known.rpartition("/")[2] == name]
        near = near or get_close_matches(path, self._paths, n=1, cutoff=0.6)
        return what, f"did you mean `{min(near)}`?" if near else _FROM_THE_ROOT

    @cached_property
    def _paths(self) -> frozenset[str]:
        return frozenset(self._files.paths())
