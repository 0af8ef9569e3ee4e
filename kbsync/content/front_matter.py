"""Front matter: reads YAML with the place of every value, writes values, and edits single lines.

An edit keeps every byte that it does not have to change; the caller checks that the result is what was wanted.
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
_FastestLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HANDLER = YAMLHandler()
_MAX_DEPTH = 12
_MAX_NODES = 20_000
_PLAIN_TYPES = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in _PLAIN_TYPES)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_NO_FRONT_MATTER_MEANT = "if the `---` is a horizontal rule, write it as `***`"
_ALIAS = re.compile(r"[ \t]*:[ \t]+(\*[^\s,\]}]+)")
_COLON = re.compile(r"[ \t]*:")
_COMMENT = re.compile(r"[ \t]+(#[^\r\n]*)")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_QUOTES = ("'", '"')


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatterSpan:
    """The place of a key or value: line and column in the file, from 1, and offsets in the text of the front matter."""

    line: int
    column: int = 1
    start: int = 0
    end: int = 0

    def problem(self, code: str, path: str, what: str, advice: str, *, fixable: bool = False) -> Problem:
        """Return a problem of this place."""
        line, column = self.line, self.column
        return Problem(code=code, path=path, line=line, column=column, message=what, advice=advice, fixable=fixable)


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlScalar:
    """A single value; `style` is its quote or block mark, empty for a plain one, `comment` what follows a plain one."""

    text: str
    style: str
    span: FrontMatterSpan
    comment: str = ""

    @property
    def is_null(self) -> bool:
        """Whether YAML reads this as null."""
        return not self.style and self.text.lower() in _NULL_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlSequence:
    """A list; `flow` tells whether it is written in brackets."""

    items: tuple["YamlValue", ...]
    flow: bool
    span: FrontMatterSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlMapping:
    """A mapping; `keys` has the place of each key, `flow` tells whether it is written in braces."""

    items: Mapping[str, "YamlValue"]
    keys: Mapping[str, FrontMatterSpan]
    flow: bool
    span: FrontMatterSpan

    def has(self, key: str) -> bool:
        """Return whether a key has a value; one without is read as if it were absent."""
        value = self.items.get(key)
        return value is not None and not (isinstance(value, YamlScalar) and value.is_null)


YamlValue = YamlScalar | YamlSequence | YamlMapping
PlainValue = str | None | tuple["PlainValue", ...] | dict[str, "PlainValue"]


def plain_value(value: YamlValue) -> PlainValue:
    """Return a value without places and quotes, to compare two versions of a file."""
    match value:
        case YamlScalar():
            return None if value.is_null else value.text
        case YamlSequence():
            return tuple(plain_value(item) for item in value.items)
        case YamlMapping():
            return {key: plain_value(item) for key, item in value.items.items()}


def key_places(table: YamlMapping, prefix: str = "") -> Iterator[tuple[str, FrontMatterSpan]]:
    """Iterate over the keys of a mapping with their places, nested keys as `seo.title`."""
    for key, value in table.items.items():
        yield prefix + key, table.keys[key]
        if isinstance(value, YamlMapping):
            yield from key_places(value, f"{prefix}{key}.")


EMPTY = YamlMapping(items={}, keys={}, flow=False, span=FrontMatterSpan(line=1))


class _NodeLoader(_FastestLoader):  # type: ignore[misc]
    def get_single_data(self) -> object:
        return self.get_single_node()


def read_front_matter(source: str, *, first_line: int, path: str) -> YamlMapping:
    """Read front matter that begins on a given line of its file.

    Raises:
        ContentError: it is not YAML, has a key twice, or is not a mapping; with every problem found.
    """
    try:
        node = _HANDLER.load(source, Loader=_NodeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ContentError((_problem_from_yaml(error, source, first_line, path),)) from None
    if node is None:
        return EMPTY
    reader = _NodeReader(source, path=path, first_line=first_line)
    value = reader.read(node, 0)
    if not isinstance(value, YamlMapping):
        what = "the front matter does not contain `key: value` lines"
        problem = Problem(code="KB110", path=path, line=first_line, message=what, advice=_NO_FRONT_MATTER_MEANT)
        raise ContentError((problem,))
    if reader.problems:
        raise ContentError(tuple(dict.fromkeys(reader.problems)))
    return value


def format_value(value: FieldValue, *, style: str = "") -> str:
    """Return a value as YAML on one line, quoted where needed, or with the quote in `style`."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_format_scalar(item, style, flow=True) for item in value) + "]"
    return _format_scalar(value, style, flow=False)


def _format_scalar(value: str | int | None, style: str, *, flow: bool) -> str:
    if not isinstance(value, str):
        return "null" if value is None else str(value).lower()
    if style == '"' or _UNPRINTABLE.search(value):
        return _double_quoted(value)
    # The C dumper would escape all characters beyond the basic plane, such as emoji.
    written = _HANDLER.export(
        [value],  # type: ignore[arg-type]
        Dumper=yaml.SafeDumper,
        width=float("inf"),
        default_style=style or ("'" if value != value.strip() else None),
        default_flow_style=flow,
    )
    return written[1:-1] if flow else written.removeprefix("- ")


def _double_quoted(value: str) -> str:
    """Quote a value without escaping what an editor can show; the library would escape emoji."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{_UNPRINTABLE.sub(lambda found: f"{chr(92)}u{ord(found.group()):04x}", escaped)}"'


class _NodeReader:
    """Reads the nodes of one YAML text and collects their problems."""

    def __init__(self, source: str, *, path: str, first_line: int) -> None:
        self.source = source
        self.path = path
        self.first_line = first_line
        self.problems: list[Problem] = []
        self.seen = 0

    def read(self, node: yaml.Node, depth: int) -> YamlValue:
        place = self._span(node)
        self.seen += 1
        if depth > _MAX_DEPTH or self.seen > _MAX_NODES:
            what = "the front matter is nested too deeply or refers to itself"
            self._add_problem("KB110", place, what, "write plain `key: value` lines")
            return YamlScalar(text="", style="", span=place)
        if node.tag not in _TAGS:
            what = f"the YAML tag `{node.tag}` is not supported"
            self._add_problem("KB110", place, what, "remove the tag")
        if isinstance(node, yaml.ScalarNode):
            found = None if node.style else _COMMENT.match(self.source, place.end)
            comment = found[1] if found and node.value else ""
            return YamlScalar(text=node.value, style=node.style or "", span=place, comment=comment)
        if isinstance(node, yaml.SequenceNode):
            items = tuple(self.read(item, depth + 1) for item in node.value)
            return YamlSequence(items=items, flow=bool(node.flow_style), span=place)
        if isinstance(node, yaml.MappingNode):
            return self._table(node, depth)
        raise TypeError(node)

    def _table(self, node: yaml.MappingNode, depth: int) -> YamlMapping:
        items: dict[str, YamlValue] = {}
        keys: dict[str, FrontMatterSpan] = {}
        for key_node, value_node in node.value:
            place = self._span(key_node)
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            if not key:
                self._add_problem("KB110", place, "a key of the front matter is not text", "write `key: value`")
            elif key in items:
                what = f"`{key}` is given twice, first on line {keys[key].line}"
                self._add_problem("KB111", place, what, "keep one of the two")
            else:
                items[key], keys[key] = self.read(value_node, depth + 1), place
        return YamlMapping(items=items, keys=keys, flow=bool(node.flow_style), span=self._span(node))

    def _span(self, node: yaml.Node) -> FrontMatterSpan:
        begin, end = node.start_mark, node.end_mark
        line, column = self.first_line + begin.line, begin.column + 1
        return FrontMatterSpan(line=line, column=column, start=begin.index, end=end.index)

    def _add_problem(self, code: str, place: FrontMatterSpan, what: str, advice: str) -> None:
        self.problems.append(place.problem(code, self.path, what, advice))


def _problem_from_yaml(error: Exception, source: str, first_line: int, path: str) -> Problem:
    lines = source.splitlines()
    mark = getattr(error, "problem_mark", None)
    if mark is not None and mark.line >= len(lines):
        mark = getattr(error, "context_mark", None) or mark
    offset = getattr(error, "position", None)
    number = mark.line if mark is not None else source.count("\n", 0, offset) if isinstance(offset, int) else 0
    number = min(number, max(len(lines) - 1, 0))
    line, at = lines[number] if lines else "", first_line + number
    column = min(mark.column, len(line)) + 1 if mark is not None else 1
    if "\t" in line[: len(line) - len(line.lstrip())] or line[mark.column : mark.column + 1] == "\t" if mark else False:
        what, advice = "the front matter contains a tab", "indent with spaces"
        return Problem(code="KB110", path=path, line=at, column=column, message=what, advice=advice)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    advice = 'put the value in quotes: `key: "value"`' if _wants_quotes(line) else "fix the YAML on this line or above"
    what = f"the front matter is not valid YAML: {what}"
    return Problem(code="KB110", path=path, line=at, column=column, message=what, advice=advice)


def _wants_quotes(line: str) -> bool:
    _, colon, value = line.partition(":")
    value = value.strip()
    return bool(colon and value) and (value[0] in "@`%&*!|>[]{}\"'" or ": " in value or value.endswith(":"))


def set_key(source: str, table: YamlMapping, name: str, value: FieldValue, newline: str) -> str:
    """Set one key in the text of front matter, a nested one as `seo.title`; None removes it.

    Raises:
        ValueError: the key is written in a way that a line edit cannot change.
    """
    outer, _, inner = name.partition(".")
    if not inner:
        return _set_in_block(source, table, outer, value, newline)
    holder = table.items.get(outer)
    if isinstance(holder, YamlScalar) and holder.is_null:
        source, holder = _remove_key(source, table, outer), None
        table = YamlMapping(items={}, keys={}, flow=table.flow, span=table.span)
    match holder:
        case None:
            return source if value is None else _add_lines(source, table, format_lines({name: value}, newline), newline)
        case YamlMapping(flow=False) if _starts_after_key(table, outer):
            last = value is None and set(holder.items) == {inner}
            return _remove_key(source, table, outer) if last else _set_in_block(source, holder, inner, value, newline)
        case YamlMapping():
            return _set_in_braces(source, table, outer, holder, inner, value)
        case _:
            raise ValueError(f"`{outer}` does not contain `key: value` lines")


def format_lines(fields: Mapping[str, FieldValue], newline: str) -> str:
    """Return fields as lines of front matter, those such as `seo.title` under one key."""
    lines: list[str] = []
    opened = ""
    for name, value in fields.items():
        outer, _, inner = name.partition(".")
        if inner and outer != opened:
            lines.append(f"{outer}:")
        opened = outer if inner else ""
        lines.append(f"  {inner}: {format_value(value)}" if inner else f"{outer}: {format_value(value)}")
    return "".join(line + newline for line in lines)


def _set_in_block(source: str, block: YamlMapping, key: str, value: FieldValue, newline: str) -> str:
    if block.flow:
        raise ValueError("the front matter is written in braces")
    if key not in block.keys:
        return source if value is None else _add_lines(source, block, f"{key}: {format_value(value)}{newline}", newline)
    if value is None:
        return _remove_key(source, block, key)
    old = block.items[key]
    if isinstance(old, YamlSequence) and isinstance(value, tuple) and value and not old.flow and old.items:
        return _set_items(source, old, tuple(map(str, value)), newline)
    start, end = _value_span(source, block, key)
    lead = "" if source[start - 1 : start] in " \t" else " "
    return source[:start] + lead + format_value(value, style=_style_of(old)) + source[end:]


def _set_in_braces(
    source: str, table: YamlMapping, key: str, holder: YamlMapping, inner: str, value: FieldValue
) -> str:
    kept = {name: source[item.span.start : item.span.end] for name, item in holder.items.items() if name != inner}
    if value is not None:
        kept[inner] = format_value((str(value),))[1:-1] if isinstance(value, str | int) else format_value(value)
    if not kept:
        return _remove_key(source, table, key)
    start, end = _value_span(source, table, key)
    return source[:start] + "{" + ", ".join(f"{name}: {text}" for name, text in kept.items()) + "}" + source[end:]


def _set_items(source: str, old: YamlSequence, wanted: tuple[str, ...], newline: str) -> str:
    """Remove the lines of items that are gone and add lines for new ones; the order does not count."""
    first = _line_start(source, old.items[0].span.start)
    mark = source[first : old.items[0].span.start]
    if mark.strip() != "-":
        raise ValueError("the list cannot be edited line by line")
    known = {item.text for item in old.items if isinstance(item, YamlScalar)}
    new = [format_value((text,), style=_style_of(old))[1:-1] for text in wanted if text not in known]
    added = "".join(f"{mark}{text}{newline}" for text in new)
    at = _line_end(source, _end_of(source, old.items[-1]))
    lead = newline if added and source[at - 1 : at] not in "\r\n" else ""
    edited = source[:at] + lead + added + source[at:]
    for item in reversed(old.items):
        if not (isinstance(item, YamlScalar) and item.text in wanted):
            edited = _cut_lines(edited, item.span.start, _end_of(source, item))
    return edited


def _add_lines(source: str, block: YamlMapping, lines: str, newline: str) -> str:
    if block.flow:
        raise ValueError("the front matter is written in braces")
    if not block.keys:
        lead = "" if not source or source.endswith(("\n", "\r")) else newline
        return source + lead + lines
    first, last = next(iter(block.keys.values())), list(block.items.values())[-1]
    indent = source[_line_start(source, first.start) : first.start]
    if indent.strip():
        raise ValueError("its keys cannot be edited line by line")
    at = _line_end(source, max(_end_of(source, last), list(block.keys.values())[-1].end))
    if isinstance(last, YamlScalar) and last.style in ("|", ">"):
        at = max(at, _line_end(source, last.span.end - 1))
    lead = "" if source[at - 1 : at] in "\r\n" else newline
    return source[:at] + lead + "".join(indent + line for line in lines.splitlines(keepends=True)) + source[at:]


def _remove_key(source: str, block: YamlMapping, key: str) -> str:
    place = block.keys[key]
    if block.flow or source[_line_start(source, place.start) : place.start].strip():
        raise ValueError(f"`{key}` cannot be edited line by line")
    return _cut_lines(source, place.start, _value_span(source, block, key)[1])


def _value_span(source: str, block: YamlMapping, key: str) -> tuple[int, int]:
    place, value = block.keys[key], block.items[key]
    if not _starts_after_key(block, key):
        if (alias := _ALIAS.match(source, place.end)) is None:
            raise ValueError(f"`{key}` cannot be edited line by line")
        return alias.span(1)
    colon = _COLON.match(source, place.end)
    after = colon.end() if colon else place.end
    if isinstance(value, YamlScalar) and value.span.start == value.span.end:
        return after, after
    on_its_own_lines = not isinstance(value, YamlScalar) and not value.flow
    return (after if on_its_own_lines else value.span.start), _end_of(source, value)


def _starts_after_key(block: YamlMapping, key: str) -> bool:
    """Return whether a value is behind its key; an alias is at the place of its anchor."""
    return block.items[key].span.start >= block.keys[key].end


def _end_of(source: str, value: YamlValue) -> int:
    """Return the offset after the last character of a value; YAML's own end may include comments."""
    match value:
        case YamlScalar(style="|" | ">"):
            return value.span.start + len(source[value.span.start : value.span.end].rstrip())
        case YamlSequence(flow=False) if value.items:
            return max(_end_of(source, item) for item in value.items)
        case YamlMapping(flow=False) if value.items:
            ends = (_end_of(source, item) for item in value.items.values())
            return max(*ends, *(place.end for place in value.keys.values()))
        case _:
            return value.span.end


def _style_of(value: YamlValue) -> str:
    if isinstance(value, YamlSequence):
        styles = {_style_of(item) for item in value.items}
        return styles.pop() if len(styles) == 1 else ""
    return value.style if isinstance(value, YamlScalar) and value.style in _QUOTES else ""


def _cut_lines(source: str, start: int, end: int) -> str:
    return source[: _line_start(source, start)] + source[_line_end(source, end) :]


def _line_start(source: str, offset: int) -> int:
    return max(source.rfind("\n", 0, offset), source.rfind("\r", 0, offset)) + 1


def _line_end(source: str, offset: int) -> int:
    found = _LINE.match(source, offset)
    return found.end() if found else len(source)
