"""Line edits of front matter: text in, text out, by the places that reading it gave.

Keeps every byte it is not asked to change. Whether the outcome says what was wanted is for the caller to check.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from kbsync.errors import ContentError, Problem
from kbsync.model import FieldValue

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
PlainValue = str | None | tuple["PlainValue", ...] | dict[str, "PlainValue"]


def plain_value(value: Value) -> PlainValue:
    """Return a value without its places and quotes, to compare two readings of one file."""
    match value:
        case Scalar():
            return None if value.is_null else value.text
        case Listing():
            return tuple(plain_value(item) for item in value.items)
        case Table():
            return {key: plain_value(item) for key, item in value.items.items()}


def walk_keys(table: Table, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Walk every key of a table with its line, nested keys as `seo.title`."""
    for key, value in table.items.items():
        yield prefix + key, table.keys[key].line
        if isinstance(value, Table):
            yield from walk_keys(value, f"{prefix}{key}.")


_Fastest: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LIBRARY = YAMLHandler()
_DEEPEST = 12
_LARGEST = 20_000
_PLAIN_TYPES = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _PLAIN_TYPES)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_NO_FRONT_MATTER_MEANT = "where the `---` is a line across the page, write it as `***`"
NOTHING = Table(items={}, keys={}, flow=False, place=Place(line=1, start=0, end=0))


class _NodeLoader(_Fastest):  # type: ignore[misc]
    def get_single_data(self) -> object:
        return self.get_single_node()


def read(source: str, *, first_line: int, path: str) -> Table:
    """Read front matter that begins on a given line of its file.

    Raises:
        ContentError: it is no YAML, says a key twice, or is no mapping; with every problem found.
    """
    try:
        node = _LIBRARY.load(source, Loader=_NodeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ContentError((_problem_from_yaml(error, source, first_line, path),)) from None
    if node is None:
        return NOTHING
    reading = _Reading(path=path, first_line=first_line)
    value = reading.value(node, 0)
    if not isinstance(value, Table):
        what = "the front matter is not made of `key: value` lines"
        raise ContentError((Problem(path=path, line=first_line, message=what, advice=_NO_FRONT_MATTER_MEANT),))
    if reading.problems:
        raise ContentError(tuple(dict.fromkeys(reading.problems)))
    return value


def write(value: FieldValue, *, style: str = "") -> str:
    """Write a value as YAML on one line, quoted where it must be, or with the quote that `style` names."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_write_scalar(item, style, flow=True) for item in value) + "]"
    return _write_scalar(value, style, flow=False)


def _write_scalar(value: str | int | None, style: str, *, flow: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "null" if value is None else str(value)
    if style == '"' or _UNPRINTABLE.search(value):
        return _in_double_quotes(value)
    # The C dumper escapes whatever lies beyond the basic plane, emoji among it, so it is the Python one that writes.
    written = _LIBRARY.export(
        [value],  # type: ignore[arg-type]
        Dumper=yaml.SafeDumper,
        width=float("inf"),
        default_style=style or ("'" if value != value.strip() else None),
        default_flow_style=flow,
    )
    return written[1:-1] if flow else written.removeprefix("- ")


def _in_double_quotes(value: str) -> str:
    """Quote as YAML does, with nothing escaped that an editor can show; the library escapes emoji here too."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{_UNPRINTABLE.sub(lambda found: f"{chr(92)}u{ord(found.group()):04x}", escaped)}"'


class _Reading:
    """One walk over YAML's nodes that gathers what is wrong with them."""

    def __init__(self, *, path: str, first_line: int) -> None:
        self.path = path
        self.first_line = first_line
        self.problems: list[Problem] = []
        self.seen = 0

    def value(self, node: yaml.Node, depth: int) -> Value:
        place = self._place(node)
        self.seen += 1
        if depth > _DEEPEST or self.seen > _LARGEST:
            self._wrong(place, "the front matter is nested too deeply or refers to itself", "no key here needs that")
            return Scalar(text="", style="", place=place)
        if node.tag not in _TAGS:
            self._wrong(place, f"the YAML tag `{node.tag}` means nothing here", "write the value without it")
        if isinstance(node, yaml.ScalarNode):
            return Scalar(text=node.value, style=node.style or "", place=place)
        if isinstance(node, yaml.SequenceNode):
            items = tuple(self.value(item, depth + 1) for item in node.value)
            return Listing(items=items, flow=bool(node.flow_style), place=place)
        if isinstance(node, yaml.MappingNode):
            return self._table(node, depth)
        raise TypeError(node)

    def _table(self, node: yaml.MappingNode, depth: int) -> Table:
        items: dict[str, Value] = {}
        keys: dict[str, Place] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            if not key:
                self._wrong(place, "a key of the front matter is no word", "write `key: value`")
            elif key in items:
                self._wrong(place, f"`{key}` stands twice, first on line {keys[key].line}", "keep one of the two")
            else:
                items[key], keys[key] = self.value(value_node, depth + 1), place
        return Table(items=items, keys=keys, flow=bool(node.flow_style), place=self._place(node))

    def _place(self, node: yaml.Node) -> Place:
        begin, end = node.start_mark, node.end_mark
        return Place(line=self.first_line + begin.line, start=begin.index, end=end.index)

    def _wrong(self, place: Place, what: str, advice: str) -> None:
        self.problems.append(Problem(path=self.path, line=place.line, message=what, advice=advice))


def _problem_from_yaml(error: Exception, source: str, first_line: int, path: str) -> Problem:
    unfinished = "end of stream" in str(getattr(error, "problem", ""))
    mark = getattr(error, "context_mark" if unfinished else "problem_mark", None)
    offset = getattr(error, "position", None)
    number = mark.line if mark is not None else source.count("\n", 0, offset) if isinstance(offset, int) else 0
    lines = source.splitlines()
    number = min(number, max(len(lines) - 1, 0))
    line = lines[number] if lines else ""
    at = first_line + number
    if "\t" in line[: len(line) - len(line.lstrip())] or line[mark.column : mark.column + 1] == "\t" if mark else False:
        return Problem(path=path, line=at, message="a tab in the front matter", advice="indent it with spaces")
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    advice = 'put the value in quotes: `key: "value"`' if _wants_quotes(line) else "mend the YAML on this line or above"
    return Problem(path=path, line=at, message=f"the front matter is no YAML: {what}", advice=advice)


def _wants_quotes(line: str) -> bool:
    _, colon, value = line.partition(":")
    value = value.strip()
    return bool(colon and value) and (value[0] in "@`%&*!|>[]{}\"'" or ": " in value or value.endswith(":"))


_ALIAS = re.compile(r"[ \t]*:[ \t]+(\*[^\s,\]}]+)")
_COLON = re.compile(r"[ \t]*:")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_QUOTES = ("'", '"')


def change(source: str, table: Table, name: str, value: FieldValue, newline: str) -> str:
    """Change one key of a block of front matter, nested ones named `seo.title`; None takes it away.

    Raises:
        ValueError: the key is written in a way that a line edit cannot change.
    """
    outer, _, inner = name.partition(".")
    if not inner:
        return _in_block(source, table, outer, value, newline)
    holder = table.items.get(outer)
    if isinstance(holder, Scalar) and holder.is_null:
        source, holder = _without(source, table, outer), None
        table = Table(items={}, keys={}, flow=table.flow, place=table.place)
    match holder:
        case None:
            return source if value is None else _added(source, table, new_lines({name: value}, newline), newline)
        case Table(flow=False) if _starts_after_key(table, outer):
            last = value is None and set(holder.items) == {inner}
            return _without(source, table, outer) if last else _in_block(source, holder, inner, value, newline)
        case Table():
            return _in_braces(source, table, outer, holder, inner, value)
        case _:
            raise ValueError(f"`{outer}` is not made of `key: value` lines")


def new_lines(fields: Mapping[str, FieldValue], newline: str) -> str:
    """Write fields as lines of front matter, `seo.title` and its like gathered under one key."""
    lines: list[str] = []
    opened = ""
    for name, value in fields.items():
        outer, _, inner = name.partition(".")
        if inner and outer != opened:
            lines.append(f"{outer}:")
        opened = outer if inner else ""
        lines.append(f"  {inner}: {write(value)}" if inner else f"{outer}: {write(value)}")
    return "".join(line + newline for line in lines)


def _in_block(source: str, block: Table, key: str, value: FieldValue, newline: str) -> str:
    if block.flow:
        raise ValueError("the front matter is written in braces")
    if key not in block.keys:
        return source if value is None else _added(source, block, f"{key}: {write(value)}{newline}", newline)
    if value is None:
        return _without(source, block, key)
    old = block.items[key]
    if isinstance(old, Listing) and isinstance(value, tuple) and value and not old.flow and old.items:
        return _items_changed(source, old, tuple(map(str, value)), newline)
    start, end = _value_span(source, block, key)
    lead = "" if source[start - 1 : start] in " \t" else " "
    return source[:start] + lead + write(value, style=_style_of(old)) + source[end:]


def _in_braces(source: str, table: Table, key: str, holder: Table, inner: str, value: FieldValue) -> str:
    kept = {name: source[item.place.start : item.place.end] for name, item in holder.items.items() if name != inner}
    if value is not None:
        kept[inner] = write((str(value),))[1:-1] if isinstance(value, str | int) else write(value)
    if not kept:
        return _without(source, table, key)
    start, end = _value_span(source, table, key)
    return source[:start] + "{" + ", ".join(f"{name}: {text}" for name, text in kept.items()) + "}" + source[end:]


def _items_changed(source: str, old: Listing, wanted: tuple[str, ...], newline: str) -> str:
    """Take away the lines of the items that are gone and add lines for the new ones: the order does not count."""
    first = _line_start(source, old.items[0].place.start)
    mark = source[first : old.items[0].place.start]
    if mark.strip() != "-":
        raise ValueError("the list is written in a way that cannot be edited line by line")
    known = {item.text for item in old.items if isinstance(item, Scalar)}
    style = _style_of(old)
    added = "".join(f"{mark}{write((text,), style=style)[1:-1]}{newline}" for text in wanted if text not in known)
    at = _line_end(source, _end_of(source, old.items[-1]))
    lead = newline if added and source[at - 1 : at] not in "\r\n" else ""
    edited = source[:at] + lead + added + source[at:]
    for item in reversed(old.items):
        if not (isinstance(item, Scalar) and item.text in wanted):
            edited = _cut_lines(edited, item.place.start, _end_of(source, item))
    return edited


def _added(source: str, block: Table, lines: str, newline: str) -> str:
    if block.flow:
        raise ValueError("the front matter is written in braces")
    if not block.keys:
        lead = "" if not source or source.endswith(("\n", "\r")) else newline
        return source + lead + lines
    first, last = next(iter(block.keys.values())), list(block.items.values())[-1]
    indent = source[_line_start(source, first.start) : first.start]
    if indent.strip():
        raise ValueError("its keys are written in a way that cannot be edited line by line")
    at = _line_end(source, max(_end_of(source, last), list(block.keys.values())[-1].end))
    if isinstance(last, Scalar) and last.style in ("|", ">"):
        at = max(at, _line_end(source, last.place.end - 1))
    lead = "" if source[at - 1 : at] in "\r\n" else newline
    return source[:at] + lead + "".join(indent + line for line in lines.splitlines(keepends=True)) + source[at:]


def _without(source: str, block: Table, key: str) -> str:
    place = block.keys[key]
    if block.flow or source[_line_start(source, place.start) : place.start].strip():
        raise ValueError(f"`{key}` is written in a way that cannot be edited line by line")
    return _cut_lines(source, place.start, _value_span(source, block, key)[1])


def _value_span(source: str, block: Table, key: str) -> tuple[int, int]:
    place, value = block.keys[key], block.items[key]
    colon = _COLON.match(source, place.end)
    after = colon.end() if colon else place.end
    if not _starts_after_key(block, key):
        alias = _ALIAS.match(source, place.end)
        if alias is None:
            raise ValueError(f"`{key}` is written in a way that cannot be edited line by line")
        return alias.span(1)
    if isinstance(value, Scalar) and value.place.start == value.place.end:
        return after, after
    on_its_own_lines = not isinstance(value, Scalar) and not value.flow
    return (after if on_its_own_lines else value.place.start), _end_of(source, value)


def _starts_after_key(block: Table, key: str) -> bool:
    """Tell a value that stands behind its key from an alias, whose place is that of its anchor."""
    return block.items[key].place.start >= block.keys[key].end


def _end_of(source: str, value: Value) -> int:
    """Return the offset behind the last character of a value; what YAML counts in after it may be comments."""
    match value:
        case Scalar(style="|" | ">"):
            return value.place.start + len(source[value.place.start : value.place.end].rstrip())
        case Listing(flow=False) if value.items:
            return max(_end_of(source, item) for item in value.items)
        case Table(flow=False) if value.items:
            ends = (_end_of(source, item) for item in value.items.values())
            return max(*ends, *(place.end for place in value.keys.values()))
        case _:
            return value.place.end


def _style_of(value: Value) -> str:
    if isinstance(value, Listing):
        styles = {_style_of(item) for item in value.items}
        return styles.pop() if len(styles) == 1 else ""
    return value.style if isinstance(value, Scalar) and value.style in _QUOTES else ""


def _cut_lines(source: str, start: int, end: int) -> str:
    return source[: _line_start(source, start)] + source[_line_end(source, end) :]


def _line_start(source: str, offset: int) -> int:
    return max(source.rfind("\n", 0, offset), source.rfind("\r", 0, offset)) + 1


def _line_end(source: str, offset: int) -> int:
    found = _LINE.match(source, offset)
    return found.end() if found else len(source)
