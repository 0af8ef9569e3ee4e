"""The `{…}` notes that give a picture its width, a paragraph its alignment or a heading its id, read and written.

The field's usual syntax, confined: a brace is a note only when everything in it is on the list below, so that
`{{ name }}` and `{anything else}` stay text. The attributes of HTML that a note stands for are Freshdesk's (recorded).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kbsync.markup.dom import style_from_text, style_to_text

_NAME = r"[^\s{}=\"'#.<>&]+"
_VALUE = r"\"[^\"{}<>]*\"|[^\s{}\"<>]+"
_PART = re.compile(rf"#(?P<id>{_NAME})|\.(?P<cls>{_NAME})|(?P<key>[a-z]+)=(?P<value>{_VALUE})")
_NOTE = re.compile(rf"\{{[ \t]*(?:(?:[#.]{_NAME}|[a-z]+=(?:{_VALUE}))(?:[ \t]+|(?=\}})))+\}}")
_BARE = re.compile(r"[\w.%#:-]+")

# The words of notes, and the style that each stands for.
_STYLES = {
    "align": "text-align",
    "indent": "margin-left",
    "color": "color",
    "background": "background-color",
    "width": "width",
    "height": "height",
    "numbers": "list-style-type",
}
_WORDS = {style: word for word, style in _STYLES.items()}
_PLAIN = frozenset({"dir", "lang"})

# Where a picture stands, in words and in the classes of Freshdesk's editor.
_PLACES = {
    "center": "fr-dib",
    "left": "fr-dib fr-fil",
    "right": "fr-dib fr-fir",
    "inline": "fr-dii",
    "float-left": "fr-dii fr-fil",
    "float-right": "fr-dii fr-fir",
}
_PLACE_OF = {classes: word for word, classes in _PLACES.items()}
_LOOKS = {"bordered": "fr-bordered", "rounded": "fr-rounded", "shadow": "fr-shadow"}
_LOOK_OF = {name: word for word, name in _LOOKS.items()}
_PLACING = ("fr-dib", "fr-dii", "fr-fil", "fr-fir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What stands between one pair of braces, in order."""

    id: str | None = None
    classes: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def note_at(text: str, start: int = 0) -> tuple[Note, int] | None:
    """Read the note that begins at `start`: it and where it ends; None when the braces hold anything else."""
    found = _NOTE.match(text, start)
    if not found:
        return None
    identifier: str | None = None
    classes: list[str] = []
    values: dict[str, str] = {}
    for part in _PART.finditer(found[0]):
        if part["id"]:
            identifier = part["id"]
        elif part["cls"]:
            classes.append(part["cls"])
        else:
            values[part["key"]] = part["value"].strip('"')
    if any(key not in _STYLES and key not in _PLAIN for key in values):
        return None
    return Note(id=identifier, classes=tuple(classes), values=values), found.end()


def note_to_attrs(note: Note, *, picture: bool = False) -> dict[str, str]:
    """Return the attributes of HTML that a note stands for."""
    attrs: dict[str, str] = {}
    if note.id:
        attrs["id"] = note.id
    classes = _classes(note.classes) if picture else list(note.classes)
    if classes:
        attrs["class"] = " ".join(classes)
    style = {_STYLES[key]: _measure(key, value) for key, value in note.values.items() if key in _STYLES}
    if style:
        attrs["style"] = style_to_text(style) + ";"
    attrs |= {key: value for key, value in note.values.items() if key in _PLAIN}
    return attrs


def note_from_attrs(attrs: Mapping[str, str], *, picture: bool = False) -> str | None:
    """Write attributes of HTML as a note; "" when there are none, None when a note cannot say them."""
    parts: list[str] = []
    if "id" in attrs:
        parts.append("#" + attrs["id"])
    names = attrs.get("class", "").split()
    parts.extend("." + name for name in (_words(names) if picture else names))
    for key, value in style_from_text(attrs.get("style", "")).items():
        if key not in _WORDS:
            return None
        parts.append(_value(_WORDS[key], value.removesuffix("px") if key in ("width", "height") else value))
    for key, value in attrs.items():
        if key in _PLAIN:
            parts.append(_value(key, value))
        elif key not in ("id", "class", "style"):
            return None
    if not parts:
        return ""
    written = "{" + " ".join(parts) + "}"
    read = note_at(written)
    return written if read and read[1] == len(written) else None


def _value(key: str, value: str) -> str:
    return f"{key}={value}" if _BARE.fullmatch(value) else f'{key}="{value}"'


def _measure(key: str, value: str) -> str:
    return value + "px" if key in ("width", "height") and re.fullmatch(r"[\d.]+", value) else value


def _classes(words: tuple[str, ...]) -> list[str]:
    names: list[str] = []
    for word in words:
        names.extend((_PLACES.get(word) or _LOOKS.get(word) or word).split())
    known = any(name in _PLACING or name in _LOOK_OF for name in names)
    return ["fr-fic", *names] if known and "fr-fic" not in names else names


def _words(names: list[str]) -> list[str]:
    placing = " ".join(name for name in _PLACING if name in names)
    place = _PLACE_OF.get(placing)
    rest = [name for name in names if name not in _PLACING] if place else names
    return ([place] if place else []) + [_LOOK_OF.get(name, name) for name in rest]
