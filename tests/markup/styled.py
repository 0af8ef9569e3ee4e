"""Articles in various styles of Markdown, made of numbered leaves: paragraphs, list items, cells, quotes.

A text is written with some leaves edited; everything else in it stays as it is, byte for byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from hypothesis import strategies as st

Edits = Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A paragraph; it may be wrapped by hand."""

    saying: str
    is_wrapped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """A list with its markers, and whether there are blank lines between its items."""

    marker: str
    spaces: int
    step: int
    is_loose: bool
    items: tuple[tuple["Node", ...], ...]

    def lead(self, number: int) -> str:
        mark = self.marker if self.marker in "*-+" else f"{1 + number * self.step}{self.marker}"
        return mark + " " * self.spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quote of some blocks."""

    space: str
    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of two columns, with or without spaces around its cells; a row is a leaf."""

    space: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Fenced code, in which nothing is edited."""

    line: str


Node = Leaf | List | Quote | Table | Code

SAYINGS = st.sampled_from(
    ["says this __much__ here", "is *slanted*  here", "שלום __b__", "has 🇫🇷 👩‍👩‍👧 in it", "ends in `code`"]
)
LEAVES = st.builds(Leaf, saying=SAYINGS, is_wrapped=st.booleans())
CODES = st.builds(Code, line=st.sampled_from(["ls -la", "* no item", "> no quote", "| no | row |"]))
TABLES = st.builds(Table, space=st.sampled_from(["", " "]), rows=st.integers(1, 3))


def _lists(children: st.SearchStrategy[Node]) -> st.SearchStrategy[List]:
    item = st.tuples(LEAVES) | st.tuples(LEAVES) | st.tuples(LEAVES, children)
    return st.builds(
        List,
        marker=st.sampled_from(["*", "-", "+", ".", ")"]),
        spaces=st.integers(1, 3),
        step=st.integers(0, 1),
        is_loose=st.booleans(),
        items=st.lists(item, min_size=1, max_size=4).map(tuple),
    )


def _quotes(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Quote]:
    some = (
        st.lists(LEAVES, min_size=1, max_size=3).map(tuple) | st.tuples(LEAVES, children) | st.tuples(children, LEAVES)
    )
    return st.builds(Quote, space=st.sampled_from([" ", ""]), nodes=some)


NODES: st.SearchStrategy[Node] = st.recursive(
    LEAVES | CODES | TABLES, lambda children: _lists(children) | _quotes(children), max_leaves=8
)
ARTICLES = st.lists(_lists(NODES) | _quotes(NODES) | TABLES | LEAVES, min_size=1, max_size=3).map(tuple)


def text_of(article: tuple[Node, ...], edits: Edits) -> str:
    """Write an article, with a paragraph between two blocks of one kind so that they are not joined."""
    return "\n".join(_blocks(article, count(), edits)) + "\n"


def leaves_of(article: tuple[Node, ...]) -> int:
    """Count an article's leaves."""
    numbers = count()
    list(_blocks(article, numbers, {}))
    return next(numbers)


def _blocks(nodes: tuple[Node, ...], numbers: Iterator[int], edits: Edits) -> Iterator[str]:
    for at, node in enumerate(nodes):
        if at:
            yield ""
            if not isinstance(nodes[at - 1], Leaf):
                yield from ("Between.", "")
        yield from _lines(node, numbers, edits)


def _lines(node: Node, numbers: Iterator[int], edits: Edits) -> Iterator[str]:
    match node:
        case Leaf():
            number = next(numbers)
            name = f"Leaf {number} of them all"
            saying = edits.get(number, node.saying)
            yield from (name, saying) if node.is_wrapped else (f"{name} {saying}",)
        case Code():
            yield from ("```text", node.line, "```")
        case Table():
            yield from _rows(node, numbers, edits)
        case Quote():
            for line in _blocks(node.nodes, numbers, edits):
                space = " " if line.startswith(" ") else node.space
                yield f">{space}{line}" if line else ">"
        case List():
            for at, item in enumerate(node.items):
                if at and node.is_loose:
                    yield ""
                yield from _item(node, node.lead(at), item, numbers, edits)


def _item(of: List, lead: str, item: tuple[Node, ...], numbers: Iterator[int], edits: Edits) -> Iterator[str]:
    first = lead
    for at, node in enumerate(item):
        if at and (of.is_loose or not isinstance(node, List)):
            yield ""
        for line in _lines(node, numbers, edits):
            yield first + line if line else ""
            first = " " * len(lead)


def _rows(table: Table, numbers: Iterator[int], edits: Edits) -> Iterator[str]:
    for row in range(table.rows + 1):
        number = next(numbers)
        cells = (f"Leaf {number}", edits.get(number, "is a cell"))
        yield "|" + "|".join(f"{table.space}{cell}{table.space}" for cell in cells) + "|"
        if not row:
            yield "|:--|---|"
