"""YAML, in and out: front matter as values that keep their places, and single values as text.

The only room that knows a YAML library. It resolves no value and knows no key.
"""

import re
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from kbsync.content.values import Listing, Place, Scalar, Table, Value
from kbsync.errors import ContentError, Problem
from kbsync.model import FieldValue

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
        raise ContentError((Problem(path=path, line=first_line, what=what, advice=_NO_FRONT_MATTER_MEANT),))
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
        self.problems.append(Problem(path=self.path, line=place.line, what=what, advice=advice))


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
        return Problem(path=path, line=at, what="a tab in the front matter", advice="indent it with spaces")
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    advice = 'put the value in quotes: `key: "value"`' if _wants_quotes(line) else "mend the YAML on this line or above"
    return Problem(path=path, line=at, what=f"the front matter is no YAML: {what}", advice=advice)


def _wants_quotes(line: str) -> bool:
    _, colon, value = line.partition(":")
    value = value.strip()
    return bool(colon and value) and (value[0] in "@`%&*!|>[]{}\"'" or ": " in value or value.endswith(":"))
