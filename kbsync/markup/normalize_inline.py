"""The inline content of a block in normal form: a flat run of leaves, each with its marks, put together again.

What a reader cannot see is settled here: spaces and line breaks at the edges of marks stand outside them, a mark begun
anew right after it ended goes on, empty marks vanish, bold is `strong` however it was made. Works on parsed nodes only.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kbsync.markup.dom import (
    BLOCKS,
    HEADINGS,
    Element,
    Node,
    element,
    holds,
    replace,
    style_from_text,
    style_to_text,
    text_of,
)
from kbsync.markup.extensions import callouts
from kbsync.markup.noise import clean

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
    """Return the one tag for what several tags show alike."""
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
    """Return a picture as it is read, anything else that is shown as it stands, less the editor's own marks."""
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
    return bool(frames) and holds(node.children, _is_player_marks) and not text_of(node.children).strip()


def _is_player_marks(node: Element) -> bool:
    return node.tag in EMBEDS


def is_atom(node: Element) -> bool:
    """Whether an inline element is one thing to a reader, not a mark around words."""
    if node.tag in _ATOMS:
        return True
    return node.tag in ("span", "div") and is_embed(node)


_SPACES = " \t\n\r\f"
_INVISIBLE = "\u200b\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A word, space, break, picture or other atom under its marks, the outermost first."""

    node: Node
    marks: tuple[Mark, ...]


def lines(nodes: Iterable[Node], *, within: frozenset[str] = frozenset()) -> list[tuple[Node, ...]]:
    """Settle inline nodes as paragraphs: two breaks in a row part them, breaks at the edges are vertical space."""
    settled = _settled(list(_leaves(nodes, (), within)))
    pieces: list[list[Leaf]] = [[]]
    at = 0
    while at < len(settled):
        if not _is_break(settled[at]):
            pieces[-1].append(settled[at])
            at += 1
            continue
        end = at
        while end < len(settled) and _is_break(settled[end]):
            end += 1
        if end - at > 1:
            pieces.append([])
        elif end < len(settled) and pieces[-1]:
            pieces[-1].append(settled[at])
        at = end
    return [built for piece in pieces if not _is_blank(piece) and (built := _turned(_built(piece), within))]


def one_line(nodes: Iterable[Node], *, within: frozenset[str] = frozenset()) -> tuple[Node, ...]:
    """Settle inline nodes that cannot be parted, as those of a heading: breaks in a row are one."""
    pieces = lines(nodes, within=within)
    joined: list[Node] = []
    for piece in pieces:
        joined.extend((*([element("br")] if joined else []), *piece))
    return tuple(joined)


def is_anchor(node: Node) -> bool:
    """Whether the node is nothing but a place that links go to."""
    return isinstance(node, Element) and node.tag == "a" and not node.children and set(node.attrs) == {"id"}


def _is_break(leaf: Leaf) -> bool:
    return isinstance(leaf.node, Element) and leaf.node.tag == "br"


def _is_blank(piece: Sequence[Leaf]) -> bool:
    return all(isinstance(leaf.node, str) and not leaf.node.strip(_SPACES + _INVISIBLE) for leaf in piece)


def _leaves(nodes: Iterable[Node], marks: tuple[Mark, ...], within: frozenset[str]) -> Iterator[Leaf]:
    for node in nodes:
        if isinstance(node, str):
            yield Leaf(node=_ordinary(node), marks=marks)
        elif node.tag == "br":
            yield Leaf(node=element("br"), marks=marks)
        else:
            yield from _of_element(node, marks, within)


def _of_element(node: Element, marks: tuple[Mark, ...], within: frozenset[str]) -> Iterator[Leaf]:
    attrs = clean(node.tag, node.attrs)
    tag = tag_of(node)
    anchored = not is_atom(node) or node.tag == "img"
    if anchored and "id" in attrs:
        yield Leaf(node=element("a", {"id": attrs.pop("id")}), marks=marks)
    if is_atom(node):
        yield Leaf(node=atom(node, attrs), marks=tuple(mark for mark in marks if seen_on_pictures(mark)))
    elif tag == "code" and not attrs and all(isinstance(child, str) for child in node.children):
        if node.children:
            yield Leaf(node=element("code", {}, _collapsed(text_of(node.children))), marks=marks)
    elif not node.children and tag not in SIMPLE | {"a", "code"}:
        yield Leaf(node=element(tag, attrs), marks=marks)
    elif "href" in attrs and _is_unseen(node):
        yield Leaf(node=element(tag, attrs), marks=marks)
        yield from _leaves(node.children, marks, within)
    else:
        added = marks_of(node, attrs, within | {mark.tag for mark in marks})
        yield from _leaves(node.children, marks + tuple(mark for mark in added if mark not in marks), within)


def _is_unseen(link: Element) -> bool:
    """Whether a link has nothing to click on; it stays, since it is still a link to whoever edits the page."""
    return not text_of(link.children).strip() and not holds(
        link.children, lambda inner: is_atom(inner) or inner.tag == "a"
    )


def _ordinary(text: str) -> str:
    """Make ordinary spaces of the non-breaking ones that editors leave; one between two words is the writer's own."""
    if "\xa0" not in text:
        return text
    chars = list(text)
    for at, char in enumerate(chars):
        if char != "\xa0":
            continue
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if not before.strip() or not after.strip():
            chars[at] = " "
    return "".join(chars)


def _collapsed(text: str) -> str:
    out: list[str] = []
    for char in text:
        if char in _SPACES:
            if not out or out[-1] != " ":
                out.append(" ")
        else:
            out.append(char)
    return "".join(out)


def _settled(leaves: list[Leaf]) -> list[Leaf]:
    """Collapse white space; put spaces, breaks and anchors under the marks that both their sides share."""
    out: list[Leaf] = []
    waiting: list[Node] = []
    spaced = False
    for leaf in _words(leaves):
        if isinstance(leaf.node, Element) and (leaf.node.tag == "br" or is_anchor(leaf.node)):
            if leaf.node.tag == "br":
                spaced = False
            waiting.append(leaf.node)
            continue
        if leaf.node == " ":
            spaced = True
            continue
        shared = _shared(_last_marks(out), leaf.marks)
        at_start = not any(not is_anchor(node.node) for node in out)
        broken = any(isinstance(node, Element) and node.tag == "br" for node in waiting)
        if spaced and not at_start and not broken:
            out.append(Leaf(node=" ", marks=shared))
        out.extend(Leaf(node=node, marks=shared) for node in waiting)
        out.append(leaf)
        waiting, spaced = [], False
    out.extend(Leaf(node=node, marks=()) for node in waiting)
    return out


def _last_marks(out: list[Leaf]) -> tuple[Mark, ...]:
    return out[-1].marks if out else ()


def _words(leaves: list[Leaf]) -> Iterator[Leaf]:
    for leaf in leaves:
        if not isinstance(leaf.node, str):
            yield leaf
            continue
        text = _collapsed(leaf.node)
        core = text.strip(" ")
        if text.startswith(" "):
            yield Leaf(node=" ", marks=leaf.marks)
        if core:
            yield Leaf(node=core, marks=leaf.marks)
            if text.endswith(" "):
                yield Leaf(node=" ", marks=leaf.marks)


def _shared(left: tuple[Mark, ...], right: tuple[Mark, ...]) -> tuple[Mark, ...]:
    count = 0
    while count < min(len(left), len(right)) and left[count] == right[count]:
        count += 1
    return left[:count]


def _built(leaves: Sequence[Leaf], depth: int = 0) -> tuple[Node, ...]:
    """Put leaves that share marks under one element again."""
    out: list[Node] = []
    at = 0
    while at < len(leaves):
        marks = leaves[at].marks
        if len(marks) <= depth:
            _append(out, leaves[at].node)
            at += 1
            continue
        end = at
        while end < len(leaves) and len(leaves[end].marks) > depth and leaves[end].marks[depth] == marks[depth]:
            end += 1
        mark = marks[depth]
        out.append(Element(tag=mark.tag, attrs=dict(mark.attrs), children=_built(leaves[at:end], depth + 1)))
        at = end
    return tuple(out)


def _append(out: list[Node], node: Node) -> None:
    if isinstance(node, str) and out and isinstance(out[-1], str):
        out[-1] += node
    else:
        out.append(node)


_RANK = {"u": 0, "del": 1, "em": 2, "strong": 3}


def _turned(nodes: tuple[Node, ...], within: frozenset[str]) -> tuple[Node, ...]:
    """Give marks that cover the same words one order, since a reader cannot tell which is outside."""
    turned = tuple(node if isinstance(node, str) else _turned_one(node) for node in nodes)
    if all(new is old for new, old in zip(turned, nodes, strict=True)):
        return nodes
    # Turned marks may now meet their like.
    return tuple(node for line in lines(turned, within=within) for node in line)


def _turned_one(node: Element) -> Element:
    children = tuple(child if isinstance(child, str) else _turned_one(child) for child in node.children)
    if any(new is not old for new, old in zip(children, node.children, strict=True)):
        node = replace(node, children=children)
    if node.tag not in _RANK or node.attrs or len(children) != 1:
        return node
    inner = children[0]
    if isinstance(inner, str) or inner.attrs or _RANK.get(inner.tag, 9) >= _RANK[node.tag]:
        return node
    return replace(inner, children=(_turned_one(replace(node, children=inner.children)),))


_DISTRIBUTED = frozenset("b strong i em u ins s strike del span font a sub sup small".split())


def is_block(node: Element) -> bool:
    """Whether an element stands on lines of its own, by its tag or by what it holds."""
    return node.tag in BLOCKS or (node.tag not in EMBEDS and holds(node.children, lambda inner: inner.tag in BLOCKS))


def spread(node: Element) -> list[Node]:
    """Put an inline mark that stands around blocks into each of them; names are for `anchored`."""
    attrs = {key: value for key, value in node.attrs.items() if key not in ("id", "name")}
    return _spread_over(node.tag, attrs, node.children)


def is_spreadable(node: Element) -> bool:
    """Whether the element is a mark that can be said of each block by itself."""
    return node.tag in _DISTRIBUTED and not (node.tag == "a" and holds(node.children, lambda inner: inner.tag == "a"))


def spread_into(tag: str, attrs: Mapping[str, str], node: Element) -> Element:
    """Return a block whose inline content stands under one more mark."""
    return replace(node, children=tuple(_spread_over(tag, attrs, node.children)))


def _spread_over(tag: str, attrs: Mapping[str, str], nodes: tuple[Node, ...]) -> list[Node]:
    out: list[Node] = []
    run: list[Node] = []

    def close() -> None:
        if any(not isinstance(one, str) or one.strip() for one in run):
            out.append(Element(tag=tag, attrs=attrs, children=tuple(run)))
        else:
            out.extend(run)
        run.clear()

    for node in nodes:
        if isinstance(node, Element) and is_block(node):
            close()
            out.append(node if node.tag == "hr" else spread_into(tag, attrs, node))
        else:
            run.append(node)
    close()
    return out


def anchored(blocks: list[Element], anchor: str) -> list[Element]:
    """Put an element's name at the start of what it held."""
    mark = element("a", {"id": anchor})
    if not blocks or _is_player(blocks[0]):
        return [element("p", {}, mark), *blocks]
    first = blocks[0]
    if first.tag == "p" or (first.tag in HEADINGS and "id" in first.attrs):
        return [replace(first, children=(mark, *first.children)), *blocks[1:]]
    if first.tag in HEADINGS:
        return [replace(first, attrs={**first.attrs, "id": anchor}), *blocks[1:]]
    inner = [child for child in first.children if isinstance(child, Element)]
    if (
        len(inner) == len(first.children)
        and first.tag not in ("hr", "pre")
        and (inner or first.tag in ("li", "td", "th"))
    ):
        return [replace(first, children=tuple(anchored(inner, anchor))), *blocks[1:]]
    if callouts.kind_of_class(first.attrs.get("class", "")):
        return [replace(first, children=tuple(anchored(inner, anchor))), *blocks[1:]]
    return [element("p", {}, mark), *blocks]


def _is_player(block: Element) -> bool:
    """Whether a paragraph only stands for a block that none can hold beside a name."""
    first = block.children[0] if block.tag == "p" and block.children else ""
    return isinstance(first, Element) and first.tag in BLOCKS


def can_say(block: Element, style: Mapping[str, str]) -> bool:
    """Whether a block can say by itself the style of what holds it."""
    if block.tag != "p" and block.tag not in HEADINGS:
        return False
    return "margin-left" not in style or "margin-left" not in block.attrs.get("style", "")


def with_outer(own: Mapping[str, str], outer: Mapping[str, str], style: Mapping[str, str]) -> dict[str, str]:
    """Return a block's attributes with those of what holds it; its own go first."""
    both = {**outer, **own}
    said = {**style, **style_from_text(own.get("style", ""))}
    if said:
        both["style"] = style_to_text(dict(sorted(said.items())))
    return both
