"""Merge a text with another version of it, block by block, over the version that both come from.

Blocks are known by what they render to. What only one side changed is taken from that side, the rest stays as `mine`
has it, byte for byte; where both changed the same block otherwise, both stand between git's conflict markers. Lists,
quotes and tables are merged in their parts; where the outcome would not show what each part must, as whole blocks.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kbsync.markup.merge.blocks import Piece, recut
from kbsync.markup.merge.conflicts import BETWEEN, OURS_MARKER, PORTAL, resolve_to_sides
from kbsync.markup.merge.diff3 import Stretch, Whose, stretches, stretches_without_base
from kbsync.markup.merge.graft import IncludeConflict, Template, as_written, graft, stepwise
from kbsync.markup.merge.nested import opened_alike, parts_of
from kbsync.markup.merge.raw_html import Reading, in_hand, kept_by_hand
from kbsync.markup.merge.style import CLOSE, MIDDLE, OPEN, Step
from kbsync.markup.options import PLAIN, MarkupOptions
from kbsync.markup.to_html import identity

# After the sign of a marker stands how many empty lines it needs.
_GAP = 0x100010
_MOST_GAP = 1000
_SIGNS = re.compile("[\U00100000-\U0010fffd]")
_OPENED = re.compile(rf"\n*{OPEN}([^\n])\n*")
_PARTED = re.compile(rf"\n*{MIDDLE}\n*")
_CLOSED = re.compile(rf"\n*{CLOSE}([^\n])\n*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeVersion:
    """A text, and how its addresses are brought to the form in which versions are compared."""

    text: str
    resolve: Callable[[str], str] = identity


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """A merged text, and in how many places it holds both versions between markers."""

    text: str
    conflicts: int = 0


@dataclass(slots=True)
class _Outcome:
    """Steps from `mine` to a merged text: what they put in, what is to be seen, and how often both versions stand."""

    steps: list[Step] = field(default_factory=list)
    other: list[Piece] = field(default_factory=list)
    yours: list[Piece] = field(default_factory=list)
    portals: list[Piece] = field(default_factory=list)
    conflicts: int = 0


def merge(
    base: MergeVersion | None,
    mine: MergeVersion,
    theirs: MergeVersion,
    *,
    anchors: Collection[str] = frozenset(),
    options: MarkupOptions = PLAIN,
    written: Template | None = None,
) -> MergeResult:
    """Merge what `theirs` changed of `base` into `mine`; without a base wherever the two differ both versions stand.

    `anchors`, `options` and `written` are as for grafting.

    Raises:
        Entangled: what changed cannot be taken over without writing over a mark.
    """
    source = written or as_written(mine.text)
    cut = _Cutting(anchors, options)
    ours = cut.pieces(mine)
    before = cut.pieces(base) if base else None
    before = None if before is None else in_hand(before, ours)
    others = recut(cut.pieces(theirs), ours if before is None else before)
    keys, wanted, old = _keys(ours), _keys(others), None if before is None else _keys(before)
    if wanted in (keys, old):
        return MergeResult(text=source.text)
    if keys == old:
        resolve, text = mine.resolve, theirs.text
        return MergeResult(
            text=graft(mine.text, text, resolve=resolve, anchors=anchors, options=options, written=written)
        )
    if _SIGNS.search(source.text) or _SIGNS.search(theirs.text):
        return _side_by_side(source, theirs.text)
    merged = _finest(cut, source, mine.resolve, _cuts(before, ours, others, cut.reading(theirs)))
    return merged or _side_by_side(source, theirs.text)


def _cuts(
    before: Sequence[Piece] | None, ours: Sequence[Piece], theirs: Sequence[Piece], reading: Reading
) -> Iterator[Sequence[Sequence[Piece]]]:
    """Return rows of pieces, from fine to coarse: taken apart and whole, with the writer's own HTML and without."""
    kept = kept_by_hand(theirs, ours if before is None else before, reading)
    for others in (theirs,) if kept is None else (kept, theirs):
        rows = (ours, others) if before is None else (before, ours, others)
        opened = opened_alike(rows, reading.options)
        if opened is not None:
            yield opened
        yield rows


def _finest(
    cut: "_Cutting",
    source: Template,
    resolve: Callable[[str], str],
    cuts: Iterable[Sequence[Sequence[Piece]]],
) -> MergeResult | None:
    """Merge the first of some cuts, from fine to coarse, whose outcome shows what it must.

    Raises:
        Entangled: there is none, and a text has marks that may not be written over.
    """
    entangled = IncludeConflict(source.placeholders.keys())
    for rows in cuts:
        try:
            merged = _merged(cut, source, resolve, rows)
        except IncludeConflict as error:
            entangled = error
            continue
        if merged is not None:
            return merged
    if source.placeholders:
        raise entangled
    return None


def _merged(
    cut: "_Cutting", source: Template, resolve: Callable[[str], str], rows: Sequence[Sequence[Piece]]
) -> MergeResult | None:
    """Merge rows of pieces, the base first where there is one; None where the outcome would not show what it must.

    Raises:
        Entangled: what changed cannot be taken over without writing over a mark.
    """
    ours, others = rows[-2:]
    keys, wanted = _keys(ours), _keys(others)
    found = stretches(_keys(rows[0]), keys, wanted) if len(rows) > 2 else stretches_without_base(keys, wanted)
    outcome = _outcome(found, source, ours, [piece for piece in others if piece.key is not None])
    text = _with_markers(stepwise(source, ours, outcome.other, outcome.steps))
    for side, pieces in zip(resolve_to_sides(text), (outcome.yours, outcome.portals), strict=True):
        if not cut.shows(MergeVersion(text=source.expand(side), resolve=resolve), pieces):
            return None
    return MergeResult(text=text, conflicts=outcome.conflicts)


class _Cutting:
    """How the versions of one text are cut into blocks."""

    def __init__(self, anchors: Collection[str], options: MarkupOptions) -> None:
        self._anchors = anchors
        self._options = options

    def reading(self, version: MergeVersion) -> Reading:
        return Reading(resolve=version.resolve, anchors=self._anchors, options=self._options)

    def pieces(self, version: MergeVersion) -> tuple[Piece, ...]:
        return self.reading(version).pieces(version.text)

    def shows(self, version: MergeVersion, wanted: Sequence[Piece]) -> bool:
        """Return whether a text shows these pieces, those of one group as the parts of one block."""
        found = [piece for piece in self.pieces(version) if piece.key is not None]
        blocks = _blocks(wanted)
        return len(found) == len(blocks) and all(map(self._is_same, found, blocks))

    def _is_same(self, piece: Piece, wanted: Sequence[Piece]) -> bool:
        group = wanted[0].group
        parts = parts_of(piece, self._options, group=group) if group else (piece,)
        return _keys(parts) == _keys(wanted)


def _keys(pieces: Sequence[Piece]) -> list[str]:
    return [piece.key for piece in pieces if piece.key is not None]


def _blocks(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Bring the parts of one block together."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if piece.group and found and found[-1][0].group == piece.group:
            found[-1].append(piece)
        else:
            found.append([piece])
    return found


def _outcome(found: Sequence[Stretch], source: Template, ours: Sequence[Piece], theirs: Sequence[Piece]) -> _Outcome:
    """Turn stretches of blocks that show into steps over all pieces of `mine`."""
    seen = [at for at, piece in enumerate(ours) if piece.key is not None]
    places = [*seen, len(ours)]
    outcome, done = _Outcome(), 0
    for stretch in found:
        start, stop = places[stretch.mine.start], places[stretch.mine.stop]
        new = [theirs[at] for at in stretch.theirs]
        old = [ours[at] for at in seen[stretch.mine.start : stretch.mine.stop]]
        match stretch.whose:
            case Whose.MINE:
                outcome.yours += old
                outcome.portals += old
                continue
            case Whose.THEIRS:
                _stay(outcome, done, start)
                _put(outcome, new, start, stop)
                outcome.yours += new
                outcome.portals += new
            case Whose.BOTH:
                last = seen[stretch.mine.stop - 1] + 1 if stretch.mine else start
                _stay(outcome, done, start)
                _put(outcome, [_sign(OPEN, _gap_above(source, ours, start))], start, start)
                _stay(outcome, start, last)
                closing = _sign(CLOSE, _gap_above(source, ours, last))
                _put(outcome, [_sign(MIDDLE), *new, closing], last, last)
                stop = last
                outcome.yours += old
                outcome.portals += new
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


def _gap_above(source: Template, ours: Sequence[Piece], at: int) -> int:
    """Count the empty lines above a piece in the writer's text; above its very end there is one."""
    if at >= len(ours):
        return 1
    lines = source.text.split("\n")
    row = source.line_map[ours[at].start]
    above = row
    while above and not lines[above - 1].strip():
        above -= 1
    return row - above


def _with_markers(text: str) -> str:
    """Put markers in the place of their signs, without an empty line between them and what they hold."""
    text = _OPENED.sub(lambda found: _lines(found[1]) + OURS_MARKER + "\n", text)
    text = _PARTED.sub(f"\n{BETWEEN}\n", text)
    text = _CLOSED.sub(lambda found: f"\n{PORTAL}" + _lines(found[1]), text)
    return re.sub(rf"^({re.escape(OURS_MARKER)}\n)\n", r"\1", text.strip("\n") + "\n", flags=re.MULTILINE)


def _lines(sign: str) -> str:
    return "\n" * (1 + ord(sign) - _GAP)


def _side_by_side(source: Template, theirs: str) -> MergeResult:
    """Give both texts whole, where their blocks cannot stand beside one another."""
    if source.placeholders:
        raise IncludeConflict(source.placeholders.keys())
    mine, other = source.text.strip("\n"), source.escape(theirs).strip("\n")
    lines = [OURS_MARKER, *([mine] if mine else []), BETWEEN, *([other] if other else []), PORTAL, ""]
    return MergeResult(text="\n".join(lines), conflicts=1)
