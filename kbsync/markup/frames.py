"""What stands around a stretch of HTML, and what a piece of HTML shows a reader there.

Told in the lines of canonical form, one for each block; never changes a text.
"""

from collections.abc import Callable
from dataclasses import dataclass

from kbsync.markup.canonical import canonical_of
from kbsync.markup.nodes import BLOCKS, HEADINGS, Element, Node, start_tag
from kbsync.markup.parse import parse
from kbsync.markup.spans import settled
from kbsync.markup.tidy import tidy

Settle = Callable[[str], str]

_LINES = HEADINGS | {"p"}


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

    @property
    def tag(self) -> str:
        """The tag of the innermost element around."""
        return self.shells[-1].tag if self.shells else ""

    @property
    def holds_blocks(self) -> bool:
        """Whether a block can stand here as HTML is written."""
        return self.tag == "" or (self.tag in BLOCKS and self.tag not in _LINES)

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
        )

    def lines(self, nodes: tuple[Node, ...]) -> tuple[str, ...] | None:
        """Tell what nodes show in this frame, a line for each block; None where that cannot be told by itself."""
        for shell in reversed(self.shells):
            nodes = (Element(tag=shell.tag, attrs=shell.attrs, children=nodes),)
        return self._read(nodes)

    def shown(self, html: str) -> tuple[str, ...] | None:
        """Tell what a piece of HTML shows in this frame."""
        opens = "".join(start_tag(shell) for shell in self.shells)
        closes = "".join(f"</{shell.tag}>" for shell in reversed(self.shells))
        return self._read(settled(parse(opens + html + closes).nodes, self.settle))

    def _read(self, nodes: tuple[Node, ...]) -> tuple[str, ...] | None:
        blocks: tuple[Node, ...] = tidy(nodes)
        above = ""
        for _ in range(self.depth):
            if not blocks:
                return ()
            only = blocks[0]
            if len(blocks) != 1 or isinstance(only, str):
                return None
            above += canonical_of((emptied(only),))
            blocks = only.children
        shown = [block for block in blocks if isinstance(block, Element)]
        return tuple(above + canonical_of((block,)) for block in shown) if len(shown) == len(blocks) else None


def emptied(element: Element) -> Element:
    """Give an element without what it holds."""
    return Element(tag=element.tag, attrs=element.attrs)
