"""Weaves the segments of a live text and the wanted blocks into one text, in the order of the wanted blocks.

Blocks that show the same stay as they are, in their place or where they moved to; changed ones are patched by the
caller, and new ones are inserted as they render. Each is checked within its ancestors before it is written.
"""

import html as entities
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from kbsync.markup.align import align, matching_blocks
from kbsync.markup.patch.segments import Ancestors, BlankSegment, LeafSegment, Segment, WrapperTag, leaves

_WORD = re.compile(r"\w+")
_MAX_PAIRS = 10_000
"""Pairs of blocks that are weighed; in a longer run blocks are paired in their order."""

_PLAIN = re.compile(r"<p>(.*)</p>", re.DOTALL)
_NAME = re.compile(r"""(?<=\s)(?:id|name)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+)\s?""", re.IGNORECASE)
_NAMED = '<a id="{0}"></a>| id="{0}"'


@dataclass(slots=True, kw_only=True)
class PatchedText:
    """A text being built, and how many characters of it are the live text's own.

    `reopened` are wrappers to start again at its end if anything follows.
    """

    parts: list[str] = field(default_factory=list)
    kept: int = 0
    reopened: list[Ancestors] = field(default_factory=list)

    @property
    def html(self) -> str:
        """The text so far."""
        return "".join(self.parts)

    def add(self, piece: str, *, kept: int = 0) -> None:
        """Add a part, after the start tags of the wrappers to reopen."""
        self.parts += [ancestors.start_tags[-1] for ancestors in self.reopened]
        self.reopened = []
        self.parts.append(piece)
        self.kept += kept


PatchLeaf = Callable[[LeafSegment, LeafSegment], PatchedText | None]


class Weaver:
    """Weaves one level of two texts (live, rendered); `patch_leaf` patches a leaf of the one to show one of the other.

    `ancestors` are those of the last leaf, `pending` the new blocks to insert after it.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        wanted: Sequence[LeafSegment],
        base: Ancestors,
        texts: tuple[str, str],
        patch_leaf: PatchLeaf,
    ) -> None:
        self.base, self.wanted, self.patch_leaf = base, wanted, patch_leaf
        self.live, self.rendered = texts
        self.segments = segments
        self.leaves = leaves(segments)
        self.alignment = _align_blocks([leaf.lines for leaf in self.leaves], [leaf.lines for leaf in wanted])
        self.removed = _removed_wrappers(segments, self.alignment)
        unmatched = (leaf for at, leaf in enumerate(self.leaves) if at not in self.alignment.same)
        self.moved = {leaf.lines: self._source(leaf) for leaf in unmatched if not leaf.is_inline}
        self.text, self.ancestors, self.number, self.skips_blanks = PatchedText(), base, -1, False
        self.named_ancestors: Ancestors | None = None
        self.pending = list(self.alignment.added_after.get(-1, ()))

    def weave(self) -> PatchedText | None:
        """Return the woven text; None where a block would not show at its place what it should."""
        is_whole = all(self._write(at, segment) for at, segment in enumerate(self.segments)) and self._flush()
        return self.text if is_whole else None

    def _write(self, at: int, segment: Segment) -> bool:
        """Write one live segment; return whether every new block before it could be inserted."""
        self.number += isinstance(segment, LeafSegment)
        stays = self.number in self.alignment.same or self.number in self.alignment.changed
        if at in self.removed or (isinstance(segment, LeafSegment) and not stays):
            # The blanks after a removed block are removed too.
            self.skips_blanks = True
            return True
        if isinstance(segment, BlankSegment):
            if not self.skips_blanks:
                self._keep(segment)
            return True
        if not self._flush():
            return False
        self.skips_blanks = False
        if isinstance(segment, LeafSegment):
            return self._write_leaf(segment)
        self._write_tag(segment)
        return True

    def _flush(self) -> bool:
        """Insert the new blocks of this place; return whether every one could be."""
        pending, self.pending = self.pending, []
        return all(self._insert(self.wanted[j], self.ancestors) for j in pending)

    def _source(self, segment: Segment) -> str:
        return self.live[segment.start : segment.end]

    def _keep(self, segment: Segment) -> None:
        self.text.add(self._source(segment), kept=segment.end - segment.start)

    def _write_leaf(self, leaf: LeafSegment) -> bool:
        self.pending, self.ancestors = list(self.alignment.added_after.get(self.number, ())), leaf.ancestors
        if self.number in self.alignment.same:
            self._keep(leaf)
            return True
        leaf = replace(leaf, named_ancestors=self.named_ancestors)
        self.named_ancestors = None
        wanted_leaf = self.wanted[self.alignment.changed[self.number]]
        changed = None if wanted_leaf.lines in self.moved else self.patch_leaf(leaf, wanted_leaf)
        if changed is None:
            return self._insert(wanted_leaf, leaf.effective_ancestors, instead=leaf)
        self.text.add(changed.html, kept=changed.kept)
        return True

    def _write_tag(self, tag: WrapperTag) -> None:
        following = self.number + 1
        if tag.named_ancestors is not None and following not in self.alignment.same:
            # The leaf that showed the wrapper's anchor is gone, or has the anchor itself.
            self.named_ancestors = tag.named_ancestors if self._can_carry_name(tag, following) else None
            source = self._source(tag)
            self.text.add(source if self.named_ancestors else _NAME.sub("", source), kept=len(source))
        elif self.text.reopened and not tag.opens and self.text.reopened[-1] is tag.ancestors:
            self.text.reopened.pop()
        else:
            self._keep(tag)

    def _can_carry_name(self, tag: WrapperTag, number: int) -> bool:
        """Return whether the new version of a wrapper's first leaf can stand there without the anchor."""
        named, changed = tag.named_ancestors, self.alignment.changed
        if named is None or number not in changed or self.leaves[number].ancestors is not tag.ancestors:
            return False
        leaf = self.wanted[changed[number]]
        return any(named.visible_lines(form) == leaf.lines for form in _forms(leaf, self.rendered, named, None))

    def _insert(self, wanted_leaf: LeafSegment, ancestors: Ancestors, *, instead: LeafSegment | None = None) -> bool:
        """Insert a wanted block, outside as many wrappers as needed for it to show what it should."""
        for _ in self.text.reopened:
            ancestors = ancestors.parent or ancestors
        closed: list[Ancestors] = []
        own = self.moved.get(wanted_leaf.lines, "")
        while True:
            forms = [own] if own and ancestors.holds_blocks else []
            for form in (*forms, *_forms(wanted_leaf, self.rendered, ancestors, instead if not closed else None)):
                if ancestors.visible_lines(form) == wanted_leaf.lines:
                    self.text.parts.append("".join(one.end_tag for one in closed) + form)
                    self.text.kept += len(own) if form == own else 0
                    self.text.reopened = [*closed[::-1], *self.text.reopened]
                    return True
            if ancestors is self.base or ancestors.parent is None:
                return False
            closed.append(ancestors)
            ancestors = ancestors.parent


def _forms(wanted_leaf: LeafSegment, rendered: str, ancestors: Ancestors, instead: LeafSegment | None) -> list[str]:
    """Return the ways to write a rendered block at a place, the simplest first."""
    text = rendered[wanted_leaf.start : wanted_leaf.end]
    forms: list[str] = []
    if instead is not None and instead.is_inline:
        forms += [text.strip()] if wanted_leaf.is_inline else [found[1] for found in [_PLAIN.fullmatch(text)] if found]
    if not ancestors.holds_blocks:
        return forms
    forms.append(f"<p>{text.strip()}</p>" if wanted_leaf.is_inline else text)
    name = ancestors.elements[-1].attrs.get("id", "") if ancestors.elements else ""
    if name:
        forms += [re.sub(_NAMED.format(re.escape(entities.escape(name))), "", form, count=1) for form in forms]
    outer: Ancestors | None = wanted_leaf.ancestors
    while outer is not None and outer.wrappers:
        text = outer.start_tags[-1] + text + outer.end_tag
        forms.append(text)
        outer = outer.parent
    return forms


Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alignment:
    """How two sequences of blocks correspond.

    `same` maps places in the first to those in the second with the same lines, `changed` the place of a changed block
    to its new version, `added_after` a place in the first (-1: the beginning) to what is new after it.
    """

    same: dict[int, tuple[int, ...]]
    changed: dict[int, int]
    added_after: dict[int, list[int]]


def _align_blocks(first: Sequence[Lines], second: Sequence[Lines]) -> _Alignment:
    """Align two sequences of blocks; a block may have several lines, and is the same only if all of them are."""
    same = _same(first, second)
    changed: dict[int, int] = {}
    added: dict[int, list[int]] = {}
    at, done, last = 0, 0, -1
    for kept, matched in [*sorted(same.items()), (len(first), (len(second),))]:
        run = range(at, kept)
        if matched:
            new = range(done, matched[0])
            pairs = _pair([first[i] for i in run], [second[j] for j in new])
            place = last
            for j in new:
                if j - done in pairs:
                    place = at + pairs[j - done]
                    changed[place] = j
                else:
                    added.setdefault(place, []).append(j)
            done = matched[-1] + 1
        at, last = kept + 1, kept
    return _Alignment(same=same, changed=changed, added_after=added)


def _same(first: Sequence[Lines], second: Sequence[Lines]) -> dict[int, tuple[int, ...]]:
    """Match blocks by their common lines, except blocks of which some line has no match."""
    texts = (first, second)
    blocks = [[at for at, lines in enumerate(text) for _ in lines] for text in texts]
    shared = matching_blocks(*([line for lines in text for line in lines] for text in texts))
    matched: tuple[set[int], set[int]] = (set(), set())
    partners: list[list[set[int]]] = [[set() for _ in text] for text in texts]
    for i, k in ((i + step, k + step) for i, k, size in shared for step in range(size)):
        matched[0].add(i)
        matched[1].add(k)
        partners[0][blocks[0][i]].add(blocks[1][k])
        partners[1][blocks[1][k]].add(blocks[0][i])
    unmatched = [(side, block) for side in (0, 1) for at, block in enumerate(blocks[side]) if at not in matched[side]]
    unmatched += [(0, i) for i, found in enumerate(partners[0]) if found and max(found) - min(found) + 1 > len(found)]
    lost = set(unmatched)
    while unmatched:
        side, block = unmatched.pop()
        new = {(1 - side, other) for other in partners[side][block]} - lost
        lost |= new
        unmatched += new
    return {i: tuple(sorted(found)) for i, found in enumerate(partners[0]) if found and (0, i) not in lost}


def _pair(first: Sequence[Lines], second: Sequence[Lines]) -> dict[int, int]:
    """Map places in the second sequence to those of the first that they are versions of, so that most words stay."""
    ours, theirs = ([set(_WORD.findall(" ".join(lines))) for lines in blocks] for blocks in (first, second))
    # Any two are better paired than not.
    pairs = align(ours, theirs, lambda a, b: 0.01 + 2 * len(a & b) / (len(a) + len(b) + 1), limit=_MAX_PAIRS)
    return {at: at for at in range(min(len(first), len(second)))} if pairs is None else {j: i for i, j in pairs}


def _removed_wrappers(segments: Sequence[Segment], alignment: _Alignment) -> set[int]:
    """Return the places of the segments of wrappers in which no leaf is left."""
    removed: set[int] = set()
    opened: list[tuple[int, int, int]] = []
    number = kept = 0
    for at, segment in enumerate(segments):
        if isinstance(segment, LeafSegment):
            kept += number in alignment.same or number in alignment.changed
            number += 1
        elif isinstance(segment, WrapperTag) and segment.opens:
            opened.append((at, number, kept))
        elif isinstance(segment, WrapperTag):
            first, leaves_before, kept_before = opened.pop()
            if number > leaves_before and kept == kept_before:
                removed.update(range(first, at + 1))
    return removed
