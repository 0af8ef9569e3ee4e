"""Merge a text with another version of it, block by block, over the version that both come from.

Blocks are known by what they render to. What only one side changed is taken from that side, the rest stays as `mine`
has it, byte for byte; where both changed the same block otherwise, both stand between git's conflict markers.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from kbsync.markup.merging.conflicts import BETWEEN, PORTAL, YOURS, sides
from kbsync.markup.merging.grafting import Entangled, Step, Written, as_written, graft, stepwise
from kbsync.markup.merging.hunks import Stretch, Whose, stretches, stretches_without_base
from kbsync.markup.merging.pieces import Piece, pieces_of
from kbsync.markup.merging.recutting import recut
from kbsync.markup.options import PLAIN, Options
from kbsync.markup.to_html import identity

# Signs for private use that stand for markers while a text is put together; after each, how many empty lines it needs.
_OPEN, _MIDDLE, _CLOSE, _GAP = "\U00100000", "\U00100001", "\U00100002", 0x100010
_MOST_GAP = 1000
_SIGNS = re.compile("[\U00100000-\U0010fffd]")
_OPENED = re.compile(rf"\n*{_OPEN}([^\n])\n*")
_PARTED = re.compile(rf"\n*{_MIDDLE}\n*")
_CLOSED = re.compile(rf"\n*{_CLOSE}([^\n])\n*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A text, and how its addresses are brought to the form in which versions are compared."""

    text: str
    resolve: Callable[[str], str] = identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merged text, and in how many places it holds both versions between markers."""

    text: str
    conflicts: int = 0


@dataclass(slots=True)
class _Outcome:
    """Steps from `mine` to a merged text: what they put in, what is to be seen, and how often both versions stand."""

    steps: list[Step] = field(default_factory=list)
    other: list[Piece] = field(default_factory=list)
    yours: list[str | None] = field(default_factory=list)
    portals: list[str | None] = field(default_factory=list)
    conflicts: int = 0


def merge(
    base: Version | None,
    mine: Version,
    theirs: Version,
    *,
    anchors: Collection[str] = frozenset(),
    options: Options = PLAIN,
    written: Written | None = None,
) -> Merged:
    """Merge what `theirs` changed of `base` into `mine`; without a base wherever the two differ both versions stand.

    `anchors`, `options` and `written` are as for grafting.

    Raises:
        Entangled: what changed cannot be taken over without writing over a mark.
    """
    source = written or as_written(mine.text)
    cut = _Cutting(anchors, options)
    ours = cut.pieces(mine)
    before = cut.pieces(base) if base else None
    others = recut(cut.pieces(theirs), ours if before is None else before)
    keys, wanted, old = _keys(ours), _keys(others), None if before is None else _keys(before)
    if wanted in (keys, old):
        return Merged(text=source.text)
    if keys == old:
        resolve, text = mine.resolve, theirs.text
        return Merged(text=graft(mine.text, text, resolve=resolve, anchors=anchors, options=options, written=written))
    found = stretches(old, keys, wanted) if old is not None else stretches_without_base(keys, wanted)
    if _SIGNS.search(source.text) or _SIGNS.search(theirs.text):
        return _side_by_side(source, theirs.text)
    outcome = _outcome(found, source, ours, [piece for piece in others if piece.key is not None])
    merged = Merged(
        text=_with_markers(stepwise(source, ours, outcome.other, outcome.steps)), conflicts=outcome.conflicts
    )
    shown = tuple(
        _keys(cut.pieces(Version(text=source.expand(side), resolve=mine.resolve))) for side in sides(merged.text)
    )
    return merged if shown == (outcome.yours, outcome.portals) else _side_by_side(source, theirs.text)


class _Cutting:
    """How the versions of one text are cut into blocks."""

    def __init__(self, anchors: Collection[str], options: Options) -> None:
        self._anchors = anchors
        self._options = options

    def pieces(self, version: Version) -> tuple[Piece, ...]:
        return pieces_of(version.text, resolve=version.resolve, anchors=self._anchors, options=self._options)


def _keys(pieces: Sequence[Piece]) -> list[str]:
    return [piece.key for piece in pieces if piece.key is not None]


def _outcome(found: Sequence[Stretch], source: Written, ours: Sequence[Piece], theirs: Sequence[Piece]) -> _Outcome:
    """Turn stretches of blocks that show into steps over all pieces of `mine`."""
    seen = [at for at, piece in enumerate(ours) if piece.key is not None]
    places = [*seen, len(ours)]
    outcome, done = _Outcome(), 0
    for stretch in found:
        start, stop = places[stretch.mine.start], places[stretch.mine.stop]
        new = [theirs[at] for at in stretch.theirs]
        old = [ours[at].key for at in seen[stretch.mine.start : stretch.mine.stop]]
        match stretch.whose:
            case Whose.MINE:
                outcome.yours += old
                outcome.portals += old
                continue
            case Whose.THEIRS:
                _stay(outcome, done, start)
                _put(outcome, new, start, stop)
                outcome.yours += _keys(new)
                outcome.portals += _keys(new)
            case Whose.BOTH:
                last = seen[stretch.mine.stop - 1] + 1 if stretch.mine else start
                _stay(outcome, done, start)
                _put(outcome, [_sign(_OPEN, _gap_above(source, ours, start))], start, start)
                _stay(outcome, start, last)
                closing = _sign(_CLOSE, _gap_above(source, ours, last))
                _put(outcome, [_sign(_MIDDLE), *new, closing], last, last)
                stop = last
                outcome.yours += old
                outcome.portals += _keys(new)
                outcome.conflicts += 1
        done = stop
    _stay(outcome, done, len(ours))
    return outcome


def _stay(outcome: _Outcome, start: int, stop: int) -> None:
    if start < stop:
        outcome.steps.append(("equal", start, stop, 0, 0))


def _put(outcome: _Outcome, new: Sequence[Piece], start: int, stop: int) -> None:
    at = len(outcome.other)
    outcome.other += new
    tag = ("replace" if new else "delete") if start < stop else "insert"
    outcome.steps.append((tag, start, stop, at, len(outcome.other)))


def _sign(sign: str, gap: int | None = None) -> Piece:
    text = sign if gap is None else sign + chr(_GAP + min(gap, _MOST_GAP))
    return Piece(start=-1, end=-1, text=text, gap=1, key=f"sign {text}")


def _gap_above(source: Written, ours: Sequence[Piece], at: int) -> int:
    """Count the empty lines above a piece in the writer's text; above its very end there is one."""
    if at >= len(ours):
        return 1
    lines = source.text.split("\n")
    row = source.rows[ours[at].start]
    above = row
    while above and not lines[above - 1].strip():
        above -= 1
    return row - above


def _with_markers(text: str) -> str:
    """Put markers in the place of their signs, without an empty line between them and what they hold."""
    text = _OPENED.sub(lambda found: _lines(found[1]) + YOURS + "\n", text)
    text = _PARTED.sub(f"\n{BETWEEN}\n", text)
    text = _CLOSED.sub(lambda found: f"\n{PORTAL}" + _lines(found[1]), text)
    return re.sub(rf"^({re.escape(YOURS)}\n)\n", r"\1", text.strip("\n") + "\n", flags=re.MULTILINE)


def _lines(sign: str) -> str:
    return "\n" * (1 + ord(sign) - _GAP)


def _side_by_side(source: Written, theirs: str) -> Merged:
    """Give both texts whole, where their blocks cannot stand beside one another."""
    if source.marks:
        raise Entangled(source.marks.keys())
    mine, other = source.text.strip("\n"), source.shield(theirs).strip("\n")
    lines = [YOURS, *([mine] if mine else []), BETWEEN, *([other] if other else []), PORTAL, ""]
    return Merged(text="\n".join(lines), conflicts=1)
