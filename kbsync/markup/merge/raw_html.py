"""HTML that a writer wrote by hand, with what was edited in it and every other byte as it stands.

A pull writes such HTML its own way, as Markdown for the most part. What stands for a writer's block is found by its
words, and spliced into it; where that would not show the same, or be another kind of block, nothing is taken. Pure.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from html import unescape
from itertools import takewhile

from kbsync.markup import raw_html as rawtags
from kbsync.markup.compare import address_form, canonical
from kbsync.markup.dom import VOID
from kbsync.markup.merge.blocks import Piece, pieces_of
from kbsync.markup.options import MarkupOptions
from kbsync.markup.patch.patch import patch_html
from kbsync.markup.to_html import to_html

_TAG = re.compile(r"<!--.*?-->|<(?P<end>/?)(?P<name>[A-Za-z][^\s/>]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL)
_WORD = re.compile(r"\w+")
_BETWEEN = re.compile(r">\n+<")
_BLANK = re.compile(r"\n[ \t]*(?=\n)")
_ALIKE = 0.5
"""What share of a block's words must stand in the writer's HTML for it to be a part of that."""
_LARGEST = 2500
"""Pairs of blocks that are looked at; a text that changed more than that is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How texts are read: what brings addresses to one form, the anchors that are asked for, the settings."""

    resolve: Callable[[str], str]
    anchors: Collection[str]
    options: MarkupOptions

    def pieces(self, text: str) -> tuple[Piece, ...]:
        """Cut a text into its blocks."""
        return pieces_of(text, resolve=self.resolve, anchors=self.anchors, options=self.options)


def kept_by_hand(pieces: Sequence[Piece], like: Sequence[Piece], reading: Reading) -> tuple[Piece, ...] | None:
    """Return a text's blocks with those that stand for HTML of `like` written as that is; None where there are none."""
    if not any(is_raw(piece) for piece in like):
        return None
    keys, others = [piece.key for piece in like], [piece.key for piece in pieces]
    out: list[Piece] = []
    found = False
    for tag, a, b, c, d in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes():
        new = _rewritten(pieces[c:d], like[a:b], reading) if tag == "replace" else None
        found = found or new is not None
        out += new or pieces[c:d]
    return tuple(out) if found else None


def in_hand(before: Sequence[Piece], ours: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return a text's blocks with its raw HTML written as in another text, where that says the same."""
    own = {piece.key: piece for piece in ours if is_raw(piece)}
    return tuple(own.get(piece.key, piece) if is_raw(piece) and piece.key is not None else piece for piece in before)


def is_raw(piece: Piece) -> bool:
    """Whether a block is HTML as its writer wrote it, or a comment."""
    return len(piece.tokens) == 1 and piece.tokens[0].type == "html_block" and piece.text.lstrip(" ").startswith("<")


def begins_alike(piece: Piece, text: str) -> bool:
    """Whether a block is HTML that begins with the same tag as a text, and so ends where that would."""
    first, other = _TAG.match(piece.text), _TAG.match(text)
    return is_raw(piece) and bool(first and other and first["name"] and first["name"] == other["name"])


def _rewritten(pieces: Sequence[Piece], like: Sequence[Piece], reading: Reading) -> list[Piece] | None:
    """Write the blocks of one stretch as those of another that are raw HTML, where they stand for these."""
    ours, theirs = _balanced(like), _balanced(pieces)
    places = _places(ours, theirs)
    out: list[Piece] = []
    at = 0
    for number, group in enumerate(ours):
        held = [place for place, which in enumerate(places) if which == number]
        if not held or not all(map(is_raw, group)):
            continue
        new = _spliced(group, [piece for part in theirs[held[0] : held[-1] + 1] for piece in part], reading)
        if new is not None:
            out += [piece for part in theirs[at : held[0]] for piece in part]
            out += [*_silent_above(ours, number), *new]
            at = held[-1] + 1
    return [*out, *(piece for part in theirs[at:] for piece in part)] if at else None


def _silent_above(groups: Sequence[Sequence[Piece]], number: int) -> list[Piece]:
    """Return the writer's notes right above a group, so that they stay above it."""
    above = takewhile(lambda group: group[0].key is None, reversed(groups[:number]))
    return [piece for group in reversed(list(above)) for piece in group]


def _balanced(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Bring pieces together that stand between a tag and its end."""
    groups: list[list[Piece]] = []
    depth = 0
    for piece in pieces:
        if depth > 0:
            groups[-1].append(piece)
        else:
            groups.append([piece])
            depth = 0
        if is_raw(piece):
            depth += _depth(piece.text)
    return groups


def _depth(html: str) -> int:
    """Count the tags that are open at the end of a piece of HTML and were not at its beginning."""
    return sum(_step(tag) for tag in _TAG.finditer(html))


def _step(tag: re.Match[str]) -> int:
    if not tag["name"] or tag["name"].lower() in VOID or tag[0].endswith("/>"):
        return 0
    return -1 if tag["end"] else 1


def _places(ours: Sequence[Sequence[Piece]], theirs: Sequence[Sequence[Piece]]) -> tuple[int, ...]:
    """Tell for each group of the second row which of the first it is a part of (-1: none), in order."""
    if len(ours) * len(theirs) > _LARGEST:
        return (-1,) * len(theirs)
    words = [_words(_html(group)) for group in ours]
    # For each group of the first row the best that can be said so far when none after it is in use.
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())] * len(ours)
    for group in theirs:
        said = _said(_html(group))
        weights = [len(said & own) - _ALIKE * len(said) for own in words]
        best = [
            max(_with(best[number], -1, 0.0), _with(max(best[: number + 1]), number, weight))
            for number, weight in enumerate(weights)
        ]
    return max(best)[1]


def _with(way: tuple[float, tuple[int, ...]], number: int, weight: float) -> tuple[float, tuple[int, ...]]:
    return way[0] + weight, (*way[1], number)


def _said(html: str) -> frozenset[str]:
    """Return the words that a reader sees, or of what has none those of its tags, such as a picture's address."""
    return _words(_TAG.sub(" ", html)) or _words(html)


def _words(html: str) -> frozenset[str]:
    return frozenset(_WORD.findall(unescape(html)))


def _html(group: Sequence[Piece]) -> str:
    return "".join(piece.html for piece in group)


def _spliced(like: Sequence[Piece], pieces: Sequence[Piece], reading: Reading) -> list[Piece] | None:
    """Write in the writer's HTML what some blocks show; None where that would not be HTML of as many blocks."""
    wanted = canonical(_html(pieces))
    text = _text(like)
    for way in _ways(text, to_html(_text(pieces), anchors=reading.anchors, options=reading.options), reading.resolve):
        found = reading.pieces(way)
        if len(found) != len(like) or not all(map(is_raw, found)):
            continue
        if canonical(_html(found)) == wanted:
            return [replace(piece, gap=old.gap) for piece, old in zip(found, like, strict=True)]
    return None


def _ways(text: str, rendered: str, resolve: Callable[[str], str]) -> Iterator[str]:
    """Propose texts that show what was rendered in the HTML of `text`, the one with the tidiest lines first."""
    for new in dict.fromkeys((_BETWEEN.sub("><", rendered), rendered)):
        spliced = patch_html(text, new, settle=resolve)
        if not spliced.kept:
            continue
        html = _readdressed(spliced.html, text, new, resolve)
        yield from dict.fromkeys((_in_lines(html, text), html, _BLANK.sub("", html), _BLANK.sub("&#10;", html)))


def _in_lines(html: str, text: str) -> str:
    """Put elements that are new beside a line of the writer's on lines of their own."""
    old, new = text.split("\n"), html.split("\n")
    out: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        lines = new[c:d]
        out += _parted(lines, old[a], old[b - 1], out[-1:]) if tag == "replace" else lines
    return "\n".join(out)


def _parted(lines: Sequence[str], first: str, last: str, above: Sequence[str]) -> Sequence[str]:
    """Part lines from the writer's own line that they begin or end with."""
    ending = last.strip()
    new = lines[-1].removesuffix(ending).strip()
    if ending and lines[-1].endswith(ending) and not _depth("\n".join((*lines[:-1], new))):
        beside = above[0] if ending.startswith("</") and above and len(lines) == 1 else last
        return [*lines[:-1], *([_indentation(beside) + new] if new else []), last]
    new = lines[0].removeprefix(first)
    if first.strip() and lines[0].startswith(first) and not _depth("\n".join((new, *lines[1:]))):
        return [first, _indentation(first) + new.strip(), *lines[1:]]
    return lines


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text + "\n" * (1 + piece.gap) for piece in pieces).rstrip("\n")


def _readdressed(html: str, text: str, rendered: str, resolve: Callable[[str], str]) -> str:
    """Write addresses that are new in a text as they are written where they come from."""
    own = {address.value for address in rawtags.attributes(text) if address.is_address}
    new = {
        address_form(resolve(found.value)): found.value for found in rawtags.attributes(rendered) if found.is_address
    }
    return rawtags.replaced(html, lambda address: address if address in own else new.get(address, address))
