"""Rows of pipe tables spaced as their writer spaces rows. Text in, text out."""

import re
from collections.abc import Sequence

_BAR = re.compile(r"(?<!\\)\|")
_DELIMITER = re.compile(r" *:?-+:? *")


def spaced_alike(row: str, like: Sequence[str]) -> str:
    """Give a row its cells spaced as those of the rows it stands among; of other shapes it stays as it is."""
    cells = _cells(row)
    columns = list(zip(*(one for one in map(_cells, like) if len(one) == len(cells)), strict=True))
    if not columns:
        return row
    return "|" + "|".join(_cell(cell.strip(" "), column) for cell, column in zip(cells, columns, strict=True)) + "|"


def same_delimiter(row: str, like: Sequence[str]) -> str:
    """Give the writer's own line below a table's head in the place of one that sets the columns as it does."""
    wanted = _setting(row)
    return next((one for one in like if _setting(one) == wanted), row) if wanted else row


def _cells(row: str) -> list[str]:
    row = row.strip(" ")
    if len(row) < len("||") or not (row.startswith("|") and row.endswith("|")):
        return []
    return _BAR.split(row[1:-1])


def _cell(text: str, column: Sequence[str]) -> str:
    edge = " " if all(cell.startswith(" ") for cell in column) else ""
    cell = edge + text + edge
    if len(column) < 2 or len({len(one) for one in column}) > 1:
        return cell
    is_right = any(one.startswith("  ") and not one.endswith("  ") for one in column)
    return cell.rjust(len(column[0])) if is_right else cell.ljust(len(column[0]))


def _setting(row: str) -> list[str]:
    """Tell how each column is set; to the left is how they are anyway. Empty where a line is another kind of row."""
    cells = _cells(row)
    if not all(map(_DELIMITER.fullmatch, cells)):
        return []
    return [re.sub("-+|^:-+$", "", cell.strip()) for cell in cells]
