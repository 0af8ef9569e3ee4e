"""Tables and wrapped text in a terminal."""

import pytest

from kbsync.report.terminal import draw_table, wrapped

ROWS = [
    ("0123456789", "2026-01-01 10:00", "publish 0123456789", "A Writer", "12 created, 3 updated, 40 archived"),
    ("abcdef0123", "2026-01-02 10:00", "undo 0123456789", "写", "3 updated"),
]


def test_a_table_without_a_width_has_one_line_a_row_and_aligned_columns() -> None:
    first, second = draw_table(ROWS, colour=False, width=None).splitlines()
    assert first.endswith("A Writer  12 created, 3 updated, 40 archived")
    # The wide character takes two columns, so that its row has one character less.
    assert first.index("12 created") == second.index("3 updated") + 1


@pytest.mark.parametrize("width", [60, 82, 95])
def test_a_row_that_is_too_long_continues_below(width: int) -> None:
    lines = draw_table(ROWS, colour=False, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["0123456789", "abcdef0123"]
    assert " ".join(" ".join(lines).split()).count("12 created, 3 updated, 40 archived") == 1


def test_a_table_in_colour_marks_the_first_column() -> None:
    assert draw_table(ROWS, colour=True, width=None).startswith("\x1b[33m0123456789")


def test_wrapped_text_is_indented_and_never_breaks_a_word() -> None:
    path = "guide/" + "x" * 60 + ".md"
    text = wrapped(f"{path}: is not found in the content tree\nshort line", 40)
    assert path in text.split("\n")[0]
    assert text.split("\n")[1].startswith("    ")
    assert text.endswith("\nshort line")
