"""One file of the content tree: decoded, split into front matter and body, parsed, edited and composed.

An edit changes the lines that it must and no other byte; where that is not possible, it is refused. Keys have no
meaning here, but for a title that a heading gives and a description that the body of an index file gives.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kbsync.content.front_matter import (
    EMPTY,
    FrontMatterSpan,
    PlainValue,
    YamlMapping,
    format_lines,
    format_value,
    key_places,
    plain_value,
    read_front_matter,
    set_key,
)
from kbsync.errors import ContentError, Problem
from kbsync.markup.merge.diff3 import find_conflicts
from kbsync.model import FieldValue

BOM = "\ufeff"
_OPENING = re.compile(r"---[ \t]*(?:\r\n|\n|\r|\Z)")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)
_LATE_OPENING = re.compile(r"(?:[ \t]*\r?\n)+---[ \t]*\r?\n[A-Za-z_][\w-]*[ \t]*:(?:[ \t]|\r?\n)")
_NEWLINE = re.compile(r"\r\n?|\n")
_AROUND_NEWLINE = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\r\n|\n|\r))*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_LONGEST_TITLE = 1000
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*")
_PARAGRAPH = re.compile(r" {0,3}(?![ \t\->+*#=<|`~]|\d{1,9}[.)][ \t])\S.*")
_RAW_HEADING = re.compile(
    r" {0,3}<h1\b[^<>]*>((?:(?!\n[ \t]*\r?\n|</?h1\b).)*)</h1>[ \t]*$", re.IGNORECASE | re.MULTILINE | re.DOTALL
)
_HEADING_ID = re.compile(r"[ \t]*\{(?:#[^{}\s]+|/\*\s*[^{}\s*]+\s*\*/)\}$")
_PUNCTUATION = re.compile(r"([\\`*_\[\]<>&~{}#])")
_INLINE = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|!?\[(?P<text>(?:\\.|[^\[\]\\])*)\]\((?:\\.|[^()\\])*\)"
    r"|<(?P<auto>(?:https?|mailto):[^<>\s]*)>"
    r"|(?P<tag></?[A-Za-z][^<>]*>|<!--(?:-?>|.*?-->))"
    r"|(?P<entity>&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);)"
    r"|(?P<stars>\*{1,3}|~~)(?=\S)(?P<strong>.+?)(?<=\S)(?P=stars)"
    r"|(?<!\w)(?P<unders>_{1,3})(?=\S)(?P<soft>.+?)(?<=\S)(?P=unders)(?!\w)"
)
_ORDER = (
    *("title", "name", "status", "description", "visibility", "companies", "segments", "portals"),
    *("tags", "seo.title", "seo.description", "seo.keywords", "author", "id"),
)
_RESOLVE = "resolve the conflict: keep the right text, and remove the lines `<<<<<<<`, `=======` and `>>>>>>>`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The parts of a file as offsets into its text; without front matter `front_start` is None.

    `error` says why the text cannot be split.
    """

    front_start: int | None
    front_end: int
    body_start: int
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleHeading:
    """A first-level heading; `start` and `end` are the offsets of its lines in the file, without the last newline."""

    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file.

    Attributes:
        places: The place of each key of the front matter, nested keys as `seo.title`.
        body: Markdown with newlines as its only line endings, without blank lines before it and without `heading`.
        body_line: The line of the file on which the body begins.
        heading: The heading that gives the title, where the front matter has none.
    """

    front: YamlMapping
    places: Mapping[str, FrontMatterSpan]
    body: str
    body_line: int
    text: str
    heading: TitleHeading | None = None


def decode_source(data: bytes, path: str) -> str:
    """Decode a file.

    Raises:
        ContentError: it is not UTF-8, or has a NUL or the markers of a merge that was not finished; with the line.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise ContentError((_undecodable(before, path, "is not UTF-8", "save it as UTF-8"),)) from None
    if "\0" in text:
        before = text[: text.index("\0")]
        raise ContentError((_undecodable(before, path, "contains a NUL character", "check that it is a text file"),))
    if lines := find_conflicts(text):
        what = "contains conflict markers"
        raise ContentError(
            tuple(Problem(code="KB202", path=path, line=line, message=what, advice=_RESOLVE) for line in lines)
        )
    return text


def _undecodable(before: str, path: str, what: str, advice: str) -> Problem:
    line, column = line_at(before, len(before)), len(before) - max(before.rfind("\n"), before.rfind("\r"))
    return Problem(code="KB201", path=path, line=line, column=column, message=what, advice=advice)


def split_front_matter(text: str) -> Split:
    """Split a file into front matter and body."""
    begin = len(BOM) if text.startswith(BOM) else 0
    opening = _OPENING.match(text, begin)
    if opening is None:
        late = _LATE_OPENING.match(text, begin)
        error = "the front matter does not begin on the first line" if late else ""
        return Split(front_start=None, front_end=begin, body_start=begin, error=error)
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        error = "the front matter has no closing `---`"
        return Split(front_start=opening.end(), front_end=len(text), body_start=len(text), error=error)
    body_start = (_NEWLINE.match(text, closing.end()) or closing).end()
    return Split(front_start=opening.end(), front_end=closing.start(), body_start=body_start)


def skip_blank_lines(text: str, start: int) -> int:
    """Return the offset of the first line from `start` on that is not blank, with its indentation."""
    found = _BLANK_LINES.match(text, start)
    end = found.end() if found else start
    return len(text) if not text[end:].strip(" \t") else end


def line_at(text: str, offset: int) -> int:
    """Return the number, from 1, of the line with an offset."""
    return 1 + len(_NEWLINE.findall(text, 0, offset))


def unix_newlines(text: str) -> str:
    """Return the text with newlines as its only line endings."""
    return _NEWLINE.sub("\n", text) if "\r" in text else text


def newline_of(text: str) -> str:
    """Return the line ending that a file uses."""
    found = _NEWLINE.search(text)
    return found.group() if found else "\n"


def find_title_heading(text: str, start: int) -> TitleHeading | None:
    """Find the first heading of the first level that has words, outside of code blocks and HTML comments.

    It is written `# Title`, `<h1>Title</h1>`, or as a paragraph of one line that is underlined with `===`.
    """
    paragraph: list[tuple[int, int]] = []
    for begin, end in _prose_lines(text, start):
        line, first, last = text[begin:end], begin, end
        written = _heading_text(line)
        if len(paragraph) == 1 and _UNDERLINE.fullmatch(line) and _PARAGRAPH.fullmatch(text, *paragraph[0]):
            above, end_above = paragraph[0]
            first, written = (above, text[above:end_above]) if not text[end_above:begin].strip() else (begin, "")
        elif raw := _RAW_HEADING.match(text, begin):
            last, written = raw.end(), _AROUND_NEWLINE.sub(" ", raw[1])
        if title := plain_words(written.strip()):
            return TitleHeading(title=title, start=first, end=last)
        paragraph.append((begin, end))
        if written or not line.strip():
            paragraph.clear()
    return None


def _heading_text(line: str) -> str:
    text = line.lstrip(" ")
    if len(line) - len(text) > 3 or not text.startswith(("# ", "#\t")):
        return ""
    text = text[1:].strip(" \t")
    bare = text.rstrip("#")
    return bare.rstrip(" \t") if not bare or bare[-1] in " \t" else text


def _prose_lines(text: str, start: int) -> Iterator[tuple[int, int]]:
    fence = ""
    commented = False
    for begin, end in _lines(text, start):
        line = text[begin:end]
        mark = _FENCE.fullmatch(line)
        if commented:
            commented = "-->" not in line
        elif fence:
            closes = mark is not None and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not mark[2].strip()
            fence = "" if closes else fence
        elif mark is not None and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
        elif line.lstrip().startswith("<!--"):
            commented = "-->" not in line
        else:
            yield begin, end


def _lines(text: str, start: int) -> Iterator[tuple[int, int]]:
    while start < len(text):
        newline = _NEWLINE.search(text, start)
        yield start, newline.start() if newline else len(text)
        start = newline.end() if newline else len(text)


def plain_words(inline: str) -> str:
    """Return the text that a reader sees of a heading's Markdown: no marks, no tags, no `{#id}`."""
    if len(inline) > _LONGEST_TITLE:
        return inline
    return _INLINE.sub(_plain_piece, _HEADING_ID.sub("", inline)).strip()


def _plain_piece(found: re.Match[str]) -> str:
    if found["escaped"] or found["auto"]:
        return found["escaped"] or found["auto"]
    if found["code"]:
        code = found["code"]
        return code[1:-1] if len(code) > 2 and code[0] == code[-1] == " " else code
    if found["tag"]:
        return ""
    if found["entity"]:
        return html.unescape(found["entity"])
    return _INLINE.sub(_plain_piece, found["text"] or found["strong"] or found["soft"] or "")


def _heading_words(title: str) -> str:
    """Return a title as a heading's Markdown, escaped only where it would be read as something else."""
    return title if plain_words(title) == title else _PUNCTUATION.sub(r"\\\1", title)


def is_index(path: str) -> bool:
    """Return whether a file describes its directory; any other is an article."""
    return path.rpartition("/")[2].casefold().startswith("_index.")


def parse_document(text: str, path: str) -> Document:
    """Parse a file; a heading gives the title where an article's front matter has none.

    Raises:
        ContentError: the front matter is ambiguous or cannot be read, with every problem found.
    """
    parts = split_front_matter(text)
    if parts.error:
        advice = "put the front matter between two `---` lines, the first on line 1"
        raise ContentError((Problem(code="KB110", path=path, line=1, message=parts.error, advice=advice),))
    front = EMPTY
    if parts.front_start is not None:
        front = read_front_matter(text[parts.front_start : parts.front_end], first_line=2, path=path)
    heading = None if is_index(path) or front.has("title") else find_title_heading(text, parts.body_start)
    start = skip_blank_lines(text, parts.body_start)
    if heading is not None and heading.start == start:
        start = skip_blank_lines(text, heading.end)
    body = text[start:]
    if heading is not None and heading.start > start:
        # The heading leaves empty lines, so that the lines after it keep their numbers.
        left = "\n" * (line_at(text, heading.end) - line_at(text, heading.start))
        body = text[start : heading.start] + left + text[heading.end :]
    return Document(
        front=front,
        places=dict(key_places(front)),
        body=unix_newlines(body),
        body_line=line_at(text, start),
        text=text,
        heading=heading,
    )


def edit_fields(text: str, changes: Mapping[str, FieldValue], *, path: str = "") -> str:
    """Change fields of a file by name (`title`, `seo.title` …); None removes the field's line.

    Every other byte stays: the result is parsed again and must differ in the wanted fields only. A title that a
    heading gives is changed in that heading, a description that the body of an index file gives in that body.

    Raises:
        ContentError: the file cannot be edited so.
    """
    before = parse_document(text, path)
    wanted = _with_keys_of_file(before, changes)
    edited = text
    try:
        for name, value in wanted.items():
            edited = _edit_one(edited, name, value, path)
        _check(before, parse_document(edited, path), wanted, path)
    except (ValueError, ContentError) as error:
        why = error.problems[0].message if isinstance(error, ContentError) else str(error)
        names = ", ".join(f"`{name}`" for name in wanted)
        what = f"{names} cannot be edited without touching other lines: {why}"
        raise ContentError((Problem(path=path, line=1, message=what, advice="edit the file yourself"),)) from None
    return edited


def replace_body(text: str, body: str, *, path: str = "") -> str:
    """Replace the body below a file's front matter and below the heading that gives its title.

    The blank lines before the body stay, and the end of the file stays where its last line does.

    Raises:
        ContentError: the file cannot be parsed.
    """
    before = parse_document(text, path)
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
    """Compose a new file: front matter in a fixed order, an empty line, the body; fields that are None are left out."""
    keys = sorted(front, key=lambda key: (_ORDER.index(key) if key in _ORDER else len(_ORDER), key))
    text = "---\n" + format_lines({key: front[key] for key in keys if front[key] is not None}, "\n") + "---\n"
    trimmed = _trimmed(body)
    return f"{text}\n{trimmed}" if trimmed else text


def _head(text: str, heading: TitleHeading | None) -> str:
    parts = split_front_matter(text)
    if heading is None:
        return text[: parts.body_start]
    if heading.start == skip_blank_lines(text, parts.body_start):
        return text[: heading.end]
    gap = newline_of(text) if text[: parts.body_start].removeprefix(BOM) else ""
    return text[: parts.body_start] + gap + text[heading.start : heading.end]


def _ending(text: str, body: str, newline: str) -> str:
    """Return the end of a file, after its last word, that gets another body."""
    old = text.rstrip(" \t\r\n")
    stays = unix_newlines(old).rpartition("\n")[2] == body.rstrip(" \n").rpartition("\n")[2]
    return text[len(old) :] if stays else newline


def _trimmed(body: str) -> str:
    """Return a body without blank lines around it and with one newline at its end."""
    body = unix_newlines(body)
    body = body[skip_blank_lines(body, 0) :].rstrip(" \t\n")
    return body + "\n" if body else ""


def _with_keys_of_file(document: Document, changes: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Return changes with the keys that the file uses: a file with `draft` keeps `draft`."""
    wanted = dict(changes)
    if document.heading is not None and isinstance(title := wanted.get("title"), str):
        wanted["title"] = title.strip()
    if "draft" in document.front.items and "status" in wanted:
        status = wanted["status"] if "status" in document.front.items else wanted.pop("status")
        wanted["draft"] = None if status is None else status == "draft"
    return wanted


def _edit_one(text: str, name: str, value: FieldValue, path: str) -> str:
    document, newline = parse_document(text, path), newline_of(text)
    heading = document.heading
    if name == "title" and heading is not None and isinstance(value, str):
        # As many lines as before, so that the lines after it keep their numbers.
        below = newline * (line_at(text, heading.end) - line_at(text, heading.start))
        return f"{text[: heading.start]}# {_heading_words(value)}{below}{text[heading.end :]}"
    if name == "description" and is_index(path) and "description" not in document.front.items:
        return replace_body(text, value if isinstance(value, str) else "", path=path)
    parts = split_front_matter(text)
    if parts.front_start is None:
        return text if value is None else _with_front(text, parts, format_lines({name: value}, newline), newline)
    source = set_key(text[parts.front_start : parts.front_end], document.front, name, value, newline)
    return text[: parts.front_start] + source + text[parts.front_end :]


def _with_front(text: str, parts: Split, lines: str, newline: str) -> str:
    body = text[parts.body_start :]
    gap = "" if not body or body.startswith(("\n", "\r")) else newline
    return f"{text[: parts.body_start]}---{newline}{lines}---{newline}{gap}{body}"


def _check(before: Document, after: Document, wanted: Mapping[str, FieldValue], path: str) -> None:
    got = _comparable(after, path)
    expected = _comparable(before, path) | {name: _comparable_value(value) for name, value in wanted.items()}
    for name in sorted(expected.keys() | got.keys()):
        if expected.get(name) != got.get(name):
            raise ValueError(f"`{name}` would get a different value" if name else "the body would change")


def _comparable(document: Document, path: str) -> dict[str, PlainValue]:
    """Return all fields of a file by name; its body under the empty name."""
    fields: dict[str, PlainValue] = {}
    for key, value in document.front.items.items():
        whole = plain_value(value)
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


def _comparable_value(value: FieldValue) -> PlainValue:
    if isinstance(value, tuple):
        return _in_order(tuple(map(str, value)))
    return None if value is None else format_value(value) if isinstance(value, bool) else str(value)


def _in_order(value: PlainValue) -> PlainValue:
    return tuple(sorted(value, key=str)) if isinstance(value, tuple) else value
