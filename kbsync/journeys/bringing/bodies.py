"""Live bodies written into files: with the writer's own blocks, includes and variables where they still say the same.

Works on texts; what it cannot write without writing over an include or a variable it refuses, and says where it stands.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kbsync.content.document import parse
from kbsync.content.expansion import Expansion, Use
from kbsync.content.files import Files
from kbsync.content.literals import literal
from kbsync.content.snippets import Snippets
from kbsync.content.tree import Tree
from kbsync.errors import ContentError, Problem
from kbsync.markup.merging.grafting import Entangled, Written, graft
from kbsync.markup.merging.three_ways import Merged, Version, merge
from kbsync.markup.options import Options
from kbsync.versions import from_the_root


class Bodies:
    """Writes the bodies of one tree's articles."""

    def __init__(self, tree: Tree, files: Files, options: Options) -> None:
        self._tree = tree
        self._options = options
        self._snippets = Snippets(files)

    def shielded(self, theirs: str, path: str) -> str:
        """Write a pulled text for the file at `path` so that nothing in it is taken for an include or a variable.

        Raises:
            ContentError: it cannot be written so.
        """
        try:
            return literal(theirs, self._tree.scope(path))
        except ValueError as error:
            raise ContentError((Problem(path=path, what=str(error)),)) from None

    def grafted(self, text: str, theirs: str, path: str, anchors: Collection[str]) -> str:
        """Give the body for a file whose text was `text`, so that readers get `theirs`.

        Raises:
            ContentError: what was edited comes from an include or a variable.
        """
        ours = self._opened(text, path)
        with _named(ours):
            return graft(
                ours.body,
                theirs,
                resolve=from_the_root(path),
                anchors=anchors,
                options=self._options,
                written=ours.written,
            )

    def merged(self, text: str, base: str | None, theirs: str, path: str, anchors: Collection[str]) -> Merged:
        """Merge into the body of a file whose text is `text` what `theirs` has other than `base`.

        Both are bodies as readers get them; without a base all in which the two differ stands between markers.

        Raises:
            ContentError: what was edited comes from an include or a variable.
        """
        ours, resolve = self._opened(text, path), from_the_root(path)
        with _named(ours):
            return merge(
                None if base is None else Version(text=base, resolve=resolve),
                Version(text=ours.body, resolve=resolve),
                Version(text=theirs, resolve=resolve),
                anchors=anchors,
                options=self._options,
                written=ours.written,
            )

    def shown(self, text: str, path: str) -> str:
        """Give the body that readers get of a file with this text."""
        return self._opened(text, path).body

    def _opened(self, text: str, path: str) -> "_Opened":
        document = parse(text, path)
        expander = self._snippets.expander(self._tree.scope(path))

        def expand(body: str) -> str:
            made = expander.expand(body, path=path, line=document.body_line)
            return made.body if made else body

        expansion = expander.expand(document.body, path=path, line=document.body_line)
        written = Written(
            text=document.body,
            rows=expansion.rows if expansion else range(document.body.count("\n") + 1),
            marks=_marks(expansion.uses) if expansion else {},
            expand=expand,
            shield=lambda part: self.shielded(part, path),
        )
        return _Opened(path=path, line=document.body_line, written=written, expansion=expansion)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A file's body as it was written, and as readers get it."""

    path: str
    line: int
    written: Written
    expansion: Expansion | None

    @property
    def body(self) -> str:
        return self.expansion.body if self.expansion else self.written.text


@contextmanager
def _named(ours: _Opened) -> Iterator[None]:
    """Say where it stands what cannot be written over."""
    try:
        yield
    except Entangled as entangled:
        raise _refusal(ours.path, ours.line, ours.expansion, entangled.rows) from None


def _marks(uses: Sequence[Use]) -> Mapping[int, Sequence[tuple[str, str]]]:
    found = defaultdict(list)
    for use in uses:
        found[use.row].append((use.written, use.shown))
    return found


def _refusal(path: str, body_line: int, expansion: Expansion | None, rows: Sequence[int]) -> ContentError:
    uses = [use for use in expansion.uses if use.row in rows] if expansion else []
    told = {
        f"what was edited on the portal comes from `{use.path}`; edit it there"
        if use.path
        else f"what was edited on the portal stands around `{use.written}`; edit the file by hand": body_line + use.row
        for use in reversed(uses)
    }
    return ContentError(tuple(Problem(path=path, line=line, what=what) for what, line in told.items()))
