"""Removes the attributes, classes and styles of HTML that show a reader nothing, and normalizes the others.

The list is that of real articles (recorded): what editors leave behind, fonts and sizes, geometry that a help centre's
own style sheet decides, near-black text. Everything that is not on the list stays. It knows single elements only.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial

from kbsync.markup.dom import BLOCKS, format_style, parse_style

_ATTRIBUTE = re.compile(r"data-.*|on$|aria-.*|.*[\"';<=&{}].*|xmlns.*|v:.*|o:.*")
_ATTRIBUTES = frozenset(
    "contenteditable spellcheck rel target role tabindex face size frameborder cellpadding cellspacing border valign "
    "nowrap code-brush draggable translate loading decoding srcset sizes fetchpriority crossorigin "
    "referrerpolicy".split()
)
_REWRITTEN = frozenset("style class width height align bgcolor color type name".split())
_CLASS = re.compile(
    r"fr-(?:fic|draggable|deletable|active|view|video|dvb|dvi|fvc|fvl|fvr|tag|strong|original-style|thick|highlighted|no-borders)"
    r"|Apple-.*|author-d-.*|gutter-.*|ace-.*|public-DraftStyleDefault-.*|confluence.*|BCX\d*|SCXW.*|Mso.*|kix-.*|GR[a-z].*"
    r"|gmail_.*|[pslu]\d+|li\d+|ul\d+|ol\d+|td\d+|current|list(?:type|indent|start|-bullet|-number).*|thread-.*|attr(?:link|comment).*"
    r"|comment-extra.*|tooltip-target|auto-cursor-target|external-link|ember-view|inline-image|in-cell-link|url"
    r"|line-list-type-.*|starts-with-hyphen|collab-annotatable|editor-rtfLink|[cp]-[a-z_]+__?.*|ac-anchor|sup-target"
    r"|task-list-item.*|contains-task-list|x_.*|css-.*|sc-.*|TextRun|NormalTextRun|EOP|Paragraph|OutlineElement|Ltr"
)
_STYLE = re.compile(
    r"-.*|font-(?!weight$|style$).*|font|line-height|letter-spacing|word-.*|white-space.*|overflow.*|box-.*|cursor|orphans|widows|"
    r"text-(?!align$|decoration$|decoration-line$|transform$).*|caret-color|transition.*|outline.*|tab-size|hyphens|user-select|pointer-events|"
    r"margin(?:-top|-bottom|-right|-inline.*|-block.*)?|padding.*|m(?:in|ax)-(?:width|height)|position|top|left|right|bottom|z-index|clear|"
    r"break-.*|page-break-.*|empty-cells|table-layout|list-style-position|list-style-image|counter-.*|wrap-strategy|"
    r"gap|flex.*|align-.*|justify-.*|order|unicode-bidi|isolation|zoom|animation.*|transform.*|will-change|mso-.*|tab-.*|src|scrollbar-.*|"
    r"border-(?:collapse|spacing|image.*)|quotes|speak|appearance|object-.*|vertical-align|opacity|visibility"
)
_CELLS = frozenset("table tbody thead tfoot tr td th col colgroup".split())
_LISTS = frozenset("ul ol li".split())
_WITHOUT_TEXT = frozenset("img hr br col colgroup".split())
_SIZED = frozenset("img iframe video object embed canvas svg".split())
_NO_EFFECT = frozenset(
    {"initial", "inherit", "unset", "revert", "none", "normal", "auto", "", "transparent", "currentcolor", "windowtext"}
)
_RGB = re.compile(r"rgba?\(\s*(\d+)(?:\.\d+)?\s*,\s*(\d+)(?:\.\d+)?\s*,\s*(\d+)(?:\.\d+)?\s*(?:,\s*([\d.]+)\s*)?\)")
_HEX = re.compile(r"#(?:([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})|([0-9a-f])([0-9a-f])([0-9a-f]))")
_LENGTH = re.compile(r"(\d*\.?\d+)(px|pt|em|rem|cm|mm|in|pc|ex|ch|%)?")
_IMPORTANT = re.compile(r"\s*!\s*important$")
_IMAGE_POSITIONS = ("fr-dib", "fr-dii", "fr-fil", "fr-fir")
_NEAR_BLACK, _NEAR_GREY = 0x60, 0x40


def clean(tag: str, attrs: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of an element that matter to a reader, in one order and one spelling."""
    if not attrs:
        return {}
    kept = {key: value for key, value in attrs.items() if key not in _REWRITTEN and not _is_noise(key, value)}
    if "name" in attrs and tag not in ("a", "img", "map", "span", "p"):
        kept["name"] = attrs["name"]
    elif attrs.get("name") and not kept.get("id"):
        kept["id"] = attrs["name"]
    classes = sorted(name for name in dict.fromkeys(attrs.get("class", "").split()) if not _CLASS.fullmatch(name))
    found = (_declaration(tag, name, value) for name, value in _declared_style(tag, attrs).items())
    style = dict(sorted(dict(filter(None, found)).items()))
    if tag == "img" and style.pop("margin-left", "") == "auto" and not set(classes) & set(_IMAGE_POSITIONS):
        classes.append("fr-dib")
    if tag == "img" and style.pop("border", "") and "fr-bordered" not in classes:
        classes.append("fr-bordered")
    if tag == "img":
        classes.sort(key=lambda name: (*_IMAGE_POSITIONS, name).index(name))
    if classes:
        kept["class"] = " ".join(classes)
    if style:
        kept["style"] = format_style(style)
    if "type" in attrs and tag not in ("ul", "ol", "li"):
        kept["type"] = attrs["type"]
    return kept


def _is_noise(key: str, value: str) -> bool:
    if key in _ATTRIBUTES or _ATTRIBUTE.fullmatch(key):
        return True
    match key:
        case "dir":
            return value.lower() != "rtl"
        case "alt" | "title" | "id" | "lang":
            return not value.strip()
        case "colspan" | "rowspan" | "start":
            return value.strip() in ("1", "")
    return False


def _declared_style(tag: str, attrs: Mapping[str, str]) -> dict[str, str]:
    """Read the style, and the obsolete attributes that mean the same."""
    style = {name: _IMPORTANT.sub("", value) for name, value in parse_style(attrs.get("style", "")).items()}
    for key, name in (("align", "text-align"), ("bgcolor", "background-color"), ("color", "color")):
        if attrs.get(key) and not (key == "align" and tag in ("img", "table", "iframe", "hr")):
            style.setdefault(name, attrs[key])
    if tag in _SIZED:
        for key in ("width", "height"):
            if attrs.get(key):
                style.setdefault(key, attrs[key] + ("px" if re.fullmatch(r"[\d.]+", attrs[key]) else ""))
    if tag in ("ol", "ul", "li") and attrs.get("type"):
        style.setdefault("list-style-type", _NUMBERS.get(attrs["type"], attrs["type"]))
    return style


_NUMBERS = {"1": "decimal", "a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}


def _declaration(tag: str, name: str, value: str) -> tuple[str, str] | None:
    """Return one declaration in its one spelling, or None when it has no visible effect."""
    low = value.lower()
    reader = _STYLE_READERS.get(name)
    if reader:
        return reader(tag, low)
    if name.startswith("border") and (tag in _CELLS or tag == "hr" or not _is_border(name, low)):
        return None
    return None if _STYLE.fullmatch(name) or low in _NO_EFFECT else (name, value)


def _align(tag: str, value: str) -> tuple[str, str] | None:
    side = {"end": "right", "-webkit-center": "center", "-webkit-right": "right"}.get(value, value)
    return ("text-align", side) if side in ("center", "right") and tag in BLOCKS else None


def _indent(tag: str, value: str) -> tuple[str, str] | None:
    if tag == "img":
        return ("margin-left", "auto") if value == "auto" else None
    return ("margin-left", value) if tag not in _CELLS | _LISTS | {"blockquote"} and _is_length(value) else None


def _size(name: str, tag: str, value: str) -> tuple[str, str] | None:
    is_visible = _is_length(value) or (value == "0px" and tag == "iframe")
    return (name, _short_length(value)) if tag in _SIZED and is_visible else None


def _weight(tag: str, value: str) -> tuple[str, str] | None:
    weight = "bold" if value in _BOLD else "normal"
    return ("font-weight", weight) if value in _BOLD | _NOT_BOLD and tag not in _WITHOUT_TEXT else None


def _decoration(tag: str, value: str) -> tuple[str, str] | None:
    words = [word for word in value.split() if word in ("underline", "line-through", "overline")]
    return ("text-decoration", " ".join(words)) if words else None


def _one_of(
    name: str, *values: str, only: frozenset[str] | None = None, unless: frozenset[str] = frozenset()
) -> "_StyleReader":
    """Return a reader that keeps these values, on all elements, only on some, or not on some."""
    return lambda tag, value: (
        (name, value) if value in values and tag not in unless and (only is None or tag in only) else None
    )


_BOLD = frozenset("bold bolder 600 700 800 900".split())
_NOT_BOLD = frozenset("normal 400 500 300 lighter 200 100".split())


def _is_length(value: str) -> bool:
    found = _LENGTH.fullmatch(value)
    return found is not None and float(found[1]) > 0


def _short_length(value: str) -> str:
    found = _LENGTH.fullmatch(value)
    if not found:
        return value
    number = found[1].rstrip("0").rstrip(".") if "." in found[1] else found[1]
    return (number or "0") + (found[2] or "px")


def _is_border(name: str, value: str) -> bool:
    """Return whether a border is drawn; its colour, style or width alone draws nothing."""
    if name in ("border-color", "border-style", "border-width", "border-radius") or name.count("-") == 2:
        return False
    words = value.split()
    return (
        bool(words)
        and not {"transparent", "none", "hidden", "initial", "medium", "inherit"} & set(words)
        and not re.match(r"0[a-z]*$", words[0])
    )


def _numbers(tag: str, value: str) -> tuple[str, str] | None:
    """Keep kinds of numbering; the shape of bullets and plain numbers follow from the list itself."""
    kinds = [word for word in value.split() if re.fullmatch(r"(?:lower|upper)-(?:alpha|roman|latin|greek)|none", word)]
    return ("list-style-type", kinds[0].replace("latin", "alpha")) if kinds else None


def _rgb(value: str) -> tuple[int, int, int, float] | None:
    low = value.lower().strip()
    if low == "black":
        return 0, 0, 0, 1.0
    if low == "white":
        return 255, 255, 255, 1.0
    found = _RGB.fullmatch(low)
    if found:
        return int(found[1]), int(found[2]), int(found[3]), float(found[4] or 1)
    coded = _HEX.fullmatch(low)
    if not coded:
        return None
    parts = [part for part in coded.groups() if part]
    red, green, blue = (int(part * (2 if len(part) == 1 else 1), 16) for part in parts)
    return red, green, blue, 1.0


def _color(tag: str, value: str) -> tuple[str, str] | None:
    if tag == "img":
        return None
    rgb = _rgb(value)
    if rgb is None:
        low = value.lower()
        return None if low in _NO_EFFECT or low.startswith("var(") else ("color", low)
    red, green, blue, alpha = rgb
    if max(red, green, blue) <= _NEAR_BLACK and max(red, green, blue) - min(red, green, blue) <= _NEAR_GREY:
        return None
    return "color", f"#{red:02x}{green:02x}{blue:02x}" if alpha == 1 else value.lower()


def _background(tag: str, value: str) -> tuple[str, str] | None:
    rgb = _rgb(value.split("none", maxsplit=1)[0].strip() or value)
    if rgb is None:
        low = value.lower()
        return None if low.split()[0] in _NO_EFFECT or low.startswith("var(") else ("background-color", low)
    red, green, blue, alpha = rgb
    if alpha == 0 or (red, green, blue) == (255, 255, 255):
        return None
    return "background-color", f"#{red:02x}{green:02x}{blue:02x}" if alpha == 1 else value.lower()


_StyleReader = Callable[[str, str], tuple[str, str] | None]
_STYLE_READERS: dict[str, _StyleReader] = {
    "color": _color,
    "background": _background,
    "background-color": _background,
    "text-align": _align,
    "margin-left": _indent,
    "margin-inline-start": _indent,
    "width": partial(_size, "width"),
    "height": partial(_size, "height"),
    "font-weight": _weight,
    "font-style": _one_of("font-style", "italic", "oblique", "normal", unless=_WITHOUT_TEXT),
    "text-decoration": _decoration,
    "text-decoration-line": _decoration,
    "text-transform": _one_of("text-transform", "uppercase", "lowercase", "capitalize"),
    "vertical-align": _one_of("vertical-align", "sub", "super"),
    "display": _one_of("display", "none"),
    "visibility": _one_of("visibility", "hidden"),
    "opacity": _one_of("opacity", "0"),
    "float": _one_of("float", "left", "right", unless=_CELLS),
    "direction": _one_of("direction", "rtl"),
    "list-style": _numbers,
    "list-style-type": _numbers,
    "position": _one_of("position", "absolute", "fixed", only=frozenset({"div", "span"})),
}
