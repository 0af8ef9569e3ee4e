"""Tables in tidy form, written as pipe tables where these can say them, else as tags around Markdown cells."""

from collections.abc import Callable

from kbsync.markup.constructs.attributes import note_from_attrs
from kbsync.markup.html.nodes import Element, serialized, start_tag
from kbsync.markup.html.styles import style_from_text

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
    """Give the alignment of a column: None when it has none, "" when its cells differ."""
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
