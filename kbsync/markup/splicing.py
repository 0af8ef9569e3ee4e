"""An update that keeps what its writer did not touch.

The HTML that is live was made in the portal's editor; its fonts and spacing are somebody's work, though the Markdown
does not tell them. Every block that shows a reader what the Markdown says is sent back byte for byte, the others as
they render. What comes out always shows exactly what the Markdown says; where pieces would not, larger ones are taken.
"""

import html as entities
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from kbsync.markup import rawtags
from kbsync.markup.canonical import address_form
from kbsync.markup.cutting import Edge, Item, Leaf, Space, cut, cut_inside, leaves
from kbsync.markup.frames import Frame
from kbsync.markup.pairing import Side, side_by_side
from kbsync.markup.rewording import reworded
from kbsync.markup.spans import spans
from kbsync.markup.to_html import identity, to_html

_ADDRESS = re.compile(r' (?:href|src|poster)="([^"]*)"')
_PLAIN = re.compile(r"<p>(.*)</p>", re.DOTALL)
_NAME = re.compile(r"""(?<=\s)(?:id|name)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+)\s?""", re.IGNORECASE)
_NAMED = '<a id="{0}"></a>| id="{0}"'


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
    """Give the live HTML with the blocks in which the Markdown differs rendered anew.

    `resolve` and `anchors` are those of `to_html`, `rewrite` is that of `to_markdown`. Canonical form, with addresses
    brought to one form, is that of the whole rendering: this is checked, never assumed.
    """
    rendered = to_html(markdown, resolve=resolve, anchors=anchors)
    return splice_html(live, rendered, settle=lambda address: resolve(rewrite(address)))


def splice_html(live: str, rendered: str, *, settle: Callable[[str], str] = identity) -> Spliced:
    """Give the live HTML with the blocks in which the rendered one differs; `settle` brings addresses to one form."""
    frame = Frame(settle=cache(settle))
    wanted = frame.shown(rendered)
    if frame.shown(live) == wanted:
        return Spliced(html=live, kept=1.0)
    for deep in (True, False):
        splicing = _Splicing(live, rendered, deep=deep)
        merged = splicing.whole(frame)
        if merged is not None and frame.shown(merged.html) == wanted:
            return Spliced(html=merged.html, kept=merged.kept / len(live), rendered=tuple(splicing.noted))
    return Spliced(html=rendered, kept=0.0, rendered=("the whole article",))


@dataclass(slots=True, kw_only=True)
class _Text:
    """A text being put together, and how much of it is the live one's own.

    `reopened` are wrappers begun anew at its very end, which need not be where nothing follows.
    """

    pieces: list[str] = field(default_factory=list)
    kept: int = 0
    reopened: list[Frame] = field(default_factory=list)

    @property
    def html(self) -> str:
        return "".join(self.pieces)

    def add(self, piece: str, *, kept: int = 0) -> None:
        self.pieces += [frame.opens[-1] for frame in self.reopened]
        self.reopened = []
        self.pieces.append(piece)
        self.kept += kept


class _Splicing:
    """One live text and one rendered text becoming one; `deep` looks into lists, tables and boxes that changed."""

    def __init__(self, live: str, rendered: str, *, deep: bool) -> None:
        self.live = live
        self.rendered = rendered
        self.deep = deep
        self.noted: list[str] = []

    def whole(self, frame: Frame) -> _Text | None:
        """Splice the two texts from end to end."""
        ours, theirs = spans(self.live, frame.settle), spans(self.rendered, frame.settle)
        if ours is None or theirs is None:
            return None
        items, wanted = cut(frame, ours, self.live), cut(frame, theirs, self.rendered)
        if items is None or wanted is None:
            return None
        return self._merged(items, leaves(wanted), frame)

    def _merged(self, items: Sequence[Item], wanted: Sequence[Leaf], base: Frame) -> _Text | None:
        """Walk the live items and put in what changed; None where a piece would not show there what it should."""
        live = leaves(items)
        side = side_by_side([leaf.lines for leaf in live], [leaf.lines for leaf in wanted])
        emptied = _emptied(items, side)
        text, where, number, silent = _Text(), base, -1, False
        named: Frame | None = None
        pending = list(side.after.get(-1, ()))
        for at, item in enumerate(items):
            number += isinstance(item, Leaf)
            if at in emptied or (isinstance(item, Leaf) and number not in side.same and number not in side.became):
                silent = True
                continue
            if isinstance(item, Space):
                if not silent:
                    text.add(self.live[item.start : item.end], kept=item.end - item.start)
                continue
            if not all(self._put(text, wanted[j], where, base) for j in pending):
                return None
            pending, silent = [], False
            if isinstance(item, Leaf):
                pending, where = list(side.after.get(number, ())), item.frame
                if number in side.same:
                    text.add(self.live[item.start : item.end], kept=item.end - item.start)
                elif not self._replace(
                    text, replace(item, frame=named or item.frame), wanted[side.became[number]], base
                ):
                    return None
                named = None
            elif item.named is not None and number + 1 not in side.same:
                # What told the wrapper's name is no longer there, or says it itself.
                becomes = wanted[side.became[number + 1]] if number + 1 in side.became else None
                named = item.named if becomes is not None and self._tells(item.named, becomes) else None
                tag = self.live[item.start : item.end]
                text.add(tag if named else _NAME.sub("", tag), kept=item.end - item.start)
            elif text.reopened and not item.opens and text.reopened[-1] is item.frame:
                text.reopened.pop()
            else:
                text.add(self.live[item.start : item.end], kept=item.end - item.start)
        return text if all(self._put(text, wanted[j], where, base) for j in pending) else None

    def _tells(self, named: Frame, want: Leaf) -> bool:
        """Whether a block can stand first in a wrapper that has its name."""
        return any(named.shown(piece) == want.lines for piece in _dressed(want, self.rendered, named, None))

    def _replace(self, text: _Text, leaf: Leaf, want: Leaf, base: Frame) -> bool:
        """Put what a block became in its place, with as much of its own text as shows the same."""
        own = self._readdressed(leaf, want) or (self._looked_into(leaf, want) if self.deep else None)
        own = own or self._reworded(leaf, want)
        if own is not None:
            text.add(own.html, kept=own.kept)
            return True
        if note := _beyond(leaf, want, self.live):
            self.noted.append(note)
        return self._put(text, want, leaf.frame, base, instead=leaf)

    def _readdressed(self, leaf: Leaf, want: Leaf) -> _Text | None:
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
        if leaf.frame.shown(html) != want.lines:
            return None
        return _Text(pieces=[html], kept=max(0, leaf.end - leaf.start - lost))

    def _reworded(self, leaf: Leaf, want: Leaf) -> _Text | None:
        """Change words alone, where that says all; what else a sentence is told in is left as it is."""
        if leaf.span is not None and leaf.span.element is not None and leaf.span.element.tag in _NAMES:
            return None
        for proposal in reworded(self.live[leaf.start : leaf.end], self.rendered[want.start : want.end]):
            if leaf.frame.shown(proposal.html) == want.lines:
                return _Text(pieces=[proposal.html], kept=proposal.kept)
        return None

    def _looked_into(self, leaf: Leaf, want: Leaf) -> _Text | None:
        """Splice within a list, a table, a box: its tags and what did not change in it stay."""
        ours, theirs = cut_inside(leaf, self.live), cut_inside(want, self.rendered)
        if ours is None or theirs is None or leaf.span is None or leaf.span.inner is None:
            return None
        noted = len(self.noted)
        merged = self._merged(ours[1], leaves(theirs[1]), ours[0])
        if merged is not None:
            start, end = leaf.span.inner
            html = self.live[leaf.start : start] + merged.html + self.live[end : leaf.end]
            if leaf.frame.shown(html) == want.lines:
                return _Text(pieces=[html], kept=merged.kept + leaf.end - leaf.start - (end - start))
        del self.noted[noted:]
        return None

    def _put(self, text: _Text, want: Leaf, frame: Frame, base: Frame, *, instead: Leaf | None = None) -> bool:
        """Put a rendered block at a place, out of as many wrappers as it takes to show there what it should."""
        for _ in text.reopened:
            frame = frame.outer or frame
        closed: list[Frame] = []
        while True:
            for piece in _dressed(want, self.rendered, frame, instead if not closed else None):
                if frame.shown(piece) == want.lines:
                    text.pieces.append("".join(one.close for one in closed) + piece)
                    text.reopened = [*closed[::-1], *text.reopened]
                    return True
            if frame is base or frame.outer is None:
                return False
            closed.append(frame)
            frame = frame.outer


def _emptied(items: Sequence[Item], side: Side) -> set[int]:
    """Name the places of the items of wrappers in which nothing is left."""
    gone: set[int] = set()
    opened: list[tuple[int, int, int]] = []
    number = held = 0
    for at, item in enumerate(items):
        if isinstance(item, Leaf):
            held += number in side.same or number in side.became
            number += 1
        elif isinstance(item, Edge) and item.opens:
            opened.append((at, number, held))
        elif isinstance(item, Edge):
            first, leaves_before, held_before = opened.pop()
            if number > leaves_before and held == held_before:
                gone.update(range(first, at + 1))
    return gone


def _dressed(want: Leaf, rendered: str, frame: Frame, instead: Leaf | None) -> list[str]:
    """Give the ways to write a rendered block at a place, the plainest first."""
    text = rendered[want.start : want.end]
    ways: list[str] = []
    if instead is not None and instead.bare:
        ways += [text.strip()] if want.bare else [found[1] for found in [_PLAIN.fullmatch(text)] if found]
    if not frame.holds_blocks:
        return ways
    ways.append(f"<p>{text.strip()}</p>" if want.bare else text)
    name = frame.shells[-1].attrs.get("id", "") if frame.shells else ""
    if name:
        ways += [re.sub(_NAMED.format(re.escape(entities.escape(name))), "", way, count=1) for way in ways]
    around: Frame | None = want.frame
    while around is not None and around.wrappers:
        text = around.opens[-1] + text + around.close
        ways.append(text)
        around = around.outer
    return ways


def _beyond(leaf: Leaf, want: Leaf, live: str) -> str:
    """Name a block of which more is rendered anew than changed, or give nothing."""
    element = leaf.span.element if leaf.span is not None else None
    name = _NAMES.get(element.tag, "") if element is not None else ""
    if not name and not set(leaf.lines) & set(want.lines):
        return ""
    words = " ".join(_TAGS.sub(" ", live[leaf.start : leaf.end]).split())
    return f"{name or 'passage'} “{entities.unescape(words)[:_SHOWN].strip()}…”"


_TAGS = re.compile(r"<[^<>]*>")
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
