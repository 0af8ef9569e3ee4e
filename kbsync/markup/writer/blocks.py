"""Blocks in tidy form, written as Markdown: one small function for each kind.

Each writes what it can say and leaves the rest as tags; whether that reads back is judged elsewhere (`to_markdown`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

from kbsync.markup.compare import canonical_of
from kbsync.markup.dom import (
    HEADINGS,
    Element,
    Node,
    element,
    parse,
    replace,
    serialized,
    start_tag,
    style_from_text,
    text_of,
)
from kbsync.markup.extensions import callouts
from kbsync.markup.extensions.accordions import CONTENT, HEADER, WRAPPER
from kbsync.markup.extensions.attributes import note_from_attrs
from kbsync.markup.extensions.slugs import slug
from kbsync.markup.extensions.videos import link_of, player_of
from kbsync.markup.normalize import tidy
from kbsync.markup.writer.inlines import Place, inline
from kbsync.markup.writer.shorthand import Hand, Note

Write = Callable[[Sequence[Node]], str]


def is_accordion(node: Element) -> bool:
    """Whether an element is Freshdesk's wrapper of accordions."""
    return node.tag == "section" and dict(node.attrs) == {"class": WRAPPER}


def accordion(node: Element, asked: frozenset[str], write: Write) -> str | None:
    """Write the pairs of headings and boxes as `<details>`."""
    pieces: list[str] = []
    children = [child for child in node.children if isinstance(child, Element)]
    while children:
        head = children.pop(0)
        if head.tag not in HEADINGS or head.attrs.get("class") != HEADER or head.attrs.keys() - {"class", "id"}:
            return None
        content: Sequence[Node] = ()
        if children and dict(children[0].attrs) == {"class": CONTENT}:
            content = children.pop(0).children
        pieces += ["<details>\n" + _summary(head, asked), *([write(content)] if content else []), "</details>"]
    return "\n\n".join(pieces) or None


def _summary(head: Element, asked: frozenset[str]) -> str:
    words = serialized(head.children)
    name = head.attrs.get("id", "")
    named = {} if not name or (name in asked and _slug(head) == name) else {"id": name}
    start = start_tag(Element(tag="summary" if head.tag == "h2" else head.tag, attrs=named))
    return f"{start}{words}</summary>" if head.tag == "h2" else f"<summary>{start}{words}</{head.tag}></summary>"


def _slug(head: Element) -> str:
    texts = [child for child in head.children if isinstance(child, str)]
    return slug("".join(texts)) if len(texts) == len(head.children) else ""


def definitions(node: Element, term: Callable[[Element], str], write: Write) -> str | None:
    """Write a list of terms and what they mean."""
    lines: list[str] = []
    before = ""
    for child in node.children:
        if isinstance(child, str) or child.attrs or not child.children:
            return None
        if child.tag == "dt" and before != "dt" and len(child.children) == 1:
            only = child.children[0]
            if isinstance(only, str) or only.tag != "p" or only.attrs:
                return None
            lines += ([""] if before else []) + [term(only)]
        elif child.tag == "dd" and before:
            lines.append(_hung(": ", "  ", write(child.children)))
        else:
            return None
        before = child.tag
    return "\n".join(lines) if before == "dd" and not node.attrs else None


def notes(found: Sequence[Note], write: Write) -> str:
    """Write the definitions of footnotes."""
    return "\n\n".join(_hung(f"[^{note.label}]: ", "    ", write(note.blocks)) for note in found)


def _hung(mark: str, indent: str, text: str) -> str:
    lines = text.split("\n")
    return "\n".join([mark + lines[0], *(indent + line if line else "" for line in lines[1:])])


_NARROW = 100
_RULES = {None: "---", "left": ":--", "center": ":-:", "right": "--:"}


def pipe_table(node: Element, write: Callable[[Element], str]) -> str | None:
    """Write a pipe table; None when one cannot say it. A table without header cells gets an empty header row.

    `write` writes a paragraph as it can stand in a cell.
    """
    rows = _rows(node)
    note = note_from_attrs(node.attrs)
    if rows is None or note is None:
        return None
    alignments = [_alignment([row[at] for row in rows]) for at in range(len(rows[0]))]
    if any(alignment == "" for alignment in alignments):
        return None
    texts = [[_cell(cell, write) for cell in row] for row in rows]
    if rows[0][0].tag != "th":
        texts.insert(0, [""] * len(rows[0]))
    table = _laid_out(texts, alignments)
    return f"{note}\n{table}" if note else table


def _rows(node: Element) -> list[list[Element]] | None:
    rows: list[list[Element]] = []
    for row in node.children:
        if isinstance(row, str) or row.tag != "tr" or row.attrs:
            return None
        rows.append([cell for cell in row.children if isinstance(cell, Element)])
    cells = [cell for row in rows for cell in row]
    if len({len(row) for row in rows}) != 1 or not all(_is_simple(cell) for cell in cells):
        return None
    heads = [{cell.tag for cell in row} for row in rows]
    if any(kinds != {"td"} for kinds in heads[1:]) or len(heads[0]) != 1:
        return None
    return rows


def _is_simple(cell: Element) -> bool:
    """Whether a cell holds only plain paragraphs, and says at most its alignment."""
    if cell.attrs.keys() - {"style"} or style_from_text(cell.attrs.get("style", "")).keys() - {"text-align"}:
        return False
    return all(isinstance(block, Element) and block.tag == "p" and not block.attrs for block in cell.children)


def _alignment(column: list[Element]) -> str | None:
    """Return the alignment of a column: None when it has none, "" when its cells differ."""
    found = {style_from_text(cell.attrs.get("style", "")).get("text-align") for cell in column if cell.children}
    return "" if len(found) > 1 else next(iter(found), None)


def _cell(cell: Element, write: Callable[[Element], str]) -> str:
    return "<br><br>".join(write(block) for block in cell.children if isinstance(block, Element))


def _laid_out(texts: list[list[str]], alignments: list[str | None]) -> str:
    widths = [max(3, *(len(row[at]) for row in texts)) for at in range(len(texts[0]))]
    if sum(widths) + 3 * len(widths) + 1 > _NARROW:
        widths = [0] * len(widths)
    rules = [_rule(alignment, width) for alignment, width in zip(alignments, widths, strict=True)]
    lines = [texts[0], rules, *texts[1:]]
    return "\n".join("| " + " | ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)) + " |" for row in lines)


def _rule(alignment: str | None, width: int) -> str:
    rule = _RULES[alignment]
    return rule[0] + "-" * max(1, width - 2) + rule[2]


def tag_table(node: Element, blocks: Callable[[Element], str]) -> str:
    """Write a table as tags, its cells as Markdown between them."""
    lines = [start_tag(node)]
    for row in node.children:
        if not isinstance(row, Element):
            continue
        if row.tag != "tr":
            lines.append(serialized((row,)))
            continue
        lines.append(start_tag(row))
        for cell in row.children:
            if isinstance(cell, Element):
                inner = blocks(cell)
                lines.append(
                    f"{start_tag(cell)}\n\n{inner}\n\n</{cell.tag}>" if inner else f"{start_tag(cell)}</{cell.tag}>"
                )
        lines.append("</tr>")
    return "\n".join([*lines, "</table>"])


_LEAVES = frozenset("summary dt dd figcaption caption legend address".split())
_HELD = frozenset("li td th div summary dt dd figcaption caption legend address blockquote".split())
_BOX = re.compile(r"\[[ xX]?\](?=\s|$)")


class Way(IntEnum):
    """How a block is to be written, the next when the one before was not read back the same."""

    MARKS = 0
    TAGS = 1
    RAW = 2


Ways = Mapping[int, Way]


def document(blocks: Sequence[Node], ways: Ways, asked: frozenset[str] = frozenset(), hand: Hand | None = None) -> str:
    """Write blocks one after another; `asked` names the anchors that links ask for, whose ids need no writing."""
    pieces = _Writer(ways, asked, hand or Hand()).pieces(blocks)
    if pieces and pieces[0] == "---":
        pieces[0] = "***"  # at the very top three hyphens would begin front matter
    return "\n\n".join(pieces)


class _Writer:
    def __init__(self, ways: Ways, asked: frozenset[str], hand: Hand) -> None:
        self._ways = ways
        self._asked = asked
        self._hand = hand

    def pieces(self, blocks: Sequence[Node]) -> list[str]:
        out: list[str] = []
        previous: Element | None = None
        other = False
        for block in (one for one in blocks if isinstance(one, Element)):
            other = previous is not None and previous.tag == block.tag and block.tag in ("ul", "ol") and not other
            if previous is not None and _would_join(previous, block):
                out.append("<!-- -->")
            out.append(self.block(block, other=other))
            previous = block
        return [piece for piece in out if piece]

    def _text(self, blocks: Sequence[Node]) -> str:
        return "\n\n".join(self.pieces(blocks))

    def block(self, node: Element, *, other: bool = False) -> str:
        if id(node) in self._hand.short:
            return self._hand.short[id(node)]
        if id(node) in self._hand.notes:
            return notes(self._hand.notes[id(node)], self._text)
        way = self._ways.get(id(node), Way.MARKS)
        return raw(node) if way is Way.RAW else self._of_tag(node, way, other=other)

    def _of_tag(self, node: Element, way: Way, *, other: bool) -> str:
        match node.tag:
            case "p":
                return self._paragraph(node, tagged=way is Way.TAGS)
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                return self._heading(node, tagged=way is Way.TAGS)
            case "ul" | "ol":
                return self._list(node, other=other)
            case "hr":
                return "---"
            case "blockquote":
                return self._quote(node)
            case "pre":
                return self._pre(node)
            case "table":
                pipes = pipe_table(node, self._in_cell) if way is Way.MARKS else None
                return pipes or tag_table(node, lambda cell: self._text(cell.children))
            case "dl":
                return definitions(node, self._term, self._text) or raw(node)
            case "section" if is_accordion(node) and way is Way.MARKS:
                return accordion(node, self._asked, self._text) or self._box(node)
            case _:
                return self._box(node)

    def _in_cell(self, paragraph: Element) -> str:
        return inline(paragraph.children, Place.CELL, tagged=self._is_tagged(paragraph), hand=self._hand)

    def _term(self, paragraph: Element) -> str:
        return inline(paragraph.children, Place.TERM, tagged=self._is_tagged(paragraph), hand=self._hand)

    def _is_tagged(self, node: Element) -> bool:
        return self._ways.get(id(node), Way.MARKS) is not Way.MARKS

    def _paragraph(self, node: Element, *, tagged: bool) -> str:
        note = note_from_attrs(node.attrs)
        if note is None:
            return raw(node)
        written = _video(node) or inline(node.children, tagged=tagged, hand=self._hand)
        if written.startswith("http") and node.children[0] == written and player_of(written):
            written = written.replace(":", "\\:", 1)
        return f"{note}\n{written}" if note else written

    def _heading(self, node: Element, *, tagged: bool) -> str:
        attrs = dict(node.attrs)
        name = attrs.pop("id", "")
        note = note_from_attrs(attrs)
        if note is None:
            return raw(node)
        written = inline(node.children, Place.HEADING, tagged=tagged, hand=self._hand)
        if re.search(r"[\s{}\\]", name):
            written, name = serialized((element("a", {"id": name}),)) + written, ""
        line = "#" * int(node.tag[1]) + " " + written
        if name and not (name in self._asked and slug(text_of(node.children)) == name):
            line += f" {{#{name}}}"
        return f"{note}\n{line}" if note else line

    def _list(self, node: Element, *, other: bool) -> str:
        attrs = dict(node.attrs)
        start = attrs.pop("start", "1") if node.tag == "ol" else "1"
        note = note_from_attrs(attrs)
        items = [child for child in node.children if isinstance(child, Element)]
        if note is None or not re.fullmatch(r"\d{1,9}", start) or any(item.attrs for item in items):
            return raw(node)
        tight = all(_is_tight(item) for item in items)
        lines: list[str] = []
        for number, item in enumerate(items, int(start)):
            mark = ("*" if other else "-") if node.tag == "ul" else f"{number}{')' if other else '.'}"
            lines.append(self._item(item, mark, tight=tight))
        written = ("\n" if tight else "\n\n").join(lines)
        return f"{note}\n{written}" if note else written

    def _item(self, item: Element, mark: str, *, tight: bool) -> str:
        pieces = self.pieces(item.children)
        if pieces:
            pieces[0] = self._first_piece(item, pieces[0])
        body = ("\n" if tight else "\n\n").join(pieces)
        indent = " " * (len(mark) + 1)
        return (mark + " " + body.replace("\n", "\n" + indent)).replace("\n" + indent + "\n", "\n\n").rstrip(" ")

    def _first_piece(self, item: Element, piece: str) -> str:
        first = next(child for child in item.children if isinstance(child, Element))
        if first.tag == "hr":
            return "***"
        box = first.children[0] if first.tag == "p" and first.children else ""
        if isinstance(box, Element) and box.tag == "input" and box.attrs.get("type") == "checkbox" and not first.attrs:
            words = inline(first.children[1:], tagged=self._is_tagged(first), hand=self._hand)
            return ("[x]" if "checked" in box.attrs else "[ ]") + " " + words.lstrip(" ")
        return "\\" + piece if _BOX.match(piece) else piece

    def _quote(self, node: Element) -> str:
        return raw(node) if node.attrs else _quoted(self._text(node.children))

    def _pre(self, node: Element) -> str:
        names = node.attrs.get("class", "")
        kind = callouts.kind_of_class(names)
        if kind and set(node.attrs) == {"class"}:
            first = node.children[0]
            plain = isinstance(first, Element) and first.tag == "p" and not first.attrs
            text = self._text(node.children)
            return _quoted(callouts.marker(kind) + ("\n" if plain else "\n\n") + text)
        if "fd-callout" in names.split():
            return self._box(node)
        return _fence(node) or raw(node)

    def _box(self, node: Element) -> str:
        if node.tag in _LEAVES or node.tag == "pre" or not node.children:
            return raw(node)
        start = ("<!-- -->" if node.tag == "details" else "") + start_tag(node)  # else it would be an accordion
        return "\n\n".join([start, *self.pieces(node.children), f"</{node.tag}>"])


def _would_join(previous: Element, block: Element) -> bool:
    """Whether two blocks, written one after the other, would be read as one."""
    both = (previous, block)
    return all(one.tag == "dl" for one in both) or all(is_accordion(one) for one in both)


def raw(node: Element) -> str:
    """Write a block as HTML on one line."""
    return ("<!-- -->" if node.tag == "details" else "") + serialized((_loosened(node),))


def _video(paragraph: Element) -> str | None:
    """Return the link of the video that a paragraph holds, where the link says all of its player."""
    only = paragraph.children[0]
    if isinstance(only, str) or len(paragraph.children) > 1:
        return None
    frame = only
    while frame.tag in ("span", "div") and len(frame.children) == 1 and isinstance(frame.children[0], Element):
        frame = frame.children[0]
    link = link_of(frame.attrs.get("src", "")) if frame.tag == "iframe" else None
    player = player_of(link) if link else None
    if player is None or (player.boxed and paragraph.attrs):
        return None
    return link if canonical_of(tidy(parse(player.html).nodes)) == canonical_of((element("p", {}, only),)) else None


def _loosened(node: Element) -> Element:
    """Take the paragraph out where a box holds only one, as HTML is mostly written."""
    children = tuple(child if isinstance(child, str) else _loosened(child) for child in node.children)
    if node.tag in _HELD and len(children) == 1:
        only = children[0]
        if isinstance(only, Element) and only.tag == "p" and not only.attrs:
            return replace(node, children=only.children)
    return replace(node, children=children)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _is_tight(item: Element) -> bool:
    """Whether an item reads the same without blank lines: a line of text, then at most lists."""
    tags = [(child.tag, dict(child.attrs)) for child in item.children if isinstance(child, Element)]
    if not tags or (tags[0][0] == "p" and not tags[0][1]):
        tags = tags[1:]
    return all(
        tag in ("ul", "ol") and not attrs.keys() - {"start"} and attrs.get("start", "1") == "1" for tag, attrs in tags
    )


def _fence(node: Element) -> str:
    if node.attrs or len(node.children) != 1:
        return ""
    code = node.children[0]
    if isinstance(code, str) or code.tag != "code" or code.attrs.keys() - {"class"}:
        return ""
    language = code.attrs.get("class", "").removeprefix("language-")
    text = text_of(code.children)
    runs = [len(run) for run in re.findall(r"`{3,}", text)]
    fence = "`" * max([3, *(size + 1 for size in runs)])
    return f"{fence}{language}\n{text}\n{fence}" if text else f"{fence}{language}\n{fence}"
