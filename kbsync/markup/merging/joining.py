"""Blocks and parts of blocks put together as a text, with the empty lines that stand between them. Text out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kbsync.markup.merging.restyling import is_parted


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A block of the outcome and the empty lines after it; where it stood in the writer's text, if it did.

    A part of a block names its group, how many empty lines stand above parts like it, and how many below the block.
    """

    text: str
    gap: int
    start: int = -1
    end: int = -1
    group: str = ""
    above: int = 1
    below: int = 1


_NOTHING = Taken(text="", gap=0)


def joined(taken: Sequence[Taken]) -> str:
    """Put blocks together, an empty line between two that did not stand beside one another in the writer's text.

    Parts of one block stand as close as others of their kind.
    """
    return (
        "".join(one.text + "\n" * (1 + _gap(one, after)) for one, after in pairwise([*taken, _NOTHING])).strip("\n")
        + "\n"
    )


def _gap(one: Taken, after: Taken) -> int:
    if one.end >= 0 and one.end + one.gap == after.start:
        return one.gap
    if not one.group:
        return max(1, one.gap)
    if one.group != after.group:
        return one.below
    return 0 if is_parted(after.text) else after.above
