"""Line edits of front matter: text in, text out, by the places that reading it gave.

Keeps every byte it is not asked to change. Whether the outcome says what was wanted is for the caller to check.
"""

import re
from collections.abc import Mapping

from kbsync.content.front_matter import write
from kbsync.content.values import Listing, Scalar, Table, Value
from kbsync.model import FieldValue

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
    """Give the offset behind the last character of a value; what YAML counts in after it may be comments."""
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
