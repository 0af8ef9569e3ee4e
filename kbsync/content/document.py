"""One file of the content tree, taken apart into front matter and body, edited, and composed.

Front matter that people wrote is never written anew: an edit changes the lines that it must and no other byte, and
what cannot be edited so is refused. Nothing here knows what a key means, but for the title that a heading gives and
the description that a body gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kbsync.content import edits, front_matter
from kbsync.content.frame import (
    BOM,
    Frame,
    Heading,
    find_frame,
    find_heading,
    heading_words,
    line_at,
    newline_of,
    skip_blank_lines,
    unix_newlines,
)
from kbsync.content.front_matter import write
from kbsync.content.values import Flat, Table, flat, walk_keys
from kbsync.errors import ContentError, Problem
from kbsync.model import FieldValue

_ORDER = (
    *("title", "name", "status", "description", "visibility", "companies", "segments", "portals"),
    *("tags", "seo.title", "seo.description", "seo.keywords", "author", "id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file taken apart.

    `body` is Markdown with newlines alone at the end of its lines, without blank lines before it and without the
    `heading` that serves as title; `body_line` is the line of the file on which it begins. `lines` tells the line of
    each key of the front matter, nested keys as `seo.title`.
    """

    front: Table
    lines: Mapping[str, int]
    body: str
    body_line: int
    text: str
    heading: Heading | None = None


def is_index(path: str) -> bool:
    """Tell whether a file describes its directory; any other is an article."""
    return path.rpartition("/")[2].casefold().startswith("_index.")


def parse(text: str, path: str) -> Document:
    """Take a file apart; a heading serves as title where an article's front matter has none.

    Raises:
        ContentError: the front matter is not YAML that can be relied on, with every problem found.
    """
    frame = find_frame(text)
    if frame.trouble:
        advice = "front matter lies between two lines `---`, the first of which is the first line of the file"
        raise ContentError((Problem(path=path, line=1, what=frame.trouble, advice=advice),))
    front = _front(text, frame, path)
    heading = None if is_index(path) or "title" in front.items else find_heading(text, frame.body_start)
    start = skip_blank_lines(text, frame.body_start)
    if heading is None:
        body = text[start:]
    elif heading.start == start:
        start = skip_blank_lines(text, heading.end)
        body = text[start:]
    else:
        # The heading's line stays behind, empty, so that the lines after it keep their numbers.
        body = text[start : heading.start] + text[heading.end :]
    return Document(
        front=front,
        lines=dict(walk_keys(front)),
        body=unix_newlines(body),
        body_line=line_at(text, start),
        text=text,
        heading=heading,
    )


def edit(text: str, changes: Mapping[str, FieldValue], *, path: str = "") -> str:
    """Change fields of a file by name (`title`, `seo.title` …); None takes the field's line away.

    Every other byte stays: the outcome is read again and must differ in the wanted fields alone. A title that a
    heading gives is changed in that heading, a description that the body of an index file gives in that body.

    Raises:
        ContentError: the file cannot be edited so.
    """
    before = parse(text, path)
    wanted = _as_written(before, changes)
    edited = text
    try:
        for name, value in wanted.items():
            edited = _edit_one(edited, name, value, path)
        _check(before, parse(edited, path), wanted, path)
    except (ValueError, ContentError) as error:
        why = error.problems[0].what if isinstance(error, ContentError) else str(error)
        names = ", ".join(f"`{name}`" for name in wanted)
        what = f"{names} cannot be edited without touching other lines: {why}"
        raise ContentError((Problem(path=path, line=1, what=what, advice="edit the file by hand"),)) from None
    return edited


def replace_body(text: str, body: str, *, path: str = "") -> str:
    """Put another body under a file's front matter, and under the heading that serves as its title.

    The blank lines between the two stay as they are, as does how the file ends where its last line stays.

    Raises:
        ContentError: the file cannot be taken apart.
    """
    before = parse(text, path)
    wanted = _trimmed(body)
    if wanted == _trimmed(before.body):
        return text
    newline = newline_of(text)
    head = _head(text, before.heading)
    if not head.removeprefix(BOM):
        return head + wanted.replace("\n", newline)
    if wanted and before.body.strip() and text.startswith(head):
        head = text[: skip_blank_lines(text, len(head))]
        return head + wanted.removesuffix("\n").replace("\n", newline) + _ending(text, wanted, newline)
    gap = newline if wanted else ""
    return head.rstrip("\r\n") + newline + gap + wanted.replace("\n", newline)


def compose(front: Mapping[str, FieldValue], body: str) -> str:
    """Write a new file: front matter in a fixed order, an empty line, the body; fields that are None are left out."""
    known = {key: front[key] for key in sorted(front, key=_rank) if front[key] is not None}
    text = "---\n" + edits.new_lines(known, "\n") + "---\n"
    trimmed = _trimmed(body)
    return f"{text}\n{trimmed}" if trimmed else text


def _rank(key: str) -> tuple[int, str]:
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)


def _front(text: str, frame: Frame, path: str) -> Table:
    if frame.front_start is None:
        return front_matter.NOTHING
    return front_matter.read(text[frame.front_start : frame.front_end], first_line=2, path=path)


def _head(text: str, heading: Heading | None) -> str:
    frame = find_frame(text)
    if heading is None:
        return text[: frame.body_start]
    if heading.start == skip_blank_lines(text, frame.body_start):
        return text[: heading.end]
    front = text[: frame.body_start]
    gap = newline_of(text) if front.removeprefix(BOM) else ""
    return front + gap + text[heading.start : heading.end]


def _ending(text: str, body: str, newline: str) -> str:
    """Give what comes after the last word of a file that gets another body."""
    old = text.rstrip(" \t\r\n")
    stays = unix_newlines(old).rpartition("\n")[2] == body.rstrip(" \n").rpartition("\n")[2]
    return text[len(old) :] if stays else newline


def _trimmed(body: str) -> str:
    """Give a body without blank lines around it and with one newline at its end."""
    body = unix_newlines(body)
    body = body[skip_blank_lines(body, 0) :].rstrip(" \t\n")
    return body + "\n" if body else ""


def _as_written(document: Document, changes: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Say changes in the words that the file uses: a file that says `draft` goes on saying `draft`."""
    wanted = dict(changes)
    if "draft" in document.front.items and "status" in wanted:
        status = wanted["status"] if "status" in document.front.items else wanted.pop("status")
        wanted["draft"] = None if status is None else status == "draft"
    return wanted


def _edit_one(text: str, name: str, value: FieldValue, path: str) -> str:
    document, newline = parse(text, path), newline_of(text)
    if name == "title" and document.heading is not None and isinstance(value, str):
        heading = document.heading
        return f"{text[: heading.start]}# {heading_words(value)}{text[heading.end :]}"
    if name == "description" and is_index(path) and "description" not in document.front.items:
        return replace_body(text, value if isinstance(value, str) else "", path=path)
    frame = find_frame(text)
    if frame.front_start is None:
        return text if value is None else _with_front(text, frame, edits.new_lines({name: value}, newline), newline)
    source = text[frame.front_start : frame.front_end]
    source = edits.change(source, document.front, name, value, newline)
    return text[: frame.front_start] + source + text[frame.front_end :]


def _with_front(text: str, frame: Frame, lines: str, newline: str) -> str:
    body = text[frame.body_start :]
    gap = "" if not body or body.startswith(("\n", "\r")) else newline
    return f"{text[: frame.body_start]}---{newline}{lines}---{newline}{gap}{body}"


def _check(before: Document, after: Document, wanted: Mapping[str, FieldValue], path: str) -> None:
    expected, got = _comparable(before, path), _comparable(after, path)
    for name, value in wanted.items():
        expected[name] = _comparable_value(value)
    for name in sorted(expected.keys() | got.keys()):
        if expected.get(name) != got.get(name):
            raise ValueError(f"`{name}` would not come out as wanted" if name else "the body would change")


def _comparable(document: Document, path: str) -> dict[str, Flat]:
    """Give all that a file says, by field; its body under the empty name."""
    fields: dict[str, Flat] = {}
    for key, value in document.front.items.items():
        whole = flat(value)
        if isinstance(whole, dict):
            fields.update({f"{key}.{inner}": _in_order(deeper) for inner, deeper in whole.items()})
        else:
            fields[key] = _in_order(whole)
    if document.heading is not None:
        fields["title"] = document.heading.title
    body = _trimmed(document.body)
    if not is_index(path):
        fields[""] = body
    elif body:
        fields.setdefault("description", body.rstrip("\n"))
    return fields


def _comparable_value(value: FieldValue) -> Flat:
    if isinstance(value, tuple):
        return _in_order(tuple(map(str, value)))
    return None if value is None else write(value) if isinstance(value, bool) else str(value)


def _in_order(value: Flat) -> Flat:
    return tuple(sorted(value, key=str)) if isinstance(value, tuple) else value
