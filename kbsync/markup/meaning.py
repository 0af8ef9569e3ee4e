"""Which attributes, classes and styles of HTML mean something to a reader: one table, each row with its source.

What the table does not name is noise, wherever HTML is read, compared or patched. A reader is somebody with a browser
and no style sheet of a theme: fonts, sizes and near-black text are noise, and so is what the browser adds by itself.
Knows single elements only; what they inherit is in `inherited`.
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache, lru_cache

from kbsync.markup.dom import BLOCKS, parse_style

_LENGTH = re.compile(r"(-?\d*\.?\d+)(px|pt|em|rem|cm|mm|in|pc|ex|ch|%)?")
# CSS Values and Units; for units relative to a font, one of 16 pixels, as browsers have it.
_PIXELS = {
    "px": 1, "pt": 4 / 3, "em": 16, "rem": 16, "cm": 96 / 2.54, "mm": 9.6 / 2.54, "in": 96, "pc": 16, "ex": 8, "ch": 8,
}  # fmt: skip


def short_length(value: str) -> str:
    """Return a length in its one spelling; "" for none, for zero and for what is no length."""
    found = _LENGTH.fullmatch(value)
    if not found or float(found[1]) == 0:
        return ""
    number = found[1].rstrip("0").rstrip(".") if "." in found[1] else found[1]
    return (number or "0") + (found[2] or "px")


def to_pixels(value: str) -> float | None:
    """Return a length in pixels; None for a percentage and for what is no length."""
    found = _LENGTH.fullmatch(value)
    factor = _PIXELS.get(found[2] or "px") if found else None
    return float(found[1]) * factor if found and factor is not None else None


def add_lengths(one: str, other: str) -> str:
    """Return the sum of two lengths, as they are spelled where one is none; "" for no length at all."""
    first, second = short_length(one), short_length(other)
    if not first or not second:
        return first or second
    left, right = _LENGTH.fullmatch(first), _LENGTH.fullmatch(second)
    if left and right and left[2] == right[2]:
        return f"{float(left[1]) + float(right[1]):g}{left[2]}"
    pixels = to_pixels(first), to_pixels(second)
    if pixels[0] is None or pixels[1] is None:
        return first if pixels[0] is None else second
    return f"{round(pixels[0] + pixels[1], 2):g}px"


HTML, ARIA = "HTML Standard", "WAI-ARIA 1.2: naming"
EDITOR, PORTAL = "Freshdesk editor", "Freshdesk portal"

ATTRIBUTES = (
    (HTML, "*", "id lang dir title hidden"),
    (HTML, "a area", "href download"),
    (HTML, "a map", "name"),
    (HTML, "area", "alt coords shape"),
    (HTML, "img", "src alt usemap ismap"),
    (HTML, "ol", "start reversed"),
    (HTML, "li", "value"),
    (HTML, "td th", "colspan rowspan"),
    (HTML, "details dialog", "open"),
    (HTML, "progress meter param", "name value min max low high optimum"),
    (HTML, "form label output", "action method enctype for"),
    (HTML, "option optgroup", "value label selected disabled"),
    (HTML, "input button select textarea fieldset", "type name value checked disabled readonly required placeholder"),
    (HTML, "input button select textarea", "min max step size maxlength pattern multiple list rows cols src alt"),
    (HTML, "iframe video audio object embed source track canvas", "src srcdoc data name width height allow type"),
    (EDITOR, "pre", "data-code-brush code-brush"),
    (HTML, "iframe", "allowfullscreen sandbox frameborder scrolling marginwidth marginheight"),
    (HTML, "video audio", "controls autoplay loop muted poster preload playsinline"),
    (HTML, "source track", "media srcset sizes kind label srclang default"),
    (HTML, "link meta base script style", "rel href src type content name http-equiv media charset property"),
    (ARIA, "a area img table section nav aside form iframe video audio object", "aria-label"),
)
"""Who gives a meaning, on which elements, to which attributes; `class` and `style` are read by the tables below."""

HINTS = {"align": "text-align", "bgcolor": "background-color", "color": "color", "type": "list-style-type"}
"""Attributes that HTML still reads as styles; so are the width and height of what is embedded."""

CLASSES = (
    (EDITOR, "img", "fr-dib fr-dii fr-fil fr-fir fr-bordered fr-rounded fr-shadow"),
    (EDITOR, "table", "fr-alternate-rows fr-dashed-borders"),
    (EDITOR, "p h1 h2 h3 h4 h5 h6 div li", "fr-text-(?:gray|bordered|spaced|uppercase)"),
    (EDITOR, "span a strong em u code", "fr-class-(?:code|highlighted|transparency)"),
    (EDITOR, "span", "fr-emoticon fr-emoticon-img"),
    (EDITOR, "pre p div", "fd-callout fd-callout--[a-z]+"),
    (EDITOR, "p div h1 h2 h3 h4 h5 h6", "fd-toc"),
    (PORTAL, "section div h1 h2 h3 h4 h5 h6", "accordion-(?:wrapper|header|content)"),
    (HTML, "code", "language-.+"),
)
"""Who gives a meaning, on which elements, to which classes (patterns)."""

ALL_CLASSES = frozenset("*")
SET_BY_TOOLS = re.compile(r"fr-.+|(?:contains-)?task-list.*")
"""The other classes that the editor, or the rendering of task lists, sets and removes by itself."""
TEXT_STYLES = ("font-weight", "font-style", "text-decoration", "vertical-align", "color", "white-space")
"""What changes how text looks."""
INHERIT = "inherit"
"""The weight or slant of an element that takes the one around it, whatever the browser's own for it is."""
BLACK = "black"
"""The colour of all that is near-black: of text that has none of its own."""

_STYLED = frozenset({"style", "width", "height", *HINTS})
_TABLE = frozenset("table tbody thead tfoot tr td th col colgroup caption".split())
LISTS = frozenset("ul ol menu dir".split())
_SIZED = frozenset("img iframe video object embed canvas svg".split())
_WITHOUT_TEXT = frozenset("img input hr br wbr col colgroup".split())
_POSITION_CLASSES = ("fr-dib", "fr-dii", "fr-fil", "fr-fir")


@cache
def attributes_of(tag: str) -> frozenset[str]:
    """Return the attributes to which HTML or ARIA give a meaning on an element."""
    return frozenset(
        name for _, tags, names in ATTRIBUTES for name in names.split() if tag in tags.split() or tags == "*"
    )


@cache
def _class_pattern(tag: str) -> re.Pattern[str]:
    return re.compile("|".join(names.replace(" ", "|") for _, tags, names in CLASSES if tag in tags.split()) or r"(?!)")


def read(tag: str, attrs: Mapping[str, str], keep: Collection[str] = ()) -> tuple[dict[str, str], dict[str, str]]:
    """Return the attributes of an element that mean something, and its style, each in one order and one spelling.

    Classes in `keep` (all of them where it has a `*`) count too.
    """
    if not attrs:
        return {}, {}
    named = attributes_of(tag)
    kept = {key: value for key, value in attrs.items() if key in named and not _has_no_effect(tag, key, value)}
    if "name" in kept and tag == "a":
        kept = {"id": kept["name"]} | {key: value for key, value in kept.items() if key != "name"}
    if "aria-label" in kept and tag == "img":
        kept["alt"] = kept.pop("aria-label")
    style = dict(_style(tag, tuple((key, value) for key, value in attrs.items() if key in _STYLED)))
    if direction := style.pop("direction", ""):
        kept["dir"] = direction
    classes = [name for name in dict.fromkeys(attrs.get("class", "").split()) if _is_kept(tag, name, keep)]
    if tag == "img":
        classes += _image_classes(style, classes)
    if classes:
        kept["class"] = " ".join(sorted(classes, key=lambda name: (name not in _POSITION_CLASSES, name)))
    return kept, style


@lru_cache(maxsize=4096)
def _style(tag: str, attrs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the style of an element; editors write the same few ones again and again."""
    found = ((name, _value(tag, name, value)) for name, value in sorted(_declared(tag, dict(attrs)).items()))
    return tuple((name, value) for name, value in found if value)


def _has_no_effect(tag: str, key: str, value: str) -> bool:
    match key:
        case "dir":
            return tag in _WITHOUT_TEXT or value.lower() not in ("ltr", "rtl", "auto")
        case "lang":
            return tag in _WITHOUT_TEXT or not value.strip()
        case "alt" | "title" | "id" | "aria-label" | "name":
            return not value.strip()
        case "colspan" | "rowspan" | "start":
            return value.strip() in ("1", "")
    return False


def _is_kept(tag: str, name: str, keep: Collection[str]) -> bool:
    known = name in keep or _class_pattern(tag).fullmatch(name) is not None
    return known or ("*" in keep and not SET_BY_TOOLS.fullmatch(name))


def _image_classes(style: dict[str, str], classes: Collection[str]) -> list[str]:
    """Return the editor's classes for what the style of an image says."""
    is_placed = any(name in _POSITION_CLASSES for name in classes)
    centre, side, border = (style.pop(name, "") for name in ("margin-left", "float", "border"))
    place = ["fr-dii", "fr-fil" if side == "left" else "fr-fir"] if side else ["fr-dib"] if centre else []
    return [*([] if is_placed else place), *(["fr-bordered"] if border and "fr-bordered" not in classes else [])]


_NUMBERS = {"1": "decimal", "a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_IMPORTANT = re.compile(r"\s*!\s*important$")
_BEFORE_SIZE = re.compile(r"(?<!\S)(?![1-9]00\b)[\d.]")


def _declared(tag: str, attrs: Mapping[str, str]) -> dict[str, str]:
    """Read the style, and the obsolete attributes that mean the same; shorthands are their longhands."""
    style: dict[str, str] = {}
    for key, value in attrs.items():
        if key == "type" and tag in LISTS | {"li"}:
            style["list-style-type"] = _NUMBERS.get(value, value)
        elif key in ("width", "height") and tag in _SIZED:
            style[key] = value + "px" * bool(re.fullmatch(r"[\d.]+", value))
        elif key in HINTS and key != "type" and (key != "align" or tag not in ("img", "table", "iframe", "hr")):
            style[HINTS[key]] = value.lower()
    for name, value in parse_style(attrs.get("style", "")).items():
        style |= _longhands(name, _IMPORTANT.sub("", value).lower())
    if left := _indent(tag, style):
        style["margin-left"] = left
    return style


def _longhands(name: str, value: str) -> dict[str, str]:
    words = value.split()
    match name:
        case "margin" | "padding":
            right = words[len(words) > 1]
            return {f"{name}-left": words[3] if len(words) == 4 else right, f"{name}-right": right}
        case "margin-inline" | "padding-inline" | "margin-inline-start" | "padding-inline-start":
            return {f"{name.partition('-')[0]}-left": words[0]}
        case "font" if value not in _GLOBAL:
            words = _BEFORE_SIZE.split(value)[0].split()
            weight = next((word for word in words if word in _WEIGHTS or word.isdecimal()), "normal")
            return {"font-style": "italic" if {"italic", "oblique"} & {*words} else "normal", "font-weight": weight}
        case "white-space-collapse":
            return {"white-space": {"preserve": "pre-wrap", "preserve-breaks": "pre-line"}.get(value, value)}
        case "text-decoration-line" | "list-style" | "background":
            longhand = {"list-style": "list-style-type", "background": "background-color"}
            return {longhand.get(name, "text-decoration"): value}
    return {name: value}


DEFAULT_MARGINS = {"blockquote": "40px"}
LIST_INDENT = "40px"
_LIST_PADDING = 40.0
"""How far the browser itself indents (HTML Standard, rendering)."""
_LEAST_STEP = 10.0


def is_small(indent: str) -> bool:
    """Return whether a list or an item is moved by no more than room for its marker."""
    pixels = to_pixels(indent)
    return pixels is not None and pixels < _LEAST_STEP


def _indent(tag: str, style: dict[str, str]) -> str:
    """Take the left margin and padding out of a style, and return what they indent beyond the browser's own.

    A padding that is the same on the right indents nothing: it is the space within a box.
    """
    margin, padding = style.pop("margin-left", ""), style.pop("padding-left", "")
    if tag == "img":
        return margin
    if tag in _TABLE - {"table"} or tag == "dd" or not (margin or padding):
        return ""
    if tag in LISTS and padding:
        return f"{(to_pixels(padding) or 0) - _LIST_PADDING + (to_pixels(margin) or 0):g}px"
    padding = "" if padding == style.get("padding-right") else padding
    if tag == "li" and is_small(add_lengths(margin, padding)):
        return ""
    default = DEFAULT_MARGINS.get(tag, "")
    total = add_lengths(margin or default, padding)
    return total if total != default else ""


_GLOBAL = frozenset("inherit unset revert revert-layer".split())
_NO_COLOR = _GLOBAL | frozenset("initial none normal auto transparent currentcolor windowtext".split())
_WEIGHTS = frozenset("normal bold bolder lighter".split())


def _value(tag: str, name: str, value: str) -> str:
    """Return the value of a property in its one spelling; "" when it has no visible effect on this element."""
    if tag in _WITHOUT_TEXT and name in TEXT_STYLES:
        return ""
    if name in ("font-weight", "font-style") and value in ("inherit", "unset"):
        return INHERIT
    reader = STYLES.get(name)
    return reader(tag, value) if reader and value and value not in _GLOBAL else ""


def _align(tag: str, value: str) -> str:
    side = {"middle": "center", "initial": "start"}.get(value, value.removeprefix("-webkit-"))
    return side if side in ("left", "center", "right", "start", "end", "justify") and tag in BLOCKS else ""


def _margin(tag: str, value: str) -> str:
    if tag == "img":
        return "auto" if value == "auto" else ""
    return short_length(value) if tag in LISTS or not value.startswith("-") else ""


def _size(tag: str, value: str) -> str:
    return (short_length(value) or ("0px" if value == "0px" and tag == "iframe" else "")) if tag in _SIZED else ""


def _weight(tag: str, value: str) -> str:
    return "normal" if value == "initial" else value if value in _WEIGHTS or value.isdecimal() else ""


def _slant(tag: str, value: str) -> str:
    return {"initial": "normal", "normal": "normal", "italic": "italic"}.get(value, "italic" * ("oblique" in value))


def _decoration(tag: str, value: str) -> str:
    return " ".join(word for word in value.split() if word in ("underline", "line-through", "overline")) or "none"


def _one_of(*values: str, unless: Collection[str] = ()) -> "_StyleReader":
    return lambda tag, value: value if value in values and tag not in unless else ""


def _vertical(tag: str, value: str) -> str:
    if tag in ("sub", "sup") and value in ("baseline", "initial"):
        return "baseline"
    return value if value in ("sub", "super") and tag not in _TABLE else ""


def _white_space(tag: str, value: str) -> str:
    words = set(value.split())
    return "pre" if words & {"pre", "pre-wrap", "break-spaces"} else "pre-line" if "pre-line" in words else "normal"


def _border(tag: str, value: str) -> str:
    """Keep a border that is drawn, but for cells, rules and quotes, whose lines the portal's style sheet draws."""
    is_drawn = not re.match(r"0[a-z]*(?: |$)", value) and not _NOT_DRAWN & set(value.split())
    return value if is_drawn and tag not in _TABLE | {"hr", "blockquote"} else ""


_NOT_DRAWN = frozenset("transparent none hidden initial medium".split())


def _numbers(tag: str, value: str) -> str:
    """Keep kinds of numbering; the shape of bullets and plain numbers follow from the list itself."""
    kinds = [word for word in value.split() if re.fullmatch(r"(?:lower|upper)-(?:alpha|roman|latin|greek)|none", word)]
    return kinds[0].replace("latin", "alpha") if kinds else ""


_NUMBER = r"\s*(\d+)(?:\.\d+)?\s*"
_RGB = re.compile(rf"rgba?\({_NUMBER}[,\s]{_NUMBER}[,\s]{_NUMBER}(?:[,/]\s*([\d.]+)\s*)?\)")
_HEX = re.compile(r"#(?:([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})|([0-9a-f])([0-9a-f])([0-9a-f]))")
_NEAR_BLACK, _NEAR_GREY = 0x60, 0x40


def _rgb(value: str) -> tuple[int, ...] | None:
    """Return red, green, blue, and 1 for what is opaque, 0 for transparent, 2 for between; None for other values."""
    value = {"black": "#000", "white": "#fff"}.get(value, value)
    if found := _RGB.fullmatch(value):
        alpha = float(found[4] or 1)
        return *(min(255, int(found[at])) for at in (1, 2, 3)), int(alpha) if alpha in (0, 1) else 2
    if not (coded := _HEX.fullmatch(value)):
        return None
    return *(int(part * (2 // len(part)), 16) for part in coded.groups() if part), 1


def _color(tag: str, value: str) -> str:
    *colors, alpha = _rgb(value) or (0, 0, 0, -1)
    if alpha == -1 and value not in ("initial", "windowtext"):
        return "" if value in _NO_COLOR or value.startswith("var(") else value
    if max(colors) <= _NEAR_BLACK and max(colors) - min(colors) <= _NEAR_GREY:
        return BLACK
    return "#" + bytes(colors).hex() if alpha == 1 else value


def _background(tag: str, value: str) -> str:
    *colors, alpha = _rgb(value.split("none", maxsplit=1)[0].strip() or value) or (0, 0, 0, -1)
    if alpha == -1:
        return "" if value.split(maxsplit=1)[0] in _NO_COLOR or value.startswith("var(") else value
    if not alpha or min(colors) == 255:
        return ""
    return "#" + bytes(colors).hex() if alpha == 1 else value


_StyleReader = Callable[[str, str], str]
STYLES: dict[str, _StyleReader] = {
    # CSS Color, CSS Backgrounds and Borders
    "color": _color,
    "background-color": _background,
    **dict.fromkeys("border border-top border-right border-bottom border-left".split(), _border),
    # CSS Text, CSS Text Decoration, CSS Fonts, CSS Inline Layout
    "text-align": _align,
    "text-transform": _one_of("uppercase", "lowercase", "capitalize"),
    "white-space": _white_space,
    "text-decoration": _decoration,
    "font-weight": _weight,
    "font-style": _slant,
    "vertical-align": _vertical,
    # CSS Box Model, CSS Sizing: what indents a block, and the size of what is embedded
    "margin-left": _margin,
    **dict.fromkeys(("width", "height"), _size),
    # CSS Display, CSS Writing Modes, CSS Positioned Layout
    "display": _one_of("none"),
    "visibility": _one_of("hidden"),
    "opacity": _one_of("0"),
    "float": _one_of("left", "right", unless=_TABLE),
    "direction": _one_of("rtl", "ltr"),
    "position": _one_of("absolute", "fixed", unless=BLOCKS - {"div"}),
    # CSS Lists
    "list-style-type": _numbers,
}
"""The properties that count, by the module that defines them, each with what reads its value."""
