"""Restyles new parts of lists, quotes and tables as the author of the text writes them.

What stays keeps its bytes, except the number of an ordered list's first item and the blank line between two paragraphs
of a quote. Never changes what a part renders to.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile

from kbsync.markup.align import Opcode
from kbsync.markup.merge.blocks import Blocks, Container, SourceBlock, pair_versions
from kbsync.markup.merge.breaks import BrokenText, keep_breaks
from kbsync.markup.merge.nested import QUOTED_BLANK, is_head, is_row, skip_prefix

_CELL_BORDER = re.compile(r"(?<!\\)\|")
_DELIMITER = re.compile(r" *:?-+:? *")


def _cells(row: str) -> list[str]:
    row = row.strip(" ")
    if len(row) < len("||") or not (row.startswith("|") and row.endswith("|")):
        return []
    return _CELL_BORDER.split(row[1:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """How the cells of one column are padded; `width` is 0 where they differ in width."""

    edge: str
    width: int
    is_right: bool

    def padded(self, text: str) -> str:
        cell = self.edge + text + self.edge
        return cell.rjust(self.width) if self.is_right else cell.ljust(self.width)


def _column(cells: Sequence[str]) -> _Column:
    is_even = len(cells) > 1 and len({len(cell) for cell in cells}) == 1
    return _Column(
        edge=" " if all(cell.startswith(" ") for cell in cells) else "",
        width=len(cells[0]) if is_even else 0,
        is_right=any(cell.startswith("  ") and not cell.endswith("  ") for cell in cells),
    )


def _column_alignments(row: str) -> list[str]:
    """Return the alignment of each column; left is the default. Empty where a line is no delimiter row."""
    cells = _cells(row)
    if not all(map(_DELIMITER.fullmatch, cells)):
        return []
    return [re.sub("-+|^:-+$", "", cell.strip()) for cell in cells]


# Private-use characters that stand for conflict markers while a text is built; the blocks of one side are styled as if
# those of the other were not there.
OPEN, MIDDLE, CLOSE = "\U00100000", "\U00100001", "\U00100002"

_TEXTS = ("paragraph_", "heading_", "inline", "footnote_", "tr_", "td_", "th_")
_NUMBER = re.compile(r"\d+")
_LINE_ABOVE = re.compile(QUOTED_BLANK.pattern + r"|\{(?!\{).*")


def restyle(
    ours: Blocks, other: Blocks, edits: Sequence[Opcode], *, keeps_breaks: bool
) -> tuple[tuple[SourceBlock, ...], tuple[Opcode, ...]]:
    """Return the blocks that edits insert as the author of `ours` would write them, and the edits with them."""
    restyler = _Restyler(ours, keeps_breaks=keeps_breaks)
    for tag, a, b, c, d in edits:
        if tag == "equal":
            for at in range(a, b):
                restyler.keep(at)
        else:
            restyler.insert(other[c:d], a, b)
    return tuple(restyler.other), tuple(restyler.edits)


@dataclass(slots=True)
class _Siblings:
    """Some of the author's parts, of one block or of one table, and how these are written."""

    parts: list[SourceBlock] = field(default_factory=list)
    _columns: dict[int, list[_Column]] = field(default_factory=dict)
    _rows: list[list[str]] = field(default_factory=list)
    _known: dict[Hashable, SourceBlock | None] = field(default_factory=dict)
    _increments: dict[int, int] = field(default_factory=dict)

    def first(self, key: Hashable, is_wanted: Callable[[SourceBlock], bool]) -> SourceBlock | None:
        """Return the first part that is wanted; one search for each key."""
        if key not in self._known:
            self._known[key] = next(filter(is_wanted, self.parts), None)
        return self._known[key]

    def increment(self, depth: int) -> int:
        """Return 1 where the author counts on, 0 where all items of a list have one number."""
        if depth not in self._increments:
            containers = [one.containers[depth] for one in self.parts if depth < len(one.containers)]
            numbers = [_number(one) for one in containers if one.begins and one.list_start is not None]
            self._increments[depth] = int(len(numbers) < 2 or len(set(numbers)) > 1)
        return self._increments[depth]

    def padded(self, lines: Sequence[str]) -> list[str]:
        """Return a row, or a head with its delimiter row, as the author's; one of another shape stays as it is."""
        self._rows = self._rows or [_content_lines(one) for one in self.parts]
        cells = _cells(lines[0])
        if len(cells) not in self._columns:
            rows = (row for row in (_cells(row[0]) for row in self._rows) if len(row) == len(cells))
            self._columns[len(cells)] = [_column(column) for column in zip(*rows, strict=True)]
        columns = zip(cells, self._columns[len(cells)], strict=False)
        head = "|".join(column.padded(cell.strip(" ")) for cell, column in columns)
        return [f"|{head}|" if head else lines[0], *map(self._delimiter_row, lines[1:])]

    def _delimiter_row(self, row: str) -> str:
        """Return the author's delimiter row in the place of one with the same alignments."""
        wanted = _column_alignments(row)
        own = (line for lines in self._rows for line in lines[1:2] if wanted and _column_alignments(line) == wanted)
        return next(own, row)


class _Restyler:
    """Writes the result so far; the style of a part depends on the part before it."""

    def __init__(self, ours: Blocks, *, keeps_breaks: bool) -> None:
        self._ours = ours
        self._keeps_breaks = keeps_breaks
        self._conflict_start = 0
        self._last: SourceBlock | None = None
        self._last_place = -1
        self._before_conflict: SourceBlock | None = None
        self.other: list[SourceBlock] = []
        self.edits: list[Opcode] = []
        self._groups: defaultdict[str, _Siblings] = defaultdict(_Siblings)
        self._tables: list[_Siblings] = []
        for block in ours:
            self._groups[block.group].parts.append(block)
            self._tables.append(self._tables[-1] if is_row(block) and self._tables else _Siblings())
            self._tables[-1].parts.append(block)

    def keep(self, at: int) -> None:
        block = self._ours[at]
        above = self._ours[at - 1] if at else None
        if not block.group or (above is not None and self._last_place == at - 1 and above.group == block.group):
            self._add_edit("equal", at, at + 1, ())
            self._last, self._last_place = block, at
            return
        containers = self._numbered(block.containers, group=block.group, kept=len(block.containers))
        text = _replace_prefixes(block.text, block.containers, containers)
        if self._last is not None and self._last.group == block.group:
            if block.blanks_above and not begins_with_separator(text):
                text = self._separator_line(containers) + text
        elif begins_with_separator(text) and above is not None and above.group == block.group:
            text = text.split("\n", 1)[1]
        if text == block.text:
            self._add_edit("equal", at, at + 1, ())
        else:
            block = replace(block, text=text, containers=containers, key=f"{block.key} restyled")
            self._add_edit("replace", at, at + 1, (block,))
        self._last, self._last_place = block, at

    def insert(self, blocks: Blocks, start: int, stop: int) -> None:
        written: list[SourceBlock] = []
        is_theirs = bool(blocks) and blocks[0].text[:1] == MIDDLE
        first, last = (self._conflict_start, start) if is_theirs else (start, stop)
        versions = pair_versions(self._ours[first:last], blocks[1:-1] if is_theirs else blocks)
        is_each = len(versions) == len(blocks) == sum(one.key is not None for one in self._ours[first:last])
        for number, block in enumerate(blocks, -1 if is_theirs else 0):
            if block.text[:1] == OPEN:
                self._before_conflict, self._conflict_start = self._last, start
            elif block.text[:1] == MIDDLE:
                self._last = self._before_conflict
            if block.text[:1] in {OPEN, MIDDLE, CLOSE}:
                written.append(block)
                self._last_place = -2
                continue
            at = first + versions.get(number, -1)
            version = self._ours[at] if number in versions else None
            replaced = version if is_each else None
            written.append(self._restyled(block, replaced, version, at))
            self._last, self._last_place = written[-1], at if _same_position(block, replaced) else -2
        tag = ("replace" if blocks else "delete") if start < stop else "insert"
        self._add_edit(tag, start, stop, written)

    def _add_edit(self, tag: str, start: int, stop: int, new: Blocks) -> None:
        at = len(self.other)
        self.other += new
        if tag == "equal" and self.edits and self.edits[-1][0] == "equal" and self.edits[-1][2] == start:
            start = self.edits.pop()[1]
        self.edits.append((tag, start, stop, 0 if tag == "equal" else at, 0 if tag == "equal" else len(self.other)))

    def _restyled(
        self, block: SourceBlock, replaced: SourceBlock | None, version: SourceBlock | None, at: int
    ) -> SourceBlock:
        """Write a block like the author's, of which one is an older version, or even in the same place."""
        if not block.group:
            # An attribute list that the portal does not keep, such as a class, stays in the file.
            own = _lines_above(version) if version is not None and self._keeps_breaks and _is_one_text(block) else ""
            lines_above = _lines_above(block) or own
            return replace(block, text=lines_above + self._broken(block, _content_lines(block), (), version))
        if replaced is not None and replaced.group != block.group:
            replaced = None
        kept = sum(takewhile(bool, map(_same_container, block.containers, replaced.containers))) if replaced else 0
        containers = self._numbered(self._in_style(block, replaced), group=block.group, kept=kept)
        lines = _content_lines(block)
        if is_row(block) or is_head(block):
            is_beside = replaced is not None and (is_row(replaced) or is_head(replaced))
            lines = (self._tables[at] if is_beside else self._groups[block.group]).padded(lines)
        text = self._broken(block, lines, containers, version)
        if replaced is not None:
            text = _lines_above(replaced) + text
        elif self._last is not None and self._last.group == block.group and self._blanks_above(block):
            text = self._separator_line(containers) + text
        above = self._blanks_above(block)
        below = next((one.blanks_below for one in self._groups[block.group].parts), block.blanks_below)
        return replace(block, text=text, containers=containers, blanks_above=above, blanks_below=below)

    def _broken(
        self, block: SourceBlock, lines: Sequence[str], containers: Sequence[Container], version: SourceBlock | None
    ) -> str:
        """Write lines with the prefixes of containers, and with the breaks and comments of an older version."""
        old = _broken_text(version, containers) if version is not None and self._keeps_breaks else None
        if old is not None and _is_one_text(block):
            indent = _with_prefixes("x", containers, 1).removesuffix("x")
            first, *others = keep_breaks("\n".join(lines), old, indent).split("\n")
            return "\n".join([_with_prefixes(first, containers, 0), *others])
        return "\n".join(_with_prefixes(line, containers, number) for number, line in enumerate(lines))

    def _blanks_above(self, block: SourceBlock) -> int:
        """Return the blank lines above the author's parts that begin the same containers."""
        begun = _begun(block)
        found = self._groups[block.group].first(begun, lambda one: _begun(one) == begun)
        return found.blanks_above if found else 1

    def _in_style(self, block: SourceBlock, replaced: SourceBlock | None) -> tuple[Container, ...]:
        """Return for each container around a part how the author would write it."""
        above = self._last.containers if self._last is not None and self._last.group == block.group else ()
        found: list[Container] = []
        for depth, container in enumerate(block.containers):
            if not container.begins and depth < len(above) and _same_container(above[depth], container):
                found.append(replace(above[depth], begins=False))
                continue
            near = [one[depth] for one in (replaced.containers if replaced else (), above) if depth < len(one)]
            sibling = self._groups[block.group].first(
                (depth, container.is_quote, container.list_start is None),
                partial(_has_container, depth=depth, like=container),
            )
            near += [sibling.containers[depth]] if sibling else []
            style = next((one for one in near if _same_container(one, container)), container)
            found.append(replace(style, begins=container.begins, list_start=container.list_start))
        return tuple(found)

    def _numbered(self, containers: Sequence[Container], *, group: str, kept: int) -> tuple[Container, ...]:
        """Number the items that begin: the first as its list, any other as the one before it plus the increment.

        The author's own, the first `kept`, keep their number, unless one became the first.
        """
        above = self._last.containers if self._last is not None and self._last.group == group else ()
        found: list[Container] = []
        is_new = False
        for depth, container in enumerate(containers):
            continues = depth < len(above) and not is_new and _same_container(above[depth], container)
            before = above[depth] if continues else None
            is_new = is_new or container.begins
            has_number = container.begins and container.list_start is not None
            stays = not has_number or (depth < kept and before is not None)
            found.append(
                container if stays else _with_number(container, before, step=self._groups[group].increment(depth))
            )
        return tuple(found)

    def _separator_line(self, containers: Sequence[Container]) -> str:
        """Return the blank quoted line that separates two parts of one quote, if both are in one."""
        above = self._last.containers if self._last is not None else ()
        outer = takewhile(lambda container: container.is_quote or not container.begins, containers)
        shared = [container for container, _ in zip(outer, above, strict=False)]
        while shared and not shared[-1].is_quote:
            shared.pop()
        return _with_prefixes("", shared, 1) + "\n" if shared else ""


def _is_one_text(block: SourceBlock) -> bool:
    """Return whether a block is one text: a paragraph, a heading, a row."""
    return bool(block.tokens) and all(token.type.startswith(_TEXTS) for token in block.tokens)


def _broken_text(block: SourceBlock, containers: Sequence[Container]) -> BrokenText | None:
    """Return how the author broke a text; None where it has neither breaks nor comments."""
    inlines = (child for token in block.tokens for child in token.children or ())
    comments = {one.content for one in inlines if one.type == "html_inline" and one.content.startswith("<!--")}
    lines = _content_lines(block)
    if not _is_one_text(block) or (len(lines) == 1 and not comments):
        return None
    is_same = [one.prefix for one in block.containers] == [one.prefix for one in containers]
    written = (
        block.text.split("\n")[-len(lines) :] if is_same else [_with_prefixes(one, containers, 1) for one in lines]
    )
    prefixes = [line.removesuffix(content) for line, content in zip(written, lines, strict=True)]
    return BrokenText(lines=lines, prefixes=prefixes, comments=comments)


def _begun(block: SourceBlock) -> tuple[bool, ...]:
    return tuple(container.begins for container in block.containers)


def _same_position(block: SourceBlock, replaced: SourceBlock | None) -> bool:
    if replaced is None or replaced.group != block.group or len(replaced.containers) != len(block.containers):
        return False
    pairs = zip(replaced.containers, block.containers, strict=True)
    return _begun(replaced) == _begun(block) and all(_same_container(one, other) for one, other in pairs)


def _same_container(one: Container, other: Container) -> bool:
    return one.is_quote == other.is_quote and (one.list_start is None) == (other.list_start is None)


def _has_container(block: SourceBlock, *, depth: int, like: Container) -> bool:
    return depth < len(block.containers) and _same_container(block.containers[depth], like)


def begins_with_separator(text: str) -> bool:
    """Return whether a part begins with the blank quoted line that separates it from the part above."""
    return QUOTED_BLANK.fullmatch(text.split("\n", 1)[0]) is not None and "\n" in text


def _lines_above(block: SourceBlock) -> str:
    """Return the lines above a part's content: its attribute list, or blank quoted lines."""
    above = takewhile(_LINE_ABOVE.fullmatch, block.text.split("\n")[:-1])
    return "".join(f"{line}\n" for line in above)


def _content_lines(block: SourceBlock) -> list[str]:
    lines = block.text[len(_lines_above(block)) :].split("\n")
    return [_without_prefixes(line, block.containers, number) for number, line in enumerate(lines)]


def _with_number(container: Container, before: Container | None, *, step: int) -> Container:
    number = container.list_start if before is None else _number(before) + step
    return replace(container, prefix=_NUMBER.sub(str(number), container.prefix, count=1))


def _number(container: Container) -> int:
    found = _NUMBER.search(container.prefix)
    return int(found[0]) if found else 0


def _replace_prefixes(text: str, old: Sequence[Container], new: Sequence[Container]) -> str:
    for one, other in zip(old, new, strict=True):
        if one != other:
            text = text.replace(one.prefix.rstrip(), other.prefix.rstrip(), 1)
    return text


def _without_prefixes(line: str, containers: Sequence[Container], number: int) -> str:
    at = 0
    for container in containers:
        at = at + len(container.prefix) if container.begins and not number else skip_prefix(line, at, container)
    return line[at:]


def _with_prefixes(line: str, containers: Sequence[Container], number: int) -> str:
    text = line
    for container in reversed(containers):
        is_written = container.is_quote or (container.begins and not number)
        prefix = container.prefix if is_written else " " * len(container.prefix)
        # A quote marker takes one space with it, where one follows.
        is_close = container.is_quote and prefix.endswith(">") and text.startswith(" ")
        text = f"{prefix} {text}" if is_close else prefix + text
    return text if line else text.rstrip(" ")
