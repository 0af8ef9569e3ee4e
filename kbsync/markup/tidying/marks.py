"""What one inline element is to a reader: a mark around words, or a thing of its own."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from kbsync.markup.html.nodes import Element, element, holds, text_of
from kbsync.markup.html.styles import style_from_text, style_to_text

EMBEDS = frozenset(
    "iframe video audio object embed svg math canvas select button textarea map picture template".split()
)
SIMPLE = frozenset("strong em del u sub sup span small big mark kbd samp var tt".split())
_ATOMS = EMBEDS | {"img", "input", "wbr", "script", "style", "link", "meta", "base", "noscript"}
_SAME = {"b": "strong", "i": "em", "s": "del", "strike": "del", "ins": "u", "font": "span"}
# How editors frame a player (recorded): by class, or by a padding that keeps its proportions.
_FRAME = re.compile(r"\bfr-video\b|wistia|responsive|embed")
_PLACED = re.compile(r"position:\s*(?:relative|absolute)|padding(?:-bottom|-top)?:\s*[\d.]+%")
_COLORED = re.compile(r"(?:color: [^;]*|font-weight: normal)(?:; font-weight: normal)?")
_LETTERS = frozenset(
    {"font-family", "font-size", "color", "line-height", "background-color", "max-width", "aspect-ratio"}
)
_EDITOR = frozenset({"fr-draggable", "fr-deletable", "fr-active"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One formatting around a leaf; two links are never one, so each carries the number of its element."""

    tag: str
    attrs: tuple[tuple[str, str], ...] = ()
    number: int = 0


def tag_of(node: Element) -> str:
    """Give the one tag for what several tags show alike."""
    return _SAME.get(node.tag, node.tag)


def seen_on_pictures(mark: Mark) -> bool:
    """Whether a mark shows on a picture; bold, italic and colour do not."""
    return mark.tag not in ("strong", "em") and not (
        mark.tag == "span" and _COLORED.fullmatch(dict(mark.attrs).get("style", ""))
    )


def marks_of(node: Element, attrs: dict[str, str], around: Collection[str]) -> list[Mark]:
    """Turn one element, its attributes cleaned, into the marks that a reader sees of it within the tags `around`."""
    tag = tag_of(node)
    attrs = dict(attrs)
    style = style_from_text(attrs.pop("style", ""))
    added: list[str] = []
    weight, slant = style.pop("font-weight", ""), style.pop("font-style", "")
    if (tag, weight) == ("strong", "normal") or (tag, slant) == ("em", "normal"):
        tag = "span"
    elif weight == "normal" and tag == "span" and "strong" in around:
        style["font-weight"] = "normal"
    if weight == "bold":
        added.append("strong")
    if slant in ("italic", "oblique"):
        added.append("em")
    drawn = style.pop("text-decoration", "").split()
    if "underline" in drawn and tag != "a":
        added.append("u")
    if "line-through" in drawn:
        added.append("del")
    if (tag == "a" or "a" in around) and _is_link_color(style.get("color", "")):
        del style["color"]
    return _own(tag, attrs, style, node) + [Mark(tag=name) for name in added if name != tag]


def _own(tag: str, attrs: dict[str, str], style: dict[str, str], node: Element) -> list[Mark]:
    styled = Mark(tag="span", attrs=(("style", style_to_text(style)),))
    if tag == "span":
        said = tuple(sorted((attrs | dict(styled.attrs if style else ())).items()))
        return [Mark(tag="span", attrs=said)] if said else []
    number = 0 if tag in SIMPLE or tag == "code" else id(node)
    own = [] if tag == "a" and not attrs else [Mark(tag=tag, attrs=tuple(sorted(attrs.items())), number=number)]
    return [*own, styled] if style else own


def _is_link_color(color: str) -> bool:
    """Whether a colour is the blue in which links are shown anyway."""
    if len(color) != 7 or not color.startswith("#"):
        return color == "blue"
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return blue > 0x90 and red < 0x60 and blue - green > 0x20


def atom(node: Element, attrs: dict[str, str]) -> Element:
    """Give a picture as it is read, anything else that is shown as it stands, less the editor's own marks."""
    if node.tag in ("img", "input"):
        return element(node.tag, attrs)
    return _verbatim(node)


def _verbatim(node: Element) -> Element:
    kept = {key: _without_editor(key, value) for key, value in node.attrs.items() if not _is_editors(key, value)}
    kept = {key: value for key, value in sorted(kept.items()) if value or key not in ("class", "style")}
    return element(node.tag, kept, *(child if isinstance(child, str) else _verbatim(child) for child in node.children))


def _is_editors(key: str, value: str) -> bool:
    if key.startswith("data-") or key in ("contenteditable", "draggable") or (key == "dir" and value == "ltr"):
        return True
    return any(char in key for char in "\"';<=&")


def _without_editor(key: str, value: str) -> str:
    match key:
        case "class":
            return " ".join(name for name in value.split() if name not in _EDITOR)
        case "style":
            return style_to_text({name: said for name, said in style_from_text(value).items() if not _fits(name, said)})
    return value


def _fits(name: str, value: str) -> bool:
    """Whether a declaration is about letters, or only fits a player into a narrow screen."""
    return name in _LETTERS or (name, value) == ("height", "auto")


def is_embed(node: Element) -> bool:
    """Whether the element frames a player and nothing else: its own sizes and places are then what makes it one."""
    frames = _FRAME.search(node.attrs.get("class", "")) or _PLACED.search(node.attrs.get("style", ""))
    return bool(frames) and holds(node.children, _is_player) and not text_of(node.children).strip()


def _is_player(node: Element) -> bool:
    return node.tag in EMBEDS


def is_atom(node: Element) -> bool:
    """Whether an inline element is one thing to a reader, not a mark around words."""
    if node.tag in _ATOMS:
        return True
    return node.tag in ("span", "div") and is_embed(node)
