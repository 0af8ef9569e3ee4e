"""Lengths of CSS: their one spelling, their sum, their size in pixels."""

import re

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
