"""What a browser without a theme's style sheet shows of HTML, by another parser and a computation of its own.

Nothing of kbsync is used. Text is read as lines of words, each word with its effective style; each line with its side
and its indentation in pixels. What readers cannot tell from a theme is not looked at: bold in headings and header
cells, the underline of links, near-black text, blank lines.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import html5lib

BOLD = frozenset("b strong".split())
ITALIC = frozenset("i em cite dfn var address".split())
LINES = {"u": "underline", "ins": "underline", "s": "line-through", "strike": "line-through", "del": "line-through"}
BLOCKS = frozenset(
    "address article aside blockquote center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 "
    "h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul caption".split()
)
HEADED = frozenset("h1 h2 h3 h4 h5 h6 th".split())
LISTS = frozenset("ul ol".split())
PIXELS = {"px": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0, "": 1.0, "%": 0.001}


@dataclass(frozen=True, kw_only=True)
class Style:
    """The effective style of one text."""

    weight: int = 400
    italic: bool = False
    lines: frozenset[str] = frozenset()
    shift: str = ""
    space: str = "normal"
    side: str = "start"
    rtl: bool = False
    link: str = ""
    indent: float = 0.0


@dataclass
class Page:
    """The lines of a page: the words of each with their styles, and how far it is indented."""

    lines: list[tuple[list[tuple[str, Any]], str, float]] = field(default_factory=list)
    words: list[tuple[str, Style]] = field(default_factory=list)
    glued: bool = False

    def end_line(self) -> None:
        """End the line, if there is anything on it."""
        if self.words:
            first = self.words[0][1]
            side = {"start": "right" if first.rtl else "left", "end": "left" if first.rtl else "right"}
            shown = [(word, _look(style)) for word, style in self.words]
            self.lines.append((shown, side.get(first.side, first.side), round(first.indent, 2)))
        self.words, self.glued = [], False

    def add(self, text: str, style: Style) -> None:
        """Add a text without line breaks."""
        if not text:
            return
        for at, part in enumerate(re.split(r"[ \t\n\r\f\u00a0\u200b\ufeff]+", text)):
            if part and self.words and at == 0 and self.glued and _look(self.words[-1][1]) == _look(style):
                self.words[-1] = (self.words[-1][0] + part, self.words[-1][1])
            elif part:
                self.words.append((part, style))
        self.glued = not text[-1].isspace()


def _look(style: Style) -> tuple[Any, ...]:
    return style.weight >= 600, style.italic, style.lines, style.shift, style.rtl, style.link


def seen(html: str) -> list[tuple[list[tuple[str, Any]], str, float]]:
    """Return the lines of a page as a reader sees them."""
    page = Page()
    _walk(html5lib.parseFragment(html), Style(), page)
    page.end_line()
    return page.lines


def _walk(node: Any, style: Style, page: Page) -> None:
    tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
    inner = _inside(tag, dict(node.attrib), style, "".join(node.itertext())) if tag else style
    if tag in BLOCKS or tag == "br":
        page.end_line()
    if tag:
        _text(node.text or "", inner, page)
    for child in node:
        _walk(child, inner, page)
        _text(child.tail or "", inner, page)
    if tag in BLOCKS:
        page.end_line()


def _text(text: str, style: Style, page: Page) -> None:
    for at, line in enumerate(text.split("\n") if style.space != "normal" else [text]):
        if at:
            page.end_line()
        page.add(line, style)


def _inside(tag: str, attrs: dict[str, str], outer: Style, text: str) -> Style:
    declared = [part.partition(":") for part in attrs.get("style", "").lower().split(";")]
    css = {name.strip(): value.replace("!important", "").strip() for name, _, value in declared if value.strip()}
    if "font" in css:
        words = re.split(r"(?<!\S)[\d.]+(?:px|pt|em)", css["font"])[0].split()
        weights = [word for word in words if word in ("bold", "700")]
        css = {"font-weight": [*weights, "normal"][0], "font-style": "italic" if "italic" in words else "normal"} | css
    css = {name: "normal" if name.startswith("font-") and value == "initial" else value for name, value in css.items()}
    style = replace(outer, shift="" if tag in BLOCKS else outer.shift)
    weight = css.get("font-weight", "bold" if tag in BOLD else "inherit")
    if tag in HEADED:
        style = replace(style, weight=400)
    elif weight not in ("inherit", "unset"):
        bolder = 400 if outer.weight < 350 else 700 if outer.weight < 550 else 900
        lighter = 100 if outer.weight < 550 else 400 if outer.weight < 750 else 700
        named = {"normal": 400, "bold": 700, "bolder": bolder, "lighter": lighter}
        style = replace(style, weight=named.get(weight) or int(weight))
    slant = css.get("font-style", "italic" if tag in ITALIC else "inherit")
    if slant not in ("inherit", "unset"):
        style = replace(style, italic=slant != "normal")
    own = css.get("text-decoration", css.get("text-decoration-line", LINES.get(tag, "")))
    added = {line for line in ("underline", "line-through") if line in own}
    style = replace(style, lines=style.lines | (added - {"underline"} if tag == "a" else added))
    shift = css.get("vertical-align", {"sub": "sub", "sup": "super"}.get(tag, ""))
    if shift in ("sub", "super"):
        style = replace(style, shift=shift)
    space = css.get("white-space", css.get("white-space-collapse", "pre" if tag == "pre" else ""))
    if space:
        style = replace(style, space="normal" if space in ("normal", "nowrap") else "pre")
    direction = css.get("direction", attrs.get("dir", "").lower())
    if direction == "auto":
        direction = "rtl" if re.search(r"[\u0590-\u08ff]", text) else "ltr"
    if direction in ("rtl", "ltr"):
        style = replace(style, rtl=direction == "rtl")
    hint = "" if tag in ("table", "hr", "img", "iframe") else attrs.get("align", "center" if tag == "center" else "")
    aligned = css.get("text-align", hint.lower())
    aligned = {"justify": "right" if style.rtl else "left", "inherit": ""}.get(aligned, aligned)
    if tag in BLOCKS and aligned:
        style = replace(style, side=aligned)
    elif tag in ("th", "caption") and style.side == "start":
        style = replace(style, side="center")
    if tag == "a" and "href" in attrs:
        style = replace(style, link=attrs["href"])
    indent = _indent(tag, css) if tag in BLOCKS - {"td", "th", "tr", "tbody", "thead", "tfoot"} else 0.0
    return replace(style, indent=style.indent + indent)


def _indent(tag: str, css: dict[str, str]) -> float:
    margin, padding = (40.0 if tag in ("blockquote", "figure", "dd") else 0.0), (40.0 if tag in LISTS else 0.0)
    for name, value in css.items():
        sides = [_pixels(side) for side in value.split()]
        left = sides[0 if "inline" in name else {2: 1, 3: 1, 4: 3}.get(len(sides), 0)] if sides else 0.0
        if name in ("margin", "margin-left", "margin-inline-start", "margin-inline"):
            margin = left
        elif name in ("padding", "padding-left", "padding-inline-start", "padding-inline"):
            is_box = name == "padding" and len(sides) < 4 and tag not in LISTS
            padding = 0.0 if is_box else left
    return margin + padding


def _pixels(length: str) -> float:
    found = re.fullmatch(r"([\d.]+)(px|pt|em|rem|%|)", length)
    return float(found[1]) * PIXELS[found[2]] if found else 0.0
