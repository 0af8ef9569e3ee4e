"""What HTML is made of: its elements and attributes counted by name. It tells people what differs, and decides nothing.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from kbsync.markup.html.nodes import Node
from kbsync.markup.html.parse import parse

_MOST_NAMED = 3


def kinds_of(html: str) -> Counter[str]:
    """Count the elements and attributes of a fragment by name."""
    return _counted(parse(html).nodes)


def _counted(nodes: Iterable[Node]) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in nodes:
        if not isinstance(node, str):
            found.update([f"<{node.tag}>", *node.attrs])
            found += _counted(node.children)
    return found


def some(names: Sequence[str]) -> str:
    """Name the first few, and say how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
