"""Where the front matter of a file begins and ends, and which heading serves as its title: text alone, no YAML."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

BOM = "\ufeff"
_OPENING = re.compile(r"---[ \t]*(?:\r\n|\n|\r|\Z)")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)
_LATE_OPENING = re.compile(r"(?:[ \t]*\r?\n)+---[ \t]*\r?\n[A-Za-z_][\w-]*[ \t]*:(?:[ \t]|\r?\n)")
_NEWLINE = re.compile(r"\r\n?|\n")
_BLANK_LINES = re.compile(r"(?:[ \t]*(?:\r\n|\n|\r))*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_LONGEST_TITLE = 1000
_HEADING_ID = re.compile(r"[ \t]*\{#[^{}\s]+\}$")
_PUNCTUATION = re.compile(r"([\\`*_\[\]<>&~{}#])")
_INLINE = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|!?\[(?P<text>(?:\\.|[^\[\]\\])*)\]\((?:\\.|[^()\\])*\)"
    r"|<(?P<auto>(?:https?|mailto):[^<>\s]*)>"
    r"|(?P<tag></?[A-Za-z][^<>]*>)"
    r"|(?P<entity>&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);)"
    r"|(?P<stars>\*{1,3}|~~)(?=\S)(?P<strong>.+?)(?<=\S)(?P=stars)"
    r"|(?<!\w)(?P<unders>_{1,3})(?=\S)(?P<soft>.+?)(?<=\S)(?P=unders)(?!\w)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The parts of a file as offsets into its text; without front matter `front_start` is None."""

    front_start: int | None
    front_end: int
    body_start: int
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A first-level heading; `start` and `end` are the offsets of its line in the file, its newline left out."""

    title: str
    start: int
    end: int


def find_frame(text: str) -> Frame:
    """Tell where front matter and body lie; `trouble` says in words why that cannot be told."""
    begin = len(BOM) if text.startswith(BOM) else 0
    opening = _OPENING.match(text, begin)
    if opening is None:
        late = _LATE_OPENING.match(text, begin)
        trouble = "the front matter does not begin on the first line" if late else ""
        return Frame(front_start=None, front_end=begin, body_start=begin, trouble=trouble)
    closing = _CLOSING.search(text, opening.end())
    if closing is None:
        return Frame(
            front_start=opening.end(),
            front_end=len(text),
            body_start=len(text),
            trouble="the front matter is opened by `---` and never closed",
        )
    newline = _NEWLINE.match(text, closing.end())
    end = newline.end() if newline else closing.end()
    return Frame(front_start=opening.end(), front_end=closing.start(), body_start=end)


def skip_blank_lines(text: str, start: int) -> int:
    """Give the offset of the first line from `start` on that is not blank; its indentation counts as part of it."""
    found = _BLANK_LINES.match(text, start)
    end = found.end() if found else start
    return len(text) if not text[end:].strip(" \t") else end


def line_at(text: str, offset: int) -> int:
    """Give the number of the line, from 1, on which an offset lies."""
    return 1 + len(_NEWLINE.findall(text, 0, offset))


def unix_newlines(text: str) -> str:
    """Give the text with newlines alone, no carriage returns, at the end of its lines."""
    return _NEWLINE.sub("\n", text) if "\r" in text else text


def newline_of(text: str) -> str:
    """Give the line ending that a file uses."""
    found = _NEWLINE.search(text)
    return found.group() if found else "\n"


def find_heading(text: str, start: int) -> Heading | None:
    """Find the first `# heading` with words in it from an offset on, code blocks and HTML comments passed over."""
    for begin, end in _prose_lines(text, start):
        title = plain_words(_heading_text(text[begin:end]))
        if title:
            return Heading(title=title, start=begin, end=end)
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
    """Give what a reader sees of a heading's Markdown: no marks, no tags, no `{#id}`."""
    if len(inline) > _LONGEST_TITLE:
        return inline
    return _plain(_HEADING_ID.sub("", inline)).strip()


def _plain(inline: str) -> str:
    return _INLINE.sub(_plain_piece, inline)


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
    return _plain(found["text"] or found["strong"] or found["soft"] or "")


def heading_words(title: str) -> str:
    """Write a title as a heading's Markdown, escaped only where it would read as something else."""
    return title if plain_words(title) == title else _PUNCTUATION.sub(r"\\\1", title)
