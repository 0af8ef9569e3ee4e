"""Text from elsewhere that must not be taken for includes and variables, written so that it is not."""

from collections.abc import Collection

from kbsync.content.expansion import Expander
from kbsync.markup.canonical import canonical
from kbsync.markup.reading.placeholders import Mark, disarmed, marks, may_hold_marks
from kbsync.markup.reading.prose import code_ranges
from kbsync.markup.to_html import to_html


def literal(text: str, names: Collection[str]) -> str:
    """Write Markdown in which nothing is to be replaced so that it comes out of an expansion as it is.

    Raises:
        ValueError: it holds a mark where it cannot be written as text.
    """
    if not may_hold_marks(text):
        return text
    found = [mark for mark in marks(text, code_ranges(text)) if mark.path is not None or mark.name in names]
    if not found:
        return text
    expander = Expander(dict.fromkeys(names, ""), lambda path, _: (path, ""))
    for armless in (_with_backslash, _disarmed_where_bare, _disarmed_after_backslash):
        written, done = [], 0
        for mark in found:
            written += [text[done : mark.start], armless(mark)]
            done = mark.end
        whole = "".join(written) + text[done:]
        made = expander.expand(whole, path="")
        if canonical(to_html(made.body if made else whole)) == canonical(to_html(text)):
            return whole
    raise ValueError(f"`{found[0].text}` would be replaced where it stands, and cannot be written as text there")


def _with_backslash(mark: Mark) -> str:
    return "\\" + mark.text


def _disarmed_where_bare(mark: Mark) -> str:
    return _with_backslash(mark) if mark.escaped else disarmed(mark)


def _disarmed_after_backslash(mark: Mark) -> str:
    """Raw HTML shows the backslash that Markdown takes for an escape."""
    return ("\\" if mark.escaped else "") + disarmed(mark)
