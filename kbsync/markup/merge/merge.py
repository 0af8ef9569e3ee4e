"""Merges a text with another version of it, block by block, over their common base.

Blocks are known by what they render to. What only one version changed is taken from that version, the rest stays as
`ours` has it, byte for byte; where both changed the same block differently, both are between git's conflict markers.
Lists, quotes and tables are merged part by part, or as whole blocks where the result would not render as it must.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from kbsync.markup.align import Opcode
from kbsync.markup.merge.blocks import Blocks, SourceBlock, realign
from kbsync.markup.merge.diff3 import (
    MARKERS,
    OURS_MARKER,
    SEPARATOR,
    THEIRS_MARKER,
    Chunk,
    ChunkSide,
    compare_chunks,
    merge_chunks,
    resolve_to_sides,
)
from kbsync.markup.merge.graft import (
    IncludeConflict,
    Template,
    apply_edits,
    graft,
    granularities,
    plain_template,
)
from kbsync.markup.merge.nested import split_parts
from kbsync.markup.merge.raw_html import ParseContext, use_raw_html_of
from kbsync.markup.merge.style import CLOSE, MIDDLE, OPEN
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import unchanged_address

# The character after a stand-in for a marker is the number of blank lines beside the marker.
_ZERO_BLANKS = 0x100010
_MAX_BLANKS = 1000
_STAND_INS = (OPEN, MIDDLE, CLOSE)
_RESERVED = re.compile("[\U00100000-\U0010fffd]")
_OPEN_LINE = re.compile(rf"\n*{OPEN}([^\n])\n*")
_MIDDLE_LINE = re.compile(rf"\n*{MIDDLE}\n*")
_CLOSE_LINE = re.compile(rf"\n*{CLOSE}([^\n])\n*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeVersion:
    """One version of a text, and how its addresses are brought to the form in which versions are compared."""

    text: str
    resolve: Callable[[str], str] = unchanged_address


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """A merged text, and the number of its conflicts."""

    text: str
    conflicts: int = 0


def merge(
    base: MergeVersion | None,
    ours: MergeVersion,
    theirs: MergeVersion,
    *,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
    written: Template | None = None,
) -> MergeResult:
    """Merge what `theirs` changed of `base` into `ours`; without a base every difference is a conflict.

    `anchors`, `options` and `written` are those of `graft`.

    Raises:
        IncludeConflict: a change cannot be merged without overwriting a placeholder.
    """
    template = written or plain_template(ours.text)
    context = ParseContext(resolve=ours.resolve, anchors=anchors, options=options)
    other_context = replace(context, resolve=theirs.resolve)
    own = context.blocks_of(ours.text)
    old = use_raw_html_of(replace(context, resolve=base.resolve).blocks_of(base.text), own) if base else None
    other = realign(other_context.blocks_of(theirs.text), own if old is None else old)
    keys, wanted, before = _keys(own), _keys(other), None if old is None else _keys(old)
    if wanted in (keys, before):
        return MergeResult(text=template.text)
    if keys == before:
        text = graft(ours.text, theirs.text, resolve=ours.resolve, anchors=anchors, options=options, written=written)
        return MergeResult(text=text)
    if _RESERVED.search(template.text) or _RESERVED.search(theirs.text):
        return _whole_conflict(template, theirs.text)
    versions = granularities((own,) if old is None else (old, own), other, other_context)
    return _Merger(template, context).merge(versions) or _whole_conflict(template, theirs.text)


@dataclass(slots=True)
class _MergedEdits:
    """Edits of our blocks that merge them, the blocks these insert, and the blocks of either side of the result."""

    edits: list[Opcode] = field(default_factory=list)
    inserted: list[SourceBlock] = field(default_factory=list)
    ours: list[SourceBlock] = field(default_factory=list)
    theirs: list[SourceBlock] = field(default_factory=list)
    conflicts: int = 0

    def keep(self, start: int, stop: int) -> None:
        if start < stop:
            self.edits.append(("equal", start, stop, 0, 0))

    def replace(self, start: int, stop: int, new: Blocks) -> None:
        at = len(self.inserted)
        self.inserted += new
        tag = ("replace" if new else "delete") if start < stop else "insert"
        self.edits.append((tag, start, stop, at, len(self.inserted)))


class _Merger:
    def __init__(self, template: Template, context: ParseContext) -> None:
        self._template = template
        self._context = context
        self._lines = template.text.split("\n")

    def merge(self, candidates: Iterator[Sequence[Blocks]]) -> MergeResult | None:
        """Return the first merge, from fine to coarse, that renders as it must.

        Raises:
            IncludeConflict: there is none, and the template has placeholders, which are never overwritten.
        """
        conflict = IncludeConflict(self._template.placeholders.keys())
        for versions in candidates:
            try:
                merged = self._merge_blocks(versions)
            except IncludeConflict as error:
                conflict = error
                continue
            if merged is not None:
                return merged
        if self._template.placeholders:
            raise conflict
        return None

    def _merge_blocks(self, versions: Sequence[Blocks]) -> MergeResult | None:
        """Merge the blocks of versions, the base first if there is one; None if it does not render as it must."""
        ours, theirs = versions[-2:]
        keys, wanted = _keys(ours), _keys(theirs)
        chunks = merge_chunks(_keys(versions[0]), keys, wanted) if len(versions) > 2 else compare_chunks(keys, wanted)
        merged = self._edits(chunks, ours, [block for block in theirs if block.key is not None])
        for written in apply_edits(self._template, ours, merged.inserted, merged.edits):
            # By stand-ins, since the text itself may show markers, as pages about git do.
            texts = resolve_to_sides(_with_markers(written, _STAND_INS), _STAND_INS)
            sides = zip(texts, (merged.ours, merged.theirs), strict=True)
            if all(self._renders_as(self._template.expand(side), blocks) for side, blocks in sides):
                return MergeResult(text=_with_markers(written, MARKERS), conflicts=merged.conflicts)
        return None

    def _renders_as(self, text: str, wanted: Blocks) -> bool:
        """Return whether our text renders to these blocks; those of one group are the parts of one block."""
        found = [block for block in self._context.blocks_of(text) if block.key is not None]
        blocks = _group_parts(wanted)
        return len(found) == len(blocks) and all(map(self._is_same, found, blocks))

    def _is_same(self, block: SourceBlock, wanted: Blocks) -> bool:
        group = wanted[0].group
        parts = split_parts(block, self._context.options, group=group) if group else (block,)
        return _keys(parts) == _keys(wanted)

    def _edits(self, chunks: Sequence[Chunk], ours: Blocks, theirs: Blocks) -> _MergedEdits:
        """Turn chunks of visible blocks into edits of all our blocks."""
        visible = [at for at, block in enumerate(ours) if block.key is not None]
        places = [*visible, len(ours)]
        merged, done = _MergedEdits(), 0
        for chunk in chunks:
            start, stop = places[chunk.ours.start], places[chunk.ours.stop]
            if not chunk.ours and chunk.side is ChunkSide.THEIRS:
                # What is invisible stays right above the block that it is above.
                start = visible[chunk.ours.start - 1] + 1 if chunk.ours.start else 0
            new = [theirs[at] for at in chunk.theirs]
            old = [ours[at] for at in visible[chunk.ours.start : chunk.ours.stop]]
            merged.ours += new if chunk.side is ChunkSide.THEIRS else old
            merged.theirs += old if chunk.side is ChunkSide.OURS else new
            match chunk.side:
                case ChunkSide.OURS:
                    continue
                case ChunkSide.THEIRS:
                    merged.keep(done, start)
                    merged.replace(start, stop, new)
                    done = stop
                case ChunkSide.BOTH:
                    last = visible[chunk.ours.stop - 1] + 1 if chunk.ours else start
                    merged.keep(done, start)
                    merged.replace(start, start, [_marker_block(OPEN, self._blanks_above(ours, start))])
                    merged.keep(start, last)
                    closing = _marker_block(CLOSE, self._blanks_above(ours, last))
                    merged.replace(last, last, [_marker_block(MIDDLE), *new, closing])
                    merged.conflicts += 1
                    done = last
        merged.keep(done, len(ours))
        return merged

    def _blanks_above(self, ours: Blocks, at: int) -> int:
        """Count the blank lines above a block in the template; above the end of the text there is one."""
        if at >= len(ours):
            return 1
        line = above = self._template.line_map[ours[at].start]
        while above and not self._lines[above - 1].strip():
            above -= 1
        return line - above


def _keys(blocks: Blocks) -> list[str]:
    return [block.key for block in blocks if block.key is not None]


def _group_parts(blocks: Blocks) -> list[list[SourceBlock]]:
    found: list[list[SourceBlock]] = []
    for block in blocks:
        if block.group and found and found[-1][0].group == block.group:
            found[-1].append(block)
        else:
            found.append([block])
    return found


def _marker_block(marker: str, blanks: int | None = None) -> SourceBlock:
    text = marker if blanks is None else marker + chr(_ZERO_BLANKS + min(blanks, _MAX_BLANKS))
    return SourceBlock(start=-1, end=-1, text=text, gap=1, key=f"marker {text}")


def _with_markers(text: str, markers: tuple[str, str, str]) -> str:
    """Put markers in the place of their stand-ins, without blank lines between them and the text of the conflict."""
    begin, middle, end = markers
    text = _OPEN_LINE.sub(lambda found: f"{_newlines(found[1])}{begin}\n", text)
    text = _MIDDLE_LINE.sub(f"\n{middle}\n", text)
    text = _CLOSE_LINE.sub(lambda found: f"\n{end}{_newlines(found[1])}", text)
    return re.sub(rf"^({re.escape(begin)}\n)\n", r"\1", text.strip("\n") + "\n", flags=re.MULTILINE)


def _newlines(blanks: str) -> str:
    return "\n" * (1 + ord(blanks) - _ZERO_BLANKS)


def _whole_conflict(template: Template, theirs: str) -> MergeResult:
    """Return one conflict of both whole texts, where their blocks cannot be merged."""
    if template.placeholders:
        raise IncludeConflict(template.placeholders.keys())
    ours, other = template.text.strip("\n"), template.escape(theirs).strip("\n")
    lines = [OURS_MARKER, *([ours] if ours else []), SEPARATOR, *([other] if other else []), THEIRS_MARKER, ""]
    return MergeResult(text="\n".join(lines), conflicts=1)
