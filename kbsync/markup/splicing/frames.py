"""What stands around a stretch of HTML, and what a piece of HTML shows a reader there.

Told in the lines of canonical form, one for each block; never changes a text.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kbsync.markup.canonical import canonical_of
from kbsync.markup.html.nodes import HEADINGS, Element, Node, start_tag
from kbsync.markup.html.parse import parse
from kbsync.markup.html.spans import settled
from kbsync.markup.tidying.spread import is_block
from kbsync.markup.tidying.tidy import tidy

Settle = Callable[[str], str]

_LINES = HEADINGS | {"p"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a piece shows: tidy blocks, and all that stands around them, each a line of canonical form."""

    above: str
    blocks: tuple[Element, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each block, which is all that two pieces need to be compared by."""
        return tuple(self.above + canonical_of((block,)) for block in self.blocks)

    def inside(self) -> "Told | None":
        """Tell what the only block holds; None where there are more, or where it holds more than blocks."""
        if len(self.blocks) != 1:
            return None
        held = [child for child in self.blocks[0].children if isinstance(child, Element)]
        if len(held) != len(self.blocks[0].children):
            return None
        return Told(above=self.above + canonical_of((emptied(self.blocks[0]),)), blocks=tuple(held))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around a stretch: start tags as written, the elements that they make, and how many show.

    `depth` counts those that show a reader something (lists, items, tables …); the others are wrappers.
    """

    settle: Settle
    opens: tuple[str, ...] = ()
    shells: tuple[Element, ...] = ()
    depth: int = 0
    outer: "Frame | None" = None
    wrappers: int = 0
    holds_blocks: bool = True

    @property
    def tag(self) -> str:
        """The tag of the innermost element around."""
        return self.shells[-1].tag if self.shells else ""

    @property
    def close(self) -> str:
        """The end tag of the innermost element around; none for one that only browsers see."""
        return f"</{self.tag}>" if self.opens[-1] else ""

    def within(self, element: Element, opened: str, *, wrapper: bool) -> "Frame":
        """Give the frame of an element's content."""
        return Frame(
            settle=self.settle,
            opens=(*self.opens, opened),
            shells=(*self.shells, emptied(element)),
            depth=self.depth if wrapper else self.depth + 1,
            outer=self,
            wrappers=self.wrappers + 1 if wrapper else 0,
            holds_blocks=element.tag not in _LINES and is_block(element),
        )

    def told(self, nodes: tuple[Node, ...]) -> Told | None:
        """Tell what nodes show in this frame; None where that cannot be told by itself."""
        for shell in reversed(self.shells):
            nodes = (Element(tag=shell.tag, attrs=shell.attrs, children=nodes),)
        return self._read(nodes)

    def shown(self, html: str) -> tuple[str, ...] | None:
        """Tell what a piece of HTML shows in this frame, a line for each block."""
        opens = "".join(start_tag(shell) for shell in self.shells)
        closes = "".join(f"</{shell.tag}>" for shell in reversed(self.shells))
        told = self._read(settled(parse(opens + html + closes).nodes, self.settle))
        return told.lines if told else None

    def _read(self, nodes: tuple[Node, ...]) -> Told | None:
        told: Told | None = Told(above="", blocks=tidy(nodes))
        for _ in range(self.depth):
            if told is None or not told.blocks:
                return told
            told = told.inside()
        return told


def emptied(element: Element) -> Element:
    """Give an element without what it holds."""
    return Element(tag=element.tag, attrs=element.attrs)
