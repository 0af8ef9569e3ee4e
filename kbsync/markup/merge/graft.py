"""Grafts the changes of another version onto a text: what did not change stays as its author wrote it.

Both texts are Markdown; their blocks are matched by what they render to, so that a re-wrapped paragraph, another bullet
or another way to write a link is no change. Lists, quotes and tables that changed are matched part by part, where the
result renders as it must. A text with placeholders is matched as expanded, and its placeholders stay. The result always
renders as the other version does: this is checked.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from kbsync.markup.align import Opcode, opcodes
from kbsync.markup.compare import canonical
from kbsync.markup.merge.blocks import Blocks, SourceBlock, pair_versions, realign
from kbsync.markup.merge.nested import split_matching
from kbsync.markup.merge.raw_html import ParseContext, begins_with_same_tag, keep_raw_html
from kbsync.markup.merge.style import begins_with_separator, restyle
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import to_html, unchanged_address

# Private-use characters, each of which stands for one placeholder while a text is built.
_STAND_IN = 0xF0000
_MAX_STAND_INS = 0xFFFD
_STAND_INS = re.compile("[\U000f0000-\U000ffffd]")

_NO_BLOCK = SourceBlock(start=-1, end=-1, text="", gap=0, key=None)
_THE_END = ("equal", 0, -1, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text as its author wrote it, before its placeholders were expanded.

    `line_map` has the line here (from 0) of each line of the expanded text, `placeholders` those of each line here,
    each with what it was expanded to. `expand` expands a text, `escape` writes one so that nothing in it is expanded.
    """

    text: str
    line_map: Sequence[int]
    placeholders: Mapping[int, Sequence[tuple[str, str]]] = field(default_factory=dict)
    expand: Callable[[str], str] = unchanged_address
    escape: Callable[[str], str] = unchanged_address


class IncludeConflict(Exception):
    """A change lies within what placeholders were expanded to, on these lines of the template."""

    def __init__(self, lines: Collection[int]) -> None:
        super().__init__(f"lines {sorted(lines)}")
        self.lines = tuple(sorted(lines))


def plain_template(text: str) -> Template:
    """Return the template of a text without placeholders."""
    return Template(text=text, line_map=range(text.count("\n") + 1))


def graft(
    ours: str,
    theirs: str,
    *,
    resolve: Callable[[str], str] = unchanged_address,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
    written: Template | None = None,
) -> str:
    """Return a text that renders as `theirs`, with every block that both render written as in `ours`.

    `resolve` brings the addresses of both to one form, `anchors` are those that other texts link to, `options` are
    those of both. `written` is the template that `ours` was expanded from, if there is one; the result is a template
    then too. Where it would not render as `theirs` it is `theirs`.

    Raises:
        IncludeConflict: a change cannot be grafted without overwriting a placeholder.
    """
    template = written or plain_template(ours)
    context = ParseContext(resolve=resolve, anchors=anchors, options=options)
    own, other = context.blocks_of(ours), context.blocks_of(theirs)
    keep = options.keep_classes
    wanted = canonical(to_html(theirs, resolve=resolve, anchors=anchors, options=options), keep)
    conflict = IncludeConflict(template.placeholders.keys())
    for old, new in granularities((own,), realign(other, own), context):
        edits = opcodes([block.key for block in old], [block.key for block in new])
        try:
            for text in apply_edits(template, old, new, edits):
                shown = to_html(template.expand(text), resolve=resolve, anchors=anchors, options=options)
                if canonical(shown, keep) == wanted:
                    return text
        except IncludeConflict as error:
            conflict = error
            continue
        conflict = IncludeConflict(template.placeholders.keys())
    if template.placeholders:
        raise conflict
    return template.escape(theirs)


def granularities(known: Sequence[Blocks], theirs: Blocks, context: ParseContext) -> Iterator[Sequence[Blocks]]:
    """Return the blocks of all versions, from fine to coarse: split into parts and whole, with raw HTML kept or not.

    `known` are those of the other versions, the oldest first.
    """
    kept = keep_raw_html(theirs, known[0], context)
    for others in (theirs,) if kept is None else (kept, theirs):
        parts = split_matching((*known, others), context.options)
        if parts is not None:
            yield parts
        yield *known, others


def apply_edits(template: Template, ours: Blocks, theirs: Blocks, edits: Sequence[Opcode]) -> Iterator[str]:
    """Return the texts in which edits turned `ours` into `theirs`, that with the author's line breaks first.

    The caller checks what they render to.

    Raises:
        IncludeConflict: an edit cannot be applied without overwriting a placeholder.
    """
    texts = (
        _Grafter(template, ours, *restyle(ours, theirs, edits, keeps_breaks=keeps_breaks)).text()
        for keeps_breaks in (True, False)
    )
    first = next(texts)
    yield first
    yield from (text for text in texts if text != first)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SourceUnit:
    """The blocks from `first` to before `last`, and the lines of the template that were expanded to them (`output`)."""

    first: int
    last: int
    output: SourceBlock
    placeholders: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> range:
        return range(self.output.start, self.output.end)


class _Grafter:
    def __init__(self, template: Template, ours: Blocks, theirs: Blocks, edits: Sequence[Opcode]) -> None:
        self.template = template
        self.ours = ours
        self.theirs = theirs
        self.edits = edits
        self.units = _units(ours, template)
        self.conflicts: set[int] = set()

    def text(self) -> str:
        self._find_conflicts()
        movable = self._movable()
        output: list[SourceBlock] = []
        at = 0
        for tag, a, b, c, d in [*self.edits, _THE_END]:
            units = []
            while at < len(self.units) and (self.units[at].first < b or self.units[at].last <= b or b < 0):
                units.append(self.units[at])
                at += 1
            kept = units
            if tag != "equal":
                output += [unit.output for unit in units if unit.last == a]
                units = [unit for unit in units if unit.last > a]
                output += self._inserted(self.theirs[c:d], units, movable)
                kept = []
            output += [unit.output for unit in kept]
        if self.conflicts:
            raise IncludeConflict(self.conflicts)
        return _join(output)

    def _find_conflicts(self) -> None:
        """Find the placeholders whose expansion is now partly another text."""
        inserted = {block.key for tag, _, _, c, d in self.edits if tag != "equal" for block in self.theirs[c:d]}
        for unit in self.units:
            if unit.last - unit.first < 2:
                continue
            tag, _, b, _, _ = next(edit for edit in self.edits if edit[1] <= unit.first < edit[2])
            is_moved = any(block.key in inserted for block in self.ours[unit.first : unit.last])
            if unit.last > b or tag == "replace" or (tag == "delete" and is_moved):
                self.conflicts.update(unit.lines)

    def _movable(self) -> dict[str | None, _SourceUnit]:
        """Return the blocks that are no longer in their place by their keys: they may be in another."""
        removed = {at for tag, a, b, _, _ in self.edits if tag != "equal" for at in range(a, b)}
        single = [unit for unit in self.units if unit.last - unit.first == 1]
        found = ((self.ours[unit.first].key, unit) for unit in single if unit.first in removed)
        return {key: unit for key, unit in found if key is not None}

    def _is_invisible(self, unit: _SourceUnit) -> bool:
        return all(block.key is None for block in self.ours[unit.first : unit.last])

    def _inserted(
        self, blocks: Blocks, units: Sequence[_SourceUnit], movable: Mapping[str | None, _SourceUnit]
    ) -> list[SourceBlock]:
        """Write the blocks that are new in this place: moved ones as they were, placeholders where they still fit."""
        moved = {block.key: movable[block.key] for block in blocks if block.key in movable}
        visible = [unit for unit in units if not self._is_invisible(unit)]
        lost = [unit for unit in visible if unit.placeholders and blocks and self.ours[unit.first].key not in moved]
        new = [block.text for block in blocks if block.key not in moved]
        texts = iter(self._restore_placeholders(new, lost))
        written = [moved[block.key].output.text if block.key in moved else next(texts) for block in blocks]
        versions = pair_versions([unit.output for unit in visible], blocks)
        replaced = [visible[versions[at]].output if at in versions else None for at in range(len(blocks))]
        output = [_output_block(*one) for one in zip(written, blocks, replaced, strict=True)]
        for unit in reversed([unit for unit in units if self._is_invisible(unit)]):
            # What is invisible stays above the version of the block that it was above.
            below = {at for at, one in enumerate(replaced) if one is not None and one.start >= unit.output.end}
            output.insert(min(below, default=len(blocks)), unit.output)
        return output

    def _restore_placeholders(self, texts: Sequence[str], lost: Sequence[_SourceUnit]) -> list[str]:
        """Put placeholders back where their expansions are still there, as often as before, or record a conflict."""
        placeholders = [one for unit in lost for one in unit.placeholders]
        joined = _with_stand_ins("\0".join(texts), placeholders)
        if joined is None:
            self.conflicts.update(line for unit in lost for line in unit.lines)
            return list(texts)
        escaped = [self.template.escape(text) for text in joined.split("\0")]
        if not placeholders:
            return escaped
        return [_STAND_INS.sub(lambda found: placeholders[ord(found[0]) - _STAND_IN][0], text) for text in escaped]


def _with_stand_ins(text: str, placeholders: Sequence[tuple[str, str]]) -> str | None:
    """Put a stand-in for each placeholder where its expansion is; None where that is not there just as often."""
    if placeholders and (_STAND_INS.search(text) or len(placeholders) > _MAX_STAND_INS):
        return None
    for shown in sorted({shown for _, shown in placeholders}, key=len, reverse=True):
        stand_ins = [chr(_STAND_IN + number) for number, one in enumerate(placeholders) if one[1] == shown]
        # As whole words: not the `1` of `10`, and not the `1.2` of `1.2.3`.
        parts = re.split(rf"(?<!\w)(?<!\w[.,:-]){re.escape(shown)}(?!\w|[.,:-]\w)", text) if shown else []
        if len(parts) != len(stand_ins) + 1:
            return None
        text = "".join(part + one for part, one in zip(parts, [*stand_ins, ""], strict=True))
    return text


def _output_block(text: str, block: SourceBlock, replaced: SourceBlock | None) -> SourceBlock:
    """Write a block; one of the kind that it replaces keeps the blank lines of that."""
    is_alike = replaced is not None and replaced.group == block.group
    if replaced is None or not is_alike or not (block.group or _is_same_kind(block, replaced)):
        return replace(block, text=text, start=-1, end=-1)
    return replace(block, text=text, start=replaced.start, end=replaced.end, gap=replaced.gap)


def _is_same_kind(block: SourceBlock, replaced: SourceBlock) -> bool:
    kinds = {one.tokens[0].type if one.tokens else "" for one in (block, replaced)}
    return begins_with_same_tag(block, replaced.text) or (len(kinds) == 1 and not kinds & {"", "html_block"})


class _ExpandedLines(NamedTuple):
    """Blocks, from `first` to before `last`, and the lines of the template that were expanded to them."""

    first: int
    last: int
    start: int
    end: int


def _units(blocks: Blocks, template: Template) -> list[_SourceUnit]:
    """Group the blocks that come from the same lines, and add the lines between them that are no blocks."""
    lines = template.text.split("\n")
    groups: list[_ExpandedLines] = []
    for number, block in enumerate(blocks):
        start, end = template.line_map[block.start], template.line_map[block.end - 1] + 1
        if groups and start < groups[-1].end:
            groups[-1] = groups[-1]._replace(last=number + 1, end=max(end, groups[-1].end))
        else:
            groups.append(_ExpandedLines(number, number + 1, start, end))
    units: list[_SourceUnit] = []
    groups = _with_empty_expansions(groups, lines)
    starts = [*(group.start for group in groups), len(lines)]
    for (first, last, start, end), following in zip(groups, starts[1:], strict=True):
        block = blocks[first] if first < last else _NO_BLOCK
        text = "\n".join(lines[start:end])
        output = replace(block, start=start, end=end, text=text, gap=following - end)
        placeholders = tuple(one for line in range(start, end) for one in template.placeholders.get(line, ()))
        units.append(_SourceUnit(first=first, last=last, output=output, placeholders=placeholders))
    return units


def _with_empty_expansions(groups: Sequence[_ExpandedLines], lines: Sequence[str]) -> list[_ExpandedLines]:
    """Add the lines that were expanded to nothing, such as the include of an empty file: they stay in their place."""
    found: list[_ExpandedLines] = []
    end = _ExpandedLines(groups[-1].last if groups else 0, 0, len(lines), len(lines))
    for group in [*groups, end]:
        start = found[-1].end if found else 0
        between = [line for line in range(start, group.start) if lines[line].strip()]
        if between:
            found.append(_ExpandedLines(group.first, group.first, between[0], between[-1] + 1))
        found.append(group)
    return found[:-1]


def _join(output: Blocks) -> str:
    """Join blocks, with a blank line between two that were not adjacent in the author's text.

    Parts of one block are as close as others of their kind.
    """
    texts = (one.text + "\n" * (1 + _gap(one, following)) for one, following in pairwise([*output, _NO_BLOCK]))
    return "".join(texts).strip("\n") + "\n"


def _gap(one: SourceBlock, following: SourceBlock) -> int:
    if one.end >= 0 and one.end + one.gap == following.start:
        return one.gap
    if not one.group:
        return max(1, one.gap)
    if one.group != following.group:
        return one.blanks_below
    return 0 if begins_with_separator(following.text) else following.blanks_above
