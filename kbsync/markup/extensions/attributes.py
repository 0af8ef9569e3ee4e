"""Attribute lists in braces, which give an image its width, a paragraph its alignment or a heading its id.

The usual syntax, limited: braces are an attribute list only when everything in them is known here, so that `{{ name }}`
and `{anything else}` stay text. The HTML attributes that a list stands for are Freshdesk's (recorded).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kbsync.markup.dom import format_style, parse_style

_NAME = r"[^\s{}=\"'#.<>&]+"
_VALUE = r"\"[^\"{}<>]*\"|[^\s{}\"<>]+"
_PART = re.compile(rf"#(?P<id>{_NAME})|\.(?P<cls>{_NAME})|(?P<key>[a-z]+)=(?P<value>{_VALUE})")
_ATTRIBUTE_LIST = re.compile(rf"\{{[ \t]*(?:(?:[#.]{_NAME}|[a-z]+=(?:{_VALUE}))(?:[ \t]+|(?=\}})))+\}}")
_BARE = re.compile(r"[\w.%#:-]+")

# The keys of attribute lists, and the style that each stands for.
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
_UNCHANGED = frozenset({"dir", "lang"})

# The position of an image, and the classes of Freshdesk's editor for it.
_POSITIONS = {
    "center": "fr-dib",
    "left": "fr-dib fr-fil",
    "right": "fr-dib fr-fir",
    "inline": "fr-dii",
    "float-left": "fr-dii fr-fil",
    "float-right": "fr-dii fr-fir",
}
_POSITION_OF = {classes: word for word, classes in _POSITIONS.items()}
_LOOKS = {"bordered": "fr-bordered", "rounded": "fr-rounded", "shadow": "fr-shadow"}
_LOOK_OF = {name: word for word, name in _LOOKS.items()}
_POSITION_CLASSES = ("fr-dib", "fr-dii", "fr-fil", "fr-fir")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeList:
    """What one pair of braces contains, in order."""

    id: str | None = None
    classes: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def parse_attributes(text: str, start: int = 0) -> tuple[AttributeList, int] | None:
    """Parse the attribute list at `start`, and return its end too; None when the braces hold anything else."""
    found = _ATTRIBUTE_LIST.match(text, start)
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
    if any(key not in _STYLES and key not in _UNCHANGED for key in values):
        return None
    return AttributeList(id=identifier, classes=tuple(classes), values=values), found.end()


def attributes_to_html(attributes: AttributeList, *, image: bool = False) -> dict[str, str]:
    """Return the HTML attributes that an attribute list stands for."""
    attrs: dict[str, str] = {}
    if attributes.id:
        attrs["id"] = attributes.id
    classes = _classes(attributes.classes) if image else list(attributes.classes)
    if classes:
        attrs["class"] = " ".join(classes)
    style = {_STYLES[key]: _with_unit(key, value) for key, value in attributes.values.items() if key in _STYLES}
    if style:
        attrs["style"] = format_style(style) + ";"
    attrs |= {key: value for key, value in attributes.values.items() if key in _UNCHANGED}
    return attrs


def attributes_from_html(attrs: Mapping[str, str], *, image: bool = False) -> str | None:
    """Write HTML attributes as an attribute list; "" when there are none, None when there is no way to write them."""
    parts: list[str] = []
    if "id" in attrs:
        parts.append("#" + attrs["id"])
    names = attrs.get("class", "").split()
    parts.extend("." + name for name in (_words(names) if image else names))
    for key, value in parse_style(attrs.get("style", "")).items():
        if key not in _WORDS:
            return None
        parts.append(_key_value(_WORDS[key], value.removesuffix("px") if key in ("width", "height") else value))
    for key, value in attrs.items():
        if key in _UNCHANGED:
            parts.append(_key_value(key, value))
        elif key not in ("id", "class", "style"):
            return None
    if not parts:
        return ""
    written = "{" + " ".join(parts) + "}"
    read = parse_attributes(written)
    return written if read and read[1] == len(written) else None


def _key_value(key: str, value: str) -> str:
    return f"{key}={value}" if _BARE.fullmatch(value) else f'{key}="{value}"'


def _with_unit(key: str, value: str) -> str:
    return value + "px" if key in ("width", "height") and re.fullmatch(r"[\d.]+", value) else value


def _classes(words: tuple[str, ...]) -> list[str]:
    names: list[str] = []
    for word in words:
        names.extend((_POSITIONS.get(word) or _LOOKS.get(word) or word).split())
    known = any(name in _POSITION_CLASSES or name in _LOOK_OF for name in names)
    return ["fr-fic", *names] if known and "fr-fic" not in names else names


def _words(names: list[str]) -> list[str]:
    placing = " ".join(name for name in _POSITION_CLASSES if name in names)
    place = _POSITION_OF.get(placing)
    rest = [name for name in names if name not in _POSITION_CLASSES] if place else names
    return ([place] if place else []) + [_LOOK_OF.get(name, name) for name in rest]
