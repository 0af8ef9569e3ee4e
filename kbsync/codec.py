"""The JSON form of everything that kbsync keeps in files: lock files, ledger, lease, journal, runs and saved plans.

A value is a frozen dataclass and its fields are the keys. A field that has its default is left out, so that defaults
are part of the format. `version` is in the outermost object. Keys that are not known are ignored: keys may be added
within a version. Files are edited and merged by hand, so that every value is checked before it is taken.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from kbsync.errors import KbsyncError

VERSION = 1
ALWAYS: Mapping[str, bool] = {"always": True}
"""Metadata of a field that is written even where it has its default, and without which a file is refused."""

LINES: Mapping[str, bool] = {"lines": True}
"""Metadata of a text that is written as a list of its lines; of a mapping, the text `body` in it is."""

_T = TypeVar("_T")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_NAMED = 5
_CALLED = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    NoneType: "null",
    list: "a list",
    dict: "an object",
}


class FormatError(KbsyncError):
    """A file is not what it should be; `detail` names the places in it, `line` is 0 where no line is known."""

    def __init__(self, file: str, detail: str, *, line: int = 0, advice: str = "") -> None:
        super().__init__(f"{file}{f':{line}' if line else ''}: {detail}", advice=advice)
        self.detail = detail
        self.line = line


def encode(value: object, *, indent: int | None = 1) -> str:
    """Write a value so that it reads well in a diff; without `indent`, on one line."""
    page = {"version": VERSION} | cast("dict[str, object]", _plain(value))
    text = json.dumps(page, ensure_ascii=False, indent=indent, sort_keys=True)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def decode(cls: type[_T], data: str | bytes, *, file: str, advice: str = "") -> _T:
    """Read a value; `file` is what messages call the text, `advice` what to do where it cannot be read.

    Raises:
        FormatError: the text is not such a value, or has another version.
    """
    line = 0
    try:
        page = json.loads(data if isinstance(data, str) else data.decode("utf-8"), object_pairs_hook=_object)
        if not isinstance(page, dict):
            raise _Invalid(("", "not a JSON object"))
        version = page.get("version")
        if type(version) is not int or version != VERSION:
            if type(version) is int and version > VERSION:
                advice = f"upgrade kbsync, or {advice}" if advice else "upgrade kbsync"
            raise _Invalid(("version", f"is {json.dumps(version)[:20]}; this kbsync reads version {VERSION}"))
        return cast("_T", _dataclass(cls, page))
    except _Invalid as error:
        detail = str(error)
    except json.JSONDecodeError as error:
        detail, line = f"not valid JSON: {error.msg}", error.lineno
    except UnicodeDecodeError:
        detail = "not valid UTF-8"
    except RecursionError:
        detail = "nested too deeply"
    except ValueError:
        detail = "a number has too many digits"
    raise FormatError(file, detail, line=line, advice=advice)


class _Invalid(Exception):
    """What is wrong, each with its place in the value; the place is empty for the value itself."""

    def __init__(self, *found: tuple[str, str]) -> None:
        super().__init__(*found)
        self.found = found

    def below(self, step: str) -> tuple[tuple[str, str], ...]:
        """Return the same as seen from one level above."""
        return tuple((f"{step}{place}", what) for place, what in self.found)

    def __str__(self) -> str:
        told = [f"`{place.removeprefix('.')}` {what}" if place else what for place, what in self.found[:_MAX_NAMED]]
        more = len(self.found) - _MAX_NAMED
        return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


@cache
def _fields(cls: type) -> tuple[tuple[Field[Any], Any, object], ...]:
    """Return the fields of a dataclass, each with its type and its default."""
    hints = get_type_hints(cls)
    return tuple(
        (one, hints[one.name], one.default if one.default_factory is MISSING else one.default_factory())
        for one in fields(cls)
    )


@cache
def _parts(hint: Any) -> tuple[object, tuple[Any, ...]]:
    return get_origin(hint), get_args(hint)


def _plain(value: object) -> object:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, frozenset):
        return sorted(_plain(inner) for inner in value)  # type: ignore[type-var]  # sets hold texts or numbers
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    found = {}
    for field, _, default in _fields(cast("type", type(value))):
        inner = getattr(value, field.name)
        if "always" in field.metadata or inner != default:
            found[field.name] = _convert_lines(_plain(inner), _split) if "lines" in field.metadata else _plain(inner)
    return found


def _convert_lines(plain: object, convert: Callable[[object], object]) -> object:
    if not isinstance(plain, dict):
        return convert(plain)
    return plain | {"body": convert(plain["body"])} if "body" in plain else plain


def _split(plain: object) -> object:
    return plain.split("\n") if isinstance(plain, str) else plain


def _join(plain: object) -> object:
    if not isinstance(plain, list):
        return plain
    if not all(isinstance(line, str) for line in plain):
        raise _Invalid(("", "is not a list of lines"))
    return "\n".join(plain)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Invalid(*((_step(name), "is given twice in one object") for name in found if names.count(name) > 1))
    return found


def _dataclass(cls: type, plain: object) -> object:
    values, problems = {}, list[tuple[str, str]]()
    page = _checked(dict, plain)
    for field, hint, default in _fields(cls):
        if field.name not in page:
            if "always" in field.metadata or default is MISSING:
                problems.append((f".{field.name}", "is missing"))
            continue
        try:
            inner = page[field.name]
            values[field.name] = _value(hint, _convert_lines(inner, _join) if "lines" in field.metadata else inner)
        except _Invalid as error:
            problems += error.below(f".{field.name}")
    if problems:
        raise _Invalid(*problems)
    return cls(**values)


def _value(hint: Any, plain: object) -> Any:
    """Read a value of some type from plain JSON."""
    origin, inner = _parts(hint)
    if origin is UnionType or origin is Union:
        return _either(inner, plain)
    if origin is tuple or origin is frozenset:
        found = [_at(f"[{at}]", inner[0], one) for at, one in enumerate(_checked(list, plain))]
        return tuple(found) if origin is tuple else frozenset(found)
    if origin is Mapping:
        page = _checked(dict, plain)
        if inner == (str, str) and all(type(one) is str for one in page.values()):
            return page
        return {_at(_step(name), inner[0], name): _at(_step(name), inner[1], one) for name, one in page.items()}
    if issubclass(hint, Enum):
        words = {word.value: word for word in hint}
        if isinstance(plain, str) and plain in words:
            return words[plain]
        raise _Invalid(("", f"is not one of {', '.join(words)}"))
    return _dataclass(cast("type", hint), plain) if is_dataclass(hint) else _checked(hint, plain)


def _either(hints: tuple[Any, ...], plain: object) -> object:
    if type(plain) in hints:
        return plain
    problems = []
    for hint in hints:
        try:
            return _value(hint, plain)
        except _Invalid as error:
            problems.append(error)
    raise problems[0]


def _checked(kind: type[_T], plain: object) -> _T:
    if type(plain) is not kind:
        raise _Invalid(("", f"is not {_CALLED[kind]}"))
    return plain


def _at(step: str, hint: Any, plain: object) -> Any:
    try:
        return _value(hint, plain)
    except _Invalid as error:
        raise _Invalid(*error.below(step)) from None


def _step(name: str) -> str:
    return f".{name if name.isprintable() else json.dumps(name)[1:-1]}"
