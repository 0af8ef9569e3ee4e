"""What a browser without a theme shows of a fragment of HTML: its lines, and the computed style of each character.

A second opinion for the tests: html5lib's parser and an own small cascade, which share nothing with kbsync. Vertical
space, the shape of bullets, fonts and colours are not compared; `browser` tests compare this with chromium.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, zip_longest
from typing import Any
from urllib.parse import unquote

import html5lib

_BLOCKS = frozenset(
    "address article aside blockquote caption center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p pre search section summary table tbody td "
    "tfoot th thead tr ul".split()
)
_LISTS = frozenset("ul ol menu dir".split())
_STEP = 10
_INDENT = 40  # pixels, by which browsers indent a list, a quotation and a definition
_BOXES = frozenset("h1 h2 h3 h4 h5 h6 blockquote td th dt dd code".split())
_HIDDEN = frozenset("script style template head title noscript".split())
_OBJECTS = frozenset("img iframe video audio input".split())
_WEIGHTS = {"normal": 400, "bold": 700}
_NUMBERING = {"1": "decimal", "a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_BULLETS = frozenset({"disc", "circle", "square"})
_SPACE = re.compile(r"[ \t\n\r\f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The computed style of text: what CSS inherits, or draws through what is inside."""

    weight: int = 400
    italic: bool = False
    lines: frozenset[str] = frozenset()
    shift: tuple[str, ...] = ()
    href: str = ""
    white_space: str = "normal"
    align: str = "start"
    rtl: bool = False
    marker: str = "disc"
    indent: float = 0
    depth: int = 0
    is_code: bool = False
    boxes: tuple[str, ...] = ()

    @property
    def side(self) -> str:
        """Return the side at which lines begin; justified text begins where other text does."""
        start, end = ("right", "left") if self.rtl else ("left", "right")
        return {"start": start, "justify": start, "end": end}.get(self.align, self.align)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Characters of one line with one style; a space has none."""

    text: str
    look: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line that is not blank: the bullets and numbers before it, and its text."""

    markers: tuple[str, ...]
    runs: tuple[Run, ...]
    indent: float = field(default=0, compare=False)
    depth: int = field(default=0, compare=False)

    def is_alike(self, other: "Line | None") -> bool:
        """Return whether another line looks the same; its indentation may differ by less than readers see."""
        return self == other and abs(self.indent - other.indent) < _STEP * (1 + self.depth)


@dataclass(slots=True)
class _Numbers:
    """The counter of a list."""

    value: int = 0
    waiting: int = 0


@dataclass(slots=True)
class _Page:
    lines: list[Line] = field(default_factory=list)
    texts: list[tuple[str, Style]] = field(default_factory=list)
    line: list[tuple[str, Style | None]] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)

    def end_line(self) -> None:
        """Write the current line, unless it is blank: without spaces at its end."""
        while self.line and not self.line[-1][0].strip():
            self.line.pop()
        if any(char.strip() for char, _ in self.line):
            self._write(self.line)
        self.line = []

    def _write(self, line: list[tuple[str, Style | None]]) -> None:
        looks = [_look(style) if style else None for _, style in line]
        for at, look in enumerate(looks[:-1]):
            if look is None:  # a space looks as what is around it, if that is one thing
                before, after = looks[at - 1] if at else (), next((one for one in looks[at:] if one is not None), ())
                looks[at] = before if before == after else ()
        styled = zip((char for char, _ in line), looks, strict=True)
        runs = tuple(
            Run(text="".join(char for char, _ in group), look=look or ())
            for look, group in groupby(styled, key=lambda one: one[1])
        )
        first = next((style for _, style in line if style), Style())
        self.lines.append(Line(markers=tuple(self.markers), runs=runs, indent=first.indent, depth=first.depth))
        self.markers = []

    def end_item(self, before: int) -> None:
        """Write the marker of an item, after which nothing came, as a line of its own."""
        self.end_line()
        if len(self.markers) > before:
            self._write([])


def lines_of(html: str) -> tuple[Line, ...]:
    """Return the lines that a browser shows."""
    return tuple(_read(html).lines)


def texts_of(html: str) -> tuple[tuple[str, Style], ...]:
    """Return every text node that is not blank, with its computed style."""
    return tuple(_read(html).texts)


def difference(before: str, after: str) -> str:
    """Describe the first line that a reader of the two fragments sees otherwise; empty when there is none."""
    old, new = lines_of(before), lines_of(after)
    pairs = zip_longest(old, new)
    found = next(((left, right) for left, right in pairs if left is None or not left.is_alike(right)), None)
    return "" if found is None else f"{_describe(found[0])}\n{_describe(found[1])}"


def _describe(line: Line | None) -> str:
    if line is None:
        return "nothing"
    return " ".join([f"{line.indent:g}", *line.markers, *(f"{run.text!r}{list(run.look) or ''}" for run in line.runs)])


def _look(style: Style) -> tuple[object, ...]:
    """Return what a reader sees of a style; a difference shows up by its word."""
    facts = {
        "bold": style.weight >= 600,
        "italic": style.italic,
        **dict.fromkeys(sorted(style.lines), True),
        **dict.fromkeys(style.shift, True),
        f"to {unquote(style.href.strip())}": style.href,
        f"at {style.side}": style.side != "left",
        "rtl": style.rtl,
        " ".join(style.boxes): style.boxes,
    }
    return tuple(word for word, holds in facts.items() if holds)


def _read(html: str) -> _Page:
    page = _Page()
    _Walk(page=page).children(html5lib.parseFragment(html.replace("\0", "")), Style(), _Numbers())
    page.end_item(0)
    return page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    page: _Page

    def children(self, node: Any, style: Style, numbers: _Numbers) -> None:
        self._text(node.text or "", style)
        for child in node:
            if isinstance(child.tag, str):
                self._element(child, child.tag.rpartition("}")[2], style, numbers)
            self._text(child.tail or "", style)

    def _element(self, node: Any, tag: str, outer: Style, numbers: _Numbers) -> None:
        declared = dict(_declarations(node.get("style", "")))
        if tag in _HIDDEN or declared.get("display") == "none":
            return
        if tag == "br":
            self.page.line.append(("", None))
            self.page.end_line()
            return
        if tag in _OBJECTS:
            self._object(node, tag, outer)
            return
        style = _computed(node, tag, declared, outer)
        if tag not in _BLOCKS:
            self.children(node, style, numbers)
            return
        self.page.end_line()
        if tag == "hr":
            self.page.lines.append(Line(markers=(), runs=(Run(text="rule"),)))
        if tag == "li":
            self.page.end_item(numbers.waiting)
            numbers.waiting = len(self.page.markers)
            self.page.markers += _marker(node, style, numbers)
        if tag == "pre" and {"td", "th"} & set(outer.boxes) and node.text:
            node.text = node.text.removeprefix("\n")  # which html5lib forgets in cells
        inner = _numbers_of(node, len(self.page.markers)) if tag in _LISTS else numbers
        self.children(node, style, inner)
        self.page.end_line()
        if tag in _LISTS or (tag == "li" and not outer.depth):
            self.page.end_item(inner.waiting)

    def _object(self, node: Any, tag: str, style: Style) -> None:
        plain = replace(style, weight=400, italic=False, lines=frozenset(), shift=())
        name = f"[{tag} {unquote(node.get('src', ''))} {node.get('alt', '')}]"
        self.page.line.append((name, plain))

    def _text(self, text: str, style: Style) -> None:
        if text.strip(" \t\n\r\f"):
            self.page.texts.append((text, style))
        text = re.sub("[\u200b\ufeff]", "", unicodedata.normalize("NFC", text))
        keeps_lines = style.white_space in ("pre", "pre-wrap", "pre-line", "break-spaces")
        for at, line in enumerate(re.split(r"\r\n?|\n", text) if keeps_lines else [text]):
            if at:
                self.page.end_line()
            self._line(line, style)

    def _line(self, text: str, style: Style) -> None:
        """Add text to the current line; spaces are collapsed, except the indentation of preserved text."""
        line = self.page.line
        keeps_spaces = style.white_space in ("pre", "pre-wrap", "break-spaces")
        if not line:
            text, indented = text.lstrip(" \t\n\r\f\xa0"), text
            spaces = indented.removesuffix(text).expandtabs(4)
            # A single space is no more than a slip; so is a mixture of those that count and those that do not.
            if len(spaces) > 1 and (keeps_spaces or not spaces.strip("\xa0")):
                line += [(" ", None)] * len(spaces)
        for char in _SPACE.sub(" ", text.replace("\xa0", " ")):
            if char != " ":
                line.append((char, style))
            elif line and line[-1][0] != " ":
                line.append((char, None))


def _computed(node: Any, tag: str, declared: dict[str, str], outer: Style) -> Style:
    style = _by_tag(node, tag, outer)
    lines = set() if "text-decoration" in declared or "text-decoration-line" in declared else _own_lines(tag)
    for name, value in declared.items():
        match name:
            case "font-weight":
                style = replace(style, weight=_weight(value, outer.weight, style.weight))
            case "font-style" if value in ("normal", "italic", "oblique"):
                style = replace(style, italic=value != "normal")
            case "text-decoration" | "text-decoration-line":
                lines = {word for word in value.split() if word in ("underline", "line-through", "overline")}
            case "white-space":
                style = replace(style, white_space=value)
            case "text-align" if tag in _BLOCKS:
                align = {"initial": "start", "inherit": outer.align, "unset": outer.align}.get(value, value)
                style = replace(style, align=align)
            case "direction":
                style = replace(style, rtl=value == "rtl")
            case "vertical-align" if value in ("sub", "super") and tag not in _BLOCKS:
                style = replace(style, shift=(*outer.shift, value))
            case "list-style-type" | "list-style":
                kinds = [word for word in value.split() if word not in ("inside", "outside")]
                style = replace(style, marker=kinds[0] if kinds else style.marker)
    is_callout = "fd-callout" in node.get("class", "")  # which the portal's style sheet places
    indent = 0 if is_callout else _indent(tag, declared, outer.indent, is_listed=outer.depth > 0)
    style = replace(style, indent=indent)
    if tag == "a" and style.href:
        lines.discard("underline")
    return replace(style, lines=outer.lines | lines)


def _by_tag(node: Any, tag: str, style: Style) -> Style:
    """Apply the style sheet of browsers, and the attributes that stand for styles."""
    if tag in ("strong", "b"):
        style = replace(style, weight=_weight("bolder", style.weight, 0))
    if tag == "th" or re.fullmatch("h[1-6]", tag):
        style = replace(style, weight=700)
    if tag in ("em", "i", "cite", "dfn", "var", "address"):
        style = replace(style, italic=True)
    if tag in ("sub", "sup"):
        style = replace(style, shift=(*style.shift, {"sub": "sub", "sup": "super"}[tag]))
    if tag == "a" and node.get("href") is not None:
        style = replace(style, href=node.get("href"))
    if node.get("dir", "").lower() in ("ltr", "rtl"):
        style = replace(style, rtl=node.get("dir").lower() == "rtl")
    return _by_block_tag(node, tag, style)


def _by_block_tag(node: Any, tag: str, style: Style) -> Style:
    if tag == "pre":  # the portal's style sheet shows call-outs as text
        is_text = "fd-callout" in node.get("class", "")
        style = replace(style, white_space="pre-line" if is_text else "pre", is_code=not is_text)
    if tag in _LISTS:
        kind = _NUMBERING.get(node.get("type", ""), "decimal") if tag == "ol" else "disc"
        style = replace(style, marker=kind, depth=style.depth + 1)
    if tag == "li" and node.get("type"):
        style = replace(style, marker=_NUMBERING.get(node.get("type"), node.get("type")))
    if tag == "caption" or (tag == "th" and style.align == "start"):
        style = replace(style, align="center")
    aligned = "center" if tag == "center" else node.get("align", "").lower() if tag in _BLOCKS - {"table", "hr"} else ""
    if aligned in ("left", "right", "center", "justify"):
        style = replace(style, align=aligned)
    is_seen = tag in _BOXES and (tag != "code" or not (style.is_code or "code" in style.boxes))
    return replace(style, boxes=(*style.boxes, tag)) if is_seen else style


def _own_lines(tag: str) -> set[str]:
    if tag in ("u", "ins"):
        return {"underline"}
    return {"line-through"} if tag in ("s", "strike", "del") else set()


def _weight(value: str, outer: int, own: int) -> int:
    """Return a computed weight, by the table for relative ones in CSS Fonts 4."""
    if value == "bolder":
        return 400 if outer < 350 else 700 if outer < 550 else max(900, outer)
    if value == "lighter":
        return min(100, outer) if outer < 550 else 400 if outer < 750 else 700
    if value == "inherit":
        return outer
    return _WEIGHTS.get(value) or (int(value) if value.isdigit() else own)


def _indent(tag: str, declared: dict[str, str], outer: float, *, is_listed: bool) -> float:
    """Return how far text is indented; less room for bullets than usual is as much."""
    if tag in ("td", "th", "caption") or tag not in _BLOCKS or tag in ("tr", "tbody", "thead", "tfoot", "hr"):
        return 0 if tag in ("td", "th", "caption") else outer
    if tag == "li":  # an item without a list is shown outside the text; a list puts it inside
        own = sum(_pixels(declared.get(name, "")) for name in ("margin-left", "padding-left"))
        return outer + own + (0 if is_listed else _INDENT)
    margin: float = _INDENT if tag in ("blockquote", "dd", "figure") else 0
    padding: float = _INDENT if tag in _LISTS else 0
    for name, value in declared.items():
        sides = value.split()
        left = _pixels(sides[-1] if len(sides) == 4 else sides[1] if len(sides) > 1 else sides[0])
        if name in ("margin", "margin-left"):
            margin = left
        elif name in ("padding", "padding-left", "padding-inline-start"):
            padding = left
    total = margin + padding
    return outer + (max(_INDENT, total) if tag in _LISTS | {"blockquote", "dd"} else total)


def _pixels(value: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(px|pt|em)", value)
    return float(found[1]) * {"px": 1, "pt": 4 / 3, "em": 16}[found[2]] if found else 0


def _declarations(text: str) -> Iterator[tuple[str, str]]:
    for declaration in text.split(";"):
        name, colon, value = declaration.partition(":")
        if colon and value.strip():
            yield name.strip().lower(), " ".join(value.lower().split()).removesuffix("!important").strip()


def _numbers_of(node: Any, waiting: int) -> _Numbers:
    start = node.get("start", "")
    return _Numbers(value=int(start) - 1 if re.fullmatch(r"-?\d+", start) else 0, waiting=waiting)


def _marker(node: Any, style: Style, numbers: _Numbers) -> list[str]:
    value = node.get("value", "")
    numbers.value = int(value) if re.fullmatch(r"-?\d+", value) else numbers.value + 1
    if style.marker == "none":
        return []
    return ["•"] if style.marker in _BULLETS else [f"{numbers.value} {style.marker}"]
