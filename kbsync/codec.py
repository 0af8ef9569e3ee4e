"""The JSON form of everything that kbsync keeps in files: lock files, ledger, lease, journal, runs and saved plans.

A value is a frozen dataclass and its fields are the keys. A field that has its default is left out, so that defaults
are part of the format. `version` stands in the outermost object. Keys that are not known are ignored: keys may be added
within a version. Files are edited and merged by hand, so that every value is checked before it is taken.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache, partial
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
        FormatError: it is no such value, or of another version.
    """
    try:
        page = json.loads(data if isinstance(data, str) else data.decode("utf-8"), object_pairs_hook=_unique)
        if not isinstance(page, dict):
            raise _Invalid(("", "it is not a JSON object"))
        version = page.get("version")
        if type(version) is int and version > VERSION:
            advice = "upgrade kbsync"
        if type(version) is not int or version != VERSION:
            raise _Invalid(("version", f"is {json.dumps(version)[:20]}, and this kbsync reads {VERSION}"))
        return cast("_T", _dataclass(cls, page))
    except json.JSONDecodeError as error:
        raise FormatError(file, f"not valid JSON: {error.msg}", line=error.lineno, advice=advice) from None
    except UnicodeDecodeError:
        raise FormatError(file, "not valid UTF-8", advice=advice) from None
    except RecursionError:
        raise FormatError(file, "nested too deeply", advice=advice) from None
    except _Invalid as error:
        raise FormatError(file, str(error), advice=advice) from None
    except ValueError:
        raise FormatError(file, "it holds a number with too many digits", advice=advice) from None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    decode: Callable[[object], object]
    default: object
    is_always: bool
    is_lines: bool


@cache
def _fields(cls: type) -> tuple[_Field, ...]:
    hints = get_type_hints(cls)
    return tuple(
        _Field(
            name=field.name,
            decode=_decoder(hints[field.name]),
            default=field.default if field.default_factory is MISSING else field.default_factory(),
            is_always="always" in field.metadata,
            is_lines="lines" in field.metadata,
        )
        for field in fields(cls)
    )


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
    for field in _fields(cast("type", type(value))):
        inner = getattr(value, field.name)
        if field.is_always or inner != field.default:
            found[field.name] = _with_lines(_plain(inner)) if field.is_lines else _plain(inner)
    return found


def _with_lines(plain: object) -> object:
    if isinstance(plain, dict):
        return plain | ({"body": _with_lines(plain["body"])} if "body" in plain else {})
    return plain.split("\n") if isinstance(plain, str) else plain


def _without_lines(plain: object) -> object:
    if isinstance(plain, dict):
        return plain | ({"body": _without_lines(plain["body"])} if "body" in plain else {})
    if not isinstance(plain, list):
        return plain
    if not all(isinstance(line, str) for line in plain):
        raise _Invalid(("", "is not a list of lines"))
    return "\n".join(plain)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Invalid(*((_step(name), "stands twice in one object") for name in found if names.count(name) > 1))
    return found


def _step(name: str) -> str:
    return f".{name if name.isprintable() else json.dumps(name)[1:-1]}"


@cache
def _decoder(hint: Any) -> Callable[[object], object]:
    """Return what reads a value of some type from plain JSON."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return partial(_either, tuple(_decoder(one) for one in inner))
    if origin in {tuple, frozenset}:
        return partial(_sequence, origin, _decoder(inner[0]))
    if origin is not None and issubclass(origin, Mapping):
        return partial(_mapping, _decoder(inner[0]), _decoder(inner[1]))
    if isinstance(hint, type) and is_dataclass(hint):
        return partial(_dataclass, hint)
    return partial(_word, hint) if issubclass(hint, Enum) else partial(_scalar, hint)


_SCALARS = {str: "a text", int: "a whole number", bool: "true or false", NoneType: "null"}


def _scalar(kind: type, plain: object) -> object:
    if type(plain) is not kind:
        raise _Invalid(("", f"is not {_SCALARS[kind]}"))
    return plain


def _word(words: type[Enum], plain: object) -> object:
    if not isinstance(plain, str) or plain not in {word.value for word in words}:
        raise _Invalid(("", f"is none of {', '.join(str(word.value) for word in words)}"))
    return words(plain)


def _either(decoders: tuple[Callable[[object], object], ...], plain: object) -> object:
    problems = []
    for decoder in decoders:
        try:
            return decoder(plain)
        except _Invalid as error:
            problems.append(error)
    raise problems[0]


def _sequence(kind: Callable[[list[object]], object], decoder: Callable[[object], object], plain: object) -> object:
    if not isinstance(plain, list):
        raise _Invalid(("", "is not a list"))
    return kind([_at(f"[{number}]", decoder, inner) for number, inner in enumerate(plain)])


def _mapping(names: Callable[[object], Any], decoder: Callable[[object], object], plain: object) -> object:
    if not isinstance(plain, dict):
        raise _Invalid(("", "is not an object"))
    return {_at(_step(name), names, name): _at(_step(name), decoder, inner) for name, inner in plain.items()}


def _dataclass(cls: type, plain: object) -> object:
    if not isinstance(plain, dict):
        raise _Invalid(("", "is not an object"))
    values, problems = {}, list[tuple[str, str]]()
    for field in _fields(cls):
        if field.name not in plain:
            if field.is_always or field.default is MISSING:
                problems.append((f".{field.name}", "is missing"))
            continue
        try:
            inner = plain[field.name]
            values[field.name] = field.decode(_without_lines(inner) if field.is_lines else inner)
        except _Invalid as error:
            problems += error.below(f".{field.name}")
    if problems:
        raise _Invalid(*problems)
    return cls(**values)


def _at(step: str, decoder: Callable[[object], object], plain: object) -> object:
    try:
        return decoder(plain)
    except _Invalid as error:
        raise _Invalid(*error.below(step)) from None
