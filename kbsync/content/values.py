"""What YAML wrote, kept as it was written: every scalar as its own text, with the place where it stands.

YAML 1.1 takes `no` for a boolean, `010` for 8 and `2024-01-01` for a date. A title is none of these, so nothing is
resolved here: the room that knows what a key means asks for the type that it wants. Never reads a file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TRUE_WORDS = frozenset({"true", "yes", "on"})
FALSE_WORDS = frozenset({"false", "no", "off"})
_NULL_WORDS = frozenset({"", "~", "null"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands: its line in the file, from 1, and its offsets in the text of the front matter."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value; `style` is its quote or block mark, empty when it was written plain."""

    text: str
    style: str
    place: Place

    @property
    def is_null(self) -> bool:
        """Whether YAML would take this for no value at all."""
        return not self.style and self.text.lower() in _NULL_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A YAML sequence; `flow` says that it was written in brackets."""

    items: tuple["Value", ...]
    flow: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A YAML mapping; `keys` tells where each key stands, `flow` that it was written in braces."""

    items: Mapping[str, "Value"]
    keys: Mapping[str, Place]
    flow: bool
    place: Place


Value = Scalar | Listing | Table
Flat = str | None | tuple["Flat", ...] | dict[str, "Flat"]


def flat(value: Value) -> Flat:
    """Give a value without its places and quotes, to compare two readings of one file."""
    match value:
        case Scalar():
            return None if value.is_null else value.text
        case Listing():
            return tuple(flat(item) for item in value.items)
        case Table():
            return {key: flat(item) for key, item in value.items.items()}


def walk_keys(table: Table, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Walk every key of a table with its line, nested keys as `seo.title`."""
    for key, value in table.items.items():
        yield prefix + key, table.keys[key].line
        if isinstance(value, Table):
            yield from walk_keys(value, f"{prefix}{key}.")
