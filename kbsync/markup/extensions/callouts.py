"""Freshdesk's call-outs, and how Markdown and other tools write them: the kinds of all.

Freshdesk writes `<pre class="fd-callout fd-callout--note">` (recorded: note, info, idea, warning, success, danger,
tip); Markdown says `> [!NOTE]`, Docusaurus `:::note`, MkDocs `!!! note`, GitBook `{% hint style="info" %}`. The names
that only others have are read as the nearest kind of Freshdesk's.
"""

import re
from collections.abc import Iterator

from markdown_it.rules_block import StateBlock

KINDS = ("note", "info", "idea", "warning", "success", "danger", "tip")
_NEAREST = {
    "important": "info",
    "caution": "danger",
    **dict.fromkeys("abstract summary tldr todo question help faq seealso".split(), "info"),
    **dict.fromkeys("example quote cite".split(), "note"),
    **dict.fromkeys("check done".split(), "success"),
    **dict.fromkeys("failure fail missing error bug".split(), "danger"),
    **dict.fromkeys("hint".split(), "tip"),
    **dict.fromkeys("attention".split(), "warning"),
}
_MARKER = re.compile(r"\[!([A-Za-z]+)\][+-]?(?:[ \t]+([^\n]*))?(?:\n|$)")
_OPENING = re.compile(
    r"(?P<fence>:{3,})[ \t]*(?P<colons>[A-Za-z]+)(?:\[(?P<label>[^\[\]]+)\]|[ \t]+(?P<words>[^\[{][^{}]*))?"
    r"|!!![ \t]+(?P<indented>[A-Za-z]+)(?:[ \t]+\"(?P<quoted>[^\"]*)\")?"
    r"|\{%[ \t]*hint[ \t]+style=[\"'](?P<hint>[a-z]+)[\"'][ \t]*%\}"
)
_CODE_FENCE = re.compile(r"`{3,}|~{3,}")
_MAX_LINES, _MAX_DEPTH = 1000, 100
_CLASS = "fd-callout"


def kind_of_marker(text: str) -> tuple[str, str, int] | None:
    """Return the kind and the title that an alert's first line names, and the length of the line; else None."""
    found = _MARKER.match(text)
    kind = _kind(found[1]) if found else ""
    return (kind, (found[2] or "").strip(), found.end()) if found and kind else None


def title_html(title: str) -> str:
    """Return the title of a call-out, which is Markdown, as a reader sees it."""
    return f"<strong>{title}</strong>"


def read_callout(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  (the library's signature)
    """Parse a call-out as other tools write it; one that is not closed is text."""
    found = None if silent or state.is_code_block(start) else _OPENING.fullmatch(_line(state, start).rstrip())
    kind = _kind(found["colons"] or found["indented"] or found["hint"]) if found else ""
    if found is None or not kind:
        return False
    stop = (
        _end_of_indented(state, start, end) if found["indented"] else _closing_line(state, start, end, found["fence"])
    )
    if stop <= start:
        return False
    token = state.push("callout_open", "pre", 1)
    token.attrs["class"], token.map = class_of(kind), [start, stop]
    if title := (found["label"] or found["words"] or found["quoted"] or "").strip():
        state.push("paragraph_open", "p", 1).map = [start, start + 1]
        inline = state.push("inline", "", 0)
        inline.content, inline.map, inline.children = title_html(title), [start, start + 1], []
        state.push("paragraph_close", "p", -1)
    outside = state.lineMax, state.blkIndent
    state.lineMax = stop if found["indented"] else stop - 1
    state.blkIndent += 4 if found["indented"] else 0
    state.md.block.tokenize(state, start + 1, state.lineMax)
    state.lineMax, state.blkIndent = outside
    state.push("callout_close", "pre", -1)
    state.line = stop
    return True


def _kind(name: str) -> str:
    kind = _NEAREST.get(name.lower(), name.lower())
    return kind if kind in KINDS else ""


def _line(state: StateBlock, row: int) -> str:
    return state.src[state.bMarks[row] + state.tShift[row] : state.eMarks[row]]


def _content_lines(state: StateBlock, start: int, end: int) -> Iterator[tuple[int, str]]:
    """Yield the lines below a line that are in the same block and no code."""
    fence = ""
    for row in range(start + 1, min(end, start + _MAX_LINES)):
        line = _line(state, row).rstrip()
        if line and state.sCount[row] < state.blkIndent:
            return
        if fence:
            fence = "" if line.startswith(fence) and not line.strip(fence[0]) else fence
        elif found := _CODE_FENCE.match(line):
            fence = found[0]
        else:
            yield row, line


def _closing_line(state: StateBlock, start: int, end: int, fence: str) -> int:
    """Return the line after the one that closes a call-out, 0 where none does."""
    opening, closing = (
        (rf"{fence}:*[ \t]*\w.*", rf"{fence}:*") if fence else (r"\{%[ \t]*hint\b.*", r"\{%[ \t]*endhint[ \t]*%\}")
    )
    depth = 1
    for row, line in _content_lines(state, start, end):
        depth += bool(re.fullmatch(opening, line)) - bool(re.fullmatch(closing, line))
        if not depth:
            return row + 1
        if depth > _MAX_DEPTH:
            break
    return 0


def _end_of_indented(state: StateBlock, start: int, end: int) -> int:
    """Return the line after the last that is indented below a line, 0 where none is."""
    stop = 0
    for row in range(start + 1, end):
        if not state.isEmpty(row):
            if state.sCount[row] < state.sCount[start] + 4:
                break
            stop = row + 1
    return stop


def marker(kind: str) -> str:
    """Return the first line of an alert."""
    return f"[!{kind.upper()}]"


def class_of(kind: str) -> str:
    """Return the class attribute of a call-out."""
    return f"{_CLASS} {_CLASS}--{kind}"


def kind_of_class(value: str) -> str | None:
    """Return the kind of call-out that a class attribute names and nothing more; else None."""
    names = value.split()
    if len(names) != 2 or names[0] != _CLASS:
        return None
    kind = names[1].removeprefix(f"{_CLASS}--")
    return kind if kind in KINDS and names[1] != kind else None
