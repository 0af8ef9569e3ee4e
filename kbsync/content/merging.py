"""Front matter of two sides put together: lists by what each side added and took away, the rest between markers.

Text in, text out; which fields both sides changed is told by whoever asks.
"""

from collections.abc import Mapping, Sequence

from kbsync.content.document import edit, parse
from kbsync.content.frame import newline_of, unix_newlines
from kbsync.content.values import Flat, flat
from kbsync.errors import ContentError
from kbsync.markup.merging.conflicts import marked
from kbsync.model import FieldValue

Entries = Sequence[str] | Sequence[int]


def merged_list(base: Entries, mine: Entries, theirs: Entries) -> FieldValue:
    """Give `mine` with what `theirs` added to the base, and without what it took away."""
    old, kept = {str(entry) for entry in base}, {str(entry) for entry in theirs}
    stay = [entry for entry in mine if str(entry) in kept or str(entry) not in old]
    mine_too = old | {str(entry) for entry in stay}
    return (*stay, *(entry for entry in theirs if str(entry) not in mine_too))  # type: ignore[return-value]


def listed(text: str, name: str) -> tuple[str, ...]:
    """Give a list that a file's own front matter holds, nested ones named `seo.keywords`; empty where it has none."""
    outer, _, inner = name.partition(".")
    try:
        value = parse(text, "").front.items.get(outer)
    except ContentError:
        return ()
    said: Flat = None if value is None else flat(value)
    if inner:
        said = said.get(inner) if isinstance(said, dict) else None
    if isinstance(said, str):
        return tuple(filter(None, (part.strip() for part in said.split(","))))
    return tuple(str(entry) for entry in said) if isinstance(said, tuple) else ()


def marked_fields(text: str, theirs: Mapping[str, FieldValue], *, path: str = "") -> str:
    """Put the lines that say some fields between conflict markers, with the lines that say them as `theirs` does.

    Raises:
        ContentError: the file cannot be edited so.
    """
    newline = newline_of(text)
    other = edit(text, theirs, path=path)
    lines = (unix_newlines(one).split("\n") for one in (text, other))
    return newline.join(marked(*lines))
