"""Patches live HTML so that it shows what a rendered text shows, and keeps every other byte.

The live HTML was written in the portal's editor; its fonts and spacing are somebody's work, though Markdown has no
syntax for them. Every block that shows the same is kept byte for byte; of a changed one the addresses, words, start tag
or content are patched, or it is replaced. The result always shows exactly what the rendered text does: this is checked,
and where it does not, larger parts are replaced.
"""

import html as entities
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from itertools import product

from kbsync.markup.align import matching_blocks
from kbsync.markup.compare import canonical_address, classes_left_out
from kbsync.markup.patch.segments import Ancestors, LeafSegment, Segment, leaves, split_inside, split_into_segments
from kbsync.markup.patch.weave import PatchedText, Weaver
from kbsync.markup.raw_html import replace_addresses, replace_ranges
from kbsync.markup.source_map import source_spans
from kbsync.markup.to_html import unchanged_address

_TOKEN = re.compile(
    r"""(?P<tag><!--.*?-->|</?[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>)"""
    r"|(?P<space>(?:[ \t\r\n\f\u00a0]|&nbsp;)+)|&(?:\#\w+|\w+);?|[^\W_]+|.",
    re.DOTALL,
)
_OPENING = re.compile(r"<[A-Za-z][^<>]*>$")
_CLOSING = re.compile(r"</[A-Za-z][^<>]*>")
_VISIBLE_TAG = re.compile(r"<(br|img|iframe|input|hr)\b", re.IGNORECASE)
_MIN_SHARED = 0.5
"""The share of the words that must stay; with less, a block is another one, and is replaced."""
_ADDRESS = re.compile(r' (?:href|src|poster)="([^"]*)"')
_TAG = re.compile(r"<[^<>]*>")
_WORD = re.compile(r"\w+")
_MAX_QUOTED = 40
_BLOCK_NAMES = {
    "ul": "list",
    "ol": "list",
    "table": "table",
    "pre": "box",
    "div": "box",
    "section": "section",
    "blockquote": "quotation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchResult:
    """The patched HTML, the share of the live text that it keeps, and what was replaced besides the changed blocks."""

    html: str
    kept: float
    rendered: tuple[str, ...] = ()


def patch_html(
    live: str,
    rendered: str,
    *,
    settle: Callable[[str], str] = unchanged_address,
    keep: Collection[str] = (),
) -> PatchResult:
    """Patch the live HTML to show what the rendered one shows; `settle` brings addresses to one form for comparison.

    The classes that the rendered one has count, and so do those in `keep`; all others mean nothing.
    """
    root = Ancestors(resolve=cache(settle), keep=frozenset({*keep, *classes_left_out(rendered)}))
    wanted = root.visible_lines(rendered)
    ours, theirs = _split(root, live), _split(root, rendered)
    for depth in _PatchDepth if ours is not None and theirs is not None else ():
        patcher = _Patcher(live, rendered, depth)
        text = patcher.patch(ours or (), leaves(theirs or ()), root)
        if text is not None and root.visible_lines(text.html) == wanted:
            return PatchResult(html=text.html, kept=text.kept / max(1, len(live)), rendered=tuple(patcher.rerendered))
    if root.visible_lines(live) == wanted:
        return PatchResult(html=live, kept=1.0)
    return PatchResult(html=rendered, kept=0.0, rendered=("the whole article",))


def _split(root: Ancestors, html: str) -> tuple[Segment, ...] | None:
    parts = source_spans(html, root.resolve)
    return split_into_segments(root, parts, html) if parts is not None else None


class _PatchDepth(Enum):
    """Whether a patch goes into lists, tables and boxes, with or without a check of each, or replaces them whole."""

    DEEP = "deep"
    CHECKED = "checked"
    SHALLOW = "shallow"


@dataclass(frozen=True, slots=True)
class _Patcher:
    """Patches one live text by one rendered text; `rerendered` is what was replaced besides what changed."""

    live: str
    rendered: str
    depth: _PatchDepth
    rerendered: list[str] = field(default_factory=list)

    def patch(self, segments: Sequence[Segment], wanted: Sequence[LeafSegment], root: Ancestors) -> PatchedText | None:
        """Patch one level of the two texts."""
        return Weaver(segments, wanted, root, (self.live, self.rendered), self._patch_leaf).weave()

    def _patch_leaf(self, leaf: LeafSegment, wanted: LeafSegment) -> PatchedText | None:
        """Return a changed leaf with as much of its own text as possible; None where it has to be replaced."""
        patched = self._patch_addresses(leaf, wanted) or (
            self._patch_inside(leaf, wanted) if self.depth is not _PatchDepth.SHALLOW else None
        )
        patched = patched or self._patch_words(leaf, wanted) or self._patch_start_tag(leaf, wanted)
        if patched is None and (description := _describe_rerendered(leaf, wanted, self.live)):
            self.rerendered.append(description)
        return patched

    def _patch_addresses(self, leaf: LeafSegment, wanted: LeafSegment) -> PatchedText | None:
        ours, theirs = "\n".join(leaf.lines), "\n".join(wanted.lines)
        if _ADDRESS.sub("", ours) != _ADDRESS.sub("", theirs):
            return None
        pairs = zip(_ADDRESS.findall(ours), _ADDRESS.findall(theirs), strict=False)
        moved = {entities.unescape(old): entities.unescape(new) for old, new in pairs if old != new}
        lost = 0

        def readdress(address: str) -> str:
            nonlocal lost
            new = moved.get(canonical_address(leaf.ancestors.resolve(address)))
            lost += len(address) if new is not None else 0
            return address if new is None else new

        html = replace_addresses(self.live[leaf.start : leaf.end], readdress)
        if leaf.effective_ancestors.visible_lines(html) != wanted.lines:
            return None
        return PatchedText(parts=[html], kept=max(0, leaf.end - leaf.start - lost))

    def _patch_words(self, leaf: LeafSegment, wanted: LeafSegment) -> PatchedText | None:
        """Replace words, where nothing else changed; the tags around them stay."""
        if leaf.span is not None and leaf.span.element is not None and leaf.span.element.tag in _BLOCK_NAMES:
            return None
        for proposal in _word_patches(self.live[leaf.start : leaf.end], self.rendered[wanted.start : wanted.end]):
            if leaf.effective_ancestors.visible_lines(proposal.html) == wanted.lines:
                return proposal
        return None

    def _patch_start_tag(self, leaf: LeafSegment, wanted: LeafSegment) -> PatchedText | None:
        """Replace the start tag of a block, where its content did not change."""
        ours, theirs = leaf.opened, wanted.opened
        if ours is None or theirs is None or ours.element.tag != theirs.element.tag:
            return None
        own = self.live[ours.start : leaf.end]
        html = self.rendered[wanted.start : theirs.start] + own
        is_same = leaf.effective_ancestors.visible_lines(html) == wanted.lines
        return PatchedText(parts=[html], kept=len(own)) if is_same else None

    def _patch_inside(self, leaf: LeafSegment, wanted: LeafSegment) -> PatchedText | None:
        ours, theirs = split_inside(leaf, self.live), split_inside(wanted, self.rendered)
        if ours is None or theirs is None or leaf.opened is None:
            return None
        count = len(self.rerendered)
        text = self.patch(ours[1], leaves(theirs[1]), ours[0])
        if text is not None:
            _, start, end, _ = leaf.opened
            html = self.live[leaf.start : start] + text.html + self.live[end : leaf.end]
            if self.depth is _PatchDepth.DEEP or leaf.effective_ancestors.visible_lines(html) == wanted.lines:
                return PatchedText(parts=[html], kept=text.kept + leaf.end - leaf.start - (end - start))
        del self.rerendered[count:]
        return None


def _describe_rerendered(leaf: LeafSegment, wanted: LeafSegment, live: str) -> str:
    """Describe a block of which more is replaced than changed; "" for any other."""
    ours, theirs = (one.span.element if one.span is not None else None for one in (leaf, wanted))
    name = _BLOCK_NAMES.get(ours.tag, "") if ours is not None and theirs is not None and ours.tag == theirs.tag else ""
    if len(leaf.lines) == 1 and (not name or not _is_version(leaf.lines[0], wanted.lines[0])):
        return ""
    words = " ".join(entities.unescape(_TAG.sub(" ", live[leaf.start : leaf.end])).split())
    return f"the {name or 'passage'} “{words[:_MAX_QUOTED].strip()}{'…' * (len(words) > _MAX_QUOTED)}”"


def _is_version(ours: str, theirs: str) -> bool:
    words, others = (set(_WORD.findall(_TAG.sub(" ", line))) for line in (ours, theirs))
    return 2 * len(words & others) > max(len(words), len(others))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    key: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.key.isalnum()


def _word_patches(live: str, wanted: str) -> Iterator[PatchedText]:
    """Return texts with the tags of `live` and the words of `wanted`, the likeliest first."""
    ours, theirs = _words(live), _words(wanted)
    shared = matching_blocks([word.key for word in ours], [word.key for word in theirs])
    stay = sum(ours[at].is_word for i, _, size in shared for at in range(i, i + size))
    edits = _edits(shared)
    if not ours or not edits or stay < _MIN_SHARED * max(sum(word.is_word for word in side) for side in (ours, theirs)):
        return
    proposed: set[str] = set()
    # White space may differ where it is invisible, as between two blocks.
    wordy = [(i, j, k, m) for i, j, k, m in edits if any(word.key != " " for word in (*ours[i:j], *theirs[k:m]))]
    for some, tagged, late in product((wordy, edits), (False, True), (False, True)):
        changes = list(_changes(ours, theirs, wanted, some, late=late, tagged=tagged))
        html = replace_ranges(live, changes)
        if some and html not in proposed:
            proposed.add(html)
            yield PatchedText(parts=[html], kept=len(live) - sum(end - start for start, end, _ in changes))


def _edits(shared: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Return the ranges between those that are shared, in either sequence."""
    out = []
    i = k = 0
    for first, second, size in shared:
        if (i, k) != (first, second):
            out.append((i, first, k, second))
        i, k = first + size, second + size
    return out


def _words(text: str) -> list[_Word]:
    out: list[_Word] = []
    for found in _TOKEN.finditer(text):
        seen = _VISIBLE_TAG.match(found[0]) if found["tag"] else None
        if found["tag"] and not seen:
            continue
        key = " " if found["space"] else f"<{seen[1].lower()}>" if seen else entities.unescape(found[0])
        start = found.start()
        if out and out[-1].end == start and out[-1].is_word and key.isalnum():
            # A letter that is written as an entity.
            key, start = out[-1].key + key, out.pop().start
        if key != " " or not out or out[-1].key != " ":
            out.append(_Word(key=key, start=start, end=found.end()))
    # White space at the edges of a block is invisible.
    first, last = next(iter(out), None), next(reversed(out), None)
    return [word for word in out if word.key != " " or (word is not first and word is not last)]


def _changes(
    ours: Sequence[_Word],
    theirs: Sequence[_Word],
    wanted: str,
    edits: Sequence[tuple[int, int, int, int]],
    *,
    late: bool,
    tagged: bool,
) -> Iterator[tuple[int, int, str]]:
    """Return the ranges to replace and by what; new words go after tags if `late`, with their own tags if `tagged`."""
    for i, j, k, m in edits:
        new = _source(wanted, theirs[k:m], tagged=tagged)
        if i == j:
            at = ours[i].start if i < len(ours) and (late or i == 0) else ours[i - 1].end
            yield at, at, new
        for word in ours[i:j]:
            yield word.start, word.end, new
            new = ""


def _source(wanted: str, words: Sequence[_Word], *, tagged: bool) -> str:
    """Return words as written, with the tags directly around them or without any."""
    if not words:
        return ""
    start, end = words[0].start, words[-1].end
    if not tagged:
        return "".join(wanted[word.start : word.end] for word in words)
    while opening := _OPENING.search(wanted, 0, start):
        start = opening.start()
    while closing := _CLOSING.match(wanted, end):
        end = closing.end()
    return wanted[start:end]
