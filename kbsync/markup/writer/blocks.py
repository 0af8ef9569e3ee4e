"""Writes normalized blocks as Markdown: one function for each kind.

What Markdown cannot express is written as tags. Whether the text renders to the same HTML is checked elsewhere
(`to_markdown`), never here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import partial

from kbsync.markup.compare import canonical, canonical_of
from kbsync.markup.dom import (
    BLOCKS,
    HEADINGS,
    Element,
    Node,
    child_elements,
    element,
    parse_style,
    replace,
    serialize,
    start_tag,
    text_content,
)
from kbsync.markup.extensions import callouts
from kbsync.markup.extensions.accordions import CONTENT, HEADER, WRAPPER
from kbsync.markup.extensions.attributes import attributes_from_html
from kbsync.markup.extensions.toc import slug
from kbsync.markup.extensions.videos import link_for, player_for
from kbsync.markup.writer.inlines import InlinePlace, write_inline
from kbsync.markup.writer.shorthand import ShortForms

_INLINE_ONLY = frozenset("summary dt dd figcaption caption legend address".split())
_MAY_OMIT_PARAGRAPH = frozenset("li td th div summary dt dd figcaption caption legend address blockquote".split())
_CHECKBOX = re.compile(r"\[[ xX]?\](?=\s|$)")
_MAX_ALIGNED_WIDTH = 100
_DELIMITERS = {None: "---", "left": ":--", "center": ":-:", "right": "--:"}

_Write = Callable[[Sequence[Node]], str]


class BlockForm(IntEnum):
    """How a block is written; the next form is tried when the text does not render as it should."""

    MARKDOWN = 0
    TAGS = 1
    RAW = 2
    SOURCE = 3


_Forms = Mapping[int, BlockForm]


def write_document(
    blocks: Sequence[Node], forms: _Forms, linked: frozenset[str] = frozenset(), short: ShortForms | None = None
) -> str:
    """Write blocks one after another; `linked` are the anchors that links go to, whose ids need not be written."""
    pieces = _BlockWriter(forms, linked, short or ShortForms()).pieces(blocks)
    if pieces and pieces[0] == "---":
        pieces[0] = "***"  # at the top three hyphens would begin front matter
    return "\n\n".join(pieces)


def write_source(nodes: Sequence[Node]) -> str:
    """Write the nodes of a block as they came."""
    kept = list(nodes)
    for end in (0, -1):  # or white space would grow with each conversion
        while kept and isinstance(kept[end], str) and not str(kept[end]).strip():
            kept.pop(end)
    first = kept[0]
    # A comment begins raw HTML whatever follows.
    begins = isinstance(first, Element) and first.tag in BLOCKS - {"details"}
    return ("" if begins else "<!-- -->") + serialize(tuple(kept))


class _BlockWriter:
    def __init__(self, forms: _Forms, linked: frozenset[str], short: ShortForms) -> None:
        self._forms = forms
        self._linked = linked
        self._short = short

    def pieces(self, blocks: Sequence[Node]) -> list[str]:
        out: list[str] = []
        previous: Element | None = None
        other = False
        for block in (one for one in blocks if isinstance(one, Element)):
            other = previous is not None and previous.tag == block.tag and block.tag in ("ul", "ol") and not other
            if previous is not None and _would_merge(previous, block):
                out.append("<!-- -->")
            out.append(self.block(block, other=other))
            previous = block
        return [piece for piece in out if piece]

    def _text(self, blocks: Sequence[Node]) -> str:
        return "\n\n".join(self.pieces(blocks))

    def block(self, node: Element, *, other: bool = False) -> str:
        if id(node) in self._short.texts:
            return self._short.texts[id(node)]
        if id(node) in self._short.footnotes:
            notes = self._short.footnotes[id(node)]
            return "\n\n".join(_hanging(f"[^{note.label}]: ", "    ", self._text(note.blocks)) for note in notes)
        form = self._forms.get(id(node), BlockForm.MARKDOWN)
        if form is BlockForm.SOURCE and node.source:
            return write_source(node.source)
        return _raw_block(node) if form >= BlockForm.RAW else self._of_tag(node, form, other=other)

    def _of_tag(self, node: Element, form: BlockForm, *, other: bool) -> str:
        match node.tag:
            case "p":
                return self._paragraph(node)
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                return self._heading(node)
            case "ul" | "ol":
                return self._list(node, other=other)
            case "hr":
                return "---"
            case "blockquote":
                return _attributed(node, _quote_lines(self._text(node.children)))
            case "pre":
                return self._pre(node)
            case "table":
                pipes = (
                    _pipe_table(node, partial(self._inline, InlinePlace.CELL)) if form is BlockForm.MARKDOWN else None
                )
                return pipes or _tag_table(node, self._text)
            case "dl":
                terms = _definitions(node, partial(self._inline, InlinePlace.TERM), self._text)
                return _attributed(node, terms) if terms else _raw_block(node)
            case "section" if _is_accordion(node) and form is BlockForm.MARKDOWN:
                return _accordion(node, self._linked, self._text) or self._tagged_block(node)
            case _:
                return self._tagged_block(node)

    def _inline(self, place: InlinePlace, node: Element, skipped: int = 0) -> str:
        tagged = self._forms.get(id(node), BlockForm.MARKDOWN) is not BlockForm.MARKDOWN
        return write_inline(node.children[skipped:], place, tagged=tagged, short=self._short)

    def _paragraph(self, node: Element) -> str:
        attributes = attributes_from_html(node.attrs)
        if attributes is None:
            return _raw_block(node)
        written = _video_link(node) or self._inline(InlinePlace.PARAGRAPH, node)
        if written.startswith("http") and node.children[0] == written and player_for(written):
            written = written.replace(":", "\\:", 1)
        return f"{attributes}\n{written}" if attributes else written

    def _heading(self, node: Element) -> str:
        attrs = dict(node.attrs)
        name = attrs.pop("id", "")
        attributes = attributes_from_html(attrs)
        if attributes is None:
            return _raw_block(node)
        written = self._inline(InlinePlace.HEADING, node)
        if re.search(r"[\s{}\\]", name):
            written, name = serialize((element("a", {"id": name}),)) + written, ""
        line = "#" * int(node.tag[1]) + " " + written
        if name and not (name in self._linked and slug(text_content(node.children)) == name):
            line += f" {{#{name}}}"
        return f"{attributes}\n{line}" if attributes else line

    def _list(self, node: Element, *, other: bool) -> str:
        attrs = dict(node.attrs)
        start = attrs.pop("start", "1") if node.tag == "ol" else "1"
        attributes = attributes_from_html(attrs)
        items = child_elements(node)
        named = [attributes_from_html(item.attrs) for item in items]
        if attributes is None or not re.fullmatch(r"\d{1,9}", start) or not all(map(_may_name, items, named)):
            return self._tagged_block(node)
        tight = all(_is_tight(item) for item in items)
        lines: list[str] = []
        for number, item in enumerate(items, int(start)):
            marker = ("*" if other else "-") if node.tag == "ul" else f"{number}{')' if other else '.'}"
            name = named[number - int(start)]
            lines.append(self._item(item, marker + " " + name if name else marker, len(marker) + 1, tight=tight))
        written = ("\n" if tight else "\n\n").join(lines)
        return f"{attributes}\n{written}" if attributes else written

    def _item(self, item: Element, marker: str, width: int, *, tight: bool) -> str:
        pieces = self.pieces(item.children)
        if pieces:
            pieces[0] = self._first_piece(item, pieces[0])
        body = ("\n" if tight else "\n\n").join(pieces)
        indent = " " * width
        return (marker + " " + body.replace("\n", "\n" + indent)).replace("\n" + indent + "\n", "\n\n").rstrip(" ")

    def _first_piece(self, item: Element, piece: str) -> str:
        first = child_elements(item)[0]
        if first.tag == "hr":
            return "***"
        checkbox = first.children[0] if first.tag == "p" and first.children else ""
        if (
            isinstance(checkbox, Element)
            and checkbox.tag == "input"
            and checkbox.attrs.get("type") == "checkbox"
            and not first.attrs
        ):
            words = self._inline(InlinePlace.PARAGRAPH, first, skipped=1).lstrip(" ")
            return f"[x] {words}" if "checked" in checkbox.attrs else f"[ ] {words}"
        return "\\" + piece if _CHECKBOX.match(piece) else piece

    def _pre(self, node: Element) -> str:
        names = node.attrs.get("class", "")
        kind = callouts.kind_of_class(names)
        if kind and set(node.attrs) == {"class"}:
            first = node.children[0]
            plain = isinstance(first, Element) and first.tag == "p" and not first.attrs
            text = self._text(node.children)
            return _quote_lines(callouts.marker(kind) + ("\n" if plain else "\n\n") + text)
        if "fd-callout" in names.split():
            return self._tagged_block(node)
        fence = _fence(node)
        return _attributed(node, fence) if fence else _raw_block(node)

    def _tagged_block(self, node: Element) -> str:
        if node.tag in _INLINE_ONLY or node.tag == "pre" or not node.children:
            return _raw_block(node)
        start = ("<!-- -->" if node.tag == "details" else "") + start_tag(node)  # or it would be an accordion
        return "\n\n".join([start, *self.pieces(node.children), f"</{node.tag}>"])


def _attributed(node: Element, written: str) -> str:
    """Write a block's attributes on the line before it; as HTML where they cannot be written."""
    attributes = attributes_from_html(node.attrs)
    if attributes is None:
        return _raw_block(node)
    return f"{attributes}\n{written}" if attributes else written


def _would_merge(previous: Element, block: Element) -> bool:
    """Return whether two blocks, written one after the other, would be parsed as one."""
    return (previous.tag == "dl" == block.tag) or (_is_accordion(previous) and _is_accordion(block))


def _raw_block(node: Element) -> str:
    """Write a block as HTML on one line."""
    return ("<!-- -->" if node.tag == "details" else "") + serialize((_without_only_paragraphs(node),))


def _video_link(paragraph: Element) -> str | None:
    """Return the link of the video that a paragraph holds, if the link makes exactly its player."""
    only = paragraph.children[0]
    if isinstance(only, str) or len(paragraph.children) > 1:
        return None
    frame = only
    while frame.tag in ("span", "div") and len(frame.children) == 1 and isinstance(frame.children[0], Element):
        frame = frame.children[0]
    link = link_for(frame.attrs.get("src", "")) if frame.tag == "iframe" else None
    player = player_for(link) if link else None
    if player is None or (player.boxed and paragraph.attrs):
        return None
    return link if canonical(player.html) == canonical_of((element("p", {}, only),)) else None


def _without_only_paragraphs(node: Element) -> Element:
    """Unwrap the only paragraph of a box, as HTML is mostly written."""
    children = tuple(child if isinstance(child, str) else _without_only_paragraphs(child) for child in node.children)
    if node.tag in _MAY_OMIT_PARAGRAPH and len(children) == 1:
        only = children[0]
        if isinstance(only, Element) and only.tag == "p" and not only.attrs:
            return replace(node, children=only.children)
    return replace(node, children=children)


def _quote_lines(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _may_name(item: Element, attributes: str | None) -> bool:
    """Return whether an item's attributes can be written before its text."""
    first = child_elements(item)[:1]
    return attributes == "" or (bool(attributes) and [(one.tag, dict(one.attrs)) for one in first] == [("p", {})])


def _is_tight(item: Element) -> bool:
    """Return whether an item parses the same without blank lines: a line of text, then at most lists."""
    tags = [(child.tag, dict(child.attrs)) for child in child_elements(item)]
    if not tags or (tags[0][0] == "p" and not tags[0][1]):
        tags = tags[1:]
    return all(tag in ("ul", "ol") and {"start": "1", **attrs} == {"start": "1"} for tag, attrs in tags)


def _fence(node: Element) -> str:
    if len(node.children) != 1:
        return ""
    code = node.children[0]
    if isinstance(code, str) or code.tag != "code" or code.attrs.keys() - {"class"}:
        return ""
    language = code.attrs.get("class", "").removeprefix("language-")
    text = text_content(code.children)
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{fence}{language}\n{text}\n{fence}" if text else f"{fence}{language}\n{fence}"


def _is_accordion(node: Element) -> bool:
    return node.tag == "section" and dict(node.attrs) == {"class": WRAPPER}


def _accordion(node: Element, linked: frozenset[str], write: _Write) -> str | None:
    """Write the pairs of headings and boxes as `<details>`; None when there is anything else."""
    pieces: list[str] = []
    children = child_elements(node)
    while children:
        head = children.pop(0)
        if head.tag not in HEADINGS or head.attrs.get("class") != HEADER or head.attrs.keys() - {"class", "id"}:
            return None
        content: Sequence[Node] = ()
        if children and dict(children[0].attrs) == {"class": CONTENT}:
            content = children.pop(0).children
        pieces += ["<details>\n" + _summary(head, linked), *([write(content)] if content else []), "</details>"]
    return "\n\n".join(pieces) or None


def _summary(head: Element, linked: frozenset[str]) -> str:
    words = serialize(head.children)
    name = head.attrs.get("id", "")
    attrs = {} if not name or (name in linked and _slug(head) == name) else {"id": name}
    start = start_tag(Element(tag="summary" if head.tag == "h2" else head.tag, attrs=attrs))
    return f"{start}{words}</summary>" if head.tag == "h2" else f"<summary>{start}{words}</{head.tag}></summary>"


def _slug(head: Element) -> str:
    texts = [child for child in head.children if isinstance(child, str)]
    return slug("".join(texts)) if len(texts) == len(head.children) else ""


def _definitions(node: Element, term: Callable[[Element], str], write: _Write) -> str | None:
    """Write a definition list; None when Markdown cannot express it."""
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
            lines.append(_hanging(": ", "  ", write(child.children)))
        else:
            return None
        before = child.tag
    return "\n".join(lines) if before == "dd" else None


def _hanging(marker: str, indent: str, text: str) -> str:
    lines = text.split("\n")
    return "\n".join([marker + lines[0], *(indent + line if line else "" for line in lines[1:])])


def _pipe_table(node: Element, write: Callable[[Element], str]) -> str | None:
    """Write a pipe table; None when that is not possible. A table without header cells gets an empty header row.

    `write` writes a paragraph for a cell.
    """
    rows = _rows(node)
    attributes = attributes_from_html(node.attrs)
    if rows is None or attributes is None:
        return None
    alignments = [_alignment([row[at] for row in rows]) for at in range(len(rows[0]))]
    if any(alignment == "" for alignment in alignments):
        return None
    texts = [["<br><br>".join(map(write, child_elements(cell))) for cell in row] for row in rows]
    if rows[0][0].tag != "th":
        texts.insert(0, [""] * len(rows[0]))
    table = _format_table(texts, alignments)
    return f"{attributes}\n{table}" if attributes else table


def _rows(node: Element) -> list[list[Element]] | None:
    rows: list[list[Element]] = []
    for row in node.children:
        if isinstance(row, str) or row.tag != "tr" or row.attrs:
            return None
        rows.append(child_elements(row))
    cells = [cell for row in rows for cell in row]
    if len({len(row) for row in rows}) != 1 or not all(_is_simple(cell) for cell in cells):
        return None
    heads = [{cell.tag for cell in row} for row in rows]
    if any(kinds != {"td"} for kinds in heads[1:]) or len(heads[0]) != 1:
        return None
    return rows


def _is_simple(cell: Element) -> bool:
    """Return whether a cell holds only plain paragraphs, and has no style but its alignment."""
    if cell.attrs.keys() - {"style"} or parse_style(cell.attrs.get("style", "")).keys() - {"text-align"}:
        return False
    return all(isinstance(block, Element) and block.tag == "p" and not block.attrs for block in cell.children)


def _alignment(column: list[Element]) -> str | None:
    """Return the alignment of a column: None when it has the browser's own, "" when its cells differ."""
    head = next((_own_alignment(cell, "center") for cell in column if cell.tag == "th" and cell.children), None)
    found = {_own_alignment(cell, "start") for cell in column if cell.tag == "td" and cell.children}
    if len(found) > 1:
        return ""
    data = next(iter(found), "start")
    if data == "start":
        return None if head == "center" else head
    return data if head in (data, None) else ""


def _own_alignment(cell: Element, default: str) -> str:
    return parse_style(cell.attrs.get("style", "")).get("text-align", default)


def _format_table(texts: list[list[str]], alignments: list[str | None]) -> str:
    widths = [max(3, *(len(row[at]) for row in texts)) for at in range(len(texts[0]))]
    if sum(widths) + 3 * len(widths) + 1 > _MAX_ALIGNED_WIDTH:
        widths = [0] * len(widths)
    delimiters = [
        rule[0] + "-" * max(1, width - 2) + rule[2]
        for rule, width in zip((_DELIMITERS[alignment] for alignment in alignments), widths, strict=True)
    ]
    lines = [texts[0], delimiters, *texts[1:]]
    return "\n".join("| " + " | ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)) + " |" for row in lines)


def _tag_table(node: Element, write: _Write) -> str:
    """Write a table as tags, its cells as Markdown between them."""
    lines = [start_tag(node)]
    for row in child_elements(node):
        if row.tag != "tr":
            lines.append(serialize((row,)))
            continue
        lines.append(start_tag(row))
        for cell in child_elements(row):
            inner = write(cell.children)
            content = f"\n\n{inner}\n\n" if inner else ""
            lines.append(f"{start_tag(cell)}{content}</{cell.tag}>")
        lines.append("</tr>")
    return "\n".join([*lines, "</table>"])
