"""What a fragment is cut into, as values: leaves, the spaces between them, the edges of the wrappers around them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kbsync.markup.html.spans import Span
from kbsync.markup.splicing.frames import Frame, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A piece that shows something; `bare` when it is inline content that no paragraph holds.

    `named` is the frame in which it tells the name of the wrapper that it stands first in.
    """

    start: int
    end: int
    lines: tuple[str, ...]
    frame: Frame = field(repr=False)
    span: Span | None = None
    told: Told | None = field(default=None, repr=False)
    named: Frame | None = field(default=None, repr=False)
    bare: bool = False

    @property
    def place(self) -> Frame:
        """The frame that tells what a piece shows in the leaf's place."""
        return self.named or self.frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A piece that shows nothing: a spacer, white space, a comment."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Where a wrapper begins or ends; `frame` is that of its content, less its name, which its first leaf tells.

    `named` is the frame of the first leaf, where the wrapper has a name that links go to.
    """

    start: int
    end: int
    frame: Frame = field(repr=False)
    opens: bool
    named: Frame | None = field(default=None, repr=False)


Item = Leaf | Space | Edge


def leaves(items: Sequence[Item]) -> tuple[Leaf, ...]:
    """Give the leaves among the items."""
    return tuple(item for item in items if isinstance(item, Leaf))


def shown_by(items: Sequence[Item]) -> tuple[str, ...]:
    """Tell what items show one after another."""
    return tuple(line for leaf in leaves(items) for line in leaf.lines)
