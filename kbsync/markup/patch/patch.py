"""An update that keeps what its writer did not touch.

The HTML that is live was made in the portal's editor; its fonts and spacing are somebody's work, though the Markdown
does not tell them. Every block that shows a reader what the Markdown says is sent back byte for byte, the others as
they render. What comes out always shows exactly what the Markdown says; where pieces would not, larger ones are taken.
"""

import html
import html as entities
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import product

from kbsync.markup import raw_html as rawtags
from kbsync.markup.compare import address_form
from kbsync.markup.patch.segments import Frame, Item, Leaf, cut, cut_inside, leaves
from kbsync.markup.patch.weave import Text, matching, merged
from kbsync.markup.source_map import spans
from kbsync.markup.to_html import identity, to_html

_TOKEN = re.compile(
    r"""(?P<tag><!--.*?-->|</?[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>)"""
    r"|(?P<space>(?:[ \t\r\n\f\u00a0]|&nbsp;)+)|&(?:\#\w+|\w+);?|[^\W_]+|.",
    re.DOTALL,
)
_OPENING = re.compile(r"<[A-Za-z][^<>]*>$")
_CLOSING = re.compile(r"</[A-Za-z][^<>]*>")
_SEEN = re.compile(r"<(br|img|iframe|input|hr)\b", re.IGNORECASE)
_ALIKE = 0.5
"""What share of the words must stay; with less, a block is another one, and is rendered anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reworded:
    """A proposal, and how many characters of the live text it holds."""

    html: str
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    key: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.key.isalnum()


def reworded(live: str, wanted: str) -> Iterator[Reworded]:
    """Propose texts that keep the tags of `live` and say the words of `wanted`, the likeliest first."""
    ours, theirs = _words(live), _words(wanted)
    shared = matching([word.key for word in ours], [word.key for word in theirs])
    stay = sum(ours[at].is_word for i, _, size in shared for at in range(i, i + size))
    edits = _edits(shared)
    if not ours or not edits or stay < _ALIKE * max(sum(word.is_word for word in side) for side in (ours, theirs)):
        return
    proposed: set[str] = set()
    # White space may differ where it shows nothing, as between two blocks.
    wordy = [(i, j, k, m) for i, j, k, m in edits if any(word.key != " " for word in (*ours[i:j], *theirs[k:m]))]
    for some, tagged, late in product((wordy, edits), (False, True), (False, True)):
        proposal = _edited(live, list(_changes(ours, theirs, wanted, some, late=late, tagged=tagged)))
        if some and proposal.html not in proposed:
            proposed.add(proposal.html)
            yield proposal


def _edits(shared: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Return the stretches between those that are shared: from where to where in either row."""
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
        seen = _SEEN.match(found[0]) if found["tag"] else None
        if found["tag"] and not seen:
            continue
        key = " " if found["space"] else f"<{seen[1].lower()}>" if seen else html.unescape(found[0])
        start = found.start()
        if out and out[-1].end == start and out[-1].is_word and key.isalnum():
            # A letter that is written as an entity.
            key, start = out[-1].key + key, out.pop().start
        if key != " " or not out or out[-1].key != " ":
            out.append(_Word(key=key, start=start, end=found.end()))
    # White space at the edges of a block shows nothing.
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
    """Return the stretches that go and what comes; `late` puts new words behind tags, `tagged` takes their own along."""
    for i, j, k, m in edits:
        new = _source(wanted, theirs[k:m], tagged=tagged)
        if i == j:
            at = ours[i].start if i < len(ours) and (late or i == 0) else ours[i - 1].end
            yield at, at, new
        for word in ours[i:j]:
            yield word.start, word.end, new
            new = ""


def _source(wanted: str, words: Sequence[_Word], *, tagged: bool) -> str:
    """Return words as they are written, with the tags right around them or without any."""
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


def _edited(live: str, changes: Sequence[tuple[int, int, str]]) -> Reworded:
    out: list[str] = []
    at = kept = 0
    for start, end, new in changes:
        out += [live[at:start], new]
        kept += start - at
        at = end
    return Reworded(html="".join(out) + live[at:], kept=kept + len(live) - at)


_ADDRESS = re.compile(r' (?:href|src|poster)="([^"]*)"')
_TAG = re.compile(r"<[^<>]*>")
_WORD = re.compile(r"\w+")
_SHOWN = 40
_NAMES = {
    "ul": "list",
    "ol": "list",
    "table": "table",
    "pre": "box",
    "div": "box",
    "section": "section",
    "blockquote": "quotation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spliced:
    """The HTML to send, the share of the live text that it kept, and what was rendered besides changed blocks."""

    html: str
    kept: float
    rendered: tuple[str, ...] = ()


def splice(
    live: str,
    markdown: str,
    *,
    resolve: Callable[[str], str] = identity,
    rewrite: Callable[[str], str] = identity,
    anchors: Collection[str] = (),
) -> Spliced:
    """Return the live HTML with the blocks in which the Markdown differs rendered anew.

    `resolve` and `anchors` are those of `to_html`, `rewrite` is that of `to_markdown`. Canonical form, with addresses
    brought to one form, is that of the whole rendering: this is checked, never assumed.
    """
    rendered = to_html(markdown, resolve=resolve, anchors=anchors)
    return patch_html(live, rendered, settle=lambda address: resolve(rewrite(address)))


def patch_html(live: str, rendered: str, *, settle: Callable[[str], str] = identity) -> Spliced:
    """Return the live HTML with the blocks in which the rendered one differs; `settle` brings addresses to one form."""
    frame = Frame(settle=cache(settle))
    wanted = frame.shown(rendered)
    ours, theirs = _cut(frame, live), _cut(frame, rendered)
    ways = _WAYS if ours is not None and theirs is not None else ()
    for way in ways:
        splicing = _Splicing(live, rendered, way)
        text = splicing.merged(ours or (), leaves(theirs or ()), frame)
        if text is not None and frame.shown(text.html) == wanted:
            return Spliced(html=text.html, kept=text.kept / max(1, len(live)), rendered=tuple(splicing.noted))
    if frame.shown(live) == wanted:
        return Spliced(html=live, kept=1.0)
    return Spliced(html=rendered, kept=0.0, rendered=("the whole article",))


def _cut(frame: Frame, html: str) -> tuple[Item, ...] | None:
    parts = spans(html, frame.settle)
    return cut(frame, parts, html) if parts is not None else None


class _Way(Enum):
    """How far a splice goes: into lists, tables and boxes, each looked at again or not, or no further than these."""

    DEEP = "deep"
    WARY = "wary"
    SHALLOW = "shallow"


_WAYS = (_Way.DEEP, _Way.WARY, _Way.SHALLOW)


class _Splicing:
    """One live text and one rendered text becoming one; `noted` is what was rendered besides what changed."""

    def __init__(self, live: str, rendered: str, way: _Way) -> None:
        self.live = live
        self.rendered = rendered
        self.way = way
        self.noted: list[str] = []

    def merged(self, items: Sequence[Item], wanted: Sequence[Leaf], frame: Frame) -> Text | None:
        """Splice one level of the two texts."""
        return merged(items, wanted, frame, (self.live, self.rendered), self._become)

    def _become(self, leaf: Leaf, want: Leaf) -> Text | None:
        """Return a changed block with as much of its own text as shows the same; None where it is rendered anew."""
        own = self._readdressed(leaf, want) or (self._looked_into(leaf, want) if self.way is not _Way.SHALLOW else None)
        own = own or self._reworded(leaf, want) or self._retagged(leaf, want)
        if own is None and (note := _beyond(leaf, want, self.live)):
            self.noted.append(note)
        return own

    def _readdressed(self, leaf: Leaf, want: Leaf) -> Text | None:
        """Change addresses alone, where nothing else changed."""
        ours, theirs = "\n".join(leaf.lines), "\n".join(want.lines)
        if _ADDRESS.sub("", ours) != _ADDRESS.sub("", theirs):
            return None
        pairs = zip(_ADDRESS.findall(ours), _ADDRESS.findall(theirs), strict=False)
        moved = {entities.unescape(old): entities.unescape(new) for old, new in pairs if old != new}
        lost = 0

        def readdress(address: str) -> str:
            nonlocal lost
            new = moved.get(address_form(leaf.frame.settle(address)))
            lost += len(address) if new is not None else 0
            return address if new is None else new

        html = rawtags.replaced(self.live[leaf.start : leaf.end], readdress)
        if leaf.place.shown(html) != want.lines:
            return None
        return Text(pieces=[html], kept=max(0, leaf.end - leaf.start - lost))

    def _reworded(self, leaf: Leaf, want: Leaf) -> Text | None:
        """Change words alone, where that says all; what else a sentence is told in is left as it is."""
        if leaf.span is not None and leaf.span.element is not None and leaf.span.element.tag in _NAMES:
            return None
        for proposal in reworded(self.live[leaf.start : leaf.end], self.rendered[want.start : want.end]):
            if leaf.place.shown(proposal.html) == want.lines:
                return Text(pieces=[proposal.html], kept=proposal.kept)
        return None

    def _retagged(self, leaf: Leaf, want: Leaf) -> Text | None:
        """Change the tag that a block begins with alone, where nothing in it changed."""
        ours, theirs = leaf.span, want.span
        if ours is None or theirs is None or ours.inner is None or theirs.inner is None:
            return None
        if ours.element is None or theirs.element is None or ours.element.tag != theirs.element.tag:
            return None
        own = self.live[ours.inner[0] : leaf.end]
        html = self.rendered[want.start : theirs.inner[0]] + own
        return Text(pieces=[html], kept=len(own)) if leaf.place.shown(html) == want.lines else None

    def _looked_into(self, leaf: Leaf, want: Leaf) -> Text | None:
        """Splice within a list, a table, a box: its tags and what did not change in it stay."""
        ours, theirs = cut_inside(leaf, self.live), cut_inside(want, self.rendered)
        if ours is None or theirs is None or leaf.span is None or leaf.span.inner is None:
            return None
        noted = len(self.noted)
        text = self.merged(ours[1], leaves(theirs[1]), ours[0])
        if text is not None:
            start, end = leaf.span.inner
            html = self.live[leaf.start : start] + text.html + self.live[end : leaf.end]
            if self.way is _Way.DEEP or leaf.place.shown(html) == want.lines:
                return Text(pieces=[html], kept=text.kept + leaf.end - leaf.start - (end - start))
        del self.noted[noted:]
        return None


def _beyond(leaf: Leaf, want: Leaf, live: str) -> str:
    """Return a block of which more is rendered anew than changed, or give nothing."""
    ours, theirs = (one.span.element if one.span is not None else None for one in (leaf, want))
    name = _NAMES.get(ours.tag, "") if ours is not None and theirs is not None and ours.tag == theirs.tag else ""
    if len(leaf.lines) == 1 and (not name or not _alike(leaf.lines[0], want.lines[0])):
        return ""
    words = " ".join(entities.unescape(_TAG.sub(" ", live[leaf.start : leaf.end])).split())
    return f"the {name or 'passage'} “{words[:_SHOWN].strip()}{'…' * (len(words) > _SHOWN)}”"


def _alike(ours: str, theirs: str) -> bool:
    """Whether one list, table or box is another version of the other."""
    words, others = (set(_WORD.findall(_TAG.sub(" ", line))) for line in (ours, theirs))
    return 2 * len(words & others) > max(len(words), len(others))
