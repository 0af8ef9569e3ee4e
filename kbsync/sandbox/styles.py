"""Which inline styles of an article may be shown, and its colours on a light page and on a dark one."""

import re

STYLES = frozenset(
    (
        "background background-color border border-bottom border-collapse border-color border-left border-radius"
        " border-right border-spacing border-style border-top border-width clear color display float font-style"
        " font-weight height list-style list-style-type margin margin-bottom margin-left margin-right margin-top"
        " max-height max-width min-height min-width padding padding-bottom padding-inline-start padding-left"
        " padding-right padding-top text-align text-decoration text-indent text-transform vertical-align white-space"
        " width"
    ).split()
)
HARMLESS = re.compile(
    r"[\w\s#%.,+\-/!'\"]*(?:\b(?:rgba?|hsla?|calc)\([\w\s%.,+\-/*]*\)[\w\s#%.,+\-/!'\"]*)*", re.IGNORECASE
)
LONGEST = 4000
RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})", re.IGNORECASE)
HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
NAMED = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "navy": (0, 0, 128),
    "purple": (128, 0, 128),
    "maroon": (128, 0, 0),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "orange": (255, 165, 0),
    "yellow": (255, 255, 0),
}
GREY_SPREAD = 26
NEARLY_BLACK = 0x70
NEARLY_WHITE = 0xF0
BRIGHT = 150
LIFT = 0.55


def style_to_show(style: str) -> str:
    """Keep the properties that lay out text, with harmless values.

    Near-black text and near-white grounds go: they say nothing, the editor writes them into every paragraph, and on a
    dark page they would hide the words. Other dark text gets a lighter twin for dark pages.
    """
    declarations = (one.partition(":") for one in style[:LONGEST].split(";"))
    kept = (_declaration(name.strip().lower(), value.strip()) for name, _, value in declarations)
    return ";".join(one for one in kept if one)


def is_near_black(colour: str) -> bool:
    """Tell whether a colour is black or a dark grey."""
    parts = _parts(colour)
    return parts is not None and max(parts) <= NEARLY_BLACK and max(parts) - min(parts) <= GREY_SPREAD


def _declaration(name: str, value: str) -> str:
    if name not in STYLES or not HARMLESS.fullmatch(value):
        return ""
    parts = _parts(value)
    if parts is None:
        return f"{name}:{value}"
    if name == "color":
        return "" if is_near_black(value) else _twin(parts)
    if name in ("background", "background-color") and min(parts) >= NEARLY_WHITE:
        return ""
    return f"{name}:{value}"


def _twin(parts: tuple[int, ...]) -> str:
    plain = f"rgb({', '.join(map(str, parts))})"
    red, green, blue = parts
    if 0.299 * red + 0.587 * green + 0.114 * blue > BRIGHT:
        return f"color:{plain}"
    lifted = ", ".join(str(round(part + (255 - part) * LIFT)) for part in parts)
    return f"color:light-dark({plain}, rgb({lifted}))"


def _parts(colour: str) -> tuple[int, ...] | None:
    if found := RGB.search(colour):
        return tuple(min(int(part), 255) for part in found.groups())
    if found := HEX.search(colour):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        return tuple(int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return NAMED.get(colour.strip().lower())
