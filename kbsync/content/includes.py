"""Includes and variables: replaces the marks of a body with included files and values.

For every line of the result it knows the file and line that it comes from, so that problems name the place to fix.
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

from kbsync.content.document import decode_source, line_at, skip_blank_lines, split_front_matter, unix_newlines
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
from kbsync.model import is_under

MAX_DEPTH = 10
"""How deep files may include one another."""

MAX_CHARACTERS = 1_000_000
"""How many characters may be added to one file; nested includes grow fast."""

_BEFORE = re.compile(r"(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])(?=[ \t]))*[ \t]*|[ \t>]*")
_LIST_MARK = re.compile(r"[-*+\d.)]")
_LINKS_ADVICE = "write its links as `[text](path)`, relative to the included file and inside the tree"
_FROM_THE_ROOT = "write the path from the content root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A line of a file of the tree, from 1, and its text."""

    path: str
    line: int
    text: str = field(default="", compare=False)

    def problem(self, code: str, what: str, advice: str, *, at: str = "", fixable: bool = False) -> Problem:
        """Return a problem of this line, at the first place of some text in it."""
        column = self.text.find(at) + 1 or 1
        return Problem(
            code=code, path=self.path, line=self.line, column=column, message=what, advice=advice, fixable=fixable
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncludedFile:
    """An included file: its text without front matter, and the line on which the text begins."""

    path: str
    text: str
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One replaced mark.

    Attributes:
        row: The line of the source's body, from 0.
        written: The mark.
        shown: The text in its place.
        path: The included file; empty for a variable.
    """

    row: int
    written: str
    shown: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A body with all marks replaced.

    Attributes:
        rows: For each line of the body, the line of the source's body, from 0.
        locations: For each line of the body, where it was written.
        links: For each address on a line (from 1) that comes from another file, its location and how it was written.
    """

    body: str
    rows: tuple[int, ...]
    locations: tuple[Location, ...]
    links: Mapping[tuple[int, str], tuple[Location, str]]
    replacements: tuple[Replacement, ...]
    problems: tuple[Problem, ...]

    def location(self, line: int) -> Location:
        """Return where a line of the body (from 1) was written."""
        return self.locations[min(line, len(self.locations)) - 1]


IncludeError = tuple[str, str]
"""Why a file cannot be included, and what to do."""

Fetch = Callable[[str, str], IncludedFile | IncludeError]
"""Returns the file at the first path, which the file at the second path includes; both from the root."""


@dataclass(slots=True)
class _ExpandedText:
    """A text with replaced marks, built line by line."""

    lines: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    locations: list[Location] = field(default_factory=list)
    links: dict[tuple[int, str], tuple[Location, str]] = field(default_factory=dict)
    replacements: list[Replacement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    added: int = 0

    def add(self, line: str, row: int, location: Location) -> None:
        self.lines.append(line)
        self.rows.append(row)
        self.locations.append(location)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def has_capacity(self, size: int, location: Location) -> bool:
        """Count added characters; return whether they are allowed, and report it the first time that they are not."""
        if self.added > MAX_CHARACTERS:
            return False
        self.added += size
        if self.added <= MAX_CHARACTERS:
            return True
        what = f"includes and variables add more than {MAX_CHARACTERS:,} characters to this file"
        self.problems.append(location.problem("KB232", what, "include less"))
        return False


class Expander:
    """Replaces marks with one set of variables; it keeps the expanded files."""

    def __init__(self, variables: Mapping[str, str], fetch: Fetch) -> None:
        self._variables = dict(variables)
        self._values = {name: escape_value(value) for name, value in variables.items()}
        self._fetch = fetch
        self._files: dict[str, _ExpandedText] = {}
        self._relinked: dict[tuple[str, str], _ExpandedText] = {}

    def expand(self, body: str, *, path: str, line: int = 1) -> Expansion | None:
        """Replace the marks of a body that begins on a `line` of the file at `path`; return None where it has none."""
        found = self._marks(body)
        if not found:
            return None
        made = self._expand(IncludedFile(path=path, text=body, line=line), found, (path,))
        return Expansion(
            body=made.text,
            rows=tuple(made.rows),
            locations=tuple(made.locations),
            links=made.links,
            replacements=tuple(made.replacements),
            problems=tuple(dict.fromkeys(made.problems)),
        )

    def _marks(self, text: str) -> list[Placeholder]:
        if not may_have_placeholders(text) or not any(self._is_ours(mark) for mark in find_placeholders(text)):
            return []
        return [mark for mark in find_placeholders(text, code_ranges(text)) if self._is_ours(mark)]

    def _is_ours(self, mark: Placeholder) -> bool:
        return mark.path is not None or mark.name in self._values

    def _expand(self, source: IncludedFile, found: Sequence[Placeholder], chain: tuple[str, ...]) -> _ExpandedText:
        out, start, at = _ExpandedText(), 0, 0
        for row, line in enumerate(source.text.split("\n")):
            end, first = start + len(line), at
            while at < len(found) and found[at].start <= end:
                at += 1
            here = found[first:at]
            location = Location(path=source.path, line=source.line + row, text=line)
            if _is_alone(here, line, start):
                self._add_blocks(out, here[0], line[: here[0].start - start], row, location, chain)
            else:
                self._add_line(out, here, line, start, row, location, chain)
            start = end + 1
        return out

    def _add_blocks(
        self, out: _ExpandedText, mark: Placeholder, before: str, row: int, location: Location, chain: tuple[str, ...]
    ) -> None:
        made = self._include(out, mark, location, chain)
        if made is None or not out.has_capacity(len(made.text), location):
            out.add(before + mark.text, row, location)
            return
        first, after = len(out.lines), _LIST_MARK.sub(" ", before)
        for number, line in enumerate(made.lines):
            out.add((after if number else before) + line if line else after.rstrip(), row, made.locations[number])
        out.links |= {(first + line, target): place for (line, target), place in made.links.items()}
        out.replacements.append(Replacement(row=row, written=mark.text, shown=made.text, path=mark.path or ""))

    def _add_line(
        self,
        out: _ExpandedText,
        here: Sequence[Placeholder],
        line: str,
        start: int,
        row: int,
        location: Location,
        chain: tuple[str, ...],
    ) -> None:
        pieces, done = [], 0
        for mark in here:
            shown = escape_placeholder(mark) if mark.escaped else self._inline_text(out, mark, row, location, chain)
            if shown is None or not out.has_capacity(len(shown), location):
                continue
            pieces += [line[done : mark.start - start], shown]
            done = mark.end - start
        out.add("".join(pieces) + line[done:], row, location)

    def _inline_text(
        self, out: _ExpandedText, mark: Placeholder, row: int, location: Location, chain: tuple[str, ...]
    ) -> str | None:
        """Return the text that replaces a mark within a line, or None where the mark stays."""
        if mark.name is not None:
            out.replacements.append(Replacement(row=row, written=mark.text, shown=self._variables[mark.name]))
            return self._values[mark.name]
        made = self._include(out, mark, location, chain)
        if made is None:
            return None
        if not is_one_paragraph(made.text):
            what = f"`{mark.path}` has more than one paragraph and cannot be included within a line"
            out.problems.append(location.problem("KB233", what, "put the include on a line of its own", at=mark.text))
            return None
        shown = " ".join(filter(None, (line.strip(" \t") for line in made.lines)))
        out.links |= {(len(out.lines) + 1, target): place for (_, target), place in made.links.items()}
        out.replacements.append(Replacement(row=row, written=mark.text, shown=shown, path=mark.path or ""))
        return shown

    def _include(
        self, out: _ExpandedText, mark: Placeholder, location: Location, chain: tuple[str, ...]
    ) -> _ExpandedText | None:
        """Return an included file with its links written for the file that includes it."""
        path = mark.path or ""
        if path in chain:
            circle = " → ".join((*chain[chain.index(path) :], path))
            what = f"circular include: {circle}"
            out.problems.append(location.problem("KB231", what, "remove one of these includes", at=mark.text))
            return None
        if len(chain) > MAX_DEPTH:
            what = f"includes are nested more than {MAX_DEPTH} deep"
            out.problems.append(location.problem("KB231", what, "include the file directly", at=mark.text))
            return None
        made = self._file(mark, location, chain, out)
        return None if made is None else self._relink(made, path, location, out)

    def _file(
        self, mark: Placeholder, location: Location, chain: tuple[str, ...], out: _ExpandedText
    ) -> _ExpandedText | None:
        path = mark.path or ""
        made = self._files.get(path)
        if made is None:
            fetched = self._fetch(path, location.path)
            if not isinstance(fetched, IncludedFile):
                out.problems.append(location.problem("KB230", *fetched, at=mark.text))
                return None
            made = self._expand(fetched, self._marks(fetched.text), (*chain, path))
            self._files[path] = made
        out.problems += made.problems
        return made

    def _relink(self, made: _ExpandedText, path: str, location: Location, out: _ExpandedText) -> _ExpandedText | None:
        directory = posixpath.dirname(location.path)
        key = path, directory
        if key not in self._relinked:
            try:
                self._relinked[key] = _rewrite_links(made, path, location.path)
            except ValueError as error:
                out.problems.append(Location(path=path, line=1).problem("KB303", str(error), _LINKS_ADVICE))
                return None
        return self._relinked[key]


def _is_alone(here: Sequence[Placeholder], line: str, start: int) -> bool:
    if len(here) != 1 or (mark := here[0]).path is None or mark.escaped:
        return False
    return not line[mark.end - start :].strip(" \t") and bool(_BEFORE.fullmatch(line[: mark.start - start]))


def _rewrite_links(made: _ExpandedText, path: str, here: str) -> _ExpandedText:
    """Rewrite the relative links of a file for the file at another path, and keep how they were written."""
    old = references(made.text)
    changed = rewrite_addresses(made.text, lambda address: _rewrite_address(address, path, here)) if old else made.text
    links = {
        (after.line, after.target): made.links.get((before.line, before.target))
        or (made.locations[before.line - 1], before.target)
        for before, after in zip(old, references(changed), strict=True)
    }
    return _ExpandedText(
        lines=changed.split("\n"), rows=made.rows, locations=made.locations, links=links, problems=made.problems
    )


def _rewrite_address(address: str, path: str, here: str) -> str:
    try:
        target = to_root(path, address)
    except ValueError:
        raise ValueError(f"`{address}` is outside the content tree") from None
    if target is None or posixpath.dirname(path) == posixpath.dirname(here):
        return address
    written = from_root(here, target)
    # A link to the including page leads to that page, not to a heading of the included file.
    return posixpath.basename(here) + written if written.startswith("#") else written


_ESCAPES: tuple[Callable[[Placeholder], str], ...] = (
    lambda mark: f"\\{mark.text}",
    lambda mark: f"\\{mark.text}" if mark.escaped else escape_placeholder(mark),
    # Raw HTML shows the backslash that is an escape in Markdown.
    lambda mark: ("\\" if mark.escaped else "") + escape_placeholder(mark),
)
"""The ways to escape a mark, in the order in which they are tried."""


def escape_marks(text: str, names: Collection[str]) -> str:
    """Escape the marks in Markdown so that an expansion leaves them as they are.

    Raises:
        ValueError: a mark is where it cannot be written as text.
    """
    if not may_have_placeholders(text):
        return text
    found = [mark for mark in find_placeholders(text, code_ranges(text)) if mark.path is not None or mark.name in names]
    if not found:
        return text
    expander = Expander(dict.fromkeys(names, ""), lambda path, _: (path, ""))
    for escape in _ESCAPES:
        written, done = [], 0
        for mark in found:
            written += [text[done : mark.start], escape(mark)]
            done = mark.end
        whole = "".join(written) + text[done:]
        expansion = expander.expand(whole, path="")
        if canonical(to_html(expansion.body if expansion else whole)) == canonical(to_html(text)):
            return whole
    raise ValueError(f"`{found[0].text}` would be replaced and cannot be escaped there")


class Includes:
    """The files of one tree that can be included; `included` has those that are."""

    def __init__(self, files: Files) -> None:
        self.included: set[str] = set()
        self.problems: list[Problem] = []
        self._files = files
        self._known: dict[str, IncludedFile | IncludeError] = {}
        self._expanders: dict[tuple[tuple[str, str], ...], Expander] = {}

    def expander(self, variables: Mapping[str, str]) -> Expander:
        """Return the expander for these variables."""
        key = tuple(sorted(variables.items()))
        if key not in self._expanders:
            self._expanders[key] = Expander(variables, self._fetch)
        return self._expanders[key]

    def files(self) -> dict[str, IncludedFile]:
        """Return the files that were included."""
        return {path: known for path, known in self._known.items() if isinstance(known, IncludedFile)}

    def _fetch(self, asked: str, includer: str) -> IncludedFile | IncludeError:
        path = unicodedata.normalize("NFC", asked)
        if error := self._find_error(path, includer):
            return error
        self.included.add(path)
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> IncludedFile | IncludeError:
        try:
            text = decode_source(self._files.read(path), path)
        except ContentError as error:
            self.problems += error.problems
            return f"`{path}` cannot be included: it {error.problems[0].message}", error.problems[0].advice
        parts = split_front_matter(text)
        if parts.error:
            return f"`{path}` cannot be included: {parts.error}", "if the `---` is a horizontal rule, write it as `***`"
        start = skip_blank_lines(text, parts.body_start)
        body = unix_newlines(text[start:]).rstrip(" \t\n")
        return IncludedFile(path=path, text=body, line=line_at(text, start))

    def _find_error(self, path: str, includer: str) -> IncludeError | None:
        parts = path.split("/")
        if not path or path.startswith("/") or ":" in parts[0] or "\\" in path:
            return f"`{path}` is not a path inside the content tree", _FROM_THE_ROOT
        if any(part in ("", ".", "..") for part in parts):
            return f"`{path}` is not a plain path", f"{_FROM_THE_ROOT}, without `.` and `..`"
        if any(part.startswith(".") for part in parts):
            return f"`{path}` cannot be included: a name begins with a dot", "rename the file"
        for problem in self._files.problems():
            if is_under(path, problem.path):
                return f"`{path}` cannot be included: `{problem.path}` {problem.message}", problem.advice
        return None if path in self._paths else self._not_found(path, includer)

    def _not_found(self, path: str, includer: str) -> IncludeError:
        what = f"included file not found: `{path}`"
        from_here = to_root(includer, path)
        if from_here in self._paths:
            return what, f"did you mean `{from_here}`? {_FROM_THE_ROOT}"
        name = path.rpartition("/")[2]
        near = [known for known in self._paths if known.rpartition("/")[2] == name]
        same_kind = [known for known in self._paths if known.endswith(posixpath.splitext(path)[1])]
        near = near or get_close_matches(path, same_kind, n=1, cutoff=0.8)
        return what, f"did you mean `{min(near)}`?" if near else _FROM_THE_ROOT

    @cached_property
    def _paths(self) -> frozenset[str]:
        return frozenset(self._files.paths())
