"""What the content of an element inherits: weight, slant, lines, colour, alignment, direction, white space.

Computed from the top down as a browser does, with the elements' own defaults, so that the innermost declaration wins.
What text looks like is kept as marks, the outermost first. Knows no blocks.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from kbsync.markup.dom import HEADINGS, Element, format_style, parse_style, text_content
from kbsync.markup.meaning import BLACK, DEFAULT_MARGINS, TEXT_STYLES, add_lengths

FORMATTING = frozenset("strong em del u sub sup span small big mark kbd samp var tt".split())
_SYNONYMS = {"b": "strong", "i": "em", "s": "del", "strike": "del", "ins": "u"}
_PLAIN = frozenset("font time data nobr".split())
_SLANTED = frozenset("em cite dfn var".split())
_LINES = {"underline": "u", "line-through": "del"}
_RAISED = {"sub": "sub", "super": "sup"}
_TEXT = Element(tag="span")
_BOLD_FROM, _NORMAL, _BOLD = 600, 400, 700


def inline_tag(tag: str) -> str:
    """Return the one of several tags that look the same; a custom element is a span."""
    return "span" if tag in _PLAIN or ":" in tag or "-" in tag else _SYNONYMS.get(tag, tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineMark:
    """One element of formatting around a leaf; links are never joined, so each carries the number of its element."""

    tag: str
    attrs: tuple[tuple[str, str], ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What an element passes on; `shown_…` is what its ancestors in the output have said already.

    `indent` is that of boxes without any other effect, which the next block takes over. `keep` are classes to be kept.
    `hoists` means that lists and cells take over the alignment that all of their blocks have.
    """

    marks: tuple[InlineMark, ...] = ()
    weight: int = _NORMAL
    white_space: str = "normal"
    align: str = "start"
    direction: str = "ltr"
    language: str = ""
    indent: str = ""
    shown_direction: str = "ltr"
    shown_language: str = ""
    keep: Collection[str] = ()
    is_bold: bool = False
    hoists: bool = True

    def around_text(self, node: Element, attrs: Mapping[str, str], style: dict[str, str]) -> "Inherited":
        """Return what the content of an inline element inherits."""
        if not attrs and not style and node.tag == "span":
            return self
        attrs = {key: value for key, value in attrs.items() if (key, value) != ("lang", self.language)}
        if "dir" in attrs and node.tag != "bdo":
            attrs["dir"] = resolve_direction(attrs["dir"], node)
            if attrs["dir"] == self.direction:
                del attrs["dir"]
        return replace(
            self,
            marks=self._marks(node, attrs, style),
            weight=self._weight(node.tag, style.get("font-weight", "")),
            white_space=style.get("white-space", self.white_space),
            direction=attrs.get("dir", self.direction),
            language=attrs.get("lang", self.language),
        )

    def inside_block(self, node: Element, attrs: dict[str, str], style: dict[str, str]) -> "Inherited":
        """Return what the content of a block inherits, and take that out of its attributes and style."""
        direction = resolve_direction(attrs.pop("dir", self.direction), node)
        align = style.pop("text-align", "center" if node.tag == "center" else self.align)
        text = {name: style.pop(name) for name in TEXT_STYLES if name in style}
        text.pop("vertical-align", None)
        outer = self._inside_bold_block() if node.tag in HEADINGS or node.tag == "th" else self
        if outer is not self and outer._weight("", text.get("font-weight", "")) >= _BOLD_FROM:
            text.pop("font-weight", None)
        own_margin = style.pop("margin-left", "") or (DEFAULT_MARGINS.get(node.tag, "") if self.indent else "")
        return replace(
            outer.around_text(_TEXT, {}, text) if text else outer,
            direction=direction,
            align=align,
            language=attrs.pop("lang", self.language),
            indent=add_lengths(self.indent, own_margin),
            white_space="pre" if node.tag == "pre" else text.get("white-space", self.white_space),
        )

    def _inside_bold_block(self) -> "Inherited":
        """Return the same where the browser makes text bold by itself, so that only what is not needs a mark."""
        return replace(
            self, weight=_BOLD, is_bold=True, marks=tuple(mark for mark in self.marks if mark.tag != "strong")
        )

    def attributes(self, attrs: Mapping[str, str], style: Mapping[str, str], *, text: bool) -> dict[str, str]:
        """Return the attributes of a block in the output: its own, and what is inherited and not yet shown.

        Alignment is shown by the blocks that hold text.
        """
        both = dict(attrs)
        if self.direction != self.shown_direction:
            both["dir"] = self.direction
        if self.language != self.shown_language:
            both["lang"] = self.language
        own = dict(style)
        if self.indent:
            own["margin-left"] = self.indent
        start, end = ("left", "right") if self.direction == "ltr" else ("right", "left")
        if text and self.align not in ("start", "justify", start):
            own["text-align"] = end if self.align == "end" else self.align
        return with_style(both, dict(sorted(own.items())))

    def inner(self) -> "Inherited":
        """Return the same for the content of a block in the output."""
        if not self.indent and self.direction == self.shown_direction and self.language == self.shown_language:
            return self
        return replace(self, indent="", shown_direction=self.direction, shown_language=self.language)

    def _weight(self, tag: str, declared: str) -> int:
        bolder = _NORMAL if self.weight < 350 else _BOLD if self.weight < 550 else 900
        lighter = 100 if self.weight < 550 else _NORMAL if self.weight < 750 else _BOLD
        named = {
            "": bolder if tag in ("b", "strong") else self.weight,
            "inherit": self.weight,
            "normal": _NORMAL,
            "bold": _BOLD,
            "bolder": bolder,
            "lighter": lighter,
        }
        return named[declared] if declared in named else int(declared)

    def _marks(self, node: Element, attrs: dict[str, str], style: dict[str, str]) -> tuple[InlineMark, ...]:
        """Return the marks around an inline element's content: those around it, less what it resets, and its own."""
        tag = inline_tag(node.tag)
        declared = {name: style[name] for name in TEXT_STYLES if name in style}
        own = {name: value for name, value in style.items() if name not in declared}
        marks, added = self.marks, list[str]()
        weight = declared.get("font-weight", "")
        if self._weight(node.tag, weight) < _BOLD_FROM:
            tag = "span" if tag == "strong" else tag
            marks = tuple(mark for mark in marks if mark.tag != "strong")
            own |= {"font-weight": "normal"} if self.is_bold else {}
        elif not self.is_bold or tag == "strong" or weight:
            marks = _without(marks, "font-weight")
            added.append("strong")
        slant = declared.get("font-style", "")
        if slant == "italic":
            added.append("em")
        elif slant:
            tag = "span" if tag in _SLANTED else tag
            marks = tuple(mark for mark in marks if slant == "inherit" or mark.tag not in _SLANTED)
        if "text-decoration" in declared:
            lines = [mark for line, mark in _LINES.items() if line in declared["text-decoration"].split()]
            added += [mark for mark in lines if (tag, mark) != ("a", "u")]
            tag = "span" if tag in _LINES.values() else tag
        if "vertical-align" in declared:
            added += [mark for value, mark in _RAISED.items() if value == declared["vertical-align"]]
            tag = "span" if tag in _RAISED.values() else tag
        color = declared.get("color", "")
        if (tag == "a" or any(mark.tag == "a" for mark in marks)) and _is_link_colour(color):
            color = ""
        if color and color != _color_of(marks):
            marks = _without(marks, "color")
            own |= {"color": color} if color != BLACK else {}
        new = (*_own_marks(tag, attrs, own, node), *(InlineMark(tag=name) for name in added if name != tag))
        return (*marks, *(mark for mark in new if mark not in marks))


def _own_marks(tag: str, attrs: Mapping[str, str], style: Mapping[str, str], node: Element) -> list[InlineMark]:
    own_style = {"style": format_style(dict(sorted(style.items())))} if style else {}
    if tag == "span":
        kept = tuple(sorted({**attrs, **own_style}.items()))
        return [InlineMark(tag="span", attrs=kept)] if kept else []
    number = 0 if tag in FORMATTING or tag == "code" else id(node)
    own = [] if tag == "a" and not attrs else [InlineMark(tag=tag, attrs=tuple(sorted(attrs.items())), number=number)]
    return [*own, InlineMark(tag="span", attrs=tuple(own_style.items()))] if style else own


def _color_of(marks: tuple[InlineMark, ...]) -> str:
    colors = (parse_style(dict(mark.attrs).get("style", "")).get("color") for mark in reversed(marks) if mark.attrs)
    return next(filter(None, colors), BLACK)


def _without(marks: tuple[InlineMark, ...], name: str) -> tuple[InlineMark, ...]:
    """Return marks without one declaration, and without those that have no other effect."""
    kept: list[InlineMark] = []
    for mark in marks:
        attrs = dict(mark.attrs)
        style = parse_style(attrs.get("style", ""))
        left = with_style(attrs, {one: value for one, value in style.items() if one != name})
        if left or mark.tag != "span":
            kept.append(replace(mark, attrs=tuple(sorted(left.items()))) if name in style else mark)
    return tuple(kept)


def _is_link_colour(color: str) -> bool:
    """Return whether a colour is the usual blue of links."""
    if len(color) != 7 or not color.startswith("#"):
        return color == "blue"
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return blue > 0x90 and red < 0x60 and blue - green > 0x20


def with_style(attrs: Mapping[str, str], style: Mapping[str, str]) -> dict[str, str]:
    """Return attributes with another style."""
    others = {key: value for key, value in attrs.items() if key != "style"}
    return others | ({"style": format_style(style)} if style else {})


def resolve_direction(value: str, node: Element) -> str:
    """Return a `dir` as `ltr` or `rtl`; `auto` is that of the first letter that has a direction."""
    if value.lower() != "auto":
        return value.lower()
    kinds = map(unicodedata.bidirectional, text_content(node.children))
    return next(("ltr" if kind == "L" else "rtl" for kind in kinds if kind in ("L", "R", "AL")), "ltr")
